//! `kubeconfig`: for kubectl and other clients.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    cli::Global,
    connect::Instance,
    failure::Failure,
    output::{print, yaml},
};

/// The lists of a kubeconfig, whose items have names.
const LISTS: [&str; 3] = ["clusters", "users", "contexts"];

/// Arguments of `kubeconfig`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Add it to your own kubeconfig: the first file of $KUBECONFIG, else ~/.kube/config
    #[arg(long)]
    merge: bool,
    /// With --merge: make it the current context
    #[arg(long, requires = "merge")]
    switch: bool,
    /// Print where it is
    #[arg(long, conflicts_with = "merge")]
    path: bool,
}

pub(crate) fn run(global: &Global, arguments: &Arguments) -> Result<(), Failure> {
    let path = global.kubeconfig.clone().unwrap_or_else(|| Instance::of(global).kubeconfig());
    if !path.exists() {
        return Err(Failure::NoDaemon(path));
    }
    if arguments.path {
        print::line(&path.display().to_string());
        return Ok(());
    }
    let text = fs::read_to_string(&path).map_err(Failure::io(format!("read {}", path.display())))?;
    if !arguments.merge {
        print::out(&text);
        return Ok(());
    }
    let ours = parse(&path, &text)?;
    let target = target()?;
    let theirs = match fs::read_to_string(&target) {
        Ok(text) => parse(&target, &text)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => json!({"apiVersion": "v1", "kind": "Config"}),
        Err(source) => return Err(Failure::Io { what: format!("read {}", target.display()), source }),
    };
    let merged = merge(theirs, &ours, arguments.switch);
    write(&target, &yaml(&merged)?)?;
    let context = ours["current-context"].as_str().unwrap_or_default();
    print::talk(&format!("context \"{context}\" is in {}: use it with kubectl --context {context}", target.display()));
    Ok(())
}

fn parse(path: &Path, text: &str) -> Result<Value, Failure> {
    let value: Value = serde_saphyr::from_str(text)
        .map_err(|error| Failure::message(format!("{} is not a kubeconfig: {error}", path.display())))?;
    if value.is_object() { Ok(value) } else { Err(Failure::message(format!("{} is not a kubeconfig", path.display()))) }
}

fn target() -> Result<PathBuf, Failure> {
    let list = env::var_os("KUBECONFIG").unwrap_or_default();
    let first = env::split_paths(&list).find(|path| !path.as_os_str().is_empty());
    first
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".kube/config")))
        .ok_or_else(|| Failure::message("set KUBECONFIG or HOME to say where your kubeconfig is"))
}

/// `theirs` with our items in place of those of the same names.
fn merge(mut theirs: Value, ours: &Value, switch: bool) -> Value {
    for list in LISTS {
        let new = ours[list].as_array().cloned().unwrap_or_default();
        let mut items = theirs[list].as_array().cloned().unwrap_or_default();
        items.retain(|item| !new.iter().any(|new| new["name"] == item["name"]));
        items.extend(new);
        theirs[list] = Value::Array(items);
    }
    let has_none = theirs["current-context"].as_str().unwrap_or_default().is_empty();
    if switch || has_none {
        theirs["current-context"] = ours["current-context"].clone();
    }
    theirs
}

/// Replaces the file as a whole, readable by its owner only: it holds a token.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let cannot = || Failure::io(format!("write {}", path.display()));
    // A link stays a link.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory).map_err(cannot())?;
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(cannot())?;
    file.write_all(text.as_bytes()).map_err(cannot())?;
    file.as_file().sync_all().map_err(cannot())?;
    file.persist(path).map_err(|error| error.error).map_err(cannot())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_contexts_stay_as_they_are() {
        let item = |name: &str, n: u8| json!({"name": name, "n": n});
        let lists = |items: Value| json!({"clusters": items, "users": items, "contexts": items});
        let mut theirs = lists(json!([item("kind", 1), item("petset", 2)]));
        theirs["current-context"] = "kind".into();
        let mut ours = lists(json!([item("petset", 3)]));
        ours["current-context"] = "petset".into();
        let mut expected = lists(json!([item("kind", 1), item("petset", 3)]));
        expected["current-context"] = "kind".into();
        assert_eq!(merge(theirs.clone(), &ours, false), expected);
        expected["current-context"] = "petset".into();
        assert_eq!(merge(theirs, &ours, true), expected);
        assert_eq!(merge(json!({}), &ours, false), ours);
    }

    #[test]
    fn the_file_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/config");
        write(&path, "a").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
