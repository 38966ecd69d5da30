//! What a container may use of the machine, as the kubelet computes it.

use std::collections::BTreeMap;

use api::kinds::{pod::qos, quantity};
use k8s_openapi::{api::core::v1::Container as ContainerSpec, apimachinery::pkg::api::resource::Quantity};

use super::view::{Unit, View};
use crate::action::{CPU_PERIOD_MICROS, Resources};

/// Shares of one processor.
const SHARES_PER_CPU: i128 = 1024;
/// The kernel's least and greatest number of shares.
const SHARES: (i128, i128) = (2, 262_144);
/// The kernel's least quota, in microseconds.
const QUOTA_MICROS_MIN: i128 = 1000;
/// `oom_score_adj` of pods that get all that they may use, and of those that ask for nothing.
const OOM_GUARANTEED: i32 = -997;
const OOM_BEST_EFFORT: i32 = 1000;
/// Pods that the node cannot do without: `system-node-critical` and above.
const PRIORITY_CRITICAL: i32 = 2_000_000_000;

/// What a container may use. One that says nothing of processors keeps the engine's weight: the kubelet's least would
/// let everything else on the machine go before it.
///
/// Source: `calculateLinuxResources` in `pkg/kubelet/kuberuntime`, `MilliCPUToShares` and `MilliCPUToQuota` in
/// `pkg/kubelet/cm`.
pub(super) fn resources(view: &View<'_>, unit: &Unit<'_>) -> Resources {
    let (request, limit) = (request(unit.spec, "cpu"), limit(unit.spec, "cpu"));
    let weight = request.or(limit).map(|amount| (millis(amount) * SHARES_PER_CPU / 1000).clamp(SHARES.0, SHARES.1));
    let quota = limit.map(|amount| (millis(amount) * i128::from(CPU_PERIOD_MICROS) / 1000).max(QUOTA_MICROS_MIN));
    Resources {
        memory: self::limit(unit.spec, "memory").map(whole),
        cpu_shares: weight.map(unsigned),
        cpu_quota_micros: quota.map(unsigned),
        oom_score_adj: oom_score_adj(view, unit),
    }
}

/// Source: `GetContainerOOMScoreAdjust` in `pkg/kubelet/qos`.
fn oom_score_adj(view: &View<'_>, unit: &Unit<'_>) -> i32 {
    if view.spec.priority.is_some_and(|priority| priority >= PRIORITY_CRITICAL) {
        return OOM_GUARANTEED;
    }
    match qos::class(view.spec) {
        "Guaranteed" => return OOM_GUARANTEED,
        "BestEffort" => return OOM_BEST_EFFORT,
        _ => {}
    }
    let node = view.input.place.node.and_then(|node| node.status.as_ref());
    let capacity = node.and_then(|status| status.capacity.as_ref()).and_then(|all| amount(all, "memory"));
    let of = |spec: &ContainerSpec| {
        let requested = request(spec, "memory").map_or(0, |amount| i128::from(whole(amount)));
        let capacity = capacity.map_or(0, |amount| i128::from(whole(amount)));
        1000 - (1000 * requested).checked_div(capacity).unwrap_or(0)
    };
    let own = of(unit.spec);
    // A sidecar goes with the containers that it is there for, and not before them.
    let adjusted = if unit.is_sidecar { view.spec.containers.iter().map(of).fold(own, i128::min) } else { own };
    let (least, most) = (i128::from(1000 + OOM_GUARANTEED), i128::from(OOM_BEST_EFFORT - 1));
    i32::try_from(adjusted.clamp(least, most)).unwrap_or(OOM_BEST_EFFORT)
}

/// What a container requests, in billionths; the limit where it does not say. Nothing counts as not said.
fn request(spec: &ContainerSpec, name: &str) -> Option<i128> {
    let requests = spec.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    requests.and_then(|all| amount(all, name)).or_else(|| limit(spec, name))
}

fn limit(spec: &ContainerSpec, name: &str) -> Option<i128> {
    amount(spec.resources.as_ref()?.limits.as_ref()?, name)
}

fn amount(all: &BTreeMap<String, Quantity>, name: &str) -> Option<i128> {
    let amount = quantity::parse(all.get(name)?.0.trim())?.nanos();
    (amount > 0).then_some(amount)
}

/// Upwards, as all of Kubernetes rounds.
fn millis(nanos: i128) -> i128 {
    (nanos + 999_999) / 1_000_000
}

fn whole(nanos: i128) -> u64 {
    unsigned((nanos + 999_999_999) / 1_000_000_000)
}

fn unsigned(number: i128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
