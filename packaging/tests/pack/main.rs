//! `pack` as it is called, and the files that it reads.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod tree;
mod twin;
