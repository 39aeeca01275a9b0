//! Commands to a running server: is it well, read the configuration again, stop.

use std::net::IpAddr;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use http::{Method, StatusCode};
use myelin_config::{Config, Listener, ListenerAddress, ListenerKind, ListenerResource};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::arguments::{ConfigPaths, HealthcheckArguments};
use super::block_on;
use super::http_client::{self, Target};
use crate::process::pid_file;

/// A server that stops ends in a few seconds; whoever waits longer should look at it.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

pub(super) fn healthcheck(arguments: &HealthcheckArguments) -> anyhow::Result<ExitCode> {
    let target = match &arguments.url {
        Some(url) => Target::Url(url.clone()),
        None => {
            let config = arguments.paths.load()?;
            target(&config, None).ok_or_else(|| anyhow!("no listener of the configuration can be asked"))?
        }
    };
    let answer = block_on(http_client::request(&target, Method::GET, "/health", None))?;
    if answer.status == StatusCode::SERVICE_UNAVAILABLE {
        bail!("the server runs, but its database does not answer; the server's log says why");
    }
    if answer.status != StatusCode::OK {
        bail!("the server is not well: it answered {}", answer.status);
    }
    println!("OK");
    Ok(ExitCode::SUCCESS)
}

pub(super) fn reload(paths: &ConfigPaths) -> anyhow::Result<ExitCode> {
    // systemd says in `ExecReload=` whom it means; then no pid file is needed.
    let named = std::env::var("MAINPID").ok().and_then(|pid| pid.parse().ok()).map(Pid::from_raw);
    let pid = match named.filter(|pid| pid.as_raw() > 1) {
        Some(pid) => pid,
        None => running(&paths.load()?)?,
    };
    kill(pid, Signal::SIGHUP).with_context(|| format!("cannot signal process {pid}"))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn stop(paths: &ConfigPaths) -> anyhow::Result<ExitCode> {
    stop_process(running(&paths.load()?)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Asks a process to end and waits until it did.
pub(super) fn stop_process(pid: Pid) -> anyhow::Result<()> {
    match kill(pid, Signal::SIGTERM) {
        Err(Errno::ESRCH) => return Ok(()),
        result => result.with_context(|| format!("cannot signal process {pid}"))?,
    }
    let begun = Instant::now();
    while pid_file::is_running(pid) {
        if begun.elapsed() > STOP_TIMEOUT {
            bail!("process {pid} has not ended within {} seconds", STOP_TIMEOUT.as_secs());
        }
        sleep(POLL_INTERVAL);
    }
    Ok(())
}

fn running(config: &Config) -> anyhow::Result<Pid> {
    let Some(path) = &config.server.pid_file else {
        bail!(
            "the configuration has no pid_file; ask the service manager, for example: systemctl reload myelin"
        );
    };
    let pid = pid_file::read(path).with_context(|| format!("pid_file {}", path.display()))?;
    pid.filter(|pid| pid_file::is_running(*pid))
        .ok_or_else(|| anyhow!("no server is running (from {})", path.display()))
}

/// Where a server with this configuration can be reached from the same machine: a plain listener before a TLS one.
pub(super) fn target(config: &Config, resource: Option<ListenerResource>) -> Option<Target> {
    let fits = |listener: &&Listener| {
        listener.kind == ListenerKind::Http
            && resource.is_none_or(|resource| listener.resources.contains(&resource))
    };
    let candidates = || config.listeners.iter().filter(fits);
    let listener = candidates().find(|listener| !listener.tls).or_else(|| candidates().next())?;
    Some(match &listener.address {
        ListenerAddress::Unix { path, .. } => Target::Socket(path.clone()),
        ListenerAddress::Tcp { port, bind_addresses } => {
            let scheme = if listener.tls { "https" } else { "http" };
            let host = bind_addresses.first().map_or("localhost", String::as_str);
            let host = match host.parse::<IpAddr>() {
                Ok(address) if address.is_unspecified() => "localhost".to_owned(),
                Ok(IpAddr::V6(address)) => format!("[{address}]"),
                _ => host.to_owned(),
            };
            Target::Url(format!("{scheme}://{host}:{port}"))
        }
    })
}
