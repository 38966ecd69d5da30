//! Answers: objects, lists and refusals as HTTP.

use api::{limits::WARNINGS_MAX, resource::Resource, status::Status, table};
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};
use store::Stored;

use crate::{
    limits::WARNING_BYTES_MAX,
    negotiate::{Encoding, Form, View},
};

/// A refusal on its way to the client.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) Status);

/// What a handler returns.
pub(crate) type Answer = Result<Response, Refusal>;

impl From<Status> for Refusal {
    fn from(status: Status) -> Refusal {
        Refusal(status)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Refusal(status) = self;
        let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = json_response(code, &status.to_json());
        if let Some(seconds) = status.details["retryAfterSeconds"].as_u64() {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// A JSON answer.
pub(crate) fn json_response(code: StatusCode, body: &impl Serialize) -> Response {
    written(code, body, Encoding::Json)
}

/// Kubernetes' answer for paths under which nothing is served.
pub(crate) fn no_such_page() -> Response {
    (StatusCode::NOT_FOUND, "404 page not found\n").into_response()
}

/// An answer in the encoding that was asked for.
pub(crate) fn written(code: StatusCode, body: &impl Serialize, encoding: Encoding) -> Response {
    let (text, media) = match encoding {
        Encoding::Json => (serde_json::to_vec(body).map_err(|error| error.to_string()), "application/json"),
        Encoding::Yaml => (yaml(body), "application/yaml"),
    };
    match text {
        Ok(text) => (code, [(header::CONTENT_TYPE, media)], Body::from(text)).into_response(),
        Err(error) => Refusal(Status::internal(&error)).into_response(),
    }
}

fn yaml(body: &impl Serialize) -> Result<Vec<u8>, String> {
    // By way of a JSON value, whose numbers and keys are plain.
    let value = serde_json::to_value(body).map_err(|error| error.to_string())?;
    serde_saphyr::to_string(&value).map(String::into_bytes).map_err(|error| error.to_string())
}

/// One object of a kind, in the form that was asked for. `now` is in seconds since the epoch.
pub(crate) fn object(code: StatusCode, kind: &str, object: &Value, form: Form, now: i64) -> Response {
    match form.view {
        View::Whole => written(code, object, form.encoding),
        View::Metadata => written(code, &partial(object), form.encoding),
        View::Table(include) => {
            let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
            let table = table::render_kind(kind, &[object], metadata, include, true, now);
            written(code, &table, form.encoding)
        }
    }
}

/// Text that is JSON already.
pub(crate) fn json_text(text: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text.into()).into_response()
}

/// A list, in the form that was asked for. `metadata` is the list's own.
pub(crate) fn list(resource: &Resource, objects: &[&Stored], metadata: Value, form: Form, now: i64) -> Response {
    match form.view {
        View::Whole => {
            let (kind, version) = (format!("{}List", resource.kind), resource.api_version());
            let text = list_text(&List { kind: &kind, api_version: &version, metadata }, objects);
            match form.encoding {
                Encoding::Json => json_text(text),
                Encoding::Yaml => match text.parse::<Value>() {
                    Ok(list) => written(StatusCode::OK, &list, form.encoding),
                    Err(error) => Refusal(Status::internal(&error.to_string())).into_response(),
                },
            }
        }
        View::Metadata => {
            let head = List { kind: "PartialObjectMetadataList", api_version: "meta.k8s.io/v1", metadata };
            let mut list = json!(head);
            list["items"] = objects.iter().map(|object| partial(&object.value())).collect();
            written(StatusCode::OK, &list, form.encoding)
        }
        View::Table(include) => {
            let objects: Vec<Value> = objects.iter().map(|object| object.value()).collect();
            let objects: Vec<&Value> = objects.iter().collect();
            let table = table::render(resource, &objects, metadata, include, true, now);
            written(StatusCode::OK, &table, form.encoding)
        }
    }
}

/// A list of objects as they are kept, without their types, which the list tells for all.
fn list_text(head: &List<'_>, objects: &[&Stored]) -> String {
    let mut text = json!(head).to_string();
    text.truncate(text.len() - 1);
    text.reserve(objects.iter().map(|object| object.untyped().len() + 2).sum::<usize>() + 16);
    text.push_str(",\"items\":[");
    for (number, object) in objects.iter().enumerate() {
        text.push_str(if number == 0 { "{" } else { ",{" });
        text.push_str(object.untyped());
    }
    text.push_str("]}");
    text
}

/// The metadata of an object, as an object of its own.
pub(crate) fn partial(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

/// A list as clients receive it, less its items.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    kind: &'a str,
    api_version: &'a str,
    metadata: Value,
}

/// Adds `Warning` headers, which kubectl prints on standard error. Those that are too many are left out.
pub(crate) fn warn(response: &mut Response, warnings: &[String]) {
    let mut bytes = 0;
    for warning in warnings.iter().take(WARNINGS_MAX) {
        let text: String = warning.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let text = format!("299 - \"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        bytes += text.len();
        if bytes > WARNING_BYTES_MAX {
            return;
        }
        if let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
}
