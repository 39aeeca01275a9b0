//! From paths to a configuration.

use std::path::PathBuf;

use crate::Environment;
use crate::definition::Definition;
use crate::fault::{Fault, FaultKind};
use crate::files::{self, Files};
use crate::overlay::Overlay;
use crate::reader::{Reader, Session};
use crate::sections::{self, Config};
use crate::yaml::FileId;

/// Which files to read, and how.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Files and directories in the order of the command line.
    pub paths: Vec<PathBuf>,
    /// `--keys-directory`: where key files lie whose path is not given; else beside the last file.
    pub keys_directory: Option<PathBuf>,
    /// `--no-secrets-in-config`: a secret has to be in a file of its own.
    pub refuse_inline_secrets: bool,
}

impl From<&[PathBuf]> for Sources {
    fn from(paths: &[PathBuf]) -> Self {
        Self { paths: paths.to_vec(), ..Self::default() }
    }
}

/// What was read: usable or not, it can be checked and shown.
#[derive(Debug)]
pub struct Loaded {
    pub(crate) files: Files,
    pub(crate) overlay: Overlay,
    pub(crate) faults: Vec<Fault>,
    config: Config,
}

/// Reads files as Synapse does, lays them over each other and reads every option. Never fails: what is wrong is in
/// [`Loaded::faults`].
pub fn load(sources: impl Into<Sources>, environment: &Environment) -> Loaded {
    let sources = sources.into();
    let mut faults = Vec::new();
    let paths = files::expand(&sources.paths, &mut faults);
    let files = Files { paths, keys_directory: sources.keys_directory };
    let mut overlay = Overlay::default();
    for (index, path) in files.paths.iter().enumerate() {
        if let Some(root) = files::read(path, FileId(index), &files, &mut faults) {
            overlay.add(root, &files, &mut faults);
        }
    }
    let mut session = Session {
        environment,
        files: &files,
        faults,
        definitions: None,
        refuse_inline_secrets: sources.refuse_inline_secrets,
    };
    let config = sections::read(&mut Reader::new(&mut session, overlay.root.as_ref()));
    let mut faults = session.faults;
    // The name may well stand in the file that could not be read.
    if faults.iter().any(|fault| fault.key.is_none() && fault.is_error()) {
        faults.retain(|fault| fault.kind != FaultKind::NotConfigured);
    }
    Loaded { faults, config, overlay, files }
}

/// Every option that is known, in the order of the reference.
#[must_use]
pub fn definitions() -> Vec<Definition> {
    let environment = Environment::default();
    let files = Files::default();
    let mut session = Session {
        environment: &environment,
        files: &files,
        faults: Vec::new(),
        definitions: Some(Vec::new()),
        refuse_inline_secrets: false,
    };
    sections::read(&mut Reader::new(&mut session, None));
    session.definitions.unwrap_or_default()
}

impl Loaded {
    /// Everything that is wrong or worth saying.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The configuration, or every fault that keeps it from being used.
    pub fn config(self) -> Result<Config, Vec<Fault>> {
        let errors: Vec<Fault> = self.faults.into_iter().filter(Fault::is_error).collect();
        if errors.is_empty() { Ok(self.config) } else { Err(errors) }
    }

    /// The files that were read, in the order in which they count.
    #[must_use]
    pub fn file_paths(&self) -> &[PathBuf] {
        &self.files.paths
    }
}
