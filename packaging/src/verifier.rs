//! Looks at a published tree as its clients do.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail, ensure};

use crate::deb::field;
use crate::digest::sha256;
use crate::repository::debian::parse_date;
use crate::signer::Certificates;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// What was found: a fault, in words that name the file.
pub(crate) type Findings = Vec<String>;

/// Checks every signature, hash and date below `site`. Whatever a signed index of apt says expires in less than `days`
/// is a finding, too.
pub(crate) fn verify(site: &Path, trusted: &Certificates, now: u32, days: u32) -> Findings {
    let mut findings = Findings::new();
    let suites = fs::read_dir(site.join("debian/dists")).map(|entries| {
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.collect::<BTreeSet<_>>()
    });
    let Ok(suites) = suites else {
        return vec![format!("{}: no debian/dists in it", site.display())];
    };
    for suite in suites {
        if let Err(error) = suite_is_good(site, &suite, trusted, now, days, &mut findings) {
            findings.push(format!("debian/dists/{suite}: {error:#}"));
        }
    }
    for channel in ["stable", "prerelease"] {
        for architecture in ["x86_64", "aarch64"] {
            let root = format!("rpm/{channel}/{architecture}");
            if let Err(error) = rpm_is_good(site, &root, trusted, &mut findings) {
                findings.push(format!("{root}: {error:#}"));
            }
        }
    }
    findings
}

fn suite_is_good(
    site: &Path,
    suite: &str,
    trusted: &Certificates,
    now: u32,
    days: u32,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let root = site.join("debian/dists").join(suite);
    let release = trusted.verify_clear(&text(&root.join("InRelease"))?).context("InRelease")?;
    let plain = text(&root.join("Release"))?;
    trusted.verify_detached(&text(&root.join("Release.gpg"))?, plain.as_bytes()).context("Release.gpg")?;
    ensure!(plain == release, "Release and InRelease say different things");
    let until = parse_date(field(&release, "Valid-Until").context("no Valid-Until")?)?;
    let left = until - i64::from(now);
    if left < i64::from(days) * DAY_SECONDS {
        findings.push(format!("debian/dists/{suite}: valid for {} more days only", left / DAY_SECONDS));
    }
    for line in release.lines().filter(|line| line.starts_with(' ')) {
        let [sum, size, path] = line.split_whitespace().collect::<Vec<_>>()[..] else { continue };
        let bytes = read(&root.join(path))?;
        if bytes.len().to_string() != size || sha256(&bytes) != sum {
            findings.push(format!("debian/dists/{suite}/{path}: not what Release says"));
        }
        let (folder, name) = path.rsplit_once('/').unwrap_or_default();
        if !root.join(folder).join("by-hash/SHA256").join(sum).exists() {
            findings.push(format!("debian/dists/{suite}/{path}: not there by its hash"));
        }
        if name == "Packages" {
            packages_are_good(site, &String::from_utf8_lossy(&bytes), findings);
        }
    }
    Ok(())
}

fn packages_are_good(site: &Path, index: &str, findings: &mut Findings) {
    for stanza in index.split("\n\n").filter(|stanza| !stanza.trim().is_empty()) {
        let (Some(path), Some(sum)) = (field(stanza, "Filename"), field(stanza, "SHA256")) else {
            findings
                .push(format!("a package without a place: {}", stanza.lines().next().unwrap_or_default()));
            continue;
        };
        match fs::read(site.join("debian").join(path)) {
            Ok(bytes) if sha256(&bytes) == sum => {}
            Ok(_) => findings.push(format!("debian/{path}: not what the index says")),
            Err(error) => findings.push(format!("debian/{path}: {error}")),
        }
    }
}

fn rpm_is_good(
    site: &Path,
    root: &str,
    trusted: &Certificates,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let folder = site.join(root);
    let repomd = text(&folder.join("repodata/repomd.xml"))?;
    let signature = text(&folder.join("repodata/repomd.xml.asc"))?;
    trusted.verify_rpm(&signature, repomd.as_bytes()).context("repomd.xml.asc")?;
    for data in repomd.split("<data ").skip(1) {
        let (Some(sum), Some(path)) = (
            between(data, "<checksum type=\"sha256\">", "</checksum>"),
            between(data, "<location href=\"", "\""),
        ) else {
            bail!("repomd.xml: not in the form that we write");
        };
        let bytes = read(&folder.join(path))?;
        if sha256(&bytes) != sum {
            findings.push(format!("{root}/{path}: not what repomd.xml says"));
        }
        if path.ends_with("-primary.xml.gz") {
            rpms_are_good(site, root, &bytes, findings)?;
        }
    }
    Ok(())
}

fn rpms_are_good(site: &Path, root: &str, primary: &[u8], findings: &mut Findings) -> anyhow::Result<()> {
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(primary), &mut text)?;
    for package in text.split("<package type=").skip(1) {
        let (Some(sum), Some(path)) =
            (between(package, "pkgid=\"YES\">", "</checksum>"), between(package, "<location href=\"", "\""))
        else {
            bail!("primary.xml: not in the form that we write");
        };
        match fs::read(site.join(root).join(path)) {
            Ok(bytes) if sha256(&bytes) == sum => {}
            Ok(_) => findings.push(format!("{root}/{path}: not what the index says")),
            Err(error) => findings.push(format!("{root}/{path}: {error}")),
        }
    }
    Ok(())
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let start = text.find(before)? + before.len();
    let end = text[start..].find(after)? + start;
    Some(&text[start..end])
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn text(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
