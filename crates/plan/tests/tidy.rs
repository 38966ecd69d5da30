//! The picture in `docs/architecture.md`, kept true: which crate may know which, what each must not name, how long a
//! file may be, that the documents name tests that exist, and that every reason is explained. It stands with the crate
//! that may know least, and needs nothing but the sources.

#![allow(clippy::unwrap_used, reason = "every function here is part of a test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// A file that outgrows this is asking to be cut.
const LINES_MAX: usize = 700;

/// Which of our crates each crate may depend on, tests included.
const EDGES: [(&str, &[&str]); 13] = [
    ("api", &[]),
    ("plan", &["api"]),
    ("store", &[]),
    ("controller", &["api", "plan", "store"]),
    ("docker", &["plan", "controller"]),
    ("dns", &["plan"]),
    ("server", &["api", "spdy", "store"]),
    ("sim", &["api", "plan", "store", "controller", "dns"]),
    ("spdy", &[]),
    ("petsetd", &["api", "plan", "store", "controller", "docker", "dns", "server", "spdy"]),
    ("petctl", &["api"]),
    ("peer-finder", &[]),
    ("integration", &["plan", "controller", "docker", "sim", "store"]),
];

/// The only crates that may depend on each of the libraries that stand at an edge.
const EDGE_LIBRARIES: [(&str, &[&str]); 9] = [
    ("axum", &["server"]),
    ("bollard", &["docker"]),
    ("clap", &["petctl", "petsetd"]),
    ("hickory", &["dns", "peer-finder"]),
    ("k8s-openapi", &["api", "controller", "integration", "petctl", "plan", "sim"]),
    ("kube", &["integration", "petctl"]),
    ("schemars", &["api"]),
    ("sled", &["store"]),
    ("tokio", &["controller", "dns", "docker", "integration", "petctl", "petsetd", "server", "sim", "spdy", "store"]),
];

/// What `plan` must not name: I/O, clocks, chance, threads, and maps whose order is not theirs to give.
const PLAN_MUST_NOT_NAME: [&str; 15] = [
    "async ",
    "HashMap",
    "HashSet",
    "Instant",
    "Mutex",
    "SystemTime",
    "Timestamp::now",
    "rand::",
    "std::env",
    "std::fs",
    "std::io",
    "std::process",
    "std::thread",
    "tokio",
    "tracing",
];

/// The crates that run under the simulator, in which a seed is to be the same world each time.
const SIMULATED: [&str; 4] = ["controller", "plan", "sim", "store"];

/// What they must not name: tokio's channel that wakes readers in an order that it draws, and chance of the machine's own.
const SIMULATED_MUST_NOT_NAME: [&str; 5] =
    ["sync::watch", "watch::channel", "watch::Sender", "RandomState", "SystemTime"];

/// How the store names its module that knows sled.
const OF_OUR_SLED_MODULE: [&str; 6] =
    ["mod sled;", "sled::Sled::", "sled::Sync", "sled::Unborn::", "sled::is_taken(", "sled::put_aside("];

/// Words of several parts in `plan` that are no reasons: kinds, types, policies and operators.
const NOT_REASONS: [&str; 23] = [
    "BestEffort",
    "ClientIP",
    "ClusterFirstWithHostNet",
    "ContainersReady",
    "DirectoryOrCreate",
    "DoNotSchedule",
    "DoesNotExist",
    "ExternalName",
    "FallbackToLogsOnError",
    "NoExecute",
    "NoSchedule",
    "NotIn",
    "OnDelete",
    "OnFailure",
    "OnRootMismatch",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "PetSet",
    "PodDisruptionBudget",
    "PodReadyToStartContainers",
    "PodScheduled",
    "RollingUpdate",
    "StatefulSet",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// What each of our packages depends on, by the names of packages.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap().iter().map(|d| short(&text(&d["name"])));
            (short(&text(&package["name"])), dependencies.collect())
        })
        .collect()
}

/// Our packages are `petset-plan`, and `plan` in the tables here.
fn short(package: &str) -> String {
    package.strip_prefix("petset-").unwrap_or(package).to_owned()
}

/// The Rust sources under a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources_in(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    sources(&root().join(folder), &mut found);
    assert!(!found.is_empty(), "{folder} has sources");
    let relative = |path: &Path| path.strip_prefix(root()).unwrap().display().to_string();
    found.iter().map(|path| (relative(path), fs::read_to_string(path).unwrap())).collect()
}

/// Lines of code that name something, comments left out.
fn lines_that_name<'t>(text: &'t str, word: &str) -> Vec<&'t str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//") && line.contains(word)).collect()
}

#[test]
fn crates_depend_as_the_picture_shows() {
    let edges = BTreeMap::from(EDGES);
    let dependencies = dependencies();
    let names: BTreeSet<&str> = dependencies.keys().map(String::as_str).collect();
    assert_eq!(names, edges.keys().copied().collect(), "the crates of the workspace");
    for (name, its) in &dependencies {
        let ours: BTreeSet<&str> = its.iter().map(String::as_str).filter(|d| edges.contains_key(d)).collect();
        let allowed: BTreeSet<&str> = edges[name.as_str()].iter().copied().collect();
        let surplus: Vec<_> = ours.difference(&allowed).collect();
        assert!(surplus.is_empty(), "{name} must not depend on {surplus:?}");
    }
}

#[test]
fn each_library_of_an_edge_stays_at_its_edge() {
    for (name, its) in dependencies() {
        for (library, allowed) in EDGE_LIBRARIES {
            let is_used = its.iter().any(|d| d == library || d.starts_with(&format!("{library}-")));
            assert!(!is_used || allowed.contains(&name.as_str()), "{name} must not know {library}");
        }
    }
}

#[test]
fn plan_is_pure() {
    for (path, text) in sources_in("crates/plan/src") {
        for word in PLAN_MUST_NOT_NAME {
            let lines = lines_that_name(&text, word);
            assert!(lines.is_empty(), "{path} names {word}: {lines:?}");
        }
    }
}

#[test]
fn what_the_simulator_runs_leaves_nothing_to_chance() {
    let sources = SIMULATED.iter().flat_map(|name| sources_in(&format!("crates/{name}/src")));
    for (path, text) in sources {
        for word in SIMULATED_MUST_NOT_NAME {
            let lines = lines_that_name(&text, word);
            assert!(lines.is_empty(), "{path} names {word}: {lines:?}");
        }
        // The first word of a `select!` says in which order its arms are asked; without it tokio draws one.
        for (_, arms) in text.match_indices("select! {").map(|(at, found)| text.split_at(at + found.len())) {
            assert!(arms.trim_start().starts_with("biased;"), "{path} has a `select!` that is not biased");
        }
    }
}

#[test]
fn only_one_module_of_the_store_knows_sled() {
    for (path, text) in sources_in("crates/store/src") {
        let allowed: &[&str] = if path.ends_with("src/sled.rs") { continue } else { &OF_OUR_SLED_MODULE };
        let others: Vec<_> = lines_that_name(&text, "sled")
            .into_iter()
            .filter(|line| line.contains("sled::") || line.contains("mod sled"))
            .filter(|line| !allowed.iter().any(|a| line.contains(a)))
            .collect();
        assert!(others.is_empty(), "{path} knows sled: {others:?}");
    }
}

#[test]
fn the_documents_name_tests_that_exist() {
    let sources: Vec<String> =
        ["crates", "integration"].into_iter().flat_map(sources_in).map(|(_, text)| text).collect();
    for document in ["docs/architecture.md", "docs/semantics.md", "docs/store.md"] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        // Between backticks stands code; the name of a test has at least two underscores, and maybe a module before it.
        let names = text.split('`').skip(1).step_by(2).filter_map(|code| code.rsplit([' ', ':']).next());
        let names: BTreeSet<&str> = names
            .filter(|name| {
                name.matches('_').count() >= 2 && name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_'))
            })
            .collect();
        assert!(!names.is_empty(), "{document} names tests");
        for name in names {
            let definition = format!("fn {name}(");
            assert!(sources.iter().any(|source| source.contains(&definition)), "{document}: there is no test {name}");
        }
    }
}

#[test]
fn every_reason_has_a_row() {
    let text = fs::read_to_string(root().join("docs/waits.md")).unwrap();
    for (path, source) in sources_in("crates/plan/src") {
        let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
        let words = code.flat_map(|line| line.split('"').skip(1).step_by(2));
        let reasons = words.filter(|word| {
            word.starts_with(|c: char| c.is_ascii_uppercase())
                && word.chars().all(|c| c.is_ascii_alphabetic())
                && word.chars().filter(char::is_ascii_uppercase).count() > 1
                && word.chars().any(|c| c.is_ascii_lowercase())
        });
        for reason in reasons.filter(|reason| !NOT_REASONS.contains(reason)) {
            assert!(text.contains(&format!("`{reason}`")), "{path} gives {reason}, which has no row in docs/waits.md");
        }
    }
}

#[test]
fn no_file_is_too_long() {
    for (path, text) in ["crates", "integration"].into_iter().flat_map(sources_in) {
        // What a program wrote nobody reads from the top.
        if text.lines().take(3).any(|line| line.contains("generated from") && line.contains("` makes it again")) {
            continue;
        }
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{path} has {lines} lines, more than {LINES_MAX}");
    }
}
