//! Archives and compression whose bytes depend on nothing but the content: no clock, no user, no order of a folder.

use std::io::{self, Write};

use anyhow::{Context, ensure};
use flate2::{Compression, GzBuilder};
use lzma_rust2::{XzOptions, XzWriter};

/// Packages are built to be kept and fetched often.
const XZ_LEVEL: u32 = 6;
/// The one that is meant for what is packed once and fetched often.
const ZSTD_LEVEL: i32 = 19;

const BLOCK: usize = 512;
const NAME_LENGTH: usize = 100;
const PREFIX_LENGTH: usize = 155;

/// A POSIX tar archive, all entries of one moment and owned by root.
pub(crate) struct TarWriter {
    bytes: Vec<u8>,
    time: u64,
}

impl TarWriter {
    /// An empty archive whose entries are `time` (seconds since the epoch) old.
    pub(crate) fn new(time: u64) -> Self {
        Self { bytes: Vec::new(), time }
    }

    /// Adds a folder; its path ends with a slash.
    pub(crate) fn directory(&mut self, path: &str, mode: u32) -> anyhow::Result<()> {
        self.entry(path, b'5', mode, "", &[])
    }

    pub(crate) fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> anyhow::Result<()> {
        self.entry(path, b'0', mode, "", content)
    }

    pub(crate) fn link(&mut self, path: &str, target: &str) -> anyhow::Result<()> {
        self.entry(path, b'2', 0o777, target, &[])
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len() + 2 * BLOCK, 0);
        self.bytes
    }

    fn entry(&mut self, path: &str, kind: u8, mode: u32, target: &str, content: &[u8]) -> anyhow::Result<()> {
        let (prefix, name) = match split(path) {
            Some(parts) => parts,
            None => {
                self.long_name(path)?;
                ("", path.get(..NAME_LENGTH).with_context(|| format!("{path}: not in ASCII"))?)
            }
        };
        ensure!(target.len() <= NAME_LENGTH, "{path}: its target is too long for a tar archive");
        let mut header = Vec::with_capacity(BLOCK);
        let text = |header: &mut Vec<u8>, text: &str, length: usize| {
            header.extend_from_slice(text.as_bytes());
            header.resize(header.len() + length - text.len(), 0);
        };
        text(&mut header, name, NAME_LENGTH);
        text(&mut header, &format!("{mode:07o}"), 8);
        text(&mut header, "0000000", 8);
        text(&mut header, "0000000", 8);
        text(&mut header, &format!("{:011o}", content.len()), 12);
        text(&mut header, &format!("{:011o}", self.time), 12);
        // The checksum is taken with spaces in its own place.
        header.extend_from_slice(b"        ");
        header.push(kind);
        text(&mut header, target, NAME_LENGTH);
        header.extend_from_slice(b"ustar\x0000");
        text(&mut header, "root", 32);
        text(&mut header, "root", 32);
        text(&mut header, "0000000", 8);
        text(&mut header, "0000000", 8);
        text(&mut header, prefix, PREFIX_LENGTH);
        header.resize(BLOCK, 0);
        let sum: u32 = header.iter().copied().map(u32::from).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.bytes.extend_from_slice(&header);
        self.bytes.extend_from_slice(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK), 0);
        Ok(())
    }

    /// The record of POSIX that gives the next entry its name. Its length counts its own digits.
    fn long_name(&mut self, path: &str) -> anyhow::Result<()> {
        let rest = format!(" path={path}\n");
        let length = (rest.len()..).find(|length| length.to_string().len() + rest.len() == *length);
        let record = format!("{}{rest}", length.context("a path of no length")?);
        self.entry("./PaxHeaders/path", b'x', 0o644, "", record.as_bytes())
    }
}

/// A path as the two fields that a tar header has for it; nothing if it fits into neither.
fn split(path: &str) -> Option<(&str, &str)> {
    if path.len() <= NAME_LENGTH {
        return Some(("", path));
    }
    path.match_indices('/')
        .map(|(at, _)| (&path[..at], &path[at + 1..]))
        .find(|(prefix, name)| prefix.len() <= PREFIX_LENGTH && !name.is_empty() && name.len() <= NAME_LENGTH)
}

/// An `ar` archive of `name` and content, as a Debian package is one.
pub(crate) fn ar(members: &[(&str, &[u8])], time: u64) -> Vec<u8> {
    let mut out = b"!<arch>\n".to_vec();
    for (name, content) in members {
        out.extend(
            format!("{name:<16}{time:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, "100644", content.len()).bytes(),
        );
        out.extend_from_slice(content);
        if content.len() % 2 == 1 {
            out.push(b'\n');
        }
    }
    out
}

pub(crate) fn xz(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = XzWriter::new(Vec::new(), XzOptions::with_preset(XZ_LEVEL))?;
    writer.write_all(bytes)?;
    writer.finish()
}

pub(crate) fn zstd(bytes: &[u8]) -> io::Result<Vec<u8>> {
    zstd::bulk::compress(bytes, ZSTD_LEVEL)
}

pub(crate) fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    writer.write_all(bytes)?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_an_ar_archive_begin_at_even_places() {
        let archive = ar(&[("debian-binary", b"2.0\n"), ("odd", b"abc"), ("last", b"")], 7);
        assert_eq!(archive.len(), 8 + 60 + 4 + 60 + 4 + 60);
        assert!(
            archive[8..].starts_with(b"debian-binary   7           0     0     100644  4         `\n2.0\n")
        );
    }

    #[test]
    fn a_name_that_fits_into_no_header_has_one_of_its_own() {
        let path = format!("vendor/{}/{}", "a".repeat(160), "b".repeat(120));
        let mut archive = TarWriter::new(7);
        archive.file(&path, 0o644, b"content").unwrap();
        let bytes = archive.finish();
        assert_eq!(bytes[156], b'x');
        let record = format!("{} path={path}\n", path.len() + " path=\n".len() + 3);
        assert!(bytes[BLOCK..].starts_with(record.as_bytes()));
        assert_eq!(bytes[2 * BLOCK + 156], b'0');
        assert!(bytes[3 * BLOCK..].starts_with(b"content"));
    }

    #[test]
    fn compressed_bytes_are_the_same_each_time() {
        let bytes = b"a line that comes again\n".repeat(1000);
        assert_eq!(xz(&bytes).unwrap(), xz(&bytes).unwrap());
        assert_eq!(gzip(&bytes).unwrap(), gzip(&bytes).unwrap());
        assert_eq!(zstd(&bytes).unwrap(), zstd(&bytes).unwrap());
        assert!(xz(&bytes).unwrap().len() < 200);
    }

    #[test]
    fn zstd_gives_back_what_it_was_given() {
        // Words in an order that repeats late, as an index does; and nothing at all.
        let text: String = (0..40_000_u64).map(|n| format!("Package: {}\n", n * n % 7919)).collect();
        for bytes in [text.as_bytes(), b""] {
            let compressed = zstd(bytes).unwrap();
            assert!(zstd::bulk::decompress(&compressed, text.len()).unwrap() == bytes);
        }
        assert!(zstd(text.as_bytes()).unwrap().len() < text.len() / 2);
    }
}
