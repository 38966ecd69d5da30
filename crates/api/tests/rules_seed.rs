//! The manifests of 2016 pass unchanged.

#![allow(clippy::unwrap_used, reason = "the functions that tests share are tests too")]

use api::admission::{self, Stamp, Update};
use api::body::{self, Media};
use api::resource::{RESOURCES, Resource};
use jiff::Timestamp;
use petset_api as api;
use serde_json::{Value, json};
use uuid::Uuid;

const STAMP: Stamp = Stamp { now: Timestamp::UNIX_EPOCH, uid: Uuid::nil() };
const NGINX: &str = include_str!("manifests/nginx.yaml");
const VM: &str = include_str!("manifests/vm.yaml");

fn resource_of(kind: &str) -> &'static Resource {
    RESOURCES.iter().find(|resource| resource.kind == kind).unwrap()
}

/// The objects of a manifest, each as the store would get it from a creation, with the warnings that it gave.
fn created(manifest: &str) -> Vec<(Value, Vec<String>)> {
    manifest.split("---\n").map(|document| create(document.as_bytes())).collect()
}

fn create(document: &[u8]) -> (Value, Vec<String>) {
    let (value, duplicates) = body::read(document, Media::Yaml, "Object").unwrap();
    assert_eq!(duplicates, Vec::<String>::new());
    let resource = resource_of(value["kind"].as_str().unwrap());
    let (object, unknown) = resource.rules.normalise(value).unwrap();
    assert_eq!(unknown, Vec::<String>::new());
    let warnings = resource.rules.warnings(&object);
    (admission::create(resource, "default", object, &STAMP).unwrap(), warnings)
}

/// Metadata with what every new object gets.
fn metadata(mut own: Value) -> Value {
    own["namespace"] = "default".into();
    own["uid"] = Uuid::nil().to_string().into();
    own["creationTimestamp"] = "1970-01-01T00:00:00Z".into();
    own
}

#[test]
fn the_nginx_manifest_is_created_as_kubernetes_creates_it() {
    let objects = created(NGINX);
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(json!({"name": "nginx", "labels": {"app": "nginx"}})),
        "spec": {
            "clusterIP": "None",
            "clusterIPs": ["None"],
            "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "ports": [{"name": "web", "port": 80, "protocol": "TCP", "targetPort": 80}],
            "selector": {"app": "nginx"},
            "sessionAffinity": "None",
            "type": "ClusterIP",
        },
        "status": {"loadBalancer": {}},
    });
    let set = json!({
        "apiVersion": "apps/v1alpha1",
        "kind": "PetSet",
        "metadata": metadata(json!({"name": "web", "labels": {"app": "nginx"}, "generation": 1})),
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "nginx"}},
            "serviceName": "nginx",
            "template": {
                "metadata": {
                    "annotations": {"pod.alpha.kubernetes.io/initialized": "true"},
                    "labels": {"app": "nginx"},
                },
                "spec": {
                    "containers": [{
                        "name": "nginx",
                        "image": "gcr.io/google_containers/nginx-slim:0.7",
                        "imagePullPolicy": "IfNotPresent",
                        "command": ["nginx"],
                        "args": ["-g", "daemon off;"],
                        "ports": [{"containerPort": 80, "name": "web", "protocol": "TCP"}],
                        "resources": {},
                        "terminationMessagePath": "/dev/termination-log",
                        "terminationMessagePolicy": "File",
                        "volumeMounts": [{"name": "www", "mountPath": "/usr/share/nginx/html"}],
                    }],
                    "dnsPolicy": "ClusterFirst",
                    "restartPolicy": "Always",
                    "schedulerName": "default-scheduler",
                    "securityContext": {},
                    "terminationGracePeriodSeconds": 0,
                },
            },
            "volumeClaimTemplates": [{
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {
                    "name": "www",
                    "annotations": {"volume.alpha.kubernetes.io/storage-class": "anything"},
                },
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": "1Gi"}},
                    "volumeMode": "Filesystem",
                },
                "status": {"phase": "Pending"},
            }],
        },
        "status": {"replicas": 0},
    });
    assert_eq!(objects, [(service, vec![]), (set, vec![])]);
}

#[test]
fn the_vm_manifest_keeps_its_init_containers_for_its_pets() {
    let (set, warnings) = created(VM).remove(1);
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(set["spec"]["template"]["spec"].get("initContainers"), None);
    let annotations = serde_json::from_value(set["spec"]["template"]["metadata"]["annotations"].clone()).unwrap();
    let containers = api::petset::init_containers(&annotations).unwrap();
    assert_eq!(
        serde_json::to_value(containers).unwrap(),
        json!([{
            "name": "rootfs",
            "image": "ubuntu:15.10",
            "command": ["/bin/sh", "-c", "for d in usr lib etc; do cp -vnpr /$d/* /${d}mnt; done;"],
            "volumeMounts": [
                {"name": "usr", "mountPath": "/usrmnt"},
                {"name": "lib", "mountPath": "/libmnt"},
                {"name": "etc", "mountPath": "/etcmnt"},
            ],
        }])
    );
}

#[test]
fn a_second_apply_of_the_same_manifest_changes_nothing() {
    for manifest in [NGINX, VM] {
        for document in manifest.split("---\n") {
            let (object, _) = create(document.as_bytes());
            let resource = resource_of(object["kind"].as_str().unwrap());
            let (again, unknown) = resource.rules.normalise(object.clone()).unwrap();
            assert_eq!(unknown, Vec::<String>::new());
            assert_eq!(admission::update(resource, again, &object), Ok(Update::Write(object.clone())));

            let (value, _) = body::read(document.as_bytes(), Media::Yaml, "Object").unwrap();
            let (manifest, _) = resource.rules.normalise(value).unwrap();
            assert_eq!(admission::update(resource, manifest, &object), Ok(Update::Write(object)));
        }
    }
}
