//! The bill of materials of the server, in the form of [CycloneDX 1.5](https://cyclonedx.org/docs/1.5/json/).

use anyhow::Context;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::crates::Crate;

/// The bill of a server that is made of these crates, as it is at `time` (seconds since the epoch).
///
/// # Errors
/// If the server itself is not among them, or the time is none.
pub(crate) fn render(server: &str, crates: &[Crate], time: u32) -> anyhow::Result<String> {
    let moment = OffsetDateTime::from_unix_timestamp(i64::from(time))?.format(&Rfc3339)?;
    let root = crates.iter().find(|one| one.name == server).with_context(|| format!("no crate {server}"))?;
    let others = crates.iter().filter(|one| one.name != server);
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": moment,
            "tools": { "components": [{
                "type": "application", "name": "pack", "version": env!("CARGO_PKG_VERSION"),
            }] },
            "component": component(root, "application"),
        },
        "components": others.map(|one| component(one, "library")).collect::<Vec<_>>(),
        "dependencies": crates.iter().map(|one| json!({
            "ref": url(&one.name, &one.version),
            "dependsOn": one.dependencies.iter().map(|(name, version)| url(name, version)).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    });
    Ok(serde_json::to_string_pretty(&bill)? + "\n")
}

fn component(one: &Crate, kind: &str) -> Value {
    let url = url(&one.name, &one.version);
    let mut component = json!({
        "type": kind,
        "bom-ref": &url,
        "name": one.name,
        "version": one.version,
        "licenses": [{ "expression": one.license.replace(" / ", "/").replace('/', " OR ") }],
    });
    // Those of this tree are published nowhere.
    if let Some(sum) = &one.sha256 {
        component["purl"] = url.into();
        component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
    }
    component
}

fn url(name: &str, version: &str) -> String {
    format!("pkg:cargo/{name}@{version}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::crates;

    #[test]
    fn every_component_is_named_once_and_depends_on_components() {
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let crates = crates::of_server(&tree, "myelin").unwrap();
        let text = render("myelin", &crates, 1_795_737_600).unwrap();
        assert_eq!(text, render("myelin", &crates, 1_795_737_600).unwrap());
        assert!(!text.contains(&*tree.to_string_lossy()), "a path of this machine");
        let bill: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(bill["metadata"]["timestamp"], "2026-11-27T00:00:00Z");
        let components = bill["components"].as_array().unwrap();
        let mut names: BTreeSet<&str> =
            components.iter().map(|one| one["bom-ref"].as_str().unwrap()).collect();
        assert_eq!(names.len(), components.len());
        names.insert(bill["metadata"]["component"]["bom-ref"].as_str().unwrap());
        let dependencies = bill["dependencies"].as_array().unwrap();
        assert_eq!(dependencies.len(), names.len());
        for wanted in dependencies.iter().flat_map(|one| one["dependsOn"].as_array().unwrap()) {
            assert!(names.contains(wanted.as_str().unwrap()), "{wanted}");
        }
    }
}
