//! `v1 Endpoints`: the addresses behind a service, written by the controller.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{EndpointAddress, EndpointPort, EndpointSubset, Endpoints};
use serde::Deserialize as _;
use serde_json::Value;

use crate::kinds::names::{self, invalid};
use crate::kinds::{fields, normalise};
use crate::resource::{self, ENDPOINTS};
use crate::status::{Cause, Status};

/// What `Endpoints` knows about its objects.
pub struct Rules;

impl resource::Rules for Rules {
    fn normalise(&self, object: Value) -> Result<(Value, Vec<String>), Status> {
        normalise::<Endpoints>(&ENDPOINTS, object)
    }

    fn default(&self, object: &mut Value) {
        for subset in fields::items(object, "subsets") {
            for port in fields::items(subset, "ports") {
                fields::fill(port, "protocol", "TCP");
            }
        }
    }

    fn prepare_create(&self, _object: &mut Value) {}

    fn prepare_update(&self, _object: &mut Value, _old: &Value) {}

    fn validate_create(&self, object: &Value) -> Vec<Cause> {
        let mut wrong = Vec::new();
        let subsets = Vec::<EndpointSubset>::deserialize(&object["subsets"]).unwrap_or_default();
        for (index, subset) in subsets.iter().enumerate() {
            validate_subset(subset, &format!("subsets[{index}]"), &mut wrong);
        }
        wrong
    }

    fn validate_update(&self, object: &Value, _old: &Value) -> Vec<Cause> {
        self.validate_create(object)
    }

    fn warnings(&self, _object: &Value) -> Vec<String> {
        Vec::new()
    }

    fn selectable(&self, _object: &Value, _field: &str) -> Option<String> {
        None
    }
}

fn validate_subset(subset: &EndpointSubset, field: &str, wrong: &mut Vec<Cause>) {
    let lists = [("addresses", &subset.addresses), ("notReadyAddresses", &subset.not_ready_addresses)];
    if lists.iter().all(|(_, list)| list.as_ref().is_none_or(Vec::is_empty)) {
        wrong.push(Cause::required(field, "must specify `addresses` or `notReadyAddresses`"));
    }
    for (name, list) in lists {
        for (index, address) in list.iter().flatten().enumerate() {
            validate_address(address, &format!("{field}.{name}[{index}]"), wrong);
        }
    }
    let ports = subset.ports.as_deref().unwrap_or_default();
    for (index, port) in ports.iter().enumerate() {
        validate_port(port, ports.len() > 1, &format!("{field}.ports[{index}]"), wrong);
    }
}

fn validate_address(address: &EndpointAddress, field: &str, wrong: &mut Vec<Cause>) {
    let text = address.ip.as_str();
    match text.parse::<IpAddr>() {
        Err(_) => wrong.push(Cause::invalid(format!("{field}.ip"), text, names::NO_ADDRESS)),
        Ok(ip) => wrong.extend(special(ip).map(|why| Cause::invalid(format!("{field}.ip"), text, why))),
    }
    if let Some(name) = address.hostname.as_deref().filter(|name| !name.is_empty()) {
        invalid(wrong, &format!("{field}.hostname"), name, names::label(name));
    }
}

/// Why an address cannot be another machine's, if so.
fn special(ip: IpAddr) -> Option<&'static str> {
    let is_link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    let is_link_multicast = match ip {
        IpAddr::V4(ip) => ip.octets()[..3] == [224, 0, 0],
        IpAddr::V6(ip) => ip.segments()[0] == 0xff02,
    };
    if ip.is_unspecified() {
        Some("may not be unspecified (0.0.0.0 or ::)")
    } else if ip.is_loopback() {
        Some("may not be in the loopback range (127.0.0.0/8, ::1/128)")
    } else if is_link_local {
        Some("may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    } else if is_link_multicast {
        Some("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")
    } else {
        None
    }
}

fn validate_port(port: &EndpointPort, is_one_of_many: bool, field: &str, wrong: &mut Vec<Cause>) {
    match port.name.as_deref().unwrap_or_default() {
        "" if is_one_of_many => wrong.push(Cause::required(format!("{field}.name"), "")),
        "" => {}
        name => invalid(wrong, &format!("{field}.name"), name, names::label(name)),
    }
    for why in names::port_number(port.port.into()) {
        wrong.push(Cause::invalid(format!("{field}.port"), port.port, &why));
    }
    let protocol = port.protocol.as_deref().unwrap_or_default();
    let supported = ["SCTP", "TCP", "UDP"];
    if !supported.contains(&protocol) {
        wrong.push(Cause::not_supported(format!("{field}.protocol"), protocol, &supported));
    }
}
