//! A log file, begun anew each day or at a size, as Python's handlers of the same settings do.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use myelin_config::{LogFile, LogRotation};
use nix::time::{ClockId, clock_gettime};
use time::OffsetDateTime;

const SECONDS_PER_DAY: i64 = 86_400;

/// Old files are looked for up to this number, whatever the settings ask for.
const MAX_KEPT: u32 = 1000;

/// Days since 1970, UTC.
pub(super) fn today() -> i64 {
    // A machine without a clock begins no new files.
    clock_gettime(ClockId::CLOCK_REALTIME).map_or(0, |now| now.tv_sec() / SECONDS_PER_DAY)
}

/// An open log file.
#[derive(Debug)]
pub(super) struct LogFileWriter {
    path: PathBuf,
    rotation: LogRotation,
    today: fn() -> i64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    size_bytes: u64,
    day: i64,
}

impl LogFileWriter {
    /// Opens or makes the file. `today` counts days.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub(super) fn open(file: &LogFile, today: fn() -> i64) -> io::Result<Self> {
        let state = Mutex::new(open(&file.path, today())?);
        Ok(Self { path: file.path.clone(), rotation: file.rotation, today, state })
    }

    /// Opens the file by its name again.
    ///
    /// # Errors
    /// If the file cannot be opened; lines go on to the one that is open.
    pub(super) fn reopen(&self) -> io::Result<()> {
        let fresh = open(&self.path, (self.today)())?;
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    fn write_line(&self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let today = (self.today)();
        let full = match self.rotation {
            LogRotation::Never => false,
            LogRotation::Daily { .. } => state.day < today,
            LogRotation::Size { bytes, .. } => {
                state.size_bytes > 0 && state.size_bytes + line.len() as u64 > bytes
            }
        };
        if full {
            self.move_away(state.day)?;
            *state = open(&self.path, today)?;
        }
        let written = state.file.write(line)?;
        state.size_bytes += written as u64;
        Ok(written)
    }

    /// Renames the file, and removes the oldest of those that were renamed before.
    fn move_away(&self, day: i64) -> io::Result<()> {
        match self.rotation {
            LogRotation::Never => Ok(()),
            LogRotation::Daily { keep } => {
                fs::rename(&self.path, numbered(&self.path, &date(day)))?;
                if keep > 0 {
                    self.remove_days(day - i64::from(keep));
                }
                Ok(())
            }
            LogRotation::Size { keep, .. } => {
                for number in (1..keep.min(MAX_KEPT)).rev() {
                    let from = numbered(&self.path, &number.to_string());
                    if from.exists() {
                        fs::rename(from, numbered(&self.path, &(number + 1).to_string()))?;
                    }
                }
                fs::rename(&self.path, numbered(&self.path, "1"))
            }
        }
    }

    /// Removes the files of `last` and the days before it.
    fn remove_days(&self, last: i64) {
        let (Some(directory), Some(name)) = (self.path.parent(), self.path.file_name()) else { return };
        let prefix = format!("{}.", name.to_string_lossy());
        let last = date(last);
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let file_name = entry.file_name().to_string_lossy().into_owned();
            let Some(suffix) = file_name.strip_prefix(&prefix) else { continue };
            let dated = suffix.len() == last.len()
                && suffix.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
            if dated && suffix <= last.as_str() {
                // It is looked for again tomorrow.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

impl Write for &LogFileWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.write_line(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn open(path: &Path, today: i64) -> io::Result<State> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let metadata = file.metadata()?;
    let written =
        metadata.modified().ok().map(|time| OffsetDateTime::from(time).unix_timestamp() / SECONDS_PER_DAY);
    let day = if metadata.len() == 0 { today } else { written.unwrap_or(today) };
    Ok(State { file, size_bytes: metadata.len(), day })
}

fn numbered(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

/// `2026-11-24`.
fn date(day: i64) -> String {
    OffsetDateTime::from_unix_timestamp(day * SECONDS_PER_DAY)
        .map_or_else(|_| day.to_string(), |time| time.date().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn file_is_begun_anew_at_its_size_and_so_many_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let rotation = LogRotation::Size { bytes: 10, keep: 2 };
        let file = LogFile { path: directory.path().join("log"), rotation };
        let writer = LogFileWriter::open(&file, today).unwrap();
        for line in ["first...\n", "second..\n", "third...\n", "fourth..\n"] {
            (&writer).write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(names(directory.path()), ["log", "log.1", "log.2"]);
        assert_eq!(fs::read_to_string(directory.path().join("log.2")).unwrap(), "second..\n");
    }

    #[test]
    fn file_of_an_earlier_day_is_moved_away_and_old_days_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        for old in ["log.2000-01-01", "log.notes"] {
            fs::write(directory.path().join(old), "old\n").unwrap();
        }
        let file = LogFile { path: path.clone(), rotation: LogRotation::Daily { keep: 3 } };
        fs::write(&path, "yesterday\n").unwrap();
        // The file was written today, so the writer lives in a tomorrow.
        let writer = LogFileWriter::open(&file, || today() + 1).unwrap();
        (&writer).write_all(b"today\n").unwrap();
        assert_eq!(
            names(directory.path()),
            ["log".to_owned(), format!("log.{}", date(today())), "log.notes".to_owned()]
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "today\n");
    }

    #[test]
    fn file_that_was_moved_away_is_opened_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let file = LogFile { path: path.clone(), rotation: LogRotation::Never };
        let writer = LogFileWriter::open(&file, today).unwrap();
        fs::rename(&path, directory.path().join("moved")).unwrap();
        writer.reopen().unwrap();
        (&writer).write_all(b"line\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "line\n");
    }
}
