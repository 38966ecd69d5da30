//! What a pod tells of itself to its containers: the downward API.
//!
//! Source: Kubernetes' `pkg/fieldpath`, and `ExtractContainerResourceValue` in `pkg/api/v1/resource`.

use std::{collections::BTreeMap, fmt::Write as _};

use api::kinds::quantity::{self, Quantity};
use k8s_openapi::{
    api::core::v1::{Container as ContainerSpec, ResourceFieldSelector},
    apimachinery::pkg::api::resource::Quantity as Amount,
};

use super::view::View;

/// A billionth of a thousandth: quantities of processors count in thousandths.
const NANOS_PER_MILLI: i128 = 1_000_000;

/// A field of the pod as text.
pub(super) fn field(view: &View<'_>, path: &str) -> Result<String, String> {
    let metadata = &view.pod.metadata;
    if let Some((map, key)) = path.strip_suffix("']").and_then(|path| path.split_once("['")) {
        let map = match map {
            "metadata.labels" => &metadata.labels,
            "metadata.annotations" => &metadata.annotations,
            _ => return Err(format!("unsupported fieldPath: {path}")),
        };
        return Ok(map.as_ref().and_then(|map| map.get(key)).cloned().unwrap_or_default());
    }
    let address = || view.address().map(|address| address.to_string()).unwrap_or_default();
    Ok(match path {
        "metadata.name" => view.input.key.name.clone(),
        "metadata.namespace" => view.input.key.namespace.clone(),
        "metadata.uid" => view.uid.to_owned(),
        "metadata.labels" => map(metadata.labels.as_ref()),
        "metadata.annotations" => map(metadata.annotations.as_ref()),
        "spec.nodeName" => view.spec.node_name.clone().unwrap_or_default(),
        "spec.serviceAccountName" => view.spec.service_account_name.clone().unwrap_or_else(|| "default".to_owned()),
        "status.podIP" | "status.podIPs" => address(),
        "status.hostIP" | "status.hostIPs" => view.input.host.address.to_string(),
        _ => return Err(format!("unsupported fieldPath: {path}")),
    })
}

/// What a container may use or asks for, in units of the divisor, rounded up; `own` is the container that asks. Where it has no
/// limit, it may use what the node has.
pub(super) fn resource(
    view: &View<'_>,
    wanted: &ResourceFieldSelector,
    own: Option<&ContainerSpec>,
) -> Result<String, String> {
    let name = wanted.container_name.as_deref().filter(|name| !name.is_empty());
    let named = |name: &str| view.units.iter().map(|unit| unit.spec).find(|spec| spec.name == name);
    let container = match name {
        Some(name) => named(name).ok_or_else(|| format!("container {name} not found"))?,
        None => own.ok_or("a file of a resource names no container")?,
    };
    let (kind, resource) = wanted.resource.split_once('.').unwrap_or_default();
    let resources = container.resources.as_ref();
    let limits = resources.and_then(|all| all.limits.as_ref());
    let amount = match kind {
        "limits" => amount(limits, resource).or_else(|| amount(Some(&view.input.config.allocatable), resource)),
        "requests" => {
            amount(resources.and_then(|all| all.requests.as_ref()), resource).or_else(|| amount(limits, resource))
        }
        _ => return Err(format!("unsupported container resource : {}", wanted.resource)),
    };
    let divisor = wanted.divisor.as_ref().and_then(|divisor| quantity::parse(&divisor.0));
    Ok(divided(amount.map_or(0, Quantity::nanos), divisor.map_or(0, Quantity::nanos), resource == "cpu").to_string())
}

fn amount(all: Option<&BTreeMap<String, Amount>>, resource: &str) -> Option<Quantity> {
    quantity::parse(&all?.get(resource)?.0)
}

/// Both in billionths. Processors are counted in thousandths, all else in whole units, each rounded up before the division, as
/// in Kubernetes; no divisor is one.
fn divided(amount: i128, divisor: i128, is_cpu: bool) -> i128 {
    let step = if is_cpu { NANOS_PER_MILLI } else { 1_000 * NANOS_PER_MILLI };
    let up = |number: i128, by: i128| number.div_euclid(by) + i128::from(number.rem_euclid(by) != 0);
    let divisor = if divisor == 0 { 1_000 * NANOS_PER_MILLI } else { divisor };
    up(up(amount, step), up(divisor, step).max(1))
}

/// Labels or annotations, a line for each, the values as Go quotes them.
fn map(map: Option<&BTreeMap<String, String>>) -> String {
    let lines: Vec<String> = map.into_iter().flatten().map(|(key, value)| format!("{key}={}", quoted(value))).collect();
    lines.join("\n")
}

/// A text as Go's `%q` writes it.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        // Writing to a string cannot fail.
        let _ = match c {
            '"' => write!(quoted, "\\\""),
            '\\' => write!(quoted, "\\\\"),
            '\n' => write!(quoted, "\\n"),
            '\r' => write!(quoted, "\\r"),
            '\t' => write!(quoted, "\\t"),
            '\u{7}' => write!(quoted, "\\a"),
            '\u{8}' => write!(quoted, "\\b"),
            '\u{b}' => write!(quoted, "\\v"),
            '\u{c}' => write!(quoted, "\\f"),
            c if c.is_ascii_control() => write!(quoted, "\\x{:02x}", u32::from(c)),
            c if c.is_control() => write!(quoted, "\\u{:04x}", u32::from(c)),
            c => write!(quoted, "{c}"),
        };
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_counted_in_their_divisor_and_rounded_up() {
        let divided = |amount: &str, divisor: &str, is_cpu| {
            let nanos = |text: &str| quantity::parse(text).unwrap().nanos();
            divided(nanos(amount), nanos(divisor), is_cpu)
        };
        assert_eq!(divided("250m", "0", true), 1);
        assert_eq!(divided("250m", "1m", true), 250);
        assert_eq!(divided("1500m", "1", true), 2);
        assert_eq!(divided("64Mi", "1Mi", false), 64);
        assert_eq!(divided("64Mi", "0", false), 64 << 20);
        assert_eq!(divided("1025", "1Ki", false), 2);
    }

    #[test]
    fn values_are_quoted_as_go_quotes_them() {
        assert_eq!(quoted("a\"b\\c\nd\u{1}\u{e9}"), "\"a\\\"b\\\\c\\nd\\x01\u{e9}\"");
    }
}
