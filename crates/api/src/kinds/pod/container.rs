//! What must hold for a container.

use std::collections::{BTreeMap, HashSet};

use k8s_openapi::api::core::v1::{Container, EnvVar, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::kinds::names;
use crate::kinds::names::invalid;
use crate::kinds::pod::spec::one_of;
use crate::kinds::pod::{config, handlers, volumes};
use crate::kinds::quantity;
use crate::status::Cause;

const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

/// All that is wrong with a container at the path `field`. `volumes` are the names of the pod's volumes.
pub(super) fn validate(container: &Container, volumes: &HashSet<&str>, field: &str, wrong: &mut Vec<Cause>) {
    let at = |name: &str| format!("{field}.{name}");
    match container.name.as_str() {
        "" => wrong.push(Cause::required(at("name"), "")),
        name => invalid(wrong, &at("name"), name, names::label(name)),
    }
    match container.image.as_deref().unwrap_or_default() {
        "" => wrong.push(Cause::required(at("image"), "")),
        image if image.trim() != image => {
            wrong.push(Cause::invalid(at("image"), image, "must not have leading or trailing whitespace"));
        }
        _ => {}
    }
    let policies = ["Always", "IfNotPresent", "Never"];
    one_of(container.image_pull_policy.as_deref(), &policies, at("imagePullPolicy"), wrong);
    let policies = ["FallbackToLogsOnError", "File"];
    one_of(container.termination_message_policy.as_deref(), &policies, at("terminationMessagePolicy"), wrong);
    if container.restart_policy.is_some() {
        let policies = ["Always", "Never", "OnFailure"];
        one_of(container.restart_policy.as_deref(), &policies, at("restartPolicy"), wrong);
    }
    ports(container, field, wrong);
    for (index, variable) in container.env.iter().flatten().enumerate() {
        env(variable, &format!("{field}.env[{index}]"), wrong);
    }
    config::env_from(container.env_from.as_deref().unwrap_or_default(), &at("envFrom"), wrong);
    volumes::validate_mounts(container.volume_mounts.as_deref().unwrap_or_default(), volumes, field, wrong);
    if container.volume_devices.as_ref().is_some_and(|devices| !devices.is_empty()) {
        wrong.push(Cause::forbidden(at("volumeDevices"), "this version has no block volumes"));
    }
    handlers::validate(container, field, wrong);
    resources(container.resources.as_ref(), &at("resources"), wrong);
}

/// What init containers may not have, for they end before anything asks for it.
pub(super) fn validate_init(container: &Container, field: &str, wrong: &mut Vec<Cause>) {
    if container.restart_policy.as_deref() == Some("Always") {
        // A sidecar: it goes on beside the others, and is asked how it is.
        return;
    }
    let handlers = [
        ("lifecycle", container.lifecycle.is_some()),
        ("livenessProbe", container.liveness_probe.is_some()),
        ("readinessProbe", container.readiness_probe.is_some()),
        ("startupProbe", container.startup_probe.is_some()),
    ];
    for (name, _) in handlers.into_iter().filter(|(_, is_set)| *is_set) {
        let why = "may not be set for init containers without restartPolicy=Always";
        wrong.push(Cause::forbidden(format!("{field}.{name}"), why));
    }
}

/// Host ports that several containers ask for.
pub(super) fn host_ports(containers: &[Container], field: &str, wrong: &mut Vec<Cause>) {
    let mut seen = HashSet::new();
    for (c, container) in containers.iter().enumerate() {
        for (p, port) in container.ports.iter().flatten().enumerate() {
            let Some(number) = port.host_port.filter(|number| *number != 0) else { continue };
            let address = port.host_ip.as_deref().unwrap_or_default();
            let protocol = port.protocol.as_deref().unwrap_or_default();
            if !seen.insert((address, protocol, number)) {
                let taken = format!("{address}/{protocol}/{number}");
                wrong.push(Cause::duplicate(format!("{field}[{c}].ports[{p}].hostPort"), taken));
            }
        }
    }
}

/// On the host's network a port is the host's.
pub(super) fn same_ports(containers: &[Container], field: &str, wrong: &mut Vec<Cause>) {
    for (c, container) in containers.iter().enumerate() {
        for (p, port) in container.ports.iter().flatten().enumerate() {
            if port.host_port.is_some_and(|number| number != port.container_port) {
                let why = "must match `hostPort` when `hostNetwork` is true";
                let field = format!("{field}[{c}].ports[{p}].containerPort");
                wrong.push(Cause::invalid(field, port.container_port, why));
            }
        }
    }
}

fn ports(container: &Container, field: &str, wrong: &mut Vec<Cause>) {
    let mut seen = HashSet::new();
    for (index, port) in container.ports.iter().flatten().enumerate() {
        let field = format!("{field}.ports[{index}]");
        if let Some(name) = port.name.as_deref().filter(|name| !name.is_empty()) {
            invalid(wrong, &format!("{field}.name"), name, names::port(name));
            if !seen.insert(name) {
                wrong.push(Cause::duplicate(format!("{field}.name"), name));
            }
        }
        if port.container_port == 0 {
            wrong.push(Cause::required(format!("{field}.containerPort"), ""));
        } else {
            for why in names::port_number(port.container_port.into()) {
                wrong.push(Cause::invalid(format!("{field}.containerPort"), port.container_port, &why));
            }
        }
        if let Some(number) = port.host_port.filter(|number| *number != 0) {
            for why in names::port_number(number.into()) {
                wrong.push(Cause::invalid(format!("{field}.hostPort"), number, &why));
            }
        }
        if let Some(address) = port.host_ip.as_deref().filter(|address| !address.is_empty())
            && address.parse::<std::net::IpAddr>().is_err()
        {
            let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
            wrong.push(Cause::invalid(format!("{field}.hostIP"), address, why));
        }
        one_of(port.protocol.as_deref(), &PROTOCOLS, format!("{field}.protocol"), wrong);
    }
}

fn env(variable: &EnvVar, field: &str, wrong: &mut Vec<Cause>) {
    match variable.name.as_str() {
        "" => wrong.push(Cause::required(format!("{field}.name"), "")),
        name => invalid(wrong, &format!("{field}.name"), name, names::variable(name)),
    }
    let Some(source) = &variable.value_from else { return };
    let field = format!("{field}.valueFrom");
    if variable.value.as_deref().is_some_and(|value| !value.is_empty()) {
        wrong.push(Cause::invalid(&field, "", "may not be specified when `value` is not empty"));
    }
    config::value_from(source, &field, wrong);
}

fn resources(resources: Option<&ResourceRequirements>, field: &str, wrong: &mut Vec<Cause>) {
    let Some(resources) = resources else { return };
    let limits = amounts(resources.limits.as_ref(), &format!("{field}.limits"), wrong);
    let requests = amounts(resources.requests.as_ref(), &format!("{field}.requests"), wrong);
    for (name, request) in requests {
        if let Some(limit) = limits.get(name).filter(|limit| request.exceeds(**limit)) {
            let why = format!("must be less than or equal to {name} limit of {limit}");
            wrong.push(Cause::invalid(format!("{field}.requests"), request.to_string(), &why));
        }
    }
}

fn amounts<'a>(
    amounts: Option<&'a BTreeMap<String, Quantity>>,
    field: &str,
    wrong: &mut Vec<Cause>,
) -> BTreeMap<&'a str, quantity::Quantity> {
    let mut parsed = BTreeMap::new();
    for (name, amount) in amounts.into_iter().flatten() {
        match quantity::parse(&amount.0) {
            Some(quantity) if !quantity.is_negative() => {
                parsed.insert(name.as_str(), quantity);
            }
            Some(_) => {
                let why = "must be greater than or equal to 0";
                wrong.push(Cause::invalid(format!("{field}[{name}]"), amount.0.as_str(), why));
            }
            None => wrong.push(Cause::invalid(format!("{field}[{name}]"), amount.0.as_str(), quantity::MALFORMED)),
        }
    }
    parsed
}
