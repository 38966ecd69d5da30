//! What a namespace has without anybody making it; and how one that is being deleted is emptied: its content goes first.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{ConfigMap, Namespace, NamespaceCondition, NamespaceStatus, ServiceAccount},
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};

pub use api::kinds::service_account::DEFAULT as ACCOUNT;

use crate::{Subject, Wait, Write};

/// The ConfigMap that tells the certificate which the API is known by.
pub const ROOT_CA: &str = "kube-root-ca.crt";
/// The key that has it.
pub const CERTIFICATE_KEY: &str = "ca.crt";

/// What of the objects that each namespace has is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Defaults<'a> {
    /// Whether there is the service account [`ACCOUNT`], also one that is on its way out.
    pub has_account: bool,
    /// The ConfigMap [`ROOT_CA`].
    pub root_ca: Option<&'a ConfigMap>,
    /// The certificate that it is to tell, in PEM; empty where the API has none.
    pub certificate: &'a str,
}

/// Makes what a namespace has without anybody making it, and makes it again when it was deleted or changed.
///
/// Source: Kubernetes' `pkg/controller/serviceaccount` and `pkg/controller/certificates/rootcacertpublisher`. The key is
/// there also where no certificate is, so that whoever mounts it finds a file.
pub fn defaults(namespace: &Namespace, found: &Defaults<'_>) -> Vec<Write> {
    if namespace.metadata.deletion_timestamp.is_some() {
        return Vec::new();
    }
    let metadata = |name: &str| ObjectMeta {
        name: Some(name.to_owned()),
        namespace: namespace.metadata.name.clone(),
        ..ObjectMeta::default()
    };
    let account = (!found.has_account).then(|| {
        Write::CreateAccount(Box::new(ServiceAccount { metadata: metadata(ACCOUNT), ..ServiceAccount::default() }))
    });
    let data = Some(BTreeMap::from([(CERTIFICATE_KEY.to_owned(), found.certificate.to_owned())]));
    let root_ca = match found.root_ca {
        None => Some(ConfigMap { metadata: metadata(ROOT_CA), data, ..ConfigMap::default() }),
        Some(map) if map.metadata.deletion_timestamp.is_some() || map.data == data => None,
        Some(map) => Some(ConfigMap { data, ..map.clone() }),
    };
    let rv = found.root_ca.and_then(|map| map.metadata.resource_version.clone());
    let root_ca = root_ca.map(|map| Write::ConfigMap { config_map: Box::new(map), rv });
    account.into_iter().chain(root_ca).collect()
}

/// An object in the namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Group-qualified plural: `pods`, `petsets.apps`.
    pub resource: String,
    /// The object's name.
    pub name: String,
    /// Its revision.
    pub rv: String,
    /// Whether its deletion has been asked for already.
    pub deleting: bool,
    /// Its finalizers.
    pub finalizers: Vec<String>,
}

/// What is to happen about a namespace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Content to delete, the namespace to change or remove.
    pub writes: Vec<Write>,
    /// What it waits for.
    pub waits: Vec<Wait>,
}

/// When a resource goes. What would make others anew goes before them: a set would replace its pods, and a pod that
/// still runs keeps its claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Sets, and everything that nothing else waits for: services, service accounts, configuration.
    First,
    /// Pods, when no set is left.
    Pods,
    /// Claims, when no pod is left that writes to them.
    Claims,
    /// Events, which tell of all the rest.
    Events,
}

impl Stage {
    fn of(resource: &str) -> Stage {
        match resource {
            "pods" => Stage::Pods,
            "persistentvolumeclaims" => Stage::Claims,
            "events" => Stage::Events,
            _ => Stage::First,
        }
    }
}

/// Decides what is next for one namespace and everything in it.
///
/// A namespace that is not being deleted gets an empty plan. What remains is told in its conditions once all that could be
/// deleted has been: those and their words are of Kubernetes' `pkg/controller/namespace/deletion`.
pub fn plan(namespace: &Namespace, content: &[Content], now: Timestamp) -> Plan {
    if namespace.metadata.deletion_timestamp.is_none() {
        return Plan::default();
    }
    let name = namespace.metadata.name.as_deref().unwrap_or_default();
    let Some(stage) = content.iter().map(|c| Stage::of(&c.resource)).min() else {
        return finish(namespace, name, now);
    };
    let mut plan = Plan::default();
    for object in content.iter().filter(|c| Stage::of(&c.resource) == stage && !c.deleting) {
        plan.writes.push(Write::DeleteContent {
            resource: object.resource.clone(),
            namespace: name.to_owned(),
            name: object.name.clone(),
            rv: object.rv.clone(),
        });
    }
    let counts = count(content.iter().map(|object| object.resource.as_str()));
    let is_waiting = plan.writes.is_empty();
    plan.writes.extend(terminating(namespace, is_waiting.then(|| remaining(content, &counts)), now));
    let counts: Vec<String> = counts.iter().map(|(resource, count)| format!("{resource} ({count})")).collect();
    let message = format!("waiting to delete namespace {name}: it still holds {}", counts.join(", "));
    plan.waits.push(wait(namespace, name, "NamespaceContentRemaining", message));
    plan
}

/// An empty namespace goes, unless someone else's finalizer holds it.
fn finish(namespace: &Namespace, name: &str, now: Timestamp) -> Plan {
    let finalizers = namespace.metadata.finalizers.as_deref().unwrap_or_default();
    if finalizers.is_empty() {
        let rv = namespace.metadata.resource_version.clone().unwrap_or_default();
        return Plan { writes: vec![Write::RemoveNamespace { name: name.to_owned(), rv }], waits: Vec::new() };
    }
    let message = format!("waiting to delete namespace {name}: finalizers remain: {}", finalizers.join(", "));
    Plan {
        writes: terminating(namespace, Some(remaining(&[], &BTreeMap::new())), now).into_iter().collect(),
        waits: vec![wait(namespace, name, "NamespaceFinalizersRemaining", message)],
    }
}

/// What a condition says: type, and reason and message where it holds. The reason and message of one that does not
/// hold follow from its type.
type Said = (&'static str, Option<(&'static str, String)>);

/// The conditions of a namespace that is being deleted, given what remains in it.
///
/// The kinds of this server are known and every deletion is only asked for, so that the three failures never hold.
fn remaining(content: &[Content], counts: &BTreeMap<&str, usize>) -> [Said; 5] {
    let instances = |(resource, count): (&&str, &usize)| {
        // Kubernetes writes a full stop after a resource of the core group, which has no name.
        let stop = if resource.contains('.') { "" } else { "." };
        format!("{resource}{stop} has {count} resource instances")
    };
    let resources: Vec<String> = counts.iter().map(instances).collect();
    let held = count(content.iter().flat_map(|object| &object.finalizers).map(String::as_str));
    let held: Vec<String> =
        held.iter().map(|(finalizer, count)| format!("{finalizer} in {count} resource instances")).collect();
    let content = (!resources.is_empty())
        .then(|| ("SomeResourcesRemain", format!("Some resources are remaining: {}", resources.join(", "))));
    let finalizers = (!held.is_empty()).then(|| {
        let message = format!("Some content in the namespace has finalizers remaining: {}", held.join(", "));
        ("SomeFinalizersRemain", message)
    });
    [
        ("NamespaceDeletionDiscoveryFailure", None),
        ("NamespaceDeletionGroupVersionParsingFailure", None),
        ("NamespaceDeletionContentFailure", None),
        ("NamespaceContentRemaining", content),
        ("NamespaceFinalizersRemaining", finalizers),
    ]
}

/// What Kubernetes says where a condition does not hold.
fn well(type_: &str) -> (&'static str, &'static str) {
    match type_ {
        "NamespaceDeletionDiscoveryFailure" => ("ResourcesDiscovered", "All resources successfully discovered"),
        "NamespaceDeletionGroupVersionParsingFailure" => {
            ("ParsedGroupVersions", "All legacy kube types successfully parsed")
        }
        "NamespaceDeletionContentFailure" => {
            ("ContentDeleted", "All content successfully deleted, may be waiting on finalization")
        }
        "NamespaceContentRemaining" => ("ContentRemoved", "All content successfully removed"),
        _ => ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
    }
}

/// How often each word occurs.
fn count<'w>(words: impl Iterator<Item = &'w str>) -> BTreeMap<&'w str, usize> {
    let mut counts = BTreeMap::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    counts
}

/// The namespace with the phase and the conditions that users see, where it has others.
fn terminating(namespace: &Namespace, conditions: Option<[Said; 5]>, now: Timestamp) -> Option<Write> {
    let mut status = namespace.status.clone().unwrap_or_default();
    status.phase = Some("Terminating".to_owned());
    for (type_, why) in conditions.into_iter().flatten() {
        tell(&mut status, type_, why, now);
    }
    if namespace.status.as_ref() == Some(&status) {
        return None;
    }
    Some(Write::UpdateNamespace(Box::new(Namespace { status: Some(status), ..namespace.clone() })))
}

/// Sets one condition; its time is that of its last turn.
fn tell(status: &mut NamespaceStatus, type_: &str, why: Option<(&'static str, String)>, now: Timestamp) {
    let holds = if why.is_some() { "True" } else { "False" };
    let (reason, message) = why.unwrap_or_else(|| {
        let (reason, message) = well(type_);
        (reason, message.to_owned())
    });
    let conditions = status.conditions.get_or_insert_default();
    let former = conditions.iter_mut().find(|condition| condition.type_ == type_);
    let since =
        former.as_ref().filter(|former| former.status == holds).and_then(|former| former.last_transition_time.clone());
    let condition = NamespaceCondition {
        type_: type_.to_owned(),
        status: holds.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_transition_time: Some(since.unwrap_or(Time(Timestamp::from_second(now.as_second()).unwrap_or(now)))),
    };
    match former {
        Some(former) => *former = condition,
        None => conditions.push(condition),
    }
}

fn wait(namespace: &Namespace, name: &str, reason: &'static str, message: String) -> Wait {
    let subject = Subject {
        api_version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
        namespace: String::new(),
        name: name.to_owned(),
        uid: namespace.metadata.uid.clone().unwrap_or_default(),
    };
    Wait { subject, reason, message }
}
