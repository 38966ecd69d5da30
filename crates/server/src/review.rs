//! `POST` of a review: a question about who may do what, answered by those who decide it.

use api::{
    authz::{self, Denial},
    resource::Resource,
    review::{self, Question},
};
use axum::extract::Request;
use http::StatusCode;
use serde_json::Value;

use crate::{
    answer::{self, Answer},
    authn::Caller,
    body, negotiate,
    query::{Params, WriteOptions},
    server::Server,
};

/// `POST` of a review, which comes back with its answer.
pub(crate) async fn create(
    server: &Server,
    resource: &'static Resource,
    namespace: &str,
    params: &Params,
    request: Request,
) -> Answer {
    let (head, body) = request.into_parts();
    let form = negotiate::form(&head.headers, params)?;
    let options = WriteOptions::read(params, &head.headers, "CreateOptions")?;
    let bytes = body::bytes(body).await?;
    let body::Sent { value: mut review, warnings, .. } =
        body::object(resource, &head.headers, &bytes, options.validation)?;
    let caller = Caller::of(&head.extensions)?;
    review["status"] = status(server, caller, &review::question(resource, &review, namespace)?);
    let mut response = answer::written(StatusCode::CREATED, &review, form.encoding);
    answer::warn(&mut response, &warnings);
    Ok(response)
}

fn status(server: &Server, caller: &Caller, question: &Question<'_>) -> Value {
    match question {
        Question::Myself => review::subject_status(&caller.user),
        Question::Mine(asked) => review::access_status(authz::authorize(&caller.scope, asked)),
        Question::Rules(namespace) => authz::rules(&caller.scope, namespace),
        Question::Theirs(subject, asked) => {
            let scope = server.scope_of(subject.user, &subject.groups);
            let decision = scope.ok_or(Denial::Unknown).and_then(|scope| authz::authorize(&scope, asked));
            review::access_status(decision)
        }
        Question::Token(token, audiences) => server.whose(token, audiences),
    }
}
