//! Secrets, given in the file or in a file of their own.

use std::io::Read as _;
use std::path::PathBuf;

use super::Reader;
use crate::definition::Effect;
use crate::fault::FaultKind;
use crate::secret::Secret;

/// A key or a password is short; a path that leads to something larger is a mistake.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

impl Reader<'_, '_> {
    /// A secret `name`, or the file that `path_name` leads to, trimmed; giving both is a fault. The file of an
    /// option without effect is left alone.
    pub(crate) fn secret(
        &mut self,
        name: &'static str,
        path_name: &'static str,
        documentation: &'static str,
    ) -> Option<Secret> {
        let effect = self.effect;
        let value: Option<Secret> = self.get(name, "null", documentation);
        self.effect = effect;
        let value = value.filter(|value| !value.is_empty());
        if value.is_some() && self.session.refuse_inline_secrets {
            self.conflict(name, &format!("secrets in the configuration are refused; use `{path_name}`"));
        }
        let path = self.path_of_secret(path_name);
        self.either(name, path_name, value, path.filter(|_| effect == Effect::Honoured))
    }

    /// As [`Self::secret`], for a text that may be seen.
    pub(crate) fn text_or_file(
        &mut self,
        name: &'static str,
        path_name: &'static str,
        documentation: &'static str,
    ) -> Option<String> {
        let effect = self.effect;
        let value: Option<String> = self.get(name, "null", documentation);
        self.effect = effect;
        let path = self.path_of_secret(path_name);
        let value = value.filter(|value| !value.is_empty()).map(Secret::new);
        self.either(name, path_name, value, path).map(|secret| secret.expose().to_owned())
    }

    fn path_of_secret(&mut self, path_name: &'static str) -> Option<PathBuf> {
        self.get(
            path_name,
            "null",
            "A file that holds the option above; blanks around its content do not count.",
        )
    }

    fn either(
        &mut self,
        name: &'static str,
        path_name: &'static str,
        value: Option<Secret>,
        path: Option<PathBuf>,
    ) -> Option<Secret> {
        let Some(path) = path else { return value };
        if value.is_some() {
            self.conflict(path_name, &format!("given beside `{name}`; one of the two has to go"));
            return value;
        }
        match read_trimmed(&path) {
            Ok(secret) => Some(secret),
            Err(error) => {
                self.fault(
                    FaultKind::Unreadable,
                    path_name,
                    &format!("cannot read {}: {error}", path.display()),
                );
                None
            }
        }
    }
}

fn read_trimmed(path: &std::path::Path) -> std::io::Result<Secret> {
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    std::fs::File::open(path)?.take(MAX_SECRET_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SECRET_BYTES {
        return Err(std::io::Error::other(format!("more than {MAX_SECRET_BYTES} bytes")));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| std::io::Error::other("not UTF-8"))?;
    Ok(Secret::new(text.trim().to_owned()))
}
