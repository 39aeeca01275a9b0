//! Starting the server in the background, without fork: a new process says over a notify socket that it is ready.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::Context;
use myelin_services::random::Random;

use super::arguments::ConfigPaths;

/// How often the new process is looked after while it says nothing.
const PATIENCE: Duration = Duration::from_millis(200);

/// Returns when the server answers requests; with its exit code if it ends before that.
pub(super) fn start(paths: &ConfigPaths, print_pidfile: bool) -> anyhow::Result<ExitCode> {
    let directory = PrivateDirectory::new().context("cannot make a directory for a socket")?;
    let path = directory.0.join("notify");
    let socket = UnixDatagram::bind(&path)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg0("myelin").args(["run", "--in-background"]);
    for path in &paths.config_path {
        command.arg("-c").arg(path);
    }
    if let Some(directory) = &paths.keys_directory {
        command.arg("--keys-directory").arg(directory);
    }
    if paths.no_secrets_in_config {
        command.arg("--no-secrets-in-config");
    }
    if print_pidfile {
        command.arg("--print-pidfile");
    }
    // Only what goes wrong at the start is for the person who waits for it.
    let child = command
        .env("NOTIFY_SOCKET", &path)
        .stdin(Stdio::null())
        .spawn()
        .context("cannot start the server")?;
    wait_until_ready(child, &socket)
}

fn wait_until_ready(mut child: Child, socket: &UnixDatagram) -> anyhow::Result<ExitCode> {
    let mut buffer = [0; 4096];
    loop {
        match socket.recv(&mut buffer) {
            Ok(length) if buffer[..length].starts_with(b"READY=1") => return Ok(ExitCode::SUCCESS),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(status) = child.try_wait()? {
            let code = status.code().and_then(|code| u8::try_from(code).ok()).filter(|code| *code != 0);
            return Ok(ExitCode::from(code.unwrap_or(1)));
        }
    }
}

/// A directory that nobody else can look into, removed at the end.
struct PrivateDirectory(PathBuf);

impl PrivateDirectory {
    fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("myelin-{}", Random::system().letters(16)));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

fn remove(directory: &Path) {
    // What stays behind is an empty directory among temporary files.
    let _ = std::fs::remove_dir_all(directory);
}
