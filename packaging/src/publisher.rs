//! Puts a tree where a web server finds it, without a moment in which a client would see half of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use fs_err as fs;
use fs_err::os::unix::fs::symlink;

use crate::pool::Pool;
use crate::tree::{Content, Phase, Tree};

/// For how long a client that read an index may still ask for what it pointed to: packages, and indexes by their hash.
const KEPT_SECONDS: i64 = 7 * 24 * 60 * 60;

/// In each generation: what it took over from those before it, though no index points there any more.
const SUPERSEDED: &str = ".superseded";

/// Writes the tree into a new folder beside the site, commits the pool, and has the site, a link, point to the folder.
/// `now` is when clients begin to see it, in seconds since the epoch, whatever date the indexes bear.
///
/// # Errors
/// If something cannot be written, or the site is a folder that somebody else made. Then the site is what it was, and so
/// is the pool, but where nothing else than the link could be changed: then the next publishing changes it.
pub(crate) fn publish(tree: &Tree, pool: &mut Pool, site: &Path, now: i64) -> anyhow::Result<PathBuf> {
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
    let before = fs::read_link(site).ok().map(|target| parent.join(target)).filter(|before| before.is_dir());
    let unfinished = parent.join(format!(".{name}.unfinished"));
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    for (path, _, content) in tree.in_order() {
        write(&unfinished.join(path), content, pool)?;
    }
    if let Some(before) = &before {
        keep_superseded(before, &unfinished, now)?;
    }
    let others = generations(parent, name)?;
    let number = others.keys().next_back().map_or(0, |last| last + 1);
    let folder = format!("{name}.{number}");
    fs::rename(&unfinished, parent.join(&folder))?;
    let link = parent.join(format!(".{name}.link"));
    let _ = fs::remove_file(&link);
    symlink(&folder, &link)?;
    pool.commit()?;
    fs::rename(&link, site)?;
    // The generation before this one stays, for requests that are under way. What cannot be removed now, the next
    // publishing removes.
    for other in others.into_values().filter(|other| before.as_ref() != Some(other)) {
        let _ = fs::remove_dir_all(other);
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

/// The generations that lie there, by their numbers.
fn generations(parent: &Path, name: &str) -> anyhow::Result<BTreeMap<u64, PathBuf>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let file_name = entry.file_name();
        let number =
            file_name.to_str().and_then(|one| one.strip_prefix(name)?.strip_prefix('.')?.parse().ok());
        if let Some(number) = number {
            found.insert(number, entry.path());
        }
    }
    Ok(found)
}

fn write(path: &Path, content: &Content, pool: &Pool) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match content {
        Content::Bytes(bytes) => Ok(fs::write(path, bytes)?),
        Content::Pool(hash) => link(&pool.file(hash), path),
    }
}

/// Where there are no links, as between two disks, a copy does as well.
fn link(source: &Path, path: &Path) -> anyhow::Result<()> {
    if fs::hard_link(source, path).is_err() {
        fs::copy(source, path)?;
    }
    Ok(())
}

/// Paths that no index points to any more, and since when, in seconds since the epoch.
type Superseded = BTreeMap<String, i64>;

fn read_superseded(path: &Path) -> anyhow::Result<Superseded> {
    let text = if path.exists() { fs::read_to_string(path)? } else { String::new() };
    let lines = text.lines().filter_map(|line| line.split_once('\t'));
    Ok(lines.filter_map(|(since, path)| Some((path.to_owned(), since.parse().ok()?))).collect())
}

/// Whether a client that read an index asks for it: packages, and indexes whose name is their hash.
fn is_pointed_to(path: &Path) -> bool {
    let is_below = |name: &str| path.parent().is_some_and(|folder| folder.iter().any(|part| part == name));
    // There is a list of apt whose name is `Packages`, too.
    is_below("pool")
        || is_below("Packages")
        || is_below("by-hash")
        || (is_below("repodata") && path.extension().is_some_and(|end| end == "gz"))
}

/// Takes over what is pointed to no more, until it is too old to be asked for.
fn keep_superseded(before: &Path, after: &Path, now: i64) -> anyhow::Result<()> {
    let known = read_superseded(&before.join(SUPERSEDED))?;
    let mut kept = Superseded::new();
    let mut folders = BTreeSet::from([PathBuf::new()]);
    while let Some(folder) = folders.pop_first() {
        for entry in fs::read_dir(before.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let target = after.join(&path);
            if entry.file_type()?.is_dir() {
                folders.insert(path);
            } else if let Some(name) = path.to_str().filter(|_| is_pointed_to(&path) && !target.exists()) {
                let since = known.get(name).copied().unwrap_or(now);
                if now - since < KEPT_SECONDS {
                    if let Some(folder) = target.parent() {
                        fs::create_dir_all(folder)?;
                    }
                    link(&entry.path(), &target)?;
                    kept.insert(name.to_owned(), since);
                }
            }
        }
    }
    if !kept.is_empty() {
        let lines: String = kept.iter().map(|(path, since)| format!("{since}\t{path}\n")).collect();
        fs::write(after.join(SUPERSEDED), lines)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, Pool, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let pool = Pool::open(&folder.path().join("pool")).unwrap();
        let site = folder.path().join("site");
        (folder, pool, site)
    }

    fn tree(index: &str) -> Tree {
        let mut tree = Tree::default();
        tree.put_bytes("debian/dists/stable/InRelease", Phase::Signature, index);
        tree.put_bytes(format!("debian/dists/stable/by-hash/SHA256/{index}"), Phase::HashedIndex, index);
        tree.put_bytes("debian/dists/stable/Packages", Phase::PlainIndex, index);
        tree.put_bytes(format!("debian/pool/{index}.deb"), Phase::Pool, index);
        tree.put_bytes("rpm/keys", Phase::Keys, "a");
        tree
    }

    #[test]
    fn a_site_changes_at_once() {
        let (_folder, mut pool, site) = place();
        for index in ["one", "two", "three"] {
            publish(&tree(index), &mut pool, &site, 0).unwrap();
            assert_eq!(fs::read_to_string(site.join("debian/dists/stable/InRelease")).unwrap(), index);
        }
        // This one and the one before.
        assert!(!site.with_extension("0").exists());
        assert!(site.with_extension("1").exists());
    }

    #[test]
    fn what_an_index_pointed_to_stays_for_a_week_after_the_index_went() {
        const DAY: i64 = 24 * 60 * 60;
        let (_folder, mut pool, site) = place();
        let is_there = |name: &str| {
            let index = site.join("debian/dists/stable/by-hash/SHA256").join(name);
            assert_eq!(index.exists(), site.join(format!("debian/pool/{name}.deb")).exists());
            index.exists()
        };
        publish(&tree("one"), &mut pool, &site, 0).unwrap();
        // Nobody published anything for a month.
        publish(&tree("two"), &mut pool, &site, 30 * DAY).unwrap();
        publish(&tree("three"), &mut pool, &site, 31 * DAY).unwrap();
        publish(&tree("three"), &mut pool, &site, 37 * DAY - 1).unwrap();
        assert!(is_there("one") && is_there("two"));
        publish(&tree("three"), &mut pool, &site, 37 * DAY).unwrap();
        assert!(!is_there("one") && is_there("two"));
        // Offered again, it is as new.
        publish(&tree("two"), &mut pool, &site, 38 * DAY).unwrap();
        publish(&tree("three"), &mut pool, &site, 40 * DAY).unwrap();
        publish(&tree("three"), &mut pool, &site, 46 * DAY).unwrap();
        assert!(is_there("two"));
    }

    #[test]
    fn a_publishing_that_was_stopped_before_the_link_takes_no_generation_away() {
        let (_folder, mut pool, site) = place();
        publish(&tree("one"), &mut pool, &site, 0).unwrap();
        fs::create_dir(site.with_extension("1")).unwrap();
        publish(&tree("two"), &mut pool, &site, 0).unwrap();
        assert!(site.with_extension("0").exists(), "it was the one before");
        assert!(!site.with_extension("1").exists(), "nobody has seen it");
        assert!(site.with_extension("2").exists());
    }

    #[test]
    fn a_link_to_nowhere_is_mended() {
        let (_folder, mut pool, site) = place();
        symlink("site.7", &site).unwrap();
        publish(&tree("one"), &mut pool, &site, 0).unwrap();
        assert!(site.join("debian/dists/stable/InRelease").exists());
    }

    #[test]
    fn where_nothing_can_be_published_nothing_is_remembered() {
        let (folder, mut pool, _) = place();
        let artifact = crate::pool::tests::artifact("1.0.0-1", b"one");
        pool.add(&artifact, crate::pool::Channel::Stable).unwrap();
        let site = folder.path().join("somebody-else");
        fs::create_dir(&site).unwrap();
        assert!(publish(&tree("one"), &mut pool, &site, 0).is_err());
        drop(pool);
        let pool = Pool::open(&folder.path().join("pool")).unwrap();
        assert!(pool.snapshot().packages.is_empty());
    }

    #[test]
    fn what_a_stopped_publishing_left_reaches_nobody() {
        let (folder, mut pool, site) = place();
        publish(&tree("one"), &mut pool, &site, 0).unwrap();
        fs::create_dir(folder.path().join(".site.unfinished")).unwrap();
        fs::write(folder.path().join(".site.unfinished/half"), "half").unwrap();
        assert_eq!(fs::read_to_string(site.join("debian/dists/stable/InRelease")).unwrap(), "one");
        publish(&tree("two"), &mut pool, &site, 0).unwrap();
        assert!(!site.join("half").exists());
        assert_eq!(fs::read_to_string(site.join("debian/dists/stable/InRelease")).unwrap(), "two");
    }

    #[test]
    fn a_folder_of_somebody_else_is_not_touched() {
        let (_folder, mut pool, site) = place();
        fs::create_dir(&site).unwrap();
        assert!(publish(&tree("one"), &mut pool, &site, 0).is_err());
        assert_eq!(fs::read_dir(&site).unwrap().count(), 0);
    }

    #[test]
    fn signatures_are_uploaded_after_all_that_they_speak_of() {
        let list = upload_list(&tree("one"));
        let phases: Vec<&str> = list.lines().map(|line| &line[..1]).collect();
        assert_eq!(phases, ["1", "2", "3", "4", "5"]);
    }
}
