//! Whether whoever asks may: asked of every request, before anything else of it is looked at.

use api::{
    authz::{self, Attributes, ResourceAttributes},
    policy::Policy,
    resource::{NAMESPACES, Resource},
    status::Status,
};
use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{Method, Uri};
use serde_json::Value;

use crate::{
    answer::Refusal,
    authn::{self, Caller},
    query::Params,
    route::{self, Place},
    server::Server,
};

/// Refuses what the caller's token does not allow. It stands before every route, and before the answer for what is
/// nowhere: a path that is added later is guarded as the others are.
pub(crate) async fn authorize(request: Request, next: Next) -> Response {
    let path = route::decoded(request.uri().path()).into_owned();
    let verb = request.method().as_str().to_ascii_lowercase();
    let refused = match Caller::of(request.extensions()) {
        Ok(caller) => check(caller, &asked(request.method(), &verb, &path, request.uri())).err(),
        Err(_) if authn::is_public(&request) => None,
        Err(unknown) => Some(unknown),
    };
    match refused {
        None => next.run(request).await,
        Some(status) => Refusal(status).into_response(),
    }
}

/// Errors: 403 in Kubernetes' words.
fn check(caller: &Caller, asked: &Attributes<'_>) -> Result<(), Status> {
    authz::authorize(&caller.scope, asked).map_err(|denial| {
        tracing::debug!(user = caller.user.name, %denial, "a request is refused");
        authz::refusal(&caller.user, asked)
    })
}

/// What a request asks for. `verb` is its method in lower case, `path` its path without escapes.
fn asked<'a>(method: &Method, verb: &'a str, path: &'a str, uri: &Uri) -> Attributes<'a> {
    let Ok(place) = route::parse(path) else {
        // Kinds that are not served are nobody's secret either: what is told of them is what discovery tells.
        return Attributes::Path { verb, path };
    };
    let of = |resource: &'static Resource, namespace, name, subresource, verb| {
        let namespace = if resource.kind == NAMESPACES.kind { name } else { namespace };
        let (group, resource) = (resource.group, resource.plural);
        Attributes::Resource(ResourceAttributes { verb, group, resource, subresource, namespace, name })
    };
    match place {
        Place::Collection { resource, namespace } => {
            let is_watch = Params::read(uri).is_ok_and(|params| params.flag("watch"));
            let verb = match *method {
                Method::GET | Method::HEAD if is_watch => "watch",
                Method::GET | Method::HEAD => "list",
                Method::POST => "create",
                Method::DELETE => "deletecollection",
                _ => verb,
            };
            of(resource, namespace.unwrap_or_default(), "", "", verb)
        }
        Place::Object { resource, namespace, name } => of(resource, namespace, name, "", on_object(method, verb)),
        Place::Usage { resource, namespace, name } => {
            let is_list = name.is_none() && matches!(*method, Method::GET | Method::HEAD);
            let verb = if is_list { "list" } else { on_object(method, verb) };
            of(resource, namespace, name.unwrap_or_default(), "", verb)
        }
        Place::Review { resource, namespace } => of(resource, namespace, "", "", on_object(method, verb)),
        Place::Part { resource, namespace, name, part } => {
            of(resource, namespace, name, part.name(), on_object(method, verb))
        }
    }
}

/// The verb of a method on one object.
fn on_object<'a>(method: &Method, verb: &'a str) -> &'a str {
    match *method {
        Method::GET | Method::HEAD => "get",
        Method::POST => "create",
        Method::PUT => "update",
        _ => verb,
    }
}

/// Whether an object asks for no more of the host than the daemon allows, and the caller's token: one that is for some
/// namespaces gives nothing of the host, which is everybody's.
///
/// Errors: 403.
pub(crate) fn admit(
    server: &Server,
    caller: &Caller,
    resource: &Resource,
    new: &Value,
    old: Option<&Value>,
) -> Result<(), Status> {
    server.inner.parts.policy.admit(resource, new, old)?;
    match caller.scope.reach {
        authz::Reach::Everywhere => Ok(()),
        authz::Reach::Namespaces(_) => Policy::default().admit_of_namespace(resource, new, old),
    }
}
