//! Manifests: files, directories and standard input, JSON and YAML.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::failure::Failure;

/// The endings of the files that are taken from a directory.
const ENDINGS: [&str; 3] = ["json", "yaml", "yml"];

/// An object and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Manifest {
    /// The file, or `STDIN`.
    pub(crate) source: String,
    /// The object.
    pub(crate) object: Value,
}

/// Which files hold the objects.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Files {
    /// A file, a directory, or `-` for standard input; may be given several times
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub(crate) filename: Vec<PathBuf>,
    /// Also the directories in a directory
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
}

impl Files {
    /// The objects in the files, in order; lists are taken apart.
    pub(crate) fn read(&self) -> Result<Vec<Manifest>, Failure> {
        let mut manifests = Vec::new();
        for path in &self.filename {
            if path == Path::new("-") {
                let mut text = String::new();
                io::stdin().read_to_string(&mut text).map_err(Failure::io("read standard input"))?;
                manifests.extend(parse("STDIN", &text)?);
                continue;
            }
            let mut files = Vec::new();
            self.collect(path, &mut files)?;
            for file in files {
                let text = fs::read_to_string(&file).map_err(Failure::io(format!("read {}", file.display())))?;
                manifests.extend(parse(&file.display().to_string(), &text)?);
            }
        }
        if manifests.is_empty() {
            return Err(Failure::message("no objects given: use -f FILE, -f DIRECTORY or -f -"));
        }
        Ok(manifests)
    }

    /// The files at a path, those of a directory by name.
    fn collect(&self, path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
        let cannot = || Failure::io(format!("read {}", path.display()));
        if !fs::metadata(path).map_err(cannot())?.is_dir() {
            files.push(path.to_owned());
            return Ok(());
        }
        let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(cannot())?;
        let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
        paths.sort();
        for path in paths {
            let is_manifest = path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known));
            if path.is_dir() && self.recursive {
                self.collect(&path, files)?;
            } else if path.is_file() && is_manifest {
                files.push(path);
            }
        }
        Ok(())
    }
}

/// The objects in a text of one or more documents.
pub(crate) fn parse(source: &str, text: &str) -> Result<Vec<Manifest>, Failure> {
    // The server's own reader, so that what it accepts is what petctl accepts.
    let documents = api::body::read_manifest(text.as_bytes())
        .map_err(|error| Failure::message(format!("error parsing {source}: {error}")))?;
    let mut manifests = Vec::new();
    for document in documents {
        take_apart(source, document, &mut manifests)?;
    }
    Ok(manifests)
}

fn take_apart(source: &str, mut object: Value, into: &mut Vec<Manifest>) -> Result<(), Failure> {
    if object.is_null() {
        return Ok(());
    }
    let is_list = object["kind"].as_str().is_some_and(|kind| kind.ends_with("List")) && object["items"].is_array();
    if is_list {
        let Value::Array(items) = object["items"].take() else { return Ok(()) };
        return items.into_iter().try_for_each(|item| take_apart(source, item, into));
    }
    for field in ["apiVersion", "kind"] {
        if !object[field].is_string() {
            return Err(Failure::message(format!("error validating \"{source}\": {field} not set")));
        }
    }
    into.push(Manifest { source: source.to_owned(), object });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<Vec<String>, String> {
        let manifests = parse("x.yaml", text).map_err(|failure| failure.to_string())?;
        Ok(manifests.iter().map(|m| m.object["metadata"]["name"].as_str().unwrap().to_owned()).collect())
    }

    #[test]
    fn reads_many_documents_and_lists() {
        let text = "---\n# only words\n---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\n---\n\
                    apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: b}}\n";
        assert_eq!(names(text).unwrap(), ["a", "b"]);
        assert_eq!(names(r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"c"}}"#).unwrap(), ["c"]);
    }

    #[test]
    fn says_which_file_lacks_a_kind() {
        assert_eq!(names("apiVersion: v1\n"), Err("error: error validating \"x.yaml\": kind not set".into()));
    }

    #[test]
    fn takes_manifests_from_directories_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, object: &str| {
            let text = format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: {object}\n");
            std::fs::write(directory.path().join(name), text).unwrap();
        };
        write("b.yaml", "second");
        write("a.yml", "first");
        write("notes.txt", "none");
        let files = Files { filename: vec![directory.path().to_owned()], recursive: false };
        let names: Vec<Value> = files.read().unwrap().iter().map(|m| m.object["metadata"]["name"].clone()).collect();
        assert_eq!(names, ["first", "second"]);
    }
}
