//! How the texts of events lie in the database: packed with Zstandard and a dictionary of what events have in common
//! (docs/adr/0010).

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use myelin_core::event::MAX_EVENT_TEXT_BYTES;
use zstd::{
    bulk::{Compressor, Decompressor},
    zstd_safe::get_frame_content_size,
};

use crate::StorageError;

/// Number 32768, the first of those for private use. `examples/train_event_dictionary.rs` made it. It never changes:
/// what was packed with it is read with it.
const DICTIONARY: &[u8] = include_bytes!("../../dictionaries/events-32768");

/// Higher ones gain a byte in a hundred, for three times the work and more.
const LEVEL: i32 = 3;

/// Packs and unpacks texts. It keeps what that takes, one of each for every thread that was at it at the same time.
#[derive(Default)]
pub(crate) struct EventTexts {
    packers: Mutex<Vec<Compressor<'static>>>,
    unpackers: Mutex<Vec<Decompressor<'static>>>,
}

impl EventTexts {
    pub(crate) fn pack(&self, text: &[u8]) -> Result<Vec<u8>, StorageError> {
        let begin = || Compressor::with_dictionary(LEVEL, DICTIONARY);
        with(&self.packers, begin, |packer| packer.compress(text)).map_err(|error| {
            StorageError::Inconsistent(format!("the text of an event is not packed: {error}"))
        })
    }

    /// A text that is not packed stays as it is: the database may be older than packing.
    pub(crate) fn unpack(&self, stored: Vec<u8>) -> Result<Vec<u8>, StorageError> {
        if stored.first() == Some(&b'{') {
            return Ok(stored);
        }
        self.unpack_frame(&stored)
            .map_err(|error| StorageError::Inconsistent(format!("the text of an event is damaged: {error}")))
    }

    fn unpack_frame(&self, stored: &[u8]) -> io::Result<Vec<u8>> {
        let size_bytes = get_frame_content_size(stored)
            .ok()
            .flatten()
            .and_then(|size| usize::try_from(size).ok())
            .filter(|size| *size <= MAX_EVENT_TEXT_BYTES)
            .ok_or_else(|| io::Error::other("it does not say how long it is"))?;
        let begin = || Decompressor::with_dictionary(DICTIONARY);
        with(&self.unpackers, begin, |unpacker| unpacker.decompress(stored, size_bytes))
    }
}

/// Does something with one that is not in use.
fn with<T, R>(
    idle: &Mutex<Vec<T>>,
    begin: impl FnOnce() -> io::Result<T>,
    act: impl FnOnce(&mut T) -> io::Result<R>,
) -> io::Result<R> {
    // A poisoned lock is taken all the same: pushing and popping leaves nothing half-done.
    let found = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut one = found.map_or_else(begin, Ok)?;
    let result = act(&mut one);
    idle.lock().unwrap_or_else(PoisonError::into_inner).push(one);
    result
}

#[cfg(test)]
mod tests;
