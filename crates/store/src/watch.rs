//! Streams of changes: the live one while a watcher keeps up, the log while it does not.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Weak};

use tokio::sync::broadcast::error::RecvError;

use crate::index::Live;
use crate::{Event, Inner, Revision, WatchError};

/// How many events a watch takes from the log at a time: some hundreds of kilobytes.
pub const REPLAY_PAGE: usize = 64;

/// A stream of changes, in order, without gaps and without repetitions.
///
/// A watcher that falls behind the live stream is served from the log, where it loses its place only when the log
/// no longer reaches back to it.
pub struct Watch {
    store: Weak<Inner>,
    resource: Option<Arc<str>>,
    /// Everything up to here has been delivered, or was of another resource.
    position: Revision,
    live: Live,
    page: VecDeque<Event>,
    over: Option<WatchError>,
}

impl Watch {
    pub(crate) fn begin(store: &Arc<Inner>, resource: Option<&str>, after: Revision) -> Result<Watch, WatchError> {
        let live = store.index.join(after)?;
        Ok(Watch {
            store: Arc::downgrade(store),
            resource: resource.map(Arc::from),
            // Nothing happened before the first revision.
            position: after.max(Revision::FIRST),
            live,
            page: VecDeque::new(),
            over: None,
        })
    }

    /// The next change (cancel-safe). After an error the watch is over.
    pub async fn next(&mut self) -> Result<Event, WatchError> {
        if let Some(error) = self.over {
            return Err(error);
        }
        let next = self.advance().await;
        self.over = next.as_ref().err().copied();
        next
    }

    /// The revision up to which [`Watch::next`] has delivered everything: what a bookmark may say.
    pub fn position(&self) -> Revision {
        self.position
    }

    async fn advance(&mut self) -> Result<Event, WatchError> {
        loop {
            while let Some(event) = self.page.pop_front() {
                if self.accept(&event) {
                    return Ok(event);
                }
            }
            if self.position < self.live.from {
                self.page = self.replay().await?;
                continue;
            }
            match self.live.events.recv().await {
                Ok(event) if event.revision <= self.position => {}
                Ok(event) => {
                    if self.accept(&event) {
                        return Ok(Event::clone(&event));
                    }
                }
                Err(RecvError::Lagged(_)) => {
                    let store = self.store.upgrade().ok_or(WatchError::Closed)?;
                    self.live = store.index.join(self.position)?;
                }
                Err(RecvError::Closed) => return Err(WatchError::Closed),
            }
        }
    }

    /// The next page of the log. Dropped half-way, it has changed nothing.
    async fn replay(&self) -> Result<VecDeque<Event>, WatchError> {
        let store = self.store.upgrade().ok_or(WatchError::Closed)?;
        let page = store.replay(self.position).await?;
        // The log may have been trimmed since the watcher joined.
        match page.first() {
            Some(first) if first.revision == self.position.next() => Ok(page.into()),
            Some(_) | None => Err(store.index.expired(self.position)),
        }
    }

    /// Moves on to an event; says whether the watcher asked for it.
    fn accept(&mut self, event: &Event) -> bool {
        self.position = event.revision;
        self.resource.as_ref().is_none_or(|resource| *resource == event.key.resource)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("resource", &self.resource)
            .field("position", &self.position.0)
            .finish_non_exhaustive()
    }
}
