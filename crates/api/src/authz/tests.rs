//! The table of what each scope allows.

use super::*;

fn scope(namespaces: &[&str], access: Access) -> TokenScope {
    let names: BTreeSet<String> = namespaces.iter().map(|&name| name.to_owned()).collect();
    TokenScope { reach: if names.is_empty() { Reach::Everywhere } else { Reach::Namespaces(names) }, access }
}

/// `get pods/log shop/web-0`, `list nodes.`, `create petsets.apps shop/`, or `get /metrics`.
fn asked(text: &str) -> Attributes<'_> {
    let mut words = text.split(' ');
    let (verb, what) = (words.next().unwrap(), words.next().unwrap());
    if what.starts_with('/') {
        return Attributes::Path { verb, path: what };
    }
    let (what, subresource) = what.split_once('/').unwrap_or((what, ""));
    let (resource, group) = what.split_once('.').unwrap_or((what, ""));
    let (namespace, name) = words.next().and_then(|place| place.split_once('/')).unwrap_or_default();
    let namespace = if resource == "namespaces" { name } else { namespace };
    Attributes::Resource(ResourceAttributes { verb, group, resource, subresource, namespace, name })
}

#[test]
fn each_scope_allows_what_it_is_for() {
    use Denial::{ClusterScope, OtherNamespace, Path, ReadOnly, Secrets};
    let all = TokenScope::EVERYTHING;
    let shop = scope(&["shop", "dev"], Access::Write);
    let read = scope(&[], Access::Read);
    let both = scope(&["shop"], Access::Read);
    // What is asked for; what a token for namespaces says, one for reading, and one for both.
    for (what, of_shop, of_read, of_both) in [
        ("get pods shop/web-0", Ok(()), Ok(()), Ok(())),
        ("list pods shop/", Ok(()), Ok(()), Ok(())),
        ("watch pods shop/", Ok(()), Ok(()), Ok(())),
        ("get pods/log shop/web-0", Ok(()), Ok(()), Ok(())),
        ("get statefulsets.apps/scale shop/web", Ok(()), Ok(()), Ok(())),
        ("list pods dev/", Ok(()), Ok(()), Err(OtherNamespace)),
        ("list pods", Err(OtherNamespace), Ok(()), Err(OtherNamespace)),
        ("watch pods", Err(OtherNamespace), Ok(()), Err(OtherNamespace)),
        ("get pods default/web-0", Err(OtherNamespace), Ok(()), Err(OtherNamespace)),
        ("create pods shop/", Ok(()), Err(ReadOnly), Err(ReadOnly)),
        ("update pods/status shop/web-0", Ok(()), Err(ReadOnly), Err(ReadOnly)),
        ("patch statefulsets.apps/scale shop/web", Ok(()), Err(ReadOnly), Err(ReadOnly)),
        ("deletecollection pods shop/", Ok(()), Err(ReadOnly), Err(ReadOnly)),
        ("create pods/eviction shop/web-0", Ok(()), Err(ReadOnly), Err(ReadOnly)),
        ("get pods/exec shop/web-0", Ok(()), Err(ReadOnly), Err(ReadOnly)),
        ("create pods/exec shop/web-0", Ok(()), Err(ReadOnly), Err(ReadOnly)),
        ("get pods/attach shop/web-0", Ok(()), Err(ReadOnly), Err(ReadOnly)),
        ("get pods/portforward shop/web-0", Ok(()), Err(ReadOnly), Err(ReadOnly)),
        ("get pods/proxy shop/web-0", Ok(()), Err(ReadOnly), Err(ReadOnly)),
        ("create serviceaccounts/token shop/default", Ok(()), Err(ReadOnly), Err(ReadOnly)),
        ("get secrets shop/s", Ok(()), Err(Secrets), Err(Secrets)),
        ("list secrets shop/", Ok(()), Err(Secrets), Err(Secrets)),
        ("watch secrets", Err(OtherNamespace), Err(Secrets), Err(OtherNamespace)),
        ("get namespaces /shop", Ok(()), Ok(()), Ok(())),
        ("get namespaces /default", Err(ClusterScope), Ok(()), Err(ClusterScope)),
        ("get namespaces/status /shop", Err(ClusterScope), Ok(()), Err(ClusterScope)),
        ("list namespaces", Err(ClusterScope), Ok(()), Err(ClusterScope)),
        ("create namespaces", Err(ClusterScope), Err(ReadOnly), Err(ClusterScope)),
        ("delete namespaces /shop", Err(ClusterScope), Err(ReadOnly), Err(ClusterScope)),
        ("patch namespaces /shop", Err(ClusterScope), Err(ReadOnly), Err(ClusterScope)),
        ("list nodes", Err(ClusterScope), Ok(()), Err(ClusterScope)),
        // Only a review says so.
        ("list nodes shop/", Err(ClusterScope), Ok(()), Err(ClusterScope)),
        ("create persistentvolumes", Err(ClusterScope), Err(ReadOnly), Err(ClusterScope)),
        ("list storageclasses.storage.k8s.io", Err(ClusterScope), Ok(()), Err(ClusterScope)),
        ("create clusterrolebindings.rbac.authorization.k8s.io", Err(ClusterScope), Err(ReadOnly), Err(ClusterScope)),
        ("list *.* shop/", Ok(()), Err(Secrets), Err(Secrets)),
        ("* pods shop/", Ok(()), Err(ReadOnly), Err(ReadOnly)),
        ("get pods/* shop/web-0", Ok(()), Err(ReadOnly), Err(ReadOnly)),
        ("get /api", Ok(()), Ok(()), Ok(())),
        ("get /apis/apps/v1", Ok(()), Ok(()), Ok(())),
        ("get /openapi/v3/api/v1", Ok(()), Ok(()), Ok(())),
        ("head /version", Ok(()), Ok(()), Ok(())),
        ("get /petset/v1/waits", Ok(()), Ok(()), Ok(())),
        ("get /metrics", Err(Path), Ok(()), Err(Path)),
        ("post /apis/apps/v1", Err(Path), Err(Path), Err(Path)),
        ("get /petset/v1/backup", Err(Path), Err(Path), Err(Path)),
        ("get /petset/v1/tokens", Err(Path), Err(Path), Err(Path)),
        ("post /petset/v1/tokens", Err(Path), Err(Path), Err(Path)),
        ("post /petset/v1/token/rotate", Err(Path), Err(Path), Err(Path)),
        ("get /apisx", Err(Path), Err(Path), Err(Path)),
        ("create selfsubjectaccessreviews.authorization.k8s.io", Ok(()), Ok(()), Ok(())),
        ("create selfsubjectrulesreviews.authorization.k8s.io", Ok(()), Ok(()), Ok(())),
        ("create selfsubjectreviews.authentication.k8s.io", Ok(()), Ok(()), Ok(())),
        ("create localsubjectaccessreviews.authorization.k8s.io shop/", Ok(()), Err(ReadOnly), Err(ReadOnly)),
        ("create subjectaccessreviews.authorization.k8s.io", Err(ClusterScope), Err(ReadOnly), Err(ClusterScope)),
        ("create tokenreviews.authentication.k8s.io", Err(ClusterScope), Err(ReadOnly), Err(ClusterScope)),
    ] {
        let asked = asked(what);
        assert_eq!(authorize(&all, &asked), Ok(()), "{what}");
        assert_eq!(authorize(&shop, &asked), of_shop, "{what} in namespaces");
        assert_eq!(authorize(&read, &asked), of_read, "{what} to read");
        assert_eq!(authorize(&both, &asked), of_both, "{what} to read in a namespace");
        let is_open = of_both.is_ok() && authorize(&scope(&["elsewhere"], Access::Read), &asked).is_ok();
        assert_eq!(authorize(&TokenScope::NOTHING, &asked).is_ok(), is_open, "{what} by anybody");
    }
}

#[test]
fn a_refusal_says_who_may_not_do_what_and_where() {
    let user = User::of_token("ci", &scope(&["shop"], Access::Write));
    for (what, expected) in [
        (
            "list pods",
            r#"pods is forbidden: User "ci" cannot list resource "pods" in API group "" at the cluster scope"#,
        ),
        (
            "delete pods shop/x",
            r#"pods "x" is forbidden: User "ci" cannot delete resource "pods" in API group "" in the namespace "shop""#,
        ),
        (
            "create pods/exec shop/x",
            r#"pods "x" is forbidden: User "ci" cannot create resource "pods/exec" in API group "" in the namespace "shop""#,
        ),
        (
            "list statefulsets.apps shop/",
            r#"statefulsets.apps is forbidden: User "ci" cannot list resource "statefulsets" in API group "apps" in the namespace "shop""#,
        ),
        ("get /metrics", r#"forbidden: User "ci" cannot get path "/metrics""#),
        ("get /<b>&", r#"forbidden: User "ci" cannot get path "/&lt;b&gt;&amp;""#),
    ] {
        let status = refusal(&user, &asked(what));
        assert_eq!((status.code, status.reason, status.message.as_str()), (403, "Forbidden", expected));
    }
}

#[test]
fn a_user_is_told_as_clients_know_it() {
    let told = |name: &str, scope: &TokenScope| User::of_token(name, scope).to_json();
    let all = json!({"username": "petset-admin", "groups": ["system:masters", "system:authenticated"]});
    assert_eq!(User::admin().to_json(), all);
    let ci = json!({"username": "ci", "groups": ["system:authenticated"]});
    assert_eq!(told("ci", &scope(&[], Access::Read)), ci);
}

/// What the rules of a scope say is what the scope allows.
#[test]
fn the_rules_of_a_scope_are_those_by_which_it_is_judged() {
    let matches = |list: &Value, text: &str| {
        list.as_array().unwrap().iter().any(|item| {
            let item = item.as_str().unwrap();
            item == text || item == "*" || item.strip_suffix('*').is_some_and(|root| text.starts_with(root))
        })
    };
    let scopes = [
        TokenScope::EVERYTHING,
        scope(&["shop"], Access::Write),
        scope(&[], Access::Read),
        scope(&["shop"], Access::Read),
        scope(&["dev"], Access::Write),
    ];
    let mut allowed = 0;
    for scope in &scopes {
        let rules = rules(scope, "shop");
        for resource in RESOURCES.iter().filter(|resource| resource.scope == Scope::Namespaced) {
            let parts = resource.subresources.iter().map(|part| part.name());
            for subresource in parts.chain([""]) {
                for verb in ["get", "list", "create", "delete"] {
                    let (group, plural) = (resource.group, resource.plural);
                    let asked = Attributes::Resource(ResourceAttributes {
                        verb,
                        group,
                        resource: plural,
                        subresource,
                        namespace: "shop",
                        name: "x",
                    });
                    let what = format!("{plural}/{subresource}");
                    let is_told = rules["resourceRules"].as_array().unwrap().iter().any(|rule| {
                        matches(&rule["verbs"], verb)
                            && matches(&rule["apiGroups"], group)
                            && matches(&rule["resources"], what.trim_end_matches('/'))
                    });
                    assert_eq!(is_told, authorize(scope, &asked).is_ok(), "{verb} {what} {scope:?}");
                    allowed += usize::from(is_told);
                }
            }
        }
        for path in ["/metrics", "/api/v1", "/petset/v1/backup", "/openapi/v3"] {
            let is_told = matches(
                &rules["nonResourceRules"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .flat_map(|rule| rule["nonResourceURLs"].as_array().unwrap().clone())
                    .collect(),
                path,
            );
            assert_eq!(is_told, authorize(scope, &Attributes::Path { verb: "get", path }).is_ok(), "{path} {scope:?}");
        }
    }
    assert!(allowed > 50, "only {allowed}");
}
