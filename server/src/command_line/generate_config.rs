//! `myelin generate-config`, and `--generate-config` as Synapse spells it.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::absolute;
use std::process::ExitCode;

use anyhow::{Context, bail};
use myelin_config::{GenerateOptions, generate, is_server_name};
use myelin_services::random::Random;

use super::arguments::{GenerateArguments, YesNo, target_file};
use super::generate_signing_key;
use crate::process::private_file;

/// Writes a configuration with secrets of its own, and the signing key. What exists stays as it is.
pub(super) fn run(arguments: &GenerateArguments) -> anyhow::Result<ExitCode> {
    let file = target_file(&arguments.paths)?;
    if file.exists() {
        println!("{} exists already and stays as it is.", file.display());
    } else {
        write(arguments).with_context(|| format!("cannot write {}", file.display()))?;
        println!("Wrote {}.", file.display());
    }
    generate_signing_key::make_missing(&arguments.paths)
}

fn write(arguments: &GenerateArguments) -> anyhow::Result<()> {
    let Some(server_name) = arguments.server_name.as_deref() else {
        bail!("the server needs a name: give it with -H, for example -H example.org");
    };
    if !is_server_name(server_name) {
        bail!(
            "{server_name:?} is no server name: it has to be a host name, without https:// and without a path"
        );
    }
    let data_directory = match &arguments.data_directory {
        Some(directory) => absolute(directory)?,
        None => std::env::current_dir()?,
    };
    let file = absolute(target_file(&arguments.paths)?)?;
    for directory in [Some(data_directory.as_path()), file.parent()].into_iter().flatten() {
        // The database and media in it are nobody else's.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
    }
    let options = GenerateOptions {
        server_name,
        report_stats: arguments.report_stats == Some(YesNo::Yes),
        data_directory: &data_directory,
        open_private_ports: arguments.open_private_ports,
        enable_metrics: arguments.enable_metrics,
    };
    let text = generate(&options, &Random::system().bytes());
    private_file::create(&file, text.expose())?;
    Ok(())
}
