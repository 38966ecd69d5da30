//! This node: whether the engine that its pods run on answers.

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{Node, NodeCondition},
    apimachinery::pkg::apis::meta::v1::Time,
};

use crate::{Note, NoteKind, Subject, Wait, Write};

/// The condition `Ready` of a node that is well: reason and message.
pub const READY: (&str, &str) = ("KubeletReady", "petsetd is posting ready status");

/// What is to happen about the node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Its condition `Ready`.
    pub writes: Vec<Write>,
    /// Events.
    pub notes: Vec<Note>,
    /// Why nothing happens on it.
    pub waits: Vec<Wait>,
}

/// Says on the node whether the engine answers; `silence` is why it does not.
///
/// The pods' own conditions stay as they are: silence is not absence. The words are the kubelet's, with the engine's
/// own behind them.
pub fn plan(node: &Node, silence: Option<&str>, now: Timestamp) -> Plan {
    let (status, reason, message) = match silence {
        None => ("True", READY.0, READY.1.to_owned()),
        Some(why) => ("False", "KubeletNotReady", format!("container runtime is down: {why}")),
    };
    let mut plan = Plan::default();
    let subject = subject(node);
    if let Some(why) = silence {
        let message = format!("{}: the container engine does not answer: {why}; see that Docker runs", subject.name);
        plan.waits.push(Wait { subject: subject.clone(), reason: "EngineSilent", message });
    }
    let mut stored = node.status.clone().unwrap_or_default();
    let conditions = stored.conditions.get_or_insert_default();
    let former = conditions.iter_mut().find(|condition| condition.type_ == "Ready");
    if former.as_ref().is_some_and(|former| former.status == status && former.message.as_ref() == Some(&message)) {
        return plan;
    }
    let turned = former.as_ref().is_none_or(|former| former.status != status);
    let since = former.as_ref().and_then(|former| former.last_transition_time.clone()).filter(|_| !turned);
    let at = Time(Timestamp::from_second(now.as_second()).unwrap_or(now));
    let condition = NodeCondition {
        type_: "Ready".to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.clone()),
        last_heartbeat_time: Some(at.clone()),
        last_transition_time: Some(since.unwrap_or(at)),
    };
    match former {
        Some(former) => *former = condition,
        None => conditions.push(condition),
    }
    plan.writes.push(Write::NodeStatus {
        name: subject.name.clone(),
        rv: node.metadata.resource_version.clone().unwrap_or_default(),
        status: Box::new(stored),
    });
    if turned {
        let (kind, reason, message) = match silence {
            None => (NoteKind::Normal, "NodeReady", format!("Node {} status is now: NodeReady", subject.name)),
            Some(_) => {
                let message = format!("Node {} status is now: NodeNotReady: {message}", subject.name);
                (NoteKind::Warning, "NodeNotReady", message)
            }
        };
        plan.notes.push(Note { subject, field_path: String::new(), component: "kubelet", kind, reason, message });
    }
    plan
}

fn subject(node: &Node) -> Subject {
    Subject {
        api_version: "v1".to_owned(),
        kind: "Node".to_owned(),
        namespace: String::new(),
        name: node.metadata.name.clone().unwrap_or_default(),
        uid: node.metadata.uid.clone().unwrap_or_default(),
    }
}
