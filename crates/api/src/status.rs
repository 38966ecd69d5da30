//! Refusals, in Kubernetes' own words.

use serde_json::Value;

/// A refusal as clients receive it: Kubernetes' `meta/v1 Status`.
///
/// Constructors are named after the `StatusReason` that they carry and produce the exact message that
/// Kubernetes 1.36 gives, so that scripts that match on text go on working.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The HTTP status code, also `code` in the body.
    pub code: u16,
    /// The machine-readable reason, such as `NotFound`; empty where Kubernetes leaves it out.
    pub reason: &'static str,
    /// The sentence for people.
    pub message: String,
    /// `details`: `name`, `group`, `kind`, `uid`, `causes`, `retryAfterSeconds`; `Null` when absent.
    pub details: Value,
}

/// One reason why a field was refused: `details.causes[]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// `FieldValueRequired`, `FieldValueInvalid`, `FieldValueNotSupported`, `FieldValueForbidden`, ….
    pub reason: &'static str,
    /// What is wrong, with the value: `Invalid value: "Bad_Name": a lowercase RFC 1123 …`.
    pub message: String,
    /// The path of the field: `spec.template.spec.containers[0].name`.
    pub field: String,
}
