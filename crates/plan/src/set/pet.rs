//! The pods of a set as the order sees them: each a pet with or without an ordinal, well or not, and why.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodStatus};

use api::petset::INITIALIZED;

use super::{identity::Identity, kind::Set, revision, rules::Well};
use crate::read;

/// A pet's number in its set.
pub(super) type Ordinal = u32;

/// Why something is held up, in a word and in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    /// A row of `docs/waits.md`.
    pub(super) reason: &'static str,
    /// The part of the sentence after the colon.
    pub(super) because: String,
    /// When it ends by itself, if nothing happens meanwhile.
    pub(super) until: Option<Timestamp>,
}

impl Hold {
    pub(super) fn new(reason: &'static str, because: impl Into<String>) -> Hold {
        Hold { reason, because: because.into(), until: None }
    }
}

/// A pod of the set.
#[derive(Debug)]
pub(super) struct Pet<'a> {
    pub(super) pod: &'a Pod,
    pub(super) name: &'a str,
    /// `None` for a pod whose name is not `$(set)-$(ordinal)`.
    pub(super) ordinal: Option<Ordinal>,
    /// When it was made; an unknown time counts as the oldest.
    pub(super) created: Option<Timestamp>,
    /// The name of the revision that it was made from; empty where sets of its kind have none.
    pub(super) revision: &'a str,
    /// Whether it has been Ready for `spec.minReadySeconds`, if it is Ready. One that is being deleted may be.
    pub(super) is_available: bool,
    /// Why the set waits for it, unless it is well.
    pub(super) hold: Option<Hold>,
}

impl<'a> Pet<'a> {
    /// All pets, in their order: ordinals ascending, then the others by name.
    /// `troubles` is what each pod itself waits for, by name.
    pub(super) fn read_all(
        identity: &Identity<'_>,
        pods: &[&'a Pod],
        troubles: &BTreeMap<String, String>,
        now: Timestamp,
    ) -> Vec<Pet<'a>> {
        let read = |pod: &&'a Pod| {
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            Pet {
                pod,
                name,
                ordinal: identity.ordinal(name),
                created: pod.metadata.creation_timestamp.as_ref().map(|t| t.0),
                revision: revision::of_pod(pod),
                is_available: unavailable(identity.set, pod, name, now).is_none(),
                hold: hold(identity.set, pod, name, troubles.get(name).map(String::as_str), now),
            }
        };
        let mut pets: Vec<_> = pods.iter().map(read).collect();
        pets.sort_by_key(|p| (p.ordinal.is_none(), p.ordinal, p.name));
        pets
    }

    /// Whether its deletion has been asked for.
    pub(super) fn is_terminating(&self) -> bool {
        self.pod.metadata.deletion_timestamp.is_some()
    }

    /// Whether it has ended for good, and nobody has asked for its deletion.
    pub(super) fn has_ended(&self) -> bool {
        read::is_finished(self.pod) && !self.is_terminating()
    }
}

/// A pet is well when it is not being deleted, is Running and Ready, and is what its kind asks for besides: initialised, or
/// Ready for long enough. This gives the first of these that fails.
fn hold(set: Set<'_>, pod: &Pod, name: &str, trouble: Option<&str>, now: Timestamp) -> Option<Hold> {
    if pod.metadata.deletion_timestamp.is_some() {
        return Some(Hold::new("PetTerminating", format!("{name} is being deleted")));
    }
    let status = pod.status.as_ref();
    let phase = Some(read::phase(pod)).filter(|p| !p.is_empty()).unwrap_or("Pending");
    if phase != "Running" {
        return Some(Hold::new("PetNotRunning", with_detail(format!("{name} is {phase}"), trouble, status)));
    }
    if !read::is_ready(pod) {
        return Some(Hold::new("PetNotReady", with_detail(format!("{name} is not Ready"), trouble, status)));
    }
    match set.rules().well {
        Well::Initialized => uninitialized(pod, name),
        Well::Available => unavailable(set, pod, name, now),
    }
}

fn uninitialized(pod: &Pod, name: &str) -> Option<Hold> {
    let initialized = pod.metadata.annotations.as_ref().and_then(|a| a.get(INITIALIZED)).map(String::as_str);
    let fault = match initialized.map(|value| (value, read::parse_bool(value))) {
        Some((_, Some(true))) => return None,
        Some((value, Some(false))) => format!("is {value:?}"),
        Some((value, None)) => format!("is {value:?}, which is not a boolean"),
        None => "is missing".to_owned(),
    };
    Some(Hold::new("PetNotInitialized", format!("{name} is not initialized: annotation {INITIALIZED} {fault}")))
}

/// Ready, and not for `spec.minReadySeconds` yet. Counted from the moment at which the condition became true, so that the
/// seconds pass once, whoever looks.
fn unavailable(set: Set<'_>, pod: &Pod, name: &str, now: Timestamp) -> Option<Hold> {
    let min_ready = set.min_ready();
    if min_ready.is_zero() {
        return None;
    }
    let ready = pod.status.as_ref().and_then(|status| read::condition(status, "Ready"));
    let since = ready.and_then(|ready| ready.last_transition_time.as_ref()).map_or(Timestamp::MIN, |time| time.0);
    let until = since.saturating_add(min_ready).unwrap_or(Timestamp::MAX);
    let because =
        format!("{name} is Ready and becomes available after {} s of it (spec.minReadySeconds)", min_ready.as_secs());
    (now < until).then(|| Hold { until: Some(until), ..Hold::new("PetNotAvailable", because) })
}

/// The pod's own reason is the truest: it names the probe and what that said. The status is what remains of it.
fn with_detail(sentence: String, trouble: Option<&str>, status: Option<&PodStatus>) -> String {
    match trouble.map(str::to_owned).or_else(|| status.and_then(detail)) {
        Some(detail) => format!("{sentence}: {detail}"),
        None => sentence,
    }
}

/// What the status says about the cause, the most telling first: a container in trouble, the pod's own message, a condition
/// with a message, a container that is only on its way.
fn detail(status: &PodStatus) -> Option<String> {
    let containers = || {
        let init = status.init_container_statuses.iter().flatten().map(|c| ("init container", c));
        init.chain(status.container_statuses.iter().flatten().map(|c| ("container", c)))
    };
    let trouble = containers().find_map(|(what, c)| Some(format!("{what} {}: {}", c.name, trouble(c)?)));
    let own = || joined(status.reason.as_deref(), status.message.as_deref());
    let condition = || {
        ["PodScheduled", "Ready", "ContainersReady", "Initialized"]
            .iter()
            .filter_map(|type_| read::condition(status, type_))
            .filter(|c| c.status != "True")
            .find_map(|c| c.message.clone().filter(|m| !m.is_empty()))
    };
    let progress = || containers().find_map(|(what, c)| Some(format!("{what} {}: {}", c.name, waiting(c)?)));
    trouble.or_else(own).or_else(condition).or_else(progress)
}

/// A container that has ended badly, or waits for a reason that is not the ordinary course of a start.
fn trouble(container: &ContainerStatus) -> Option<String> {
    let state = container.state.as_ref()?;
    if let Some(ended) = &state.terminated {
        let reason = joined(ended.reason.as_deref(), ended.message.as_deref()).unwrap_or_else(|| "ended".to_owned());
        return (ended.exit_code != 0).then(|| format!("{reason} (exit code {})", ended.exit_code));
    }
    let reason = state.waiting.as_ref()?.reason.as_deref();
    if matches!(reason, Some("PodInitializing" | "ContainerCreating")) { None } else { waiting(container) }
}

fn waiting(container: &ContainerStatus) -> Option<String> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    joined(waiting.reason.as_deref(), waiting.message.as_deref())
}

fn joined(reason: Option<&str>, message: Option<&str>) -> Option<String> {
    let parts: Vec<&str> = [reason, message].into_iter().flatten().filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join(": "))
}
