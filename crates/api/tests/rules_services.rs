//! Services: what their manifests become, which addresses and ports they get, and what is refused.

#![allow(clippy::unwrap_used, reason = "the functions that tests share are tests too")]

use std::net::Ipv4Addr;

use api::admission::{self, Stamp, Update};
use api::body::{self, Media};
use api::resource::SERVICES;
use api::services::{self, ServiceRange, Taken, allocates};
use api::status::Status;
use jiff::Timestamp;
use petset_api as api;
use serde_json::{Value, json};
use uuid::Uuid;

const STAMP: Stamp = Stamp { now: Timestamp::UNIX_EPOCH, uid: Uuid::nil() };

fn range() -> ServiceRange {
    ServiceRange::of(Ipv4Addr::new(10, 88, 0, 0), 24)
}

fn manifest(spec: &str) -> Value {
    let text = format!("metadata: {{name: s}}\nspec: {{{spec}}}\n");
    let (value, _) = body::read(text.as_bytes(), Media::Yaml, SERVICES.kind).unwrap();
    SERVICES.rules.normalise(value).unwrap().0
}

/// A service that has passed admission, before it gets anything.
fn admitted(spec: &str) -> Result<Value, Status> {
    admission::create(&SERVICES, "default", manifest(spec), &STAMP)
}

/// A new service among these others.
fn created(spec: &str, others: &[&Value]) -> Result<Value, Status> {
    let mut service = admitted(spec)?;
    services::allocate(&mut service, None, &Taken::by(others.iter().copied()), &range())?;
    Ok(service)
}

/// What a service becomes by an edit.
fn edited(old: &Value, others: &[&Value], edit: impl Fn(&mut Value)) -> Result<Value, String> {
    let mut new = old.clone();
    edit(&mut new["spec"]);
    let new = SERVICES.rules.normalise(new).unwrap().0;
    let updated = admission::update(&SERVICES, new, old).map_err(|status| status.message)?;
    let Update::Write(mut new) = updated else { panic!("it is not being deleted") };
    let taken = Taken::by(others.iter().copied());
    services::allocate(&mut new, Some(old), &taken, &range()).map_err(|status| status.message)?;
    Ok(new)
}

fn refusal(spec: &str) -> String {
    let status = admitted(spec).unwrap_err();
    assert_eq!((status.code, status.reason), (422, "Invalid"));
    status.message
}

fn node_ports(service: &Value) -> Vec<u64> {
    let ports = service["spec"]["ports"].as_array().unwrap();
    ports.iter().map(|port| port["nodePort"].as_u64().unwrap_or_default()).collect()
}

#[test]
fn the_upper_quarter_of_a_network_is_for_services() {
    let range = range();
    assert_eq!(range.to_string(), "10.88.0.192/26");
    assert_eq!(range.balancer(), Some(Ipv4Addr::new(10, 88, 0, 192)));
    let of =
        |is: &dyn Fn(Ipv4Addr) -> bool| (0..=255).filter(|n| is(Ipv4Addr::new(10, 88, 0, *n))).collect::<Vec<u8>>();
    assert_eq!(of(&|address| range.contains(address)), (192..=255).collect::<Vec<u8>>());
    assert_eq!(
        of(&|address| range.allows(address)),
        (193..=251).collect::<Vec<u8>>(),
        "the last four are the engine's"
    );
    let wide = ServiceRange::of(Ipv4Addr::new(10, 88, 7, 9), 16);
    assert_eq!((wide.to_string().as_str(), wide.balancer()), ("10.88.192.0/18", Some(Ipv4Addr::new(10, 88, 192, 0))));
    let narrow = ServiceRange::of(Ipv4Addr::new(10, 88, 0, 0), 27);
    assert_eq!((narrow.balancer(), narrow.contains(Ipv4Addr::new(10, 88, 0, 30))), (None, false));
}

#[test]
fn a_service_gets_an_address_that_is_nobodys_and_always_the_same() {
    let web = created("ports: [{port: 80}]", &[]).unwrap();
    let address: Ipv4Addr = web["spec"]["clusterIP"].as_str().unwrap().parse().unwrap();
    assert!(range().allows(address));
    assert_eq!(web["spec"]["clusterIPs"], json!([address.to_string()]));
    assert_eq!(created("ports: [{port: 80}]", &[]).unwrap()["spec"], web["spec"], "made again it is the same");
    let mut others = vec![web];
    for _ in 1..59 {
        let service = created("ports: [{port: 80}]", &others.iter().collect::<Vec<_>>()).unwrap();
        assert!(others.iter().all(|other| other["spec"]["clusterIP"] != service["spec"]["clusterIP"]));
        others.push(service);
    }
    let full = created("ports: [{port: 80}]", &others.iter().collect::<Vec<_>>()).unwrap_err();
    assert_eq!(full.code, 500);
    assert!(full.message.ends_with("failed to allocate a serviceIP: range is full"), "{}", full.message);
    let headless = created("clusterIP: None", &others.iter().collect::<Vec<_>>()).unwrap();
    assert_eq!(headless["spec"]["clusterIPs"], json!(["None"]));
}

#[test]
fn what_a_service_has_that_says_nothing_is_as_in_kubernetes() {
    let service = created("ports: [{port: 80}], selector: {app: web}, clusterIP: 10.88.0.200", &[]).unwrap();
    assert_eq!(
        service["spec"],
        json!({
            "clusterIP": "10.88.0.200",
            "clusterIPs": ["10.88.0.200"],
            "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
            "selector": {"app": "web"},
            "sessionAffinity": "None",
            "type": "ClusterIP",
        })
    );
    let sticky = created("ports: [{port: 80}], sessionAffinity: ClientIP", &[]).unwrap();
    assert_eq!(sticky["spec"]["sessionAffinityConfig"], json!({"clientIP": {"timeoutSeconds": 10800}}));
    let alias = created("type: ExternalName, externalName: example.com", &[]).unwrap();
    assert_eq!(
        alias["spec"],
        json!({"externalName": "example.com", "sessionAffinity": "None", "type": "ExternalName"})
    );
}

#[test]
fn an_address_or_a_port_that_is_asked_for_must_be_free_and_in_its_range() {
    let first = created("type: NodePort, clusterIP: 10.88.0.200, ports: [{port: 80, nodePort: 30080}]", &[]).unwrap();
    assert_eq!(node_ports(&first), [30080]);
    for (spec, why) in [
        (
            "clusterIP: 10.88.0.200, ports: [{port: 80}]",
            "spec.clusterIPs: Invalid value: [\"10.88.0.200\"]: failed to allocate IP 10.88.0.200: provided IP is already allocated",
        ),
        (
            "clusterIP: 10.88.0.192, ports: [{port: 80}]",
            "spec.clusterIPs: Invalid value: [\"10.88.0.192\"]: failed to allocate IP 10.88.0.192: the provided IP (10.88.0.192) is \
             not in the valid range. The range of valid IPs is 10.88.0.192/26",
        ),
        (
            "type: NodePort, ports: [{port: 80, nodePort: 30080}]",
            "spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated",
        ),
        (
            "type: NodePort, ports: [{port: 80, nodePort: 80}]",
            "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is \
             30000-32767",
        ),
    ] {
        let status = created(spec, &[&first]).unwrap_err();
        assert_eq!((status.code, status.message), (422, format!("Service \"s\" is invalid: {why}")), "{spec}");
    }
}

#[test]
fn each_port_of_a_node_port_service_gets_one_of_the_hosts() {
    let spec =
        "type: NodePort, ports: [{name: a, port: 80}, {name: b, port: 81}, {name: c, port: 82, nodePort: 31000}]";
    let service = created(spec, &[]).unwrap();
    let ports = node_ports(&service);
    assert!(ports.iter().all(|port| services::NODE_PORTS.contains(&u16::try_from(*port).unwrap())), "{ports:?}");
    assert!(ports[0] != ports[1] && ports[2] == 31000, "{ports:?}");
    assert_eq!(node_ports(&created("type: LoadBalancer, ports: [{port: 80}]", &[&service]).unwrap()).len(), 1);
    let without = "type: LoadBalancer, allocateLoadBalancerNodePorts: false, ports: [{port: 80}]";
    assert_eq!(node_ports(&created(without, &[]).unwrap()), [0]);
}

#[test]
fn what_a_service_was_given_stays_and_may_not_be_changed() {
    let old = created("type: NodePort, ports: [{name: a, port: 80}]", &[]).unwrap();
    let given = (old["spec"]["clusterIP"].clone(), node_ports(&old));
    let forgetful = edited(&old, &[], |spec| {
        for field in ["clusterIP", "clusterIPs"] {
            spec.as_object_mut().unwrap().remove(field);
        }
        spec["ports"] = json!([{"name": "b", "port": 81}, {"name": "a", "port": 80}]);
    })
    .unwrap();
    assert_eq!(forgetful["spec"]["clusterIP"], given.0);
    assert_eq!(node_ports(&forgetful)[1], given.1[0], "a port is known by its name");
    assert_eq!(
        edited(&old, &[], |spec| spec["clusterIP"] = "10.88.0.201".into()),
        Err("Service \"s\" is invalid: spec.clusterIPs[0]: Invalid value: [\"10.88.0.201\"]: may not change once set"
            .to_owned())
    );
    assert!(edited(&old, &[], |spec| spec["clusterIP"] = "None".into()).is_err(), "nor become headless");
    let headless = created("clusterIP: None, ports: [{port: 80}]", &[]).unwrap();
    assert!(edited(&headless, &[], |spec| spec["clusterIP"] = "10.88.0.201".into()).is_err(), "nor the other way");
}

#[test]
fn another_type_keeps_what_it_has_a_use_for() {
    let node_port = created("type: NodePort, ports: [{port: 80}]", &[]).unwrap();
    let plain = edited(&node_port, &[], |spec| spec["type"] = "ClusterIP".into()).unwrap();
    assert_eq!((&plain["spec"]["clusterIP"], node_ports(&plain)), (&node_port["spec"]["clusterIP"], vec![0]));
    let again = edited(&plain, &[], |spec| spec["type"] = "NodePort".into()).unwrap();
    assert_ne!(node_ports(&again), [0]);
    let alias = edited(&plain, &[], |spec| {
        spec["type"] = "ExternalName".into();
        spec["externalName"] = "example.com".into();
    })
    .unwrap();
    assert_eq!(alias["spec"].get("clusterIP"), None);
    let back = edited(&alias, &[&node_port], |spec| {
        spec["type"] = "ClusterIP".into();
        spec.as_object_mut().unwrap().remove("externalName");
    })
    .unwrap();
    assert_ne!(back["spec"]["clusterIP"], node_port["spec"]["clusterIP"], "that is another's meanwhile");
}

#[test]
fn only_what_asks_for_something_new_is_decided_one_at_a_time() {
    let old = created("type: NodePort, ports: [{port: 80}]", &[]).unwrap();
    assert!(allocates(&admitted("ports: [{port: 80}]").unwrap(), None));
    assert!(!allocates(&admitted("clusterIP: None").unwrap(), None));
    assert!(!allocates(&old, Some(&old)));
    let mut more = old.clone();
    more["spec"]["ports"] = json!([{"port": 80, "nodePort": node_ports(&old)[0]}, {"port": 81}]);
    assert!(allocates(&more, Some(&old)));
}

#[test]
fn what_has_no_effect_is_told() {
    for (spec, warnings) in [
        ("clusterIP: None", vec![]),
        ("ports: [{port: 80}], type: NodePort, sessionAffinity: ClientIP", vec![]),
        (
            "ports: [{port: 80}], type: LoadBalancer",
            vec![
                "spec.type: there are no load balancers here; LoadBalancer has the effect of NodePort, on this machine's loopback",
            ],
        ),
        (
            "clusterIP: None, sessionAffinity: ClientIP",
            vec!["spec.sessionAffinity has no effect: no traffic passes through a headless service"],
        ),
        (
            "ports: [{port: 80, protocol: SCTP}]",
            vec!["spec.ports: SCTP is not passed on by virtual addresses; the pods' own addresses have no such limit"],
        ),
    ] {
        assert_eq!(SERVICES.rules.warnings(&manifest(spec)), warnings, "{spec}");
    }
}

#[test]
fn what_is_wrong_with_a_service_is_said_in_kubernetes_words() {
    for (spec, why) in [
        (
            "ports: [{port: 0}]",
            "[spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive, spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive]",
        ),
        ("ports: [{port: 1}, {port: 2}]", "[spec.ports[0].name: Required value, spec.ports[1].name: Required value]"),
        (
            "ports: [{port: 1, name: a}, {port: 1, name: a}]",
            "[spec.ports[1].name: Duplicate value: \"a\", spec.ports[1]: Duplicate value: {\"port\":1,\"protocol\":\"TCP\"}]",
        ),
        (
            "ports: [{port: 1, protocol: ICMP}]",
            "spec.ports[0].protocol: Unsupported value: \"ICMP\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
        ),
        (
            "ports: [{port: 1, nodePort: 30000}]",
            "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
        ),
        ("type: ClusterIP", "spec.ports: Required value"),
        (
            "type: NodePort, clusterIP: None, ports: [{port: 1}]",
            "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services",
        ),
        (
            "clusterIPs: [10.88.0.200], ports: [{port: 1}]",
            "spec.clusterIPs: Invalid value: [\"10.88.0.200\"]: first value must match `clusterIP`",
        ),
        (
            "clusterIP: a.b, ports: [{port: 1}]",
            "spec.clusterIPs[0]: Invalid value: \"a.b\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
        ),
        (
            "sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 86401}}, ports: [{port: 1}]",
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400",
        ),
        (
            "type: Fancy, ports: [{port: 1}]",
            "spec.type: Unsupported value: \"Fancy\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"",
        ),
        ("type: ExternalName", "spec.externalName: Required value"),
        (
            "type: ExternalName, externalName: a.b, clusterIP: None",
            "spec.clusterIP: Forbidden: may not be set when `type` is 'ExternalName'",
        ),
    ] {
        assert_eq!(refusal(spec), format!("Service \"s\" is invalid: {why}"), "{spec}");
    }
    let mut digit = manifest("ports: [{port: 1}]");
    digit["metadata"]["name"] = "1a".into();
    assert!(admission::create(&SERVICES, "default", digit, &STAMP).is_ok());
}
