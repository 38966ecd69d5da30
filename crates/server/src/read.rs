//! One object.

use api::status::Status;
use http::{HeaderMap, StatusCode};

use crate::{
    answer::{self, Answer},
    negotiate::{self, Form},
    query::Params,
    server::Server,
    write::Target,
};

/// `GET` of an object.
pub(crate) fn get(server: &Server, target: Target<'_>, params: &Params, headers: &HeaderMap) -> Answer {
    let form = negotiate::form(headers, params)?;
    let stored = server.store().text(&target.key());
    let stored = stored.ok_or_else(|| Status::not_found(target.resource, target.name))?;
    if form == Form::PLAIN {
        return Ok(answer::json_text(stored.text().to_owned()));
    }
    Ok(answer::object(StatusCode::OK, target.resource.kind, &stored.value(), form, server.now_seconds()))
}
