//! A filter that says of a word that it is not in a text, or may be: a Bloom filter.

use sha2::{Digest, Sha256};

/// Bits set for each word. With [`BITS_PER_WORD`] one absent word in 300 passes for one that may be there.
const BITS_SET: u32 = 8;

/// Bits that a word needs.
const BITS_PER_WORD: usize = 12;

/// What a filter knows of a word. It is stored, in a way, so it must never change.
#[derive(Clone, Copy, Debug)]
pub(super) struct WordHash {
    start: u32,
    step: u32,
}

impl WordHash {
    /// The hash of a folded word.
    pub(super) fn of(word: &str) -> Self {
        let hash = Sha256::digest(word.as_bytes());
        let part = |at: usize| u32::from_be_bytes([hash[at], hash[at + 1], hash[at + 2], hash[at + 3]]);
        // Odd, so that no two of the bits are one where their number is a power of two.
        Self { start: part(0), step: part(4) | 1 }
    }

    fn bits(self, size_bytes: usize) -> impl Iterator<Item = (usize, u8)> {
        let count = u64::try_from(size_bytes * 8).unwrap_or(u64::MAX).max(1);
        (0..BITS_SET).map(move |round| {
            let bit = u64::from(self.start.wrapping_add(round.wrapping_mul(self.step))) % count;
            (usize::try_from(bit / 8).unwrap_or(usize::MAX), 1 << (bit % 8))
        })
    }
}

/// Bytes of a filter for so many words.
pub(super) fn size_for(words: usize) -> usize {
    (words * BITS_PER_WORD).div_ceil(8)
}

/// Puts a word into a filter. False if it was in there, or passed for one that was.
pub(super) fn insert(filter: &mut [u8], word: WordHash) -> bool {
    let mut is_new = false;
    for (byte, bit) in word.bits(filter.len()) {
        if let Some(byte) = filter.get_mut(byte) {
            is_new |= *byte & bit == 0;
            *byte |= bit;
        }
    }
    is_new
}

/// Whether a word may be in a filter. One that is, is never denied.
pub(super) fn may_contain(filter: &[u8], word: WordHash) -> bool {
    word.bits(filter.len()).all(|(byte, bit)| filter.get(byte).is_some_and(|byte| byte & bit != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_forgets_no_word_and_takes_few_others_for_one() {
        for words in [170, 5_000] {
            let mut filter = vec![0; size_for(words)];
            for number in 0..words {
                insert(&mut filter, WordHash::of(&format!("word {number}")));
            }
            let known =
                (0..words).all(|number| may_contain(&filter, WordHash::of(&format!("word {number}"))));
            assert!(known, "{words}");
            let wrong =
                (0..10_000).filter(|number| may_contain(&filter, WordHash::of(&format!("other {number}"))));
            assert!(wrong.count() < 100, "{words}");
        }
    }

    #[test]
    fn hashes_stay_what_they_are() {
        let bits: Vec<(usize, u8)> = WordHash::of("другое").bits(256).collect();
        assert_eq!(bits, [(246, 4), (195, 8), (144, 16), (93, 32), (42, 64), (247, 128), (197, 1), (146, 2)]);
    }

    #[test]
    fn empty_filter_holds_nothing() {
        assert!(!may_contain(&[], WordHash::of("word")));
    }
}
