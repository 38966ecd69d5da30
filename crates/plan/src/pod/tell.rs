//! The words that users read: events in the kubelet's and the scheduler's texts of Kubernetes 1.36.

use k8s_openapi::api::core::v1::Pod;

use crate::{
    Note, NoteKind, Subject,
    facts::{Owner, PodKey, Role},
};

/// The component of what happens to containers.
pub(super) const KUBELET: &str = "kubelet";
/// The component of what happens before a pod has a node.
pub(super) const SCHEDULER: &str = "default-scheduler";

/// The subject of an identity; `uid` is empty where there is no pod.
pub(super) fn subject(key: &PodKey, uid: &str) -> Subject {
    Subject {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        uid: uid.to_owned(),
    }
}

/// The uid of a pod; empty for one that was never stored.
pub(super) fn uid_of(pod: &Pod) -> &str {
    pod.metadata.uid.as_deref().unwrap_or_default()
}

/// A note about a whole pod.
pub(super) fn of_pod(subject: &Subject, kind: NoteKind, reason: &'static str, message: String) -> Note {
    Note { subject: subject.clone(), field_path: String::new(), component: KUBELET, kind, reason, message }
}

/// A note about one container.
pub(super) fn of_container(
    subject: &Subject,
    (role, container): (Role, &str),
    kind: NoteKind,
    reason: &'static str,
    message: String,
) -> Note {
    let list = match role {
        Role::Init => "initContainers",
        Role::App | Role::Sandbox => "containers",
        Role::Ephemeral => "ephemeralContainers",
    };
    let field_path = format!("spec.{list}{{{container}}}");
    Note { subject: subject.clone(), field_path, component: KUBELET, kind, reason, message }
}

/// A note about the container that an action is about.
pub(super) fn of_owner(owner: &Owner, kind: NoteKind, reason: &'static str, message: String) -> Note {
    let subject = subject(&owner.pod, &owner.uid);
    of_container(&subject, (owner.role, &owner.container), kind, reason, message)
}

/// A text cut to a number of octets at a character's boundary, with a sign that it was cut.
pub(super) fn cut(text: &str, octets_max: usize) -> String {
    if text.len() <= octets_max {
        return text.to_owned();
    }
    let end = (0..=octets_max.saturating_sub(3)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &text[..end])
}
