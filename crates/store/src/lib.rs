//! Versioned objects with optimistic writes and a watch, over a small key-value trait.
//!
//! The store knows that an object has `metadata` with a name, a namespace, a `uid`, a `resourceVersion` and a
//! `creationTimestamp`; it does not know what a kind means.

mod backup;
mod commit;
mod index;
mod kv;
mod log;
mod memory;
mod migrate;
mod record;
mod room;
mod sled;
mod stored;
mod tally;
mod watch;

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::Value;

pub use backup::{Present, REVISIONS_SKIPPED, RestoreError, Restored, restore};
pub use kv::{Batch, Kv, KvError, Op, Tree, Visit};
pub use memory::Memory;
pub use stored::Stored;
pub use watch::{REPLAY_PAGE, Watch};

use commit::Committer;
use index::Index;

/// A point in the one history of all objects: every object's `resourceVersion`, in decimal, is one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl Revision {
    /// That of a store in which nothing has happened yet. Not 0: to Kubernetes' clients that means "any".
    pub const FIRST: Revision = Revision(1);

    /// After this one nothing is written: it still has a next one to count from. As far away as a clock that counts
    /// nanoseconds is long, so only a damaged store ever gets there.
    pub(crate) const LAST: Revision = Revision(u64::MAX - 1);

    /// The one after it.
    fn next(self) -> Revision {
        Revision(self.0 + 1)
    }
}

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The group-qualified plural: `pods`, `petsets.apps`. Names that start with `_` are the daemon's own
    /// records and are never served.
    pub resource: Arc<str>,
    /// Empty for cluster-scoped objects.
    pub namespace: Arc<str>,
    /// `metadata.name`.
    pub name: Arc<str>,
}

impl Key {
    /// A key from its three parts.
    pub fn new(resource: &str, namespace: &str, name: &str) -> Key {
        Key { resource: resource.into(), namespace: namespace.into(), name: name.into() }
    }
}

/// What must be true of an object for a write to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The object exists, at whatever revision.
    Exists,
    /// The object exists at exactly this revision.
    At(Revision),
}

/// One write of a transaction. All writes of a transaction happen, or none does; each sees what the earlier ones did.
#[derive(Clone, Debug)]
pub enum Write {
    /// A new object. Fails where the key is taken.
    Create {
        /// Which.
        key: Key,
        /// The object; it must carry `metadata.uid` and `metadata.creationTimestamp`.
        object: Value,
    },
    /// A new state of an object. Where the content (less `resourceVersion`) is what is stored already, nothing
    /// is written and the revision stays.
    Update {
        /// Which.
        key: Key,
        /// The new state; `uid` and `creationTimestamp` are taken from the stored one.
        object: Value,
        /// What it was made from.
        expect: Expect,
    },
    /// The end of an object. Watchers see its last state with a new revision.
    Delete {
        /// Which.
        key: Key,
        /// What the decision was made from.
        expect: Expect,
    },
    /// Writes nothing; the transaction fails unless it holds.
    Check {
        /// Which.
        key: Key,
        /// What the decision was made from.
        expect: Expect,
    },
}

/// Why a transaction did not happen. The first three are lost races: values, not failures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// `Create` of a key that is taken.
    #[error("{0:?} exists already")]
    Exists(Key),
    /// The object is not there.
    #[error("{0:?} does not exist")]
    Missing(Key),
    /// The object has moved on from the expected revision.
    #[error("{0:?} has been modified")]
    Conflict(Key),
    /// It cannot be written; nothing of the transaction is visible.
    #[error("the store cannot write: {0}")]
    Storage(StorageError),
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
}

/// Why a transaction cannot be written.
///
/// What the key-value store said is kept as text: one failure answers every transaction that shared its sync.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// There is no room on the disk, or the quota is used up.
    #[error("{0}")]
    Full(String),
    /// The key-value store refuses for another reason.
    #[error("{0}")]
    Refused(String),
    /// What is to be stored is not an object.
    #[error("{0:?} is not a JSON object")]
    NotAnObject(Key),
}

/// What a transaction did, write by write: the object as stored (for `Delete`, its last state with the new
/// revision; for `Check`, as it is).
pub type Committed = Vec<Arc<Value>>;

/// A consistent list.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The moment that the list shows.
    pub revision: Revision,
    /// The objects, by namespace and name.
    pub items: Vec<Arc<Value>>,
}

/// A consistent list of objects as they are kept.
#[derive(Clone, Debug)]
pub struct Texts {
    /// The moment that the list shows.
    pub revision: Revision,
    /// The objects, by namespace and name.
    pub items: Vec<(Key, Stored)>,
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was created.
    Created,
    /// It was updated.
    Updated,
    /// It was deleted.
    Deleted,
}

/// One change in the history.
#[derive(Clone, Debug)]
pub struct Event {
    /// The revision that it made, which is also the `resourceVersion` of `object`.
    pub revision: Revision,
    /// What happened.
    pub change: Change,
    /// To which object.
    pub key: Key,
    /// The new state; for `Deleted` the last one.
    pub object: Arc<Value>,
    /// The state before, for selectors whose answer changes; `None` for `Created`.
    pub previous: Option<Arc<Value>>,
    /// `object` as it is kept, once it was asked for.
    stored: OnceLock<Stored>,
}

impl Event {
    /// A change that made a revision, without the state before.
    pub fn new(revision: Revision, change: Change, key: Key, object: Arc<Value>) -> Event {
        Event { revision, change, key, object, previous: None, stored: OnceLock::new() }
    }

    /// The object as it is kept.
    pub fn stored(&self) -> &Stored {
        self.stored.get_or_init(|| Stored::of(&self.object))
    }
}

/// Why a watch cannot begin, or cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// The history does not reach back so far, or the watcher was too slow for the live stream: 410.
    #[error("too old resource version: {asked} ({oldest})")]
    Expired {
        /// What was asked for.
        asked: u64,
        /// The oldest revision that can be continued from.
        oldest: u64,
    },
    /// The revision has not been reached yet: 504 with cause `ResourceVersionTooLarge`.
    #[error("Too large resource version: {asked}, current: {current}")]
    Future {
        /// What was asked for.
        asked: u64,
        /// What is.
        current: u64,
    },
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
}

/// Over how many events a watch can be continued: beyond, it is told to list again. Kubernetes keeps five minutes;
/// ten thousand events are that at 30 writes a second.
pub const LOG_EVENTS: usize = 10_000;

/// How large these events may be together. sled keeps what it has read or written lately in memory, so this much of
/// the daemon's memory is the log's.
pub const LOG_BYTES: usize = 8 << 20;

/// How many transactions may wait for the disk before the next caller waits for a place in the queue.
pub const COMMITS_WAITING_MAX: usize = 1_024;

/// How many waiting transactions are written with one sync: enough to reach two thirds of the disk's raw speed,
/// little enough that nobody waits for more than a few milliseconds.
pub const COMMITS_PER_SYNC: usize = 256;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{place} is in use by another petsetd: stop that one, or give this one a data directory of its own")]
    Locked {
        /// The store's directory.
        place: String,
    },
    /// It was written once, and cannot be trusted now.
    #[error(
        "{place} is damaged ({what}): put a backup in its place (petsetd restore --force FILE) or a copy of the \
         directory; or, to begin with an empty one, move it and {place}.made away; containers and volumes are not touched"
    )]
    Damaged {
        /// The store's directory.
        place: String,
        /// What does not fit.
        what: String,
    },
    /// The directory holds something else.
    #[error("{place} holds files that are not petset's: choose another data directory, or empty this one")]
    Foreign {
        /// The store's directory.
        place: String,
    },
    /// It was written by a newer petset.
    #[error(
        "{place} was written by petset {writer} (store schema {found}), and this is petset {ours} (schema {known}): \
         use petset {writer} or newer",
        ours = env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// The store's directory.
        place: String,
        /// The version of petset that wrote it.
        writer: String,
        /// Its schema.
        found: u32,
        /// The newest schema that this petset knows.
        known: u32,
    },
    /// The disk or the permissions.
    #[error("{place} cannot be opened: {source}")]
    Io {
        /// The store's directory, or the file in it.
        place: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The store. Clones share it; the last one to go closes it.
///
/// Reads are answered from memory, and show only what is on disk. Writes go through one committer, which owns the
/// key-value store alone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

/// What the clones share.
struct Inner {
    index: Arc<Index>,
    writer: Writer,
}

/// Puts what has been written to a file on the disk, and returns when it is there.
pub type SyncFile = fn(&File) -> io::Result<()>;

/// Where the committer runs.
enum Writer {
    /// On a thread of its own, so that a sync blocks nobody.
    Thread(commit::Thread),
    /// In the caller, for a key-value store that never blocks: nothing but the caller decides what happens when.
    Caller(Mutex<Option<Committer>>),
}

impl Store {
    /// Opens the sled store in `dir`, or makes one where there is none.
    ///
    /// Everything is read and checked: a store that opens is whole. It is never begun afresh where something was.
    pub fn open_sled(dir: &Path) -> Result<Store, OpenError> {
        Store::open_sled_synced_by(dir, File::sync_data)
    }

    /// The same with another way to get a commit onto the disk, which is given sled's file after sled's own flush. For the
    /// test that shows what is lost without ours: a way that does nothing is in that test and in no daemon.
    pub fn open_sled_synced_by(dir: &Path, sync: SyncFile) -> Result<Store, OpenError> {
        let place = dir.display().to_string();
        let kv = sled::Sled::open(dir, &migrate::birth(), sync)?;
        Store::load(Box::new(kv), &place).map(Store::on_thread)
    }

    /// Opens a store over a key-value store, whose commits may block: they happen on a thread of their own.
    pub fn open(kv: impl Kv) -> Result<Store, OpenError> {
        Store::born(Box::new(kv)).map(Store::on_thread)
    }

    /// Opens a store over a key-value store that never blocks: commits happen in the caller, so a simulation in
    /// one thread stays in one thread.
    pub fn open_in_caller(kv: impl Kv) -> Result<Store, OpenError> {
        Store::born(Box::new(kv)).map(Store::in_caller)
    }

    /// A store that ends with the process; commits happen in the caller.
    pub fn in_memory() -> Store {
        Store::open_in_caller(Memory::default()).expect("an empty memory has nothing to refuse")
    }

    /// Ends the store: what was accepted is written, later commits and all watches get `Closed`, reads go on from
    /// memory. Returns when the key-value store is released. Blocks for at most a sync.
    pub fn close(&self) {
        self.inner.close();
    }

    /// How many objects there are, of every resource.
    pub fn count(&self) -> usize {
        self.inner.index.count()
    }

    /// The present revision.
    pub fn revision(&self) -> Revision {
        self.inner.index.revision()
    }

    /// One object, read from its text.
    pub fn get(&self, key: &Key) -> Option<Arc<Value>> {
        self.text(key).map(|stored| Arc::new(stored.value()))
    }

    /// One object as it is kept.
    pub fn text(&self, key: &Key) -> Option<Stored> {
        self.inner.index.get(key)
    }

    /// All objects of a resource, of one namespace or of all, read from their texts.
    pub fn list(&self, resource: &str, namespace: Option<&str>) -> Snapshot {
        let Texts { revision, items } = self.texts(resource, namespace);
        Snapshot { revision, items: items.iter().map(|(_, stored)| Arc::new(stored.value())).collect() }
    }

    /// All objects of a resource, of one namespace or of all, as they are kept.
    pub fn texts(&self, resource: &str, namespace: Option<&str>) -> Texts {
        self.inner.index.list(resource, namespace)
    }

    /// Does all of the writes or none; returns when they are on disk. Concurrent callers share a sync.
    ///
    /// Each write that changes something makes a revision. The stored object has it as `metadata.resourceVersion`;
    /// an update keeps the stored `uid` and `creationTimestamp`. A caller that stops waiting does not take its
    /// writes back.
    pub async fn commit(&self, writes: Vec<Write>) -> Result<Committed, CommitError> {
        if let Some(key) = not_an_object(&writes) {
            return Err(CommitError::Storage(StorageError::NotAnObject(key.clone())));
        }
        match &self.inner.writer {
            Writer::Thread(thread) => thread.commit(writes).await,
            Writer::Caller(committer) => {
                let mut committer = committer.lock().unwrap_or_else(PoisonError::into_inner);
                let committer = committer.as_mut().ok_or(CommitError::Closed)?;
                let outcome = committer.group(vec![writes]).pop().expect("one transaction has one result");
                committer.trim();
                outcome
            }
        }
    }

    /// All changes after `after`, of one resource or of all; also those of before a restart, as far as kept.
    pub fn watch(&self, resource: Option<&str>, after: Revision) -> Result<Watch, WatchError> {
        Watch::begin(&self.inner, resource, after)
    }

    fn born(mut kv: Box<dyn Kv>) -> Result<(Committer, Arc<Index>), OpenError> {
        const PLACE: &str = "the store";
        if commit::is_blank(kv.as_mut()).map_err(|error| error.at_open(PLACE))? {
            kv.commit(&migrate::birth()).map_err(|error| error.at_open(PLACE))?;
        }
        Store::load(kv, PLACE)
    }

    fn load(mut kv: Box<dyn Kv>, place: &str) -> Result<(Committer, Arc<Index>), OpenError> {
        migrate::migrate(kv.as_mut(), migrate::STEPS, place)?;
        Committer::load(kv, place)
    }

    fn on_thread((committer, index): (Committer, Arc<Index>)) -> Store {
        Store { inner: Arc::new(Inner { index, writer: Writer::Thread(commit::Thread::spawn(committer)) }) }
    }

    fn in_caller((committer, index): (Committer, Arc<Index>)) -> Store {
        Store { inner: Arc::new(Inner { index, writer: Writer::Caller(Mutex::new(Some(committer))) }) }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("revision", &self.revision().0).finish_non_exhaustive()
    }
}

impl Inner {
    /// The logged events after a revision, for a watch that the live stream has left behind.
    async fn replay(&self, after: Revision) -> Result<Vec<Event>, WatchError> {
        match &self.writer {
            Writer::Thread(thread) => thread.replay(after).await,
            Writer::Caller(committer) => {
                let mut committer = committer.lock().unwrap_or_else(PoisonError::into_inner);
                committer.as_mut().ok_or(WatchError::Closed)?.replay(after)
            }
        }
    }

    fn close(&self) {
        match &self.writer {
            Writer::Thread(thread) => thread.close(),
            Writer::Caller(committer) => {
                committer.lock().unwrap_or_else(PoisonError::into_inner).take();
            }
        }
        self.index.close();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

fn not_an_object(writes: &[Write]) -> Option<&Key> {
    writes.iter().find_map(|write| match write {
        Write::Create { key, object } | Write::Update { key, object, .. } if !object.is_object() => Some(key),
        Write::Create { .. } | Write::Update { .. } | Write::Delete { .. } | Write::Check { .. } => None,
    })
}
