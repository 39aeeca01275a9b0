//! The client-server API as a whole, through the real router on a real store.

mod authentication;
mod authorization;
mod coverage;
mod encryption;
mod hostile;
mod random_walk;
mod zero_characters;

/// An endpoint that the specification lists (v1.19).
#[derive(Clone, Copy, Debug)]
struct Endpoint {
    method: &'static str,
    /// With placeholders in braces.
    path: &'static str,
    /// Whether this server answers it yet.
    served: bool,
}

impl Endpoint {
    /// The path with something in each placeholder.
    fn example_path(self) -> String {
        let example = |part| if str::starts_with(part, '{') { "x" } else { part };
        self.path.split('/').map(example).collect::<Vec<_>>().join("/")
    }
}

/// All of them: `METHOD PATH` a line, with `- ` in front of what is not served yet.
fn endpoints() -> impl Iterator<Item = Endpoint> {
    include_str!("client-server.txt").lines().filter_map(|line| {
        let (served, rest) = line.strip_prefix("- ").map_or((true, line), |rest| (false, rest));
        let (method, path) = rest.split_once(' ')?;
        Some(Endpoint { method, path, served })
    })
}
