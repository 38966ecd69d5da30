//! What stateful sets and their revisions know about their objects, as in Kubernetes 1.36.

#![allow(clippy::unwrap_used, reason = "the functions that tests share are tests too")]

use api::admission::{self, Stamp, Update};
use api::body::{self, Media};
use api::resource::{CONTROLLER_REVISIONS, Resource, STATEFUL_SETS};
use api::status::Status;
use jiff::Timestamp;
use petset_api as api;
use serde_json::{Value, json};
use uuid::Uuid;

const STAMP: Stamp = Stamp { now: Timestamp::UNIX_EPOCH, uid: Uuid::nil() };

fn normalised(resource: &Resource, manifest: &str) -> Value {
    let (value, _) = body::read(manifest.as_bytes(), Media::Yaml, resource.kind).unwrap();
    resource.rules.normalise(value).unwrap().0
}

fn create(resource: &Resource, manifest: &str) -> Result<Value, Status> {
    admission::create(resource, "default", normalised(resource, manifest), &STAMP)
}

fn refusal(resource: &Resource, manifest: &str) -> String {
    let status = create(resource, manifest).unwrap_err();
    assert_eq!((status.code, status.reason), (422, "Invalid"));
    status.message
}

fn update(resource: &Resource, old: &Value, change: impl Fn(&mut Value)) -> Result<Value, String> {
    let mut new = old.clone();
    change(&mut new);
    let (new, _) = resource.rules.normalise(new).unwrap();
    match admission::update(resource, new, old) {
        Ok(Update::Write(object) | Update::Remove(object)) => Ok(object),
        Err(status) => Err(status.message),
    }
}

fn update_status(old: &Value, status: &Value) -> Result<Value, String> {
    let mut new = old.clone();
    new["status"] = status.clone();
    let (new, _) = STATEFUL_SETS.rules.normalise(new).unwrap();
    admission::update_status(&STATEFUL_SETS, new, old).map(|set| set["status"].clone()).map_err(|status| status.message)
}

const SET: &str = "
metadata: {name: web, labels: {app: nginx}}
spec:
  serviceName: nginx
  selector: {matchLabels: {app: nginx}}
  template:
    metadata: {labels: {app: nginx}}
    spec:
      containers:
      - name: nginx
        image: nginx:1.27
        volumeMounts: [{name: www, mountPath: /srv}]
  volumeClaimTemplates:
  - metadata: {name: www}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1024Mi}}}
";

/// The manifest with some of its text replaced.
fn with(from: &str, to: &str) -> String {
    assert!(SET.contains(from), "{from}");
    SET.replace(from, to)
}

/// The manifest with more in its specification.
fn and(more: &str) -> String {
    with("  serviceName: nginx\n", &format!("  serviceName: nginx\n  {more}\n"))
}

#[test]
fn a_stateful_set_is_stored_as_kubernetes_stores_it() {
    let expected = json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {
            "name": "web",
            "namespace": "default",
            "labels": {"app": "nginx"},
            "uid": Uuid::nil().to_string(),
            "creationTimestamp": "1970-01-01T00:00:00Z",
            "generation": 1,
        },
        "spec": {
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "podManagementPolicy": "OrderedReady",
            "replicas": 1,
            "revisionHistoryLimit": 10,
            "selector": {"matchLabels": {"app": "nginx"}},
            "serviceName": "nginx",
            "template": {
                "metadata": {"labels": {"app": "nginx"}},
                "spec": {
                    "containers": [{
                        "name": "nginx",
                        "image": "nginx:1.27",
                        "imagePullPolicy": "IfNotPresent",
                        "resources": {},
                        "terminationMessagePath": "/dev/termination-log",
                        "terminationMessagePolicy": "File",
                        "volumeMounts": [{"name": "www", "mountPath": "/srv"}],
                    }],
                    "dnsPolicy": "ClusterFirst",
                    "restartPolicy": "Always",
                    "schedulerName": "default-scheduler",
                    "securityContext": {},
                    "terminationGracePeriodSeconds": 30,
                },
            },
            "updateStrategy": {"rollingUpdate": {"partition": 0}, "type": "RollingUpdate"},
            "volumeClaimTemplates": [{
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "www"},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": "1Gi"}},
                    "volumeMode": "Filesystem",
                },
                "status": {"phase": "Pending"},
            }],
        },
        "status": {"replicas": 0, "availableReplicas": 0},
    });
    assert_eq!(create(&STATEFUL_SETS, SET).unwrap(), expected);
    let told = "status: {replicas: 7, observedGeneration: 9, currentRevision: web-1}\n";
    assert_eq!(create(&STATEFUL_SETS, &format!("{SET}{told}")).unwrap(), expected);
}

#[test]
fn what_is_left_out_of_a_stateful_set_is_filled_in() {
    let spec = |manifest: &str| create(&STATEFUL_SETS, manifest).unwrap()["spec"].clone();
    for (more, field, expected) in [
        ("updateStrategy: {}", "updateStrategy", json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})),
        ("updateStrategy: {type: RollingUpdate}", "updateStrategy", json!({"type": "RollingUpdate"})),
        (
            "updateStrategy: {rollingUpdate: {maxUnavailable: 2}}",
            "updateStrategy",
            json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0, "maxUnavailable": 2}}),
        ),
        ("updateStrategy: {type: OnDelete}", "updateStrategy", json!({"type": "OnDelete"})),
        ("updateStrategy: {type: Recreate}", "updateStrategy", json!({"type": "Recreate"})),
        ("ordinals: {}", "ordinals", json!({"start": 0})),
        ("revisionHistoryLimit: 0", "revisionHistoryLimit", json!(0)),
        ("minReadySeconds: 0", "minReadySeconds", Value::Null),
        (
            "persistentVolumeClaimRetentionPolicy: {whenScaled: Delete}",
            "persistentVolumeClaimRetentionPolicy",
            json!({"whenDeleted": "Retain", "whenScaled": "Delete"}),
        ),
    ] {
        assert_eq!(spec(&and(more))[field], expected, "{more}");
    }
    assert_eq!(spec(&with("  serviceName: nginx\n", ""))["serviceName"], "");
}

#[test]
fn a_stateful_set_is_validated_as_in_1_36() {
    let invalid_label = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
                         start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for \
                         validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    let percent = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', \
                   regex used for validation is '[0-9]+%')";
    let rolling = "spec.updateStrategy.rollingUpdate";
    let only_rolling = format!(
        "{rolling}: Invalid value: {{\"Partition\":3,\"MaxUnavailable\":null}}: only allowed for updateStrategy 'RollingUpdate'; \
         write rollingUpdate: null to take it away"
    );
    let selector = "  selector: {matchLabels: {app: nginx}}\n";
    let strategy = |text: &str| and(&format!("updateStrategy: {text}"));
    for (manifest, why) in [
        (and("replicas: -1"), "spec.replicas: Invalid value: -1: must be greater than or equal to 0".to_owned()),
        (and("minReadySeconds: -1"), "spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0".into()),
        (and("ordinals: {start: -1}"), "spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0".into()),
        (
            and("podManagementPolicy: Random"),
            "spec.podManagementPolicy: Invalid value: \"Random\": must be 'OrderedReady' or 'Parallel'".into(),
        ),
        (
            strategy("{type: Never}"),
            "spec.updateStrategy: Invalid value: {\"Type\":\"Never\",\"RollingUpdate\":null}: must be 'RollingUpdate' or 'OnDelete'"
                .into(),
        ),
        (strategy("{type: OnDelete, rollingUpdate: {partition: 3}}"), only_rolling.clone()),
        (strategy("{type: Recreate, rollingUpdate: {partition: 3}}"), only_rolling.clone()),
        (
            strategy("{rollingUpdate: {partition: -1}}"),
            format!("{rolling}.partition: Invalid value: -1: must be greater than or equal to 0"),
        ),
        (
            strategy("{rollingUpdate: {maxUnavailable: 0}}"),
            format!("{rolling}.maxUnavailable: Invalid value: 0: cannot be 0"),
        ),
        (
            strategy("{rollingUpdate: {maxUnavailable: 0%}}"),
            format!("{rolling}.maxUnavailable: Invalid value: \"0%\": cannot be 0"),
        ),
        (
            strategy("{rollingUpdate: {maxUnavailable: 101%}}"),
            format!("{rolling}.maxUnavailable: Invalid value: \"101%\": must not be greater than 100%"),
        ),
        (
            strategy("{rollingUpdate: {maxUnavailable: half}}"),
            format!(
                "[{rolling}.maxUnavailable: Invalid value: \"half\": {percent}, {rolling}.maxUnavailable: Invalid value: \"half\": \
                 cannot be 0]"
            ),
        ),
        (
            and("persistentVolumeClaimRetentionPolicy: {whenDeleted: Keep}"),
            "spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: \"Keep\": supported values: \"Retain\", \"Delete\""
                .into(),
        ),
        (
            with("serviceName: nginx", "serviceName: Not_A_Label"),
            format!("spec.serviceName: Invalid value: \"Not_A_Label\": {invalid_label}"),
        ),
        (with(selector, ""), "spec.selector: Required value".into()),
        (
            with(selector, "  selector: {}\n"),
            "spec.selector: Invalid value: {}: empty selector is invalid for statefulset".into(),
        ),
        (
            with("selector: {matchLabels: {app: nginx}}", "selector: {matchLabels: {app: web}}"),
            "spec.template.metadata.labels: Invalid value: {\"app\":\"nginx\"}: `selector` does not match template `labels`".into(),
        ),
        (
            with("    spec:\n      containers", "    spec:\n      restartPolicy: Never\n      containers"),
            "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"".into(),
        ),
        (
            with("    spec:\n      containers", "    spec:\n      activeDeadlineSeconds: 5\n      containers"),
            "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in StatefulSet is not Supported".into(),
        ),
        (with("name: www, mountPath", "name: data, mountPath"), {
            "spec.template.spec.containers[0].volumeMounts[0].name: Not found: \"data\"".into()
        }),
        (
            with("accessModes: [ReadWriteOnce], ", ""),
            "spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required".into(),
        ),
    ] {
        let expected = format!("StatefulSet.apps \"web\" is invalid: {why}");
        assert_eq!(refusal(&STATEFUL_SETS, &manifest), expected, "{manifest}");
    }
    let named = |name: &str| refusal(&STATEFUL_SETS, &with("{name: web,", &format!("{{name: {name},")));
    assert_eq!(
        named("a.b"),
        "StatefulSet.apps \"a.b\" is invalid: metadata.name: Invalid value: \"a.b\": must not contain dots"
    );
    assert_eq!(
        named("A.b"),
        format!("StatefulSet.apps \"A.b\" is invalid: metadata.name: Invalid value: \"A.b\": {invalid_label}")
    );
}

#[test]
fn a_second_apply_of_a_stateful_set_changes_nothing() {
    let old = create(&STATEFUL_SETS, SET).unwrap();
    let manifest = normalised(&STATEFUL_SETS, SET);
    let again = update(&STATEFUL_SETS, &old, |set| set["spec"] = manifest["spec"].clone()).unwrap();
    assert_eq!(again, old);
}

#[test]
fn some_fields_of_a_stateful_set_can_be_updated_and_no_others() {
    let old = create(&STATEFUL_SETS, SET).unwrap();
    let changes: [fn(&mut Value); 9] = [
        |set| set["spec"]["replicas"] = 3.into(),
        |set| set["spec"]["ordinals"] = json!({"start": 1}),
        |set| set["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:1.28".into(),
        |set| set["spec"]["updateStrategy"] = json!({"type": "OnDelete"}),
        |set| set["spec"]["updateStrategy"] = json!({"type": "Recreate"}),
        |set| set["spec"]["updateStrategy"]["rollingUpdate"]["partition"] = 1.into(),
        |set| set["spec"]["revisionHistoryLimit"] = 2.into(),
        |set| set["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] = "Delete".into(),
        |set| set["spec"]["minReadySeconds"] = 5.into(),
    ];
    for change in changes {
        assert_eq!(update(&STATEFUL_SETS, &old, change).unwrap()["metadata"]["generation"], 2);
    }
    let labelled = update(&STATEFUL_SETS, &old, |set| set["metadata"]["labels"]["a"] = "b".into()).unwrap();
    assert_eq!(labelled["metadata"]["generation"], 1);

    let refused = "StatefulSet.apps \"web\" is invalid: spec: Forbidden: updates to statefulset spec for fields other than \
                   'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', \
                   'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
    let changes: [fn(&mut Value); 4] = [
        |set| set["spec"]["serviceName"] = "other".into(),
        |set| set["spec"]["podManagementPolicy"] = "Parallel".into(),
        |set| set["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] = "2Gi".into(),
        |set| {
            set["spec"]["selector"]["matchLabels"]["tier"] = "front".into();
            set["spec"]["template"]["metadata"]["labels"]["tier"] = "front".into();
        },
    ];
    for change in changes {
        assert_eq!(update(&STATEFUL_SETS, &old, change), Err(refused.into()));
    }
    assert_eq!(
        update(&STATEFUL_SETS, &old, |set| set["spec"]["template"]["spec"]["containers"] = json!([])),
        Err("StatefulSet.apps \"web\" is invalid: spec.template.spec.containers: Required value".into())
    );
}

#[test]
fn a_stateful_set_that_was_stored_under_other_rules_can_still_be_scaled() {
    let mut old = create(&STATEFUL_SETS, SET).unwrap();
    old["spec"]["template"]["spec"]["containers"][0]["volumeMounts"][0]["name"] = "gone".into();
    old["spec"]["serviceName"] = "Not_A_Label".into();
    assert_eq!(update(&STATEFUL_SETS, &old, |set| set["spec"]["replicas"] = 3.into()).unwrap()["spec"]["replicas"], 3);
}

#[test]
fn the_status_of_a_stateful_set_must_make_sense() {
    let mut old = create(&STATEFUL_SETS, SET).unwrap();
    let full = json!({
        "replicas": 3, "readyReplicas": 2, "availableReplicas": 1, "currentReplicas": 3, "updatedReplicas": 3,
        "observedGeneration": 1, "collisionCount": 1, "currentRevision": "web-1", "updateRevision": "web-1",
    });
    assert_eq!(update_status(&old, &full), Ok(full.clone()));
    let zeros = json!({"replicas": 0, "readyReplicas": 0, "currentReplicas": 0, "updatedReplicas": 0});
    assert_eq!(update_status(&old, &zeros), Ok(json!({"replicas": 0, "availableReplicas": 0})));
    let negative = "must be greater than or equal to 0";
    for (status, why) in [
        (
            json!({"replicas": -1}),
            format!(
                "[status.replicas: Invalid value: -1: {negative}, status.readyReplicas: Invalid value: 0: cannot be greater than \
             status.replicas, status.currentReplicas: Invalid value: 0: cannot be greater than status.replicas, \
             status.updatedReplicas: Invalid value: 0: cannot be greater than status.replicas, status.availableReplicas: Invalid \
             value: 0: cannot be greater than status.replicas]"
            ),
        ),
        (json!({"replicas": 1, "readyReplicas": 2}), {
            "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas".into()
        }),
        (json!({"replicas": 2, "availableReplicas": 1}), {
            "status.availableReplicas: Invalid value: 1: cannot be greater than status.readyReplicas".into()
        }),
        (
            json!({"replicas": 2, "observedGeneration": -1}),
            format!("status.observedGeneration: Invalid value: -1: {negative}"),
        ),
    ] {
        assert_eq!(
            update_status(&old, &status),
            Err(format!("StatefulSet.apps \"web\" is invalid: {why}")),
            "{status}"
        );
    }
    old["status"]["collisionCount"] = 1.into();
    assert_eq!(
        update_status(&old, &json!({"replicas": 0})),
        Err("StatefulSet.apps \"web\" is invalid: status.collisionCount: Invalid value: 0: cannot be decremented"
            .into())
    );
}

#[test]
fn what_has_no_effect_in_a_stateful_set_is_said() {
    let manifest = with(
        "resources: {requests: {storage: 1024Mi}}",
        "resources: {requests: {storage: 1Gi}}, dataSource: {kind: PersistentVolumeClaim, name: x}",
    );
    assert_eq!(
        STATEFUL_SETS.rules.warnings(&normalised(&STATEFUL_SETS, &manifest)),
        ["spec.volumeClaimTemplates[0].spec.dataSource has no effect: a volume starts empty"]
    );
}

const REVISION: &str = "
metadata: {name: web-5d4f}
data: {spec: {template: {$patch: replace}}}
revision: 3
";

#[test]
fn the_data_of_a_revision_does_not_change() {
    let old = create(&CONTROLLER_REVISIONS, REVISION).unwrap();
    assert_eq!(old["data"], json!({"spec": {"template": {"$patch": "replace"}}}));
    assert_eq!(old["metadata"].get("generation"), None);
    assert_eq!(update(&CONTROLLER_REVISIONS, &old, |revision| revision["revision"] = 4.into()).unwrap()["revision"], 4);
    assert_eq!(
        update(&CONTROLLER_REVISIONS, &old, |revision| revision["data"] = json!({"spec": {}})),
        Err("ControllerRevision.apps \"web-5d4f\" is invalid: data: Invalid value: {\"spec\":{}}: field is immutable"
            .into())
    );
    assert_eq!(
        refusal(&CONTROLLER_REVISIONS, "metadata: {name: a}\nrevision: -1\n"),
        "ControllerRevision.apps \"a\" is invalid: [data: Required value: data is mandatory, revision: Invalid value: -1: must be \
         greater than or equal to 0]"
    );
}
