//! What a service publishes, in its `Endpoints` and in DNS.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use k8s_openapi::api::core::v1::{Endpoints, Pod, Service};
use plan::{
    Write,
    zone::{self, Endpoint, Plan, Port, Records, Zone},
};
use serde_json::{Value, json};

use crate::world::{object, pet, terminating, with_status};

/// The governing service of the set `web`.
fn nginx() -> Service {
    object(json!({
        "metadata": {"name": "nginx", "namespace": "default", "labels": {"app": "nginx"}},
        "spec": {
            "clusterIP": "None",
            "selector": {"app": "nginx"},
            "ports": [{"name": "web", "port": 80, "protocol": "TCP"}],
        },
    }))
}

fn changed(service: Service, spec: Value) -> Service {
    let mut whole = serde_json::to_value(service).unwrap();
    let Value::Object(fields) = spec else { panic!("a spec is an object") };
    whole["spec"].as_object_mut().unwrap().extend(fields);
    object(whole)
}

/// `web-$(ordinal)` with address 10.0.0.$(octet), Ready or not.
fn at(ordinal: u32, octet: u8, ready: &str) -> Pod {
    let address = format!("10.0.0.{octet}");
    with_status(
        pet(ordinal),
        json!({
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": ready}],
        }),
    )
}

fn port(name: &str, number: u16) -> Port {
    Port { name: Some(name.to_owned()).filter(|n| !n.is_empty()), protocol: "tcp".to_owned(), number }
}

fn endpoint(hostname: &str, octet: u8) -> Endpoint {
    Endpoint {
        hostname: hostname.to_owned(),
        addresses: vec![IpAddr::from([10, 0, 0, octet])],
        ports: vec![port("web", 80)],
    }
}

fn plan(service: &Service, pods: &[Pod], current: Option<&Endpoints>) -> Plan {
    zone::plan(service, &pods.iter().collect::<Vec<_>>(), current)
}

fn records(service: &Service, pods: &[Pod]) -> Records {
    plan(service, pods, None).records
}

fn subsets(service: &Service, pods: &[Pod]) -> Value {
    match &plan(service, pods, None).writes[..] {
        [Write::Endpoints { endpoints, rv: None }] => json!(endpoints.subsets),
        other => panic!("one object is made: {other:?}"),
    }
}

fn address(ordinal: u32, octet: u8) -> Value {
    json!({
        "ip": format!("10.0.0.{octet}"),
        "hostname": format!("web-{ordinal}"),
        "targetRef": {
            "kind": "Pod", "namespace": "default", "name": format!("web-{ordinal}"), "uid": format!("web-{ordinal}-uid"),
        },
    })
}

#[test]
fn a_headless_service_publishes_its_ready_pets_under_their_hostnames() {
    let pods = [at(1, 4, "True"), at(0, 3, "True"), at(2, 2, "False")];
    let endpoints = object(json!({
        "metadata": {
            "name": "nginx",
            "namespace": "default",
            "labels": {
                "app": "nginx",
                "endpoints.kubernetes.io/managed-by": "endpoint-controller",
                "service.kubernetes.io/headless": "",
            },
        },
        "subsets": [{
            "addresses": [address(0, 3), address(1, 4)],
            "notReadyAddresses": [address(2, 2)],
            "ports": [{"name": "web", "port": 80, "protocol": "TCP"}],
        }],
    }));
    assert_eq!(
        plan(&nginx(), &pods, None),
        Plan {
            records: Records::Endpoints(vec![endpoint("web-0", 3), endpoint("web-1", 4)]),
            frontends: vec![],
            writes: vec![Write::Endpoints { endpoints: Box::new(endpoints), rv: None }],
        }
    );
}

#[test]
fn endpoints_that_say_so_already_are_left_alone() {
    let pods = [at(0, 3, "True")];
    let Some(Write::Endpoints { endpoints, .. }) = plan(&nginx(), &pods, None).writes.pop() else { panic!() };
    let mut stored = *endpoints;
    stored.metadata.uid = Some("ep-uid".to_owned());
    stored.metadata.resource_version = Some("9".to_owned());
    stored.metadata.annotations = Some(BTreeMap::from([("mine".to_owned(), "kept".to_owned())]));
    assert_eq!(plan(&nginx(), &pods, Some(&stored)).writes, []);

    let mut emptied = stored.clone();
    emptied.subsets = None;
    let change = Write::Endpoints { endpoints: Box::new(emptied.clone()), rv: Some("9".to_owned()) };
    assert_eq!(plan(&nginx(), &[], Some(&stored)).writes, [change], "what is not ours to say stays");
    emptied.subsets = Some(vec![]);
    assert_eq!(plan(&nginx(), &[], Some(&emptied)).writes, [], "an empty list is no list");
}

#[test]
fn only_pods_that_can_answer_are_endpoints() {
    let mut stranger = at(0, 3, "True");
    stranger.metadata.labels = None;
    let mut elsewhere = at(0, 3, "True");
    elsewhere.metadata.namespace = Some("other".to_owned());
    let ended = |phase: &str| with_status(pet(0), json!({"phase": phase, "podIP": "10.0.0.3"}));
    let without = with_status(pet(0), json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}));
    for pod in [stranger, elsewhere, ended("Succeeded"), ended("Failed"), without, terminating(at(0, 3, "True"))] {
        assert_eq!(subsets(&nginx(), std::slice::from_ref(&pod)), Value::Null, "{pod:?}");
        assert_eq!(records(&nginx(), &[pod]), Records::Endpoints(vec![]));
    }
}

#[test]
fn a_service_that_asks_for_them_publishes_unready_pets() {
    let by_field = changed(nginx(), json!({"publishNotReadyAddresses": true}));
    let annotated = |value: &str| {
        let mut service = nginx();
        let annotation = "service.alpha.kubernetes.io/tolerate-unready-endpoints".to_owned();
        service.metadata.annotations = Some(BTreeMap::from([(annotation, value.to_owned())]));
        service
    };
    let pods = [at(0, 3, "False"), terminating(at(1, 4, "True"))];
    let both = Records::Endpoints(vec![endpoint("web-0", 3), endpoint("web-1", 4)]);
    for service in [by_field, annotated("true"), annotated("1")] {
        assert_eq!(records(&service, &pods), both);
        assert_eq!(
            subsets(&service, &pods),
            json!([{
                "addresses": [address(0, 3), address(1, 4)],
                "ports": [{"name": "web", "port": 80, "protocol": "TCP"}],
            }])
        );
    }
    for value in ["false", "", "yes"] {
        assert_eq!(records(&annotated(value), &pods), Records::Endpoints(vec![]), "{value:?}");
    }
}

#[test]
fn a_pod_has_a_hostname_only_under_its_own_subdomain() {
    let named = |hostname: Value, subdomain: Value, annotations: Value| {
        let mut pod = serde_json::to_value(at(0, 3, "True")).unwrap();
        pod["spec"]["hostname"] = hostname;
        pod["spec"]["subdomain"] = subdomain;
        pod["metadata"]["annotations"] = annotations;
        object::<Pod>(pod)
    };
    let (host, domain) = ("pod.beta.kubernetes.io/hostname", "pod.beta.kubernetes.io/subdomain");
    for (pod, label) in [
        (named(json!("a"), json!("nginx"), json!({})), "a"),
        (named(json!("a"), json!("other"), json!({})), "10-0-0-3"),
        (named(json!("a"), Value::Null, json!({})), "10-0-0-3"),
        (named(Value::Null, json!("nginx"), json!({})), "10-0-0-3"),
        (named(Value::Null, Value::Null, json!({host: "b", domain: "nginx"})), "b"),
        (named(json!("a"), json!("nginx"), json!({host: "b", domain: "other"})), "a"),
    ] {
        assert_eq!(records(&nginx(), &[pod]), Records::Endpoints(vec![endpoint(label, 3)]));
    }
}

#[test]
fn a_named_target_port_is_each_pods_own() {
    let service = changed(
        nginx(),
        json!({"ports": [
            {"name": "web", "port": 80, "targetPort": "http"},
            {"name": "DNS", "port": 53, "targetPort": 5353, "protocol": "UDP"},
        ]}),
    );
    let listening = |ordinal, octet, ports: Value| {
        let mut pod = serde_json::to_value(at(ordinal, octet, "True")).unwrap();
        pod["spec"]["containers"][0]["ports"] = ports;
        object::<Pod>(pod)
    };
    let pods = [
        listening(0, 3, json!([{"name": "http", "containerPort": 8080}])),
        listening(1, 4, json!([{"name": "http", "containerPort": 9090}])),
        listening(2, 5, json!([{"name": "http", "containerPort": 1, "protocol": "UDP"}])),
    ];
    let udp = Port { name: Some("dns".to_owned()), protocol: "udp".to_owned(), number: 5353 };
    let with = |mut endpoint: Endpoint, ports: &[Port]| {
        endpoint.ports = ports.to_vec();
        endpoint
    };
    assert_eq!(
        records(&service, &pods),
        Records::Endpoints(vec![
            with(endpoint("web-0", 3), &[port("web", 8080), udp.clone()]),
            with(endpoint("web-1", 4), &[port("web", 9090), udp.clone()]),
            with(endpoint("web-2", 5), &[udp]),
        ])
    );
    let dns = json!({"name": "DNS", "port": 5353, "protocol": "UDP"});
    assert_eq!(
        subsets(&service, &pods),
        json!([
            {"addresses": [address(0, 3)], "ports": [{"name": "web", "port": 8080, "protocol": "TCP"}, dns]},
            {"addresses": [address(1, 4)], "ports": [{"name": "web", "port": 9090, "protocol": "TCP"}, dns]},
            {"addresses": [address(2, 5)], "ports": [dns]},
        ]),
        "pods with other ports stand in a subset of their own"
    );
}

#[test]
fn a_service_without_ports_still_has_addresses() {
    let service = changed(nginx(), json!({"ports": null}));
    let endpoint = Endpoint { ports: vec![], ..endpoint("web-0", 3) };
    assert_eq!(records(&service, &[at(0, 3, "True")]), Records::Endpoints(vec![endpoint]));
    assert_eq!(subsets(&service, &[at(0, 3, "True")]), json!([{"addresses": [address(0, 3)]}]));
}

#[test]
fn a_service_with_virtual_addresses_has_them_and_its_own_ports() {
    let service = changed(
        nginx(),
        json!({
            "clusterIP": "10.1.0.1",
            "clusterIPs": ["10.1.0.1", "fd00::1"],
            "ports": [{"name": "web", "port": 80, "targetPort": 8080}],
        }),
    );
    let mut pod = endpoint("web-0", 3);
    pod.ports = vec![port("web", 8080)];
    let Plan { records, writes, .. } = plan(&service, &[at(0, 3, "True")], None);
    assert_eq!(
        records,
        Records::Virtual {
            addresses: vec!["10.1.0.1".parse().unwrap(), "fd00::1".parse().unwrap()],
            ports: vec![port("web", 80)],
            endpoints: vec![pod],
        }
    );
    let [Write::Endpoints { endpoints, .. }] = &writes[..] else { panic!("{writes:?}") };
    let labels = endpoints.metadata.labels.as_ref().unwrap();
    assert!(!labels.contains_key("service.kubernetes.io/headless"));
}

#[test]
fn a_service_without_a_selector_publishes_what_was_written_by_hand() {
    let service = changed(nginx(), json!({"selector": null}));
    let by_hand = object(json!({
        "metadata": {"name": "nginx", "namespace": "default"},
        "subsets": [
            {
                "addresses": [{"ip": "10.0.0.9", "hostname": "db"}, {"ip": "10.0.0.8"}, {"ip": "nonsense"}],
                "notReadyAddresses": [{"ip": "10.0.0.7"}],
                "ports": [{"name": "web", "port": 80}],
            },
            {"addresses": [{"ip": "10.0.0.9", "hostname": "db"}], "ports": [{"port": 81}, {"port": 99999}]},
        ],
    }));
    let mut both = endpoint("db", 9);
    both.ports.push(port("", 81));
    assert_eq!(
        plan(&service, &[at(0, 3, "True")], Some(&by_hand)),
        Plan { records: Records::Endpoints(vec![endpoint("10-0-0-8", 8), both]), frontends: vec![], writes: vec![] }
    );
    let nothing = Plan { records: Records::Endpoints(vec![]), frontends: vec![], writes: vec![] };
    assert_eq!(plan(&service, &[], None), nothing);
}

#[test]
fn an_external_name_is_an_alias() {
    let service = changed(nginx(), json!({"type": "ExternalName", "externalName": "db.example.org."}));
    let alias = Records::External("db.example.org".to_owned());
    assert_eq!(plan(&service, &[at(0, 3, "True")], None), Plan { records: alias, frontends: vec![], writes: vec![] });
}

#[test]
fn a_service_that_goes_gets_no_endpoints_back() {
    let pods = [at(0, 1, "True")];
    let mut going = nginx();
    going.metadata.deletion_timestamp = terminating(at(0, 1, "True")).metadata.deletion_timestamp;
    assert_eq!(plan(&going, &pods, None).writes, []);
    let [Write::Endpoints { endpoints, .. }] = &plan(&nginx(), &pods, None).writes[..] else { panic!("one is made") };
    let emptied = plan(&going, &[], Some(endpoints)).writes;
    assert!(matches!(&emptied[..], [Write::Endpoints { rv: None, .. }]), "those that are there stay true: {emptied:?}");
}

#[test]
fn endpoints_of_ours_go_with_their_service() {
    let made = |name: &str, by: &str| -> Endpoints {
        object(json!({"metadata": {
            "name": name, "namespace": "default", "resourceVersion": "4",
            "labels": {"endpoints.kubernetes.io/managed-by": by},
        }}))
    };
    let (served, left) = (made("nginx", "endpoint-controller"), made("gone", "endpoint-controller"));
    let by_hand = made("by-hand", "me");
    let removed = Write::DeleteContent {
        resource: "endpoints".to_owned(),
        namespace: "default".to_owned(),
        name: "gone".to_owned(),
        rv: "4".to_owned(),
    };
    assert_eq!(zone::orphans(&[&nginx()], &[&served, &left, &by_hand]), [removed]);
}

fn endpoints(of: &[Endpoint]) -> Arc<Records> {
    Arc::new(Records::Endpoints(of.to_vec()))
}

/// The names of the addresses 10.0.0.1 to 10.0.0.9 that have one, without the namespace and what follows it.
fn names(zone: &Zone) -> Vec<(u8, Vec<String>)> {
    let of =
        |n: u8| zone.names_of(IpAddr::from([10, 0, 0, n])).map(|name| name.replace(".default.svc.cluster.local", ""));
    (1..10).map(|n| (n, of(n).collect::<Vec<_>>())).filter(|(_, names)| !names.is_empty()).collect()
}

fn named(names: &[(u8, &[&str])]) -> Vec<(u8, Vec<String>)> {
    names.iter().map(|(n, names)| (*n, names.iter().map(|name| (*name).to_owned()).collect())).collect()
}

#[test]
fn the_zone_names_every_address_the_best_name_first() {
    let mut zone = Zone::new("cluster.local");
    zone.set_service("default", "nginx", Some(endpoints(&[endpoint("web-0", 3), endpoint("web-1", 4)])));
    let v6: IpAddr = "5678:abcd::1".parse().unwrap();
    let all = Records::Virtual {
        addresses: vec![IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 3])],
        ports: vec![],
        endpoints: vec![endpoint("10-0-0-3", 3), Endpoint { addresses: vec![v6], ..endpoint("5678-abcd--1", 0) }],
    };
    zone.set_service("default", "all", Some(Arc::new(all)));
    zone.set_service("default", "alias", Some(Arc::new(Records::External("example.org".to_owned()))));
    assert_eq!(
        names(&zone),
        named(&[(1, &["all"]), (3, &["all", "web-0.nginx", "10-0-0-3.all"]), (4, &["web-1.nginx"])])
    );
    assert_eq!(zone.names_of(v6).collect::<Vec<_>>(), ["5678-abcd--1.all.default.svc.cluster.local"]);
    assert!(zone.has_names_in(&"10.0.0.4/32".parse().unwrap()) && !zone.has_names_in(&"10.0.0.5/32".parse().unwrap()));
    assert!(zone.has_names_in(&"5678:abcd::/32".parse().unwrap()) && !zone.has_names_in(&"5679::/16".parse().unwrap()));
}

#[test]
fn a_change_of_a_service_leaves_the_zone_as_if_it_were_made_anew() {
    // Twice the same name at the same address, with other ports: hand-made endpoints may say so.
    let twice = Endpoint { ports: vec![], ..endpoint("web-1", 4) };
    let lists = [
        vec![],
        vec![endpoint("web-0", 3)],
        vec![endpoint("web-0", 3), endpoint("web-1", 4), twice.clone(), endpoint("web-2", 5)],
        vec![endpoint("web-0", 3), twice, endpoint("web-2", 5)],
        vec![endpoint("web-0", 6), endpoint("web-2", 5)],
        vec![endpoint("web-2", 5), endpoint("web-0", 6)],
    ];
    let of = |list: &[Endpoint]| {
        let mut zone = Zone::new("cluster.local");
        zone.set_service("default", "other", Some(endpoints(&[endpoint("other-0", 3)])));
        zone.set_service("default", "nginx", Some(endpoints(list)));
        zone
    };
    for from in &lists {
        for to in &lists {
            let mut zone = of(from);
            let before = zone.clone();
            let is_change = zone.set_service("default", "nginx", Some(endpoints(to)));
            assert_eq!(is_change, from != to);
            assert_eq!(zone, of(to), "from {from:?}");
            assert_eq!(before, of(from), "a copy is left alone");
        }
        let mut zone = of(from);
        assert!(zone.set_service("default", "nginx", None));
        assert_eq!(names(&zone), named(&[(3, &["other-0.other"])]));
        assert_eq!((zone.service("default", "nginx"), zone.service_count()), (None, 1));
    }
}
