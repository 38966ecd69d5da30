//! A pod with the engine's facts about it: what to do to its containers, and what its status is.
//!
//! Called for every identity that has a pod object or a container, also for containers whose pod is gone.

use std::{collections::BTreeMap, net::IpAddr};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use crate::{
    Action, Note, Wait, Write,
    action::{Done, Failure, ProbeKind},
    facts::{Container, PodKey},
    outcome::LookAgain,
};

/// All that the decision about one identity may depend on.
pub struct Input<'a> {
    /// The identity.
    pub key: &'a PodKey,
    /// The pod object, if there is one.
    pub pod: Option<&'a Pod>,
    /// The containers that the engine has for this identity, of whatever uid.
    pub containers: &'a [Container],
    /// Names of the engine's volumes that belong to this identity's `emptyDir`s, of whatever uid.
    pub scratch: &'a [String],
    /// Each of the pod's claims by name: bound to what, or why not.
    pub claims: &'a BTreeMap<String, ClaimState>,
    /// The address that the identity holds; `Err` says why it has none.
    pub address: Result<IpAddr, String>,
    /// Image references that the engine has, of those that the pod names.
    pub images: &'a BTreeMap<String, Image>,
    /// What has been tried so far.
    pub memory: &'a Memory,
    /// This host, its DNS and the limits.
    pub host: &'a Host,
    /// The moment.
    pub now: Timestamp,
}

/// An image that the engine has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// `sha256:…`.
    pub id: String,
    /// `ENV`, for `$(VAR)` expansion and the hooks.
    pub env: Vec<(String, String)>,
}

/// What a pod can mount of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimState {
    /// Bound; this is the source to mount.
    Ready(crate::action::Source),
    /// Not yet, and why: `persistentvolumeclaim "www-web-0" not found`, `pod has unbound immediate PersistentVolumeClaims`.
    Waiting(String),
}

/// What is the same for all pods of this daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The instance's name, part of every Docker name.
    pub instance: String,
    /// The node's name.
    pub node: String,
    /// The node's address, for `status.hostIP`.
    pub address: IpAddr,
    /// The cluster's domain, `cluster.local`.
    pub domain: String,
    /// Where pods find DNS.
    pub dns: IpAddr,
    /// The host's own search domains, appended to the pod's.
    pub search: Vec<String>,
    /// The host's own resolvers, for `dnsPolicy: Default`.
    pub resolvers: Vec<IpAddr>,
}

/// What the daemon remembers about one identity between passes; lost with the process, rebuilt from the pod's
/// status and the engine's facts. [`record`] keeps it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// The pod uid that all of this is about; another uid empties it.
    pub uid: String,
    /// The action that is in flight, if any (probes not counted).
    pub in_flight: Option<Action>,
    /// Probes: consecutive results, the last run, whether one is in flight. By container name and kind.
    pub probes: BTreeMap<(String, ProbeKind), ProbeMemory>,
    /// Failed actions by what they were about (`pull IMAGE`, `start CONTAINER`, `sandbox`): how often, when, why.
    pub failures: BTreeMap<String, Tries>,
    /// Images pulled for this uid, by reference, with the time: `imagePullPolicy: Always` pulls once per container start.
    pub pulled: BTreeMap<String, Timestamp>,
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

/// What is to happen about one identity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// At most one action besides probes.
    pub actions: Vec<Action>,
    /// The pod's new status, its removal.
    pub writes: Vec<Write>,
    /// Events.
    pub notes: Vec<Note>,
    /// Why it is not as specified yet.
    pub waits: Vec<Wait>,
    /// When to look again at the latest.
    pub look_again: LookAgain,
}

/// Decides what is next for one identity.
pub fn plan(input: &Input<'_>) -> Plan {
    let _ = input;
    Plan::default()
}

/// Takes note of an action that begins.
pub fn begin(memory: &mut Memory, action: &Action, now: Timestamp) {
    let _ = (memory, action, now);
}

/// Takes note of how an action ended, and returns the events to tell of it.
pub fn record(
    memory: &mut Memory,
    pod: Option<&Pod>,
    action: &Action,
    result: &Result<Done, Failure>,
    now: Timestamp,
) -> Vec<Note> {
    let _ = (memory, pod, action, result, now);
    Vec::new()
}
