//! The tables of configuration: ConfigMaps, Secrets, and what else is stored for others to read.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{AGE, Column, NAME, Printer, age_of, items, joined, name, network::labels, text, text_or};

const DATA: Column = Column::new("Data", "How many keys it has.");

pub(super) static CONFIG_MAP: Printer = Printer {
    columns: &[NAME, DATA, AGE],
    cells: |map, now| vec![name(map), (size(&map["data"]) + size(&map["binaryData"])).into(), age_of(map, now)],
};

pub(super) static SECRET: Printer = Printer {
    columns: &[NAME, Column::new("Type", "What it is for."), DATA, AGE],
    cells: |secret, now| {
        vec![name(secret), text(&secret["type"]).into(), size(&secret["data"]).into(), age_of(secret, now)]
    },
};

/// How many fields an object has.
fn size(object: &Value) -> usize {
    object.as_object().map_or(0, serde_json::Map::len)
}

pub(super) static POD_TEMPLATE: Printer = Printer {
    columns: &[
        NAME,
        Column::new("Containers", "The names of its containers."),
        Column::new("Images", "Their images."),
        Column::new("Pod Labels", "The labels of pods that are made from it."),
    ],
    cells: |object, _| {
        let template = &object["template"];
        let of_each = |field: &str| {
            let containers = items(&template["spec"]["containers"]).iter();
            joined(containers.map(|container| text(&container[field])), "")
        };
        vec![
            name(object),
            of_each("name").into(),
            of_each("image").into(),
            labels(&template["metadata"]["labels"]).into(),
        ]
    },
};

pub(super) static QUOTA: Printer = Printer {
    columns: &[
        NAME,
        Column::new("Request", "What is used of what may be requested."),
        Column::new("Limit", "What is used of what limits may allow."),
        AGE,
    ],
    cells: |quota, now| {
        let (hard, used) = (&quota["status"]["hard"], &quota["status"]["used"]);
        let hard: BTreeMap<&String, &Value> = hard.as_object().into_iter().flatten().collect();
        let told = |is_limit: bool| {
            let of_sort = hard.iter().filter(|(resource, _)| resource.contains("limits") == is_limit);
            let texts = of_sort.map(|(resource, hard)| {
                let used = used[resource.as_str()].as_str().unwrap_or("0");
                format!("{resource}: {used}/{}", text(hard))
            });
            texts.collect::<Vec<_>>().join(", ")
        };
        vec![name(quota), told(false).into(), told(true).into(), age_of(quota, now)]
    },
};

pub(super) static LEASE: Printer = Printer {
    columns: &[NAME, Column::new("Holder", "Who has it."), AGE],
    cells: |lease, now| vec![name(lease), text(&lease["spec"]["holderIdentity"]).into(), age_of(lease, now)],
};

pub(super) static PRIORITY_CLASS: Printer = Printer {
    columns: &[
        NAME,
        Column::new("Value", "The priority of its pods.").integer(),
        Column::new("Global-Default", "Whether pods without a class have it.").boolean(),
        AGE,
        Column::new("PreemptionPolicy", "Whether its pods drive out others."),
    ],
    cells: |class, now| {
        vec![
            name(class),
            class["value"].as_i64().unwrap_or(0).into(),
            class["globalDefault"].as_bool().unwrap_or(false).into(),
            age_of(class, now),
            text_or(&class["preemptionPolicy"], "PreemptLowerPriority").into(),
        ]
    },
};
