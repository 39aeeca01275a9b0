//! The same commit, tools, keys and date give the same bytes, wherever and by whomever packages and repository are made.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// 2026-11-27.
const TIME: &str = "1795737600";

/// Somebody who makes packages.
struct Maker {
    /// Theirs alone.
    home: PathBuf,
    tree: PathBuf,
    umask: &'static str,
    environment: [(&'static str, &'static str); 3],
}

impl Maker {
    fn new(
        home: PathBuf,
        tree: &str,
        umask: &'static str,
        environment: [(&'static str, &'static str); 3],
    ) -> Self {
        let tree = home.join(tree);
        fs::create_dir_all(&tree).unwrap();
        let maker = Self { home, tree, umask, environment };
        maker.check_out();
        maker
    }

    /// All that belongs to the tree, committed by somebody at some time, as Git would fetch it.
    fn check_out(&self) {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let listing = Command::new("git")
            .arg("-C")
            .arg(&ours)
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .output()
            .unwrap();
        for path in String::from_utf8(listing.stdout).unwrap().split_terminator('\0') {
            let (from, to) = (ours.join(path), self.tree.join(path));
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            if from.is_symlink() {
                symlink(fs::read_link(&from).unwrap(), &to).unwrap();
            } else if from.exists() {
                fs::copy(&from, &to).unwrap();
                let mode = fs::metadata(&from).unwrap().permissions().mode();
                let closed = if self.umask == "077" { mode & 0o700 } else { mode };
                fs::set_permissions(&to, fs::Permissions::from_mode(closed)).unwrap();
            }
        }
        for words in
            [["init", "--quiet"].as_slice(), &["add", "--all"], &["commit", "--quiet", "--message", "all"]]
        {
            let date = format!("{TIME} +0000");
            let status = Command::new("git")
                .args([
                    "-c",
                    "user.name=Test",
                    "-c",
                    "user.email=test@example.org",
                    "-c",
                    "commit.gpgsign=false",
                ])
                .args(words)
                .env("GIT_AUTHOR_DATE", &date)
                .env("GIT_COMMITTER_DATE", &date)
                .current_dir(&self.tree)
                .status();
            assert!(status.unwrap().success());
        }
    }

    fn pack(&self, words: &[&str]) {
        let own = |name: &str, default: PathBuf| std::env::var_os(name).map_or(default, PathBuf::from);
        let home = PathBuf::from(std::env::var_os("HOME").unwrap());
        let cache = own("XDG_CACHE_HOME", home.join(".cache"));
        let output = Command::new("sh")
            .args(["-c", "umask \"$0\" && exec \"$@\"", self.umask, env!("CARGO_BIN_EXE_pack")])
            .args(words)
            .env("HOME", &self.home)
            .env("CARGO_HOME", own("CARGO_HOME", home.join(".cargo")))
            .env("RUSTUP_HOME", own("RUSTUP_HOME", home.join(".rustup")))
            .env("PACK_TOOLS", own("PACK_TOOLS", cache.join("myelin")))
            .env("SOURCE_DATE_EPOCH", TIME)
            .envs(self.environment)
            .current_dir(&self.tree)
            .output()
            .unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Every file of the site that they publish.
    fn site(&self, keys: &Path) -> BTreeMap<String, Vec<u8>> {
        let path = |name: &str| self.home.join(name).display().to_string();
        self.pack(&[
            "all",
            "--keys",
            keys.to_str().unwrap(),
            "--pool",
            &path("pool"),
            "--site",
            &path("site"),
            "--url",
            "https://packages.example.org",
            // A program of this machine that prints its arguments.
            "--binary",
            "/bin/echo",
            "--glibc",
            "any",
            "--without-sources",
        ]);
        let mut files = BTreeMap::new();
        read(&fs::canonicalize(path("site")).unwrap(), "", &mut files);
        files
    }
}

fn read(folder: &Path, below: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{below}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            read(&path, &format!("{name}/"), files);
        } else {
            files.insert(name, fs::read(path).unwrap());
        }
    }
}

#[test]
fn folder_home_umask_time_zone_and_locale_change_no_byte_of_packages_or_site() {
    let folder = tempfile::tempdir().unwrap();
    let one = Maker::new(
        folder.path().join("one"),
        "tree",
        "022",
        [("TZ", "UTC"), ("LC_ALL", "C"), ("LANGUAGE", "en")],
    );
    let other = Maker::new(
        folder.path().join("other"),
        "a/longer/path/to/the/tree",
        "077",
        [("TZ", "Asia/Kathmandu"), ("LC_ALL", "de_DE.UTF-8"), ("LANGUAGE", "tr")],
    );
    let keys = folder.path().join("keys");
    one.pack(&["key", "new", "--keys", keys.to_str().unwrap(), "--generation", "2026", "--rsa-bits", "2048"]);
    let (of_one, of_other) = (one.site(&keys), other.site(&keys));
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&of_one), names(&of_other));
    for ending in [".deb", ".rpm", ".buildinfo", ".cdx.json", "InRelease", "repomd.xml.asc", "SHA256SUMS.asc"]
    {
        assert!(of_one.keys().any(|name| name.ends_with(ending)), "{ending}");
    }
    for (name, bytes) in of_one {
        assert!(bytes == of_other[&name], "{name} differs");
    }
}
