//! How containers are: which probes are due, and what their results mean.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Probe as ProbeSpec;

use super::{
    backoff::{self, after, seconds},
    build,
    draft::Draft,
    memory::ProbeMemory,
    status::engine_id,
    view::{Stage, Unit, View},
};
use crate::{
    Action,
    action::{Hook, Probe, ProbeKind},
    facts::Container,
};

/// Kubernetes' default of `periodSeconds`.
const PERIOD_SECONDS: i32 = 10;
/// How soon at the earliest a container that is not Ready yet is asked again: a server that was started takes some
/// milliseconds to listen.
const AGAIN_AFTER: Duration = Duration::from_millis(20);
/// Kubernetes' default of `failureThreshold`.
const FAILURES: i32 = 3;

/// How a container that runs is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Health {
    /// Its startup probe has succeeded, or it has none.
    pub(super) started: bool,
    /// It has started, and its readiness probe says yes, or it has none.
    pub(super) ready: bool,
    /// The probe for which it must be killed.
    pub(super) fatal: Option<ProbeKind>,
    /// Why it is not ready, as the probe says.
    pub(super) why: String,
}

/// How a running container is, by the last results; while there are none since the daemon started, by the status.
pub(super) fn health(view: &View<'_>, unit: &Unit<'_>, container: &Container) -> Health {
    let before = unit.stored.filter(|stored| stored.container_id.as_deref() == Some(&engine_id(&container.id)));
    let of = |kind| spec_of(unit, kind).map(|spec| (spec, history(view, unit, container, kind)));
    let started = match of(ProbeKind::Startup) {
        None => true,
        Some((spec, history)) => {
            verdict(spec, history).unwrap_or_else(|| before.is_some_and(|stored| stored.started == Some(true)))
        }
    };
    let readiness = match of(ProbeKind::Readiness) {
        None => true,
        Some((spec, history)) => verdict(spec, history).unwrap_or_else(|| before.is_some_and(|stored| stored.ready)),
    };
    let has_failed = |kind| of(kind).is_some_and(|(spec, history)| verdict(spec, history) == Some(false));
    let fatal = if !started && has_failed(ProbeKind::Startup) {
        Some(ProbeKind::Startup)
    } else if started && has_failed(ProbeKind::Liveness) {
        Some(ProbeKind::Liveness)
    } else {
        None
    };
    let asked = if started { ProbeKind::Readiness } else { ProbeKind::Startup };
    Health { started, ready: started && readiness, fatal, why: why(view, unit, container, asked) }
}

/// Puts forward the probes that are due, and asks for another look when the next ones are.
pub(super) fn run(view: &View<'_>, draft: &mut Draft<'_>) {
    for unit in &view.units {
        let Stage::Running(container, since) = view.stage(unit) else { continue };
        if view.is_starting(unit) {
            continue;
        }
        let health = health(view, unit, container);
        if health.fatal.is_some() {
            continue;
        }
        let kinds: &[ProbeKind] =
            if health.started { &[ProbeKind::Liveness, ProbeKind::Readiness] } else { &[ProbeKind::Startup] };
        for kind in kinds {
            let Some(spec) = spec_of(unit, *kind) else { continue };
            let Some(check) = check(view, unit, spec).ok().flatten() else { continue };
            let history = history(view, unit, container, *kind);
            let Some(at) = due(spec, history, since, is_eager(*kind, spec, &health), view.now()) else { continue };
            if at > view.now() {
                draft.look_again(at);
                continue;
            }
            let probe = Probe {
                owner: container.owner.clone(),
                id: container.id.clone(),
                kind: *kind,
                check,
                timeout: seconds(i64::from(spec.timeout_seconds.unwrap_or(1).max(1))),
            };
            draft.put(Action::Probe(Box::new(probe)), super::backoff::Pace::Engine, Vec::new());
        }
    }
}

/// How long a container that a probe condemned may take to end.
pub(super) fn grace(view: &View<'_>, unit: &Unit<'_>, kind: ProbeKind) -> Duration {
    let own = spec_of(unit, kind).and_then(|spec| spec.termination_grace_period_seconds);
    own.map_or_else(|| super::teardown::grace_of_spec(view), seconds)
}

fn spec_of<'a>(unit: &Unit<'a>, kind: ProbeKind) -> Option<&'a ProbeSpec> {
    match kind {
        ProbeKind::Startup => unit.spec.startup_probe.as_ref(),
        ProbeKind::Liveness => unit.spec.liveness_probe.as_ref(),
        ProbeKind::Readiness => unit.spec.readiness_probe.as_ref(),
    }
}

/// What was seen of this very container.
fn history<'a>(view: &View<'a>, unit: &Unit<'_>, container: &Container, kind: ProbeKind) -> Option<&'a ProbeMemory> {
    let history = view.memory().probes.get(&(unit.name().to_owned(), kind))?;
    (history.id == container.id).then_some(history)
}

/// What the results come to; `None` while they are too few to change anything.
fn verdict(spec: &ProbeSpec, history: Option<&ProbeMemory>) -> Option<bool> {
    let history = history?;
    let at_least = |given: Option<i32>, default: i32| u32::try_from(given.unwrap_or(default)).unwrap_or(1).max(1);
    if history.failures >= at_least(spec.failure_threshold, FAILURES) {
        return Some(false);
    }
    (history.successes >= at_least(spec.success_threshold, 1)).then_some(true)
}

/// Whether a probe is asked more often than its period says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Eager {
    Yes,
    No,
}

/// A container that is not Ready yet is asked for its readiness eagerly, where asking costs next to nothing: who misses
/// the moment of its start by a millisecond would wait for a whole period. Once it is Ready, and for all other
/// probes, whose failures have consequences, the period holds.
fn is_eager(kind: ProbeKind, spec: &ProbeSpec, health: &Health) -> Eager {
    let is_cheap = spec.exec.is_none();
    if kind == ProbeKind::Readiness && !health.ready && is_cheap { Eager::Yes } else { Eager::No }
}

/// When a probe runs next; `None` while it does. An eager one runs when the container is twice as old as it was the last
/// time, until that is a period. A container that was started in what is to come is older than the clock, which was set back:
/// its first probe is due.
fn due(
    spec: &ProbeSpec,
    history: Option<&ProbeMemory>,
    since: Timestamp,
    eager: Eager,
    now: Timestamp,
) -> Option<Timestamp> {
    if history.is_some_and(|history| history.in_flight) {
        return None;
    }
    let period = seconds(i64::from(spec.period_seconds.unwrap_or(PERIOD_SECONDS).max(1)));
    let first = after(since, seconds(i64::from(spec.initial_delay_seconds.unwrap_or(0))));
    let first = if since > now { now } else { first };
    let Some((last, history)) = history.and_then(|history| Some((history.last?, history))) else { return Some(first) };
    let pause = match eager {
        Eager::Yes if history.successes == 0 => backoff::since(last, first).clamp(AGAIN_AFTER, period),
        Eager::Yes | Eager::No => period,
    };
    Some(after(last, pause))
}

/// What a probe does; `None` where it says nothing.
fn check(view: &View<'_>, unit: &Unit<'_>, spec: &ProbeSpec) -> Result<Option<Hook>, String> {
    if let Some(exec) = &spec.exec {
        return Ok(Some(Hook::Exec { command: exec.command.clone().unwrap_or_default() }));
    }
    if let Some(get) = &spec.http_get {
        return build::http(view, unit.spec, get).map(Some);
    }
    if let Some(socket) = &spec.tcp_socket {
        return build::tcp(view, unit.spec, socket.host.as_deref(), &socket.port).map(Some);
    }
    spec.grpc.as_ref().map(|grpc| build::grpc(view, grpc)).transpose()
}

fn why(view: &View<'_>, unit: &Unit<'_>, container: &Container, kind: ProbeKind) -> String {
    let name = match kind {
        ProbeKind::Startup => "startup",
        ProbeKind::Liveness => "liveness",
        ProbeKind::Readiness => "readiness",
    };
    let Some(spec) = spec_of(unit, kind) else { return String::new() };
    if let Err(why) = check(view, unit, spec) {
        return format!("{name} probe: {why}");
    }
    match history(view, unit, container, kind).map(|history| history.message.as_str()) {
        Some(message) if !message.is_empty() => message.to_owned(),
        Some(_) | None => format!("its {name} probe has no result yet"),
    }
}
