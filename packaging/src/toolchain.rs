//! What a machine makes packages with, as their buildinfo records it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Command;

use crate::description::Description;
use crate::elf;

/// Of Debian's packages, those that may have had a part in the program.
const PACKAGES: &[&str] = &["binutils", "cargo-web", "gcc", "libc6", "libc6-dev", "lld", "rustc-web"];

/// Settings that change what is built, whole or by their beginning.
const ENVIRONMENT: &[&str] = &["AR", "CC", "CFLAGS", "CXX", "CXXFLAGS", "LDFLAGS", "RUSTC", "RUSTFLAGS"];
const ENVIRONMENT_OF_CARGO: &[&str] = &[
    "CARGO_BUILD_",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CARGO_PROFILE_",
    "LIBSQLITE3_SYS_USE_PKG_CONFIG",
];

/// What was there when packages were made. A tool that is not there is left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Toolchain {
    /// What each tool says of itself.
    pub(crate) tools: Vec<String>,
    /// What made the program, as its own notes say; it may have been another machine.
    pub(crate) compilers: Vec<String>,
    /// Name and version of packages of Debian.
    pub(crate) packages: Vec<(String, String)>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) commit: Option<String>,
    /// Whether the tree holds what is not in the commit.
    pub(crate) changed: bool,
}

impl Toolchain {
    /// Asks the tools in `PATH`. `environment` is what of it may matter; paths of the tree and of the user's folder,
    /// which differ from machine to machine, are given by their names.
    pub(crate) fn read(
        tree: &Path,
        description: &Description,
        program: &[u8],
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> Self {
        let all: BTreeMap<OsString, OsString> = environment.collect();
        let tool = |variable: &str, name: &str| {
            all.get(OsStr::new(variable)).cloned().unwrap_or_else(|| OsString::from(name))
        };
        let questions: [(OsString, &[&str]); 5] = [
            (tool("RUSTC", "rustc"), &["--version"]),
            (tool("CARGO", "cargo"), &["--version"]),
            (tool("CC", "cc"), &["--version"]),
            (OsString::from("ld"), &["--version"]),
            (OsString::from("getconf"), &["GNU_LIBC_VERSION"]),
        ];
        let mut tools: Vec<String> = questions
            .iter()
            .filter_map(|(program, arguments)| {
                Some(ask(tree, program, arguments)?.lines().next()?.to_owned())
            })
            .collect();
        tools.extend(description.tools.iter().map(|(name, version)| format!("{name} {version}")));
        tools.push(concat!("pack ", env!("CARGO_PKG_VERSION")).to_owned());
        let git = |arguments: &[&str]| ask(tree, OsStr::new("git"), arguments);
        Self {
            tools,
            compilers: elf::compilers(program),
            packages: packages(tree),
            environment: relevant(&all, tree),
            commit: git(&["rev-parse", "--verify", "HEAD"]).map(|hash| hash.trim().to_owned()),
            changed: git(&["--no-optional-locks", "status", "--porcelain"])
                .is_some_and(|changes| !changes.is_empty()),
        }
    }
}

/// What a command prints; nothing if it is not there or fails.
fn ask(tree: &Path, program: &OsStr, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C").current_dir(tree).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn packages(tree: &Path) -> Vec<(String, String)> {
    let format = "--showformat=${db:Status-Abbrev}\t${Package}\t${Version}\n";
    let found = PACKAGES.iter().filter_map(|package| {
        let answer = ask(tree, OsStr::new("dpkg-query"), &["--show", format, package])?;
        let [status, name, version] = answer.lines().next()?.split('\t').collect::<Vec<_>>()[..] else {
            return None;
        };
        status.starts_with("ii").then(|| (name.to_owned(), version.to_owned()))
    });
    found.collect()
}

fn relevant(all: &BTreeMap<OsString, OsString>, tree: &Path) -> BTreeMap<String, String> {
    let tree = std::path::absolute(tree).unwrap_or_else(|_| tree.to_owned());
    let home = all.get(OsStr::new("HOME")).cloned().unwrap_or_default();
    let places = [(tree.as_os_str(), "$TREE"), (home.as_os_str(), "$HOME")];
    let named = |value: &OsStr| {
        places
            .iter()
            .filter(|(place, _)| place.len() > 1)
            .fold(value.to_string_lossy().into_owned(), |value, (place, name)| {
                value.replace(&*place.to_string_lossy(), name)
            })
    };
    let matters = |name: &str| {
        let of_target =
            name.starts_with("CARGO_TARGET_") && (name.ends_with("_RUSTFLAGS") || name.ends_with("_LINKER"));
        of_target
            || ENVIRONMENT.contains(&name)
            || ENVIRONMENT_OF_CARGO.iter().any(|beginning| name.starts_with(beginning))
    };
    all.iter()
        .filter_map(|(name, value)| Some((name.to_str()?, value)))
        .filter(|(name, _)| matters(name))
        .map(|(name, value)| (name.to_owned(), named(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_holds_what_changes_a_program_and_no_path_of_this_machine() {
        let given = [
            (
                "RUSTFLAGS",
                "--remap-path-prefix=/somewhere/tree=/usr/src/myelin --remap-path-prefix=/home/me/.cargo=/c",
            ),
            ("CARGO_PROFILE_DIST_LTO", "fat"),
            ("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER", "cc"),
            ("CARGO_TARGET_DIR", "/somewhere/else"),
            ("HOME", "/home/me"),
            ("LANG", "de_DE.UTF-8"),
            ("TZ", "Asia/Tokyo"),
        ];
        let all = given.map(|(name, value)| (OsString::from(name), OsString::from(value))).into();
        let found = relevant(&all, Path::new("/somewhere/tree"));
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            ["CARGO_PROFILE_DIST_LTO", "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER", "RUSTFLAGS"]
        );
        let flags = "--remap-path-prefix=$TREE=/usr/src/myelin --remap-path-prefix=$HOME/.cargo=/c";
        assert_eq!(found["RUSTFLAGS"], flags);
    }
}
