//! The files of a commit, as Git has them.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

use super::{Content, File};

/// All files of a commit.
///
/// # Errors
/// If Git does not know it, or it holds what no archive can.
pub(super) fn files(tree: &Path, commit: &str) -> anyhow::Result<Vec<File>> {
    let output = git(tree)
        .args(["ls-tree", "-r", "-z", "--full-tree", commit])
        .output()
        .context("cannot run git, which knows what belongs to the sources")?;
    ensure!(
        output.status.success(),
        "git knows no commit {commit} of {}: {}",
        tree.display(),
        String::from_utf8_lossy(&output.stderr).trim_end()
    );
    let listing = String::from_utf8(output.stdout).context("a name that is no text")?;
    let mut entries = Vec::new();
    for line in listing.split_terminator('\0') {
        let (facts, path) = line.split_once('\t').context("git ls-tree")?;
        let [mode, kind, hash] = facts.split(' ').collect::<Vec<_>>()[..] else { bail!("git ls-tree") };
        ensure!(kind == "blob", "{path}: neither a file nor a link");
        entries.push((mode.to_owned(), hash.to_owned(), path.to_owned()));
    }
    let hashes: Vec<&str> = entries.iter().map(|(_, hash, _)| hash.as_str()).collect();
    let contents = contents(tree, &hashes)?;
    entries
        .into_iter()
        .zip(contents)
        .map(|((mode, _, path), bytes)| {
            let content = match mode.as_str() {
                "120000" => Content::Link(String::from_utf8(bytes).context("a link to what is no text")?),
                _ => Content::File { bytes, executable: mode == "100755" },
            };
            Ok(File { path, content })
        })
        .collect()
}

/// Whether a tree is as a commit has it, so that what is built from both is the same. Files that Git does not know are
/// nobody's business.
///
/// # Errors
/// If another commit is checked out, or something was changed.
pub(crate) fn must_be_checked_out(tree: &Path, commit: &str) -> anyhow::Result<()> {
    let ask = |arguments: &[&str]| -> anyhow::Result<String> {
        let output = git(tree).args(arguments).output().context("cannot run git")?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "git in {}: {}", tree.display(), errors.trim_end());
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    };
    let of_commit = |name: &str| ask(&["rev-parse", "--verify", &format!("{name}^{{commit}}")]);
    ensure!(
        of_commit(commit)? == of_commit("HEAD")?,
        "{} is at another commit than {commit}, so the packages would not be of the sources: check it out, or say \
         --without-sources",
        tree.display()
    );
    let changes = ask(&["--no-optional-locks", "status", "--porcelain", "--untracked-files=no"])?;
    ensure!(
        changes.is_empty(),
        "{}: changed since {commit}, so the packages would not be of the sources: commit it, or say --allow-changes:\n\
         {changes}",
        tree.display()
    );
    Ok(())
}

fn contents(tree: &Path, hashes: &[&str]) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut child = git(tree)
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run git")?;
    let mut questions = child.stdin.take().context("git cat-file")?;
    let mut answers = BufReader::new(child.stdout.take().context("git cat-file")?);
    let found = std::thread::scope(|scope| {
        // Git answers while it is asked, and waits when nobody reads.
        let asking = scope.spawn(move || -> std::io::Result<()> {
            hashes.iter().try_for_each(|hash| writeln!(questions, "{hash}"))
        });
        let found = hashes.iter().map(|_| one(&mut answers)).collect::<anyhow::Result<Vec<_>>>();
        asking.join().map_err(|_| anyhow::anyhow!("git cat-file"))??;
        found
    })?;
    ensure!(child.wait()?.success(), "git cat-file failed");
    Ok(found)
}

fn one(answers: &mut impl BufRead) -> anyhow::Result<Vec<u8>> {
    let mut header = String::new();
    answers.read_line(&mut header)?;
    let size: u64 = header
        .trim_end()
        .rsplit_once(' ')
        .and_then(|(_, size)| size.parse().ok())
        .with_context(|| format!("git cat-file: {header:?}"))?;
    let mut bytes = Vec::new();
    answers.by_ref().take(size).read_to_end(&mut bytes)?;
    ensure!(bytes.len() as u64 == size, "git cat-file ended early");
    answers.read_exact(&mut [0])?;
    Ok(bytes)
}

fn git(tree: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(tree);
    command
}
