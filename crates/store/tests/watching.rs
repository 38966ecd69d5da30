//! How a watch continues: over a restart, after falling behind, and no longer.
#![allow(clippy::unwrap_used, reason = "what the tests share is a test too")]

mod common;

use common::{create, pod, update};
use petset_store::{
    Change, Expect, Kv as _, LOG_BYTES, LOG_EVENTS, Memory, Revision, Store, Tree, Watch, WatchError, Write,
};

/// The next events, as revisions and names.
async fn take(watch: &mut Watch, count: usize) -> Vec<(u64, String)> {
    let mut seen = Vec::new();
    for _ in 0..count {
        let event = watch.next().await.unwrap();
        seen.push((event.revision.0, event.key.name.to_string()));
    }
    seen
}

async fn flip(store: &Store, times: u64) {
    for turn in 0..times {
        store.commit(vec![update("web-0", &turn.to_string(), Expect::Exists)]).await.unwrap();
    }
}

#[tokio::test]
async fn a_watch_goes_on_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("store");
    let store = Store::open_sled(&dir).unwrap();
    store.commit(vec![create("web-0", "Pending"), create("web-1", "Pending")]).await.unwrap();
    store.commit(vec![update("web-0", "Running", Expect::Exists)]).await.unwrap();
    store.commit(vec![Write::Delete { key: pod("web-1"), expect: Expect::Exists }]).await.unwrap();
    drop(store);

    let store = Store::open_sled(&dir).unwrap();
    let mut watch = store.watch(Some("pods"), Revision(3)).unwrap();
    store.commit(vec![create("web-2", "Pending")]).await.unwrap();
    let updated = watch.next().await.unwrap();
    assert_eq!((updated.revision, updated.change), (Revision(4), Change::Updated));
    assert_eq!(updated.object["status"]["phase"], "Running");
    assert_eq!(updated.previous.unwrap()["status"]["phase"], "Pending");
    assert_eq!(take(&mut watch, 2).await, [(5, "web-1".to_owned()), (6, "web-2".to_owned())]);

    let mut from_the_beginning = store.watch(None, Revision(0)).unwrap();
    let revisions: Vec<u64> =
        take(&mut from_the_beginning, 5).await.into_iter().map(|(revision, _)| revision).collect();
    assert_eq!(revisions, [2, 3, 4, 5, 6]);
}

#[tokio::test]
async fn two_watchers_see_the_same_history_from_where_each_began() {
    let store = Store::open(Memory::default()).unwrap();
    let mut early = store.watch(None, Revision(0)).unwrap();
    store.commit(vec![create("web-0", "Pending")]).await.unwrap();
    store.commit(vec![create("web-1", "Pending")]).await.unwrap();
    let mut late = store.watch(None, Revision(2)).unwrap();
    store.commit(vec![create("web-2", "Pending")]).await.unwrap();
    let seen = take(&mut early, 3).await;
    assert_eq!(seen, [(2, "web-0".to_owned()), (3, "web-1".to_owned()), (4, "web-2".to_owned())]);
    assert_eq!(take(&mut late, 2).await, seen[1..]);
}

#[tokio::test]
async fn a_watch_is_not_begun_in_the_future() {
    let store = Store::in_memory();
    store.commit(vec![create("web-0", "Pending")]).await.unwrap();
    let error = store.watch(None, Revision(3)).unwrap_err();
    assert_eq!(error, WatchError::Future { asked: 3, current: 2 });
}

#[tokio::test]
async fn a_watcher_that_falls_behind_the_live_stream_is_served_from_the_log() {
    for store in [Store::in_memory(), Store::open(Memory::default()).unwrap()] {
        store.commit(vec![create("web-0", "Pending")]).await.unwrap();
        let mut slow = store.watch(None, Revision(2)).unwrap();
        flip(&store, 5_000).await;
        let revisions: Vec<u64> = take(&mut slow, 5_000).await.into_iter().map(|(revision, _)| revision).collect();
        assert_eq!(revisions, (3..=5_002).collect::<Vec<u64>>());
    }
}

#[tokio::test]
async fn a_watcher_of_something_quiet_keeps_its_place_among_the_noise_of_others() {
    let store = Store::in_memory();
    store.commit(vec![create("web-0", "Pending")]).await.unwrap();
    let mut quiet = store.watch(Some("nodes"), Revision(2)).unwrap();
    flip(&store, 2_000).await;
    // Polls until it would wait for something outside of this thread, and then gives up.
    let waiting = tokio::select! {
        biased;
        event = quiet.next() => Some(event),
        () = std::future::ready(()) => None,
    };
    assert!(waiting.is_none());
    assert_eq!(quiet.position(), Revision(2_002));
}

#[tokio::test]
async fn what_left_the_log_is_expired_for_old_and_for_slow_watchers_also_after_a_restart() {
    let disk = Memory::default();
    let store = Store::open_in_caller(disk.clone()).unwrap();
    store.commit(vec![create("web-0", "Pending")]).await.unwrap();
    let mut slow = store.watch(None, Revision(2)).unwrap();
    let kept = LOG_EVENTS as u64;
    flip(&store, 2 * kept).await;

    let WatchError::Expired { asked: 2, oldest } = slow.next().await.unwrap_err() else { panic!("not expired") };
    assert_eq!(slow.next().await.unwrap_err(), WatchError::Expired { asked: 2, oldest });
    let last = 2 + 2 * kept;
    assert!((last - kept - kept / 10..=last - kept).contains(&oldest), "{oldest} of {last}");

    for store in [store, Store::open_in_caller(disk).unwrap()] {
        let too_old = store.watch(None, Revision(oldest - 1)).unwrap_err();
        assert_eq!(too_old, WatchError::Expired { asked: oldest - 1, oldest });
        let mut watch = store.watch(None, Revision(oldest)).unwrap();
        assert_eq!(watch.next().await.unwrap().revision, Revision(oldest + 1));
    }
}

#[tokio::test]
async fn large_changes_leave_the_log_before_they_are_many() {
    let mut disk = Memory::default();
    let store = Store::open_in_caller(disk.clone()).unwrap();
    store.commit(vec![create("web-0", "Pending")]).await.unwrap();
    let size = 400 << 10;
    for turn in 0..LOG_BYTES / size {
        let phase = format!("{turn:08}").repeat(size / 8);
        store.commit(vec![update("web-0", &phase, Expect::Exists)]).await.unwrap();
        let mut kept = 0;
        disk.scan(Tree::Log, &[], &mut |_, event| {
            kept += event.len();
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
        // An event has the object, and the value that it had before.
        assert!(kept <= LOG_BYTES + LOG_BYTES / 10, "{kept} bytes are kept after {turn} changes");
        assert!(
            kept >= (2 * size * turn).min(LOG_BYTES - 2 * size - 1024),
            "{kept} bytes are kept after {turn} changes"
        );
    }
    let WatchError::Expired { asked: 2, oldest } = store.watch(None, Revision(2)).unwrap_err() else {
        panic!("not expired")
    };
    assert!(oldest > 2 && store.revision().0 - oldest < LOG_BYTES as u64 / size as u64, "{oldest}");
    let mut watch = store.watch(None, Revision(oldest)).unwrap();
    assert_eq!(watch.next().await.unwrap().revision, Revision(oldest + 1));
}
