//! Puts a tree where a web server finds it, without a moment in which a client would see half of it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use crate::pool::Pool;
use crate::tree::{Content, Phase, Tree};

/// A client that read an index a while ago may still ask for what it pointed to.
const HASHED_KEPT: Duration = Duration::from_hours(7 * 24);

/// Writes the tree into a new folder beside the site, and has the site, a link, point to it.
///
/// # Errors
/// If something cannot be written, or the site is a folder that somebody else made. Then the site is what it was.
pub(crate) fn publish(tree: &Tree, pool: &Pool, site: &Path) -> anyhow::Result<PathBuf> {
    let (parent, name) = match (site.parent(), site.file_name().and_then(|name| name.to_str())) {
        (Some(parent), Some(name)) => {
            (if parent.as_os_str().is_empty() { Path::new(".") } else { parent }, name)
        }
        _ => bail!("{} is no name for a site", site.display()),
    };
    ensure!(
        site.is_symlink() || !site.exists(),
        "{} is a folder; name another place: the site is to be a link that is changed when all is written",
        site.display()
    );
    fs::create_dir_all(parent)?;
    let before = fs::read_link(site).ok().map(|target| parent.join(target));
    let (number, folder) = next_generation(parent, name)?;
    let unfinished = parent.join(format!(".{name}.unfinished"));
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    for (path, _, content) in tree.in_order() {
        write(&unfinished.join(path), content, pool)?;
    }
    if let Some(before) = &before {
        keep_hashed(before, &unfinished)?;
    }
    fs::rename(&unfinished, parent.join(&folder))?;
    let link = parent.join(format!(".{name}.link"));
    let _ = fs::remove_file(&link);
    symlink(&folder, &link)?;
    fs::rename(&link, site).with_context(|| format!("cannot make {}", site.display()))?;
    // The generation before this one stays, for requests that are under way.
    if let Some(number) = number.checked_sub(2) {
        let old = parent.join(format!("{name}.{number}"));
        if old.exists() {
            fs::remove_dir_all(old)?;
        }
    }
    Ok(parent.join(folder))
}

/// The paths in the order in which they have to be uploaded where there is no renaming, such as to a bucket; a line
/// each: phase and path. Everything of a phase has to be there before the next one begins.
pub(crate) fn upload_list(tree: &Tree) -> String {
    let number = |phase| match phase {
        Phase::Pool => 1,
        Phase::HashedIndex => 2,
        Phase::PlainIndex => 3,
        Phase::Signature => 4,
        Phase::Keys => 5,
    };
    tree.in_order().into_iter().map(|(path, phase, _)| format!("{}\t{path}\n", number(phase))).collect()
}

fn next_generation(parent: &Path, name: &str) -> anyhow::Result<(u64, String)> {
    let mut number = 0;
    for entry in fs::read_dir(parent)? {
        let found = entry?.file_name();
        let taken =
            found.to_str().and_then(|found| found.strip_prefix(name)?.strip_prefix('.')?.parse::<u64>().ok());
        number = taken.map_or(number, |taken| number.max(taken + 1));
    }
    Ok((number, format!("{name}.{number}")))
}

fn write(path: &Path, content: &Content, pool: &Pool) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match content {
        Content::Bytes(bytes) => {
            let mut file = fs::File::create(path)?;
            file.write_all(bytes).with_context(|| format!("cannot write {}", path.display()))
        }
        Content::Pool(hash) => {
            let source = pool.file(hash);
            // Where the pool is on another disk, a copy does as well.
            if fs::hard_link(&source, path).is_err() {
                fs::copy(&source, path).with_context(|| format!("cannot copy {}", source.display()))?;
            }
            Ok(())
        }
    }
}

/// Takes over indexes whose name is their hash, until they are too old to be asked for.
fn keep_hashed(before: &Path, after: &Path) -> anyhow::Result<()> {
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(before.join(&folder)) else { continue };
        for entry in entries {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path);
                continue;
            }
            let hashed = folder.ends_with("by-hash/SHA256")
                || (folder.ends_with("repodata") && path.extension().is_some_and(|end| end == "gz"));
            // A clock that went back makes a file young.
            let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
            let kept = after.join(&path);
            if hashed && age < HASHED_KEPT && !kept.exists() {
                if let Some(folder) = kept.parent() {
                    fs::create_dir_all(folder)?;
                }
                fs::hard_link(entry.path(), kept)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(index: &str) -> Tree {
        let mut tree = Tree::default();
        tree.put_bytes("debian/dists/stable/InRelease", Phase::Signature, index);
        tree.put_bytes(format!("debian/dists/stable/by-hash/SHA256/{index}"), Phase::HashedIndex, index);
        tree.put_bytes("debian/dists/stable/Packages", Phase::PlainIndex, index);
        tree.put_bytes("debian/pool/a.deb", Phase::Pool, "a");
        tree.put_bytes("rpm/keys", Phase::Keys, "a");
        tree
    }

    #[test]
    fn a_site_changes_at_once_and_keeps_what_the_last_index_pointed_to() {
        let folder = tempfile::tempdir().unwrap();
        let pool = Pool::open(&folder.path().join("pool")).unwrap();
        let site = folder.path().join("site");
        for index in ["one", "two", "three"] {
            publish(&tree(index), &pool, &site).unwrap();
            assert_eq!(fs::read_to_string(site.join("debian/dists/stable/InRelease")).unwrap(), index);
        }
        for hashed in ["one", "two", "three"] {
            assert!(site.join("debian/dists/stable/by-hash/SHA256").join(hashed).exists(), "{hashed}");
        }
        // This one and the one before.
        assert!(!folder.path().join("site.0").exists());
        assert!(folder.path().join("site.1").exists());
    }

    #[test]
    fn what_a_stopped_publishing_left_reaches_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let pool = Pool::open(&folder.path().join("pool")).unwrap();
        let site = folder.path().join("site");
        publish(&tree("one"), &pool, &site).unwrap();
        fs::create_dir(folder.path().join(".site.unfinished")).unwrap();
        fs::write(folder.path().join(".site.unfinished/half"), "half").unwrap();
        assert_eq!(fs::read_to_string(site.join("debian/dists/stable/InRelease")).unwrap(), "one");
        publish(&tree("two"), &pool, &site).unwrap();
        assert!(!site.join("half").exists());
        assert_eq!(fs::read_to_string(site.join("debian/dists/stable/InRelease")).unwrap(), "two");
    }

    #[test]
    fn a_folder_of_somebody_else_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let pool = Pool::open(&folder.path().join("pool")).unwrap();
        let site = folder.path().join("site");
        fs::create_dir(&site).unwrap();
        assert!(publish(&tree("one"), &pool, &site).is_err());
        assert_eq!(fs::read_dir(&site).unwrap().count(), 0);
    }

    #[test]
    fn signatures_are_uploaded_after_all_that_they_speak_of() {
        let list = upload_list(&tree("one"));
        let phases: Vec<&str> = list.lines().map(|line| &line[..1]).collect();
        assert_eq!(phases, ["1", "2", "3", "4", "5"]);
    }
}
