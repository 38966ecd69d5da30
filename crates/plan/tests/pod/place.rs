//! Whether a pod may run on the node: each rule of the scheduler and of the kubelet, in Kubernetes' words.

mod neighbours;

use k8s_openapi::api::core::v1::{Node, PersistentVolume, Pod};
use plan::{NoteKind, facts::Role, pod::Plan};
use serde_json::{Value, json};

use self::neighbours::{affinity, term};
use crate::world::{World, volume, waits};

/// What follows an objection that no other pod's end would lift.
pub(crate) const NO_HELP: &str =
    "no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
/// What follows one that it would.
const NO_VICTIMS: &str =
    "no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.";

const CORDONED: &str = "node(s) were unschedulable";
const TAINTED: &str = "node(s) had untolerated taint(s)";
const SELECTOR: &str = "node(s) didn't match Pod's node affinity/selector";
const REACH: &str = "node(s) didn't match PersistentVolume's node affinity";
const PORTS: &str = "node(s) didn't have free ports for the requested pod ports";

pub(crate) fn laptop(change: Value) -> Node {
    let mut node = json!({
        "metadata": {"name": "laptop", "labels": {"kubernetes.io/hostname": "laptop", "disk": "ssd", "cores": "4"}},
        "spec": {},
        "status": {"allocatable": {"cpu": "2", "memory": "1Gi", "pods": "250"}},
    });
    merge(&mut node, change);
    serde_json::from_value(node).unwrap()
}

/// A pod that runs on the node, admitted long ago.
pub(crate) fn neighbour(name: &str, change: Value) -> Pod {
    let mut pod = json!({
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "nginx"}},
        "spec": {"nodeName": "laptop", "containers": [{"name": "a"}]},
        "status": {"phase": "Running", "startTime": "2016-07-01T11:00:00Z"},
    });
    merge(&mut pod, change);
    serde_json::from_value(pod).unwrap()
}

fn merge(into: &mut Value, change: Value) {
    match (into, change) {
        (Value::Object(into), Value::Object(change)) => {
            for (name, value) in change {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, change) => *into = change,
    }
}

fn world(node: Value, neighbours: Vec<Pod>, spec: Value) -> World {
    let mut whole = json!({"containers": [{"name": "a", "image": "x"}]});
    merge(&mut whole, spec);
    let mut world = World::new(&whole.to_string());
    (world.node, world.neighbours) = (Some(laptop(node)), neighbours);
    world
}

/// What becomes of a pod: `runs`, or its objection in the form of the condition, without what follows.
fn verdict(mut world: World) -> String {
    let last = world.settle();
    if world.status().phase.as_deref() == Some("Running") {
        assert_eq!(last, Plan::default());
        return "runs".to_owned();
    }
    let condition = world.status().conditions.clone().unwrap().remove(0);
    assert_eq!((condition.type_.as_str(), condition.status.as_str()), ("PodScheduled", "False"));
    assert_eq!(condition.reason.as_deref(), Some("Unschedulable"));
    let message = condition.message.unwrap();
    assert_eq!(world.noted(), [format!("FailedScheduling: {message}")]);
    assert_eq!(last.waits.len(), 1, "{:?}", last.waits);
    assert_eq!(world.told(), [""; 0]);
    let rest = message.strip_prefix("0/1 nodes are available: ").unwrap();
    let (what, search) = rest.split_once(". ").unwrap();
    let help = if search == NO_HELP { "" } else { "; others are in the way" };
    assert!([NO_HELP, NO_VICTIMS].contains(&search), "{search}");
    format!("{what}{help}")
}

fn says(what: &str) -> String {
    format!("1 {what}")
}

fn in_the_way(what: &str) -> String {
    format!("1 {what}; others are in the way")
}

#[test]
fn a_cordoned_node_takes_only_pods_that_tolerate_it() {
    let cordoned = || json!({"spec": {"unschedulable": true}});
    let tolerates = |toleration: Value| json!({"tolerations": [toleration]});
    let key = "node.kubernetes.io/unschedulable";
    let table = [
        (json!({}), says(CORDONED)),
        (tolerates(json!({"key": "other", "operator": "Exists"})), says(CORDONED)),
        (tolerates(json!({"key": key, "operator": "Exists", "effect": "NoExecute"})), says(CORDONED)),
        (tolerates(json!({"key": key, "operator": "Exists", "effect": "NoSchedule"})), "runs".to_owned()),
        (tolerates(json!({"key": key, "effect": "NoSchedule"})), "runs".to_owned()),
        (tolerates(json!({"operator": "Exists"})), "runs".to_owned()),
    ];
    for (spec, expected) in table {
        assert_eq!(verdict(world(cordoned(), vec![], spec.clone())), expected, "{spec}");
    }
}

#[test]
fn taints_keep_out_pods_that_do_not_tolerate_them() {
    let tainted = |effect: &str| json!({"spec": {"taints": [{"key": "dedicated", "value": "db", "effect": effect}]}});
    let tolerates = |toleration: Value| json!({"tolerations": [toleration]});
    let table = [
        ("NoSchedule", json!({}), says(TAINTED)),
        ("NoExecute", json!({}), says(TAINTED)),
        ("PreferNoSchedule", json!({}), "runs".to_owned()),
        ("NoSchedule", tolerates(json!({"key": "dedicated", "value": "db"})), "runs".to_owned()),
        ("NoSchedule", tolerates(json!({"key": "dedicated", "operator": "Equal", "value": "web"})), says(TAINTED)),
        ("NoSchedule", tolerates(json!({"key": "dedicated", "operator": "Exists"})), "runs".to_owned()),
        (
            "NoSchedule",
            tolerates(json!({"key": "dedicated", "operator": "Exists", "effect": "NoExecute"})),
            says(TAINTED),
        ),
    ];
    for (effect, spec, expected) in table {
        assert_eq!(verdict(world(tainted(effect), vec![], spec.clone())), expected, "{effect} {spec}");
    }
}

#[test]
fn a_node_must_have_the_labels_that_a_pod_asks_for() {
    let terms = |terms: Value| {
        let required = json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}});
        json!({"affinity": {"nodeAffinity": required}})
    };
    let expression = |key: &str, operator: &str, values: &[&str]| {
        terms(json!([{"matchExpressions": [{"key": key, "operator": operator, "values": values}]}]))
    };
    let field = |operator: &str, value: &str| {
        terms(json!([{"matchFields": [{"key": "metadata.name", "operator": operator, "values": [value]}]}]))
    };
    let fits = [
        json!({"nodeSelector": {"disk": "ssd"}}),
        expression("disk", "In", &["hdd", "ssd"]),
        expression("disk", "NotIn", &["hdd"]),
        expression("gpu", "NotIn", &["a"]),
        expression("disk", "Exists", &[]),
        expression("gpu", "DoesNotExist", &[]),
        expression("cores", "Gt", &["3"]),
        expression("cores", "Lt", &["5"]),
        field("In", "laptop"),
        field("NotIn", "desktop"),
        // Terms are alternatives, requirements are not.
        terms(json!([{"matchExpressions": [{"key": "gpu", "operator": "Exists"}]},
                     {"matchExpressions": [{"key": "disk", "operator": "Exists"}]}])),
    ];
    let misfits = [
        json!({"nodeSelector": {"disk": "hdd"}}),
        json!({"nodeSelector": {"disk": "ssd", "gpu": "a"}}),
        expression("disk", "In", &["hdd"]),
        expression("gpu", "In", &["a"]),
        expression("disk", "NotIn", &["ssd"]),
        expression("gpu", "Exists", &[]),
        expression("disk", "DoesNotExist", &[]),
        expression("cores", "Gt", &["4"]),
        expression("cores", "Lt", &["4"]),
        expression("disk", "Gt", &["1"]),
        expression("gpu", "Lt", &["1"]),
        field("In", "desktop"),
        field("NotIn", "laptop"),
        terms(
            json!([{"matchExpressions": [{"key": "gpu", "operator": "Exists"}, {"key": "disk", "operator": "Exists"}]}]),
        ),
        terms(json!([{}])),
        terms(json!([])),
    ];
    for spec in fits {
        assert_eq!(verdict(world(json!({}), vec![], spec.clone())), "runs", "{spec}");
    }
    for spec in misfits {
        assert_eq!(verdict(world(json!({}), vec![], spec.clone())), says(SELECTOR), "{spec}");
    }
}

#[test]
fn a_port_of_the_host_is_one_pods_at_a_time() {
    let port = |port: Value| json!({"containers": [{"name": "a", "image": "x", "ports": [port]}]});
    let taken = |port: Value| json!({"spec": {"containers": [{"name": "a", "ports": [port]}]}});
    let plain = || json!({"containerPort": 80, "hostPort": 8080});
    let table = [
        (taken(plain()), port(plain()), in_the_way(PORTS)),
        (taken(plain()), port(json!({"containerPort": 80, "hostPort": 8081})), "runs".to_owned()),
        (taken(plain()), port(json!({"containerPort": 80})), "runs".to_owned()),
        (taken(plain()), port(json!({"containerPort": 80, "hostPort": 8080, "protocol": "UDP"})), "runs".to_owned()),
        (taken(plain()), port(json!({"containerPort": 80, "hostPort": 8080, "hostIP": "10.0.0.1"})), in_the_way(PORTS)),
        (
            taken(json!({"containerPort": 80, "hostPort": 8080, "hostIP": "10.0.0.2"})),
            port(json!({"containerPort": 80, "hostPort": 8080, "hostIP": "10.0.0.1"})),
            "runs".to_owned(),
        ),
        // A pod that has ended, one that has no node yet, one elsewhere.
        (json!({"spec": taken(plain())["spec"], "status": {"phase": "Failed"}}), port(plain()), "runs".to_owned()),
    ];
    for (other, spec, expected) in table {
        let world = world(json!({}), vec![neighbour("db-0", other.clone())], spec.clone());
        assert_eq!(verdict(world), expected, "{other} {spec}");
    }
    for elsewhere in [json!(null), json!("desktop")] {
        let mut other = taken(plain());
        other["spec"]["nodeName"] = elsewhere;
        assert_eq!(verdict(world(json!({}), vec![neighbour("db-0", other)], port(plain()))), "runs");
    }
}

#[test]
fn requests_must_fit_beside_those_of_the_other_pods() {
    let asks =
        |requests: Value| json!({"containers": [{"name": "a", "image": "x", "resources": {"requests": requests}}]});
    let has = |requests: Value| json!({"spec": {"containers": [{"name": "a", "resources": {"requests": requests}}]}});
    let table = [
        (json!({}), asks(json!({"cpu": "2", "memory": "1Gi"})), "runs".to_owned()),
        (json!({}), asks(json!({"cpu": "2001m"})), says("Insufficient cpu")),
        (has(json!({"cpu": "1500m"})), asks(json!({"cpu": "500m"})), "runs".to_owned()),
        (has(json!({"cpu": "1500m"})), asks(json!({"cpu": "501m"})), in_the_way("Insufficient cpu")),
        (has(json!({"memory": "1Gi"})), asks(json!({"memory": "1"})), in_the_way("Insufficient memory")),
        (
            has(json!({"cpu": "2", "memory": "1Gi"})),
            asks(json!({"cpu": "1", "memory": "2Gi"})),
            "1 Insufficient cpu, 1 Insufficient memory".to_owned(),
        ),
        (json!({}), asks(json!({"example.com/gpu": "1"})), says("Insufficient example.com/gpu")),
        // The node does not say how much of it there is.
        (json!({}), asks(json!({"ephemeral-storage": "1Ti"})), "runs".to_owned()),
        // Whoever asks for nothing runs on a full node.
        (has(json!({"cpu": "9"})), json!({}), "runs".to_owned()),
    ];
    for (other, spec, expected) in table {
        let world = world(json!({}), vec![neighbour("db-0", other.clone())], spec.clone());
        assert_eq!(verdict(world), expected, "{other} {spec}");
    }
}

#[test]
fn an_init_container_counts_beside_the_sidecars_before_it() {
    let container =
        |name: &str, cpu: &str| json!({"name": name, "image": "x", "resources": {"requests": {"cpu": cpu}}});
    let sidecar = |cpu: &str| {
        let mut sidecar = container("side", cpu);
        sidecar["restartPolicy"] = json!("Always");
        sidecar
    };
    let table = [
        (json!([container("init", "2")]), "1", "runs"),
        (json!([container("init", "2001m")]), "1", "1 Insufficient cpu"),
        (json!([sidecar("1"), container("init", "1001m")]), "1", "1 Insufficient cpu"),
        (json!([container("init", "2"), sidecar("1")]), "1", "runs"),
        (json!([sidecar("1")]), "1001m", "1 Insufficient cpu"),
    ];
    for (inits, app, expected) in table {
        let spec = json!({"initContainers": inits, "containers": [container("a", app)]});
        let world = world(json!({}), vec![], spec.clone());
        let fits = world.with_input(|input| {
            plan::schedule::fits(input.pod.unwrap(), input.pod.unwrap().spec.as_ref().unwrap(), input.place)
        });
        let said = fits.map_or_else(|objection| objection.message, |()| "runs".to_owned());
        assert!(said.contains(expected), "{spec}: {said}");
    }
}

#[test]
fn the_wait_says_who_is_in_the_way_and_what_to_do() {
    let wait = |mut world: World| waits(&world.settle()).join("|");
    let cordoned = json!({"spec": {"unschedulable": true}});
    assert_eq!(
        wait(world(cordoned, vec![], json!({}))),
        "Unschedulable: web-0: node laptop is cordoned and takes no new pods; `petctl uncordon laptop` lets it"
    );
    let spec = affinity("podAntiAffinity", term("nginx", json!({})));
    assert_eq!(
        wait(world(json!({}), vec![neighbour("web-1", json!({}))], spec)),
        "Unschedulable: web-0: the pod's required anti-affinity shuns pod default/web-1 on the same \
         kubernetes.io/hostname; there is one node only; a daemon with `--pod-affinity preferred` runs both"
    );
    let asks = json!({"containers": [{"name": "a", "image": "x", "resources": {"requests": {"cpu": "1500m", "memory": "2Gi"}}}]});
    assert_eq!(
        wait(world(json!({}), vec![], asks)),
        "Unschedulable: web-0: the pod requests 1500m of cpu; node laptop has 2, of which other pods request 0"
            .replace("1500m of cpu; node laptop has 2,", "2048Mi of memory; node laptop has 1024Mi,")
    );
}

/// A volume of nodes that match these requirements.
fn volume_of(requirements: &Value) -> PersistentVolume {
    let required = json!({"nodeSelectorTerms": [requirements]});
    serde_json::from_value(json!({
        "metadata": {"name": "pv-1"}, "spec": {"local": {"path": "/srv"}, "nodeAffinity": {"required": required}},
    }))
    .unwrap()
}

/// A pod whose claim is bound to this volume.
fn mounting(volume_of_claim: PersistentVolume, spec: Value) -> World {
    let mut whole = json!({"volumes": [{"name": "www", "persistentVolumeClaim": {"claimName": "www"}}]});
    merge(&mut whole, spec);
    let mut world = world(json!({}), vec![], whole);
    world.claims.insert("www".into(), volume("pv-1"));
    world.volumes = vec![volume_of_claim];
    world
}

#[test]
fn a_volume_must_be_within_reach_of_the_node() {
    let label = |key: &str, operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
    let table = [
        (label("kubernetes.io/hostname", "In", &["laptop"]), "runs".to_owned()),
        (label("kubernetes.io/hostname", "In", &["desktop"]), says(REACH)),
        (label("disk", "NotIn", &["ssd"]), says(REACH)),
        (json!({}), says(REACH)),
    ];
    for (requirements, expected) in table {
        assert_eq!(verdict(mounting(volume_of(&requirements), json!({}))), expected, "{requirements}");
    }
    let elsewhere = volume_of(&label("kubernetes.io/hostname", "In", &["desktop"]));
    let last = mounting(elsewhere.clone(), json!({})).settle();
    let why = "no term of the node affinity of volume pv-1 matches node laptop";
    assert_eq!(waits(&last), [format!("Unschedulable: web-0: {why}")]);
    // Who names the node asks no scheduler.
    assert_eq!(verdict(mounting(elsewhere, json!({"nodeName": "laptop"}))), "runs");
}

#[test]
fn a_pod_goes_on_with_a_volume_that_is_no_longer_within_reach() {
    let disk = json!({"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]});
    let mut world = mounting(volume_of(&disk), json!({}));
    world.settle();
    world.told();
    world.node = Some(laptop(json!({"metadata": {"labels": {"disk": "hdd"}}})));
    world.exit("a", 1);
    world.run_for(60);
    assert_eq!(world.told(), ["start a#1"]);
}

#[test]
fn what_was_found_to_fit_stays_and_what_did_not_is_asked_again() {
    let mut world = world(json!({"spec": {"unschedulable": true}}), vec![], json!({}));
    world.settle();
    assert!(plan::schedule::waits_for_room(world.pod.as_ref().unwrap()));
    world.node = Some(laptop(json!({})));
    assert_eq!(world.settle(), Plan::default());
    assert_eq!(world.condition("PodScheduled"), "True");
    world.told();
    world.node =
        Some(laptop(json!({"spec": {"unschedulable": true, "taints": [{"key": "a", "effect": "NoExecute"}]}})));
    assert_eq!(world.settle(), Plan::default());
    world.exit("a", 1);
    world.run_for(60);
    assert_eq!(world.told(), ["start a#1"]);
}

#[test]
fn a_pod_that_names_this_node_is_the_kubelets_to_refuse() {
    let named = |spec: Value| {
        let mut named = json!({"nodeName": "laptop"});
        merge(&mut named, spec);
        named
    };
    let port =
        || json!({"containers": [{"name": "a", "image": "x", "ports": [{"containerPort": 80, "hostPort": 80}]}]});
    let no_execute = || json!({"spec": {"taints": [{"key": "a", "effect": "NoExecute"}]}});
    let table = [
        (json!({}), named(port()), "NodePorts", format!("Predicate NodePorts failed: {PORTS}")),
        (
            json!({}),
            named(json!({"nodeSelector": {"gpu": "a"}})),
            "NodeAffinity",
            format!("Predicate NodeAffinity failed: {SELECTOR}"),
        ),
        (
            json!({}),
            named(json!({"containers": [{"name": "a", "image": "x", "resources": {"requests": {"cpu": "3"}}}]})),
            "OutOfcpu",
            "Node didn't have enough resource: cpu, requested: 3000, used: 250, capacity: 2000".to_owned(),
        ),
        (
            json!({}),
            named(json!({"containers": [{"name": "a", "image": "x", "resources": {"requests": {"memory": "2Gi"}}}]})),
            "OutOfmemory",
            "Node didn't have enough resource: memory, requested: 2147483648, used: 0, capacity: 1073741824".to_owned(),
        ),
        (
            no_execute(),
            named(json!({})),
            "TaintToleration",
            "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate".to_owned(),
        ),
    ];
    let other = json!({"spec": {"containers": [{"name": "a", "resources": {"requests": {"cpu": "250m"}},
        "ports": [{"containerPort": 80, "hostPort": 80}]}]}});
    for (node, spec, reason, message) in table {
        let mut world = world(node, vec![neighbour("db-0", other.clone())], spec.clone());
        assert_eq!(world.settle(), Plan::default(), "{spec}");
        let status = world.status().clone();
        assert_eq!(
            (status.phase.as_deref(), status.reason.as_deref(), status.message),
            (Some("Failed"), Some(reason), Some(format!("Pod was rejected: {message}"))),
            "{spec}"
        );
        assert_eq!(status.container_statuses, None);
        assert_eq!(
            world.notes.iter().map(|note| (note.kind, note.component)).collect::<Vec<_>>(),
            [(NoteKind::Warning, "kubelet")]
        );
        assert_eq!(world.noted(), [format!("{reason}: {message}")]);
        assert_eq!(world.told(), [""; 0]);
        // It stays so, whatever becomes of the node, and can be deleted.
        (world.node, world.neighbours) = (Some(laptop(json!({}))), vec![]);
        assert_eq!(world.settle(), Plan::default());
        assert_eq!(world.told(), [""; 0]);
    }
}

#[test]
fn the_kubelet_cares_for_no_cordon_and_no_pod_that_it_does_not_run() {
    let port = json!({"nodeName": "laptop", "containers": [{"name": "a", "image": "x", "ports": [{"containerPort": 80, "hostPort": 80}]}]});
    let mut waiting = neighbour("db-0", json!({"spec": {"containers": port["containers"]}}));
    waiting.status = None;
    let mut world = world(json!({"spec": {"unschedulable": true}}), vec![waiting], port);
    assert_eq!(world.settle(), Plan::default());
    assert_eq!(world.status().phase.as_deref(), Some("Running"));
}

#[test]
fn a_pod_that_names_another_node_waits_for_ever_and_says_so() {
    let mut world = world(json!({}), vec![], json!({"nodeName": "desktop"}));
    let last = world.settle();
    let why = "NodeMissing: web-0: spec.nodeName is desktop, and there is no such node; this one is laptop";
    assert_eq!(waits(&last), [why]);
    assert_eq!(world.status().phase.as_deref(), Some("Pending"));
    assert_eq!((world.told(), world.noted()), (vec![], vec![]));
}

#[test]
fn a_pod_that_runs_here_goes_on_when_the_node_has_another_name() {
    let mut world = world(json!({}), vec![], json!({}));
    world.settle();
    world.told();
    world.host.node = "desktop".to_owned();
    assert_eq!(world.settle(), Plan::default());
    world.exit("a", 1);
    world.run_for(60);
    assert_eq!(world.told(), ["start a#1"]);
}

#[test]
fn no_sandbox_is_made_ahead_for_a_pod_that_would_not_be_scheduled() {
    let spec = affinity("podAntiAffinity", term("nginx", json!({})));
    let mut world = world(json!({}), vec![neighbour("web-1", json!({}))], spec);
    world.reserve();
    assert_eq!(world.settle(), Plan::default());
    assert_eq!(world.told(), [""; 0]);
    world.neighbours.clear();
    world.settle();
    assert_eq!(world.told(), ["start POD#0"]);
    assert_eq!(world.containers[0].owner.role, Role::Sandbox);
}

#[test]
fn a_readiness_gate_holds_the_pod_back_until_somebody_opens_it() {
    let gate = "example.org/open";
    let mut world = world(json!({}), vec![], json!({"readinessGates": [{"conditionType": gate}]}));
    let last = world.settle();
    let missing = format!("corresponding condition of pod readiness gate \"{gate}\" does not exist.");
    assert_eq!(waits(&last), [format!("ReadinessGatesNotReady: web-0: {missing}")]);
    let ready = |world: &World| {
        let conditions = world.status().conditions.clone().unwrap();
        let ready = conditions.into_iter().find(|condition| condition.type_ == "Ready").unwrap();
        (ready.status, ready.reason, ready.message)
    };
    assert_eq!(ready(&world), ("False".to_owned(), Some("ReadinessGatesNotReady".to_owned()), Some(missing)));
    assert_eq!(world.condition("ContainersReady"), "True");
    let mut set = |status: &str| {
        let condition = serde_json::from_value(json!({"type": gate, "status": status, "reason": "ByHand"})).unwrap();
        let conditions = world.pod.as_mut().unwrap().status.as_mut().unwrap().conditions.as_mut().unwrap();
        conditions.retain(|condition| condition.type_ != gate);
        conditions.push(condition);
        (world.settle(), world.clone())
    };
    let (last, after) = set("False");
    let closed = format!("the status of pod readiness gate \"{gate}\" is not \"True\", but False");
    assert_eq!(waits(&last), [format!("ReadinessGatesNotReady: web-0: {closed}")]);
    assert_eq!(ready(&after).2, Some(closed));
    let (last, after) = set("True");
    assert_eq!(last, Plan::default());
    assert_eq!(ready(&after), ("True".to_owned(), None, None));
    assert_eq!(after.condition(gate), "True");
}
