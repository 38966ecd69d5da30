//! What the server serves, from its discovery; and how users name it.

use serde_json::Value;

use crate::{client::Client, failure::Failure};

/// A resource that the server serves.
#[allow(clippy::struct_field_names, reason = "`kind` is Kubernetes' word for it")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) group: String,
    pub(crate) version: String,
    /// `PetSet`.
    pub(crate) kind: String,
    /// `petsets`.
    pub(crate) plural: String,
    /// `petset`.
    pub(crate) singular: String,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) verbs: Vec<String>,
    pub(crate) subresources: Vec<String>,
    pub(crate) is_namespaced: bool,
}

impl Kind {
    /// `v1` or `apps/v1alpha1`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `petset.apps`, as in `petset.apps/web created`.
    pub(crate) fn qualified_singular(&self) -> String {
        if self.group.is_empty() { self.singular.clone() } else { format!("{}.{}", self.singular, self.group) }
    }

    /// `petsets.apps`, as in error messages.
    pub(crate) fn qualified_plural(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// The path of all its objects; `None` is every namespace.
    pub(crate) fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() { "/api" } else { "/apis" };
        match namespace.filter(|_| self.is_namespaced) {
            Some(namespace) => format!("{root}/{}/namespaces/{namespace}/{}", self.api_version(), self.plural),
            None => format!("{root}/{}/{}", self.api_version(), self.plural),
        }
    }

    /// The path of one object.
    pub(crate) fn object_path(&self, namespace: &str, name: &str) -> String {
        format!("{}/{name}", self.path(Some(namespace)))
    }

    fn is_called(&self, name: &str) -> bool {
        let (word, group) = name.split_once('.').unwrap_or((name, ""));
        let own = [&self.plural, &self.singular];
        let is_word =
            own.into_iter().chain(&self.short_names).any(|own| own == word) || self.kind.eq_ignore_ascii_case(word);
        // `petsets.apps` and `petsets.v1alpha1.apps` are both said.
        is_word && (group.is_empty() || group == self.group || group == format!("{}.{}", self.version, self.group))
    }
}

/// All that the server serves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kinds(pub(crate) Vec<Kind>);

impl Kinds {
    /// Asks the server.
    pub(crate) async fn discover(client: &Client) -> Result<Kinds, Failure> {
        let (core, groups) = tokio::try_join!(client.get_discovery("/api"), client.get_discovery("/apis"))?;
        let mut kinds = read(&core);
        kinds.extend(read(&groups));
        if kinds.is_empty() {
            return Err(Failure::message(format!("the server {} does not say what it serves", client.server)));
        }
        Ok(Kinds(kinds))
    }

    /// The kind that a user's word means.
    pub(crate) fn named(&self, word: &str) -> Result<&Kind, Failure> {
        let word_lower = word.to_ascii_lowercase();
        self.0
            .iter()
            .find(|kind| kind.is_called(&word_lower))
            .ok_or_else(|| Failure::message(format!("the server doesn't have a resource type \"{word}\"")))
    }

    /// The kinds that a word with commas and categories means: `po,svc`, `all`.
    pub(crate) fn all_named(&self, words: &str) -> Result<Vec<&Kind>, Failure> {
        let mut kinds: Vec<&Kind> = Vec::new();
        for word in words.split(',').filter(|word| !word.is_empty()) {
            let category = self.0.iter().filter(|kind| kind.categories.iter().any(|category| category == word));
            let mut meant: Vec<&Kind> = category.collect();
            if meant.is_empty() {
                meant.push(self.named(word)?);
            }
            meant.retain(|kind| !kinds.contains(kind));
            kinds.extend(meant);
        }
        Ok(kinds)
    }

    /// The kind of an object from a manifest.
    pub(crate) fn of_object(&self, object: &Value) -> Result<&Kind, Failure> {
        let api_version = object["apiVersion"].as_str().unwrap_or_default();
        let kind = object["kind"].as_str().unwrap_or_default();
        self.0.iter().find(|k| k.kind == kind && k.api_version() == api_version).ok_or_else(|| {
            Failure::message(format!(
                "no matches for kind \"{kind}\" in version \"{api_version}\": the server does not serve it"
            ))
        })
    }

    /// What arguments such as `po web-0 web-1`, `po/web-0 svc/nginx` or `po,svc` mean.
    pub(crate) fn targets(&self, arguments: &[String]) -> Result<Vec<Target<'_>>, Failure> {
        let Some((first, names)) = arguments.split_first() else {
            return Err(Failure::message("say what: a kind (`po`), a kind and names (`po web-0`), or `po/web-0`"));
        };
        if arguments.iter().any(|argument| argument.contains('/')) {
            return arguments.iter().map(|argument| self.target(argument)).collect();
        }
        let kinds = self.all_named(first)?;
        if names.is_empty() {
            return Ok(kinds.into_iter().map(|kind| Target { kind, name: None }).collect());
        }
        let each = kinds.into_iter().flat_map(|kind| names.iter().map(move |name| (kind, name)));
        Ok(each.map(|(kind, name)| Target { kind, name: Some(name.clone()) }).collect())
    }

    fn target(&self, argument: &str) -> Result<Target<'_>, Failure> {
        match argument.split_once('/') {
            Some((kind, name)) if !kind.is_empty() && !name.is_empty() && !name.contains('/') => {
                Ok(Target { kind: self.named(kind)?, name: Some(name.to_owned()) })
            }
            _ => Err(Failure::message(format!(
                "there is no need to mix: \"{argument}\" is not of the form kind/name, and other arguments are"
            ))),
        }
    }
}

/// What a command is about: one object, or all of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    pub(crate) kind: &'a Kind,
    pub(crate) name: Option<String>,
}

/// Reads an `APIGroupDiscoveryList`.
fn read(list: &Value) -> Vec<Kind> {
    let mut kinds = Vec::new();
    for group in each(&list["items"]) {
        let group_name = text(&group["metadata"]["name"]);
        for version in each(&group["versions"]) {
            for resource in each(&version["resources"]) {
                let plural = text(&resource["resource"]);
                let kind = text(&resource["responseKind"]["kind"]);
                let singular = Some(text(&resource["singularResource"])).filter(|name| !name.is_empty());
                let subresources = each(&resource["subresources"]).map(|sub| text(&sub["subresource"]));
                kinds.push(Kind {
                    group: group_name.clone(),
                    version: text(&version["version"]),
                    singular: singular.unwrap_or_else(|| kind.to_ascii_lowercase()),
                    kind,
                    plural,
                    short_names: each(&resource["shortNames"]).map(text).collect(),
                    categories: each(&resource["categories"]).map(text).collect(),
                    verbs: each(&resource["verbs"]).map(text).collect(),
                    subresources: subresources.collect(),
                    is_namespaced: resource["scope"] == "Namespaced",
                });
            }
        }
    }
    kinds
}

fn each(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    pub(crate) fn kinds() -> Kinds {
        let resource = |plural, kind, short: &str, scope: &str, categories: Value| {
            json!({"resource": plural, "responseKind": {"kind": kind}, "scope": scope, "shortNames": [short],
                   "categories": categories, "verbs": ["get"], "subresources": [{"subresource": "status"}]})
        };
        let core = json!({"items": [{"metadata": {}, "versions": [{"version": "v1", "resources": [
            resource("pods", "Pod", "po", "Namespaced", json!(["all"])),
            resource("services", "Service", "svc", "Namespaced", json!(["all"])),
            resource("nodes", "Node", "no", "Cluster", json!([])),
        ]}]}]});
        let groups = json!({"items": [{"metadata": {"name": "apps"}, "versions": [{"version": "v1alpha1", "resources": [
            resource("petsets", "PetSet", "pets", "Namespaced", json!(["all"])),
        ]}]}]});
        let mut kinds = read(&core);
        kinds.extend(read(&groups));
        Kinds(kinds)
    }

    fn said(arguments: &[&str]) -> Result<Vec<String>, String> {
        let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
        let kinds = kinds();
        let targets = kinds.targets(&arguments).map_err(|failure| failure.to_string())?;
        Ok(targets.iter().map(|t| format!("{} {}", t.kind.plural, t.name.as_deref().unwrap_or("*"))).collect())
    }

    #[test]
    fn kinds_have_many_names() {
        for word in ["petsets", "petset", "pets", "PetSet", "petsets.apps", "petset.v1alpha1.apps"] {
            assert_eq!(said(&[word]).unwrap(), ["petsets *"], "{word}");
        }
        assert_eq!(
            said(&["petset.batch"]),
            Err("error: the server doesn't have a resource type \"petset.batch\"".into())
        );
    }

    #[test]
    fn arguments_name_kinds_and_objects() {
        assert_eq!(said(&["po", "web-0", "web-1"]).unwrap(), ["pods web-0", "pods web-1"]);
        assert_eq!(said(&["po,svc", "web"]).unwrap(), ["pods web", "services web"]);
        assert_eq!(said(&["po/web-0", "svc/nginx"]).unwrap(), ["pods web-0", "services nginx"]);
        assert_eq!(said(&["all"]).unwrap(), ["pods *", "services *", "petsets *"]);
        assert!(said(&["po", "svc/nginx"]).is_err());
        assert!(said(&[]).is_err());
    }

    #[test]
    fn paths_follow_the_scope() {
        let kinds = kinds();
        assert_eq!(
            kinds.named("petset").unwrap().object_path("ns", "web"),
            "/apis/apps/v1alpha1/namespaces/ns/petsets/web"
        );
        assert_eq!(kinds.named("po").unwrap().path(None), "/api/v1/pods");
        assert_eq!(kinds.named("node").unwrap().object_path("ns", "n"), "/api/v1/nodes/n");
    }
}
