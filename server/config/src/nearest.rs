//! The known name that a misspelt one most likely means.

/// The nearest of `known` if it is near enough to be a slip: a third of the letters, at most four.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).clamp(1, 4);
    if name.len() > 100 {
        return None;
    }
    known
        .iter()
        .map(|candidate| (distance(name, candidate), *candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours that lead from one to the other.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().map(normal).collect();
    let b: Vec<char> = b.chars().map(normal).collect();
    let mut two_back: Vec<usize> = vec![0; b.len() + 1];
    let mut back: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = back[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(back[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(two_back[j - 2] + 1);
            }
        }
        two_back = std::mem::replace(&mut back, row);
    }
    back[b.len()]
}

/// A dash for an underscore and a capital are no distance at all.
fn normal(c: char) -> char {
    if c == '-' { '_' } else { c.to_ascii_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_find_their_option_and_strangers_find_none() {
        let known = ["server_name", "listeners", "media_store_path", "max_upload_size"];
        assert_eq!(nearest("server-name", &known), Some("server_name"));
        assert_eq!(nearest("sevrer_name", &known), Some("server_name"));
        assert_eq!(nearest("listener", &known), Some("listeners"));
        assert_eq!(nearest("max_upload_sise", &known), Some("max_upload_size"));
        assert_eq!(nearest("kitchen", &known), None);
        assert_eq!(nearest("", &known), None);
    }
}
