//! `/petset/v1/token…`: the instance's own token, and those with names and scopes. Only whoever may do everything comes here.

use std::{collections::BTreeSet, time::Duration};

use api::{
    authz::ADMIN,
    metadata::{dns_label, dns_subdomain},
    status::Status,
};
use async_trait::async_trait;
use axum::{
    extract::{Path, Request, State},
    response::Response,
};
use http::{HeaderValue, StatusCode, Uri, header};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    answer::{Answer, json_response},
    authn::{TokenRecord, digest},
    body,
    limits::{TOKEN_GRACE_MAX, TOKEN_LIFETIME_MAX, TOKEN_NAMESPACES_MAX, TOKENS_MAX},
    query::Params,
    server::Server,
};

/// Keeps what opens the API. What it has done is on disk when it says so. Errors say why it could not.
#[async_trait]
pub trait Vault: Send + Sync {
    /// Changes the instance's own token: a new one counts at once, the old one for as long as is said. Gives the new one.
    async fn rotate(&self, grace: Duration) -> Result<String, String>;

    /// A new token: 256 random bits as text.
    fn draw(&self) -> Result<String, String>;

    /// Writes down which tokens have names.
    async fn save(&self, named: Vec<TokenRecord>) -> Result<(), String>;
}

/// `POST /petset/v1/token/rotate`, with `graceSeconds` for the old token: the new one is in the answer, and nowhere else.
pub(crate) async fn rotate(State(server): State<Server>, uri: Uri) -> Answer {
    let seconds = Params::read(&uri)?.number("graceSeconds")?.unwrap_or(0);
    let grace = u64::try_from(seconds).ok().map(Duration::from_secs).filter(|grace| *grace <= TOKEN_GRACE_MAX);
    let grace = grace.ok_or_else(|| {
        Status::bad_request(format!("graceSeconds: must be between 0 and {}", TOKEN_GRACE_MAX.as_secs()))
    })?;
    let token = server.inner.parts.vault.rotate(grace).await.map_err(|why| Status::internal(&why))?;
    Ok(secret(StatusCode::OK, &json!({"token": token, "graceSeconds": seconds})))
}

/// An answer that nobody on the way is to keep.
fn secret(code: StatusCode, body: &Value) -> Response {
    let mut response = json_response(code, body);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What is asked for: the body of a `POST`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wanted {
    name: String,
    /// None is everywhere.
    #[serde(default)]
    namespaces: Option<BTreeSet<String>>,
    #[serde(default)]
    read_only: bool,
    /// None is until it is revoked.
    #[serde(default)]
    expiration_seconds: Option<i64>,
}

/// `POST /petset/v1/tokens`: makes a token with a name. The token is in the answer, and nowhere else.
pub(crate) async fn create(State(server): State<Server>, request: Request) -> Answer {
    let bytes = body::bytes(request.into_body()).await?;
    let wanted = serde_json::from_slice(&bytes).map_err(|why| Status::bad_request(format!("a token: {why}")))?;
    let parts = &server.inner.parts;
    let token = parts.vault.draw().map_err(|why| Status::internal(&why))?;
    let record = made(wanted, digest(token.as_bytes()), server.now())?;

    // One change at a time, from the list that is on disk to the one that counts.
    let _turn = server.inner.token_turn.lock().await;
    let mut named = parts.tokens.named();
    named.retain(|known| !known.is_over(server.now()));
    if named.iter().any(|known| known.name == record.name) {
        return Err(Status::token_exists(&record.name).into());
    }
    if named.len() >= TOKENS_MAX {
        return Err(Status::too_many_tokens(&record.name, TOKENS_MAX).into());
    }
    named.push(record.clone());
    keep(&server, named).await?;
    tracing::info!(name = record.name, "a token has been made");
    let mut body = shown(&record);
    body["token"] = token.into();
    Ok(secret(StatusCode::CREATED, &body))
}

/// `GET /petset/v1/tokens`: the tokens with names, without what they are.
pub(crate) async fn list(State(server): State<Server>) -> Response {
    let items: Vec<Value> = server.inner.parts.tokens.named().iter().map(shown).collect();
    json_response(StatusCode::OK, &json!({"items": items}))
}

/// `DELETE /petset/v1/tokens/{name}`: the token counts no more, and what runs with it is cut.
pub(crate) async fn revoke(State(server): State<Server>, Path(name): Path<String>) -> Answer {
    let _turn = server.inner.token_turn.lock().await;
    let mut named = server.inner.parts.tokens.named();
    let before = named.len();
    named.retain(|known| known.name != name);
    if named.len() == before {
        return Err(Status::no_token(&name).into());
    }
    keep(&server, named).await?;
    tracing::info!(name, "a token has been revoked");
    Ok(json_response(
        StatusCode::OK,
        &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}),
    ))
}

/// Has these tokens on disk, and then lets them count.
async fn keep(server: &Server, named: Vec<TokenRecord>) -> Result<(), Status> {
    let parts = &server.inner.parts;
    parts.vault.save(named.clone()).await.map_err(|why| Status::internal(&why))?;
    parts.tokens.set_named(named);
    Ok(())
}

/// What is told of a token.
fn shown(record: &TokenRecord) -> Value {
    let mut shown = json!({"name": record.name, "readOnly": record.read_only, "created": record.created});
    if let Some(namespaces) = &record.namespaces {
        shown["namespaces"] = json!(namespaces);
    }
    if let Some(expires) = record.expires {
        shown["expires"] = json!(expires);
    }
    shown
}

/// The record of a token that is asked for. Errors: 400 with the field that is wrong.
fn made(wanted: Wanted, digest: String, now: Timestamp) -> Result<TokenRecord, Status> {
    let refuse = |why: String| Err(Status::bad_request(why));
    if let Some(why) = dns_subdomain(&wanted.name) {
        return refuse(format!("name: {why}"));
    }
    if wanted.name == ADMIN {
        return refuse(format!("name: {ADMIN} is whoever shows the instance's own token; take another"));
    }
    if let Some(namespaces) = &wanted.namespaces {
        if namespaces.is_empty() || namespaces.len() > TOKEN_NAMESPACES_MAX {
            return refuse(format!("namespaces: must be 1 to {TOKEN_NAMESPACES_MAX}; leave them out for all"));
        }
        if let Some(why) = namespaces.iter().find_map(|namespace| dns_label(namespace)) {
            return refuse(format!("namespaces: {why}"));
        }
    }
    let Wanted { name, namespaces, read_only, expiration_seconds } = wanted;
    let expires = expiration_seconds.map(|seconds| {
        let lifetime = SignedDuration::from_secs(seconds);
        let is_fit = lifetime.is_positive() && lifetime.unsigned_abs() <= TOKEN_LIFETIME_MAX;
        let expires = Some(lifetime).filter(|_| is_fit).and_then(|lifetime| now.checked_add(lifetime).ok());
        expires.ok_or_else(|| {
            Status::bad_request(format!("expirationSeconds: must be between 1 and {}", TOKEN_LIFETIME_MAX.as_secs()))
        })
    });
    Ok(TokenRecord { name, namespaces, read_only, created: now, expires: expires.transpose()?, digest })
}
