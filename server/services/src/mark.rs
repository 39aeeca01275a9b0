//! Up to where somebody was told of what is kept in memory only, such as who types.

use std::{fmt, str::FromStr};

/// A place among the changes of one process. Its text is `INCARNATION-SERIAL`; it is a part of sync tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The process: another one counts anew.
    pub(crate) incarnation: u32,
    pub(crate) serial: u64,
}

/// The text is not a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a mark of what was told")]
pub struct InvalidMark;

impl Mark {
    /// Where to go on in that process; at the start if the mark is of another one.
    pub(crate) fn serial_in(since: Option<Self>, incarnation: u32) -> u64 {
        since.filter(|since| since.incarnation == incarnation).map_or(0, |since| since.serial)
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:x}-{}", self.incarnation, self.serial)
    }
}

impl FromStr for Mark {
    type Err = InvalidMark;

    fn from_str(text: &str) -> Result<Self, InvalidMark> {
        let (incarnation, serial) = text.split_once('-').ok_or(InvalidMark)?;
        let incarnation = u32::from_str_radix(incarnation, 16).map_err(|_| InvalidMark)?;
        Ok(Self { incarnation, serial: serial.parse().map_err(|_| InvalidMark)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_survives_its_text() {
        let mark = Mark { incarnation: 0xff, serial: 12 };
        assert_eq!(mark.to_string().parse(), Ok(mark));
        for text in ["", "1", "x-1", "1-x", "1-2-3"] {
            assert_eq!(text.parse::<Mark>(), Err(InvalidMark), "{text}");
        }
    }
}
