//! Watches: changes as they happen, one JSON line each.

use std::collections::VecDeque;

use api::{
    resource::{Resource, Scope},
    status::Status,
    table,
};
use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::header;
use serde_json::{Value, json};
use store::{Change, Event, Revision, Stored, Watch, WatchError};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    answer::partial,
    limits::{BOOKMARK_INTERVAL, UNREAD_PATIENCE, WATCH_LIFETIME},
    measure,
    negotiate::{Form, View},
    query::{Params, Selection, Start, WatchOptions},
    server::Server,
    unread::LastWords,
};

/// `GET` of a collection with `watch=true`.
///
/// Errors: 400 and 422 for what cannot be asked, 429 where there are too many watches, 504 for a revision that is still to come.
pub(crate) fn open(
    server: &Server,
    resource: &'static Resource,
    namespace: Option<&str>,
    params: &Params,
    form: Form,
) -> Result<Response, Status> {
    let selection = Selection::read(resource, params)?;
    let options = WatchOptions::read(params)?;
    let namespace = namespace.filter(|_| resource.scope == Scope::Namespaced);
    let place = server.inner.watches.clone().try_acquire_owned();
    let place = place.map_err(|_| Status::too_many_requests("too many watches are open, please try again later", 1))?;

    let name = resource.qualified();
    let store = server.store();
    let mut present = VecDeque::new();
    let after = match options.start {
        Start::After(revision) => revision,
        Start::Now => store.revision(),
        Start::Everything { at_least } => {
            let snapshot = store.texts(&name, namespace);
            if at_least > snapshot.revision {
                return Err(Status::version_too_large(at_least.0, snapshot.revision.0));
            }
            let items = snapshot.items.into_iter().map(|(_, stored)| stored);
            present.extend(items.filter(|stored| selection.matches_stored(resource, stored)));
            snapshot.revision
        }
    };
    let (changes, failure) = match store.watch(Some(&name), after) {
        Ok(changes) => (Some(changes), None),
        Err(error @ WatchError::Expired { .. }) => (None, refusal(&error)),
        Err(error) => return Err(refusal(&error).unwrap_or_else(|| Status::unavailable("the server is stopping", 1))),
    };
    metrics::gauge!(measure::WATCHES).increment(1.0);
    let now = Instant::now();
    let lines = Lines {
        server: server.clone(),
        resource,
        namespace: namespace.map(str::to_owned),
        selection,
        view: form.view,
        present,
        synced: options.says_when_synced.then_some(after),
        changes,
        failure,
        bookmarks: options.bookmarks.then(|| {
            let mut ticks = interval_at(now + BOOKMARK_INTERVAL, BOOKMARK_INTERVAL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        }),
        ends: now + options.timeout.unwrap_or(WATCH_LIFETIME),
        stop: server.inner.stop.clone(),
        headings: true,
        _place: place,
    };
    let body = stream::unfold(lines, async |mut lines| {
        let line = lines.next().await?;
        Some((line, lines))
    });
    let body = Body::from_stream(body.map(Ok::<Bytes, std::convert::Infallible>));
    let mut answer = ([(header::CONTENT_TYPE, "application/json")], body).into_response();
    answer.extensions_mut().insert(LastWords(unread()));
    Ok(answer)
}

/// What is left to say on one watch.
struct Lines {
    server: Server,
    resource: &'static Resource,
    namespace: Option<String>,
    selection: Selection,
    view: View,
    /// Objects that exist, still to be told.
    present: VecDeque<Stored>,
    /// To be said once `present` is empty: that it was all, as of this revision.
    synced: Option<Revision>,
    /// `None` when the watch could not begin, or is over.
    changes: Option<Watch>,
    /// Why it is over, still to be told.
    failure: Option<Status>,
    bookmarks: Option<Interval>,
    ends: Instant,
    stop: CancellationToken,
    /// Whether the next table says its columns.
    headings: bool,
    _place: OwnedSemaphorePermit,
}

/// What can happen next on a watch.
enum Next {
    Changed(Result<Event, WatchError>),
    Bookmark,
    End,
}

impl Lines {
    /// The next line, or `None` when the watch is over.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(object) = self.present.pop_front() {
            return Some(self.line("ADDED", &object));
        }
        if let Some(revision) = self.synced.take() {
            return Some(self.bookmark(revision, true));
        }
        loop {
            if let Some(status) = self.failure.take() {
                self.changes = None;
                return Some(line("ERROR", &status.to_json().to_string()));
            }
            let changes = self.changes.as_mut()?;
            let tick = async {
                match &mut self.bookmarks {
                    Some(ticks) => ticks.tick().await,
                    None => std::future::pending().await,
                }
            };
            // Every arm may be dropped half-way: the store's watch, timers and tokens lose nothing by it.
            let next = tokio::select! {
                biased;
                () = self.stop.cancelled() => Next::End,
                () = sleep_until(self.ends) => Next::End,
                changed = changes.next() => Next::Changed(changed),
                _ = tick => Next::Bookmark,
            };
            match next {
                Next::End => return None,
                Next::Bookmark => {
                    let revision = changes.position();
                    return Some(self.bookmark(revision, false));
                }
                Next::Changed(Ok(event)) => {
                    if let Some(line) = self.change(&event) {
                        return Some(line);
                    }
                }
                Next::Changed(Err(error)) => {
                    self.failure = refusal(&error);
                    self.changes = self.changes.take().filter(|_| self.failure.is_some());
                }
            }
        }
    }

    /// What a change is to this watch. An object that begins to be selected is added, and one that ceases to be is
    /// deleted, in its last selected state and with the revision of the change.
    fn change(&mut self, event: &Event) -> Option<Bytes> {
        if self.namespace.as_deref().is_some_and(|namespace| *namespace != *event.key.namespace) {
            return None;
        }
        let selects = |object: &Value| self.selection.matches(self.resource, object);
        let is = selects(&event.object);
        let was = event.previous.as_deref().is_some_and(selects);
        match (event.change, was, is) {
            (Change::Created, _, true) | (Change::Updated, false, true) => Some(self.line("ADDED", event.stored())),
            (Change::Updated, true, true) => Some(self.line("MODIFIED", event.stored())),
            (Change::Updated, true, false) => {
                let mut last = event.previous.as_deref().cloned().unwrap_or_default();
                last["metadata"]["resourceVersion"] = event.revision.0.to_string().into();
                Some(self.line("DELETED", &Stored::of(&last)))
            }
            (Change::Deleted, _, true) => Some(self.line("DELETED", event.stored())),
            (Change::Created | Change::Deleted, _, false) | (Change::Updated, false, false) => None,
        }
    }

    fn bookmark(&mut self, revision: Revision, is_synced: bool) -> Bytes {
        let mut metadata = json!({"resourceVersion": revision.0.to_string(), "creationTimestamp": null});
        if is_synced {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = json!({
            "kind": self.resource.kind,
            "apiVersion": self.resource.api_version(),
            "metadata": metadata,
        });
        self.line("BOOKMARK", &Stored::of(&object))
    }

    fn line(&mut self, kind: &str, stored: &Stored) -> Bytes {
        match self.view {
            View::Whole => line(kind, stored.text()),
            View::Metadata => line(kind, &partial(&stored.value()).to_string()),
            View::Table(include) => {
                let object = stored.value();
                let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
                let now = self.server.now_seconds();
                let headings = std::mem::take(&mut self.headings);
                line(kind, &table::render(self.resource, &[&object], metadata, include, headings, now).to_string())
            }
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        metrics::gauge!(measure::WATCHES).decrement(1.0);
    }
}

/// One event of a watch. `object` is JSON.
fn line(kind: &str, object: &str) -> Bytes {
    Bytes::from(format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n"))
}

/// How a watch ends that its client does not read: it is to list again, for its place in the history is not kept.
fn unread() -> Bytes {
    let why = format!("the watch was not read for {} s, so it was let go: list again", UNREAD_PATIENCE.as_secs());
    line("ERROR", &Status::expired(why).to_json().to_string())
}

/// How the end of a watch is told; `None` where it just ends.
fn refusal(error: &WatchError) -> Option<Status> {
    match *error {
        WatchError::Expired { asked, oldest } => Some(Status::too_old(asked, oldest)),
        WatchError::Future { asked, current } => Some(Status::version_too_large(asked, current)),
        WatchError::Closed => None,
    }
}
