//! People who use the cluster while it is in trouble, through the server's own rules.

pub(crate) mod config;
mod stateful;

use std::sync::Arc;

use api::{
    admission::{DeleteOptions, Stamp},
    petset::{INITIALIZED, STORAGE_CLASS},
    propagation::Propagation,
};
use controller::{Clock, Stamps};
use serde_json::{Value, json};
use store::{Key, Store};

use crate::{
    api as server,
    chance::Chance,
    clock::{CountingStamps, TestClock},
    judge::Judge,
};

/// The images that users ask for.
pub const IMAGES: [&str; 2] = ["nginx:1", "redis:1"];
/// The name of their sidecars: init containers that do not end by themselves.
pub(crate) const SIDECAR: &str = "mesh";
/// The namespaces that they use; the first is always there.
const NAMESPACES: [&str; 2] = ["default", "other"];
/// The names of their sets, which are also those of the sets' services.
const SETS: [&str; 2] = ["web", "db"];
/// How many replicas they ask for at most.
const REPLICAS_MAX: u64 = 3;
/// The label of a pod that somebody made by hand.
const BY_HAND: &str = "by-hand";

/// The users of one world.
#[derive(Debug)]
pub struct Users {
    /// What they do next.
    pub chance: Chance,
    /// The world's.
    pub clock: Arc<TestClock>,
    /// The world's.
    pub stamps: Arc<CountingStamps>,
    /// Who writes down what they do.
    pub judge: Arc<Judge>,
    /// So many of a thousand updates of StatefulSets name an image that nobody has.
    pub mistyped: u32,
}

impl Users {
    /// What every daemon makes for itself when it starts.
    pub async fn seed(&self, store: &Store) {
        for (kind, name) in [("Namespace", "default"), ("Node", "node")] {
            let object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
            // It is there already but for the first time.
            drop(server::create(store, "", object, &self.stamp()).await);
        }
    }

    /// Makes a first set with its service.
    pub async fn begin(&self, store: &Store) {
        self.create(store, "default", service("web")).await;
        let set = self.set("web");
        self.create(store, "default", set).await;
    }

    /// Does one thing, or tries to.
    pub async fn act(&self, store: &Store) {
        let namespace = if self.chance.happens(800) { NAMESPACES[0] } else { NAMESPACES[1] };
        let name = if self.chance.happens(800) { SETS[0] } else { SETS[1] };
        if self.chance.happens(350) {
            return self.act_on_stateful(store, namespace).await;
        }
        let set = Key::new("petsets.apps", namespace, name);
        match self.chance.below(23) {
            0..3 => {
                let object = self.set(name);
                self.create(store, namespace, object).await;
            }
            3 if self.chance.happens(500) => self.create(store, namespace, virtual_service(name)).await,
            3 => self.create(store, namespace, service(name)).await,
            4..8 => {
                let replicas = self.chance.between(0, REPLICAS_MAX);
                self.edit(store, &set, &format!("replicas {replicas}"), |set| {
                    set["spec"]["replicas"] = json!(replicas);
                })
                .await;
            }
            8 => self.delete_owner(store, &set).await,
            9..12 => {
                let grace = *self.chance.pick(&[None, Some(0), Some(1), Some(3)]).unwrap_or(&None);
                if let Some(pod) = self.any(store, "pods") {
                    self.delete(store, &pod, grace).await;
                }
            }
            12..15 => {
                let value = if self.chance.happens(700) { "true" } else { "false" };
                if let Some(pod) = self.any(store, "pods") {
                    self.initialize(store, &pod, value).await;
                }
            }
            15 => {
                if let Some(claim) = self.any(store, "persistentvolumeclaims") {
                    self.delete_owner(store, &claim).await;
                }
            }
            16 => {
                let mut pod = self.pod(name);
                self.give_owner(store, namespace, &mut pod);
                self.create(store, namespace, pod).await;
            }
            17 => self.delete_owner(store, &Key::new("services", namespace, name)).await,
            20..23 => self.configure(store, namespace).await,
            18 => {
                let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACES[1]}});
                self.create(store, "", object).await;
            }
            _ => self.delete(store, &Key::new("namespaces", "", NAMESPACES[1]), None).await,
        }
    }

    /// Does what only a user can, so that everything can come to rest: takes back updates that are stuck, initializes
    /// pets, takes pods made by hand out of the way, and ends the pods that keep a claim from going.
    pub async fn mend(&self, store: &Store) {
        self.take_back(store).await;
        self.put_configuration(store).await;
        let claims = store.list("persistentvolumeclaims", None).items;
        for pod in store.list("pods", None).items {
            let key = key_of("pods", &pod);
            if !pod["metadata"]["deletionTimestamp"].is_null() {
                continue;
            }
            if !pod["metadata"]["labels"][BY_HAND].is_null() {
                self.delete(store, &key, Some(0)).await;
                continue;
            }
            if pod["metadata"]["annotations"][INITIALIZED] != "true"
                && pod["metadata"]["labels"]["app"] != stateful::SET
            {
                self.initialize(store, &key, "true").await;
            }
            let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
            let names: Vec<&str> =
                volumes.filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str()).collect();
            let is_leaving = |claim: &Arc<Value>| {
                claim["metadata"]["namespace"] == pod["metadata"]["namespace"]
                    && names.iter().any(|name| claim["metadata"]["name"] == *name)
                    && !claim["metadata"]["deletionTimestamp"].is_null()
            };
            if claims.iter().any(is_leaving) {
                self.delete(store, &key, None).await;
            }
        }
    }

    fn any(&self, store: &Store, resource: &str) -> Option<Key> {
        let all = store.list(resource, None).items;
        Some(key_of(resource, self.chance.pick(&all)?))
    }

    async fn initialize(&self, store: &Store, pod: &Key, value: &str) {
        self.edit(store, pod, &format!("initialized {value}"), |pod| {
            pod["metadata"]["annotations"][INITIALIZED] = json!(value);
        })
        .await;
    }

    async fn create(&self, store: &Store, namespace: &str, object: Value) {
        let name = format!("{} {namespace}/{}", object["kind"], object["metadata"]["name"]);
        let result = server::create(store, namespace, object, &self.stamp()).await;
        self.judge.step("user", || format!("creates {name}: {}", outcome(&result.map(drop))));
    }

    async fn edit(&self, store: &Store, key: &Key, what: &str, edit: impl FnOnce(&mut Value)) {
        let result = server::edit(store, key, edit).await;
        self.judge.step("user", || format!("sets {} to {what}: {}", show(key), outcome(&result)));
    }

    async fn delete(&self, store: &Store, key: &Key, grace_seconds: Option<i64>) {
        let options = DeleteOptions { grace_seconds, ..DeleteOptions::default() };
        let result = server::delete(store, key, &options, self.clock.now()).await;
        self.judge.step("user", || format!("deletes {} with grace {grace_seconds:?}: {}", show(key), outcome(&result)));
    }

    /// Deletes an object that may own others, with any of the policies for those.
    async fn delete_owner(&self, store: &Store, key: &Key) {
        let policies = [None, Some(Propagation::Background), Some(Propagation::Foreground), Some(Propagation::Orphan)];
        let propagation = *self.chance.pick(&policies).unwrap_or(&None);
        let options = DeleteOptions { propagation, ..DeleteOptions::default() };
        let result = server::delete(store, key, &options, self.clock.now()).await;
        self.judge.step("user", || format!("deletes {} {propagation:?}: {}", show(key), outcome(&result)));
    }

    /// Lets a pod belong to up to two of the objects that are in its namespace; one of them may be gone already.
    fn give_owner(&self, store: &Store, namespace: &str, pod: &mut Value) {
        let mut owners = Vec::new();
        for resource in ["services", "persistentvolumeclaims", "petsets.apps"] {
            if owners.len() < 2
                && self.chance.happens(250)
                && let Some(owner) = self.chance.pick(&store.list(resource, Some(namespace)).items)
            {
                let uid = if self.chance.happens(900) { owner["metadata"]["uid"].clone() } else { json!("gone") };
                owners.push(json!({
                    "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
                    "uid": uid, "blockOwnerDeletion": self.chance.happens(700),
                }));
            }
        }
        pod["metadata"]["ownerReferences"] = json!(owners);
    }

    fn stamp(&self) -> Stamp {
        Stamp { uid: self.stamps.uid(), now: self.clock.now() }
    }

    fn set(&self, name: &str) -> Value {
        let initialized = if self.chance.happens(850) { "true" } else { "false" };
        let mut set = json!({
            "apiVersion": "apps/v1alpha1", "kind": "PetSet", "metadata": {"name": name},
            "spec": {
                "serviceName": name, "replicas": self.chance.between(1, REPLICAS_MAX),
                "template": {
                    "metadata": {"labels": {"app": name}, "annotations": {INITIALIZED: initialized}},
                    "spec": self.pod_spec(),
                },
            },
        });
        if self.chance.happens(700) {
            add_storage(&mut set);
        }
        set
    }

    fn pod(&self, set: &str) -> Value {
        let name = if self.chance.happens(500) { "solo".to_owned() } else { format!("{set}-{}", self.chance.below(3)) };
        let mut labels = json!({BY_HAND: "yes"});
        if self.chance.happens(500) {
            labels["app"] = json!(set);
        }
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": self.pod_spec(),
        })
    }

    fn pod_spec(&self) -> Value {
        let image = self.chance.pick(&IMAGES).unwrap_or(&IMAGES[0]);
        let mut spec = json!({
            "containers": [{"name": "main", "image": image}],
            "terminationGracePeriodSeconds": self.chance.between(0, 5),
        });
        if self.chance.happens(500) {
            spec["containers"][0]["readinessProbe"] = json!({"exec": {"command": ["true"]}, "periodSeconds": 10});
        }
        if self.chance.happens(200) {
            spec["containers"][0]["livenessProbe"] =
                json!({"exec": {"command": ["true"]}, "periodSeconds": 10, "failureThreshold": 2});
        }
        if self.chance.happens(200) {
            spec["initContainers"] = json!([{"name": "init", "image": IMAGES[0]}]);
        }
        if self.chance.happens(150) {
            spec["containers"].as_array_mut().into_iter().for_each(|containers| {
                containers.push(json!({"name": "side", "image": IMAGES[1]}));
            });
        }
        if self.chance.happens(150) {
            let sidecar = json!({"name": SIDECAR, "image": IMAGES[0], "restartPolicy": "Always"});
            match spec["initContainers"].as_array_mut() {
                Some(before) => before.insert(self.chance.below(before.len() + 1), sidecar),
                None => spec["initContainers"] = json!([sidecar]),
            }
        }
        if self.chance.happens(150) {
            spec["securityContext"] = json!({"fsGroup": 2000});
        }
        self.add_configuration(&mut spec);
        spec
    }
}

/// Gives each pet of a set a volume.
fn add_storage(set: &mut Value) {
    set["spec"]["volumeClaimTemplates"] = json!([{
        "metadata": {"name": "data", "annotations": {STORAGE_CLASS: "anything"}},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }]);
    let container = &mut set["spec"]["template"]["spec"]["containers"][0];
    push_mount(container, json!({"name": "data", "mountPath": "/data"}));
}

/// Mounts one more volume in a container.
fn push_mount(container: &mut Value, mount: Value) {
    let mut mounts = container["volumeMounts"].as_array().cloned().unwrap_or_default();
    mounts.push(mount);
    container["volumeMounts"] = json!(mounts);
}

fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"clusterIP": "None", "selector": {"app": name}, "ports": [{"port": 80, "name": "main"}]},
    })
}

/// A service that is there for clients, beside the one that its set names.
fn virtual_service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": format!("{name}-clients")},
        "spec": {"selector": {"app": name}, "ports": [{"port": 5432, "targetPort": 80}]},
    })
}

fn key_of(resource: &str, object: &Value) -> Key {
    let part = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    Key::new(resource, part("namespace"), part("name"))
}

fn show(key: &Key) -> String {
    format!("{} {}/{}", key.resource, key.namespace, key.name)
}

fn outcome(result: &Result<(), String>) -> &str {
    result.as_ref().err().map_or("done", String::as_str)
}
