//! `homeserver.yaml(5)`.

use std::fmt::Write as _;

use super::{depth, effect_is_inherited, effect_line, value_line};
use crate::load::definitions;

/// The manual page in roff, for this version.
#[must_use]
pub fn manual_page() -> String {
    let all = definitions();
    let mut page = String::new();
    let _ = writeln!(
        page,
        ".TH HOMESERVER.YAML 5 \"\" \"Myelin {}\" \"File formats\"",
        env!("CARGO_PKG_VERSION")
    );
    page.push_str(
        ".SH NAME\nhomeserver.yaml \\- configuration of the Matrix homeserver myelin\n\
         .SH DESCRIPTION\n\
         YAML 1.1, with the options of Synapse.\n\
         The server reads the files that\n.B \\-c\nnames, in order; a directory stands for the files in it whose names end in .yaml, by name.\n\
         An option of a later file replaces that of an earlier one whole.\n\
         A mapping tagged\n.B !merge\nis laid over the earlier mapping key by key instead; Synapse refuses this tag.\n\
         .PP\n\
         A duration is a number with one of s, m, h, d, w, y, or a bare number of milliseconds.\n\
         A size is a number with one of K, M, G, T (powers of 1024), or a bare number of bytes.\n\
         A path that does not start with / starts in the working directory;\n.B $CREDENTIALS_DIRECTORY\nat its start is replaced.\n",
    );
    let mut section = "";
    let mut last_depth = 0;
    for definition in &all {
        let depth = depth(definition);
        while last_depth > depth {
            page.push_str(".RE\n");
            last_depth -= 1;
        }
        if definition.section != section {
            section = definition.section;
            let _ = writeln!(page, ".SH \"{}\"", escape(&section.to_uppercase()));
        }
        while last_depth < depth {
            page.push_str(".RS\n");
            last_depth += 1;
        }
        let _ = writeln!(page, ".TP\n.B {}", escape(definition.name()));
        let _ = writeln!(page, "{}", line(definition.documentation));
        if definition.secret {
            page.push_str("A secret.\n");
        }
        if let Some(effect) = effect_line(definition).filter(|_| !effect_is_inherited(definition, &all)) {
            let _ = writeln!(page, ".I {}", escape(&effect));
        }
        let _ = writeln!(page, ".br\n{}", line(&format!("Value: {}.", value_line(definition))));
    }
    for _ in 0..last_depth {
        page.push_str(".RE\n");
    }
    page.push_str(".SH \"SEE ALSO\"\n.BR myelin (1)\n");
    page
}

/// Text that roff takes as it is.
fn escape(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-").replace('"', "\\(dq").replace('\'', "\\(aq")
}

/// A line of text; one that starts with a dot would be a request.
fn line(text: &str) -> String {
    let text = escape(text);
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}
