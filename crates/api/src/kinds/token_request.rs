//! `authentication.k8s.io/v1 TokenRequest`, the subresource `token` of a ServiceAccount, and what such a token says.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::authentication::v1::TokenRequest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::authz::User;
use crate::body::type_name;
use crate::kinds::typed;
use crate::limits::{SERVICE_TOKEN_SECONDS_MAX, SERVICE_TOKEN_SECONDS_MIN};
use crate::status::{Cause, Status};

const KIND: &str = "TokenRequest";
const GROUP: &str = "authentication.k8s.io";
const API_VERSION: &str = "authentication.k8s.io/v1";

/// How long a token counts where nothing is said, in seconds.
const SECONDS_DEFAULT: i64 = 3600;

/// The longest that may be asked for: Kubernetes' own limit of this field. What is given is less.
const SECONDS_ASKED_MAX: i64 = 1 << 32;

/// What a token of a ServiceAccount says: Kubernetes' claims (`pkg/serviceaccount/claims.go`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Whom it is for.
    pub aud: Vec<String>,
    /// When it expires, in seconds since the epoch.
    pub exp: i64,
    /// When it was made.
    pub iat: i64,
    /// Who made it.
    pub iss: String,
    /// Its own id.
    pub jti: String,
    /// Of which objects it is.
    #[serde(rename = "kubernetes.io")]
    pub kubernetes: Objects,
    /// Since when it counts.
    pub nbf: i64,
    /// The name of the user who shows it.
    pub sub: String,
}

/// The objects with which a token lives and dies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objects {
    /// The namespace of all of them.
    pub namespace: String,
    /// The pod that it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<Reference>,
    /// The Secret that it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Reference>,
    /// The account.
    pub serviceaccount: Reference,
}

/// One object: this one, and no later one of the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
}

impl Reference {
    /// Of a stored object.
    pub fn to(object: &Value) -> Reference {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        Reference { name: text("name"), uid: text("uid") }
    }

    /// Whether an object is the one that is meant, and is not yet gone: one that is being deleted counts until its time.
    pub fn is_met_by(&self, object: &Value, now: Timestamp) -> bool {
        let ends = object["metadata"]["deletionTimestamp"].as_str().and_then(|time| time.parse::<Timestamp>().ok());
        object["metadata"]["uid"] == *self.uid && ends.is_none_or(|ends| ends > now)
    }
}

impl Claims {
    /// Whether it is from `issuer`, for one of `audiences`, and of this time.
    pub fn are_for(&self, issuer: &str, audiences: &[&str], now: Timestamp) -> bool {
        let now = now.as_second();
        self.iss == issuer
            && self.aud.iter().any(|audience| audiences.contains(&audience.as_str()))
            && (self.nbf..self.exp).contains(&now)
    }

    /// Whoever shows it.
    pub fn user(&self) -> User {
        let objects = &self.kubernetes;
        let mut extra = BTreeMap::from([(
            "authentication.kubernetes.io/credential-id".to_owned(),
            vec![format!("JTI={}", self.jti)],
        )]);
        if let Some(pod) = &objects.pod {
            extra.insert("authentication.kubernetes.io/pod-name".to_owned(), vec![pod.name.clone()]);
            extra.insert("authentication.kubernetes.io/pod-uid".to_owned(), vec![pod.uid.clone()]);
        }
        let account = &objects.serviceaccount;
        User::of_service_account(&objects.namespace, &account.name, &account.uid, extra)
    }
}

/// An object that a token is to die with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// What it is.
    pub kind: BoundKind,
    /// Its name.
    pub name: String,
    /// Its uid; empty where any will do.
    pub uid: String,
}

/// The kinds that a token may be bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundKind {
    /// A pod of the account.
    Pod,
    /// A Secret.
    Secret,
}

/// What is asked for, with what is missing filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Whom the token is for; never empty.
    pub audiences: Vec<String>,
    /// How long it is to count, no longer than it may.
    pub seconds: i64,
    /// What it is to die with, besides its account.
    pub bound: Option<Bound>,
    /// What is to be said to the client.
    pub warnings: Vec<String>,
}

/// Checks the shape of a request and returns it with the paths of unknown fields.
///
/// Errors: 400 `BadRequest` for another kind, or a field of the wrong type.
pub fn normalise(mut object: Value) -> Result<(Value, Vec<String>), Status> {
    let refuse = |why: &str| Status::undecodable(KIND, "v1", KIND, why);
    let Some(fields) = object.as_object_mut() else {
        let found = type_name(&object);
        return Err(refuse(&format!("json: cannot unmarshal {found} into Go value of type v1.TokenRequest")));
    };
    for (field, expected) in [("kind", KIND), ("apiVersion", API_VERSION)] {
        let told = fields.get(field).and_then(Value::as_str).filter(|told| !told.is_empty()).unwrap_or(expected);
        if told != expected {
            return Err(Status::bad_request(format!("{field} in the body is {told:?}, and must be {expected:?}")));
        }
        fields.insert(field.to_owned(), expected.into());
    }
    // Kubernetes lets both be left out, the types do not.
    let spec = fields.entry("spec").or_insert_with(|| json!({}));
    if let Some(spec) = spec.as_object_mut().filter(|spec| spec.get("audiences").is_none_or(Value::is_null)) {
        spec.insert("audiences".to_owned(), json!([]));
    }
    typed::round_trip::<TokenRequest>(object).map_err(|why| refuse(&why))
}

/// What a request for a token of the account `name` asks for. `audience` is the API's own.
///
/// Errors: 400, 422, as of `pkg/registry/core/serviceaccount/storage/token.go`.
pub fn wanted(request: &Value, namespace: &str, name: &str, audience: &str) -> Result<Wanted, Status> {
    let text = |object: &Value, field: &str| object[field].as_str().unwrap_or_default().to_owned();
    let (metadata, spec) = (&request["metadata"], &request["spec"]);
    let mut causes = Vec::new();
    for (field, expected) in [("name", name), ("namespace", namespace)] {
        let told = text(metadata, field);
        if !told.is_empty() && told != expected {
            let why = format!("must match the service account {field}");
            causes.push(Cause::invalid(format!("metadata.{field}"), told, &why));
        }
    }
    let asked = spec["expirationSeconds"].as_i64().unwrap_or(SECONDS_DEFAULT);
    if asked < SERVICE_TOKEN_SECONDS_MIN {
        let why = "may not specify a duration less than 10 minutes";
        causes.push(Cause::invalid("spec.expirationSeconds", asked, why));
    }
    if asked > SECONDS_ASKED_MAX {
        let why = "may not specify a duration larger than 2^32 seconds";
        causes.push(Cause::invalid("spec.expirationSeconds", asked, why));
    }
    if !causes.is_empty() {
        return Err(Status::invalid(KIND, GROUP, name, &causes));
    }
    let seconds = asked.min(SERVICE_TOKEN_SECONDS_MAX);
    let warnings = (seconds < asked)
        .then(|| format!("requested expiration of {asked} seconds shortened to {seconds} seconds"))
        .into_iter()
        .collect();
    let mut audiences: Vec<String> =
        spec["audiences"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if audiences.is_empty() {
        audiences.push(audience.to_owned());
    }
    let bound = match &spec["boundObjectRef"] {
        Value::Null => None,
        reference => {
            let (version, kind) = (text(reference, "apiVersion"), text(reference, "kind"));
            let kind = match (version.as_str(), kind.as_str()) {
                ("v1", "Pod") => BoundKind::Pod,
                ("v1", "Secret") => BoundKind::Secret,
                _ => {
                    return Err(Status::bad_request(format!(
                        "cannot bind token to object of type {version}, Kind={kind}; name a Pod or a Secret of v1"
                    )));
                }
            };
            Some(Bound { kind, name: text(reference, "name"), uid: text(reference, "uid") })
        }
    };
    Ok(Wanted { audiences, seconds, bound, warnings })
}

/// The claims of a new token. `account` and `bound` are stored objects.
pub fn claims(
    wanted: &Wanted,
    account: &Value,
    bound: Option<(BoundKind, &Value)>,
    issuer: &str,
    now: Timestamp,
    id: Uuid,
) -> Claims {
    let namespace = account["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
    let of = |kind: BoundKind| bound.filter(|(found, _)| *found == kind).map(|(_, object)| Reference::to(object));
    let serviceaccount = Reference::to(account);
    let sub = User::of_service_account(&namespace, &serviceaccount.name, "", BTreeMap::new()).name;
    let (pod, secret) = (of(BoundKind::Pod), of(BoundKind::Secret));
    let now = now.as_second();
    Claims {
        aud: wanted.audiences.clone(),
        exp: now + wanted.seconds,
        iat: now,
        iss: issuer.to_owned(),
        jti: id.to_string(),
        kubernetes: Objects { namespace, pod, secret, serviceaccount },
        nbf: now,
        sub,
    }
}

/// The request with its answer.
pub fn answered(mut request: Value, wanted: &Wanted, claims: &Claims, token: &str) -> Value {
    let account = &claims.kubernetes;
    let time = |second: i64| Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_secs(second)).unwrap_or_default();
    request["metadata"]["name"] = account.serviceaccount.name.clone().into();
    request["metadata"]["namespace"] = account.namespace.clone().into();
    request["metadata"]["creationTimestamp"] = json!(time(claims.iat));
    request["spec"]["audiences"] = json!(wanted.audiences);
    request["spec"]["expirationSeconds"] = wanted.seconds.into();
    request["status"] = json!({"token": token, "expirationTimestamp": time(claims.exp)});
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(spec: &Value) -> Result<Wanted, String> {
        let (request, _) = normalise(json!({"metadata": {"name": "robot"}, "spec": spec})).unwrap();
        wanted(&request, "shop", "robot", "api").map_err(|status| status.message)
    }

    #[test]
    fn what_a_request_leaves_out_is_filled_in() {
        let plain = Wanted { audiences: vec!["api".to_owned()], seconds: 3600, bound: None, warnings: Vec::new() };
        assert_eq!(asked(&json!({})), Ok(plain.clone()));
        let pod = Bound { kind: BoundKind::Pod, name: "web-0".to_owned(), uid: String::new() };
        let spec = json!({"audiences": ["vault"], "expirationSeconds": 600,
                          "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "web-0"}});
        let given = Wanted { audiences: vec!["vault".to_owned()], seconds: 600, bound: Some(pod), ..plain.clone() };
        assert_eq!(asked(&spec), Ok(given));
        let warning = "requested expiration of 31536001 seconds shortened to 31536000 seconds".to_owned();
        let shortened = Wanted { seconds: 31_536_000, warnings: vec![warning], ..plain };
        assert_eq!(asked(&json!({"expirationSeconds": 31_536_001})), Ok(shortened));
    }

    #[test]
    fn what_a_request_may_not_ask_for_is_refused_in_kubernetes_words() {
        let invalid = |why: &str| format!("TokenRequest.authentication.k8s.io \"robot\" is invalid: {why}");
        for (spec, expected) in [
            (
                json!({"expirationSeconds": 599}),
                invalid("spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes"),
            ),
            (
                json!({"expirationSeconds": 4_294_967_297_i64}),
                invalid(
                    "spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds",
                ),
            ),
            (
                json!({"boundObjectRef": {"apiVersion": "v1", "kind": "Node", "name": "n"}}),
                "cannot bind token to object of type v1, Kind=Node; name a Pod or a Secret of v1".to_owned(),
            ),
        ] {
            assert_eq!(asked(&spec), Err(expected));
        }
        let (other, _) = normalise(json!({"metadata": {"name": "else"}})).unwrap();
        let refused = wanted(&other, "shop", "robot", "api").map_err(|status| status.message);
        assert_eq!(
            refused,
            Err(invalid("metadata.name: Invalid value: \"else\": must match the service account name"))
        );
        assert!(normalise(json!({"kind": "Pod"})).is_err() && normalise(json!([])).is_err());
    }

    #[test]
    fn a_reference_means_one_object_until_its_time() {
        let now: Timestamp = "2016-07-01T12:00:00Z".parse().unwrap();
        let object = |uid: &str, ends: Value| json!({"metadata": {"name": "a", "uid": uid, "deletionTimestamp": ends}});
        let meant = Reference::to(&object("1", Value::Null));
        for (object, expected) in [
            (object("1", Value::Null), true),
            (object("2", Value::Null), false),
            (object("1", "2016-07-01T12:00:30Z".into()), true),
            (object("1", "2016-07-01T12:00:00Z".into()), false),
        ] {
            assert_eq!(meant.is_met_by(&object, now), expected, "{object}");
        }
    }
}
