//! The pod, the engine's facts about it and the memory of it, side by side.

use std::borrow::Cow;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    Container as ContainerSpec, ContainerState, ContainerStatus, Pod, PodSpec, PodStatus,
};

use super::{Input, Memory, backoff, tell};
use crate::{
    facts::{Container, Owner, Role, State},
    schedule,
};

/// The exit code of a container that was lost without a trace, as the kubelet's.
pub(super) const LOST_EXIT_CODE: i32 = 137;

/// What is known of one pod that has an object.
pub(super) struct View<'a> {
    pub(super) input: &'a Input<'a>,
    pub(super) pod: &'a Pod,
    pub(super) spec: &'a PodSpec,
    pub(super) uid: &'a str,
    /// The status in the store.
    pub(super) stored: &'a PodStatus,
    /// The sandbox of the highest attempt; one that never ran is not it while another runs.
    pub(super) sandbox: Option<&'a Container>,
    /// Init containers in order, then app containers in order, then ephemeral ones.
    pub(super) units: Vec<Unit<'a>>,
    /// Containers of this pod that its spec does not name.
    pub(super) unnamed: Vec<&'a Container>,
    /// Sandboxes of lower attempts.
    pub(super) sandboxes_old: Vec<&'a Container>,
    /// Whether the sandbox runs and is of no more use.
    pub(super) is_spoilt: bool,
    memory: Option<&'a Memory>,
}

/// One container of the spec with everything that is known of it.
pub(super) struct Unit<'a> {
    pub(super) role: Role,
    pub(super) spec: &'a ContainerSpec,
    /// An init container that goes on running beside the app containers (`restartPolicy: Always`).
    pub(super) is_sidecar: bool,
    /// The app container whose processes an ephemeral one shares.
    pub(super) target: Option<&'a str>,
    /// All attempts that the engine has, lowest first.
    pub(super) attempts: Vec<&'a Container>,
    /// Its status in the store.
    pub(super) stored: Option<&'a ContainerStatus>,
}

/// When containers that end start again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RestartPolicy {
    Always,
    OnFailure,
    Never,
}

/// Where a container of the spec stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage<'a> {
    /// Never made, or made in vain: it starts as this attempt.
    Absent { attempt: u32 },
    /// Made, never started.
    Created(&'a Container),
    /// Running in the pod's sandbox.
    Running(&'a Container, Timestamp),
    /// Running in a sandbox that is no more.
    Stale(&'a Container),
    /// Ended at a moment with an exit code; where it starts again, it is as this attempt.
    Ended { code: i64, finished: Timestamp, attempt: u32, here: Here },
    /// On its way out of the engine.
    Leaving,
}

/// Whether a container ended in the pod's present sandbox or in an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Here {
    Yes,
    No,
}

impl<'a> View<'a> {
    /// `ephemeral` are the ephemeral containers of the spec.
    pub(super) fn new(input: &'a Input<'a>, pod: &'a Pod, spec: &'a PodSpec, ephemeral: &'a [ContainerSpec]) -> Self {
        static NO_STATUS: std::sync::LazyLock<PodStatus> = std::sync::LazyLock::new(PodStatus::default);
        let uid = tell::uid_of(pod);
        let stored = pod.status.as_ref().unwrap_or(&NO_STATUS);
        let mut own: Vec<&Container> =
            input.containers.iter().filter(|c| c.owner.pod == *input.key && c.owner.uid == uid).collect();
        own.sort_by(|a, b| {
            let rank = |c: &Container| (c.owner.attempt, c.id.clone());
            rank(a).cmp(&rank(b))
        });
        let mut sandboxes: Vec<&Container> = own.iter().copied().filter(|c| c.owner.role == Role::Sandbox).collect();
        // A request that the engine serves when nobody waits for it any more makes a sandbox beside the one that runs.
        let is_left = |c: &&Container| c.state == State::Created;
        let at = sandboxes.iter().rposition(|c| is_live(c)).filter(|_| sandboxes.last().is_some_and(is_left));
        let sandbox = at.map(|at| sandboxes.remove(at)).or_else(|| sandboxes.pop());
        let unit = |role: Role, spec: &'a ContainerSpec, statuses: &'a Option<Vec<ContainerStatus>>| Unit {
            role,
            spec,
            is_sidecar: role == Role::Init && spec.restart_policy.as_deref() == Some("Always"),
            target: None,
            attempts: own.iter().copied().filter(|c| c.owner.role == role && c.owner.container == spec.name).collect(),
            stored: statuses.iter().flatten().find(|status| status.name == spec.name),
        };
        let init = spec.init_containers.iter().flatten();
        let init = init.map(|spec| unit(Role::Init, spec, &stored.init_container_statuses));
        let app = spec.containers.iter().map(|spec| unit(Role::App, spec, &stored.container_statuses));
        let targets = spec.ephemeral_containers.iter().flatten().map(|added| added.target_container_name.as_deref());
        let ephemeral = ephemeral.iter().zip(targets).map(|(spec, target)| Unit {
            target: target.filter(|target| !target.is_empty()),
            ..unit(Role::Ephemeral, spec, &stored.ephemeral_container_statuses)
        });
        let units: Vec<Unit> = init.chain(app).chain(ephemeral).collect();
        let is_named =
            |c: &Container| units.iter().any(|unit| unit.role == c.owner.role && unit.spec.name == c.owner.container);
        let unnamed = own.iter().copied().filter(|c| c.owner.role != Role::Sandbox && !is_named(c)).collect();
        let memory = Some(input.memory).filter(|memory| memory.uid.is_empty() || memory.uid == uid);
        let is_cut_off = |sandbox: &Container| is_cut_off(sandbox, spec.host_network == Some(true));
        let is_spoilt = sandbox.is_some_and(|sandbox| is_spoilt(sandbox, &own) || is_cut_off(sandbox));
        View { input, pod, spec, uid, stored, sandbox, units, unnamed, sandboxes_old: sandboxes, is_spoilt, memory }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.input.now
    }

    /// What was tried for this uid.
    pub(super) fn memory(&self) -> &'a Memory {
        static NOTHING: std::sync::LazyLock<Memory> = std::sync::LazyLock::new(Memory::default);
        self.memory.unwrap_or(&NOTHING)
    }

    pub(super) fn is_deleting(&self) -> bool {
        self.pod.metadata.deletion_timestamp.is_some()
    }

    pub(super) fn is_host_network(&self) -> bool {
        self.spec.host_network == Some(true)
    }

    /// Whether the pod has this node: by its name, or by having run here when the node had another one.
    pub(super) fn is_scheduled(&self) -> bool {
        let is_ours = |node: &str| node == self.input.host.node || (!node.is_empty() && self.is_admitted());
        self.spec.node_name.as_deref().is_some_and(is_ours)
    }

    /// Whether the kubelet's part has begun: it is not asked again whether the pod may run.
    pub(super) fn is_admitted(&self) -> bool {
        self.stored.start_time.is_some() || self.sandbox.is_some() || !self.live().is_empty()
    }

    /// Whether the pod has ended because it was not let run.
    pub(super) fn is_rejected(&self) -> bool {
        let message = self.stored.message.as_deref();
        self.stored.phase.as_deref() == Some("Failed") && message.is_some_and(|m| m.starts_with(schedule::REJECTED))
    }

    /// The sandbox, where it runs and is of use, with the moment of its start.
    pub(super) fn sandbox_running(&self) -> Option<(&'a Container, Timestamp)> {
        if self.is_spoilt {
            return None;
        }
        match &self.sandbox?.state {
            State::Running { started_at, .. } => Some((self.sandbox?, *started_at)),
            State::Created | State::Exited { .. } | State::Removing => None,
        }
    }

    /// Whether the pod had containers, and none of them joined this sandbox: the one that they had is gone.
    pub(super) fn lost_everything(&self, sandbox: &Container) -> bool {
        let mut attempts = self.units.iter().flat_map(|unit| &unit.attempts).peekable();
        attempts.peek().is_some() && attempts.all(|container| container.sandbox.as_ref() != Some(&sandbox.id))
    }

    /// The pod's address, where it has one.
    pub(super) fn address(&self) -> Option<std::net::IpAddr> {
        let (sandbox, _) = self.sandbox_running()?;
        if self.is_host_network() {
            return Some(self.input.host.address);
        }
        sandbox.address.or_else(|| self.input.address.clone().ok())
    }

    /// When a container starts again: as it says itself, else as its pod says.
    pub(super) fn policy_of(&self, unit: &Unit<'_>) -> RestartPolicy {
        match unit.spec.restart_policy.as_deref().or(self.spec.restart_policy.as_deref()) {
            Some("Never") => RestartPolicy::Never,
            Some("OnFailure") => RestartPolicy::OnFailure,
            Some(_) | None => RestartPolicy::Always,
        }
    }

    /// The containers that run, of whatever sandbox and attempt; not the sandbox.
    pub(super) fn live(&self) -> Vec<&'a Container> {
        let named = self.units.iter().flat_map(|unit| unit.attempts.iter().copied());
        named.chain(self.unnamed.iter().copied()).filter(|container| is_live(container)).collect()
    }

    pub(super) fn apps(&self) -> impl Iterator<Item = &Unit<'a>> {
        self.units.iter().filter(|unit| unit.role == Role::App)
    }

    pub(super) fn ephemerals(&self) -> impl Iterator<Item = &Unit<'a>> {
        self.units.iter().filter(|unit| unit.role == Role::Ephemeral)
    }

    pub(super) fn inits(&self) -> impl Iterator<Item = &Unit<'a>> {
        self.units.iter().filter(|unit| unit.role == Role::Init)
    }

    /// The owner of a container of this pod.
    pub(super) fn owner(&self, role: Role, container: &str, attempt: u32) -> Owner {
        Owner { pod: self.input.key.clone(), uid: self.uid.to_owned(), role, container: container.to_owned(), attempt }
    }

    /// Where a container stands.
    pub(super) fn stage(&self, unit: &Unit<'a>) -> Stage<'a> {
        let Some(current) = unit.current() else { return self.stage_from_status(unit) };
        match &current.state {
            State::Created => Stage::Created(current),
            State::Running { started_at, .. } => match self.sandbox_running() {
                Some((sandbox, _)) if joined(current, sandbox) => Stage::Running(current, *started_at),
                Some(_) | None => Stage::Stale(current),
            },
            State::Exited { finished_at, code, .. } => {
                let here = self.sandbox_running().is_some_and(|(sandbox, _)| joined(current, sandbox));
                let attempt = current.owner.attempt.saturating_add(1);
                let here = if here { Here::Yes } else { Here::No };
                Stage::Ended { code: *code, finished: *finished_at, attempt, here }
            }
            State::Removing => Stage::Leaving,
        }
    }

    /// Where a container stands that the engine does not have: pruned, lost, or never made.
    fn stage_from_status(&self, unit: &Unit<'a>) -> Stage<'a> {
        let attempt = unit.attempt_next();
        let Some(state) = unit.stored.and_then(|stored| stored.state.as_ref()) else {
            return Stage::Absent { attempt };
        };
        if let Some(ended) = &state.terminated {
            let finished = ended.finished_at.as_ref().map_or(Timestamp::MIN, |time| time.0);
            // Its sandbox is not written in the status; one that runs since before the end is taken for it.
            let here = self.sandbox_running().is_some_and(|(_, since)| backoff::whole(since) <= finished);
            let here = if here { Here::Yes } else { Here::No };
            return Stage::Ended { code: i64::from(ended.exit_code), finished, attempt, here };
        }
        let is_run_once = unit.role == Role::Ephemeral || self.policy_of(unit) == RestartPolicy::Never;
        if state.running.is_some() && is_run_once {
            // It ran, and nobody knows how it ended.
            let (code, finished) = (i64::from(LOST_EXIT_CODE), backoff::whole(self.now()));
            return Stage::Ended { code, finished, attempt, here: Here::No };
        }
        Stage::Absent { attempt }
    }

    /// The exit code of a container that has ended for good.
    pub(super) fn outcome(&self, unit: &Unit<'a>) -> Option<i64> {
        let Stage::Ended { code, here, .. } = self.stage(unit) else { return None };
        let is_final = if unit.is_sidecar {
            false
        } else if unit.role == Role::Ephemeral {
            true
        } else if unit.role == Role::Init {
            // A new sandbox runs init containers again, except that a failure under `Never` stays one.
            (code == 0 && here == Here::Yes) || (code != 0 && self.policy_of(unit) == RestartPolicy::Never)
        } else {
            match self.policy_of(unit) {
                RestartPolicy::Always => false,
                RestartPolicy::OnFailure => code == 0,
                RestartPolicy::Never => true,
            }
        };
        is_final.then_some(code)
    }

    /// How the pod has ended, if it has: `Succeeded` or `Failed`. What is written in the store stays.
    pub(super) fn end(&self) -> Option<&'static str> {
        match self.stored.phase.as_deref() {
            Some("Succeeded") => return Some("Succeeded"),
            Some("Failed") => return Some("Failed"),
            Some(_) | None => {}
        }
        if !self.is_scheduled() {
            return None;
        }
        if self.is_overdue() {
            return Some("Failed");
        }
        if self.inits().any(|unit| self.outcome(unit).is_some_and(|code| code != 0)) {
            return Some("Failed");
        }
        let codes: Option<Vec<i64>> = self.apps().map(|unit| self.outcome(unit)).collect();
        match codes {
            Some(codes) if codes.is_empty() => None,
            Some(codes) if codes.iter().all(|code| *code == 0) => Some("Succeeded"),
            Some(_) => Some("Failed"),
            None => None,
        }
    }

    /// Whether the pod is said to have ended.
    pub(super) fn is_told(&self) -> bool {
        matches!(self.stored.phase.as_deref(), Some("Succeeded" | "Failed"))
    }

    /// When the pod's `activeDeadlineSeconds` are over; counted from its start.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        let seconds = self.spec.active_deadline_seconds?;
        Some(backoff::after(self.stored.start_time.as_ref()?.0, backoff::seconds(seconds)))
    }

    /// Whether the pod has run for longer than it may.
    pub(super) fn is_overdue(&self) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= self.now())
    }

    /// Whether an app container was made in the present sandbox: all init containers have done their part, then, also
    /// those that were pruned since.
    pub(super) fn is_initialised(&self) -> bool {
        let Some((sandbox, _)) = self.sandbox_running() else { return false };
        self.apps().any(|unit| unit.attempts.iter().any(|container| joined(container, sandbox)))
    }

    /// Whether this attempt of a container is being started.
    pub(super) fn is_in_flight(&self, unit: &Unit<'_>, attempt: u32) -> bool {
        matches!(&self.memory().in_flight, Some(crate::Action::StartContainer(start))
            if start.owner.container == unit.spec.name && start.owner.role == unit.role && start.owner.attempt == attempt)
    }

    /// Whether the start of a container is in flight whose `postStart` hook keeps it from counting as running.
    pub(super) fn is_starting(&self, unit: &Unit<'a>) -> bool {
        matches!(&self.memory().in_flight, Some(crate::Action::StartContainer(start))
            if start.owner.container == unit.spec.name && start.owner.role == unit.role && start.post_start.is_some())
    }
}

impl<'a> Unit<'a> {
    pub(super) fn name(&self) -> &'a str {
        &self.spec.name
    }

    pub(super) fn image(&self) -> &'a str {
        self.spec.image.as_deref().unwrap_or_default()
    }

    /// Whether the stored status shows it waiting with a message: it has been told already.
    pub(super) fn waits_with(&self, message: &str) -> bool {
        let waiting = self.stored.and_then(|stored| stored.state.as_ref()).and_then(|state| state.waiting.as_ref());
        waiting.is_some_and(|waiting| waiting.message.as_deref() == Some(message))
    }

    /// The highest attempt; `None` also where a later one ran, and the engine has lost it.
    pub(super) fn current(&self) -> Option<&'a Container> {
        self.attempts.last().copied().filter(|last| !self.is_followed(last))
    }

    /// Whether the status tells of a container that ran after this one.
    fn is_followed(&self, last: &Container) -> bool {
        let Some(stored) = self.stored else { return false };
        let is_later = u32::try_from(stored.restart_count).is_ok_and(|count| count > last.owner.attempt);
        let state = stored.state.as_ref();
        let ends = [state, stored.last_state.as_ref()].into_iter().flatten().filter_map(|s| s.terminated.as_ref());
        let has_ended = ends.into_iter().any(|ended| ended.container_id == stored.container_id);
        is_later && (has_ended || state.is_some_and(|state| state.running.is_some()))
    }

    /// The attempt that a start now would be.
    pub(super) fn attempt_next(&self) -> u32 {
        if let Some(current) = self.current() {
            return current.owner.attempt.saturating_add(1);
        }
        let Some(stored) = self.stored else { return 0 };
        let count = u32::try_from(stored.restart_count).unwrap_or(0);
        let has_run = |state: &Option<ContainerState>| {
            state.as_ref().is_some_and(|state| state.running.is_some() || state.terminated.is_some())
        };
        if has_run(&stored.state) || has_run(&stored.last_state) { count.saturating_add(1) } else { count }
    }
}

/// Whether a container joined this sandbox.
fn joined(container: &Container, sandbox: &Container) -> bool {
    container.sandbox.as_ref().is_none_or(|id| *id == sandbox.id)
}

/// Whether a sandbox was started again from outside: it has a new network then, which those of its containers that run
/// since before are not in, and those that have ended since did not crash. A clock that was set back looks the same.
/// Either way a new sandbox is right, and its start is by the new clock.
fn is_spoilt(sandbox: &Container, own: &[&Container]) -> bool {
    let State::Running { started_at: since, .. } = sandbox.state else { return false };
    own.iter().filter(|container| container.owner.role != Role::Sandbox).any(|container| match container.state {
        State::Running { started_at, .. } => joined(container, sandbox) && started_at < since,
        State::Exited { started_at: Some(started_at), .. } => {
            container.sandbox.as_ref() == Some(&sandbox.id) && started_at < since
        }
        State::Exited { started_at: None, .. } | State::Created | State::Removing => false,
    })
}

/// Whether a sandbox runs without the network that it was started on: somebody has disconnected it, and connected again
/// it would have another address and another interface than its containers know.
fn is_cut_off(sandbox: &Container, is_host_network: bool) -> bool {
    is_live(sandbox) && sandbox.address.is_none() && !is_host_network
}

/// Whether a container runs.
pub(super) fn is_live(container: &Container) -> bool {
    matches!(container.state, State::Running { .. })
}

/// The spec of a pod, with the init containers of the 2016 annotation where it has none of its own.
pub(super) fn spec_of(pod: &Pod) -> Cow<'_, PodSpec> {
    let spec = match &pod.spec {
        Some(spec) => Cow::Borrowed(spec),
        None => Cow::Owned(PodSpec::default()),
    };
    if spec.init_containers.as_ref().is_some_and(|containers| !containers.is_empty()) {
        return spec;
    }
    let annotation = pod.metadata.annotations.as_ref().and_then(|all| all.get(api::petset::INIT_CONTAINERS));
    let containers = annotation.and_then(|text| serde_json::from_str::<Vec<ContainerSpec>>(text).ok());
    match containers {
        Some(containers) if !containers.is_empty() => {
            let mut spec = spec.into_owned();
            spec.init_containers = Some(containers);
            Cow::Owned(spec)
        }
        Some(_) | None => spec,
    }
}
