//! Where log lines go and how much is said: standard error, the systemd journal, or files, as `log_config` asks.

mod file;
mod journal;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;

use myelin_config::{LogLevel, LogOutput, LogSettings};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

use file::LogFileWriter;

type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Why logging cannot begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoggingError {
    #[error("cannot open log file {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("cannot reach the systemd journal: {0}")]
    Journal(io::Error),
    #[error("logging has been set up already")]
    Twice,
}

/// The running log, whose levels can be changed.
pub(crate) struct Logging {
    levels: reload::Handle<Targets, Registry>,
    files: Vec<Arc<LogFileWriter>>,
}

/// Begins to log. `json` asks for lines of JSON even if the settings do not.
///
/// # Errors
/// [`LoggingError`] if a file or the journal cannot be opened.
pub(crate) fn start(settings: &LogSettings, json: bool) -> Result<Logging, LoggingError> {
    let json = json || settings.json;
    let mut files = Vec::new();
    let mut layers: Vec<BoxedLayer> = Vec::new();
    for output in &settings.outputs {
        layers.push(match output {
            LogOutput::StandardError if systemd_journal_logger::connected_to_journal() && !json => {
                Box::new(journal::JournalLayer::new().map_err(LoggingError::Journal)?)
            }
            LogOutput::StandardError => {
                lines(BoxMakeWriter::new(io::stderr), json, io::stderr().is_terminal())
            }
            LogOutput::StandardOutput => {
                lines(BoxMakeWriter::new(io::stdout), json, io::stdout().is_terminal())
            }
            LogOutput::File(file) => {
                let writer = LogFileWriter::open(file, file::today)
                    .map_err(|source| LoggingError::File { path: file.path.clone(), source })?;
                let writer = Arc::new(writer);
                files.push(writer.clone());
                lines(BoxMakeWriter::new(writer), json, false)
            }
        });
    }
    let (filter, levels) = reload::Layer::new(targets(settings));
    tracing_subscriber::registry()
        .with(layers.with_filter(filter))
        .try_init()
        .map_err(|_| LoggingError::Twice)?;
    Ok(Logging { levels, files })
}

impl Logging {
    /// Puts other levels in force and opens the files again, which somebody may have moved away.
    pub(crate) fn reload(&self, settings: &LogSettings) {
        if let Err(error) = self.levels.modify(|levels| *levels = targets(settings)) {
            tracing::warn!(%error, "log levels could not be changed");
        }
        for file in &self.files {
            if let Err(error) = file.reopen() {
                tracing::warn!(%error, "a log file could not be opened again");
            }
        }
    }
}

fn lines(writer: BoxMakeWriter, json: bool, color: bool) -> BoxedLayer {
    let layer = fmt::layer().with_writer(writer).with_ansi(color);
    if json { Box::new(layer.json().flatten_event(true)) } else { Box::new(layer) }
}

fn targets(settings: &LogSettings) -> Targets {
    let levels = settings.levels.iter().map(|(target, level)| (target.clone(), filter(*level)));
    Targets::new().with_default(filter(settings.root_level)).with_targets(levels)
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    }
}
