//! The number of files and sockets that the process may hold open.

use std::io;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the limit of open files to `soft_file_limit`, or to all that is allowed if that is 0.
///
/// Returns the limit in force.
///
/// # Errors
/// If the system does not allow so many.
pub(crate) fn raise_open_files(soft_file_limit: u64) -> io::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let wanted = match soft_file_limit {
        0 => hard,
        limit => limit.min(hard),
    };
    if wanted > soft {
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)?;
    }
    Ok(wanted.max(soft))
}

/// How many client connections fit in `open_files`: what is left when a quarter is kept for the database, media,
/// logs and connections to other servers.
pub(crate) fn connections(open_files: u64) -> usize {
    /// More connections than one process can serve; it also bounds a limit that is "infinity".
    const MOST: u64 = 65_536;
    const LEAST: u64 = 64;
    usize::try_from((open_files - open_files / 4).clamp(LEAST, MOST)).unwrap_or(LEAST as usize)
}

#[cfg(test)]
mod tests {
    use super::connections;

    #[test]
    fn connections_leave_files_for_everything_else() {
        assert_eq!(connections(1024), 768);
        assert_eq!(connections(10), 64);
        assert_eq!(connections(u64::MAX), 65_536);
    }
}
