//! The laws of one decision about claims and volumes: whose data is where, and when it may go.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};

use super::{Law, Verdict, holds, is_leaving, name, namespace, once};
use crate::{
    Action, Write,
    claim::{CLAIM_PROTECTION, Input, PROVISIONER, Plan, VOLUMES_AT_ONCE_MAX},
    facts::Room,
    pod::ClaimState,
    read,
};

/// Waits and notes about one claim or volume in one pass.
const SENTENCES_EACH_MAX: usize = 2;

/// All laws that one decision can break.
pub fn all(input: &Input<'_>, plan: &Plan) -> Verdict {
    ours_only(input, plan)?;
    sticky(input, plan)?;
    blind(input, plan)?;
    says_why(input, plan)?;
    quiet(input, plan)?;
    bounded(input, plan)
}

/// [`Law::Sticky`]: a claim keeps its volume and a volume its claim; data goes only where its one volume object says
/// `Delete`, is `Released`, its claim is gone and nothing mounts it, or where it never had an object and the claim for which it
/// was begun has no use for it; a claim in use stays.
pub fn sticky(input: &Input<'_>, plan: &Plan) -> Verdict {
    for action in &plan.actions {
        let Action::RemoveVolume { name } = action else { continue };
        removal(input, name)?;
    }
    let mut given: BTreeSet<&str> = BTreeSet::new();
    for write in &plan.writes {
        match write {
            Write::UpdateClaim(new) => {
                let claim = name(&new.metadata);
                let Some(old) = input.claims.iter().find(|old| is_same(old, new)) else {
                    return holds(false, Law::Sticky, || format!("claim {claim} is written, which does not exist"));
                };
                if let Some(before) = volume_of(old) {
                    holds(volume_of(new) == Some(before), Law::Sticky, || {
                        format!("claim {claim} is taken from volume {before} and given {:?}", volume_of(new))
                    })?;
                } else if let Some(volume) = volume_of(new) {
                    holds(given.insert(volume), Law::Sticky, || format!("volume {volume} is given to two claims"))?;
                    let holder =
                        input.volumes.iter().find(|held| name(&held.metadata) == volume).and_then(|v| holder(v));
                    let is_free = holder.is_none_or(|uid| Some(uid) == new.metadata.uid.as_deref());
                    holds(is_free, Law::Sticky, || format!("claim {claim} is given volume {volume} of another claim"))?;
                }
                let is_let_go = is_protected(old) && !is_protected(new);
                if is_let_go && let Some(pod) = user(input, old) {
                    return holds(false, Law::Sticky, || format!("claim {claim} is let go while pod {pod} uses it"));
                }
            }
            Write::UpdateVolume(new) => {
                let volume = name(&new.metadata);
                let old = input.volumes.iter().find(|old| name(&old.metadata) == volume);
                let before = old.and_then(|old| holder(old));
                holds(before.is_none() || holder(new) == before, Law::Sticky, || {
                    format!(
                        "volume {volume} is taken from claim {} and given to {:?}",
                        before.unwrap_or_default(),
                        holder(new)
                    )
                })?;
                let moved =
                    old.is_some_and(|old| old.spec.as_ref().map(|s| &s.csi) != new.spec.as_ref().map(|s| &s.csi));
                holds(!moved, Law::Sticky, || format!("volume {volume} is given other data"))?;
            }
            Write::CreateVolume(new) => {
                let volume = name(&new.metadata);
                let claim = input.claims.iter().find(|claim| claim.metadata.uid.as_deref() == holder(new));
                let before = claim.and_then(|claim| volume_of(claim));
                holds(claim.is_some() && before.is_none_or(|before| before == volume), Law::Sticky, || {
                    format!("volume {volume} is made for claim {:?}, which has {before:?}", holder(new))
                })?;
            }
            Write::RemoveVolume { name: volume, .. } => {
                let old = input.volumes.iter().find(|old| name(&old.metadata) == volume);
                let claim = old.and_then(|old| claim_of(input, old));
                if let Some(claim) = claim.filter(|claim| volume_of(claim) == Some(volume)) {
                    return holds(false, Law::Sticky, || {
                        format!("volume {volume} is removed under claim {}", name(&claim.metadata))
                    });
                }
                if let Some(handle) = old.and_then(|old| handle_of(old)).filter(|handle| is_sole(input, handle)) {
                    holds(input.removed.contains(handle), Law::Sticky, || {
                        format!("volume {volume} is removed, and the engine has not said that its data is gone")
                    })?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether one volume object stands for the data of this name, and no more.
fn is_sole(input: &Input<'_>, handle: &str) -> bool {
    input.volumes.iter().filter(|volume| handle_of(volume) == Some(handle)).count() == 1
}

/// Whether the data behind this name in the engine may go.
fn removal(input: &Input<'_>, handle: &str) -> Verdict {
    let broken = |why: String| holds(false, Law::Sticky, || format!("the data of {handle} is removed {why}"));
    if input.mounted.contains(handle) {
        return broken("although a container mounts it".to_owned());
    }
    let holders: Vec<&&PersistentVolume> = input.volumes.iter().filter(|v| handle_of(v) == Some(handle)).collect();
    if let Some(begun) = input.begun.iter().find(|begun| begun.handle == handle && holders.is_empty()) {
        let claim = input.claims.iter().find(|claim| claim.metadata.uid == begun.claim.uid);
        let has_use = claim.is_some_and(|claim| volume_of(claim).is_none_or(|volume| volume == name(&begun.metadata)));
        return if has_use { broken("while it is made for a claim".to_owned()) } else { Ok(()) };
    }
    let [volume] = holders[..] else {
        return broken(format!("although {} volume objects stand for it", holders.len()));
    };
    let spec = volume.spec.as_ref();
    let policy = spec.and_then(|spec| spec.persistent_volume_reclaim_policy.as_deref()).unwrap_or("Retain");
    let phase = volume.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default();
    if let Some(claim) = claim_of(input, volume) {
        return broken(format!("although claim {} is there", name(&claim.metadata)));
    }
    if policy != "Delete" {
        return broken(format!("although its policy is {policy}"));
    }
    if holder(volume).is_none() || phase != "Released" {
        return broken(format!("although it is {phase:?} and was not released"));
    }
    Ok(())
}

/// [`Law::Sticky`] of what pods can mount now: no two claims have one volume. `state` is what is decided about a claim.
pub fn one_volume_each(input: &Input<'_>, state: impl Fn(&PersistentVolumeClaim) -> ClaimState) -> Verdict {
    let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
    for claim in input.claims.iter().copied().filter(|claim| matches!(state(claim), ClaimState::Ready(_))) {
        let (claim_name, volume) = (name(&claim.metadata), volume_of(claim).unwrap_or_default());
        if let Some(other) = taken.insert(volume, claim_name) {
            return holds(false, Law::Sticky, || {
                format!("claims {other} and {claim_name} can both mount volume {volume}")
            });
        }
    }
    Ok(())
}

/// [`Law::OursOnly`]: what is made in the engine has our instance's name and a record of its own, what is removed stands behind
/// a volume object of our driver or such a record.
pub fn ours_only(input: &Input<'_>, plan: &Plan) -> Verdict {
    for action in &plan.actions {
        let (what, is_own) = match action {
            Action::CreateVolume { name, labels, .. } => {
                let is_marked = ["claim", "namespace", "pv"].iter().all(|key| labels.contains_key(*key));
                let is_kept = input.begun.iter().any(|begun| begun.handle == *name)
                    || plan
                        .writes
                        .iter()
                        .any(|write| matches!(write, Write::BeginVolume(begun) if begun.handle == *name));
                (name, is_marked && is_kept && name.starts_with(&format!("petset_{}_", input.instance)))
            }
            Action::RemoveVolume { name } => {
                let has_record = input.begun.iter().any(|begun| begun.handle == *name);
                (name, has_record || input.volumes.iter().any(|volume| handle_of(volume) == Some(name)))
            }
            Action::GrowVolume { name, .. } => {
                (name, input.volumes.iter().any(|volume| handle_of(volume) == Some(name)))
            }
            other => return holds(false, Law::OursOnly, || format!("storage does {other:?}, which is a pod's")),
        };
        holds(is_own, Law::OursOnly, || format!("storage touches volume {what}, which is not ours"))?;
    }
    Ok(())
}

/// [`Law::Blind`]: while the engine is silent nothing is made or removed there, no data is said to be lost, and no volume
/// object appears or goes.
pub fn blind(input: &Input<'_>, plan: &Plan) -> Verdict {
    if input.engine.is_some() {
        return Ok(());
    }
    if let Some(action) = plan.actions.first() {
        return holds(false, Law::Blind, || format!("{action:?} is begun while the engine is silent"));
    }
    for write in &plan.writes {
        let (kind, _, object) = super::target(write);
        let concludes = match write {
            Write::VolumeStatus { status, .. } => status.reason.as_deref() == Some("VolumeLost"),
            Write::CreateVolume(_) | Write::RemoveVolume { .. } => true,
            Write::EndVolume { name: ended } => input.volumes.iter().all(|volume| name(&volume.metadata) != ended),
            _ => false,
        };
        let was_lost = input.volumes.iter().any(|volume| {
            let reason = volume.status.as_ref().and_then(|status| status.reason.as_deref());
            name(&volume.metadata) == object && reason == Some("VolumeLost")
        });
        holds(!concludes || was_lost, Law::Blind, || {
            format!("{kind} {object} is declared lost, made or removed while the engine is silent")
        })?;
    }
    Ok(())
}

/// [`Law::SaysWhy`]: a claim that is not bound, and a claim or volume that is not gone although it should be, is written,
/// acted upon or waited for.
pub fn says_why(input: &Input<'_>, plan: &Plan) -> Verdict {
    let written: BTreeSet<(&str, &str, &str)> = plan.writes.iter().map(super::target).collect();
    let waited = |kind: &str, namespace: &str, name: &str| {
        let subjects = plan.waits.iter().map(|wait| &wait.subject);
        subjects.into_iter().any(|its| its.kind == kind && its.namespace == namespace && its.name == name)
    };
    for claim in input.claims {
        let (namespace, claim_name) = (namespace(&claim.metadata), name(&claim.metadata));
        let phase = claim.status.as_ref().and_then(|status| status.phase.as_deref());
        let is_settled = !is_leaving(&claim.metadata) && phase == Some("Bound");
        let is_said = written.contains(&("claim", namespace, claim_name))
            || waited("PersistentVolumeClaim", namespace, claim_name);
        let state = if is_leaving(&claim.metadata) { "being deleted" } else { phase.unwrap_or("without a phase") };
        holds(is_settled || is_said, Law::SaysWhy, || format!("claim {claim_name} is {state}, and nobody says why"))?;
    }
    for volume in input.volumes.iter().filter(|volume| is_leaving(&volume.metadata)) {
        let volume_name = name(&volume.metadata);
        let acted = plan
            .actions
            .iter()
            .any(|action| matches!(action, Action::RemoveVolume { name } if Some(name.as_str()) == handle_of(volume)));
        let is_said = acted
            || written.contains(&("volume", "", volume_name))
            || waited("PersistentVolume", "", volume_name)
            || volume.status.as_ref().is_some_and(|status| status.message.is_some());
        holds(is_said, Law::SaysWhy, || {
            format!("volume {volume_name} is being deleted, and nobody says why it stays")
        })?;
    }
    Ok(())
}

/// [`Law::Quiet`]: no write says what is so already, nothing is made that is there and nothing removed of which the engine
/// has said that it is gone.
pub fn quiet(input: &Input<'_>, plan: &Plan) -> Verdict {
    for write in &plan.writes {
        let (kind, space, object) = super::target(write);
        let claim = || input.claims.iter().find(|c| name(&c.metadata) == object && namespace(&c.metadata) == space);
        let volume = || input.volumes.iter().find(|volume| name(&volume.metadata) == object);
        let is_so = match write {
            // What has lost its last finalizer goes with the write, changed or not; and the claim of a binding is written
            // unchanged to hold fast the revision that was read.
            Write::UpdateClaim(new) => {
                let goes = is_leaving(&new.metadata) && is_unheld(&new.metadata);
                claim().is_some_and(|old| **old == **new) && !goes && !is_bound_by(plan, new)
            }
            Write::UpdateVolume(new) => {
                volume().is_some_and(|old| **old == **new) && !(is_leaving(&new.metadata) && is_unheld(&new.metadata))
            }
            Write::ClaimStatus { status, .. } => claim().is_some_and(|old| old.status.as_ref() == Some(&**status)),
            Write::VolumeStatus { status, .. } => volume().is_some_and(|old| old.status.as_ref() == Some(&**status)),
            Write::CreateVolume(_) => volume().is_some(),
            _ => false,
        };
        holds(!is_so, Law::Quiet, || format!("{kind} {object} is written although it is so already"))?;
    }
    for action in &plan.actions {
        let is_so = match (action, input.engine) {
            (Action::CreateVolume { name, .. }, Some(engine)) => engine.contains_key(name),
            (Action::RemoveVolume { name }, Some(engine)) => !engine.contains_key(name) && input.removed.contains(name),
            (Action::GrowVolume { name, size }, Some(engine)) => {
                engine.get(name).is_some_and(|volume| match volume.room {
                    Room::Limit(held) => held >= *size,
                    Room::Disk | Room::Unlimited(_) => true,
                })
            }
            _ => false,
        };
        holds(!is_so, Law::Quiet, || format!("{action:?} is begun although it is so already"))?;
    }
    holds(plan.look_again.is_none_or(|at| at > input.now), Law::Quiet, || {
        "claims are to be looked at again at once".to_owned()
    })
}

/// [`Law::Quiet`] for a plan of which it is known that nothing is left to do.
pub fn rests(plan: &Plan) -> Verdict {
    let acts = plan.actions.first().map(|action| format!("{action:?} is begun"));
    let writes = plan.writes.first().map(|write| {
        let (kind, _, object) = super::target(write);
        format!("{kind} {object} is written")
    });
    match acts.or(writes) {
        Some(what) => holds(false, Law::Quiet, || format!("{what} although nothing has changed")),
        None => Ok(()),
    }
}

/// [`Law::Bounded`]: no object is written twice, nothing is done twice in the engine and few things at a time, and a few
/// sentences for each object.
pub fn bounded(input: &Input<'_>, plan: &Plan) -> Verdict {
    for (at, action) in plan.actions.iter().enumerate() {
        holds(!plan.actions[..at].contains(action), Law::Bounded, || format!("{action:?} is begun twice"))?;
    }
    let kinds = plan.actions.iter().map(std::mem::discriminant);
    let at_once = kinds.clone().map(|kind| kinds.clone().filter(|other| *other == kind).count()).max().unwrap_or(0);
    holds(at_once <= VOLUMES_AT_ONCE_MAX, Law::Bounded, || {
        format!("{at_once} volumes are made, grown or removed at a time, more than {VOLUMES_AT_ONCE_MAX}")
    })?;
    let objects = input.claims.len() + input.volumes.len() + input.begun.len();
    holds(plan.actions.len() <= objects, Law::Bounded, || {
        format!("{} things are begun for {objects} claims and volumes", plan.actions.len())
    })?;
    let (said, said_max) = (plan.waits.len().max(plan.notes.len()), SENTENCES_EACH_MAX * objects);
    holds(said <= said_max, Law::Bounded, || format!("{said} things are said about {objects} claims and volumes"))?;
    once(&plan.writes)
}

/// The uid of the claim that a volume belongs to.
pub(super) fn holder(volume: &PersistentVolume) -> Option<&str> {
    volume.spec.as_ref()?.claim_ref.as_ref()?.uid.as_deref().filter(|uid| !uid.is_empty())
}

/// The engine's name of a volume's data, where our driver made it.
pub(super) fn handle_of(volume: &PersistentVolume) -> Option<&str> {
    let csi = volume.spec.as_ref()?.csi.as_ref()?;
    (csi.driver == PROVISIONER).then_some(csi.volume_handle.as_str())
}

/// The volume that a claim names.
pub(super) fn volume_of(claim: &PersistentVolumeClaim) -> Option<&str> {
    claim.spec.as_ref()?.volume_name.as_deref().filter(|volume| !volume.is_empty())
}

fn claim_of<'a>(input: &Input<'a>, volume: &PersistentVolume) -> Option<&'a PersistentVolumeClaim> {
    let uid = holder(volume)?;
    input.claims.iter().copied().find(|claim| claim.metadata.uid.as_deref() == Some(uid))
}

/// Whether the same plan makes a volume this claim's.
fn is_bound_by(plan: &Plan, claim: &PersistentVolumeClaim) -> bool {
    plan.writes.iter().any(|write| match write {
        Write::UpdateVolume(volume) | Write::CreateVolume(volume) => holder(volume) == claim.metadata.uid.as_deref(),
        _ => false,
    })
}

fn is_same(a: &PersistentVolumeClaim, b: &PersistentVolumeClaim) -> bool {
    (&a.metadata.namespace, &a.metadata.name) == (&b.metadata.namespace, &b.metadata.name)
}

fn is_protected(claim: &PersistentVolumeClaim) -> bool {
    claim.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == CLAIM_PROTECTION)
}

fn is_unheld(metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta) -> bool {
    metadata.finalizers.as_ref().is_none_or(Vec::is_empty)
}

/// A pod that mounts the claim and has not ended.
fn user<'a>(input: &Input<'a>, claim: &PersistentVolumeClaim) -> Option<&'a str> {
    let uses = |pod: &&&k8s_openapi::api::core::v1::Pod| {
        let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
        let mut claims = volumes.filter_map(|volume| volume.persistent_volume_claim.as_ref());
        pod.metadata.namespace == claim.metadata.namespace
            && !read::is_finished(pod)
            && claims.any(|its| its.claim_name == name(&claim.metadata))
    };
    input.pods.iter().find(uses).map(|pod| name(&pod.metadata))
}
