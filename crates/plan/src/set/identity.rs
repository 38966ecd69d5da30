//! What a pet of a set is called, and what it and its claims look like: name, network and storage.
//!
//! These are the three identity mappers of 1.3 (`pkg/controller/petset/identity_mappers.go`).

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use k8s_openapi::{
    api::core::v1::{
        PersistentVolumeClaim, PersistentVolumeClaimStatus, PersistentVolumeClaimVolumeSource, Pod, Volume,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use api::{
    kinds::storage_class::CLASS_BETA,
    petset::{HOSTNAME, PetSet, STORAGE_CLASS, SUBDOMAIN, init_containers},
    resource::PODS,
    status::Status,
};

use super::pet::Ordinal;
use crate::claim::CLAIM_PROTECTION;

/// Octets of a hostname: one label of DNS (RFC 1035, 2.3.4).
const HOSTNAME_OCTETS_MAX: usize = 63;

/// A set as the giver of identities.
#[derive(Debug)]
pub(super) struct Identity<'a> {
    pub(super) namespace: &'a str,
    /// The set's name.
    pub(super) set: &'a str,
    /// The governing service's name, maybe empty.
    pub(super) service: &'a str,
    replicas: Ordinal,
    source: &'a PetSet,
}

impl<'a> Identity<'a> {
    pub(super) fn of(set: &'a PetSet) -> Identity<'a> {
        Identity {
            namespace: set.metadata.namespace.as_deref().unwrap_or_default(),
            set: set.metadata.name.as_deref().unwrap_or_default(),
            service: &set.spec.service_name,
            replicas: set.spec.replicas.unwrap_or(1).max(0).unsigned_abs(),
            source: set,
        }
    }

    /// The ordinals that the set is to have.
    pub(super) fn target(&self) -> Range<Ordinal> {
        0..self.replicas
    }

    /// `$(set)-$(ordinal)`.
    pub(super) fn pet_name(&self, ordinal: Ordinal) -> String {
        format!("{}-{ordinal}", self.set)
    }

    /// The ordinal in a pod's name, where it is one of this set and written as the set writes it (no leading zeros).
    pub(super) fn ordinal(&self, pod: &str) -> Option<Ordinal> {
        let digits = pod.strip_prefix(self.set)?.strip_prefix('-')?;
        let ordinal = digits.parse().ok()?;
        (self.pet_name(ordinal) == pod).then_some(ordinal)
    }

    /// Names of a pet's claims, in the order of the templates.
    pub(super) fn claim_names(&self, ordinal: Ordinal) -> impl Iterator<Item = String> {
        self.templates().map(move |(template, _)| self.claim_name(template, ordinal))
    }

    /// The claims of all pets, with their names: all of the first pet, then all of the second.
    pub(super) fn claims_all(&self) -> impl Iterator<Item = (String, PersistentVolumeClaim)> {
        // Without templates a set of a million pets is not worth a million turns.
        let target = if self.templates().next().is_some() { self.target() } else { 0..0 };
        target.flat_map(move |ordinal| {
            self.templates().map(move |(name, template)| {
                let name = self.claim_name(name, ordinal);
                (name.clone(), self.claim(name, template))
            })
        })
    }

    /// The pod of an ordinal. The error is a sentence about the template, for the `FailedCreate` event.
    pub(super) fn pet(&self, ordinal: Ordinal) -> Result<Pod, String> {
        let name = self.pet_name(ordinal);
        if !is_hostname(&name) {
            return Err(format!(
                "{name:?} cannot be a hostname: it must be at most {HOSTNAME_OCTETS_MAX} characters without dots"
            ));
        }
        let template = &self.source.spec.template;
        let metadata = template.metadata.clone().unwrap_or_default();
        let mut annotations = metadata.annotations.unwrap_or_default();
        annotations.extend(self.network(ordinal));
        let mut spec = template.spec.clone().ok_or("spec.template.spec: Required value")?;
        spec.hostname = Some(name.clone());
        spec.subdomain = (!self.service.is_empty()).then(|| self.service.to_owned());
        // They take the place of the spec's, as they did in 1.6, the last version to know both.
        let init_containers = init_containers(&annotations)?;
        if !init_containers.is_empty() {
            spec.init_containers = Some(init_containers);
        }
        let claims: Vec<Volume> = self.volumes(ordinal).collect();
        let mut volumes = spec.volumes.take().unwrap_or_default();
        volumes.retain(|v| claims.iter().all(|claim| claim.name != v.name));
        volumes.extend(claims);
        spec.volumes = (!volumes.is_empty()).then_some(volumes);
        let pod = Pod {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                namespace: Some(self.namespace.to_owned()),
                labels: metadata.labels,
                annotations: Some(annotations),
                ..ObjectMeta::default()
            },
            spec: Some(spec),
            status: None,
        };
        check(&pod, &name)?;
        Ok(pod)
    }

    /// The pod with its identity restored, where that has drifted.
    pub(super) fn restored(&self, ordinal: Ordinal, pod: &Pod) -> Option<Pod> {
        let present = pod.metadata.annotations.as_ref();
        let drifted =
            self.network(ordinal).any(|(key, value)| present.and_then(|a| a.get(key.as_str())) != Some(&value));
        drifted.then(|| {
            let mut pod = pod.clone();
            pod.metadata.annotations.get_or_insert_default().extend(self.network(ordinal));
            pod
        })
    }

    /// The first of a pet's claims that the pod does not mount as the set would.
    pub(super) fn claim_unused(&self, ordinal: Ordinal, pod: &Pod) -> Option<String> {
        let volumes = pod.spec.as_ref().and_then(|s| s.volumes.as_deref()).unwrap_or_default();
        let mounted =
            |wanted: &Volume| volumes.iter().any(|v| v.name == wanted.name && claim_of(v) == claim_of(wanted));
        self.volumes(ordinal).find(|wanted| !mounted(wanted)).and_then(|v| claim_of(&v).map(str::to_owned))
    }

    /// The annotations that give a pet its place in DNS.
    fn network(&self, ordinal: Ordinal) -> impl Iterator<Item = (String, String)> {
        let subdomain = (!self.service.is_empty()).then(|| (SUBDOMAIN.to_owned(), self.service.to_owned()));
        [(HOSTNAME.to_owned(), self.pet_name(ordinal))].into_iter().chain(subdomain)
    }

    /// A volume for each of a pet's claims, named like its template.
    fn volumes(&self, ordinal: Ordinal) -> impl Iterator<Item = Volume> {
        self.templates().map(move |(template, _)| Volume {
            name: template.to_owned(),
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name: self.claim_name(template, ordinal),
                read_only: None,
            }),
            ..Volume::default()
        })
    }

    /// The claim templates by name. Of two with one name the first counts.
    fn templates(&self) -> impl Iterator<Item = (&'a str, &'a PersistentVolumeClaim)> {
        let mut seen = BTreeSet::new();
        self.source
            .spec
            .volume_claim_templates
            .iter()
            .map(|t| (t.metadata.name.as_deref().unwrap_or_default(), t))
            .filter(move |(name, _)| seen.insert(*name))
    }

    /// `$(template)-$(set)-$(ordinal)`.
    fn claim_name(&self, template: &str, ordinal: Ordinal) -> String {
        format!("{template}-{}-{ordinal}", self.set)
    }

    fn claim(&self, name: String, template: &PersistentVolumeClaim) -> PersistentVolumeClaim {
        let mut spec = template.spec.clone().unwrap_or_default();
        let annotations = template.metadata.annotations.as_ref();
        let is_annotated =
            [STORAGE_CLASS, CLASS_BETA].iter().any(|key| annotations.is_some_and(|a| a.contains_key(*key)));
        if !is_annotated {
            // In 1.3 there was no default class: such a claim waits for a volume that somebody makes by hand.
            spec.storage_class_name.get_or_insert_default();
        }
        PersistentVolumeClaim {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: Some(self.namespace.to_owned()),
                labels: self.match_labels().cloned(),
                annotations: template.metadata.annotations.clone(),
                finalizers: Some(vec![CLAIM_PROTECTION.to_owned()]),
                ..ObjectMeta::default()
            },
            spec: Some(spec),
            status: Some(PersistentVolumeClaimStatus {
                phase: Some("Pending".to_owned()),
                ..PersistentVolumeClaimStatus::default()
            }),
        }
    }

    /// The selector's labels; the template's where the set has no selector.
    fn match_labels(&self) -> Option<&'a BTreeMap<String, String>> {
        let spec = &self.source.spec;
        match &spec.selector {
            Some(selector) => selector.match_labels.as_ref(),
            None => spec.template.metadata.as_ref().and_then(|m| m.labels.as_ref()),
        }
    }
}

/// The claim that a volume refers to.
fn claim_of(volume: &Volume) -> Option<&str> {
    volume.persistent_volume_claim.as_ref().map(|source| source.claim_name.as_str())
}

/// Whether a pod of this shape would be admitted: a template is not checked until a pet is made from it. The error is the
/// server's own sentence.
fn check(pod: &Pod, name: &str) -> Result<(), String> {
    let mut object = serde_json::to_value(pod).map_err(|e| e.to_string())?;
    PODS.rules.default(&mut object);
    let causes = PODS.rules.validate_create(&object);
    if causes.is_empty() { Ok(()) } else { Err(Status::invalid(PODS.kind, PODS.group, name, &causes).message) }
}

/// Whether a name is one label of DNS; set names may have dots, hostnames may not.
fn is_hostname(name: &str) -> bool {
    name.len() <= HOSTNAME_OCTETS_MAX && !name.is_empty() && !name.contains('.')
}
