//! What is served besides objects: discovery, versions, health, metrics, waits.

use std::{
    convert::Infallible,
    hash::{DefaultHasher, Hash, Hasher as _},
};

use api::{discovery, status::Status};
use axum::{
    body::Body,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri, header};
use serde_json::{Value, json};

use crate::{
    answer::{Answer, json_response, no_such_page},
    authn::Caller,
    measure, negotiate,
    query::Params,
    route,
    server::{Server, nowhere},
};

/// How much of a backup is made ready at a time, besides one object.
const BACKUP_CHUNK_BYTES: usize = 64 << 10;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// The name of OpenAPI v2 in protobuf as an answer: a media type must not have the `@` that clients ask with.
const SWAGGER_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// The Kubernetes whose API this is: clients choose their ways by it.
const KUBERNETES: (&str, &str) = ("1", "36");

/// `GET /version`.
pub(crate) async fn version(State(server): State<Server>) -> Response {
    let (major, minor) = KUBERNETES;
    let version = &server.inner.parts.version;
    let body = json!({
        "major": major,
        "minor": minor,
        "gitVersion": format!("v{major}.{minor}.0+petset-{}", version.petset),
        "gitCommit": version.commit,
        "gitTreeState": "",
        "buildDate": version.built,
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, architecture()),
    });
    json_response(StatusCode::OK, &body)
}

/// The machine's architecture by the name that container images use.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// `GET /livez`: that it answers is the answer.
pub(crate) async fn livez(uri: Uri) -> Answer {
    let is_verbose = Params::read(&uri)?.flag("verbose");
    Ok(if is_verbose { "[+]ping ok\nlivez check passed\n" } else { "ok" }.into_response())
}

/// `GET /readyz` and its older name.
pub(crate) async fn readyz(State(server): State<Server>, uri: Uri) -> Answer {
    let is_verbose = Params::read(&uri)?.flag("verbose");
    let report = server.inner.parts.readiness.report(uri.path().trim_matches('/'));
    Ok(match (report.is_ready, is_verbose) {
        (true, false) => "ok".into_response(),
        (true, true) => report.text.into_response(),
        (false, _) => (StatusCode::INTERNAL_SERVER_ERROR, report.text).into_response(),
    })
}

/// `GET /metrics`.
pub(crate) async fn metrics(State(server): State<Server>) -> Response {
    metrics::gauge!(measure::REVISION).set(server.store().revision().0 as f64);
    let text = server.inner.parts.metrics.render();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// `GET /petset/v1/backup`: every object at one moment, as lines that are made while they are sent.
pub(crate) async fn backup(State(server): State<Server>) -> Response {
    let mut lines = server.store().backup();
    let chunks = std::iter::from_fn(move || {
        let mut chunk = lines.next()?;
        while chunk.len() < BACKUP_CHUNK_BYTES {
            let Some(line) = lines.next() else { break };
            chunk.extend_from_slice(&line);
        }
        Some(Ok::<_, Infallible>(Bytes::from(chunk)))
    });
    let body = Body::from_stream(futures::stream::iter(chunks));
    ([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response()
}

/// `GET /petset/v1/waits`, of all objects that the caller's token reaches, or of those of a `kind`, `namespace` and `name`.
pub(crate) async fn waits(State(server): State<Server>, request: Request) -> Answer {
    let scope = &Caller::of(request.extensions())?.scope;
    let params = Params::read(request.uri())?;
    let fits = |name: &str, value: &str| params.text(name).is_none_or(|wanted| wanted == value);
    let mut waits = (server.inner.parts.waits)();
    waits.retain(|wait| scope.reaches(&wait.namespace));
    waits.retain(|wait| fits("kind", &wait.kind) && fits("namespace", &wait.namespace) && fits("name", &wait.name));
    Ok(json_response(StatusCode::OK, &json!({"items": waits})))
}

/// `GET /api`.
pub(crate) async fn core_discovery(headers: HeaderMap) -> Response {
    if negotiate::prefers_aggregated(&headers) {
        document(&headers, &discovery::aggregated(true), AGGREGATED)
    } else {
        document(&headers, &discovery::core_versions(), "application/json")
    }
}

/// `GET /apis`.
pub(crate) async fn discovery(headers: HeaderMap) -> Response {
    if negotiate::prefers_aggregated(&headers) {
        document(&headers, &discovery::aggregated(false), AGGREGATED)
    } else {
        document(&headers, &discovery::groups(), "application/json")
    }
}

/// `GET /apis/{group}`.
pub(crate) async fn group(Path(group): Path<String>, headers: HeaderMap) -> Response {
    match discovery::group(&group) {
        Some(body) => document(&headers, &body, "application/json"),
        None => no_such_page(),
    }
}

/// `GET /api/v1`.
pub(crate) async fn core_resources(Path(version): Path<String>, headers: HeaderMap) -> Response {
    resources_of("", &version, &headers)
}

/// `GET /apis/{group}/{version}`.
pub(crate) async fn resources(Path((group, version)): Path<(String, String)>, headers: HeaderMap) -> Response {
    resources_of(&group, &version, &headers)
}

fn resources_of(group: &str, version: &str, headers: &HeaderMap) -> Response {
    match discovery::resources(group, version) {
        Some(body) => document(headers, &body, "application/json"),
        None if group.is_empty() || route::is_served(group) => nowhere(route::Missing::Resource),
        None => nowhere(route::Missing::Page),
    }
}

/// `GET /openapi/v2`, in JSON and in the only format in which kubectl asks for it.
pub(crate) async fn openapi_v2(headers: HeaderMap) -> Answer {
    match negotiate::openapi(&headers)? {
        negotiate::OpenApi::Json => Ok(document(&headers, &discovery::openapi_v2(), "application/json")),
        negotiate::OpenApi::Protobuf => {
            Ok(bytes_of(&headers, Bytes::from_static(discovery::openapi_v2_protobuf()), SWAGGER_PROTOBUF))
        }
    }
}

/// `GET /openapi/v3`.
pub(crate) async fn openapi_index(headers: HeaderMap) -> Response {
    document(&headers, &discovery::openapi_index(), "application/json")
}

/// `GET /openapi/v3/{document}`.
pub(crate) async fn openapi(Path(path): Path<String>, headers: HeaderMap) -> Answer {
    let body = discovery::openapi(&path).ok_or_else(Status::not_served)?;
    Ok(document(&headers, &body, "application/json"))
}

/// A document that changes only with the daemon: clients keep it, and ask whether it is still the same.
fn document(headers: &HeaderMap, body: &Value, media: &'static str) -> Response {
    bytes_of(headers, body.to_string().into(), media)
}

/// The same of a document that is written down already.
fn bytes_of(headers: &HeaderMap, body: Bytes, media: &'static str) -> Response {
    let mut hasher = DefaultHasher::new();
    (&body, media).hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    let known = headers.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    let is_known = known.flat_map(|tags| tags.split(',')).any(|known| known.trim() == tag);
    let code = if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let body = if is_known { Bytes::new() } else { body };
    let headers = [(header::ETAG, tag.as_str()), (header::VARY, "Accept"), (header::CONTENT_TYPE, media)];
    (code, headers, body).into_response()
}
