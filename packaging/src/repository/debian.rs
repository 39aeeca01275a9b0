//! The apt repository: one pool, and one signed index a suite.

use anyhow::Context;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::Site;
use crate::archive;
use crate::digest::sha256;
use crate::pool::{Channel, Family, Published, Role};
use crate::signer::armored;
use crate::tree::{Content, Phase, Tree};

/// Processors whose packages we may have.
const ARCHITECTURES: &[&str] = &["amd64", "arm64"];
const COMPONENTS: &[(&str, Channel)] = &[("main", Channel::Stable), ("prerelease", Channel::Prerelease)];
const DAY_SECONDS: u32 = 24 * 60 * 60;

/// Puts `debian/` into the tree.
pub(super) fn render(site: &Site<'_>, tree: &mut Tree) -> anyhow::Result<()> {
    let mut indexes = Vec::new();
    for (component, channel) in COMPONENTS {
        for published in site.snapshot.of_channel(Family::Debian, *channel) {
            let folder = pool_folder(component, published);
            for (name, _, sha256) in published.files() {
                let content = Content::Pool(sha256.to_owned());
                tree.put(format!("debian/{folder}/{name}"), Phase::Pool, content);
            }
        }
        for architecture in ARCHITECTURES {
            let text = packages(site, component, *channel, architecture);
            indexes.extend(forms(format!("{component}/binary-{architecture}/Packages"), text)?);
        }
        indexes
            .extend(forms(format!("{component}/source/Sources"), sources_index(site, component, *channel))?);
    }
    indexes.sort_by(|one, other| one.path.cmp(&other.path));
    for suite in &site.description.repository.suites {
        render_suite(site, suite, &indexes, tree)?;
    }
    let certificates = site.signer.certificates();
    tree.put_bytes("debian/myelin-archive-keyring.pgp", Phase::Pool, certificates.apt_keyring()?);
    let texts = certificates.apt.iter().map(armored).collect::<anyhow::Result<String>>()?;
    tree.put_bytes("debian/myelin-archive-keyring.asc", Phase::Pool, texts);
    tree.put_bytes("debian/myelin.sources", Phase::Pool, sources(site.url));
    Ok(())
}

/// The source as apt reads it from a file. It names no architecture: apt asks for its own.
pub(crate) fn sources(url: &str) -> String {
    format!(
        "Types: deb\nURIs: {url}/debian\nSuites: stable\nComponents: main\n\
         Signed-By: /usr/share/keyrings/myelin-archive-keyring.pgp\n"
    )
}

/// A file that the signed index of a suite speaks of.
struct Index {
    /// Below the suite.
    path: String,
    bytes: Vec<u8>,
    sha256: String,
}

impl Index {
    fn new(path: String, bytes: Vec<u8>) -> Self {
        Self { path, sha256: sha256(&bytes), bytes }
    }
}

/// An index, whole and compressed.
fn forms(path: String, text: String) -> anyhow::Result<[Index; 4]> {
    Ok([
        Index::new(format!("{path}.zst"), archive::zstd(text.as_bytes())?),
        Index::new(format!("{path}.xz"), archive::xz(text.as_bytes())?),
        Index::new(format!("{path}.gz"), archive::gzip(text.as_bytes())?),
        Index::new(path, text.into_bytes()),
    ])
}

/// A suite is a folder of its own, not a link: apt warns of a suite whose name is another's.
fn render_suite(site: &Site<'_>, suite: &str, indexes: &[Index], tree: &mut Tree) -> anyhow::Result<()> {
    let root = format!("debian/dists/{suite}");
    for index in indexes {
        let (folder, _) = index.path.rsplit_once('/').unwrap_or_default();
        let hashed = format!("{root}/{folder}/by-hash/SHA256/{}", index.sha256);
        tree.put_bytes(hashed, Phase::HashedIndex, index.bytes.clone());
        tree.put_bytes(format!("{root}/{}", index.path), Phase::PlainIndex, index.bytes.clone());
    }
    let release = release(site, suite, indexes)?;
    tree.put_bytes(format!("{root}/InRelease"), Phase::Signature, site.signer.sign_clear(&release)?);
    let detached = site.signer.sign_detached(release.as_bytes())?;
    tree.put_bytes(format!("{root}/Release.gpg"), Phase::Signature, detached);
    tree.put_bytes(format!("{root}/Release"), Phase::Signature, release);
    Ok(())
}

fn release(site: &Site<'_>, suite: &str, indexes: &[Index]) -> anyhow::Result<String> {
    let repository = &site.description.repository;
    let until = site.time + repository.valid_days * DAY_SECONDS;
    let components: Vec<&str> = COMPONENTS.iter().map(|(component, _)| *component).collect();
    let mut out = format!("Origin: {}\nLabel: {}\n", repository.origin, repository.label);
    out += &format!("Suite: {suite}\nCodename: {suite}\n");
    out += &format!("Date: {}\nValid-Until: {}\n", date(site.time)?, date(until)?);
    out += &format!("Acquire-By-Hash: yes\nArchitectures: {}\n", ARCHITECTURES.join(" "));
    out += &format!("No-Support-for-Architecture-all: Packages\nComponents: {}\n", components.join(" "));
    out += &format!("Description: {}\nSHA256:\n", site.description.summary);
    for index in indexes {
        out += &format!(" {} {:>8} {}\n", index.sha256, index.bytes.len(), index.path);
    }
    Ok(out)
}

fn packages(site: &Site<'_>, component: &str, channel: Channel, architecture: &str) -> String {
    site.snapshot
        .with_role(Family::Debian, channel, Role::Package)
        .filter(|package| package.architecture == architecture || package.architecture == "all")
        .map(|package| stanza(component, package) + "\n")
        .collect()
}

fn sources_index(site: &Site<'_>, component: &str, channel: Channel) -> String {
    site.snapshot
        .with_role(Family::Debian, channel, Role::Source)
        .map(|source| format!("{}Directory: {}\n\n", source.metadata, pool_folder(component, source)))
        .collect()
}

/// The package's own control text, with where it lies and what it must be.
fn stanza(component: &str, package: &Published) -> String {
    let place = format!(
        "Filename: {}/{}\nSize: {}\nSHA256: {}\n",
        pool_folder(component, package),
        package.file_name,
        package.size_bytes,
        package.sha256
    );
    match package.metadata.find("Description:") {
        Some(at) => format!("{}{place}{}", &package.metadata[..at], &package.metadata[at..]),
        None => format!("{}{place}", package.metadata),
    }
}

/// Where the files of a package lie, below `debian/`.
fn pool_folder(component: &str, package: &Published) -> String {
    let initial = package.package.get(..1).unwrap_or_default();
    package.below(&format!("pool/{component}/{initial}/{}", package.package))
}

/// `Fri, 27 Nov 2026 00:00:00 +0000`.
pub(crate) fn date(time: u32) -> anyhow::Result<String> {
    let moment = OffsetDateTime::from_unix_timestamp(i64::from(time)).context("a date")?;
    Ok(moment.format(&Rfc2822)?)
}

/// Reads such a date.
///
/// # Errors
/// If it is none.
pub(crate) fn parse_date(text: &str) -> anyhow::Result<i64> {
    let moment = OffsetDateTime::parse(text, &Rfc2822).with_context(|| format!("date {text:?}"))?;
    Ok(moment.unix_timestamp())
}
