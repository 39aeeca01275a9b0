//! Every endpoint of the API is tested through the router.

use crate::{source::code, tree::Tree};

/// Where endpoints live: one file each, in a folder for its area.
const AREAS: &[&str] = &["server/api/src/client/", "server/api/src/federation/", "server/api/src/admin/"];

/// Finds endpoint files without a route test: in the file, in `tests.rs` of the folder named after it, or in `tests.rs`
/// of their area, where endpoints make sense only together.
pub(crate) fn check(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in AREAS.iter().flat_map(|area| tree.rust_under(area)) {
        let tests = format!("{}/tests.rs", path.trim_end_matches(".rs"));
        let of_area = path.rsplit_once('/').map(|(area, _)| format!("{area}/tests.rs")).unwrap_or_default();
        let is_tested = has_test(text) || tree.contains(&tests) || tree.contains(&of_area);
        if is_endpoint(path, text) && !is_tested {
            findings.push(format!("{path}: an endpoint without a route test"));
        }
    }
    findings
}

/// An endpoint file offers an async function; modules that only list others, and helpers, do not.
fn is_endpoint(path: &str, text: &str) -> bool {
    !path.ends_with("/tests.rs")
        && ["pub(crate) async fn", "pub(super) async fn"].iter().any(|f| code(text).contains(f))
}

fn has_test(text: &str) -> bool {
    code(text).contains("#[tokio::test")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANDLER: &str = "pub(crate) async fn handle() {}\n";

    #[test]
    fn an_endpoint_without_a_test_is_found() {
        let tree = Tree::of(&[("server/api/src/client/session/login.rs", HANDLER)]);
        assert_eq!(
            check(&tree),
            ["server/api/src/client/session/login.rs: an endpoint without a route test"]
        );
    }

    #[test]
    fn a_test_in_the_file_or_beside_it_counts() {
        let tree = Tree::of(&[
            (
                "server/api/src/client/session/login.rs",
                &format!("{HANDLER}#[tokio::test]\nasync fn a() {{}}"),
            ),
            ("server/api/src/client/session/logout.rs", HANDLER),
            ("server/api/src/client/session/logout/tests.rs", ""),
            ("server/api/src/client/session.rs", "mod login;"),
        ]);
        assert_eq!(check(&tree), Vec::<String>::new());
    }
}
