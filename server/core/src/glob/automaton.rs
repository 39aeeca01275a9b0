//! The automaton behind a pattern with wildcards: one state a pattern character, all states advanced at once in
//! words of 64 bits (Baeza-Yates and Gonnet's Shift-And, with loops for `*`).

use super::is_boundary;

/// Texts are matched without allocation by patterns of up to 64 × this many characters.
const INLINE_BLOCKS: usize = 4;

/// State `i` is "the first `i` characters of the pattern are matched"; the last state accepts.
#[derive(Clone, Debug)]
pub(super) struct Automaton {
    /// Pattern characters other than `*`; the number of the accepting state.
    length: usize,
    /// States that stay: a `*` comes next.
    loops: Box<[u64]>,
    /// States that advance on every character: a `?` comes next.
    any: Box<[u64]>,
    /// States that advance on one character, sorted by character and block; at most one entry a pattern character.
    exact: Box<[Exact]>,
}

#[derive(Clone, Copy, Debug)]
struct Exact {
    character: char,
    block: usize,
    states: u64,
}

impl Automaton {
    /// Of a folded pattern with wildcards.
    pub(super) fn new(pattern: &str) -> Self {
        Self::compile(pattern, true)
    }

    /// Of a folded text in which `*` and `?` mean themselves.
    pub(super) fn literal(text: &str) -> Self {
        Self::compile(text, false)
    }

    fn compile(pattern: &str, wildcards: bool) -> Self {
        let is_star = |character| wildcards && character == '*';
        let length = pattern.chars().filter(|&character| !is_star(character)).count();
        let blocks = length / 64 + 1;
        let mut loops = vec![0; blocks].into_boxed_slice();
        let mut any = loops.clone();
        let mut exact = Vec::with_capacity(length);
        let mut state = 0_usize;
        for character in pattern.chars() {
            let (block, bit) = (state / 64, 1_u64 << (state % 64));
            if is_star(character) {
                loops[block] |= bit;
                continue;
            }
            if wildcards && character == '?' {
                any[block] |= bit;
            } else {
                exact.push(Exact { character, block, states: bit });
            }
            state += 1;
        }
        exact.sort_unstable_by_key(|entry| (entry.character, entry.block));
        exact.dedup_by(|next, kept| {
            let same = next.character == kept.character && next.block == kept.block;
            if same {
                kept.states |= next.states;
            }
            same
        });
        Self { length, loops, any, exact: exact.into() }
    }

    /// Whether the pattern matches the folded text as a whole.
    pub(super) fn matches(&self, text: impl Iterator<Item = char>) -> bool {
        self.with_states(|states| {
            states[0] = 1;
            for character in text {
                self.advance(states, character);
                if states.iter().all(|&block| block == 0) {
                    return false;
                }
            }
            self.accepts(states)
        })
    }

    /// Whether the pattern matches a part of the folded text between word boundaries.
    pub(super) fn matches_word(&self, text: &str) -> bool {
        self.with_states(|states| {
            let mut before = None;
            for after in text.chars().map(Some).chain([None]) {
                if is_boundary(before, after) {
                    states[0] |= 1;
                    if self.accepts(states) {
                        return true;
                    }
                }
                if let Some(character) = after {
                    self.advance(states, character);
                }
                before = after;
            }
            false
        })
    }

    fn with_states(&self, run: impl FnOnce(&mut [u64]) -> bool) -> bool {
        let blocks = self.loops.len();
        if blocks <= INLINE_BLOCKS {
            run(&mut [0; INLINE_BLOCKS][..blocks])
        } else {
            run(&mut vec![0; blocks])
        }
    }

    fn advance(&self, states: &mut [u64], character: char) {
        let first = self.exact.partition_point(|entry| entry.character < character);
        let mut exact =
            self.exact[first..].iter().take_while(|entry| entry.character == character).peekable();
        let mut carry = 0;
        for (block, states) in states.iter_mut().enumerate() {
            let accepting =
                self.any[block] | exact.next_if(|entry| entry.block == block).map_or(0, |entry| entry.states);
            let advanced = *states & accepting;
            *states = (*states & self.loops[block]) | (advanced << 1) | carry;
            carry = advanced >> 63;
        }
    }

    fn accepts(&self, states: &[u64]) -> bool {
        states[self.length / 64] & (1 << (self.length % 64)) != 0
    }
}
