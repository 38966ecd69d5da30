//! The node says whether its engine answers.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use plan::{
    NoteKind, Subject, Wait, Write,
    node::{Plan, plan},
};
use serde_json::{Value, json};

use crate::world::object;

const SILENCE: &str = "Connection refused";

fn now() -> Timestamp {
    "2016-07-01T12:00:00.5Z".parse().unwrap()
}

fn condition(status: &str, reason: &str, message: &str, since: &str) -> Value {
    json!({"type": "Ready", "status": status, "reason": reason, "message": message, "lastHeartbeatTime": since,
        "lastTransitionTime": since})
}

fn ready(since: &str) -> Value {
    condition("True", "KubeletReady", "petsetd is posting ready status", since)
}

fn not_ready(why: &str, since: &str) -> Value {
    condition("False", "KubeletNotReady", &format!("container runtime is down: {why}"), since)
}

fn node(condition: &Value) -> Node {
    object(json!({
        "metadata": {"name": "laptop", "uid": "node-uid", "resourceVersion": "7"},
        "status": {"conditions": [{"type": "DiskPressure", "status": "False"}, condition]},
    }))
}

fn status(condition: &Value) -> Write {
    let status = node(condition).status.unwrap();
    Write::NodeStatus { name: "laptop".to_owned(), rv: "7".to_owned(), status: Box::new(status) }
}

fn subject() -> Subject {
    Subject {
        api_version: "v1".to_owned(),
        kind: "Node".to_owned(),
        namespace: String::new(),
        name: "laptop".to_owned(),
        uid: "node-uid".to_owned(),
    }
}

fn waits(why: &str) -> Vec<Wait> {
    let message = format!("laptop: the container engine does not answer: {why}; see that Docker runs");
    vec![Wait { subject: subject(), reason: "EngineSilent", message }]
}

fn note(kind: NoteKind, reason: &'static str, message: &str) -> plan::Note {
    plan::Note {
        subject: subject(),
        field_path: String::new(),
        component: "kubelet",
        kind,
        reason,
        message: message.to_owned(),
    }
}

#[test]
fn a_silent_engine_makes_the_node_unready_and_is_told_once() {
    let told = "Node laptop status is now: NodeNotReady: container runtime is down: Connection refused";
    assert_eq!(
        plan(&node(&ready("2016-07-01T09:00:00Z")), Some(SILENCE), now()),
        Plan {
            writes: vec![status(&not_ready(SILENCE, "2016-07-01T12:00:00Z"))],
            notes: vec![note(NoteKind::Warning, "NodeNotReady", told)],
            waits: waits(SILENCE),
        }
    );
    assert_eq!(
        plan(&node(&not_ready(SILENCE, "2016-07-01T12:00:00Z")), Some(SILENCE), now()),
        Plan { writes: vec![], notes: vec![], waits: waits(SILENCE) }
    );
}

#[test]
fn another_reason_for_the_same_silence_is_no_other_transition() {
    let mut after = not_ready("timed out", "2016-07-01T12:00:00Z");
    after["lastTransitionTime"] = json!("2016-07-01T11:00:00Z");
    assert_eq!(
        plan(&node(&not_ready(SILENCE, "2016-07-01T11:00:00Z")), Some("timed out"), now()),
        Plan { writes: vec![status(&after)], notes: vec![], waits: waits("timed out") }
    );
}

#[test]
fn an_engine_that_answers_again_makes_the_node_ready() {
    assert_eq!(
        plan(&node(&not_ready(SILENCE, "2016-07-01T11:00:00Z")), None, now()),
        Plan {
            writes: vec![status(&ready("2016-07-01T12:00:00Z"))],
            notes: vec![note(NoteKind::Normal, "NodeReady", "Node laptop status is now: NodeReady")],
            waits: vec![],
        }
    );
    assert_eq!(plan(&node(&ready("2016-07-01T09:00:00Z")), None, now()), Plan::default());
}
