//! Many writers, a disk that fails, and a model that knows what must come out.
#![allow(clippy::unwrap_used, reason = "what the tests share is a test too")]

mod common;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, mpsc};

use common::{create, object, pod, update};
use petset_store::{
    Batch, CommitError, Expect, Kv, KvError, Memory, Revision, StorageError, Store, Tree, Visit, Watch, Write,
};
use proptest::prelude::*;
use tokio::task::JoinSet;

/// What the disk does with a commit.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Written,
    /// It fails, and nothing is there.
    Lost,
    /// It fails, and yet everything is there.
    WrittenButFailed,
}

/// A disk in memory that does as it is told.
#[derive(Clone, Default)]
struct Disk {
    content: Memory,
    control: Arc<Mutex<Control>>,
}

#[derive(Default)]
struct Control {
    /// Of the next commits; then all are written.
    fates: VecDeque<Fate>,
    /// Each commit waits for a word, until the sender is gone.
    gate: Option<Receiver<()>>,
    commits: usize,
}

impl Disk {
    fn next_commits(&self, fates: impl IntoIterator<Item = Fate>) {
        self.control.lock().unwrap().fates = fates.into_iter().collect();
    }

    fn commits(&self) -> usize {
        self.control.lock().unwrap().commits
    }
}

impl Kv for Disk {
    fn get(&mut self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        self.content.get(tree, key)
    }

    fn scan(&mut self, tree: Tree, from: &[u8], visit: &mut Visit<'_>) -> Result<(), KvError> {
        self.content.scan(tree, from, visit)
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), KvError> {
        let mut control = self.control.lock().unwrap();
        if let Some(gate) = &control.gate {
            let _ = gate.recv();
        }
        control.commits += 1;
        let fate = control.fates.pop_front().unwrap_or(Fate::Written);
        if fate != Fate::Lost {
            self.content.commit(batch)?;
        }
        if fate == Fate::Written { Ok(()) } else { Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into()) }
    }
}

fn full() -> CommitError {
    CommitError::Storage(StorageError::Full("no storage space".to_owned()))
}

#[tokio::test]
async fn writers_that_wait_share_a_sync() {
    let disk = Disk::default();
    let store = Store::open(disk.clone()).unwrap();
    let before = disk.commits();
    let (open, gate) = mpsc::channel();
    disk.control.lock().unwrap().gate = Some(gate);
    let mut writers = JoinSet::new();
    let started = Arc::new(AtomicUsize::new(0));
    for number in 0..200 {
        let (store, started) = (store.clone(), started.clone());
        writers.spawn(async move {
            started.fetch_add(1, Ordering::Relaxed);
            store.commit(vec![create(&format!("web-{number}"), "Pending")]).await.unwrap();
        });
    }
    // This runtime has one thread: a writer that has started is in the queue when our turn comes again.
    while started.load(Ordering::Relaxed) < 200 {
        tokio::task::yield_now().await;
    }
    drop(open);
    writers.join_all().await;
    assert_eq!(store.list("pods", None).items.len(), 200);
    let shared = disk.commits() - before;
    assert!(shared <= 2, "the first writer's sync, and one for all others, but there were {shared}");
}

#[tokio::test]
async fn a_refused_transaction_does_not_disturb_those_that_share_its_sync() {
    let disk = Disk::default();
    let store = Store::open(disk.clone()).unwrap();
    let (open, gate) = mpsc::channel();
    disk.control.lock().unwrap().gate = Some(gate);
    let made_from = Expect::At(Revision(2));
    let (created, first, second, other) = tokio::join!(
        store.commit(vec![create("web-0", "Pending")]),
        store.commit(vec![update("web-0", "Running", made_from)]),
        store.commit(vec![create("web-1", "Pending"), update("web-0", "Failed", made_from)]),
        async {
            let last = store.commit(vec![create("web-2", "Pending")]);
            drop(open);
            last.await
        },
    );
    assert_eq!(created.unwrap()[0]["metadata"]["resourceVersion"], "2");
    assert_eq!(first.unwrap()[0]["metadata"]["resourceVersion"], "3");
    assert_eq!(second, Err(CommitError::Conflict(pod("web-0"))));
    assert_eq!(other.unwrap()[0]["metadata"]["resourceVersion"], "4");
    assert_eq!(store.get(&pod("web-1")), None);
}

#[tokio::test]
async fn a_store_whose_revisions_are_used_up_is_read_and_not_written() {
    let disk = Memory::default();
    drop(Store::open_in_caller(disk.clone()).unwrap());
    let opened_at = |revision: u64| {
        let mut batch = Batch::default();
        batch.put(Tree::Meta, *b"revision", revision.to_string());
        disk.clone().commit(&batch).unwrap();
        Store::open_in_caller(disk.clone())
    };
    opened_at(u64::MAX).unwrap_err();
    let store = opened_at(u64::MAX - 2).unwrap();
    store.commit(vec![create("web-0", "Pending")]).await.unwrap();
    let why = "its revisions are used up, which none but a damaged store can have done".to_owned();
    let used_up = CommitError::Storage(StorageError::Refused(why));
    assert_eq!(store.commit(vec![create("web-1", "Pending")]).await.unwrap_err(), used_up);
    drop(store);
    let again = Store::open_in_caller(disk.clone()).unwrap();
    assert_eq!((again.revision(), again.count()), (Revision(u64::MAX - 1), 1));
}

#[tokio::test]
async fn a_commit_that_the_disk_refuses_is_never_seen() {
    for fate in [Fate::Lost, Fate::WrittenButFailed] {
        let disk = Disk::default();
        let store = Store::open_in_caller(disk.clone()).unwrap();
        store.commit(vec![create("web-0", "Pending")]).await.unwrap();
        let mut watch = store.watch(None, store.revision()).unwrap();

        disk.next_commits([fate, Fate::Lost]);
        let writes = || {
            vec![
                update("web-0", "Running", Expect::Exists),
                create("web-1", "Pending"),
                Write::Delete { key: pod("web-0"), expect: Expect::Exists },
            ]
        };
        assert_eq!(store.commit(writes()).await, Err(full()));
        assert_eq!(store.commit(writes()).await, Err(full()), "taking the first back fails too");
        assert_eq!(store.revision(), Revision(2));
        assert_eq!(store.list("pods", None).items.len(), 1);

        store.commit(vec![create("web-2", "Pending")]).await.unwrap();
        let event = watch.next().await.unwrap();
        assert_eq!((event.revision, event.key), (Revision(3), pod("web-2")));

        let reopened = Store::open_in_caller(disk).unwrap();
        assert_eq!(reopened.list("pods", None).items, store.list("pods", None).items, "{fate:?}");
        assert_eq!(reopened.revision(), Revision(3));
    }
}

/// A write of the model's little world.
#[derive(Clone, Debug)]
struct Draw {
    verb: Verb,
    name: u8,
    phase: u8,
    /// How many revisions before the present one; `None` expects any.
    age: Option<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Verb {
    Create,
    Update,
    Delete,
    Check,
}

#[derive(Clone, Debug)]
enum Turn {
    Commit(Vec<Draw>, Fate),
    Restart,
}

fn any_draw() -> impl Strategy<Value = Draw> {
    let verb = prop_oneof![
        3 => Just(Verb::Create),
        4 => Just(Verb::Update),
        1 => Just(Verb::Delete),
        1 => Just(Verb::Check),
    ];
    let age = prop_oneof![3 => Just(None), 2 => (0..3u8).prop_map(Some)];
    (verb, 0..3u8, 0..3u8, age).prop_map(|(verb, name, phase, age)| Draw { verb, name, phase, age })
}

fn any_turn() -> impl Strategy<Value = Turn> {
    let fate = prop_oneof![8 => Just(Fate::Written), 1 => Just(Fate::Lost), 1 => Just(Fate::WrittenButFailed)];
    prop_oneof![
        12 => (proptest::collection::vec(any_draw(), 0..4), fate).prop_map(|(draws, fate)| Turn::Commit(draws, fate)),
        1 => Just(Turn::Restart),
    ]
}

/// What a store is, said in the plainest way: names with the phase and the revision, and the history.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    revision: u64,
    objects: BTreeMap<String, (String, u64)>,
    history: Vec<(u64, String, Option<String>)>,
}

impl Model {
    fn apply(&mut self, write: &Write) -> Result<(), CommitError> {
        let stored = |key: &petset_store::Key, expect: &Expect| match (self.objects.get(&*key.name), expect) {
            (None, _) => Err(CommitError::Missing(key.clone())),
            (Some((_, at)), Expect::At(revision)) if *at != revision.0 => Err(CommitError::Conflict(key.clone())),
            (Some(object), _) => Ok(object.clone()),
        };
        let phase = |object: &serde_json::Value| object["status"]["phase"].as_str().unwrap().to_owned();
        let (key, after) = match write {
            Write::Create { key, .. } if self.objects.contains_key(&*key.name) => {
                return Err(CommitError::Exists(key.clone()));
            }
            Write::Create { key, object } => (key, Some(phase(object))),
            Write::Update { key, object, expect } => {
                if stored(key, expect)?.0 == phase(object) {
                    return Ok(());
                }
                (key, Some(phase(object)))
            }
            Write::Delete { key, expect } => stored(key, expect).map(|_| (key, None))?,
            Write::Check { key, expect } => return stored(key, expect).map(drop),
        };
        self.revision += 1;
        let name = key.name.to_string();
        self.history.push((self.revision, name.clone(), after.clone()));
        match after {
            Some(phase) => self.objects.insert(name, (phase, self.revision)),
            None => self.objects.remove(&name),
        };
        Ok(())
    }

    fn of(store: &Store, history: &[(u64, String, Option<String>)]) -> Model {
        let objects = store.list("pods", None).items.into_iter().map(|object| {
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            let revision = text(&object["metadata"]["resourceVersion"]).parse().unwrap();
            (text(&object["metadata"]["name"]), (text(&object["status"]["phase"]), revision))
        });
        Model { revision: store.revision().0, objects: objects.collect(), history: history.to_vec() }
    }
}

fn write_of(draw: &Draw, revision: Revision) -> Write {
    let name = format!("web-{}", draw.name);
    let key = pod(&name);
    let object = object(&name, &draw.phase.to_string());
    let expect = draw.age.map_or(Expect::Exists, |age| Expect::At(Revision(revision.0.saturating_sub(age.into()))));
    match draw.verb {
        Verb::Create => Write::Create { key, object },
        Verb::Update => Write::Update { key, object, expect },
        Verb::Delete => Write::Delete { key, expect },
        Verb::Check => Write::Check { key, expect },
    }
}

async fn read_to(watch: &mut Watch, revision: Revision, history: &mut Vec<(u64, String, Option<String>)>) {
    while watch.position() < revision {
        let event = watch.next().await.unwrap();
        let phase = event.object["status"]["phase"].as_str().unwrap().to_owned();
        let after = (event.change != petset_store::Change::Deleted).then_some(phase);
        history.push((event.revision.0, event.key.name.to_string(), after));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_store_does_what_the_model_says(turns in proptest::collection::vec(any_turn(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let disk = Disk::default();
            let mut store = Store::open_in_caller(disk.clone()).unwrap();
            let mut model = Model { revision: 1, ..Model::default() };
            let mut live = store.watch(None, Revision::FIRST).unwrap();
            let mut history = Vec::new();
            let mut in_doubt = false;
            for turn in turns {
                match turn {
                    Turn::Commit(draws, fate) => {
                        let writes: Vec<Write> = draws.iter().map(|draw| write_of(draw, store.revision())).collect();
                        let mut after = model.clone();
                        let outcome = writes.iter().try_for_each(|write| after.apply(write));
                        let touches_the_disk = outcome.is_ok() && after.revision != model.revision;
                        disk.next_commits(in_doubt.then_some(Fate::Written).into_iter().chain([fate]));
                        let committed = store.commit(writes).await.map(drop);
                        if !touches_the_disk {
                            assert_eq!(committed, outcome);
                        } else if fate == Fate::Written {
                            assert_eq!(committed, Ok(()));
                            (model, in_doubt) = (after, false);
                        } else {
                            assert_eq!(committed, Err(full()));
                            in_doubt = true;
                        }
                    }
                    // A crash may keep what failed, as any crash may keep what was not acknowledged.
                    Turn::Restart if in_doubt => {}
                    Turn::Restart => {
                        drop(store);
                        store = Store::open_in_caller(disk.clone()).unwrap();
                        live = store.watch(None, Revision(history.last().map_or(1, |event: &(u64, _, _)| event.0))).unwrap();
                    }
                }
                read_to(&mut live, store.revision(), &mut history).await;
                assert_eq!(Model::of(&store, &history), model);
            }
            let mut replayed = Vec::new();
            read_to(&mut store.watch(None, Revision(0)).unwrap(), store.revision(), &mut replayed).await;
            assert_eq!(replayed, history);
        });
    }
}
