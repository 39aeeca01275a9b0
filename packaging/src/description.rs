//! What the packages say of themselves: `packaging/package.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

/// The whole of `package.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Description {
    pub(crate) name: String,
    pub(crate) summary: String,
    pub(crate) description: String,
    pub(crate) license: String,
    pub(crate) maintainer: String,
    /// Nothing while the project has no page.
    pub(crate) homepage: Option<String>,
    /// The newest glibc that a binary may ask for.
    pub(crate) glibc: String,
    /// Which package of Debian has a library.
    pub(crate) libraries: BTreeMap<String, String>,
    /// Builders of others, and their versions.
    pub(crate) tools: BTreeMap<String, String>,
    pub(crate) repository: RepositoryDescription,
    pub(crate) packages: BTreeMap<String, PackageDescription>,
}

/// What the repositories say of themselves.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RepositoryDescription {
    pub(crate) origin: String,
    pub(crate) label: String,
    pub(crate) suites: Vec<String>,
    pub(crate) valid_days: u32,
}

/// One package.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PackageDescription {
    /// Whether it holds something that only one kind of processor runs.
    pub(crate) arch: bool,
    pub(crate) section: String,
    summary: Option<String>,
    description: Option<String>,
    #[serde(default)]
    pub(crate) deb: DebRelations,
    #[serde(default)]
    pub(crate) rpm: RpmRelations,
}

/// The relations of a Debian package, in Debian's words.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DebRelations {
    pub(crate) pre_depends: Vec<String>,
    pub(crate) depends: Vec<String>,
    pub(crate) recommends: Vec<String>,
    pub(crate) suggests: Vec<String>,
    pub(crate) conflicts: Vec<String>,
}

/// The relations of an rpm.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RpmRelations {
    pub(crate) requires: Vec<String>,
    pub(crate) recommends: Vec<String>,
    pub(crate) suggests: Vec<String>,
    pub(crate) conflicts: Vec<String>,
}

impl PackageDescription {
    /// The package with what a debugger wants to know of another one's program.
    pub(crate) fn of_symbols(name: &str) -> Self {
        Self {
            arch: true,
            section: "debug".to_owned(),
            summary: Some(format!("debug symbols for {name}")),
            description: Some(format!("What a debugger reads to name the functions and lines of {name}.")),
            deb: DebRelations::default(),
            rpm: RpmRelations::default(),
        }
    }
}

impl Description {
    /// Reads `packaging/package.toml` of a tree.
    ///
    /// # Errors
    /// If it cannot be read, or says what this version does not know.
    pub(crate) fn read(tree: &Path) -> anyhow::Result<Self> {
        let path = tree.join("packaging/package.toml");
        let text = fs_err::read_to_string(&path)?;
        Self::parse(&text).with_context(|| format!("{}", path.display()))
    }

    /// Reads the text of a `package.toml`.
    ///
    /// # Errors
    /// If it says what this version does not know.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        Ok(toml::from_str(text)?)
    }

    /// The summary and the long text of a package: its own, or that of the whole.
    pub(crate) fn texts<'a>(&'a self, package: &'a PackageDescription) -> (&'a str, &'a str) {
        (
            package.summary.as_deref().unwrap_or(&self.summary),
            package.description.as_deref().unwrap_or(&self.description),
        )
    }
}
