//! Deletion, of one object or of a collection.

use std::sync::Arc;

use api::{
    admission::{self, DeleteOptions, Deletion},
    kinds::delete_options,
    propagation::Propagation,
    resource::Resource,
    status::{Cause, Status},
};
use axum::{body::Body, extract::Request};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use store::{CommitError, Stored, Write};

use crate::{
    answer::{self, Answer, json_response},
    body,
    limits::UPDATE_TRIES,
    negotiate::{self, Form},
    query::{self, Params, Selection},
    server::Server,
    write::{Target, expected, unwritten},
};

/// Kinds whose deletion is answered with the object, as Kubernetes does; for the rest the answer is a `Status`.
const KINDS_RETURNED: &[&str] = &["Namespace", "PersistentVolume", "PersistentVolumeClaim", "Pod", "Service"];

/// `DELETE` of an object.
pub(crate) async fn one(server: &Server, target: Target<'_>, params: &Params, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let form = negotiate::form(&head.headers, params)?;
    let options = Options::read(params, &head.headers, body).await?;
    let (object, outcome) = delete(server, target, &options).await?;
    let is_shown = outcome == Outcome::Stays || KINDS_RETURNED.contains(&target.resource.kind);
    let mut response = if is_shown {
        answer::object(StatusCode::OK, target.resource.kind, &object, form, server.now_seconds())
    } else {
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
        json_response(StatusCode::OK, &Status::success(target.resource, target.name, uid))
    };
    answer::warn(&mut response, &admission::deletion_warnings(target.resource, &object));
    Ok(response)
}

/// `DELETE` of a collection: of all objects that are selected, one by one, as if each had been asked for.
pub(crate) async fn collection(
    server: &Server,
    resource: &'static Resource,
    namespace: &str,
    params: &Params,
    request: Request,
) -> Answer {
    let selection = Selection::read(resource, params)?;
    let (head, body) = request.into_parts();
    let options = Options::read(params, &head.headers, body).await?;
    let within = Some(namespace).filter(|namespace| !namespace.is_empty());
    let snapshot = server.store().list(&resource.qualified(), within);
    let (mut deleted, mut warnings) = (Vec::new(), Vec::new());
    for object in snapshot.items.iter().filter(|object| selection.matches(resource, object)) {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        match delete(server, Target { resource, namespace, name }, &options).await {
            Ok((object, _)) => {
                warnings.extend(admission::deletion_warnings(resource, &object));
                deleted.push(Stored::of(&object));
            }
            // Somebody else was faster.
            Err(status) if status.code == StatusCode::NOT_FOUND => {}
            Err(status) => return Err(status.into()),
        }
    }
    let metadata = json!({"resourceVersion": server.store().revision().0.to_string()});
    let objects: Vec<&Stored> = deleted.iter().collect();
    let mut response = answer::list(resource, &objects, metadata, Form::PLAIN, server.now_seconds());
    answer::warn(&mut response, &warnings);
    Ok(response)
}

/// Whether an object is still there after its deletion was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Gone,
    Stays,
}

async fn delete(server: &Server, target: Target<'_>, options: &Options) -> Result<(Arc<Value>, Outcome), Status> {
    let missing = || Status::not_found(target.resource, target.name);
    for _ in 0..UPDATE_TRIES {
        let key = target.key();
        let old = server.store().get(&key).ok_or_else(missing)?;
        let expect = expected(&old);
        let now = server.now();
        let (write, outcome) = match admission::delete(target.resource, &old, &options.deletion, now)? {
            Deletion::Remove if options.dry_run => return Ok((old, Outcome::Gone)),
            Deletion::Mark(marked) if options.dry_run => return Ok((Arc::new(marked), Outcome::Stays)),
            Deletion::Remove => (Write::Delete { key, expect }, Outcome::Gone),
            Deletion::Mark(object) => (Write::Update { key, object, expect }, Outcome::Stays),
        };
        match server.store().commit(vec![write]).await {
            Ok(committed) => {
                let object = committed.into_iter().next().ok_or_else(|| Status::internal("nothing was written"))?;
                return Ok((object, outcome));
            }
            Err(CommitError::Conflict(_)) => {}
            Err(CommitError::Missing(_)) => return Err(missing()),
            Err(error) => return Err(unwritten(&error)),
        }
    }
    Err(Status::conflict(target.resource, target.name))
}

/// What a deletion asks for, from the body or from the query.
struct Options {
    deletion: DeleteOptions,
    dry_run: bool,
}

impl Options {
    /// Errors: 400 for a body that is no `DeleteOptions`, 415 for a format that is not read, 422 for values that are none of the known ones.
    async fn read(params: &Params, headers: &HeaderMap, body: Body) -> Result<Options, Status> {
        let bytes = body::bytes(body).await?;
        let wire = if bytes.is_empty() {
            delete_options::Wire::default()
        } else {
            let (value, _) = api::body::read(&bytes, negotiate::media(headers)?, "DeleteOptions")?;
            delete_options::read(value)?
        };
        let preconditions = wire.preconditions.unwrap_or_default();
        let policy = wire.propagation_policy.as_deref().or_else(|| params.text("propagationPolicy"));
        let dry_run = wire.dry_run.unwrap_or_default();
        let dry_run: Vec<&str> =
            dry_run.iter().map(String::as_str).chain(params.all("dryRun")).filter(|value| !value.is_empty()).collect();
        let mut causes = Vec::new();
        let orphan_dependents = wire.orphan_dependents.or_else(|| params.flag_given("orphanDependents"));
        let propagation = policy.and_then(Propagation::parse);
        if let Some(policy) = policy.filter(|_| propagation.is_none()) {
            let known = ["Foreground", "Background", "Orphan", "nil"];
            causes.push(Cause::not_supported("propagationPolicy", policy, &known));
        }
        if policy.is_some() && orphan_dependents.is_some() {
            let why = "orphanDependents and deletionPropagation cannot be both set";
            causes.push(Cause::invalid("propagationPolicy", policy, why));
        }
        causes.extend(query::dry_run_cause(&dry_run));
        query::refuse("DeleteOptions", &causes)?;
        Ok(Options {
            deletion: DeleteOptions {
                grace_seconds: wire.grace_period_seconds.or(params.number("gracePeriodSeconds")?),
                uid: preconditions.uid,
                resource_version: preconditions.resource_version,
                propagation,
                orphan_dependents,
            },
            dry_run: !dry_run.is_empty(),
        })
    }
}
