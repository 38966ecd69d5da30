//! A namespace that is being deleted: its content goes first.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Namespace;

use crate::{Subject, Wait, Write};

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
/// A namespace that is not being deleted gets an empty plan.
pub fn plan(namespace: &Namespace, content: &[Content]) -> Plan {
    if namespace.metadata.deletion_timestamp.is_none() {
        return Plan::default();
    }
    let name = namespace.metadata.name.as_deref().unwrap_or_default();
    let Some(stage) = content.iter().map(|c| Stage::of(&c.resource)).min() else {
        return finish(namespace, name);
    };
    let mut plan = Plan::default();
    plan.writes.extend(terminating(namespace));
    for object in content.iter().filter(|c| Stage::of(&c.resource) == stage && !c.deleting) {
        plan.writes.push(Write::DeleteContent {
            resource: object.resource.clone(),
            namespace: name.to_owned(),
            name: object.name.clone(),
            rv: object.rv.clone(),
        });
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for object in content {
        *counts.entry(&object.resource).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(resource, count)| format!("{resource} ({count})")).collect();
    let message = format!("waiting to delete namespace {name}: it still holds {}", counts.join(", "));
    plan.waits.push(wait(namespace, name, "NamespaceContentRemaining", message));
    plan
}

/// An empty namespace goes, unless someone else's finalizer holds it.
fn finish(namespace: &Namespace, name: &str) -> Plan {
    let finalizers = namespace.metadata.finalizers.as_deref().unwrap_or_default();
    if finalizers.is_empty() {
        let rv = namespace.metadata.resource_version.clone().unwrap_or_default();
        return Plan { writes: vec![Write::RemoveNamespace { name: name.to_owned(), rv }], waits: Vec::new() };
    }
    let message = format!("waiting to delete namespace {name}: finalizers remain: {}", finalizers.join(", "));
    Plan {
        writes: terminating(namespace).into_iter().collect(),
        waits: vec![wait(namespace, name, "NamespaceFinalizersRemaining", message)],
    }
}

/// The namespace with the phase that users see, where it has another.
fn terminating(namespace: &Namespace) -> Option<Write> {
    if namespace.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Terminating") {
        return None;
    }
    let mut namespace = namespace.clone();
    namespace.status.get_or_insert_default().phase = Some("Terminating".to_owned());
    Some(Write::UpdateNamespace(Box::new(namespace)))
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
