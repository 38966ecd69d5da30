//! The server: what it is made of, and its routes.

use std::{panic::AssertUnwindSafe, sync::Arc};

use api::{
    admission::Stamp, authz::WAITS_PATH, limits::BODY_BYTES_MAX, policy::Policy, services::ServiceRange, status::Status,
};
use axum::{
    Router,
    body::{Body, HttpBody as _},
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use futures::FutureExt as _;
use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use store::Store;
use tokio::sync::{Mutex, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    answer::{Refusal, no_such_page},
    authn::{self, Signer, Tokens},
    authz,
    limits::{FOLLOWED_LOGS_MAX, REQUESTS_MAX, URI_BYTES_MAX, WATCHES_MAX},
    measure, objects,
    readiness::Readiness,
    streams::Streams,
    system,
    token::{self, Vault},
    unread,
    unread::Unread,
};

/// What a server is made of.
pub struct Parts {
    /// The objects.
    pub store: Store,
    /// The way to the running containers.
    pub streams: Arc<dyn Streams>,
    /// The time.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// A new uid, random (version 4).
    pub chance: Arc<dyn Fn() -> Uuid + Send + Sync>,
    /// The bearer tokens that HTTPS clients must show.
    pub tokens: Tokens,
    /// Where they are kept.
    pub vault: Arc<dyn Vault>,
    /// What signs the tokens of ServiceAccounts.
    pub signer: Signer,
    /// The names and addresses, in lower case, under which HTTPS clients reach the server, besides those of loopback.
    pub names: Vec<String>,
    /// What of the host pods may have.
    pub policy: Policy,
    /// Where services get their addresses.
    pub services: ServiceRange,
    /// What `/version` tells.
    pub version: Version,
    /// What `/readyz` tells.
    pub readiness: Readiness,
    /// Everything that waits at present, and why.
    pub waits: Arc<dyn Fn() -> Vec<Wait> + Send + Sync>,
    /// What `/metrics` tells.
    pub metrics: PrometheusHandle,
}

/// The version of this daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// petset's own version: `0.1.0`.
    pub petset: String,
    /// The commit that it was built from; may be empty.
    pub commit: String,
    /// When it was built, in RFC 3339; may be empty.
    pub built: String,
}

/// Something that has not been done yet, and why: an item of `GET /petset/v1/waits`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wait {
    /// The kind of the object that waits: `PetSet`.
    pub kind: String,
    /// Its namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// A CamelCase reason.
    pub reason: String,
    /// The sentence for people.
    pub message: String,
}

/// The HTTP server. Clones share everything, so one server can serve several listeners.
#[derive(Clone)]
pub struct Server {
    pub(crate) inner: Arc<Inner>,
}

/// What the clones share.
pub(crate) struct Inner {
    pub(crate) parts: Parts,
    /// Places for watches.
    pub(crate) watches: Arc<Semaphore>,
    /// Exec, attach and port-forward sessions, which outlive their requests.
    pub(crate) sessions: TaskTracker,
    /// Places for followed logs.
    pub(crate) followed: Arc<Semaphore>,
    /// Places for requests that are being answered.
    pub(crate) requests: Arc<Semaphore>,
    /// The one place for writes that allocate addresses or ports.
    pub(crate) allocating: Semaphore,
    /// Answers that are on their way.
    pub(crate) unread: Unread,
    /// Tells watches, followed logs and sessions to end.
    pub(crate) stop: CancellationToken,
    /// Held by whoever changes the tokens with names, also while they are written to disk.
    pub(crate) token_turn: Mutex<()>,
}

impl Server {
    /// A server of these parts. It listens nowhere yet.
    pub fn new(parts: Parts) -> Server {
        measure::describe();
        Server {
            inner: Arc::new(Inner {
                parts,
                allocating: Semaphore::new(1),
                watches: Arc::new(Semaphore::new(WATCHES_MAX)),
                sessions: TaskTracker::new(),
                followed: Arc::new(Semaphore::new(FOLLOWED_LOGS_MAX)),
                requests: Arc::new(Semaphore::new(REQUESTS_MAX)),
                unread: Unread::default(),
                stop: CancellationToken::new(),
                token_turn: Mutex::new(()),
            }),
        }
    }

    /// Everything that is served, for clients that need not show a token: they may do everything.
    pub fn open_router(&self) -> Router {
        self.router().layer(middleware::from_fn(authn::trust))
    }

    /// Everything that is served, for clients that show a token and call us by our name.
    pub fn guarded_router(&self) -> Router {
        self.router()
            .layer(middleware::from_fn_with_state(self.clone(), authn::authenticate))
            .layer(middleware::from_fn_with_state(self.clone(), authn::check_names))
    }

    /// Everything that is served, to whoever is known by then, as far as it may be.
    fn router(&self) -> Router {
        // Kubernetes answers these with a slash at their end, too, and its Python client asks for them so.
        let with_or_without_slash = [
            ("/version", get(system::version)),
            ("/livez", get(system::livez)),
            ("/readyz", get(system::readyz)),
            ("/healthz", get(system::readyz)),
            ("/api", get(system::core_discovery)),
            ("/apis", get(system::discovery)),
            ("/apis/{group}", get(system::group)),
            ("/api/{version}", get(system::core_resources)),
            ("/apis/{group}/{version}", get(system::resources)),
        ];
        let router = with_or_without_slash.into_iter().fold(Router::new(), |router, (path, method)| {
            router.route(path, method.clone()).route(&format!("{path}/"), method)
        });
        router
            .route("/metrics", get(system::metrics))
            .route(WAITS_PATH, get(system::waits))
            .route("/petset/v1/token/rotate", post(token::rotate))
            .route("/petset/v1/tokens", get(token::list).post(token::create))
            .route("/petset/v1/tokens/{name}", delete(token::revoke))
            .route("/petset/v1/backup", get(system::backup))
            .route("/openapi/v2", get(system::openapi_v2))
            .route("/openapi/v3", get(system::openapi_index))
            .route("/openapi/v3/{*document}", get(system::openapi))
            .method_not_allowed_fallback(async || Refusal(Status::method_not_allowed()))
            .fallback(objects::handle)
            .layer(middleware::from_fn(authz::authorize))
            .layer(middleware::from_fn_with_state(self.clone(), authn::impersonate))
            .layer(middleware::from_fn(survive))
            .layer(middleware::from_fn_with_state(self.clone(), unread::heed))
            .layer(middleware::from_fn_with_state(self.clone(), admit))
            .layer(middleware::from_fn(measure::measure))
            .with_state(self.clone())
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.inner.parts.clock)()
    }

    /// The present moment in seconds since the epoch, for ages.
    pub(crate) fn now_seconds(&self) -> i64 {
        self.now().as_second()
    }

    /// What the next object gets.
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp { now: self.now(), uid: (self.inner.parts.chance)() }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.parts.store
    }
}

/// Lets a request in while there are places, and is such as can be read.
async fn admit(State(server): State<Server>, request: Request<Body>, next: Next) -> Response {
    if request.uri().path_and_query().is_some_and(|asked| asked.as_str().len() > URI_BYTES_MAX) {
        return Refusal(Status::uri_too_long(URI_BYTES_MAX)).into_response();
    }
    // What says that it is too long is not waited for.
    if request.body().size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Refusal(Status::too_large(BODY_BYTES_MAX)).into_response();
    }
    if let Some(encoding) = encoding(request.headers()) {
        return Refusal(Status::encoded_body(&String::from_utf8_lossy(encoding.as_bytes()))).into_response();
    }
    let Ok(_place) = server.inner.requests.try_acquire() else {
        return Refusal(Status::too_many_requests("too many requests, please try again later", 1)).into_response();
    };
    next.run(request).await
}

/// The encoding of the body, if it has one that is not undone here: what is small may stand for what is large.
fn encoding(headers: &HeaderMap) -> Option<&HeaderValue> {
    let foreign = |name, known: &'static [u8]| {
        headers.get_all(name).into_iter().find(move |value| !value.as_bytes().eq_ignore_ascii_case(known))
    };
    foreign(header::CONTENT_ENCODING, b"identity").or_else(|| foreign(header::TRANSFER_ENCODING, b"chunked"))
}

/// Turns a panic into a 500, so that the client learns of it and the connection, which may carry other requests, goes on.
/// Nothing is left half-written: the store commits whole transactions, and no lock is held across a handler.
async fn survive(request: Request<Body>, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            let text =
                panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            tracing::error!(%method, path, panic = text.unwrap_or("not a text"), "a request ended in a panic");
            Refusal(Status::internal("the request ended in a fault of the server, which its log tells")).into_response()
        }
    }
}

/// The answer for what is nowhere.
pub(crate) fn nowhere(missing: crate::route::Missing) -> Response {
    match missing {
        crate::route::Missing::Page => no_such_page(),
        crate::route::Missing::Resource => Refusal(Status::not_served()).into_response(),
        crate::route::Missing::Unserved(kind) => Refusal(Status::unserved(kind)).into_response(),
    }
}
