//! The tables of services, of their endpoints and of network policies.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::admission::selector_text;

use super::{AGE, Column, NAME, Printer, age_of, items, joined, name, text, text_or};

pub(super) static SERVICE: Printer = Printer {
    columns: &[
        NAME,
        Column::new("Type", "How the service is offered."),
        Column::new("Cluster-IP", "Its own address, None for a headless service."),
        Column::new("External-IP", "Where it is reached from outside."),
        Column::new("Port(s)", "Its ports, with the port of the node where there is one."),
        AGE,
        Column::new("Selector", "The labels of the pods behind it.").wide(),
    ],
    cells: |service, now| {
        let spec = &service["spec"];
        vec![
            name(service),
            text(&spec["type"]).into(),
            text_or(&spec["clusterIPs"][0], "<none>").into(),
            external(service).into(),
            ports(&spec["ports"]).into(),
            age_of(service, now),
            labels(&spec["selector"]).into(),
        ]
    },
};

fn external(service: &Value) -> String {
    let spec = &service["spec"];
    let external = items(&spec["externalIPs"]).iter().map(text);
    match text(&spec["type"]) {
        "ClusterIP" | "NodePort" => joined(external, "<none>"),
        "LoadBalancer" => {
            let ingress = items(&service["status"]["loadBalancer"]["ingress"]).iter();
            let given: BTreeSet<&str> = ingress.map(|point| text_or(&point["ip"], text(&point["hostname"]))).collect();
            joined(given.into_iter().chain(external), "<pending>")
        }
        "ExternalName" => text(&spec["externalName"]).to_owned(),
        _ => "<unknown>".to_owned(),
    }
}

/// `80/TCP`, `80:30080/TCP`.
fn ports(ports: &Value) -> String {
    let ports: Vec<String> = items(ports)
        .iter()
        .map(|port| match port["nodePort"].as_i64() {
            None | Some(0) => format!("{}/{}", port["port"], text(&port["protocol"])),
            Some(node_port) => format!("{}:{node_port}/{}", port["port"], text(&port["protocol"])),
        })
        .collect();
    joined(ports.iter().map(String::as_str), "<none>")
}

pub(super) fn labels(labels: &Value) -> String {
    let pairs = labels.as_object().into_iter().flatten().map(|(key, value)| format!("{key}={}", text(value)));
    let pairs: BTreeSet<String> = pairs.collect();
    joined(pairs.iter().map(String::as_str), "<none>")
}

pub(super) static ENDPOINTS: Printer = Printer {
    columns: &[NAME, Column::new("Endpoints", "The first addresses and ports that are ready."), AGE],
    cells: |endpoints, now| vec![name(endpoints), addresses(&endpoints["subsets"]).into(), age_of(endpoints, now)],
};

/// The addresses that a cell shows; how many more there are is told.
const ADDRESSES_MAX: usize = 3;

fn addresses(subsets: &Value) -> String {
    let subsets = items(subsets);
    if subsets.is_empty() {
        return "<none>".to_owned();
    }
    let mut all = Vec::new();
    for subset in subsets {
        let ips = || items(&subset["addresses"]).iter().map(|address| text(&address["ip"]));
        match items(&subset["ports"]) {
            [] => all.extend(ips().map(ToOwned::to_owned)),
            ports => all.extend(ports.iter().flat_map(|port| ips().map(|ip| host_port(ip, &port["port"])))),
        }
    }
    let shown = all[..all.len().min(ADDRESSES_MAX)].join(",");
    if all.len() > ADDRESSES_MAX { format!("{shown} + {} more...", all.len() - ADDRESSES_MAX) } else { shown }
}

fn host_port(ip: &str, port: &Value) -> String {
    if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") }
}

pub(super) static SLICE: Printer = Printer {
    columns: &[
        NAME,
        Column::new("AddressType", "What its addresses are."),
        Column::new("Ports", "The ports of its endpoints."),
        Column::new("Endpoints", "Their first addresses."),
        AGE,
    ],
    cells: |slice, now| {
        let ports = items(&slice["ports"]).iter().map(|port| match &port["port"] {
            Value::Null => "*".to_owned(),
            number => number.to_string(),
        });
        let endpoints = items(&slice["endpoints"]).iter();
        let addresses =
            endpoints.flat_map(|endpoint| items(&endpoint["addresses"])).map(|address| text(address).to_owned());
        vec![
            name(slice),
            text(&slice["addressType"]).into(),
            some(&ports.collect::<Vec<_>>()).into(),
            some(&addresses.collect::<Vec<_>>()).into(),
            age_of(slice, now),
        ]
    },
};

/// The first few, and how many more there are.
fn some(all: &[String]) -> String {
    match all.len() {
        0 => "<unset>".to_owned(),
        many if many > ADDRESSES_MAX => {
            format!("{} + {} more...", all[..ADDRESSES_MAX].join(","), many - ADDRESSES_MAX)
        }
        _ => all.join(","),
    }
}

pub(super) static POLICY: Printer = Printer {
    columns: &[NAME, Column::new("Pod-Selector", "The pods that it is about."), AGE],
    cells: |policy, now| {
        let selector = selector_text(&policy["spec"]["podSelector"]);
        vec![name(policy), text_or(&selector.into(), "<none>").into(), age_of(policy, now)]
    },
};
