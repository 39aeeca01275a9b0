//! The file that tells `synctl`, `myelin stop` and init scripts which process serves a configuration.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

/// A written pid file, removed when dropped if it is still ours.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
}

impl PidFile {
    /// Writes this process's id to `path`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn write(path: &Path) -> io::Result<Self> {
        let mut file = fs::File::create(path)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self { path: path.to_owned() })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if read(&self.path).is_ok_and(|pid| pid == Some(Pid::this())) {
            // Nothing depends on it: a pid file that stays behind names a process that is gone.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The process that a pid file names, `None` if there is no file.
///
/// # Errors
/// If the file cannot be read or holds no process id.
pub(crate) fn read(path: &Path) -> io::Result<Option<Pid>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match text.trim().parse::<i32>() {
        Ok(pid) if pid > 1 => Ok(Some(Pid::from_raw(pid))),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "it holds no process id")),
    }
}

/// Whether a process exists and has not ended.
pub(crate) fn is_running(pid: Pid) -> bool {
    if kill(pid, None) == Err(Errno::ESRCH) {
        return false;
    }
    // In a container nobody may collect an orphan that ended: it keeps its id as a zombie.
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    !status.lines().any(|line| line.starts_with("State:") && line.contains('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pid_file_names_this_process_and_goes_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("myelin.pid");
        let file = PidFile::write(&path).unwrap();
        assert_eq!(read(&path).unwrap(), Some(Pid::this()));
        assert!(is_running(Pid::this()));
        drop(file);
        assert_eq!(read(&path).unwrap(), None);
    }

    #[test]
    fn pid_file_of_another_process_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("myelin.pid");
        let file = PidFile::write(&path).unwrap();
        fs::write(&path, "4000000\n").unwrap();
        drop(file);
        assert_eq!(read(&path).unwrap(), Some(Pid::from_raw(4_000_000)));
    }

    #[test]
    fn nonsense_in_a_pid_file_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("myelin.pid");
        for text in ["", "abc", "0", "-1", "1"] {
            fs::write(&path, text).unwrap();
            assert!(read(&path).is_err(), "{text}");
        }
    }
}
