//! Sources of a small tree, with a crate for this system and one for another; both have to be fetched already.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use lzma_rust2::XzReader;

use super::*;
use crate::pool::{Channel, Pool};
use crate::renewal::renew;
use crate::signer::{RETIRED, create};

/// 2026-11-27.
const TIME: u32 = 1_795_737_600;
const HERE: &str = "itoa";
const ELSEWHERE: &str = "windows-link";

struct Workshop {
    folder: tempfile::TempDir,
}

impl Workshop {
    fn new() -> Self {
        let workshop = Self { folder: tempfile::tempdir().unwrap() };
        create(&workshop.path("keys"), "2026", "Test", TIME, 2048).unwrap();
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let copied = [
            "packaging/package.toml",
            "debian/control",
            "debian/copyright",
            "debian/rules",
            "rpm/myelin.spec",
        ];
        for file in copied {
            workshop.write(file, &fs_err::read_to_string(ours.join(file)).unwrap());
        }
        let locked = fs_err::read_to_string(ours.join("Cargo.lock")).unwrap();
        let locked = |name: &str| -> (String, String) {
            let stanzas =
                locked.split("\n\n").filter(|stanza| stanza.contains(&format!("name = \"{name}\"\n")));
            let stanza = stanzas.last().unwrap_or_else(|| panic!("Cargo.lock has no {name}"));
            let version = stanza.lines().find_map(|line| line.strip_prefix("version = ")).unwrap();
            (stanza.trim().to_owned(), version.trim_matches('"').to_owned())
        };
        let ((here, here_version), (elsewhere, elsewhere_version)) = (locked(HERE), locked(ELSEWHERE));
        workshop.write("Cargo.toml", &format!(
            "[package]\nname = \"myelin\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n\
             {HERE} = \"={here_version}\"\n\n[target.'cfg(windows)'.dependencies]\n{ELSEWHERE} = \"={elsewhere_version}\"\n"
        ));
        workshop.write("Cargo.lock", &format!(
            "version = 4\n\n{here}\n\n[[package]]\nname = \"myelin\"\nversion = \"0.1.0\"\ndependencies = [\n \"{HERE}\",\n \
             \"{ELSEWHERE}\",\n]\n\n{elsewhere}\n"
        ));
        workshop.write("src/main.rs", "fn main() {}\n");
        workshop.write("debian/changelog", &entry("0.1.0-0myelin1", "Thu, 26 Nov 2026 00:00:00 +0000"));
        workshop.git(&["init", "--quiet"]);
        workshop.commit();
        workshop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path("tree").join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    fn git(&self, words: &[&str]) {
        let identity =
            ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"];
        let status = Command::new("git").arg("-C").arg(self.path("tree")).args(identity).args(words).status();
        assert!(status.unwrap().success());
    }

    fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "a change"]);
    }

    fn make(&self) -> anyhow::Result<[Artifact; 2]> {
        let signer = Signer::read(&self.path("keys"), TIME).unwrap();
        make(&self.path("tree"), "HEAD", &signer, &self.path("work"))
    }
}

fn entry(version: &str, date: &str) -> String {
    format!(
        "myelin ({version}) stable; urgency=medium\n\n  * A change.\n\n -- Test <test@example.org>  {date}\n"
    )
}

#[test]
fn packages_and_sources_are_of_one_commit() {
    let workshop = Workshop::new();
    let tree = workshop.path("tree");
    must_be_checked_out(&tree, "HEAD").unwrap();
    workshop.git(&["tag", "v0.1.0"]);
    workshop.write("note", "what Git does not know");
    must_be_checked_out(&tree, "v0.1.0").unwrap();

    workshop.write("src/main.rs", "fn main() { }\n");
    let error = must_be_checked_out(&tree, "HEAD").unwrap_err().to_string();
    assert!(error.contains("src/main.rs") && error.contains("--allow-changes"), "{error}");
    workshop.commit();
    must_be_checked_out(&tree, "HEAD").unwrap();
    let error = must_be_checked_out(&tree, "v0.1.0").unwrap_err().to_string();
    assert!(error.contains("v0.1.0") && error.contains("--without-sources"), "{error}");
}

/// Mode and content of each file of a compressed archive; folders are left out.
fn unpack(bytes: &[u8]) -> BTreeMap<String, (String, Vec<u8>)> {
    let mut archive = Vec::new();
    std::io::Read::read_to_end(&mut XzReader::new(bytes, true), &mut archive).unwrap();
    let text = |field: &[u8]| {
        String::from_utf8(field.split(|byte| *byte == 0).next().unwrap().to_vec()).unwrap().trim().to_owned()
    };
    let mut files = BTreeMap::new();
    let mut rest = archive.as_slice();
    while rest.len() >= 512 && rest[0] != 0 {
        let name = text(&rest[..100]);
        let size = usize::from_str_radix(&text(&rest[124..136]), 8).unwrap();
        if rest[156] == b'0' {
            let prefix = text(&rest[345..500]);
            let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            files.insert(path, (text(&rest[100..108]), rest[512..512 + size].to_vec()));
        }
        rest = &rest[512 + size.next_multiple_of(512)..];
    }
    files
}

#[test]
fn the_archives_hold_the_commit_and_the_crates_that_are_built_here() {
    let workshop = Workshop::new();
    // What is in no commit is in no source.
    workshop.write("src/secret", "nobody's business");
    let [source, _] = workshop.make().unwrap();
    assert_eq!(source.file_name, "myelin_0.1.0-0myelin1.dsc");
    let names: Vec<&str> = source.parts.iter().map(|part| part.file_name.as_str()).collect();
    let expected = [
        "myelin_0.1.0.orig.tar.xz",
        "myelin_0.1.0.orig-vendor.tar.xz",
        "myelin_0.1.0-0myelin1.debian.tar.xz",
    ];
    assert_eq!(names, expected);
    let [tree, vendor, debian] = [0, 1, 2].map(|at| unpack(&source.parts[at].bytes));
    assert!(tree.contains_key("myelin-0.1.0/src/main.rs") && !tree.contains_key("myelin-0.1.0/src/secret"));
    assert!(!tree.keys().any(|path| path.contains("/debian/")));
    assert_eq!(debian["debian/rules"].0, "0000644");
    let size = |path: &str| vendor[&format!("vendor/{path}")].1.len();
    assert!(size(&format!("{HERE}/src/lib.rs")) > 0 && size(&format!("{ELSEWHERE}/src/lib.rs")) == 0);
    assert!(!vendor.contains_key(&format!("vendor/{ELSEWHERE}/readme.md")));
}

#[test]
fn cargo_builds_from_the_archives_alone() {
    let workshop = Workshop::new();
    let [source, _] = workshop.make().unwrap();
    for at in [0, 1] {
        for (path, (_, bytes)) in unpack(&source.parts[at].bytes) {
            let path = workshop.path("unpacked").join(path.trim_start_matches("myelin-0.1.0/"));
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, bytes).unwrap();
        }
    }
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["--config", "source.crates-io.replace-with=\"vendored\""])
        .args(["--config", "source.vendored.directory=\"vendor\"", "check", "--quiet", "--frozen"])
        .current_dir(workshop.path("unpacked"))
        .env("CARGO_HOME", workshop.path("cargo-home"))
        .env("CARGO_TARGET_DIR", workshop.path("target"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_same_commit_gives_the_same_bytes_and_revisions_share_theirs() {
    let workshop = Workshop::new();
    let [source, source_rpm] = workshop.make().unwrap();
    let [again, rpm_again] = workshop.make().unwrap();
    assert!(source.files().eq(again.files()) && source_rpm.bytes == rpm_again.bytes);

    let older = entry("0.1.0-0myelin1", "Thu, 26 Nov 2026 00:00:00 +0000");
    let newer = entry("0.1.0-0myelin2", "Fri, 27 Nov 2026 00:00:00 +0000");
    workshop.write("debian/changelog", &format!("{newer}\n{older}"));
    workshop.commit();
    let [revised, _] = workshop.make().unwrap();
    assert_eq!(revised.version, "0.1.0-0myelin2");
    for at in [0, 1] {
        assert_eq!(revised.parts[at].bytes, source.parts[at].bytes, "{}", source.parts[at].file_name);
    }
    assert_ne!(revised.parts[2].bytes, source.parts[2].bytes);
}

#[test]
fn the_description_is_signed_and_read_as_it_was_written() {
    let workshop = Workshop::new();
    let [source, _] = workshop.make().unwrap();
    let certificates = crate::signer::Certificates::read(&workshop.path("keys")).unwrap();
    let text = certificates.verify_clear(std::str::from_utf8(&source.bytes).unwrap()).unwrap();
    for line in [
        "Format: 3.0 (quilt)",
        "Binary: myelin, myelin-synapse-compat",
        "Architecture: amd64 arm64 all",
        " myelin deb net optional arch=amd64,arm64",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    assert!(text.contains("Build-Depends: debhelper (>= 13.11.6), debhelper-compat (= 13), "), "{text}");
    for (name, bytes) in source.files() {
        fs_err::write(workshop.path(name), bytes).unwrap();
    }
    let path = workshop.path(&source.file_name);
    let read = load(&path).unwrap();
    assert_eq!((&read.metadata, &read.version), (&source.metadata, &source.version));
    assert!(read.files().eq(source.files()));
    assert!(read.metadata.starts_with("Format: 3.0 (quilt)\nPackage: myelin\n"), "{}", read.metadata);

    fs_err::write(workshop.path(&source.parts[1].file_name), b"other").unwrap();
    assert!(load(&path).is_err());
}

#[test]
fn the_rpm_is_a_source_and_says_what_builds_it() {
    let workshop = Workshop::new();
    let [_, source] = workshop.make().unwrap();
    assert_eq!(source.file_name, "myelin-0.1.0-0.myelin1.src.rpm");
    let package = ::rpm::Package::parse(&mut source.bytes.as_slice()).unwrap();
    assert!(package.metadata.is_source_package());
    package.verify_digests().unwrap();
    let files: Vec<PathBuf> =
        package.metadata.get_file_entries().unwrap().iter().map(::rpm::FileEntry::path).collect();
    let expected = ["myelin-0.1.0-vendor.tar.xz", "myelin-0.1.0.tar.xz", "myelin.spec"].map(PathBuf::from);
    assert_eq!(files, expected);
    let wanted = package.metadata.get_requires().unwrap();
    assert!(wanted.iter().any(|one| one.name == "cargo" && one.version == "1.94"), "{wanted:?}");
    crate::rpm_package::verify(
        source.bytes.as_slice(),
        &crate::signer::Certificates::read(&workshop.path("keys")).unwrap(),
    )
    .unwrap();
}

#[test]
fn recipes_of_different_versions_are_refused() {
    let workshop = Workshop::new();
    workshop.write("debian/changelog", &entry("0.2.0-0myelin1", "Fri, 27 Nov 2026 00:00:00 +0000"));
    workshop.commit();
    let error = workshop.make().unwrap_err().to_string();
    assert!(error.contains("version 0.1.0") && error.contains("0.2.0"), "{error}");
}

#[test]
fn a_description_of_a_retired_key_is_signed_again_beside_its_archives() {
    let workshop = Workshop::new();
    let keys = workshop.path("keys");
    let [source, source_rpm] = workshop.make().unwrap();
    let mut pool = Pool::open(&workshop.path("pool")).unwrap();
    for artifact in [&source, &source_rpm] {
        pool.add(artifact, Channel::Stable).unwrap();
    }
    create(&keys, "2027", "Test", TIME, 2048).unwrap();
    fs_err::create_dir(keys.join(RETIRED)).unwrap();
    for name in [
        "apt-2026.certificate.asc",
        "apt-2026.signing.asc",
        "rpm-2026.certificate.asc",
        "rpm-2026.signing.asc",
    ] {
        fs_err::rename(keys.join(name), keys.join(RETIRED).join(name)).unwrap();
    }
    let signer = Signer::read(&keys, TIME).unwrap();
    let expected = [source.file_name.clone(), source_rpm.file_name.clone()];
    assert_eq!(renew(&mut pool, &signer).unwrap(), expected);
    assert_eq!(renew(&mut pool, &signer).unwrap(), Vec::<String>::new());

    let offered = pool.snapshot().packages;
    let described = offered.iter().find(|published| published.file_name == source.file_name).unwrap();
    let text = String::from_utf8(pool.read(&described.sha256).unwrap()).unwrap();
    signer.certificates().verify_clear(&text).unwrap();
    assert!(described.metadata.contains(&described.sha256) && described.folder.is_some());
    let sums: Vec<String> = source.parts.iter().map(|part| crate::digest::sha256(&part.bytes)).collect();
    assert!(described.parts.iter().map(|part| &part.sha256).eq(&sums));
}
