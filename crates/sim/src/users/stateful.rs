//! What people do with StatefulSets: of both policies and all strategies, updated, rolled back and scaled meanwhile.

use std::sync::Arc;

use serde_json::{Value, json};
use store::{Key, Store};

use super::{IMAGES, REPLICAS_MAX, Users};

/// The name of the StatefulSets, and of their services.
pub(super) const SET: &str = "cache";
/// An image that nobody has, as when a version is mistyped: an update to it is stuck until it is taken back.
const BROKEN: &str = "nginx:typo";

impl Users {
    /// Does one thing to a StatefulSet, or tries to.
    pub(super) async fn act_on_stateful(&self, store: &Store, namespace: &str) {
        let key = Key::new("statefulsets.apps", namespace, SET);
        match self.chance.below(12) {
            0..3 => {
                let set = self.stateful_set();
                self.create(store, namespace, super::service(SET)).await;
                self.create(store, namespace, set).await;
            }
            3..5 => {
                let replicas = self.chance.between(0, REPLICAS_MAX);
                self.edit(store, &key, &format!("replicas {replicas}"), |set| {
                    set["spec"]["replicas"] = json!(replicas);
                })
                .await;
            }
            5..8 => {
                let image = if self.chance.happens(self.mistyped) { BROKEN } else { self.image() };
                let version = self.chance.below(3);
                self.edit(store, &key, &format!("image {image}, version {version}"), |set| {
                    let container = &mut set["spec"]["template"]["spec"]["containers"][0];
                    container["image"] = json!(image);
                    container["env"] = json!([{"name": "VERSION", "value": version.to_string()}]);
                })
                .await;
            }
            8 => {
                let strategy = self.strategy();
                let what = format!("strategy {strategy}");
                self.edit(store, &key, &what, |set| set["spec"]["updateStrategy"] = strategy).await;
            }
            9 => {
                let policy = self.retention();
                let what = format!("retention {policy}");
                self.edit(store, &key, &what, |set| set["spec"]["persistentVolumeClaimRetentionPolicy"] = policy).await;
            }
            10 => {
                let pod = self.pod(SET);
                self.create(store, namespace, pod).await;
            }
            _ => self.delete(store, &key, None).await,
        }
    }

    /// Takes back what nobody can run. Under Recreate the set does the rest; another strategy leaves alone what is not
    /// Ready, so it is changed as the set's wait says. No pet is deleted by hand.
    pub(super) async fn take_back(&self, store: &Store) {
        for set in store.list("statefulsets.apps", None).items {
            let key = super::key_of("statefulsets.apps", &set);
            if set["spec"]["template"]["spec"]["containers"][0]["image"] == BROKEN {
                let image = self.image();
                self.edit(store, &key, &format!("image {image}"), |set| {
                    set["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
                })
                .await;
            }
            let pods = store.list("pods", Some(&key.namespace)).items;
            let is_stuck = |pod: &Arc<Value>| {
                pod["metadata"]["labels"]["app"] == SET && pod["spec"]["containers"][0]["image"] == BROKEN
            };
            if set["spec"]["updateStrategy"]["type"] != "Recreate" && pods.iter().any(is_stuck) {
                let recreate = json!({"type": "Recreate"});
                self.edit(store, &key, "strategy Recreate", |set| set["spec"]["updateStrategy"] = recreate).await;
            }
        }
    }

    fn image(&self) -> &'static str {
        self.chance.pick(&IMAGES).unwrap_or(&IMAGES[0])
    }

    fn stateful_set(&self) -> Value {
        let policy = if self.chance.happens(600) { "OrderedReady" } else { "Parallel" };
        let mut set = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": SET},
            "spec": {
                "serviceName": SET, "replicas": self.chance.between(0, REPLICAS_MAX), "podManagementPolicy": policy,
                "selector": {"matchLabels": {"app": SET}},
                "updateStrategy": self.strategy(),
                "persistentVolumeClaimRetentionPolicy": self.retention(),
                "revisionHistoryLimit": self.chance.between(0, 2),
                "template": {"metadata": {"labels": {"app": SET}}, "spec": self.pod_spec()},
            },
        });
        if self.chance.happens(200) {
            set["spec"]["minReadySeconds"] = json!(5);
        }
        if self.chance.happens(700) {
            super::add_storage(&mut set);
        }
        set
    }

    fn strategy(&self) -> Value {
        match self.chance.below(5) {
            0 => json!({"type": "OnDelete"}),
            1 => json!({"type": "Recreate"}),
            2 => json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0, "maxUnavailable": 2}}),
            3 => json!({"type": "RollingUpdate", "rollingUpdate": {"partition": self.chance.below(3)}}),
            _ => json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}),
        }
    }

    fn retention(&self) -> Value {
        let choice = || if self.chance.happens(600) { "Retain" } else { "Delete" };
        json!({"whenDeleted": choice(), "whenScaled": choice()})
    }
}
