//! What the process around the files says: environment variables and the working directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// The part of the process environment that settings depend on, as an argument.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    working_directory: PathBuf,
}

impl Environment {
    /// `variables` are the process's own; `working_directory` is what relative paths start from.
    pub fn new(
        variables: impl IntoIterator<Item = (String, String)>,
        working_directory: impl Into<PathBuf>,
    ) -> Self {
        Self { variables: variables.into_iter().collect(), working_directory: working_directory.into() }
    }

    /// Where relative paths start; Synapse keeps its data there.
    #[must_use]
    pub fn working_directory(&self) -> &Path {
        &self.working_directory
    }

    /// A variable by its exact name; an empty one counts as absent.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A proxy variable, lower case before upper case.
    pub(crate) fn proxy_variable(&self, lower_case_name: &str) -> Option<&str> {
        self.variable(lower_case_name).or_else(|| self.variable(&lower_case_name.to_ascii_uppercase()))
    }

    /// A path of a setting made absolute, `$CREDENTIALS_DIRECTORY` expanded; the error says what is missing.
    pub(crate) fn resolve(&self, path: &str) -> Result<PathBuf, String> {
        let rest = ["$CREDENTIALS_DIRECTORY", "${CREDENTIALS_DIRECTORY}"]
            .iter()
            .find_map(|name| path.strip_prefix(name))
            .filter(|rest| rest.is_empty() || rest.starts_with('/'));
        match rest {
            None => Ok(self.working_directory.join(path)),
            Some(rest) => match self.variable(CREDENTIALS) {
                Some(directory) => Ok(Path::new(directory).join(rest.trim_start_matches('/'))),
                None => Err("$CREDENTIALS_DIRECTORY, which is not set".to_owned()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_start_in_the_working_directory() {
        let environment = Environment::new([], "/var/lib/myelin");
        assert_eq!(environment.resolve("media"), Ok(PathBuf::from("/var/lib/myelin/media")));
        assert_eq!(environment.resolve("/srv/media"), Ok(PathBuf::from("/srv/media")));
    }

    #[test]
    fn credentials_directory_is_expanded_or_named_as_missing() {
        let set = Environment::new([(CREDENTIALS.to_owned(), "/run/credentials/m".to_owned())], "/");
        assert_eq!(set.resolve("$CREDENTIALS_DIRECTORY/key"), Ok(PathBuf::from("/run/credentials/m/key")));
        assert_eq!(set.resolve("${CREDENTIALS_DIRECTORY}/key"), Ok(PathBuf::from("/run/credentials/m/key")));
        assert_eq!(set.resolve("$CREDENTIALS_DIRECTORYX"), Ok(PathBuf::from("/$CREDENTIALS_DIRECTORYX")));
        assert!(Environment::default().resolve("$CREDENTIALS_DIRECTORY/key").is_err());
    }

    #[test]
    fn empty_variables_count_as_absent() {
        let environment = Environment::new(
            [("http_proxy".to_owned(), String::new()), ("HTTP_PROXY".to_owned(), "p:1".to_owned())],
            "/",
        );
        assert_eq!(environment.proxy_variable("http_proxy"), Some("p:1"));
    }
}
