//! In which order the containers of a pod end: sidecars after the containers that they are there for, the last one first.
//!
//! Source: `terminationOrdering` in `pkg/kubelet/kuberuntime`. A kubelet runs the `preStop` hooks of sidecars at once; here a
//! hook runs when its container's turn has come.

use std::time::Duration;

use super::{
    backoff,
    teardown::grace_of_spec,
    view::{Stage, Unit, View},
};
use crate::facts::Container;

/// What a sidecar gets between the stop signal and the kill when the others have used up the grace period, as a kubelet
/// gives it.
const GRACE_MIN: Duration = Duration::from_secs(2);

/// Those, of the containers that run, whose turn it is to end, and within what time. `grace` is left for all together;
/// when it is nothing from the beginning, all end at once.
pub(super) fn next<'a>(view: &View<'a>, live: &[&'a Container], grace: Duration) -> (Vec<&'a Container>, Duration) {
    let is_forced = view.pod.metadata.deletion_grace_period_seconds == Some(0);
    let (sidecars, others): (Vec<&Container>, Vec<&Container>) =
        live.iter().copied().partition(|container| rank(view, container).is_some());
    if is_forced {
        return (live.to_vec(), grace);
    }
    if !others.is_empty() {
        return (others, grace);
    }
    let last = sidecars.into_iter().max_by_key(|container| rank(view, container));
    (last.into_iter().collect(), grace.max(GRACE_MIN))
}

/// What is left of the grace period for the sidecars of a pod that has ended: it began when the last of the others ended.
pub(super) fn grace_after_end(view: &View<'_>) -> Duration {
    let ends = view.apps().filter_map(|unit| match view.stage(unit) {
        Stage::Ended { finished, .. } => Some(finished),
        _ => None,
    });
    let grace = grace_of_spec(view);
    ends.max().map_or(grace, |end| grace.saturating_sub(backoff::since(view.now(), end)))
}

/// The place of a sidecar among the init containers; `None` for all other containers.
fn rank(view: &View<'_>, container: &Container) -> Option<usize> {
    let is_it = |unit: &Unit<'_>| {
        unit.is_sidecar && unit.role == container.owner.role && unit.name() == container.owner.container
    };
    view.units.iter().position(is_it)
}
