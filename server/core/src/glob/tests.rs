use proptest::prelude::*;

use super::{Case, Glob, WordText, is_boundary};

fn matches(pattern: &str, text: &str) -> bool {
    Glob::new(pattern, Case::Insensitive).matches(text)
}

fn matches_word(pattern: &str, text: &str) -> bool {
    Glob::new(pattern, Case::Insensitive).matches_word(&WordText::new(text))
}

/// The definition, written down: a `*` takes nothing or one character more.
fn naive(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => naive(rest, text) || (!text.is_empty() && naive(pattern, &text[1..])),
        Some(('?', rest)) => !text.is_empty() && naive(rest, &text[1..]),
        Some((first, rest)) => {
            text.first().is_some_and(|c| c.eq_ignore_ascii_case(first)) && naive(rest, &text[1..])
        }
    }
}

/// The definition, written down: some part of the text between two boundaries.
fn naive_word(part_matches: impl Fn(&[char]) -> bool, text: &[char]) -> bool {
    let boundary =
        |at: usize| is_boundary(at.checked_sub(1).map(|before| text[before]), text.get(at).copied());
    (0..=text.len()).filter(|&start| boundary(start)).any(|start| {
        (start..=text.len()).filter(|&end| boundary(end)).any(|end| part_matches(&text[start..end]))
    })
}

#[test]
fn star_takes_any_number_of_characters() {
    assert!(matches("*", ""));
    assert!(matches("a*c", "ac"));
    assert!(matches("a*c", "abbbc"));
    assert!(matches("a*b*c", "a-b-b-c"));
    assert!(!matches("a*c", "acb"));
    assert!(matches("a**", "a"));
}

#[test]
fn question_mark_takes_exactly_one_character() {
    assert!(matches("l?nch", "lunch"));
    assert!(!matches("lunch?", "lunch"));
    assert!(matches("?", "é"));
    assert!(!matches("?", "ab"));
    assert!(matches("?*?", "ab"));
    assert!(!matches("?*?", "a"));
}

#[test]
fn affixes_do_not_overlap() {
    assert!(!matches("aba*aba", "aba"));
    assert!(matches("aba*aba", "abaaba"));
}

#[test]
fn nothing_else_is_special() {
    assert!(matches("[a-z].*", "[a-z].com"));
    assert!(!matches("[a-z].com", "b.com"));
    assert!(matches(r"\*", r"\anything"));
}

#[test]
fn a_line_break_is_a_character() {
    assert!(matches("a*b", "a\nb"));
    assert!(matches("a?b", "a\nb"));
}

#[test]
fn case_counts_only_when_asked() {
    assert!(matches("EXAMPLE.*", "example.ORG"));
    assert!(!Glob::new("EXAMPLE.*", Case::Sensitive).matches("example.org"));
    assert!(matches("ΟΔΟΣ", "οδος"));
    assert!(!matches("ı*", "I"));
}

#[test]
fn the_specifications_examples_hold() {
    assert!(matches("lunc?*", "Lunch plans"));
    assert!(matches("lunc?*", "LUNCH"));
    assert!(!matches("lunc?*", " lunch"));
    assert!(!matches("lunc?*", "lunc"));
    assert!(matches_word("ex*ple", "An example event."));
    assert!(matches_word("ex*ple", "exple"));
    assert!(matches_word("ex*ple", "An exciting triple-whammy"));
}

#[test]
fn a_word_is_not_found_inside_of_another() {
    assert!(matches_word("cake", "It's cake-time"));
    assert!(!matches_word("cake", "pancake"));
    assert!(!matches_word("cake", "cakes"));
    assert!(!matches_word("cake", "cake_"));
    assert!(matches_word("@room", "hello@room!"));
}

#[test]
fn letters_outside_of_ascii_are_boundaries() {
    assert!(matches_word("caf", "café"));
    assert!(matches_word("日本", "これは日本語"));
}

#[test]
fn an_overlapping_later_occurrence_counts() {
    assert!(matches_word("a a", "xa a a"));
}

#[test]
fn a_literal_word_has_no_wildcards() {
    assert!(!WordText::new("hello").contains_word("*"));
    assert!(WordText::new("hello *").contains_word("*"));
}

#[test]
fn long_patterns_cross_the_blocks_of_the_automaton() {
    let text: String = ('a'..='z').cycle().take(1000).collect();
    for cut in [62, 63, 64, 65, 127, 128, 255, 256, 300] {
        let pattern = format!("{}?*{}", &text[..cut], &text[cut + 1..]);
        assert!(matches(&pattern, &text), "{cut}");
        assert!(!matches(&format!("{pattern}?"), &text), "{cut}");
    }
}

#[test]
fn a_hostile_pattern_takes_linear_time() {
    // Backtracking would take about 10^14 steps for these.
    let text = "a".repeat(60_000);
    assert!(!matches(&format!("{}b", "a*".repeat(500)), &text));
    assert!(!matches_word(&format!("*{}?b", "a".repeat(2_000)), &text));
}

proptest! {
    #[test]
    fn whole_matches_agree_with_the_definition(pattern in "[abA_*? ]{0,9}", text in "[abB_ é]{0,12}") {
        let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
        prop_assert_eq!(matches(&pattern, &text), naive(&p, &t));
    }

    #[test]
    fn word_matches_agree_with_the_definition(pattern in "[abA_*? é]{0,7}", text in "[abB_ é-]{0,12}") {
        let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
        prop_assert_eq!(matches_word(&pattern, &text), naive_word(|part| naive(&p, part), &t));
    }

    #[test]
    fn literal_words_agree_with_the_definition(literal in "[ab_* é-]{0,4}", text in "[ab_* é-]{0,12}") {
        let (l, t): (Vec<char>, Vec<char>) = (literal.chars().collect(), text.chars().collect());
        prop_assert_eq!(WordText::new(&text).contains_word(&literal), naive_word(|part| part == l, &t));
    }

    #[test]
    fn case_sensitive_matches_never_exceed_insensitive_ones(pattern in "[aAb*?]{0,6}", text in "[aAbB]{0,6}") {
        if Glob::new(&pattern, Case::Sensitive).matches(&text) {
            prop_assert!(matches(&pattern, &text));
        }
    }
}
