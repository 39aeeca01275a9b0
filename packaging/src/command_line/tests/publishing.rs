//! What is published when, and what is not.

use super::*;

impl Workshop {
    /// A deb of the server, built but not published.
    fn build(&self, version: &str) -> String {
        let words =
            ["build", "deb", "--binary", "{server}", "--runner", "{runner}", "--tree", "{tree}", "--fast"];
        let only = ["--package", "myelin", "--version", version, "--out", "{built}"];
        self.pack(&[words.as_slice(), only.as_slice()].concat()).unwrap();
        format!("{{built/myelin_{}-0myelin1_amd64.deb}}", version.replace('-', "~"))
    }

    /// The site's files, without those that are written again when anything is.
    fn unsigned(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let site = fs::canonicalize(self.path("site")).unwrap();
        let is_signed = |name: &str| {
            ["Release", "InRelease", "Release.gpg", "repomd.xml", "repomd.xml.asc", "SHA256SUMS.asc"]
                .contains(&name)
        };
        files_below(&site)
            .into_iter()
            .filter(|path| !is_signed(&path.file_name().unwrap().to_string_lossy()))
            .map(|path| (path.strip_prefix(&site).unwrap().to_owned(), fs::read(&path).unwrap()))
            .collect()
    }
}

#[test]
fn what_is_not_released_is_published_for_those_who_asked() {
    let workshop = Workshop::new();
    let candidate = workshop.build("0.2.0-rc1");
    workshop.site_command(&["publish", &candidate]).unwrap();
    let index =
        |component: &str| workshop.read(&format!("debian/dists/stable/{component}/binary-amd64/Packages"));
    assert!(!index("main").contains("0.2.0~rc1") && index("prerelease").contains("0.2.0~rc1"));
}

#[test]
fn signing_again_publishes_nothing_that_failed_to_be_published() {
    let workshop = Workshop::new();
    workshop.all("0.1.0").unwrap();
    let before = workshop.unsigned();
    let newer = workshop.build("0.2.0");
    fs::write(workshop.path("broken.deb"), "no package").unwrap();
    assert!(workshop.site_command(&["publish", &newer, "{broken.deb}"]).is_err());

    workshop.pack_at(&days_later(1), &site_words(&["refresh"])).unwrap();
    assert_eq!(workshop.unsigned().keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    assert!(workshop.unsigned() == before, "only dates and signatures are new");
    assert!(workshop.read("debian/dists/stable/Release").contains("Date: Sat, 28 Nov 2026"));

    workshop.site_command(&["publish", &newer]).unwrap();
    assert!(workshop.read("debian/dists/stable/main/binary-amd64/Packages").contains("0.2.0"));
}

#[test]
fn keys_sign_what_was_committed_before_they_were_made() {
    let workshop = Workshop::new();
    let error = workshop.pack_at(&days_later(-366), &site_words(&["publish"])).unwrap_err().to_string();
    assert!(error.contains("keys: a key is of") && error.contains("--time"), "{error}");
    workshop.pack_at(&days_later(-300), &site_words(&["publish"])).unwrap();
    let report =
        workshop.report(workshop.path("site").to_str().unwrap(), days_later(-299).parse().unwrap(), 7);
    assert_eq!(report, Report::default());
}

#[test]
fn a_site_that_not_every_key_has_signed_is_found() {
    let workshop = Workshop::new();
    workshop.all("0.1.0").unwrap();
    workshop.rotate();
    let findings = workshop.findings();
    assert!(findings.iter().any(|finding| finding.contains("stable: InRelease")), "{findings:?}");
    assert!(findings.iter().any(|finding| finding.contains("SHA256SUMS")), "{findings:?}");
}

#[test]
fn a_site_of_both_processors_is_made_at_once() {
    let workshop = Workshop::new();
    let program = elf::tests::program(object::elf::EM_AARCH64, &[("libc.so.6", &["GLIBC_2.17"])]);
    fs::write(workshop.path("other"), program).unwrap();
    let binaries = ["--binary", "{server}", "--binary", "{other}", "--runner", "{runner}"];
    workshop.site_command(&[&["all", "--without-sources"], binaries.as_slice()].concat()).unwrap();
    for path in
        ["debian/dists/stable/main/binary-amd64/Packages", "debian/dists/stable/main/binary-arm64/Packages"]
    {
        assert!(workshop.read(path).contains("Package: myelin\n"), "{path}");
    }
    for processor in ["x86_64", "aarch64"] {
        let name = format!("site/rpm/stable/{processor}/Packages/myelin-0.1.0-0.myelin1.{processor}.rpm");
        assert!(workshop.path(&name).exists(), "{name}");
    }
    assert_eq!(workshop.findings(), Vec::<String>::new());
}

#[test]
fn a_pool_lies_beside_its_site() {
    let workshop = Workshop::new();
    let slash = format!("{}/", workshop.path("site").display());
    for out in ["{site}", &slash] {
        let place = ["--tree", "{tree}", "--keys", "{keys}", "--out", out, "--url", "https://example.org"];
        workshop.pack(&[["publish"].as_slice(), &place].concat()).unwrap();
    }
    assert!(workshop.path("site.pool/ledger.jsonl").exists());
    assert!(workshop.path("site").is_symlink() && !workshop.path("site/.pool").exists());
}

#[test]
fn a_failure_names_the_file() {
    let workshop = Workshop::new();
    fs::write(workshop.path("pool"), "a file in the way").unwrap();
    let error = format!("{:#}", workshop.site_command(&["publish"]).unwrap_err());
    assert!(error.contains(&workshop.path("pool").display().to_string()), "{error}");
}
