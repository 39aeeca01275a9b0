//! The record of a build: a [buildinfo](https://manpages.debian.org/deb-buildinfo.5) of what was made by which tools, and
//! beside it the bill of materials. One form for all families.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, ensure};

use crate::deb::field;
use crate::digest::sha256;
use crate::pool::{Artifact, Family, Part, Role};
use crate::repository::debian;
use crate::toolchain::Toolchain;

/// The ending of a bill of materials.
const BILL: &str = ".cdx.json";

/// What was built.
pub(crate) struct Build<'a> {
    pub(crate) family: Family,
    /// The source package.
    pub(crate) source: &'a str,
    /// In the family's spelling.
    pub(crate) version: &'a str,
    /// The processor, in the family's word.
    pub(crate) architecture: &'a str,
    pub(crate) packages: &'a [Artifact],
    pub(crate) bill_of_materials: String,
    /// By which a debugger finds the symbols of the program.
    pub(crate) build_id: Option<&'a str>,
    /// Seconds since the epoch.
    pub(crate) time: u32,
}

/// Writes down how packages were built.
///
/// # Errors
/// If the time is none.
pub(crate) fn make(build: &Build<'_>, toolchain: &Toolchain) -> anyhow::Result<Artifact> {
    let stem = match build.family {
        Family::Debian => format!("{}_{}_{}", build.source, build.version, build.architecture),
        Family::Rpm => format!("{}-{}.{}", build.source, build.version, build.architecture),
    };
    let bill =
        Part { file_name: format!("{stem}{BILL}"), bytes: build.bill_of_materials.clone().into_bytes() };
    let text = render(build, &bill, toolchain)?;
    Ok(Artifact {
        family: build.family,
        role: Role::Record,
        package: build.source.to_owned(),
        version: build.version.to_owned(),
        architecture: build.architecture.to_owned(),
        file_name: format!("{stem}.buildinfo"),
        metadata: String::new(),
        bytes: text.into_bytes(),
        parts: vec![bill],
    })
}

fn render(build: &Build<'_>, bill: &Part, toolchain: &Toolchain) -> anyhow::Result<String> {
    let of_packages = |get: fn(&Artifact) -> &str| {
        build.packages.iter().map(get).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ")
    };
    let mut out = format!("Format: 1.0\nSource: {}\n", build.source);
    out += &format!("Binary: {}\n", of_packages(|package| &package.package));
    out += &format!("Architecture: {}\n", of_packages(|package| &package.architecture));
    out += &format!("Version: {}\n", build.version);
    let files: BTreeMap<&str, &[u8]> = build
        .packages
        .iter()
        .flat_map(Artifact::files)
        .chain([(bill.file_name.as_str(), bill.bytes.as_slice())])
        .collect();
    out += &list(
        "Checksums-Sha256",
        files.iter().map(|(name, bytes)| format!("{} {} {name}", sha256(bytes), bytes.len())),
    );
    out +=
        &format!("Build-Architecture: {}\nBuild-Date: {}\n", build.architecture, debian::date(build.time)?);
    if toolchain.changed {
        out += &list("Build-Tainted-By", ["changes-without-a-commit".to_owned()]);
    }
    let packages = &toolchain.packages;
    out += &list(
        "Installed-Build-Depends",
        packages.iter().enumerate().map(|(at, (name, version))| {
            let comma = if at + 1 < packages.len() { "," } else { "" };
            format!("{name} (= {version}){comma}")
        }),
    );
    // What decides the dates; it need not have come from the environment.
    let time = [("SOURCE_DATE_EPOCH", build.time.to_string())];
    let variables = toolchain.environment.iter().map(|(name, value)| (name.as_str(), value.clone()));
    let environment: BTreeMap<&str, String> = variables.chain(time).collect();
    out += &list(
        "Environment",
        environment.iter().map(|(name, value)| {
            format!("{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " "))
        }),
    );
    out += &toolchain.commit.as_ref().map(|commit| format!("Commit: {commit}\n")).unwrap_or_default();
    out += &build.build_id.map(|id| format!("Build-Ids: {id}\n")).unwrap_or_default();
    out += &list("Compilers", toolchain.compilers.iter().cloned());
    out += &list("Toolchain", toolchain.tools.iter().cloned());
    Ok(out)
}

/// A field with a line for each of its values; nothing if there are none.
fn list(name: &str, values: impl IntoIterator<Item = String>) -> String {
    let lines: String = values.into_iter().map(|value| format!(" {value}\n")).collect();
    if lines.is_empty() { lines } else { format!("{name}:\n{lines}") }
}

/// A record that lies in a folder, with the bill of materials beside it.
///
/// # Errors
/// If it is none, or the bill is missing or another one.
pub(crate) fn load(path: &Path) -> anyhow::Result<Artifact> {
    let text = fs_err::read_to_string(path)?;
    let get = |name: &str| {
        field(&text, name).map(str::to_owned).with_context(|| format!("{}: no {name}", path.display()))
    };
    let mut family = None;
    let mut parts = Vec::new();
    for line in text.lines().filter(|line| line.starts_with(' ')) {
        let [sum, _, name] = line.split_whitespace().collect::<Vec<_>>()[..] else { continue };
        if name.ends_with(".deb") {
            family = Some(Family::Debian);
        } else if name.ends_with(".rpm") {
            family = Some(Family::Rpm);
        } else if name.ends_with(BILL) && !name.contains('/') {
            let beside = path.with_file_name(name);
            let bytes = fs_err::read(&beside)?;
            ensure!(sha256(&bytes) == sum, "{}: not what {} says", beside.display(), path.display());
            parts.push(Part { file_name: name.to_owned(), bytes });
        }
    }
    let file_name = path.file_name().and_then(|name| name.to_str()).context("a name that is no text")?;
    Ok(Artifact {
        family: family.with_context(|| format!("{}: it names no package", path.display()))?,
        role: Role::Record,
        package: get("Source")?,
        version: get("Version")?,
        architecture: get("Build-Architecture")?,
        file_name: file_name.to_owned(),
        metadata: String::new(),
        bytes: text.clone().into_bytes(),
        parts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package() -> Artifact {
        Artifact {
            family: Family::Debian,
            role: Role::Package,
            package: "myelin".to_owned(),
            version: "0.1.0-0myelin1".to_owned(),
            architecture: "amd64".to_owned(),
            file_name: "myelin_0.1.0-0myelin1_amd64.deb".to_owned(),
            metadata: String::new(),
            bytes: b"abc".to_vec(),
            parts: Vec::new(),
        }
    }

    fn record() -> Artifact {
        let toolchain = Toolchain {
            tools: vec!["rustc 1.95.0".to_owned(), "ld 2.40".to_owned()],
            compilers: vec!["rustc version 1.95.0".to_owned()],
            packages: vec![
                ("gcc".to_owned(), "4:12.2.0-3".to_owned()),
                ("libc6".to_owned(), "2.36-9".to_owned()),
            ],
            environment: [("CFLAGS".to_owned(), "-DNAME=\"a\"".to_owned())].into(),
            commit: Some("0123abcd".to_owned()),
            changed: false,
        };
        let build = Build {
            family: Family::Debian,
            source: "myelin",
            version: "0.1.0-0myelin1",
            architecture: "amd64",
            packages: &[package()],
            bill_of_materials: "{}\n".to_owned(),
            build_id: Some("beef"),
            time: 1_795_737_600,
        };
        make(&build, &toolchain).unwrap()
    }

    #[test]
    fn a_record_says_what_was_built_by_what() {
        let expected = "\
Format: 1.0
Source: myelin
Binary: myelin
Architecture: amd64
Version: 0.1.0-0myelin1
Checksums-Sha256:
 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 3 myelin_0.1.0-0myelin1_amd64.deb
 ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356 3 myelin_0.1.0-0myelin1_amd64.cdx.json
Build-Architecture: amd64
Build-Date: Fri, 27 Nov 2026 00:00:00 +0000
Installed-Build-Depends:
 gcc (= 4:12.2.0-3),
 libc6 (= 2.36-9)
Environment:
 CFLAGS=\"-DNAME=\\\"a\\\"\"
 SOURCE_DATE_EPOCH=\"1795737600\"
Commit: 0123abcd
Build-Ids: beef
Compilers:
 rustc version 1.95.0
Toolchain:
 rustc 1.95.0
 ld 2.40
";
        let text = String::from_utf8(record().bytes).unwrap();
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
        assert_eq!(lines(&text), lines(expected), "{text}");
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_a_changed_bill_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let record = record();
        for (name, bytes) in record.files() {
            fs_err::write(folder.path().join(name), bytes).unwrap();
        }
        let path = folder.path().join(&record.file_name);
        let read = load(&path).unwrap();
        assert_eq!((read.family, read.role, &read.version), (Family::Debian, Role::Record, &record.version));
        assert!(read.files().eq(record.files()));

        fs_err::write(folder.path().join(&record.parts[0].file_name), "[]\n").unwrap();
        assert!(load(&path).is_err());
        fs_err::remove_file(folder.path().join(&record.parts[0].file_name)).unwrap();
        assert!(load(&path).is_err());
    }
}
