//! `v1 Service`: a name in DNS for the pods that it selects.
//!
//! Services have no virtual address here: every service is headless, whatever its manifest asks for, and a warning says
//! so. The address fields are kept as Kubernetes keeps those of a headless service, so that clients see the truth.

use std::collections::HashSet;

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::kinds::labels::validate_labels;
use crate::kinds::names::invalid;
use crate::kinds::{fields, keep_status, names, normalise, text_at};
use crate::resource::{self, SERVICES};
use crate::status::{Cause, Status};

/// What `Service` knows about its objects.
pub struct Rules;

const ADDRESS_FIELDS: [&str; 4] = ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"];
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
        // What is no address stays, to be refused.
        if is_address(&text_at(spec, "/clusterIP")) {
            fields::set(spec, "clusterIP", "None");
            fields::set(spec, "clusterIPs", json!(["None"]));
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
    }

    fn prepare_update(&self, object: &mut Value, old: &Value) {
        keep_status(object, old);
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

    fn validate_update(&self, object: &Value, _old: &Value) -> Vec<Cause> {
        self.validate_create(object)
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let spec = &object["spec"];
        let mut warnings = Vec::new();
        let kind = text_at(spec, "/type");
        if kind != "ExternalName" && text_at(spec, "/clusterIP") != "None" {
            warnings.push(
                "spec.clusterIP: this version gives services no virtual address; the name resolves to the ready pods' \
                 own addresses"
                    .into(),
            );
        }
        if ["LoadBalancer", "NodePort"].contains(&kind.as_str()) {
            warnings.push(format!(
                "spec.type: this version opens no ports of the host for services; {kind} has the effect of ClusterIP"
            ));
        }
        let ignored = [
            ("externalIPs", "no addresses are routed to services"),
            ("externalTrafficPolicy", "no traffic passes through services"),
            ("healthCheckNodePort", "no ports of the host are opened for services"),
            ("loadBalancerClass", "there are no load balancers"),
            ("loadBalancerIP", "there are no load balancers"),
            ("loadBalancerSourceRanges", "there are no load balancers"),
            ("trafficDistribution", "no traffic passes through services"),
        ];
        for (field, why) in ignored {
            if fields::has(spec, field) && !is_filled_in(spec, field) {
                warnings.push(format!("spec.{field} has no effect: {why}"));
            }
        }
        if text_at(spec, "/internalTrafficPolicy") == "Local" {
            warnings.push("spec.internalTrafficPolicy has no effect: there is one node".into());
        }
        if text_at(spec, "/sessionAffinity") == "ClientIP" {
            warnings.push("spec.sessionAffinity has no effect: no traffic passes through services".into());
        }
        warnings
    }

    fn selectable(&self, _object: &Value, _field: &str) -> Option<String> {
        None
    }
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
    if let Some(address) = spec.cluster_ip.as_deref().filter(|address| !is_address(address)) {
        wrong.push(Cause::invalid("spec.clusterIPs[0]", address, names::NO_ADDRESS));
    }
    validate_labels(spec.selector.iter().flatten(), "spec.selector", &mut wrong);
    ports(spec.ports.as_deref().unwrap_or_default(), kind, &mut wrong);
    wrong
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
