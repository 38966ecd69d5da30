//! What the loop needs of the world: an engine and a clock.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use futures::stream::BoxStream;
use jiff::Timestamp;
use plan::{
    Action,
    action::{Done, Failure},
    config::Ask,
    facts::{Engine, PodKey},
    pod::Image,
    zone::Frontends,
};

/// What the engine has of ours, with what its containers mount.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Containers and volumes with our labels.
    pub engine: Engine,
    /// Names of our volumes that some container, running or not, mounts.
    pub mounted: BTreeSet<String>,
}

/// A hint that something may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Look at this identity.
    Pod(PodKey),
    /// The stream was interrupted or has just begun: look at everything.
    Everything,
}

/// Services, by namespace and name, some of whose frontends are not served, each with the reason.
pub type Unserved = BTreeMap<(String, String), String>;

/// The engine that runs containers.
#[async_trait]
pub trait Runtime: Send + Sync + 'static {
    /// Everything of ours. An error means that the engine is silent: nothing is known.
    async fn observe(&self) -> Result<Observed, Failure>;

    /// What the engine has of one identity; cheaper than [`Runtime::observe`].
    async fn observe_pod(&self, pod: &PodKey) -> Result<Vec<plan::facts::Container>, Failure>;

    /// Those of these image references that the engine has.
    async fn images(&self, references: &BTreeSet<String>) -> Result<BTreeMap<String, Image>, Failure>;

    /// Does one thing. Idempotent; may be called again after any failure.
    async fn act(&self, action: &Action) -> Result<Done, Failure>;

    /// Serves these frontends of services and nothing else, whether the loop goes on or not. Idempotent; returns when it is so, with
    /// those services of which something is not, and why.
    async fn serve(&self, frontends: &Frontends) -> Result<Unserved, Failure>;

    /// Hints, for ever: reconnects by itself, and says `Everything` after each gap. Bounded: hints that the
    /// reader is too slow for collapse into `Everything`.
    fn hints(&self) -> BoxStream<'static, Hint>;
}

/// The time, and waiting for it.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// The moment.
    fn now(&self) -> Timestamp;
    /// Returns at `until` or soon after.
    async fn sleep_until(&self, until: Timestamp);
}

/// What makes tokens for pods.
pub trait Mint: Send + Sync + 'static {
    /// A token of a pod's account that lives and dies with the pod, and until when it counts. Errors: why there is none.
    fn token(&self, pod: &PodKey, uid: &str, ask: &Ask) -> Result<(String, Timestamp), String>;
}

/// Chance, as an argument: names for new things.
pub trait Stamps: Send + Sync + 'static {
    /// A new `metadata.uid`.
    fn uid(&self) -> uuid::Uuid;
}
