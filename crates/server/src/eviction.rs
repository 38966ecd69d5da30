//! `POST` of a pod's eviction: a deletion that its disruption budget may refuse.
//!
//! Kubernetes takes from the budget first and deletes then, and has to guess again where the pod has changed in
//! between. Here both are one commit.

use api::{
    admission::{self, DeleteOptions, Deletion},
    kinds::{delete_options, eviction},
    resource::BUDGETS,
    status::Status,
};
use axum::extract::Request;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use store::{CommitError, Key, Write};

use crate::{
    answer::{Answer, json_response},
    body,
    limits::UPDATE_TRIES,
    negotiate,
    query::{self, Params, WriteOptions},
    server::Server,
    write::{Target, expected, unwritten},
};

/// `POST` of an eviction.
pub(crate) async fn create(server: &Server, target: Target<'_>, params: &Params, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let options = WriteOptions::read(params, &head.headers, "CreateOptions")?;
    let bytes = body::bytes(body).await?;
    let (value, _) = api::body::read(&bytes, negotiate::media(&head.headers)?, "Eviction")?;
    let (eviction, _) = eviction::normalise(value)?;
    if eviction.metadata.name.as_deref() != Some(target.name) {
        return Err(Status::bad_request("name in URL does not match name in Eviction object").into());
    }
    if eviction.metadata.namespace.is_some_and(|namespace| namespace != target.namespace) {
        return Err(Status::namespace_mismatch().into());
    }
    let wire = eviction.delete_options.unwrap_or_default();
    let own_dry_run = wire.dry_run.clone().unwrap_or_default();
    let own_dry_run: Vec<&str> = own_dry_run.iter().map(String::as_str).collect();
    let causes: Vec<_> = query::dry_run_cause(&own_dry_run).into_iter().collect();
    query::refuse("DeleteOptions", &causes)?;
    let dry_run = options.dry_run || !own_dry_run.is_empty();
    evict(server, target, &deletion(wire), dry_run).await?;
    let done = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(json_response(StatusCode::CREATED, &done))
}

fn deletion(wire: delete_options::Wire) -> DeleteOptions {
    let preconditions = wire.preconditions.unwrap_or_default();
    DeleteOptions {
        grace_seconds: wire.grace_period_seconds,
        uid: preconditions.uid,
        resource_version: preconditions.resource_version,
        ..DeleteOptions::default()
    }
}

async fn evict(server: &Server, target: Target<'_>, options: &DeleteOptions, dry_run: bool) -> Result<(), Status> {
    let missing = || Status::not_found(target.resource, target.name);
    for _ in 0..UPDATE_TRIES {
        let pod = server.store().get(&target.key()).ok_or_else(missing)?;
        let now = server.now();
        let mut writes: Vec<Write> = take_from_budget(server, target, &pod, now)?.into_iter().collect();
        writes.push(deleted(target, &pod, options, now)?);
        if dry_run {
            return Ok(());
        }
        match server.store().commit(writes).await {
            Ok(_) => return Ok(()),
            // The pod or its budget has changed meanwhile, or is gone: what they say now counts.
            Err(CommitError::Conflict(_) | CommitError::Missing(_)) => {}
            Err(error) => return Err(unwritten(&error)),
        }
    }
    Err(Status::conflict(target.resource, target.name))
}

/// The budget that is about the pod, with one disruption less; none where none is, or where the pod does not count.
///
/// Errors: 429 where it allows no disruption, 500 where several are about the pod.
fn take_from_budget(server: &Server, target: Target<'_>, pod: &Value, now: Timestamp) -> Result<Option<Write>, Status> {
    if eviction::is_free(pod) {
        return Ok(None);
    }
    let resource = BUDGETS.qualified();
    let budgets = server.store().list(&resource, Some(target.namespace)).items;
    let mut covering = budgets.iter().filter(|budget| eviction::covers(budget, pod));
    let Some(budget) = covering.next() else { return Ok(None) };
    if covering.next().is_some() {
        return Err(eviction::several_budgets());
    }
    if eviction::is_uncounted(budget, pod) {
        return Ok(None);
    }
    let object = eviction::spent(budget, target.name, now)?;
    let key = Key::new(&resource, target.namespace, budget["metadata"]["name"].as_str().unwrap_or_default());
    Ok(Some(Write::Update { key, object, expect: expected(budget) }))
}

/// The deletion of the pod, which says who asked for it.
fn deleted(target: Target<'_>, pod: &Value, options: &DeleteOptions, now: Timestamp) -> Result<Write, Status> {
    let marked = eviction::disrupted(pod, now);
    let (key, expect) = (target.key(), expected(pod));
    Ok(match admission::delete(target.resource, &marked, options, now)? {
        Deletion::Remove => Write::Delete { key, expect },
        Deletion::Mark(object) => Write::Update { key, object, expect },
    })
}
