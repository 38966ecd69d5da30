//! Rules about claims for which the storage classes must be known.
//!
//! Follows Kubernetes' admission plug-ins `DefaultStorageClass` and `PersistentVolumeClaimResize`
//! (`plugin/pkg/admission/storage`), and `pkg/volume/util/storageclass.go`.

use std::cmp::Reverse;

use serde_json::Value;

use crate::{
    kinds::{quantity, storage_class::CLASS_BETA},
    petset::STORAGE_CLASS,
    resource::CLAIMS,
    status::Status,
};

/// The annotations that make a class the one for claims that name none; the second is of old manifests.
pub const CLASS_IS_DEFAULT: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

/// The class for claims that name none: of the default ones the newest, and of equally new ones the first by name.
pub fn default_class<'c>(classes: impl IntoIterator<Item = &'c Value>) -> Option<&'c str> {
    let is_default = |class: &&Value| {
        CLASS_IS_DEFAULT.iter().any(|annotation| class["metadata"]["annotations"][*annotation] == "true")
    };
    // RFC 3339 in whole seconds is in the order of time.
    let rank = |class: &&Value| {
        let part = |field: &str| class["metadata"][field].as_str().unwrap_or_default().to_owned();
        (Reverse(part("creationTimestamp")), part("name"))
    };
    classes.into_iter().filter(is_default).min_by_key(rank)?["metadata"]["name"].as_str()
}

/// Gives a new claim that names no class the default one. 1.3's annotation asks for a volume without any.
pub fn give_class<'c>(claim: &mut Value, classes: impl IntoIterator<Item = &'c Value>) {
    let annotations = &claim["metadata"]["annotations"];
    let names_one = !annotations[CLASS_BETA].is_null() || !claim["spec"]["storageClassName"].is_null();
    if names_one || !annotations[STORAGE_CLASS].is_null() || !claim["spec"].is_object() {
        return;
    }
    if let Some(class) = default_class(classes) {
        claim["spec"]["storageClassName"] = class.into();
    }
}

/// The class that a claim names; empty for none.
pub fn class_name(claim: &Value) -> &str {
    let of_old = claim["metadata"]["annotations"][CLASS_BETA].as_str();
    of_old.or_else(|| claim["spec"]["storageClassName"].as_str()).unwrap_or_default()
}

/// Whether a claim may become as large as it asks for. `class` is the one that it names, where there is such a class.
///
/// Errors: 403 `Forbidden` where it grows, and its class does not allow that.
pub fn admit_growth(claim: &Value, old: &Value, class: Option<&Value>) -> Result<(), Status> {
    let asked = |claim: &Value| quantity::parse(claim.pointer("/spec/resources/requests/storage")?.as_str()?);
    if !asked(claim).zip(asked(old)).is_some_and(|(new, old)| new.exceeds(old)) {
        return Ok(());
    }
    let is_same = class_name(claim) == class_name(old);
    if is_same && class.is_some_and(|class| class["allowVolumeExpansion"] == true) {
        return Ok(());
    }
    let name = claim["metadata"]["name"].as_str().unwrap_or_default();
    let why = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support \
               resize";
    Err(Status::forbidden(&CLAIMS, name, why))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn class(name: &str, made: &str, annotation: &str) -> Value {
        json!({"metadata": {"name": name, "creationTimestamp": made, "annotations": {annotation: "true"}}})
    }

    #[test]
    fn a_claim_that_names_no_class_is_given_the_newest_default_one() {
        let classes = [
            class("old", "2016-01-01T00:00:00Z", CLASS_IS_DEFAULT[0]),
            class("b", "2016-02-01T00:00:00Z", CLASS_IS_DEFAULT[0]),
            class("a", "2016-02-01T00:00:00Z", CLASS_IS_DEFAULT[1]),
            class("other", "2016-03-01T00:00:00Z", "example.com/x"),
        ];
        let given = |metadata: Value, spec: Value, classes: &[Value]| {
            let mut claim = json!({"metadata": metadata, "spec": spec});
            give_class(&mut claim, classes);
            claim["spec"]["storageClassName"].clone()
        };
        assert_eq!(given(json!({}), json!({}), &classes), "a");
        assert_eq!(given(json!({}), json!({}), &classes[3..]), Value::Null, "there is none");
        assert_eq!(given(json!({}), json!({"storageClassName": ""}), &classes), "", "it asks for none");
        assert_eq!(given(json!({}), json!({"storageClassName": "x"}), &classes), "x");
        let annotated = |key: &str| json!({"annotations": {key: "x"}});
        assert_eq!(given(annotated(CLASS_BETA), json!({}), &classes), Value::Null);
        assert_eq!(given(annotated(STORAGE_CLASS), json!({}), &classes), Value::Null, "as in 1.3");
    }

    #[test]
    fn a_claim_grows_where_its_class_allows_it() {
        let claim = |size: &str, class: &str| {
            json!({
                "metadata": {"name": "www"},
                "spec": {"storageClassName": class, "resources": {"requests": {"storage": size}}},
            })
        };
        let refused = |new: &Value, old: &Value, class: Option<&Value>| {
            admit_growth(new, old, class).err().map(|status| (status.code, status.message))
        };
        let (small, large) = (claim("1Gi", "fast"), claim("2Gi", "fast"));
        let growing = json!({"allowVolumeExpansion": true});
        assert_eq!(refused(&large, &small, Some(&growing)), None);
        let why = "persistentvolumeclaims \"www\" is forbidden: only dynamically provisioned pvc can be resized and the \
                   storageclass that provisions the pvc must support resize";
        for class in [None, Some(json!({})), Some(json!({"allowVolumeExpansion": false}))] {
            assert_eq!(refused(&large, &small, class.as_ref()), Some((403, why.to_owned())), "{class:?}");
            assert_eq!(refused(&small, &small, class.as_ref()), None, "it does not grow");
        }
        let moved = claim("2Gi", "slow");
        assert_eq!(refused(&moved, &small, Some(&growing)), Some((403, why.to_owned())));
    }
}
