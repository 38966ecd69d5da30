//! The tables of claims, volumes and storage classes.

use serde_json::Value;

use crate::kinds::storage_class::CLASS_BETA;

use super::{AGE, Column, NAME, Printer, age_of, items, joined, name, phase, text, text_or};

/// What Kubernetes prints for a field that is not set.
const UNSET: &str = "<unset>";

pub(super) static CLAIM: Printer = Printer {
    columns: &[
        NAME,
        Column::new("Status", "Whether the claim has its volume."),
        Column::new("Volume", "The volume that it has."),
        Column::new("Capacity", "The size of that volume."),
        Column::new("Access Modes", "How that volume may be mounted."),
        Column::new("StorageClass", "The class of storage that it asks for."),
        Column::new("VolumeAttributesClass", "The class of attributes that it asks for."),
        AGE,
        Column::new("VolumeMode", "Whether it is a filesystem or a block device.").wide(),
    ],
    cells: |claim, now| {
        let (spec, status) = (&claim["spec"], &claim["status"]);
        let is_bound = !text(&spec["volumeName"]).is_empty();
        let (capacity, modes) = if is_bound {
            (text_or(&status["capacity"]["storage"], "0").to_owned(), access_modes(&status["accessModes"]))
        } else {
            (String::new(), String::new())
        };
        vec![
            name(claim),
            phase(claim).into(),
            text(&spec["volumeName"]).into(),
            capacity.into(),
            modes.into(),
            class(claim).into(),
            text_or(&spec["volumeAttributesClassName"], UNSET).into(),
            age_of(claim, now),
            text_or(&spec["volumeMode"], UNSET).into(),
        ]
    },
};

pub(super) static VOLUME: Printer = Printer {
    columns: &[
        NAME,
        Column::new("Capacity", "The size of the volume."),
        Column::new("Access Modes", "How it may be mounted."),
        Column::new("Reclaim Policy", "What becomes of it when its claim is deleted."),
        Column::new("Status", "Whether it is free, bound or released."),
        Column::new("Claim", "The claim that has it."),
        Column::new("StorageClass", "Its class of storage."),
        Column::new("VolumeAttributesClass", "Its class of attributes."),
        Column::new("Reason", "Why it is in that state."),
        AGE,
        Column::new("VolumeMode", "Whether it is a filesystem or a block device.").wide(),
    ],
    cells: |volume, now| {
        let spec = &volume["spec"];
        let claim = match &spec["claimRef"] {
            Value::Null => String::new(),
            claim => format!("{}/{}", text(&claim["namespace"]), text(&claim["name"])),
        };
        vec![
            name(volume),
            text_or(&spec["capacity"]["storage"], "0").into(),
            access_modes(&spec["accessModes"]).into(),
            text(&spec["persistentVolumeReclaimPolicy"]).into(),
            phase(volume).into(),
            claim.into(),
            class(volume).into(),
            text_or(&spec["volumeAttributesClassName"], UNSET).into(),
            text(&volume["status"]["reason"]).into(),
            age_of(volume, now),
            text_or(&spec["volumeMode"], UNSET).into(),
        ]
    },
};

pub(super) static CLASS: Printer = Printer {
    columns: &[
        NAME,
        Column::new("Provisioner", "Who makes its volumes."),
        Column::new("ReclaimPolicy", "What becomes of a volume when its claim is deleted."),
        Column::new("VolumeBindingMode", "When a claim gets its volume."),
        Column::new("AllowVolumeExpansion", "Whether its volumes may grow."),
        AGE,
    ],
    cells: |class, now| {
        let annotations = &class["metadata"]["annotations"];
        let is_default =
            ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"]
                .iter()
                .any(|annotation| annotations[annotation] == "true");
        let name = text(&class["metadata"]["name"]);
        vec![
            if is_default { format!("{name} (default)") } else { name.to_owned() }.into(),
            text(&class["provisioner"]).into(),
            text_or(&class["reclaimPolicy"], "Delete").into(),
            text_or(&class["volumeBindingMode"], "Immediate").into(),
            class["allowVolumeExpansion"].as_bool().unwrap_or(false).into(),
            age_of(class, now),
        ]
    },
};

/// `RWO,ROX,RWX,RWOP`: always in this order, each once.
fn access_modes(modes: &Value) -> String {
    const SHORT: [(&str, &str); 4] =
        [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];
    let has = |mode: &str| items(modes).iter().any(|other| other == mode);
    joined(SHORT.into_iter().filter(|(mode, _)| has(mode)).map(|(_, short)| short), "")
}

fn class(object: &Value) -> &str {
    match object["metadata"]["annotations"][CLASS_BETA].as_str() {
        Some(class) => class,
        None => text(&object["spec"]["storageClassName"]),
    }
}
