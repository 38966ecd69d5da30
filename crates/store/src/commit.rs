//! Validates transactions in order, writes many with one sync, then shows them.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::index::Index;
use crate::kv::{Batch, Kv, KvError, Tree};
use crate::log::Log;
use crate::record;
use crate::tally::Tally;
use crate::{
    COMMITS_PER_SYNC, COMMITS_WAITING_MAX, Change, CommitError, Committed, Event, Expect, Key, OpenError, REPLAY_PAGE,
    Revision, StorageError, Stored, WatchError, Write,
};

/// The only owner of the key-value store.
pub(crate) struct Committer {
    kv: Box<dyn Kv>,
    index: Arc<Index>,
    log: Log,
    /// Of what the index shows.
    tally: Tally,
    /// Takes back what a failed commit may have left on the disk; to be done before anything else.
    undo: Option<Batch>,
}

/// Whether a key-value store holds nothing at all.
pub(crate) fn is_blank(kv: &mut dyn Kv) -> Result<bool, KvError> {
    let mut blank = true;
    for tree in Tree::ALL {
        kv.scan(tree, &[], &mut |_, _| {
            blank = false;
            ControlFlow::Break(())
        })?;
    }
    Ok(blank)
}

impl Committer {
    /// Reads the whole store, and refuses one whose parts do not fit together.
    pub(crate) fn load(mut kv: Box<dyn Kv>, place: &str) -> Result<(Committer, Arc<Index>), OpenError> {
        let Content { revision, objects, log, tally } = read_all(kv.as_mut()).map_err(|error| error.at_open(place))?;
        let index = Arc::new(Index::new(revision, log.oldest(), objects));
        Ok((Committer { kv, index: index.clone(), log, tally, undo: None }, index))
    }

    /// Does the transactions in order, each on what the earlier ones leave, with one sync for all.
    ///
    /// One that fails does not disturb the others. Where the disk fails, all fail, also those that were refused:
    /// what refused them may not have happened.
    pub(crate) fn group(&mut self, transactions: Vec<Vec<Write>>) -> Vec<Result<Committed, CommitError>> {
        let mut draft = Draft::on(&self.index);
        let results = transactions.into_iter().map(|writes| draft.transaction(writes)).collect();
        let events = draft.events;
        if events.is_empty() {
            return results;
        }
        if let Err(error) = self.write(&events) {
            tracing::error!(%error, transactions = results.len(), "commit failed");
            return results.iter().map(|_| Err(CommitError::Storage(error.at_commit()))).collect();
        }
        self.index.publish(events);
        results
    }

    fn write(&mut self, events: &[Event]) -> Result<(), KvError> {
        if let Some(undo) = &self.undo {
            self.kv.commit(undo)?;
            self.undo = None;
        }
        let tally = events.iter().fold(self.tally, Tally::after);
        let batch = batch_of(events, tally);
        match self.kv.commit(&batch) {
            Ok(()) => {
                self.log.grow(&batch);
                self.tally = tally;
            }
            Err(error) => {
                self.undo = Some(self.before(&batch));
                return Err(error);
            }
        }
        Ok(())
    }

    /// The batch that brings the keys of another back to what the index shows.
    fn before(&self, batch: &Batch) -> Batch {
        let mut before = Batch::default();
        for (tree, bytes) in batch.ops.keys() {
            match tree {
                Tree::Objects => match record::decode_key(bytes).and_then(|key| self.index.get(&key)) {
                    Some(stored) => before.put(Tree::Objects, bytes.clone(), stored.text()),
                    None => before.delete(Tree::Objects, bytes.clone()),
                },
                Tree::Log => before.delete(Tree::Log, bytes.clone()),
                Tree::Meta => put_moment(&mut before, self.index.revision(), self.tally),
            }
        }
        before
    }

    /// Gives up the oldest events where there are too many. A failure costs nothing but disk: it is tried again.
    pub(crate) fn trim(&mut self) {
        let (Some(start), None) = (self.log.excess(), &self.undo) else { return };
        let mut batch = Batch::default();
        for gone in self.log.before(start) {
            batch.delete(Tree::Log, record::encode_revision(gone));
        }
        self.index.forget(Revision(start.0 - 1));
        match self.kv.commit(&batch) {
            Ok(()) => self.log.trim(start),
            Err(error) => tracing::warn!(%error, "log not trimmed"),
        }
    }

    /// A page of the events after a revision.
    pub(crate) fn replay(&mut self, after: Revision) -> Result<Vec<Event>, WatchError> {
        let last = self.index.revision();
        let mut page = Vec::new();
        let scanned = self.kv.scan(Tree::Log, &record::encode_revision(after.next()), &mut |key, bytes| {
            let revision = record::decode_revision(key).filter(|revision| *revision <= last);
            let event = revision.and_then(|revision| record::decode_event(revision, bytes));
            let Some(event) = event else { return ControlFlow::Break(()) };
            page.push(event);
            if page.len() < REPLAY_PAGE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        match scanned {
            Ok(()) => Ok(page),
            Err(error) => {
                tracing::warn!(%error, after = after.0, "log not readable");
                Err(self.index.expired(after))
            }
        }
    }
}

/// Everything in a store.
struct Content {
    revision: Revision,
    objects: BTreeMap<Key, Stored>,
    log: Log,
    tally: Tally,
}

fn read_all(kv: &mut dyn Kv) -> Result<Content, KvError> {
    let damaged = |what: String| Err(KvError::Damaged(what));
    let revision = kv.get(Tree::Meta, record::REVISION)?;
    let revision = revision.and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok().map(Revision));
    let revision = revision.filter(|revision| *revision <= Revision::LAST);
    let Some(revision) = revision else { return damaged("its revision cannot be read".to_owned()) };

    let mut objects = BTreeMap::new();
    let mut made_at: HashMap<Key, Revision> = HashMap::new();
    let mut tally = Tally::default();
    let mut bad = None;
    kv.scan(Tree::Objects, &[], &mut |bytes, value| {
        let key = record::decode_key(bytes);
        let read = Stored::read(value).and_then(|(stored, object)| Some((stored, record::revision_of(&object)?)));
        match (key, read) {
            (Some(key), Some((stored, made))) if made <= revision => {
                made_at.insert(key.clone(), made);
                objects.insert(key, stored);
                tally.add(made);
                ControlFlow::Continue(())
            }
            (key, ..) => {
                bad = Some(key.map_or_else(|| "a key".to_owned(), |key| format!("{key:?}")));
                ControlFlow::Break(())
            }
        }
    })?;
    if let Some(bad) = bad {
        return damaged(format!("{bad} cannot be read"));
    }

    let mut log: Option<Log> = None;
    let mut last: BTreeMap<Key, (Change, Revision)> = BTreeMap::new();
    let mut whole = true;
    kv.scan(Tree::Log, &[], &mut |bytes, value| {
        let made = record::decode_revision(bytes).filter(|made| *made <= revision);
        let head = made.zip(record::decode_event_head(value));
        let Some((made, (change, key))) = head else {
            whole = false;
            return ControlFlow::Break(());
        };
        let log = log.get_or_insert_with(|| Log::empty(made));
        whole = made == log.end();
        log.push(value.len());
        last.insert(key, (change, made));
        if whole { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    let log = log.unwrap_or_else(|| Log::empty(revision.next()));
    if !whole || log.end() != revision.next() {
        return damaged(format!("its log breaks off before {}", log.end().0));
    }
    for (key, (change, made)) in last {
        let stored = made_at.get(&key).copied();
        let logged = (change != Change::Deleted).then_some(made);
        if stored != logged {
            return damaged(format!("{key:?} is not what its log says"));
        }
    }
    if kv.get(Tree::Meta, record::TALLY)?.as_deref().and_then(Tally::decode) != Some(tally) {
        return damaged("it has not the objects that it should have".to_owned());
    }
    Ok(Content { revision, objects, log, tally })
}

/// What the events change on the disk.
fn batch_of(events: &[Event], tally: Tally) -> Batch {
    let mut batch = Batch::default();
    for event in events {
        let key = record::encode_key(&event.key);
        match event.change {
            Change::Created | Change::Updated => batch.put(Tree::Objects, key, event.stored().text()),
            Change::Deleted => batch.delete(Tree::Objects, key),
        }
        batch.put(Tree::Log, record::encode_revision(event.revision), record::encode_event(event));
        put_moment(&mut batch, event.revision, tally);
    }
    batch
}

/// What the store knows of itself besides objects and events.
pub(crate) fn put_moment(batch: &mut Batch, revision: Revision, tally: Tally) {
    batch.put(Tree::Meta, record::REVISION, revision.0.to_string());
    batch.put(Tree::Meta, record::TALLY, tally.encode());
}

/// A group of transactions on its way: what the index will show once it is on disk.
struct Draft<'a> {
    index: &'a Index,
    revision: Revision,
    events: Vec<Event>,
    /// Which of `events` are about a key, oldest first.
    touched: HashMap<Key, Vec<usize>>,
}

impl<'a> Draft<'a> {
    fn on(index: &'a Index) -> Draft<'a> {
        Draft { index, revision: index.revision(), events: Vec::new(), touched: HashMap::new() }
    }

    /// Adds all writes of a transaction or none.
    fn transaction(&mut self, writes: Vec<Write>) -> Result<Committed, CommitError> {
        let (revision, events) = (self.revision, self.events.len());
        let committed: Result<Committed, CommitError> = writes.into_iter().map(|write| self.write(write)).collect();
        if committed.is_err() {
            self.revision = revision;
            for event in self.events.drain(events..) {
                if let Some(events) = self.touched.get_mut(&event.key) {
                    events.pop();
                }
            }
        }
        committed
    }

    fn write(&mut self, write: Write) -> Result<Arc<Value>, CommitError> {
        match write {
            Write::Create { key, object } => match self.get(&key) {
                Some(_) => Err(CommitError::Exists(key)),
                None => self.record(Change::Created, key, object, None),
            },
            Write::Update { key, mut object, expect } => {
                let stored = self.expected(&key, expect)?;
                keep_identity(&mut object, &stored);
                if is_same_content(&mut object, &stored) {
                    return Ok(stored);
                }
                self.record(Change::Updated, key, object, Some(stored))
            }
            Write::Delete { key, expect } => {
                let stored = self.expected(&key, expect)?;
                self.record(Change::Deleted, key, Value::clone(&stored), Some(stored))
            }
            Write::Check { key, expect } => self.expected(&key, expect),
        }
    }

    /// The object as the earlier writes leave it.
    fn get(&self, key: &Key) -> Option<Arc<Value>> {
        match self.touched.get(key).and_then(|events| events.last()) {
            Some(&last) => {
                let event = &self.events[last];
                (event.change != Change::Deleted).then(|| event.object.clone())
            }
            None => self.index.get(key).map(|stored| Arc::new(stored.value())),
        }
    }

    fn expected(&self, key: &Key, expect: Expect) -> Result<Arc<Value>, CommitError> {
        let stored = self.get(key).ok_or_else(|| CommitError::Missing(key.clone()))?;
        match expect {
            Expect::Exists => Ok(stored),
            Expect::At(revision) if record::revision_of(&stored) == Some(revision) => Ok(stored),
            Expect::At(_) => Err(CommitError::Conflict(key.clone())),
        }
    }

    /// Gives a write its revision.
    fn record(
        &mut self,
        change: Change,
        key: Key,
        mut object: Value,
        previous: Option<Arc<Value>>,
    ) -> Result<Arc<Value>, CommitError> {
        if self.revision >= Revision::LAST {
            let why = "its revisions are used up, which none but a damaged store can have done".to_owned();
            return Err(CommitError::Storage(StorageError::Refused(why)));
        }
        self.revision = self.revision.next();
        set_metadata(&mut object, "resourceVersion", Some(self.revision.0.to_string().into()));
        let object = Arc::new(object);
        self.touched.entry(key.clone()).or_default().push(self.events.len());
        self.events.push(Event { previous, ..Event::new(self.revision, change, key, object.clone()) });
        Ok(object)
    }
}

/// An update cannot give an object another identity.
fn keep_identity(object: &mut Value, stored: &Value) {
    for field in ["uid", "creationTimestamp"] {
        set_metadata(object, field, stored.get("metadata").and_then(|metadata| metadata.get(field)).cloned());
    }
}

/// Whether an update changes nothing but the `resourceVersion`, which it takes from what is stored.
fn is_same_content(object: &mut Value, stored: &Value) -> bool {
    let revision = stored.get("metadata").and_then(|metadata| metadata.get("resourceVersion"));
    set_metadata(object, "resourceVersion", revision.cloned());
    object == stored
}

/// Sets or removes a field of an object's metadata, which it gets where it has none.
fn set_metadata(object: &mut Value, field: &str, value: Option<Value>) {
    let Some(object) = object.as_object_mut() else { return };
    let metadata = object.entry("metadata").or_insert_with(|| Value::Object(serde_json::Map::new()));
    if !metadata.is_object() {
        *metadata = Value::Object(serde_json::Map::new());
    }
    let Some(metadata) = metadata.as_object_mut() else { return };
    match value {
        Some(value) => metadata.insert(field.to_owned(), value),
        None => metadata.remove(field),
    };
}

/// What can be asked of the committer's thread.
enum Request {
    Commit(Vec<Write>, oneshot::Sender<Result<Committed, CommitError>>),
    Replay(Revision, oneshot::Sender<Result<Vec<Event>, WatchError>>),
    Close,
}

/// The thread that the committer runs on.
pub(crate) struct Thread {
    requests: mpsc::Sender<Request>,
    /// `None` once it is closed.
    end: Mutex<Option<End>>,
}

struct End {
    /// A place in the queue that is kept for the last request.
    close: mpsc::OwnedPermit<Request>,
    handle: JoinHandle<()>,
}

impl Thread {
    pub(crate) fn spawn(committer: Committer) -> Thread {
        let (requests, queue) = mpsc::channel(COMMITS_WAITING_MAX + 1);
        let close = requests.clone().try_reserve_owned().expect("the queue is empty");
        let handle = std::thread::Builder::new().name("store".to_owned()).spawn(move || run(committer, queue));
        let handle = handle.expect("a thread can be started when the daemon starts");
        Thread { requests, end: Mutex::new(Some(End { close, handle })) }
    }

    pub(crate) async fn commit(&self, writes: Vec<Write>) -> Result<Committed, CommitError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request::Commit(writes, reply)).await.map_err(|_| CommitError::Closed)?;
        answer.await.map_err(|_| CommitError::Closed)?
    }

    pub(crate) async fn replay(&self, after: Revision) -> Result<Vec<Event>, WatchError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request::Replay(after, reply)).await.map_err(|_| WatchError::Closed)?;
        answer.await.map_err(|_| WatchError::Closed)?
    }

    /// Ends the thread when it has done what was asked before, and waits for it.
    pub(crate) fn close(&self) {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(End { close, handle }) = end.take() {
            close.send(Request::Close);
            if handle.join().is_err() {
                tracing::error!("the store's thread panicked");
            }
        }
    }
}

/// Serves requests in order, as many commits at once as wait.
fn run(mut committer: Committer, mut queue: mpsc::Receiver<Request>) {
    let mut next = None;
    loop {
        let request = match next.take() {
            Some(request) => Some(request),
            None => queue.blocking_recv(),
        };
        match request {
            Some(Request::Commit(writes, reply)) => {
                let mut group = vec![writes];
                let mut replies = vec![reply];
                while group.len() < COMMITS_PER_SYNC {
                    match queue.try_recv() {
                        Ok(Request::Commit(writes, reply)) => {
                            group.push(writes);
                            replies.push(reply);
                        }
                        Ok(other) => {
                            next = Some(other);
                            break;
                        }
                        Err(_) => break,
                    }
                }
                let results = committer.group(group);
                for (reply, result) in replies.into_iter().zip(results) {
                    // An error says that the caller has gone away.
                    let _ = reply.send(result);
                }
                committer.trim();
            }
            Some(Request::Replay(after, reply)) => {
                let _ = reply.send(committer.replay(after));
            }
            Some(Request::Close) | None => return,
        }
    }
}
