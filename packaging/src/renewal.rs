//! New signatures for what only retired keys have signed, so that whoever knows the keys of today can go on with it.
//!
//! What nobody of ours ever signed is left as it is: a stranger's package does not become ours.

use fs_err::File;
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
            (_, Role::Record) | (Family::Debian, Role::Package) => Ok(None),
            (Family::Rpm, Role::Package | Role::Source) => package(pool, &published, signer),
            (Family::Debian, Role::Source) => description(pool, &published, signer),
        };
        if let Some(artifact) = renewed.with_context(|| published.file_name.clone())? {
            pool.replace(&artifact, published.channel)?;
            names.push(artifact.file_name);
        }
    }
    Ok(names)
}

/// An rpm, if it needs a new signature.
fn package(pool: &Pool, published: &Published, signer: &Signer) -> anyhow::Result<Option<Artifact>> {
    let path = pool.file(&published.sha256);
    let is_signed_by = |keys: &Certificates| -> anyhow::Result<bool> {
        let file = File::open(&path)?;
        Ok(rpm_package::verify(BufReader::new(file), keys).is_ok())
    };
    if is_signed_by(&signer.certificates())? || !is_signed_by(signer.retired())? {
        return Ok(None);
    }
    rpm_package::sign_again(&pool.read(&published.sha256)?, signer).map(Some)
}

/// A source of Debian, if its description needs new signatures.
fn description(pool: &Pool, published: &Published, signer: &Signer) -> anyhow::Result<Option<Artifact>> {
    let bytes = pool.read(&published.sha256)?;
    let text = std::str::from_utf8(&bytes)?;
    if signer.certificates().verify_clear(text).is_ok() {
        return Ok(None);
    }
    let Ok(text) = signer.retired().verify_clear(text) else { return Ok(None) };
    let parts = published
        .parts
        .iter()
        .map(|part| Ok(Part { file_name: part.file_name.clone(), bytes: pool.read(&part.sha256)? }))
        .collect::<anyhow::Result<_>>()?;
    source::sign_again(&text, parts, signer).map(Some)
}
