//! Creation, replacement and patches.

use std::sync::Arc;

use api::{
    admission::{self, Update},
    kinds::service_account,
    resource::{CLAIMS, PODS, Resource, SERVICE_ACCOUNTS, STORAGE_CLASSES, Scope, find},
    status::Status,
    storage,
};
use axum::extract::Request;
use http::StatusCode;
use serde_json::Value;
use store::{CommitError, Expect, Key, Revision, StorageError, Write};

use crate::{
    answer::{self, Answer},
    body,
    limits::{NAME_TRIES, OBJECTS_MAX, UPDATE_TRIES},
    negotiate,
    query::{Params, WriteOptions},
    server::Server,
};

/// Which object a request is about.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) resource: &'static Resource,
    /// Empty for cluster-scoped objects.
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
}

impl Target<'_> {
    pub(crate) fn key(&self) -> Key {
        Key::new(&self.resource.qualified(), self.namespace, self.name)
    }
}

/// Which part of an object a write changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All but its status.
    Main,
    /// Its status alone.
    Status,
}

impl Part {
    fn update(self, server: &Server, resource: &Resource, new: Value, old: &Value) -> Result<Update, Status> {
        match self {
            Part::Main => {
                let update = admission::update(resource, new, old)?;
                if let Update::Write(new) = &update {
                    server.inner.parts.policy.admit(resource, new, Some(old))?;
                    if resource.kind == CLAIMS.kind {
                        let key = Key::new(&STORAGE_CLASSES.qualified(), "", storage::class_name(new));
                        storage::admit_growth(new, old, server.store().get(&key).as_deref())?;
                    }
                }
                Ok(update)
            }
            Part::Status => admission::update_status(resource, new, old).map(Update::Write),
        }
    }
}

/// `POST` of an object.
pub(crate) async fn create(
    server: &Server,
    resource: &'static Resource,
    namespace: &str,
    params: &Params,
    request: Request,
) -> Answer {
    let (head, body) = request.into_parts();
    let form = negotiate::form(&head.headers, params)?;
    let options = WriteOptions::read(params, "CreateOptions")?;
    let bytes = body::bytes(body).await?;
    let (object, warnings) = body::object(resource, &head.headers, &bytes, options.validation)?;
    let created = store_new(server, resource, namespace, &object, options).await?;
    let mut response = answer::object(StatusCode::CREATED, resource, &created, form, server.now_seconds());
    answer::warn(&mut response, &warnings);
    Ok(response)
}

async fn store_new(
    server: &Server,
    resource: &'static Resource,
    namespace: &str,
    object: &Value,
    options: WriteOptions,
) -> Result<Arc<Value>, Status> {
    let mut object = object.clone();
    if resource.kind == CLAIMS.kind {
        let classes = server.store().list(&STORAGE_CLASSES.qualified(), None).items;
        storage::give_class(&mut object, classes.iter().map(AsRef::as_ref));
    }
    let object = &object;
    let is_generated = object["metadata"]["name"].as_str().unwrap_or_default().is_empty();
    let mut name = String::new();
    for _ in 0..NAME_TRIES {
        let stamp = server.stamp();
        let mut writes = Vec::new();
        if resource.scope == Scope::Namespaced {
            writes.push(open_namespace(server, resource, namespace, object)?);
        }
        let new = admission::create(resource, namespace, object.clone(), &stamp)?;
        server.inner.parts.policy.admit(resource, &new, None)?;
        if resource.kind == PODS.kind {
            let key = |account: &str| Key::new(&SERVICE_ACCOUNTS.qualified(), namespace, account);
            service_account::admit(&new, |account| server.store().get(&key(account)).is_some())?;
        }
        name = new["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let key = Key::new(&resource.qualified(), namespace, &name);
        if options.dry_run {
            return if server.store().get(&key).is_some() {
                Err(Status::already_exists(resource, &name))
            } else {
                Ok(Arc::new(new))
            };
        }
        if server.store().count() >= OBJECTS_MAX {
            return Err(Status::quota_exceeded(resource, &name, OBJECTS_MAX));
        }
        writes.push(Write::Create { key, object: new });
        match server.store().commit(writes).await {
            Ok(committed) => {
                return committed.into_iter().next_back().ok_or_else(|| Status::internal("nothing was written"));
            }
            Err(CommitError::Exists(_)) if !is_generated => return Err(Status::already_exists(resource, &name)),
            // The drawn name is taken, or the namespace has changed meanwhile.
            Err(CommitError::Exists(_) | CommitError::Missing(_) | CommitError::Conflict(_)) => {}
            Err(error) => return Err(unwritten(&error)),
        }
    }
    Err(Status::already_exists(resource, &name))
}

/// What must be true of the namespace when the object is written. Errors: 404 where there is no such namespace, 403
/// where it is being deleted.
fn open_namespace(server: &Server, resource: &Resource, namespace: &str, object: &Value) -> Result<Write, Status> {
    let key = Key::new("namespaces", "", namespace);
    let Some(found) = server.store().get(&key) else {
        return Err(match find("", "v1", "namespaces") {
            Some(namespaces) => Status::not_found(namespaces, namespace),
            None => Status::not_served(),
        });
    };
    if !found["metadata"]["deletionTimestamp"].is_null() {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        return Err(Status::namespace_terminating(resource, name, namespace));
    }
    Ok(Write::Check { key, expect: expected(&found) })
}

/// `PUT` of an object or of its status.
pub(crate) async fn replace(
    server: &Server,
    target: Target<'_>,
    part: Part,
    params: &Params,
    request: Request,
) -> Answer {
    let (head, body) = request.into_parts();
    let form = negotiate::form(&head.headers, params)?;
    let options = WriteOptions::read(params, "UpdateOptions")?;
    let bytes = body::bytes(body).await?;
    let (new, warnings) = body::object(target.resource, &head.headers, &bytes, options.validation)?;
    check_name(&new, target.name)?;
    let change = |old: &Value| part.update(server, target.resource, new.clone(), old);
    let object = modify(server, target, options.dry_run, change).await?;
    let mut response = answer::object(StatusCode::OK, target.resource, &object, form, server.now_seconds());
    answer::warn(&mut response, &warnings);
    Ok(response)
}

/// `PATCH` of an object or of its status. Tried again after a lost race, unless the patch says which
/// `resourceVersion` it is for.
pub(crate) async fn patch(
    server: &Server,
    target: Target<'_>,
    part: Part,
    params: &Params,
    request: Request,
) -> Answer {
    let (head, body) = request.into_parts();
    let form = negotiate::form(&head.headers, params)?;
    let kind = negotiate::patch(&head.headers)?;
    let options = WriteOptions::read(params, "PatchOptions")?;
    let bytes = body::bytes(body).await?;
    let resource = target.resource;
    let mut warnings = Vec::new();
    let change = |old: &Value| {
        let (patched, duplicates) = api::patch::apply(kind, resource.kind, old, &bytes)?;
        let astray = |why: Status| Status::patch_leads_astray(&bytes, &why);
        let (new, unknown) = resource.rules.normalise(patched).map_err(astray)?;
        warnings = body::judge_fields(resource, &duplicates, &unknown, options.validation).map_err(astray)?;
        warnings.extend(resource.rules.warnings(&new));
        check_name(&new, target.name)?;
        part.update(server, resource, new, old)
    };
    let object = modify(server, target, options.dry_run, change).await?;
    let mut response = answer::object(StatusCode::OK, resource, &object, form, server.now_seconds());
    answer::warn(&mut response, &warnings);
    Ok(response)
}

/// Changes an object: `change` decides on the state that is stored, and decides again when that has changed meanwhile.
///
/// Errors: 404 where there is no such object, 409 where it changes all the time, and those of `change`.
pub(crate) async fn modify(
    server: &Server,
    target: Target<'_>,
    dry_run: bool,
    mut change: impl FnMut(&Value) -> Result<Update, Status>,
) -> Result<Arc<Value>, Status> {
    let missing = || Status::not_found(target.resource, target.name);
    for _ in 0..UPDATE_TRIES {
        let key = target.key();
        let old = server.store().get(&key).ok_or_else(missing)?;
        let expect = expected(&old);
        let (write, removed) = match change(&old)? {
            Update::Write(new) | Update::Remove(new) if dry_run => return Ok(Arc::new(new)),
            Update::Write(object) => (Write::Update { key, object, expect }, None),
            Update::Remove(last) => (Write::Delete { key, expect }, Some(last)),
        };
        match server.store().commit(vec![write]).await {
            Ok(committed) => {
                let stored = committed.into_iter().next().ok_or_else(|| Status::internal("nothing was written"))?;
                return Ok(removed.map_or(stored, Arc::new));
            }
            Err(CommitError::Conflict(_)) => {}
            Err(CommitError::Missing(_)) => return Err(missing()),
            Err(error) => return Err(unwritten(&error)),
        }
    }
    Err(Status::conflict(target.resource, target.name))
}

/// The state that a write was decided on.
pub(crate) fn expected(object: &Value) -> Expect {
    let version = object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok());
    version.map_or(Expect::Exists, |version| Expect::At(Revision(version)))
}

/// A write that failed for no reason of the client's.
pub(crate) fn unwritten(error: &CommitError) -> Status {
    match error {
        CommitError::Closed => Status::unavailable("the server is stopping", 1),
        CommitError::Storage(StorageError::Full(why)) => Status::storage_full(why),
        CommitError::Storage(StorageError::Refused(_) | StorageError::NotAnObject(_))
        | CommitError::Exists(_)
        | CommitError::Missing(_)
        | CommitError::Conflict(_) => Status::storage_failed(&error.to_string()),
    }
}

/// Errors: 400 where the object is named otherwise than the path.
pub(crate) fn check_name(object: &Value, name: &str) -> Result<(), Status> {
    match object["metadata"]["name"].as_str().unwrap_or_default() {
        "" => Err(Status::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        ))),
        given if given == name => Ok(()),
        given => Err(Status::name_mismatch(given, name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_one_that_fails() {
        let refusal = |error| {
            let status = unwritten(&CommitError::Storage(error));
            (status.code, status.reason)
        };
        assert_eq!(refusal(StorageError::Full("no storage space".to_owned())), (507, "InsufficientStorage"));
        assert_eq!(refusal(StorageError::Refused("device failure".to_owned())), (500, "InternalError"));
    }
}
