//! From a path and a method to what is done with objects.

use api::{
    ownership::Part,
    resource::{Resource, Scope, Subresource},
    status::Status,
};
use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::Method;

use crate::{
    answer::Answer,
    connect, delete, eviction, list, logs,
    measure::Deed,
    negotiate,
    query::Params,
    read, review,
    route::{self, Place},
    scale,
    server::{Server, nowhere},
    token_request, usage, watch, write,
};

/// Handles a request for objects.
pub(crate) async fn handle(State(server): State<Server>, request: Request) -> Response {
    let path = route::decoded(request.uri().path()).into_owned();
    let place = match route::parse(&path) {
        Ok(place) => place,
        Err(missing) => return nowhere(missing),
    };
    let (verb, answer) = match Params::read(request.uri()) {
        Ok(params) => answer(&server, place, &params, request).await,
        Err(status) => ("get", Err(status.into())),
    };
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    response.extensions_mut().insert(Deed { verb, resource: place.resource().plural });
    response
}

/// The verb, and what came of it.
async fn answer(server: &Server, place: Place<'_>, params: &Params, request: Request) -> (&'static str, Answer) {
    let method = request.method().clone();
    match place {
        Place::Collection { resource, namespace } => {
            collection(server, resource, namespace, method, params, request).await
        }
        Place::Object { resource, namespace, name } => {
            let object = write::Target { resource, namespace, name };
            match method {
                Method::GET => ("get", read::get(server, object, params, request.headers())),
                Method::PUT => ("update", write::replace(server, object, Part::Main, params, request).await),
                Method::PATCH => ("patch", write::patch(server, object, Part::Main, params, request).await),
                Method::DELETE => ("delete", delete::one(server, object, params, request).await),
                _ => ("get", Err(Status::method_not_allowed().into())),
            }
        }
        Place::Review { resource, namespace } => match method {
            Method::POST => ("create", review::create(server, resource, namespace, params, request).await),
            _ => ("get", Err(Status::method_not_allowed().into())),
        },
        Place::Usage { resource, namespace, name } => match (method, name) {
            (Method::GET, Some(name)) => (
                "get",
                usage::get(server, write::Target { resource, namespace, name }, params, request.headers()).await,
            ),
            (Method::GET, None) if !params.flag("watch") => {
                ("list", usage::list(server, resource, namespace, params, request.headers()).await)
            }
            _ => ("get", Err(Status::method_not_allowed().into())),
        },
        Place::Part { resource, namespace, name, part } => {
            let object = write::Target { resource, namespace, name };
            match (part, method) {
                (Subresource::Status | Subresource::EphemeralContainers, Method::GET) => {
                    ("get", read::get(server, object, params, request.headers()))
                }
                (Subresource::Status, Method::PUT) => {
                    ("update", write::replace(server, object, Part::Status, params, request).await)
                }
                (Subresource::Status, Method::PATCH) => {
                    ("patch", write::patch(server, object, Part::Status, params, request).await)
                }
                (Subresource::EphemeralContainers, Method::PUT) => {
                    ("update", write::replace(server, object, Part::EphemeralContainers, params, request).await)
                }
                (Subresource::EphemeralContainers, Method::PATCH) => {
                    ("patch", write::patch(server, object, Part::EphemeralContainers, params, request).await)
                }
                (Subresource::Scale, Method::GET) => ("get", scale::get(server, object, params, request.headers())),
                (Subresource::Scale, Method::PUT) => ("update", scale::replace(server, object, params, request).await),
                (Subresource::Scale, Method::PATCH) => ("patch", scale::patch(server, object, params, request).await),
                (Subresource::Log, Method::GET) => ("connect", logs::get(server, object, params).await),
                (Subresource::Exec, Method::GET | Method::POST) => {
                    ("connect", connect::exec(server, object, params, request).await)
                }
                (Subresource::Attach, Method::GET | Method::POST) => {
                    ("connect", connect::attach(server, object, params, request).await)
                }
                (Subresource::PortForward, Method::GET | Method::POST) => {
                    ("connect", connect::forward(server, object, params, request).await)
                }
                (Subresource::Eviction, Method::POST) => {
                    ("create", eviction::create(server, object, params, request).await)
                }
                (Subresource::Token, Method::POST) => {
                    ("create", token_request::create(server, object, params, request).await)
                }
                _ => ("get", Err(Status::method_not_allowed().into())),
            }
        }
    }
}

async fn collection(
    server: &Server,
    resource: &'static Resource,
    namespace: Option<&str>,
    method: Method,
    params: &Params,
    request: Request,
) -> (&'static str, Answer) {
    // What is written is written in one namespace.
    let writable = match (resource.scope, namespace) {
        (Scope::Namespaced, Some(namespace)) => Some(namespace),
        (Scope::Cluster, _) => Some(""),
        (Scope::Namespaced, None) => None,
    };
    match (method, writable) {
        (Method::GET, _) if params.flag("watch") => {
            let form = negotiate::form(request.headers(), params);
            let answer = form.and_then(|form| watch::open(server, resource, namespace, params, form));
            ("watch", answer.map_err(Into::into))
        }
        (Method::GET, _) => ("list", list::list(server, resource, namespace, params, request.headers()).await),
        (Method::POST, Some(namespace)) => {
            ("create", write::create(server, resource, namespace, params, request).await)
        }
        // Kubernetes deletes namespaces one by one only, for what goes with them.
        (Method::DELETE, Some(namespace)) if resource.kind != "Namespace" => {
            ("deletecollection", delete::collection(server, resource, namespace, params, request).await)
        }
        _ => ("get", Err(Status::method_not_allowed().into())),
    }
}
