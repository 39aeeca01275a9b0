//! What is logged, and where to: `log_config` in Python's form.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::fault::FaultKind;
use crate::reader::Reader;
use crate::yaml::{self, Content, FileId, Mapping, Node};

/// How to log. Without a `log_config`: everything from `info` on, to standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// The file that says so, to be read again at a reload.
    pub path: Option<PathBuf>,
    pub root_level: LogLevel,
    /// Names of our targets (`myelin_storage`, `tower_http`, …) with a level of their own.
    pub levels: BTreeMap<String, LogLevel>,
    /// Empty: nothing is logged.
    pub outputs: Vec<LogOutput>,
    /// Lines of JSON instead of text.
    pub json: bool,
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogOutput {
    StandardError,
    StandardOutput,
    File(LogFile),
}

/// A file that lines go to; it is opened again at a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    pub path: PathBuf,
    pub rotation: LogRotation,
}

/// When a new file is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogRotation {
    Never,
    /// At midnight UTC, keeping so many old files.
    Daily {
        keep: u32,
    },
    /// At so many bytes, keeping so many old files.
    Size {
        bytes: u64,
        keep: u32,
    },
}

/// From quiet to loud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}

impl LogLevel {
    /// The level's name in `tracing`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }

    /// A name or number of Python's logging; 0 is everything.
    fn parse(node: &Node) -> Option<Self> {
        let number = match &node.content {
            Content::Integer(number) => *number,
            Content::Text(name) => match name.as_str() {
                "CRITICAL" | "FATAL" => 50,
                "ERROR" => 40,
                "WARNING" | "WARN" => 30,
                "INFO" => 20,
                "DEBUG" => 10,
                "NOTSET" => 0,
                _ => return None,
            },
            _ => return None,
        };
        Some(match number {
            51.. => Self::Off,
            40..=50 => Self::Error,
            30..=39 => Self::Warn,
            20..=29 => Self::Info,
            _ => Self::Debug,
        })
    }
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            path: None,
            root_level: LogLevel::Info,
            levels: BTreeMap::new(),
            outputs: vec![LogOutput::StandardError],
            json: false,
        }
    }
}

/// Python logger → our target: the part of the server that does the same. A longer name goes before a shorter one.
const LOGGERS: [(&str, &str); 13] = [
    ("synapse", "myelin"),
    ("synapse.storage", "myelin_storage"),
    ("synapse.storage.SQL", "sqlx::query"),
    ("synapse.rest", "myelin_api"),
    ("synapse.http", "myelin_api"),
    ("synapse.access", "myelin_api::access"),
    ("synapse.http.client", "myelin_outbound"),
    ("synapse.http.federation", "myelin_outbound"),
    ("synapse.federation", "myelin_services::federation"),
    ("synapse.handlers", "myelin_services"),
    ("synapse.push", "myelin_services::push"),
    ("synapse.config", "myelin_config"),
    ("synapse.state", "myelin_core"),
];

/// Crates that `synapse` and root stand for together; a level for `synapse` holds for each.
const CRATES: [&str; 6] =
    ["myelin", "myelin_api", "myelin_core", "myelin_outbound", "myelin_services", "myelin_storage"];

pub(crate) fn read(r: &mut Reader<'_, '_>) -> LogSettings {
    let path: Option<PathBuf> =
        r.get("log_config", "null", "A file that says what is logged, in Python's form.");
    r.never("a log file is a handler of `log_config`").know::<Option<String>>(
        "log_file",
        "null",
        "A log file (old form).",
    );
    r.never("standard output and error are left alone").know::<bool>(
        "no_redirect_stdio",
        "false",
        "Whether standard output and error stay as they are.",
    );
    let Some(path) = path else { return LogSettings::default() };
    match parse_file(&path, r.environment()) {
        Ok((settings, idle)) => {
            for (what, line) in idle {
                let message = format!("{}:{line}: {what} has no effect", path.display());
                r.fault(FaultKind::NoEffect, "log_config", &message);
            }
            settings
        }
        Err((kind, message)) => {
            r.fault(kind, "log_config", &message);
            LogSettings::default()
        }
    }
}

/// Things in the file that change nothing, with their lines.
type Idle = Vec<(String, usize)>;

fn parse_file(
    path: &Path,
    environment: &crate::Environment,
) -> Result<(LogSettings, Idle), (FaultKind, String)> {
    let text = crate::files::read_text(path)
        .map_err(|error| (FaultKind::Unreadable, format!("cannot read {}: {error}", path.display())))?;
    let parsed = yaml::parse(&text, FileId(usize::MAX)).map_err(|error| {
        (FaultKind::Syntax, format!("{}:{}: {}", path.display(), error.position.line, error.message))
    })?;
    let Some(root) = parsed.root.as_ref().and_then(Node::as_mapping) else {
        return Err((FaultKind::Value, format!("{}: expected a mapping", path.display())));
    };
    let mut log = LogFileReader { environment, path, root, idle: Vec::new(), wrong: None };
    let settings = log.settings();
    match log.wrong {
        Some((message, line)) => Err((FaultKind::Value, format!("{}:{line}: {message}", path.display()))),
        None => Ok((settings, log.idle)),
    }
}

struct LogFileReader<'a> {
    environment: &'a crate::Environment,
    path: &'a Path,
    root: &'a Mapping,
    idle: Idle,
    /// The first fault.
    wrong: Option<(String, usize)>,
}

impl<'a> LogFileReader<'a> {
    fn settings(&mut self) -> LogSettings {
        let mut settings = LogSettings {
            path: Some(self.path.to_owned()),
            // Python's own default.
            root_level: LogLevel::Warn,
            levels: BTreeMap::new(),
            outputs: Vec::new(),
            json: false,
        };
        for entry in &self.root.entries {
            let name = entry.key.key_name();
            match name.as_str() {
                "version" | "disable_existing_loggers" | "formatters" | "handlers" | "root" | "loggers" => {}
                _ => self.idle.push((format!("`{name}`"), entry.key.position.line)),
            }
        }
        if let Some(root) = self.root.find("root") {
            settings.root_level = self.level_of(&root.value).unwrap_or(LogLevel::Warn);
            for handler in self.handlers_of(&root.value) {
                self.output(&handler, &mut settings, 0);
            }
        }
        if let Some(loggers) = self.root.find("loggers").and_then(|entry| entry.value.as_mapping()) {
            for entry in &loggers.entries {
                self.logger(&entry.key, &entry.value, &mut settings);
            }
        }
        settings
    }

    fn logger(&mut self, key: &Node, value: &'a Node, settings: &mut LogSettings) {
        let name = key.key_name();
        let level = self.level_of(value);
        for handler in self.handlers_of(value) {
            self.idle.push((format!("the handler `{handler}` of the logger `{name}`"), key.position.line));
        }
        let Some(level) = level else { return };
        let nearest = LOGGERS
            .iter()
            .filter(|(logger, _)| name == *logger || name.starts_with(&format!("{logger}.")))
            .max_by_key(|(logger, _)| logger.len());
        match nearest {
            Some((logger, _)) if *logger == "synapse" && name == "synapse" => {
                for target in CRATES {
                    settings.levels.entry(target.to_owned()).or_insert(level);
                }
            }
            // A deeper name has no target of its own: its level would hold for too much.
            Some((logger, target)) if name == *logger => {
                settings.levels.insert((*target).to_owned(), level);
            }
            _ if name.starts_with("myelin") || name.starts_with("sqlx") => {
                settings.levels.insert(name.replace('.', "::"), level);
            }
            _ => self.idle.push((format!("the logger `{name}`"), key.position.line)),
        }
    }

    fn level_of(&mut self, logger: &Node) -> Option<LogLevel> {
        let level = &logger.as_mapping()?.find("level")?.value;
        let parsed = LogLevel::parse(level);
        if parsed.is_none() {
            let found = level.describe(false);
            self.fail(
                level,
                format!("expected a level (DEBUG, INFO, WARNING, ERROR, CRITICAL), found {found}"),
            );
        }
        parsed
    }

    fn handlers_of(&mut self, logger: &'a Node) -> Vec<String> {
        let Some(list) = logger.as_mapping().and_then(|logger| logger.find("handlers")) else {
            return Vec::new();
        };
        match &list.value.content {
            Content::Sequence(items) => items.iter().map(Node::key_name).collect(),
            Content::Null => Vec::new(),
            _ => {
                self.fail(&list.value, "expected a list of handlers".to_owned());
                Vec::new()
            }
        }
    }

    /// Adds what a handler writes to; a buffer stands for the handler behind it.
    fn output(&mut self, name: &str, settings: &mut LogSettings, hops: usize) {
        let handler = self.root.find("handlers").and_then(|entry| entry.value.as_mapping()?.find(name));
        let Some(handler) = handler else {
            let at = self.root.find("root").map(|entry| &entry.value);
            if let Some(at) = at {
                self.fail(at, format!("the handler `{name}` is not described"));
            }
            return;
        };
        let line = handler.key.position.line;
        let Some(members) = handler.value.as_mapping() else {
            self.fail(&handler.value, "expected a mapping".to_owned());
            return;
        };
        let member = |name: &str| members.find(name).map(|entry| &entry.value);
        let class = member("class").and_then(Node::as_text).unwrap_or_default().to_owned();
        let target = member("target").and_then(Node::as_text);
        if let (Some(target), true) = (target, class.ends_with("MemoryHandler")) {
            if hops < 4 {
                self.output(target, settings, hops + 1);
            }
            return;
        }
        settings.json |= self.is_json(member("formatter"));
        for idle in ["level", "filters"] {
            if member(idle).is_some() {
                self.idle.push((format!("`{idle}` of the handler `{name}`"), line));
            }
        }
        match class.as_str() {
            // Under systemd standard error is the journal.
            "systemd.journal.JournalHandler" | "systemd.journal.JournaldLogHandler" => {
                settings.outputs.push(LogOutput::StandardError);
            }
            "logging.StreamHandler" => {
                let stdout = member("stream").and_then(Node::as_text) == Some("ext://sys.stdout");
                settings.outputs.push(if stdout {
                    LogOutput::StandardOutput
                } else {
                    LogOutput::StandardError
                });
            }
            "logging.FileHandler"
            | "logging.handlers.WatchedFileHandler"
            | "logging.handlers.RotatingFileHandler"
            | "logging.handlers.TimedRotatingFileHandler" => {
                self.file(&class, &handler.value, members, settings);
            }
            _ => self.idle.push((format!("the handler `{name}` ({class})"), line)),
        }
    }

    fn file(&mut self, class: &str, handler: &Node, members: &Mapping, settings: &mut LogSettings) {
        let member = |name: &str| members.find(name).map(|entry| &entry.value);
        let Some(filename) = member("filename").and_then(Node::as_text) else {
            self.fail(handler, "expected a `filename`".to_owned());
            return;
        };
        let path = match self.environment.resolve(filename) {
            Ok(path) => path,
            Err(missing) => {
                self.fail(handler, format!("`filename` needs {missing}"));
                return;
            }
        };
        let number = |name: &str| match member(name).map(|node| &node.content) {
            Some(Content::Integer(number)) => u64::try_from(*number).unwrap_or(0),
            _ => 0,
        };
        let keep = u32::try_from(number("backupCount")).unwrap_or(u32::MAX);
        let rotation = match class {
            "logging.handlers.RotatingFileHandler" if number("maxBytes") > 0 && keep > 0 => {
                LogRotation::Size { bytes: number("maxBytes"), keep }
            }
            "logging.handlers.TimedRotatingFileHandler" => {
                let when = member("when").and_then(Node::as_text).unwrap_or("H");
                if !when.eq_ignore_ascii_case("midnight") {
                    self.idle.push((
                        format!("`when: {when}` (a new file begins at midnight)"),
                        handler.position.line,
                    ));
                }
                LogRotation::Daily { keep }
            }
            _ => LogRotation::Never,
        };
        settings.outputs.push(LogOutput::File(LogFile { path, rotation }));
    }

    /// Synapse's formatters for machines, and a few that others use.
    fn is_json(&self, formatter: Option<&Node>) -> bool {
        let described = formatter.and_then(Node::as_text).and_then(|name| {
            self.root.find("formatters")?.value.as_mapping()?.find(name)?.value.as_mapping()
        });
        let class = described
            .and_then(|formatter| formatter.find("class").or_else(|| formatter.find("()"))?.value.as_text());
        class.is_some_and(|class| class.to_ascii_lowercase().contains("json"))
    }

    fn fail(&mut self, node: &Node, message: String) {
        self.wrong.get_or_insert((message, node.position.line));
    }
}
