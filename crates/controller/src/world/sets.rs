//! Which pods, claims, slices and revisions a set or a service is planned with, and which sets a change concerns.

use std::collections::{BTreeMap, BTreeSet};

use api::selector::Labels;
use k8s_openapi::{
    api::{
        apps::v1::ControllerRevision,
        core::v1::{PersistentVolumeClaim, Pod, Service},
        discovery::v1::EndpointSlice,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use plan::{
    claim,
    facts::PodKey,
    read::is_ready,
    set::{Reserved, Set},
    zone::slices,
};

use super::{
    Kept, Object, SetKey, Unit, World, labels_of,
    lookup::{controllers_of, selector_of_service},
    selects, unit,
};

impl World {
    /// The sets of a namespace, of both kinds.
    pub fn sets<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = Set<'a>> {
        let pet_sets = self.petsets.of(namespace).map(|(_, set)| Set::from(set));
        pet_sets.chain(self.statefulsets.of(namespace).map(|(_, set)| Set::from(set)))
    }

    /// One set.
    pub fn set(&self, key: &SetKey) -> Option<Set<'_>> {
        match key.kind {
            "StatefulSet" => self.statefulsets.get(&key.namespace, &key.name).map(Set::from),
            _ => self.petsets.get(&key.namespace, &key.name).map(Set::from),
        }
    }

    /// The pods that a set's selector matches or that it controls, by name.
    pub fn pods_of_set<'a>(&'a self, set: Set<'a>) -> Vec<&'a Pod> {
        let namespace = set.namespace();
        let selector = set.selector().map(Labels::from_selector);
        let selected = selector.map_or_else(Vec::new, |selector| self.pods_selected(namespace, &selector));
        let of_name = |pod: &'a Pod| (pod.metadata.name.as_deref().unwrap_or_default(), pod);
        let mut pods: BTreeMap<&str, &Pod> = selected.into_iter().map(of_name).collect();
        let controlled = self.lookup.controlled.get(set.uid()).filter(|(of, _)| of == namespace);
        pods.extend(controlled.filter_map(|(_, name)| self.pods.get(namespace, name)).map(of_name));
        pods.into_values().collect()
    }

    /// The pods of a namespace that a selector selects, by name.
    pub(super) fn pods_selected<'a>(&'a self, namespace: &'a str, selector: &Labels) -> Vec<&'a Pod> {
        let is_selected = |pod: &&Pod| selects(selector, &pod.metadata);
        match self.lookup.pods_in(namespace).candidates(selector) {
            Some(names) => {
                names.into_iter().filter_map(|name| self.pods.get(namespace, name)).filter(is_selected).collect()
            }
            None => self.pods.of(namespace).map(|(_, pod)| pod).filter(is_selected).collect(),
        }
    }

    /// The pods that a service selects, by name; none for one without a selector, whose endpoints are written by hand.
    pub fn pods_of_service<'a>(&'a self, namespace: &'a str, service: &Service) -> Vec<&'a Pod> {
        selector_of_service(service).map_or_else(Vec::new, |selector| self.pods_selected(namespace, &selector))
    }

    /// The slices that are kept for a service.
    pub fn slices_of_service<'a>(&'a self, namespace: &'a str, service: &Service) -> Vec<&'a EndpointSlice> {
        let beginning = format!("{}-", service.metadata.name.as_deref().unwrap_or_default());
        let all = self.slices.beginning(namespace, &beginning).map(|(_, slice)| slice);
        all.filter(|slice| slices::is_kept_for(slice, service)).collect()
    }

    /// The pods whose names begin like those of the set's pets.
    pub fn namesakes<'a>(&'a self, set: Set<'a>) -> Vec<&'a Pod> {
        let prefix = format!("{}-", set.name());
        self.pods.beginning(set.namespace(), &prefix).map(|(_, pod)| pod).collect()
    }

    /// The claims whose names are those of claims of the set's pets.
    pub fn claims_of_set<'a>(&'a self, set: Set<'a>) -> Vec<&'a PersistentVolumeClaim> {
        let of_template = |(template, _): (&str, _)| {
            let prefix = format!("{template}-{}-", set.name());
            self.claims.beginning(set.namespace(), &prefix).map(|(_, claim)| claim).collect::<Vec<_>>()
        };
        set.claim_templates().flat_map(of_template).collect()
    }

    /// The controller revisions whose names begin with the set's.
    pub fn revisions_of_set<'a>(&'a self, set: Set<'a>) -> Vec<&'a ControllerRevision> {
        if set.kind() != "StatefulSet" {
            return Vec::new();
        }
        let prefix = format!("{}-", set.name());
        self.revisions.beginning(set.namespace(), &prefix).map(|(_, revision)| revision).collect()
    }

    /// What a set has reserved.
    pub fn reserved_of_set<'a>(&'a self, key: &'a SetKey) -> Vec<&'a Reserved> {
        let names = self.lookup.reserved.get(key);
        names.filter_map(|name| self.reserved.get(&key.namespace, name)).collect()
    }

    /// The sets that a pod may belong to: whose selector matches it, or that control it.
    pub fn sets_of_pod<'a>(&'a self, namespace: &'a str, pod: &ObjectMeta) -> impl Iterator<Item = Set<'a>> + use<'a> {
        let selecting = self.lookup.sets.get(namespace).map(|sets| sets.candidates(labels_of(pod)));
        let is_selecting = |key: &&SetKey| {
            let selector = self.set(key).and_then(Set::selector);
            selector.is_some_and(|selector| selects(&Labels::from_selector(selector), pod))
        };
        let mut keys: BTreeSet<&SetKey> = selecting.into_iter().flatten().filter(is_selecting).collect();
        keys.extend(self.controllers_of(namespace, pod));
        keys.into_iter().filter_map(|key| self.set(key))
    }

    /// Those, and the set whose pet's name it has.
    pub(super) fn sets_concerned<'a>(
        &'a self,
        namespace: &'a str,
        pod: &'a ObjectMeta,
    ) -> impl Iterator<Item = Set<'a>> {
        let name = pod.name.as_deref().unwrap_or_default();
        let of = name.rsplit_once('-').filter(|(_, ordinal)| ordinal.parse::<u32>().is_ok()).map(|(set, _)| set);
        let named = of.into_iter().flat_map(|of| self.sets_named(namespace, of));
        self.sets_of_pod(namespace, pod).chain(named)
    }

    pub(super) fn mark_sets_of_revision(&self, namespace: &str, revision: &ObjectMeta, dirty: &mut BTreeSet<Unit>) {
        let name = revision.name.as_deref().unwrap_or_default();
        let named = beginnings(name).filter_map(|of| self.statefulsets.get(namespace, of)).map(Set::from);
        let controlling = self.controllers_of(namespace, revision).filter_map(|key| self.set(key));
        dirty.extend(named.chain(controlling.filter(|set| set.kind() == "StatefulSet")).map(unit));
    }

    pub(super) fn mark_users_of_claim(&self, namespace: &str, claim: &str, dirty: &mut BTreeSet<Unit>) {
        let (namespace, claim) = (namespace.to_owned(), claim.to_owned());
        let name = (namespace.clone(), claim.clone());
        for pod in self.lookup.mounting.get(&name) {
            dirty.insert(Unit::Pod(PodKey { namespace: namespace.clone(), name: pod.clone() }));
        }
        // `$(template)-$(set)-$(ordinal)`, and each of the three may have dashes of its own.
        for template in beginnings(&claim) {
            for set in beginnings(&claim[template.len() + 1..]) {
                let sets = self.sets_named(&namespace, set);
                dirty.extend(sets.filter(|set| set.claim_templates().any(|(name, _)| name == template)).map(unit));
            }
        }
    }

    /// Pods whose claims' volumes are kept in these volumes of the engine.
    pub(crate) fn mark_users_of_volumes(&self, handles: &BTreeSet<String>, dirty: &mut BTreeSet<Unit>) {
        for (_, volume) in self.volumes.all() {
            if claim::handle(volume).is_some_and(|handle| handles.contains(handle))
                && let Some(claim) = volume.spec.as_ref().and_then(|spec| spec.claim_ref.as_ref())
            {
                let of = |part: &Option<String>| part.clone().unwrap_or_default();
                self.mark_users_of_claim(&of(&claim.namespace), &of(&claim.name), dirty);
            }
        }
    }

    /// The sets of this name: one of each kind at most.
    fn sets_named<'a>(&'a self, namespace: &str, name: &str) -> impl Iterator<Item = Set<'a>> + use<'a> {
        let pet_set = self.petsets.get(namespace, name).map(Set::from);
        pet_set.into_iter().chain(self.statefulsets.get(namespace, name).map(Set::from))
    }

    /// The sets of a namespace that control an object.
    fn controllers_of<'a>(&'a self, namespace: &str, object: &ObjectMeta) -> impl Iterator<Item = &'a SetKey> {
        let found: Vec<&SetKey> = controllers_of(object).flat_map(|uid| self.lookup.uids.get(uid)).collect();
        found.into_iter().filter(move |key| key.namespace == namespace)
    }

    /// Pods that are down may be waiting for this one to be Ready.
    pub(super) fn mark_siblings_of_pod(&self, namespace: &str, pod: Option<&Pod>, dirty: &mut BTreeSet<Unit>) {
        for set in pod.into_iter().flat_map(|pod| self.sets_of_pod(namespace, &pod.metadata)) {
            for sibling in self.pods_of_set(set).into_iter().filter(|sibling| !is_ready(sibling)) {
                let name = sibling.metadata.name.clone().unwrap_or_default();
                dirty.insert(Unit::Pod(PodKey { namespace: namespace.to_owned(), name }));
            }
        }
    }
}

/// What comes before each dash of a name.
fn beginnings(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('-').map(|(at, _)| &name[..at])
}

impl<T: Object> Kept<T> {
    /// The objects of a namespace whose names begin so.
    fn beginning<'a>(&'a self, namespace: &'a str, prefix: &str) -> impl Iterator<Item = (&'a str, &'a T)> {
        let prefix = prefix.to_owned();
        self.objects
            .range((namespace.to_owned(), prefix.clone())..)
            .take_while(move |((of, name), _)| of == namespace && name.starts_with(&prefix))
            .map(|((_, name), (_, object))| (name.as_str(), object))
    }
}
