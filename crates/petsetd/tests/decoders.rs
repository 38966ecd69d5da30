//! Every decoder of the daemon, with the corpus of its fuzz target: what was found once stays mended, and the targets, which
//! a nightly compiler builds, go on compiling here.

#[allow(unreachable_pub, reason = "it is a library of its own where it is fuzzed")]
#[path = "../../../integration/fuzz/src/lib.rs"]
mod targets;

use std::{collections::BTreeSet, fs, path::Path};

use targets::TARGETS;

#[test]
fn every_target_holds_over_its_corpus() {
    for (name, target) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integration/fuzz/corpus").join(name);
        let files: Vec<_> = fs::read_dir(&folder).expect("a corpus").map(|file| file.expect("a file").path()).collect();
        assert!(!files.is_empty(), "{name} has a corpus");
        for file in files {
            let input = fs::read(&file).expect("an input");
            let held = std::panic::catch_unwind(|| target(&input));
            assert!(held.is_ok(), "{name} breaks on {}", file.display());
        }
    }
}

#[test]
fn every_target_has_its_binary_and_its_corpus() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../integration/fuzz");
    let files = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(fuzz.join(folder)).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        names.map(|name| name.trim_end_matches(".rs").to_owned()).collect()
    };
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(files("fuzz_targets"), names);
    assert_eq!(files("corpus"), names);
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).expect("a manifest");
    let binaries =
        manifest.lines().filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\""));
    assert_eq!(binaries.map(str::to_owned).collect::<BTreeSet<_>>(), names);
}
