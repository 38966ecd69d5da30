//! The volumes of a pod with an `fsGroup` become that group's, once, before its first container starts.
//!
//! Later would be wrong: what a container has closed to the group stays closed when another one starts.
//! Source: `SetVolumeOwnership` in `pkg/volume`, which the kubelet calls as it mounts the pod's volumes.

use super::{
    ClaimState,
    backoff::Pace,
    build,
    draft::Draft,
    memory::{self, OWNERSHIP},
    teardown::Settled,
    view::{Unit, View},
};
use crate::{
    Action,
    action::{OwnedVolume, OwnershipChange, Source, VolumeOwnership},
    facts::Container,
};

/// Sees to the pod's volumes before a container starts in this sandbox; settled where they are as they should be.
pub(super) fn see_to(view: &View<'_>, draft: &mut Draft<'_>, unit: &Unit<'_>, sandbox: &Container) -> Settled {
    let context = view.spec.security_context.as_ref();
    let Some((context, group)) = context.and_then(|context| Some((context, context.fs_group?))) else {
        return Settled::Yes;
    };
    if view.memory().owns_volumes || view.units.iter().any(has_begun) {
        return Settled::Yes;
    }
    let volumes = volumes(view);
    if volumes.is_empty() {
        return Settled::Yes;
    }
    let ownership = VolumeOwnership {
        pod: view.input.key.clone(),
        uid: view.uid.to_owned(),
        sandbox_id: sandbox.id.clone(),
        group,
        change: match context.fs_group_change_policy.as_deref() {
            Some("OnRootMismatch") => OwnershipChange::OnRootMismatch,
            Some(_) | None => OwnershipChange::Always,
        },
        volumes,
    };
    let scratch = view.spec.volumes.iter().flatten().filter(|volume| build::is_scratch(volume));
    for volume in scratch.filter(|volume| is_used(view, &volume.name)) {
        let name = build::scratch_name(view, &volume.name);
        if !view.input.scratch.contains(&name) {
            let labels = build::scratch_labels(view);
            draft.put(Action::CreateVolume { name, labels, size: None }, Pace::Engine, Vec::new());
            return Settled::No;
        }
    }
    let failed = view.memory().failures.get(OWNERSHIP).map(|tries| memory::text(&tries.failure));
    draft.put(Action::SetVolumeOwnership(Box::new(ownership)), Pace::Engine, Vec::new());
    if let Some(why) = failed {
        draft.show(unit.name(), "ContainerCreating", format!("applyFSGroup failed: {why}"));
    }
    Settled::No
}

/// Whether a container was made, in this sandbox or in one before.
fn has_begun(unit: &Unit<'_>) -> bool {
    !unit.attempts.is_empty() || unit.attempt_next() > 0
}

/// The claims and scratch volumes that some container mounts. A directory of the host is its owner's.
fn volumes(view: &View<'_>) -> Vec<OwnedVolume> {
    let used = view.spec.volumes.iter().flatten().filter(|volume| is_used(view, &volume.name));
    let owned = used.filter_map(|volume| match &volume.persistent_volume_claim {
        Some(claim) => match view.input.claims.get(&claim.claim_name)? {
            ClaimState::Ready(Source::Volume(name)) => {
                Some(OwnedVolume { name: name.clone(), read_only: claim.read_only == Some(true) })
            }
            ClaimState::Ready(Source::Files(_) | Source::Host { .. } | Source::Memory { .. })
            | ClaimState::Waiting(_) => None,
        },
        None if build::is_scratch(volume) => {
            Some(OwnedVolume { name: build::scratch_name(view, &volume.name), read_only: false })
        }
        None => None,
    });
    owned.collect()
}

fn is_used(view: &View<'_>, volume: &str) -> bool {
    let mounts = view.units.iter().flat_map(|unit| unit.spec.volume_mounts.iter().flatten());
    mounts.into_iter().any(|mount| mount.name == volume)
}
