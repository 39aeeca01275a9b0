//! Lists the files of `migrations/` with their text, so that a new file is one file and no second place to name it.

use std::{env, fmt::Write as _, fs, path::Path};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=migrations");
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("migrations");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let name =
            entry?.file_name().into_string().map_err(|name| format!("{} is no UTF-8", name.display()))?;
        if name.ends_with(".sql") {
            names.push(name);
        }
    }
    names.sort();
    let mut list = String::from("&[\n");
    for name in names {
        let (version, _) = name.split_once('_').ok_or_else(|| format!("{name} has no NNNN_ in front"))?;
        let version: i64 = version.parse()?;
        let path = folder.join(&name);
        writeln!(
            list,
            "    Migration {{ version: {version}, name: {name:?}, text: include_str!({path:?}) }},"
        )?;
    }
    list.push_str("]\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("migrations.rs"), list)?;
    Ok(())
}
