//! A number, or a share of a whole: `3` or `30%` (`IntOrString` in Kubernetes).

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use crate::status::Cause;

/// What Kubernetes says of a text that is no percentage.
const NO_PERCENT: &str = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or \
                          '93%', regex used for validation is '[0-9]+%')";

/// All that is wrong with a number or share, after `ValidatePositiveIntOrPercent` and `IsNotMoreThan100Percent`.
pub(crate) fn validate(portion: &IntOrString, field: &str, wrong: &mut Vec<Cause>) {
    match (portion, percent(portion)) {
        (IntOrString::Int(number), _) if *number < 0 => {
            wrong.push(Cause::invalid(field, *number, "must be greater than or equal to 0"));
        }
        (IntOrString::String(text), None) => wrong.push(Cause::invalid(field, text.as_str(), NO_PERCENT)),
        (IntOrString::String(text), Some(percent)) if percent > 100 => {
            wrong.push(Cause::invalid(field, text.as_str(), "must not be greater than 100%"));
        }
        (IntOrString::Int(_), _) | (IntOrString::String(_), Some(_)) => {}
    }
}

/// Whether it is no pod at all: `0`, `0%`.
pub(crate) fn is_zero(portion: &IntOrString) -> bool {
    match portion {
        IntOrString::Int(number) => *number == 0,
        // A text that is no percentage is zero for Kubernetes, too.
        IntOrString::String(_) => percent(portion).unwrap_or(0) == 0,
    }
}

/// It as JSON.
pub(crate) fn value(portion: &IntOrString) -> Value {
    match portion {
        IntOrString::Int(number) => (*number).into(),
        IntOrString::String(text) => text.as_str().into(),
    }
}

/// The percentage that a text says; as large as can be where it is larger.
fn percent(portion: &IntOrString) -> Option<u64> {
    let IntOrString::String(text) = portion else { return None };
    let digits = text.strip_suffix('%')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}
