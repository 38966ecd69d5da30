//! The tables of namespaces, nodes and events.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{AGE, Column, NAME, Printer, age_of, items, joined, name, since, text, text_or};

pub(super) static NAMESPACE: Printer = Printer {
    columns: &[NAME, Column::new("Status", "Whether it is in use or going."), AGE],
    cells: |namespace, now| vec![name(namespace), text(&namespace["status"]["phase"]).into(), age_of(namespace, now)],
};

pub(super) static NODE: Printer = Printer {
    columns: &[
        NAME,
        Column::new("Status", "Whether it can run pods, and may be given new ones."),
        Column::new("Roles", "What it is for."),
        AGE,
        Column::new("Version", "The version of the daemon on it."),
        Column::new("Internal-IP", "Its address among the pods.").wide(),
        Column::new("External-IP", "Its address from outside.").wide(),
        Column::new("OS-Image", "Its operating system.").wide(),
        Column::new("Kernel-Version", "Its kernel and architecture.").wide(),
        Column::new("Container-Runtime", "Its container engine.").wide(),
    ],
    cells: |node, now| {
        let info = &node["status"]["nodeInfo"];
        vec![
            name(node),
            node_status(node).into(),
            roles(node).into(),
            age_of(node, now),
            text(&info["kubeletVersion"]).into(),
            node_address(node, "InternalIP").into(),
            node_address(node, "ExternalIP").into(),
            text_or(&info["osImage"], "<unknown>").into(),
            kernel(info).into(),
            text_or(&info["containerRuntimeVersion"], "<unknown>").into(),
        ]
    },
};

fn node_status(node: &Value) -> String {
    let ready = items(&node["status"]["conditions"]).iter().find(|condition| condition["type"] == "Ready");
    let ready = match ready.map(|condition| text(&condition["status"])) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    let cordoned = (node["spec"]["unschedulable"] == true).then_some("SchedulingDisabled");
    joined([ready].into_iter().chain(cordoned), "")
}

fn roles(node: &Value) -> String {
    let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
    let roles: BTreeSet<&str> = labels
        .filter_map(|(label, value)| match label.strip_prefix("node-role.kubernetes.io/") {
            Some(role) => Some(role),
            None => (label == "kubernetes.io/role").then(|| text(value)),
        })
        .filter(|role| !role.is_empty())
        .collect();
    joined(roles, "<none>")
}

fn node_address<'a>(node: &'a Value, address_type: &str) -> &'a str {
    let address = items(&node["status"]["addresses"]).iter().find(|address| address["type"] == address_type);
    address.map_or("<none>", |address| text(&address["address"]))
}

fn kernel(info: &Value) -> String {
    match (text_or(&info["kernelVersion"], "<unknown>"), text(&info["architecture"])) {
        (kernel, "") => kernel.to_owned(),
        (kernel, architecture) => format!("{kernel} ({architecture})"),
    }
}

pub(super) static EVENT: Printer = Printer {
    columns: &[
        Column::new("Last Seen", "The time since it happened last."),
        Column::new("Type", "Normal or Warning."),
        Column::new("Reason", "What happened, in one word."),
        Column::new("Object", "What it happened to."),
        Column::new("Subobject", "Which part of that.").wide(),
        Column::new("Source", "Who reports it.").wide(),
        Column::new("Message", "What happened, in a sentence."),
        Column::new("First Seen", "The time since it happened first.").wide(),
        Column::new("Count", "How often it happened.").wide(),
        NAME.wide(),
    ],
    cells: event,
};

fn event(event: &Value, now: i64) -> Vec<Value> {
    let object = &event["involvedObject"];
    let moment = |first: &str, or: &'static str| if event[first].is_null() { &event[or] } else { &event[first] };
    let first = since(moment("firstTimestamp", "eventTime"), now);
    let (last, count) = match &event["series"] {
        Value::Null => {
            let last = &event["lastTimestamp"];
            let last = if last.is_null() { first.clone() } else { since(last, now) };
            // An event of the newer API has no count: it happened once.
            (last, event["count"].as_i64().filter(|&count| count != 0).unwrap_or(1))
        }
        series => (since(&series["lastObservedTime"], now), series["count"].as_i64().unwrap_or(0)),
    };
    let source = &event["source"];
    vec![
        last.into(),
        text(&event["type"]).into(),
        text(&event["reason"]).into(),
        pair(&text(&object["kind"]).to_lowercase(), "/", text(&object["name"])).into(),
        text(&object["fieldPath"]).into(),
        pair(
            text_or(&source["component"], text(&event["reportingComponent"])),
            ", ",
            text_or(&source["host"], text(&event["reportingInstance"])),
        )
        .into(),
        text(&event["message"]).trim().into(),
        first.into(),
        count.into(),
        name(event),
    ]
}

/// Two texts with a separator, the first alone where the second is empty.
fn pair(first: &str, separator: &str, second: &str) -> String {
    if second.is_empty() { first.to_owned() } else { format!("{first}{separator}{second}") }
}
