//! The planner's writes, as transactions of the store.

use std::collections::BTreeMap;

use api::{
    admission::{self, Deletion, Stamp},
    kinds::service_account,
    ownership::{self, Part, Writer},
    propagation::Propagation,
    resource::{RESOURCES, Resource},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use plan::{Subject, Write, claim::Begun, set::Reserved, unwritten::Deed};
use serde::Serialize;
use serde_json::{Value, json};
use store::{Expect, Key, Revision, Store};
use uuid::Uuid;

use crate::world::resources;

/// The field manager that the loop is.
const MANAGER: &str = "petset";

/// A write that the contract does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What the write was to do.
    pub deed: Deed,
    /// The kind of the object.
    pub kind: &'static str,
    /// The name of the object.
    pub name: String,
    /// The server's sentence.
    pub message: String,
}

/// One write, as the store takes it; `None` where there is nothing to do any more.
pub fn translate(store: &Store, write: Write, uid: Uuid, now: Timestamp) -> Result<Option<store::Write>, Refused> {
    Ok(match write {
        Write::CreatePod(pod) => {
            let reserved = pod.metadata.uid.as_ref().and_then(|uid| uid.parse().ok());
            let mut write = create(resources::PODS, &*pod, reserved.unwrap_or(uid), now)?;
            if let store::Write::Create { key, object } = &mut write {
                let account = |name: &str| Key::new(resources::ACCOUNTS, &key.namespace, name);
                let admitted = service_account::admit(object, |name| store.get(&account(name)));
                admitted.map_err(|status| Refused {
                    deed: Deed::Create,
                    kind: "Pod",
                    name: key.name.to_string(),
                    message: status.message,
                })?;
            }
            Some(write)
        }
        Write::Reserve(reserved) => Some(reserve(*reserved, uid, now)),
        Write::Release { namespace, name } => {
            Some(store::Write::Delete { key: Key::new(resources::RESERVED, &namespace, &name), expect: Expect::Exists })
        }
        Write::BeginVolume(begun) => Some(begin(*begun, uid, now)),
        Write::AbandonVolume(begun) => {
            let object = json!(begun);
            Some(store::Write::Update { key: key_of(resources::BEGUN, &object), object, expect: Expect::Exists })
        }
        Write::EndVolume { name } => {
            Some(store::Write::Delete { key: Key::new(resources::BEGUN, "", &name), expect: Expect::Exists })
        }
        Write::CreateClaim(claim) => Some(create(resources::CLAIMS, &*claim, uid, now)?),
        Write::CreateVolume(volume) => Some(create(resources::VOLUMES, &*volume, uid, now)?),
        Write::UpdatePod(pod) => replace(store, resources::PODS, &*pod, now),
        Write::UpdateClaim(claim) => replace(store, resources::CLAIMS, &*claim, now),
        Write::UpdateVolume(volume) => replace(store, resources::VOLUMES, &*volume, now),
        Write::UpdateNamespace(namespace) => replace_with_status(store, resources::NAMESPACES, &*namespace),
        Write::PodStatus { namespace, name, rv, status } => {
            set_status(store, Key::new(resources::PODS, &namespace, &name), &rv, json!(status))
        }
        Write::ClaimStatus { namespace, name, rv, status } => {
            set_status(store, Key::new(resources::CLAIMS, &namespace, &name), &rv, json!(status))
        }
        Write::NodeStatus { name, rv, status } => {
            set_status(store, Key::new(resources::NODES, "", &name), &rv, json!(status))
        }
        Write::VolumeStatus { name, rv, status } => {
            set_status(store, Key::new(resources::VOLUMES, "", &name), &rv, json!(status))
        }
        Write::PetSetStatus { namespace, name, rv, observed_generation, replicas } => {
            let status = json!({"observedGeneration": observed_generation, "replicas": replicas});
            set_status(store, Key::new(resources::PETSETS, &namespace, &name), &rv, status)
        }
        Write::StatefulSetStatus { namespace, name, rv, status } => {
            set_status(store, Key::new(resources::STATEFULSETS, &namespace, &name), &rv, json!(status))
        }
        Write::CreateRevision(revision) => Some(create(resources::REVISIONS, &*revision, uid, now)?),
        Write::UpdateRevision(revision) => replace(store, resources::REVISIONS, &*revision, now),
        Write::BudgetStatus { namespace, name, rv, status } => {
            set_status(store, Key::new(resources::BUDGETS, &namespace, &name), &rv, json!(status))
        }
        Write::DeletePod { namespace, name, rv } => {
            delete(store, Key::new(resources::PODS, &namespace, &name), &rv, None, now)?
        }
        Write::DeleteContent { resource, namespace, name, rv } => {
            delete(store, Key::new(&resource, &namespace, &name), &rv, None, now)?
        }
        Write::DeleteDependent { resource, namespace, name, rv, propagation } => {
            delete(store, Key::new(&resource, &namespace, &name), &rv, Some(propagation), now)?
        }
        Write::SetOwners { resource, namespace, name, rv, owners } => {
            let owners = (!owners.is_empty()).then(|| json!(owners));
            change(store, Key::new(&resource, &namespace, &name), &rv, "ownerReferences", owners, now)
        }
        Write::RemoveFinalizer { resource, namespace, name, rv, finalizer } => {
            let key = Key::new(&resource, &namespace, &name);
            let kept: Vec<String> = store.get(&key).map_or_else(Vec::new, |object| {
                let present = api::metadata::finalizers(&object["metadata"]).into_iter();
                present.filter(|present| *present != finalizer).map(str::to_owned).collect()
            });
            change(store, key, &rv, "finalizers", (!kept.is_empty()).then(|| json!(kept)), now)
        }
        Write::RemovePod { namespace, name, rv } => remove(store, Key::new(resources::PODS, &namespace, &name), &rv),
        Write::RemoveVolume { name, rv } => remove(store, Key::new(resources::VOLUMES, "", &name), &rv),
        Write::RemoveNamespace { name, rv } => {
            Some(store::Write::Delete { key: Key::new(resources::NAMESPACES, "", &name), expect: at(&rv) })
        }
        Write::Slice { slice, rv: None } => Some(create(resources::SLICES, &*slice, uid, now)?),
        Write::Slice { slice, rv: Some(_) } => replace(store, resources::SLICES, &*slice, now),
        Write::CreateAccount(account) => Some(create(resources::ACCOUNTS, &*account, uid, now)?),
        Write::ConfigMap { config_map, rv: None } => Some(create(resources::CONFIG_MAPS, &*config_map, uid, now)?),
        Write::ConfigMap { config_map, rv: Some(_) } => replace(store, resources::CONFIG_MAPS, &*config_map, now),
        Write::Endpoints { endpoints, rv: None } => Some(create(resources::ENDPOINTS, &*endpoints, uid, now)?),
        Write::Endpoints { endpoints, rv: Some(_) } => replace_with_status(store, resources::ENDPOINTS, &*endpoints),
    })
}

/// The object that users know of what a write is about: of a volume that is begun the claim. `None` of other records of the
/// daemon's own.
pub fn shown(write: &store::Write) -> Option<Key> {
    let (key, object) = match write {
        store::Write::Create { key, object } | store::Write::Update { key, object, .. } => (key, Some(object)),
        store::Write::Check { key, .. } | store::Write::Delete { key, .. } => (key, None),
    };
    if *key.resource == *resources::BEGUN {
        let claim = |field: &str| object?["claim"][field].as_str();
        return Some(Key::new(resources::CLAIMS, claim("namespace")?, claim("name")?));
    }
    (!key.resource.starts_with('_')).then(|| key.clone())
}

/// The object of a key, for users.
pub fn subject(store: &Store, key: &Key) -> Subject {
    let served = served(&key.resource);
    Subject {
        api_version: match served.group {
            "" => served.version.to_owned(),
            group => format!("{group}/{}", served.version),
        },
        kind: served.kind.to_owned(),
        namespace: key.namespace.to_string(),
        name: key.name.to_string(),
        uid: store.get(key).map(|object| text(&object, "uid").to_owned()).unwrap_or_default(),
    }
}

fn create(resource: &str, object: &impl Serialize, uid: Uuid, now: Timestamp) -> Result<store::Write, Refused> {
    let object = json!(object);
    let name = text(&object, "name").to_owned();
    let namespace = text(&object, "namespace").to_owned();
    let created = admission::create(served(resource), &namespace, object, &Stamp { uid, now });
    let object = created.map_err(|status| {
        let kind = served(resource).kind;
        Refused { deed: Deed::Create, kind, name, message: status.message }
    })?;
    Ok(store::Write::Create { key: key_of(resource, &object), object })
}

/// A record of the daemon's own: no rules of the contract apply before the pod is made.
fn reserve(mut reserved: Reserved, uid: Uuid, now: Timestamp) -> store::Write {
    reserved.metadata.uid = Some(uid.to_string());
    reserved.metadata.creation_timestamp = Some(Time(now));
    reserved.pod.metadata.uid = Some(uid.to_string());
    let object = json!(reserved);
    store::Write::Create { key: key_of(resources::RESERVED, &object), object }
}

/// The record of a volume that is being made.
fn begin(mut begun: Begun, uid: Uuid, now: Timestamp) -> store::Write {
    begun.metadata.uid = Some(uid.to_string());
    begun.metadata.creation_timestamp = Some(Time(now));
    let object = json!(begun);
    store::Write::Create { key: key_of(resources::BEGUN, &object), object }
}

/// Replaces metadata and spec and keeps the stored status, unless this was the last finalizer of an object that is
/// being deleted: then it goes.
fn replace(store: &Store, resource: &str, object: &impl Serialize, now: Timestamp) -> Option<store::Write> {
    let mut object = json!(object);
    let key = key_of(resource, &object);
    let expect = at(text(&object, "resourceVersion"));
    if is_finished(&object) && resource != resources::PODS {
        return Some(store::Write::Delete { key, expect });
    }
    let stored = store.get(&key)?;
    match stored.get("status") {
        Some(status) => object["status"] = status.clone(),
        None => drop(object.as_object_mut().and_then(|object| object.remove("status"))),
    }
    own(resource, &mut object, &stored, now);
    Some(store::Write::Update { key, object, expect })
}

/// What the loop changes of an object apart from its status is the daemon's from then on, so that whoever applied it is told
/// of the conflict. Objects of which nobody wrote down who owns what stay so.
fn own(resource: &str, object: &mut Value, stored: &Value, now: Timestamp) {
    ownership::take(object);
    let writer = Writer { manager: MANAGER, part: Part::Main, now };
    ownership::changed(served(resource), object, stored, writer);
}

/// Replaces everything but who owns what.
fn replace_with_status(store: &Store, resource: &str, object: &impl Serialize) -> Option<store::Write> {
    let mut object = json!(object);
    let (key, expect) = (key_of(resource, &object), at(text(&object, "resourceVersion")));
    if let Some(entries) = store.get(&key)?["metadata"].get("managedFields") {
        object["metadata"]["managedFields"] = entries.clone();
    }
    Some(store::Write::Update { key, object, expect })
}

fn set_status(store: &Store, key: Key, rv: &str, status: Value) -> Option<store::Write> {
    let mut object = (*store.get(&key)?).clone();
    object["status"] = status;
    Some(store::Write::Update { key, object, expect: at(rv) })
}

/// Another value of a field of the metadata, `None` for none. An object that is being deleted and that nothing keeps any
/// more is removed by this.
fn change(
    store: &Store,
    key: Key,
    rv: &str,
    field: &str,
    value: Option<Value>,
    now: Timestamp,
) -> Option<store::Write> {
    let stored = store.get(&key)?;
    let mut object = (*stored).clone();
    let metadata = object["metadata"].as_object_mut()?;
    match value {
        Some(value) => metadata.insert(field.to_owned(), value),
        None => metadata.remove(field),
    };
    if admission::is_released(served(&key.resource), &object) {
        return Some(store::Write::Delete { key, expect: at(rv) });
    }
    own(&key.resource, &mut object, &stored, now);
    Some(store::Write::Update { key, object, expect: at(rv) })
}

/// What `DELETE` does, with the object's own grace period.
fn delete(
    store: &Store,
    key: Key,
    rv: &str,
    propagation: Option<Propagation>,
    now: Timestamp,
) -> Result<Option<store::Write>, Refused> {
    let Some(stored) = store.get(&key) else { return Ok(None) };
    let options = admission::DeleteOptions { propagation, ..admission::DeleteOptions::default() };
    match admission::delete(served(&key.resource), &stored, &options, now) {
        Ok(Deletion::Remove) => Ok(Some(store::Write::Delete { key, expect: at(rv) })),
        Ok(Deletion::Mark(object)) => Ok(Some(store::Write::Update { key, object, expect: at(rv) })),
        Err(status) => {
            let kind = served(&key.resource).kind;
            Err(Refused { deed: Deed::Delete, kind, name: key.name.to_string(), message: status.message })
        }
    }
}

/// Removes an object whose outside is gone; one that a finalizer still holds stays, marked.
fn remove(store: &Store, key: Key, rv: &str) -> Option<store::Write> {
    let stored = store.get(&key)?;
    let held = stored["metadata"]["finalizers"].as_array().is_some_and(|finalizers| !finalizers.is_empty());
    if held {
        let mut object = (*stored).clone();
        object["metadata"]["deletionGracePeriodSeconds"] = json!(0);
        return Some(store::Write::Update { key, object, expect: at(rv) });
    }
    Some(store::Write::Delete { key, expect: at(rv) })
}

fn is_finished(object: &Value) -> bool {
    let metadata = &object["metadata"];
    let held = metadata["finalizers"].as_array().is_some_and(|finalizers| !finalizers.is_empty());
    metadata.get("deletionTimestamp").is_some() && !held
}

/// The resource of a name that the store uses.
pub fn served(resource: &str) -> &'static Resource {
    // Looked up by the name that the store uses; the planner names only what is registered.
    static BY_NAME: std::sync::LazyLock<BTreeMap<String, &'static Resource>> =
        std::sync::LazyLock::new(|| RESOURCES.iter().map(|resource| (resource.qualified(), *resource)).collect());
    BY_NAME.get(resource).expect("the planner names only resources of the registry")
}

fn key_of(resource: &str, object: &Value) -> Key {
    Key::new(resource, text(object, "namespace"), text(object, "name"))
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

fn at(rv: &str) -> Expect {
    // An object without a revision was never stored: nothing has revision 0, so the write loses its race.
    Expect::At(Revision(rv.parse().unwrap_or(0)))
}
