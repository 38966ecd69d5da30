//! Which pods, claims and revisions a set is planned with, and which sets a change concerns.

use std::collections::BTreeSet;

use api::selector::Labels;
use k8s_openapi::{
    api::{
        apps::v1::ControllerRevision,
        core::v1::{PersistentVolumeClaim, Pod},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use plan::{
    facts::PodKey,
    read::is_ready,
    set::{Reserved, Set},
};

use super::{Kept, SetKey, Unit, World, claims_of, selects, unit};

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
        let selector = set.selector().map(Labels::from_selector);
        let is_its = |pod: &&Pod| {
            selector.as_ref().is_some_and(|selector| selects(selector, &pod.metadata))
                || is_controlled(set, &pod.metadata)
        };
        self.pods.of(set.namespace()).map(|(_, pod)| pod).filter(is_its).collect()
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
        let is_its = |reserved: &&Reserved| reserved.set == key.name && reserved.set_kind == key.kind;
        self.reserved.of(&key.namespace).map(|(_, reserved)| reserved).filter(is_its).collect()
    }

    /// The sets that a pod may belong to: whose selector matches it, or that control it.
    pub fn sets_of_pod<'a>(&'a self, namespace: &'a str, pod: &'a ObjectMeta) -> impl Iterator<Item = Set<'a>> {
        let is_its = move |set: &Set<'_>| {
            is_controlled(*set, pod)
                || set.selector().is_some_and(|selector| selects(&Labels::from_selector(selector), pod))
        };
        self.sets(namespace).filter(is_its)
    }

    /// Those, and the set whose pet's name it has.
    pub(super) fn sets_concerned<'a>(
        &'a self,
        namespace: &'a str,
        pod: &'a ObjectMeta,
    ) -> impl Iterator<Item = Set<'a>> {
        let name = pod.name.as_deref().unwrap_or_default();
        let of = name.rsplit_once('-').filter(|(_, ordinal)| ordinal.parse::<u32>().is_ok()).map(|(set, _)| set);
        let named = self.sets(namespace).filter(move |set| Some(set.name()) == of);
        self.sets_of_pod(namespace, pod).chain(named)
    }

    pub(super) fn mark_sets_of_revision(&self, namespace: &str, revision: &ObjectMeta, dirty: &mut BTreeSet<Unit>) {
        let name = revision.name.as_deref().unwrap_or_default();
        let is_its = |set: &Set<'_>| {
            is_controlled(*set, revision) || name.strip_prefix(set.name()).is_some_and(|rest| rest.starts_with('-'))
        };
        let sets = self.sets(namespace).filter(|set| set.kind() == "StatefulSet").filter(is_its);
        dirty.extend(sets.map(unit));
    }

    pub(super) fn mark_users_of_claim(&self, namespace: &str, claim: &str, dirty: &mut BTreeSet<Unit>) {
        for (pod, object) in self.pods.of(namespace) {
            if claims_of(object).any(|name| name == claim) {
                dirty.insert(Unit::Pod(PodKey { namespace: namespace.to_owned(), name: pod.to_owned() }));
            }
        }
        let is_its = |set: &Set<'_>| {
            set.claim_templates().any(|(template, _)| claim.starts_with(&format!("{template}-{}-", set.name())))
        };
        dirty.extend(self.sets(namespace).filter(is_its).map(unit));
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

fn is_controlled(set: Set<'_>, object: &ObjectMeta) -> bool {
    let mut owners = object.owner_references.iter().flatten();
    owners.any(|owner| owner.controller == Some(true) && owner.uid == set.uid())
}

impl<T: serde::de::DeserializeOwned> Kept<T> {
    /// The objects of a namespace whose names begin so.
    fn beginning<'a>(&'a self, namespace: &'a str, prefix: &str) -> impl Iterator<Item = (&'a str, &'a T)> {
        let prefix = prefix.to_owned();
        self.objects
            .range((namespace.to_owned(), prefix.clone())..)
            .take_while(move |((of, name), _)| of == namespace && name.starts_with(&prefix))
            .map(|((_, name), (_, object))| (name.as_str(), object))
    }
}
