//! The wrapper for Debian packages that cargo-deb does not make, those for all processors: `ar` around two archives,
//! compressed with xz, which every dpkg reads.

mod reader;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;

use crate::archive::{self, TarWriter};
use crate::description::{DebRelations, Description, PackageDescription};
use crate::digest::hex;
use crate::elf::Split;
use crate::pool::{Artifact, Family, Role};
use crate::repository::debian;
use crate::stage::{Entry, Kind, Stage};
use crate::version::Version;

/// In the description, for what the binary asks for.
const LIBRARIES: &str = "{libraries}";

/// What differs from build to build.
#[derive(Clone, Debug)]
pub(crate) struct Release {
    pub(crate) version: Version,
    /// The processor, in the family's word: `amd64`, `x86_64`.
    pub(crate) architecture: String,
    /// What the binary asks for, in the family's words.
    pub(crate) libraries: Vec<String>,
    /// Seconds since the epoch: the time of every file.
    pub(crate) time: u64,
    /// Whether it may be larger than it has to be.
    pub(crate) fast: bool,
}

impl Release {
    /// Relations of the description, with what the binary asks for.
    pub(crate) fn relations(&self, names: &[String]) -> Vec<String> {
        let expand = |name: &String| match name.as_str() {
            LIBRARIES => self.libraries.clone(),
            _ => vec![name.clone()],
        };
        names.iter().flat_map(expand).collect()
    }
}

/// What a package may have, and its mode.
const CONTROL_FILES: &[(&str, u32)] =
    &[("config", 0o755), ("postinst", 0o755), ("prerm", 0o755), ("postrm", 0o755), ("templates", 0o644)];

/// Makes the Debian package of one of the description's packages.
///
/// # Errors
/// If a file of the stage or a script of the tree cannot be read.
pub(crate) fn wrap(
    description: &Description,
    name: &str,
    stage: &Stage,
    tree: &Path,
    release: &Release,
) -> anyhow::Result<Artifact> {
    let package = description.packages.get(name).with_context(|| format!("no package {name}"))?;
    let mut content = Content::new(release.time);
    for entry in stage.of_package(name) {
        content.add(stage, entry)?;
    }
    let architecture = if package.arch { release.architecture.as_str() } else { "all" };
    let version = release.version.debian();
    let facts = Facts { version: &version, architecture, size_bytes: content.size_bytes };
    finish(&control(description, name, package, &facts), content, &scripts(tree, name)?, release.time)
}

/// Makes the package with what a debugger reads of the program of package `name`, where it looks for it.
///
/// # Errors
/// If the archive cannot be written.
pub(crate) fn wrap_symbols(
    description: &Description,
    name: &str,
    split: &Split,
    release: &Release,
) -> anyhow::Result<Artifact> {
    let own_name = format!("{name}-dbgsym");
    let version = release.version.debian();
    let mut package = PackageDescription::of_symbols(name);
    package.deb.depends = vec![format!("{name} (= {version})")];
    let mut content = Content::new(release.time);
    content.file(&split.path(), 0o644, &split.symbols)?;
    content.link(&format!("/usr/share/doc/{own_name}"), name)?;
    let facts =
        Facts { version: &version, architecture: &release.architecture, size_bytes: content.size_bytes };
    let mut text = control(description, &own_name, &package, &facts);
    text += &format!("Auto-Built-Package: debug-symbols\nBuild-Ids: {}\n", split.build_id);
    finish(&text, content, &Scripts::new(), release.time)
}

/// Makes a Debian package of files given as they are: what a repository makes itself, its key ring.
///
/// # Errors
/// If the archive cannot be written.
pub(crate) fn wrap_files(
    description: &Description,
    name: &str,
    version: &str,
    files: &[(String, Vec<u8>)],
    scripts: &Scripts,
    time: u64,
) -> anyhow::Result<Artifact> {
    let package = description.packages.get(name).with_context(|| format!("no package {name}"))?;
    let mut content = Content::new(time);
    for (path, bytes) in files {
        content.file(path, 0o644, bytes)?;
    }
    let facts = Facts { version, architecture: "all", size_bytes: content.size_bytes };
    finish(&control(description, name, package, &facts), content, scripts, time)
}

/// A Debian package, whoever made it, with what it says of itself.
///
/// # Errors
/// If it is none.
pub(crate) fn artifact(bytes: Vec<u8>) -> anyhow::Result<Artifact> {
    let control = reader::control(&bytes)?;
    let get = |name: &str| {
        field(&control, name).map(str::to_owned).with_context(|| format!("a package without {name}"))
    };
    let (package, version, architecture) = (get("Package")?, get("Version")?, get("Architecture")?);
    // The epoch is no part of a file's name.
    let number = version.split_once(':').map_or(version.as_str(), |(_, number)| number);
    Ok(Artifact {
        family: Family::Debian,
        role: Role::Package,
        file_name: format!("{package}_{number}_{architecture}.deb"),
        package,
        version,
        architecture,
        metadata: control,
        bytes,
        parts: Vec::new(),
    })
}

/// A changelog of one version, dated `time` (seconds since the epoch).
///
/// # Errors
/// If the time is none.
pub(crate) fn changelog(
    description: &Description,
    name: &str,
    version: &str,
    change: &str,
    time: u32,
) -> anyhow::Result<String> {
    let date = debian::date(time)?;
    Ok(format!(
        "{name} ({version}) stable; urgency=medium\n\n  * {change}\n\n -- {}  {date}\n",
        description.maintainer
    ))
}

/// The value of a field that fits on its line.
pub(crate) fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// Maintainer scripts and debconf files: name, mode, text.
pub(crate) type Scripts = Vec<(&'static str, u32, String)>;

/// Reads the scripts of a package from `debian/` of the tree.
///
/// # Errors
/// If one cannot be read.
pub(crate) fn scripts(tree: &Path, name: &str) -> anyhow::Result<Scripts> {
    let mut scripts = Vec::new();
    for (kind, mode) in CONTROL_FILES {
        if let Some(text) = control_file(tree, name, kind)? {
            scripts.push((*kind, *mode, text));
        }
    }
    Ok(scripts)
}

/// What goes into `data.tar`, and what is said about it in `control.tar`.
struct Content {
    data: TarWriter,
    folders: BTreeSet<String>,
    checksums: String,
    conffiles: String,
    size_bytes: u64,
}

impl Content {
    fn new(time: u64) -> Self {
        let data = TarWriter::new(time);
        Self {
            data,
            folders: BTreeSet::new(),
            checksums: String::new(),
            conffiles: String::new(),
            size_bytes: 0,
        }
    }

    fn add(&mut self, stage: &Stage, entry: &Entry) -> anyhow::Result<()> {
        match entry.kind {
            Kind::Directory => self.folder(&entry.path, entry.mode)?,
            Kind::Link => self.link(&entry.path, &entry.target)?,
            Kind::File | Kind::Config => self.file(&entry.path, entry.mode, &stage.read(entry)?)?,
        }
        Ok(())
    }

    fn link(&mut self, path: &str, target: &str) -> anyhow::Result<()> {
        self.folders_of(path)?;
        self.data.link(&format!(".{path}"), target)
    }

    fn file(&mut self, path: &str, mode: u32, bytes: &[u8]) -> anyhow::Result<()> {
        self.folders_of(path)?;
        self.data.file(&format!(".{path}"), mode, bytes)?;
        self.size_bytes += (bytes.len() as u64).next_multiple_of(1024);
        if path.starts_with("/etc/") {
            self.conffiles += &format!("{path}\n");
        } else {
            self.checksums += &format!("{}  {}\n", md5(bytes), path.trim_start_matches('/'));
        }
        Ok(())
    }

    /// dpkg wants every folder on the way; those that nobody describes are root's.
    fn folders_of(&mut self, path: &str) -> anyhow::Result<()> {
        for (at, _) in path.match_indices('/').skip(1) {
            let folder = path[..at].to_owned();
            if !self.folders.contains(&folder) {
                self.folder(&folder, 0o755)?;
            }
        }
        Ok(())
    }

    fn folder(&mut self, path: &str, mode: u32) -> anyhow::Result<()> {
        self.folders_of(path)?;
        if self.folders.insert(path.to_owned()) {
            self.data.directory(&format!(".{path}/"), mode)?;
            self.size_bytes += 1024;
        }
        Ok(())
    }
}

fn finish(control: &str, content: Content, scripts: &Scripts, time: u64) -> anyhow::Result<Artifact> {
    let mut archive = TarWriter::new(time);
    archive.directory("./", 0o755)?;
    archive.file("./control", 0o644, control.as_bytes())?;
    archive.file("./md5sums", 0o644, content.checksums.as_bytes())?;
    if !content.conffiles.is_empty() {
        archive.file("./conffiles", 0o644, content.conffiles.as_bytes())?;
    }
    for (kind, mode, text) in scripts {
        archive.file(&format!("./{kind}"), *mode, text.as_bytes())?;
    }
    let control_archive = archive::xz(&archive.finish())?;
    let data_archive = archive::xz(&content.data.finish())?;
    let bytes = archive::ar(
        &[("debian-binary", b"2.0\n"), ("control.tar.xz", &control_archive), ("data.tar.xz", &data_archive)],
        time,
    );
    artifact(bytes)
}

/// A script of `debian/`, with what debhelper would have put in place of its token.
fn control_file(tree: &Path, package: &str, kind: &str) -> anyhow::Result<Option<String>> {
    let path = tree.join(format!("debian/{package}.{kind}"));
    if !path.exists() {
        return Ok(None);
    }
    let text = fs_err::read_to_string(&path)?;
    let token = "#DEBHELPER#";
    if !text.contains(token) {
        return Ok(Some(text));
    }
    let snippet = fs_err::read_to_string(tree.join("packaging/debhelper").join(kind))?;
    Ok(Some(text.replace(token, &snippet)))
}

/// What a control file says that the description does not know.
struct Facts<'a> {
    version: &'a str,
    architecture: &'a str,
    size_bytes: u64,
}

fn control(description: &Description, name: &str, package: &PackageDescription, facts: &Facts<'_>) -> String {
    let (summary, text) = description.texts(package);
    let mut out = format!("Package: {name}\nSource: {}\n", description.name);
    out += &format!("Version: {}\nArchitecture: {}\n", facts.version, facts.architecture);
    out += &format!("Maintainer: {}\nInstalled-Size: {}\n", description.maintainer, facts.size_bytes / 1024);
    out += &relations(&package.deb);
    out += &format!("Section: {}\nPriority: optional\n", package.section);
    out += &description.homepage.as_ref().map(|page| format!("Homepage: {page}\n")).unwrap_or_default();
    out + &format!("Description: {summary}\n{}", long_text(text))
}

/// The long text of a description: indented, an empty line as a full stop.
pub(crate) fn long_text(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { " .\n".to_owned() } else { format!(" {line}\n") }).collect()
}

fn relations(deb: &DebRelations) -> String {
    let fields = [
        ("Pre-Depends", &deb.pre_depends),
        ("Depends", &deb.depends),
        ("Recommends", &deb.recommends),
        ("Suggests", &deb.suggests),
        ("Conflicts", &deb.conflicts),
    ];
    fields
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(field, names)| format!("{field}: {}\n", names.join(", ")))
        .collect()
}

/// dpkg's own list of checksums is in MD5; it finds damage, not attacks.
pub(crate) fn md5(bytes: &[u8]) -> String {
    use pgp::crypto::hash::HashAlgorithm;
    HashAlgorithm::Md5.digest(bytes).map(|sum| hex(&sum)).unwrap_or_default()
}
