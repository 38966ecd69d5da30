//! What comes next for a pod that should run.

use super::{
    backoff::{self, ADDRESS_DELAY, ENGINE_DELAY_MAX, PULL_ERROR_SHOWN, Pace, restart_at, retry_at},
    bind,
    build::{self, Unmade},
    draft::{Draft, when},
    fs_group, memory, order, probe, registry,
    teardown::{self, Settled, grace_of_spec, remove, stops},
    tell,
    view::{Here, Stage, Unit, View, is_live},
    volumes,
};
use crate::{
    Action, Note, NoteKind,
    action::{Failure, ProbeKind},
    facts::{Container, State},
};

/// How many attempts of a container are kept: the last one, and the one before for `logs --previous`.
const ATTEMPTS_KEPT: usize = 2;

/// Decides what is next for a pod that is not being deleted.
pub(super) fn decide(view: &View<'_>, draft: &mut Draft<'_>) {
    if view.end().is_some() {
        wind_up(view, draft);
        return;
    }
    if let Some(deadline) = view.deadline() {
        draft.look_again(deadline);
    }
    if bind::bind(view, draft) == Settled::No {
        return;
    }
    bring_up(view, draft);
    tidy(view, draft);
    probe::run(view, draft);
}

/// The pod has ended: its containers stay for their logs, what still runs and the sandbox go.
fn wind_up(view: &View<'_>, draft: &mut Draft<'_>) {
    if view.is_overdue() && view.stored.reason.is_none() && !view.is_told() {
        let message = "Pod was active on the node longer than specified deadline".to_owned();
        draft.note(tell::of_pod(draft.subject(), NoteKind::Normal, "DeadlineExceeded", message));
    }
    let live = view.live();
    if !live.is_empty() {
        let (turn, grace) = order::next(view, &live, order::grace_after_end(view));
        let (stops, notes) = stops(view, &turn, |_| grace);
        draft.put(Action::Stop(stops), Pace::Engine, notes);
        draft.wait("Terminating", &format!("it has ended; waiting for {} to end", teardown::names(&turn)));
        return;
    }
    for sandbox in view.sandboxes_old.iter().copied().chain(view.sandbox) {
        remove(draft, sandbox);
    }
}

/// Sandbox, init containers, app containers, as far as they get.
fn bring_up(view: &View<'_>, draft: &mut Draft<'_>) {
    let Some(sandbox) = bring_up_sandbox(view, draft) else { return };
    kill_condemned(view, draft);
    if let Some(held_back) = &view.input.held_back
        && view.lost_everything(sandbox)
    {
        draft.wait("PetHeldBack", &held_back.why);
        draft.look_again(held_back.until);
        return;
    }
    if volumes::bring_in(view, draft) == Settled::No {
        return;
    }
    for unit in view.inits() {
        if bring_up_init(view, draft, unit, sandbox) == Settled::No {
            return;
        }
    }
    for unit in view.apps() {
        bring_up_app(view, draft, unit, sandbox);
    }
    for unit in view.ephemerals() {
        bring_up_ephemeral(view, draft, unit, sandbox);
    }
}

/// The sandbox, once it runs and nothing runs that must not; until then this sees to both.
pub(super) fn bring_up_sandbox<'a>(view: &View<'a>, draft: &mut Draft<'_>) -> Option<&'a Container> {
    let stale = stale(view);
    if !stale.is_empty() {
        let (stops, notes) = stops(view, &stale, |_| grace_of_spec(view));
        draft.put(Action::Stop(stops), Pace::Engine, notes);
        draft.wait("SandboxChanged", &format!("waiting for {} to end", teardown::names(&stale)));
        return None;
    }
    let running = view.sandbox_running();
    if running.is_none() {
        start_sandbox(view, draft);
    }
    running.map(|(sandbox, _)| sandbox)
}

/// Containers that run where they must not: without the pod's sandbox, beside a later attempt of themselves, or
/// unknown to the spec.
fn stale<'a>(view: &View<'a>) -> Vec<&'a Container> {
    let mut stale: Vec<&Container> = view.unnamed.iter().copied().filter(|container| is_live(container)).collect();
    for unit in &view.units {
        let current = unit.current().map(|current| &current.id);
        let earlier = unit.attempts.iter().copied().filter(|container| Some(&container.id) != current);
        stale.extend(earlier.filter(|container| is_live(container)));
        if let Stage::Stale(container) = view.stage(unit) {
            stale.push(container);
        }
    }
    stale.extend(view.sandboxes_old.iter().copied().filter(|sandbox| is_live(sandbox)));
    if view.is_spoilt {
        stale.extend(view.sandbox);
    }
    stale
}

fn start_sandbox(view: &View<'_>, draft: &mut Draft<'_>) {
    let attempt = match view.sandbox.map(|sandbox| (&sandbox.state, sandbox.owner.attempt)) {
        None => 0,
        Some((State::Created, attempt)) => attempt,
        Some((State::Exited { started_at, finished_at, code, .. }, attempt)) => {
            let at = backoff::sandbox_at(*started_at, *finished_at, *code, view.now());
            if at > view.now() {
                draft.wait("SandboxEnded", &format!("the sandbox exited {code}, starts again {}", when(at)));
                draft.look_again(at);
                return;
            }
            attempt.saturating_add(1)
        }
        Some((State::Running { .. }, attempt)) => attempt.saturating_add(1),
        Some((State::Removing, _)) => {
            if let Some(sandbox) = view.sandbox {
                remove(draft, sandbox);
            }
            return;
        }
    };
    let address = match &view.input.address {
        Ok(address) => *address,
        Err(_) if view.is_host_network() => view.input.host.address,
        Err(why) => {
            draft.wait("AddressMissing", &format!("no address: {why}"));
            draft.look_again(backoff::after(view.now(), ADDRESS_DELAY));
            return;
        }
    };
    let mut notes = Vec::new();
    if view.units.iter().any(|unit| unit.attempt_next() > 0) || attempt > 0 {
        let message = "Pod sandbox changed, it will be killed and re-created.".to_owned();
        notes.push(tell::of_pod(draft.subject(), NoteKind::Normal, "SandboxChanged", message));
    }
    // Answered by the time that the sandbox runs.
    for unit in &view.units {
        draft.inquire(unit.image());
    }
    let sandbox = match build::sandbox(view, attempt, address) {
        Ok(sandbox) => sandbox,
        Err(why) => {
            draft.wait("FailedCreatePodSandBox", &why);
            return;
        }
    };
    draft.put(Action::StartSandbox(Box::new(sandbox)), Pace::Engine, notes);
}

/// Stops the containers that a probe condemned, or whose `postStart` hook failed.
fn kill_condemned(view: &View<'_>, draft: &mut Draft<'_>) {
    let (mut all, mut told) = (Vec::new(), Vec::new());
    for unit in &view.units {
        let Stage::Running(container, _) = view.stage(unit) else { continue };
        let fatal = probe::health(view, unit, container).fatal;
        let is_hook = view.memory().hook_failed.get(unit.name()) == Some(&container.owner.attempt);
        let name = unit.name();
        let (grace, message) = match fatal {
            Some(kind) => {
                let probe = if kind == ProbeKind::Startup { "startup" } else { "liveness" };
                let message = format!("Container {name} failed {probe} probe, will be restarted");
                (probe::grace(view, unit, kind), message)
            }
            None if is_hook => (grace_of_spec(view), "FailedPostStartHook".to_owned()),
            None => continue,
        };
        let (stop, _) = stops(view, &[container], |_| grace);
        all.extend(stop);
        draft.wait("ContainerKilled", &format!("container {name}: {message}"));
        told.push(tell::of_owner(&container.owner, NoteKind::Normal, "Killing", message));
    }
    if !all.is_empty() {
        draft.put(Action::Stop(all), Pace::Engine, told);
    }
}

/// Brings an init container to its end, or a sidecar to its start; the next one waits for that.
fn bring_up_init(view: &View<'_>, draft: &mut Draft<'_>, unit: &Unit<'_>, sandbox: &Container) -> Settled {
    match view.stage(unit) {
        Stage::Ended { code: 0, here: Here::Yes, .. } if !unit.is_sidecar => Settled::Yes,
        Stage::Ended { .. } | Stage::Absent { .. } if !unit.is_sidecar && view.is_initialised() => Settled::Yes,
        Stage::Running(container, _) if unit.is_sidecar => {
            let health = probe::health(view, unit, container);
            if !health.started {
                draft.wait("ContainerNotReady", &format!("container {}: {}", unit.name(), health.why));
                return Settled::No;
            }
            Settled::Yes
        }
        Stage::Running(..) => {
            draft.wait("InitContainerRuns", &format!("init container {} is running", unit.name()));
            Settled::No
        }
        stage => {
            start_again(view, draft, unit, sandbox, stage);
            // A sidecar that restarts does not hold up containers that it was there for when they began.
            if unit.is_sidecar && view.is_initialised() { Settled::Yes } else { Settled::No }
        }
    }
}

/// Keeps an app container running as its policy says.
fn bring_up_app(view: &View<'_>, draft: &mut Draft<'_>, unit: &Unit<'_>, sandbox: &Container) {
    if view.outcome(unit).is_some() {
        return;
    }
    match view.stage(unit) {
        Stage::Running(container, _) => {
            let health = probe::health(view, unit, container);
            if matches!(container.state, State::Running { paused: true, .. }) {
                draft.wait("ContainerPaused", &format!("container {} is paused in the engine", unit.name()));
            } else if !health.ready && !view.is_starting(unit) {
                draft.wait("ContainerNotReady", &format!("container {}: {}", unit.name(), health.why));
            }
        }
        stage => start_again(view, draft, unit, sandbox, stage),
    }
}

/// Starts an ephemeral container, once: whoever looks for what it was there for finds its end.
fn bring_up_ephemeral(view: &View<'_>, draft: &mut Draft<'_>, unit: &Unit<'_>, sandbox: &Container) {
    match view.stage(unit) {
        stage @ (Stage::Absent { .. } | Stage::Created(_) | Stage::Leaving) => {
            start_again(view, draft, unit, sandbox, stage);
        }
        Stage::Running(..) | Stage::Stale(_) | Stage::Ended { .. } => {}
    }
}

/// Starts a container that does not run, once its back-off has passed.
fn start_again(view: &View<'_>, draft: &mut Draft<'_>, unit: &Unit<'_>, sandbox: &Container, stage: Stage<'_>) {
    match stage {
        // What ended with its sandbox did not crash.
        Stage::Absent { attempt } | Stage::Ended { attempt, here: Here::No, .. } => {
            start(view, draft, unit, sandbox, attempt);
        }
        Stage::Created(container) => start(view, draft, unit, sandbox, container.owner.attempt),
        Stage::Ended { finished, attempt, code, here: Here::Yes } => {
            if view.is_in_flight(unit, attempt) {
                // The back-off that the start brought with it is the next one's.
                start(view, draft, unit, sandbox, attempt);
                return;
            }
            let restarts = view.memory().restarts.get(unit.name());
            let at = restart_at(restarts, finished, view.now());
            if at <= view.now() {
                start(view, draft, unit, sandbox, attempt);
                return;
            }
            draft.look_again(at);
            let sentence = format!("container {} exited {code}, starts again {}", unit.name(), when(at));
            draft.wait("CrashLoopBackOff", &sentence);
            crash_loop(view, draft, unit, restarts.map_or(0, |restarts| restarts.delay.as_secs()));
        }
        Stage::Leaving => {
            if let Some(container) = unit.current() {
                remove(draft, container);
            }
        }
        // Stopped before anything is started.
        Stage::Running(..) | Stage::Stale(_) => {}
    }
}

fn crash_loop(view: &View<'_>, draft: &mut Draft<'_>, unit: &Unit<'_>, delay: u64) {
    let (name, key) = (unit.name(), view.input.key);
    let pod = format!("{}_{}({})", key.name, key.namespace, view.uid);
    let is_new = !is_shown(unit, "CrashLoopBackOff");
    // Go's way of writing durations, as in the kubelet's message.
    let delay = if delay < 60 { format!("{delay}s") } else { format!("{}m{}s", delay / 60, delay % 60) };
    let message = format!("back-off {delay} restarting failed container={name} pod={pod}");
    draft.show(name, "CrashLoopBackOff", message);
    if is_new {
        let message = format!("Back-off restarting failed container {name} in pod {pod}");
        draft.note(note(draft, unit, NoteKind::Warning, "BackOff", message));
    }
}

/// Puts forward what a container needs before it starts, then its start.
fn start(view: &View<'_>, draft: &mut Draft<'_>, unit: &Unit<'_>, sandbox: &Container, attempt: u32) {
    let name = unit.name();
    let start = match build::start(view, unit, attempt, &sandbox.id) {
        Ok(start) => start,
        Err(Unmade::Mount(why)) => {
            if !unit.waits_with(&why) {
                draft.note(note(draft, unit, NoteKind::Warning, "FailedMount", why.clone()));
            }
            draft.wait("FailedMount", &format!("container {name}: {why}"));
            draft.show(name, "ContainerCreating", why);
            return;
        }
        Err(Unmade::Config(why)) => {
            if !unit.waits_with(&why) {
                draft.note(note(draft, unit, NoteKind::Warning, "Failed", format!("Error: {why}")));
            }
            draft.block(name, "CreateContainerConfigError", why);
            return;
        }
        Err(Unmade::Image) => {
            if have_image(view, draft, unit).is_some() {
                seek(draft, unit.image());
            }
            return;
        }
    };
    let notes = have_image(view, draft, unit);
    if fs_group::see_to(view, draft, unit, sandbox) == Settled::No {
        return;
    }
    let Some(notes) = notes else { return };
    for volume in build::volumes_of(view, unit.spec).filter(|volume| build::is_scratch(volume)) {
        let volume = build::scratch_name(view, &volume.name);
        if !view.input.scratch.contains(&volume) {
            let labels = build::scratch_labels(view);
            draft.put(Action::CreateVolume { name: volume, labels, size: None }, Pace::Engine, Vec::new());
            return;
        }
    }
    let about = memory::about_start(name);
    let failed = view.memory().failures.get(&about).map(|tries| &tries.failure);
    let blocked = match failed {
        Some(Failure::Silent(_)) | None => None,
        // The engine made it and could not start it, or did not even make it.
        Some(failure) => Some(match view.stage(unit) {
            Stage::Created(_) => ("RunContainerError", memory::text(failure)),
            _ => ("CreateContainerError", memory::text(failure)),
        }),
    };
    draft.put(Action::StartContainer(Box::new(start)), Pace::Container, notes);
    if let Some((reason, message)) = blocked {
        draft.block(name, reason, message);
    }
}

/// The notes to tell with the start of a container whose image is here; `None` where it is not, and is being seen to.
fn have_image(view: &View<'_>, draft: &mut Draft<'_>, unit: &Unit<'_>) -> Option<Vec<Note>> {
    let image = unit.image();
    let is_here = view.input.images.contains_key(image);
    draft.inquire(image);
    // One that was pulled may have been taken away again.
    if view.memory().pulled.contains_key(image) && (is_here || view.input.images_unknown.contains(image)) {
        return Some(Vec::new());
    }
    match unit.spec.image_pull_policy.as_deref() {
        Some("Never") if !is_here => {
            never_pull(view, draft, unit);
            None
        }
        Some("Always") => {
            pull(view, draft, unit);
            None
        }
        Some(_) | None if !is_here => {
            pull(view, draft, unit);
            None
        }
        Some(_) | None => {
            let message =
                format!("Container image \"{image}\" already present on machine and can be accessed by the pod");
            Some(vec![note(draft, unit, NoteKind::Normal, "Pulled", message)])
        }
    }
}

/// An image that is not here and may not be pulled: somebody has to bring it.
fn never_pull(view: &View<'_>, draft: &mut Draft<'_>, unit: &Unit<'_>) {
    let (name, image) = (unit.name(), unit.image());
    let is_told = is_shown(unit, "ErrImageNeverPull");
    if view.input.images_unknown.contains(image) && !is_told {
        seek(draft, image);
        return;
    }
    let message = format!("Container image \"{image}\" is not present with pull policy of Never");
    if !is_told {
        draft.note(note(draft, unit, NoteKind::Warning, "ErrImageNeverPull", message.clone()));
        draft.note(note(draft, unit, NoteKind::Warning, "Failed", "Error: ErrImageNeverPull".to_owned()));
    }
    draft.block(name, "ErrImageNeverPull", message);
    draft.look_again(backoff::after(view.now(), ENGINE_DELAY_MAX));
}

fn seek(draft: &mut Draft<'_>, image: &str) {
    draft.wait("ImageSought", &format!("asking the engine whether it has image \"{image}\""));
}

fn pull(view: &View<'_>, draft: &mut Draft<'_>, unit: &Unit<'_>) {
    let (name, image) = (unit.name(), unit.image());
    let tries = view.memory().failures.get(&memory::about_pull(image));
    let rests_until = tries.map(|tries| retry_at(tries, Pace::Container)).filter(|at| *at > view.now());
    if let (Some(tries), Some(at)) = (tries, rests_until) {
        draft.look_again(at);
        if matches!(tries.failure, Failure::Silent(_)) {
            draft.wait("EngineSilent", &format!("pulling image \"{image}\": {}", memory::text(&tries.failure)));
            return;
        }
        let why = memory::text(&tries.failure);
        let shown_until = backoff::after(tries.last, PULL_ERROR_SHOWN);
        if shown_until > view.now() {
            draft.look_again(shown_until);
            draft.block(name, "ErrImagePull", why);
            return;
        }
        let message = format!("Back-off pulling image \"{image}\"");
        if !is_shown(unit, "ImagePullBackOff") {
            draft.note(note(draft, unit, NoteKind::Normal, "BackOff", message.clone()));
            draft.note(note(draft, unit, NoteKind::Warning, "Failed", "Error: ImagePullBackOff".to_owned()));
        }
        draft.block(name, "ImagePullBackOff", format!("{message}: ErrImagePull: {why}"));
        return;
    }
    if let Some(tries) = tries {
        // Being tried again, it still reads as before: the container is no nearer to its start.
        let message = format!("Back-off pulling image \"{image}\": ErrImagePull: {}", memory::text(&tries.failure));
        draft.block(name, "ImagePullBackOff", message);
    }
    if view.memory().pulling.contains(image) {
        draft.wait("ImagePulling", &format!("pulling image \"{image}\""));
        return;
    }
    if view.input.images_unknown.contains(image) && unit.spec.image_pull_policy.as_deref() != Some("Always") {
        seek(draft, image);
        return;
    }
    let message = format!("Pulling image \"{image}\"");
    let mut notes = vec![note(draft, unit, NoteKind::Normal, "Pulling", message)];
    let (credentials, missing) = registry::credentials(view, image);
    if !missing.is_empty() {
        let message = format!(
            "Unable to retrieve some image pull secrets ({}); attempting to pull the image may not succeed.",
            missing.join(", ")
        );
        notes.insert(0, tell::of_pod(draft.subject(), NoteKind::Warning, "FailedToRetrieveImagePullSecret", message));
    }
    draft.put(Action::PullImage { image: image.to_owned(), credentials }, Pace::Container, notes);
}

/// Removes what nobody needs any more, when there is nothing better to do: also while a container rests between two
/// attempts, or a crash loop would fill the disk.
pub(super) fn tidy(view: &View<'_>, draft: &mut Draft<'_>) {
    let superseded = |attempts: &[&Container]| attempts.len().saturating_sub(ATTEMPTS_KEPT);
    let old = view.units.iter().flat_map(|unit| unit.attempts.iter().take(superseded(&unit.attempts)));
    let old = old.chain(&view.unnamed).chain(&view.sandboxes_old).copied();
    for container in old.filter(|container| !is_live(container)).collect::<Vec<_>>() {
        if draft.is_taken() {
            return;
        }
        remove(draft, container);
    }
}

fn note(draft: &Draft<'_>, unit: &Unit<'_>, kind: NoteKind, reason: &'static str, message: String) -> Note {
    tell::of_container(draft.subject(), (unit.role, unit.name()), kind, reason, message)
}

/// Whether the stored status shows a container waiting for a reason: it has been told already.
fn is_shown(unit: &Unit<'_>, reason: &str) -> bool {
    let waiting = unit.stored.and_then(|stored| stored.state.as_ref()).and_then(|state| state.waiting.as_ref());
    waiting.is_some_and(|waiting| waiting.reason.as_deref() == Some(reason))
}
