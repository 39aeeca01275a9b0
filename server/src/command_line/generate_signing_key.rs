//! `generate_signing_key` as Synapse's tool of that name, and `--generate-keys`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use myelin_services::random::Random;

use super::arguments::ConfigPaths;
use crate::process::private_file;
use crate::signing_key;

/// Make a signing key for a homeserver.
#[derive(Debug, Parser)]
#[command(name = "generate_signing_key", version)]
pub(super) struct GenerateSigningKeyArguments {
    /// Where to write the key; `-` is standard output. A file that exists is not overwritten.
    #[arg(short = 'o', long = "output_file", alias = "output-file", default_value = "-")]
    output_file: PathBuf,
}

pub(super) fn run(arguments: GenerateSigningKeyArguments) -> anyhow::Result<ExitCode> {
    let text = signing_key::encode(&signing_key::new_key(&Random::system()))?;
    if arguments.output_file == Path::new("-") {
        print!("{}", text.as_str());
    } else {
        let path = arguments.output_file;
        private_file::create(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the signing key that a configuration names, if it is missing.
pub(super) fn make_missing(paths: &ConfigPaths) -> anyhow::Result<ExitCode> {
    let config = paths.load()?;
    let path = config.signing_keys.signing_key_path.clone();
    let missing = config.signing_keys.signing_key.is_none() && !path.exists();
    signing_key::load_or_make(&config.signing_keys, || signing_key::new_key(&Random::system()))?;
    if missing {
        println!("Made the signing key {}.", path.display());
    }
    Ok(ExitCode::SUCCESS)
}
