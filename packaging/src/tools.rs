//! The builders that others wrote and `pack` runs: cargo-deb and cargo-generate-rpm.
//!
//! Both read what a package is from a Cargo manifest. `pack` writes one for each run from the description and the stage,
//! and throws it away, so that nothing is said twice.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde::Serialize;

use crate::description::Description;

/// Where the builders lie, and which versions the description asks for.
#[derive(Clone, Debug)]
pub(crate) struct Tools<'a> {
    folder: PathBuf,
    description: &'a Description,
}

impl<'a> Tools<'a> {
    /// The builders that `scripts/package-tools` installed into a folder.
    pub(crate) fn new(folder: &Path, description: &'a Description) -> Self {
        Self { folder: folder.to_owned(), description }
    }

    /// A builder's command, free of what the environment says to Cargo. All that it makes is `time` old.
    ///
    /// # Errors
    /// If it is not installed at the version that the description names.
    pub(crate) fn command(&self, name: &str, time: u64) -> anyhow::Result<Command> {
        let version = self
            .description
            .tools
            .get(name)
            .with_context(|| format!("packaging/package.toml names no version of {name}"))?;
        let path = self.folder.join(format!("{name}-{version}/bin")).join(name);
        ensure!(path.exists(), "no {}: scripts/package-tools installs it", path.display());
        let mut command = Command::new(path);
        for (variable, _) in std::env::vars_os() {
            if is_of_cargo(&variable) {
                command.env_remove(variable);
            }
        }
        command.env("SOURCE_DATE_EPOCH", time.to_string());
        Ok(command)
    }
}

/// Runs a builder, whose words are shown only if it fails.
///
/// # Errors
/// If it fails.
pub(crate) fn run(mut command: Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot run {name}"))?;
    if !output.status.success() {
        bail!("{name} ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(())
}

/// Writes the manifest of a package, with the table of one builder, into a folder of its own.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn write_manifest(
    folder: &Path,
    description: &Description,
    builder: &str,
    table: &impl Serialize,
) -> anyhow::Result<PathBuf> {
    let mut manifest = serde_json::json!({
        // Not a member of a workspace that may lie around it.
        "workspace": {},
        "package": {
            // The builders' own options say the version, which need not be one of Cargo's.
            "name": description.name, "version": "0.0.0", "edition": "2024", "license": description.license,
            "description": description.summary,
            "metadata": { builder: table },
        },
        "bin": [{ "name": description.name, "path": "main.rs" }],
    });
    if let Some(page) = &description.homepage {
        manifest["package"]["homepage"] = page.as_str().into();
    }
    if folder.exists() {
        fs_err::remove_dir_all(folder)?;
    }
    fs_err::create_dir_all(folder)?;
    fs_err::write(folder.join("main.rs"), "fn main() {}\n")?;
    let path = folder.join("Cargo.toml");
    fs_err::write(&path, toml::to_string(&manifest)?)?;
    Ok(std::path::absolute(path)?)
}

fn is_of_cargo(variable: &OsStr) -> bool {
    variable.to_str().is_some_and(|name| {
        name.starts_with("CARGO_") && !["CARGO_HOME", "CARGO_NET_OFFLINE"].contains(&name)
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What a builder makes of a table. Beside the manifest lie a file, `main.rs`, a folder and a link.
    pub(crate) fn run_with(
        name: &str,
        table_name: &str,
        table: &impl Serialize,
        arguments: &[&str],
    ) -> anyhow::Result<Vec<u8>> {
        let folder = tempfile::tempdir()?;
        let work = folder.path().join("work");
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let description = Description::read(&tree)?;
        write_manifest(&work, &description, table_name, table)?;
        fs_err::create_dir(work.join("folder"))?;
        fs_err::os::unix::fs::symlink("main.rs", work.join("link"))?;
        let tools = Tools::new(&crate::command_line::tools_folder(), &description);
        let mut command = tools.command(name, 1)?;
        run({
            command.args(arguments).current_dir(&work);
            command
        })?;
        let out = arguments.last().context("no arguments")?;
        Ok(fs_err::read(work.join(out))?)
    }

    #[test]
    fn a_builder_that_is_missing_is_named_with_the_way_out() {
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let description = Description::read(&tree).unwrap();
        let error = Tools::new(Path::new("/nowhere"), &description).command("cargo-deb", 1).unwrap_err();
        assert!(error.to_string().contains("scripts/package-tools installs it"), "{error}");
    }
}
