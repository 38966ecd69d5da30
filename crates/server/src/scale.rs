//! The `scale` subresource: an `autoscaling/v1 Scale` in front of an object's `spec.replicas`.

use api::{
    admission::{self, Update, selector_text},
    kinds::scale,
    status::Status,
};
use axum::extract::Request;
use http::StatusCode;
use serde_json::Value;

use crate::{
    answer::{Answer, json_response},
    body, negotiate,
    query::{Params, WriteOptions},
    server::Server,
    write::{Target, check_name, modify},
};

/// `GET` of a scale.
pub(crate) fn get(server: &Server, target: Target<'_>) -> Answer {
    let object = server.store().get(&target.key());
    let object = object.ok_or_else(|| Status::not_found(target.resource, target.name))?;
    Ok(json_response(StatusCode::OK, &scale_of(&object)))
}

/// `PUT` of a scale.
pub(crate) async fn replace(server: &Server, target: Target<'_>, params: &Params, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let options = WriteOptions::read(params, "UpdateOptions")?;
    let bytes = body::bytes(body).await?;
    let (scale, _) = api::body::read(&bytes, negotiate::media(&head.headers)?, "Scale")?;
    let (scale, _) = scale::normalise(scale)?;
    check_name(&scale, target.name)?;
    let change = |old: &Value| scaled(target, &scale, old);
    let object = modify(server, target, options.dry_run, change).await?;
    Ok(json_response(StatusCode::OK, &scale_of(&object)))
}

/// `PATCH` of a scale.
pub(crate) async fn patch(server: &Server, target: Target<'_>, params: &Params, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let kind = negotiate::patch(&head.headers)?;
    let options = WriteOptions::read(params, "PatchOptions")?;
    let bytes = body::bytes(body).await?;
    let change = |old: &Value| {
        let (scale, _) = api::patch::apply(kind, "Scale", &scale_of(old), &bytes)?;
        let (scale, _) = scale::normalise(scale).map_err(|why| Status::patch_leads_astray(&bytes, &why))?;
        check_name(&scale, target.name)?;
        scaled(target, &scale, old)
    };
    let object = modify(server, target, options.dry_run, change).await?;
    Ok(json_response(StatusCode::OK, &scale_of(&object)))
}

/// The scale of an object.
fn scale_of(object: &Value) -> Value {
    scale::of(object, &selector_text(&object["spec"]["selector"]))
}

/// The object with the replicas of a scale, which must be one of its present state where it says of which.
fn scaled(target: Target<'_>, scale: &Value, old: &Value) -> Result<Update, Status> {
    let replicas = scale::replicas(scale, target.name)?;
    let mut new = old.clone();
    new["spec"]["replicas"] = replicas.into();
    for field in ["uid", "resourceVersion"] {
        new["metadata"][field] = scale["metadata"][field].clone();
    }
    admission::update(target.resource, new, old)
}
