//! What the loop knows of the store, and which units each change makes dirty.

mod budgets;
mod config;
pub(crate) mod index;
mod lookup;
mod sets;

use std::collections::{BTreeMap, BTreeSet};

use api::{petset::PetSet, selector::Labels};
use k8s_openapi::{
    api::{
        apps::v1::{ControllerRevision, StatefulSet},
        core::v1::{Endpoints, Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod, Service},
        discovery::v1::EndpointSlice,
        policy::v1::PodDisruptionBudget,
        storage::v1::StorageClass,
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::ObjectMeta},
};
use plan::{
    claim::{Begun, keeps_claims},
    facts::PodKey,
    namespace::{ACCOUNT, ROOT_CA},
    read::is_ready,
    schedule::{asks_who_is_there, shuns, takes, takes_room, waits_for_room},
    set::{Reserved, Set},
    zone::slices::SERVICE_NAME,
};
use serde::de::DeserializeOwned;
use store::{Change, Event, Key};

use self::{
    config::Readings,
    lookup::{Lookup, selector_of_service},
};
use crate::owners::Owners;

/// The store's names of the resources that the planner knows.
pub mod resources {
    /// Namespaces.
    pub const NAMESPACES: &str = "namespaces";
    /// Nodes.
    pub const NODES: &str = "nodes";
    /// Services.
    pub const SERVICES: &str = "services";
    /// Endpoints.
    pub const ENDPOINTS: &str = "endpoints";
    /// Slices of endpoints.
    pub const SLICES: &str = plan::zone::slices::RESOURCE;
    /// ConfigMaps.
    pub const CONFIG_MAPS: &str = "configmaps";
    /// Secrets.
    pub const SECRETS: &str = "secrets";
    /// Service accounts.
    pub const ACCOUNTS: &str = "serviceaccounts";
    /// Claims.
    pub const CLAIMS: &str = "persistentvolumeclaims";
    /// Volumes.
    pub const VOLUMES: &str = "persistentvolumes";
    /// Storage classes.
    pub const CLASSES: &str = "storageclasses.storage.k8s.io";
    /// Pods.
    pub const PODS: &str = "pods";
    /// PetSets.
    pub const PETSETS: &str = "petsets.apps";
    /// StatefulSets.
    pub const STATEFULSETS: &str = "statefulsets.apps";
    /// Controller revisions.
    pub const REVISIONS: &str = "controllerrevisions.apps";
    /// Disruption budgets.
    pub const BUDGETS: &str = "poddisruptionbudgets.policy";
    /// Events.
    pub const EVENTS: &str = "events";
    /// Pods that sets will make: the daemon's own records. The server never serves a name that starts with an underscore.
    pub const RESERVED: &str = "_reserved";
    /// Volumes that are being made: the daemon's own records, too.
    pub const BEGUN: &str = "_begun";
    /// Everything that the world keeps, in the order in which it is loaded.
    pub const KEPT: [&str; 15] = [
        NAMESPACES,
        NODES,
        SERVICES,
        ENDPOINTS,
        SLICES,
        CLAIMS,
        VOLUMES,
        BEGUN,
        CLASSES,
        BUDGETS,
        PODS,
        REVISIONS,
        PETSETS,
        STATEFULSETS,
        RESERVED,
    ];
}

/// Namespace and name; the namespace is empty for cluster-scoped objects.
pub type Name = (String, String);

/// Which set: two of different kinds may have one name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetKey {
    /// `PetSet` or `StatefulSet`.
    pub kind: &'static str,
    /// Where it is.
    pub namespace: String,
    /// What it is called.
    pub name: String,
}

impl SetKey {
    /// The set that has reserved a pod.
    fn of_reserved(namespace: &str, reserved: &Reserved) -> SetKey {
        let kind = if reserved.set_kind == "StatefulSet" { "StatefulSet" } else { "PetSet" };
        SetKey { kind, namespace: namespace.to_owned(), name: reserved.set.clone() }
    }
}

/// What is planned at once. The order is the order of planning: what others read comes first, so that a pod's
/// records change in the same instant as its readiness.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// A service's records and endpoints.
    Zone(Name),
    /// A namespace: what it has without anybody making it, or what is left in it.
    Namespace(String),
    /// A node.
    Node(String),
    /// One object that has owners, or settles what becomes of its dependents before it goes.
    Garbage(Key),
    /// All claims and volumes: binding is a matching.
    Claims,
    /// One set.
    Set(SetKey),
    /// One disruption budget.
    Budget(Name),
    /// One identity.
    Pod(PodKey),
}

/// What has metadata.
pub trait Object: DeserializeOwned {
    /// Its metadata.
    fn metadata_mut(&mut self) -> &mut ObjectMeta;
}

macro_rules! objects {
    ($($kind:ty),*) => {
        $(impl Object for $kind {
            fn metadata_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        })*
    };
}

objects!(
    Namespace,
    Node,
    Service,
    Endpoints,
    EndpointSlice,
    PersistentVolumeClaim,
    PersistentVolume,
    Begun,
    StorageClass,
    Pod,
    PetSet,
    StatefulSet,
    ControllerRevision,
    PodDisruptionBudget,
    Reserved
);

/// Objects of one kind by name, typed; without `managedFields`, which no plan reads.
#[derive(Debug)]
pub struct Kept<T> {
    objects: BTreeMap<Name, (u64, T)>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Kept { objects: BTreeMap::new() }
    }
}

impl<T: Object> Kept<T> {
    /// The object of this name.
    pub fn get(&self, namespace: &str, name: &str) -> Option<&T> {
        self.objects.get(&(namespace.to_owned(), name.to_owned())).map(|(_, object)| object)
    }

    /// All objects.
    pub fn all(&self) -> impl Iterator<Item = (&Name, &T)> {
        self.objects.iter().map(|(name, (_, object))| (name, object))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.objects.len()
    }

    /// The objects of a namespace, by name.
    pub fn of<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = (&'a str, &'a T)> {
        self.objects
            .range((namespace.to_owned(), String::new())..)
            .take_while(move |((of, _), _)| of == namespace)
            .map(|((_, name), (_, object))| (name.as_str(), object))
    }

    /// Takes in a change; returns the object before, and whether the change was news.
    fn apply(&mut self, event: &Event) -> (Option<T>, bool) {
        let name = (event.key.namespace.to_string(), event.key.name.to_string());
        if self.objects.get(&name).is_some_and(|(revision, _)| *revision >= event.revision.0) {
            return (None, false);
        }
        match event.change {
            Change::Deleted => {
                let before = self.objects.remove(&name);
                let news = before.is_some();
                (before.map(|(_, object)| object), news)
            }
            Change::Created | Change::Updated => match T::deserialize(&*event.object) {
                Ok(mut object) => {
                    object.metadata_mut().managed_fields = None;
                    (self.objects.insert(name, (event.revision.0, object)).map(|(_, object)| object), true)
                }
                Err(error) => {
                    // The server checks the shape of all that it stores, so this is an object of another version.
                    tracing::error!(key = ?event.key, %error, "object in the store has an unknown shape; ignored");
                    (None, false)
                }
            },
        }
    }
}

/// Everything that the planner may read of the store.
#[derive(Debug, Default)]
pub struct World {
    /// Namespaces.
    pub namespaces: Kept<Namespace>,
    /// Nodes.
    pub nodes: Kept<Node>,
    /// Services.
    pub services: Kept<Service>,
    /// Endpoints.
    pub endpoints: Kept<Endpoints>,
    /// Slices of endpoints.
    pub slices: Kept<EndpointSlice>,
    /// Claims.
    pub claims: Kept<PersistentVolumeClaim>,
    /// Volumes.
    pub volumes: Kept<PersistentVolume>,
    /// Volumes that are being made.
    pub begun: Kept<Begun>,
    /// Storage classes.
    pub classes: Kept<StorageClass>,
    /// Pods.
    pub pods: Kept<Pod>,
    /// PetSets.
    pub petsets: Kept<PetSet>,
    /// StatefulSets.
    pub statefulsets: Kept<StatefulSet>,
    /// Controller revisions.
    pub revisions: Kept<ControllerRevision>,
    /// Disruption budgets.
    pub budgets: Kept<PodDisruptionBudget>,
    /// Pods that sets will make, by the pod's name.
    pub reserved: Kept<Reserved>,
    /// Who belongs to whom, among objects of every kind.
    pub owners: Owners,
    /// The pods that were found not to fit what is on the node.
    waiting_for_room: BTreeSet<Name>,
    /// Where it finds what a change concerns.
    lookup: Lookup,
    /// What pods read of ConfigMaps and Secrets.
    readings: Readings,
}

impl World {
    /// Takes in a change, and returns the units that may plan differently because of it.
    #[allow(clippy::collapsible_match, reason = "a guard must not change what it looks at")]
    pub fn apply(&mut self, event: &Event) -> BTreeSet<Unit> {
        let namespace = event.key.namespace.to_string();
        let name = event.key.name.to_string();
        let mut dirty: BTreeSet<Unit> = self.owners.apply(event).into_iter().map(Unit::Garbage).collect();
        // What is being deleted counts until it is gone, and with the finalizers that hold it.
        let is_leaving = event.change == Change::Deleted || !event.object["metadata"]["deletionTimestamp"].is_null();
        if is_leaving && self.is_terminating(&namespace) {
            dirty.insert(Unit::Namespace(namespace.clone()));
        }
        self.readings.changed(&event.key, &mut dirty);
        match &*event.key.resource {
            resources::NAMESPACES => self.apply_namespace(event, &mut dirty),
            resources::NODES => {
                let (before, news) = self.nodes.apply(event);
                if news {
                    let offer = |node: &Node| (node.metadata.labels.clone(), node.spec.clone(), allocatable(node));
                    if before.as_ref().map(offer) != self.nodes.get("", &name).map(offer) {
                        // Which volumes are within reach depends on the labels.
                        dirty.insert(Unit::Claims);
                        self.mark_waiting_for_room(&mut dirty);
                    }
                    dirty.insert(Unit::Node(name));
                }
            }
            resources::SERVICES => {
                if self.services.apply(event).1 {
                    let name = (namespace, name);
                    self.lookup.service(&name, self.services.get(&name.0, &name.1));
                    dirty.extend(self.lookup.governed.get(&name).cloned().map(Unit::Set));
                    dirty.insert(Unit::Zone(name));
                }
            }
            resources::ENDPOINTS => {
                if self.endpoints.apply(event).1 {
                    dirty.insert(Unit::Zone((namespace, name)));
                }
            }
            resources::SLICES => self.apply_slice(event, &mut dirty),
            resources::CONFIG_MAPS if name == ROOT_CA => {
                dirty.insert(Unit::Namespace(namespace));
            }
            resources::ACCOUNTS => self.mark_users_of_account(event, &mut dirty),
            resources::CLAIMS => {
                if self.claims.apply(event).1 {
                    dirty.insert(Unit::Claims);
                    self.mark_users_of_claim(&namespace, &name, &mut dirty);
                }
            }
            resources::VOLUMES => {
                let (before, news) = self.volumes.apply(event);
                if news {
                    dirty.insert(Unit::Claims);
                    for volume in before.iter().chain(self.volumes.get("", &name)) {
                        if let Some(claim) = volume.spec.as_ref().and_then(|spec| spec.claim_ref.as_ref()) {
                            let of = |part: &Option<String>| part.clone().unwrap_or_default();
                            self.mark_users_of_claim(&of(&claim.namespace), &of(&claim.name), &mut dirty);
                        }
                    }
                }
            }
            resources::BEGUN => {
                if self.begun.apply(event).1 {
                    dirty.insert(Unit::Claims);
                }
            }
            resources::CLASSES => {
                if self.classes.apply(event).1 {
                    dirty.insert(Unit::Claims);
                }
            }
            resources::PODS => self.apply_pod(event, &mut dirty),
            resources::BUDGETS => {
                if self.budgets.apply(event).1 {
                    let name = (namespace, name);
                    self.lookup.budget(&name, self.budgets.get(&name.0, &name.1));
                    dirty.insert(Unit::Budget(name));
                }
            }
            resources::PETSETS => self.apply_set(SetKey { kind: "PetSet", namespace, name }, event, &mut dirty),
            resources::STATEFULSETS => {
                self.apply_set(SetKey { kind: "StatefulSet", namespace, name }, event, &mut dirty);
            }
            resources::REVISIONS => self.apply_revision(event, &mut dirty),
            resources::RESERVED => {
                let (before, news) = self.reserved.apply(event);
                if news {
                    let after = self.reserved.get(&namespace, &name);
                    self.lookup.reserved(&(namespace.clone(), name.clone()), before.as_ref(), after);
                    dirty.extend(before.iter().chain(after).map(|of| Unit::Set(SetKey::of_reserved(&namespace, of))));
                    dirty.insert(Unit::Pod(PodKey { namespace, name }));
                }
            }
            _ => {}
        }
        dirty
    }

    fn apply_namespace(&mut self, event: &Event, dirty: &mut BTreeSet<Unit>) {
        let (before, news) = self.namespaces.apply(event);
        if news {
            let labels = |namespace: &Namespace| namespace.metadata.labels.clone();
            if before.as_ref().map(labels) != self.namespaces.get("", &event.key.name).map(labels) {
                self.mark_waiting_for_room(dirty);
            }
            dirty.insert(Unit::Namespace(event.key.name.to_string()));
        }
    }

    fn apply_slice(&mut self, event: &Event, dirty: &mut BTreeSet<Unit>) {
        let (before, news) = self.slices.apply(event);
        if news {
            let after = self.slices.get(&event.key.namespace, &event.key.name);
            let labels = before.iter().chain(after).filter_map(|slice| slice.metadata.labels.as_ref());
            let services = labels.filter_map(|labels| labels.get(SERVICE_NAME).cloned());
            dirty.extend(services.map(|service| Unit::Zone((event.key.namespace.to_string(), service))));
        }
    }

    fn mark_users_of_account(&self, event: &Event, dirty: &mut BTreeSet<Unit>) {
        if event.change == Change::Created {
            // Pods that were refused for want of it are made now.
            dirty.extend(self.sets(&event.key.namespace).map(unit));
        }
        if *event.key.name == *ACCOUNT {
            dirty.insert(Unit::Namespace(event.key.namespace.to_string()));
        }
    }

    fn apply_set(&mut self, key: SetKey, event: &Event, dirty: &mut BTreeSet<Unit>) {
        // What it was before, for the other kind `None`.
        let (pet_set, stateful_set, news) = match key.kind {
            "StatefulSet" => {
                let (before, news) = self.statefulsets.apply(event);
                (None, before, news)
            }
            _ => {
                let (before, news) = self.petsets.apply(event);
                (before, None, news)
            }
        };
        if !news {
            return;
        }
        let before = pet_set.as_ref().map(Set::from).or(stateful_set.as_ref().map(Set::from));
        let after = match key.kind {
            "StatefulSet" => self.statefulsets.get(&key.namespace, &key.name).map(Set::from),
            _ => self.petsets.get(&key.namespace, &key.name).map(Set::from),
        };
        self.lookup.set(&key, before, after);
        for set in before.into_iter().chain(after) {
            self.mark_budgets_of_set(set, dirty);
        }
        dirty.insert(Unit::Set(key));
    }

    fn apply_revision(&mut self, event: &Event, dirty: &mut BTreeSet<Unit>) {
        let (before, news) = self.revisions.apply(event);
        if news {
            let after = self.revisions.get(&event.key.namespace, &event.key.name);
            for revision in before.iter().chain(after) {
                self.mark_sets_of_revision(&event.key.namespace, &revision.metadata, dirty);
            }
        }
    }

    fn apply_pod(&mut self, event: &Event, dirty: &mut BTreeSet<Unit>) {
        let (namespace, name) = (event.key.namespace.to_string(), event.key.name.to_string());
        let (before, news) = self.pods.apply(event);
        if !news {
            return;
        }
        let after = self.pods.get(&namespace, &name);
        let id = (namespace.clone(), name.clone());
        self.lookup.pod(&id, before.as_ref(), after);
        self.readings.pod(&id, before.as_ref(), after);
        if after.is_some_and(waits_for_room) {
            self.waiting_for_room.insert(id);
        } else {
            self.waiting_for_room.remove(&id);
        }
        let mounts = before.iter().chain(after).any(|pod| claims_of(pod).next().is_some());
        let is_felt = before.as_ref().is_some_and(keeps_claims) != after.is_some_and(keeps_claims);
        if mounts && (is_felt || after.is_none_or(|pod| pod.metadata.deletion_timestamp.is_some())) {
            dirty.insert(Unit::Claims);
        }
        for pod in before.iter().chain(after) {
            self.mark_budgets_of_pod(&namespace, &pod.metadata, dirty);
            self.mark_owners_of_pod(&namespace, &pod.metadata, dirty);
        }
        if before.as_ref().and_then(takes_room) != after.and_then(takes_room) {
            self.mark_waiting_beside(before.iter().chain(after).any(shuns), dirty);
        }
        if before.as_ref().is_some_and(is_ready) != after.is_some_and(is_ready) {
            self.mark_siblings_of_pod(&namespace, before.as_ref().or(after), dirty);
        }
        dirty.insert(Unit::Pod(PodKey { namespace, name }));
    }

    /// Whether a namespace is being deleted.
    pub fn is_terminating(&self, namespace: &str) -> bool {
        self.namespaces.get("", namespace).is_some_and(|object| object.metadata.deletion_timestamp.is_some())
    }

    /// Pods that did not fit may fit beside what is on the node now.
    fn mark_waiting_for_room(&self, dirty: &mut BTreeSet<Unit>) {
        let keys = self.waiting_for_room.iter().chain(self.reserved.all().map(|(name, _)| name));
        dirty.extend(
            keys.map(|(namespace, name)| Unit::Pod(PodKey { namespace: namespace.clone(), name: name.clone() })),
        );
    }

    /// The same where a pod came or went: of those that are yet to be made only these are concerned for which it counts who
    /// is there, unless it is one that shuns others.
    fn mark_waiting_beside(&self, shuns: bool, dirty: &mut BTreeSet<Unit>) {
        if shuns {
            return self.mark_waiting_for_room(dirty);
        }
        let keys = self.waiting_for_room.iter().chain(&self.lookup.particular);
        dirty.extend(
            keys.map(|(namespace, name)| Unit::Pod(PodKey { namespace: namespace.clone(), name: name.clone() })),
        );
    }

    /// The volume that a claim is bound to.
    pub fn volume_of_claim(&self, namespace: &str, name: &str) -> Option<&PersistentVolume> {
        let claim = self.claims.get(namespace, name)?;
        self.volumes.get("", claim.spec.as_ref()?.volume_name.as_deref()?)
    }

    /// The pods that mount claims, by namespace and name.
    pub fn pods_with_claims(&self) -> Vec<&Pod> {
        let names = self.lookup.mounting_any().into_iter();
        names.filter_map(|(namespace, name)| self.pods.get(namespace, name)).collect()
    }

    fn mark_owners_of_pod(&self, namespace: &str, pod: &ObjectMeta, dirty: &mut BTreeSet<Unit>) {
        dirty.extend(self.sets_concerned(namespace, pod).map(unit));
        let Some(services) = self.lookup.services.get(namespace) else { return };
        for name in services.candidates(labels_of(pod)) {
            let selector = self.services.get(namespace, name).and_then(selector_of_service);
            if selector.is_some_and(|selector| selects(&selector, pod)) {
                dirty.insert(Unit::Zone((namespace.to_owned(), name.clone())));
            }
        }
    }

    /// The other pods that count for whether a pod fits: all only where the pod itself asks who is there.
    pub fn neighbours<'a>(&'a self, key: &PodKey, pod: &Pod) -> Vec<&'a Pod> {
        let is_other = |(namespace, name): &&Name| (namespace, name) != (&key.namespace, &key.name);
        if asks_who_is_there(pod) {
            return self.pods.all().filter(|(name, _)| is_other(name)).map(|(_, pod)| pod).collect();
        }
        let taking = takes(pod).then_some(&self.lookup.taking);
        let names: BTreeSet<&Name> = self.lookup.shunning.iter().chain(taking.into_iter().flatten()).collect();
        names.into_iter().filter(is_other).filter_map(|(namespace, name)| self.pods.get(namespace, name)).collect()
    }

    /// The pods that name one of these images and may wait for it: those that are not Ready, and those that have had
    /// containers added.
    pub fn unready_with<'a>(&'a self, images: &BTreeSet<String>) -> impl Iterator<Item = &'a Name> {
        images.iter().flat_map(|image| self.lookup.unready.get(image))
    }
}

/// The unit in which a set is planned.
pub(crate) fn unit(set: Set<'_>) -> Unit {
    let (namespace, name) = (set.namespace().to_owned(), set.name().to_owned());
    Unit::Set(SetKey { kind: set.kind(), namespace, name })
}

/// The names of the claims that a pod mounts.
pub fn claims_of(pod: &Pod) -> impl Iterator<Item = &str> {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    volumes.filter_map(|volume| volume.persistent_volume_claim.as_ref()).map(|source| source.claim_name.as_str())
}

/// The image references that a pod names, each once.
pub fn images_of(pod: &Pod) -> BTreeSet<String> {
    let containers = |spec: &k8s_openapi::api::core::v1::PodSpec| {
        let all = spec.init_containers.iter().flatten().chain(&spec.containers).map(|container| &container.image);
        let added = spec.ephemeral_containers.iter().flatten().map(|container| &container.image);
        all.chain(added).flatten().cloned().collect::<BTreeSet<_>>()
    };
    pod.spec.as_ref().map(containers).unwrap_or_default()
}

/// What pods may request of a node.
fn allocatable(node: &Node) -> Option<BTreeMap<String, Quantity>> {
    node.status.as_ref()?.allocatable.clone()
}

fn selects(selector: &Labels, object: &ObjectMeta) -> bool {
    selector.matches(labels_of(object))
}

fn labels_of(object: &ObjectMeta) -> &BTreeMap<String, String> {
    static NONE: BTreeMap<String, String> = BTreeMap::new();
    object.labels.as_ref().unwrap_or(&NONE)
}
