//! What the binary says about itself: version, manual pages, completions.

use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Command, CommandFactory};
use clap_complete::Shell;

use super::arguments::Arguments;
use super::print_text;

pub(super) fn version() -> ExitCode {
    println!("myelin {}", env!("CARGO_PKG_VERSION"));
    println!("system: {} {}", std::env::consts::OS, std::env::consts::ARCH);
    ExitCode::SUCCESS
}

/// Without a name, the names of all pages, so that a packager can loop over them.
pub(super) fn man(page: Option<&str>) -> anyhow::Result<ExitCode> {
    let mut pages = Vec::new();
    collect_pages(Arguments::command().disable_help_subcommand(true), "myelin", &mut pages);
    let Some(wanted) = page else {
        print_text(&pages.iter().map(|(name, _)| format!("{name}\n")).collect::<String>())?;
        return Ok(ExitCode::SUCCESS);
    };
    let command = pages
        .into_iter()
        .find(|(name, _)| name == wanted || name.strip_prefix("myelin-") == Some(wanted))
        .map(|(_, command)| command)
        .ok_or_else(|| anyhow!("there is no page {wanted}; `myelin man` lists them"))?;
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text)?;
    print_text(&String::from_utf8(text)?)?;
    Ok(ExitCode::SUCCESS)
}

fn collect_pages(command: Command, name: &str, pages: &mut Vec<(String, Command)>) {
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        let name = format!("{name}-{}", subcommand.get_name());
        collect_pages(subcommand.clone(), &name, pages);
    }
    pages.push((name.to_owned(), command.display_name(name)));
}

pub(super) fn completions(shell: Shell) -> anyhow::Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "myelin", &mut text);
    print_text(&String::from_utf8(text)?)?;
    Ok(ExitCode::SUCCESS)
}
