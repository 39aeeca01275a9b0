//! A configuration in a temporary folder, and servers that run with it.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use myelin_testkit::ServerDatabase;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tempfile::TempDir;
use url::Url;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_myelin");

const LISTENERS: &str =
    "[{port: 0, type: http, bind_addresses: ['127.0.0.1'], resources: [{names: [client, federation]}]}]";

/// The machine may be busy with other tests.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A folder with a configuration: a database on the engine that `TEST_ENGINE` names, one plain listener on a free port of the loopback address.
pub(crate) struct Site {
    directory: TempDir,
    database: ServerDatabase,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::with_listeners(LISTENERS)
    }

    pub(crate) fn with_listeners(listeners: &str) -> Self {
        Self::with_database(listeners, ServerDatabase::new)
    }

    /// For what is told of SQLite's file only.
    pub(crate) fn on_sqlite() -> Self {
        Self::with_database(LISTENERS, ServerDatabase::of_file)
    }

    fn with_database(listeners: &str, database: impl FnOnce(&Path) -> ServerDatabase) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = database(&directory.path().join("homeserver.db"));
        let site = Self { directory, database };
        site.write("homeserver.yaml", &format!(
            "server_name: localhost\nreport_stats: false\npid_file: {0}/homeserver.pid\nlisteners: {listeners}\n\
             database: {1}\nbcrypt_rounds: 4\n\
             registration_shared_secret: open sesame\nsigning_key_path: {0}/signing.key\n\
             media_store_path: {0}/media\n",
            site.path("").display().to_string().trim_end_matches('/'),
            site.database_settings(),
        ));
        site
    }

    pub(crate) fn database(&self) -> &ServerDatabase {
        &self.database
    }

    fn database_settings(&self) -> String {
        let Some((url, name)) = self.database.postgres() else {
            return format!(
                "{{name: sqlite3, args: {{database: {}}}}}",
                self.path("homeserver.db").display()
            );
        };
        let url = Url::parse(url).unwrap();
        let settings = json!({
            "host": url.host_str(),
            "port": url.port(),
            "user": url.username(),
            "password": url.password(),
            "dbname": name,
        });
        json!({ "name": "psycopg2", "args": settings }).to_string()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path("homeserver.yaml")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Adds lines to the configuration.
    pub(crate) fn configure(&self, lines: &str) {
        let text = fs::read_to_string(self.config()).unwrap();
        self.write("homeserver.yaml", &format!("{text}{lines}\n"));
    }

    /// `myelin` with arguments, in the folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.tool(BINARY.as_ref(), arguments)
    }

    /// A link of another name to the binary.
    pub(crate) fn link(&self, name: &str) -> PathBuf {
        let link = self.path(name);
        std::os::unix::fs::symlink(BINARY, &link).unwrap();
        link
    }

    pub(crate) fn tool(&self, program: &OsStr, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.directory.path()).stdin(Stdio::null());
        for variable in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS", "JOURNAL_STREAM"] {
            command.env_remove(variable);
        }
        command
    }

    /// Starts a server and waits until it is ready.
    pub(crate) fn start(&self) -> Running {
        self.start_with(|_| {})
    }

    pub(crate) fn start_with(&self, change: impl FnOnce(&mut Command)) -> Running {
        let mut command = self.command(&["-c", "homeserver.yaml"]);
        let notify_path = self.path("notify");
        let _ = fs::remove_file(&notify_path);
        let notify = UnixDatagram::bind(&notify_path).unwrap();
        notify.set_read_timeout(Some(DEADLINE)).unwrap();
        command.env("NOTIFY_SOCKET", &notify_path).stderr(Stdio::piped()).stdout(Stdio::null());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let (sender, log) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut running = Running { child, notify, log, addresses: Vec::new() };
        let ready = running.notification("READY=1");
        let status = ready.lines().find_map(|line| line.strip_prefix("STATUS=Listening on ")).unwrap();
        running.addresses = status.split(", ").map(str::to_owned).collect();
        running
    }
}

/// A server that is ready; killed at the end of the test if it still runs.
pub(crate) struct Running {
    child: Child,
    notify: UnixDatagram,
    log: Receiver<String>,
    addresses: Vec<String>,
}

impl Running {
    /// What the first listener is reached by: `127.0.0.1:40123`.
    pub(crate) fn address(&self) -> &str {
        self.address_of(0)
    }

    pub(crate) fn address_of(&self, listener: usize) -> &str {
        let address = &self.addresses[listener];
        address.split_once("://").map_or(address, |(_, address)| address)
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Waits for a notification that begins so.
    pub(crate) fn notification(&mut self, beginning: &str) -> String {
        let mut buffer = [0; 4096];
        let begun = Instant::now();
        while begun.elapsed() < DEADLINE {
            self.notify.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            if let Ok(length) = self.notify.recv(&mut buffer) {
                let message = String::from_utf8(buffer[..length].to_vec()).unwrap();
                if message.starts_with(beginning) {
                    return message;
                }
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("ended with {status} before {beginning}:\n{}", self.rest_of_log());
            }
        }
        panic!("no {beginning} in {DEADLINE:?}:\n{}", self.rest_of_log());
    }

    /// Waits for a log line with this text.
    pub(crate) fn log_line(&self, text: &str) -> String {
        let begun = Instant::now();
        while let Some(left) = DEADLINE.checked_sub(begun.elapsed()) {
            let Ok(line) = self.log.recv_timeout(left) else { break };
            if line.contains(text) {
                return line;
            }
        }
        panic!("no log line with {text}");
    }

    fn rest_of_log(&self) -> String {
        let mut lines = Vec::new();
        while let Ok(line) = self.log.recv_timeout(Duration::from_secs(1)) {
            lines.push(line);
        }
        lines.join("\n")
    }

    /// Sends SIGTERM and waits for the end.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        wait(&mut self.child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The server that has ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for the end of a process, which is killed at the deadline.
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    let (ended, watch) = channel::<()>();
    let killer = std::thread::spawn(move || {
        if watch.recv_timeout(DEADLINE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            let _ = kill(pid, Signal::SIGKILL);
        }
    });
    let status = child.wait().unwrap();
    drop(ended);
    killer.join().unwrap();
    status
}

/// Runs a command to its end: exit code, standard output, standard error.
pub(crate) fn run(mut command: Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// The permission bits of a file.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
