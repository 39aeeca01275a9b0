use std::{error::Error, sync::Arc};

/// What can go wrong in storage. Conflicts that a caller expects are never errors: they are row counts.
/// It can be cloned, because a failed commit is told to every unit of its batch.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StorageError {
    /// The engine refused a statement, or the connection to it broke.
    #[error("{statement} failed: {source}")]
    Statement {
        /// Module and name of the statement.
        statement: &'static str,
        /// What the engine said.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// A text holds a zero character, which PostgreSQL cannot store or look for; the other engine is not asked either.
    #[error("{statement} was given a text with a zero character")]
    ZeroCharacter {
        /// Module and name of the statement.
        statement: &'static str,
    },
    /// A connection could not be opened.
    #[error("the database cannot be opened: {0}")]
    Open(#[source] Arc<dyn Error + Send + Sync>),
    /// The disk has no room left; nothing of the unit was stored.
    #[error("the disk is full: nothing was stored")]
    DiskFull,
    /// A stored value is not what was written: a fault of this program or of the disk.
    #[error("the database is inconsistent: {0}")]
    Inconsistent(String),
    /// The database was made by a newer version.
    #[error(
        "this version does not know migration {found} of the database; myelin {program} or newer can open it"
    )]
    SchemaTooNew {
        /// The newest migration that this program does not know.
        found: i64,
        /// Version of the program that applied it.
        program: String,
    },
    /// The database belongs to another server.
    #[error("the database belongs to {stored}, but the configuration says server_name: {configured}")]
    ServerName {
        /// Name in the database.
        stored: String,
        /// Name in the configuration.
        configured: String,
    },
    /// Another process has this database open.
    #[error("another process uses this database ({0})")]
    InUse(String),
    /// The database sorts text by a language's rules.
    #[error(
        "the PostgreSQL database has collation {0}; create it with TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    )]
    Collation(String),
    /// Another process took this one's lease over: it must stop.
    #[error("this process has lost its lease on the database")]
    LeaseLost,
    /// It is not known whether the unit was stored, because the connection broke during the commit.
    #[error("the connection to the database broke during a commit")]
    CommitUnknown,
    /// The store was closed.
    #[error("the database is closed")]
    Closed,
}

impl StorageError {
    pub(crate) fn open(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Open(error.into().into())
    }
}
