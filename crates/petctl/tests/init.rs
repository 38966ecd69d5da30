//! `petctl init` as users run it: it asks no server.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn init(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_petctl")).arg("init").args(arguments).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_folder_of_examples_is_listed_with_its_title() {
    let folder = tempfile::tempdir().unwrap();
    let listed = text(&init(folder.path(), &[]).stdout);
    let mut expected = Vec::new();
    for entry in fs::read_dir(examples()).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_dir()) {
        let readme = fs::read_to_string(entry.path().join("README.md")).unwrap();
        let title = readme.lines().next().unwrap().trim_start_matches("# ").to_owned();
        expected.push((entry.file_name().into_string().unwrap(), title));
    }
    expected.sort();
    let rows = listed.lines().skip(1).map(|row| row.split_once(' ').unwrap());
    let rows: Vec<(String, String)> = rows.map(|(name, title)| (name.to_owned(), title.trim().to_owned())).collect();
    assert_eq!(rows, expected);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn an_example_is_written_as_it_is_and_never_over_a_file_unless_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("petset.yaml");
    let original = fs::read_to_string(examples().join("nginx/petset.yaml")).unwrap();

    let first = init(folder.path(), &["nginx"]);
    assert_eq!((text(&first.stdout).as_str(), first.status.code()), ("petset.yaml written\n", Some(0)));
    assert_eq!(text(&first.stderr), "apply it with: petctl apply -f petset.yaml\n");
    assert_eq!(fs::read_to_string(&file).unwrap(), original);

    fs::write(&file, "mine").unwrap();
    let second = init(folder.path(), &["nginx"]);
    assert_eq!(text(&second.stderr), "error: petset.yaml exists already; --force writes over it\n");
    assert_eq!((fs::read_to_string(&file).unwrap().as_str(), second.status.code()), ("mine", Some(1)));

    assert_eq!(init(folder.path(), &["nginx", "--force"]).status.code(), Some(0));
    assert_eq!(fs::read_to_string(&file).unwrap(), original);
}

#[test]
fn an_unknown_example_is_refused_with_those_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let refused = init(folder.path(), &["nginks"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("nginx"), "{}", text(&refused.stderr));
}

#[test]
fn names_are_completed() {
    let script = Command::new(env!("CARGO_BIN_EXE_petctl")).args(["completion", "bash"]).output().unwrap();
    let script = text(&script.stdout);
    let names = script.lines().find(|line| line.contains("galera") && line.contains("nginx"));
    assert!(names.is_some_and(|line| line.contains("postgres")), "{script}");
}
