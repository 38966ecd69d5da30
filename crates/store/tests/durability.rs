//! What survives: `kill -9`, a full disk, damage, and other petsets.
#![allow(clippy::unwrap_used, reason = "what the tests share is a test too")]

mod common;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::{create, object, pod, update};
use petset_store::{CommitError, Expect, OpenError, Store, Write};
use serde_json::Value;
use tokio::task::JoinSet;

/// Says to a test that it is the child of itself, and where the store is.
const CHILD: &str = "PETSET_TEST_STORE";

/// The same test in another process, through `shell` where it needs preparation.
fn child_of(test: &str, dir: &Path, shell: &str) -> Child {
    Command::new("sh")
        .args(["-c", &format!("{shell} exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What the child says of its own, without the test harness's words.
fn sayings(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    lines.filter_map(|line| line.split_once("said ").map(|(_, said)| said.to_owned()))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

/// Eight writers, each of two objects in one transaction, over and over.
fn write_until_killed(dir: &Path) {
    runtime().block_on(async {
        let store = Store::open_sled(dir).unwrap();
        let mut writers = JoinSet::new();
        for writer in 0..8 {
            let store = store.clone();
            writers.spawn(async move {
                let names = [format!("a-{writer}"), format!("b-{writer}")];
                let last = store.get(&pod(&names[0])).map_or(0, |object| phase(&object));
                for turn in last + 1.. {
                    let write = |name: &String| match turn {
                        1 => create(name, "1"),
                        turn => update(name, &turn.to_string(), Expect::Exists),
                    };
                    store.commit(names.iter().map(write).collect()).await.unwrap();
                    println!("said {writer} {turn}");
                }
            });
        }
        writers.join_all().await;
    });
}

fn phase(object: &Value) -> u64 {
    object["status"]["phase"].as_str().unwrap().parse().unwrap()
}

#[test]
fn every_acknowledged_write_survives_kill_9() {
    if let Some(dir) = std::env::var_os(CHILD) {
        return write_until_killed(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("store");
    let mut acknowledged: BTreeMap<u64, u64> = BTreeMap::new();
    for round in 0..10 {
        let mut child = child_of("every_acknowledged_write_survives_kill_9", &dir, "");
        let mut said = sayings(&mut child);
        let mut hear = |line: String| {
            let (writer, turn) = line.split_once(' ').unwrap();
            acknowledged.insert(writer.parse().unwrap(), turn.parse().unwrap());
        };
        for _ in 0..40 + 37 * round {
            hear(said.next().expect("the child writes until it is killed"));
        }
        child.kill().unwrap();
        said.for_each(hear);
        child.wait().unwrap();

        let store = Store::open_sled(&dir).unwrap();
        for (writer, turn) in &acknowledged {
            let kept = ["a", "b"].map(|letter| phase(&store.get(&pod(&format!("{letter}-{writer}"))).unwrap()));
            assert_eq!(kept[0], kept[1], "half a transaction of writer {writer} in round {round}");
            assert!(kept[0] >= *turn, "writer {writer} in round {round}: acknowledged {turn}, kept {}", kept[0]);
        }
    }
}

/// An object of some size, different in each turn.
fn large(name: &str, turn: u64, bytes: usize) -> Value {
    let mut large = object(name, &turn.to_string());
    let words: Vec<String> = (0..bytes as u64 / 16).map(|n| format!("{:015x}", n.wrapping_mul(turn + 7))).collect();
    large["data"] = words.join(" ").into();
    large
}

fn write_until_full_then_again(dir: &Path) {
    runtime().block_on(async {
        let store = Store::open_sled(dir).unwrap();
        let write = |turn| Write::Create { key: pod(&format!("web-{turn}")), object: large("web", turn, 20_000) };
        let (mut turn, mut refused) = (0, 0);
        // A store that is opened again after a failure may find some room yet.
        while refused < 3 {
            match store.commit(vec![write(turn)]).await {
                Ok(_) => (turn, refused) = (turn + 1, 0),
                Err(CommitError::Storage(_)) => refused += 1,
                Err(other) => panic!("{other}"),
            }
            assert_eq!((store.get(&pod(&format!("web-{turn}"))), store.revision().0), (None, turn + 1));
        }
        println!("said full {turn}");
        std::io::stdin().read_line(&mut String::new()).unwrap();
        store.commit(vec![create("after", "Pending")]).await.unwrap();
        println!("said {}", store.revision().0);
        store.close();
    });
}

#[test]
fn a_full_disk_refuses_writes_and_takes_them_again_when_there_is_room() {
    if let Some(dir) = std::env::var_os(CHILD) {
        return write_until_full_then_again(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("store");
    let mut child = child_of(
        "a_full_disk_refuses_writes_and_takes_them_again_when_there_is_room",
        &dir,
        "trap '' XFSZ; ulimit -S -f 8192;",
    );
    let mut said = sayings(&mut child);
    let full: u64 = said.next().unwrap().strip_prefix("full ").unwrap().parse().unwrap();
    assert!(full > 10, "only {full} writes");
    let more = ["--pid", &child.id().to_string(), "--fsize=unlimited"];
    assert!(Command::new("prlimit").args(more).status().unwrap().success());
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert_eq!(said.next().unwrap(), (full + 2).to_string());
    assert!(child.wait().unwrap().success());

    let store = Store::open_sled(&dir).unwrap();
    assert_eq!(store.list("pods", None).items.len() as u64, full + 1);
    assert_eq!(store.revision().0, full + 2);
}

/// A store with a past; returns what it shows.
fn populate(dir: &Path) -> Vec<String> {
    let store = Store::open_sled(dir).unwrap();
    runtime().block_on(async {
        for number in 0..60 {
            let name = format!("web-{number}");
            store.commit(vec![Write::Create { key: pod(&name), object: large(&name, number, 3_000) }]).await.unwrap();
        }
        for number in 0..60 {
            let name = format!("web-{number}");
            let object = large(&name, number + 1, 3_000);
            store.commit(vec![Write::Update { key: pod(&name), object, expect: Expect::Exists }]).await.unwrap();
        }
    });
    shown(&store)
}

fn shown(store: &Store) -> Vec<String> {
    store.list("pods", None).items.iter().map(ToString::to_string).collect()
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_damaged_store_is_refused_or_whole_and_never_less() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    let expected = populate(&whole);
    let length = fs::metadata(whole.join("db")).unwrap().len();
    let mut refused = 0;
    for step in 0..24 {
        let hurt = dir.path().join(format!("hurt-{step}"));
        copy_tree(&whole, &hurt);
        let file = OpenOptions::new().write(true).open(hurt.join("db")).unwrap();
        file.write_all_at(&[0xa5; 64], length * step / 24 + 11).unwrap();
        match Store::open_sled(&hurt) {
            Ok(store) => assert_eq!(shown(&store), expected, "damage {step}"),
            Err(OpenError::Damaged { .. }) => refused += 1,
            Err(other) => panic!("damage {step}: {other}"),
        }
    }
    assert!(refused > 0, "some of the damage was in what matters");
}

type Wound<'a> = &'a dyn Fn(&Path);

#[test]
fn a_store_that_lost_a_file_or_its_end_is_refused_with_the_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    populate(&whole);
    let length = fs::metadata(whole.join("db")).unwrap().len();
    let cut =
        |hurt: &Path, length| OpenOptions::new().write(true).open(hurt.join("db")).unwrap().set_len(length).unwrap();
    let wounds: [(&str, Wound); 5] = [
        ("half of it", &|hurt| cut(hurt, length / 2)),
        ("all of it", &|hurt| cut(hurt, 0)),
        ("the file", &|hurt| fs::remove_file(hurt.join("db")).unwrap()),
        ("the file and what sled keeps beside it", &|hurt| {
            for name in ["db", "conf"] {
                fs::remove_file(hurt.join(name)).unwrap();
            }
        }),
        ("the meaning of the mark", &|hurt| fs::write(hurt.join("last-commit"), "many\n").unwrap()),
    ];
    for (number, (lost, wound)) in wounds.into_iter().enumerate() {
        let hurt = dir.path().join(format!("hurt-{number}"));
        copy_tree(&whole, &hurt);
        wound(&hurt);
        for attempt in ["first", "second"] {
            let error = Store::open_sled(&hurt).map(|_| ()).unwrap_err();
            assert!(matches!(error, OpenError::Damaged { .. }), "lost {lost}, {attempt} attempt: {error:?}");
            let text = error.to_string();
            assert!(text.contains(hurt.to_str().unwrap()) && text.contains("put a copy back"), "{text}");
        }
    }
}

#[test]
fn a_store_in_use_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("store");
    let store = Store::open_sled(&dir).unwrap();
    let error = Store::open_sled(&dir).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }));
    assert_eq!(
        error.to_string(),
        format!(
            "{} is in use by another petsetd: stop that one, or give this one a data directory of its own",
            dir.display()
        )
    );
    store.close();
    Store::open_sled(&dir).unwrap();
}

#[test]
fn a_directory_of_something_else_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.tex"), "words").unwrap();
    let error = Store::open_sled(dir.path()).unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["thesis.tex"]);
}

#[test]
fn a_store_whose_making_was_cut_short_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let unborn = dir.path().join("store.new");
    fs::create_dir(&unborn).unwrap();
    fs::write(unborn.join("db"), "half").unwrap();
    fs::create_dir(dir.path().join("store")).unwrap();
    let store = Store::open_sled(&dir.path().join("store")).unwrap();
    assert_eq!(store.revision().0, 1);
    assert!(!unborn.exists());
}

#[test]
fn large_objects_stay_in_the_file_that_is_synced() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("store");
    let store = Store::open_sled(&dir).unwrap();
    let key = pod("web-0");
    let write = |size| large("web-0", size as u64, size);
    runtime().block_on(async {
        store.commit(vec![Write::Create { key: key.clone(), object: write(1_000) }]).await.unwrap();
        for size in [1_500_000, 7_000, 0, 400_000, 6_100] {
            let update = Write::Update { key: key.clone(), object: write(size), expect: Expect::Exists };
            store.commit(vec![update]).await.unwrap();
        }
        for number in 0..200 {
            let name = format!("many-{number}");
            store.commit(vec![Write::Create { key: pod(&name), object: large(&name, number, 6_000) }]).await.unwrap();
        }
    });
    let expected = shown(&store);
    drop(store);
    assert_eq!(fs::read_dir(dir.join("blobs")).unwrap().count(), 0);
    assert_eq!(shown(&Store::open_sled(&dir).unwrap()), expected);
}
