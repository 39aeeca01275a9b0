//! The life of the server: start, serve, reload, stop.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use myelin_config::{
    Config, Environment, Listener, ListenerAddress, ListenerKind, Loaded, ShowFormat, ShowOptions, Sources,
    load,
};
use myelin_services::random::Random;
use myelin_services::tasks::Tasks;
use myelin_storage::Store;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{AccessFlags, access};
use tokio::sync::watch;

use crate::listeners::bind::{self, Socket};
use crate::listeners::connection::{Site, Stop};
use crate::listeners::resources::Offer;
use crate::listeners::serve::{Certificate, Connections};
use crate::listeners::tls;
use crate::process::inherited::InheritedSockets;
use crate::process::limits;
use crate::process::notify::Notifier;
use crate::process::pid_file::PidFile;
use crate::process::signals::{Request, Signals};
use crate::process::watchdog::{self, Watchdog};
use crate::reload::{self, Reloader};
use crate::signing_key;
use crate::{logging, wiring};

/// How the server is to run.
pub(crate) struct RunOptions {
    pub(crate) sources: Sources,
    pub(crate) environment: Environment,
    /// Lines of JSON, whatever `log_config` says.
    pub(crate) json_log: bool,
    /// Standard input and outputs are let go of once the server is ready.
    pub(crate) in_background: bool,
    /// Print the path of the pid file.
    pub(crate) print_pidfile: bool,
}

/// A configuration that cannot be used, with all its faults.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConfigurationError(pub(crate) String);

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// [`ConfigurationError`], or whatever keeps the server from starting, in a sentence.
pub(crate) fn run(options: RunOptions) -> anyhow::Result<()> {
    let loaded = load(options.sources.clone(), &options.environment);
    let check = loaded.check(false);
    if check.faults.iter().any(myelin_config::Fault::is_error) {
        return Err(ConfigurationError(check.text).into());
    }
    if options.in_background {
        // The terminal's signals are not for a server in the background.
        nix::unistd::setsid().context("cannot leave the terminal")?;
    }
    // What the server writes is for its own user, and its group to read.
    let inherited_mask = umask(Mode::S_IWGRP | Mode::S_IRWXO);
    umask(inherited_mask | Mode::S_IWGRP | Mode::S_IRWXO);
    // The environment is changed by this, so it happens before there are threads.
    let names = variable("LISTEN_FDNAMES").and_then(|names| names.into_string().ok());
    let inherited = InheritedSockets::take(names.as_deref())?;
    let notifier = Notifier::new(variable("NOTIFY_SOCKET")).context("cannot notify the service manager")?;
    let warnings = loaded.faults().iter().map(ToString::to_string).collect::<Vec<_>>();
    let started_with = reload::settings(&loaded);
    let listeners_place = place_of(&loaded, "listeners");
    let config = loaded.config().map_err(|_| ConfigurationError(check.text))?;
    let logging = logging::start(&config.logging, options.json_log)?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), server_name = config.server.server_name, "starting");
    for line in warnings {
        tracing::warn!("{line}");
    }
    let reloader = Reloader::new(options.sources, options.environment, started_with, logging);
    let open_files = limits::raise_open_files(config.server.soft_file_limit).context("soft_file_limit")?;
    let print_pidfile = options.print_pidfile || config.server.print_pidfile;
    if let (true, Some(path)) = (print_pidfile, &config.server.pid_file) {
        crate::command_line::print_line(&path.display().to_string());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("myelin")
        .build()
        .context("cannot start threads")?;
    let timeout = watchdog::timeout(
        variable("WATCHDOG_USEC").as_deref(),
        variable("WATCHDOG_PID").as_deref(),
        std::process::id(),
    );
    let _watchdog = timeout
        .map(|timeout| Watchdog::start(timeout, runtime.handle().clone(), notifier.clone()))
        .transpose()
        .context("cannot start the watchdog")?;
    let in_background = options.in_background;
    let server = Server { config, listeners_place, notifier, inherited, reloader, open_files, in_background };
    let result = runtime.block_on(server.serve());
    // Threads that are busy with a file or a password are not waited for.
    runtime.shutdown_timeout(Duration::from_millis(500));
    result
}

/// The file and line that set an option.
fn place_of(loaded: &Loaded, key: &str) -> String {
    let options =
        ShowOptions { key: Some(key.to_owned()), format: ShowFormat::Json, ..ShowOptions::default() };
    let shown: serde_json::Value =
        loaded.show(&options).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let (file, line) = (&shown[key]["file"], &shown[key]["line"]);
    file.as_str().map_or_else(|| "default".to_owned(), |file| format!("{file}:{line}"))
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

struct Server {
    config: Config,
    /// File and line of `listeners`, for errors.
    listeners_place: String,
    notifier: Notifier,
    inherited: InheritedSockets,
    reloader: Reloader,
    open_files: u64,
    in_background: bool,
}

impl Server {
    async fn serve(mut self) -> anyhow::Result<()> {
        let mut signals = Signals::new().context("cannot handle signals")?;
        self.notifier.status("Opening the database");
        let opened = tokio::select! {
            store = self.notifier.while_migrating(wiring::open_store(&self.config)) => store?,
            () = until_stop(&mut signals) => return Ok(()),
        };
        // What else goes wrong at start must not leave the database open.
        let result = self.serve_store(&opened, &mut signals).await;
        opened.close().await;
        tracing::info!("stopped");
        result
    }

    async fn serve_store(&mut self, store: &Store, signals: &mut Signals) -> anyhow::Result<()> {
        let keys =
            signing_key::load_or_make(&self.config.signing_keys, || signing_key::new_key(&Random::system()))?;
        tracing::info!(key.id = keys.signing.id(), "signing key loaded");
        let certificate = self.load_certificate()?;
        self.check_media_store()?;
        let stop = Stop::default();
        let tasks = Tasks::new(stop.gently.clone());
        let connections = Connections::new(limits::connections(self.open_files), stop);
        let router = wiring::router(&self.config, store.clone(), keys, tasks.clone())?;
        let mut described = Vec::new();
        for (index, listener) in self.config.listeners.iter().enumerate() {
            let Some(offer) = offer(listener) else { continue };
            if offer == Offer::MetricsOnly && !self.config.metrics.enable_metrics {
                tracing::warn!(
                    "listeners[{index}] is for metrics, but enable_metrics is off: it is not opened"
                );
                continue;
            }
            let sockets = open(listener, &mut self.inherited)
                .with_context(|| format!("listeners[{index}] ({})", self.listeners_place))?;
            let site = Arc::new(Site { router: router.clone(), offer, x_forwarded: listener.x_forwarded });
            for socket in sockets {
                let where_to = socket.describe(listener.tls);
                tracing::info!("listening on {where_to}");
                described.push(where_to);
                let certificate = if listener.tls { certificate.clone() } else { None };
                connections.listen(socket, certificate, site.clone());
            }
        }
        for unused in self.inherited.unused() {
            tracing::warn!("the service manager passed a socket for {unused}, which no listener uses");
        }
        let pid_file = match &self.config.server.pid_file {
            None => None,
            Some(path) => Some(PidFile::write(path).with_context(|| {
                format!(
                    "cannot write pid_file {}; let the user who runs myelin write to its folder",
                    path.display()
                )
            })?),
        };
        let status = format!("Listening on {}", described.join(", "));
        self.notifier.ready(&status);
        if self.in_background {
            let_go_of_terminal()?;
        }
        tracing::info!("ready");
        while signals.next().await == Request::Reload {
            self.notifier.reloading();
            self.reloader.reload();
            self.notifier.ready(&status);
        }
        self.notifier.stopping();
        tracing::info!("stopping");
        connections.end().await;
        tasks.finish().await;
        drop(pid_file);
        Ok(())
    }

    /// Makes the folder of the media. What cannot be written is told now, not to the first user who sends a picture.
    fn check_media_store(&self) -> anyhow::Result<()> {
        let path = &self.config.media.media_store_path;
        let made = std::fs::create_dir_all(path);
        made.and_then(|()| Ok(access(path, AccessFlags::W_OK | AccessFlags::X_OK)?)).with_context(|| {
            format!(
                "media_store_path {} cannot be written; let the user who runs myelin write to it",
                path.display()
            )
        })
    }

    fn load_certificate(&mut self) -> Result<Option<Certificate>, tls::TlsError> {
        let tls = &self.config.tls;
        let (Some(certificate), Some(key)) = (&tls.tls_certificate_path, &tls.tls_private_key_path) else {
            return Ok(None);
        };
        if !self.config.listeners.iter().any(|listener| listener.tls) {
            return Ok(None);
        }
        let (sender, receiver) = watch::channel(tls::load(certificate, key)?);
        self.reloader.set_certificate(sender);
        Ok(Some(receiver))
    }
}

async fn until_stop(signals: &mut Signals) {
    while signals.next().await == Request::Reload {}
}

/// What a listener offers; `None` for one that there is nothing to do for.
fn offer(listener: &Listener) -> Option<Offer> {
    match listener.kind {
        ListenerKind::Http => Some(Offer::Resources(listener.resources.clone())),
        ListenerKind::Metrics => Some(Offer::MetricsOnly),
        ListenerKind::Manhole => None,
    }
}

fn open(listener: &Listener, inherited: &mut InheritedSockets) -> Result<Vec<Socket>, bind::BindError> {
    let tag = listener.tag.as_deref();
    match &listener.address {
        ListenerAddress::Tcp { port, bind_addresses } => bind::tcp(bind_addresses, *port, tag, inherited),
        ListenerAddress::Unix { path, mode } => Ok(vec![bind::unix(path, *mode, tag, inherited)?]),
    }
}

/// A server in the background must not write to a terminal that somebody else uses by then.
fn let_go_of_terminal() -> anyhow::Result<()> {
    let nowhere = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    nix::unistd::dup2_stdin(&nowhere)?;
    nix::unistd::dup2_stdout(&nowhere)?;
    nix::unistd::dup2_stderr(&nowhere)?;
    Ok(())
}
