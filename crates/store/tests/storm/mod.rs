//! Writers that are stopped at any moment, in a process of their own, and a judge who knows what they were promised.
//!
//! Each transaction of a writer creates an object, updates two, deletes one, and counts in one that it shares with
//! another writer. So what a store may hold follows from one number per writer.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use petset_store::{Change, CommitError, Expect, Key, OpenError, Revision, Store, Write};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// How many write at a time, each with a transaction under way.
const WRITERS: u64 = 8;

/// How many of its own objects a writer leaves standing.
const STANDING: u64 = 3;

/// Says to a test that it is the writers of itself, and where the store is.
const CHILD: &str = "PETSET_TEST_STORM";

/// The resources that are written.
const RESOURCES: [&str; 4] = ["events", "nodes", "pods", "services"];

/// Moments by a seed (xorshift64*).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn of(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }
}

/// The writers' process.
pub(crate) struct Writers {
    child: Child,
    lines: Box<dyn Iterator<Item = String>>,
}

impl Writers {
    /// Starts the named test once more, which calls [`write_if_child`] first.
    pub(crate) fn start(test: &str, dir: &Path) -> Writers {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(CHILD, dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        // Without the test harness's words.
        let lines = lines.filter_map(|line| line.split_once("said ").map(|(_, said)| said.to_owned()));
        let mut writers = Writers { child, lines: Box::new(lines) };
        assert_eq!(writers.lines.next().as_deref(), Some("begin"), "the writers start");
        writers
    }

    /// Waits for some acknowledgements.
    pub(crate) fn hear(&mut self, count: u64, known: &mut Known) {
        for _ in 0..count {
            match self.lines.next() {
                Some(line) => known.hear(&line),
                None => break,
            }
        }
    }

    /// Kills the process as `kill -9` does, and hears what it had still said.
    pub(crate) fn kill(mut self, known: &mut Known) {
        self.child.kill().unwrap();
        self.lines.by_ref().for_each(|line| known.hear(&line));
        self.child.wait().unwrap();
    }
}

/// In the writers' process: writes until it is stopped, or until the disk refuses, and says `true` then.
pub(crate) fn write_if_child(open: fn(&Path) -> Result<Store, OpenError>) -> bool {
    let Some(dir) = std::env::var_os(CHILD) else { return false };
    println!("said begin");
    let store = open(Path::new(&dir)).unwrap();
    runtime().block_on(async {
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            writers.spawn(write(store.clone(), writer));
        }
        writers.join_all().await;
    });
    true
}

/// One writer: says each acknowledgement before it goes on.
async fn write(store: Store, writer: u64) {
    let mut turn = store.get(&first(writer)).map_or(0, |object| turn_of(&object));
    loop {
        let committed = match store.commit(transaction(&store, writer, turn + 1)).await {
            Ok(committed) => committed,
            // The writer that shares the count was faster.
            Err(CommitError::Conflict(_) | CommitError::Exists(_)) => continue,
            Err(CommitError::Storage(_) | CommitError::Closed) => return,
            Err(error) => panic!("{error}"),
        };
        turn += 1;
        println!("said {writer} {turn} {}", revision_of(&committed[0]).0);
    }
}

fn transaction(store: &Store, writer: u64, turn: u64) -> Vec<Write> {
    let put = |key: Key| {
        let object = large(&key, writer, turn);
        match turn {
            1 => Write::Create { key, object },
            _ => Write::Update { key, object, expect: Expect::Exists },
        }
    };
    let count = match store.get(&count(writer)) {
        None => Write::Create { key: count(writer), object: counted(writer, 1) },
        Some(stored) => Write::Update {
            key: count(writer),
            object: counted(writer, turn_of(&stored) + 1),
            expect: Expect::At(revision_of(&stored)),
        },
    };
    let gone = turn.checked_sub(STANDING).filter(|gone| *gone > 0);
    [
        put(first(writer)),
        count,
        put(second(writer)),
        Write::Create { object: large(&standing(writer, turn), writer, turn), key: standing(writer, turn) },
    ]
    .into_iter()
    .chain(gone.map(|gone| Write::Delete { key: standing(writer, gone), expect: Expect::Exists }))
    .collect()
}

fn first(writer: u64) -> Key {
    Key::new("pods", "default", &format!("first-{writer}"))
}

fn second(writer: u64) -> Key {
    Key::new("services", "default", &format!("second-{writer}"))
}

fn count(writer: u64) -> Key {
    Key::new("nodes", "", &format!("count-{}", writer / 2))
}

fn standing(writer: u64, turn: u64) -> Key {
    Key::new("events", "default", &format!("standing-{writer}-{turn}"))
}

/// Of up to 3,000 bytes, and different in each turn.
fn large(key: &Key, writer: u64, turn: u64) -> Value {
    let words: Vec<String> =
        (0..(turn * 37 + writer * 11) % 188).map(|word| format!("{:015x}", word.wrapping_mul(turn + 7))).collect();
    json!({"metadata": named(key), "turn": turn, "data": words.join(" ")})
}

fn counted(writer: u64, turns: u64) -> Value {
    json!({"metadata": named(&count(writer)), "turn": turns})
}

fn named(key: &Key) -> Value {
    json!({"name": *key.name, "namespace": *key.namespace})
}

fn turn_of(object: &Value) -> u64 {
    object["turn"].as_u64().unwrap()
}

fn revision_of(object: &Value) -> Revision {
    Revision(object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

type Objects = BTreeMap<Key, Value>;

/// What is known of a store from outside.
#[derive(Debug)]
pub(crate) struct Known {
    /// The last turn of each writer that was acknowledged, and its revision.
    acknowledged: BTreeMap<u64, (u64, Revision)>,
    /// What the store had when it was looked at last.
    objects: Objects,
    revision: Revision,
    /// How many acknowledgements there were.
    pub(crate) heard: u64,
}

impl Known {
    /// Of a store that is not there yet.
    pub(crate) fn nothing() -> Known {
        Known { acknowledged: BTreeMap::new(), objects: Objects::new(), revision: Revision::FIRST, heard: 0 }
    }

    fn hear(&mut self, line: &str) {
        let numbers: Vec<u64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
        let [writer, turn, revision] = numbers[..] else { panic!("{line}") };
        self.acknowledged.insert(writer, (turn, Revision(revision)));
        self.heard += 1;
    }

    /// Opens the store, and compares it with what was promised; what it has is what is known then.
    pub(crate) fn judge(&mut self, dir: &Path) -> Result<(), String> {
        let store = Store::open_sled(dir).map_err(|error| error.to_string())?;
        let objects = objects_of(&store);
        let turns = self.turns(&objects)?;
        let expected = expected(&turns);
        let found: Objects = objects.iter().map(|(key, object)| (key.clone(), without_revision(object))).collect();
        if found != expected {
            return Err(format!("half a transaction: turns {turns:?}, {}", difference(&found, &expected)));
        }
        let highest = objects.values().map(revision_of).max().unwrap_or(Revision::FIRST);
        let promised = self.acknowledged.values().map(|(_, revision)| *revision).max().unwrap_or(Revision::FIRST);
        if store.revision() < highest.max(promised).max(self.revision) {
            return Err(format!("at {:?} after {highest:?}, {promised:?}, {:?}", store.revision(), self.revision));
        }
        let replayed = self.replay(&store)?;
        if replayed != objects {
            return Err(format!("the log leads elsewhere: {}", difference(&replayed, &objects)));
        }
        (self.objects, self.revision) = (objects, store.revision());
        store.close();
        Ok(())
    }

    /// How far each writer came: as far as was acknowledged, or by the one transaction that was under way.
    fn turns(&self, objects: &Objects) -> Result<BTreeMap<u64, u64>, String> {
        let mut turns = BTreeMap::new();
        for writer in 0..WRITERS {
            let stored = objects.get(&first(writer));
            let turn = stored.map_or(0, turn_of);
            let (promised, revision) = self.acknowledged.get(&writer).copied().unwrap_or_default();
            if turn != promised && turn != promised + 1 {
                return Err(format!("writer {writer}: acknowledged {promised}, kept {turn}"));
            }
            if let Some(stored) = stored.filter(|_| turn == promised)
                && revision_of(stored) != revision
            {
                return Err(format!("writer {writer}: acknowledged at {revision:?}, kept {stored}"));
            }
            turns.insert(writer, turn);
        }
        Ok(turns)
    }

    /// What was there, with every event since.
    fn replay(&self, store: &Store) -> Result<Objects, String> {
        let mut objects = self.objects.clone();
        runtime().block_on(async {
            let mut watch = store.watch(None, self.revision).map_err(|error| error.to_string())?;
            while watch.position() < store.revision() {
                let event = watch.next().await.map_err(|error| error.to_string())?;
                if objects.get(&event.key) != event.previous.as_deref() {
                    return Err(format!("{:?} follows another state", event.revision));
                }
                match event.change {
                    Change::Created | Change::Updated => objects.insert(event.key, Value::clone(&event.object)),
                    Change::Deleted => objects.remove(&event.key),
                };
            }
            Ok(objects)
        })
    }

    /// Takes what a store turned out to have for what was promised: a transaction that was under way has happened.
    pub(crate) fn settle(&mut self) {
        for writer in 0..WRITERS {
            if let Some(stored) = self.objects.get(&first(writer)) {
                self.acknowledged.insert(writer, (turn_of(stored), revision_of(stored)));
            }
        }
    }
}

fn objects_of(store: &Store) -> Objects {
    let mut objects = Objects::new();
    for resource in RESOURCES {
        for object in store.list(resource, None).items {
            let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
            objects.insert(Key::new(resource, &text("namespace"), &text("name")), Value::clone(&object));
        }
    }
    objects
}

fn expected(turns: &BTreeMap<u64, u64>) -> Objects {
    let mut objects = Objects::new();
    for (&writer, &turn) in turns.iter().filter(|(_, turn)| **turn > 0) {
        let last = [first(writer), second(writer)].map(|key| (key, turn));
        let standing = (turn.saturating_sub(STANDING) + 1..=turn).map(|turn| (standing(writer, turn), turn));
        objects.extend(last.into_iter().chain(standing).map(|(key, turn)| (key.clone(), large(&key, writer, turn))));
        let partner = turns[&(writer ^ 1)];
        objects.insert(count(writer), counted(writer, turn + partner));
    }
    objects
}

fn without_revision(object: &Value) -> Value {
    let mut object = object.clone();
    object["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    object
}

fn difference(found: &Objects, expected: &Objects) -> String {
    let wrong: Vec<&Key> =
        expected.keys().chain(found.keys()).filter(|key| found.get(key) != expected.get(key)).collect();
    format!("wrong: {wrong:?}")
}
