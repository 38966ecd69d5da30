//! The present state in memory, and the live stream of its changes.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::broadcast;

use crate::{Event, Key, Revision, Stored, Texts, WatchError};

/// How many events a watcher may be behind before it is served from the log: the changes of some seconds, shared
/// by all watchers.
const LIVE_EVENTS: usize = 1_024;

/// What is on disk, in memory. The lock is held for a look or a change, never over a wait.
pub(crate) struct Index {
    state: RwLock<State>,
}

struct State {
    revision: Revision,
    /// The oldest revision that a watch can continue from: every later event is in the log.
    oldest: Revision,
    objects: BTreeMap<Key, Stored>,
    /// `None` once the store is closed.
    live: Option<broadcast::Sender<Arc<Event>>>,
}

/// A place in the live stream.
pub(crate) struct Live {
    /// Delivers every event after `from`.
    pub(crate) events: broadcast::Receiver<Arc<Event>>,
    /// The revision at which it was joined.
    pub(crate) from: Revision,
}

impl Index {
    pub(crate) fn new(revision: Revision, oldest: Revision, objects: BTreeMap<Key, Stored>) -> Index {
        let (live, _) = broadcast::channel(LIVE_EVENTS);
        Index { state: RwLock::new(State { revision, oldest, objects, live: Some(live) }) }
    }

    pub(crate) fn revision(&self) -> Revision {
        self.read().revision
    }

    pub(crate) fn count(&self) -> usize {
        self.read().objects.len()
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Stored> {
        self.read().objects.get(key).cloned()
    }

    pub(crate) fn list(&self, resource: &str, namespace: Option<&str>) -> Texts {
        let first = Key::new(resource, namespace.unwrap_or_default(), "");
        let state = self.read();
        let items = state
            .objects
            .range(&first..)
            .take_while(|(key, _)| key.resource == first.resource)
            .take_while(|(key, _)| namespace.is_none() || key.namespace == first.namespace)
            .map(|(key, stored)| (key.clone(), stored.clone()))
            .collect();
        Texts { revision: state.revision, items }
    }

    /// Every object of every resource, in the order of the keys.
    pub(crate) fn all(&self) -> (Revision, Vec<(Key, Stored)>) {
        let state = self.read();
        (state.revision, state.objects.iter().map(|(key, stored)| (key.clone(), stored.clone())).collect())
    }

    /// Joins the live stream for a watcher that has seen everything up to `after`.
    pub(crate) fn join(&self, after: Revision) -> Result<Live, WatchError> {
        let state = self.read();
        let live = state.live.as_ref().ok_or(WatchError::Closed)?;
        if after > state.revision {
            return Err(WatchError::Future { asked: after.0, current: state.revision.0 });
        }
        if after < state.oldest {
            return Err(WatchError::Expired { asked: after.0, oldest: state.oldest.0 });
        }
        // Events are sent under the write lock, so none falls between the revision and the receiver.
        Ok(Live { events: live.subscribe(), from: state.revision })
    }

    /// What a watcher hears that missed something after `asked` for good.
    pub(crate) fn expired(&self, asked: Revision) -> WatchError {
        WatchError::Expired { asked: asked.0, oldest: self.read().oldest.0 }
    }

    /// Shows events that are on disk now, and tells the watchers.
    pub(crate) fn publish(&self, events: Vec<Event>) {
        let mut state = self.write();
        for event in events {
            state.revision = event.revision;
            match event.change {
                crate::Change::Created | crate::Change::Updated => {
                    state.objects.insert(event.key.clone(), event.stored().clone());
                }
                crate::Change::Deleted => {
                    state.objects.remove(&event.key);
                }
            }
            if let Some(live) = &state.live {
                // An error says that nobody watches.
                let _ = live.send(Arc::new(event));
            }
        }
    }

    /// Gives up the history up to a revision.
    pub(crate) fn forget(&self, oldest: Revision) {
        self.write().oldest = oldest;
    }

    pub(crate) fn close(&self) {
        self.write().live = None;
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
