//! The laws of the design, as functions that say what breaks them.
//!
//! Property tests and the simulator use the same functions. They are written from what Kubernetes and the manifest promise,
//! not from how the units decide: a law that asked the planner would always be content.
//!
//! - [`set`], [`pod`], [`storage`], [`zone`], [`mod@namespace`], [`garbage`]: about one decision, from what it was made from and
//!   what it says. Each has an `all`, which is what whoever looks at every decision calls.
//! - [`world`]: about what is: the objects, the engine and the zone at one moment, or at two.

pub mod garbage;
pub mod namespace;
pub mod pod;
pub mod set;
pub mod storage;
pub mod world;
pub mod zone;

use std::{collections::BTreeSet, error::Error, fmt};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::{Wait, Write};

/// The laws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Law {
    /// A pet is created only when every lower ordinal is there and well, one at a time.
    Order,
    /// Surplus pets go one at a time, in their order, and none while another is missing or unwell.
    Descent,
    /// There are never two live containers for one part of one identity.
    OneOfEach,
    /// An ordinal always gets the same volume, and no volume goes unless policy or the user says so.
    Sticky,
    /// Nothing is done to a container or volume that is not ours.
    OursOnly,
    /// While the engine is silent nothing is begun, declared lost or withdrawn.
    Blind,
    /// What is not as specified has an action, a write, something in flight, or a wait.
    SaysWhy,
    /// What is as specified is left alone, and nothing is written that is so already.
    Quiet,
    /// When faults stop, what is becomes what is wanted, and stays so.
    Settles,
    /// What belongs to one set, pod or service never changes what is planned for another.
    Alone,
    /// What is published is exactly what may be asked for: each name has its address.
    ZoneTrue,
    /// No plan is larger than its limits.
    Bounded,
    /// No container starts before the files that it mounts are whole, and what a volume shows is one version of them.
    Whole,
    /// Nothing is collected that has an owner left, and no owner goes before those that hold it up.
    Owned,
}

/// Every law, in the order of the design.
pub const ALL: [Law; 14] = [
    Law::Order,
    Law::Descent,
    Law::OneOfEach,
    Law::Sticky,
    Law::OursOnly,
    Law::Blind,
    Law::SaysWhy,
    Law::Quiet,
    Law::Settles,
    Law::Alone,
    Law::ZoneTrue,
    Law::Bounded,
    Law::Whole,
    Law::Owned,
];

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Law::Order => "order",
            Law::Descent => "descent",
            Law::OneOfEach => "one of each",
            Law::Sticky => "sticky",
            Law::OursOnly => "ours only",
            Law::Blind => "blind",
            Law::SaysWhy => "says why",
            Law::Quiet => "quiet",
            Law::Settles => "settles",
            Law::Alone => "alone",
            Law::ZoneTrue => "zone true",
            Law::Bounded => "bounded",
            Law::Whole => "whole",
            Law::Owned => "owned",
        })
    }
}

/// A law that does not hold, and what breaks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The law.
    pub law: Law,
    /// The sentence, which names what breaks it: `web-2 is created while web-1 is not Ready`.
    pub why: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "law {:?} is broken: {}", self.law.to_string(), self.why)
    }
}

impl Error for Broken {}

/// What a law says.
pub type Verdict = Result<(), Broken>;

/// A law holds if this does.
fn holds(it: bool, law: Law, why: impl FnOnce() -> String) -> Verdict {
    if it { Ok(()) } else { Err(Broken { law, why: why() }) }
}

/// The law [`Law::Alone`] for two plans: the second was made with other people's things beside, or in another order.
pub fn alone<P: PartialEq + fmt::Debug>(plan: &P, beside_others: &P) -> Verdict {
    holds(plan == beside_others, Law::Alone, || {
        format!("the plan changes with what belongs to others: {plan:?} becomes {beside_others:?}")
    })
}

/// An object's name.
fn name(metadata: &ObjectMeta) -> &str {
    metadata.name.as_deref().unwrap_or_default()
}

/// An object's namespace.
fn namespace(metadata: &ObjectMeta) -> &str {
    metadata.namespace.as_deref().unwrap_or_default()
}

/// Whether an object's deletion has been asked for.
fn is_leaving(metadata: &ObjectMeta) -> bool {
    metadata.deletion_timestamp.is_some()
}

/// What a write writes: kind and, where it has one, namespace, and name.
fn target(write: &Write) -> (&'static str, &str, &str) {
    let of = |kind, metadata| (kind, namespace(metadata), name(metadata));
    match write {
        Write::CreatePod(pod) | Write::UpdatePod(pod) => of("pod", &pod.metadata),
        Write::DeletePod { namespace, name, .. }
        | Write::PodStatus { namespace, name, .. }
        | Write::RemovePod { namespace, name, .. } => ("pod", namespace, name),
        Write::Reserve(reserved) => of("reservation", &reserved.metadata),
        Write::Release { namespace, name } => ("reservation", namespace, name),
        Write::CreateClaim(claim) | Write::UpdateClaim(claim) => of("claim", &claim.metadata),
        Write::ClaimStatus { namespace, name, .. } => ("claim", namespace, name),
        Write::BeginVolume(begun) | Write::AbandonVolume(begun) => of("begun volume", &begun.metadata),
        Write::EndVolume { name } => ("begun volume", "", name),
        Write::CreateVolume(volume) | Write::UpdateVolume(volume) => of("volume", &volume.metadata),
        Write::VolumeStatus { name, .. } | Write::RemoveVolume { name, .. } => ("volume", "", name),
        Write::NodeStatus { name, .. } => ("node", "", name),
        Write::PetSetStatus { namespace, name, .. } => ("petset", namespace, name),
        Write::StatefulSetStatus { namespace, name, .. } => ("statefulset", namespace, name),
        Write::CreateRevision(revision) | Write::UpdateRevision(revision) => of("revision", &revision.metadata),
        Write::BudgetStatus { namespace, name, .. } => ("budget", namespace, name),
        Write::Endpoints { endpoints, .. } => of("endpoints", &endpoints.metadata),
        Write::Slice { slice, .. } => of("slice", &slice.metadata),
        Write::CreateAccount(account) => of("service account", &account.metadata),
        Write::ConfigMap { config_map, .. } => of("config map", &config_map.metadata),
        Write::DeleteContent { namespace, name, .. } => ("content", namespace, name),
        Write::DeleteDependent { namespace, name, .. }
        | Write::SetOwners { namespace, name, .. }
        | Write::RemoveFinalizer { namespace, name, .. } => ("object", namespace, name),
        Write::UpdateNamespace(namespace) => of("namespace", &namespace.metadata),
        Write::RemoveNamespace { name, .. } => ("namespace", "", name),
    }
}

/// No object is written twice in one transaction ([`Law::Bounded`]).
fn once(writes: &[Write]) -> Verdict {
    let mut seen = BTreeSet::new();
    for write in writes {
        let (kind, namespace, name) = target(write);
        holds(seen.insert((kind, namespace, name)), Law::Bounded, || {
            format!("{kind} {namespace}/{name} is written twice in one plan")
        })?;
    }
    Ok(())
}

/// The words of all waits, as users would look for a name in them.
fn words(waits: &[Wait]) -> BTreeSet<&str> {
    waits.iter().flat_map(|wait| wait.message.split([' ', ':', ',', '"', '/', '\n'])).collect()
}
