//! The published contract, in the folder `api` at the top level, is what the code serves.

use std::{collections::BTreeMap, fs, io, path::Path};

#[path = "../examples/contract.rs"]
#[allow(dead_code)] // Its `main` writes the folder.
mod contract;

#[test]
fn the_published_contract_is_fresh() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../api");
    let mut published = BTreeMap::new();
    for folder in contract::FOLDERS {
        read(&root.join(folder), folder, &mut published)?;
    }
    let served = contract::files();
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&published), names(&served), "run `make contract`");
    for (name, text) in served {
        assert!(published[&name] == text, "{name} is out of date: run `make contract`");
    }
    Ok(())
}

/// Reads all files below a folder, whose path from the root is `prefix`.
fn read(folder: &Path, prefix: &str, found: &mut BTreeMap<String, String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}/{}", entry.file_name().display());
        if entry.file_type()?.is_dir() {
            read(&entry.path(), &name, found)?;
        } else {
            found.insert(name, fs::read_to_string(entry.path())?);
        }
    }
    Ok(())
}
