//! What survives: a full disk, damage, and other petsets.
#![allow(clippy::unwrap_used, reason = "what the tests share is a test too")]

mod common;

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use common::{create, object, pod};
use petset_store::{CommitError, Expect, OpenError, Store, Write};
use serde_json::Value;

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

/// Writes so much of other objects that the log no longer tells of the first ones; returns what the store shows then.
fn outgrow_the_log(dir: &Path) -> Vec<String> {
    let store = Store::open_sled(dir).unwrap();
    let first = store.revision();
    runtime().block_on(async {
        store.commit(vec![create("busy", "0")]).await.unwrap();
        for turn in 0_u64.. {
            if store.watch(None, first).is_err() {
                break;
            }
            let object = large("busy", turn, 400_000);
            store.commit(vec![Write::Update { key: pod("busy"), object, expect: Expect::Exists }]).await.unwrap();
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

/// A store, with the file that says that it was made.
fn copy_store(from: &Path, to: &Path) {
    copy_tree(from, to);
    fs::copy(made(from), made(to)).unwrap();
}

fn made(dir: &Path) -> PathBuf {
    dir.with_extension("made")
}

/// sled's file is cut into these.
const SEGMENT_BYTES: u64 = 512 << 10;

#[derive(Clone, Copy, Debug)]
enum Damage {
    /// Bytes are overwritten from here.
    Scratch(u64),
    /// The file ends here.
    Cut(u64),
}

#[test]
fn a_damaged_store_is_refused_or_whole_and_never_less() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    populate(&whole);
    let expected = outgrow_the_log(&whole);
    let length = fs::metadata(whole.join("db")).unwrap().len();
    // Every second time where a segment begins: sled takes one with a bad header for free space.
    let scratches = (0..24)
        .map(|step| (length * step / 24, step % 2 == 0))
        .map(|(place, is_header)| Damage::Scratch(if is_header { place - place % SEGMENT_BYTES } else { place + 11 }));
    let cuts = [1, 4_096, 100_000, 2 * SEGMENT_BYTES].map(|lost| Damage::Cut(length - lost));
    let mut refused = 0;
    for (number, damage) in scratches.chain(cuts).enumerate() {
        let hurt = dir.path().join(format!("hurt-{number}"));
        copy_store(&whole, &hurt);
        let file = OpenOptions::new().write(true).open(hurt.join("db")).unwrap();
        match damage {
            Damage::Scratch(place) => file.write_all_at(&[0xa5; 64], place).unwrap(),
            Damage::Cut(place) => file.set_len(place).unwrap(),
        }
        match Store::open_sled(&hurt) {
            Ok(store) => assert!(shown(&store) == expected, "{damage:?} is not seen"),
            Err(OpenError::Damaged { .. }) => refused += 1,
            Err(other) => panic!("{damage:?}: {other}"),
        }
        fs::remove_dir_all(&hurt).unwrap();
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
    let wounds: [(&str, Wound); 8] = [
        ("half of it", &|hurt| cut(hurt, length / 2)),
        ("all of it", &|hurt| cut(hurt, 0)),
        ("the file", &|hurt| fs::remove_file(hurt.join("db")).unwrap()),
        ("the file and what sled keeps beside it", &|hurt| {
            for name in ["db", "conf"] {
                fs::remove_file(hurt.join(name)).unwrap();
            }
        }),
        ("the meaning of the mark", &|hurt| fs::write(hurt.join("last-commit"), "many\n").unwrap()),
        ("what the mark says", &|hurt| fs::write(hurt.join("last-commit"), "").unwrap()),
        ("the mark", &|hurt| fs::remove_file(hurt.join("last-commit")).unwrap()),
        ("everything", &|hurt| fs::remove_dir_all(hurt).unwrap()),
    ];
    for (number, (lost, wound)) in wounds.into_iter().enumerate() {
        let hurt = dir.path().join(format!("hurt-{number}"));
        copy_store(&whole, &hurt);
        wound(&hurt);
        for attempt in ["first", "second"] {
            let error = Store::open_sled(&hurt).map(|_| ()).unwrap_err();
            assert!(matches!(error, OpenError::Damaged { .. }), "lost {lost}, {attempt} attempt: {error:?}");
            let text = error.to_string();
            assert!(text.contains(hurt.to_str().unwrap()) && text.contains("petsetd restore --force FILE"), "{text}");
        }
    }
}

#[test]
fn what_sled_can_do_without_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    let expected = populate(&whole);
    let snapshots = |dir: &Path| -> Vec<PathBuf> {
        let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        names.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("snap.")).collect()
    };
    let lose_snapshots = |hurt: &Path| snapshots(hurt).into_iter().for_each(|path| fs::remove_file(path).unwrap());
    assert!(!snapshots(&whole).is_empty());
    let wounds: [(&str, Wound); 5] = [
        ("its snapshot", &lose_snapshots),
        ("its configuration", &|hurt| fs::remove_file(hurt.join("conf")).unwrap()),
        ("both", &|hurt| {
            lose_snapshots(hurt);
            fs::remove_file(hurt.join("conf")).unwrap();
        }),
        ("the rest of a snapshot that was being written", &|hurt| {
            fs::write(hurt.join("snap.00000000FFFFFFFF.generating"), "half").unwrap();
        }),
        ("the file that says that it was made", &|hurt| fs::remove_file(made(hurt)).unwrap()),
    ];
    for (number, (lost, wound)) in wounds.into_iter().enumerate() {
        let hurt = dir.path().join(format!("hurt-{number}"));
        copy_store(&whole, &hurt);
        wound(&hurt);
        let store = Store::open_sled(&hurt).unwrap_or_else(|error| panic!("lost {lost}: {error}"));
        assert!(shown(&store) == expected, "lost {lost}");
        assert!(made(&hurt).exists());
    }
}

#[test]
fn what_is_lost_can_be_given_up_by_hand() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("store");
    let expected = populate(&dir);
    fs::remove_file(dir.join("last-commit")).unwrap();
    let error = Store::open_sled(&dir).unwrap_err().to_string();
    assert!(
        error.contains("its file last-commit is missing; to go on with what the others hold, write 0 to it"),
        "{error}"
    );
    fs::write(dir.join("last-commit"), "0\n").unwrap();
    assert!(shown(&Store::open_sled(&dir).unwrap()) == expected);

    fs::remove_dir_all(&dir).unwrap();
    Store::open_sled(&dir).unwrap_err();
    fs::remove_file(made(&dir)).unwrap();
    assert_eq!(Store::open_sled(&dir).unwrap().revision().0, 1);
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
