//! What the store asks of a key-value store: ordered reads, and batches that are atomic and on disk.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::ops::ControlFlow;

use crate::{OpenError, StorageError};

/// One of the few ordered maps of a key-value store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tree {
    /// The objects, by key.
    Objects,
    /// The last events, by revision.
    Log,
    /// The schema and the present revision, by name.
    Meta,
}

impl Tree {
    /// Every tree.
    pub const ALL: [Tree; 3] = [Tree::Objects, Tree::Log, Tree::Meta];
}

/// What becomes of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// It gets this value.
    Put(Vec<u8>),
    /// It is gone, if it was there.
    Delete,
}

/// What becomes of several keys at once: for each key the last word counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// In the order of the trees and keys.
    pub ops: BTreeMap<(Tree, Vec<u8>), Op>,
}

impl Batch {
    /// Adds a value.
    pub fn put(&mut self, tree: Tree, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.ops.insert((tree, key.into()), Op::Put(value.into()));
    }

    /// Adds an end.
    pub fn delete(&mut self, tree: Tree, key: impl Into<Vec<u8>>) {
        self.ops.insert((tree, key.into()), Op::Delete);
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }
}

/// Why a key-value store does not answer.
#[derive(Debug, thiserror::Error)]
pub enum KvError {
    /// What it holds cannot be read.
    #[error("damaged: {0}")]
    Damaged(String),
    /// The disk refuses.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl KvError {
    /// Whether there is no room.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            KvError::Io(source) => matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded),
            KvError::Damaged(_) => false,
        }
    }

    /// The same, of a store that is being opened.
    pub(crate) fn at_open(self, place: &str) -> OpenError {
        let place = place.to_owned();
        match self {
            KvError::Damaged(what) => OpenError::Damaged { place, what },
            KvError::Io(source) => OpenError::Io { place, source },
        }
    }

    /// The same, of a commit.
    pub(crate) fn at_commit(&self) -> StorageError {
        let what = self.to_string();
        if self.is_full() { StorageError::Full(what) } else { StorageError::Refused(what) }
    }
}

/// What a scan calls with each key and value.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// An ordered key-value store with one owner, which may block. No key of a tree begins another key of it.
pub trait Kv: Send + 'static {
    /// One value.
    fn get(&mut self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, KvError>;

    /// Visits the keys of a tree in the order of their bytes, the first at or after `from`, until told to break.
    fn scan(&mut self, tree: Tree, from: &[u8], visit: &mut Visit<'_>) -> Result<(), KvError>;

    /// Does the whole batch, or none of it; on return it is on disk and survives a power cut.
    ///
    /// After an error it is not known whether the batch is there. The store then takes it back with a batch of its
    /// own before anything else, so a later call must try the disk again.
    fn commit(&mut self, batch: &Batch) -> Result<(), KvError>;
}
