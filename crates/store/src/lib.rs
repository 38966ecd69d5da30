//! Versioned objects with optimistic writes and a watch, over a small key-value trait.
//!
//! The store knows that an object has `metadata` with a name, a namespace, a `uid`, a `resourceVersion` and a
//! `creationTimestamp`; it does not know what a kind means.

use std::sync::Arc;

use serde_json::Value;

/// A point in the one history of all objects: every object's `resourceVersion`, in decimal, is one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

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

/// One write of a transaction. All writes of a transaction happen, or none does.
#[derive(Clone, Debug)]
pub enum Write {
    /// A new object; it must carry `metadata.uid` and `metadata.creationTimestamp`. Fails where the key is taken.
    Create { key: Key, object: Value },
    /// A new state of an object. Where the content (less `resourceVersion`) is what is stored already, nothing
    /// is written and the revision stays.
    Update { key: Key, object: Value, expect: Expect },
    /// The end of an object. Watchers see its last state with a new revision.
    Delete { key: Key, expect: Expect },
    /// Writes nothing; the transaction fails unless it holds.
    Check { key: Key, expect: Expect },
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
    /// The disk refuses; nothing of the transaction is visible.
    #[error("the store cannot write: {0}")]
    Storage(String),
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
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

/// A stream of changes, in order, without gaps.
#[derive(Debug)]
pub struct Watch {
    _private: (),
}

impl Watch {
    /// The next change (cancel-safe). After an error the watch is over.
    pub async fn next(&mut self) -> Result<Event, WatchError> {
        Err(WatchError::Closed)
    }
}

/// The store. Clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    _private: (),
}

impl Store {
    /// The present revision.
    pub fn revision(&self) -> Revision {
        Revision(0)
    }

    /// One object.
    pub fn get(&self, key: &Key) -> Option<Arc<Value>> {
        let _ = key;
        None
    }

    /// All objects of a resource, of one namespace or of all.
    pub fn list(&self, resource: &str, namespace: Option<&str>) -> Snapshot {
        let _ = (resource, namespace);
        Snapshot { revision: self.revision(), items: Vec::new() }
    }

    /// Does all of the writes or none; returns when they are on disk. Concurrent callers share a sync.
    pub async fn commit(&self, writes: Vec<Write>) -> Result<Committed, CommitError> {
        let _ = writes;
        Err(CommitError::Closed)
    }

    /// All changes after `after`, of one resource or of all; also those of before a restart, as far as kept.
    pub fn watch(&self, resource: Option<&str>, after: Revision) -> Result<Watch, WatchError> {
        let _ = (resource, after);
        Err(WatchError::Closed)
    }
}
