//! Makes Docker look like Runtime.
//!
//! [`Engine`] is a Docker engine that answers and is new enough. [`Engine::prepare`] makes the instance's network and
//! the sandbox image, and gives [`Docker`]: the [`Runtime`] of one instance, with the logs of its containers, a way
//! into them ([`streams`]), connections to their ports ([`forward`]), and the addresses of services (`balancer`, `node_ports`).
//!
//! Everything made here carries the label `petset.io/instance`; nothing without it is ever stopped or removed.

mod balancer;
mod check;
mod confine;
mod connect;
mod container;
mod disk;
mod erase;
mod exec;
mod failure;
mod files;
pub mod forward;
mod grpc;
mod hints;
mod hold;
mod image;
mod last_words;
mod mount;
mod names;
mod network;
mod node_ports;
mod observe;
mod ownership;
mod pause;
mod publish;
mod runner;
pub mod streams;
mod tls;
pub mod usage;
mod volume;
mod wire;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use async_trait::async_trait;
use controller::runtime::{Hint, Observed, Runtime, Unserved};
use futures::stream::BoxStream;
use ipnet::Ipv4Net;
use plan::{
    Action,
    action::{Done, Failure},
    facts::{Container, PodKey},
    pod::Image,
    zone::Frontends,
};
use tokio::sync::Semaphore;

pub use crate::{
    connect::{ConnectError, Engine},
    erase::EraseError,
    hold::release,
    network::{DNS_PORT, PrepareError, Ready},
};

/// Exec probes through Docker's own exec that run at once: each costs the engine some 40 ms of a core, so more would
/// only slow the others down.
const EXEC_PROBES_MAX: usize = 2;

/// For one look at all there is. Each call has its own, shorter limit until it is answered; this one also holds when an
/// engine stops in the middle of an answer.
const LOOK_TIMEOUT: Duration = Duration::from_secs(30);

/// What an instance is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The instance's name: lower-case letters, digits and `-`.
    pub instance: String,
    /// The subnet of its network; `None` takes the one that it has, else a free one.
    pub subnet: Option<Ipv4Net>,
    /// Where the pods' own network files are kept. The engine must see the same directory.
    pub pods_dir: PathBuf,
    /// Where paths are held while the engine mounts them. The engine must see the same directory.
    pub holds_dir: PathBuf,
    /// What the pods may have of the host.
    pub allowed: Allowed,
    /// Whether volumes hold no more than is asked for, where this machine can see to it.
    pub enforces_sizes: bool,
}

/// What pods may have of the host. The API has refused the rest already; but what it stored may be older than what is
/// allowed now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Paths that may be mounted, with everything below.
    pub host_paths: Vec<PathBuf>,
    /// The host's network, privileged containers, capabilities that lead out of a container.
    pub privileged: bool,
}

/// Docker as the runtime of one instance.
#[derive(Clone, Debug)]
pub struct Docker {
    engine: Engine,
    instance: String,
    ready: Ready,
    files: files::PodFiles,
    holder: hold::Holder,
    allowed: Allowed,
    exec_probes: Arc<Semaphore>,
    measurements: Arc<Semaphore>,
    runners: Arc<runner::Runners>,
    balancer: balancer::Balancer,
    last_words: Arc<last_words::LastWords>,
    /// The engine was found to be unable to lower an `oom_score_adj`: no need to try again.
    is_unprotecting: Arc<AtomicBool>,
    node_ports: Arc<node_ports::NodePorts>,
    enforces_sizes: bool,
    disks: Arc<disk::Disks>,
}

impl Docker {
    /// The instance's network.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }
}

#[async_trait]
impl Runtime for Docker {
    async fn observe(&self) -> Result<Observed, Failure> {
        in_time(self.observe_all()).await
    }

    async fn observe_pod(&self, pod: &PodKey) -> Result<Vec<Container>, Failure> {
        in_time(self.observe_one(pod)).await
    }

    async fn images(&self, references: &BTreeSet<String>) -> Result<BTreeMap<String, Image>, Failure> {
        in_time(self.engine.present_images(references)).await
    }

    async fn act(&self, action: &Action) -> Result<Done, Failure> {
        match action {
            Action::PullImage { image, credentials } => self.engine.pull(image, credentials).await,
            Action::CreateVolume { name, labels, size } => self.create_volume(name, labels, *size).await,
            Action::GrowVolume { name, size } => self.grow_volume(name, *size).await,
            Action::RemoveVolume { name } => self.remove_volume(name).await,
            Action::WriteFiles(write) => self.write_files(write).await,
            Action::SetVolumeOwnership(ownership) => self.set_volume_ownership(ownership).await,
            Action::StartSandbox(sandbox) => self.start_sandbox(sandbox).await,
            Action::StartContainer(start) => self.start_container(start).await,
            Action::Stop(stops) => self.stop(stops).await,
            Action::Remove { id, owner } => self.remove(id, owner).await,
            Action::Probe(probe) => self.probe(probe).await,
        }
    }

    async fn serve(&self, frontends: &Frontends) -> Result<Unserved, Failure> {
        self.serve_frontends(frontends).await
    }

    fn hints(&self) -> BoxStream<'static, Hint> {
        let scope = hints::Scope { instance: self.instance.clone(), network: self.ready.network.clone() };
        hints::stream(self.engine.clone(), scope)
    }
}

async fn in_time<T>(look: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let silent = |_| Failure::Silent(format!("the engine did not answer within {} s", LOOK_TIMEOUT.as_secs()));
    tokio::time::timeout(LOOK_TIMEOUT, look).await.map_err(silent)?
}
