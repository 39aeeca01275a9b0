//! `myelin config show|check|docs`.

use std::process::ExitCode;

use anyhow::Context;
use myelin_config::{FaultKind, ShowFormat, ShowOptions, Verdict, load};

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
    let check = load(arguments.paths.sources(), &environment(&arguments.paths)?).check(arguments.synapse);
    let mut verdict = check.verdict;
    if arguments.only_configured {
        if check.faults.iter().all(|fault| fault.kind != FaultKind::NotConfigured) {
            // What is wrong besides is said by the server, which cannot start with it.
            return Ok(ExitCode::SUCCESS);
        }
        verdict = Verdict::NotConfigured;
    }
    print_text(&check.text)?;
    let code = u8::try_from(verdict as i32).context("a verdict is an exit code")?;
    Ok(ExitCode::from(code))
}

fn docs(format: DocsFormat) -> anyhow::Result<ExitCode> {
    print_text(&match format {
        DocsFormat::Markdown => myelin_config::markdown_reference(),
        DocsFormat::Schema => myelin_config::json_schema(),
        DocsFormat::Man => myelin_config::manual_page(),
    })?;
    Ok(ExitCode::SUCCESS)
}
