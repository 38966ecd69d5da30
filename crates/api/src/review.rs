//! Reviews: questions about who may do what, which are posted as objects, answered, and not kept.
//!
//! [`question`] reads one, the `…_status` functions write the answer.

use k8s_openapi::api::{
    authentication::v1::{SelfSubjectReview, TokenReview},
    authorization::v1::{
        LocalSubjectAccessReview, SelfSubjectAccessReview, SelfSubjectRulesReview, SubjectAccessReview,
    },
};
use serde_json::{Value, json};

use crate::{
    authz::{Attributes, Denial, ResourceAttributes, User},
    kinds::{ShapeOnly, normalise},
    resource::{Resource, Scope, Shaped},
    status::{Cause, Status},
};

/// Everything that is asked in this way, in the order in which discovery lists it. Reviews are no part of
/// [`crate::resource::RESOURCES`], whose objects are kept.
pub static REVIEWS: [&Resource; 6] = [
    &SELF_SUBJECT_REVIEWS,
    &TOKEN_REVIEWS,
    &LOCAL_SUBJECT_ACCESS_REVIEWS,
    &SELF_SUBJECT_ACCESS_REVIEWS,
    &SELF_SUBJECT_RULES_REVIEWS,
    &SUBJECT_ACCESS_REVIEWS,
];

/// What the reviews have in common.
const REVIEW: Resource = Resource {
    group: "authorization.k8s.io",
    version: "v1",
    kind: "",
    plural: "",
    singular: "",
    short_names: &[],
    categories: &[],
    scope: Scope::Cluster,
    subresources: &[],
    rules: &ShapeOnly(shape_token),
};

static SELF_SUBJECT_REVIEWS: Resource = Resource {
    group: "authentication.k8s.io",
    kind: "SelfSubjectReview",
    plural: "selfsubjectreviews",
    singular: "selfsubjectreview",
    rules: &ShapeOnly(|object| normalise::<SelfSubjectReview>(&SELF_SUBJECT_REVIEWS, object)),
    ..REVIEW
};

static TOKEN_REVIEWS: Resource = Resource {
    group: "authentication.k8s.io",
    kind: "TokenReview",
    plural: "tokenreviews",
    singular: "tokenreview",
    ..REVIEW
};

static LOCAL_SUBJECT_ACCESS_REVIEWS: Resource = Resource {
    kind: "LocalSubjectAccessReview",
    plural: "localsubjectaccessreviews",
    singular: "localsubjectaccessreview",
    scope: Scope::Namespaced,
    rules: &ShapeOnly(|object| normalise::<LocalSubjectAccessReview>(&LOCAL_SUBJECT_ACCESS_REVIEWS, object)),
    ..REVIEW
};

static SELF_SUBJECT_ACCESS_REVIEWS: Resource = Resource {
    kind: "SelfSubjectAccessReview",
    plural: "selfsubjectaccessreviews",
    singular: "selfsubjectaccessreview",
    rules: &ShapeOnly(|object| normalise::<SelfSubjectAccessReview>(&SELF_SUBJECT_ACCESS_REVIEWS, object)),
    ..REVIEW
};

static SELF_SUBJECT_RULES_REVIEWS: Resource = Resource {
    kind: "SelfSubjectRulesReview",
    plural: "selfsubjectrulesreviews",
    singular: "selfsubjectrulesreview",
    rules: &ShapeOnly(|object| normalise::<SelfSubjectRulesReview>(&SELF_SUBJECT_RULES_REVIEWS, object)),
    ..REVIEW
};

static SUBJECT_ACCESS_REVIEWS: Resource = Resource {
    kind: "SubjectAccessReview",
    plural: "subjectaccessreviews",
    singular: "subjectaccessreview",
    rules: &ShapeOnly(|object| normalise::<SubjectAccessReview>(&SUBJECT_ACCESS_REVIEWS, object)),
    ..REVIEW
};

fn shape_token(object: Value) -> Shaped {
    normalise::<TokenReview>(&TOKEN_REVIEWS, object)
}

/// The review at a path.
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    REVIEWS.into_iter().find(|r| r.group == group && r.version == version && r.plural == plural)
}

/// Whether a resource is a review.
pub fn is_review(resource: &Resource) -> bool {
    find(resource.group, resource.version, resource.plural).is_some()
}

/// What a review asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question<'a> {
    /// Who am I?
    Myself,
    /// May I do this?
    Mine(Attributes<'a>),
    /// What may I do in this namespace?
    Rules(&'a str),
    /// May this user, or one of these groups?
    Theirs(Subject<'a>, Attributes<'a>),
    /// Whose is this token, for one of these audiences? None is for the API.
    Token(&'a str, Vec<&'a str>),
}

/// Whom a review is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The name of the user; may be empty.
    pub user: &'a str,
    /// The groups.
    pub groups: Vec<&'a str>,
}

/// What a review asks. `namespace` is that of the path, and empty where it has none.
///
/// Errors: 422 as of Kubernetes' `pkg/apis/authorization/validation`, 400 as of the handlers there.
pub fn question<'a>(resource: &Resource, review: &'a Value, namespace: &str) -> Result<Question<'a>, Status> {
    let spec = &review["spec"];
    let invalid = |causes: &[Cause]| Status::invalid(resource.kind, resource.group, "", causes);
    match resource.kind {
        "SelfSubjectReview" => Ok(Question::Myself),
        "TokenReview" => match text(spec, "token") {
            "" => Err(Status::bad_request("token is required for TokenReview in authentication")),
            token => Ok(Question::Token(token, texts(&spec["audiences"]))),
        },
        "SelfSubjectRulesReview" => match text(spec, "namespace") {
            "" => Err(Status::bad_request("no namespace on request")),
            namespace => Ok(Question::Rules(namespace)),
        },
        "SelfSubjectAccessReview" => {
            let causes = attributes_causes(spec);
            if causes.is_empty() { Ok(Question::Mine(attributes(spec))) } else { Err(invalid(&causes)) }
        }
        _ => {
            let mut causes = attributes_causes(spec);
            let subject = Subject { user: text(spec, "user"), groups: texts(&spec["groups"]) };
            if subject.user.is_empty() && subject.groups.is_empty() {
                causes.push(Cause::invalid("spec.user", "", "at least one of user or group must be specified"));
            }
            if resource.scope == Scope::Namespaced {
                let told = text(&review["metadata"], "namespace");
                if !told.is_empty() && told != namespace {
                    return Err(Status::namespace_mismatch());
                }
                let asked = text(&spec["resourceAttributes"], "namespace");
                if asked != namespace {
                    let field = "spec.resourceAttributes.namespace";
                    causes.push(Cause::invalid(field, asked, "must match metadata.namespace"));
                }
                if !spec["nonResourceAttributes"].is_null() {
                    let why = "disallowed on this kind of request";
                    causes.push(Cause::invalid(
                        "spec.nonResourceAttributes",
                        spec["nonResourceAttributes"].clone(),
                        why,
                    ));
                }
            }
            if causes.is_empty() { Ok(Question::Theirs(subject, attributes(spec))) } else { Err(invalid(&causes)) }
        }
    }
}

fn attributes_causes(spec: &Value) -> Vec<Cause> {
    let (resource, path) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    match (resource.is_null(), path.is_null()) {
        (false, false) => {
            let why = "cannot be specified in combination with resourceAttributes";
            vec![Cause::invalid("spec.nonResourceAttributes", path.clone(), why)]
        }
        (true, true) => {
            let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
            vec![Cause::invalid("spec.resourceAttributes", Value::Null, why)]
        }
        (true, false) | (false, true) => Vec::new(),
    }
}

fn attributes(spec: &Value) -> Attributes<'_> {
    let (asked, path) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    if asked.is_null() {
        return Attributes::Path { verb: text(path, "verb"), path: text(path, "path") };
    }
    Attributes::Resource(ResourceAttributes {
        verb: text(asked, "verb"),
        group: text(asked, "group"),
        resource: text(asked, "resource"),
        subresource: text(asked, "subresource"),
        namespace: text(asked, "namespace"),
        name: text(asked, "name"),
    })
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The status of an access review.
pub fn access_status(decision: Result<(), Denial>) -> Value {
    match decision {
        Ok(()) => json!({"allowed": true}),
        Err(denial) => json!({"allowed": false, "reason": denial.to_string()}),
    }
}

/// The status of a `SelfSubjectReview`.
pub fn subject_status(user: &User) -> Value {
    json!({"userInfo": user.to_json()})
}

/// The status of a `TokenReview`: whose it is, and for which of the audiences that were asked about; nothing for nobody's.
pub fn token_status(holder: Option<(&User, &[&str])>) -> Value {
    match holder {
        Some((user, audiences)) => json!({"authenticated": true, "user": user.to_json(), "audiences": audiences}),
        None => json!({"authenticated": false, "user": {}, "error": "invalid bearer token"}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn review(plural: &str) -> &'static Resource {
        REVIEWS.into_iter().find(|review| review.plural == plural).unwrap()
    }

    #[test]
    fn reviews_ask_what_they_say() {
        let attributes =
            json!({"verb": "get", "resource": "pods", "subresource": "log", "namespace": "shop", "name": "p"});
        let of_pods = Attributes::Resource(ResourceAttributes {
            verb: "get",
            group: "",
            resource: "pods",
            subresource: "log",
            namespace: "shop",
            name: "p",
        });
        let subject = || Subject { user: "ci", groups: vec!["g"] };
        for (plural, spec, expected) in [
            ("selfsubjectreviews", json!({}), Question::Myself),
            ("selfsubjectaccessreviews", json!({"resourceAttributes": attributes}), Question::Mine(of_pods)),
            (
                "selfsubjectaccessreviews",
                json!({"nonResourceAttributes": {"verb": "get", "path": "/metrics"}}),
                Question::Mine(Attributes::Path { verb: "get", path: "/metrics" }),
            ),
            ("selfsubjectrulesreviews", json!({"namespace": "shop"}), Question::Rules("shop")),
            (
                "subjectaccessreviews",
                json!({"user": "ci", "groups": ["g"], "resourceAttributes": attributes}),
                Question::Theirs(subject(), of_pods),
            ),
            (
                "localsubjectaccessreviews",
                json!({"user": "ci", "groups": ["g"], "resourceAttributes": attributes}),
                Question::Theirs(subject(), of_pods),
            ),
            ("tokenreviews", json!({"token": "t", "audiences": ["a"]}), Question::Token("t", vec!["a"])),
        ] {
            let object = json!({"spec": spec});
            assert_eq!(question(review(plural), &object, "shop").as_ref(), Ok(&expected), "{plural}");
        }
    }

    #[test]
    fn reviews_that_ask_nothing_are_refused_in_kubernetes_words() {
        let attributes = json!({"verb": "get", "resource": "pods", "namespace": "dev"});
        for (plural, spec, expected) in [
            (
                "selfsubjectaccessreviews",
                json!({}),
                "SelfSubjectAccessReview.authorization.k8s.io \"\" is invalid: spec.resourceAttributes: Invalid value: null: \
                 exactly one of nonResourceAttributes or resourceAttributes must be specified",
            ),
            (
                "subjectaccessreviews",
                json!({"resourceAttributes": attributes}),
                "SubjectAccessReview.authorization.k8s.io \"\" is invalid: spec.user: Invalid value: \"\": at least one of \
                 user or group must be specified",
            ),
            (
                "localsubjectaccessreviews",
                json!({"user": "ci", "resourceAttributes": attributes}),
                "LocalSubjectAccessReview.authorization.k8s.io \"\" is invalid: spec.resourceAttributes.namespace: Invalid \
                 value: \"dev\": must match metadata.namespace",
            ),
            ("selfsubjectrulesreviews", json!({}), "no namespace on request"),
            ("tokenreviews", json!({}), "token is required for TokenReview in authentication"),
        ] {
            let object = json!({"spec": spec});
            let refused = question(review(plural), &object, "shop").map_err(|status| status.message);
            assert_eq!(refused, Err(expected.to_owned()), "{plural}");
        }
    }
}
