//! Where files lie, as in Synapse.

use std::path::{Path, PathBuf};

/// The file of that id; `None` for what is no id, so that none leads out of the folder.
pub(super) fn content(root: &Path, media_id: &str) -> Option<PathBuf> {
    let (one, two, rest) = split(media_id)?;
    Some(root.join("local_content").join(one).join(two).join(rest))
}

/// A thumbnail of it: `WIDTH-HEIGHT-TYPE-SUBTYPE-METHOD` in a folder of the file's own.
pub(super) fn thumbnail(root: &Path, media_id: &str, name: &str) -> Option<PathBuf> {
    let (one, two, rest) = split(media_id)?;
    Some(root.join("local_thumbnails").join(one).join(two).join(rest).join(name))
}

fn split(media_id: &str) -> Option<(&str, &str, &str)> {
    let is_id = media_id.len() > 4
        && media_id.len() <= 255
        && media_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    is_id.then(|| (&media_id[..2], &media_id[2..4], &media_id[4..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_synapses_and_lead_nowhere_else() {
        let root = Path::new("/media");
        let path = content(root, "abcdEFGH").map(|path| path.display().to_string());
        assert_eq!(path.as_deref(), Some("/media/local_content/ab/cd/EFGH"));
        for bad in ["", "abcd", "../../etc/passwd", "ab/cdefg", "..........", "abcde\0"] {
            assert_eq!(content(root, bad), None, "{bad}");
        }
    }
}
