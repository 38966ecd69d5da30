//! Lists: whole or in pages, of now or of a moment that the history still knows.

use std::collections::{BTreeMap, BTreeSet};

use api::{
    resource::{Resource, Scope},
    status::Status,
};
use http::HeaderMap;
use serde_json::json;
use store::{Key, Revision, Store, Stored, Texts, WatchError};

use crate::{
    answer::{self, Answer},
    negotiate,
    query::{ListOptions, Moment, Page, Params, Selection},
    server::Server,
};

/// `GET` of a collection.
pub(crate) async fn list(
    server: &Server,
    resource: &'static Resource,
    namespace: Option<&str>,
    params: &Params,
    headers: &HeaderMap,
) -> Answer {
    let form = negotiate::form(headers, params)?;
    let selection = Selection::read(resource, params)?;
    let options = ListOptions::read(params)?;
    let snapshot = snapshot(server.store(), resource, namespace, &options.moment).await?;

    let mut selected = snapshot.items;
    selected.retain(|(_, stored)| selection.matches_stored(resource, stored));
    let rest = match &options.moment {
        Moment::After(page) => {
            let end = (page.namespace.as_str(), page.name.as_str());
            selected.partition_point(|(key, _)| (&*key.namespace, &*key.name) <= end)
        }
        Moment::Now { .. } | Moment::At(_) => 0,
    };
    let rest = &selected[rest..];
    let shown = &rest[..options.limit.unwrap_or(rest.len()).min(rest.len())];

    let mut metadata = json!({"resourceVersion": snapshot.revision.0.to_string()});
    let left = rest.len() - shown.len();
    if let Some((last, _)) = shown.last().filter(|_| left > 0) {
        let (namespace, name) = (last.namespace.to_string(), last.name.to_string());
        let page = Page { revision: snapshot.revision, namespace, name };
        metadata["continue"] = page.token().into();
        // As Kubernetes, which cannot count what it has not selected yet.
        if selection.is_everything() {
            metadata["remainingItemCount"] = left.into();
        }
    }
    let shown: Vec<&Stored> = shown.iter().map(|(_, stored)| stored).collect();
    Ok(answer::list(resource, &shown, metadata, form, server.now_seconds()))
}

/// The objects of a resource at a moment, by namespace and name.
///
/// Errors: 410 where the history does not reach back to it, 504 where it is still to come.
async fn snapshot(
    store: &Store,
    resource: &Resource,
    namespace: Option<&str>,
    moment: &Moment,
) -> Result<Texts, Status> {
    let namespace = namespace.filter(|_| resource.scope == Scope::Namespaced);
    let name = resource.qualified();
    let (revision, is_page) = match moment {
        Moment::Now { at_least } => {
            let snapshot = store.texts(&name, namespace);
            return if *at_least > snapshot.revision {
                Err(Status::version_too_large(at_least.0, snapshot.revision.0))
            } else {
                Ok(snapshot)
            };
        }
        Moment::At(revision) => (*revision, false),
        Moment::After(page) => (page.revision, true),
    };
    let now = store.texts(&name, namespace);
    past(store, &name, namespace, now, revision).await.map_err(|error| match error {
        WatchError::Expired { .. } if is_page => Status::expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list \
             without the continue parameter.",
        ),
        WatchError::Expired { asked, oldest } => Status::too_old(asked, oldest),
        WatchError::Future { asked, current } => Status::version_too_large(asked, current),
        WatchError::Closed => Status::unavailable("the server is stopping", 1),
    })
}

/// A list as it was at `revision`: what the history tells since then is undone. The history is read for every
/// resource, for only so is it known where it ends.
async fn past(
    store: &Store,
    resource: &str,
    namespace: Option<&str>,
    now: Texts,
    revision: Revision,
) -> Result<Texts, WatchError> {
    let mut history = store.watch(None, revision)?;
    let mut items: BTreeMap<Key, Stored> = now.items.into_iter().collect();
    // Of several changes of one object the first tells how it was.
    let mut undone: BTreeSet<Key> = BTreeSet::new();
    let mut seen = revision;
    while seen < now.revision {
        let event = history.next().await?;
        seen = event.revision;
        let concerns =
            *event.key.resource == *resource && namespace.is_none_or(|wanted| *event.key.namespace == *wanted);
        if concerns && seen <= now.revision && undone.insert(event.key.clone()) {
            match event.previous {
                Some(previous) => items.insert(event.key, Stored::of(&previous)),
                None => items.remove(&event.key),
            };
        }
    }
    Ok(Texts { revision, items: items.into_iter().collect() })
}
