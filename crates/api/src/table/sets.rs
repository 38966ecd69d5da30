//! The tables of sets, of their scale and revisions, and of budgets for their pods.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::Deserialize;
use serde_json::Value;

use super::{AGE, Column, NAME, Printer, age_of, items, joined, name, text};
use crate::selector::Labels;

/// As kubectl 1.3 printed it.
pub(super) static PET_SET: Printer = Printer {
    columns: &[
        NAME,
        Column::new("Desired", "Pets that are wanted.").integer(),
        Column::new("Current", "Pets that exist.").integer(),
        AGE,
        Column::new("Container(s)", "The containers of each pet.").wide(),
        Column::new("Image(s)", "The images of those containers.").wide(),
        Column::new("Selector", "The labels by which the set knows its pets.").wide(),
    ],
    cells: |set, now| {
        let containers = items(&set["spec"]["template"]["spec"]["containers"]);
        vec![
            name(set),
            number(&set["spec"]["replicas"]),
            number(&set["status"]["replicas"]),
            age_of(set, now),
            joined(containers.iter().map(|container| text(&container["name"])), "").into(),
            joined(containers.iter().map(|container| text(&container["image"])), "").into(),
            selector(&set["spec"]["selector"]).into(),
        ]
    },
};

pub(super) static STATEFUL_SET: Printer = Printer {
    columns: &[
        NAME,
        Column::new("Ready", "Pods that are ready, of those that are wanted."),
        AGE,
        Column::new("Containers", "The containers of each pod.").wide(),
        Column::new("Images", "The images of those containers.").wide(),
    ],
    cells: |set, now| {
        let containers = items(&set["spec"]["template"]["spec"]["containers"]);
        let (ready, wanted) = (number(&set["status"]["readyReplicas"]), number(&set["spec"]["replicas"]));
        vec![
            name(set),
            format!("{ready}/{wanted}").into(),
            age_of(set, now),
            joined(containers.iter().map(|container| text(&container["name"])), "").into(),
            joined(containers.iter().map(|container| text(&container["image"])), "").into(),
        ]
    },
};

pub(super) static REVISION: Printer = Printer {
    columns: &[
        NAME,
        Column::new("Controller", "The set that keeps it."),
        Column::new("Revision", "Its number: the highest is the newest."),
        AGE,
    ],
    cells: |revision, now| {
        let owners = items(&revision["metadata"]["ownerReferences"]);
        let controller = owners.iter().find(|owner| owner["controller"] == true).map(|owner| {
            let group = text(&owner["apiVersion"]).split_once('/').map_or("", |(group, _)| group);
            let kind = text(&owner["kind"]).to_lowercase();
            let dot = if group.is_empty() { "" } else { "." };
            format!("{kind}{dot}{group}/{}", text(&owner["name"]))
        });
        vec![
            name(revision),
            controller.unwrap_or_else(|| "<none>".to_owned()).into(),
            number(&revision["revision"]),
            age_of(revision, now),
        ]
    },
};

pub(super) static BUDGET: Printer = Printer {
    columns: &[
        NAME,
        Column::new("Min Available", "How many of its pods must stay."),
        Column::new("Max Unavailable", "How many of its pods may be down."),
        Column::new("Allowed Disruptions", "How many pods may be evicted now.").integer(),
        AGE,
    ],
    cells: |budget, now| {
        let portion = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => "N/A".to_owned(),
        };
        vec![
            name(budget),
            portion(&budget["spec"]["minAvailable"]).into(),
            portion(&budget["spec"]["maxUnavailable"]).into(),
            number(&budget["status"]["disruptionsAllowed"]),
            age_of(budget, now),
        ]
    },
};

pub(super) static SCALE: Printer = Printer {
    columns: &[
        NAME,
        Column::new("Desired", "Replicas that are wanted.").integer(),
        Column::new("Available", "Replicas that exist.").integer(),
        AGE,
    ],
    cells: |scale, now| {
        vec![name(scale), number(&scale["spec"]["replicas"]), number(&scale["status"]["replicas"]), age_of(scale, now)]
    },
};

/// A number, 0 where it is left out.
fn number(value: &Value) -> Value {
    value.as_i64().unwrap_or(0).into()
}

fn selector(selector: &Value) -> String {
    match LabelSelector::deserialize(selector).map(|selector| Labels::from_selector(&selector)) {
        Ok(labels) if !labels.is_empty() => labels.to_string(),
        _ => "<none>".to_owned(),
    }
}
