//! Configuration files in a folder of their own.

use std::path::PathBuf;

use myelin_config::{Config, Environment, Loaded, load};

pub(crate) struct Files {
    folder: tempfile::TempDir,
    paths: Vec<PathBuf>,
}

impl Files {
    /// Writes the files and reads them in this order.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut paths = Vec::new();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(&path, text).expect("a file");
            paths.push(path);
        }
        Self { folder, paths }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn environment(&self) -> Environment {
        Environment::new([], self.folder.path())
    }

    pub(crate) fn load(&self) -> Loaded {
        load(self.paths.as_slice(), &self.environment())
    }

    pub(crate) fn config(&self) -> Config {
        self.load().config().unwrap_or_else(|faults| panic!("{}", lines(&faults)))
    }
}

fn lines(faults: &[myelin_config::Fault]) -> String {
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}
