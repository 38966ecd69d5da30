//! StatefulSet `web` in namespace `default`, and what becomes of its world as plans come true.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::{
        apps::v1::{ControllerRevision, StatefulSet, StatefulSetStatus},
        core::v1::{PersistentVolumeClaim, Pod, Service},
    },
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time},
};
use plan::{
    Write,
    law::{self, Broken, Verdict},
    set::{self, Plan, Reserved, Set},
};
use serde_json::{Value, json};

pub(crate) use crate::common::{Planner, object};
use crate::common::{host, judged, kept};

/// A set and what is around it.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) set: StatefulSet,
    pub(crate) pods: Vec<Pod>,
    pub(crate) claims: Vec<PersistentVolumeClaim>,
    pub(crate) revisions: Vec<ControllerRevision>,
    pub(crate) reserved: Vec<Reserved>,
    /// How many pods and claims the store holds, those of others included.
    pub(crate) pods_and_claims: usize,
    pub(crate) now: Timestamp,
    /// Events, each `reason: message`.
    pub(crate) events: Vec<String>,
    uids: u32,
}

impl World {
    /// A set of so many pets, none of which exists, whose spec has these fields besides.
    #[allow(clippy::needless_pass_by_value, reason = "reads better where it is called")]
    pub(crate) fn new(replicas: i32, spec: Value) -> World {
        let mut set = json!({
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "web", "namespace": "default", "uid": "set-uid", "resourceVersion": "7", "generation": 1},
            "spec": {
                "serviceName": "nginx",
                "replicas": replicas,
                "selector": {"matchLabels": {"app": "nginx"}},
                "template": {
                    "metadata": {"labels": {"app": "nginx"}},
                    "spec": {"containers": [{"name": "nginx", "image": "nginx:1"}]},
                },
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            },
        });
        for (field, value) in spec.as_object().unwrap() {
            set["spec"][field] = value.clone();
        }
        World {
            set: object(set),
            pods: Vec::new(),
            claims: Vec::new(),
            revisions: Vec::new(),
            reserved: Vec::new(),
            pods_and_claims: 0,
            now: "2026-01-01T12:00:00Z".parse().unwrap(),
            events: Vec::new(),
            uids: 0,
        }
    }

    /// A set of so many pets that are all there and well.
    pub(crate) fn settled(replicas: i32, spec: Value) -> World {
        let mut world = World::new(replicas, spec);
        world.settle();
        world.events.clear();
        world
    }

    /// With a claim template `www`.
    pub(crate) fn storage(retention: Option<(&str, &str)>) -> Value {
        let policy = retention.map(|(deleted, scaled)| json!({"whenDeleted": deleted, "whenScaled": scaled}));
        json!({
            "volumeClaimTemplates": [{
                "metadata": {"name": "www"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            }],
            "persistentVolumeClaimRetentionPolicy": policy,
        })
    }

    /// Changes the set's spec, as a user does.
    pub(crate) fn edit(&mut self, change: impl FnOnce(&mut Value)) {
        let mut spec = json!(self.set.spec);
        change(&mut spec);
        self.set.spec = object(spec);
        *self.set.metadata.generation.get_or_insert(1) += 1;
    }

    /// Changes the image, which makes a new revision.
    pub(crate) fn image(&mut self, image: &str) {
        self.edit(|spec| spec["template"]["spec"]["containers"][0]["image"] = json!(image));
    }

    /// What is planned; the laws hold for it.
    pub(crate) fn plan(&self) -> Plan {
        self.judged(set::plan).unwrap_or_else(|broken| panic!("{broken}"))
    }

    /// What this planner plans, unless it breaks a law.
    pub(crate) fn judged(&self, planner: Planner) -> Result<Plan, Broken> {
        self.with_input(|input| judged(planner, input))
    }

    /// Whether the set is as specified.
    pub(crate) fn is_settled(&self) -> Verdict {
        self.with_input(law::set::settled)
    }

    /// Does something with what a planner gets.
    pub(crate) fn with_input<T>(&self, f: impl FnOnce(&set::Input<'_>) -> T) -> T {
        let service: Service = object(json!({"metadata": {"name": "nginx", "namespace": "default"}}));
        let is_its = |pod: &&Pod| {
            let labels = pod.metadata.labels.as_ref();
            labels.and_then(|labels| labels.get("app")).is_some_and(|app| app == "nginx")
                || owners(&pod.metadata).contains(&"set-uid")
        };
        f(&set::Input {
            set: Set::from(&self.set),
            pods: &self.pods.iter().filter(is_its).collect::<Vec<_>>(),
            namesakes: &self.pods.iter().filter(|pod| name(&pod.metadata).starts_with("web-")).collect::<Vec<_>>(),
            troubles: &BTreeMap::new(),
            claims: &self.claims.iter().collect::<Vec<_>>(),
            revisions: &self.revisions.iter().collect::<Vec<_>>(),
            service: Some(&service),
            reserved: &self.reserved.iter().collect::<Vec<_>>(),
            host: &host(),
            pods_and_claims: self.pods_and_claims,
            now: self.now,
        })
    }

    /// Plans and makes it come true. Returns what was done to pods, claims and revisions, one word and a name each.
    pub(crate) fn step(&mut self) -> Vec<String> {
        let plan = self.plan();
        self.apply(&plan)
    }

    /// Steps until a plan writes nothing, without anything else happening.
    pub(crate) fn steps(&mut self) -> Vec<String> {
        let mut story = Vec::new();
        for _ in 0..100 {
            let plan = self.plan();
            if plan.writes.is_empty() {
                return story;
            }
            story.extend(self.apply(&plan));
        }
        panic!("the plans never end: {story:?}");
    }

    /// Plans, makes it come true, and lets every pet become well, until nothing more happens. Returns what was done to pods.
    pub(crate) fn settle(&mut self) -> Vec<String> {
        let mut story = Vec::new();
        for _ in 0..200 {
            story.extend(self.steps().into_iter().filter(|line| line.contains(" web-") && !line.contains("serve")));
            let before = (self.pods.clone(), self.now);
            self.heal();
            if before == (self.pods.clone(), self.now) {
                assert_eq!(self.is_settled(), Ok(()));
                return story;
            }
        }
        panic!("the set does not settle: {story:?}");
    }

    /// Makes the plan's writes come true. Pods that are created are Pending.
    pub(crate) fn apply(&mut self, plan: &Plan) -> Vec<String> {
        let mut story = Vec::new();
        self.events.extend(plan.notes.iter().map(|note| format!("{}: {}", note.reason, note.message)));
        for write in &plan.writes {
            match write {
                Write::CreatePod(pod) => {
                    let mut pod = (**pod).clone();
                    self.stamp(&mut pod.metadata);
                    pod.status = Some(object(json!({"phase": "Pending"})));
                    story.push(format!("create {}", name(&pod.metadata)));
                    self.pods.push(pod);
                }
                Write::DeletePod { name, .. } => {
                    self.delete(name);
                    story.push(format!("delete {name}"));
                }
                Write::UpdatePod(new) => {
                    story.push(format!("update {}", name(&new.metadata)));
                    *self.pod(name(&new.metadata)) = (**new).clone();
                }
                Write::CreateClaim(claim) => {
                    let mut claim = (**claim).clone();
                    self.stamp(&mut claim.metadata);
                    story.push(format!("create {}", name(&claim.metadata)));
                    self.claims.push(claim);
                }
                Write::UpdateClaim(new) => {
                    let old = self.claims.iter_mut().find(|old| old.metadata.name == new.metadata.name).unwrap();
                    *old = (**new).clone();
                    story.push(format!("own {}", name(&new.metadata)));
                }
                Write::CreateRevision(revision) => {
                    let mut revision = (**revision).clone();
                    self.stamp(&mut revision.metadata);
                    story.push(format!("create revision {}", revision.revision));
                    self.revisions.push(revision);
                }
                Write::UpdateRevision(new) => {
                    let old = self.revisions.iter_mut().find(|old| old.metadata.name == new.metadata.name).unwrap();
                    *old = (**new).clone();
                    story.push(format!("update revision {}", new.revision));
                }
                Write::DeleteContent { resource, name: gone, .. } => {
                    assert_eq!(resource, "controllerrevisions.apps");
                    let before = self.revisions.len();
                    self.revisions.retain(|revision| name(&revision.metadata) != gone);
                    assert_eq!(self.revisions.len(), before - 1, "{gone} is there");
                    story.push("forget a revision".to_owned());
                }
                Write::StatefulSetStatus { status, .. } => self.set.status = Some((**status).clone()),
                Write::Reserve(reserved) => {
                    let mut reserved = (**reserved).clone();
                    self.stamp(&mut reserved.metadata);
                    self.reserved.push(kept(reserved));
                }
                Write::Release { name: gone, .. } => {
                    self.reserved.retain(|reserved| name(&reserved.metadata) != gone);
                }
                other => panic!("a set does not write {other:?}"),
            }
        }
        story
    }

    fn stamp(&mut self, metadata: &mut ObjectMeta) {
        self.uids += 1;
        metadata.uid.get_or_insert(format!("uid-{}", self.uids));
        metadata.creation_timestamp = Some(Time(self.now));
        metadata.resource_version = Some("5".to_owned());
    }

    /// A pod of this name.
    pub(crate) fn pod(&mut self, pod: &str) -> &mut Pod {
        self.pods.iter_mut().find(|its| name(&its.metadata) == pod).unwrap_or_else(|| panic!("there is no {pod}"))
    }

    /// Asks for the end of a pod.
    pub(crate) fn delete(&mut self, pod: &str) {
        let now = Time(self.now);
        self.pod(pod).metadata.deletion_timestamp = Some(now);
    }

    /// Takes a pod away, and its claims that were to go with it, as the garbage collector does.
    pub(crate) fn gone(&mut self, pod: &str) {
        let uid = self.pod(pod).metadata.uid.clone().unwrap();
        self.pods.retain(|its| name(&its.metadata) != pod);
        self.claims.retain(|claim| owners(&claim.metadata) != [uid.as_str()]);
    }

    /// Gives a pod a status: this phase, and Ready or not since now.
    pub(crate) fn is(&mut self, pod: &str, phase: &str, ready: bool) {
        let since = self.now.to_string();
        let ready = if ready { "True" } else { "False" };
        self.pod(pod).status = Some(object(json!({
            "phase": phase, "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": since}],
        })));
    }

    /// All pods become well, those that were being deleted are gone, and some time passes where that is still missing.
    pub(crate) fn heal(&mut self) {
        let names: Vec<String> = self.pods.iter().map(|pod| name(&pod.metadata).to_owned()).collect();
        for pod in &names {
            if self.pod(pod).metadata.deletion_timestamp.is_some() {
                self.gone(pod);
            } else if !is_well(self.pod(pod)) {
                self.is(pod, "Running", true);
            }
        }
        let wait = self.set.spec.as_ref().and_then(|spec| spec.min_ready_seconds).unwrap_or(0);
        let young = self.plan().look_again.is_some_and(|at| at <= self.now + SignedDuration::from_secs(wait.into()));
        if young {
            self.now += SignedDuration::from_secs(wait.into());
        }
    }

    /// The names of all pods, each with its image, in order.
    pub(crate) fn images(&self) -> Vec<String> {
        let mut images: Vec<String> = self
            .pods
            .iter()
            .map(|pod| {
                let image = pod.spec.as_ref().unwrap().containers[0].image.as_deref().unwrap();
                format!("{} {image}", name(&pod.metadata))
            })
            .collect();
        images.sort();
        images
    }

    /// The waits of the next plan, each `reason: message`.
    pub(crate) fn waits(&self) -> Vec<String> {
        self.plan().waits.into_iter().map(|wait| format!("{}: {}", wait.reason, wait.message)).collect()
    }

    pub(crate) fn status(&self) -> StatefulSetStatus {
        self.set.status.clone().unwrap_or_default()
    }
}

fn is_well(pod: &Pod) -> bool {
    let status = pod.status.as_ref();
    let ready = status.and_then(|s| s.conditions.iter().flatten().find(|c| c.type_ == "Ready"));
    status.and_then(|s| s.phase.as_deref()) == Some("Running") && ready.is_some_and(|c| c.status == "True")
}

/// An object's name.
pub(crate) fn name(metadata: &ObjectMeta) -> &str {
    metadata.name.as_deref().unwrap_or_default()
}

/// The uids of an object's owners.
pub(crate) fn owners(metadata: &ObjectMeta) -> Vec<&str> {
    metadata.owner_references.iter().flatten().map(|owner| owner.uid.as_str()).collect()
}

/// Both policies.
pub(crate) const POLICIES: [&str; 2] = ["OrderedReady", "Parallel"];

/// `spec.podManagementPolicy`.
pub(crate) fn policy(policy: &str) -> Value {
    json!({"podManagementPolicy": policy})
}
