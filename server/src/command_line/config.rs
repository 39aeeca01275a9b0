//! `myelin config show|check|docs`.

use std::process::ExitCode;

use myelin_config::{NOT_CONFIGURED, ShowFormat, ShowOptions, Verdict, load};

use super::arguments::{CheckArguments, ConfigCommand, DocsFormat, OutputFormat, ShowArguments};
use super::{environment, print_text};

pub(super) fn run(command: ConfigCommand) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Show(arguments) => show(arguments),
        ConfigCommand::Check(arguments) => check(&arguments),
        ConfigCommand::Docs { format } => docs(format),
    }
}

fn show(arguments: ShowArguments) -> anyhow::Result<ExitCode> {
    let loaded = load(arguments.paths.sources(), &environment(&arguments.paths)?);
    let options = ShowOptions {
        key: arguments.key,
        origin: arguments.origin,
        all: arguments.all,
        format: match arguments.format {
            OutputFormat::Text => ShowFormat::Text,
            OutputFormat::Json => ShowFormat::Json,
        },
        secrets: arguments.secrets,
    };
    print_text(&loaded.show(&options)?)?;
    Ok(ExitCode::SUCCESS)
}

fn check(arguments: &CheckArguments) -> anyhow::Result<ExitCode> {
    let loaded = load(arguments.paths.sources(), &environment(&arguments.paths)?);
    if arguments.only_configured {
        // What is wrong besides is said by the server, which cannot start with it.
        if loaded.is_configured() {
            return Ok(ExitCode::SUCCESS);
        }
        print_text(&format!("{NOT_CONFIGURED}\n"))?;
        return Ok(code(Verdict::NotConfigured));
    }
    let check = loaded.check(arguments.synapse);
    print_text(&check.text)?;
    Ok(code(check.verdict))
}

fn code(verdict: Verdict) -> ExitCode {
    ExitCode::from(verdict as u8)
}

fn docs(format: DocsFormat) -> anyhow::Result<ExitCode> {
    print_text(&match format {
        DocsFormat::Markdown => myelin_config::markdown_reference(),
        DocsFormat::Schema => myelin_config::json_schema(),
        DocsFormat::Man => myelin_config::manual_page(),
    })?;
    Ok(ExitCode::SUCCESS)
}
