//! The slices of a service's endpoints.

use k8s_openapi::api::{
    core::v1::{Pod, Service},
    discovery::v1::EndpointSlice,
};
use plan::{
    Write, law,
    zone::slices::{self, ENDPOINTS_PER_SLICE_MAX},
};
use serde_json::{Value, json};

use crate::world::{object, pet, terminating, with_status};

fn nginx() -> Service {
    object(json!({
        "metadata": {"name": "nginx", "namespace": "default", "uid": "service-uid", "labels": {"app": "nginx"}},
        "spec": {"clusterIP": "None", "selector": {"app": "nginx"}, "ports": [{"name": "web", "port": 80}]},
    }))
}

fn at(ordinal: u32, ready: &str) -> Pod {
    let address = format!("10.0.{}.{}", ordinal / 200, ordinal % 200 + 1);
    with_status(
        pet(ordinal),
        json!({"phase": "Running", "podIP": address, "conditions": [{"type": "Ready", "status": ready}]}),
    )
}

/// Plans, and asks the laws.
fn plan(service: &Service, pods: &[Pod], current: &[EndpointSlice]) -> Vec<Write> {
    let (pods, current): (Vec<_>, Vec<_>) = (pods.iter().collect(), current.iter().collect());
    let writes = slices::plan(service, &pods, &current);
    assert_eq!(law::zone::sliced(service, &pods, &current, &writes), Ok(()));
    writes
}

/// The slices that a plan makes, as they are stored.
fn made(service: &Service, pods: &[Pod]) -> Vec<EndpointSlice> {
    let stored = |write| match write {
        Write::Slice { mut slice, rv: None } => {
            slice.metadata.resource_version = Some("9".to_owned());
            *slice
        }
        other => panic!("a slice is made: {other:?}"),
    };
    plan(service, pods, &[]).into_iter().map(stored).collect()
}

fn endpoint(ordinal: u32, [ready, serving, terminating]: [bool; 3]) -> Value {
    let name = format!("web-{ordinal}");
    json!({
        "addresses": [format!("10.0.0.{}", ordinal + 1)],
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        "hostname": name,
        "targetRef": {"kind": "Pod", "namespace": "default", "name": name, "uid": format!("{name}-uid")},
    })
}

#[test]
fn a_slice_tells_of_every_pod_how_it_is() {
    let pods = [at(0, "True"), at(1, "False"), terminating(at(2, "True"))];
    let slice: EndpointSlice = object(json!({
        "metadata": {
            "name": "nginx-bbbbb", "generateName": "nginx-", "namespace": "default", "resourceVersion": "9",
            "labels": {
                "app": "nginx",
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                "kubernetes.io/service-name": "nginx",
                "service.kubernetes.io/headless": "",
            },
            "ownerReferences": [{
                "apiVersion": "v1", "kind": "Service", "name": "nginx", "uid": "service-uid",
                "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "addressType": "IPv4",
        "endpoints": [
            endpoint(0, [true, true, false]),
            endpoint(1, [false, false, false]),
            endpoint(2, [false, true, true]),
        ],
        "ports": [{"name": "web", "port": 80, "protocol": "TCP"}],
    }));
    let slices = made(&nginx(), &pods);
    assert_eq!(slices, [slice]);
    assert_eq!(plan(&nginx(), &pods, &slices), [], "what is so already is left alone");
}

#[test]
fn unready_pods_are_ready_where_the_service_asks_for_them() {
    let mut service = nginx();
    service.spec.get_or_insert_default().publish_not_ready_addresses = Some(true);
    let slices = made(&service, &[at(0, "False"), terminating(at(1, "True"))]);
    let endpoints = [endpoint(0, [true, false, false]), endpoint(1, [true, true, true])];
    assert_eq!(json!(slices[0].endpoints), json!(endpoints));
}

#[test]
fn a_slice_is_there_also_where_no_pod_is_and_another_one_for_each_hundred() {
    let empty = made(&nginx(), &[]);
    assert_eq!((empty.len(), json!(empty[0].endpoints), json!(empty[0].ports)), (1, json!([]), json!([])));

    let pods: Vec<Pod> = (0..250).map(|ordinal| at(ordinal, "True")).collect();
    let slices = made(&nginx(), &pods);
    let sizes = slices.iter().map(|slice| {
        (slice.metadata.name.as_deref().unwrap_or_default(), slice.endpoints.as_deref().unwrap_or_default().len())
    });
    let full = ENDPOINTS_PER_SLICE_MAX;
    assert_eq!(sizes.collect::<Vec<_>>(), [("nginx-bbbbb", full), ("nginx-cbbbb", full), ("nginx-dbbbb", 50)]);
    assert_eq!(plan(&nginx(), &pods, &slices), []);

    let fewer = plan(&nginx(), &pods[..150], &slices);
    assert!(matches!(&fewer[..], [.., Write::DeleteContent { name, .. }] if name == "nginx-dbbbb"), "{fewer:?}");
    let mut aliased = nginx();
    aliased.spec.get_or_insert_default().selector = None;
    assert_eq!(plan(&aliased, &pods, &slices).len(), 3, "a service that selects nothing has none");
}

#[test]
fn a_service_that_goes_gets_no_slice_back() {
    let pods = [at(0, "True")];
    let mut going = nginx();
    going.metadata.deletion_timestamp = terminating(at(0, "True")).metadata.deletion_timestamp;
    assert_eq!(plan(&going, &pods, &[]), []);
    let emptied = plan(&going, &[], &made(&nginx(), &pods));
    assert!(matches!(&emptied[..], [Write::Slice { rv: Some(_), .. }]), "those that are there stay true: {emptied:?}");
}

#[test]
fn slices_of_others_are_left_alone() {
    let mut by_hand = made(&nginx(), &[]).remove(0);
    by_hand.metadata.name = Some("nginx-zzzzz".to_owned());
    by_hand.metadata.labels.get_or_insert_default().remove("endpointslice.kubernetes.io/managed-by");
    let own = made(&nginx(), &[]);
    assert_eq!(plan(&nginx(), &[], &[own[0].clone(), by_hand]), []);
}

#[test]
fn the_laws_notice_slices_that_are_not_true() {
    let (service, pod) = (nginx(), at(0, "True"));
    let why = |current: &[EndpointSlice], writes: &[Write]| {
        let current: Vec<_> = current.iter().collect();
        law::zone::sliced(&service, &[&pod], &current, writes).expect_err("a law is broken").why
    };
    let empty = made(&service, &[]);
    assert_eq!(why(&empty, &[]), "the slices of service nginx say {} and should say {\"10.0.0.1\"}");
    let whole = made(&service, std::slice::from_ref(&pod));
    let again = Write::Slice { slice: Box::new(whole[0].clone()), rv: Some("9".to_owned()) };
    assert_eq!(why(&whole, &[again]), "slice nginx-bbbbb is written although it is so already");
    let mut other = whole[0].clone();
    other.metadata.labels.get_or_insert_default().insert("kubernetes.io/service-name".to_owned(), "db".to_owned());
    let other = Write::Slice { slice: Box::new(other), rv: Some("9".to_owned()) };
    assert_eq!(why(&whole, &[other]), "slice nginx-bbbbb is written for the slices of service nginx");
}
