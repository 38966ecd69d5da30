//! A pod with the engine's facts about it: what to do to its containers, and what its status is.
//!
//! Called for every identity that has a pod object or a container, also for containers whose pod is gone.
//!
//! The modules, in the order in which a decision goes through them: `memory` is what was tried; `view` puts the pod,
//! the facts and the memory of it side by side; `teardown` takes away what should not be there, in the order that `order`
//! says; `bind` gives the pod its node; `decide` brings up what should be there, `ahead` the sandbox of a pod that is yet to
//! be made, `address` says when it needs another address; `probe` asks how it is; `status` says so. While the engine is
//! silent, `unseen` says that. `volumes` sees to the files of configuration that are mounted, `fs_group` to whose the volumes
//! are. `build`, `env`, `downward`, `files`, `limits` and `user` make the parts of actions, `backoff` and `tell` the words and
//! delays that all of them use.

mod address;
mod ahead;
mod backoff;
mod bind;
mod build;
mod decide;
mod downward;
mod draft;
mod env;
mod files;
mod fs_group;
mod limits;
mod memory;
mod order;
mod probe;
mod registry;
mod status;
mod teardown;
mod tell;
mod unseen;
mod user;
mod view;
mod volumes;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use api::kinds::pod::ephemeral;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde::{Deserialize, Serialize};

use crate::{
    Action, Note, Wait, Write,
    config::Config,
    facts::{Container, PodKey},
    outcome::LookAgain,
    schedule::Place,
    set::{HeldBack, Reserved},
};

pub use address::{has_lost, readdressed};
pub use bind::is_placed;
pub use memory::{Memory, ProbeMemory, Restarts, Tries, begin, follow_clock, record, words};
pub use unseen::unseen;

/// All that the decision about one identity may depend on.
#[derive(Clone)]
pub struct Input<'a> {
    /// The identity.
    pub key: &'a PodKey,
    /// The pod object, if there is one.
    pub pod: Option<&'a Pod>,
    /// The pod that a set will make here in its turn. Its sandbox is made ready while there is no pod.
    pub reserved: Option<&'a Reserved>,
    /// The containers that the engine has for this identity, of whatever uid.
    pub containers: &'a [Container],
    /// Names of the engine's volumes that belong to this identity's `emptyDir`s, of whatever uid.
    pub scratch: &'a [String],
    /// Each of the pod's claims by name: bound to what, or why not.
    pub claims: &'a BTreeMap<String, ClaimState>,
    /// What there is of the configuration that the pod reads.
    pub config: &'a Config,
    /// The address that the identity holds; `Err` says why it has none.
    pub address: Result<IpAddr, String>,
    /// Image references that the engine has, of those that the pod names.
    pub images: &'a BTreeMap<String, Image>,
    /// Image references of which it is not known whether the engine has them ([`Plan::questions`]).
    pub images_unknown: &'a BTreeSet<String>,
    /// Where it is to run; asked while it has no node, or has just got this one.
    pub place: &'a Place<'a>,
    /// Whether the pod has to wait for its turn to start lost containers again ([`crate::set::held_back`]).
    pub held_back: Option<HeldBack>,
    /// What has been tried so far.
    pub memory: &'a Memory,
    /// This host, its DNS and the limits.
    pub host: &'a Host,
    /// The moment.
    pub now: Timestamp,
}

/// An image that the engine has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// `sha256:…`.
    pub id: String,
    /// `ENV`. Not used for `$(VAR)`: as in Kubernetes, only the container's own variables expand.
    pub env: Vec<(String, String)>,
    /// `USER`: `user`, `user:group`, names or numbers; empty for root.
    pub user: String,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// What is to happen about one identity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// At most one action besides probes and pulls.
    pub actions: Vec<Action>,
    /// The pod's new status, its removal.
    pub writes: Vec<Write>,
    /// Events.
    pub notes: Vec<Note>,
    /// Why it is not as specified yet.
    pub waits: Vec<Wait>,
    /// Image references that the engine is to be asked about: their containers are to start, and nothing is known.
    pub questions: BTreeSet<String>,
    /// When to look again at the latest.
    pub look_again: LookAgain,
}

/// Decides what is next for one identity.
///
/// The order, of which each step waits for the one before:
///
/// 1. Containers of another uid go: there are never two live containers for one identity.
/// 2. A pod that is being deleted is stopped within its grace period, then taken apart, then removed.
/// 3. A pod that has ended keeps its containers for their logs, and loses its sandbox.
/// 4. A pod is given to this node when its claims can be mounted and nothing speaks against it ([`crate::schedule`]);
///    one that names this node itself runs or is rejected, one that names another waits for ever.
/// 5. Its sandbox starts; a new sandbox means that every container starts anew.
/// 6. The files of the configuration that it mounts are written, and again whenever that changes.
/// 7. Init containers run one after the other, each to success, then app containers start in order.
///
/// Where there is no pod yet and a set has reserved one, its sandbox is brought up and kept; it is the pod's own as soon
/// as the pod is there, because it was made under the pod's uid.
///
/// Where the engine was restarted, all sandboxes come back at once, and with them the addresses; containers start again
/// in the order of their set, as far as [`Input::held_back`] says.
pub fn plan(input: &Input<'_>) -> Plan {
    let mut draft = draft::Draft::new(input);
    let settled = teardown::strangers(&mut draft);
    let Some(pod) = input.pod else {
        if let (Some(reserved), teardown::Settled::Yes) = (input.reserved, settled) {
            ahead::keep(reserved, &mut draft);
        }
        return draft.finish();
    };
    let spec = view::spec_of(pod);
    let ephemeral = ephemeral::containers(&spec);
    let view = view::View::new(input, pod, &spec, &ephemeral);
    if settled == teardown::Settled::Yes {
        if view.is_deleting() {
            teardown::deletion(&view, &mut draft);
        } else {
            decide::decide(&view, &mut draft);
        }
    }
    status::write(&view, &mut draft);
    draft.finish()
}
