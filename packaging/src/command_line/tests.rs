//! From a server, here a script that prints pages as it does, to a site that is verified and then attacked.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;
use crate::elf;
use crate::verifier::Report;
use crate::version::Version;

mod publishing;

/// 2026-11-27.
const TIME: &str = "1795737600";

/// So many days after [`TIME`], or before it.
fn days_later(days: i64) -> String {
    (TIME.parse::<i64>().unwrap() + days * 24 * 60 * 60).to_string()
}

struct Workshop {
    folder: tempfile::TempDir,
}

impl Workshop {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runner = folder.path().join("runner");
        fs::write(&runner, "#!/bin/sh\necho \"$*\"\n").unwrap();
        fs::set_permissions(&runner, Permissions::from_mode(0o755)).unwrap();
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

    /// How many versions of the key ring package are offered.
    fn key_rings(&self) -> usize {
        let index = self.read("debian/dists/stable/main/binary-amd64/Packages");
        index.matches("Package: myelin-archive-keyring\n").count()
    }

    fn pack(&self, words: &[&str]) -> anyhow::Result<ExitCode> {
        self.pack_at(TIME, words)
    }

    fn pack_at(&self, time: &str, words: &[&str]) -> anyhow::Result<ExitCode> {
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let fill = |word: &&str| match *word {
            "{tree}" => tree.display().to_string(),
            word if word.starts_with('{') => self.path(word.trim_matches(['{', '}'])).display().to_string(),
            word => word.to_owned(),
        };
        let before = ["pack", "--time", time];
        let words = before.iter().chain(words).map(fill);
        run(Arguments::try_parse_from(words)?)
    }

    fn all(&self, version: &str) -> anyhow::Result<ExitCode> {
        let words = [
            "all",
            "--binary",
            "{server}",
            "--runner",
            "{runner}",
            "--without-sources",
            "--version",
            version,
        ];
        self.site_command(&words)
    }

    fn site_command(&self, words: &[&str]) -> anyhow::Result<ExitCode> {
        self.pack(&site_words(words))
    }

    /// The keys of the year after.
    fn rotate(&self) {
        let words = ["key", "rotate", "--rsa-bits", "2048", "--generation", "2027", "--keys", "{keys}"];
        self.pack(&words).unwrap();
    }

    /// The rpms that are offered to everybody, whose names begin so.
    fn rpms_named(&self, beginning: &str) -> Vec<PathBuf> {
        let root = self.path("site/rpm/stable/x86_64");
        let repomd = fs::read_to_string(root.join("repodata/repomd.xml")).unwrap();
        let places = |text: &str| -> Vec<String> {
            let after = text.split("<location href=\"").skip(1);
            after.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
        };
        let primary = places(&repomd).into_iter().find(|place| place.contains("primary")).unwrap();
        let packed = fs::File::open(root.join(primary)).unwrap();
        let primary = std::io::read_to_string(flate2::read::GzDecoder::new(packed)).unwrap();
        let is_meant = |place: &String| place.rsplit('/').next().unwrap().starts_with(beginning);
        places(&primary).into_iter().filter(is_meant).map(|place| root.join(place)).collect()
    }

    fn findings(&self) -> Vec<String> {
        let time = TIME.parse().unwrap();
        let report = self.report(self.path("site").to_str().unwrap(), time, 7);
        [report.faults, report.expiring].concat()
    }

    fn report(&self, place: &str, now: u32, days: u32) -> Report {
        let trusted = Certificates::read(&self.path("keys")).unwrap();
        let description = Description::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
        let suites = &description.repository.suites;
        verifier::verify(&Site::at(place).unwrap(), &Expected { trusted: &trusted, suites, now, days })
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

/// A command that writes the site.
fn site_words<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let site = ["--tree", "{tree}", "--keys", "{keys}", "--pool", "{pool}", "--site", "{site}"];
    let url = ["--url", "https://packages.example.org"];
    [words, &site, &url].concat()
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
    // One suite is as good as five, and one processor as two.
    let of_one_suite = |path: &PathBuf| {
        let path = path.to_string_lossy();
        let other_suite = path.contains("/dists/") && !path.contains("/dists/stable/");
        !other_suite && !path.contains("arm64") && !path.contains("aarch64")
    };
    let checked: Vec<PathBuf> = files_below(&site)
        .into_iter()
        .filter(of_one_suite)
        .filter(|path| fs::metadata(path).unwrap().len() > 0)
        .collect();
    assert!(checked.len() > 60, "{checked:?}");
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
    assert_eq!(workshop.key_rings(), 1);

    workshop.rotate();
    workshop.site_command(&["publish"]).unwrap();
    assert_eq!(workshop.key_rings(), 2);
    assert_eq!(workshop.findings(), Vec::<String>::new());
}

#[test]
fn an_hour_later_the_same_keys_make_no_key_package() {
    let workshop = Workshop::new();
    workshop.all("0.1.0").unwrap();
    let before = workshop.rpms_named(RELEASE);
    let later = (TIME.parse::<u32>().unwrap() + 60 * 60).to_string();
    workshop.pack_at(&later, &site_words(&["publish"])).unwrap();
    assert_eq!(workshop.rpms_named(RELEASE), before);
    assert_eq!(workshop.key_rings(), 1);
    assert_eq!(workshop.findings(), Vec::<String>::new());
}

#[test]
fn what_a_retired_key_signed_is_signed_again_under_another_address() {
    let workshop = Workshop::new();
    workshop.all("0.1.0").unwrap();
    let repository_file = workshop.read("rpm/myelin.repo");
    let old = "rpm/stable/x86_64/Packages/myelin-0.1.0-0.myelin1.x86_64.rpm";
    let content = |path: &Path| rpm_package::content(fs::read(path).unwrap().as_slice()).unwrap();
    let before = content(&workshop.path("site").join(old));

    workshop.rotate();
    workshop.site_command(&["publish"]).unwrap();
    assert!(workshop.path("site").join(old).exists(), "the old key is still good");
    workshop.pack(&["key", "expire", "--generation", "2026", "--keys", "{keys}"]).unwrap();
    assert!(!workshop.findings().is_empty());
    workshop.site_command(&["publish"]).unwrap();
    assert_eq!(workshop.findings(), Vec::<String>::new());

    // A cache may have the old file until the end of days, and a client with the index of yesterday asks for it.
    assert!(workshop.path("site").join(old).exists());
    let renewed = workshop.rpms_named("myelin-0.1.0");
    assert_eq!(renewed.len(), 1, "{renewed:?}");
    assert_eq!(content(&renewed[0]), before);
    // Whoever has it needs no other one.
    assert_eq!(workshop.read("rpm/myelin.repo"), repository_file);
    workshop.site_command(&["publish"]).unwrap();
    assert_eq!(workshop.rpms_named("myelin-0.1.0"), renewed);
}

#[test]
fn a_stranger_s_package_is_not_signed_when_a_key_goes() {
    let workshop = Workshop::new();
    workshop.all("0.1.0").unwrap();
    fs::rename(workshop.path("keys"), workshop.path("strange")).unwrap();
    workshop.pack(&["key", "new", "--rsa-bits", "2048", "--generation", "2026", "--keys", "{keys}"]).unwrap();
    workshop.rotate();
    workshop.pack(&["key", "expire", "--generation", "2026", "--keys", "{keys}"]).unwrap();
    workshop.site_command(&["publish"]).unwrap();
    let findings = workshop.findings();
    assert!(
        findings.iter().any(|finding| finding.contains("/myelin-0.1.0-0.myelin1.x86_64.rpm: no good")),
        "{findings:?}"
    );
}

#[test]
fn the_shipped_unit_keeps_a_site_fresh() {
    let workshop = Workshop::new();
    workshop.all("0.1.0").unwrap();
    let unit = include_str!("../../../systemd/myelin-repository-refresh.service");
    let commands: Vec<Vec<&str>> = unit
        .lines()
        .filter_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/pack "))
        .map(|line| line.split(' ').collect())
        .collect();
    assert_eq!(commands.iter().map(|words| words[0]).collect::<Vec<_>>(), ["refresh", "verify"]);
    // A day before it would have been too late.
    let later = days_later(29);
    for words in commands {
        let fill = |word: &&str| match *word {
            "${TREE}" => "{tree}".to_owned(),
            "${URL}" => "https://packages.example.org".to_owned(),
            word => word.strip_prefix('$').unwrap_or(word).to_lowercase(),
        };
        let words: Vec<String> = words.iter().map(fill).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let code = workshop.pack_at(&later, &words).unwrap();
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS), "{words:?}");
    }
    assert!(workshop.read("debian/dists/stable/Release").contains("Valid-Until: Mon, 25 Jan 2027"));
}

#[test]
fn an_index_that_expires_is_found() {
    let workshop = Workshop::new();
    workshop.all("0.1.0").unwrap();
    let site = workshop.path("site").display().to_string();
    let after_days = |days: u32| TIME.parse::<u32>().unwrap() + days * 24 * 60 * 60;
    let report = workshop.report(&site, after_days(25), 7);
    assert_eq!(report.faults, Vec::<String>::new());
    assert!(report.expiring[0].contains("valid for 5 more days only"), "{report:?}");
    assert_eq!(workshop.report(&site, after_days(25), 3), Report::default());
    assert!(workshop.report(&site, after_days(30), 3).faults[0].contains("expired"));

    let code = |time: u32| {
        let words = ["verify", "{site}", "--keys", "{keys}", "--tree", "{tree}"];
        format!("{:?}", workshop.pack_at(&time.to_string(), &words).unwrap())
    };
    assert_eq!(code(after_days(1)), format!("{:?}", ExitCode::SUCCESS));
    assert_eq!(code(after_days(25)), format!("{:?}", ExitCode::from(EXPIRES_SOON)));
    assert_eq!(code(after_days(30)), format!("{:?}", ExitCode::FAILURE));
}

#[test]
fn a_site_is_checked_where_its_clients_find_it() {
    let workshop = Workshop::new();
    workshop.all("0.1.0").unwrap();
    let address = crate::fetcher::tests::serve(workshop.path("site"));
    let url = format!("http://{address}/");
    let now = TIME.parse().unwrap();
    assert_eq!(workshop.report(&url, now, 7), Report::default());

    let package = workshop.path("site/rpm/stable/x86_64/Packages/myelin-0.1.0-0.myelin1.x86_64.rpm");
    fs::remove_file(package).unwrap();
    let faults = workshop.report(&url, now, 7).faults;
    assert!(faults.iter().any(|fault| fault.contains("myelin-0.1.0-0.myelin1.x86_64.rpm")), "{faults:?}");
    let nobody = workshop.report(&format!("http://{address}/nothing-here"), now, 7);
    assert!(!nobody.faults.is_empty() && nobody.expiring.is_empty());
}

#[test]
fn a_package_that_nobody_signed_is_found_in_a_signed_repository() {
    let workshop = Workshop::new();
    workshop.all("0.1.0").unwrap();
    let path = workshop.path("site/rpm/stable/x86_64/Packages/myelin-0.1.0-0.myelin1.x86_64.rpm");
    let mut package = ::rpm::Package::parse(&mut fs::read(path).unwrap().as_slice()).unwrap();
    package.clear_signatures().unwrap();
    let unsigned = workshop.path("unsigned-0.1.0-0.myelin1.x86_64.rpm");
    package.write_file(&unsigned).unwrap();
    // Another pool, where the name is free.
    let words = ["publish", "{unsigned-0.1.0-0.myelin1.x86_64.rpm}", "--pool", "{other-pool}"];
    let place =
        ["--tree", "{tree}", "--keys", "{keys}", "--site", "{site}", "--url", "https://packages.example.org"];
    workshop.pack(&[words.as_slice(), &place].concat()).unwrap();
    let findings = workshop.findings();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].contains("not signed"), "{findings:?}");
}

#[test]
fn every_rpm_that_was_built_names_its_source() {
    let workshop = Workshop::new();
    workshop.all("0.1.0").unwrap();
    let folder = fs::canonicalize(workshop.path("site/rpm/stable/x86_64/Packages")).unwrap();
    let is_built = |path: &PathBuf| path.extension().is_some_and(|end| end == "rpm");
    for path in files_below(&folder).into_iter().filter(is_built) {
        let package = ::rpm::Package::parse(&mut fs::read(&path).unwrap().as_slice()).unwrap();
        package.verify_digests().unwrap();
        let made_here = made_by_the_repository(package.metadata.get_name().unwrap());
        let expected = if made_here { "(none)" } else { "myelin-0.1.0-0.myelin1.src.rpm" };
        assert_eq!(package.metadata.get_source_rpm().unwrap(), expected, "{}", path.display());
    }
}

#[test]
fn a_program_with_symbols_gives_a_package_of_them() {
    let workshop = Workshop::new();
    let needs: &[(&str, &[&str])] = &[("libc.so.6", &["GLIBC_2.28"])];
    let program = elf::tests::program_with_lines(object::elf::EM_X86_64, needs, b"main.rs:36");
    fs::write(workshop.path("server"), program).unwrap();
    workshop.all("0.1.0").unwrap();
    assert_eq!(workshop.findings(), Vec::<String>::new());

    let path = workshop.path("site/debian/pool/main/m/myelin-dbgsym/myelin-dbgsym_0.1.0-0myelin1_amd64.deb");
    let symbols = deb::artifact(fs::read(path).unwrap()).unwrap();
    let id = "ab".repeat(20);
    for line in [
        "Depends: myelin (= 0.1.0-0myelin1)",
        "Section: debug",
        "Auto-Built-Package: debug-symbols",
        &format!("Build-Ids: {id}"),
    ] {
        assert!(symbols.metadata.lines().any(|found| found == line), "{line}: {}", symbols.metadata);
    }
    let rpm = |name: &str| {
        let name = format!("site/rpm/stable/x86_64/Packages/{name}-0.1.0-0.myelin1.x86_64.rpm");
        ::rpm::Package::parse(&mut fs::read(workshop.path(&name)).unwrap().as_slice()).unwrap()
    };
    let of_symbols = rpm("myelin-debuginfo");
    let files = of_symbols.metadata.get_file_entries().unwrap();
    let path = format!("/usr/lib/debug/.build-id/ab/{}.debug", &id[2..]);
    assert!(files.len() == 1 && files[0].path() == Path::new(&path));
    let installed = rpm("myelin");
    let files = installed.metadata.get_file_entries().unwrap();
    let program = files.iter().find(|file| file.path().ends_with("bin/myelin")).unwrap();
    assert_ne!(program.size() as u64, fs::metadata(workshop.path("server")).unwrap().len());
}

#[test]
fn how_packages_were_built_is_published_beside_them() {
    let workshop = Workshop::new();
    workshop.all("0.1.0").unwrap();
    for (folder, stem, package) in [
        ("debian/pool/main/m/myelin", "myelin_0.1.0-0myelin1_amd64", "myelin_0.1.0-0myelin1_amd64.deb"),
        ("rpm/stable/x86_64/Packages", "myelin-0.1.0-0.myelin1.x86_64", "myelin-0.1.0-0.myelin1.x86_64.rpm"),
    ] {
        let record = workshop.read(&format!("{folder}/{stem}.buildinfo"));
        for file in [package.to_owned(), format!("{stem}.cdx.json")] {
            let bytes = fs::read(workshop.path("site").join(folder).join(&file)).unwrap();
            let line = format!(" {} {} {file}\n", crate::digest::sha256(&bytes), bytes.len());
            assert!(record.contains(&line), "{record}");
            let listed = format!("{}  {folder}/{file}\n", crate::digest::sha256(&bytes));
            assert!(workshop.read("SHA256SUMS").contains(&listed));
        }
        assert!(record.contains(&format!("SOURCE_DATE_EPOCH=\"{TIME}\"")), "{record}");
        assert!(record.contains("\n rustc ") && record.contains("\n cargo-deb "), "{record}");
    }
    // It goes with the package.
    workshop.site_command(&["withdraw", "myelin", "0.1.0-0myelin1"]).unwrap();
    assert!(!workshop.read("SHA256SUMS").contains("_amd64.buildinfo"));
}

#[test]
fn a_binary_for_newer_systems_than_promised_is_refused() {
    let workshop = Workshop::new();
    workshop.compile("GLIBC_2.34");
    let error = workshop.all("0.1.0").unwrap_err().to_string();
    assert!(error.contains("asks for glibc 2.34") && error.contains("--glibc 2.34"), "{error}");
    assert!(!workshop.path("site").exists());

    let allowed = |limit: &str| {
        let words =
            ["all", "--binary", "{server}", "--runner", "{runner}", "--without-sources", "--glibc", limit];
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
