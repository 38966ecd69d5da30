//! What the daemon remembers about one identity between passes.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use api::kinds::pod::ephemeral;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;

use super::{backoff, tell, volumes};
use crate::{
    Action, Note, NoteKind,
    action::{Done, Failure, Probe, ProbeKind, Start},
    config::{FileVolume, WriteFiles},
    facts::{Owner, Role},
};

/// The longest message of a failure that an event or a status repeats; engines quote whole configurations.
const MESSAGE_OCTETS_MAX: usize = 1024;

/// The key of the failures to give volumes to a group.
pub(super) const OWNERSHIP: &str = "ownership";

/// What the keys of a sandbox's failures begin with.
const SANDBOX_AT: &str = "sandbox at";

/// A failing probe is told of once a second at most, as often as it is by the shortest period; a container that is not Ready
/// yet is asked more often. A little less, because nothing is exactly on time.
const UNHEALTHY_TOLD_AFTER: Duration = Duration::from_millis(900);

/// What the daemon remembers about one identity between passes; lost with the process, rebuilt from the pod's
/// status and the engine's facts. [`record`] keeps it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// The pod uid that all of this is about; another uid empties it. Empty until an action names one.
    pub uid: String,
    /// The action that is in flight, if any (probes and pulls not counted).
    pub in_flight: Option<Action>,
    /// When it began.
    pub in_flight_since: Option<Timestamp>,
    /// Images that are being pulled.
    pub pulling: BTreeSet<String>,
    /// Probes: consecutive results, the last run, whether one is in flight. By container name and kind.
    pub probes: BTreeMap<(String, ProbeKind), ProbeMemory>,
    /// Failed actions by what they were about (`pull IMAGE`, `start CONTAINER`, `sandbox at ADDRESS`): how often, when, why.
    pub failures: BTreeMap<String, Tries>,
    /// Images pulled for this uid, by reference, with the time: `imagePullPolicy: Always` pulls once per container
    /// start, so a start takes its entry away.
    pub pulled: BTreeMap<String, Timestamp>,
    /// Containers that were started again, by name: the back-off of the next time.
    pub restarts: BTreeMap<String, Restarts>,
    /// Containers whose `postStart` hook failed, by name, with the attempt: they must be killed.
    pub hook_failed: BTreeMap<String, u32>,
    /// Volumes that hold a whole version of their files, by the engine's name, with the version; `None` while it is not known which:
    /// another one is being written, or was not written in the end.
    pub files: BTreeMap<String, Option<String>>,
    /// The pod's volumes have been given to its `fsGroup`.
    pub owns_volumes: bool,
    /// Containers that the engine said it removed, by id, with the time.
    pub removed: BTreeMap<String, Timestamp>,
}

/// A probe's history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeMemory {
    /// The container's engine id; another id empties the history.
    pub id: String,
    /// Consecutive successes, 0 after a failure.
    pub successes: u32,
    /// Consecutive failures, 0 after a success.
    pub failures: u32,
    /// When the last run began.
    pub last: Option<Timestamp>,
    /// What the last run said.
    pub message: String,
    /// Whether one is running.
    pub in_flight: bool,
    /// When a failure was told last.
    pub told: Option<Timestamp>,
}

/// How often something failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Tries {
    /// Consecutive failures.
    pub count: u32,
    /// When it failed last.
    pub last: Timestamp,
    /// The failure.
    pub failure: Failure,
}

/// The back-off of a container that keeps ending.
#[derive(Clone, Debug, PartialEq)]
pub struct Restarts {
    /// How long after its end it starts again.
    pub delay: Duration,
    /// When it was started again last.
    pub last: Timestamp,
}

/// Follows a clock that was set back by so much (`by` is negative): all that was is as long ago as it was before.
pub fn follow_clock(memory: &mut Memory, by: SignedDuration) {
    let moved = |at: Timestamp| at.saturating_add(by).unwrap_or(Timestamp::MIN);
    memory.in_flight_since = memory.in_flight_since.map(moved);
    for history in memory.probes.values_mut() {
        history.last = history.last.map(moved);
        history.told = history.told.map(moved);
    }
    memory.failures.values_mut().for_each(|tries| tries.last = moved(tries.last));
    memory.restarts.values_mut().for_each(|restarts| restarts.last = moved(restarts.last));
    memory.pulled.values_mut().chain(memory.removed.values_mut()).for_each(|at| *at = moved(*at));
}

/// Takes note of an action that begins.
pub fn begin(memory: &mut Memory, action: &Action, now: Timestamp) {
    if let Some(uid) = uid_of(action) {
        adopt(memory, uid);
    }
    match action {
        Action::PullImage { image, .. } => {
            memory.pulling.insert(image.clone());
            return;
        }
        Action::Probe(probe) => {
            begin_probe(memory, probe, now);
            return;
        }
        Action::StartContainer(start) if start.owner.attempt > 0 => {
            let name = &start.owner.container;
            let next = backoff::next_restart(memory.restarts.get(name), now);
            // A start that failed and is tried again is no further restart.
            if !memory.failures.contains_key(&about(action)) {
                memory.restarts.insert(name.clone(), next);
            }
        }
        // What ended with the former sandbox did not crash: however often that happens, the back-off does not grow.
        Action::StartSandbox(_) => memory.restarts.clear(),
        Action::WriteFiles(write) => begin_files(memory, write),
        Action::StartContainer(_)
        | Action::CreateVolume { .. }
        | Action::GrowVolume { .. }
        | Action::RemoveVolume { .. }
        | Action::SetVolumeOwnership(_)
        | Action::Stop(_)
        | Action::Remove { .. } => {}
    }
    memory.in_flight = Some(action.clone());
    memory.in_flight_since = Some(now);
}

/// Takes note of how an action ended, and returns the events to tell of it.
pub fn record(
    memory: &mut Memory,
    pod: Option<&Pod>,
    action: &Action,
    result: &Result<Done, Failure>,
    now: Timestamp,
) -> Vec<Note> {
    if let Some(pod) = pod
        && memory.uid.is_empty()
    {
        tell::uid_of(pod).clone_into(&mut memory.uid);
    }
    if memory.in_flight.as_ref() == Some(action) {
        memory.in_flight = None;
        memory.in_flight_since = None;
    }
    if uid_of(action).is_some_and(|uid| uid != memory.uid) {
        // About a pod that has been replaced meanwhile.
        return Vec::new();
    }
    let notes = match action {
        Action::Probe(probe) => return record_probe(memory, pod, probe, result, now),
        Action::PullImage { image, .. } => record_pull(memory, pod, image, result, now),
        Action::StartContainer(start) => record_start(memory, start, result),
        Action::StartSandbox(sandbox) => match result {
            // Of a pod that is yet to be made nobody is told.
            Err(failure) if !is_silence(failure) && pod.is_some() => {
                let message = format!("Failed to create pod sandbox: {}", text(failure));
                let subject = tell::subject(&sandbox.owner.pod, &sandbox.owner.uid);
                vec![tell::of_pod(&subject, NoteKind::Warning, "FailedCreatePodSandBox", message)]
            }
            Ok(_) => {
                // It has an address: those that it was refused before are no longer of interest.
                memory.failures.retain(|about, _| !about.starts_with(SANDBOX_AT));
                Vec::new()
            }
            Err(_) => Vec::new(),
        },
        Action::WriteFiles(write) => record_files(memory, write, result),
        Action::SetVolumeOwnership(ownership) => {
            memory.owns_volumes = result.is_ok();
            match result {
                Err(failure) if !is_silence(failure) => {
                    let message = format!("applyFSGroup failed: {}", text(failure));
                    let subject = tell::subject(&ownership.pod, &ownership.uid);
                    vec![tell::of_pod(&subject, NoteKind::Warning, "FailedMount", message)]
                }
                Ok(_) | Err(_) => Vec::new(),
            }
        }
        Action::Remove { id, .. } => {
            if result.is_ok() {
                memory.removed.insert(id.clone(), now);
            }
            Vec::new()
        }
        Action::CreateVolume { .. } | Action::GrowVolume { .. } | Action::RemoveVolume { .. } | Action::Stop(_) => {
            Vec::new()
        }
    };
    remember(memory, &about(action), result, now);
    notes
}

/// What an action is about: the key of its failures.
pub(super) fn about(action: &Action) -> String {
    match action {
        Action::PullImage { image, .. } => about_pull(image),
        Action::CreateVolume { name, .. } | Action::GrowVolume { name, .. } | Action::RemoveVolume { name } => {
            format!("volume {name}")
        }
        Action::WriteFiles(_) => "files".to_owned(),
        Action::SetVolumeOwnership(_) => OWNERSHIP.to_owned(),
        Action::StartSandbox(sandbox) => about_sandbox(sandbox.address),
        Action::StartContainer(start) => about_start(&start.owner.container),
        Action::Stop(stops) => format!("stop {}", stops.first().map_or("", |stop| stop.id.as_str())),
        Action::Remove { id, .. } => format!("remove {id}"),
        Action::Probe(probe) => format!("probe {}", probe.id),
    }
}

/// The key of the failures of a sandbox with this address: with another one it is another try.
pub(super) fn about_sandbox(address: IpAddr) -> String {
    format!("{SANDBOX_AT} {address}")
}

/// The key of the failures of a pull.
pub(super) fn about_pull(image: &str) -> String {
    format!("pull {image}")
}

/// The key of the failures of a container's start.
pub(super) fn about_start(container: &str) -> String {
    format!("start {container}")
}

/// A failure's own words.
pub fn words(failure: &Failure) -> &str {
    let (Failure::Silent(text)
    | Failure::Image(text)
    | Failure::AddressTaken(text)
    | Failure::Taken(text)
    | Failure::Refused(text)) = failure;
    text
}

/// A failure's own words, as far as a status or an event repeats them.
pub(super) fn text(failure: &Failure) -> String {
    tell::cut(words(failure), MESSAGE_OCTETS_MAX)
}

/// The pod that an action makes or keeps something for. Removals name what they remove, which may be another's.
fn uid_of(action: &Action) -> Option<&str> {
    match action {
        Action::CreateVolume { labels, .. } => labels.get("uid").map(String::as_str),
        Action::WriteFiles(write) => Some(&write.uid),
        Action::SetVolumeOwnership(ownership) => Some(&ownership.uid),
        Action::StartSandbox(sandbox) => Some(&sandbox.owner.uid),
        Action::StartContainer(start) => Some(&start.owner.uid),
        Action::Stop(stops) => stops.first().map(|stop| stop.owner.uid.as_str()),
        Action::Probe(probe) => Some(&probe.owner.uid),
        Action::PullImage { .. } | Action::GrowVolume { .. } | Action::RemoveVolume { .. } | Action::Remove { .. } => {
            None
        }
    }
}

fn adopt(memory: &mut Memory, uid: &str) {
    if memory.uid.is_empty() {
        uid.clone_into(&mut memory.uid);
    } else if memory.uid != uid {
        let (in_flight, in_flight_since) = (memory.in_flight.take(), memory.in_flight_since);
        *memory = Memory { uid: uid.to_owned(), in_flight, in_flight_since, ..Memory::default() };
    }
}

fn remember(memory: &mut Memory, about: &str, result: &Result<Done, Failure>, now: Timestamp) {
    match result {
        Ok(_) => drop(memory.failures.remove(about)),
        Err(failure) => {
            let before = memory.failures.get(about).map_or(0, |tries| tries.count);
            // No answer is no failure of the pod: it does not make the next delay longer.
            let count = if is_silence(failure) { before } else { before.saturating_add(1) };
            memory.failures.insert(about.to_owned(), Tries { count, last: now, failure: failure.clone() });
        }
    }
}

fn is_silence(failure: &Failure) -> bool {
    matches!(failure, Failure::Silent(_))
}

fn record_pull(
    memory: &mut Memory,
    pod: Option<&Pod>,
    image: &str,
    result: &Result<Done, Failure>,
    now: Timestamp,
) -> Vec<Note> {
    memory.pulling.remove(image);
    if result.is_ok() {
        memory.pulled.insert(image.to_owned(), now);
    }
    let Some(pod) = pod.filter(|pod| tell::uid_of(pod) == memory.uid) else { return Vec::new() };
    let Some((role, container)) = user_of(pod, image) else { return Vec::new() };
    let subject = subject_of(pod);
    let note = |kind, reason, message| tell::of_container(&subject, (role, &container), kind, reason, message);
    match result {
        Ok(Done::Pulled { took, size }) => {
            let took = go_duration(*took);
            let message = format!(
                "Successfully pulled image \"{image}\" in {took} ({took} including waiting). Image size: {size} bytes."
            );
            vec![note(NoteKind::Normal, "Pulled", message)]
        }
        Ok(Done::Ok | Done::Made(_) | Done::Probed { .. } | Done::PostStartFailed(_)) => {
            vec![note(NoteKind::Normal, "Pulled", format!("Successfully pulled image \"{image}\""))]
        }
        Err(Failure::Silent(_)) => Vec::new(),
        Err(failure) => vec![
            note(NoteKind::Warning, "Failed", format!("Failed to pull image \"{image}\": {}", text(failure))),
            note(NoteKind::Warning, "Failed", "Error: ErrImagePull".to_owned()),
        ],
    }
}

fn record_start(memory: &mut Memory, start: &Start, result: &Result<Done, Failure>) -> Vec<Note> {
    let owner = &start.owner;
    memory.pulled.remove(&start.image);
    let note = |kind, reason, message: String| tell::of_owner(owner, kind, reason, message);
    let mut notes = vec![
        note(NoteKind::Normal, "Created", "Container created".to_owned()),
        note(NoteKind::Normal, "Started", "Container started".to_owned()),
    ];
    match result {
        Ok(Done::PostStartFailed(_)) => {
            memory.hook_failed.insert(owner.container.clone(), owner.attempt);
            // The hook's own words stay out of the event, as in the kubelet: they may hold secrets.
            notes.push(note(NoteKind::Warning, "FailedPostStartHook", "PostStartHook failed".to_owned()));
            notes
        }
        Ok(Done::Ok | Done::Made(_) | Done::Probed { .. } | Done::Pulled { .. }) => notes,
        Err(Failure::Silent(_)) => Vec::new(),
        Err(failure) => vec![note(NoteKind::Warning, "Failed", format!("Error: {}", text(failure)))],
    }
}

/// Which version a volume holds is not known before the engine has answered.
fn begin_files(memory: &mut Memory, write: &WriteFiles) {
    for volume in &write.volumes {
        if let Some(version) = memory.files.get_mut(&volume.name) {
            *version = None;
        }
    }
}

fn record_files(memory: &mut Memory, write: &WriteFiles, result: &Result<Done, Failure>) -> Vec<Note> {
    match result {
        Ok(_) => {
            let versions = write.volumes.iter().map(|volume| (volume.name.clone(), Some(volume.version.clone())));
            memory.files.extend(versions);
            Vec::new()
        }
        Err(Failure::Silent(_)) => Vec::new(),
        Err(failure) => {
            let subject = tell::subject(&write.pod, &write.uid);
            let name = |volume: &FileVolume| volume.name.rsplit('_').next().unwrap_or_default().to_owned();
            let note = |volume| {
                let message = volumes::unmounted(&name(volume), &text(failure));
                tell::of_pod(&subject, NoteKind::Warning, "FailedMount", message)
            };
            write.volumes.iter().map(note).collect()
        }
    }
}

fn begin_probe(memory: &mut Memory, probe: &Probe, now: Timestamp) {
    let key = (probe.owner.container.clone(), probe.kind);
    let history = memory.probes.entry(key).or_default();
    if history.id != probe.id {
        *history = ProbeMemory { id: probe.id.clone(), ..ProbeMemory::default() };
    }
    history.in_flight = true;
    history.last = Some(now);
}

fn record_probe(
    memory: &mut Memory,
    pod: Option<&Pod>,
    probe: &Probe,
    result: &Result<Done, Failure>,
    now: Timestamp,
) -> Vec<Note> {
    let key = (probe.owner.container.clone(), probe.kind);
    let Some(history) = memory.probes.get_mut(&key).filter(|history| history.id == probe.id) else {
        return Vec::new();
    };
    history.in_flight = false;
    let name = match probe.kind {
        ProbeKind::Startup => "Startup",
        ProbeKind::Liveness => "Liveness",
        ProbeKind::Readiness => "Readiness",
    };
    let told = match result {
        Ok(Done::Probed { success: true, message }) => {
            message.clone_into(&mut history.message);
            history.successes = history.successes.saturating_add(1);
            history.failures = 0;
            return Vec::new();
        }
        Ok(Done::Probed { success: false, message }) => {
            message.clone_into(&mut history.message);
            history.failures = history.failures.saturating_add(1);
            history.successes = 0;
            format!("{name} probe failed: {message}")
        }
        // A probe that could not run has no verdict.
        Ok(Done::Ok | Done::Made(_) | Done::PostStartFailed(_) | Done::Pulled { .. }) | Err(Failure::Silent(_)) => {
            return Vec::new();
        }
        Err(failure) => {
            history.message = text(failure);
            format!("{name} probe errored and resulted in unknown state: {}", text(failure))
        }
    };
    if pod.is_none_or(|pod| tell::uid_of(pod) != probe.owner.uid || pod.metadata.deletion_timestamp.is_some()) {
        return Vec::new();
    }
    if history.told.is_some_and(|before| backoff::since(now, before) < UNHEALTHY_TOLD_AFTER) {
        return Vec::new();
    }
    history.told = Some(now);
    vec![tell::of_owner(&probe.owner, NoteKind::Warning, "Unhealthy", told)]
}

fn subject_of(pod: &Pod) -> crate::Subject {
    let key = crate::facts::PodKey {
        namespace: pod.metadata.namespace.clone().unwrap_or_default(),
        name: pod.metadata.name.clone().unwrap_or_default(),
    };
    tell::subject(&key, tell::uid_of(pod))
}

/// The first container that uses an image.
fn user_of(pod: &Pod, image: &str) -> Option<(Role, String)> {
    let spec = super::view::spec_of(pod);
    let init = spec.init_containers.iter().flatten().map(|container| (Role::Init, container));
    let app = spec.containers.iter().map(|container| (Role::App, container));
    let ephemeral = ephemeral::containers(&spec);
    let ephemeral = ephemeral.iter().map(|container| (Role::Ephemeral, container));
    init.chain(app)
        .chain(ephemeral)
        .find(|(_, container)| container.image.as_deref() == Some(image))
        .map(|(role, container)| (role, container.name.clone()))
}

/// A duration as Go prints it, to the millisecond: `1.234s`, `850ms`, `2m3s`.
fn go_duration(took: Duration) -> String {
    let millis = took.as_millis();
    if millis < 1000 {
        return format!("{millis}ms");
    }
    let (minutes, rest) = (millis / 60_000, millis % 60_000);
    let fraction = format!("{}.{:03}", rest / 1000, rest % 1000);
    let seconds = fraction.trim_end_matches('0').trim_end_matches('.');
    if minutes == 0 { format!("{seconds}s") } else { format!("{minutes}m{seconds}s") }
}

/// Whose a stop's container is.
pub(super) fn names_of(owners: &[&Owner]) -> String {
    owners.iter().map(|owner| owner.container.as_str()).collect::<Vec<_>>().join(", ")
}
