//! What the engine says there is: the observed half of every decision about pods.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use jiff::Timestamp;

/// Namespace and name of a pod: the identity that containers, addresses and DNS names hang on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodKey {
    /// The namespace.
    pub namespace: String,
    /// The pod's name, for a pet `$(set)-$(ordinal)`.
    pub name: String,
}

impl fmt::Display for PodKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The part that a container plays in its pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Owns the network namespace and the address; runs the pause program.
    Sandbox,
    /// Runs to completion before the app containers, in order.
    Init,
    /// One of `spec.containers`.
    App,
    /// Added to the pod while it runs; it never starts again.
    Ephemeral,
}

/// Whose container it is, as written in its labels. A container without all of these labels, or of another
/// instance, is not ours and never appears in the facts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// The pod's identity.
    pub pod: PodKey,
    /// `metadata.uid` of the pod object that the container was made for.
    pub uid: String,
    /// The part that it plays.
    pub role: Role,
    /// `name` in the pod's spec; `POD` for the sandbox.
    pub container: String,
    /// 0 for the first, one more for each restart: with the other fields it makes the container's Docker name,
    /// so that two containers for one identity collide in the engine itself.
    pub attempt: u32,
}

/// Where a container is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Made, never started.
    Created,
    /// Running (also when paused from outside: see `paused`).
    Running { started_at: Timestamp, paused: bool },
    /// Ended. `error` is what the engine says of it, then what the container itself did (its termination message).
    Exited { started_at: Option<Timestamp>, finished_at: Timestamp, code: i64, oom_killed: bool, error: String },
    /// Being removed, or dead and waiting for it: it still holds its name.
    Removing,
}

/// A container of ours, as the engine describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The engine's id.
    pub id: String,
    /// Whose it is.
    pub owner: Owner,
    /// Where it is in its life.
    pub state: State,
    /// The image's id (`sha256:…`).
    pub image_id: String,
    /// The sandbox's address on the instance's network; `None` for others and while it does not run.
    pub address: Option<IpAddr>,
    /// Id of the sandbox whose network namespace the container joined; `None` for sandboxes.
    pub sandbox: Option<String>,
}

/// A volume of ours in the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// The engine's name.
    pub name: String,
    /// The labels that we gave it, without the prefix `petset.io/`.
    pub labels: BTreeMap<String, String>,
    /// How much it holds.
    pub room: Room,
}

/// How much a volume holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Room {
    /// As much as the disk of the engine; no limit was asked for.
    #[default]
    Disk,
    /// The same, though a limit was asked for: why there is none.
    Unlimited(String),
    /// So many octets: it is a file system of its own.
    Limit(u64),
}

/// Everything of ours that the engine has, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Engine {
    /// Containers by pod, each list sorted by (role, container, attempt).
    pub containers: BTreeMap<PodKey, Vec<Container>>,
    /// Volumes by name.
    pub volumes: BTreeMap<String, Volume>,
}
