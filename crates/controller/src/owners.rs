//! Who belongs to whom: the owner references of every object that is served, of whatever kind.
//!
//! Only what has owners, or settles what becomes of its dependents before it goes, takes room here; and a change costs what
//! it touches.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use api::resource::{RESOURCES, Resource, Scope};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use plan::garbage::{self, Dependent, Dependents, ORPHANED_PER_PLAN_MAX, Owner};
use serde::Deserialize;
use serde_json::Value;
use store::{Change, Event, Key, Store};

use crate::world::resources;

/// The index of owners and dependents.
#[derive(Debug, Default)]
pub struct Owners {
    /// Who names an owner, by the owner's uid.
    dependents: BTreeMap<String, Named>,
    /// The owners that an object names: uid, and whether it holds the owner up.
    named: BTreeMap<Key, Vec<(String, bool)>>,
    /// The objects that are being deleted and settle what becomes of their dependents first, by uid; and whether they wait
    /// until those are gone.
    leaving: BTreeMap<String, (Key, bool)>,
}

/// Who names one owner.
#[derive(Debug, Default)]
struct Named {
    all: BTreeSet<Key>,
    /// Those that hold it up.
    blocking: BTreeSet<Key>,
}

/// Whether objects of a resource can belong to others at all. Events tell of what is gone, too; records of the daemon's own
/// are not served.
pub fn is_collected(resource: &str) -> bool {
    resource != resources::EVENTS && !resource.starts_with('_')
}

impl Owners {
    /// Takes in a change, and returns the objects that may be planned differently because of it.
    pub fn apply(&mut self, event: &Event) -> BTreeSet<Key> {
        let mut dirty = BTreeSet::new();
        if !is_collected(&event.key.resource) {
            return dirty;
        }
        let metadata = &event.object["metadata"];
        let is_gone = event.change == Change::Deleted;
        let references = if is_gone { Vec::new() } else { references_of(metadata) };
        let uid = metadata["uid"].as_str().unwrap_or_default();
        self.link(&event.key, references, &mut dirty);
        self.follow(&event.key, uid, if is_gone { None } else { leaving(metadata) }, &mut dirty);
        if is_gone && let Some(named) = self.dependents.get(uid) {
            dirty.extend(named.all.iter().cloned());
        }
        dirty
    }

    /// Who names the object of this uid as an owner.
    pub fn dependents_of(&self, store: &Store, uid: &str) -> Dependents {
        let Some(named) = self.dependents.get(uid) else { return Dependents::default() };
        let rest = named.all.iter().filter(|key| !named.blocking.contains(*key));
        let some = named.blocking.iter().chain(rest).take(ORPHANED_PER_PLAN_MAX);
        let read = |key: &Key| Some(Dependent { resource: key.resource.to_string(), metadata: metadata(store, key)? });
        let is_waiting = |key: &Key| {
            let uid = store.get(key).and_then(|object| Some(object["metadata"]["uid"].as_str()?.to_owned()));
            uid.and_then(|uid| self.leaving.get(&uid)).is_some_and(|(_, waits)| *waits)
        };
        Dependents {
            some: some.filter_map(read).collect(),
            count: named.all.len(),
            blocking: named.blocking.len(),
            is_waiting: !self.leaving.is_empty() && named.all.iter().any(is_waiting),
        }
    }

    /// Puts the owners that an object names in the place of those that it named before.
    fn link(&mut self, key: &Key, references: Vec<(String, bool)>, dirty: &mut BTreeSet<Key>) {
        let before = self.named.get(key);
        if before.map_or(&[][..], Vec::as_slice) == references {
            return;
        }
        for (uid, _) in before.into_iter().flatten() {
            if let Some(named) = self.dependents.get_mut(uid) {
                named.all.remove(key);
                named.blocking.remove(key);
                if named.all.is_empty() {
                    self.dependents.remove(uid);
                }
            }
            dirty.extend(self.leaving.get(uid).map(|(owner, _)| owner.clone()));
        }
        for (uid, blocks) in &references {
            let named = self.dependents.entry(uid.clone()).or_default();
            named.all.insert(key.clone());
            if *blocks {
                named.blocking.insert(key.clone());
            }
            dirty.extend(self.leaving.get(uid).map(|(owner, _)| owner.clone()));
        }
        if references.is_empty() {
            self.named.remove(key);
        } else {
            self.named.insert(key.clone(), references);
            dirty.insert(key.clone());
        }
    }

    /// Notes whether an object settles what becomes of its dependents. They are looked at when it begins to, and when it ends.
    fn follow(&mut self, key: &Key, uid: &str, leaving: Option<bool>, dirty: &mut BTreeSet<Key>) {
        let before = self.leaving.get(uid).map(|(_, waits)| *waits);
        if leaving == before {
            return;
        }
        match leaving {
            Some(waits) => drop(self.leaving.insert(uid.to_owned(), (key.clone(), waits))),
            None => drop(self.leaving.remove(uid)),
        }
        dirty.insert(key.clone());
        if leaving == Some(true) || before == Some(true) {
            dirty.extend(self.dependents.get(uid).iter().flat_map(|named| named.all.iter().cloned()));
        }
    }
}

/// What an owner reference of an object in `namespace` points at. `namespaces` are those that there are.
pub fn resolve<'n>(
    store: &Store,
    namespace: &str,
    reference: &OwnerReference,
    mut namespaces: impl Iterator<Item = &'n str>,
) -> Owner {
    let served =
        |resource: &&&Resource| resource.kind == reference.kind && resource.api_version() == reference.api_version;
    let Some(resource) = RESOURCES.iter().find(served) else { return Owner::Unknown };
    let qualified = resource.qualified();
    let find = |namespace: &str| {
        let found = metadata(store, &Key::new(&qualified, namespace, &reference.name))?;
        (found.uid.as_ref() == Some(&reference.uid)).then_some(found)
    };
    let within = match resource.scope {
        Scope::Cluster => "",
        Scope::Namespaced if namespace.is_empty() => return Owner::Unreachable,
        Scope::Namespaced => namespace,
    };
    match find(within) {
        Some(owner) if garbage::is_waiting(&owner) => Owner::Waiting,
        Some(_) => Owner::There,
        None if resource.scope == Scope::Namespaced && namespaces.any(|other| find(other).is_some()) => {
            Owner::Elsewhere
        }
        None => Owner::Absent,
    }
}

/// The metadata of an object.
pub fn metadata(store: &Store, key: &Key) -> Option<ObjectMeta> {
    let object: Arc<Value> = store.get(key)?;
    // The server checks the shape of all that it stores.
    ObjectMeta::deserialize(&object["metadata"]).ok()
}

/// The uids of an object's owners, and whether it holds each of them up.
fn references_of(metadata: &Value) -> Vec<(String, bool)> {
    let references = metadata["ownerReferences"].as_array().into_iter().flatten();
    references
        .map(|reference| {
            let uid = reference["uid"].as_str().unwrap_or_default().to_owned();
            (uid, reference["blockOwnerDeletion"] == true)
        })
        .collect()
}

/// Whether an object settles what becomes of its dependents before it goes; and whether it waits for their end.
fn leaving(metadata: &Value) -> Option<bool> {
    if metadata["deletionTimestamp"].is_null() {
        return None;
    }
    let finalizers = api::metadata::finalizers(metadata);
    if finalizers.contains(&api::metadata::FOREGROUND) {
        Some(true)
    } else {
        finalizers.contains(&api::metadata::ORPHAN).then_some(false)
    }
}
