//! Shapes are checked as Kubernetes checks them, and kept as Kubernetes stores them.

#![allow(clippy::unwrap_used, reason = "the functions that tests share are tests too")]

use api::resource::{CLAIMS, ENDPOINT_SLICES, ENDPOINTS, PET_SETS, PODS, RESOURCES, Resource, SERVICES};
use petset_api as api;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn refusal(resource: &Resource, object: Value) -> String {
    let status = resource.rules.normalise(object).unwrap_err();
    assert_eq!((status.code, status.reason), (400, "BadRequest"));
    status.message
}

/// The object as stored and its unknown fields.
fn normalised(resource: &Resource, object: Value) -> (Value, Vec<String>) {
    resource.rules.normalise(object).unwrap()
}

#[test]
fn the_wrong_kind_is_refused_and_a_missing_one_is_filled_in() {
    for (object, message) in [
        (
            json!({"apiVersion": "v1", "kind": "Secret"}),
            "Secret in version \"v1\" cannot be handled as a Pod: converting (v1.Secret) to (core.Pod): unknown conversion",
        ),
        (
            json!({"apiVersion": "v2", "kind": "Pod"}),
            "the API version in the data (v2) does not match the expected API version (v1)",
        ),
        (
            json!(5),
            "Pod in version \"v1\" cannot be handled as a Pod: json: cannot unmarshal number into Go value of type v1.Pod",
        ),
    ] {
        assert_eq!(refusal(&PODS, object), message);
    }
    assert_eq!(
        refusal(&PET_SETS, json!({"apiVersion": "apps/v1", "kind": "StatefulSet"})),
        "StatefulSet in version \"v1\" cannot be handled as a PetSet: converting (v1.StatefulSet) to (apps.PetSet): \
         unknown conversion"
    );
    let filled_in = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}});
    assert_eq!(normalised(&SERVICES, json!({"metadata": {"name": "a"}})), (filled_in, vec![]));
}

#[test]
fn a_value_of_the_wrong_type_is_named_as_go_names_it() {
    let pod = |spec: Value| json!({"spec": spec});
    let container = |container: Value| json!({"spec": {"containers": [container]}});
    for (resource, object, why) in [
        (
            &PODS,
            json!({"metadata": {"labels": {"a": 1}}}),
            "cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
        ),
        (
            &PODS,
            json!({"metadata": {"name": true}}),
            "cannot unmarshal bool into Go struct field ObjectMeta.metadata.name of type string",
        ),
        (
            &PODS,
            json!({"metadata": []}),
            "cannot unmarshal array into Go struct field Pod.metadata of type v1.ObjectMeta",
        ),
        (
            &PODS,
            pod(json!({"containers": {}})),
            "cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        (
            &PODS,
            pod(json!({"nodeSelector": "a"})),
            "cannot unmarshal string into Go struct field PodSpec.spec.nodeSelector of type map[string]string",
        ),
        (
            &PODS,
            container(json!({"ports": [{"containerPort": "80"}]})),
            "cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32",
        ),
        (
            &PODS,
            container(json!({"ports": [{"containerPort": 80.5}]})),
            "cannot unmarshal number 80.5 into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32",
        ),
        (
            &PODS,
            container(json!({"ports": [{"containerPort": 3_000_000_000_i64}]})),
            "cannot unmarshal number 3000000000 into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32",
        ),
        (
            &PODS,
            container(json!({"command": "nginx"})),
            "cannot unmarshal string into Go struct field Container.spec.containers.command of type []string",
        ),
        (
            &PODS,
            container(json!({"stdin": "yes"})),
            "cannot unmarshal string into Go struct field Container.spec.containers.stdin of type bool",
        ),
        (
            &PET_SETS,
            json!({"spec": {"replicas": "2"}}),
            "cannot unmarshal string into Go struct field PetSetSpec.spec.replicas of type int32",
        ),
        (
            &PET_SETS,
            json!({"spec": {"template": 1}}),
            "cannot unmarshal number into Go struct field PetSetSpec.spec.template of type v1.PodTemplateSpec",
        ),
        (
            &SERVICES,
            json!({"spec": {"ports": [{"targetPort": true}]}}),
            "cannot unmarshal bool into Go struct field ServicePort.spec.ports.targetPort of type int32",
        ),
    ] {
        let kind = resource.kind;
        let version = resource.version;
        assert_eq!(
            refusal(resource, object),
            format!("{kind} in version \"{version}\" cannot be handled as a {kind}: json: {why}")
        );
    }
}

#[test]
fn quantities_are_read_from_numbers_and_kept_in_canonical_form() {
    let claim = |storage: Value| json!({"spec": {"resources": {"requests": {"storage": storage}}}});
    for (given, kept) in [
        (json!("1Gi"), "1Gi"),
        (json!("1024Mi"), "1Gi"),
        (json!("1.5Gi"), "1536Mi"),
        (json!("0.5"), "500m"),
        (json!(1), "1"),
        (json!(1.5), "1500m"),
        (json!("1000000"), "1M"),
        (json!("1e3"), "1e3"),
        (json!("12e4"), "120e3"),
        (json!("100Ki"), "100Ki"),
        (json!("1Ki"), "1Ki"),
        (json!("0.5Ki"), "512"),
        (json!("0"), "0"),
        (json!("-5Mi"), "-5Mi"),
        (json!("1n"), "1n"),
        (json!("0.1n"), "1n"),
        (json!("16Ei"), "9223372036854775807"),
        (json!(" 1Gi "), "1Gi"),
    ] {
        let (claim, _) = normalised(&CLAIMS, claim(given.clone()));
        assert_eq!(claim["spec"]["resources"]["requests"]["storage"], kept, "{given}");
    }
    for wrong in [json!("1GB"), json!(""), json!("abc"), json!("1..2"), json!("--1"), json!("1 Gi")] {
        assert_eq!(
            refusal(&CLAIMS, claim(wrong)),
            "PersistentVolumeClaim in version \"v1\" cannot be handled as a PersistentVolumeClaim: quantities must match \
             the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        );
    }
}

#[test]
fn times_are_kept_in_seconds_and_others_refused() {
    let pod = |time: &str| json!({"metadata": {"creationTimestamp": time}});
    let (kept, _) = normalised(&PODS, pod("2016-07-01T10:00:00.5+02:00"));
    assert_eq!(kept["metadata"]["creationTimestamp"], "2016-07-01T08:00:00Z");
    assert_eq!(
        refusal(&PODS, pod("yesterday")),
        "Pod in version \"v1\" cannot be handled as a Pod: parsing time \"yesterday\" as \"2006-01-02T15:04:05Z07:00\": \
         cannot parse \"yesterday\" as \"2006\""
    );
}

#[test]
fn unknown_fields_are_named_by_their_path_and_dropped() {
    let (set, unknown) = normalised(
        &PET_SETS,
        json!({
            "foo": 1,
            "metadata": {"name": "web", "labels": {"free": "text"}},
            "spec": {
                "podManagementPolicy": "Parallel",
                "template": {"spec": {"foo": {"bar": 1}, "containers": [{"name": "a", "foo": 1}, {"imagee": "b"}]}},
                "volumeClaimTemplates": [{"spec": {"foo": 1}}],
            },
        }),
    );
    let mut unknown_sorted = unknown;
    unknown_sorted.sort();
    assert_eq!(
        unknown_sorted,
        [
            "foo",
            "spec.podManagementPolicy",
            "spec.template.spec.containers[0].foo",
            "spec.template.spec.containers[1].imagee",
            "spec.template.spec.foo",
            "spec.volumeClaimTemplates[0].spec.foo",
        ]
    );
    assert_eq!(
        set["spec"]["template"],
        json!({"metadata": null, "spec": {"containers": [{"name": "a"}, {"name": ""}]}})
            .as_object()
            .map(|template| json!({"spec": template["spec"]}))
            .unwrap()
    );
}

#[test]
fn an_empty_name_of_a_port_is_kept_in_slices_and_not_in_endpoints() {
    let (slice, _) = normalised(&ENDPOINT_SLICES, json!({"ports": [{"name": "", "port": 80}, {"name": "a"}, {}]}));
    assert_eq!(slice["ports"], json!([{"name": "", "port": 80}, {"name": "a"}, {"name": ""}]));
    let (endpoints, _) = normalised(&ENDPOINTS, json!({"subsets": [{"ports": [{"name": "", "port": 80}]}]}));
    assert_eq!(endpoints["subsets"], json!([{"ports": [{"port": 80}]}]));
}

#[test]
fn what_is_empty_is_dropped_where_it_means_nothing() {
    let (pod, _) = normalised(
        &PODS,
        json!({
            "metadata": {"name": "p", "labels": {}, "annotations": {"a": ""}, "generateName": "", "creationTimestamp": null},
            "spec": {
                "containers": [{"name": "c", "image": "i", "args": [""], "command": [], "env": [{"name": "A", "value": ""}]}],
                "volumes": [{"name": "v", "emptyDir": {}}, {"name": "h", "hostPath": {"path": "/", "type": ""}}],
                "nodeSelector": {},
                "hostname": "",
                "securityContext": {},
                "restartPolicy": null,
            },
        }),
    );
    let kept = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "annotations": {"a": ""}},
        "spec": {
            "containers": [{"name": "c", "image": "i", "args": [""], "env": [{"name": "A"}]}],
            "volumes": [{"name": "v", "emptyDir": {}}, {"name": "h", "hostPath": {"path": "/", "type": ""}}],
            "securityContext": {},
        },
    });
    assert_eq!(pod, kept);
    let (claim, _) = normalised(&CLAIMS, json!({"spec": {"storageClassName": "", "volumeName": ""}}));
    assert_eq!(claim["spec"], json!({"storageClassName": ""}));
}

/// Names that the types know, so that random values get past the first field.
const FIELDS: &[&str] = &[
    "accessModes",
    "annotations",
    "args",
    "capacity",
    "clusterIP",
    "command",
    "containerPort",
    "containers",
    "emptyDir",
    "env",
    "exec",
    "fieldRef",
    "finalizers",
    "foo",
    "hostNetwork",
    "hostPath",
    "httpGet",
    "image",
    "initContainers",
    "labels",
    "lifecycle",
    "limits",
    "livenessProbe",
    "matchLabels",
    "metadata",
    "mountPath",
    "name",
    "namespace",
    "ownerReferences",
    "path",
    "port",
    "ports",
    "preStop",
    "provisioner",
    "readinessProbe",
    "replicas",
    "requests",
    "resources",
    "selector",
    "spec",
    "status",
    "storage",
    "subsets",
    "targetPort",
    "template",
    "type",
    "valueFrom",
    "volumeClaimTemplates",
    "volumeMounts",
    "volumes",
    "pod.alpha.kubernetes.io/init-containers",
];

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-2..70_000_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-zA-Z0-9./-]{0,8}".prop_map(Value::from),
        prop::sample::select(vec!["1Gi", "500m", "Always", "TCP", "None", "[{\"name\":\"a\"}]"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(FIELDS.to_vec()), inner), 0..6).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
            }),
        ]
    })
}

/// An object whose shape is that of a pod or a set more often than not.
fn any_object() -> impl Strategy<Value = Value> {
    let container = any_value().prop_map(|random| {
        let mut container = json!({"name": "c", "image": "i"});
        for (name, value) in random.as_object().into_iter().flatten() {
            container[name] = value.clone();
        }
        container
    });
    let spec = prop::collection::vec(container, 0..3).prop_map(|containers| json!({"containers": containers})).boxed();
    prop_oneof![
        any_value(),
        spec.clone().prop_map(|spec| json!({"metadata": {"name": "p"}, "spec": spec})),
        (spec, any_value()).prop_map(|(spec, metadata)| json!({
            "spec": {"template": {"metadata": metadata, "spec": spec}}
        })),
    ]
}

proptest! {
    #[test]
    fn filling_in_twice_is_filling_in_once(value in any_object()) {
        for resource in RESOURCES {
            let Ok((mut once, _)) = resource.rules.normalise(value.clone()) else { continue };
            resource.rules.default(&mut once);
            let (mut twice, unknown) = resource.rules.normalise(once.clone()).unwrap();
            prop_assert_eq!(unknown, Vec::<String>::new());
            prop_assert_eq!(&twice, &once, "{} does not keep what it filled in", resource.kind);
            resource.rules.default(&mut twice);
            prop_assert_eq!(&twice, &once, "{} fills in again", resource.kind);
        }
    }

    #[test]
    fn no_rule_panics_whatever_the_value(new in any_object(), old in any_object()) {
        for resource in RESOURCES {
            for (new, old) in [(new.clone(), old.clone()), (shaped(resource, &new), shaped(resource, &old))] {
                let rules = resource.rules;
                let mut object = new.clone();
                let _ = rules.warnings(&object);
                rules.default(&mut object);
                rules.prepare_create(&mut object);
                let _ = rules.validate_create(&object);
                rules.prepare_update(&mut object, &old);
                let _ = rules.validate_update(&object, &old);
                for field in ["spec.nodeName", "status.phase", "source", "foo"] {
                    let _ = rules.selectable(&object, field);
                }
            }
        }
    }
}

/// The value in the shape of the resource if it has that shape.
fn shaped(resource: &Resource, value: &Value) -> Value {
    resource.rules.normalise(value.clone()).map_or_else(|_| json!({}), |(object, _)| object)
}
