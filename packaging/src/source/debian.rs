//! The source package of Debian: a description, signed, and three archives.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, ensure};

use super::{Commit, File, is_of_debian, pack, part, text_of};
use crate::deb::{field, md5};
use crate::digest::sha256;
use crate::pool::{Artifact, Family, Part, Role};
use crate::signer::Signer;

/// The architecture of a source package, in Debian's word.
pub(crate) const SOURCE: &str = "source";

/// Fields of the source stanza of debian/control, as they are repeated.
const FIELDS: &[&str] = &[
    "Maintainer",
    "Uploaders",
    "Homepage",
    "Standards-Version",
    "Vcs-Browser",
    "Vcs-Git",
    "Testsuite",
    "Build-Depends",
    "Build-Depends-Arch",
    "Build-Depends-Indep",
];

/// Makes the source package of a commit.
///
/// # Errors
/// If the commit's debian/ is not as we write it, or cannot be signed.
pub(super) fn make(commit: &Commit, vendor: &[u8], signer: &Signer) -> anyhow::Result<Artifact> {
    let name = &commit.description.name;
    let stem = format!("{name}_{}", commit.upstream());
    let ours: Vec<File> = commit.files.iter().filter(|file| is_of_debian(file)).cloned().collect();
    let parts = vec![
        part(format!("{stem}.orig.tar.xz"), &commit.archive(false)?),
        part(format!("{stem}.orig-vendor.tar.xz"), vendor),
        part(format!("{name}_{}.debian.tar.xz", commit.version), &pack("debian", &ours, commit.time)?),
    ];
    let text = describe(commit, &parts)?;
    artifact(signer.sign_clear(&text)?.into_bytes(), parts)
}

fn describe(commit: &Commit, parts: &[Part]) -> anyhow::Result<String> {
    let control = text_of(&commit.files, "debian/control")?;
    let mut stanzas = control.split("\n\n").filter(|stanza| !stanza.trim().is_empty());
    let source = stanzas.next().context("debian/control is empty")?;
    let mut binaries = BTreeMap::new();
    let mut architectures = Vec::new();
    for stanza in stanzas {
        let get = |name: &str| folded(stanza, name).with_context(|| format!("debian/control: no {name}"));
        let own = get("Architecture")?;
        let section = folded(stanza, "Section").or_else(|| folded(source, "Section")).unwrap_or_default();
        let architecture = own.replace(' ', ",");
        binaries.insert(get("Package")?, format!("deb {section} optional arch={architecture}"));
        for word in own.split(' ') {
            if !architectures.contains(&word.to_owned()) {
                architectures.push(word.to_owned());
            }
        }
    }
    let names = binaries.keys().cloned().collect::<Vec<_>>().join(", ");
    let mut out = format!("Format: 3.0 (quilt)\nSource: {}\nBinary: {names}\n", commit.description.name);
    out += &format!("Architecture: {}\nVersion: {}\n", architectures.join(" "), commit.version);
    for name in FIELDS {
        out += &folded(source, name).map(|value| format!("{name}: {value}\n")).unwrap_or_default();
    }
    out += "Package-List:\n";
    for (name, facts) in &binaries {
        out += &format!(" {name} {facts}\n");
    }
    Ok(out + &sums(&files_of(parts).collect::<Vec<_>>()))
}

fn files_of(parts: &[Part]) -> impl Iterator<Item = (&str, &[u8])> {
    parts.iter().map(|part| (part.file_name.as_str(), part.bytes.as_slice()))
}

/// Both lists of hashes; dpkg-source asks for the one in MD5, and believes the other.
fn sums(files: &[(&str, &[u8])]) -> String {
    let list = |hash: fn(&[u8]) -> String| -> String {
        files.iter().map(|(name, bytes)| format!(" {} {} {name}\n", hash(bytes), bytes.len())).collect()
    };
    format!("Checksums-Sha256:\n{}Files:\n{}", list(sha256), list(md5))
}

/// A source package that lies in a folder, whoever made it.
///
/// # Errors
/// If it is none, or an archive is missing or another one.
pub(crate) fn load(path: &Path) -> anyhow::Result<Artifact> {
    let bytes = fs_err::read(path)?;
    let text = unsigned(std::str::from_utf8(&bytes).context("it is not UTF-8")?);
    let mut parts = Vec::new();
    let list = text.split_once("Checksums-Sha256:\n").context("no Checksums-Sha256")?.1;
    for line in list.lines().take_while(|line| line.starts_with(' ')) {
        let [sum, _, name] = line.split_whitespace().collect::<Vec<_>>()[..] else { continue };
        ensure!(!name.contains('/'), "{name}: a path");
        let beside = path.with_file_name(name);
        let bytes = fs_err::read(&beside)?;
        ensure!(sha256(&bytes) == sum, "{}: not what {} says", beside.display(), path.display());
        parts.push(part(name.to_owned(), &bytes));
    }
    artifact(bytes, parts)
}

/// A source package under the signatures of the keys that sign now: its description, as it was without signatures, and
/// its archives.
///
/// # Errors
/// If it is none, or cannot be signed.
pub(crate) fn sign_again(description: &str, parts: Vec<Part>, signer: &Signer) -> anyhow::Result<Artifact> {
    artifact(signer.sign_clear(description)?.into_bytes(), parts)
}

/// What the index of a repository says of a source package, but for its folder.
fn artifact(bytes: Vec<u8>, parts: Vec<Part>) -> anyhow::Result<Artifact> {
    let text = unsigned(std::str::from_utf8(&bytes)?).to_owned();
    let get = |name: &str| field(&text, name).with_context(|| format!("a source without {name}"));
    let (package, version) = (get("Source")?.to_owned(), get("Version")?.to_owned());
    let number = version.split_once(':').map_or(version.as_str(), |(_, number)| number);
    let file_name = format!("{package}_{number}.dsc");
    let (facts, _) = text.split_once("Checksums-").context("a source without hashes")?;
    let facts = facts.replace(&format!("Source: {package}\n"), &format!("Package: {package}\n"));
    let section = text
        .split_once("Package-List:\n")
        .and_then(|(_, list)| list.split_whitespace().nth(2))
        .unwrap_or("misc");
    let files: Vec<_> =
        std::iter::once((file_name.as_str(), bytes.as_slice())).chain(files_of(&parts)).collect();
    let metadata = format!("{facts}Priority: optional\nSection: {section}\n{}", sums(&files));
    Ok(Artifact {
        family: Family::Debian,
        role: Role::Source,
        file_name,
        metadata,
        package,
        version,
        architecture: SOURCE.to_owned(),
        bytes,
        parts,
    })
}

/// The text within its signature, if it has one.
fn unsigned(text: &str) -> &str {
    if !text.starts_with("-----BEGIN PGP SIGNED MESSAGE-----") {
        return text;
    }
    let inner = text.split_once("\n\n").map_or(text, |(_, inner)| inner);
    inner.split_once("-----BEGIN PGP SIGNATURE-----").map_or(inner, |(inner, _)| inner)
}

/// The value of a field with all its lines, as one.
fn folded(stanza: &str, name: &str) -> Option<String> {
    let mut lines = stanza.lines().skip_while(|line| !line.starts_with(&format!("{name}:")));
    let first = lines.next()?.split_once(':')?.1.trim().to_owned();
    let rest = lines.take_while(|line| line.starts_with(' ')).map(|line| line.trim().to_owned());
    let words: Vec<String> = std::iter::once(first).chain(rest).filter(|word| !word.is_empty()).collect();
    Some(words.join(" ").trim_end_matches(',').to_owned())
}
