//! What a pet of a set is called, and what it and its claims look like: name, network and storage.
//!
//! Sources: the three identity mappers of 1.3 (`pkg/controller/petset/identity_mappers.go`), and `newStatefulSetPod` of
//! Kubernetes 1.36.

use std::ops::Range;

use k8s_openapi::{
    api::core::v1::{
        PersistentVolumeClaim, PersistentVolumeClaimStatus, PersistentVolumeClaimVolumeSource, Pod, PodTemplateSpec,
        Volume,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use api::{
    kinds::storage_class::CLASS_BETA,
    petset::{HOSTNAME, STORAGE_CLASS, SUBDOMAIN, init_containers},
    resource::PODS,
    status::Status,
};

use super::{
    kind::Set,
    pet::Ordinal,
    revision::{REVISION_LABEL, Revision},
    rules::Members,
};
use crate::claim::CLAIM_PROTECTION;

/// The label with a pet's own name, by which a service can select one pet.
pub const POD_NAME_LABEL: &str = "statefulset.kubernetes.io/pod-name";
/// The label with a pet's ordinal.
pub const POD_INDEX_LABEL: &str = "apps.kubernetes.io/pod-index";

/// Octets of a hostname: one label of DNS (RFC 1035, 2.3.4).
const HOSTNAME_OCTETS_MAX: usize = 63;

/// A set as the giver of identities.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity<'a> {
    pub(super) set: Set<'a>,
    pub(super) namespace: &'a str,
    /// The set's name.
    pub(super) name: &'a str,
    /// The governing service's name, maybe empty.
    pub(super) service: &'a str,
}

impl<'a> Identity<'a> {
    pub(super) fn of(set: Set<'a>) -> Identity<'a> {
        Identity { set, namespace: set.namespace(), name: set.name(), service: set.service_name() }
    }

    /// The ordinals that the set is to have.
    pub(super) fn target(&self) -> Range<Ordinal> {
        self.set.target()
    }

    /// `$(set)-$(ordinal)`.
    pub(super) fn pet_name(&self, ordinal: Ordinal) -> String {
        format!("{}-{ordinal}", self.name)
    }

    /// The ordinal in a pod's name, where it is one of this set and written as the set writes it (no leading zeros).
    pub(super) fn ordinal(&self, pod: &str) -> Option<Ordinal> {
        let digits = pod.strip_prefix(self.name)?.strip_prefix('-')?;
        let ordinal = digits.parse().ok()?;
        (self.pet_name(ordinal) == pod).then_some(ordinal)
    }

    /// Names of a pet's claims, in the order of the templates.
    pub(super) fn claim_names(&self, ordinal: Ordinal) -> impl Iterator<Item = String> {
        self.set.claim_templates().map(move |(template, _)| self.claim_name(template, ordinal))
    }

    /// A pet's claims, with their names.
    pub(super) fn claims(&self, ordinal: Ordinal) -> impl Iterator<Item = (String, PersistentVolumeClaim)> {
        self.set.claim_templates().map(move |(template, claim)| {
            let name = self.claim_name(template, ordinal);
            (name.clone(), self.claim(name, claim))
        })
    }

    /// The claims of all pets: all of the first pet, then all of the second.
    pub(super) fn claims_all(&self) -> impl Iterator<Item = (String, PersistentVolumeClaim)> {
        // Without templates a set of a million pets is not worth a million turns.
        let target = if self.set.claim_templates().next().is_some() { self.target() } else { 0..0 };
        target.flat_map(|ordinal| self.claims(ordinal))
    }

    /// The pod of an ordinal, made from a revision where sets of its kind have any. The error is a sentence about the
    /// template, for the `FailedCreate` event.
    pub(super) fn pet(&self, ordinal: Ordinal, revision: Option<&Revision>) -> Result<Pod, String> {
        let name = self.pet_name(ordinal);
        if !is_hostname(&name) {
            return Err(format!(
                "{name:?} cannot be a hostname: it must be at most {HOSTNAME_OCTETS_MAX} characters without dots"
            ));
        }
        let template: &PodTemplateSpec = revision.map_or(self.set.template(), |revision| &revision.template);
        let metadata = template.metadata.clone().unwrap_or_default();
        let mut spec = template.spec.clone().ok_or("spec.template.spec: Required value")?;
        spec.hostname = Some(name.clone());
        spec.subdomain = (!self.service.is_empty()).then(|| self.service.to_owned());
        let mut pod = Pod {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                generate_name: Some(format!("{}-", self.name)),
                namespace: Some(self.namespace.to_owned()),
                labels: metadata.labels,
                annotations: metadata.annotations,
                ..ObjectMeta::default()
            },
            spec: None,
            status: None,
        };
        self.name_tags(ordinal, &mut pod.metadata);
        if self.set.rules().members == Members::Controlled {
            pod.metadata.finalizers = metadata.finalizers;
            pod.metadata.owner_references = Some(vec![self.set.reference()]);
        } else {
            // They take the place of the spec's, as they did in 1.6, the last version to know both.
            let init_containers = init_containers(pod.metadata.annotations.get_or_insert_default())?;
            if !init_containers.is_empty() {
                spec.init_containers = Some(init_containers);
            }
        }
        if let Some(revision) = revision {
            pod.metadata.labels.get_or_insert_default().insert(REVISION_LABEL.to_owned(), revision.name.clone());
        }
        let claims: Vec<Volume> = self.volumes(ordinal).collect();
        let mut volumes = spec.volumes.take().unwrap_or_default();
        volumes.retain(|v| claims.iter().all(|claim| claim.name != v.name));
        volumes.extend(claims);
        spec.volumes = (!volumes.is_empty()).then_some(volumes);
        pod.spec = Some(spec);
        check(&pod, &name)?;
        Ok(pod)
    }

    /// The pod with its identity restored, where that has drifted.
    pub(super) fn restored(&self, ordinal: Ordinal, pod: &Pod) -> Option<Pod> {
        let mut restored = pod.clone();
        self.name_tags(ordinal, &mut restored.metadata);
        (restored.metadata != pod.metadata).then_some(restored)
    }

    /// What says in a pod's metadata which pet it is: for a PetSet the annotations that give it its place in DNS, for a
    /// StatefulSet the labels with its name and ordinal.
    fn name_tags(&self, ordinal: Ordinal, metadata: &mut ObjectMeta) {
        let name = self.pet_name(ordinal);
        if self.set.rules().members == Members::Controlled {
            let labels = metadata.labels.get_or_insert_default();
            labels.insert(POD_NAME_LABEL.to_owned(), name);
            labels.insert(POD_INDEX_LABEL.to_owned(), ordinal.to_string());
            return;
        }
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(HOSTNAME.to_owned(), name);
        if !self.service.is_empty() {
            annotations.insert(SUBDOMAIN.to_owned(), self.service.to_owned());
        }
    }

    /// The first of a pet's claims that the pod does not mount as the set would.
    pub(super) fn claim_unused(&self, ordinal: Ordinal, pod: &Pod) -> Option<String> {
        let volumes = pod.spec.as_ref().and_then(|s| s.volumes.as_deref()).unwrap_or_default();
        let mounted =
            |wanted: &Volume| volumes.iter().any(|v| v.name == wanted.name && claim_of(v) == claim_of(wanted));
        self.volumes(ordinal).find(|wanted| !mounted(wanted)).and_then(|v| claim_of(&v).map(str::to_owned))
    }

    /// A volume for each of a pet's claims, named like its template.
    fn volumes(&self, ordinal: Ordinal) -> impl Iterator<Item = Volume> {
        self.set.claim_templates().map(move |(template, _)| Volume {
            name: template.to_owned(),
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name: self.claim_name(template, ordinal),
                read_only: None,
            }),
            ..Volume::default()
        })
    }

    /// `$(template)-$(set)-$(ordinal)`.
    fn claim_name(&self, template: &str, ordinal: Ordinal) -> String {
        format!("{template}-{}-{ordinal}", self.name)
    }

    fn claim(&self, name: String, template: &PersistentVolumeClaim) -> PersistentVolumeClaim {
        let mut spec = template.spec.clone().unwrap_or_default();
        let mut labels = self.set.match_labels().cloned();
        let mut owner_references = None;
        if self.set.rules().members == Members::Controlled {
            if let Some(own) = &template.metadata.labels {
                labels = Some(own.clone().into_iter().chain(labels.unwrap_or_default()).collect());
            }
            owner_references = self.set.retention().delete_with_set.then(|| vec![self.set.reference()]);
        } else {
            let annotations = template.metadata.annotations.as_ref();
            let is_annotated =
                [STORAGE_CLASS, CLASS_BETA].iter().any(|key| annotations.is_some_and(|a| a.contains_key(*key)));
            if !is_annotated {
                // In 1.3 there was no default class: such a claim waits for a volume that somebody makes by hand.
                spec.storage_class_name.get_or_insert_default();
            }
        }
        PersistentVolumeClaim {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: Some(self.namespace.to_owned()),
                labels,
                annotations: template.metadata.annotations.clone(),
                finalizers: Some(vec![CLAIM_PROTECTION.to_owned()]),
                owner_references,
                ..ObjectMeta::default()
            },
            spec: Some(spec),
            status: Some(PersistentVolumeClaimStatus {
                phase: Some("Pending".to_owned()),
                ..PersistentVolumeClaimStatus::default()
            }),
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
