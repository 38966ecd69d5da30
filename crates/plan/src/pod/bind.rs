//! Gives a pod its node, once: this one, none yet, or none ever.

use k8s_openapi::api::core::v1::{Pod, PodStatus};

use super::{ClaimState, draft::Draft, teardown::Settled, tell, view::View};
use crate::{
    NoteKind, Write, read,
    schedule::{self, Rejection},
};

/// Where a pod is to run.
pub(super) enum Node<'a> {
    /// Here.
    This,
    /// On a node of this name, which there is not.
    Other(&'a str),
    /// Nowhere yet; `None` where nothing speaks against this node.
    None(Option<Unplaced>),
    /// Here, says the pod, and the kubelet does not let it.
    Rejected(Rejection),
}

/// Why a pod has no node.
pub(super) struct Unplaced {
    /// The reason of the condition `PodScheduled` and of the wait.
    pub(super) reason: &'static str,
    /// The condition's message.
    pub(super) message: String,
    /// The wait's sentence.
    why: String,
}

/// Whether it is decided where the pod runs, so that nobody asks about its place any more. `node` is this node's name.
pub fn is_placed(pod: &Pod, node: &str) -> bool {
    let named = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or_default();
    let is_admitted = pod.status.as_ref().is_some_and(|status| status.start_time.is_some());
    is_admitted || !(named.is_empty() || named == node)
}

/// Where the pod is to run.
pub(super) fn node<'a>(view: &View<'a>) -> Node<'a> {
    let named = view.spec.node_name.as_deref().filter(|node| !node.is_empty());
    match named {
        None => Node::None(unplaced(view)),
        Some(other) if !view.is_scheduled() => Node::Other(other),
        Some(_) if view.is_admitted() || view.is_deleting() || view.end().is_some() => Node::This,
        Some(_) => match schedule::admits(view.pod, view.spec, view.input.place) {
            Ok(()) => Node::This,
            Err(rejection) => Node::Rejected(rejection),
        },
    }
}

/// Gives the pod to this node, or says why not; settled once it may be brought up here.
pub(super) fn bind(view: &View<'_>, draft: &mut Draft<'_>) -> Settled {
    match node(view) {
        Node::This => return Settled::Yes,
        Node::Other(name) => {
            let ours = &view.input.host.node;
            draft.wait(
                "NodeMissing",
                &format!("spec.nodeName is {name}, and there is no such node; this one is {ours}"),
            );
        }
        Node::Rejected(rejection) => {
            let note = tell::of_pod(draft.subject(), NoteKind::Warning, rejection.reason, rejection.message);
            draft.note(note);
        }
        Node::None(Some(unplaced)) => {
            draft.wait(unplaced.reason, &unplaced.why);
        }
        Node::None(None) => {
            let mut pod = view.pod.clone();
            let host = &view.input.host.node;
            pod.spec.get_or_insert_default().node_name = Some(host.clone());
            draft.write(Write::UpdatePod(Box::new(pod)));
            let message = format!("Successfully assigned {} to {host}", view.input.key);
            let mut note = tell::of_pod(draft.subject(), NoteKind::Normal, "Scheduled", message);
            note.component = tell::SCHEDULER;
            draft.note(note);
        }
    }
    Settled::No
}

/// The event to the condition `PodScheduled`: one for each message that the status has not had, also while what an
/// earlier pod has left is still in the way.
pub(super) fn tell_unplaced(view: &View<'_>, status: &PodStatus, draft: &mut Draft<'_>) {
    let message = |status: &PodStatus| {
        let scheduled = read::condition(status, "PodScheduled")?;
        (scheduled.reason.as_deref() == Some("Unschedulable")).then(|| scheduled.message.clone())?
    };
    let now = message(status).filter(|now| !view.is_deleting() && message(view.stored).as_ref() != Some(now));
    if let Some(now) = now {
        let mut note = tell::of_pod(draft.subject(), NoteKind::Warning, "FailedScheduling", now);
        note.component = tell::SCHEDULER;
        draft.note(note);
    }
}

/// Why the pod has no node yet.
fn unplaced(view: &View<'_>) -> Option<Unplaced> {
    if view.spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty()) {
        let message = "Scheduling is blocked due to non-empty scheduling gates".to_owned();
        return Some(Unplaced { reason: "SchedulingGated", why: message.clone(), message });
    }
    let volumes = view.spec.volumes.iter().flatten();
    let mut claims = volumes.filter_map(|volume| volume.persistent_volume_claim.as_ref());
    let unclaimed = claims.find_map(|claim| match view.input.claims.get(&claim.claim_name) {
        Some(ClaimState::Ready(_)) => None,
        Some(ClaimState::Waiting(why)) => Some(schedule::unclaimed(why)),
        None => Some(schedule::unclaimed(&format!("persistentvolumeclaim \"{}\" not found", claim.claim_name))),
    });
    let objection = unclaimed.or_else(|| schedule::fits(view.pod, view.spec, view.input.place).err())?;
    Some(Unplaced { reason: "Unschedulable", message: objection.message, why: objection.why })
}
