//! What should not be there: containers of another uid, pods that are being deleted.

use std::time::Duration;

use super::{
    backoff::{self, Pace, seconds},
    build,
    draft::{Draft, Put},
    order, tell,
    view::{Unit, View, is_live},
};
use crate::{
    Action, Note, NoteKind, Write,
    action::{Hook, Stop},
    facts::{Container, Role, State},
};

/// Kubernetes' default of `terminationGracePeriodSeconds`.
const GRACE_SECONDS: i64 = 30;

/// Whether all is gone that must be gone before anything is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    Yes,
    No,
}

/// Takes away the containers and scratch volumes of other uids than the pod's: of a pod that was removed by force,
/// and of one whose name was used again. Nobody waits for them, so they are killed.
pub(super) fn strangers(draft: &mut Draft<'_>) -> Settled {
    let input = draft.input();
    let reserved = || input.reserved.and_then(|reserved| reserved.uid()).map(String::as_str);
    let uid = input.pod.map(tell::uid_of).or_else(reserved);
    let is_stranger = |c: &&Container| c.owner.pod == *input.key && Some(c.owner.uid.as_str()) != uid;
    let mut strangers: Vec<&Container> = input.containers.iter().filter(is_stranger).collect();
    // App containers first: the sandbox is their network. There may be several former pods.
    strangers.sort_by(|a, b| {
        fn rank(c: &Container) -> impl Ord {
            (std::cmp::Reverse(c.owner.role), &c.owner.container, c.owner.attempt, &c.owner.uid, &c.id)
        }
        rank(a).cmp(&rank(b))
    });
    if !strangers.is_empty() {
        let sentence = match input.pod {
            Some(_) => "waiting for the containers of the previous pod of this name to be gone",
            None => "removing the containers of a pod that is gone",
        };
        draft.wait("PreviousPodRemains", sentence);
    }
    let mut settled = Settled::Yes;
    for stranger in strangers {
        let put = remove(draft, stranger);
        // What has ended and resists its removal keeps nobody from starting.
        if put == Put::Taken || is_live(stranger) {
            settled = Settled::No;
        }
    }
    if settled == Settled::Yes {
        let keep = uid.map(|uid| build::scratch_prefix(&input.host.instance, uid));
        let is_strange = |name: &&String| keep.as_ref().is_none_or(|prefix| !name.starts_with(prefix.as_str()));
        for name in input.scratch.iter().filter(is_strange) {
            let put = draft.put(Action::RemoveVolume { name: name.clone() }, Pace::Engine, Vec::new());
            if put == Put::Taken && input.pod.is_none() {
                settled = Settled::No;
            }
        }
    }
    settled
}

/// Takes apart a pod that is being deleted: stop, remove containers, sandbox and scratch volumes, remove the object.
pub(super) fn deletion(view: &View<'_>, draft: &mut Draft<'_>) {
    let live: Vec<_> = view.live();
    if !live.is_empty() {
        let (turn, grace) = order::next(view, &live, grace_left(view));
        let (stops, notes) = stops(view, &turn, |_| grace);
        draft.put(Action::Stop(stops), Pace::Engine, notes);
        draft.wait("Terminating", &format!("waiting for {} to end", names(&turn)));
        return;
    }
    let mut all: Vec<&Container> = view.units.iter().flat_map(|unit| unit.attempts.iter().copied()).collect();
    all.extend(view.unnamed.iter().copied());
    all.extend(view.sandboxes_old.iter().copied());
    all.extend(view.sandbox);
    if let Some(container) = all.first() {
        // One after the other, whichever is in the way: the object stays until all are gone.
        for container in &all {
            remove(draft, container);
        }
        draft.wait("Terminating", &format!("waiting for container {} to be removed", container.owner.container));
        return;
    }
    let prefix = build::scratch_prefix(&view.input.host.instance, view.uid);
    let scratch: Vec<&String> = view.input.scratch.iter().filter(|name| name.starts_with(&prefix)).collect();
    if !scratch.is_empty() {
        for name in scratch {
            draft.put(Action::RemoveVolume { name: name.clone() }, Pace::Engine, Vec::new());
        }
        draft.wait("Terminating", "waiting for its scratch volumes to be removed");
        return;
    }
    if draft.is_taken() {
        draft.wait("Terminating", "waiting for what was begun before its deletion");
        return;
    }
    let finalizers = view.pod.metadata.finalizers.as_deref().unwrap_or_default();
    if finalizers.is_empty() {
        draft.write(Write::RemovePod {
            namespace: view.input.key.namespace.clone(),
            name: view.input.key.name.clone(),
            rv: view.pod.metadata.resource_version.clone().unwrap_or_default(),
        });
    } else {
        draft.wait("Terminating", &format!("waiting for its finalizers: {}", finalizers.join(", ")));
    }
}

/// Removes a container. One that is on its way out already is helped along, but not in a hurry.
pub(super) fn remove(draft: &mut Draft<'_>, container: &Container) -> Put {
    if container.state == State::Removing
        && let Some(asked) = draft.input().memory.removed.get(&container.id)
    {
        let again = backoff::after(*asked, backoff::REMOVAL_DELAY);
        if again > draft.input().now {
            draft.wait("EngineRemoves", &format!("the engine is removing container {}", container.owner.container));
            draft.look_again(again);
            return Put::Taken;
        }
    }
    let action = Action::Remove { id: container.id.clone(), owner: container.owner.clone() };
    draft.put(action, Pace::Engine, Vec::new())
}

/// Stops for these containers, with the notes to tell.
pub(super) fn stops(
    view: &View<'_>,
    live: &[&Container],
    grace: impl Fn(&Container) -> Duration,
) -> (Vec<Stop>, Vec<Note>) {
    let mut notes = Vec::new();
    let stops = live.iter().map(|container| {
        let owner = &container.owner;
        if owner.role != Role::Sandbox {
            let message = format!("Stopping container {}", owner.container);
            notes.push(tell::of_owner(owner, NoteKind::Normal, "Killing", message));
        }
        let pre_stop = pre_stop(view, container);
        Stop { id: container.id.clone(), owner: owner.clone(), grace: grace(container), pre_stop }
    });
    (stops.collect(), notes)
}

/// The grace period of a pod that is not being deleted.
pub(super) fn grace_of_spec(view: &View<'_>) -> Duration {
    seconds(view.spec.termination_grace_period_seconds.unwrap_or(GRACE_SECONDS))
}

/// Containers in words: `container nginx`, `containers nginx, log`.
pub(super) fn names(containers: &[&Container]) -> String {
    let names: Vec<&str> = containers.iter().map(|container| container.owner.container.as_str()).collect();
    let plural = if names.len() == 1 { "" } else { "s" };
    format!("container{plural} {}", names.join(", "))
}

fn pre_stop(view: &View<'_>, container: &Container) -> Option<Hook> {
    let is_it = |unit: &&Unit<'_>| unit.role == container.owner.role && unit.name() == container.owner.container;
    build::pre_stop(view, view.units.iter().find(is_it)?.spec)
}

/// What is left of the grace period of a pod that is being deleted: `deletionTimestamp` is the moment when it is over.
/// That moment is in whole seconds; its second counts in full, so that a grace period is never cut.
fn grace_left(view: &View<'_>) -> Duration {
    let metadata = &view.pod.metadata;
    let grace = metadata.deletion_grace_period_seconds.map_or_else(|| grace_of_spec(view), seconds);
    let Some(deadline) = metadata.deletion_timestamp.as_ref() else { return grace };
    let deadline = backoff::after(deadline.0, Duration::from_secs(1));
    grace.min(backoff::since(deadline, view.now()))
}
