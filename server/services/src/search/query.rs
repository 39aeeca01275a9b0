//! What is looked for: words, "words in this order", -words that must not be there, alternatives between `or`.

use std::collections::BTreeSet;

use myelin_storage::words::{self, Word};

use super::filter::{WordHash, may_contain};

/// Words looked for at most; further ones are left out.
const MAX_WORDS: usize = 32;

/// A search term, read.
#[derive(Debug, Default)]
pub(super) struct Query {
    alternatives: Vec<Alternative>,
}

/// All of `wanted`, and nothing of `unwanted`.
#[derive(Debug, Default)]
struct Alternative {
    wanted: Vec<Phrase>,
    unwanted: Vec<Phrase>,
}

/// Words that follow each other.
type Phrase = Vec<String>;

/// How well a text fits.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Hits {
    /// More is better.
    pub(super) rank: f64,
    /// The words that were looked for, as they stand in the text.
    pub(super) highlights: BTreeSet<String>,
}

impl Query {
    /// Reads a term. Without a word to look for nothing fits.
    pub(super) fn parse(term: &str) -> Self {
        let mut alternatives = vec![Alternative::default()];
        let mut left = MAX_WORDS;
        let mut before = "";
        for (index, part) in term.split('"').enumerate() {
            let is_quoted = index % 2 == 1;
            // A minus before the quotation mark is about all that is quoted.
            let is_unwanted = is_quoted && before.ends_with('-');
            before = part;
            let tokens: Vec<&str> = if is_quoted { vec![part] } else { part.split_whitespace().collect() };
            for token in tokens {
                if !is_quoted && token.eq_ignore_ascii_case("or") {
                    alternatives.push(Alternative::default());
                    continue;
                }
                let phrase: Phrase = words::split(token).map(|word| word.folded).take(left).collect();
                left -= phrase.len();
                let Some(last) = alternatives.last_mut().filter(|_| !phrase.is_empty()) else { continue };
                if is_unwanted || !is_quoted && token.starts_with('-') {
                    last.unwanted.push(phrase);
                } else {
                    last.wanted.push(phrase);
                }
            }
        }
        alternatives.retain(|alternative| !alternative.wanted.is_empty());
        Self { alternatives }
    }

    /// Whether nothing can fit.
    pub(super) fn is_empty(&self) -> bool {
        self.alternatives.is_empty()
    }

    /// The hashes of the words, for filters.
    pub(super) fn hashes(&self) -> QueryHashes {
        let of = |alternative: &Alternative| {
            alternative.wanted.iter().flatten().map(|word| WordHash::of(word)).collect()
        };
        QueryHashes(self.alternatives.iter().map(of).collect())
    }

    /// How well a text fits, if it does.
    pub(super) fn fit(&self, text: &str) -> Option<Hits> {
        let words: Vec<Word<'_>> = words::split(text).collect();
        self.alternatives.iter().filter_map(|alternative| alternative.fit(&words)).reduce(Hits::better)
    }
}

impl Alternative {
    fn fit(&self, words: &[Word<'_>]) -> Option<Hits> {
        if self.unwanted.iter().any(|phrase| places(words, phrase).next().is_some()) {
            return None;
        }
        let mut highlights = BTreeSet::new();
        let mut count = 0_u32;
        for phrase in &self.wanted {
            let before = count;
            for at in places(words, phrase) {
                count = count.saturating_add(1);
                highlights.extend(words[at..at + phrase.len()].iter().map(|word| word.text.to_lowercase()));
            }
            if count == before {
                return None;
            }
        }
        let length = f64::from(u32::try_from(words.len()).unwrap_or(u32::MAX));
        Some(Hits { rank: f64::from(count) / length.sqrt(), highlights })
    }
}

impl Hits {
    /// The better of two, with the words of both.
    pub(super) fn better(mut self, mut other: Self) -> Self {
        self.highlights.append(&mut other.highlights);
        self.rank = self.rank.max(other.rank);
        self
    }
}

/// Where the words of a phrase follow each other.
fn places<'a>(words: &'a [Word<'_>], phrase: &'a [String]) -> impl Iterator<Item = usize> + 'a {
    (0..=words.len().saturating_sub(phrase.len())).filter(move |&at| {
        let found = words[at..].iter().map(|word| &word.folded);
        words.len() >= phrase.len() && found.take(phrase.len()).eq(phrase)
    })
}

/// The words of each alternative as filters know them.
#[derive(Debug)]
pub(super) struct QueryHashes(Vec<Vec<WordHash>>);

impl QueryHashes {
    /// Whether what a filter is made of may hold something that fits.
    pub(super) fn may_fit(&self, filter: &[u8]) -> bool {
        self.0.iter().any(|words| words.iter().all(|word| may_contain(filter, *word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(term: &str, text: &str) -> bool {
        Query::parse(term).fit(text).is_some()
    }

    #[test]
    fn all_words_have_to_be_there_in_any_order() {
        assert!(fits("martians men", "Men are from Mars, martians are not"));
        assert!(!fits("martians men", "martians"));
        assert!(!fits("mar", "martians"));
        assert!(fits("ÉCLAIR", "an eclair"));
    }

    #[test]
    fn what_is_quoted_or_joined_has_to_be_there_in_order() {
        assert!(fits("\"little green men\"", "some little green men"));
        assert!(!fits("\"little green men\"", "green little men"));
        assert!(fits("user-71", "who is user-71?"));
        assert!(!fits("user-71", "71 user"));
        assert!(fits("世界", "新世界より"));
        assert!(!fits("世界", "界世"));
    }

    #[test]
    fn what_is_not_wanted_must_not_be_there() {
        assert!(fits("men -mars", "men"));
        assert!(!fits("men -mars", "men from mars"));
        assert!(!fits("men -\"from mars\"", "men from mars"));
        assert!(fits("men -\"from mars\"", "mars men from"));
        assert!(!fits("-mars", "men"), "nothing is looked for");
    }

    #[test]
    fn one_alternative_is_enough() {
        for text in ["cats are here", "dogs"] {
            assert!(fits("cats OR dogs", text), "{text}");
        }
        assert!(!fits("cats or dogs", "birds"));
        assert!(fits("or dogs", "dogs"));
    }

    #[test]
    fn terms_without_a_word_fit_nothing() {
        for term in ["", "  ", "\"", "\"\"", "-", "or", "\u{1F600}"] {
            assert!(Query::parse(term).is_empty(), "{term}");
            assert!(!fits(term, "text"), "{term}");
        }
    }

    #[test]
    fn more_of_a_shorter_text_ranks_higher() {
        let rank = |text: &str| Query::parse("tea").fit(text).unwrap().rank;
        assert!(rank("tea") > rank("tea and cake"));
        assert!(rank("tea and tea") > rank("tea and cake"));
    }

    #[test]
    fn words_are_highlighted_as_they_stand_in_the_text() {
        let hits = Query::parse("ete or plage").fit("L'Été à la plage").unwrap();
        assert_eq!(hits.highlights, BTreeSet::from(["été".to_owned(), "plage".to_owned()]));
    }
}
