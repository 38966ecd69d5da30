//! What a transaction does to the store, in memory and on disk alike.
#![allow(clippy::unwrap_used, reason = "what the tests share is a test too")]

mod common;

use std::sync::Arc;

use common::{create, object, pod, update};
use petset_store::{Change, CommitError, Event, Expect, Key, Revision, StorageError, Store, Write};
use serde_json::{Value, json};

/// The object as it is stored at a revision.
fn stored(name: &str, phase: &str, revision: u64) -> Value {
    let mut object = object(name, phase);
    object["metadata"]["resourceVersion"] = revision.to_string().into();
    object
}

/// Runs a story against each kind of store.
async fn everywhere(story: impl AsyncFn(&Store)) {
    story(&Store::in_memory()).await;
    story(&Store::open(petset_store::Memory::default()).unwrap()).await;
    let dir = tempfile::tempdir().unwrap();
    story(&Store::open_sled(&dir.path().join("store")).unwrap()).await;
}

fn names(items: &[Arc<Value>]) -> Vec<&str> {
    items.iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_created_object_reads_back_with_its_revision() {
    everywhere(async |store| {
        assert_eq!(store.revision(), Revision::FIRST);
        let committed = store.commit(vec![create("web-0", "Pending")]).await.unwrap();
        assert_eq!(*committed[0], stored("web-0", "Pending", 2));
        assert_eq!(store.get(&pod("web-0")), Some(committed[0].clone()));
        assert_eq!(store.revision(), Revision(2));
    })
    .await;
}

#[tokio::test]
async fn a_list_is_of_one_namespace_or_of_all_in_order() {
    everywhere(async |store| {
        let place = |resource, namespace, name| Write::Create {
            key: Key::new(resource, namespace, name),
            object: json!({"metadata": {"name": name}}),
        };
        store
            .commit(vec![
                place("pods", "b", "w"),
                place("pods", "a", "z"),
                place("pods", "a", "x"),
                place("pods", "aa", "y"),
                place("podtemplates", "a", "t"),
                place("nodes", "", "n"),
            ])
            .await
            .unwrap();
        assert_eq!(names(&store.list("pods", None).items), ["x", "z", "y", "w"]);
        assert_eq!(names(&store.list("pods", Some("a")).items), ["x", "z"]);
        assert_eq!(names(&store.list("nodes", None).items), ["n"]);
        assert_eq!(names(&store.list("pod", None).items), [""; 0]);
        assert_eq!(store.list("pods", Some("a")).revision, Revision(7));
    })
    .await;
}

#[tokio::test]
async fn of_two_updates_from_one_state_the_second_is_refused() {
    everywhere(async |store| {
        store.commit(vec![create("web-0", "Pending")]).await.unwrap();
        let made_from = Expect::At(Revision(2));
        store.commit(vec![update("web-0", "Running", made_from)]).await.unwrap();
        assert_eq!(
            store.commit(vec![update("web-0", "Failed", made_from)]).await,
            Err(CommitError::Conflict(pod("web-0")))
        );
        assert_eq!(store.get(&pod("web-0")).as_deref(), Some(&stored("web-0", "Running", 3)));
    })
    .await;
}

#[tokio::test]
async fn a_lost_race_is_told_apart() {
    everywhere(async |store| {
        store.commit(vec![create("web-0", "Pending")]).await.unwrap();
        let exists = Expect::Exists;
        for (write, error) in [
            (create("web-0", "Running"), CommitError::Exists(pod("web-0"))),
            (update("web-1", "Running", exists), CommitError::Missing(pod("web-1"))),
            (Write::Delete { key: pod("web-1"), expect: exists }, CommitError::Missing(pod("web-1"))),
            (Write::Check { key: pod("web-1"), expect: exists }, CommitError::Missing(pod("web-1"))),
            (Write::Delete { key: pod("web-0"), expect: Expect::At(Revision(1)) }, CommitError::Conflict(pod("web-0"))),
            (Write::Check { key: pod("web-0"), expect: Expect::At(Revision(9)) }, CommitError::Conflict(pod("web-0"))),
        ] {
            assert_eq!(store.commit(vec![write]).await, Err(error));
        }
        assert_eq!(store.revision(), Revision(2));
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_fails_at_its_last_write_does_nothing() {
    everywhere(async |store| {
        let mut watch = store.watch(None, store.revision()).unwrap();
        let error = store
            .commit(vec![create("web-0", "Pending"), create("web-1", "Pending"), update("web-2", "", Expect::Exists)])
            .await
            .unwrap_err();
        assert_eq!(error, CommitError::Missing(pod("web-2")));
        assert_eq!((store.get(&pod("web-0")), store.revision()), (None, Revision::FIRST));
        store.commit(vec![create("web-3", "Pending")]).await.unwrap();
        assert_eq!(watch.next().await.unwrap().key, pod("web-3"));
    })
    .await;
}

#[tokio::test]
async fn the_writes_of_a_transaction_see_one_another() {
    everywhere(async |store| {
        let committed = store
            .commit(vec![
                create("web-0", "Pending"),
                update("web-0", "Running", Expect::At(Revision(2))),
                Write::Delete { key: pod("web-0"), expect: Expect::At(Revision(3)) },
                create("web-0", "Pending"),
                Write::Check { key: pod("web-0"), expect: Expect::At(Revision(5)) },
            ])
            .await
            .unwrap();
        let committed: Vec<Value> = committed.iter().map(|object| Value::clone(object)).collect();
        assert_eq!(
            committed,
            [
                stored("web-0", "Pending", 2),
                stored("web-0", "Running", 3),
                stored("web-0", "Running", 4),
                stored("web-0", "Pending", 5),
                stored("web-0", "Pending", 5),
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn an_update_that_changes_nothing_keeps_the_revision_and_is_not_an_event() {
    everywhere(async |store| {
        store.commit(vec![create("web-0", "Pending")]).await.unwrap();
        let mut watch = store.watch(None, store.revision()).unwrap();
        let committed = store.commit(vec![update("web-0", "Pending", Expect::Exists)]).await.unwrap();
        assert_eq!(*committed[0], stored("web-0", "Pending", 2));
        assert_eq!(store.revision(), Revision(2));
        store.commit(vec![update("web-0", "Running", Expect::Exists)]).await.unwrap();
        assert_eq!(watch.next().await.unwrap().revision, Revision(3));
    })
    .await;
}

#[tokio::test]
async fn an_update_cannot_change_who_an_object_is() {
    everywhere(async |store| {
        store.commit(vec![create("web-0", "Pending")]).await.unwrap();
        let impostor = json!({"metadata": {"name": "web-0", "namespace": "default", "uid": "another"}, "status": {"phase": "Running"}});
        let committed = store
            .commit(vec![Write::Update { key: pod("web-0"), object: impostor, expect: Expect::Exists }])
            .await
            .unwrap();
        assert_eq!(*committed[0], stored("web-0", "Running", 3));
    })
    .await;
}

#[tokio::test]
async fn a_watcher_sees_each_change_with_the_state_before() {
    everywhere(async |store| {
        let mut watch = store.watch(Some("pods"), store.revision()).unwrap();
        store.commit(vec![create("web-0", "Pending")]).await.unwrap();
        let other = Write::Create { key: Key::new("nodes", "", "n"), object: json!({}) };
        store.commit(vec![other, update("web-0", "Running", Expect::Exists)]).await.unwrap();
        store.commit(vec![Write::Delete { key: pod("web-0"), expect: Expect::Exists }]).await.unwrap();
        let mut seen = Vec::new();
        for _ in 0..3 {
            let Event { revision, change, key, object, previous, .. } = watch.next().await.unwrap();
            seen.push((
                revision.0,
                change,
                key,
                Value::clone(&object),
                previous.map(|previous| Value::clone(&previous)),
            ));
        }
        assert_eq!(
            seen,
            [
                (2, Change::Created, pod("web-0"), stored("web-0", "Pending", 2), None),
                (4, Change::Updated, pod("web-0"), stored("web-0", "Running", 4), Some(stored("web-0", "Pending", 2))),
                (5, Change::Deleted, pod("web-0"), stored("web-0", "Running", 5), Some(stored("web-0", "Running", 4))),
            ]
        );
        assert_eq!(watch.position(), Revision(5));
    })
    .await;
}

#[tokio::test]
async fn what_is_not_an_object_is_refused() {
    everywhere(async |store| {
        let text = Write::Create { key: pod("web-0"), object: json!("text") };
        let refusal = CommitError::Storage(StorageError::NotAnObject(pod("web-0")));
        assert_eq!(store.commit(vec![text]).await, Err(refusal));
    })
    .await;
}

#[tokio::test]
async fn a_closed_store_still_reads_but_does_not_write_or_watch() {
    everywhere(async |store| {
        store.commit(vec![create("web-0", "Pending")]).await.unwrap();
        let mut watch = store.watch(None, Revision(0)).unwrap();
        let mut live = store.watch(None, store.revision()).unwrap();
        store.close();
        store.close();
        assert_eq!(store.get(&pod("web-0")).as_deref(), Some(&stored("web-0", "Pending", 2)));
        assert_eq!(store.commit(vec![create("web-1", "Pending")]).await, Err(CommitError::Closed));
        assert_eq!(watch.next().await.unwrap_err(), petset_store::WatchError::Closed);
        assert_eq!(live.next().await.unwrap_err(), petset_store::WatchError::Closed);
        assert_eq!(store.watch(None, Revision(0)).unwrap_err(), petset_store::WatchError::Closed);
    })
    .await;
}
