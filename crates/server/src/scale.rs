//! The `scale` subresource: an `autoscaling/v1 Scale` in front of an object's `spec.replicas`.

use api::{
    admission::{Update, selector_text},
    kinds::scale,
    ownership::{self, Part, Writer},
    status::Status,
};
use axum::extract::Request;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::{
    answer::{self, Answer, json_response},
    apply::Applied,
    authn::Caller,
    body,
    negotiate::{self, Patch},
    query::{Params, WriteOptions},
    server::Server,
    write::{Target, check_name, modify, update, update_as},
};

/// `GET` of a scale.
pub(crate) fn get(server: &Server, target: Target<'_>, params: &Params, headers: &HeaderMap) -> Answer {
    let form = negotiate::form(headers, params)?;
    let object = server.store().get(&target.key());
    let object = object.ok_or_else(|| Status::not_found(target.resource, target.name))?;
    Ok(answer::object(StatusCode::OK, "Scale", &scale_of(&object), form, server.now_seconds()))
}

/// `PUT` of a scale.
pub(crate) async fn replace(server: &Server, target: Target<'_>, params: &Params, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let options = WriteOptions::read(params, &head.headers, "UpdateOptions")?;
    let bytes = body::bytes(body).await?;
    let (scale, _) = api::body::read(&bytes, negotiate::media(&head.headers)?, "Scale")?;
    let (scale, _) = scale::normalise(scale)?;
    check_name(&scale, target.name)?;
    let (caller, writer) = (Caller::of(&head.extensions)?, writer(server, &options));
    let change = |old: &Value| scaled(server, caller, target, writer, &scale, old);
    let object = modify(server, target, options.dry_run, change).await?;
    Ok(json_response(StatusCode::OK, &scale_of(&object)))
}

/// `PATCH` of a scale.
pub(crate) async fn patch(server: &Server, target: Target<'_>, params: &Params, request: Request) -> Answer {
    let kind = match negotiate::patch(request.headers())? {
        Patch::Change(kind) => kind,
        Patch::Apply => return apply(server, target, params, request).await,
    };
    let (head, body) = request.into_parts();
    let options = WriteOptions::read(params, &head.headers, "PatchOptions")?;
    let bytes = body::bytes(body).await?;
    let (caller, writer) = (Caller::of(&head.extensions)?, writer(server, &options));
    let change = |old: &Value| {
        let (scale, _) = api::patch::apply(kind, "Scale", &scale_of(old), &bytes)?;
        let (scale, _) = scale::normalise(scale).map_err(|why| Status::patch_leads_astray(&bytes, &why))?;
        check_name(&scale, target.name)?;
        scaled(server, caller, target, writer, &scale, old)
    };
    let object = modify(server, target, options.dry_run, change).await?;
    Ok(json_response(StatusCode::OK, &scale_of(&object)))
}

/// The scale of an object.
fn scale_of(object: &Value) -> Value {
    scale::of(object, &selector_text(&object["spec"]["selector"]))
}

/// `PATCH` with an applied configuration of a scale, which is one of the object that says nothing but its replicas
/// (`managedfields/scalehandler.go`).
async fn apply(server: &Server, target: Target<'_>, params: &Params, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let applied = Applied::read(params, body).await?;
    let (resource, caller) = (target.resource, Caller::of(&head.extensions)?);
    let (scale, _) = scale::applied(&applied.config)?;
    check_name(&scale, target.name)?;
    let writer = applied.writer(server, Part::Scale);
    let change = |old: &Value| {
        let mut config = json!({"apiVersion": resource.api_version(), "kind": resource.kind, "metadata": {}});
        for field in ["name", "namespace", "uid", "resourceVersion"] {
            if let Some(value) = scale["metadata"].get(field) {
                config["metadata"][field] = value.clone();
            }
        }
        if !applied.config["spec"]["replicas"].is_null() {
            config["spec"] = json!({"replicas": scale::replicas(&scale, target.name)?});
        }
        let new = ownership::applied(resource, Some(old), &config, writer, applied.conflicts)?;
        update(server, caller, resource, Part::Scale, new, old)
    };
    let object = modify(server, target, applied.options.dry_run, change).await?;
    let mut response = json_response(StatusCode::OK, &scale_of(&object));
    answer::warn(&mut response, &applied.warnings);
    Ok(response)
}

fn writer<'a>(server: &Server, options: &'a WriteOptions) -> Writer<'a> {
    Writer { manager: &options.manager, part: Part::Scale, now: server.now() }
}

/// The object with the replicas of a scale, which must be one of its present state where it says of which.
fn scaled(
    server: &Server,
    caller: &Caller,
    target: Target<'_>,
    writer: Writer<'_>,
    scale: &Value,
    old: &Value,
) -> Result<Update, Status> {
    let replicas = scale::replicas(scale, target.name)?;
    let mut new = old.clone();
    ownership::take(&mut new);
    new["spec"]["replicas"] = replicas.into();
    for field in ["uid", "resourceVersion"] {
        new["metadata"][field] = scale["metadata"][field].clone();
    }
    update_as(server, caller, target.resource, writer, new, None, old)
}
