//! The rpm repositories: one a channel and processor, as dnf and zypper read them.

use std::collections::BTreeSet;

use anyhow::Context;

use super::Site;
use crate::archive;
use crate::digest::sha256;
use crate::pool::{Channel, Family, Published, Role};
use crate::rpm_package::{Metadata, Relation};
use crate::tree::{Content, Phase, Tree};

pub(crate) const ARCHITECTURES: &[&str] = &["x86_64", "aarch64", SOURCES];
/// In the place of a processor: what packages are built from.
const SOURCES: &str = "source";
pub(crate) const CHANNELS: &[Channel] = &[Channel::Stable, Channel::Prerelease];
/// The keys that sign now or will sign next. A client asks there again when it meets a signature of a key that it does
/// not know, so the name is the same for ever.
pub(crate) const KEYS: &str = "RPM-GPG-KEY-myelin";

/// Puts `rpm/` into the tree.
pub(super) fn render(site: &Site<'_>, tree: &mut Tree) -> anyhow::Result<()> {
    let keys = site.signer.certificates().rpm_keys()?;
    tree.put_bytes(format!("rpm/{KEYS}"), Phase::Keys, keys.as_str());
    tree.put_bytes("rpm/myelin.repo", Phase::Pool, repository_file(site.url));
    for channel in CHANNELS {
        for architecture in ARCHITECTURES {
            render_one(site, *channel, architecture, &keys, tree)?;
        }
    }
    Ok(())
}

/// The file for `/etc/yum.repos.d` and `/etc/zypp/repos.d`. A change of keys does not change it, so that it is right for
/// ever where an administrator has written into it.
pub(crate) fn repository_file(url: &str) -> String {
    let section = |name: &str, title: &str, place: &str, enabled: u8| {
        format!(
            "[{name}]\nname={title}\nbaseurl={url}/rpm/{place}/\nenabled={enabled}\ntype=rpm-md\n\
             gpgcheck=1\npkg_gpgcheck=1\nrepo_gpgcheck=1\ngpgkey={url}/rpm/{KEYS}\n"
        )
    };
    [
        section("myelin", "Myelin", "stable/$basearch", 1),
        section("myelin-source", "Myelin, sources", "stable/source", 0),
        section("myelin-prerelease", "Myelin, versions before a release", "prerelease/$basearch", 0),
        section("myelin-prerelease-source", "Myelin, sources before a release", "prerelease/source", 0),
    ]
    .join("\n")
}

fn render_one(
    site: &Site<'_>,
    channel: Channel,
    architecture: &str,
    keys: &str,
    tree: &mut Tree,
) -> anyhow::Result<()> {
    let root = format!("rpm/{channel}/{architecture}");
    let mut packages = Vec::new();
    let is_here = |published: &&Published| match architecture {
        SOURCES => published.role == Role::Source,
        _ => {
            published.role != Role::Source
                && (published.architecture == architecture || published.architecture == "noarch")
        }
    };
    for published in site.snapshot.of_channel(Family::Rpm, channel).filter(is_here) {
        for (name, _, sha256) in published.files() {
            let content = Content::Pool(sha256.to_owned());
            tree.put(format!("{root}/{}/{name}", published.below("Packages")), Phase::Pool, content);
        }
        if published.role != Role::Record {
            let metadata: Metadata = serde_json::from_str(&published.metadata)
                .with_context(|| format!("what the pool says of {}", published.file_name))?;
            packages.push((published, metadata));
        }
    }
    let parts =
        [("primary", primary(&packages)), ("filelists", filelists(&packages)), ("other", other(&packages))];
    let mut repomd = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<repomd xmlns=\"http://linux.duke.edu/metadata/repo\" \
         xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\">\n",
    );
    repomd += &format!("  <revision>{}</revision>\n", site.time);
    for (kind, text) in parts {
        let compressed = archive::gzip(text.as_bytes())?;
        let sum = sha256(&compressed);
        let path = format!("repodata/{sum}-{kind}.xml.gz");
        repomd += &format!("  <data type=\"{kind}\">\n    <checksum type=\"sha256\">{sum}</checksum>\n");
        repomd +=
            &format!("    <open-checksum type=\"sha256\">{}</open-checksum>\n", sha256(text.as_bytes()));
        repomd += &format!("    <location href=\"{path}\"/>\n    <timestamp>{}</timestamp>\n", site.time);
        repomd += &format!(
            "    <size>{}</size>\n    <open-size>{}</open-size>\n  </data>\n",
            compressed.len(),
            text.len()
        );
        tree.put_bytes(format!("{root}/{path}"), Phase::HashedIndex, compressed);
    }
    repomd += "</repomd>\n";
    let signature = site.signer.sign_rpm_detached(repomd.as_bytes())?;
    tree.put_bytes(format!("{root}/repodata/repomd.xml"), Phase::Signature, repomd);
    tree.put_bytes(format!("{root}/repodata/repomd.xml.asc"), Phase::Signature, signature);
    tree.put_bytes(format!("{root}/repodata/repomd.xml.key"), Phase::Signature, keys);
    Ok(())
}

type Packages<'a> = [(&'a Published, Metadata)];

fn document(
    element: &str,
    namespace: &str,
    packages: &Packages<'_>,
    one: impl Fn(&Published, &Metadata) -> String,
) -> String {
    let body: String = packages.iter().map(|(package, metadata)| one(package, metadata)).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{element} xmlns=\"http://linux.duke.edu/metadata/{namespace}\" \
         xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"{}\">\n{body}</{element}>\n",
        packages.len()
    )
}

fn primary(packages: &Packages<'_>) -> String {
    document("metadata", "common", packages, |package, metadata| {
        let mut out = format!(
            "<package type=\"rpm\">\n  <name>{}</name>\n  <arch>{}</arch>\n  {}\n",
            escape(&metadata.name),
            metadata.architecture,
            version(metadata)
        );
        out += &format!("  <checksum type=\"sha256\" pkgid=\"YES\">{}</checksum>\n", package.sha256);
        out += &format!(
            "  <summary>{}</summary>\n  <description>{}</description>\n  <packager>{}</packager>\n  <url>{}</url>\n",
            escape(&metadata.summary),
            escape(&metadata.description),
            escape(&metadata.packager),
            escape(&metadata.url)
        );
        out += &format!(
            "  <time file=\"{0}\" build=\"{0}\"/>\n  <size package=\"{1}\" installed=\"{2}\" archive=\"{2}\"/>\n",
            metadata.build_time, package.size_bytes, metadata.installed_bytes
        );
        let place = format!("{}/{}", package.below("Packages"), package.file_name);
        out += &format!("  <location href=\"{}\"/>\n  <format>\n", escape(&place));
        out += &format!("    <rpm:license>{}</rpm:license>\n", escape(&metadata.license));
        out += &format!("    <rpm:vendor>{}</rpm:vendor>\n", escape(&metadata.vendor));
        out += &format!("    <rpm:group>{}</rpm:group>\n", escape(&metadata.group));
        out += &format!("    <rpm:buildhost>{}</rpm:buildhost>\n", escape(&metadata.build_host));
        out += &format!("    <rpm:sourcerpm>{}</rpm:sourcerpm>\n", escape(&metadata.source));
        let (start, end) = metadata.header;
        out += &format!("    <rpm:header-range start=\"{start}\" end=\"{end}\"/>\n");
        for (kind, relations) in &metadata.relations {
            out += &relation_list(kind, relations);
        }
        let wanted = |path: &str| path.starts_with("/etc/") || path.contains("bin/");
        out += &file_list("    ", metadata.files.iter().filter(|(path, _)| wanted(path)));
        out + "  </format>\n</package>\n"
    })
}

fn filelists(packages: &Packages<'_>) -> String {
    document("filelists", "filelists", packages, |package, metadata| {
        format!("{}{}</package>\n", head(package, metadata), file_list("  ", metadata.files.iter()))
    })
}

fn other(packages: &Packages<'_>) -> String {
    document("otherdata", "other", packages, |package, metadata| {
        format!("{}</package>\n", head(package, metadata))
    })
}

fn head(package: &Published, metadata: &Metadata) -> String {
    format!(
        "<package pkgid=\"{}\" name=\"{}\" arch=\"{}\">\n  {}\n",
        package.sha256,
        escape(&metadata.name),
        metadata.architecture,
        version(metadata)
    )
}

fn version(metadata: &Metadata) -> String {
    format!(
        "<version epoch=\"0\" ver=\"{}\" rel=\"{}\"/>",
        escape(&metadata.version),
        escape(&metadata.release)
    )
}

fn relation_list(kind: &str, relations: &[Relation]) -> String {
    let mut seen = BTreeSet::new();
    let entries: String = relations
        .iter()
        .map(|relation| {
            let compared = relation.version.as_ref().map(|(sign, version)| {
                let (number, release) = version.split_once('-').unwrap_or((version, ""));
                let release =
                    if release.is_empty() { String::new() } else { format!(" rel=\"{}\"", escape(release)) };
                format!(" flags=\"{sign}\" epoch=\"0\" ver=\"{}\"{release}", escape(number))
            });
            let before = if relation.before && kind == "requires" { " pre=\"1\"" } else { "" };
            format!(
                "      <rpm:entry name=\"{}\"{}{before}/>\n",
                escape(&relation.name),
                compared.unwrap_or_default()
            )
        })
        .filter(|entry| seen.insert(entry.clone()))
        .collect();
    if entries.is_empty() { String::new() } else { format!("    <rpm:{kind}>\n{entries}    </rpm:{kind}>\n") }
}

fn file_list<'a>(indent: &str, files: impl Iterator<Item = &'a (String, bool)>) -> String {
    files
        .map(|(path, is_folder)| {
            let kind = if *is_folder { " type=\"dir\"" } else { "" };
            format!("{indent}<file{kind}>{}</file>\n", escape(path))
        })
        .collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_reads_otherwise_is_escaped() {
        assert_eq!(escape("a <b@c> & \"d\""), "a &lt;b@c&gt; &amp; &quot;d&quot;");
    }

    #[test]
    fn one_repository_is_enabled_and_all_have_one_address_of_keys() {
        let file = repository_file("https://packages.example.org");
        let keys = "gpgkey=https://packages.example.org/rpm/RPM-GPG-KEY-myelin\n";
        assert_eq!(file.matches(keys).count(), 4);
        assert_eq!(file.matches("enabled=1").count(), 1);
    }
}
