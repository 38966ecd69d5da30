//! What people do with the configuration that pods read: it comes late, changes, and goes.

use serde_json::{Value, json};
use store::{Key, Store};

use super::{BY_HAND, NAMESPACES, Users};

/// The ConfigMap and the Secret that pods read, and the volumes that they are mounted as.
pub(crate) const CONFIG: &str = "settings";
pub(crate) const SECRET: &str = "password";

impl Users {
    /// Makes, changes or removes what the pods of a namespace read.
    pub(super) async fn configure(&self, store: &Store, namespace: &str) {
        let (resource, name) = if self.chance.happens(600) { ("configmaps", CONFIG) } else { ("secrets", SECRET) };
        let key = Key::new(resource, namespace, name);
        if store.get(&key).is_none() {
            self.create(store, namespace, object(name)).await;
        } else if self.chance.happens(250) {
            self.delete(store, &key, None).await;
        } else {
            let version = self.chance.below(1_000);
            let field = if resource == "secrets" { "stringData" } else { "data" };
            self.edit(store, &key, &format!("version {version}"), |object| {
                object[field] = json!({"key": version.to_string(), format!("key{}", version % 3): "x"});
            })
            .await;
        }
    }

    /// Puts there what pods wait for.
    pub(super) async fn put_configuration(&self, store: &Store) {
        for namespace in NAMESPACES {
            for (resource, name) in [("configmaps", CONFIG), ("secrets", SECRET)] {
                let is_there = store.get(&Key::new(resource, namespace, name)).is_some();
                if !is_there && store.get(&Key::new("namespaces", "", namespace)).is_some() {
                    self.create(store, namespace, object(name)).await;
                }
            }
        }
    }

    /// Lets a pod read files, and a variable.
    pub(super) fn add_configuration(&self, spec: &mut Value) {
        if !self.chance.happens(300) {
            return;
        }
        spec["volumes"] = json!([
            {"name": CONFIG, "configMap": {"name": CONFIG}},
            {"name": SECRET, "secret": {"secretName": SECRET, "items": [{"key": "key", "path": "deep/key"}]}},
        ]);
        let container = &mut spec["containers"][0];
        super::push_mount(container, json!({"name": CONFIG, "mountPath": "/etc/settings"}));
        if self.chance.happens(500) {
            super::push_mount(container, json!({"name": SECRET, "mountPath": "/etc/password"}));
        }
        if self.chance.happens(500) {
            container["env"] =
                json!([{"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": CONFIG, "key": "key"}}}]);
        }
    }
}

fn object(name: &str) -> Value {
    let (kind, field) = if name == SECRET { ("Secret", "stringData") } else { ("ConfigMap", "data") };
    json!({
        "apiVersion": "v1", "kind": kind, "metadata": {"name": name, "labels": {BY_HAND: "yes"}}, field: {"key": "0"},
    })
}
