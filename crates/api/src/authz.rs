//! Who may do what: the scope of a token, and whether what is asked for is within it.
//!
//! [`authorize`] decides for every request, and for the reviews that ask before. It knows no roles: see the record of that
//! decision. What is refused is said in Kubernetes' words by [`refusal`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    resource::{RESOURCES, Resource, Scope, Subresource, served},
    status::{Status, quoted},
};

/// Who asks, as Kubernetes' `UserInfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// `ci`, `system:serviceaccount:shop:robot`.
    pub name: String,
    /// The uid of a service account; else empty.
    pub uid: String,
    /// The groups, `system:authenticated` among them.
    pub groups: Vec<String>,
    /// What else is known, by key.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// The name of whoever shows the instance's own token, or may open its socket.
pub const ADMIN: &str = "petset-admin";

/// The group whose members may do everything.
pub const MASTERS: &str = "system:masters";

/// The group of all who are known.
pub const AUTHENTICATED: &str = "system:authenticated";

/// What the names of service accounts begin with; their namespace and name follow.
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

/// The namespace and the name of the service account that a user of this name is.
pub fn service_account(user: &str) -> Option<(&str, &str)> {
    user.strip_prefix(SERVICE_ACCOUNT)?.split_once(':')
}

impl User {
    /// Whoever shows the instance's own token, or may open its socket.
    pub fn admin() -> User {
        User::of_token(ADMIN, &TokenScope::EVERYTHING)
    }

    /// Whoever shows the token of this name.
    pub fn of_token(name: &str, scope: &TokenScope) -> User {
        let masters = scope.is_everything().then_some(MASTERS);
        let groups = masters.into_iter().chain([AUTHENTICATED]).map(str::to_owned).collect();
        User { name: name.to_owned(), groups, ..User::default() }
    }

    /// A service account. `uid` and `extra` are empty where only its name is known.
    pub fn of_service_account(namespace: &str, name: &str, uid: &str, extra: BTreeMap<String, Vec<String>>) -> User {
        let groups = ["system:serviceaccounts", &format!("system:serviceaccounts:{namespace}"), AUTHENTICATED];
        User {
            name: format!("{SERVICE_ACCOUNT}{namespace}:{name}"),
            uid: uid.to_owned(),
            groups: groups.map(str::to_owned).to_vec(),
            extra,
        }
    }

    /// As clients receive it: what is empty is left out.
    pub fn to_json(&self) -> Value {
        let mut user = json!({"username": self.name, "groups": self.groups});
        if !self.uid.is_empty() {
            user["uid"] = self.uid.clone().into();
        }
        if !self.extra.is_empty() {
            user["extra"] = json!(self.extra);
        }
        user
    }
}

/// What a token allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenScope {
    /// Where.
    pub reach: Reach,
    /// What.
    pub access: Access,
}

/// Where a token counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// In all namespaces, and for what is in none.
    Everywhere,
    /// For what is in these namespaces.
    Namespaces(BTreeSet<String>),
}

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everything.
    Write,
    /// To look, but not at Secrets and not into pods.
    Read,
}

impl TokenScope {
    /// The scope of the instance's own token.
    pub const EVERYTHING: TokenScope = TokenScope { reach: Reach::Everywhere, access: Access::Write };

    /// What everybody may who is known, and no more.
    pub const NOTHING: TokenScope = TokenScope { reach: Reach::Namespaces(BTreeSet::new()), access: Access::Read };

    /// Everything in one namespace: the scope of its service accounts.
    pub fn of_namespace(namespace: &str) -> TokenScope {
        TokenScope { reach: Reach::Namespaces(BTreeSet::from([namespace.to_owned()])), access: Access::Write }
    }

    /// Whether nothing is beyond it.
    pub fn is_everything(&self) -> bool {
        *self == TokenScope::EVERYTHING
    }

    /// Whether it reaches a namespace; cluster-scoped objects have an empty one.
    pub fn reaches(&self, namespace: &str) -> bool {
        match &self.reach {
            Reach::Everywhere => true,
            Reach::Namespaces(namespaces) => namespaces.contains(namespace),
        }
    }
}

/// What is asked for, in the terms of Kubernetes' authorizers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attributes<'a> {
    /// Something is to be done with objects.
    Resource(ResourceAttributes<'a>),
    /// A path that names no objects.
    Path {
        /// The method in lower case.
        verb: &'a str,
        /// The path.
        path: &'a str,
    },
}

/// What is to be done with which objects. What is not said is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResourceAttributes<'a> {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: &'a str,
    /// The API group.
    pub group: &'a str,
    /// The plural name.
    pub resource: &'a str,
    /// `status`, `log`, `exec`, ….
    pub subresource: &'a str,
    /// The namespace. That of a Namespace is its own name, as in Kubernetes.
    pub namespace: &'a str,
    /// The name of the object.
    pub name: &'a str,
}

/// Why a token does not allow something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// It would change something, or run something.
    #[error("the token is for reading only")]
    ReadOnly,
    /// It would tell what is secret.
    #[error("a token for reading only reads no Secrets")]
    Secrets,
    /// It is in another namespace, or in all.
    #[error("the token is for objects of other namespaces")]
    OtherNamespace,
    /// It is in no namespace.
    #[error("the token is for objects in namespaces only")]
    ClusterScope,
    /// It is a path that tells of everything, or is the administrator's.
    #[error("the token is not for this path")]
    Path,
    /// Nobody of this name has a token.
    #[error("nobody of this name is known")]
    Unknown,
}

/// What a token for reading is for.
const READING: [&str; 3] = ["get", "list", "watch"];

/// The parts of objects that can be read. Through others something is done, whatever the verb: clients `get` an exec, too.
const READ_PARTS: [Subresource; 3] = [Subresource::Status, Subresource::Scale, Subresource::Log];

/// What anybody may read who is known, as of Kubernetes' roles `system:discovery` and `system:public-info-viewer`; a path
/// that ends in `*` stands for all below. The waits are shown to each as far as its scope reaches.
const OPEN_PATHS: [&str; 11] = [
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/livez",
    "/openapi",
    "/openapi/*",
    WAITS_PATH,
    "/readyz",
    "/version",
];

/// Where everything that waits is told.
pub const WAITS_PATH: &str = "/petset/v1/waits";

/// What a token for reading everywhere may read besides.
const METRICS_PATH: &str = "/metrics";

/// What anybody may create who is known, as of Kubernetes' role `system:basic-user`: questions about oneself.
const ABOUT_ONESELF: [(&str, &[&str]); 2] = [
    ("authentication.k8s.io", &["selfsubjectreviews"]),
    ("authorization.k8s.io", &["selfsubjectaccessreviews", "selfsubjectrulesreviews"]),
];

/// Whether a scope allows something.
pub fn authorize(scope: &TokenScope, asked: &Attributes<'_>) -> Result<(), Denial> {
    if scope.is_everything() {
        return Ok(());
    }
    match asked {
        Attributes::Path { verb, path } => check_path(scope, verb, path),
        Attributes::Resource(asked) if is_about_oneself(asked) => Ok(()),
        Attributes::Resource(asked) => check_reach(&scope.reach, asked).and(check_access(scope.access, asked)),
    }
}

fn check_path(scope: &TokenScope, verb: &str, path: &str) -> Result<(), Denial> {
    // Such a path leads to the same.
    let path = path.strip_suffix('/').unwrap_or(path);
    let is_open = OPEN_PATHS.iter().any(|open| match open.strip_suffix('*') {
        Some(root) => path.starts_with(root),
        None => path == *open,
    });
    let is_readable = is_open || (path == METRICS_PATH && scope.reach == Reach::Everywhere);
    if is_readable && matches!(verb, "get" | "head") { Ok(()) } else { Err(Denial::Path) }
}

fn is_about_oneself(asked: &ResourceAttributes<'_>) -> bool {
    let is_one = |(group, plurals): &(&str, &[&str])| *group == asked.group && plurals.contains(&asked.resource);
    asked.verb == "create" && asked.subresource.is_empty() && ABOUT_ONESELF.iter().any(is_one)
}

fn check_reach(reach: &Reach, asked: &ResourceAttributes<'_>) -> Result<(), Denial> {
    let Reach::Namespaces(namespaces) = reach else { return Ok(()) };
    if (asked.group, asked.resource) == ("", "namespaces") {
        // Clients look at the namespace that they work in; to change it or to delete it is not for who works inside.
        let is_look = asked.verb == "get" && asked.subresource.is_empty() && namespaces.contains(asked.name);
        return if is_look { Ok(()) } else { Err(Denial::ClusterScope) };
    }
    if is_cluster_scoped(asked) {
        Err(Denial::ClusterScope)
    } else if namespaces.contains(asked.namespace) {
        Ok(())
    } else {
        Err(Denial::OtherNamespace)
    }
}

/// Reviews may name a namespace for what is in none.
fn is_cluster_scoped(asked: &ResourceAttributes<'_>) -> bool {
    let is_it = |resource: &&Resource| (resource.group, resource.plural) == (asked.group, asked.resource);
    served().find(is_it).is_some_and(|resource| resource.scope == Scope::Cluster)
}

fn check_access(access: Access, asked: &ResourceAttributes<'_>) -> Result<(), Denial> {
    match access {
        Access::Write => Ok(()),
        Access::Read if !READING.contains(&asked.verb) => Err(Denial::ReadOnly),
        // Everything is more than what a token for reading reads.
        Access::Read if matches!(asked.resource, "secrets" | "*") => Err(Denial::Secrets),
        Access::Read if is_readable(asked.subresource) => Ok(()),
        Access::Read => Err(Denial::ReadOnly),
    }
}

fn is_readable(subresource: &str) -> bool {
    subresource.is_empty() || READ_PARTS.iter().any(|part| part.name() == subresource)
}

/// The 403 for what a user may not do, as of Kubernetes' `responsewriters.Forbidden`.
pub fn refusal(user: &User, asked: &Attributes<'_>) -> Status {
    let name = quoted(&user.name);
    match asked {
        Attributes::Path { verb, path } => {
            Status::forbidden_request(&escaped(&format!("User {name} cannot {verb} path {}", quoted(path))))
        }
        Attributes::Resource(asked) => {
            let slash = if asked.subresource.is_empty() { "" } else { "/" };
            let what = quoted(&format!("{}{slash}{}", asked.resource, asked.subresource));
            let place = match asked.namespace {
                "" => "at the cluster scope".to_owned(),
                namespace => format!("in the namespace {}", quoted(namespace)),
            };
            let group = quoted(asked.group);
            let why = format!("User {name} cannot {} resource {what} in API group {group} {place}", asked.verb);
            Status::forbidden_attributes(asked.group, asked.resource, asked.name, &escaped(&why))
        }
    }
}

/// What comes from the client, for browsers that would take it for HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// What a scope allows in a namespace, as the status of a `SelfSubjectRulesReview`.
pub fn rules(scope: &TokenScope, namespace: &str) -> Value {
    let mut resources = Vec::new();
    let mut paths = vec![json!({"verbs": ["get"], "nonResourceURLs": OPEN_PATHS})];
    for (group, plurals) in ABOUT_ONESELF {
        resources.push(json!({"verbs": ["create"], "apiGroups": [group], "resources": plurals}));
    }
    let anything = json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]});
    match (&scope.reach, scope.access) {
        (Reach::Everywhere, Access::Write) => {
            resources.push(anything);
            paths = vec![json!({"verbs": ["*"], "nonResourceURLs": ["*"]})];
        }
        (Reach::Everywhere, Access::Read) => {
            resources.extend(readable(|_| true));
            paths.push(json!({"verbs": ["get"], "nonResourceURLs": [METRICS_PATH]}));
        }
        (Reach::Namespaces(namespaces), _) if !namespaces.contains(namespace) => {}
        (Reach::Namespaces(_), access) => {
            resources.push(json!({
                "verbs": ["get"], "apiGroups": [""], "resources": ["namespaces"], "resourceNames": [namespace],
            }));
            match access {
                Access::Write => resources.push(anything),
                Access::Read => resources.extend(readable(|resource| resource.scope == Scope::Namespaced)),
            }
        }
    }
    json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false})
}

/// What a token for reading reads, a rule for each group.
fn readable(is_reached: impl Fn(&Resource) -> bool) -> Vec<Value> {
    let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for resource in RESOURCES.iter().filter(|resource| resource.plural != "secrets" && is_reached(resource)) {
        let names = groups.entry(resource.group).or_default();
        names.push(resource.plural.to_owned());
        let parts = resource.subresources.iter().filter(|part| READ_PARTS.contains(part));
        names.extend(parts.map(|part| format!("{}/{}", resource.plural, part.name())));
    }
    let rule = |(group, names)| json!({"verbs": READING, "apiGroups": [group], "resources": names});
    groups.into_iter().map(rule).collect()
}

#[cfg(test)]
mod tests;
