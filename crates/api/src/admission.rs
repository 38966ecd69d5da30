//! What becomes of an object on its way into the store: on creation, on update, on deletion.
//!
//! Everything is pure: an object comes in, the object to be stored or a refusal comes out; time and chance are
//! arguments ([`Stamp`]). The server calls it for requests, and so does whoever makes objects on its own account, so that
//! a pod is the same pod whoever made it. Follows Kubernetes' `apiserver/pkg/registry/rest`.

use std::io;

use jiff::{Timestamp, ToSpan};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::Deserialize as _;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    kinds::pod::ephemeral,
    limits::OBJECT_BYTES_MAX,
    metadata::{self, finalizers},
    ownership,
    propagation::{Propagation, finalizers_of_deletion},
    resource::{PODS, Resource},
    selector::Labels,
    status::{Cause, Status},
};

/// The letters of generated names: no vowels and nothing that looks like one, as in Kubernetes.
const SUFFIX_LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// How many letters are appended to a `generateName`.
const SUFFIX_LENGTH: usize = 5;
/// The longest `generateName` that is used in full: with the suffix it still makes a DNS label.
const PREFIX_LENGTH_MAX: usize = 63 - SUFFIX_LENGTH;
/// Namespaces that must not go, as Kubernetes' `NamespaceLifecycle` has it.
const IMMORTAL_NAMESPACES: &[&str] = &["default", "kube-system", "kube-public"];

/// The moment and the chance that a new object gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// `metadata.creationTimestamp`.
    pub now: Timestamp,
    /// `metadata.uid`; also what a generated name is drawn from.
    pub uid: Uuid,
}

/// What a client asks for with a deletion (`meta/v1 DeleteOptions`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// The grace that is asked for; the object's own where it is not given.
    pub grace_seconds: Option<i64>,
    /// The uid that the object must have.
    pub uid: Option<String>,
    /// The `resourceVersion` that the object must have.
    pub resource_version: Option<String>,
    /// What becomes of the object's dependents.
    pub propagation: Option<Propagation>,
    /// The same in the words of Kubernetes before 1.7: whether they stay.
    pub orphan_dependents: Option<bool>,
}

/// What an update comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Update {
    /// The object to store.
    Write(Value),
    /// The object lost its last finalizer while being deleted: its last state, and then its end.
    Remove(Value),
}

/// What a deletion comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Deletion {
    /// The object goes at once.
    Remove,
    /// The object stays for now, in this state, which says that it is being deleted. The same as before where an
    /// earlier deletion asked for no more grace than this one.
    Mark(Value),
}

/// A new object, ready to be stored. `namespace` is that of the request, empty for cluster-scoped resources; the object
/// has been normalised, and has the `managedFields` that it shall have ([`crate::ownership`]), here as in what follows.
///
/// Errors: 400 where the object names another namespace, 413 where it is too large, 422 `Invalid` with every cause, 500
/// where it carries a `resourceVersion` (as Kubernetes).
pub fn create(resource: &Resource, namespace: &str, mut object: Value, stamp: &Stamp) -> Result<Value, Status> {
    identify(resource, &mut object);
    if !matches!(text(&object["metadata"], "resourceVersion"), "" | "0") {
        return Err(Status::version_on_create());
    }
    settle_namespace(&mut object, namespace)?;
    let metadata = metadata_mut(&mut object);
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion", "generation"] {
        metadata.remove(field);
    }
    let name = metadata.get("name").and_then(Value::as_str).unwrap_or_default();
    let prefix = metadata.get("generateName").and_then(Value::as_str).unwrap_or_default();
    if name.is_empty() && !prefix.is_empty() {
        let name = generate(prefix, stamp.uid);
        metadata.insert("name".to_owned(), name.into());
    }
    metadata.insert("uid".to_owned(), stamp.uid.to_string().into());
    metadata.insert("creationTimestamp".to_owned(), seconds(stamp.now));

    resource.rules.default(&mut object);
    resource.rules.prepare_create(&mut object);
    let mut causes = metadata::validate_create(resource, &object);
    causes.extend(resource.rules.validate_create(&object));
    refuse(resource, &object, &causes)?;
    measure(&object)?;
    Ok(object)
}

/// The new state of an object, given its present one. A `resourceVersion` in `new` must be that of `old`; an empty
/// one updates unconditionally. `new` has been normalised.
///
/// Errors: 400 where it names another namespace, 409 `Conflict` for another `resourceVersion` or `uid`, 413 where it is too
/// large, 422 `Invalid` with every cause, or without a `resourceVersion` where the kind wants one.
pub fn update(resource: &Resource, mut new: Value, old: &Value) -> Result<Update, Status> {
    identify(resource, &mut new);
    settle_namespace(&mut new, text(&old["metadata"], "namespace"))?;
    agree(resource, &new, old)?;
    if !resource.rules.is_updated_blindly() && matches!(text(&new["metadata"], "resourceVersion"), "" | "0") {
        return Err(Status::version_on_update(resource, text(&old["metadata"], "name")));
    }
    carry(&mut new, old);
    resource.rules.default(&mut new);
    resource.rules.prepare_update(&mut new, old);
    let mut causes = metadata::validate_update(&new, old);
    causes.extend(resource.rules.validate_update(&new, old));
    refuse(resource, &new, &causes)?;
    measure(&new)?;
    Ok(if is_released(resource, &new) { Update::Remove(new) } else { Update::Write(new) })
}

/// The object with another `status`, with the `managedFields` of `new`, and nothing else changed.
///
/// Errors: 409 `Conflict`, 413 and 422 `Invalid` as for [`update`].
pub fn update_status(resource: &Resource, mut new: Value, old: &Value) -> Result<Value, Status> {
    settle_namespace(&mut new, text(&old["metadata"], "namespace"))?;
    agree(resource, &new, old)?;
    let mut object = old.clone();
    match (ownership::take(&mut new), object["metadata"].as_object_mut()) {
        (Some(entries), Some(metadata)) => drop(metadata.insert("managedFields".to_owned(), entries)),
        (None, Some(metadata)) => drop(metadata.remove("managedFields")),
        (_, None) => {}
    }
    match new.get_mut("status").map(Value::take) {
        Some(status) if !status.is_null() => object["status"] = status,
        _ => {
            object.as_object_mut().map(|fields| fields.remove("status"));
        }
    }
    refuse(resource, &object, &resource.rules.validate_status(&object, old))?;
    measure(&object)?;
    Ok(object)
}

/// The pod with further ephemeral containers, and nothing else changed.
///
/// Errors: 409 `Conflict`, 413 and 422 `Invalid` as for [`update`].
pub fn update_ephemeral_containers(mut new: Value, old: &Value) -> Result<Value, Status> {
    settle_namespace(&mut new, text(&old["metadata"], "namespace"))?;
    agree(&PODS, &new, old)?;
    let object = ephemeral::replaced(&new, old);
    refuse(&PODS, &object, &ephemeral::validate(&object, old))?;
    measure(&object)?;
    Ok(object)
}

/// What the deletion of an object comes to. Pods get their grace; whatever has finalizers is marked and stays; a
/// namespace becomes `Terminating` first; all else goes at once.
///
/// Errors: 403 `Forbidden` for the namespaces that must not go and for the node, without which Kubernetes would take all
/// pods for lost, 409 `Conflict` where a precondition does not hold.
pub fn delete(resource: &Resource, old: &Value, options: &DeleteOptions, now: Timestamp) -> Result<Deletion, Status> {
    let metadata = &old["metadata"];
    precondition(resource, metadata, options)?;
    let name = text(metadata, "name");
    if resource.kind == "Namespace" && IMMORTAL_NAMESPACES.contains(&name) {
        return Err(Status::forbidden(resource, name, "this namespace may not be deleted"));
    }
    if resource.kind == "Node" {
        let why = "it is the machine that all pods run on: delete the sets and pods that shall go";
        return Err(Status::forbidden(resource, name, why));
    }
    let is_pod = resource.kind == "Pod";
    let grace = if is_pod { pod_grace(old, options) } else { 0 };
    let is_deleting = !metadata["deletionTimestamp"].is_null();
    let present = metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0);
    // Only a shorter grace than the one that runs is a change.
    let is_shorter = is_deleting && options.grace_seconds.is_some() && grace < present;
    // Whose deletion is under way keeps what was asked for first about its dependents, where it takes time by itself.
    let is_settled = is_deleting && (resource.kind == "Namespace" || is_pod && !is_shorter);
    let mut object = old.clone();
    if !is_settled {
        set_finalizers(&mut object, finalizers_of_deletion(resource, metadata, options));
    }
    // What keeps a namespace is its content, of which nothing is known here.
    let held = resource.kind == "Namespace" || !finalizers(&object["metadata"]).is_empty();
    if is_deleting && !is_shorter {
        return Ok(if present == 0 && !held { Deletion::Remove } else { Deletion::Mark(object) });
    }
    Ok(if grace == 0 && !held { Deletion::Remove } else { mark(object, grace, present, now) })
}

/// Sentences for `Warning` headers that a deletion brings.
pub fn deletion_warnings(resource: &Resource, old: &Value) -> Vec<String> {
    let pets = old["status"]["replicas"].as_i64().unwrap_or(0).max(old["spec"]["replicas"].as_i64().unwrap_or(0));
    if resource.kind != "PetSet" || pets == 0 {
        return Vec::new();
    }
    vec![format!(
        "pets of petset {:?} keep running: scale it to 0 first, or delete them with -l {}",
        text(&old["metadata"], "name"),
        selector_text(&old["spec"]["selector"]),
    )]
}

/// A `LabelSelector` in the notation of `-l`: `app=nginx,tier in (a,b),!old`; empty for what is none.
pub fn selector_text(selector: &Value) -> String {
    LabelSelector::deserialize(selector)
        .map(|selector| Labels::from_selector(&selector).to_string())
        .unwrap_or_default()
}

/// The grace that a pod gets: what is asked for, else its own; none where there is nothing to stop.
fn pod_grace(pod: &Value, options: &DeleteOptions) -> i64 {
    let status = &pod["status"];
    let is_placed = !text(&pod["spec"], "nodeName").is_empty()
        || ["startTime", "hostIP", "containerStatuses"].iter().any(|field| !status[*field].is_null());
    if !is_placed || matches!(text(status, "phase"), "Succeeded" | "Failed") {
        return 0;
    }
    let grace = options.grace_seconds.or_else(|| pod["spec"]["terminationGracePeriodSeconds"].as_i64()).unwrap_or(0);
    if grace < 0 { 1 } else { grace }
}

/// The object as one that is being deleted: gone `grace` seconds after the deletion was first asked for, which is
/// `present` seconds before its deadline where there is one.
fn mark(mut object: Value, grace: i64, present: i64, now: Timestamp) -> Deletion {
    let begun = text(&object["metadata"], "deletionTimestamp")
        .parse::<Timestamp>()
        .ok()
        .and_then(|deadline| deadline.checked_sub(present.seconds()).ok());
    let is_first = begun.is_none();
    let deadline = begun.unwrap_or(now).checked_add(grace.seconds()).unwrap_or(Timestamp::MAX);
    let metadata = metadata_mut(&mut object);
    metadata.insert("deletionTimestamp".to_owned(), seconds(deadline));
    metadata.insert("deletionGracePeriodSeconds".to_owned(), grace.into());
    // Deletion is a change of what is wanted.
    if let Some(generation) = metadata.get("generation").and_then(Value::as_i64).filter(|g| is_first && *g > 0) {
        metadata.insert("generation".to_owned(), (generation + 1).into());
    }
    if object["kind"] == "Namespace" {
        object["status"]["phase"] = "Terminating".into();
    }
    Deletion::Mark(object)
}

/// Gives the object these finalizers, and no field for none.
fn set_finalizers(object: &mut Value, finalizers: Vec<String>) {
    let metadata = metadata_mut(object);
    if finalizers.is_empty() {
        metadata.remove("finalizers");
    } else {
        metadata.insert("finalizers".to_owned(), finalizers.into());
    }
}

/// Whether nothing keeps an object that is being deleted. A pod with grace left is kept by its containers, a
/// namespace by its content.
pub fn is_released(resource: &Resource, object: &Value) -> bool {
    let metadata = &object["metadata"];
    resource.kind != "Namespace"
        && !metadata["deletionTimestamp"].is_null()
        && metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) == 0
        && finalizers(metadata).is_empty()
}

fn precondition(resource: &Resource, metadata: &Value, options: &DeleteOptions) -> Result<(), Status> {
    let name = text(metadata, "name");
    let (uid, version) = (text(metadata, "uid"), text(metadata, "resourceVersion"));
    match (options.uid.as_deref(), options.resource_version.as_deref()) {
        (Some(wanted), _) if wanted != uid => Err(Status::delete_conflict_uid(resource, name, wanted, uid)),
        (_, Some(wanted)) if wanted != version => Err(Status::delete_conflict_version(resource, name, wanted, version)),
        _ => Ok(()),
    }
}

/// The type that the object is stored as, whatever it said of itself.
fn identify(resource: &Resource, object: &mut Value) {
    object["apiVersion"] = resource.api_version().into();
    object["kind"] = resource.kind.into();
}

/// Gives the object the namespace of the request. Errors: 400 where it names another.
fn settle_namespace(object: &mut Value, namespace: &str) -> Result<(), Status> {
    let metadata = metadata_mut(object);
    let named = metadata.get("namespace").and_then(Value::as_str).unwrap_or_default();
    if !named.is_empty() && named != namespace {
        return Err(Status::namespace_mismatch());
    }
    if namespace.is_empty() {
        metadata.remove("namespace");
    } else {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
    Ok(())
}

/// Whether `new` is a change of `old` and not of another object or an earlier state. Errors: 409 `Conflict`.
fn agree(resource: &Resource, new: &Value, old: &Value) -> Result<(), Status> {
    let (new, old) = (&new["metadata"], &old["metadata"]);
    let name = text(old, "name");
    let (uid, version) = (text(new, "uid"), text(new, "resourceVersion"));
    if !uid.is_empty() && uid != text(old, "uid") {
        return Err(Status::conflict_uid(resource, name, uid, text(old, "uid")));
    }
    if !matches!(version, "" | "0") && version != text(old, "resourceVersion") {
        return Err(Status::conflict(resource, name));
    }
    Ok(())
}

/// Puts back what only the server sets.
fn carry(new: &mut Value, old: &Value) {
    let metadata = metadata_mut(new);
    metadata.remove("selfLink");
    for field in [
        "name",
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "generateName",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        match old["metadata"].get(field) {
            Some(value) => metadata.insert(field.to_owned(), value.clone()),
            None => metadata.remove(field),
        };
    }
}

/// Errors: 422 `Invalid` with all causes, if there are any.
fn refuse(resource: &Resource, object: &Value, causes: &[Cause]) -> Result<(), Status> {
    if causes.is_empty() {
        return Ok(());
    }
    let name = text(&object["metadata"], "name");
    Err(Status::invalid(resource.kind, resource.group, name, causes))
}

/// Errors: 413 for an object that is too large to be stored, which patches can make of small bodies.
fn measure(object: &Value) -> Result<(), Status> {
    /// Counts what is written to it.
    struct Scale(usize);
    impl io::Write for Scale {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut scale = Scale(0);
    let written = serde_json::to_writer(&mut scale, object);
    if written.is_err() || scale.0 > OBJECT_BYTES_MAX { Err(Status::too_large(OBJECT_BYTES_MAX)) } else { Ok(()) }
}

fn generate(prefix: &str, uid: Uuid) -> String {
    let mut rest = uid.as_u128();
    let base = SUFFIX_LETTERS.len() as u128;
    let mut name: String = prefix.chars().take(PREFIX_LENGTH_MAX).collect();
    for _ in 0..SUFFIX_LENGTH {
        name.push(char::from(SUFFIX_LETTERS[(rest % base) as usize]));
        rest /= base;
    }
    name
}

/// RFC 3339 in whole seconds, as Kubernetes writes times.
fn seconds(time: Timestamp) -> Value {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string().into()
}

/// The object's metadata, made where it is missing or not an object.
fn metadata_mut(object: &mut Value) -> &mut Map<String, Value> {
    if !object.is_object() {
        *object = json!({});
    }
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    object["metadata"].as_object_mut().expect("it was made an object just above")
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}
