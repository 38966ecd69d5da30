//! One object.

use api::status::Status;
use http::{HeaderMap, StatusCode};

use crate::{
    answer::{self, Answer},
    negotiate,
    query::Params,
    server::Server,
    write::Target,
};

/// `GET` of an object.
pub(crate) fn get(server: &Server, target: Target<'_>, params: &Params, headers: &HeaderMap) -> Answer {
    let form = negotiate::form(headers, params)?;
    let object = server.store().get(&target.key());
    let object = object.ok_or_else(|| Status::not_found(target.resource, target.name))?;
    Ok(answer::object(StatusCode::OK, target.resource, &object, form, server.now_seconds()))
}
