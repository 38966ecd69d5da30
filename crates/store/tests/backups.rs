//! A backup is one moment, whole or refused, and what is restored goes on from it.
#![allow(clippy::unwrap_used, reason = "what the tests share is a test too")]

mod common;

use std::fs;
use std::path::Path;

use common::{create, object, pod, update};
use petset_store::{
    Expect, Key, OpenError, Present, REVISIONS_SKIPPED, RestoreError, Revision, Store, WatchError, Write, restore,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn bytes_of(store: &Store) -> Vec<u8> {
    store.backup().flatten().collect()
}

/// A store with objects of several resources, a deletion and the daemon's own records.
fn populated(dir: &Path) -> Store {
    let store = Store::open_sled(dir).unwrap();
    runtime().block_on(async {
        let record = Write::Create { key: Key::new("_leases", "", "lease"), object: json!({"address": "10.0.0.7"}) };
        store.commit(vec![create("web-0", "Pending"), create("web-1", "Pending"), record]).await.unwrap();
        store.commit(vec![update("web-0", "Running", Expect::Exists)]).await.unwrap();
        store.commit(vec![Write::Delete { key: pod("web-1"), expect: Expect::Exists }]).await.unwrap();
    });
    store
}

#[test]
fn a_backup_is_lines_of_json_between_a_head_and_a_checksum() {
    let dir = tempfile::tempdir().unwrap();
    let text = String::from_utf8(bytes_of(&populated(&dir.path().join("store")))).unwrap();
    let body = concat!(
        r#"{"petsetBackup":1,"petset":"0.1.0","revision":6,"objects":2}"#,
        "\n",
        r#"{"resource":"_leases","namespace":"","name":"lease","object":{"address":"10.0.0.7","metadata":{"resourceVersion":"4"}}}"#,
        "\n",
        r#"{"resource":"pods","namespace":"default","name":"web-0","object":{"metadata":{"creationTimestamp":"2016-07-01T00:00:00Z","name":"web-0","namespace":"default","resourceVersion":"5","uid":"uid-web-0"},"status":{"phase":"Running"}}}"#,
        "\n",
    );
    assert_eq!(text, format!("{body}{}", end_of(body, 2)));
}

fn end_of(body: &str, objects: u64) -> String {
    let sum: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{{\"end\":true,\"objects\":{objects},\"sha256\":\"{sum}\"}}\n")
}

#[test]
fn what_is_restored_is_what_was_there_and_its_revisions_go_on_above_all_that_were_seen() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("store"), dir.path().join("restored"));
    let store = populated(&from);
    let backup = bytes_of(&store);
    let restored = restore(&backup[..], &to, Present::Keep).unwrap();
    assert_eq!((restored.of, restored.objects, restored.aside), (Revision(6), 2, None));
    assert_eq!(restored.revision, Revision(6 + REVISIONS_SKIPPED));

    let again = Store::open_sled(&to).unwrap();
    assert_eq!(again.revision(), restored.revision);
    for resource in ["pods", "_leases"] {
        assert_eq!(again.list(resource, None).items, store.list(resource, None).items);
    }
    let seen = Revision(6);
    let expired = WatchError::Expired { asked: 6, oldest: restored.revision.0 };
    assert_eq!(again.watch(None, seen).unwrap_err(), expired);
    runtime().block_on(async {
        let mut watch = again.watch(None, restored.revision).unwrap();
        again.commit(vec![create("web-2", "Pending")]).await.unwrap();
        assert_eq!(watch.next().await.unwrap().revision, Revision(restored.revision.0 + 1));
    });
    drop(again);
    assert_eq!(Store::open_sled(&to).unwrap().list("pods", None).items.len(), 2);
}

#[test]
fn a_store_that_is_there_is_kept_or_put_aside_and_its_revisions_count() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("store");
    let store = populated(&place);
    let backup = bytes_of(&store);
    let error = restore(&backup[..], &place, Present::PutAside).unwrap_err();
    assert!(matches!(error, RestoreError::Store(OpenError::Locked { .. })), "{error}");
    runtime().block_on(store.commit(vec![create("late", "Pending")])).unwrap();
    drop(store);
    let error = restore(&backup[..], &place, Present::Keep).unwrap_err();
    assert!(matches!(error, RestoreError::Taken { .. }), "{error}");

    for number in 1..=2 {
        let restored = restore(&backup[..], &place, Present::PutAside).unwrap();
        assert_eq!(restored.aside, Some(dir.path().join(format!("store.aside-{number}"))));
        // That of the store that was there, of which the backup does not know.
        assert_eq!(restored.revision, Revision(7 + number * REVISIONS_SKIPPED));
        assert_eq!(Store::open_sled(&place).unwrap().get(&pod("late")), None);
    }
    let aside = dir.path().join("store.aside-1");
    assert!(Store::open_sled(&aside).unwrap().get(&pod("late")).is_some());
}

#[test]
fn a_damaged_store_can_be_replaced_and_a_lost_one_too() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("store");
    let backup = bytes_of(&populated(&place));
    fs::write(place.join("db"), "rust").unwrap();
    let restored = restore(&backup[..], &place, Present::PutAside).unwrap();
    assert_eq!(fs::read(restored.aside.unwrap().join("db")).unwrap(), b"rust");
    fs::remove_dir_all(&place).unwrap();
    Store::open_sled(&place).unwrap_err();
    restore(&backup[..], &place, Present::Keep).unwrap();
    assert_eq!(Store::open_sled(&place).unwrap().list("pods", None).items.len(), 1);
}

#[test]
fn a_backup_that_is_not_what_was_written_is_refused_and_nothing_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    let whole = bytes_of(&populated(&dir.path().join("store")));
    let text = String::from_utf8(whole.clone()).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let [head, lease, web, end] = lines[..] else { panic!("{text}") };
    let newer = head.replace(":1,", ":2,").replace("0.1.0", "7.8.9");
    let sealed = |body: &str, objects| format!("{body}{}", end_of(body, objects));
    let mut far: Value = serde_json::from_str(head).unwrap();
    far["revision"] = (u64::MAX - 5).into();
    let place = dir.path().join("restored");
    for (backup, said) in [
        (String::new(), "this is not a backup of petset"),
        ("apiVersion: v1\n".to_owned(), "this is not a backup of petset"),
        (newer, "the backup was written by petset 7.8.9 (format 2)"),
        (head.to_owned(), "the backup ends after line 1 and has no end"),
        ([head, lease, web].concat(), "the backup ends after line 3 and has no end"),
        (text[..text.len() - 1].to_owned(), "the backup ends after line 4 and has no end"),
        ([head, web, end].concat(), "it has 1 objects and should have 2"),
        (text.replace("Running", "Pending"), "its checksum differs"),
        ([head, web, lease, end].concat(), "is out of order"),
        ([head, lease, web, end, web].concat(), "something follows its end"),
        ([head, "{}\n", web, end].concat(), "line 2 is not an object's"),
        (sealed(&[head, lease].concat(), 1), "it has 1 objects and should have 2"),
        (sealed(&[head, lease, &web.replace("\"5\"", "\"9\"")].concat(), 2), "line 3 has no revision of its time"),
        (sealed(&[&format!("{far}\n"), lease, web].concat(), 2), "no store has ever come to its revision"),
    ] {
        let error = restore(backup.as_bytes(), &place, Present::Keep).unwrap_err().to_string();
        assert!(error.contains(said), "{error}\nfor {backup}");
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?} after {said}");
    }
    for end in (0..whole.len()).step_by(31) {
        restore(&whole[..end], &place, Present::Keep).unwrap_err();
        assert!(!place.exists(), "cut at {end}");
    }
}

#[test]
fn a_backup_taken_while_writing_restores_to_the_state_at_its_revision() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open_sled(&dir.path().join("store")).unwrap();
    let backups = runtime().block_on(async {
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..8 {
            let store = store.clone();
            writers.spawn(async move {
                for turn in 0..60 {
                    let write = |part: &str| {
                        let name = format!("{part}-{writer}");
                        let key = pod(&name);
                        let object = object(&name, &turn.to_string());
                        match turn {
                            0 => Write::Create { key, object },
                            _ => Write::Update { key, object, expect: Expect::Exists },
                        }
                    };
                    let once = create(&format!("once-{writer}-{turn}"), "");
                    store.commit(vec![write("first"), once, write("second")]).await.unwrap();
                }
            });
        }
        // Begun in the midst, and read a line at a time while the writers go on.
        let mut backups = Vec::new();
        for begin in 0..6 {
            while store.revision().0 < 2 + begin * 200 {
                tokio::task::yield_now().await;
            }
            let mut backup = Vec::new();
            for line in store.backup() {
                backup.extend_from_slice(&line);
                tokio::task::yield_now().await;
            }
            backups.push(backup);
        }
        writers.join_all().await;
        backups
    });
    for (number, backup) in backups.iter().enumerate() {
        let place = dir.path().join(format!("restored-{number}"));
        let restored = restore(&backup[..], &place, Present::Keep).unwrap();
        assert!(restored.of < store.revision() || number == 5, "backup {number} was taken while writing");
        let found = Store::open_sled(&place).unwrap().list("pods", None).items;
        assert_eq!(found.iter().map(|item| Value::clone(item)).collect::<Vec<_>>(), state_at(&store, restored.of));
    }
}

/// The objects at a revision, from the log.
fn state_at(store: &Store, revision: Revision) -> Vec<Value> {
    runtime().block_on(async {
        let mut objects = std::collections::BTreeMap::new();
        let mut watch = store.watch(None, Revision::FIRST).unwrap();
        while watch.position() < revision {
            let event = watch.next().await.unwrap();
            objects.insert(event.key, Value::clone(&event.object));
        }
        objects.into_values().collect()
    })
}
