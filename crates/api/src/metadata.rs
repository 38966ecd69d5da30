//! What `metadata` must look like, for every kind alike.
//!
//! Follows Kubernetes' `apimachinery/pkg/api/validation/objectmeta.go` and `util/validation`, word for word in
//! what users read.

use serde_json::Value;

use crate::{
    limits::{ANNOTATION_BYTES_MAX, LABEL_BYTES_MAX, SUBDOMAIN_BYTES_MAX},
    resource::{ROLES, Resource, Scope},
    status::Cause,
};

/// The finalizer that holds an object until its dependents have lost their reference to it.
pub const ORPHAN: &str = "orphan";
/// The finalizer that holds an object until its dependents are gone.
pub const FOREGROUND: &str = "foregroundDeletion";

/// Finalizers that need no domain.
const STANDARD_FINALIZERS: &[&str] = &["kubernetes", ORPHAN, FOREGROUND];

/// All that is wrong with the metadata of a new object. Its `namespace` has been settled already.
pub fn validate_create(resource: &Resource, object: &Value) -> Vec<Cause> {
    let metadata = &object["metadata"];
    let mut causes = Vec::new();
    let name = text(metadata, "name");
    let prefix = text(metadata, "generateName");
    if !prefix.is_empty() {
        // What is generated is appended, so a trailing dash is fine.
        let probe = format!("{}a", prefix.trim_end_matches('-'));
        causes.extend(name_problem(resource, &probe).map(|why| invalid("metadata.generateName", prefix, &why)));
    }
    if name.is_empty() {
        causes.push(Cause {
            reason: "FieldValueRequired",
            message: "Required value: name or generateName is required".to_owned(),
            field: "metadata.name".to_owned(),
        });
    } else {
        causes.extend(name_problem(resource, name).map(|why| invalid("metadata.name", name, &why)));
    }
    if resource.scope == Scope::Namespaced {
        let namespace = text(metadata, "namespace");
        causes.extend(dns_label(namespace).map(|why| invalid("metadata.namespace", namespace, &why)));
    }
    causes.extend(validate_lists(metadata));
    causes
}

/// All that is wrong with the metadata of a changed object. What a client cannot change has been carried over
/// already.
pub fn validate_update(object: &Value, old: &Value) -> Vec<Cause> {
    let metadata = &object["metadata"];
    let mut causes = Vec::new();
    if !old["metadata"]["deletionTimestamp"].is_null() {
        let before = finalizers(&old["metadata"]);
        let added: Vec<String> =
            finalizers(metadata).into_iter().filter(|f| !before.contains(f)).map(|f| format!("{f:?}")).collect();
        if !added.is_empty() {
            causes.push(Cause {
                reason: "FieldValueForbidden",
                message: format!(
                    "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                    added.join(", ")
                ),
                field: "metadata.finalizers".to_owned(),
            });
        }
    }
    causes.extend(validate_lists(metadata));
    causes
}

/// The finalizers of an object, given its metadata.
pub fn finalizers(metadata: &Value) -> Vec<&str> {
    metadata["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn validate_lists(metadata: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (key, value) in entries(metadata, "labels") {
        causes.extend(qualified_name(key).map(|why| invalid("metadata.labels", key, &why)));
        causes.extend(label_value(value).map(|why| invalid("metadata.labels", value, &why)));
    }
    let mut annotation_bytes = 0;
    for (key, value) in entries(metadata, "annotations") {
        causes.extend(qualified_name(&key.to_lowercase()).map(|why| invalid("metadata.annotations", key, &why)));
        annotation_bytes += key.len() + value.len();
    }
    if annotation_bytes > ANNOTATION_BYTES_MAX {
        causes.push(Cause {
            reason: "FieldValueTooLong",
            message: format!("Too long: may not be more than {ANNOTATION_BYTES_MAX} bytes"),
            field: "metadata.annotations".to_owned(),
        });
    }
    for owner in metadata["ownerReferences"].as_array().into_iter().flatten() {
        for (field, why) in [
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ] {
            if text(owner, field).is_empty() {
                causes.push(invalid(&format!("metadata.ownerReferences.{field}"), "", why));
            }
        }
        let version = text(owner, "apiVersion");
        if version == "v1" && text(owner, "kind") == "Event" {
            let why = "/v1, Kind=Event is disallowed from being an owner";
            causes.push(Cause::invalid("metadata.ownerReferences", owner.clone(), why));
        }
        if version.matches('/').count() > 1 {
            let why = format!("unexpected GroupVersion string: {version}");
            causes.push(invalid("metadata.ownerReferences.apiVersion", version, &why));
        }
    }
    let controllers = metadata["ownerReferences"].as_array().into_iter().flatten();
    let controllers: Vec<&str> =
        controllers.filter(|owner| owner["controller"] == true).map(|owner| text(owner, "name")).collect();
    if let [first, second, ..] = controllers[..] {
        let why = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {second}"
        );
        causes.push(Cause::invalid("metadata.ownerReferences", metadata["ownerReferences"].clone(), &why));
    }
    for finalizer in finalizers(metadata) {
        if let Some(why) = qualified_name(finalizer) {
            causes.push(invalid("metadata.finalizers", finalizer, &why));
        } else if !finalizer.contains('/') && !STANDARD_FINALIZERS.contains(&finalizer) {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            causes.push(invalid("metadata.finalizers", finalizer, why));
        }
    }
    if [ORPHAN, FOREGROUND].iter().all(|finalizer| finalizers(metadata).contains(finalizer)) {
        let why = format!("finalizer {ORPHAN} and {FOREGROUND} cannot be both set");
        causes.push(Cause::invalid("metadata.finalizers", metadata["finalizers"].clone(), &why));
    }
    causes
}

/// What is wrong with a name of this resource, if anything: namespaces, services and stateful sets are DNS labels, roles and
/// their bindings segments of a path (`system:node`), the rest are DNS subdomains.
fn name_problem(resource: &Resource, name: &str) -> Option<String> {
    match resource.kind {
        _ if resource.group == ROLES.group => path_segment(name),
        "Namespace" | "Service" | "StatefulSet" => dns_label(name),
        _ => dns_subdomain(name),
    }
}

/// What is wrong with a DNS label (RFC 1123), if anything.
pub fn dns_label(text: &str) -> Option<String> {
    if text.len() > LABEL_BYTES_MAX {
        return Some(format!("must be no more than {LABEL_BYTES_MAX} bytes"));
    }
    if is_dns_label(text) {
        return None;
    }
    if text.split('.').all(is_dns_label) {
        return Some("must not contain dots".to_owned());
    }
    Some(
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and \
         end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
         '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
            .to_owned(),
    )
}

/// What is wrong with a DNS subdomain (RFC 1123), if anything.
pub fn dns_subdomain(text: &str) -> Option<String> {
    if text.len() > SUBDOMAIN_BYTES_MAX {
        return Some(format!("must be no more than {SUBDOMAIN_BYTES_MAX} bytes"));
    }
    (!text.split('.').all(is_dns_label)).then(|| {
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
         start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
         '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
            .to_owned()
    })
}

/// What is wrong with a segment of a path, if anything. Length and letters are bounded here; in Kubernetes they are not.
fn path_segment(text: &str) -> Option<String> {
    match text {
        "." | ".." => Some(format!("may not be '{text}'")),
        _ if text.len() > SUBDOMAIN_BYTES_MAX => Some(format!("must be no more than {SUBDOMAIN_BYTES_MAX} bytes")),
        _ if !text.bytes().all(|octet| octet.is_ascii_graphic()) => Some("may contain visible ASCII only".to_owned()),
        _ => ['/', '%'].into_iter().find(|c| text.contains(*c)).map(|c| format!("may not contain '{c}'")),
    }
}

/// What is wrong with the key of a label or annotation, if anything: `[prefix/]name`.
pub fn qualified_name(text: &str) -> Option<String> {
    const WORDS: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                         alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for \
                         validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    let name = match text.split('/').collect::<Vec<_>>()[..] {
        [name] => name,
        ["", _] => return Some("prefix part must be non-empty".to_owned()),
        [prefix, name] => match dns_subdomain(prefix) {
            Some(why) => return Some(format!("prefix part {why}")),
            None => name,
        },
        _ => {
            return Some(format!(
                "a qualified name {WORDS} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            ));
        }
    };
    if name.is_empty() {
        Some("name part must be non-empty".to_owned())
    } else if name.len() > LABEL_BYTES_MAX {
        Some(format!("name part must be no more than {LABEL_BYTES_MAX} bytes"))
    } else {
        (!is_label_word(name)).then(|| format!("name part {WORDS}"))
    }
}

/// What is wrong with the value of a label, if anything.
pub fn label_value(text: &str) -> Option<String> {
    if text.len() > LABEL_BYTES_MAX {
        return Some(format!("must be no more than {LABEL_BYTES_MAX} bytes"));
    }
    (!text.is_empty() && !is_label_word(text)).then(|| {
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start \
         and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for \
         validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
            .to_owned()
    })
}

fn is_dns_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_label_word(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.chars().all(inner)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
}

fn invalid(field: &str, value: &str, why: &str) -> Cause {
    Cause::invalid(field, value, why)
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

fn entries<'a>(metadata: &'a Value, field: &str) -> impl Iterator<Item = (&'a String, &'a str)> {
    let map = metadata[field].as_object();
    map.into_iter().flatten().map(|(key, value)| (key, value.as_str().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_keys_are_judged_as_kubernetes_judges_them() {
        let fine: fn(&str) -> bool = |text| qualified_name(text).is_none();
        assert!(["app", "example.com/My_App.1", "a"].into_iter().all(fine));
        for (text, why) in [
            ("", "name part must be non-empty"),
            ("/a", "prefix part must be non-empty"),
            ("a/", "name part must be non-empty"),
        ] {
            assert_eq!(qualified_name(text).as_deref(), Some(why), "{text}");
        }
        assert!(qualified_name("a/b/c").is_some_and(|why| why.starts_with("a qualified name must consist")));
        assert!(qualified_name("Exa_mple/b").is_some_and(|why| why.starts_with("prefix part a lowercase RFC 1123")));
        assert_eq!(label_value(""), None);
        assert!(label_value("-a").is_some());
        assert_eq!(dns_subdomain("a.b-c.1"), None);
        assert!(["", "a..b", "A", "-a", "a-", "a_b"].into_iter().all(|text| dns_subdomain(text).is_some()));
        assert!(dns_label("a.b").is_some());
        assert_eq!(dns_label(&"a".repeat(64)).as_deref(), Some("must be no more than 63 bytes"));
    }
}
