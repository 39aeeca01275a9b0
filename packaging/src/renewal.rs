//! New signatures for what only retired keys have signed, so that whoever knows the keys of today can go on with it.
//!
//! What nobody of ours ever signed is left as it is: a stranger's package does not become ours.

use std::fs::File;
use std::io::BufReader;

use anyhow::Context;

use crate::pool::{Artifact, Family, Part, Pool, Published, Role};
use crate::signer::{Certificates, Signer};
use crate::{rpm_package, source};

/// Signs again what needs it, and gives the names of those files.
///
/// # Errors
/// If a file of the pool cannot be read or written, or a key cannot sign.
pub(crate) fn renew(pool: &mut Pool, signer: &Signer) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    if signer.retired().is_empty() {
        return Ok(names);
    }
    for published in pool.snapshot().packages {
        let renewed = match (published.family, published.role) {
            (_, Role::Record) | (Family::Debian, Role::Package) => None,
            (Family::Rpm, Role::Package | Role::Source) => package(pool, &published, signer),
            (Family::Debian, Role::Source) => description(pool, &published, signer),
        };
        if let Some(artifact) = renewed.transpose().with_context(|| published.file_name.clone())? {
            pool.replace(&artifact, published.channel)?;
            names.push(artifact.file_name);
        }
    }
    Ok(names)
}

/// An rpm, if it needs a new signature.
fn package(pool: &Pool, published: &Published, signer: &Signer) -> Option<anyhow::Result<Artifact>> {
    let path = pool.file(&published.sha256);
    let signed_by = |keys: &Certificates| {
        File::open(&path).is_ok_and(|file| rpm_package::verify(BufReader::new(file), keys).is_ok())
    };
    if signed_by(&signer.certificates()) || !signed_by(signer.retired()) {
        return None;
    }
    Some(pool.read(&published.sha256).and_then(|bytes| rpm_package::sign_again(&bytes, signer)))
}

/// A source of Debian, if its description needs new signatures.
fn description(pool: &Pool, published: &Published, signer: &Signer) -> Option<anyhow::Result<Artifact>> {
    let bytes = pool.read(&published.sha256).ok()?;
    let text = std::str::from_utf8(&bytes).ok()?;
    if signer.certificates().verify_clear(text).is_ok() {
        return None;
    }
    let text = signer.retired().verify_clear(text).ok()?;
    let parts = published
        .parts
        .iter()
        .map(|part| Ok(Part { file_name: part.file_name.clone(), bytes: pool.read(&part.sha256)? }))
        .collect::<anyhow::Result<_>>();
    Some(parts.and_then(|parts| source::sign_again(&text, parts, signer)))
}
