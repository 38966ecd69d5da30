//! Asking as somebody else, as `kubectl --as` does: only for whoever may do everything.

use std::{collections::BTreeMap, sync::Arc};

use api::{
    authz::{self, AUTHENTICATED, Attributes, ResourceAttributes, TokenScope, User, service_account},
    status::Status,
};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::HeaderMap;

use super::Caller;
use crate::{answer::Refusal, server::Server};

const USER: &str = "impersonate-user";
const GROUP: &str = "impersonate-group";
const UID: &str = "impersonate-uid";
const EXTRA: &str = "impersonate-extra-";

/// Puts whoever is to be impersonated in the caller's place. What was begun still ends with the caller's token.
pub(crate) async fn impersonate(State(server): State<Server>, mut request: Request, next: Next) -> Response {
    match impersonated(&server, &request) {
        Ok(None) => {}
        Ok(Some(caller)) => {
            request.extensions_mut().insert(Arc::new(caller));
        }
        Err(status) => return Refusal(status).into_response(),
    }
    next.run(request).await
}

/// Whoever is to be. Errors: 400 for headers that name nobody, 403 for callers who may not.
fn impersonated(server: &Server, request: &Request) -> Result<Option<Caller>, Status> {
    let headers = request.headers();
    if !headers.keys().any(|name| name.as_str().starts_with("impersonate-")) {
        return Ok(None);
    }
    let caller = Caller::of(request.extensions())?;
    let name = values(headers, USER)?.first().copied().unwrap_or_default();
    if !caller.scope.is_everything() {
        let users =
            ResourceAttributes { verb: "impersonate", resource: "users", name, ..ResourceAttributes::default() };
        return Err(authz::refusal(&caller.user, &Attributes::Resource(users)));
    }
    if name.is_empty() {
        return Err(Status::bad_request("headers ask to impersonate nobody: give Impersonate-User (kubectl --as)"));
    }
    let groups = values(headers, GROUP)?;
    let scope = server.scope_of(name, &groups).unwrap_or(TokenScope::NOTHING);
    let mut user = match service_account(name) {
        Some((namespace, account)) => User::of_service_account(namespace, account, "", BTreeMap::new()),
        None => User::of_token(name, &scope),
    };
    if !groups.is_empty() {
        user.groups = groups.iter().map(|&group| group.to_owned()).collect();
        if !groups.contains(&AUTHENTICATED) {
            user.groups.push(AUTHENTICATED.to_owned());
        }
    }
    values(headers, UID)?.first().copied().unwrap_or_default().clone_into(&mut user.uid);
    for key in headers.keys() {
        if let Some(extra) = key.as_str().strip_prefix(EXTRA) {
            let values = values(headers, key.as_str())?.into_iter().map(str::to_owned).collect();
            user.extra.insert(extra.to_owned(), values);
        }
    }
    Ok(Some(Caller { user, scope }))
}

/// The values of a header. Errors: 400 where one is no text.
fn values<'a>(headers: &'a HeaderMap, name: &str) -> Result<Vec<&'a str>, Status> {
    let values = headers.get_all(name).iter().map(|value| value.to_str());
    values.collect::<Result<_, _>>().map_err(|_| Status::bad_request(format!("the header {name} is no text")))
}
