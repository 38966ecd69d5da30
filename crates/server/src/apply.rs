//! Server-side apply: a `PATCH` that says what its manager wants of an object, whether it exists or not.

use std::sync::Arc;

use api::{
    admission::Update,
    ownership::{self, Conflicts, Part, Writer},
    status::Status,
};
use axum::{body::Body, extract::Request};
use http::StatusCode;
use serde_json::Value;

use crate::{
    answer::{self, Answer},
    authn::Caller,
    body,
    limits::UPDATE_TRIES,
    negotiate,
    query::{FieldValidation, Params, WriteOptions},
    server::Server,
    write::{Target, check_name, modify, store_new, update},
};

/// What a client applies, and how.
pub(crate) struct Applied {
    pub(crate) config: Value,
    pub(crate) options: WriteOptions,
    pub(crate) conflicts: Conflicts,
    /// Sentences for `Warning` headers.
    pub(crate) warnings: Vec<String>,
}

impl Applied {
    /// Errors: 422 for parameters that do not fit, 400 for what is no configuration or has fields twice.
    pub(crate) async fn read(params: &Params, body: Body) -> Result<Applied, Status> {
        let (options, conflicts) = WriteOptions::read_apply(params)?;
        let bytes = body::bytes(body).await?;
        let (config, duplicates) = api::body::read_configuration(&bytes)?;
        let warnings = match options.validation {
            FieldValidation::Ignore => Vec::new(),
            FieldValidation::Warn => api::status::field_complaints(&duplicates, &[]),
            FieldValidation::Strict if duplicates.is_empty() => Vec::new(),
            FieldValidation::Strict => {
                let complaints = api::status::field_complaints(&duplicates, &[]).join(", ");
                return Err(Status::bad_request(format!("error strict decoding YAML: {complaints}")));
            }
        };
        Ok(Applied { config, options, conflicts, warnings })
    }

    /// Who applies it, to this part.
    pub(crate) fn writer(&self, server: &Server, part: Part) -> Writer<'_> {
        Writer { manager: &self.options.manager, part, now: server.now() }
    }
}

/// `PATCH` of an object or of its status with an applied configuration. An object that is not there is made.
pub(crate) async fn patch(
    server: &Server,
    target: Target<'_>,
    part: Part,
    params: &Params,
    request: Request,
) -> Answer {
    let (head, body) = request.into_parts();
    let form = negotiate::form(&head.headers, params)?;
    let applied = Applied::read(params, body).await?;
    let caller = Caller::of(&head.extensions)?;
    let (code, object, warnings) = settle(server, caller, target, part, &applied).await?;
    let mut response = answer::object(code, target.resource.kind, &object, form, server.now_seconds());
    answer::warn(&mut response, &warnings);
    Ok(response)
}

async fn settle(
    server: &Server,
    caller: &Caller,
    target: Target<'_>,
    part: Part,
    applied: &Applied,
) -> Result<(StatusCode, Arc<Value>, Vec<String>), Status> {
    let resource = target.resource;
    let dry_run = applied.options.dry_run;
    let writer = applied.writer(server, part);
    let want = |live: Option<&Value>| -> Result<Value, Status> {
        let object = ownership::applied(resource, live, &applied.config, writer, applied.conflicts)?;
        check_name(&object, target.name)?;
        Ok(object)
    };
    for _ in 0..UPDATE_TRIES {
        let mut warnings = applied.warnings.clone();
        if part != Part::Main || server.store().get(&target.key()).is_some() {
            let change = |old: &Value| -> Result<Update, Status> {
                let new = want(Some(old))?;
                warnings.clone_from(&applied.warnings);
                warnings.extend(resource.rules.warnings(&new));
                update(server, caller, resource, part, new, old)
            };
            let changed = modify(server, target, dry_run, change).await;
            match changed {
                // It has gone meanwhile, and is made anew.
                Err(status) if status.code == 404 && part == Part::Main => continue,
                result => return result.map(|object| (StatusCode::OK, object, warnings)),
            }
        }
        let object = want(None)?;
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
        if !uid.is_empty() {
            return Err(Status::apply_to_nothing(resource, target.name, uid));
        }
        warnings.extend(resource.rules.warnings(&object));
        match store_new(server, caller, resource, target.namespace, object, dry_run).await {
            // Somebody else has made it meanwhile.
            Err(status) if status.reason == "AlreadyExists" => {}
            result => return result.map(|object| (StatusCode::CREATED, object, warnings)),
        }
    }
    Err(Status::conflict(resource, target.name))
}
