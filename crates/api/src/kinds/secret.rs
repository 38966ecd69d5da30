//! `v1 Secret`: octets by key, of a type that says which keys there must be.
//!
//! A refusal names keys and never tells a value, as in Kubernetes.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret};
use serde::Deserialize as _;
use serde_json::Value;

use crate::kinds::{data, fields, normalise, text_at};
use crate::resource::{self, SECRETS};
use crate::status::{Cause, Status};

/// The type of a secret that says none.
const OPAQUE: &str = "Opaque";
/// The type of a secret that Kubernetes fills with a token.
const ACCOUNT_TOKEN: &str = "kubernetes.io/service-account-token";
/// The annotation that says whose token it is to be.
const ACCOUNT_NAME: &str = "kubernetes.io/service-account.name";

/// What `Secret` knows about its objects.
pub struct Rules;

impl resource::Rules for Rules {
    /// Also moves what was written as plain text to the rest, so that there is no second place to look.
    fn normalise(&self, object: Value) -> Result<(Value, Vec<String>), Status> {
        let (mut secret, unknown) = normalise::<Secret>(&SECRETS, object)?;
        let texts = secret.as_object_mut().and_then(|fields| fields.remove("stringData"));
        if let Some(Value::Object(texts)) = texts {
            let data = fields::object(&mut secret, "data");
            for (key, text) in texts {
                let octets = ByteString(text.as_str().unwrap_or_default().into());
                fields::set(data, &key, serde_json::to_value(octets).unwrap_or_default());
            }
        }
        Ok((secret, unknown))
    }

    fn default(&self, object: &mut Value) {
        fields::fill(object, "type", OPAQUE);
    }

    fn prepare_create(&self, _object: &mut Value) {}

    fn prepare_update(&self, _object: &mut Value, _old: &Value) {}

    fn validate_create(&self, object: &Value) -> Vec<Cause> {
        let mut wrong = Vec::new();
        let data = BTreeMap::<String, ByteString>::deserialize(&object["data"]).unwrap_or_default();
        data::validate_keys(data.keys(), "data", &mut wrong);
        data::validate_size(data.values().map(|value| value.0.len()).sum(), "data", &mut wrong);
        validate_type(object, &data, &mut wrong);
        wrong
    }

    fn validate_update(&self, object: &Value, old: &Value) -> Vec<Cause> {
        let mut wrong = Vec::new();
        if object["type"] != old["type"] {
            wrong.push(Cause::invalid("type", object["type"].clone(), "field is immutable"));
        }
        data::validate_settled(object, old, &["data"], &mut wrong);
        wrong.extend(self.validate_create(object));
        wrong
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let is_token = object["type"] == ACCOUNT_TOKEN;
        let warning = format!("type {ACCOUNT_TOKEN} has no effect: no token is made for it");
        is_token.then_some(warning).into_iter().collect()
    }

    fn selectable(&self, object: &Value, field: &str) -> Option<String> {
        (field == "type").then(|| text_at(object, "/type"))
    }
}

/// All that is wrong with a secret of its type.
fn validate_type(secret: &Value, data: &BTreeMap<String, ByteString>, wrong: &mut Vec<Cause>) {
    let mut required = |key: &str| wrong.push(Cause::required(format!("data[{key}]"), ""));
    let has = |key: &str| data.contains_key(key);
    match secret["type"].as_str().unwrap_or_default() {
        ACCOUNT_TOKEN => {
            let name = secret["metadata"]["annotations"][ACCOUNT_NAME].as_str().unwrap_or_default();
            if name.is_empty() {
                wrong.push(Cause::required(format!("metadata.annotations[{ACCOUNT_NAME}]"), ""));
            }
        }
        "kubernetes.io/dockercfg" => validate_json(data, ".dockercfg", wrong),
        "kubernetes.io/dockerconfigjson" => validate_json(data, ".dockerconfigjson", wrong),
        // One of the two is enough.
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => {
            ["username", "password"].into_iter().for_each(required);
        }
        "kubernetes.io/ssh-auth" if data.get("ssh-privatekey").is_none_or(|key| key.0.is_empty()) => {
            required("ssh-privatekey");
        }
        "kubernetes.io/tls" => ["tls.crt", "tls.key"].into_iter().filter(|key| !has(key)).for_each(required),
        _ => {}
    }
}

/// What is wrong with a key whose value is an object in JSON.
fn validate_json(data: &BTreeMap<String, ByteString>, key: &str, wrong: &mut Vec<Cause>) {
    let field = format!("data[{key}]");
    let Some(value) = data.get(key) else {
        wrong.push(Cause::required(field, ""));
        return;
    };
    let why = match serde_json::from_slice::<Value>(&value.0) {
        Ok(Value::Object(_) | Value::Null) => return,
        Ok(other) => {
            let found = crate::body::type_name(&other);
            format!("json: cannot unmarshal {found} into Go value of type map[string]interface {{}}")
        }
        Err(error) => crate::body::json_error(&value.0, &error),
    };
    wrong.push(Cause::invalid(field, "<secret contents redacted>", &why));
}
