//! Labels and label selectors inside objects.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::kinds::names::{self, invalid};
use crate::status::Cause;

/// All that is wrong with a map of labels.
pub(crate) fn validate_labels<'a>(
    labels: impl IntoIterator<Item = (&'a String, &'a String)>,
    field: &str,
    wrong: &mut Vec<Cause>,
) {
    for (key, value) in labels {
        invalid(wrong, field, key, names::qualified(key));
        invalid(wrong, field, value, names::label_value(value));
    }
}

/// All that is wrong with a label selector inside an object.
pub(crate) fn validate_selector(selector: &LabelSelector, field: &str, wrong: &mut Vec<Cause>) {
    validate_labels(selector.match_labels.iter().flatten(), &format!("{field}.matchLabels"), wrong);
    for (index, expression) in selector.match_expressions.iter().flatten().enumerate() {
        let field = format!("{field}.matchExpressions[{index}]");
        let values = expression.values.as_deref().unwrap_or_default();
        match expression.operator.as_str() {
            "In" | "NotIn" if values.is_empty() => {
                let why = "must be specified when `operator` is 'In' or 'NotIn'";
                wrong.push(Cause::required(format!("{field}.values"), why));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                wrong.push(Cause::forbidden(format!("{field}.values"), why));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => {
                let why = "not a valid selector operator";
                wrong.push(Cause::invalid(format!("{field}.operator"), other, why));
            }
        }
        invalid(wrong, &format!("{field}.key"), &expression.key, names::qualified(&expression.key));
        for (index, value) in values.iter().enumerate() {
            invalid(wrong, &format!("{field}.values[{index}]"), value, names::label_value(value));
        }
    }
}
