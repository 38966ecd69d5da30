//! `meta/v1 DeleteOptions`: what a deletion asks for.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::DeleteOptions;
use serde_json::Value;

use crate::kinds::typed;
use crate::status::Status;

/// The options as they are sent.
pub type Wire = DeleteOptions;

/// Reads the options of a deletion. Fields that they do not have are let through, as in Kubernetes.
///
/// Errors: 400 `BadRequest` for another kind, or a field of the wrong type.
pub fn read(value: Value) -> Result<Wire, Status> {
    let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
    if !["", "DeleteOptions"].contains(&kind) {
        return Err(Status::bad_request(format!(
            "decoded object cannot be converted to DeleteOptions: it is a {kind}"
        )));
    }
    let options = typed::read::<Wire>(value);
    options.map(|(options, _)| options).map_err(|why| Status::undecodable("DeleteOptions", "v1", "DeleteOptions", &why))
}
