//! Creation, replacement and patches.

use std::sync::Arc;

use api::{
    admission::{self, Update},
    kinds::service_account,
    ownership::{self, Part, Writer},
    resource::{CLAIMS, PODS, Resource, SERVICE_ACCOUNTS, STORAGE_CLASSES, Scope, find},
    status::Status,
    storage,
};
use axum::extract::Request;
use http::StatusCode;
use serde_json::Value;
use store::{CommitError, Expect, Key, Revision, StorageError, Write};

use crate::{
    allocate,
    answer::{self, Answer},
    apply,
    authn::Caller,
    authz, body,
    limits::{NAME_TRIES, OBJECTS_MAX, UPDATE_TRIES},
    negotiate::{self, Patch},
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

/// What a write of this part of an object comes to. `new` says who owns what.
pub(crate) fn update(
    server: &Server,
    caller: &Caller,
    resource: &Resource,
    part: Part,
    new: Value,
    old: &Value,
) -> Result<Update, Status> {
    match part {
        Part::Main | Part::Scale => {
            let mut update = admission::update(resource, new, old)?;
            if let Update::Write(new) = &mut update {
                allocate::allocate(server, resource, new, Some(old))?;
                authz::admit(server, caller, resource, new, Some(old))?;
                if resource.kind == CLAIMS.kind {
                    let key = Key::new(&STORAGE_CLASSES.qualified(), "", storage::class_name(new));
                    storage::admit_growth(new, old, server.store().get(&key).as_deref())?;
                }
            }
            Ok(update)
        }
        Part::Status => admission::update_status(resource, new, old).map(Update::Write),
        Part::EphemeralContainers => {
            let new = admission::update_ephemeral_containers(new, old)?;
            authz::admit(server, caller, resource, &new, Some(old))?;
            Ok(Update::Write(new))
        }
    }
}

/// The same of an object whose writer owns from then on what it changes. `sent` is what the client wants `managedFields` to
/// be, if it says so.
pub(crate) fn update_as(
    server: &Server,
    caller: &Caller,
    resource: &Resource,
    writer: Writer<'_>,
    mut new: Value,
    sent: Option<&Value>,
    old: &Value,
) -> Result<Update, Status> {
    // What the server fills in is the writer's as well, and is no change where it is there already.
    resource.rules.default(&mut new);
    ownership::updated(resource, &mut new, old, sent, writer)?;
    update(server, caller, resource, writer.part, new, old)
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
    let options = WriteOptions::read(params, &head.headers, "CreateOptions")?;
    let bytes = body::bytes(body).await?;
    let sent = body::object(resource, &head.headers, &bytes, options.validation)?;
    let caller = Caller::of(&head.extensions)?;
    let mut object = sent.value;
    resource.rules.default(&mut object);
    let writer = Writer { manager: &options.manager, part: Part::Main, now: server.now() };
    ownership::created(resource, &mut object, writer);
    let created = store_new(server, caller, resource, namespace, object, options.dry_run).await?;
    let mut response = answer::object(StatusCode::CREATED, resource.kind, &created, form, server.now_seconds());
    answer::warn(&mut response, &sent.warnings);
    Ok(response)
}

/// Stores a new object, which says who owns it.
pub(crate) async fn store_new(
    server: &Server,
    caller: &Caller,
    resource: &'static Resource,
    namespace: &str,
    mut object: Value,
    dry_run: bool,
) -> Result<Arc<Value>, Status> {
    if resource.kind == CLAIMS.kind {
        let classes = server.store().list(&STORAGE_CLASSES.qualified(), None).items;
        storage::give_class(&mut object, classes.iter().map(AsRef::as_ref));
    }
    let object = &object;
    let _turn = allocate::turn(server, resource).await?;
    let is_generated = object["metadata"]["name"].as_str().unwrap_or_default().is_empty();
    let mut name = String::new();
    for _ in 0..NAME_TRIES {
        let stamp = server.stamp();
        let mut writes = Vec::new();
        if resource.scope == Scope::Namespaced {
            writes.push(open_namespace(server, resource, namespace, object)?);
        }
        let mut new = admission::create(resource, namespace, object.clone(), &stamp)?;
        allocate::allocate(server, resource, &mut new, None)?;
        authz::admit(server, caller, resource, &new, None)?;
        if resource.kind == PODS.kind {
            let key = |account: &str| Key::new(&SERVICE_ACCOUNTS.qualified(), namespace, account);
            service_account::admit(&mut new, |account| server.store().get(&key(account)))?;
        }
        name = new["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let key = Key::new(&resource.qualified(), namespace, &name);
        if dry_run {
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
    let options = WriteOptions::read(params, &head.headers, "UpdateOptions")?;
    let bytes = body::bytes(body).await?;
    let sent = body::object(target.resource, &head.headers, &bytes, options.validation)?;
    check_name(&sent.value, target.name)?;
    let (resource, caller) = (target.resource, Caller::of(&head.extensions)?);
    let writer = Writer { manager: &options.manager, part, now: server.now() };
    let managed_fields = sent.managed_fields.as_ref();
    let change = |old: &Value| update_as(server, caller, resource, writer, sent.value.clone(), managed_fields, old);
    let object = modify(server, target, options.dry_run, change).await?;
    let mut response = answer::object(StatusCode::OK, resource.kind, &object, form, server.now_seconds());
    answer::warn(&mut response, &sent.warnings);
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
    let kind = match negotiate::patch(request.headers())? {
        Patch::Change(kind) => kind,
        Patch::Apply => return apply::patch(server, target, part, params, request).await,
    };
    let (head, body) = request.into_parts();
    let form = negotiate::form(&head.headers, params)?;
    let options = WriteOptions::read(params, &head.headers, "PatchOptions")?;
    let bytes = body::bytes(body).await?;
    let (resource, caller) = (target.resource, Caller::of(&head.extensions)?);
    let writer = Writer { manager: &options.manager, part, now: server.now() };
    let mut warnings = Vec::new();
    let change = |old: &Value| {
        let (mut patched, duplicates) = api::patch::apply(kind, resource.kind, old, &bytes)?;
        // The type of the object would take an empty list for none.
        let managed_fields = ownership::take(&mut patched);
        let astray = |why: Status| Status::patch_leads_astray(&bytes, &why);
        let (new, unknown) = resource.rules.normalise(patched).map_err(astray)?;
        warnings = body::judge_fields(resource, &duplicates, &unknown, options.validation).map_err(astray)?;
        warnings.extend(resource.rules.warnings(&new));
        check_name(&new, target.name)?;
        update_as(server, caller, resource, writer, new, managed_fields.as_ref(), old)
    };
    let object = modify(server, target, options.dry_run, change).await?;
    let mut response = answer::object(StatusCode::OK, resource.kind, &object, form, server.now_seconds());
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
    let _turn = allocate::turn(server, target.resource).await?;
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
