//! One version, as each family spells and orders it.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use anyhow::{Context, bail};

/// The part behind ours in a package's version, so that a distribution's own `-1` always wins over ours.
const OUR_REVISION: &str = "0myelin";

/// `1.2.3`, or `1.2.3-rc1` before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    numbers: [u32; 3],
    /// `rc1`, `beta2`; nothing for a release.
    before: Option<String>,
    revision: u32,
}

impl Version {
    /// Another packaging of the same release.
    pub(crate) fn with_revision(mut self, revision: u32) -> Self {
        self.revision = revision;
        self
    }

    /// `1.2.3~rc1-0myelin1`.
    pub(crate) fn debian(&self) -> String {
        format!("{}-{OUR_REVISION}{}", self.tilded(), self.revision)
    }

    /// Version and release of an rpm: `1.2.3~rc1` and `0.myelin1`.
    pub(crate) fn rpm(&self) -> (String, String) {
        (self.tilded(), format!("0.myelin{}", self.revision))
    }

    /// Version and release of an rpm as one word: `1.2.3~rc1-0.myelin1`.
    pub(crate) fn rpm_whole(&self) -> String {
        let (version, release) = self.rpm();
        format!("{version}-{release}")
    }

    /// A tilde sorts before the end of the word, in dpkg and in rpm.
    fn tilded(&self) -> String {
        let [major, minor, patch] = self.numbers;
        let before = self.before.as_ref().map(|before| format!("~{before}")).unwrap_or_default();
        format!("{major}.{minor}.{patch}{before}")
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        self.before.as_ref().map_or(Ok(()), |before| write!(f, "-{before}"))
    }
}

impl FromStr for Version {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (numbers, before) =
            text.split_once('-').map_or((text, None), |(numbers, before)| (numbers, Some(before)));
        let parts: Vec<u32> = numbers
            .split('.')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .with_context(|| format!("version {text:?}"))?;
        let Ok(numbers) = <[u32; 3]>::try_from(parts) else {
            bail!("version {text:?} is not of the form 1.2.3")
        };
        if before.is_some_and(|word| word.is_empty() || !word.bytes().all(|b| b.is_ascii_alphanumeric())) {
            bail!("version {text:?}: what stands behind the hyphen is a word such as rc1");
        }
        Ok(Self { numbers, before: before.map(str::to_owned), revision: 1 })
    }
}

/// The order of dpkg and rpm for the versions that we make (no epochs): digits as numbers, a tilde before the end,
/// letters before other signs.
pub(crate) fn compare(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one.as_bytes(), other.as_bytes());
    loop {
        let order = compare_words(&mut one, &mut other).then_with(|| compare_digits(&mut one, &mut other));
        if order != Ordering::Equal || (one.is_empty() && other.is_empty()) {
            return order;
        }
    }
}

fn compare_words(one: &mut &[u8], other: &mut &[u8]) -> Ordering {
    loop {
        let (left, right) = (rank(one), rank(other));
        if left != right {
            return left.cmp(&right);
        }
        if left == 0 {
            return Ordering::Equal;
        }
        *one = &one[1..];
        *other = &other[1..];
    }
}

fn rank(text: &[u8]) -> i32 {
    match text.first() {
        None => 0,
        Some(byte) if byte.is_ascii_digit() => 0,
        Some(b'~') => -1,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    }
}

fn compare_digits(one: &mut &[u8], other: &mut &[u8]) -> Ordering {
    let (left, right) = (take_digits(one), take_digits(other));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// The digits in front, without leading zeros.
fn take_digits<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    let zeros = digits.iter().take_while(|byte| **byte == b'0').count();
    &digits[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_its_spelling() {
        let version: Version = "1.2.3-rc1".parse().unwrap();
        assert_eq!(version.debian(), "1.2.3~rc1-0myelin1");
        assert_eq!(version.rpm(), ("1.2.3~rc1".to_owned(), "0.myelin1".to_owned()));
        assert_eq!(version.to_string(), "1.2.3-rc1");
        assert_eq!("1.2.3".parse::<Version>().unwrap().with_revision(2).debian(), "1.2.3-0myelin2");
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["", "1", "1.2", "1.2.3.4", "1.2.x", "1.2.3-", "1.2.3-a~b"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    #[test]
    fn versions_are_ordered_as_dpkg_orders_them() {
        let ordered = [
            "0.9.0-0myelin1",
            "0.10.0~rc1-0myelin1",
            "0.10.0~rc2-0myelin1",
            "0.10.0-0myelin1",
            "0.10.0-0myelin2",
            "0.10.0-0myelin10",
            "0.10.0-1",
            "1.0.0-0myelin1",
        ];
        for (at, one) in ordered.iter().enumerate() {
            for (other_at, other) in ordered.iter().enumerate() {
                assert_eq!(compare(one, other), at.cmp(&other_at), "{one} {other}");
            }
        }
    }
}
