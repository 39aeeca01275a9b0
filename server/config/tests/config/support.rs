//! Configuration files in a folder of their own.

use std::path::PathBuf;

use myelin_config::{Config, Environment, Loaded, Sources, load};

pub(crate) struct Files {
    folder: tempfile::TempDir,
    names: Vec<String>,
}

impl Files {
    /// Writes the files; `load` reads them in this order.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let names = files.iter().map(|(name, _)| (*name).to_owned()).collect();
        let this = Self { folder, names };
        for (name, text) in files {
            this.write(name, text);
        }
        this
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Reads the files with the folder as the working directory.
    pub(crate) fn load(&self) -> Loaded {
        self.load_paths(&self.names)
    }

    /// Reads these paths instead.
    pub(crate) fn load_paths(&self, names: &[impl AsRef<str>]) -> Loaded {
        self.load_with(&[], names, |_| {})
    }

    pub(crate) fn load_with(
        &self,
        variables: &[(&str, &str)],
        names: &[impl AsRef<str>],
        adjust: impl FnOnce(&mut Sources),
    ) -> Loaded {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment = Environment::new(variables, self.folder.path());
        let paths: Vec<PathBuf> = names.iter().map(|name| self.path(name.as_ref())).collect();
        let mut sources = Sources::from(paths.as_slice());
        adjust(&mut sources);
        load(sources, &environment)
    }

    pub(crate) fn config(&self) -> Config {
        let loaded = self.load();
        let text = self.shorten(&loaded.check(false).text);
        loaded.config().unwrap_or_else(|_| panic!("{text}"))
    }

    /// What `config check` says, without the verdict and the folder's name.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.faults_of(&self.load())
    }

    pub(crate) fn faults_of(&self, loaded: &Loaded) -> Vec<String> {
        let text = self.shorten(&loaded.check(false).text);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.pop();
        lines
    }

    pub(crate) fn shorten(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.folder.path().display()), "")
    }
}
