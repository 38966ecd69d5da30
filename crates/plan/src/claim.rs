//! Claims and volumes: binding, provisioning, protection, reclaim.
//!
//! The rules are those of Kubernetes' persistent volume controller (`pkg/controller/volume/persistentvolume`) and its
//! protection controllers, with the alpha annotation of 1.3. `matching` finds a volume for a claim, `supply` says where
//! a new one would come from, `provision` has it made, `begun` keeps account of it until it is there, `grow` makes it larger,
//! `reclaim` says what becomes of a volume whose claim is gone.
//!
//! No plan writes an object twice: a binding writes both objects in one transaction, and their statuses follow in the
//! next pass. A volume whose data nobody can account for is never removed from the engine.

mod begun;
mod grow;
mod matching;
mod provision;
mod reclaim;
mod supply;

use std::collections::{BTreeMap, BTreeSet};

use api::kinds::storage_class::CLASS_BETA;
pub use api::kinds::{
    claim::PROTECTION as CLAIM_PROTECTION,
    volume::{DRIVER as PROVISIONER, PROTECTION as VOLUME_PROTECTION},
};
use jiff::Timestamp;
use k8s_openapi::{
    api::{
        core::v1::{Node, PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimStatus, Pod},
        storage::v1::StorageClass,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

pub use self::begun::{ABANDONED_KEPT, Begun};
use self::supply::Supply;
use crate::{
    Action, Note, NoteKind, Subject, Wait, Write, action::Source, facts, outcome::LookAgain, pod::ClaimState, read,
};

/// All that the decision about claims and volumes may depend on. Volumes are cluster-wide and binding is a
/// matching, so this unit looks at all of them at once.
#[derive(Clone)]
pub struct Input<'a> {
    /// All claims.
    pub claims: &'a [&'a PersistentVolumeClaim],
    /// All volumes.
    pub volumes: &'a [&'a PersistentVolume],
    /// The volumes that are being made.
    pub begun: &'a [&'a Begun],
    /// All storage classes.
    pub classes: &'a [&'a StorageClass],
    /// All pods that mount claims (a claim in use is protected).
    pub pods: &'a [&'a Pod],
    /// The engine's volumes by name; `None` while the engine is silent.
    pub engine: Option<&'a BTreeMap<String, facts::Volume>>,
    /// Names of engine volumes that some container still mounts.
    pub mounted: &'a BTreeSet<String>,
    /// Names of engine volumes of which the engine has said, since `engine` was looked at, that they are gone for good.
    pub removed: &'a BTreeSet<String>,
    /// What the engine said when it refused to make, grow or remove one of its volumes, by the volume's name, until it does.
    pub refusals: &'a BTreeMap<String, String>,
    /// The instance's name, part of every engine volume's name.
    pub instance: &'a str,
    /// The name of this node, on which all volumes are made.
    pub node: &'a str,
    /// This node's object. Where there is none, nothing is asked of it.
    pub node_object: Option<&'a Node>,
    /// The moment.
    pub now: Timestamp,
}

/// What is to happen about claims and volumes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Volumes to make in the engine, to grow and to remove.
    pub actions: Vec<Action>,
    /// Bindings, statuses, finalizers, removals.
    pub writes: Vec<Write>,
    /// Events.
    pub notes: Vec<Note>,
    /// Why a claim is not bound, or not gone.
    pub waits: Vec<Wait>,
    /// When to look again at the latest.
    pub look_again: LookAgain,
}

/// So many volumes are being made in the engine at a time, and so many removed. The engine does both one after the other, so
/// more would only wait there, each with a connection of its own, and keep from it what pods ask. The next ones follow as
/// these are done, in the order of their claims' names.
pub const VOLUMES_AT_ONCE_MAX: usize = 16;

const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
const STORAGE_PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// The source of events about claims and volumes.
const COMPONENT: &str = "persistentvolume-controller";

/// Decides what is next for claims and volumes.
pub fn plan(input: &Input<'_>) -> Plan {
    let mut draft = Draft::of(input);
    let mut claims = input.claims.to_vec();
    claims.sort_by_key(|c| (&c.metadata.namespace, &c.metadata.name));
    for claim in claims {
        if claim.metadata.deletion_timestamp.is_some() {
            draft.release(claim);
        } else {
            draft.bind_or_wait(claim);
        }
    }
    let mut volumes = input.volumes.to_vec();
    volumes.sort_by_key(|v| &v.metadata.name);
    for volume in volumes {
        if !draft.written.contains(name(&volume.metadata)) {
            reclaim::volume(&mut draft, volume);
        }
    }
    for begun in input.begun {
        begun::leftover(&mut draft, begun);
    }
    draft.plan
}

/// What pods can mount of a claim now. `engine` are the engine's volumes by name, `None` while it is silent.
///
/// A bound claim whose engine volume is gone is not ready: starting a container would make an empty volume in its place.
pub fn state(
    claim: Option<&PersistentVolumeClaim>,
    name: &str,
    volumes: &[&PersistentVolume],
    engine: Option<&BTreeMap<String, facts::Volume>>,
) -> ClaimState {
    let Some(claim) = claim else {
        return ClaimState::Waiting(format!("persistentvolumeclaim {name:?} not found"));
    };
    let Some(wanted) = volume_name(claim) else {
        return ClaimState::Waiting(format!("pod has unbound immediate PersistentVolumeClaims: {name}"));
    };
    let Some(volume) = volumes.iter().find(|v| v.metadata.name.as_deref() == Some(wanted)) else {
        return ClaimState::Waiting(format!(
            "persistentvolumeclaim {name:?} is bound to volume {wanted:?}, which does not exist"
        ));
    };
    if Hold::of(volume, claim) != Hold::Bound {
        return ClaimState::Waiting(format!("pod has unbound immediate PersistentVolumeClaims: {name}"));
    }
    match source(volume) {
        Some(Source::Volume(handle)) if engine.is_some_and(|engine| !engine.contains_key(&handle)) => {
            ClaimState::Waiting(lost_message(wanted, &handle))
        }
        Some(source) => ClaimState::Ready(source),
        None => ClaimState::Waiting(format!(
            "volume {wanted:?} has a source that cannot be mounted here: use hostPath, local, or csi with driver {PROVISIONER}"
        )),
    }
}

/// Whether a pod keeps the claims that it mounts from going: until it has ended.
pub fn keeps_claims(pod: &Pod) -> bool {
    !read::is_finished(pod)
}

/// What a volume is to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    /// Nobody's.
    Free,
    /// Promised to this claim by name, not yet bound to it.
    Reserved,
    /// This very claim's.
    Bound,
    /// Another claim's, or that of an earlier claim of the same name.
    Other,
}

impl Hold {
    fn of(volume: &PersistentVolume, claim: &PersistentVolumeClaim) -> Hold {
        let Some(reference) = volume.spec.as_ref().and_then(|s| s.claim_ref.as_ref()) else { return Hold::Free };
        if reference.namespace != claim.metadata.namespace || reference.name != claim.metadata.name {
            return Hold::Other;
        }
        match reference.uid.as_deref() {
            None | Some("") => Hold::Reserved,
            uid if uid == claim.metadata.uid.as_deref() => Hold::Bound,
            Some(_) => Hold::Other,
        }
    }
}

/// A plan in the making.
struct Draft<'a> {
    input: &'a Input<'a>,
    /// The volumes by name. These three are made once: looked for one by one, ten thousand claims would cost a hundred
    /// million looks in each pass.
    volumes: BTreeMap<&'a str, &'a PersistentVolume>,
    /// The claims by uid.
    claims: BTreeMap<&'a str, Vec<&'a PersistentVolumeClaim>>,
    /// The first pod that uses a claim and has not ended, by the claim's namespace and name.
    users: BTreeMap<(Option<&'a str>, &'a str), &'a Pod>,
    /// Names of the volumes that this plan writes or gives to a claim.
    written: BTreeSet<String>,
    plan: Plan,
}

impl<'a> Draft<'a> {
    fn of(input: &'a Input<'a>) -> Draft<'a> {
        let (mut volumes, mut claims, mut users) = (BTreeMap::new(), BTreeMap::<_, Vec<_>>::new(), BTreeMap::new());
        for volume in input.volumes.iter().copied() {
            volumes.entry(name(&volume.metadata)).or_insert(volume);
        }
        for claim in input.claims.iter().copied() {
            claims.entry(claim.metadata.uid.as_deref().unwrap_or_default()).or_default().push(claim);
        }
        for pod in input.pods.iter().copied().filter(|pod| keeps_claims(pod)) {
            let mounted = pod.spec.as_ref().and_then(|spec| spec.volumes.as_deref()).unwrap_or_default();
            for source in mounted.iter().filter_map(|volume| volume.persistent_volume_claim.as_ref()) {
                users.entry((pod.metadata.namespace.as_deref(), source.claim_name.as_str())).or_insert(pod);
            }
        }
        Draft { input, volumes, claims, users, written: BTreeSet::new(), plan: Plan::default() }
    }

    /// A claim that is being deleted goes when no pod uses it any more.
    fn release(&mut self, claim: &PersistentVolumeClaim) {
        let claim_name = name(&claim.metadata);
        if let Some(pod) = self.user(claim) {
            let message = format!("waiting to delete claim {claim_name}: pod {} uses it", name(&pod.metadata));
            return self.wait_for(claim, "ClaimInUse", message);
        }
        let mut kept = claim.metadata.finalizers.clone().unwrap_or_default();
        let before = kept.len();
        kept.retain(|f| f != CLAIM_PROTECTION);
        if kept.len() < before || before == 0 {
            let mut claim = claim.clone();
            claim.metadata.finalizers = (!kept.is_empty()).then_some(kept);
            self.plan.writes.push(Write::UpdateClaim(Box::new(claim)));
        } else {
            let message = format!("waiting to delete claim {claim_name}: finalizers remain: {}", kept.join(", "));
            self.wait_for(claim, "FinalizersRemaining", message);
        }
    }

    fn bind_or_wait(&mut self, claim: &PersistentVolumeClaim) {
        let held = match volume_name(claim) {
            Some(wanted) => self.bind_chosen(claim, wanted),
            None => self.find(claim),
        };
        if !held {
            self.show_pending(claim);
        }
    }

    /// A claim that names its volume, by its author's choice or by an earlier binding. Says whether it wrote the claim.
    fn bind_chosen(&mut self, claim: &PersistentVolumeClaim, wanted: &str) -> bool {
        let was_bound = annotation(&claim.metadata, BIND_COMPLETED).is_some();
        let Some(volume) = self.volumes.get(wanted).copied() else {
            if was_bound {
                return self.lose(
                    claim,
                    "ClaimLost",
                    "Bound claim has lost its PersistentVolume. Data on the volume is lost!",
                );
            }
            let message = format!("volume {wanted:?} does not exist");
            self.wait_unbound(claim, "FailedBinding", &message);
            return false;
        };
        match Hold::of(volume, claim) {
            Hold::Bound if was_bound => self.settle(claim, volume),
            Hold::Other if was_bound => self.lose(
                claim,
                "ClaimMisbound",
                "Two claims are bound to the same volume, this one is bound incorrectly",
            ),
            Hold::Other => {
                let message = format!("volume {wanted:?} already bound to a different claim.");
                self.note(claim, NoteKind::Warning, "FailedBinding", message.clone());
                self.wait_unbound(claim, "FailedBinding", &message);
                false
            }
            Hold::Free if self.written.contains(wanted) => {
                let message = format!("volume {wanted:?} already bound to a different claim.");
                self.wait_unbound(claim, "FailedBinding", &message);
                false
            }
            Hold::Free | Hold::Reserved | Hold::Bound => match matching::mismatch(volume, claim, self.input.classes) {
                None => {
                    self.bind(claim, volume);
                    true
                }
                Some(mismatch) => {
                    let message = format!("Cannot bind to requested volume {wanted:?}: {mismatch}");
                    self.note(claim, NoteKind::Warning, "VolumeMismatch", message.clone());
                    self.wait_unbound(claim, "VolumeMismatch", &message);
                    false
                }
            },
        }
    }

    /// A claim without a volume: one that exists, else a new one, else it waits. Says whether it wrote the claim.
    fn find(&mut self, claim: &PersistentVolumeClaim) -> bool {
        let supply = Supply::of(claim, self.input.classes);
        if supply.waits_for_consumer() && self.user(claim).is_none() {
            let message = "waiting for first consumer to be created before binding";
            self.note(claim, NoteKind::Normal, "WaitForFirstConsumer", message.to_owned());
            self.wait_unbound(claim, "WaitForFirstConsumer", message);
            return false;
        }
        if let Some(volume) = matching::best(self.free(), claim, &supply, self.input.node_object) {
            self.bind(claim, volume);
            return true;
        }
        match supply {
            Supply::Docker { .. }
                if supply.waits_for_consumer() && annotation(&claim.metadata, SELECTED_NODE).is_none() =>
            {
                self.select_node(claim);
                true
            }
            Supply::Docker { class } => self.provision(claim, class),
            Supply::ByHand => {
                let message = "no persistent volumes available for this claim and no storage class is set";
                self.note(claim, NoteKind::Normal, "FailedBinding", message.to_owned());
                self.wait_unbound(claim, "FailedBinding", &format!("{message}{}", self.out_of_reach(claim, &supply)));
                false
            }
            Supply::Missing { class } => {
                let message = format!("storageclass.storage.k8s.io {class:?} not found");
                self.note(claim, NoteKind::Warning, "ProvisioningFailed", message.clone());
                self.wait_unbound(claim, "ProvisioningFailed", &message);
                false
            }
            Supply::Foreign { class } => {
                let message = format!(
                    "Waiting for a volume to be created either by the external provisioner '{}' or manually by the \
                     system administrator.",
                    class.provisioner
                );
                self.note(claim, NoteKind::Normal, "ExternalProvisioning", message.clone());
                let because = format!("{message}{}", self.out_of_reach(claim, &supply));
                self.wait_unbound(claim, "ExternalProvisioning", &because);
                false
            }
        }
    }

    /// The volumes that this plan has not given away.
    fn free(&self) -> impl Iterator<Item = &'a PersistentVolume> {
        self.input.volumes.iter().copied().filter(|volume| !self.written.contains(name(&volume.metadata)))
    }

    /// What a wait says besides where only its node affinity keeps a volume from the claim; else nothing.
    fn out_of_reach(&self, claim: &PersistentVolumeClaim, supply: &Supply<'_>) -> String {
        let elsewhere = matching::best(self.free(), claim, supply, None);
        let named = |volume: &PersistentVolume| {
            format!("; volume {} would do, but no term of its node affinity matches this node", name(&volume.metadata))
        };
        elsewhere.map(named).unwrap_or_default()
    }

    /// Begins to make, grow or remove a volume in the engine, and says whether there was room for it.
    fn begin(&mut self, action: Action) -> bool {
        let is_alike = |begun: &&Action| std::mem::discriminant(*begun) == std::mem::discriminant(&action);
        let has_room = self.plan.actions.iter().filter(is_alike).count() < VOLUMES_AT_ONCE_MAX;
        if has_room {
            self.plan.actions.push(action);
        }
        has_room
    }

    /// Both halves of a binding, in one transaction.
    fn bind(&mut self, claim: &PersistentVolumeClaim, volume: &PersistentVolume) {
        if Hold::of(volume, claim) != Hold::Bound {
            let mut volume = volume.clone();
            let spec = volume.spec.get_or_insert_default();
            if spec.claim_ref.is_none() {
                volume.metadata.annotations.get_or_insert_default().insert(BOUND_BY_CONTROLLER.into(), "yes".into());
            }
            spec.claim_ref = Some(supply::reference(claim));
            protect(&mut volume.metadata, VOLUME_PROTECTION);
            self.plan.writes.push(Write::UpdateVolume(Box::new(volume)));
        }
        self.written.insert(name(&volume.metadata).to_owned());
        self.write_bound(claim, volume);
    }

    fn write_bound(&mut self, claim: &PersistentVolumeClaim, volume: &PersistentVolume) {
        let mut claim = claim.clone();
        let annotations = claim.metadata.annotations.get_or_insert_default();
        annotations.insert(BIND_COMPLETED.into(), "yes".into());
        if let Some(provisioner) = annotation(&volume.metadata, PROVISIONED_BY) {
            annotations.insert(STORAGE_PROVISIONER.into(), provisioner.to_owned());
        }
        let spec = claim.spec.get_or_insert_default();
        if spec.volume_name.as_deref().unwrap_or_default().is_empty() {
            annotations.insert(BOUND_BY_CONTROLLER.into(), "yes".into());
            spec.volume_name.clone_from(&volume.metadata.name);
        }
        // A claim that was made before its default class gets the class with the volume.
        if spec.storage_class_name.is_none() && annotation(&claim.metadata, CLASS_BETA).is_none() {
            spec.storage_class_name = volume.spec.as_ref().and_then(|s| s.storage_class_name.clone());
        }
        protect(&mut claim.metadata, CLAIM_PROTECTION);
        self.plan.writes.push(Write::UpdateClaim(Box::new(claim)));
    }

    /// A claim that is bound: its status says so. Says whether it wrote the claim.
    fn settle(&mut self, claim: &PersistentVolumeClaim, volume: &PersistentVolume) -> bool {
        let grown = self.grow(claim, volume);
        let spec = grown.as_ref().unwrap_or(volume).spec.as_ref();
        let mut status = claim.status.clone().unwrap_or_default();
        status.phase = Some("Bound".to_owned());
        status.capacity = spec.and_then(|s| s.capacity.clone());
        status.access_modes = spec.and_then(|s| s.access_modes.clone());
        if grown.is_some() {
            // Kubernetes keeps here what the last growth has allocated. It is done at once, so that no condition tells of it.
            status.allocated_resources.clone_from(&status.capacity);
        }
        self.write_status(claim, status);
        if let Some(grown) = grown {
            self.note_growth(claim, NoteKind::Normal, "VolumeResizeSuccessful", "Resize volume succeeded".to_owned());
            self.written.insert(name(&volume.metadata).to_owned());
            self.plan.writes.push(Write::UpdateVolume(Box::new(grown)));
        }
        true
    }

    /// A bound claim whose volume object is gone, or another's. Says whether it wrote the claim.
    fn lose(&mut self, claim: &PersistentVolumeClaim, reason: &'static str, message: &str) -> bool {
        if claim.status.as_ref().and_then(|s| s.phase.as_deref()) != Some("Lost") {
            self.note(claim, NoteKind::Warning, reason, message.to_owned());
        }
        let status = PersistentVolumeClaimStatus { phase: Some("Lost".to_owned()), ..Default::default() };
        self.write_status(claim, status);
        self.wait_for(claim, reason, format!("claim {} is lost: {message}", name(&claim.metadata)));
        true
    }

    fn show_pending(&mut self, claim: &PersistentVolumeClaim) {
        let mut status = claim.status.clone().unwrap_or_default();
        status.phase = Some("Pending".to_owned());
        self.write_status(claim, status);
    }

    /// The claim's status where it differs; else its finalizer where that is missing. Never both.
    fn write_status(&mut self, claim: &PersistentVolumeClaim, status: PersistentVolumeClaimStatus) {
        if claim.status.as_ref() != Some(&status) {
            let (namespace, name, rv) = place(&claim.metadata);
            self.plan.writes.push(Write::ClaimStatus { namespace, name, rv, status: Box::new(status) });
        } else if !claim.metadata.finalizers.iter().flatten().any(|f| f == CLAIM_PROTECTION) {
            let mut claim = claim.clone();
            protect(&mut claim.metadata, CLAIM_PROTECTION);
            self.plan.writes.push(Write::UpdateClaim(Box::new(claim)));
        }
    }

    /// A pod that uses the claim and has not ended.
    fn user(&self, claim: &PersistentVolumeClaim) -> Option<&'a Pod> {
        self.users.get(&(claim.metadata.namespace.as_deref(), name(&claim.metadata))).copied()
    }

    fn note(&mut self, claim: &PersistentVolumeClaim, kind: NoteKind, reason: &'static str, message: String) {
        let subject = subject("PersistentVolumeClaim", &claim.metadata);
        self.plan.notes.push(Note { subject, field_path: String::new(), component: COMPONENT, kind, reason, message });
    }

    fn wait_unbound(&mut self, claim: &PersistentVolumeClaim, reason: &'static str, because: &str) {
        let message = format!("waiting to bind claim {}: {because}", name(&claim.metadata));
        self.wait_for(claim, reason, message);
    }

    fn wait_for(&mut self, claim: &PersistentVolumeClaim, reason: &'static str, message: String) {
        let subject = subject("PersistentVolumeClaim", &claim.metadata);
        self.plan.waits.push(Wait { subject, reason, message });
    }
}

/// What a container mounts of a volume; `None` for sources that mean nothing on one machine with Docker.
fn source(volume: &PersistentVolume) -> Option<Source> {
    let spec = volume.spec.as_ref()?;
    if let Some(handle) = handle(volume) {
        return Some(Source::Volume(handle.to_owned()));
    }
    if let Some(host) = &spec.host_path {
        let create = matches!(host.type_.as_deref(), None | Some("" | "DirectoryOrCreate"));
        return Some(Source::Host { path: host.path.clone(), create });
    }
    spec.local.as_ref().map(|local| Source::Host { path: local.path.clone(), create: false })
}

/// The engine's name of a volume's data; `None` where it is kept elsewhere.
pub fn handle(volume: &PersistentVolume) -> Option<&str> {
    let csi = volume.spec.as_ref()?.csi.as_ref().filter(|csi| csi.driver == PROVISIONER)?;
    Some(&csi.volume_handle)
}

fn lost_message(volume: &str, handle: &str) -> String {
    format!(
        "the data of volume {volume:?} is gone: Docker has no volume {handle:?}. Restore it under that name; or, to start \
         empty, delete the claim and the pod"
    )
}

fn subject(kind: &str, metadata: &ObjectMeta) -> Subject {
    Subject {
        api_version: "v1".to_owned(),
        kind: kind.to_owned(),
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: name(metadata).to_owned(),
        uid: metadata.uid.clone().unwrap_or_default(),
    }
}

/// Namespace, name and revision, as writes need them.
fn place(metadata: &ObjectMeta) -> (String, String, String) {
    let rv = metadata.resource_version.clone().unwrap_or_default();
    (metadata.namespace.clone().unwrap_or_default(), name(metadata).to_owned(), rv)
}

fn name(metadata: &ObjectMeta) -> &str {
    metadata.name.as_deref().unwrap_or_default()
}

fn volume_name(claim: &PersistentVolumeClaim) -> Option<&str> {
    claim.spec.as_ref()?.volume_name.as_deref().filter(|v| !v.is_empty())
}

fn annotation<'m>(metadata: &'m ObjectMeta, key: &str) -> Option<&'m str> {
    metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

fn protect(metadata: &mut ObjectMeta, finalizer: &str) {
    let finalizers = metadata.finalizers.get_or_insert_default();
    if !finalizers.iter().any(|f| f == finalizer) {
        finalizers.push(finalizer.to_owned());
    }
}
