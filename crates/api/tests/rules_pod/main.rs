//! Pods are filled in, validated and warned about as Kubernetes does, and refused where they would mislead.

#![allow(clippy::unwrap_used, reason = "the functions that tests share are tests too")]

mod config;
mod kubelet;

use api::admission::{self, Stamp, Update};
use api::body::{self, Media};
use api::resource::PODS;
use api::status::Status;
use jiff::Timestamp;
use petset_api as api;
use serde_json::{Value, json};
use uuid::Uuid;

const STAMP: Stamp = Stamp { now: Timestamp::UNIX_EPOCH, uid: Uuid::nil() };

fn normalised(manifest: &str) -> Value {
    let (value, duplicates) = body::read(manifest.as_bytes(), Media::Yaml, "Pod").unwrap();
    let (object, unknown) = PODS.rules.normalise(value).unwrap();
    assert_eq!((duplicates, unknown), (vec![], vec![]));
    object
}

fn create(manifest: &str) -> Result<Value, Status> {
    admission::create(&PODS, "default", normalised(manifest), &STAMP)
}

/// A pod whose specification has these lines; `c` is a good container for them.
fn pod(spec: &str) -> String {
    let indented = spec.lines().map(|line| format!("  {line}\n")).collect::<String>();
    format!("metadata: {{name: p}}\nspec:\n{indented}")
}

/// A pod with one container that has these fields besides name and image.
fn container(fields: &str) -> String {
    pod(&format!("containers:\n- {{name: c, image: i, {fields}}}\nvolumes:\n- {{name: v, emptyDir: {{}}}}"))
}

/// The causes of a refusal, each as the user reads it.
fn causes(manifest: &str) -> Vec<String> {
    let Err(status) = create(manifest) else { return Vec::new() };
    assert_eq!((status.code, status.reason), (422, "Invalid"), "{}", status.message);
    let text = |cause: &Value| format!("{}: {}", cause["field"].as_str().unwrap(), cause["message"].as_str().unwrap());
    status.details["causes"].as_array().unwrap().iter().map(text).collect()
}

#[test]
fn a_pod_gets_what_kubernetes_fills_in() {
    let pod = create(
        "
metadata: {name: p}
spec:
  containers:
  - name: c
    image: nginx
    ports: [{containerPort: 80}]
    env: [{name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]
    livenessProbe: {tcpSocket: {port: 80}, periodSeconds: 3}
    readinessProbe: {httpGet: {port: 80}}
    lifecycle: {preStop: {httpGet: {port: 80, path: /bye}}}
    resources: {limits: {cpu: 1, memory: 1Gi}}
  volumes:
  - name: v
",
    )
    .unwrap();
    let expected = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "p",
            "namespace": "default",
            "uid": Uuid::nil().to_string(),
            "creationTimestamp": "1970-01-01T00:00:00Z",
            "generation": 1,
        },
        "spec": {
            "containers": [{
                "name": "c",
                "image": "nginx",
                "imagePullPolicy": "Always",
                "env": [{"name": "IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}}],
                "lifecycle": {"preStop": {"httpGet": {"path": "/bye", "port": 80, "scheme": "HTTP"}}},
                "livenessProbe": {
                    "failureThreshold": 3,
                    "periodSeconds": 3,
                    "successThreshold": 1,
                    "tcpSocket": {"port": 80},
                    "timeoutSeconds": 1,
                },
                "ports": [{"containerPort": 80, "protocol": "TCP"}],
                "readinessProbe": {
                    "failureThreshold": 3,
                    "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"},
                    "periodSeconds": 10,
                    "successThreshold": 1,
                    "timeoutSeconds": 1,
                },
                "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }],
            "dnsPolicy": "ClusterFirst",
            "enableServiceLinks": true,
            "preemptionPolicy": "PreemptLowerPriority",
            "priority": 0,
            "restartPolicy": "Always",
            "schedulerName": "default-scheduler",
            "securityContext": {},
            "serviceAccount": "default",
            "serviceAccountName": "default",
            "terminationGracePeriodSeconds": 30,
            "volumes": [{"name": "v", "emptyDir": {}}],
        },
        "status": {"phase": "Pending", "qosClass": "Guaranteed"},
    });
    assert_eq!(pod, expected);
}

#[test]
fn images_without_a_fixed_tag_are_always_pulled() {
    for (image, policy) in [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.27", "IfNotPresent"),
        ("localhost:5000/nginx", "Always"),
        ("localhost:5000/nginx:0.7", "IfNotPresent"),
        ("nginx@sha256:0123", "IfNotPresent"),
        ("nginx:latest@sha256:0123", "IfNotPresent"),
    ] {
        let pod = create(&pod(&format!("containers:\n- {{name: c, image: '{image}'}}"))).unwrap();
        assert_eq!(pod["spec"]["containers"][0]["imagePullPolicy"], policy, "{image}");
    }
}

#[test]
fn ports_on_the_hosts_network_are_the_hosts() {
    let manifest = "hostNetwork: true\ncontainers:\n- {name: c, image: i, ports: [{containerPort: 80}]}";
    let created = create(&pod(manifest)).unwrap();
    assert_eq!(
        created["spec"]["containers"][0]["ports"],
        json!([{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}])
    );
}

#[test]
fn the_annotations_of_old_are_translated() {
    let manifest = r#"
metadata:
  name: p
  annotations:
    pod.beta.kubernetes.io/hostname: web-0
    pod.beta.kubernetes.io/subdomain: nginx
    pod.alpha.kubernetes.io/init-containers: '[{"name": "init", "image": "busybox:1.24"}]'
spec:
  containers: [{name: c, image: "i:1"}]
"#;
    let pod = create(manifest).unwrap();
    assert_eq!((&pod["spec"]["hostname"], &pod["spec"]["subdomain"]), (&json!("web-0"), &json!("nginx")));
    assert_eq!(
        pod["spec"]["initContainers"],
        json!([{
            "name": "init",
            "image": "busybox:1.24",
            "imagePullPolicy": "IfNotPresent",
            "resources": {},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        }])
    );
    // The same manifest again changes nothing, although it says nothing of what the annotations became.
    assert_eq!(admission::update(&PODS, normalised(manifest), &pod), Ok(Update::Write(pod)));
}

#[test]
fn an_annotation_that_is_no_list_of_containers_is_refused() {
    let manifest = "
metadata: {name: p, annotations: {pod.alpha.kubernetes.io/init-containers: '{}'}}
spec: {containers: [{name: c, image: i}]}
";
    assert_eq!(
        causes(manifest),
        ["metadata.annotations[pod.alpha.kubernetes.io/init-containers]: Invalid value: \"{}\": the annotation \
             pod.alpha.kubernetes.io/init-containers is not a JSON array of containers: json: cannot unmarshal object into \
             Go value of type []v1.Container"]
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let label = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and \
                 end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
                 '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    assert_eq!(
        causes(
            "
metadata: {name: p}
spec:
  restartPolicy: Sometimes
  dnsPolicy: Maybe
  terminationGracePeriodSeconds: -1
  activeDeadlineSeconds: 0
  hostname: Web
  containers:
  - {name: Bad_Name}
  - {name: c, image: i, ports: [{containerPort: 0}, {containerPort: 70000, name: UP, protocol: ICMP}]}
  - {name: c, image: ' i'}
  - {}
"
        ),
        [
            &format!("spec.containers[0].name: Invalid value: \"Bad_Name\": {label}"),
            "spec.containers[0].image: Required value",
            "spec.containers[1].ports[0].containerPort: Required value",
            "spec.containers[1].ports[1].name: Invalid value: \"UP\": must contain only alpha-numeric characters (a-z, \
             0-9), and hyphens (-)",
            "spec.containers[1].ports[1].name: Invalid value: \"UP\": must contain at least one letter (a-z)",
            "spec.containers[1].ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
            "spec.containers[1].ports[1].protocol: Unsupported value: \"ICMP\": supported values: \"SCTP\", \"TCP\", \
             \"UDP\"",
            "spec.containers[2].name: Duplicate value: \"c\"",
            "spec.containers[2].image: Invalid value: \" i\": must not have leading or trailing whitespace",
            "spec.containers[3].name: Required value",
            "spec.containers[3].image: Required value",
            "spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"OnFailure\", \"Never\"",
            "spec.dnsPolicy: Unsupported value: \"Maybe\": supported values: \"ClusterFirstWithHostNet\", \"ClusterFirst\", \
             \"Default\", \"None\"",
            "spec.terminationGracePeriodSeconds: Invalid value: -1: must be greater than or equal to 0",
            "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
            &format!("spec.hostname: Invalid value: \"Web\": {label}"),
        ]
    );
    assert_eq!(causes("metadata: {name: p}\n"), ["spec.containers: Required value"]);
}

#[test]
fn a_hostname_that_overrides_fits_into_the_kernel_and_stands_alone() {
    let causes = |more: &str| {
        causes(&format!(
            "metadata: {{name: p}}\nspec: {{containers: [{{name: a, image: i}}], hostnameOverride: {more}}}\n"
        ))
    };
    let at = "spec.hostnameOverride";
    assert_eq!(causes(&"a".repeat(63)), Vec::<String>::new());
    assert_eq!(
        causes(&format!("{}.b, setHostnameAsFQDN: true, hostNetwork: true", "a".repeat(63))),
        [
            format!("{at}: Too long: may not be more than 64 bytes"),
            format!("{at}: Forbidden: may not be set when `setHostnameAsFQDN` is true"),
            format!("{at}: Forbidden: may not be set when `hostNetwork` is true"),
        ]
    );
    assert!(
        causes("Web")[0].starts_with("spec.hostnameOverride: Invalid value: \"Web\": a lowercase RFC 1123 subdomain")
    );
}

#[test]
fn what_is_wrong_with_a_container_is_said_in_kubernetes_words() {
    let at = "spec.containers[0]";
    for (fields, expected) in [
        (
            "imagePullPolicy: Now",
            vec![
                ".imagePullPolicy: Unsupported value: \"Now\": supported values: \"Always\", \"IfNotPresent\", \"Never\"",
            ],
        ),
        (
            "env: [{name: A=B}]",
            vec![
                ".env[0].name: Invalid value: \"A=B\": a valid environment variable name must consist only of printable ASCII characters other than '='",
            ],
        ),
        ("env: [{value: x}]", vec![".env[0].name: Required value"]),
        (
            "env: [{name: A, valueFrom: {}}]",
            vec![
                ".env[0].valueFrom: Invalid value: \"\": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`",
            ],
        ),
        (
            "env: [{name: A, value: x, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]",
            vec![".env[0].valueFrom: Invalid value: \"\": may not be specified when `value` is not empty"],
        ),
        (
            "env: [{name: A, valueFrom: {fieldRef: {fieldPath: spec.foo}}}]",
            vec![
                ".env[0].valueFrom.fieldRef.fieldPath: Invalid value: \"spec.foo\": error converting fieldPath: field label not supported: spec.foo",
            ],
        ),
        ("env: [{name: A, valueFrom: {fieldRef: {fieldPath: \"metadata.labels['app']\"}}}]", vec![]),
        ("volumeMounts: [{name: w, mountPath: /a}]", vec![".volumeMounts[0].name: Not found: \"w\""]),
        (
            "volumeMounts: [{name: v, mountPath: /a}, {name: v, mountPath: /a}]",
            vec![".volumeMounts[1].mountPath: Invalid value: \"/a\": must be unique"],
        ),
        ("volumeMounts: [{name: v}]", vec![".volumeMounts[0].mountPath: Required value"]),
        (
            "volumeMounts: [{name: v, mountPath: /a, subPath: /b/../c}]",
            vec![
                ".volumeMounts[0].subPath: Invalid value: \"/b/../c\": must be a relative path",
                ".volumeMounts[0].subPath: Invalid value: \"/b/../c\": must not contain '..'",
            ],
        ),
        ("livenessProbe: {}", vec![".livenessProbe: Required value: must specify a handler type"]),
        (
            "livenessProbe: {exec: {command: [a]}, tcpSocket: {port: 1}}",
            vec![".livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type"],
        ),
        (
            "livenessProbe: {exec: {}, successThreshold: 2}",
            vec![
                ".livenessProbe.exec.command: Required value",
                ".livenessProbe.successThreshold: Invalid value: 2: must be 1",
            ],
        ),
        (
            "readinessProbe: {exec: {command: [a]}, successThreshold: 2, periodSeconds: -1, terminationGracePeriodSeconds: 1}",
            vec![
                ".readinessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0",
                ".readinessProbe.terminationGracePeriodSeconds: Invalid value: 1: must not be set for readinessProbes",
            ],
        ),
        (
            "startupProbe: {httpGet: {port: 0, scheme: FTP}}",
            vec![
                ".startupProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive",
                ".startupProbe.httpGet.scheme: Unsupported value: \"FTP\": supported values: \"HTTP\", \"HTTPS\"",
            ],
        ),
        ("lifecycle: {preStop: {}}", vec![".lifecycle.preStop: Required value: must specify a handler type"]),
        (
            "resources: {requests: {cpu: 2}, limits: {cpu: 1}}",
            vec![".resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1"],
        ),
        (
            "resources: {limits: {memory: -1Gi}}",
            vec![
                ".resources.limits[memory]: Invalid value: \"-1Gi\": must be greater than or equal to 0",
                ".resources.requests[memory]: Invalid value: \"-1Gi\": must be greater than or equal to 0",
            ],
        ),
        (
            "ports: [{containerPort: 1, name: a}, {containerPort: 2, name: a}]",
            vec![".ports[1].name: Duplicate value: \"a\""],
        ),
        (
            "ports: [{containerPort: 1, hostPort: 5}, {containerPort: 2, hostPort: 5}]",
            vec![".ports[1].hostPort: Duplicate value: \"/TCP/5\""],
        ),
    ] {
        let expected: Vec<_> = expected.into_iter().map(|text| format!("{at}{text}")).collect();
        assert_eq!(causes(&container(fields)), expected, "{fields}");
    }
}

#[test]
fn what_would_mislead_is_refused() {
    let mounts = "this version mounts only volumes of the types configMap, downwardAPI, emptyDir, hostPath, \
                  persistentVolumeClaim, projected, secret";
    let volume = |source: &str| pod(&format!("containers: [{{name: c, image: i}}]\nvolumes:\n- {{name: v, {source}}}"));
    for (manifest, expected) in [
        (volume("nfs: {server: a, path: /}"), format!("spec.volumes[0].nfs: Forbidden: {mounts}")),
        (
            volume("projected: {sources: [{clusterTrustBundle: {path: a, name: b}}]}"),
            "spec.volumes[0].projected.sources[0].clusterTrustBundle: Forbidden: there are no bundles of certificates here".into(),
        ),
        (
            volume("projected: {sources: [{serviceAccountToken: {path: a, expirationSeconds: 599}}]}"),
            "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes".into(),
        ),
        (
            volume("emptyDir: {}, hostPath: {path: /}"),
            "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type".into(),
        ),
        (volume("hostPath: {path: /a/../b}"), "spec.volumes[0].hostPath.path: Invalid value: \"/a/../b\": must not contain '..'".into()),
        (volume("persistentVolumeClaim: {}"), "spec.volumes[0].persistentVolumeClaim.claimName: Required value".into()),
        (
            container("livenessProbe: {grpc: {port: 0}}"),
            "spec.containers[0].livenessProbe.grpc.port: Invalid value: 0: must be between 1 and 65535, inclusive".into(),
        ),
        (
            pod("containers: [{name: c, image: i}]\ninitContainers: [{name: d, image: i, restartPolicy: Sometimes}]"),
            "spec.initContainers[0].restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"Never\", \"OnFailure\"".into(),
        ),
    ] {
        assert_eq!(causes(&manifest), [expected], "{manifest}");
    }
}

#[test]
fn an_update_may_change_images_and_little_else() {
    let old = create(&pod("containers: [{name: c, image: 'i:1'}]")).unwrap();
    let mut placed = old.clone();
    placed["spec"]["nodeName"] = "here".into();
    let update = |change: &dyn Fn(&mut Value)| {
        let mut new = placed.clone();
        change(&mut new);
        admission::update(&PODS, PODS.rules.normalise(new).unwrap().0, &placed)
    };
    let written = |result: Result<Update, Status>| match result.unwrap() {
        Update::Write(object) | Update::Remove(object) => object,
    };
    let image = written(update(&|pod| pod["spec"]["containers"][0]["image"] = "i:2".into()));
    assert_eq!(
        (&image["spec"]["containers"][0]["image"], &image["metadata"]["generation"]),
        (&json!("i:2"), &json!(2))
    );
    let annotated = written(update(&|pod| {
        pod["metadata"]["annotations"] = json!({"pod.alpha.kubernetes.io/initialized": "false"});
    }));
    assert_eq!(annotated["metadata"]["generation"], 1);
    let tolerated = written(update(&|pod| pod["spec"]["tolerations"] = json!([{"operator": "Exists"}])));
    assert_eq!(tolerated["spec"]["tolerations"], json!([{"operator": "Exists"}]));
    placed["spec"]["schedulingGates"] = json!([{"name": "a"}, {"name": "b"}]);
    let update = |change: &dyn Fn(&mut Value)| {
        let mut new = placed.clone();
        change(&mut new);
        admission::update(&PODS, PODS.rules.normalise(new).unwrap().0, &placed)
    };
    let freed = written(update(&|pod| pod["spec"]["schedulingGates"] = json!([{"name": "b"}])));
    assert_eq!(freed["spec"]["schedulingGates"], json!([{"name": "b"}]));

    let refused = "Pod \"p\" is invalid: spec: Forbidden: pod updates may not change fields other than \
                   `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,\
                   `spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` \
                   (allow it to be set to 1 if it was previously negative)";
    let changes: [&dyn Fn(&mut Value); 5] = [
        &|pod| pod["spec"]["schedulingGates"][0] = json!({"name": "c"}),
        &|pod| pod["spec"]["containers"][0]["command"] = json!(["a"]),
        &|pod| pod["spec"]["nodeName"] = "there".into(),
        &|pod| pod["spec"]["terminationGracePeriodSeconds"] = 1.into(),
        &|pod| pod["spec"]["containers"].as_array_mut().unwrap().push(json!({"name": "d", "image": "i"})),
    ];
    for change in changes {
        assert_eq!(update(change).unwrap_err().message, refused);
    }
}

#[test]
fn the_quality_of_service_follows_requests_and_limits() {
    for (resources, class) in [
        ("{}", "BestEffort"),
        ("{requests: {cpu: 1}}", "Burstable"),
        ("{limits: {cpu: 1}}", "Burstable"),
        ("{limits: {cpu: 1, memory: 1Gi}}", "Guaranteed"),
        ("{limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 500m}}", "Burstable"),
    ] {
        let pod = create(&container(&format!("resources: {resources}"))).unwrap();
        assert_eq!(pod["status"]["qosClass"], class, "{resources}");
    }
}

#[test]
fn pods_are_selected_by_their_fields() {
    let pod = json!({
        "spec": {"nodeName": "n", "restartPolicy": "Always", "schedulerName": "s", "serviceAccountName": "a"},
        "status": {"phase": "Running", "podIP": "10.0.0.1"},
    });
    let value = |field: &str| PODS.rules.selectable(&pod, field);
    for (field, expected) in [
        ("spec.nodeName", Some("n")),
        ("spec.restartPolicy", Some("Always")),
        ("spec.schedulerName", Some("s")),
        ("spec.serviceAccountName", Some("a")),
        ("spec.hostNetwork", Some("false")),
        ("status.phase", Some("Running")),
        ("status.podIP", Some("10.0.0.1")),
        ("status.nominatedNodeName", Some("")),
        ("spec.foo", None),
    ] {
        assert_eq!(value(field).as_deref(), expected, "{field}");
    }
}

#[test]
fn tolerations_are_validated_as_in_1_36() {
    let of =
        |tolerations: &str| causes(&pod(&format!("containers: [{{name: c, image: i}}]\ntolerations: [{tolerations}]")));
    for good in [
        "{operator: Exists}",
        "{key: a, value: b}",
        "{key: example.com/a, operator: Exists, effect: NoExecute, tolerationSeconds: 3}",
    ] {
        assert_eq!(of(good), [""; 0], "{good}");
    }
    let at = |name: &str| format!("spec.tolerations[0].{name}");
    for (toleration, field, why) in [
        (
            "{value: b}",
            "operator",
            "Invalid value: \"\": operator must be Exists when `key` is empty, which means \"match all values and all keys\"",
        ),
        (
            "{key: a, effect: NoSchedule, tolerationSeconds: 3}",
            "effect",
            "Invalid value: \"NoSchedule\": effect must be 'NoExecute' when `tolerationSeconds` is set",
        ),
        (
            "{key: a, operator: Gt, value: '3'}",
            "operator",
            "Unsupported value: \"Gt\": supported values: \"Equal\", \"Exists\"",
        ),
        (
            "{key: a, operator: Lt, value: '3'}",
            "operator",
            "Unsupported value: \"Lt\": supported values: \"Equal\", \"Exists\"",
        ),
        (
            "{key: a, operator: Exists, value: b}",
            "operator",
            "Invalid value: {\"key\":\"a\",\"operator\":\"Exists\",\"value\":\"b\"}: value must be empty when `operator` is 'Exists'",
        ),
        (
            "{key: a, operator: Exists, effect: Never}",
            "effect",
            "Unsupported value: \"Never\": supported values: \"NoExecute\", \"NoSchedule\", \"PreferNoSchedule\"",
        ),
    ] {
        assert_eq!(of(toleration), [format!("{}: {why}", at(field))], "{toleration}");
    }
}

#[test]
fn a_pod_with_gates_names_no_node() {
    let gated = "containers: [{name: c, image: i}]\nschedulingGates: [{name: a}]\nnodeName: here";
    let why = "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared";
    assert_eq!(causes(&pod(gated)), [why]);
}

#[test]
fn a_pod_that_was_stored_under_other_rules_can_still_be_changed() {
    let mut old = create(&pod("containers: [{name: c, image: i}]")).unwrap();
    old["spec"]["tolerations"] = json!([{"key": "a", "operator": "Near"}]);
    let mut new = old.clone();
    new["metadata"]["labels"] = json!({"a": "b"});
    assert!(admission::update(&PODS, new.clone(), &old).is_ok());
    new["spec"]["tolerations"].as_array_mut().unwrap().push(json!({"key": "b", "operator": "Near"}));
    let refused = admission::update(&PODS, new, &old).unwrap_err().message;
    let why = "spec.tolerations[1].operator: Unsupported value: \"Near\": supported values: \"Equal\", \"Exists\"";
    assert_eq!(refused, format!("Pod \"p\" is invalid: {why}"));
}
