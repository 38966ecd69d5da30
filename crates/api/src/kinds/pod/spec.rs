//! What must hold for the specification of a pod.

use std::collections::HashSet;

use k8s_openapi::api::core::v1::{Container, PodSpec};
use serde::Deserialize;
use serde_json::Value;

use crate::kinds::names;
use crate::kinds::names::invalid;
use crate::kinds::pod::{container, security, tolerations, volumes};
use crate::limits::{DNS_NAMESERVERS_MAX, DNS_SEARCHES_MAX, KERNEL_NAME_OCTETS_MAX};
use crate::status::Cause;

/// All that is wrong with the specification of a pod, which stands at the path `field`. Defaults are filled in.
///
/// It is asked for pods that clients make, and again when a pet is made from a template, which is not validated before.
pub fn validate(spec: &Value, field: &str) -> Vec<Cause> {
    match PodSpec::deserialize(spec) {
        Ok(spec) => validate_typed(&spec, field),
        Err(_) if spec.is_null() => vec![Cause::required(format!("{field}.containers"), "")],
        Err(error) => vec![Cause::type_invalid(field, Value::Null, &error.to_string())],
    }
}

fn validate_typed(spec: &PodSpec, field: &str) -> Vec<Cause> {
    let mut wrong = Vec::new();
    let volumes =
        volumes::validate(spec.volumes.as_deref().unwrap_or_default(), &format!("{field}.volumes"), &mut wrong);
    let at = |name: &str| format!("{field}.{name}");
    containers(spec, field, &volumes, &mut wrong);
    if spec.ephemeral_containers.as_ref().is_some_and(|containers| !containers.is_empty()) {
        wrong.push(Cause::forbidden(at("ephemeralContainers"), "cannot be set on create"));
    }
    one_of(spec.restart_policy.as_deref(), &["Always", "OnFailure", "Never"], at("restartPolicy"), &mut wrong);
    let policies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    one_of(spec.dns_policy.as_deref(), &policies, at("dnsPolicy"), &mut wrong);
    dns(spec, field, &mut wrong);
    security::validate_pod(spec, field, &mut wrong);
    tolerations::validate(spec.tolerations.as_deref().unwrap_or_default(), &at("tolerations"), &mut wrong);
    if let Some(seconds) = spec.termination_grace_period_seconds.filter(|seconds| *seconds < 0) {
        let why = "must be greater than or equal to 0";
        wrong.push(Cause::invalid(at("terminationGracePeriodSeconds"), seconds, why));
    }
    if let Some(seconds) = spec.active_deadline_seconds.filter(|seconds| !(1..=i64::from(i32::MAX)).contains(seconds)) {
        let why = "must be between 1 and 2147483647, inclusive";
        wrong.push(Cause::invalid(at("activeDeadlineSeconds"), seconds, why));
    }
    for (name, value) in [("hostname", &spec.hostname), ("subdomain", &spec.subdomain)] {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            invalid(&mut wrong, &at(name), value, names::label(value));
        }
    }
    hostname_override(spec, &at("hostnameOverride"), &mut wrong);
    for (index, alias) in spec.host_aliases.iter().flatten().enumerate() {
        if alias.ip.parse::<std::net::IpAddr>().is_err() {
            let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
            wrong.push(Cause::invalid(format!("{field}.hostAliases[{index}].ip"), alias.ip.as_str(), why));
        }
        for name in alias.hostnames.iter().flatten() {
            invalid(&mut wrong, &format!("{field}.hostAliases[{index}].hostnames"), name, names::subdomain(name));
        }
    }
    wrong
}

/// Source: KEP-4762.
fn hostname_override(spec: &PodSpec, field: &str, wrong: &mut Vec<Cause>) {
    let Some(name) = spec.hostname_override.as_deref() else { return };
    invalid(wrong, field, name, names::subdomain(name));
    if name.len() > KERNEL_NAME_OCTETS_MAX {
        wrong.push(Cause::too_long(field, KERNEL_NAME_OCTETS_MAX));
    }
    let others = [("setHostnameAsFQDN", spec.set_hostname_as_fqdn), ("hostNetwork", spec.host_network)];
    for (other, _) in others.into_iter().filter(|(_, is_set)| *is_set == Some(true)) {
        wrong.push(Cause::forbidden(field, &format!("may not be set when `{other}` is true")));
    }
}

fn containers(spec: &PodSpec, field: &str, volumes: &HashSet<&str>, wrong: &mut Vec<Cause>) {
    if spec.containers.is_empty() {
        wrong.push(Cause::required(format!("{field}.containers"), ""));
    }
    let mut seen = HashSet::new();
    let lists: [(&str, &[Container]); 2] =
        [("containers", &spec.containers), ("initContainers", spec.init_containers.as_deref().unwrap_or_default())];
    for (list, containers) in lists {
        for (index, container) in containers.iter().enumerate() {
            let field = format!("{field}.{list}[{index}]");
            if !container.name.is_empty() && !seen.insert(container.name.as_str()) {
                wrong.push(Cause::duplicate(format!("{field}.name"), container.name.as_str()));
            }
            container::validate(container, volumes, &field, wrong);
            security::validate_container(container.security_context.as_ref(), spec, &field, wrong);
            if list == "initContainers" {
                container::validate_init(container, &field, wrong);
            }
        }
    }
    container::host_ports(&spec.containers, &format!("{field}.containers"), wrong);
    if spec.host_network == Some(true) {
        container::same_ports(&spec.containers, &format!("{field}.containers"), wrong);
    }
}

fn dns(spec: &PodSpec, field: &str, wrong: &mut Vec<Cause>) {
    let config = spec.dns_config.clone().unwrap_or_default();
    let field = format!("{field}.dnsConfig");
    let nameservers = config.nameservers.unwrap_or_default();
    if spec.dns_policy.as_deref() == Some("None") && nameservers.is_empty() {
        let why = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        wrong.push(Cause::required(format!("{field}.nameservers"), why));
    }
    if nameservers.len() > DNS_NAMESERVERS_MAX {
        let why = format!("must not have more than {DNS_NAMESERVERS_MAX} nameservers");
        wrong.push(Cause::invalid(format!("{field}.nameservers"), nameservers.clone(), &why));
    }
    for (index, address) in nameservers.iter().enumerate() {
        if address.parse::<std::net::IpAddr>().is_err() {
            let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
            wrong.push(Cause::invalid(format!("{field}.nameservers[{index}]"), address.as_str(), why));
        }
    }
    let searches = config.searches.unwrap_or_default();
    if searches.len() > DNS_SEARCHES_MAX {
        let why = format!("must not have more than {DNS_SEARCHES_MAX} search paths");
        wrong.push(Cause::invalid(format!("{field}.searches"), searches.clone(), &why));
    }
    for (index, search) in searches.iter().enumerate() {
        let plain = search.strip_suffix('.').unwrap_or(search);
        if !search.is_empty() && search != "." {
            invalid(wrong, &format!("{field}.searches[{index}]"), search, names::subdomain(&plain.replace('_', "-")));
        }
    }
    for (index, option) in config.options.iter().flatten().enumerate() {
        if option.name.as_deref().unwrap_or_default().is_empty() {
            wrong.push(Cause::required(format!("{field}.options[{index}]"), "must not be empty"));
        }
    }
}

/// A field that must be given and be one of these.
pub(super) fn one_of(value: Option<&str>, supported: &[&str], field: String, wrong: &mut Vec<Cause>) {
    match value.unwrap_or_default() {
        "" => wrong.push(Cause::required(field, "")),
        value if supported.contains(&value) => {}
        value => wrong.push(Cause::not_supported(field, value, supported)),
    }
}
