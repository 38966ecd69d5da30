use std::borrow::Borrow;

use serde_json::{Value, json};

use super::*;

/// 2026-01-02T00:00:00Z; everything below was made an hour before.
const NOW: i64 = 1_767_312_000;
const MADE: &str = "2026-01-01T23:00:00Z";

const KINDS: &[&str] = &[
    "Pod",
    "PetSet",
    "StatefulSet",
    "ControllerRevision",
    "PodDisruptionBudget",
    "Scale",
    "Service",
    "Endpoints",
    "EndpointSlice",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "StorageClass",
    "Namespace",
    "Node",
    "Event",
    "ConfigMap",
    "Secret",
    "ServiceAccount",
    "PodTemplate",
    "LimitRange",
    "ResourceQuota",
    "Lease",
    "NetworkPolicy",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "PriorityClass",
    "NodeMetrics",
    "PodMetrics",
    "Anything",
];

fn object(name: &str, rest: impl Borrow<Value>) -> Value {
    let mut object = json!({"metadata": {"name": name, "creationTimestamp": MADE}});
    json_patch::merge(&mut object, rest.borrow());
    object
}

/// A pod with the status given and one container, `app`.
fn pod(status: impl Borrow<Value>) -> Value {
    object("web-0", json!({"spec": {"containers": [{"name": "app"}]}, "status": status.borrow()}))
}

fn running(ready: bool) -> Value {
    json!({"name": "app", "ready": ready, "restartCount": 0, "state": {"running": {}}})
}

fn waiting(reason: &str) -> Value {
    json!({"name": "app", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": reason}}})
}

fn terminated(terminated: impl Borrow<Value>) -> Value {
    json!({"name": "app", "ready": false, "restartCount": 0, "state": {"terminated": terminated.borrow()}})
}

/// READY and STATUS of a pod.
fn ready_and_status(pod: &Value) -> (String, String) {
    let cells = cells("Pod", pod, NOW);
    (text(&cells[1]).to_owned(), text(&cells[2]).to_owned())
}

fn pair(ready: &str, status: &str) -> (String, String) {
    (ready.to_owned(), status.to_owned())
}

#[test]
fn ages_shrink_to_two_units() {
    const DAY: i64 = 86_400;
    let table = [
        (-2, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (599, "9m59s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 240, "3h4m"),
        (8 * 3600, "8h"),
        (47 * 3600, "47h"),
        (2 * DAY, "2d"),
        (2 * DAY + 3600, "2d1h"),
        (8 * DAY, "8d"),
        (729 * DAY, "729d"),
        (730 * DAY, "2y"),
        (731 * DAY, "2y1d"),
        (8 * 365 * DAY, "8y"),
    ];
    for (seconds, text) in table {
        assert_eq!(age(seconds), text, "{seconds}");
    }
}

#[test]
fn every_kind_fills_each_of_its_columns() {
    for kind in KINDS {
        let columns = columns(kind);
        assert_eq!(cells(kind, &json!({}), NOW).len(), columns.len(), "{kind}");
        assert_eq!(columns.iter().filter(|column| column.format == "name").count(), 1, "{kind}");
        assert!(columns.iter().all(|column| column.description.ends_with('.')), "{kind}");
    }
}

#[test]
fn a_running_pod_reads_as_in_kubectl() {
    let mut pod = pod(json!({
        "phase": "Running",
        "podIPs": [{"ip": "10.0.0.4"}],
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "up", "status": "True"}],
        "containerStatuses": [{
            "name": "app", "ready": true, "restartCount": 3, "state": {"running": {}},
            "lastState": {"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T23:55:00Z"}},
        }],
    }));
    pod["spec"]["nodeName"] = json!("here");
    pod["spec"]["readinessGates"] = json!([{"conditionType": "up"}, {"conditionType": "down"}]);
    let want = json!(["web-0", "1/1", "Running", "3 (5m ago)", "60m", "10.0.0.4", "here", "<none>", "1/2"]);
    assert_eq!(Value::Array(cells("Pod", &pod, NOW)), want);
}

#[test]
fn a_pod_without_status_has_nothing_to_show() {
    let want = json!(["web-0", "0/1", "Pending", "0", "60m", "<none>", "<none>", "<none>", "<none>"]);
    assert_eq!(Value::Array(cells("Pod", &pod(json!({"phase": "Pending"})), NOW)), want);
}

#[test]
fn what_keeps_a_container_is_the_pods_status() {
    let table = [
        (
            json!({"phase": "Pending", "containerStatuses": [waiting("ContainerCreating")]}),
            pair("0/1", "ContainerCreating"),
        ),
        (
            json!({"phase": "Pending", "containerStatuses": [waiting("ImagePullBackOff")]}),
            pair("0/1", "ImagePullBackOff"),
        ),
        (
            json!({"phase": "Running", "containerStatuses": [waiting("CrashLoopBackOff")]}),
            pair("0/1", "CrashLoopBackOff"),
        ),
        (json!({"phase": "Running", "containerStatuses": [running(false)]}), pair("0/1", "Running")),
        (
            json!({"phase": "Failed", "containerStatuses": [terminated(json!({"exitCode": 1, "reason": "Error"}))]}),
            pair("0/1", "Error"),
        ),
        (
            json!({"phase": "Failed", "containerStatuses": [terminated(json!({"exitCode": 3}))]}),
            pair("0/1", "ExitCode:3"),
        ),
        (
            json!({"phase": "Failed", "containerStatuses": [terminated(json!({"exitCode": 137, "signal": 9}))]}),
            pair("0/1", "Signal:9"),
        ),
        (json!({"phase": "Failed", "reason": "Evicted"}), pair("0/1", "Evicted")),
        (
            json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]}),
            pair("0/1", "SchedulingGated"),
        ),
    ];
    for (status, want) in table {
        assert_eq!(ready_and_status(&pod(&status)), want, "{status}");
    }
}

#[test]
fn the_first_container_in_trouble_wins() {
    let statuses = json!([waiting("CrashLoopBackOff"), waiting("ImagePullBackOff")]);
    let status = json!({"phase": "Running", "containerStatuses": statuses});
    assert_eq!(ready_and_status(&pod(status)), pair("0/1", "CrashLoopBackOff"));
}

#[test]
fn a_completed_container_beside_a_running_one_is_not_the_end() {
    let statuses = json!([terminated(json!({"exitCode": 0, "reason": "Completed"})), running(true)]);
    let status = |ready: &str| {
        json!({
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": ready}],
            "containerStatuses": statuses,
        })
    };
    assert_eq!(ready_and_status(&pod(status("False"))), pair("1/1", "NotReady"));
    assert_eq!(ready_and_status(&pod(status("True"))), pair("1/1", "Running"));
}

#[test]
fn init_containers_are_counted_until_they_are_through() {
    let done = terminated(json!({"exitCode": 0, "reason": "Completed"}));
    let table = [
        (json!([running(false)]), "Init:0/2"),
        (json!([waiting("PodInitializing"), waiting("PodInitializing")]), "Init:0/2"),
        (json!([done, running(false)]), "Init:1/2"),
        (json!([waiting("CrashLoopBackOff")]), "Init:CrashLoopBackOff"),
        (json!([terminated(json!({"exitCode": 1, "reason": "Error"}))]), "Init:Error"),
        (json!([terminated(json!({"exitCode": 2}))]), "Init:ExitCode:2"),
        (json!([terminated(json!({"exitCode": 137, "signal": 9}))]), "Init:Signal:9"),
        (json!([done, done]), "PodInitializing"),
    ];
    for (statuses, want) in table {
        let mut pod = pod(json!({
            "phase": "Pending",
            "initContainerStatuses": statuses,
            "containerStatuses": [waiting("PodInitializing")],
        }));
        pod["spec"]["initContainers"] = json!([{"name": "a"}, {"name": "b"}]);
        assert_eq!(ready_and_status(&pod), pair("0/1", want), "{statuses}");
    }
}

#[test]
fn a_sidecar_counts_among_the_ready() {
    let sidecar = json!({"name": "side", "ready": true, "started": true, "restartCount": 2, "state": {"running": {}}});
    let mut pod = pod(json!({
        "phase": "Running",
        "initContainerStatuses": [sidecar],
        "containerStatuses": [running(true)],
    }));
    pod["spec"]["initContainers"] = json!([{"name": "side", "restartPolicy": "Always"}]);
    let cells = cells("Pod", &pod, NOW);
    assert_eq!(cells[1..4], [json!("2/2"), json!("Running"), json!("2")]);
}

#[test]
fn the_restarts_of_init_containers_are_forgotten_once_they_are_through() {
    let mut init = terminated(json!({"exitCode": 0}));
    init["restartCount"] = json!(4);
    let mut pod =
        pod(json!({"phase": "Pending", "initContainerStatuses": [init], "containerStatuses": [running(true)]}));
    pod["spec"]["initContainers"] = json!([{"name": "app"}]);
    assert_eq!(cells("Pod", &pod, NOW)[3], json!("0"));
    pod["status"]["initContainerStatuses"][0]["state"] = json!({"running": {}});
    assert_eq!(cells("Pod", &pod, NOW)[3], json!("4"));
}

#[test]
fn a_deleted_pod_is_terminating_until_it_has_ended() {
    let deleted = |status: Value| {
        let mut pod = pod(status);
        pod["metadata"]["deletionTimestamp"] = json!(MADE);
        pod
    };
    let run = json!({"phase": "Running", "containerStatuses": [running(true)]});
    assert_eq!(ready_and_status(&deleted(run)), pair("1/1", "Terminating"));
    assert_eq!(ready_and_status(&deleted(json!({"phase": "Running", "reason": "NodeLost"}))), pair("0/1", "Unknown"));
    assert_eq!(ready_and_status(&deleted(json!({"phase": "Succeeded"}))), pair("0/1", "Succeeded"));
}

#[test]
fn a_pet_set_has_the_layout_of_its_time() {
    let set = object(
        "web",
        json!({
            "spec": {
                "replicas": 3,
                "selector": {"matchLabels": {"app": "nginx"}},
                "template": {"spec": {"containers": [{"name": "a", "image": "i"}, {"name": "b", "image": "j"}]}},
            },
            "status": {"replicas": 2},
        }),
    );
    assert_eq!(Value::Array(cells("PetSet", &set, NOW)), json!(["web", 3, 2, "60m", "a,b", "i,j", "app=nginx"]));
    let headings: Vec<_> = columns("PetSet").iter().map(|column| (column.name, column.priority)).collect();
    assert_eq!(
        headings,
        [
            ("Name", 0),
            ("Desired", 0),
            ("Current", 0),
            ("Age", 0),
            ("Container(s)", 1),
            ("Image(s)", 1),
            ("Selector", 1)
        ]
    );
}

#[test]
fn a_stateful_set_shows_how_many_of_its_pods_are_ready() {
    let containers = json!([{"name": "a", "image": "i"}, {"name": "b", "image": "j"}]);
    let mut set = object("web", json!({"spec": {"replicas": 3, "template": {"spec": {"containers": containers}}}}));
    assert_eq!(Value::Array(cells("StatefulSet", &set, NOW)), json!(["web", "0/3", "60m", "a,b", "i,j"]));
    set["status"] = json!({"replicas": 3, "readyReplicas": 2});
    assert_eq!(cells("StatefulSet", &set, NOW)[1], json!("2/3"));
    let headings: Vec<_> = columns("StatefulSet").iter().map(|column| (column.name, column.priority)).collect();
    assert_eq!(headings, [("Name", 0), ("Ready", 0), ("Age", 0), ("Containers", 1), ("Images", 1)]);
}

#[test]
fn a_revision_names_its_controller() {
    let owner = |kind: &str, version: &str, controller: bool| json!({"apiVersion": version, "kind": kind, "name": "web", "controller": controller});
    for (owners, controller) in [
        (json!([owner("Other", "v1", false), owner("StatefulSet", "apps/v1", true)]), "statefulset.apps/web"),
        (json!([owner("Other", "v1", true)]), "other/web"),
        (json!([owner("Other", "v1", false)]), "<none>"),
    ] {
        let revision = object("web-5d4", json!({"revision": 3, "metadata": {"ownerReferences": owners}}));
        assert_eq!(Value::Array(cells("ControllerRevision", &revision, NOW)), json!(["web-5d4", controller, 3, "60m"]));
    }
    let headings: Vec<_> = columns("ControllerRevision").iter().map(|column| (column.name, column.kind)).collect();
    assert_eq!(headings, [("Name", "string"), ("Controller", "string"), ("Revision", "string"), ("Age", "string")]);
}

#[test]
fn a_budget_shows_what_it_allows() {
    let row = |spec: Value| {
        let status = json!({"disruptionsAllowed": 2});
        Value::Array(cells("PodDisruptionBudget", &object("zk", json!({"spec": spec, "status": status})), NOW))
    };
    assert_eq!(row(json!({"minAvailable": "50%"})), json!(["zk", "50%", "N/A", 2, "60m"]));
    assert_eq!(row(json!({"maxUnavailable": 1})), json!(["zk", "N/A", "1", 2, "60m"]));
    let headings: Vec<_> = columns("PodDisruptionBudget").iter().map(|column| (column.name, column.kind)).collect();
    assert_eq!(
        headings,
        [
            ("Name", "string"),
            ("Min Available", "string"),
            ("Max Unavailable", "string"),
            ("Allowed Disruptions", "integer"),
            ("Age", "string")
        ]
    );
}

#[test]
fn a_scale_of_nothing_is_zero() {
    assert_eq!(Value::Array(cells("Scale", &object("web", json!({"spec": {}})), NOW)), json!(["web", 0, 0, "60m"]));
}

#[test]
fn services_show_where_they_are_reached() {
    let ports = json!([{"port": 80, "protocol": "TCP"}, {"port": 53, "nodePort": 30053, "protocol": "UDP"}]);
    let selector = json!({"b": "2", "a": "1"});
    let table = [
        (
            json!({"type": "ClusterIP", "clusterIPs": ["None"], "ports": [{"port": 80, "protocol": "TCP"}], "selector": selector}),
            json!(["s", "ClusterIP", "None", "<none>", "80/TCP", "60m", "a=1,b=2"]),
        ),
        (
            json!({"type": "NodePort", "clusterIPs": ["10.0.0.9"], "externalIPs": ["1.2.3.4"], "ports": ports}),
            json!(["s", "NodePort", "10.0.0.9", "1.2.3.4", "80/TCP,53:30053/UDP", "60m", "<none>"]),
        ),
        (
            json!({"type": "LoadBalancer", "clusterIPs": ["10.0.0.9"]}),
            json!(["s", "LoadBalancer", "10.0.0.9", "<pending>", "<none>", "60m", "<none>"]),
        ),
        (
            json!({"type": "ExternalName", "externalName": "example.com"}),
            json!(["s", "ExternalName", "<none>", "example.com", "<none>", "60m", "<none>"]),
        ),
    ];
    for (spec, want) in table {
        assert_eq!(Value::Array(cells("Service", &object("s", json!({"spec": spec})), NOW)), want);
    }
}

#[test]
fn endpoints_beyond_three_are_counted() {
    let address = |ip: &str| json!({"ip": ip});
    let four: Vec<_> = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"].into_iter().map(address).collect();
    let table = [
        (json!([]), "<none>"),
        (json!([{"addresses": [address("10.0.0.1")], "ports": [{"port": 80}]}]), "10.0.0.1:80"),
        (json!([{"addresses": [address("fd00::1")], "ports": [{"port": 80}]}]), "[fd00::1]:80"),
        (json!([{"addresses": [address("10.0.0.1")]}]), "10.0.0.1"),
        (json!([{"addresses": four, "ports": [{"port": 80}]}]), "10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 1 more..."),
    ];
    for (subsets, want) in table {
        let endpoints = object("s", json!({"subsets": subsets}));
        assert_eq!(Value::Array(cells("Endpoints", &endpoints, NOW)), json!(["s", want, "60m"]));
    }
}

#[test]
fn a_claim_shows_its_volume_once_it_has_one() {
    let mut claim = object(
        "www-web-0",
        json!({
            "spec": {"storageClassName": "local", "volumeMode": "Filesystem", "resources": {"requests": {"storage": "1Gi"}}},
            "status": {"phase": "Pending"},
        }),
    );
    let want = json!(["www-web-0", "Pending", "", "", "", "local", "<unset>", "60m", "Filesystem"]);
    assert_eq!(Value::Array(cells("PersistentVolumeClaim", &claim, NOW)), want);
    let bound =
        json!({"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany", "ReadWriteOnce"]});
    claim["spec"]["volumeName"] = json!("pvc-1");
    claim["status"] = bound;
    claim["metadata"]["deletionTimestamp"] = json!(MADE);
    let want = json!(["www-web-0", "Terminating", "pvc-1", "1Gi", "RWO,RWX", "local", "<unset>", "60m", "Filesystem"]);
    assert_eq!(Value::Array(cells("PersistentVolumeClaim", &claim, NOW)), want);
}

#[test]
fn a_volume_names_its_claim() {
    let volume = object(
        "pvc-1",
        json!({
            "spec": {
                "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "persistentVolumeReclaimPolicy": "Delete",
                "claimRef": {"namespace": "default", "name": "www-web-0"},
            },
            "status": {"phase": "Bound"},
        }),
    );
    let want =
        json!(["pvc-1", "1Gi", "RWO", "Delete", "Bound", "default/www-web-0", "", "<unset>", "", "60m", "<unset>"]);
    assert_eq!(Value::Array(cells("PersistentVolume", &volume, NOW)), want);
}

#[test]
fn the_default_storage_class_says_so() {
    let class = object(
        "local",
        json!({
            "metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
            "provisioner": "petset",
        }),
    );
    let want = json!(["local (default)", "petset", "Delete", "Immediate", false, "60m"]);
    assert_eq!(Value::Array(cells("StorageClass", &class, NOW)), want);
}

#[test]
fn a_node_shows_whether_it_takes_pods() {
    let node = object(
        "here",
        json!({
            "metadata": {"labels": {"node-role.kubernetes.io/worker": "", "kubernetes.io/role": "lab"}},
            "spec": {"unschedulable": true},
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
                "nodeInfo": {"kubeletVersion": "v1", "kernelVersion": "6.1", "architecture": "amd64"},
            },
        }),
    );
    let want = json!([
        "here",
        "Ready,SchedulingDisabled",
        "lab,worker",
        "60m",
        "v1",
        "10.0.0.1",
        "<none>",
        "<unknown>",
        "6.1 (amd64)",
        "<unknown>",
    ]);
    assert_eq!(Value::Array(cells("Node", &node, NOW)), want);
}

#[test]
fn events_tell_when_and_how_often() {
    let event = |rest: Value| {
        let mut event = object(
            "web-0.1",
            json!({
                "type": "Normal", "reason": "Started", "message": " Started container \n",
                "involvedObject": {"kind": "Pod", "name": "web-0", "fieldPath": "spec.containers{app}"},
            }),
        );
        json_patch::merge(&mut event, &rest);
        Value::Array(cells("Event", &event, NOW))
    };
    let want = |last: &str, source: &str, first: &str, count: i64| {
        let (subobject, message) = ("spec.containers{app}", "Started container");
        json!([last, "Normal", "Started", "pod/web-0", subobject, source, message, first, count, "web-0.1"])
    };
    let (early, late) = ("2026-01-01T23:50:00Z", "2026-01-01T23:59:00Z");
    let core = json!({
        "firstTimestamp": early, "lastTimestamp": late, "count": 7,
        "source": {"component": "kubelet", "host": "here"},
    });
    assert_eq!(event(core), want("60s", "kubelet, here", "10m", 7));
    let newer = json!({"eventTime": "2026-01-01T23:50:00.000000Z", "reportingComponent": "petset"});
    assert_eq!(event(newer), want("10m", "petset", "10m", 1));
    let series = json!({"eventTime": early, "series": {"count": 3, "lastObservedTime": late}});
    assert_eq!(event(series), want("60s", "", "10m", 3));
    assert_eq!(event(json!({})), want("<unknown>", "", "<unknown>", 1));
}

#[test]
fn what_is_stored_for_others_reads_as_in_kubectl() {
    let data = json!({"data": {"a": "1", "b": "2"}, "binaryData": {"c": "AA=="}, "type": "Opaque"});
    let containers = json!([{"name": "a", "image": "i"}, {"name": "b", "image": "j"}]);
    let subjects = json!([
        {"kind": "User", "name": "ann"}, {"kind": "ServiceAccount", "name": "robot", "namespace": "shop"},
        {"kind": "Group", "name": "staff"}, {"kind": "User", "name": "bob"},
    ]);
    let binding = json!({"roleRef": {"kind": "Role", "name": "reader"}, "subjects": subjects});
    let bound = json!(["x", "Role/reader", "60m", "ann, bob", "staff", "shop/robot"]);
    let hard = json!({"limits.cpu": "2", "pods": "5", "requests.cpu": "1"});
    let labels = json!({"labels": {"app": "a"}});
    for (kind, rest, want) in [
        ("ConfigMap", data.clone(), json!(["x", 3, "60m"])),
        ("Secret", data, json!(["x", "Opaque", 2, "60m"])),
        ("ServiceAccount", json!({"secrets": [{"name": "a"}]}), json!(["x", "60m"])),
        (
            "PodTemplate",
            json!({"template": {"metadata": labels, "spec": {"containers": containers}}}),
            json!(["x", "a,b", "i,j", "app=a"]),
        ),
        ("LimitRange", json!({}), json!(["x", MADE])),
        (
            "EndpointSlice",
            json!({
                "addressType": "IPv4", "ports": [{"port": 80}, {}],
                "endpoints": [{"addresses": ["10.0.0.1"]}, {"addresses": ["10.0.0.2", "10.0.0.3"]}, {"addresses": ["10.0.0.4"]}],
            }),
            json!(["x", "IPv4", "80,*", "10.0.0.1,10.0.0.2,10.0.0.3 + 1 more...", "60m"]),
        ),
        ("EndpointSlice", json!({"addressType": "IPv6"}), json!(["x", "IPv6", "<unset>", "<unset>", "60m"])),
        (
            "ResourceQuota",
            json!({"status": {"hard": hard, "used": {"pods": "1"}}}),
            json!(["x", "pods: 1/5, requests.cpu: 0/1", "limits.cpu: 0/2", "60m"]),
        ),
        ("Lease", json!({"spec": {"holderIdentity": "a"}}), json!(["x", "a", "60m"])),
        ("NetworkPolicy", json!({"spec": {"podSelector": {}}}), json!(["x", "<none>", "60m"])),
        (
            "NetworkPolicy",
            json!({"spec": {"podSelector": {"matchLabels": {"app": "a"}}}}),
            json!(["x", "app=a", "60m"]),
        ),
        ("Role", json!({}), json!(["x", MADE])),
        ("ClusterRole", json!({}), json!(["x", MADE])),
        ("RoleBinding", binding.clone(), bound.clone()),
        ("ClusterRoleBinding", binding, bound),
        ("PriorityClass", json!({"value": 7}), json!(["x", 7, false, "60m", "PreemptLowerPriority"])),
    ] {
        assert_eq!(Value::Array(cells(kind, &object("x", rest), NOW)), want, "{kind}");
    }
}

#[test]
fn a_kind_without_columns_of_its_own_has_name_and_age() {
    assert_eq!(Value::Array(cells("Anything", &object("x", json!({})), NOW)), json!(["x", "60m"]));
    assert_eq!(Value::Array(cells("Anything", &json!({"metadata": {"name": "x"}}), NOW)), json!(["x", "<unknown>"]));
}

#[test]
fn a_table_carries_as_much_of_the_object_as_is_asked() {
    let namespace = object("default", json!({"kind": "Namespace", "status": {"phase": "Active"}}));
    let table = |include, headings| {
        render_kind("Namespace", &[&namespace], json!({"resourceVersion": "7"}), include, headings, NOW)
    };
    let column = |name: &str, format: &str, description: &str| json!({"name": name, "type": "string", "format": format, "description": description, "priority": 0});
    let mut want = json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": "7"},
        "columnDefinitions": [
            column("Name", "name", "The name of the object."),
            column("Status", "", "Whether it is in use or going."),
            column("Age", "", "The time since the object was created."),
        ],
        "rows": [{
            "cells": ["default", "Active", "60m"],
            "object": {
                "kind": "PartialObjectMetadata",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": {"name": "default", "creationTimestamp": MADE},
            },
        }],
    });
    assert_eq!(table(Include::Metadata, true), want);
    want["columnDefinitions"] = Value::Null;
    want["rows"][0]["object"] = namespace.clone();
    assert_eq!(table(Include::Object, false), want);
    want["rows"][0]["object"] = Value::Null;
    assert_eq!(table(Include::None, false), want);
}
