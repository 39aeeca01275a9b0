//! The page of the site: one line to copy for each system.

use crate::repository::Site;
use crate::signer::fingerprint;
use crate::tree::{Phase, Tree};

const PAGE: &str = include_str!("../index.html");

/// Puts `index.html` into the tree.
///
/// # Errors
/// None so far; the writers have one form.
pub(crate) fn render(site: &Site<'_>, tree: &mut Tree) -> anyhow::Result<()> {
    let certificates = site.signer.certificates();
    let apt = certificates.apt.iter().map(|certificate| ("apt".to_owned(), fingerprint(certificate)));
    let rpm = certificates
        .rpm
        .iter()
        .map(|(generation, certificate)| (format!("rpm, {generation}"), fingerprint(certificate)));
    let list: String = apt
        .chain(rpm)
        .map(|(name, fingerprint)| {
            format!("<dt>{name}</dt><dd><code>{}</code></dd>\n", grouped(&fingerprint))
        })
        .collect();
    let page = PAGE.replace("{url}", &escape(site.url)).replace("{fingerprints}", &list);
    tree.put_bytes("index.html", Phase::Pool, page);
    Ok(())
}

/// In groups of four, as people compare it.
fn grouped(fingerprint: &str) -> String {
    let letters: Vec<char> = fingerprint.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_shown_in_groups() {
        assert_eq!(grouped("0123456789"), "0123 4567 89");
    }

    #[test]
    fn the_readme_has_the_same_lines_as_the_page() {
        let readme = fs_err::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
        for system in ["debian", "dnf5", "dnf4", "zypper"] {
            let start = format!("<code data-system=\"{system}\">");
            let (_, rest) = PAGE.split_once(&start).unwrap();
            let (lines, _) = rest.split_once("</code>").unwrap();
            for line in lines.lines() {
                let line = line.replace("{url}", "https://packages.example.org");
                assert!(readme.contains(&line), "{system}: {line}");
            }
        }
    }
}
