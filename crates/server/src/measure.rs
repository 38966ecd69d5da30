//! What `/metrics` tells of requests.

use std::time::Instant;

use axum::{extract::Request, middleware::Next, response::Response};

/// What a request was, for its labels. Handlers attach it to their answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deed {
    /// Kubernetes' verb: `get`, `list`, `watch`, `create`, ….
    pub(crate) verb: &'static str,
    /// The plural name of the resource.
    pub(crate) resource: &'static str,
}

const REQUESTS: &str = "petset_api_requests_total";
const DURATION: &str = "petset_api_request_duration_seconds";
/// Watches that are open.
pub(crate) const WATCHES: &str = "petset_api_watches";
/// The store's revision.
pub(crate) const REVISION: &str = "petset_store_revision";

pub(crate) fn describe() {
    metrics::describe_counter!(REQUESTS, "Requests answered, by verb, resource and code.");
    metrics::describe_histogram!(
        DURATION,
        metrics::Unit::Seconds,
        "Time to the first byte of the answer, by verb and resource."
    );
    metrics::describe_gauge!(WATCHES, "Watches that are open.");
    metrics::describe_gauge!(REVISION, "The store's revision.");
}

/// Counts and times every request.
pub(crate) async fn measure(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let response = next.run(request).await;
    let Deed { verb, resource } = response.extensions().get().copied().unwrap_or(Deed { verb: "get", resource: "" });
    let code = response.status().as_u16().to_string();
    metrics::counter!(REQUESTS, "verb" => verb, "resource" => resource, "code" => code).increment(1);
    metrics::histogram!(DURATION, "verb" => verb, "resource" => resource).record(begun.elapsed());
    response
}
