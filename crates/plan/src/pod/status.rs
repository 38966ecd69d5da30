//! The pod's status, as the kubelet would write it.

use api::kinds::pod::qos;
use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{
        ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
        HostIP, PodCondition, PodIP, PodStatus,
    },
    apimachinery::pkg::apis::meta::v1::Time,
};

use super::{
    backoff::whole,
    bind::{self, Node},
    draft::{Blocked, Draft},
    probe,
    view::{Here, LOST_EXIT_CODE, Stage, Unit, View},
};
use crate::{
    Write,
    facts::{Container, Role, State},
    read,
    schedule::REJECTED,
};

/// Why a pod is not Ready whose containers are: others have to say so too.
const GATES: &str = "ReadinessGatesNotReady";

/// Writes the status where it differs from the one in the store.
pub(super) fn write(view: &View<'_>, draft: &mut Draft<'_>) {
    let removes = |write: &Write| matches!(write, Write::RemovePod { .. } | Write::UpdatePod(_));
    // One write of an object at a time: each is conditional on the revision that was read.
    if draft.writes().iter().any(removes) {
        return;
    }
    let status = status(view, draft);
    let ready =
        read::condition(&status, "Ready").and_then(|ready| Some((ready.reason.as_ref()?, ready.message.as_ref()?)));
    if let Some((_, message)) = ready.filter(|(reason, _)| *reason == GATES) {
        draft.wait(GATES, message);
    }
    if view.pod.status.as_ref() != Some(&status) {
        bind::tell_unplaced(view, &status, draft);
        draft.write(Write::PodStatus {
            namespace: view.input.key.namespace.clone(),
            name: view.input.key.name.clone(),
            rv: view.pod.metadata.resource_version.clone().unwrap_or_default(),
            status: Box::new(status),
        });
    }
}

/// The engine's id of a container as Kubernetes writes it.
pub(super) fn engine_id(id: &str) -> String {
    format!("docker://{id}")
}

fn status(view: &View<'_>, draft: &Draft<'_>) -> PodStatus {
    // What others write (conditions of their own, a reason for eviction) stays.
    let mut status = view.stored.clone();
    status.observed_generation = view.pod.metadata.generation.or(status.observed_generation);
    status.qos_class.get_or_insert_with(|| qos::class(view.spec).to_owned());
    match bind::node(view) {
        Node::Other(_) => {
            status.phase.get_or_insert_with(|| "Pending".to_owned());
            return status;
        }
        Node::None(unplaced) => {
            status.phase.get_or_insert_with(|| "Pending".to_owned());
            let (reason, message) =
                unplaced.map_or(("", String::new()), |unplaced| (unplaced.reason, unplaced.message));
            let scheduled = Verdict { holds: false, reason: some(reason), message: some(&message) };
            status.conditions = Some(conditions(view, vec![("PodScheduled", scheduled)]));
            return status;
        }
        Node::Rejected(rejection) => {
            status.phase = Some("Failed".to_owned());
            status.reason = some(rejection.reason);
            status.message = Some(format!("{REJECTED}{}", rejection.message));
            status.start_time.get_or_insert_with(|| Time(whole(view.now())));
            return status;
        }
        Node::This if view.is_rejected() => return status,
        Node::This => {}
    }
    let host = view.input.host.address.to_string();
    status.host_ip = Some(host.clone());
    status.host_ips = Some(vec![HostIP { ip: host }]);
    status.start_time.get_or_insert_with(|| Time(whole(view.now())));
    let end = view.end();
    let address = view.address().map(|address| address.to_string());
    if address.is_some() || !(view.is_deleting() || end.is_some()) {
        status.pod_ips = address.clone().map(|ip| vec![PodIP { ip }]);
        status.pod_ip = address;
    }
    let of = |unit: &Unit<'_>| container(view, draft, unit);
    let inits: Vec<ContainerStatus> = view.inits().map(of).collect();
    let apps: Vec<ContainerStatus> = view.apps().map(of).collect();
    let ephemerals: Vec<ContainerStatus> = view.ephemerals().map(of).collect();
    if end == Some("Failed") && !view.is_told() && view.is_overdue() {
        status.reason = some("DeadlineExceeded");
        status.message = some("Pod was active on the node longer than the specified deadline");
    }
    let phase = phase(view, end, &inits, &apps);
    status.conditions = Some(conditions(view, verdicts(view, end.unwrap_or(phase), &inits, &apps)));
    status.phase = Some(phase.to_owned());
    status.init_container_statuses = (!inits.is_empty()).then_some(inits);
    status.container_statuses = Some(apps);
    status.ephemeral_container_statuses = (!ephemerals.is_empty()).then_some(ephemerals);
    status
}

/// Source: the kubelet's `getPhase`.
fn phase(
    view: &View<'_>,
    end: Option<&'static str>,
    inits: &[ContainerStatus],
    apps: &[ContainerStatus],
) -> &'static str {
    if let Some(end) = end {
        // Nobody is told of the end while something of the pod still runs: a sidecar that has not ended yet.
        let until_then = if view.stored.phase.as_deref() == Some("Running") { "Running" } else { "Pending" };
        return if view.is_told() || view.live().is_empty() { end } else { until_then };
    }
    let code = |status: &ContainerStatus| Some(status.state.as_ref()?.terminated.as_ref()?.exit_code);
    let all_ended: Option<Vec<i32>> = apps.iter().map(code).collect();
    match all_ended {
        // The last word before the object goes.
        Some(codes) if view.is_deleting() && !codes.is_empty() && view.live().is_empty() => {
            return if codes.iter().all(|code| *code == 0) { "Succeeded" } else { "Failed" };
        }
        Some(_) | None => {}
    }
    let has_run = |status: &ContainerStatus| {
        let ran = |state: &Option<ContainerState>| {
            state.as_ref().is_some_and(|state| state.running.is_some() || state.terminated.is_some())
        };
        ran(&status.state) || ran(&status.last_state)
    };
    let initialised = view.is_initialised() || view.inits().zip(inits).all(|(unit, status)| is_past(unit, status));
    if initialised && apps.iter().all(has_run) { "Running" } else { "Pending" }
}

/// Whether the next container need not wait for an init container.
fn is_past(unit: &Unit<'_>, status: &ContainerStatus) -> bool {
    if unit.is_sidecar { status.started == Some(true) } else { status.ready }
}

fn container(view: &View<'_>, draft: &Draft<'_>, unit: &Unit<'_>) -> ContainerStatus {
    let blocked = draft.blocked.get(unit.name());
    let is_over = view.end().is_some() || view.is_deleting();
    let mut status = ContainerStatus {
        name: unit.name().to_owned(),
        image: unit.image().to_owned(),
        image_id: unit.current().map(|container| engine_id(&container.image_id)).unwrap_or_default(),
        container_id: unit.current().map(|container| engine_id(&container.id)),
        restart_count: restart_count(unit),
        started: Some(false),
        last_state: Some(last_state(unit)),
        ..ContainerStatus::default()
    };
    if unit.current().is_none()
        && let Some(stored) = unit.stored
    {
        stored.image_id.clone_into(&mut status.image_id);
        stored.container_id.clone_into(&mut status.container_id);
    }
    let state = match view.stage(unit) {
        Stage::Running(container, since) if !view.is_starting(unit) => {
            let health = probe::health(view, unit, container);
            let paused = matches!(container.state, State::Running { paused: true, .. });
            status.started = Some(health.started);
            status.ready = match unit.role {
                Role::Init if !unit.is_sidecar => false,
                Role::Ephemeral => false,
                Role::Init | Role::App | Role::Sandbox => health.ready && !paused,
            };
            running(since)
        }
        Stage::Stale(container) => match container.state {
            State::Running { started_at, .. } => running(started_at),
            State::Created | State::Exited { .. } | State::Removing => waiting(view, unit, blocked),
        },
        Stage::Ended { code, here, .. } => {
            let ended = ended(view, unit);
            let counts = here == Here::Yes || is_over || view.is_initialised();
            let is_plain_init = unit.role == Role::Init && !unit.is_sidecar;
            status.ready = is_plain_init && code == 0 && counts;
            let is_redone = is_plain_init && code == 0 && !counts;
            if !is_over && view.outcome(unit).is_none() && (blocked.is_some() || is_redone) {
                status.last_state = Some(ContainerState { terminated: ended, ..ContainerState::default() });
                waiting(view, unit, blocked)
            } else {
                ContainerState { terminated: ended, ..ContainerState::default() }
            }
        }
        Stage::Absent { .. } | Stage::Created(_) | Stage::Leaving | Stage::Running(..) => {
            if unit.current().is_none()
                && is_over
                && let Some(stored) = unit.stored
            {
                stored.state.clone().unwrap_or_default()
            } else {
                waiting(view, unit, blocked)
            }
        }
    };
    status.state = Some(state);
    status
}

fn running(since: Timestamp) -> ContainerState {
    let started_at = Some(Time(whole(since)));
    ContainerState { running: Some(ContainerStateRunning { started_at }), ..ContainerState::default() }
}

fn waiting(view: &View<'_>, unit: &Unit<'_>, blocked: Option<&Blocked>) -> ContainerState {
    // An init container's own turn is not told apart from waiting for it, as in the kubelet.
    let is_initializing = view.inits().next().is_some() && (unit.role == Role::Init || !are_inits_done(view));
    let default = if is_initializing { "PodInitializing" } else { "ContainerCreating" };
    let (reason, message) = blocked.map_or((default, ""), |blocked| (blocked.reason, &blocked.message));
    let waiting = ContainerStateWaiting { reason: some(reason), message: some(message) };
    ContainerState { waiting: Some(waiting), ..ContainerState::default() }
}

fn are_inits_done(view: &View<'_>) -> bool {
    view.inits().all(|unit| match view.stage(unit) {
        Stage::Ended { code: 0, here: Here::Yes, .. } => true,
        Stage::Running(container, _) => unit.is_sidecar && probe::health(view, unit, container).started,
        Stage::Ended { .. } | Stage::Absent { .. } | Stage::Created(_) | Stage::Stale(_) | Stage::Leaving => false,
    })
}

/// How a container ended: by the engine, by the status where the engine has lost it, by the kubelet's word for what
/// nobody knows.
fn ended(view: &View<'_>, unit: &Unit<'_>) -> Option<ContainerStateTerminated> {
    if let Some(current) = unit.current() {
        return terminated(current).map(|ended| with_message(ended, unit));
    }
    let stored = unit.stored?;
    let state = stored.state.as_ref()?;
    if let Some(ended) = &state.terminated {
        return Some(ended.clone());
    }
    lost(stored, Some(whole(view.now())))
}

/// The end of a container that ran and that the engine no longer has.
fn lost(stored: &ContainerStatus, finished: Option<Timestamp>) -> Option<ContainerStateTerminated> {
    let running = stored.state.as_ref()?.running.as_ref()?;
    Some(ContainerStateTerminated {
        container_id: stored.container_id.clone(),
        exit_code: LOST_EXIT_CODE,
        finished_at: finished.map(Time),
        message: some("The container could not be located when the pod was terminated"),
        reason: some("ContainerStatusUnknown"),
        signal: None,
        started_at: running.started_at.clone(),
    })
}

fn terminated(container: &Container) -> Option<ContainerStateTerminated> {
    let State::Exited { started_at, finished_at, code, oom_killed, error } = &container.state else { return None };
    let reason = if *oom_killed {
        "OOMKilled"
    } else if *code == 0 {
        "Completed"
    } else if !error.is_empty() && started_at.is_none() {
        "ContainerCannotRun"
    } else {
        "Error"
    };
    Some(ContainerStateTerminated {
        container_id: Some(engine_id(&container.id)),
        exit_code: i32::try_from(*code).unwrap_or(i32::MAX),
        finished_at: Some(Time(whole(*finished_at))),
        message: some(error),
        reason: some(reason),
        signal: None,
        started_at: started_at.map(|at| Time(whole(at))),
    })
}

/// What a container wrote at its end was read from a file that goes with the pod's sandbox; the status remembers it.
fn with_message(mut ended: ContainerStateTerminated, unit: &Unit<'_>) -> ContainerStateTerminated {
    let states = unit.stored.map(|stored| [stored.state.as_ref(), stored.last_state.as_ref()]).into_iter().flatten();
    let before = states.flatten().filter_map(|state| state.terminated.as_ref());
    if ended.message.is_none() && ended.container_id.is_some() {
        ended.message = before
            .into_iter()
            .find(|before| before.container_id == ended.container_id)
            .and_then(|before| before.message.clone());
    }
    ended
}

/// How the attempt before the current one ended; the current one itself where it is on its way out of the engine.
fn last_state(unit: &Unit<'_>) -> ContainerState {
    let current = unit.current().filter(|container| container.state != State::Removing);
    let is_current = |id: Option<&String>| current.is_some_and(|current| id == Some(&engine_id(&current.id)));
    let attempt = current.map(|current| current.owner.attempt);
    let is_before = |container: &&&Container| attempt == container.owner.attempt.checked_add(1);
    let before = unit.attempts.iter().find(is_before).and_then(|container| terminated(container));
    let remembered = before.or_else(|| {
        // The engine no longer has it: the status remembers.
        let stored = unit.stored?;
        let state = stored.state.as_ref().and_then(|state| state.terminated.clone());
        let earlier = stored.last_state.as_ref().and_then(|state| state.terminated.clone());
        let lost = if is_current(stored.container_id.as_ref()) { None } else { lost(stored, None) };
        let is_past = |ended: &ContainerStateTerminated| !is_current(ended.container_id.as_ref());
        // A container that has ended and is not to start again has its own end in its state, not here.
        let state = state.filter(|_| unit.current().is_some_and(|now| !matches!(now.state, State::Exited { .. })));
        state.or(lost).or(earlier).filter(is_past)
    });
    let is_other = |container: &&&Container| current.is_none_or(|current| container.id != current.id);
    let others = unit.attempts.iter().rev().filter(is_other);
    let terminated = remembered.or_else(|| others.into_iter().find_map(|container| terminated(container)));
    let terminated = terminated.map(|ended| with_message(ended, unit));
    ContainerState { terminated, ..ContainerState::default() }
}

fn restart_count(unit: &Unit<'_>) -> i32 {
    match unit.current() {
        Some(current) => i32::try_from(current.owner.attempt).unwrap_or(i32::MAX),
        None => unit.stored.map_or(0, |stored| stored.restart_count),
    }
}

/// What a condition comes to.
struct Verdict {
    holds: bool,
    reason: Option<String>,
    message: Option<String>,
}

impl Verdict {
    fn plain(holds: bool) -> Self {
        Self { holds, reason: None, message: None }
    }

    fn fails(reason: &str, message: &str) -> Self {
        Self { holds: false, reason: some(reason), message: some(message) }
    }
}

/// The kubelet's conditions in its order. Source: `pkg/kubelet/status/generate.go`.
fn verdicts(
    view: &View<'_>,
    phase: &str,
    inits: &[ContainerStatus],
    apps: &[ContainerStatus],
) -> Vec<(&'static str, Verdict)> {
    let incomplete: Vec<&str> =
        view.inits().zip(inits).filter(|(unit, status)| !is_past(unit, status)).map(|(unit, _)| unit.name()).collect();
    let initialized = if phase == "Succeeded" {
        Verdict { holds: true, reason: some("PodCompleted"), message: None }
    } else if incomplete.is_empty() || view.is_initialised() {
        Verdict::plain(true)
    } else {
        let message = format!("containers with incomplete status: [{}]", incomplete.join(" "));
        Verdict::fails("ContainersNotInitialized", &message)
    };
    let sidecars = view.inits().zip(inits).filter(|(unit, _)| unit.is_sidecar).map(|(_, status)| status);
    let unready: Vec<&str> =
        sidecars.chain(apps).filter(|status| !status.ready).map(|status| status.name.as_str()).collect();
    let containers_ready = || match phase {
        "Succeeded" => Verdict::fails("PodCompleted", ""),
        "Failed" => Verdict::fails("PodFailed", ""),
        _ if unready.is_empty() => Verdict::plain(true),
        _ => {
            let message = format!("containers with unready status: [{}]", unready.join(" "));
            Verdict::fails("ContainersNotReady", &message)
        }
    };
    let ready = match containers_ready() {
        verdict if !verdict.holds => verdict,
        verdict => gates(view).unwrap_or(verdict),
    };
    vec![
        ("PodReadyToStartContainers", Verdict::plain(view.sandbox_running().is_some())),
        ("Initialized", initialized),
        ("Ready", ready),
        ("ContainersReady", containers_ready()),
        ("PodScheduled", Verdict::plain(true)),
    ]
}

/// What the pod's readiness gates object.
fn gates(view: &View<'_>) -> Option<Verdict> {
    let messages: Vec<String> = view
        .spec
        .readiness_gates
        .iter()
        .flatten()
        .filter_map(|gate| {
            let name = &gate.condition_type;
            let condition = view.stored.conditions.iter().flatten().find(|condition| condition.type_ == *name);
            match condition {
                None => Some(format!("corresponding condition of pod readiness gate \"{name}\" does not exist.")),
                Some(condition) if condition.status != "True" => Some(format!(
                    "the status of pod readiness gate \"{name}\" is not \"True\", but {}",
                    condition.status
                )),
                Some(_) => None,
            }
        })
        .collect();
    (!messages.is_empty()).then(|| Verdict::fails(GATES, &messages.join(", ")))
}

/// Ours in their order, then those of others; a transition time changes only with the status, or where it is yet to come:
/// then the clock was set back, and what counts from it (a turn, `minReadySeconds`) would wait until it has caught up.
fn conditions(view: &View<'_>, verdicts: Vec<(&'static str, Verdict)>) -> Vec<PodCondition> {
    let stored = view.stored.conditions.as_deref().unwrap_or_default();
    let mut conditions: Vec<PodCondition> = Vec::new();
    for (name, verdict) in verdicts {
        let before = stored.iter().find(|condition| condition.type_ == name);
        let status = if verdict.holds { "True" } else { "False" };
        let since = before.filter(|before| before.status == status).and_then(|b| b.last_transition_time.clone());
        let since = since.filter(|since| since.0 <= view.now());
        conditions.push(PodCondition {
            type_: name.to_owned(),
            status: status.to_owned(),
            reason: verdict.reason,
            message: verdict.message,
            last_transition_time: since.or_else(|| Some(Time(whole(view.now())))),
            last_probe_time: None,
            observed_generation: view.pod.metadata.generation,
        });
    }
    let others = stored.iter().filter(|condition| conditions.iter().all(|ours| ours.type_ != condition.type_));
    let others: Vec<PodCondition> = others.cloned().collect();
    conditions.extend(others);
    conditions
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
