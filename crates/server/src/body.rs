//! The bodies of requests.

use api::{
    limits::BODY_BYTES_MAX,
    resource::Resource,
    status::{Status, field_complaints},
};
use axum::body::{Body, Bytes};
use http::HeaderMap;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::Value;

use crate::{negotiate, query::FieldValidation};

/// All of a body. Errors: 413 beyond the limit, 400 where it breaks off.
pub(crate) async fn bytes(body: Body) -> Result<Bytes, Status> {
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Status::too_large(BODY_BYTES_MAX)),
        Err(error) => Err(Status::bad_request(format!("the body of the request could not be read: {error}"))),
    }
}

/// An object of this resource from a body, normalised, with sentences for `Warning` headers about what it says.
///
/// Errors: 415 for a format that is not read, 400 for what is no such object.
pub(crate) fn object(
    resource: &Resource,
    headers: &HeaderMap,
    bytes: &[u8],
    validation: FieldValidation,
) -> Result<(Value, Vec<String>), Status> {
    let (value, duplicates) = api::body::read(bytes, negotiate::media(headers)?, resource.kind)?;
    let (object, unknown) = resource.rules.normalise(value)?;
    let mut warnings = judge_fields(resource, &duplicates, &unknown, validation)?;
    warnings.extend(resource.rules.warnings(&object));
    Ok((object, warnings))
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
