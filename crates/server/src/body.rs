//! The bodies of requests.

use api::{
    limits::BODY_BYTES_MAX,
    ownership,
    resource::Resource,
    status::{Status, field_complaints},
};
use axum::body::{Body, Bytes};
use http::HeaderMap;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::Value;
use tokio::time::timeout;

use crate::{limits::BODY_PATIENCE, negotiate, query::FieldValidation};

/// All of a body. Errors: 413 beyond the limit, 408 where it does not come in time, 400 where it breaks off.
pub(crate) async fn bytes(body: Body) -> Result<Bytes, Status> {
    match timeout(BODY_PATIENCE, Limited::new(body, BODY_BYTES_MAX).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Status::too_large(BODY_BYTES_MAX)),
        Ok(Err(error)) => Err(Status::bad_request(format!("the body of the request could not be read: {error}"))),
        Err(_) => Err(Status::body_too_slow(BODY_PATIENCE.as_secs())),
    }
}

/// An object from a body.
pub(crate) struct Sent {
    /// Normalised, without its `managedFields`.
    pub(crate) value: Value,
    /// What the client wants them to be, if it says so.
    pub(crate) managed_fields: Option<Value>,
    /// Sentences for `Warning` headers about what it says.
    pub(crate) warnings: Vec<String>,
}

/// An object of this resource from a body.
///
/// Errors: 415 for a format that is not read, 400 for what is no such object.
pub(crate) fn object(
    resource: &Resource,
    headers: &HeaderMap,
    bytes: &[u8],
    validation: FieldValidation,
) -> Result<Sent, Status> {
    let (mut value, duplicates) = api::body::read(bytes, negotiate::media(headers)?, resource.kind)?;
    let managed_fields = ownership::take(&mut value);
    let (value, unknown) = resource.rules.normalise(value)?;
    let mut warnings = judge_fields(resource, &duplicates, &unknown, validation)?;
    warnings.extend(resource.rules.warnings(&value));
    Ok(Sent { value, managed_fields, warnings })
}

/// What is to be said of duplicate and unknown fields. Errors: 400 where they are not let through.
pub(crate) fn judge_fields(
    resource: &Resource,
    duplicates: &[String],
    unknown: &[String],
    validation: FieldValidation,
) -> Result<Vec<String>, Status> {
    match validation {
        FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Warn => Ok(field_complaints(duplicates, unknown)),
        FieldValidation::Strict if duplicates.is_empty() && unknown.is_empty() => Ok(Vec::new()),
        FieldValidation::Strict => Err(Status::strict(resource, duplicates, unknown)),
    }
}
