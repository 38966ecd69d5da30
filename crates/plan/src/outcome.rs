//! What a decision consists of besides engine actions: object writes, notes for users, waits.

use api::propagation::Propagation;
use jiff::Timestamp;
use k8s_openapi::{
    api::{
        apps::v1::{ControllerRevision, StatefulSetStatus},
        core::v1::{
            ConfigMap, Endpoints, Namespace, NodeStatus, PersistentVolume, PersistentVolumeClaim,
            PersistentVolumeClaimStatus, PersistentVolumeStatus, Pod, PodStatus, ServiceAccount,
        },
        discovery::v1::EndpointSlice,
        policy::v1::PodDisruptionBudgetStatus,
    },
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};

use crate::{claim::Begun, set::Reserved};

/// Which object a note or a wait is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// `v1`, `apps/v1alpha1`.
    pub api_version: String,
    /// `Pod`, `PetSet`.
    pub kind: String,
    /// Empty for cluster-scoped objects.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The object's uid.
    pub uid: String,
}

/// Whether a note tells of progress or of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoteKind {
    /// `Normal`.
    Normal,
    /// `Warning`.
    Warning,
}

/// Something worth telling the user: becomes (or counts up) a Kubernetes Event on the subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Note {
    /// What it is about.
    pub subject: Subject,
    /// `spec.containers{nginx}` for a note about one container, else empty.
    pub field_path: String,
    /// The source component: `petset`, `kubelet`, `persistentvolume-controller`, `default-scheduler`.
    pub component: &'static str,
    /// Progress or trouble.
    pub kind: NoteKind,
    /// The machine-readable reason, in Kubernetes' words: `SuccessfulCreate`, `Unhealthy`.
    pub reason: &'static str,
    /// The sentence.
    pub message: String,
}

/// Why something that the user asked for has not been done yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wait {
    /// What is not done: the pet to be created, the set to be scaled.
    pub subject: Subject,
    /// A CamelCase reason, a row of `docs/waits.md`: `PetNotReady`, `PetNotInitialized`, `ClaimPending`.
    pub reason: &'static str,
    /// The sentence that users read: `waiting for web-1: web-0 is not Ready: probe exec exited 1`.
    pub message: String,
}

/// A change of an object in the store. Writes of one unit are committed together, each conditional on the
/// `resourceVersion` that the decision read (`rv` is that of the object in hand). No plan of sets, claims, namespaces or
/// services writes an object twice.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Make a pod; the committer adds the creation time, and a uid where none was reserved for it.
    CreatePod(Box<Pod>),
    /// Keep the intention to make a pod, so that its sandbox may be made ready; the committer gives it a uid.
    Reserve(Box<Reserved>),
    /// Give up that intention, or fulfil it: together with [`Write::CreatePod`].
    Release { namespace: String, name: String },
    /// Ask for the graceful end of a pod, as `DELETE` does: the pod's own grace period.
    DeletePod { namespace: String, name: String, rv: String },
    /// Replace a pod's metadata and spec (identity that drifted).
    UpdatePod(Box<Pod>),
    /// Replace a pod's status.
    PodStatus { namespace: String, name: String, rv: String, status: Box<PodStatus> },
    /// Remove a pod whose containers are gone.
    RemovePod { namespace: String, name: String, rv: String },
    /// Make a claim.
    CreateClaim(Box<PersistentVolumeClaim>),
    /// Replace a claim's metadata and spec (binding, finalizers). A claim that is being deleted and has no finalizer
    /// left is removed by this.
    UpdateClaim(Box<PersistentVolumeClaim>),
    /// Replace a claim's status.
    ClaimStatus { namespace: String, name: String, rv: String, status: Box<PersistentVolumeClaimStatus> },
    /// Keep the intention to make a volume in the engine, before it is begun.
    BeginVolume(Box<Begun>),
    /// Note since when nobody has a use for that volume.
    AbandonVolume(Box<Begun>),
    /// Give up that intention, or fulfil it: together with [`Write::CreateVolume`].
    EndVolume { name: String },
    /// Make a volume object.
    CreateVolume(Box<PersistentVolume>),
    /// Replace a volume's metadata and spec (binding, finalizers). A volume that is being deleted and has no finalizer
    /// left is removed by this.
    UpdateVolume(Box<PersistentVolume>),
    /// Replace a volume's status.
    VolumeStatus { name: String, rv: String, status: Box<PersistentVolumeStatus> },
    /// Remove a volume object (its engine volume is gone, or was never ours).
    RemoveVolume { name: String, rv: String },
    /// Replace a node's status.
    NodeStatus { name: String, rv: String, status: Box<NodeStatus> },
    /// Make a controller revision.
    CreateRevision(Box<ControllerRevision>),
    /// Replace a controller revision's metadata and number.
    UpdateRevision(Box<ControllerRevision>),
    /// Replace a StatefulSet's status.
    StatefulSetStatus { namespace: String, name: String, rv: String, status: Box<StatefulSetStatus> },
    /// Replace a PetSet's status.
    PetSetStatus { namespace: String, name: String, rv: String, observed_generation: i64, replicas: i32 },
    /// Replace a disruption budget's status.
    BudgetStatus { namespace: String, name: String, rv: String, status: Box<PodDisruptionBudgetStatus> },
    /// Make or replace the endpoints of a service; `rv` is `None` when there are none yet.
    Endpoints { endpoints: Box<Endpoints>, rv: Option<String> },
    /// Make or replace a slice of the endpoints of a service; `rv` is `None` when there is none yet.
    Slice { slice: Box<EndpointSlice>, rv: Option<String> },
    /// Make a service account.
    CreateAccount(Box<ServiceAccount>),
    /// Make or replace a ConfigMap; `rv` is `None` when there is none yet.
    ConfigMap { config_map: Box<ConfigMap>, rv: Option<String> },
    /// Ask for the end of any object in a namespace that is being deleted.
    DeleteContent { resource: String, namespace: String, name: String, rv: String },
    /// Ask for the end of any object whose owners are gone or wait for it; `propagation` is for its own dependents.
    DeleteDependent { resource: String, namespace: String, name: String, rv: String, propagation: Propagation },
    /// Replace the owner references of any object.
    SetOwners { resource: String, namespace: String, name: String, rv: String, owners: Vec<OwnerReference> },
    /// Take a finalizer off any object that is being deleted. It goes with the last one, where nothing else keeps it.
    RemoveFinalizer { resource: String, namespace: String, name: String, rv: String, finalizer: &'static str },
    /// Replace a namespace (phase, finalizers).
    UpdateNamespace(Box<Namespace>),
    /// Remove a namespace that is empty.
    RemoveNamespace { name: String, rv: String },
}

/// When a unit wants to be looked at again although nothing else has changed.
pub type LookAgain = Option<Timestamp>;
