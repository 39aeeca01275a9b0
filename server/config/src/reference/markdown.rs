//! The reference for people, in Markdown.

use std::fmt::Write as _;

use super::{depth, effect_is_inherited, effect_line, value_line};
use crate::load::definitions;

const HEAD: &str = "\
# Options of homeserver.yaml

The options are Synapse's; those that only Myelin has are marked. Written by `myelin config docs`: do not edit.

- A duration is a number with one of `s`, `m`, `h`, `d`, `w`, `y`, or a bare number of milliseconds.
- A size is a number with one of `K`, `M`, `G`, `T` (powers of 1024), or a bare number of bytes.
- A path that does not start with `/` starts in the working directory; `$CREDENTIALS_DIRECTORY` at its start is
  replaced.
- Of several files a later one replaces an option of an earlier one whole. A mapping tagged `!merge` is laid over the
  earlier mapping key by key instead, and so are mappings in it that are tagged themselves. Synapse refuses this tag.
";

/// The reference of all options as Markdown.
#[must_use]
pub fn markdown_reference() -> String {
    let all = definitions();
    let mut text = String::from(HEAD);
    let mut section = "";
    for definition in &all {
        if definition.section != section {
            section = definition.section;
            let _ = write!(text, "\n## {section}\n");
        }
        let depth = depth(definition);
        let own = if crate::check::OWN_OPTIONS.contains(&definition.path.as_str()) {
            " *(only Myelin)*"
        } else {
            ""
        };
        let secret = if definition.secret { " A secret." } else { "" };
        let effect = effect_line(definition).filter(|_| !effect_is_inherited(definition, &all));
        let effect = effect.map(|line| format!(" **{line}**")).unwrap_or_default();
        let name = definition.name();
        let value = code(&value_line(definition), definition.default);
        if depth == 0 {
            let _ = write!(
                text,
                "\n### `{name}`{own}\n\n{}{secret}{effect}\n\nValue: {value}.\n\n",
                definition.documentation
            );
        } else {
            let indent = "  ".repeat(depth - 1);
            let _ = writeln!(
                text,
                "{indent}- `{name}`{own}: {value}. {}{secret}{effect}",
                definition.documentation
            );
        }
    }
    // One empty line between blocks, none at the end.
    while text.contains("\n\n\n") {
        text = text.replace("\n\n\n", "\n\n");
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// The default in code type.
fn code(line: &str, default: Option<&str>) -> String {
    match default.and_then(|default| line.strip_suffix(default).map(|before| (before, default))) {
        Some((before, default)) if before.ends_with("default ") => format!("{before}`{default}`"),
        _ => line.to_owned(),
    }
}
