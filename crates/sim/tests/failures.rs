//! Every call that a set makes fails: each in its turn, once or from then on, while the set is made, grows, shrinks and is
//! updated. Meanwhile no law is broken and users can read what is wrong; then the set is what was asked for.
//!
//! These are the stories of Kubernetes' `TestStatefulPodControl…Error`, `…WithPodCreateFailure`, `…UpdatePodFailure`,
//! `…UpdateSetStatusFailure` and their like, with the call that fails as a parameter.

use std::{collections::BTreeMap, sync::Arc};

use controller::{Part, Planner, Real};
use petset_sim::{
    Cluster,
    disk::RefusingDisk,
    tripwire::{HowLong, Trip, Tripwire},
};
use plan::{Write, set};
use serde_json::{Value, json};
use store::Store;

/// A planner whose new objects the contract refuses: their names are none.
struct Spoils(Arc<Tripwire>);

impl Planner for Spoils {
    fn set(&self, input: &set::Input<'_>) -> set::Plan {
        let mut plan = Real.set(input);
        for write in &mut plan.writes {
            match write {
                Write::CreatePod(pod) if self.0.fails("pod") => {
                    pod.spec.as_mut().expect("it has one").containers[0].image = Some(" ".to_owned());
                }
                Write::CreateClaim(claim) if self.0.fails("claim") => {
                    claim.spec.as_mut().expect("it has one").access_modes = None;
                }
                _ => {}
            }
        }
        plan
    }
}

/// What users ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Story {
    Create,
    Grow,
    Shrink,
    Update,
}

const STORIES: [Story; 4] = [Story::Create, Story::Grow, Story::Shrink, Story::Update];

/// A set whose claims go with pets that are too many.
fn stateful_set(policy: &str, replicas: i32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"},
        "spec": {
            "serviceName": "nginx", "replicas": replicas, "podManagementPolicy": policy,
            "selector": {"matchLabels": {"app": "nginx"}},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Delete"},
            "template": {
                "metadata": {"labels": {"app": "nginx"}},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": [{
                    "name": "nginx", "image": "nginx:1", "imagePullPolicy": "Always",
                    "volumeMounts": [{"name": "www", "mountPath": "/www"}],
                }]},
            },
            "volumeClaimTemplates": [{
                "metadata": {"name": "www"},
                "spec": {
                    "accessModes": ["ReadWriteOnce"], "storageClassName": "standard",
                    "resources": {"requests": {"storage": "1Gi"}},
                },
            }],
        },
    })
}

/// A cluster in which calls can be made to fail.
struct World {
    cluster: Cluster,
    disk: Arc<Tripwire>,
    contract: Arc<Tripwire>,
    policy: &'static str,
}

/// Whose calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Engine,
    Disk,
    Contract,
}

impl World {
    async fn new(policy: &'static str) -> World {
        let (disk, contract) = (Arc::<Tripwire>::default(), Arc::<Tripwire>::default());
        let tripwire = Arc::clone(&disk);
        let refuses = move || tripwire.fails("commit").then(|| std::io::Error::other("the disk refuses this"));
        let store = Store::open_in_caller(RefusingDisk::new(refuses)).expect("it is empty");
        let planner = Arc::new(Spoils(Arc::clone(&contract)));
        let cluster = Cluster::start_with(store, planner, &["nginx:1", "nginx:2"]).await;
        cluster
            .create(json!({
                "apiVersion": "v1", "kind": "Service", "metadata": {"name": "nginx"},
                "spec": {"clusterIP": "None", "selector": {"app": "nginx"}, "ports": [{"port": 80}]},
            }))
            .await;
        cluster
            .create(json!({
                "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "standard"},
                "provisioner": "petset.io/docker",
            }))
            .await;
        World { cluster, disk, contract, policy }
    }

    /// What is there before the story begins.
    async fn prepare(&self, story: Story) {
        let replicas = match story {
            Story::Create => return,
            Story::Grow => 1,
            Story::Shrink => 3,
            Story::Update => 2,
        };
        self.cluster.create(stateful_set(self.policy, replicas)).await;
        self.cluster.settle().await;
        self.expect(replicas, "nginx:1", "before the story");
    }

    /// What the user does.
    async fn tell(&self, story: Story) {
        let spec = |change: fn(&mut Value)| {
            self.cluster.edit("statefulsets.apps", "web", move |set| {
                let generation = set["metadata"]["generation"].as_i64().expect("it has one");
                set["metadata"]["generation"] = json!(generation + 1);
                change(&mut set["spec"]);
            })
        };
        match story {
            Story::Create => drop(self.cluster.create(stateful_set(self.policy, 3)).await),
            Story::Grow => spec(|spec| spec["replicas"] = json!(3)).await,
            Story::Shrink => spec(|spec| spec["replicas"] = json!(1)).await,
            Story::Update => {
                spec(|spec| spec["template"]["spec"]["containers"][0]["image"] = json!("nginx:2")).await;
            }
        }
    }

    /// The set is what the user has asked for, and nothing is left over.
    fn end(&self, story: Story, why: &str) {
        match story {
            Story::Create | Story::Grow => self.expect(3, "nginx:1", why),
            Story::Shrink => self.expect(1, "nginx:1", why),
            Story::Update => self.expect(2, "nginx:2", why),
        }
    }

    /// Whether the set says that it is there, and nothing waits any more.
    fn is_over(&self, story: Story) -> bool {
        let (replicas, image) = match story {
            Story::Create | Story::Grow => (3, "nginx:1"),
            Story::Shrink => (1, "nginx:1"),
            Story::Update => (2, "nginx:2"),
        };
        let pods = self.cluster.store.list("pods", None).items;
        pods.iter().all(|pod| pod["spec"]["containers"][0]["image"] == image)
            && self.cluster.ready().len() == replicas
            && pods.len() == replicas
            && self.cluster.engine.volumes().len() == replicas
            && self.cluster.waits().is_empty()
    }

    fn expect(&self, replicas: i32, image: &str, why: &str) {
        let cluster = &self.cluster;
        let names: Vec<String> = (0..replicas).map(|ordinal| format!("web-{ordinal}")).collect();
        assert_eq!(cluster.waits(), [""; 0], "{why}");
        assert_eq!(cluster.ready(), names, "{why}");
        let claims: Vec<String> =
            cluster.store.list("persistentvolumeclaims", None).items.iter().map(|c| name(c)).collect();
        let wanted: Vec<String> = names.iter().map(|pet| format!("www-{pet}")).collect();
        assert_eq!(claims, wanted, "{why}");
        let engine = &cluster.engine;
        assert_eq!((engine.volumes().len(), engine.running().len()), (names.len(), 2 * names.len()), "{why}");
        for pod in cluster.store.list("pods", None).items {
            assert_eq!(pod["spec"]["containers"][0]["image"], image, "{why}");
        }
        let status = &cluster.get("statefulsets.apps", "web").expect("it is there")["status"];
        assert_eq!((&status["replicas"], &status["readyReplicas"]), (&json!(replicas), &json!(replicas)), "{why}");
        assert_eq!(status["currentRevision"], status["updateRevision"], "{why}");
    }

    fn wire(&self, who: Who) -> &Tripwire {
        match who {
            Who::Engine => &self.cluster.engine.tripwire,
            Who::Disk => &self.disk,
            Who::Contract => &self.contract,
        }
    }

    /// Whether somebody who looks learns what is wrong.
    fn is_told(&self, who: Who) -> bool {
        let waits = || self.cluster.waits().into_iter();
        let events = self.cluster.store.list("events", None).items;
        let told = |words: &str| {
            let in_events =
                events.iter().any(|event| event["message"].as_str().is_some_and(|text| text.contains(words)));
            in_events || waits().any(|wait| wait.contains(words))
        };
        match who {
            Who::Engine => told("the engine refuses this"),
            Who::Disk => {
                let health = self.cluster.board.health(Part::Store, self.cluster.now());
                told("the disk refuses this") || health == Err("the disk refuses this".to_owned())
            }
            Who::Contract => events.iter().any(|event| {
                let text = event["message"].as_str().unwrap_or_default();
                event["reason"] == "FailedCreate" && text.contains(" in StatefulSet web failed error: ")
            }),
        }
    }
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

/// Tells the story with this failure.
async fn fails(policy: &'static str, story: Story, who: Who, trip: Trip) {
    let why = format!("{policy} {story:?}: {who:?} {trip:?}");
    let world = World::new(policy).await;
    world.prepare(story).await;
    if who == Who::Disk {
        // The user's own write is not what this is about.
        world.tell(story).await;
        world.wire(who).arm(Some(trip.clone()));
    } else {
        world.wire(who).arm(Some(trip.clone()));
        world.tell(story).await;
    }
    if trip.how_long == HowLong::Always {
        world.cluster.pass(45).await;
        assert!(world.is_told(who), "{why}: nobody is told; {:?}", world.cluster.waits());
        world.wire(who).arm(None);
        if who == Who::Contract {
            // What the contract refuses is not tried again before somebody mends it.
            world
                .cluster
                .edit("statefulsets.apps", "web", |set| set["metadata"]["labels"] = json!({"mended": "yes"}))
                .await;
        }
    }
    // Back-offs are up to minutes long.
    for _ in 0..60 {
        world.cluster.pass(10).await;
        if world.is_over(story) {
            break;
        }
    }
    world.cluster.pass(20).await;
    world.cluster.check();
    world.end(story, &why);
}

/// How many calls of each kind the story makes.
async fn calls(policy: &'static str, story: Story, who: Who) -> BTreeMap<String, usize> {
    let world = World::new(policy).await;
    world.prepare(story).await;
    if who == Who::Disk {
        world.tell(story).await;
        world.wire(who).arm(None);
    } else {
        world.wire(who).arm(None);
        world.tell(story).await;
    }
    world.cluster.settle().await;
    world.end(story, "without a failure");
    world.wire(who).calls()
}

/// Every call of every story fails once, and always.
async fn each_call_fails(policy: &'static str, who: Who, expected: &[&str]) {
    let mut seen = BTreeMap::new();
    for story in STORIES {
        for (kind, count) in calls(policy, story, who).await {
            *seen.entry(kind.clone()).or_insert(0) += count;
            for after in 0..count {
                for how_long in [HowLong::Once, HowLong::Always] {
                    // A disk that goes on failing fails alike wherever it begins.
                    if who == Who::Disk && how_long == HowLong::Always && !after.is_multiple_of(8) {
                        continue;
                    }
                    fails(policy, story, who, Trip { kind: kind.clone(), after, how_long }).await;
                }
            }
        }
    }
    assert_eq!(seen.keys().map(String::as_str).collect::<Vec<_>>(), expected, "{seen:?}");
}

const OF_THE_ENGINE: [&str; 7] = ["create", "creates", "pull", "remove", "removes", "starts", "stops"];

#[tokio::test(start_paused = true)]
async fn an_ordered_set_survives_the_failure_of_each_request_to_the_engine() {
    each_call_fails("OrderedReady", Who::Engine, &OF_THE_ENGINE).await;
}

#[tokio::test(start_paused = true)]
async fn a_parallel_set_survives_the_failure_of_each_request_to_the_engine() {
    each_call_fails("Parallel", Who::Engine, &OF_THE_ENGINE).await;
}

#[tokio::test(start_paused = true)]
async fn an_ordered_set_survives_the_failure_of_each_commit() {
    each_call_fails("OrderedReady", Who::Disk, &["commit"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_parallel_set_survives_the_failure_of_each_commit() {
    each_call_fails("Parallel", Who::Disk, &["commit"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_set_says_in_kubernetes_words_what_the_contract_refuses() {
    for policy in ["OrderedReady", "Parallel"] {
        for story in [Story::Create, Story::Grow] {
            for (kind, count) in calls(policy, story, Who::Contract).await {
                for after in 0..count {
                    fails(policy, story, Who::Contract, Trip { kind: kind.clone(), after, how_long: HowLong::Always })
                        .await;
                }
            }
        }
    }
}
