//! Writes the published contract: the folder `api` at the top level, with what the server answers to clients that ask what
//! it serves. A test compares the folder with this program's files.

use std::{collections::BTreeMap, fs, io, path::Path};

use petset_api::{discovery, resource::served};
use serde_json::Value;

/// The folders that belong to the contract, under `api`.
pub(crate) const FOLDERS: [&str; 2] = ["discovery", "openapi"];

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../api");
    for folder in FOLDERS.map(|folder| root.join(folder)) {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
    }
    for (name, text) in files() {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&root))?;
        fs::write(path, text)?;
    }
    Ok(())
}

/// The files of the contract, by their path under `api`; the path is that of the request, with `.json`.
pub(crate) fn files() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut add = |path: String, document: Option<Value>| {
        let document = document.unwrap_or_else(|| panic!("{path} is served"));
        files.insert(format!("{path}.json"), format!("{document:#}\n"));
    };
    add("discovery/aggregated/api".to_owned(), Some(discovery::aggregated(true)));
    add("discovery/aggregated/apis".to_owned(), Some(discovery::aggregated(false)));
    add("discovery/api".to_owned(), Some(discovery::core_versions()));
    add("discovery/apis".to_owned(), Some(discovery::groups()));
    add("openapi/v3".to_owned(), Some(discovery::openapi_index()));
    for resource in served() {
        let (group, version) = (resource.group, resource.version);
        let path = if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") };
        add(format!("discovery/{path}"), discovery::resources(group, version));
        add(format!("openapi/v3/{path}"), discovery::openapi(&path));
        if !group.is_empty() {
            add(format!("discovery/apis/{group}"), discovery::group(group));
        }
    }
    files
}
