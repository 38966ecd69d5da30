//! What becomes of each volume: its phase, and its end once its claim is gone.

use k8s_openapi::{
    api::core::v1::{PersistentVolume, PersistentVolumeClaim, PersistentVolumeStatus},
    apimachinery::pkg::apis::meta::v1::Time,
};

use super::{
    COMPONENT, Draft, Hold, VOLUME_PROTECTION, VOLUMES_AT_ONCE_MAX, lost_message, name, protect, source, subject,
    volume_name,
};
use crate::{Action, Note, NoteKind, Wait, Write, action::Source};

/// Finalizers that are ours to take away.
const OURS: [&str; 3] =
    [VOLUME_PROTECTION, "kubernetes.io/pv-controller", "external-provisioner.volume.kubernetes.io/finalizer"];

/// Whose a volume is.
enum Fate<'a> {
    /// Nobody's yet.
    Available,
    /// This claim's.
    Bound(&'a PersistentVolumeClaim),
    /// That of a claim that has another volume.
    Astray,
    /// That of a claim that is gone.
    Released,
}

/// Decides about a volume that no claim was bound to in this pass.
pub(super) fn volume(draft: &mut Draft<'_>, volume: &PersistentVolume) {
    let is_deleting = volume.metadata.deletion_timestamp.is_some();
    match fate(draft, volume) {
        Fate::Available | Fate::Astray if is_deleting => let_go(draft, volume),
        Fate::Available => show(draft, volume, "Available", None),
        Fate::Bound(claim) => {
            if is_deleting {
                let message = format!(
                    "waiting to delete volume {}: claim {}/{} is bound to it",
                    name(&volume.metadata),
                    claim.metadata.namespace.as_deref().unwrap_or_default(),
                    name(&claim.metadata)
                );
                wait(draft, volume, "VolumeInUse", message);
            }
            bound(draft, volume, claim);
        }
        Fate::Astray => {
            let message = "the claim that it names has another volume".to_owned();
            show(draft, volume, "Failed", Some(("VolumeAstray", message)));
        }
        Fate::Released => released(draft, volume),
    }
}

fn fate<'a>(draft: &Draft<'a>, volume: &PersistentVolume) -> Fate<'a> {
    let reference = volume.spec.as_ref().and_then(|s| s.claim_ref.as_ref());
    let Some(uid) = reference.and_then(|r| r.uid.as_deref()).filter(|uid| !uid.is_empty()) else {
        return Fate::Available;
    };
    let mut claims = draft.claims.get(uid).into_iter().flatten().copied();
    match claims.find(|c| Hold::of(volume, c) == Hold::Bound) {
        None => Fate::Released,
        Some(claim) if volume_name(claim).is_none_or(|v| v == name(&volume.metadata)) => Fate::Bound(claim),
        Some(_) => Fate::Astray,
    }
}

/// A bound volume is `Failed` while the engine does not have its data: nothing may be started on an empty stand-in.
fn bound(draft: &mut Draft<'_>, volume: &PersistentVolume, claim: &PersistentVolumeClaim) {
    let lost = match (source(volume), draft.input.engine) {
        (Some(Source::Volume(handle)), Some(engine)) if !engine.contains_key(&handle) => Some(handle),
        (Some(Source::Volume(_)), None) => return, // Silence is not absence.
        _ => None,
    };
    let Some(handle) = lost else { return show(draft, volume, "Bound", None) };
    let message = lost_message(name(&volume.metadata), &handle);
    let subject = subject("PersistentVolumeClaim", &claim.metadata);
    draft.plan.waits.push(Wait { subject: subject.clone(), reason: "VolumeLost", message: message.clone() });
    if volume.status.as_ref().and_then(|s| s.reason.as_deref()) != Some("VolumeLost") {
        draft.plan.notes.push(Note {
            subject,
            field_path: String::new(),
            component: COMPONENT,
            kind: NoteKind::Warning,
            reason: "VolumeLost",
            message: message.clone(),
        });
    }
    show(draft, volume, "Failed", Some(("VolumeLost", message)));
}

/// The claim is gone: the volume's policy decides about the data.
fn released(draft: &mut Draft<'_>, volume: &PersistentVolume) {
    let is_deleting = volume.metadata.deletion_timestamp.is_some();
    let policy = volume.spec.as_ref().and_then(|s| s.persistent_volume_reclaim_policy.as_deref()).unwrap_or("Retain");
    match policy {
        "Retain" if is_deleting => let_go(draft, volume),
        "Retain" => show(draft, volume, "Released", None),
        "Delete" => match source(volume) {
            Some(Source::Volume(handle)) => delete(draft, volume, &handle),
            _ if is_deleting => let_go(draft, volume),
            _ => fail(draft, volume, "only volumes made here are deleted with their claim".to_owned()),
        },
        _ if is_deleting => let_go(draft, volume),
        other => fail(draft, volume, format!("reclaim policy {other} is not supported")),
    }
}

/// First it is said that the volume is released, then the engine's volume goes, then the object.
fn delete(draft: &mut Draft<'_>, volume: &PersistentVolume, handle: &str) {
    let volume_name = name(&volume.metadata);
    let is_shared =
        draft.input.volumes.iter().any(|other| {
            name(&other.metadata) != volume_name && source(other) == Some(Source::Volume(handle.to_owned()))
        });
    let phase = volume.status.as_ref().and_then(|s| s.phase.as_deref());
    let message = |because: &str| format!("waiting to delete volume {volume_name}: {because}");
    match draft.input.engine {
        _ if phase != Some("Released") => show(draft, volume, "Released", None),
        None => wait(draft, volume, "EngineSilent", message("the container engine does not answer")),
        // Another volume object stands for the same data.
        Some(_) if is_shared => remove(draft, volume),
        // That it was not there at the last look is not enough: somebody may have put it back since.
        Some(engine) if !engine.contains_key(handle) && draft.input.removed.contains(handle) => remove(draft, volume),
        Some(_) if draft.input.mounted.contains(handle) => {
            wait(draft, volume, "VolumeMounted", message("a container still mounts it"));
        }
        Some(_) => {
            let is_begun = draft.begin(Action::RemoveVolume { name: handle.to_owned() });
            let later = format!("its data is removed after that of others, {VOLUMES_AT_ONCE_MAX} at a time");
            let refusal = draft.input.refusals.get(handle);
            let refused = refusal.map(|why| format!("the engine refuses to remove its data: {why}; it is tried again"));
            let because = if is_begun { "its data is being removed" } else { &later };
            wait(draft, volume, "VolumeDeleting", message(refused.as_deref().unwrap_or(because)));
        }
    }
}

/// The data is gone: so goes the object, when it has let go of its finalizers.
fn remove(draft: &mut Draft<'_>, volume: &PersistentVolume) {
    if volume.metadata.finalizers.as_deref().unwrap_or_default().is_empty() {
        let (_, name, rv) = super::place(&volume.metadata);
        draft.plan.writes.push(Write::RemoveVolume { name, rv });
    } else {
        let_go(draft, volume);
    }
}

/// Takes our finalizers away. An object that someone asked to delete goes with the last one; the data of a volume that was
/// nobody's stays where it is.
fn let_go(draft: &mut Draft<'_>, volume: &PersistentVolume) {
    let finalizers = volume.metadata.finalizers.as_deref().unwrap_or_default();
    let foreign: Vec<String> = finalizers.iter().filter(|f| !OURS.contains(&f.as_str())).cloned().collect();
    if foreign.is_empty() || foreign.len() < finalizers.len() {
        let mut volume = volume.clone();
        volume.metadata.finalizers = (!foreign.is_empty()).then_some(foreign);
        draft.plan.writes.push(Write::UpdateVolume(Box::new(volume)));
    } else {
        let name = name(&volume.metadata);
        let message = format!("waiting to delete volume {name}: finalizers remain: {}", foreign.join(", "));
        wait(draft, volume, "FinalizersRemaining", message);
    }
}

fn fail(draft: &mut Draft<'_>, volume: &PersistentVolume, message: String) {
    if volume.status.as_ref().and_then(|s| s.phase.as_deref()) != Some("Failed") {
        draft.plan.notes.push(Note {
            subject: subject("PersistentVolume", &volume.metadata),
            field_path: String::new(),
            component: COMPONENT,
            kind: NoteKind::Warning,
            reason: "VolumeFailedDelete",
            message: message.clone(),
        });
    }
    show(draft, volume, "Failed", Some(("VolumeFailedDelete", message)));
}

/// The volume's phase where it differs; else its finalizer where that is missing. Never both.
fn show(draft: &mut Draft<'_>, volume: &PersistentVolume, phase: &str, why: Option<(&str, String)>) {
    let status = volume.status.clone().unwrap_or_default();
    let (reason, message) = why.map(|(reason, message)| (reason.to_owned(), message)).unzip();
    if status.phase.as_deref() != Some(phase) || status.reason != reason || status.message != message {
        let moved = status.phase.as_deref() != Some(phase);
        let since = if moved { Some(Time(draft.input.now)) } else { status.last_phase_transition_time };
        let status = PersistentVolumeStatus {
            phase: Some(phase.to_owned()),
            last_phase_transition_time: since,
            reason,
            message,
        };
        let (_, name, rv) = super::place(&volume.metadata);
        draft.plan.writes.push(Write::VolumeStatus { name, rv, status: Box::new(status) });
    } else if volume.metadata.deletion_timestamp.is_none()
        && !volume.metadata.finalizers.iter().flatten().any(|f| f == VOLUME_PROTECTION)
    {
        let mut volume = volume.clone();
        protect(&mut volume.metadata, VOLUME_PROTECTION);
        draft.plan.writes.push(Write::UpdateVolume(Box::new(volume)));
    }
}

fn wait(draft: &mut Draft<'_>, volume: &PersistentVolume, reason: &'static str, message: String) {
    let subject = subject("PersistentVolume", &volume.metadata);
    draft.plan.waits.push(Wait { subject, reason, message });
}
