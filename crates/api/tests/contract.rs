//! The published contract, in the folder `api` at the top level, is what the code serves.

use std::{collections::BTreeMap, fs, path::Path};

#[path = "../examples/contract.rs"]
#[allow(dead_code)] // Its `main` writes the folder.
mod contract;

/// Reads all files below a folder, by their path from the root.
fn read(root: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(root, &path, found);
        } else {
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            found.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn the_published_contract_is_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../api");
    let mut published = BTreeMap::new();
    for folder in contract::FOLDERS {
        read(&root, &root.join(folder), &mut published);
    }
    let served = contract::files();
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&published), names(&served), "run `make contract`");
    for (name, text) in served {
        assert!(published[&name] == text, "{name} is out of date: run `make contract`");
    }
}
