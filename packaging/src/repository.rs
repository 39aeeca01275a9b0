//! Writers of repositories: from what the channels hold to a tree. They read no file and no clock.

pub(crate) mod debian;
pub(crate) mod rpm;

use crate::description::Description;
use crate::pool::Snapshot;
use crate::signer::Signer;
use crate::tree::{Phase, Tree};

/// The hash of every package, source and record, for those who fetch one by hand, and of what new clients take over.
pub(crate) const CHECKSUMS: &str = "SHA256SUMS";

/// What every writer is given.
pub(crate) struct Site<'a> {
    pub(crate) description: &'a Description,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) signer: &'a Signer,
    /// Where clients will find the tree, without a slash at the end.
    pub(crate) url: &'a str,
    /// Seconds since the epoch: the date of every index.
    pub(crate) time: u32,
}

/// The whole site.
///
/// # Errors
/// If something cannot be signed.
pub(crate) fn render(site: &Site<'_>) -> anyhow::Result<Tree> {
    let mut tree = Tree::default();
    debian::render(site, &mut tree)?;
    rpm::render(site, &mut tree)?;
    crate::site::render(site, &mut tree)?;
    let checksums = tree.checksums();
    let signature = site.signer.sign_detached(checksums.as_bytes())?;
    tree.put_bytes(CHECKSUMS, Phase::Signature, checksums);
    tree.put_bytes(format!("{CHECKSUMS}.asc"), Phase::Signature, signature);
    Ok(tree)
}
