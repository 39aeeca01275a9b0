//! From a server, here a script that prints pages as it does, to a site that is verified and then attacked.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;
use crate::elf;

/// 2026-11-27.
const TIME: &str = "1795737600";

struct Workshop {
    folder: tempfile::TempDir,
}

impl Workshop {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runner = folder.path().join("runner");
        fs::write(&runner, "#!/bin/sh\necho \"$*\"\n").unwrap();
        fs::set_permissions(&runner, fs::Permissions::from_mode(0o755)).unwrap();
        let workshop = Self { folder };
        workshop.compile("GLIBC_2.28");
        workshop
            .pack(&["key", "new", "--rsa-bits", "2048", "--generation", "2026", "--keys", "{keys}"])
            .unwrap();
        workshop
    }

    /// Makes a server that asks for a version of glibc.
    fn compile(&self, glibc: &str) {
        let program = elf::tests::program(object::elf::EM_X86_64, &[("libc.so.6", &["GLIBC_2.4", glibc])]);
        fs::write(self.path("server"), program).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn pack(&self, words: &[&str]) -> anyhow::Result<ExitCode> {
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let fill = |word: &&str| match *word {
            "{tree}" => tree.display().to_string(),
            word if word.starts_with('{') => self.path(word.trim_matches(['{', '}'])).display().to_string(),
            word => word.to_owned(),
        };
        let words = ["pack", "--time", TIME].iter().chain(words).map(fill);
        run(Arguments::try_parse_from(words)?)
    }

    fn all(&self, version: &str) -> anyhow::Result<ExitCode> {
        self.site_command(&["all", "--binary", "{server}", "--runner", "{runner}", "--version", version])
    }

    fn site_command(&self, words: &[&str]) -> anyhow::Result<ExitCode> {
        let site = ["--tree", "{tree}", "--keys", "{keys}", "--pool", "{pool}", "--site", "{site}"];
        let url = ["--url", "https://packages.example.org"];
        self.pack(&[words, &site, &url].concat())
    }

    fn findings(&self) -> Vec<String> {
        let time = TIME.parse().unwrap();
        verifier::verify(&self.path("site"), &Certificates::read(&self.path("keys")).unwrap(), time, 7)
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path("site").join(path)).unwrap()
    }

    /// Changes a byte of a file, has a look, and puts it back.
    fn findings_with_a_changed_byte(&self, path: &Path) -> Vec<String> {
        let before = fs::read(path).unwrap();
        let mut after = before.clone();
        let middle = after.len() / 2;
        after[middle] ^= 1;
        fs::write(path, after).unwrap();
        let findings = self.findings();
        fs::write(path, before).unwrap();
        findings
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

#[test]
fn a_published_site_is_good_and_every_changed_byte_is_found() {
    let workshop = Workshop::new();
    workshop.all("0.1.0").unwrap();
    assert_eq!(workshop.findings(), Vec::<String>::new());

    let site = fs::canonicalize(workshop.path("site")).unwrap();
    let of_one_suite = |path: &PathBuf| {
        let path = path.to_string_lossy();
        // Hashed names stand beside the plain ones that are checked, and one suite is as good as five.
        let other_suite = path.contains("/dists/") && !path.contains("/dists/stable/");
        !other_suite
            && !path.contains("by-hash")
            && (path.contains("/dists/") || path.contains("/pool/") || path.contains("x86_64/"))
    };
    let checked: Vec<PathBuf> = files_below(&site)
        .into_iter()
        .filter(of_one_suite)
        .filter(|path| !path.ends_with("repomd.xml.key") && fs::metadata(path).unwrap().len() > 0)
        .collect();
    assert!(checked.len() > 25, "{checked:?}");
    for path in checked {
        let findings = workshop.findings_with_a_changed_byte(&path);
        assert!(!findings.is_empty(), "{}", path.display());
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (one, other) = (Workshop::new(), Workshop::new());
    fs::remove_dir_all(other.path("keys")).unwrap();
    let copied =
        std::process::Command::new("cp").arg("-r").arg(one.path("keys")).arg(other.path("keys")).status();
    assert!(copied.unwrap().success());
    one.all("0.1.0").unwrap();
    other.all("0.1.0").unwrap();
    let content = |workshop: &Workshop| -> Vec<(PathBuf, String)> {
        let site = fs::canonicalize(workshop.path("site")).unwrap();
        files_below(&site)
            .iter()
            .map(|path| {
                let name = path.strip_prefix(&site).unwrap().to_owned();
                (name, crate::digest::sha256(&fs::read(path).unwrap()))
            })
            .collect()
    };
    assert_eq!(content(&one), content(&other));
}

#[test]
fn versions_before_a_release_reach_only_those_who_asked() {
    let workshop = Workshop::new();
    workshop.all("0.1.0").unwrap();
    workshop.all("0.2.0-rc1").unwrap();
    let stable = workshop.read("debian/dists/stable/main/binary-amd64/Packages");
    let before = workshop.read("debian/dists/stable/prerelease/binary-amd64/Packages");
    assert!(!stable.contains("0.2.0") && before.contains("Version: 0.2.0~rc1-0myelin1\n"));

    workshop.site_command(&["promote", "myelin", "0.2.0~rc1-0myelin1"]).unwrap();
    assert!(workshop.read("debian/dists/stable/main/binary-amd64/Packages").contains("0.2.0~rc1"));
    workshop.site_command(&["withdraw", "myelin", "0.2.0~rc1-0myelin1"]).unwrap();
    assert!(!workshop.read("debian/dists/stable/main/binary-amd64/Packages").contains("0.2.0~rc1"));
    assert_eq!(workshop.findings(), Vec::<String>::new());
}

#[test]
fn a_second_publishing_without_a_change_makes_no_key_package() {
    let workshop = Workshop::new();
    workshop.all("0.1.0").unwrap();
    workshop.site_command(&["refresh"]).unwrap();
    workshop.site_command(&["publish"]).unwrap();
    let index = workshop.read("debian/dists/stable/main/binary-amd64/Packages");
    assert_eq!(index.matches("Package: myelin-archive-keyring\n").count(), 1);

    workshop
        .pack(&["key", "rotate", "--rsa-bits", "2048", "--generation", "2027", "--keys", "{keys}"])
        .unwrap();
    workshop.site_command(&["publish"]).unwrap();
    let index = workshop.read("debian/dists/stable/main/binary-amd64/Packages");
    assert_eq!(index.matches("Package: myelin-archive-keyring\n").count(), 2);
    assert_eq!(workshop.findings(), Vec::<String>::new());
}

#[test]
fn an_index_that_expires_is_found() {
    let workshop = Workshop::new();
    workshop.all("0.1.0").unwrap();
    let trusted = Certificates::read(&workshop.path("keys")).unwrap();
    let later = TIME.parse::<u32>().unwrap() + 25 * 24 * 60 * 60;
    let findings = verifier::verify(&workshop.path("site"), &trusted, later, 7);
    assert!(findings.iter().any(|finding| finding.contains("valid for 5 more days only")), "{findings:?}");
    assert!(verifier::verify(&workshop.path("site"), &trusted, later, 3).is_empty());
}

#[test]
fn a_binary_for_newer_systems_than_promised_is_refused() {
    let workshop = Workshop::new();
    workshop.compile("GLIBC_2.34");
    let error = workshop.all("0.1.0").unwrap_err().to_string();
    assert!(error.contains("asks for glibc 2.34") && error.contains("--glibc 2.34"), "{error}");
    assert!(!workshop.path("site").exists());

    let allowed = |limit: &str| {
        let words = ["all", "--binary", "{server}", "--runner", "{runner}", "--glibc", limit];
        workshop.site_command(&words)
    };
    assert!(allowed("2.33").is_err());
    allowed("2.34").unwrap();
    assert!(workshop.read("debian/dists/stable/main/binary-amd64/Packages").contains("libc6 (>= 2.34)"));
}

#[test]
fn the_recipes_say_what_the_description_says() {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let description = Description::read(&tree).unwrap();
    let maintainer = &description.maintainer;
    for file in ["debian/changelog", "debian/NEWS"] {
        let text = fs::read_to_string(tree.join(file)).unwrap();
        let trailers: Vec<&str> = text.lines().filter(|line| line.starts_with(" -- ")).collect();
        assert!(!trailers.is_empty(), "{file}");
        assert!(trailers.iter().all(|line| line.starts_with(&format!(" -- {maintainer}  "))), "{trailers:?}");
    }
    let control = fs::read_to_string(tree.join("debian/control")).unwrap();
    assert!(control.contains(&format!("\nMaintainer: {maintainer}\n")));
    assert_eq!(
        control.lines().find_map(|line| line.strip_prefix("Homepage: ")),
        description.homepage.as_deref()
    );
    let table = fs::read_to_string(tree.join("packaging/files.list")).unwrap();
    let is_of_debian = |name: &str| {
        table.lines().any(|line| {
            let mut columns = line.split('|').map(str::trim);
            columns.next() == Some(name)
                && columns
                    .next()
                    .is_some_and(|families| families.split(',').any(|one| one == "all" || one == "deb"))
        })
    };
    for (name, package) in description.packages.iter().filter(|(name, _)| is_of_debian(name)) {
        let (summary, text) = description.texts(package);
        let stanza = control.split("\n\n").find(|stanza| stanza.starts_with(&format!("Package: {name}\n")));
        let stanza = stanza.unwrap_or_else(|| panic!("debian/control has no {name}"));
        let described = format!("\nDescription: {summary}\n{}", deb::long_text(text));
        assert!(format!("{}\n", stanza.trim_end()).contains(&described), "{stanza}");
    }
}

#[test]
fn the_spec_says_what_the_description_says() {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let description = Description::read(&tree).unwrap();
    let spec = fs::read_to_string(tree.join("rpm/myelin.spec")).unwrap();
    let version: Version = env!("CARGO_PKG_VERSION").parse().unwrap();
    let (version, release) = version.with_revision(1).rpm();
    for line in [
        format!("Version: {version}"),
        format!("Release: {release}"),
        format!("License: {}", description.license),
    ] {
        assert!(spec.lines().any(|found| found == line), "{line}");
    }
    for (name, package) in description.packages.iter().filter(|(name, _)| !made_by_the_repository(name)) {
        let (summary, text) = description.texts(package);
        let short = name.strip_prefix("myelin-").map(|short| format!(" {short}")).unwrap_or_default();
        assert!(spec.contains(&format!("\nSummary: {summary}\n")), "{name}");
        assert!(spec.contains(&format!("\n%description{short}\n{}\n\n", text.trim())), "{name}");
    }
}

fn made_by_the_repository(name: &str) -> bool {
    name == KEYRING || name == RELEASE
}
