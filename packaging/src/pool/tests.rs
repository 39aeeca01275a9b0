use super::*;

fn artifact(version: &str, bytes: &[u8]) -> Artifact {
    Artifact {
        family: Family::Debian,
        package: "myelin".to_owned(),
        version: version.to_owned(),
        architecture: "amd64".to_owned(),
        file_name: format!("myelin_{version}_amd64.deb"),
        metadata: "Package: myelin\n".to_owned(),
        bytes: bytes.to_vec(),
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

#[test]
fn two_at_a_time_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _pool = Pool::open(folder.path()).unwrap();
    assert!(Pool::open(folder.path()).is_err());
}
