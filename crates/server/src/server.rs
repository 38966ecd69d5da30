//! The server: what it is made of, and its routes.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use api::{admission::Stamp, policy::Policy, status::Status};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures::{FutureExt as _, future::BoxFuture};
use jiff::Timestamp;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use store::Store;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    answer::{Refusal, no_such_page},
    authn::{self, Tokens},
    limits::{FOLLOWED_LOGS_MAX, REQUESTS_MAX, URI_BYTES_MAX, WATCHES_MAX},
    measure, objects,
    readiness::Readiness,
    streams::Streams,
    system,
};

/// Changes the token: a new one counts at once, the old one for as long as is said. Gives the new one, or why there is
/// none.
pub type Rotate = Arc<dyn Fn(Duration) -> BoxFuture<'static, Result<String, String>> + Send + Sync>;

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
    /// What changes the token.
    pub rotate: Rotate,
    /// The names and addresses, in lower case, under which HTTPS clients reach the server, besides those of loopback.
    pub names: Vec<String>,
    /// What of the host pods may have.
    pub policy: Policy,
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
    /// Tells watches, followed logs and sessions to end.
    pub(crate) stop: CancellationToken,
}

impl Server {
    /// A server of these parts. It listens nowhere yet.
    pub fn new(parts: Parts) -> Server {
        measure::describe();
        Server {
            inner: Arc::new(Inner {
                parts,
                watches: Arc::new(Semaphore::new(WATCHES_MAX)),
                sessions: TaskTracker::new(),
                followed: Arc::new(Semaphore::new(FOLLOWED_LOGS_MAX)),
                requests: Arc::new(Semaphore::new(REQUESTS_MAX)),
                stop: CancellationToken::new(),
            }),
        }
    }

    /// Everything that is served, for clients that need not show a token.
    pub fn open_router(&self) -> Router {
        Router::new()
            .route("/version", get(system::version))
            .route("/livez", get(system::livez))
            .route("/readyz", get(system::readyz))
            .route("/healthz", get(system::readyz))
            .route("/metrics", get(system::metrics))
            .route("/petset/v1/waits", get(system::waits))
            .route("/petset/v1/token/rotate", post(system::rotate_token))
            .route("/petset/v1/backup", get(system::backup))
            .route("/api", get(system::core_discovery))
            .route("/apis", get(system::discovery))
            .route("/apis/{group}", get(system::group))
            .route("/api/{version}", get(system::core_resources))
            .route("/apis/{group}/{version}", get(system::resources))
            .route("/openapi/v3", get(system::openapi_index))
            .route("/openapi/v3/{*document}", get(system::openapi))
            .method_not_allowed_fallback(async || Refusal(Status::method_not_allowed()))
            .fallback(objects::handle)
            .layer(middleware::from_fn(survive))
            .layer(middleware::from_fn_with_state(self.clone(), admit))
            .layer(middleware::from_fn(measure::measure))
            .with_state(self.clone())
    }

    /// Everything that is served, for clients that show the token and call us by our name.
    pub fn guarded_router(&self) -> Router {
        self.open_router()
            .layer(middleware::from_fn_with_state(self.clone(), authn::authenticate))
            .layer(middleware::from_fn_with_state(self.clone(), authn::check_names))
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

/// Lets a request in while there are places, and is short enough to be looked at.
async fn admit(State(server): State<Server>, request: Request<Body>, next: Next) -> Response {
    if request.uri().path_and_query().is_some_and(|asked| asked.as_str().len() > URI_BYTES_MAX) {
        return Refusal(Status::uri_too_long(URI_BYTES_MAX)).into_response();
    }
    let Ok(_place) = server.inner.requests.try_acquire() else {
        return Refusal(Status::too_many_requests("too many requests, please try again later", 1)).into_response();
    };
    next.run(request).await
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
