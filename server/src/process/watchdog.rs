//! The heartbeat that systemd's `WatchdogSec=` waits for.
//!
//! A thread of its own asks the runtime to run a small task and sends the heartbeat only when it did: a runtime whose
//! threads are all stuck falls silent, and systemd restarts the service.

use std::ffi::OsStr;
use std::sync::mpsc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::notify::Notifier;

/// The running watchdog; dropping it ends the thread.
pub(crate) struct Watchdog {
    _stop: mpsc::Sender<()>,
}

/// The time that may pass without a heartbeat, from `$WATCHDOG_USEC` and `$WATCHDOG_PID`; `None` if nobody waits.
pub(crate) fn timeout(
    watchdog_usec: Option<&OsStr>,
    watchdog_pid: Option<&OsStr>,
    own_pid: u32,
) -> Option<Duration> {
    let usec = watchdog_usec?.to_str()?.parse().ok().filter(|usec| *usec > 0)?;
    let ours = watchdog_pid.is_none_or(|pid| pid.to_str().and_then(|pid| pid.parse().ok()) == Some(own_pid));
    ours.then(|| Duration::from_micros(usec))
}

impl Watchdog {
    /// Starts the heartbeat, three times as often as it is asked for.
    ///
    /// # Errors
    /// If no thread can be started.
    pub(crate) fn start(timeout: Duration, runtime: Handle, notifier: Notifier) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel::<()>();
        let interval = timeout / 3;
        std::thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
            loop {
                let (answer, answered) = mpsc::channel();
                runtime.spawn(async move {
                    // The receiver is gone only if the answer comes too late to count.
                    let _ = answer.send(());
                });
                if answered.recv_timeout(interval).is_ok() {
                    notifier.watchdog();
                }
                match stopped.recv_timeout(interval) {
                    Err(mpsc::RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => return,
                }
            }
        })?;
        Ok(Self { _stop: stop })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    #[test]
    fn only_the_process_that_is_meant_sends_heartbeats() {
        let usec = Some(OsStr::new("3000000"));
        assert_eq!(timeout(usec, None, 7), Some(Duration::from_secs(3)));
        assert_eq!(timeout(usec, Some(OsStr::new("7")), 7), Some(Duration::from_secs(3)));
        assert_eq!(timeout(usec, Some(OsStr::new("8")), 7), None);
        assert_eq!(timeout(Some(OsStr::new("0")), None, 7), None);
        assert_eq!(timeout(None, None, 7), None);
    }

    #[test]
    fn stuck_runtime_falls_silent() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::new(Some(path.into_os_string())).unwrap();
        // The one thread of this runtime is held until `release` is dropped.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let (release, held) = mpsc::channel::<()>();
        let (reached, holding) = mpsc::channel();
        runtime.spawn(async move {
            reached.send(()).unwrap();
            let _ = held.recv();
        });
        holding.recv().unwrap();
        let timeout = Duration::from_millis(60);
        let _watchdog = Watchdog::start(timeout, runtime.handle().clone(), notifier).unwrap();

        socket.set_read_timeout(Some(timeout * 5)).unwrap();
        assert!(socket.recv(&mut [0; 64]).is_err(), "heartbeat from a runtime that does nothing");
        drop(release);
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        assert_eq!(socket.recv(&mut [0; 64]).unwrap(), "WATCHDOG=1".len());
    }
}
