//! What can be said on the command line.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use myelin_config::{Config, Fault, Sources, load};

use crate::run::ConfigurationError;

/// Where the packages keep the configuration; read when no path is given.
const PACKAGED: &[&str] = &["/etc/myelin/homeserver.yaml", "/etc/myelin/conf.d"];

/// Where the packages' service works; with their configuration, every command reads relative paths from there.
const PACKAGED_DATA: &str = "/var/lib/myelin";

/// A Matrix homeserver.
///
/// Without a command it serves, as `myelin run` does. Configuration files are Synapse's.
#[derive(Debug, Parser)]
#[command(name = "myelin", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: RunArguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve until SIGTERM or SIGINT; SIGHUP reads the configuration again.
    Run(RunArguments),
    /// Show, check or document the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Write a new configuration file, and a signing key.
    GenerateConfig(GenerateArguments),
    /// Create, list and close accounts.
    #[command(subcommand)]
    User(UserCommand),
    /// Copy the SQLite database and the signing key to a new folder, and list the media. The server may run.
    Backup(BackupArguments),
    /// Put a backup in force. The server must not run.
    Restore(RestoreArguments),
    /// Print the hash of a password, as the database holds it.
    HashPassword(HashPasswordArguments),
    /// Ask a running server whether it is well; ends with 0 if it is.
    Healthcheck(HealthcheckArguments),
    /// Have the running server read its configuration again.
    Reload(ConfigPaths),
    /// Stop the running server and wait until it has ended.
    Stop(ConfigPaths),
    /// Print the version and what it was built with.
    Version,
    /// Print a manual page in roff.
    Man {
        /// The command whose page is wanted, for example `config-check`; without it, all names.
        page: Option<String>,
    },
    /// Print the completions of a shell.
    Completions { shell: Shell },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show what the files set, or with --all everything that is in force.
    Show(ShowArguments),
    /// Name all faults; ends with 0 if usable, 1 if there is no server_name yet, 255 if broken.
    Check(CheckArguments),
    /// Print the reference of all options.
    Docs {
        #[arg(long, value_enum, default_value_t = DocsFormat::Markdown)]
        format: DocsFormat,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Create an account; the password is asked for. The server may run, if registration_shared_secret is set.
    Create(CreateArguments),
    /// Give a user another password and end all their sessions. The server may run, if registration_shared_secret is set.
    ResetPassword(NamedUserArguments),
    /// Close an account for good: its sessions, devices, keys and settings go, and the user leaves all rooms. The
    /// server may run, if registration_shared_secret is set.
    Deactivate(DeactivateArguments),
    /// List all accounts, one a line. The server may run, if registration_shared_secret is set.
    List(ConfigPaths),
}

#[derive(Debug, Args)]
pub(crate) struct CreateArguments {
    #[command(flatten)]
    pub(crate) paths: ConfigPaths,
    /// The part of the user ID before the colon.
    pub(crate) localpart: String,
    /// A file with the password.
    #[arg(long)]
    pub(crate) password_file: Option<PathBuf>,
    /// Make the user an administrator of the server.
    #[arg(long)]
    pub(crate) admin: bool,
    /// What sort of user it is, for example `bot`.
    #[arg(long)]
    pub(crate) user_type: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct NamedUserArguments {
    #[command(flatten)]
    pub(crate) paths: ConfigPaths,
    /// `alice`, or the whole ID.
    pub(crate) user: String,
    /// A file with the password, where one is needed.
    #[arg(long)]
    pub(crate) password_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct DeactivateArguments {
    #[command(flatten)]
    pub(crate) paths: ConfigPaths,
    /// `alice`, or the whole ID.
    pub(crate) user: String,
    /// Remove the profile too, and show what the user wrote redacted to those who were not there to see it.
    #[arg(long)]
    pub(crate) erase: bool,
}

/// Which configuration.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ConfigPaths {
    /// A configuration file, or a directory of *.yaml files. Later ones replace options of earlier ones.
    #[arg(short = 'c', long = "config-path", alias = "config", value_name = "PATH")]
    pub(crate) config_path: Vec<PathBuf>,
    /// Where key files lie whose path is not configured; else beside the last file.
    #[arg(long, visible_alias = "config-directory", value_name = "DIRECTORY")]
    pub(crate) keys_directory: Option<PathBuf>,
    /// Refuse secrets in the configuration itself: each has to be in a file of its own.
    #[arg(long)]
    pub(crate) no_secrets_in_config: bool,
}

impl ConfigPaths {
    pub(crate) fn sources(&self) -> Sources {
        let paths = if self.config_path.is_empty() {
            PACKAGED.iter().map(PathBuf::from).filter(|path| path.exists()).collect()
        } else {
            self.config_path.clone()
        };
        Sources {
            paths,
            keys_directory: self.keys_directory.clone().or_else(|| self.packaged_data()),
            refuse_inline_secrets: self.no_secrets_in_config,
        }
    }

    /// The folder that relative paths start from, unless it is the working directory.
    pub(super) fn packaged_data(&self) -> Option<PathBuf> {
        let data = Path::new(PACKAGED_DATA);
        (self.config_path.is_empty() && data.is_dir()).then(|| data.to_owned())
    }

    /// The typed configuration.
    ///
    /// # Errors
    /// Every fault that makes it unusable.
    pub(crate) fn load(&self) -> anyhow::Result<Config> {
        let sources = self.sources();
        if sources.paths.is_empty() {
            let message =
                "no configuration file: give one with -c, or make one with `myelin generate-config`";
            return Err(ConfigurationError(message.to_owned()).into());
        }
        let config = load(sources, &super::environment(self)?).config();
        config.map_err(|faults| {
            let lines: Vec<String> = faults.iter().map(Fault::to_string).collect();
            ConfigurationError(lines.join("\n")).into()
        })
    }
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) generate: GenerateArguments,
    /// Write a new configuration file, then exit (as `generate-config`).
    #[arg(long, group = "mode")]
    pub(crate) generate_config: bool,
    /// Make the signing key if it is missing, then exit.
    #[arg(long, visible_alias = "generate-keys", group = "mode")]
    pub(crate) generate_missing_configs: bool,
    /// Make the signing key if it is missing, then serve. That is what happens without it, too.
    #[arg(long, group = "mode")]
    pub(crate) generate_missing_and_run: bool,
    /// Serve in the background; returns when the server is ready.
    #[arg(short = 'D', long)]
    pub(crate) daemonize: bool,
    /// Print the path of the pid file at start.
    #[arg(long)]
    pub(crate) print_pidfile: bool,
    /// How log lines are written.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// The server is already in the background.
    #[arg(long, hide = true)]
    pub(crate) in_background: bool,
}

/// What a new configuration is made of.
#[derive(Clone, Debug, Args)]
pub(crate) struct GenerateArguments {
    #[command(flatten)]
    pub(crate) paths: ConfigPaths,
    /// The name of the server: the part of user IDs behind the colon. It cannot be changed later.
    #[arg(short = 'H', long, value_name = "NAME")]
    pub(crate) server_name: Option<String>,
    /// Whether anonymous statistics are reported; they are not, unless this says so.
    #[arg(long, value_enum)]
    pub(crate) report_stats: Option<YesNo>,
    /// Where the database, media and signing key are to be; else the working directory.
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) data_directory: Option<PathBuf>,
    /// Listen on every address, not only on this machine's own.
    #[arg(long)]
    pub(crate) open_private_ports: bool,
    /// Offer metrics on port 19090.
    #[arg(long)]
    pub(crate) enable_metrics: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum YesNo {
    Yes,
    No,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DocsFormat {
    Markdown,
    Schema,
    Man,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    #[command(flatten)]
    pub(crate) paths: ConfigPaths,
    /// Only this option; a member with dots: `database.args.host`.
    pub(crate) key: Option<String>,
    /// With the file and line of each, and what it overrode.
    #[arg(long)]
    pub(crate) origin: bool,
    /// With the defaults.
    #[arg(long)]
    pub(crate) all: bool,
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    pub(crate) format: OutputFormat,
    /// Show secrets as they are.
    #[arg(long)]
    pub(crate) secrets: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    pub(crate) paths: ConfigPaths,
    /// Name also what Synapse would refuse or read otherwise.
    #[arg(long)]
    pub(crate) synapse: bool,
    /// Only say, by ending with 1, if nobody has set a server name yet. The service asks so before it starts, when files
    /// that settings name, such as systemd's credentials, need not be there.
    #[arg(long, conflicts_with = "synapse")]
    pub(crate) only_configured: bool,
}

#[derive(Debug, Parser)]
#[command(name = "hash_password")]
pub(crate) struct HashPasswordArguments {
    #[command(flatten)]
    pub(crate) paths: ConfigPaths,
    /// The password; asked for if it is not given. Others on this machine can see it here.
    #[arg(short = 'p', long)]
    pub(crate) password: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct BackupArguments {
    #[command(flatten)]
    pub(crate) paths: ConfigPaths,
    /// The folder of the backup.
    pub(crate) directory: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArguments {
    #[command(flatten)]
    pub(crate) paths: ConfigPaths,
    /// The folder of the backup.
    #[arg(required_unless_present = "database_is_restored")]
    pub(crate) directory: Option<PathBuf>,
    /// PostgreSQL's tools have put the database back: only refuse the sync tokens of the lost time.
    #[arg(long, conflicts_with = "directory")]
    pub(crate) database_is_restored: bool,
}

#[derive(Debug, Args)]
pub(crate) struct HealthcheckArguments {
    #[command(flatten)]
    pub(crate) paths: ConfigPaths,
    /// Where the server is; else the first listener of the configuration.
    #[arg(long)]
    pub(crate) url: Option<String>,
}

/// The last of the paths, where `generate-config` writes.
pub(crate) fn target_file(paths: &ConfigPaths) -> anyhow::Result<&Path> {
    match paths.config_path.as_slice() {
        [path] => Ok(path),
        _ => Err(anyhow!("give one file with -c to write the configuration to")),
    }
}
