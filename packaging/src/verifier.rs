//! Looks at a published site as its clients do.

use std::collections::BTreeMap;
use std::io::Read;

use anyhow::{Context, bail, ensure};

use crate::deb::field;
use crate::digest::sha256;
use crate::fetcher::Site;
use crate::repository::debian::parse_date;
use crate::repository::{CHECKSUMS, rpm};
use crate::rpm_package;
use crate::signer::{Certificates, armored};

const DAY_SECONDS: i64 = 24 * 60 * 60;
/// What is larger is no index of ours.
const INDEX_BYTES: u64 = 64 << 20;
/// What is larger is no package of ours.
const PACKAGE_BYTES: u64 = 1 << 30;

/// What a site is compared with.
pub(crate) struct Expected<'a> {
    pub(crate) trusted: &'a Certificates,
    pub(crate) suites: &'a [String],
    /// Seconds since the epoch.
    pub(crate) now: u32,
    /// Whatever is valid for fewer days expires soon.
    pub(crate) days: u32,
}

/// What was found, in words that name the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// A client refuses it, or should.
    pub(crate) faults: Vec<String>,
    /// Good today.
    pub(crate) expiring: Vec<String>,
}

/// Checks every signature, hash and date of a site.
pub(crate) fn verify(site: &Site, expected: &Expected<'_>) -> Report {
    let mut verifier = Verifier { site, expected, report: Report::default(), checked: BTreeMap::new() };
    for suite in expected.suites {
        let place = format!("debian/dists/{suite}");
        let result = verifier.suite(&place);
        verifier.note(&place, result);
    }
    for channel in rpm::CHANNELS {
        for architecture in rpm::ARCHITECTURES {
            let place = format!("rpm/{channel}/{architecture}");
            let result = verifier.rpm_repository(&place);
            verifier.note(&place, result);
        }
    }
    let result = verifier.keys();
    verifier.note("keys", result);
    let result = verifier.checksums();
    verifier.note(CHECKSUMS, result);
    verifier.report
}

struct Verifier<'a> {
    site: &'a Site,
    expected: &'a Expected<'a>,
    report: Report,
    /// Hashes of what was read already: a package is in many indexes.
    checked: BTreeMap<String, String>,
}

impl Verifier<'_> {
    fn note(&mut self, place: &str, result: anyhow::Result<()>) {
        if let Err(error) = result {
            self.report.faults.push(format!("{place}: {error:#}"));
        }
    }

    fn fault(&mut self, place: &str, words: &str) {
        self.report.faults.push(format!("{place}: {words}"));
    }

    fn index(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        self.site.read(path, INDEX_BYTES)
    }

    fn text(&self, path: &str) -> anyhow::Result<String> {
        String::from_utf8(self.index(path)?).with_context(|| format!("{path} is not UTF-8"))
    }

    /// Whether a file is what an index says; gives its bytes when they are read for the first time.
    fn file(&mut self, path: &str, sum: &str, index: &str) -> Option<Vec<u8>> {
        if let Some(known) = self.checked.get(path) {
            if known != sum {
                self.fault(path, &format!("not what {index} says"));
            }
            return None;
        }
        match self.site.read(path, PACKAGE_BYTES) {
            Ok(bytes) => {
                let found = sha256(&bytes);
                let good = found == sum;
                self.checked.insert(path.to_owned(), found);
                if !good {
                    self.fault(path, &format!("not what {index} says"));
                }
                good.then_some(bytes)
            }
            Err(error) => {
                self.fault(path, &format!("{error:#}"));
                None
            }
        }
    }

    fn suite(&mut self, root: &str) -> anyhow::Result<()> {
        let signed = self.text(&format!("{root}/InRelease"))?;
        let release = self.text(&format!("{root}/Release"))?;
        let signature = self.text(&format!("{root}/Release.gpg"))?;
        for (key, client) in self.expected.trusted.each_of_apt() {
            let text = client.verify_clear(&signed).with_context(|| format!("InRelease: {key}"))?;
            ensure!(text == release, "Release and InRelease say different things");
            client
                .verify_detached(&signature, release.as_bytes())
                .with_context(|| format!("Release.gpg: {key}"))?;
        }
        let until = parse_date(field(&release, "Valid-Until").context("no Valid-Until")?)?;
        let left = until - i64::from(self.expected.now);
        if left <= 0 {
            self.fault(root, "expired");
        } else if left < i64::from(self.expected.days) * DAY_SECONDS {
            let words = format!("{root}: valid for {} more days only", left / DAY_SECONDS);
            self.report.expiring.push(words);
        }
        for line in release.lines().filter(|line| line.starts_with(' ')) {
            let [sum, size, path] = line.split_whitespace().collect::<Vec<_>>()[..] else { continue };
            let (folder, name) = path.rsplit_once('/').unwrap_or_default();
            let bytes = self.index(&format!("{root}/{path}"))?;
            if bytes.len().to_string() != size || sha256(&bytes) != sum {
                self.fault(&format!("{root}/{path}"), "not what Release says");
            }
            // This is the one that apt asks for.
            let hashed = format!("{root}/{folder}/by-hash/SHA256/{sum}");
            if self.index(&hashed).is_ok_and(|found| sha256(&found) == sum) {
                match name {
                    "Packages" => self.packages(&String::from_utf8_lossy(&bytes)),
                    "Sources" => self.sources(&String::from_utf8_lossy(&bytes)),
                    _ => {}
                }
            } else {
                self.fault(&format!("{root}/{path}"), "not there by its hash");
            }
        }
        Ok(())
    }

    fn packages(&mut self, index: &str) {
        for stanza in stanzas(index) {
            match (field(stanza, "Filename"), field(stanza, "SHA256")) {
                (Some(path), Some(sum)) => {
                    self.file(&format!("debian/{path}"), sum, "Packages");
                }
                _ => self.fault("Packages", "a package without a place"),
            }
        }
    }

    fn sources(&mut self, index: &str) {
        for stanza in stanzas(index) {
            let Some(folder) = field(stanza, "Directory") else {
                self.fault("Sources", "a source without a place");
                continue;
            };
            let sums = stanza.split_once("Checksums-Sha256:\n").map(|(_, sums)| sums).unwrap_or_default();
            for line in sums.lines().take_while(|line| line.starts_with(' ')) {
                let [sum, _, name] = line.split_whitespace().collect::<Vec<_>>()[..] else { continue };
                let path = format!("debian/{folder}/{name}");
                let Some(bytes) = self.file(&path, sum, "Sources") else { continue };
                if name.ends_with(".dsc") {
                    let text = String::from_utf8_lossy(&bytes);
                    let result = self.expected.trusted.verify_clear(&text).map(drop);
                    self.note(&path, result);
                }
            }
        }
    }

    fn rpm_repository(&mut self, root: &str) -> anyhow::Result<()> {
        let repomd = self.text(&format!("{root}/repodata/repomd.xml"))?;
        let signature = self.text(&format!("{root}/repodata/repomd.xml.asc"))?;
        self.expected.trusted.verify_rpm(&signature, repomd.as_bytes()).context("repomd.xml.asc")?;
        let keys = self.text(&format!("{root}/repodata/repomd.xml.key"))?;
        ensure!(keys == self.expected.trusted.rpm_keys()?, "repomd.xml.key: other keys");
        for data in repomd.split("<data ").skip(1) {
            let (Some(sum), Some(path)) = (
                between(data, "<checksum type=\"sha256\">", "</checksum>"),
                between(data, "<location href=\"", "\""),
            ) else {
                bail!("repomd.xml: not in the form that we write");
            };
            let bytes = self.index(&format!("{root}/{path}"))?;
            if sha256(&bytes) != sum {
                self.fault(&format!("{root}/{path}"), "not what repomd.xml says");
            } else if path.ends_with("-primary.xml.gz") {
                self.rpms(root, &bytes)?;
            }
        }
        Ok(())
    }

    fn rpms(&mut self, root: &str, primary: &[u8]) -> anyhow::Result<()> {
        let unpacked = flate2::read::GzDecoder::new(primary).take(INDEX_BYTES);
        let text = std::io::read_to_string(unpacked).context("primary.xml")?;
        for package in text.split("<package type=").skip(1) {
            let (Some(sum), Some(place)) = (
                between(package, "pkgid=\"YES\">", "</checksum>"),
                between(package, "<location href=\"", "\""),
            ) else {
                bail!("primary.xml: not in the form that we write");
            };
            let path = format!("{root}/{place}");
            if let Some(bytes) = self.file(&path, sum, "primary.xml") {
                let result = rpm_package::verify(bytes.as_slice(), self.expected.trusted);
                self.note(&path, result);
            }
        }
        Ok(())
    }

    /// The keys that a new client takes over.
    fn keys(&mut self) -> anyhow::Result<()> {
        let trusted = self.expected.trusted;
        let texts = trusted.apt.iter().map(armored).collect::<anyhow::Result<String>>()?;
        let expected = [
            ("debian/myelin-archive-keyring.pgp".to_owned(), trusted.apt_keyring()?),
            ("debian/myelin-archive-keyring.asc".to_owned(), texts.into_bytes()),
            (format!("rpm/{}", rpm::KEYS), trusted.rpm_keys()?.into_bytes()),
        ];
        for (path, bytes) in expected {
            match self.index(&path) {
                Ok(found) if found == bytes => {}
                Ok(_) => self.fault(&path, "other keys than those that are trusted"),
                Err(error) => self.fault(&path, &format!("{error:#}")),
            }
        }
        Ok(())
    }

    fn checksums(&mut self) -> anyhow::Result<()> {
        let list = self.text(CHECKSUMS)?;
        let signature = self.text(&format!("{CHECKSUMS}.asc"))?;
        for (key, client) in self.expected.trusted.each_of_apt() {
            client.verify_detached(&signature, list.as_bytes()).context(key)?;
        }
        for line in list.lines() {
            let (sum, path) = line.split_once("  ").context("not in the form that we write")?;
            self.file(path, sum, CHECKSUMS);
        }
        Ok(())
    }
}

fn stanzas(index: &str) -> impl Iterator<Item = &str> {
    index.split("\n\n").filter(|stanza| !stanza.trim().is_empty())
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let start = text.find(before)? + before.len();
    let end = text[start..].find(after)? + start;
    Some(&text[start..end])
}
