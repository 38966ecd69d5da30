//! `v1 Service`: a name in DNS for the pods that it selects, and, unless it is headless, an address of its own.
//!
//! Which address and which ports of the host a service gets is decided after admission ([`crate::services`]), for it
//! depends on the others.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::kinds::labels::validate_labels;
use crate::kinds::names::invalid;
use crate::kinds::{fields, keep_status, names, normalise, text_at};
use crate::resource::{self, SERVICES};
use crate::services::{has_address, has_node_ports};
use crate::status::{Cause, Status};

/// What `Service` knows about its objects.
pub struct Rules;

const ADDRESS_FIELDS: [&str; 4] = ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"];
/// For how long a client stays with a pod where the manifest does not say: three hours, as in Kubernetes.
const AFFINITY_SECONDS: i64 = 10_800;
/// The longest time that it may.
const AFFINITY_SECONDS_MAX: i32 = 86_400;
const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

impl resource::Rules for Rules {
    fn normalise(&self, object: Value) -> Result<(Value, Vec<String>), Status> {
        normalise::<Service>(&SERVICES, object)
    }

    fn default(&self, object: &mut Value) {
        let spec = fields::object(object, "spec");
        fields::fill(spec, "sessionAffinity", "None");
        fields::fill(spec, "type", "ClusterIP");
        for port in fields::items(spec, "ports") {
            fields::fill(port, "protocol", "TCP");
            let number = port["port"].clone();
            fields::fill(port, "targetPort", number);
        }
        let kind = text_at(spec, "/type");
        if kind == "ExternalName" {
            return;
        }
        match text_at(spec, "/sessionAffinity").as_str() {
            "ClientIP" => {
                let client = fields::object(fields::object(spec, "sessionAffinityConfig"), "clientIP");
                fields::fill(client, "timeoutSeconds", AFFINITY_SECONDS);
            }
            "None" => fields::remove(spec, "sessionAffinityConfig"),
            _ => {}
        }
        fields::fill(spec, "ipFamilies", json!(["IPv4"]));
        fields::fill(spec, "ipFamilyPolicy", "SingleStack");
        fields::fill(spec, "internalTrafficPolicy", "Cluster");
        if ["LoadBalancer", "NodePort"].contains(&kind.as_str()) {
            fields::fill(spec, "externalTrafficPolicy", "Cluster");
        }
        if kind == "LoadBalancer" {
            fields::fill(spec, "allocateLoadBalancerNodePorts", true);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        fields::set(object, "status", json!({"loadBalancer": {}}));
        settle_addresses(&mut object["spec"]);
    }

    fn prepare_update(&self, object: &mut Value, old: &Value) {
        keep_status(object, old);
        keep_allocated(object, old);
        settle_addresses(&mut object["spec"]);
        if object.pointer("/spec/type").is_some_and(|kind| kind == "ExternalName") {
            // A service that turns into a name keeps none of the addresses that it was given.
            for field in ADDRESS_FIELDS {
                if object["spec"].get(field) == old["spec"].get(field) {
                    fields::remove(&mut object["spec"], field);
                }
            }
        }
    }

    fn validate_create(&self, object: &Value) -> Vec<Cause> {
        match ServiceSpec::deserialize(&object["spec"]) {
            Ok(spec) => validate_spec(&spec),
            Err(_) => vec![Cause::required("spec", "")],
        }
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<Cause> {
        let mut wrong = self.validate_create(object);
        let first = |service: &Value| text_at(service, "/spec/clusterIPs/0");
        // Of a name that becomes a service, or the other way, nothing is kept.
        if ![first(object), first(old)].contains(&String::new()) && first(object) != first(old) {
            let given = object["spec"]["clusterIPs"].clone();
            wrong.push(Cause::invalid("spec.clusterIPs[0]", given, "may not change once set"));
        }
        wrong
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let spec = &object["spec"];
        let mut warnings = Vec::new();
        let kind = text_at(spec, "/type");
        if kind == "LoadBalancer" {
            warnings.push(
                "spec.type: there are no load balancers here; LoadBalancer has the effect of NodePort, on this machine's \
                 loopback"
                    .into(),
            );
        }
        let is_sctp = |port: &Value| port["protocol"] == "SCTP";
        if has_address(object) && spec["ports"].as_array().is_some_and(|ports| ports.iter().any(is_sctp)) {
            warnings.push(
                "spec.ports: SCTP is not passed on by virtual addresses; the pods' own addresses have no such limit"
                    .into(),
            );
        }
        let ignored = [
            ("externalIPs", "no addresses are routed to services"),
            ("externalTrafficPolicy", "there is one node"),
            ("healthCheckNodePort", "there are no load balancers"),
            ("loadBalancerClass", "there are no load balancers"),
            ("loadBalancerIP", "there are no load balancers"),
            ("loadBalancerSourceRanges", "there are no load balancers"),
            ("trafficDistribution", "there is one node"),
        ];
        for (field, why) in ignored {
            if fields::has(spec, field) && !is_filled_in(spec, field) {
                warnings.push(format!("spec.{field} has no effect: {why}"));
            }
        }
        if text_at(spec, "/internalTrafficPolicy") == "Local" {
            warnings.push("spec.internalTrafficPolicy has no effect: there is one node".into());
        }
        if text_at(spec, "/sessionAffinity") == "ClientIP" && text_at(spec, "/clusterIP") == "None" {
            warnings.push("spec.sessionAffinity has no effect: no traffic passes through a headless service".into());
        }
        warnings
    }

    fn selectable(&self, _object: &Value, _field: &str) -> Option<String> {
        None
    }
}

/// Puts the one address into the list of them, where the list is not given. A name has neither.
fn settle_addresses(spec: &mut Value) {
    let one = text_at(spec, "/clusterIP");
    if text_at(spec, "/type") == "ExternalName" {
        return;
    }
    if one.is_empty() {
        fields::remove(spec, "clusterIP");
    } else if spec["clusterIPs"].as_array().is_none_or(Vec::is_empty) {
        fields::set(spec, "clusterIPs", json!([one]));
    }
}

/// A client that leaves out what was allocated for a service keeps it; one that changes the one address changes the list. What
/// another type has no use for goes.
fn keep_allocated(object: &mut Value, old: &Value) {
    let needs_address = |service: &Value| text_at(service, "/spec/type") != "ExternalName";
    if needs_address(object) && needs_address(old) {
        let (one, before) = (text_at(object, "/spec/clusterIP"), text_at(old, "/spec/clusterIP"));
        let is_list_kept = object["spec"]["clusterIPs"] == old["spec"]["clusterIPs"];
        if one.is_empty() && !before.is_empty() {
            fields::set(&mut object["spec"], "clusterIP", before);
            if object["spec"]["clusterIPs"].is_null() {
                fields::set(&mut object["spec"], "clusterIPs", old["spec"]["clusterIPs"].clone());
            }
        } else if one != before && is_list_kept {
            fields::set(&mut object["spec"], "clusterIPs", json!([one]));
        }
    }
    match (has_node_ports(old), has_node_ports(object)) {
        (true, true) => keep_node_ports(object, old),
        (true, false) => {
            let before: BTreeSet<i64> = ports_of(old).map(|(_, number)| number).collect();
            for port in fields::items(&mut object["spec"], "ports") {
                if port["nodePort"].as_i64().is_some_and(|number| before.contains(&number)) {
                    fields::remove(port, "nodePort");
                }
            }
        }
        (false, _) => {}
    }
}

/// A port that is known by its name keeps its port on the host.
fn keep_node_ports(object: &mut Value, old: &Value) {
    let before: BTreeMap<String, i64> = ports_of(old).collect();
    let numbers = |service: &Value| ports_of(service).map(|(_, number)| number).collect::<BTreeSet<i64>>();
    let mut used: BTreeSet<i64> = numbers(old).intersection(&numbers(object)).copied().collect();
    for port in fields::items(&mut object["spec"], "ports") {
        let is_asked = port["nodePort"].as_i64().is_some_and(|number| number != 0);
        let kept = before.get(port["name"].as_str().unwrap_or_default()).copied().filter(|number| *number != 0);
        if let Some(kept) = kept.filter(|kept| !is_asked && used.insert(*kept)) {
            fields::set(port, "nodePort", kept);
        }
    }
}

/// Names and ports on the host, 0 where there is none.
fn ports_of(service: &Value) -> impl Iterator<Item = (String, i64)> + '_ {
    let ports = service["spec"]["ports"].as_array().into_iter().flatten();
    ports.map(|port| {
        (port["name"].as_str().unwrap_or_default().to_owned(), port["nodePort"].as_i64().unwrap_or_default())
    })
}

/// Whether it may stand as the address of a service: none yet, none ever, or one.
fn is_address(text: &str) -> bool {
    ["", "None"].contains(&text) || text.parse::<std::net::IpAddr>().is_ok()
}

/// Whether a field has the value that it gets where the manifest has none.
fn is_filled_in(spec: &Value, field: &str) -> bool {
    field == "externalTrafficPolicy" && text_at(spec, "/externalTrafficPolicy") == "Cluster"
}

fn validate_spec(spec: &ServiceSpec) -> Vec<Cause> {
    let mut wrong = Vec::new();
    let kind = spec.type_.as_deref().unwrap_or("ClusterIP");
    match kind {
        "ClusterIP" | "LoadBalancer" | "NodePort" => {}
        "ExternalName" => external_name(spec, &mut wrong),
        other => {
            let supported = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
            wrong.push(Cause::not_supported("spec.type", other, &supported));
        }
    }
    let affinity = spec.session_affinity.as_deref().unwrap_or("None");
    if !["ClientIP", "None"].contains(&affinity) {
        wrong.push(Cause::not_supported("spec.sessionAffinity", affinity, &["ClientIP", "None"]));
    }
    session_affinity(spec, affinity, &mut wrong);
    let is_headless = spec.cluster_ip.as_deref() == Some("None");
    if kind != "ExternalName" {
        addresses(spec, &mut wrong);
        if is_headless && ["LoadBalancer", "NodePort"].contains(&kind) {
            let why = format!("may not be set to 'None' for {kind} services");
            wrong.push(Cause::invalid("spec.clusterIPs[0]", "None", &why));
        }
        if !is_headless && spec.ports.as_ref().is_none_or(Vec::is_empty) {
            wrong.push(Cause::required("spec.ports", ""));
        }
    }
    validate_labels(spec.selector.iter().flatten(), "spec.selector", &mut wrong);
    ports(spec.ports.as_deref().unwrap_or_default(), kind, &mut wrong);
    wrong
}

fn session_affinity(spec: &ServiceSpec, affinity: &str, wrong: &mut Vec<Cause>) {
    let Some(config) = &spec.session_affinity_config else { return };
    if affinity != "ClientIP" {
        return;
    }
    let field = "spec.sessionAffinityConfig.clientIP.timeoutSeconds";
    let seconds = config.client_ip.as_ref().and_then(|client| client.timeout_seconds);
    if let Some(seconds) = seconds.filter(|seconds| !(1..=AFFINITY_SECONDS_MAX).contains(seconds)) {
        let why = format!("must be greater than 0 and less than {AFFINITY_SECONDS_MAX}");
        wrong.push(Cause::invalid(field, seconds, &why));
    }
}

fn addresses(spec: &ServiceSpec, wrong: &mut Vec<Cause>) {
    let one = spec.cluster_ip.as_deref().unwrap_or_default();
    let list = spec.cluster_ips.as_deref().unwrap_or_default();
    if list.first().is_some_and(|first| first != one) {
        wrong.push(Cause::invalid("spec.clusterIPs", json!(list), "first value must match `clusterIP`"));
    }
    if list.len() > 1 {
        wrong.push(Cause::invalid("spec.clusterIPs", json!(list), "this cluster has one family of addresses, IPv4"));
    }
    if let Some(address) = Some(one).filter(|address| !is_address(address)) {
        wrong.push(Cause::invalid("spec.clusterIPs[0]", address, names::NO_ADDRESS));
    }
}

fn external_name(spec: &ServiceSpec, wrong: &mut Vec<Cause>) {
    let why = "may not be set when `type` is 'ExternalName'";
    if spec.cluster_ip.as_deref().is_some_and(|ip| !ip.is_empty()) {
        wrong.push(Cause::forbidden("spec.clusterIP", why));
    }
    if spec.cluster_ips.as_ref().is_some_and(|ips| !ips.is_empty()) {
        wrong.push(Cause::forbidden("spec.clusterIPs", why));
    }
    match spec.external_name.as_deref().map(|name| name.strip_suffix('.').unwrap_or(name)) {
        None | Some("") => wrong.push(Cause::required("spec.externalName", "")),
        Some(name) => invalid(wrong, "spec.externalName", name, names::subdomain(name)),
    }
}

fn ports(ports: &[ServicePort], kind: &str, wrong: &mut Vec<Cause>) {
    let mut names_seen = HashSet::new();
    let mut ports_seen = HashSet::new();
    for (index, port) in ports.iter().enumerate() {
        let field = format!("spec.ports[{index}]");
        match port.name.as_deref().unwrap_or_default() {
            "" if ports.len() > 1 => wrong.push(Cause::required(format!("{field}.name"), "")),
            "" => {}
            name => {
                invalid(wrong, &format!("{field}.name"), name, names::label(name));
                if !names_seen.insert(name) {
                    wrong.push(Cause::duplicate(format!("{field}.name"), name));
                }
            }
        }
        for why in names::port_number(port.port.into()) {
            wrong.push(Cause::invalid(format!("{field}.port"), port.port, &why));
        }
        let protocol = port.protocol.as_deref().unwrap_or_default();
        if protocol.is_empty() {
            wrong.push(Cause::required(format!("{field}.protocol"), ""));
        } else if !PROTOCOLS.contains(&protocol) {
            wrong.push(Cause::not_supported(format!("{field}.protocol"), protocol, &PROTOCOLS));
        }
        match &port.target_port {
            Some(IntOrString::Int(number)) => {
                for why in names::port_number((*number).into()) {
                    wrong.push(Cause::invalid(format!("{field}.targetPort"), *number, &why));
                }
            }
            Some(IntOrString::String(name)) => {
                invalid(wrong, &format!("{field}.targetPort"), name, names::port(name));
            }
            None => {}
        }
        if port.node_port.is_some_and(|port| port != 0) && !["LoadBalancer", "NodePort"].contains(&kind) {
            let why = format!("may not be used when `type` is '{kind}'");
            wrong.push(Cause::forbidden(format!("{field}.nodePort"), &why));
        }
        if !ports_seen.insert((protocol, port.port)) {
            wrong.push(Cause::duplicate(field, json!({"protocol": protocol, "port": port.port})));
        }
    }
}
