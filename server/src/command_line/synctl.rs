//! `synctl`: starts, stops and restarts the server of one configuration, as Synapse's tool of that name.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Parser, ValueEnum};

use super::arguments::ConfigPaths;
use super::{control, daemon, environment};
use crate::process::pid_file;
use crate::run::{self, RunOptions};

/// Start, stop or restart the homeserver of a configuration.
#[derive(Debug, Parser)]
#[command(name = "synctl", version)]
pub(super) struct SynctlArguments {
    #[arg(value_enum)]
    action: Action,
    /// The configuration file, or a directory of *.yaml files.
    #[arg(default_value = "homeserver.yaml")]
    configfile: PathBuf,
    /// Stay in the foreground.
    #[arg(long)]
    no_daemonize: bool,
    /// There are no workers here: one process does all their work.
    #[arg(short = 'w', long, hide = true)]
    worker: Option<PathBuf>,
    /// There are no workers here: one process does all their work.
    #[arg(short = 'a', long, hide = true)]
    all_processes: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Action {
    Start,
    Stop,
    Restart,
}

pub(super) fn run(arguments: &SynctlArguments) -> anyhow::Result<ExitCode> {
    if arguments.worker.is_some() || arguments.all_processes.is_some() {
        bail!("there are no workers here: one process does all their work, so leave out -w and -a");
    }
    let file = &arguments.configfile;
    if !file.exists() {
        bail!(
            "there is no {0}; to make it: myelin generate-config -c {0} -H <server name> --report-stats <yes/no>",
            file.display()
        );
    }
    let paths = ConfigPaths { config_path: vec![file.clone()], ..ConfigPaths::default() };
    let config = paths.load()?;
    let Some(pid_path) = &config.server.pid_file else {
        bail!("{} has no pid_file, by which the server is found again", file.display());
    };
    let running = pid_file::read(pid_path)
        .with_context(|| format!("pid_file {}", pid_path.display()))?
        .filter(|pid| pid_file::is_running(*pid));
    if arguments.action != Action::Start {
        match running {
            Some(pid) => {
                control::stop_process(pid)?;
                println!("stopped myelin({})", file.display());
            }
            None => println!("myelin({}) is not running", file.display()),
        }
        if arguments.action == Action::Stop {
            return Ok(ExitCode::SUCCESS);
        }
    } else if running.is_some() {
        println!("myelin({}) already running", file.display());
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.no_daemonize {
        run::run(RunOptions {
            sources: paths.sources(),
            environment: environment(&paths)?,
            json_log: false,
            in_background: false,
            print_pidfile: false,
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    let code = daemon::start(&paths, false)?;
    if code == ExitCode::SUCCESS {
        println!("started myelin({})", file.display());
    }
    Ok(code)
}
