//! Who may come in: over HTTPS under which name, from which page, and with which token; and who that is then.

mod end;
mod impersonation;
mod names;
mod service;
mod tokens;

use std::sync::Arc;

use api::{
    authz::{ADMIN, MASTERS, TokenScope, User, service_account},
    review,
    status::Status,
};
use axum::{
    body::{Body, HttpBody as _},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures::StreamExt as _;
use http::{Extensions, Method, header};
use serde_json::Value;

use crate::{answer::Refusal, connection::Connection, server::Server};

pub(crate) use end::End;
pub(crate) use impersonation::impersonate;
pub(crate) use names::check_names;
use service::Proof;
pub use service::{BadKey, Signer};
pub use tokens::{TokenRecord, Tokens, digest};

/// Who asks, and what that is allowed. Every request that is let in carries it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) user: User,
    pub(crate) scope: TokenScope,
}

impl Caller {
    /// Whoever may do everything.
    fn admin() -> Caller {
        Caller { user: User::admin(), scope: TokenScope::EVERYTHING }
    }

    /// Who made a request. Errors: 401 where nobody is known to have.
    pub(crate) fn of(extensions: &Extensions) -> Result<&Caller, Status> {
        extensions.get::<Arc<Caller>>().map(AsRef::as_ref).ok_or_else(Status::unauthorized)
    }
}

/// Lets everybody in, as the administrator: file permissions guard the way here.
pub(crate) async fn trust(mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(Arc::new(Caller::admin()));
    next.run(request).await
}

/// What is served to anybody, with a token or without: what Kubernetes' role `system:public-info-viewer` has.
pub(crate) fn is_public(request: &Request) -> bool {
    let path = request.uri().path();
    let path = path.strip_suffix('/').unwrap_or(path);
    matches!(*request.method(), Method::GET | Method::HEAD)
        && matches!(path, "/healthz" | "/livez" | "/readyz" | "/version")
}

/// Lets a request in that carries a token which counts, or asks for what anybody may know. What is streamed to it ends with
/// the token.
pub(crate) async fn authenticate(State(server): State<Server>, mut request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).map(http::HeaderValue::as_bytes);
    let token = shown.and_then(|shown| {
        let (scheme, token) = shown.split_at_checked("Bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
    });
    match token.and_then(|token| server.holder_of(token)) {
        Some((caller, end)) => {
            if let Some(connection) = request.extensions().get::<Connection>() {
                connection.know();
            }
            request.extensions_mut().insert(Arc::new(caller));
            request.extensions_mut().insert(end.clone());
            next.run(request).await.map(|body| if body.size_hint().exact().is_some() { body } else { until(body, end) })
        }
        None if is_public(&request) => next.run(request).await,
        None => Refusal(Status::unauthorized()).into_response(),
    }
}

impl Server {
    /// Who shows a token, if it counts, and its end.
    fn holder_of(&self, token: &[u8]) -> Option<(Caller, End)> {
        let (parts, now) = (&self.inner.parts, self.now());
        parts.tokens.holder_of(token, now).or_else(|| {
            let proof = Proof::of(&parts.signer, &parts.store, token, &[parts.signer.issuer()], now)?;
            Some((proof.caller(), End::of_proof(proof, now)))
        })
    }

    /// What somebody of this name and these groups may do; none where nobody is known by it.
    pub(crate) fn scope_of(&self, user: &str, groups: &[&str]) -> Option<TokenScope> {
        if user == ADMIN || groups.contains(&MASTERS) {
            return Some(TokenScope::EVERYTHING);
        }
        if let Some((namespace, _)) = service_account(user) {
            return Some(TokenScope::of_namespace(namespace));
        }
        let named = self.inner.parts.tokens.named();
        let now = self.now();
        named.iter().find(|token| token.name == user && !token.is_over(now)).map(TokenRecord::scope)
    }

    /// Whose a token is, for these audiences or for the API: the status of a `TokenReview`.
    pub(crate) fn whose(&self, token: &str, audiences: &[&str]) -> Value {
        let (parts, now) = (&self.inner.parts, self.now());
        let own = [parts.signer.issuer()];
        let audiences = if audiences.is_empty() { &own[..] } else { audiences };
        let proof = Proof::of(&parts.signer, &parts.store, token.as_bytes(), audiences, now);
        if let Some(proof) = proof {
            let known = |audience: &&str| proof.audiences().iter().any(|of_token| of_token == audience);
            let met: Vec<&str> = audiences.iter().copied().filter(known).collect();
            return review::token_status(Some((&proof.caller().user, &met)));
        }
        // Other tokens are for the API alone.
        let holder = parts.tokens.holder_of(token.as_bytes(), now).filter(|_| audiences.contains(&own[0]));
        review::token_status(holder.as_ref().map(|(caller, _)| (&caller.user, &own[..])))
    }
}

fn until(body: Body, end: End) -> Body {
    Body::from_stream(body.into_data_stream().take_until(Box::pin(end.come())))
}
