//! What caches tell of themselves to those who watch the server.

/// How full a cache is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CacheSize {
    pub(crate) name: &'static str,
    pub(crate) entries: usize,
    /// Missing where only entries are counted.
    pub(crate) bytes: Option<u64>,
}

impl CacheSize {
    /// A cache that is bounded by the number of its entries.
    pub(crate) fn of(name: &'static str, entries: usize) -> Self {
        Self { name, entries, bytes: None }
    }
}
