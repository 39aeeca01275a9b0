//! Reading Debian packages, ours and those of other builders.

use std::io::Read;

use anyhow::{Context, bail, ensure};
use flate2::read::GzDecoder;
use lzma_rust2::XzReader;

const AR_MAGIC: &[u8] = b"!<arch>\n";
const AR_HEADER: usize = 60;
const TAR_BLOCK: usize = 512;
/// More than any control archive holds; what unpacks to more is no package of ours.
const CONTROL_BYTES: u64 = 16 << 20;

/// The control file of a package.
///
/// # Errors
/// If the file is no Debian package, or is compressed in a way that we do not read.
pub(super) fn control(deb: &[u8]) -> anyhow::Result<String> {
    let (name, member) = ar_member(deb, "control.tar").context("not a Debian package")?;
    let mut archive = Vec::new();
    match name {
        "control.tar" => archive.extend_from_slice(member),
        "control.tar.gz" => {
            GzDecoder::new(member).take(CONTROL_BYTES).read_to_end(&mut archive)?;
        }
        "control.tar.xz" => {
            XzReader::new(member, true).take(CONTROL_BYTES).read_to_end(&mut archive)?;
        }
        other => bail!("{other}: cannot read this compression; build with: dpkg-deb -Zxz"),
    }
    let bytes = tar_file(&archive, "control").context("a package without a control file")?;
    let text = std::str::from_utf8(bytes).context("the control file is not UTF-8")?;
    ensure!(!text.trim().is_empty(), "the control file is empty");
    Ok(format!("{}\n", text.trim_end()))
}

/// The member of an `ar` archive whose name begins so.
fn ar_member<'a>(archive: &'a [u8], wanted: &str) -> Option<(&'a str, &'a [u8])> {
    let mut rest = archive.strip_prefix(AR_MAGIC)?;
    while rest.len() >= AR_HEADER {
        let (header, content) = rest.split_at(AR_HEADER);
        let name = std::str::from_utf8(header.get(..16)?).ok()?.trim_end().trim_end_matches('/');
        let size: usize = std::str::from_utf8(header.get(48..58)?).ok()?.trim().parse().ok()?;
        if name.starts_with(wanted) {
            return Some((name, content.get(..size)?));
        }
        rest = content.get(size.next_multiple_of(2)..)?;
    }
    None
}

/// The content of a file in a tar archive, with or without `./` before its name.
fn tar_file<'a>(archive: &'a [u8], wanted: &str) -> Option<&'a [u8]> {
    let mut rest = archive;
    while rest.len() >= TAR_BLOCK {
        let (header, content) = rest.split_at(TAR_BLOCK);
        let name = text_of(header.get(..100)?)?;
        let size = usize::from_str_radix(text_of(header.get(124..136)?)?.trim(), 8).ok()?;
        if name.trim_start_matches("./") == wanted {
            return content.get(..size);
        }
        rest = content.get(size.next_multiple_of(TAR_BLOCK)..)?;
    }
    None
}

fn text_of(field: &[u8]) -> Option<&str> {
    std::str::from_utf8(field.split(|byte| *byte == 0).next()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{TarWriter, ar, gzip};

    fn package(control: &[u8]) -> Vec<u8> {
        let mut archive = TarWriter::new(0);
        archive.directory("./", 0o755).unwrap();
        archive.file("./control", 0o644, control).unwrap();
        let archive = gzip(&archive.finish()).unwrap();
        ar(&[("debian-binary", b"2.0\n"), ("control.tar.gz", &archive)], 0)
    }

    #[test]
    fn the_control_file_is_found() {
        assert_eq!(control(&package(b"Package: a\n\n")).unwrap(), "Package: a\n");
    }

    #[test]
    fn what_is_no_package_is_refused_and_never_a_panic() {
        let whole = package(b"Package: a\n");
        for length in 0..whole.len() - 1 {
            assert!(control(&whole[..length]).is_err(), "{length}");
        }
        assert!(control(&package(b"")).is_err());
        assert!(control(&package(b"\xff")).is_err());
    }
}
