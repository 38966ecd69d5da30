//! `v1 ServiceAccount`: a name that pods say they run as. Nothing can be done with it here: pods get no credentials.

use k8s_openapi::api::core::v1::ServiceAccount;
use serde_json::Value;

use crate::kinds::normalise;
use crate::resource::{self, PODS, SERVICE_ACCOUNTS};
use crate::status::{Cause, Status};

/// The account of pods that name none. Each namespace has it.
pub const DEFAULT: &str = "default";

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
        let ignored = [
            ("automountServiceAccountToken", "pods get no credentials for the API"),
            ("imagePullSecrets", "images are pulled as the engine pulls them"),
        ];
        let asks = |field: &str| object.get(field).is_some_and(|value| *value != Value::Bool(false));
        let ignored = ignored.into_iter().filter(|(field, _)| asks(field));
        ignored.map(|(field, why)| format!("{field} has no effect: {why}")).collect()
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

/// Whether a new pod may be made as far as its account goes; `exists` tells which accounts there are in its namespace.
///
/// The default one is never asked for: it is there, or is being made again. Errors: 403, as Kubernetes' admission of the same
/// name.
pub fn admit(pod: &Value, exists: impl FnOnce(&str) -> bool) -> Result<(), Status> {
    let account = of_pod(&pod["spec"]);
    if account == DEFAULT || exists(account) {
        return Ok(());
    }
    let text = |field: &str| pod["metadata"][field].as_str().unwrap_or_default();
    let why = format!(
        "error looking up service account {}/{account}: serviceaccount \"{account}\" not found",
        text("namespace")
    );
    Err(Status::forbidden(&PODS, text("name"), &why))
}
