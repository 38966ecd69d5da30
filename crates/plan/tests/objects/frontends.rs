//! What stands behind the virtual address of a service.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Endpoints, Pod, Service};
use plan::zone::{self, Frontend, Protocol, frontends::unserved};
use serde_json::{Value, json};

use crate::world::{object, pet, terminating, with_status};

fn service(spec: Value) -> Service {
    let mut whole = json!({
        "metadata": {"name": "web", "namespace": "default", "uid": "s-1"},
        "spec": {"clusterIP": "10.0.0.193", "clusterIPs": ["10.0.0.193"], "selector": {"app": "nginx"}},
    });
    let Value::Object(fields) = spec else { panic!("a spec is an object") };
    whole["spec"].as_object_mut().unwrap().extend(fields);
    object(whole)
}

/// `web-$(ordinal)` at 10.0.0.$(ordinal + 2), whose port `http` has this number.
fn pod(ordinal: u32, http: u16, ready: &str) -> Pod {
    let address = format!("10.0.0.{}", ordinal + 2);
    let mut pod = with_status(
        pet(ordinal),
        json!({
            "phase": "Running", "podIP": address, "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": ready}],
        }),
    );
    pod.spec.as_mut().unwrap().containers[0].ports =
        Some(vec![object(json!({"name": "http", "containerPort": http, "protocol": "TCP"}))]);
    pod
}

fn frontends(service: &Service, pods: &[Pod], endpoints: Option<&Endpoints>) -> Vec<Frontend> {
    zone::plan(service, &pods.iter().collect::<Vec<_>>(), endpoints).frontends
}

fn frontend(protocol: Protocol, port: u16, backends: &[&str]) -> Frontend {
    Frontend {
        protocol,
        address: format!("10.0.0.193:{port}").parse().unwrap(),
        node_port: None,
        affinity: None,
        backends: backends.iter().map(|backend| backend.parse().unwrap()).collect(),
    }
}

#[test]
fn each_port_leads_to_the_ready_pods_own_ports() {
    let pods = [pod(0, 8080, "True"), pod(1, 9090, "True"), pod(2, 8080, "False"), terminating(pod(3, 8080, "True"))];
    let ports = json!([
        {"name": "web", "port": 80, "targetPort": "http"},
        {"name": "raw", "port": 81, "targetPort": 7000},
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "sig", "port": 3868, "protocol": "SCTP"},
    ]);
    let web = service(json!({"ports": ports}));
    assert_eq!(
        frontends(&web, &pods, None),
        [
            frontend(Protocol::Tcp, 80, &["10.0.0.2:8080", "10.0.0.3:9090"]),
            frontend(Protocol::Tcp, 81, &["10.0.0.2:7000", "10.0.0.3:7000"]),
            frontend(Protocol::Udp, 53, &["10.0.0.2:53", "10.0.0.3:53"]),
        ]
    );
    let unready = service(json!({"ports": [{"port": 80}], "publishNotReadyAddresses": true}));
    let all = ["10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80", "10.0.0.5:80"];
    assert_eq!(frontends(&unready, &pods, None), [frontend(Protocol::Tcp, 80, &all)]);
    assert_eq!(frontends(&web, &[], None)[0], frontend(Protocol::Tcp, 80, &[]), "it is there, and refuses");
}

#[test]
fn affinity_and_the_ports_of_the_host_are_the_services() {
    let ports = json!([{"port": 80, "nodePort": 30080}]);
    for (spec, affinity) in [
        (json!({"ports": ports}), None),
        (json!({"ports": ports, "sessionAffinity": "None"}), None),
        (json!({"ports": ports, "sessionAffinity": "ClientIP"}), Some(10_800)),
        (
            json!({
                "ports": ports, "sessionAffinity": "ClientIP",
                "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 5}},
            }),
            Some(5),
        ),
    ] {
        let expected = Frontend {
            node_port: Some(30080),
            affinity: affinity.map(Duration::from_secs),
            ..frontend(Protocol::Tcp, 80, &[])
        };
        assert_eq!(frontends(&service(spec.clone()), &[], None), [expected], "{spec}");
    }
}

#[test]
fn a_service_without_an_address_has_nothing_in_front() {
    let pods = [pod(0, 8080, "True")];
    for spec in [
        json!({"clusterIP": "None", "clusterIPs": ["None"], "ports": [{"port": 80}]}),
        json!({"type": "ExternalName", "externalName": "example.com", "ports": [{"port": 80}]}),
    ] {
        assert_eq!(frontends(&service(spec.clone()), &pods, None), [], "{spec}");
    }
}

#[test]
fn a_service_without_a_selector_leads_where_somebody_has_written() {
    let by_hand = object(json!({
        "metadata": {"name": "web", "namespace": "default"},
        "subsets": [
            {"addresses": [{"ip": "192.0.2.1"}], "notReadyAddresses": [{"ip": "192.0.2.2"}], "ports": [{"name": "db", "port": 5433}]},
            {"addresses": [{"ip": "192.0.2.3"}], "ports": [{"name": "db", "port": 5434}, {"name": "other", "port": 1}]},
        ],
    }));
    let db = service(json!({"selector": null, "ports": [{"name": "db", "port": 5432}]}));
    let expected = frontend(Protocol::Tcp, 5432, &["192.0.2.1:5433", "192.0.2.3:5434"]);
    assert_eq!(frontends(&db, &[], Some(&by_hand)), [expected]);
}

#[test]
fn a_service_that_is_not_served_says_why() {
    let wait = unserved(&service(json!({})), "the port 30080 is taken");
    assert_eq!((wait.reason, wait.message.as_str()), ("FrontendUnserved", "web: the port 30080 is taken"));
    assert_eq!((wait.subject.kind.as_str(), wait.subject.uid.as_str()), ("Service", "s-1"));
}
