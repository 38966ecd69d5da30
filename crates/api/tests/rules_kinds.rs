//! What sets, services, claims, volumes, namespaces and the rest know about their objects.

#![allow(clippy::unwrap_used, reason = "the functions that tests share are tests too")]

use api::admission::{self, Stamp, Update};
use api::body::{self, Media};
use api::kinds::scale;
use api::resource::{CLAIMS, EVENTS, NAMESPACES, NODES, PET_SETS, Resource, STORAGE_CLASSES, Scope, VOLUMES};
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
    let namespace = if resource.scope == Scope::Namespaced { "default" } else { "" };
    admission::create(resource, namespace, normalised(resource, manifest), &STAMP)
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

const SET: &str = "
metadata: {name: web}
spec:
  serviceName: nginx
  template:
    metadata: {labels: {app: nginx}}
    spec: {containers: [{name: c, image: i}]}
";

#[test]
fn only_the_replicas_of_a_set_can_be_updated() {
    let old = create(&PET_SETS, SET).unwrap();
    let scaled = update(&PET_SETS, &old, |set| set["spec"]["replicas"] = 3.into()).unwrap();
    assert_eq!((&scaled["spec"]["replicas"], &scaled["metadata"]["generation"]), (&json!(3), &json!(2)));
    let labelled = update(&PET_SETS, &old, |set| set["metadata"]["labels"]["a"] = "b".into()).unwrap();
    assert_eq!(labelled["metadata"]["generation"], 1);

    let refused = "PetSet.apps \"web\" is invalid: spec: Forbidden: updates to petset spec for fields other than \
                   'replicas' are forbidden.";
    let changes: [fn(&mut Value); 4] = [
        |set| set["spec"]["template"]["spec"]["containers"][0]["image"] = "j".into(),
        |set| set["spec"]["serviceName"] = "other".into(),
        |set| set["spec"]["selector"]["matchLabels"]["a"] = "b".into(),
        |set| set["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "www"}}]),
    ];
    for change in changes {
        assert_eq!(update(&PET_SETS, &old, change), Err(refused.into()));
    }
    assert_eq!(
        update(&PET_SETS, &old, |set| set["spec"]["replicas"] = (-1).into()),
        Err("PetSet.apps \"web\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0"
            .into())
    );
}

#[test]
fn a_client_does_not_write_the_status_of_a_set() {
    let set = create(&PET_SETS, &format!("{SET}status: {{replicas: 7, observedGeneration: 9}}\n")).unwrap();
    assert_eq!(set["status"], json!({"replicas": 0}));
    let updated = update(&PET_SETS, &set, |set| set["status"]["replicas"] = 7.into()).unwrap();
    assert_eq!(updated["status"], json!({"replicas": 0}));
}

#[test]
fn a_set_is_validated_as_in_1_3() {
    let set = |spec: &str| format!("metadata: {{name: web}}\nspec: {spec}\n");
    let labelled = "template: {metadata: {labels: {app: nginx}}}";
    for (spec, why) in [
        (
            format!("{{replicas: -1, {labelled}}}"),
            "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
        ),
        ("{template: {}}".into(), "spec.selector: Required value"),
        (
            format!("{{selector: {{}}, {labelled}}}"),
            "spec.selector: Invalid value: {}: empty selector is not valid for petset.",
        ),
        (
            format!("{{selector: {{matchLabels: {{app: web}}}}, {labelled}}}"),
            "spec.template.metadata.labels: Invalid value: {\"app\":\"nginx\"}: `selector` does not match template `labels`",
        ),
        (
            "{template: {metadata: {labels: {app: nginx}}, spec: {restartPolicy: Never}}}".into(),
            "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"",
        ),
    ] {
        let expected = format!("PetSet.apps \"web\" is invalid: {why}");
        assert_eq!(refusal(&PET_SETS, &set(&spec)), expected, "{spec}");
    }
    assert_eq!(
        refusal(&PET_SETS, "spec: {replicas: -2}"),
        "PetSet.apps \"\" is invalid: [metadata.name: Required value: name or generateName is required, spec.replicas: \
         Invalid value: -2: must be greater than or equal to 0, spec.selector: Required value]"
    );
}

#[test]
fn a_template_from_which_no_pet_can_be_made_is_accepted_with_a_warning() {
    let manifest = "
metadata: {name: web}
spec:
  template:
    metadata: {labels: {app: nginx}}
    spec:
      os: {name: linux}
      containers: [{name: c, volumeMounts: [{name: www, mountPath: /a}, {name: x, mountPath: /b}]}]
  volumeClaimTemplates: [{metadata: {name: www}, spec: {dataSource: {kind: a, name: b}}}]
";
    assert!(create(&PET_SETS, manifest).is_ok());
    assert_eq!(
        PET_SETS.rules.warnings(&normalised(&PET_SETS, manifest)),
        [
            "spec.template.spec.os has no effect: there is one node",
            "spec.volumeClaimTemplates[0].spec.dataSource has no effect: a volume starts empty",
            "no pet can be made from the template: spec.template.spec.containers[0].image: Required value",
            "no pet can be made from the template: spec.template.spec.containers[0].volumeMounts[1].name: Not found: \"x\"",
        ]
    );
    let manifest = "
metadata: {name: web}
spec:
  template:
    metadata: {labels: {app: nginx}, annotations: {pod.alpha.kubernetes.io/init-containers: 'oops'}}
    spec: {containers: [{name: c, image: i}]}
";
    assert_eq!(
        PET_SETS.rules.warnings(&normalised(&PET_SETS, manifest)),
        ["no pet can be made from the template: the annotation pod.alpha.kubernetes.io/init-containers is not a JSON \
             array of containers: expected value at line 1 column 1"]
    );
}

#[test]
fn a_scale_asks_for_replicas() {
    let set = create(&PET_SETS, SET).unwrap();
    let mut expected = json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": "web",
            "namespace": "default",
            "uid": Uuid::nil().to_string(),
            "creationTimestamp": "1970-01-01T00:00:00Z",
        },
        "spec": {"replicas": 1},
        "status": {"replicas": 0, "selector": "app=nginx"},
    });
    assert_eq!(scale::of(&set, "app=nginx"), expected);
    let mut none = set;
    none["spec"]["replicas"] = 0.into();
    expected["spec"] = json!({});
    assert_eq!(scale::of(&none, "app=nginx"), expected);

    assert_eq!(scale::replicas(&json!({"spec": {"replicas": 3}}), "web"), Ok(3));
    assert_eq!(scale::replicas(&json!({"spec": {}}), "web"), Ok(0));
    assert_eq!(
        scale::replicas(&json!({"spec": {"replicas": -3}}), "web").unwrap_err().message,
        "Scale.autoscaling \"web\" is invalid: spec.replicas: Invalid value: -3: must be greater than or equal to 0"
    );
    let (scale, unknown) = scale::normalise(json!({"spec": {"replicas": 3, "foo": 1}})).unwrap();
    assert_eq!(
        scale,
        json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {}, "spec": {"replicas": 3}})
    );
    assert_eq!(unknown, ["spec.foo"]);
    assert_eq!(
        scale::normalise(json!({"kind": "PetSet"})).unwrap_err().message,
        "PetSet in version \"v1\" cannot be handled as a Scale: converting (v1.PetSet) to (autoscaling.Scale): unknown \
         conversion"
    );
}

#[test]
fn a_claim_is_protected_and_fixed() {
    let manifest = "
metadata: {name: c}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1024Mi}}}
";
    let claim = create(&CLAIMS, manifest).unwrap();
    assert_eq!(claim["metadata"]["finalizers"], json!(["kubernetes.io/pvc-protection"]));
    assert_eq!(
        claim["spec"],
        json!({
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "volumeMode": "Filesystem",
        })
    );
    assert_eq!(claim["status"], json!({"phase": "Pending"}));
    assert_eq!(claim["metadata"].get("generation"), None);

    let refused =
        Err("PersistentVolumeClaim \"c\" is invalid: spec: Forbidden: spec is immutable after creation except \
                       resources.requests and volumeAttributesClassName for bound claims"
            .to_owned());
    assert_eq!(update(&CLAIMS, &claim, |claim| claim["spec"]["storageClassName"] = "a".into()), refused);
    let more: fn(&mut Value) = |claim| claim["spec"]["resources"]["requests"]["storage"] = "2Gi".into();
    assert_eq!(update(&CLAIMS, &claim, more), refused);
    assert!(update(&CLAIMS, &claim, |claim| claim["spec"]["volumeName"] = "v".into()).is_ok());
    let mut bound = claim;
    bound["status"] = json!({"phase": "Bound", "capacity": {"storage": "1Gi"}});
    assert!(update(&CLAIMS, &bound, more).is_ok());
    let less: fn(&mut Value) = |claim| claim["spec"]["resources"]["requests"]["storage"] = "1Mi".into();
    assert!(update(&CLAIMS, &bound, less).is_err());
    assert_eq!(
        refusal(&CLAIMS, "metadata: {name: c}"),
        "PersistentVolumeClaim \"c\" is invalid: [spec.accessModes: Required value: at least 1 access mode is required, \
         spec.resources[storage]: Required value]"
    );
}

#[test]
fn a_volume_has_one_source() {
    let manifest = |spec: &str| {
        format!("metadata: {{name: v}}\nspec: {{capacity: {{storage: 1Gi}}, accessModes: [ReadWriteOnce], {spec}}}\n")
    };
    let volume = create(&VOLUMES, &manifest("hostPath: {path: /data}")).unwrap();
    assert_eq!(volume["metadata"]["finalizers"], json!(["kubernetes.io/pv-protection"]));
    assert_eq!(
        volume["spec"],
        json!({
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "hostPath": {"path": "/data", "type": ""},
            "persistentVolumeReclaimPolicy": "Retain",
            "volumeMode": "Filesystem",
        })
    );
    assert!(create(&VOLUMES, &manifest("csi: {driver: petset.io/docker, volumeHandle: h}")).is_ok());
    for (spec, why) in [
        ("", "spec: Required value: must specify a volume type"),
        ("hostPath: {path: /a}, local: {path: /b}", "spec.local: Forbidden: may not specify more than 1 volume type"),
        (
            "nfs: {server: a, path: /b}",
            "spec.nfs: Forbidden: this version has only hostPath and local volumes, and its own",
        ),
        (
            "csi: {driver: other, volumeHandle: h}",
            "spec.csi.driver: Unsupported value: \"other\": supported values: \"petset.io/docker\"",
        ),
    ] {
        assert_eq!(refusal(&VOLUMES, &manifest(spec)), format!("PersistentVolume \"v\" is invalid: {why}"), "{spec}");
    }
    assert_eq!(
        update(&VOLUMES, &volume, |volume| volume["spec"]["hostPath"]["path"] = "/other".into()),
        Err("PersistentVolume \"v\" is invalid: spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is \
             immutable after creation"
            .into())
    );
    let bound = update(&VOLUMES, &volume, |volume| volume["spec"]["claimRef"] = json!({"name": "c", "namespace": "d"}));
    assert!(bound.is_ok());
}

#[test]
fn a_namespace_is_labelled_with_its_name() {
    let namespace = create(&NAMESPACES, "metadata: {name: tests}").unwrap();
    assert_eq!(
        namespace,
        json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": "tests",
                "uid": Uuid::nil().to_string(),
                "creationTimestamp": "1970-01-01T00:00:00Z",
                "labels": {"kubernetes.io/metadata.name": "tests"},
            },
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        })
    );
    let updated = update(&NAMESPACES, &namespace, |namespace| namespace["spec"] = json!({})).unwrap();
    assert_eq!(updated["spec"], namespace["spec"]);
    assert_eq!(NAMESPACES.rules.selectable(&namespace, "status.phase").as_deref(), Some("Active"));
}

#[test]
fn a_storage_class_says_who_makes_volumes() {
    let class = create(&STORAGE_CLASSES, "metadata: {name: fast}\nprovisioner: petset.io/docker\n").unwrap();
    assert_eq!((&class["reclaimPolicy"], &class["volumeBindingMode"]), (&json!("Delete"), &json!("Immediate")));
    assert_eq!(STORAGE_CLASSES.rules.warnings(&class), Vec::<String>::new());
    let foreign = "metadata: {name: fast}\nprovisioner: kubernetes.io/gce-pd\nallowVolumeExpansion: true\n";
    assert_eq!(
        STORAGE_CLASSES.rules.warnings(&normalised(&STORAGE_CLASSES, foreign)),
        ["provisioner: only petset.io/docker makes volumes here; claims of this class wait for volumes made by hand",]
    );
    assert_eq!(
        refusal(&STORAGE_CLASSES, "metadata: {name: fast}"),
        "StorageClass.storage.k8s.io \"fast\" is invalid: provisioner: Required value"
    );
    assert_eq!(
        update(&STORAGE_CLASSES, &class, |class| class["reclaimPolicy"] = "Retain".into()),
        Err("StorageClass.storage.k8s.io \"fast\" is invalid: reclaimPolicy: Forbidden: updates to reclaimPolicy are \
             forbidden."
            .into())
    );
}

#[test]
fn events_stand_in_the_namespace_of_what_they_are_about() {
    let event = "metadata: {name: e}\ninvolvedObject: {kind: Pod, name: p, namespace: default}\nreason: Started\ntype: Normal\nsource: {component: kubelet}\n";
    let event = create(&EVENTS, event).unwrap();
    for (field, value) in [
        ("involvedObject.kind", Some("Pod")),
        ("involvedObject.name", Some("p")),
        ("involvedObject.namespace", Some("default")),
        ("involvedObject.uid", Some("")),
        ("reason", Some("Started")),
        ("type", Some("Normal")),
        ("source", Some("kubelet")),
        ("message", None),
    ] {
        assert_eq!(EVENTS.rules.selectable(&event, field).as_deref(), value, "{field}");
    }
    assert_eq!(
        refusal(&EVENTS, "metadata: {name: e}\ninvolvedObject: {kind: Pod, name: p, namespace: other}\n"),
        "Event \"e\" is invalid: involvedObject.namespace: Invalid value: \"other\": does not match event.namespace"
    );
}

#[test]
fn a_node_keeps_its_status_and_is_selected_by_it() {
    let node = create(&NODES, "metadata: {name: host}\nstatus: {phase: Running}\n").unwrap();
    assert_eq!(node["status"], json!({"phase": "Running"}));
    assert_eq!(NODES.rules.selectable(&node, "spec.unschedulable").as_deref(), Some("false"));
    let cordoned = update(&NODES, &node, |node| node["spec"] = json!({"unschedulable": true})).unwrap();
    assert_eq!(NODES.rules.selectable(&cordoned, "spec.unschedulable").as_deref(), Some("true"));
    assert_eq!(NODES.rules.warnings(&cordoned), [""; 0]);
    let tainted = |effect: &str| json!({"spec": {"taints": [{"key": "a", "effect": effect}]}});
    assert_eq!(NODES.rules.warnings(&tainted("NoSchedule")), [""; 0]);
    assert_eq!(
        NODES.rules.warnings(&tainted("NoExecute")),
        ["spec.taints: NoExecute keeps new pods away, and none that runs is driven out"]
    );
}
