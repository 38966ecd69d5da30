//! `POST` of a ServiceAccount's `token`: an `authentication.k8s.io/v1 TokenRequest`.

use std::sync::Arc;

use api::{
    kinds::{
        service_account,
        token_request::{self, Bound, BoundKind},
    },
    resource::{PODS, Resource, SECRETS, SERVICE_ACCOUNTS},
    status::Status,
};
use axum::extract::Request;
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};
use store::Key;

use crate::{
    answer::{self, Answer},
    body, negotiate,
    query::{Params, WriteOptions},
    server::Server,
    write::Target,
};

/// `POST` of a request for a token, which comes back with it.
pub(crate) async fn create(server: &Server, target: Target<'_>, params: &Params, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let form = negotiate::form(&head.headers, params)?;
    let options = WriteOptions::read(params, &head.headers, "CreateOptions")?;
    let bytes = body::bytes(body).await?;
    let (value, _) = api::body::read(&bytes, negotiate::media(&head.headers)?, "TokenRequest")?;
    let (asked, _) = token_request::normalise(value)?;
    let account = server.store().get(&target.key());
    let account = account.ok_or_else(|| Status::not_found(target.resource, target.name))?;
    let signer = &server.inner.parts.signer;
    let wanted = token_request::wanted(&asked, target.namespace, target.name, signer.issuer())?;
    let bound = match &wanted.bound {
        Some(bound) => Some((bound.kind, object(server, target, bound)?)),
        None => None,
    };
    let bound = bound.as_ref().map(|(kind, object)| (*kind, object.as_ref()));
    let stamp = server.stamp();
    let claims = token_request::claims(&wanted, &account, bound, signer.issuer(), stamp.now, stamp.uid);
    // A rehearsal gives nothing that counts.
    let token = if options.dry_run { Ok(String::new()) } else { signer.sign(&claims) };
    let token = token.map_err(|why| Status::internal(&why))?;
    let answered = token_request::answered(asked, &wanted, &claims, &token);
    let mut response = answer::written(StatusCode::CREATED, &answered, form.encoding);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer::warn(&mut response, &wanted.warnings);
    Ok(response)
}

impl Server {
    /// A token of a pod's account that is bound to the pod, and until when it counts; an empty audience is the API's own.
    ///
    /// Errors: why there is none, in Kubernetes' words.
    pub fn token_for_pod(
        &self,
        namespace: &str,
        pod: &str,
        uid: &str,
        audience: &str,
        seconds: i64,
    ) -> Result<(String, Timestamp), String> {
        let get = |resource: &'static Resource, name: &str| {
            let found = self.store().get(&Key::new(&resource.qualified(), namespace, name));
            found.ok_or_else(|| Status::not_found(resource, name).message)
        };
        let pod = get(&PODS, pod)?;
        if pod["metadata"]["uid"] != uid {
            return Err("the pod is another one".to_owned());
        }
        let account = service_account::of_pod(&pod["spec"]);
        let object = get(&SERVICE_ACCOUNTS, account)?;
        let signer = &self.inner.parts.signer;
        let audiences = if audience.is_empty() { json!([]) } else { json!([audience]) };
        let asked = json!({"spec": {"audiences": audiences, "expirationSeconds": seconds}});
        let wanted = token_request::wanted(&asked, namespace, account, signer.issuer());
        let wanted = wanted.map_err(|status| status.message)?;
        let stamp = self.stamp();
        let bound = Some((BoundKind::Pod, &*pod));
        let claims = token_request::claims(&wanted, &object, bound, signer.issuer(), stamp.now, stamp.uid);
        let expires = Timestamp::from_second(claims.exp).unwrap_or(Timestamp::MAX);
        Ok((signer.sign(&claims)?, expires))
    }
}

/// The object that a token is to be bound to.
///
/// Errors: 404 where it is not there, 409 where it is another one, 400 for a pod of another account.
fn object(server: &Server, target: Target<'_>, bound: &Bound) -> Result<Arc<Value>, Status> {
    let resource = match bound.kind {
        BoundKind::Pod => &PODS,
        BoundKind::Secret => &SECRETS,
    };
    let object = server.store().get(&Key::new(&resource.qualified(), target.namespace, &bound.name));
    let object = object.ok_or_else(|| Status::not_found(resource, &bound.name))?;
    if bound.kind == BoundKind::Pod && service_account::of_pod(&object["spec"]) != target.name {
        return Err(Status::bad_request(format!(
            "cannot bind token for serviceaccount {:?} to pod running with different serviceaccount name.",
            target.name
        )));
    }
    if !bound.uid.is_empty() && object["metadata"]["uid"] != *bound.uid {
        return Err(Status::conflict_bound(resource, &bound.name, &bound.uid));
    }
    Ok(object)
}
