//! `v1 ServiceAccount`: a name that pods run as. Clients get tokens for it, and pods those that they ask for; it names the Secrets
//! with which the images of its pods are fetched.

use std::ops::Deref;

use k8s_openapi::api::core::v1::ServiceAccount;
use serde_json::Value;

use crate::kinds::{fields, normalise};
use crate::resource::{self, PODS, SERVICE_ACCOUNTS};
use crate::status::{Cause, Status};

/// The account of pods that name none. Each namespace has it.
pub const DEFAULT: &str = "default";

/// The Secrets for images, of an account and of a pod.
const SECRETS: &str = "imagePullSecrets";

/// What `ServiceAccount` knows about its objects.
pub struct Rules;

impl resource::Rules for Rules {
    fn normalise(&self, object: Value) -> Result<(Value, Vec<String>), Status> {
        normalise::<ServiceAccount>(&SERVICE_ACCOUNTS, object)
    }

    fn default(&self, _object: &mut Value) {}

    fn prepare_create(&self, _object: &mut Value) {}

    fn prepare_update(&self, _object: &mut Value, _old: &Value) {}

    fn validate_create(&self, _object: &Value) -> Vec<Cause> {
        Vec::new()
    }

    fn validate_update(&self, _object: &Value, _old: &Value) -> Vec<Cause> {
        Vec::new()
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        if object["automountServiceAccountToken"] != true {
            return Vec::new();
        }
        vec!["automountServiceAccountToken has no effect: pods get the tokens that their volumes ask for".to_owned()]
    }

    fn selectable(&self, _object: &Value, _field: &str) -> Option<String> {
        None
    }
}

/// The account that a pod of this specification runs as.
pub fn of_pod(spec: &Value) -> &str {
    let mut named = ["serviceAccountName", "serviceAccount"].into_iter().filter_map(|field| spec[field].as_str());
    named.find(|name| !name.is_empty()).unwrap_or(DEFAULT)
}

/// Gives a new pod what its account gives: the Secrets for its images, where it names none itself. `find` looks for an account in
/// the pod's namespace.
///
/// The default one need not be there: it is being made again. Errors: 403 for any other. Source: Kubernetes' admission of
/// the same name.
pub fn admit<A: Deref<Target = Value>>(pod: &mut Value, find: impl FnOnce(&str) -> Option<A>) -> Result<(), Status> {
    let account = of_pod(&pod["spec"]);
    let found = find(account);
    if let Some(found) = found {
        let names_some = |of: &Value| of[SECRETS].as_array().is_some_and(|secrets| !secrets.is_empty());
        if !names_some(&pod["spec"]) && names_some(&found) {
            fields::set(fields::object(pod, "spec"), SECRETS, found[SECRETS].clone());
        }
        return Ok(());
    }
    if account == DEFAULT {
        return Ok(());
    }
    let text = |field: &str| pod["metadata"][field].as_str().unwrap_or_default();
    let why = format!(
        "error looking up service account {}/{account}: serviceaccount \"{account}\" not found",
        text("namespace")
    );
    Err(Status::forbidden(&PODS, text("name"), &why))
}
