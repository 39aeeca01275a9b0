//! Writes the texts of the vectors as seeds for `scripts/fuzz`, a file each: `fuzz_seeds VECTORS FOLDER`.

use std::{env, fs, path::PathBuf};

fn main() {
    let mut arguments = env::args().skip(1).map(PathBuf::from);
    let (vectors, folder) = (arguments.next().expect("VECTORS"), arguments.next().expect("FOLDER"));
    fs::create_dir_all(&folder).expect("the folder");
    for (index, line) in fs::read_to_string(vectors).expect("the vectors").lines().enumerate() {
        let line: serde_json::Value = serde_json::from_str(line).expect("a vector");
        let text = line["draft"].as_str().or(line["received"].as_str()).expect("a text");
        fs::write(folder.join(format!("seed-{index}")), text).expect("a seed");
    }
}
