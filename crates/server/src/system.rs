//! What is served besides objects: discovery, versions, health, metrics, waits.

use std::{
    convert::Infallible,
    hash::{DefaultHasher, Hash, Hasher as _},
    time::Duration,
};

use api::{discovery, status::Status};
use axum::{
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use serde_json::{Value, json};

use crate::{
    answer::{Answer, json_response, no_such_page},
    limits::TOKEN_GRACE_MAX,
    measure, negotiate,
    query::Params,
    route,
    server::{Server, nowhere},
};

/// How much of a backup is made ready at a time, besides one object.
const BACKUP_CHUNK_BYTES: usize = 64 << 10;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

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

/// `GET /petset/v1/waits`, of all objects or of those of a `kind`, `namespace` and `name`.
pub(crate) async fn waits(State(server): State<Server>, uri: Uri) -> Answer {
    let params = Params::read(&uri)?;
    let fits = |name: &str, value: &str| params.text(name).is_none_or(|wanted| wanted == value);
    let mut waits = (server.inner.parts.waits)();
    waits.retain(|wait| fits("kind", &wait.kind) && fits("namespace", &wait.namespace) && fits("name", &wait.name));
    Ok(json_response(StatusCode::OK, &json!({"items": waits})))
}

/// `POST /petset/v1/token/rotate`, with `graceSeconds` for the old token: the new one is in the answer, and nowhere else.
pub(crate) async fn rotate_token(State(server): State<Server>, uri: Uri) -> Answer {
    let seconds = Params::read(&uri)?.number("graceSeconds")?.unwrap_or(0);
    let grace = u64::try_from(seconds).ok().map(Duration::from_secs).filter(|grace| *grace <= TOKEN_GRACE_MAX);
    let grace = grace.ok_or_else(|| {
        Status::bad_request(format!("graceSeconds: must be between 0 and {}", TOKEN_GRACE_MAX.as_secs()))
    })?;
    let token = (server.inner.parts.rotate)(grace).await.map_err(|why| Status::internal(&why))?;
    let mut response = json_response(StatusCode::OK, &json!({"token": token, "graceSeconds": seconds}));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
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
    let text = body.to_string();
    let mut hasher = DefaultHasher::new();
    (&text, media).hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    let known = headers.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    let is_known = known.flat_map(|tags| tags.split(',')).any(|known| known.trim() == tag);
    let code = if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let text = if is_known { String::new() } else { text };
    let headers = [(header::ETAG, tag.as_str()), (header::VARY, "Accept"), (header::CONTENT_TYPE, media)];
    (code, headers, text).into_response()
}
