//! Pods that do not fit the node: the real loop says why, makes nothing, and asks again when what is in the way goes.

use petset_sim::Cluster;
use serde_json::{Value, json};

const IMAGES: [&str; 1] = ["nginx:1"];

async fn cluster() -> Cluster {
    let cluster = Cluster::start(&IMAGES).await;
    let labels = json!({"kubernetes.io/hostname": "node"});
    cluster
        .create(json!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": "node", "labels": labels},
            "status": {"allocatable": {"cpu": "2", "memory": "4Gi"}},
        }))
        .await;
    cluster
}

#[allow(clippy::needless_pass_by_value, reason = "reads better where it is called")]
fn pod(name: &str, spec: Value) -> Value {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "nginx"}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "nginx", "image": "nginx:1"}]},
    });
    for (field, value) in spec.as_object().into_iter().flatten() {
        pod["spec"][field] = value.clone();
    }
    pod
}

fn anti_affinity() -> Value {
    let term = json!({"labelSelector": {"matchLabels": {"app": "nginx"}}, "topologyKey": "kubernetes.io/hostname"});
    json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}})
}

fn set(replicas: i32, spec: Value) -> Value {
    let pod = pod("", spec);
    json!({
        "apiVersion": "apps/v1alpha1", "kind": "PetSet", "metadata": {"name": "web"},
        "spec": {"serviceName": "nginx", "replicas": replicas, "template": {
            "metadata": {
                "labels": {"app": "nginx"}, "annotations": {"pod.alpha.kubernetes.io/initialized": "true"},
            },
            "spec": pod["spec"],
        }},
    })
}

fn scheduled(cluster: &Cluster, name: &str) -> String {
    let pod = cluster.get("pods", name).expect("it is there");
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let mut found = conditions.filter(|condition| condition["type"] == "PodScheduled");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    found.next().map(|found| format!("{} {}", text(&found["status"]), text(&found["message"]))).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_cordoned_node_takes_no_new_pods_and_keeps_its_old_ones() {
    let cluster = cluster().await;
    cluster.create(set(1, json!({}))).await;
    cluster.settle().await;
    cluster.edit("nodes", "node", |node| node["spec"]["unschedulable"] = json!(true)).await;
    cluster.edit("petsets.apps", "web", |set| set["spec"]["replicas"] = json!(3)).await;
    cluster.settle().await;
    assert_eq!(cluster.ready(), ["web-0"]);
    assert_eq!(
        scheduled(&cluster, "web-1"),
        "False 0/1 nodes are available: 1 node(s) were unschedulable. no new claims to deallocate, preemption: 0/1 nodes \
         are available: 1 Preemption is not helpful for scheduling."
    );
    let why = "node node is cordoned and takes no new pods; `petctl uncordon node` lets it";
    assert_eq!(cluster.waits(), [format!("waiting to create web-2: web-1 is Pending: {why}"), format!("web-1: {why}")]);
    assert_eq!(sandboxes(&cluster), ["default_web-0_POD_0"]);

    cluster.edit("nodes", "node", |node| node["spec"]["unschedulable"] = json!(null)).await;
    cluster.settle().await;
    assert_eq!(cluster.ready(), ["web-0", "web-1", "web-2"]);
    assert_eq!(cluster.waits(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_port_of_the_host_passes_to_the_pod_that_waits_for_it() {
    let cluster = cluster().await;
    let port = json!({"containers": [{"name": "nginx", "image": "nginx:1",
        "ports": [{"containerPort": 80, "hostPort": 8080}]}]});
    cluster.create(pod("first", port.clone())).await;
    cluster.settle().await;
    cluster.create(pod("second", port)).await;
    cluster.settle().await;
    assert_eq!(cluster.ready(), ["first"]);
    assert_eq!(cluster.waits(), ["second: port 8080/TCP of the host is taken by pod default/first"]);
    assert_eq!(sandboxes(&cluster), ["default_first_POD_0"]);
    cluster.delete("pods", "first").await;
    cluster.settle().await;
    assert_eq!(cluster.ready(), ["second"]);
    assert_eq!(cluster.waits(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn pets_that_must_not_share_a_node_come_one_and_no_more() {
    let cluster = cluster().await;
    cluster.create(set(3, json!({"affinity": anti_affinity()}))).await;
    cluster.settle().await;
    assert_eq!(cluster.ready(), ["web-0"]);
    let why = "the pod's required anti-affinity shuns pod default/web-0 on the same kubernetes.io/hostname; there is one node \
               only; a daemon with `--pod-affinity preferred` runs both";
    assert!(cluster.waits().contains(&format!("web-1: {why}")), "{:?}", cluster.waits());
    // Neither for the pet that waits nor, ahead, for the one after it.
    assert_eq!(sandboxes(&cluster), ["default_web-0_POD_0"]);
}

#[tokio::test(start_paused = true)]
async fn a_label_a_namespace_and_a_neighbour_may_be_what_a_pod_waits_for() {
    let cluster = cluster().await;
    cluster.create(pod("wants-label", json!({"nodeSelector": {"disk": "ssd"}}))).await;
    let term =
        |term: Value| json!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}});
    let other = json!({"matchLabels": {"app": "other"}});
    let key = "kubernetes.io/hostname";
    cluster.create(pod("wants-neighbour", term(json!({"labelSelector": other, "topologyKey": key})))).await;
    let team = json!({"matchLabels": {"team": "a"}});
    let selector = json!({"matchLabels": {"app": "nginx"}});
    let apart = json!({"labelSelector": selector, "namespaceSelector": team, "topologyKey": key});
    let lone = json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}}});
    cluster.edit("namespaces", "default", |namespace| namespace["metadata"]["labels"] = json!({"team": "a"})).await;
    cluster.create(pod("there", json!({}))).await;
    cluster.settle().await;
    cluster.create(pod("wants-no-team", lone)).await;
    cluster.settle().await;
    assert_eq!(cluster.ready(), ["there"]);

    cluster.edit("nodes", "node", |node| node["metadata"]["labels"]["disk"] = json!("ssd")).await;
    cluster.edit("pods", "there", |pod| pod["metadata"]["labels"]["app"] = json!("other")).await;
    cluster.settle().await;
    assert_eq!(cluster.ready(), ["there", "wants-label", "wants-neighbour"]);
    cluster.edit("namespaces", "default", |namespace| namespace["metadata"]["labels"] = json!({"team": "b"})).await;
    cluster.settle().await;
    assert_eq!(cluster.ready(), ["there", "wants-label", "wants-neighbour", "wants-no-team"]);
    assert_eq!(cluster.waits(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_volume_comes_within_reach_with_a_label_of_the_node() {
    let cluster = cluster().await;
    let in_rack = json!({"key": "rack", "operator": "In", "values": ["b"]});
    let affinity = json!({"required": {"nodeSelectorTerms": [{"matchExpressions": [in_rack]}]}});
    let storage = json!({"storage": "1Gi"});
    for name in ["free", "promised"] {
        let mut volume = json!({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
            "spec": {
                "accessModes": ["ReadWriteOnce"], "capacity": storage, "local": {"path": "/srv"}, "nodeAffinity": affinity,
            },
        });
        if name == "promised" {
            volume["spec"]["claimRef"] = json!({"namespace": "default", "name": name});
        }
        cluster.create(volume).await;
        cluster
            .create(json!({
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
                "spec": {
                    "accessModes": ["ReadWriteOnce"], "storageClassName": "", "resources": {"requests": storage},
                },
            }))
            .await;
        let claim = json!({"name": "data", "persistentVolumeClaim": {"claimName": name}});
        cluster.create(pod(name, json!({"volumes": [claim]}))).await;
    }
    cluster.settle().await;
    let claim = "waiting to bind claim free: no persistent volumes available for this claim and no storage class is set; \
                 volume free would do, but no term of its node affinity matches this node";
    assert_eq!(
        cluster.waits(),
        [
            claim,
            "free: 0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims: free.",
            "promised: no term of the node affinity of volume promised matches node node",
        ]
    );
    let why = "False 0/1 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity. ";
    assert!(scheduled(&cluster, "promised").starts_with(why), "{}", scheduled(&cluster, "promised"));

    cluster.edit("nodes", "node", |node| node["metadata"]["labels"]["rack"] = json!("b")).await;
    cluster.settle().await;
    assert_eq!(cluster.ready(), ["free", "promised"]);
    assert_eq!(cluster.waits(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn of_two_pods_that_name_the_node_and_want_one_port_one_is_rejected() {
    let cluster = cluster().await;
    let port = json!({"nodeName": "node", "containers": [{"name": "nginx", "image": "nginx:1",
        "ports": [{"containerPort": 80, "hostPort": 8080}]}]});
    cluster.create(pod("first", port.clone())).await;
    cluster.create(pod("second", port)).await;
    cluster.create(pod("third", json!({"nodeName": "elsewhere"}))).await;
    cluster.settle().await;
    assert_eq!(cluster.ready(), ["first"]);
    let second = cluster.get("pods", "second").expect("it is there");
    assert_eq!(
        (&second["status"]["phase"], &second["status"]["reason"], &second["status"]["message"]),
        (
            &json!("Failed"),
            &json!("NodePorts"),
            &json!(
                "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
            )
        )
    );
    assert_eq!(cluster.waits(), ["third: spec.nodeName is elsewhere, and there is no such node; this one is node"]);
    for name in ["second", "third"] {
        cluster.delete("pods", name).await;
    }
    cluster.settle().await;
    assert!(cluster.get("pods", "second").is_none() && cluster.get("pods", "third").is_none());
}

/// The sandboxes that the engine was told to start.
fn sandboxes(cluster: &Cluster) -> Vec<String> {
    let trace = cluster.engine.take_trace();
    trace.iter().filter_map(|line| line.strip_prefix("start sandbox ")).map(str::to_owned).collect()
}
