//! The objects that are there without anybody making them: the namespace `default`, a storage class and this node.

use api::{
    admission::{self, Stamp},
    resource::{NAMESPACES, NODES, Resource, STORAGE_CLASSES},
    storage::{self, CLASS_IS_DEFAULT},
};
use plan::claim::PROVISIONER;
use serde_json::{Value, json};
use store::{CommitError, Expect, Key, StorageError, Store, Write};

use crate::host::Host;

/// Why the first objects cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SeedError {
    #[error("the contract refuses the daemon's own {kind}: {message}")]
    Refused { kind: &'static str, message: String },
    #[error("write the daemon's own {kind}")]
    Commit { kind: &'static str, source: CommitError },
}

/// The storage class for claims that name none, where no other is the default one.
const CLASS: &str = "standard";

/// Makes the namespace `default` and a storage class, if they are not there, and makes or renews the node.
pub(crate) async fn seed(store: &Store, facts: &Host, node: &Node, stamp: &Stamp) -> Result<(), SeedError> {
    let namespace = Key::new("namespaces", "", "default");
    if store.get(&namespace).is_none() {
        let object = json!({"metadata": {"name": "default"}});
        commit(store, namespace, create(&NAMESPACES, object, stamp)?, "namespace").await?;
    }
    let classes = STORAGE_CLASSES.qualified();
    let class = Key::new(&classes, "", CLASS);
    if store.get(&class).is_none() {
        let known = store.list(&classes, None).items;
        let is_default = storage::default_class(known.iter().map(AsRef::as_ref)).is_none();
        let object = json!({
            "metadata": {"name": CLASS, "annotations": {CLASS_IS_DEFAULT[0]: is_default.to_string()}},
            "provisioner": PROVISIONER, "allowVolumeExpansion": true,
        });
        commit(store, class, create(&STORAGE_CLASSES, object, stamp)?, "storage class").await?;
    }
    let key = Key::new("nodes", "", &facts.name);
    let mut object = match store.get(&key) {
        Some(object) => (*object).clone(),
        None => create(&NODES, json!({"metadata": {"name": facts.name, "labels": labels(facts)}}), stamp)?,
    };
    // Others' labels stay: pods may have been told to look for them.
    let known = labels(facts);
    match (object["metadata"]["labels"].as_object_mut(), known) {
        (Some(all), Value::Object(known)) => all.extend(known),
        (_, known) => object["metadata"]["labels"] = known,
    }
    object["status"] = status(facts, node, &object["status"], stamp);
    let is_there = store.get(&key).is_some();
    match commit(store, key, object, "node").await {
        // What it said at the last start will do until there is room.
        Err(SeedError::Commit { source: CommitError::Storage(StorageError::Full(why)), .. }) if is_there => {
            tracing::error!(why, "the node is not brought up to date");
            Ok(())
        }
        outcome => outcome,
    }
}

/// What the engine and the network say of the node.
pub(crate) struct Node {
    /// The address that pods reach the host at.
    pub(crate) address: std::net::IpAddr,
    /// `docker://28.2.2`.
    pub(crate) runtime: String,
}

fn create(resource: &'static Resource, object: Value, stamp: &Stamp) -> Result<Value, SeedError> {
    let refused = |message| SeedError::Refused { kind: resource.plural, message };
    admission::create(resource, "", object, stamp).map_err(|status| refused(status.message))
}

async fn commit(store: &Store, key: Key, object: Value, kind: &'static str) -> Result<(), SeedError> {
    let write = match store.get(&key) {
        None => Write::Create { key, object },
        Some(_) => Write::Update { key, object, expect: Expect::Exists },
    };
    store.commit(vec![write]).await.map_err(|source| SeedError::Commit { kind, source })?;
    Ok(())
}

fn labels(facts: &Host) -> Value {
    json!({
        "kubernetes.io/arch": facts.architecture,
        "kubernetes.io/hostname": facts.name,
        "kubernetes.io/os": "linux",
    })
}

fn status(facts: &Host, node: &Node, before: &Value, stamp: &Stamp) -> Value {
    let now = stamp.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let condition = |kind: &str, holds: bool, reason: &str, message: &str| {
        let old = before["conditions"].as_array().into_iter().flatten().find(|condition| condition["type"] == kind);
        let status = if holds { "True" } else { "False" };
        let same = old.filter(|old| old["status"] == status);
        let since = same.map_or(&Value::Null, |old| &old["lastTransitionTime"]);
        json!({
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": now,
            "lastTransitionTime": since.as_str().unwrap_or(&now),
        })
    };
    let resources =
        json!({"cpu": facts.cpus.to_string(), "memory": format!("{}Ki", facts.memory_bytes / 1024), "pods": "250"});
    json!({
        "addresses": [
            {"type": "InternalIP", "address": node.address.to_string()},
            {"type": "Hostname", "address": facts.name},
        ],
        "allocatable": resources,
        "capacity": resources,
        "conditions": [condition("Ready", true, plan::node::READY.0, plan::node::READY.1)],
        "nodeInfo": {
            "architecture": facts.architecture,
            "bootID": facts.boot_id,
            "containerRuntimeVersion": node.runtime,
            "kernelVersion": facts.kernel,
            "kubeProxyVersion": "",
            "kubeletVersion": concat!("petset-v", env!("CARGO_PKG_VERSION")),
            "machineID": facts.machine_id,
            "operatingSystem": "linux",
            "osImage": facts.os_image,
            "systemUUID": "",
        },
    })
}
