//! The words of a text as they are searched for: without case, accents and compatibility forms, alike on both engines.

use std::collections::HashSet;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Characters of a word at most; two words that begin with the same ones are the same.
const MAX_WORD: usize = 64;

/// A word of a text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Word<'a> {
    /// As it stands in the text.
    pub text: &'a str,
    /// As it is compared and stored.
    pub folded: String,
}

/// The words of a text, in its order.
///
/// A word is a run of letters and digits. Chinese and Japanese are written without spaces, so each of their characters
/// is one.
pub fn split(text: &str) -> impl Iterator<Item = Word<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(char::is_alphanumeric)?;
            rest = &rest[start..];
            let end = rest.char_indices().skip(1).find(|&(at, c)| ends_word(&rest[..at], c));
            let (word, after) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
            rest = after;
            let folded = fold(word);
            if !folded.is_empty() {
                return Some(Word { text: word, folded });
            }
        }
    })
}

/// The different words of a text, `limit` at most, each once.
pub fn distinct(text: &str, limit: usize) -> Vec<String> {
    let mut seen = HashSet::new();
    split(text).map(|word| word.folded).filter(|word| seen.insert(word.clone())).take(limit).collect()
}

/// Whether a character behind the beginning of a word is no part of it.
fn ends_word(word: &str, c: char) -> bool {
    if is_combining_mark(c) {
        return false;
    }
    !c.is_alphanumeric() || is_word_by_itself(c) || word.starts_with(is_word_by_itself)
}

fn is_word_by_itself(c: char) -> bool {
    matches!(
        c,
        '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{3ffff}'
    )
}

fn fold(word: &str) -> String {
    word.nfkd().filter(|&c| !is_combining_mark(c)).flat_map(char::to_lowercase).take(MAX_WORD).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> Vec<String> {
        split(text).map(|word| word.folded).collect()
    }

    #[test]
    fn case_accents_and_forms_make_no_difference() {
        for text in ["Éclair", "e\u{301}CLAIR", "éclair", "ｅｃｌａｉｒ"] {
            assert_eq!(folded(text), ["eclair"], "{text}");
        }
    }

    #[test]
    fn letters_and_digits_make_words_and_nothing_else_does() {
        assert_eq!(folded("  user-71, foo_bar@example.org!"), ["user", "71", "foo", "bar", "example", "org"]);
        assert_eq!(folded("\u{1F600} - ..."), Vec::<String>::new());
        assert_eq!(folded("\u{301}"), Vec::<String>::new());
    }

    #[test]
    fn characters_of_scripts_without_spaces_are_words() {
        assert_eq!(folded("世界abc人"), ["世", "界", "abc", "人"]);
    }

    #[test]
    fn words_keep_their_place_in_the_text() {
        let texts: Vec<&str> = split("Où est-il?").map(|word| word.text).collect();
        assert_eq!(texts, ["Où", "est", "il"]);
    }

    #[test]
    fn words_and_their_number_are_bounded() {
        assert_eq!(folded(&"a".repeat(1_000)), ["a".repeat(MAX_WORD)]);
        assert_eq!(distinct("a b A c d", 3), ["a", "b", "c"]);
    }
}
