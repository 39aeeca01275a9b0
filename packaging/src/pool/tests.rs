use super::*;

pub(crate) fn artifact(version: &str, bytes: &[u8]) -> Artifact {
    Artifact {
        family: Family::Debian,
        role: Role::Package,
        package: "myelin".to_owned(),
        version: version.to_owned(),
        architecture: "amd64".to_owned(),
        file_name: format!("myelin_{version}_amd64.deb"),
        metadata: "Package: myelin\nMaintainer: Jürgen\n".to_owned(),
        bytes: bytes.to_vec(),
        parts: Vec::new(),
    }
}

fn versions(pool: &Pool, channel: Channel) -> Vec<String> {
    pool.snapshot().of_channel(Family::Debian, channel).map(|package| package.version.clone()).collect()
}

#[test]
fn a_file_name_stands_for_its_bytes_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let mut pool = Pool::open(folder.path()).unwrap();
    pool.add(&artifact("1.0.0-1", b"one"), Channel::Stable).unwrap();
    pool.add(&artifact("1.0.0-1", b"one"), Channel::Stable).unwrap();
    assert!(pool.add(&artifact("1.0.0-1", b"two"), Channel::Stable).is_err());
    pool.withdraw("myelin", "1.0.0-1").unwrap();
    assert!(pool.add(&artifact("1.0.0-1", b"two"), Channel::Stable).is_err());
}

#[test]
fn what_was_promoted_and_withdrawn_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let mut pool = Pool::open(folder.path()).unwrap();
    pool.add(&artifact("1.0.0-1", b"one"), Channel::Stable).unwrap();
    pool.add(&artifact("1.1.0~rc1-1", b"two"), Channel::Prerelease).unwrap();
    pool.promote("myelin", "1.1.0~rc1-1").unwrap();
    pool.withdraw("myelin", "1.0.0-1").unwrap();
    assert!(pool.withdraw("myelin", "1.0.0-1").is_err());
    pool.commit().unwrap();
    drop(pool);

    let pool = Pool::open(folder.path()).unwrap();
    assert_eq!(versions(&pool, Channel::Stable), ["1.1.0~rc1-1"]);
    assert!(versions(&pool, Channel::Prerelease).is_empty());
}

#[test]
fn the_newest_versions_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut pool = Pool::open(folder.path()).unwrap();
    for minor in 0..12 {
        pool.add(&artifact(&format!("1.{minor}.0-1"), &[minor]), Channel::Stable).unwrap();
    }
    assert_eq!(versions(&pool, Channel::Stable), ["1.11.0-1", "1.10.0-1", "1.9.0-1", "1.8.0-1", "1.7.0-1"]);
}

/// A source package, whose archive serves all revisions of a version.
fn source(revision: u8, archive: &[u8]) -> Artifact {
    Artifact {
        role: Role::Source,
        architecture: "source".to_owned(),
        file_name: format!("myelin_1.0.0-{revision}.dsc"),
        parts: vec![Part { file_name: "myelin_1.0.0.orig.tar.xz".to_owned(), bytes: archive.to_vec() }],
        ..artifact(&format!("1.0.0-{revision}"), &[revision])
    }
}

#[test]
fn a_part_is_kept_with_what_it_belongs_to_and_never_changes() {
    let folder = tempfile::tempdir().unwrap();
    let mut pool = Pool::open(folder.path()).unwrap();
    pool.add(&source(1, b"archive"), Channel::Stable).unwrap();
    pool.add(&source(2, b"archive"), Channel::Stable).unwrap();
    let error = pool.add(&source(3, b"other archive"), Channel::Stable).unwrap_err();
    assert!(error.to_string().contains("orig.tar.xz was published with other bytes"), "{error}");
    // The second revision has the archive still.
    pool.withdraw("myelin", "1.0.0-1").unwrap();
    pool.commit().unwrap();
    drop(pool);

    let pool = Pool::open(folder.path()).unwrap();
    let snapshot = pool.snapshot();
    let sources: Vec<_> = snapshot.with_role(Family::Debian, Channel::Stable, Role::Source).collect();
    assert_eq!(sources.len(), 1);
    assert!(snapshot.with_role(Family::Debian, Channel::Stable, Role::Package).next().is_none());
    let files: Vec<_> = sources[0].files().collect();
    assert_eq!(files[1].0, "myelin_1.0.0.orig.tar.xz");
    assert_eq!(fs_err::read(pool.file(files[1].2)).unwrap(), b"archive");
}

/// A pool with a version in its ledger, which is closed again; gives the place of the ledger.
fn pool_of_one(folder: &Path) -> PathBuf {
    let mut pool = Pool::open(folder).unwrap();
    pool.add(&artifact("1.0.0-1", b"one"), Channel::Stable).unwrap();
    pool.commit().unwrap();
    folder.join(LEDGER)
}

#[test]
fn a_ledger_of_the_first_form_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = pool_of_one(folder.path());
    let text = fs_err::read_to_string(&ledger).unwrap();
    // An event a line, and no roles.
    let events = text.trim().strip_prefix('[').unwrap().strip_suffix(']').unwrap();
    let older = events.replace("\"role\":\"package\",", "");
    assert_ne!(events, older);
    fs_err::write(&ledger, older + "\n").unwrap();
    assert_eq!(versions(&Pool::open(folder.path()).unwrap(), Channel::Stable), ["1.0.0-1"]);
}

#[test]
fn what_was_not_committed_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let mut pool = Pool::open(folder.path()).unwrap();
    pool.add(&artifact("1.0.0-1", b"one"), Channel::Stable).unwrap();
    drop(pool);
    assert!(versions(&Pool::open(folder.path()).unwrap(), Channel::Stable).is_empty());
}

#[test]
fn a_ledger_that_ends_in_the_middle_of_a_line_is_as_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = pool_of_one(folder.path());
    let first = fs_err::read(&ledger).unwrap();
    let mut pool = Pool::open(folder.path()).unwrap();
    pool.add(&artifact("1.1.0-1", b"two"), Channel::Stable).unwrap();
    pool.add(&artifact("1.2.0-1", b"three"), Channel::Stable).unwrap();
    pool.commit().unwrap();
    drop(pool);
    let whole = fs_err::read(&ledger).unwrap();
    for length in first.len() + 1..whole.len() {
        fs_err::write(&ledger, &whole[..length]).unwrap();
        let mut pool = Pool::open(folder.path()).unwrap();
        assert_eq!(versions(&pool, Channel::Stable), ["1.0.0-1"]);
        // And goes on from there.
        pool.add(&artifact("1.3.0-1", b"four"), Channel::Stable).unwrap();
        pool.commit().unwrap();
        drop(pool);
        assert_eq!(versions(&Pool::open(folder.path()).unwrap(), Channel::Stable), ["1.3.0-1", "1.0.0-1"]);
    }
    fs_err::write(&ledger, [b"nothing\n".as_slice(), &whole].concat()).unwrap();
    let error = Pool::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("ledger.jsonl:1:"), "{error}");
}

#[test]
fn two_at_a_time_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _pool = Pool::open(folder.path()).unwrap();
    assert!(Pool::open(folder.path()).is_err());
}
