//! Where a claim's volume would come from, and what a new one looks like.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::{
    api::{
        core::v1::{
            CSIPersistentVolumeSource, ObjectReference, PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec,
            PersistentVolumeStatus,
        },
        storage::v1::StorageClass,
    },
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};

use api::{kinds::storage_class::CLASS_BETA, petset::STORAGE_CLASS, storage::CLASS_IS_DEFAULT};

use super::{PROVISIONED_BY, PROVISIONER, VOLUME_PROTECTION, annotation, name};
use crate::facts::Room;

/// Where a claim's volume comes from where no existing one suits.
#[derive(Clone, Copy, Debug)]
pub(super) enum Supply<'a> {
    /// We make it; `class` is `None` for a claim with 1.3's annotation, which needs no class.
    Docker { class: Option<&'a StorageClass> },
    /// Someone makes it by hand.
    ByHand,
    /// From a class that does not exist.
    Missing { class: &'a str },
    /// From a class that another program serves.
    Foreign { class: &'a StorageClass },
}

impl<'a> Supply<'a> {
    /// The claim's own class counts first, an empty one included; then 1.3's annotation, whatever its value; then the
    /// default class.
    pub(super) fn of(claim: &'a PersistentVolumeClaim, classes: &[&'a StorageClass]) -> Supply<'a> {
        let named = annotation(&claim.metadata, CLASS_BETA)
            .or_else(|| claim.spec.as_ref().and_then(|s| s.storage_class_name.as_deref()));
        match named {
            Some("") => Supply::ByHand,
            Some(class) => match classes.iter().copied().find(|c| name(&c.metadata) == class) {
                Some(class) => Supply::from_class(class),
                None => Supply::Missing { class },
            },
            None if annotation(&claim.metadata, STORAGE_CLASS).is_some() => Supply::Docker { class: None },
            None => default_class(classes).map_or(Supply::ByHand, Supply::from_class),
        }
    }

    fn from_class(class: &'a StorageClass) -> Supply<'a> {
        if class.provisioner == PROVISIONER { Supply::Docker { class: Some(class) } } else { Supply::Foreign { class } }
    }

    /// The class that a volume must have to suit; empty for none.
    pub(super) fn class_name(&self) -> &'a str {
        match *self {
            Supply::Docker { class: Some(class) } | Supply::Foreign { class } => name(&class.metadata),
            Supply::Docker { class: None } | Supply::ByHand => "",
            Supply::Missing { class } => class,
        }
    }

    /// Whether a volume that exists will do. 1.3's annotation asks for a new one.
    pub(super) fn takes_existing(&self) -> bool {
        !matches!(self, Supply::Docker { class: None })
    }

    /// Whether the claim is bound only once a pod uses it.
    pub(super) fn waits_for_consumer(&self) -> bool {
        match self {
            Supply::Docker { class: Some(class) } | Supply::Foreign { class } => {
                class.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer")
            }
            Supply::Docker { class: None } | Supply::ByHand | Supply::Missing { .. } => false,
        }
    }
}

/// The newest of the default classes, and of equally new ones the first by name, as in Kubernetes.
fn default_class<'a>(classes: &[&'a StorageClass]) -> Option<&'a StorageClass> {
    let is_default =
        |c: &&StorageClass| CLASS_IS_DEFAULT.iter().any(|key| annotation(&c.metadata, key) == Some("true"));
    let defaults = classes.iter().copied().filter(is_default);
    defaults.min_by_key(|c| (std::cmp::Reverse(c.metadata.creation_timestamp.as_ref().map(|t| t.0)), name(&c.metadata)))
}

/// The volume object for a claim, bound from the start. The error says why none can be made.
pub(super) fn volume(
    claim: &PersistentVolumeClaim,
    class: Option<&StorageClass>,
    instance: &str,
    now: Timestamp,
) -> Result<PersistentVolume, String> {
    let spec = claim.spec.clone().unwrap_or_default();
    let uid = claim.metadata.uid.as_deref().unwrap_or_default();
    if spec.volume_mode.as_deref() == Some("Block") {
        return Err(format!("{PROVISIONER} makes file systems only, not volumeMode Block"));
    }
    if spec.selector.is_some() {
        return Err("claim.Spec.Selector is not supported for dynamic provisioning".to_owned());
    }
    let volume_name = format!("pvc-{uid}");
    let policy = class.and_then(|c| c.reclaim_policy.clone()).unwrap_or_else(|| "Delete".to_owned());
    let volume = PersistentVolumeSpec {
        access_modes: spec.access_modes,
        capacity: spec.resources.and_then(|r| r.requests),
        claim_ref: Some(reference(claim)),
        csi: Some(CSIPersistentVolumeSource {
            driver: PROVISIONER.to_owned(),
            volume_handle: handle(instance, &volume_name),
            ..CSIPersistentVolumeSource::default()
        }),
        mount_options: class.and_then(|c| c.mount_options.clone()),
        persistent_volume_reclaim_policy: Some(policy),
        storage_class_name: class.and_then(|c| c.metadata.name.clone()),
        volume_mode: Some("Filesystem".to_owned()),
        ..PersistentVolumeSpec::default()
    };
    Ok(PersistentVolume {
        metadata: ObjectMeta {
            name: Some(volume_name),
            annotations: Some(BTreeMap::from([(PROVISIONED_BY.to_owned(), PROVISIONER.to_owned())])),
            finalizers: Some(vec![VOLUME_PROTECTION.to_owned()]),
            ..ObjectMeta::default()
        },
        spec: Some(volume),
        status: Some(PersistentVolumeStatus {
            phase: Some("Bound".to_owned()),
            last_phase_transition_time: Some(Time(now)),
            ..PersistentVolumeStatus::default()
        }),
    })
}

/// The attribute of a volume that tells whether its size is a limit. `describe` shows it.
const SIZE_ATTRIBUTE: &str = "size";

/// Has a volume tell whether its size is a limit.
pub(super) fn tell_room(volume: &mut PersistentVolume, room: &Room) {
    let said = match room {
        Room::Limit(_) => "a limit: the volume is a file system of its own".to_owned(),
        Room::Unlimited(why) => format!("not enforced: {why}"),
        Room::Disk => return,
    };
    if let Some(source) = volume.spec.as_mut().and_then(|spec| spec.csi.as_mut()) {
        source.volume_attributes.get_or_insert_default().insert(SIZE_ATTRIBUTE.to_owned(), said);
    }
}

/// The engine's name of a volume that we make.
pub(super) fn handle(instance: &str, volume: &str) -> String {
    format!("petset_{instance}_{volume}")
}

/// What the engine's volume says about itself, for people who look with Docker's own tools.
pub(super) fn labels(claim: &PersistentVolumeClaim, volume: &str) -> BTreeMap<String, String> {
    let namespace = claim.metadata.namespace.clone().unwrap_or_default();
    BTreeMap::from([
        ("claim".to_owned(), name(&claim.metadata).to_owned()),
        ("namespace".to_owned(), namespace),
        ("pv".to_owned(), volume.to_owned()),
    ])
}

/// What a volume says about the claim that it is bound to.
pub(super) fn reference(claim: &PersistentVolumeClaim) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("PersistentVolumeClaim".to_owned()),
        namespace: claim.metadata.namespace.clone(),
        name: claim.metadata.name.clone(),
        uid: claim.metadata.uid.clone(),
        resource_version: claim.metadata.resource_version.clone(),
        ..ObjectReference::default()
    }
}
