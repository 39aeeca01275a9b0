/// A named statement: one text for both engines, or, rarely, one for each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sql {
    /// Module and constant, for errors and logs.
    pub(crate) name: &'static str,
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

impl Sql {
    /// Whether the statement only reads. A unit that has only read needs no roll-back.
    pub(crate) fn only_reads(self) -> bool {
        self.sqlite.starts_with("SELECT") || self.sqlite.starts_with("WITH")
    }
}

/// Defines the statements of a module as constants, and the list of them that the tests prepare on both engines.
///
/// ```text
/// sql! {
///     FIND = "SELECT display_name FROM devices WHERE user_id = $1";
///     PURGE = { sqlite: "…", postgres: "…" };
/// }
/// ```
macro_rules! sql {
    ($($(#[$attribute:meta])* $visibility:vis $name:ident = $text:tt;)*) => {
        $($(#[$attribute])* $visibility const $name: $crate::engine::Sql = $crate::engine::sql!(@ $name $text);)*
        #[cfg(test)]
        pub(crate) const STATEMENTS: &[$crate::engine::Sql] = &[$($name),*];
    };
    (@ $name:ident { sqlite: $sqlite:literal, postgres: $postgres:literal $(,)? }) => {
        $crate::engine::Sql {
            name: concat!(module_path!(), "::", stringify!($name)),
            sqlite: $sqlite,
            postgres: $postgres,
        }
    };
    (@ $name:ident $text:literal) => {
        $crate::engine::Sql {
            name: concat!(module_path!(), "::", stringify!($name)),
            sqlite: $text,
            postgres: $text,
        }
    };
}
pub(crate) use sql;
