//! Just enough of Rust's grammar to look at code and not at comments and literals.

/// The source with every comment, string and character literal blanked; lines keep their numbers.
pub(crate) fn code(source: &str) -> String {
    let text: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < text.len() {
        let end = skip(&text, at);
        if end == at {
            out.push(text[at]);
            at += 1;
        } else {
            out.extend(text[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// The code in front of the first test module: what ships.
pub(crate) fn shipped(source: &str) -> String {
    let mut code = code(source);
    code.truncate(code.find("#[cfg(test)]").unwrap_or(code.len()));
    code
}

/// Whether a path is of tests only.
pub(crate) fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs") || path.contains("/benches/")
}

/// The number of the line that holds the byte at `offset`, from 1.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

/// The byte offsets where `word` stands alone, not as a part of a longer name.
pub(crate) fn find_word<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        !before.is_some_and(is_name) && !after.is_some_and(is_name)
    })
}

/// The name at the start of `code`, perhaps empty.
pub(crate) fn leading_name(code: &str) -> &str {
    &code[..code.find(|c| !is_name(c)).unwrap_or(code.len())]
}

/// What stands between the bracket at the start of `code` and its partner, or nothing if `code` starts with none.
pub(crate) fn bracketed(code: &str) -> Option<&str> {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return (at > 0).then(|| &code[1..at]);
        }
    }
    None
}

/// Splits at `separator` where it stands in no bracket; drops empty parts.
pub(crate) fn split_outside(code: &str, separator: char) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_usize, 0, Vec::new());
    for (at, c) in code.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            _ if c == separator && depth == 0 => {
                parts.push(&code[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&code[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where the comment or literal that starts at `at` ends; `at` if none starts there.
fn skip(text: &[char], at: usize) -> usize {
    let next = text.get(at + 1).copied();
    match text[at] {
        '/' if next == Some('/') => until(text, at, |c| c == '\n'),
        '/' if next == Some('*') => block_comment(text, at),
        '"' => quoted(text, at, '"'),
        '\'' if next == Some('\\') || text.get(at + 2) == Some(&'\'') => quoted(text, at, '\''),
        'r' if matches!(next, Some('"' | '#')) && !follows_name(text, at) => raw_string(text, at),
        _ => at,
    }
}

/// `b` and `c` may stand in front of a raw string; anything else before the `r` makes it the end of a name.
fn follows_name(text: &[char], at: usize) -> bool {
    let name: String = text[..at].iter().rev().take_while(|&&c| is_name(c)).collect();
    !matches!(name.as_str(), "" | "b" | "c")
}

fn until(text: &[char], at: usize, end: impl Fn(char) -> bool) -> usize {
    (at..text.len()).find(|&i| end(text[i])).unwrap_or(text.len())
}

fn block_comment(text: &[char], at: usize) -> usize {
    let (mut i, mut depth) = (at, 0_usize);
    while i < text.len() {
        match (text[i], text.get(i + 1)) {
            ('/', Some('*')) => (i, depth) = (i + 2, depth + 1),
            ('*', Some('/')) => (i, depth) = (i + 2, depth - 1),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    i
}

fn quoted(text: &[char], at: usize, quote: char) -> usize {
    let mut i = at + 1;
    while i < text.len() {
        match text[i] {
            '\\' => i += 2,
            c if c == quote => return i + 1,
            _ => i += 1,
        }
    }
    text.len()
}

fn raw_string(text: &[char], at: usize) -> usize {
    let open = until(text, at + 1, |c| c != '#');
    let hashes = open - at - 1;
    if text.get(open) != Some(&'"') {
        return at;
    }
    let mut i = open + 1;
    while i < text.len() {
        if text[i] == '"' && text[i + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes {
            return i + 1 + hashes;
        }
        i += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked() {
        let source = "a /* b /* c */ d */ \"e\\\" f\" 'g' '\\'' r#\"h \" i\"# br\"j\" k // l\nfor<'m> n";
        let code = code(source);
        let words: Vec<&str> = code.split_whitespace().collect();
        assert_eq!(words, ["a", "b", "k", "for<'m>", "n"], "the b of br\"\" stays");
        assert_eq!(line_of(&code, code.find("for").unwrap()), 2);
    }

    #[test]
    fn words_are_whole() {
        assert_eq!(find_word("sqlx::query(my_sqlx)", "sqlx").collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn brackets_are_matched() {
        assert_eq!(bracketed("{a{b}c}d"), Some("a{b}c"));
        assert_eq!(split_outside("a(b,c), d,", ','), ["a(b,c)", " d"]);
    }
}
