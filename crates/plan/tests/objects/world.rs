//! The smallest worlds: set `web` in namespace `default`, governed by service `nginx`.

use std::collections::BTreeMap;

use api::petset::{PetSet, PetSetStatus};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Service};
use plan::{
    Note, NoteKind, Subject, Wait, Write,
    law::Broken,
    pod::Host,
    set::{self, Plan, Reserved},
};
use serde_json::{Value, json};

pub(crate) use crate::common::{Planner, object};
use crate::common::{host, judged, kept};

/// When everything happens.
pub(crate) fn now() -> Timestamp {
    "2016-07-01T12:00:00Z".parse().unwrap()
}

/// A set and what is around it.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) set: PetSet,
    pub(crate) pods: Vec<Pod>,
    pub(crate) claims: Vec<PersistentVolumeClaim>,
    pub(crate) service: Option<Service>,
    /// What pods themselves wait for.
    pub(crate) troubles: BTreeMap<String, String>,
    /// What the set has reserved.
    pub(crate) reserved: Vec<Reserved>,
    /// This host.
    pub(crate) host: Host,
    /// How many pods and claims the store holds, those of others included.
    pub(crate) pods_and_claims: usize,
    /// The moment.
    pub(crate) now: Timestamp,
    uids: u32,
}

impl World {
    /// A set of so many pets, none of which exists, without claims, whose status is up to date.
    pub(crate) fn new(replicas: i32) -> World {
        let set = object(json!({
            "apiVersion": "apps/v1alpha1",
            "kind": "PetSet",
            "metadata": {"name": "web", "namespace": "default", "uid": "set-uid", "resourceVersion": "7", "generation": 1},
            "spec": {
                "serviceName": "nginx",
                "replicas": replicas,
                "selector": {"matchLabels": {"app": "nginx"}},
                "template": {
                    "metadata": {
                        "labels": {"app": "nginx"},
                        "annotations": {"pod.alpha.kubernetes.io/initialized": "true"},
                    },
                    "spec": {"containers": [{"name": "nginx", "image": "nginx-slim:0.7"}]},
                },
            },
            "status": {"observedGeneration": 1, "replicas": 0},
        }));
        let service = object(json!({"metadata": {"name": "nginx", "namespace": "default"}}));
        World {
            set,
            pods: Vec::new(),
            claims: Vec::new(),
            service: Some(service),
            troubles: BTreeMap::new(),
            reserved: Vec::new(),
            host: host(),
            pods_and_claims: 0,
            now: now(),
            uids: 0,
        }
    }

    /// The same with these pods; those that are pets are in the set's status.
    pub(crate) fn pods(mut self, pods: impl IntoIterator<Item = Pod>) -> World {
        self.pods.extend(pods);
        let pets = self.pods.iter().filter(|p| p.metadata.name.as_ref().unwrap().starts_with("web-")).count();
        self.set.status = PetSetStatus { observed_generation: Some(1), replicas: pets as i32 };
        self
    }

    /// The same with claim templates of these names.
    pub(crate) fn templates(mut self, names: &[&str]) -> World {
        let template = |name: &&str| {
            object(json!({
                "metadata": {"name": name, "annotations": {"volume.alpha.kubernetes.io/storage-class": "anything"}},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            }))
        };
        self.set.spec.volume_claim_templates = names.iter().map(template).collect();
        self
    }

    /// The same with these claims.
    pub(crate) fn claims(mut self, claims: impl IntoIterator<Item = PersistentVolumeClaim>) -> World {
        self.claims.extend(claims);
        self
    }

    /// What is planned for all to see: without what is made ahead, which has tests of its own.
    pub(crate) fn plan(&self) -> Plan {
        let mut plan = self.plan_whole();
        plan.writes.retain(|write| !matches!(write, Write::Reserve(_) | Write::Release { .. }));
        plan.look_again = None;
        plan
    }

    /// What is planned; the laws hold for it.
    pub(crate) fn plan_whole(&self) -> Plan {
        self.judged(set::plan).unwrap_or_else(|broken| panic!("{broken}"))
    }

    /// What this planner plans, unless it breaks a law.
    pub(crate) fn judged(&self, planner: Planner) -> Result<Plan, Broken> {
        self.with_input(|input| judged(planner, input))
    }

    /// Does something with what a planner gets.
    pub(crate) fn with_input<T>(&self, f: impl FnOnce(&set::Input<'_>) -> T) -> T {
        let pods: Vec<&Pod> = self.pods.iter().collect();
        let claims: Vec<&PersistentVolumeClaim> = self.claims.iter().collect();
        f(&set::Input {
            set: set::Set::from(&self.set),
            pods: &pods,
            namesakes: &pods,
            revisions: &[],
            troubles: &self.troubles,
            claims: &claims,
            service: self.service.as_ref(),
            reserved: &self.reserved.iter().collect::<Vec<_>>(),
            host: &self.host,
            pods_and_claims: self.pods_and_claims,
            now: self.now,
        })
    }

    /// Makes the plan's writes come true. Pods that are created are Pending.
    pub(crate) fn apply(&mut self, plan: &Plan) {
        for write in &plan.writes {
            match write {
                Write::CreatePod(pod) => {
                    let mut pod = (**pod).clone();
                    let age = self.pods.len() as i64;
                    pod.metadata.creation_timestamp = Some(time(age));
                    pod.metadata.resource_version = Some("1".to_owned());
                    pod.status = Some(object(json!({"phase": "Pending"})));
                    self.pods.push(pod);
                }
                Write::DeletePod { name, .. } => {
                    let pod = self.pods.iter_mut().find(|p| p.metadata.name.as_ref() == Some(name)).unwrap();
                    pod.metadata.deletion_timestamp = Some(time(99));
                }
                Write::UpdatePod(new) => {
                    let old = self.pods.iter_mut().find(|p| p.metadata.name == new.metadata.name).unwrap();
                    *old = (**new).clone();
                }
                Write::Reserve(reserved) => {
                    let mut reserved = (**reserved).clone();
                    self.uids += 1;
                    reserved.metadata.uid = Some(format!("uid-{}", self.uids));
                    self.reserved.push(kept(reserved));
                }
                Write::Release { name, .. } => {
                    let before = self.reserved.len();
                    self.reserved.retain(|reserved| reserved.metadata.name.as_ref() != Some(name));
                    assert_eq!(self.reserved.len(), before - 1, "{name} is reserved");
                }
                Write::CreateClaim(claim) => self.claims.push((**claim).clone()),
                Write::PetSetStatus { observed_generation, replicas, .. } => {
                    self.set.status =
                        PetSetStatus { observed_generation: Some(*observed_generation), replicas: *replicas };
                }
                other => panic!("a set does not write {other:?}"),
            }
        }
    }

    /// All pods become well, and those that were being deleted are gone.
    pub(crate) fn heal(&mut self) {
        self.pods.retain(|p| p.metadata.deletion_timestamp.is_none());
        for pod in &mut self.pods {
            pod.status = Some(ready_status());
            let initialized = ("pod.alpha.kubernetes.io/initialized".to_owned(), "true".to_owned());
            pod.metadata.annotations.get_or_insert_default().extend([initialized]);
        }
    }
}

/// So many seconds after midnight.
pub(crate) fn time(seconds: i64) -> k8s_openapi::apimachinery::pkg::apis::meta::v1::Time {
    let midnight: Timestamp = "2016-07-01T00:00:00Z".parse().unwrap();
    k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(midnight + jiff::SignedDuration::from_secs(seconds))
}

fn ready_status() -> k8s_openapi::api::core::v1::PodStatus {
    object(json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}))
}

/// A pod of that name that the set's selector matches, made so many seconds after midnight, and well.
pub(crate) fn pod(name: &str, seconds: i64) -> Pod {
    let mut pod: Pod = object(json!({
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": format!("{name}-uid"),
            "resourceVersion": "5",
            "labels": {"app": "nginx"},
            "annotations": {
                "pod.alpha.kubernetes.io/initialized": "true",
                "pod.beta.kubernetes.io/hostname": name,
                "pod.beta.kubernetes.io/subdomain": "nginx",
            },
        },
        "spec": {
            "hostname": name,
            "subdomain": "nginx",
            "containers": [{"name": "nginx", "image": "nginx-slim:0.7"}],
        },
    }));
    pod.metadata.creation_timestamp = Some(time(seconds));
    pod.status = Some(ready_status());
    pod
}

/// `web-$(ordinal)`, as the set makes it; each a second younger than the one before.
pub(crate) fn pet(ordinal: u32) -> Pod {
    pod(&format!("web-{ordinal}"), i64::from(ordinal))
}

/// The same pod, running and not Ready.
pub(crate) fn unready(mut pod: Pod) -> Pod {
    pod.status = Some(object(json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]})));
    pod
}

/// The same pod with this status.
pub(crate) fn with_status(mut pod: Pod, status: Value) -> Pod {
    pod.status = Some(object(status));
    pod
}

/// The same pod, being deleted.
pub(crate) fn terminating(mut pod: Pod) -> Pod {
    pod.metadata.deletion_timestamp = Some(time(90));
    pod
}

/// The same pod with this value of the `initialized` annotation.
pub(crate) fn initialized(mut pod: Pod, value: &str) -> Pod {
    let annotations = pod.metadata.annotations.get_or_insert_default();
    annotations.insert("pod.alpha.kubernetes.io/initialized".to_owned(), value.to_owned());
    pod
}

/// A pet as the set makes it anew: what the template says, and its identity.
pub(crate) fn new_pet(ordinal: u32) -> Pod {
    let name = format!("web-{ordinal}");
    object(json!({
        "metadata": {
            "name": name,
            "generateName": "web-",
            "namespace": "default",
            "labels": {"app": "nginx"},
            "annotations": {
                "pod.alpha.kubernetes.io/initialized": "true",
                "pod.beta.kubernetes.io/hostname": name,
                "pod.beta.kubernetes.io/subdomain": "nginx",
            },
        },
        "spec": {
            "hostname": name,
            "subdomain": "nginx",
            "containers": [{"name": "nginx", "image": "nginx-slim:0.7"}],
        },
    }))
}

/// The claim that the set makes from the template `www`.
pub(crate) fn claim(ordinal: u32) -> PersistentVolumeClaim {
    object(json!({
        "metadata": {
            "name": format!("www-web-{ordinal}"),
            "namespace": "default",
            "labels": {"app": "nginx"},
            "annotations": {"volume.alpha.kubernetes.io/storage-class": "anything"},
            "finalizers": ["kubernetes.io/pvc-protection"],
        },
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        "status": {"phase": "Pending"},
    }))
}

/// The same pod, mounting the claim of template `www`.
pub(crate) fn mounting(mut pod: Pod, claim: &str) -> Pod {
    let volume = object(json!({"name": "www", "persistentVolumeClaim": {"claimName": claim}}));
    pod.spec.get_or_insert_default().volumes.get_or_insert_default().push(volume);
    pod
}

fn subject() -> Subject {
    Subject {
        api_version: "apps/v1alpha1".to_owned(),
        kind: "PetSet".to_owned(),
        namespace: "default".to_owned(),
        name: "web".to_owned(),
        uid: "set-uid".to_owned(),
    }
}

/// The plan's parts as the set's tests write them.
pub(crate) fn created(ordinal: u32) -> Write {
    Write::CreatePod(Box::new(new_pet(ordinal)))
}

pub(crate) fn deleted(name: &str) -> Write {
    Write::DeletePod { namespace: "default".to_owned(), name: name.to_owned(), rv: "5".to_owned() }
}

pub(crate) fn status(replicas: i32) -> Write {
    Write::PetSetStatus {
        namespace: "default".to_owned(),
        name: "web".to_owned(),
        rv: "7".to_owned(),
        observed_generation: 1,
        replicas,
    }
}

pub(crate) fn normal(reason: &'static str, message: &str) -> Note {
    note(NoteKind::Normal, reason, message)
}

pub(crate) fn warning(reason: &'static str, message: &str) -> Note {
    note(NoteKind::Warning, reason, message)
}

fn note(kind: NoteKind, reason: &'static str, message: &str) -> Note {
    let message = message.to_owned();
    Note { subject: subject(), field_path: String::new(), component: "petset", kind, reason, message }
}

pub(crate) fn wait(reason: &'static str, message: &str) -> Wait {
    Wait { subject: subject(), reason, message: message.to_owned() }
}

/// A plan of only these waits.
pub(crate) fn waits(waits: impl IntoIterator<Item = Wait>) -> Plan {
    Plan { waits: waits.into_iter().collect(), ..Plan::default() }
}
