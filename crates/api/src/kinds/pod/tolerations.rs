//! What must hold for the tolerations of a pod.

use k8s_openapi::api::core::v1::Toleration;
use serde_json::json;

use crate::kinds::names::{self, invalid};
use crate::status::Cause;

/// All that is wrong with tolerations. The operators `Lt` and `Gt` are behind a gate in Kubernetes 1.36 (KEP 5471), and are
/// refused here as they are there without it.
///
/// Source: `ValidateTolerations`.
pub(super) fn validate(tolerations: &[Toleration], field: &str, wrong: &mut Vec<Cause>) {
    for (index, toleration) in tolerations.iter().enumerate() {
        let at = |name: &str| format!("{field}[{index}].{name}");
        let text = |value: &'_ Option<String>| value.clone().unwrap_or_default();
        let (key, operator) = (text(&toleration.key), text(&toleration.operator));
        let (value, effect) = (text(&toleration.value), text(&toleration.effect));
        if !key.is_empty() {
            invalid(wrong, &at("key"), &key, names::qualified(&key));
        } else if operator != "Exists" {
            let why = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            wrong.push(Cause::invalid(at("operator"), operator.as_str(), why));
        }
        if toleration.toleration_seconds.is_some() && effect != "NoExecute" {
            let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            wrong.push(Cause::invalid(at("effect"), effect.as_str(), why));
        }
        match operator.as_str() {
            "" | "Equal" => invalid(wrong, &at("operator"), &value, names::label_value(&value)),
            "Exists" if value.is_empty() => {}
            "Exists" => {
                let why = "value must be empty when `operator` is 'Exists'";
                wrong.push(Cause::invalid(at("operator"), json!(toleration), why));
            }
            _ => wrong.push(Cause::not_supported(at("operator"), operator.as_str(), &["Equal", "Exists"])),
        }
        let effects = ["NoExecute", "NoSchedule", "PreferNoSchedule"];
        if !effect.is_empty() && !effects.contains(&effect.as_str()) {
            wrong.push(Cause::not_supported(at("effect"), effect.as_str(), &effects));
        }
    }
}
