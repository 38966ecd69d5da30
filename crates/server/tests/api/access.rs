//! Who may do what: tokens with names and scopes, and what each is refused.
#![allow(clippy::too_many_lines, reason = "a table is as long as what it lists")]

use std::sync::atomic::Ordering;

use api::{
    resource::{Scope, Subresource, served},
    review::is_review,
};
use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::world::{TOKEN, World, running_pod, set};

const TOKENS: &str = "/petset/v1/tokens";
const SHOP: &str = "/api/v1/namespaces/shop";

/// A world with the namespace `shop`.
async fn world() -> World {
    let world = World::new().await;
    world.made("/api/v1/namespaces", &json!({"metadata": {"name": "shop"}})).await;
    world
}

/// Makes a token.
async fn made(world: &World, wanted: &Value) -> String {
    let answer = world.send_as(TOKEN, "POST", TOKENS, wanted).await;
    assert_eq!(answer.code, 201, "{answer:?}");
    assert_eq!(answer.headers["cache-control"], "no-store");
    answer.json()["token"].as_str().expect("a token").to_owned()
}

fn pod(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
}

#[tokio::test]
async fn tokens_are_made_told_of_and_revoked() {
    let world = world().await;
    let wanted = json!({"name": "ci", "namespaces": ["shop"], "readOnly": true, "expirationSeconds": 3600});
    let ci = made(&world, &wanted).await;
    let all = made(&world, &json!({"name": "all"})).await;
    let told_of_ci = json!({
        "name": "ci", "namespaces": ["shop"], "readOnly": true, "created": "2016-07-01T12:00:00Z",
        "expires": "2016-07-01T13:00:00Z",
    });
    let told_of_all = json!({"name": "all", "readOnly": false, "created": "2016-07-01T12:00:00Z"});
    let listed = world.send_as(&all, "GET", TOKENS, &Value::Null).await;
    assert_eq!(listed.json(), json!({"items": [told_of_all, told_of_ci]}));
    let saved = json!(*world.vault.saved.lock().expect("no panic")).to_string();
    assert!(saved.contains("\"ci\"") && !saved.contains(&ci), "{saved}");

    let twice = world.send_as(TOKEN, "POST", TOKENS, &json!({"name": "ci"})).await;
    let exists = "tokens \"ci\" already exists; revoke it first: petctl token revoke ci";
    assert_eq!(twice.refusal(), (409, exists.to_owned()));
    world.vault.is_full.store(true, Ordering::Relaxed);
    assert_eq!(world.send_as(TOKEN, "DELETE", "/petset/v1/tokens/ci", &Value::Null).await.code, 500);
    assert_eq!(world.send_as(&ci, "GET", SHOP, &Value::Null).await.code, 200, "what is not on disk does not count");
    world.vault.is_full.store(false, Ordering::Relaxed);
    assert_eq!(world.send_as(&all, "DELETE", "/petset/v1/tokens/ci", &Value::Null).await.code, 200);
    assert_eq!(world.send_as(&ci, "GET", SHOP, &Value::Null).await.code, 401);
    let again = world.send_as(&all, "DELETE", "/petset/v1/tokens/ci", &Value::Null).await;
    assert_eq!(again.refusal(), (404, "tokens \"ci\" not found".to_owned()));
}

#[tokio::test]
async fn a_token_that_makes_no_sense_is_refused_with_its_field() {
    let world = world().await;
    for (wanted, field) in [
        (json!({"name": "Bad_Name"}), "name: "),
        (json!({"name": ""}), "name: "),
        (json!({"name": "petset-admin"}), "name: petset-admin is whoever shows the instance's own token"),
        (json!({"name": "a", "namespaces": []}), "namespaces: must be 1 to 64; leave them out for all"),
        (json!({"name": "a", "namespaces": ["Shop"]}), "namespaces: "),
        (json!({"name": "a", "expirationSeconds": 0}), "expirationSeconds: must be between 1 and 315360000"),
        (json!({"name": "a", "expirationSeconds": 315_360_001}), "expirationSeconds: must be between 1 and 315360000"),
        (json!({"name": "a", "readonly": true}), "a token: unknown field `readonly`"),
        (json!([]), "a token: "),
    ] {
        let (code, message) = world.send_as(TOKEN, "POST", TOKENS, &wanted).await.refusal();
        assert!(code == 400 && message.starts_with(field), "{wanted}: {message}");
    }
    for number in 0..256 {
        made(&world, &json!({"name": format!("t{number}")})).await;
    }
    let (code, message) = world.send_as(TOKEN, "POST", TOKENS, &json!({"name": "one-more"})).await.refusal();
    assert_eq!((code, message.contains("no more than 256")), (403, true), "{message}");
}

#[tokio::test]
async fn each_scope_is_refused_what_is_beyond_it_in_kubernetes_words() {
    let world = world().await;
    world.made_pod(&running_pod("web-0")).await;
    for namespace in ["shop", "default"] {
        world.made(&format!("/api/v1/namespaces/{namespace}/secrets"), &json!({"metadata": {"name": "s"}})).await;
    }
    let shop = made(&world, &json!({"name": "ci", "namespaces": ["shop"]})).await;
    let read = made(&world, &json!({"name": "ci-read", "readOnly": true})).await;
    let both = made(&world, &json!({"name": "ci-both", "namespaces": ["shop"], "readOnly": true})).await;
    let pods = "/api/v1/namespaces/shop/pods";
    let at_all = |user: &str, verb: &str, what: &str| {
        let of = format!("User \"{user}\" cannot {verb} resource \"{what}\" in API group \"\" at the cluster scope");
        (403, format!("{what} is forbidden: {of}"))
    };
    let within = |user: &str, verb: &str, what: &str, name: &str, namespace: &str| {
        let resource = what.split('/').next().unwrap_or_default();
        let name = if name.is_empty() { String::new() } else { format!(" \"{name}\"") };
        let of = format!("User \"{user}\" cannot {verb} resource \"{what}\" in API group \"\" in the namespace");
        (403, format!("{resource}{name} is forbidden: {of} \"{namespace}\""))
    };
    let path =
        |user: &str, verb: &str, path: &str| (403, format!("forbidden: User \"{user}\" cannot {verb} path \"{path}\""));
    let pod = pod("p");
    let none = &Value::Null;
    for (token, method, at, body, expected) in [
        // One namespace.
        (&shop, "POST", pods, &pod, Ok(201)),
        (&shop, "GET", &format!("{pods}/p") as &str, none, Ok(200)),
        (&shop, "GET", pods, none, Ok(200)),
        (&shop, "DELETE", "/api/v1/namespaces/shop/configmaps", none, Ok(200)),
        (&shop, "GET", "/api/v1/namespaces/shop/secrets/s", none, Ok(200)),
        (&shop, "GET", SHOP, none, Ok(200)),
        (&shop, "GET", "/api/v1/namespaces", none, Err(at_all("ci", "list", "namespaces"))),
        (&shop, "GET", "/api/v1/namespaces?watch=1", none, Err(at_all("ci", "watch", "namespaces"))),
        (&shop, "POST", "/api/v1/namespaces", none, Err(at_all("ci", "create", "namespaces"))),
        (&shop, "DELETE", SHOP, none, Err(within("ci", "delete", "namespaces", "shop", "shop"))),
        (&shop, "PATCH", SHOP, none, Err(within("ci", "patch", "namespaces", "shop", "shop"))),
        (
            &shop,
            "GET",
            "/api/v1/namespaces/default",
            none,
            Err(within("ci", "get", "namespaces", "default", "default")),
        ),
        (&shop, "GET", "/api/v1/nodes", none, Err(at_all("ci", "list", "nodes"))),
        (&shop, "GET", "/api/v1/pods", none, Err(at_all("ci", "list", "pods"))),
        (&shop, "GET", "/api/v1/pods?watch=true", none, Err(at_all("ci", "watch", "pods"))),
        (&shop, "POST", "/api/v1/persistentvolumes", none, Err(at_all("ci", "create", "persistentvolumes"))),
        (
            &shop,
            "GET",
            "/api/v1/namespaces/default/secrets/s",
            none,
            Err(within("ci", "get", "secrets", "s", "default")),
        ),
        (
            &shop,
            "DELETE",
            "/api/v1/namespaces/default/pods",
            none,
            Err(within("ci", "deletecollection", "pods", "", "default")),
        ),
        (
            &shop,
            "GET",
            "/api/v1/namespaces/default/pods/web-0/log",
            none,
            Err(within("ci", "get", "pods/log", "web-0", "default")),
        ),
        (&shop, "GET", "/metrics", none, Err(path("ci", "get", "/metrics"))),
        (&shop, "GET", "/petset/v1/backup", none, Err(path("ci", "get", "/petset/v1/backup"))),
        // To read, everywhere.
        (&read, "GET", "/api/v1/pods", none, Ok(200)),
        (&read, "GET", "/api/v1/nodes", none, Ok(200)),
        (&read, "GET", "/api/v1/namespaces/default/pods/web-0/log", none, Ok(200)),
        (&read, "GET", "/metrics", none, Ok(200)),
        (&read, "GET", "/api/v1/secrets", none, Err(at_all("ci-read", "list", "secrets"))),
        (&read, "GET", "/api/v1/secrets?watch=1", none, Err(at_all("ci-read", "watch", "secrets"))),
        (
            &read,
            "GET",
            "/api/v1/namespaces/default/secrets/s",
            none,
            Err(within("ci-read", "get", "secrets", "s", "default")),
        ),
        (&read, "POST", pods, &pod, Err(within("ci-read", "create", "pods", "", "shop"))),
        (
            &read,
            "DELETE",
            "/api/v1/namespaces/default/pods/web-0",
            none,
            Err(within("ci-read", "delete", "pods", "web-0", "default")),
        ),
        (
            &read,
            "GET",
            "/api/v1/namespaces/default/pods/web-0/exec?command=id&stdout=1",
            none,
            Err(within("ci-read", "get", "pods/exec", "web-0", "default")),
        ),
        (
            &read,
            "POST",
            "/api/v1/namespaces/default/pods/web-0/eviction",
            none,
            Err(within("ci-read", "create", "pods/eviction", "web-0", "default")),
        ),
        (&read, "GET", TOKENS, none, Err(path("ci-read", "get", TOKENS))),
        (&read, "POST", TOKENS, none, Err(path("ci-read", "post", TOKENS))),
        (&read, "POST", "/petset/v1/token/rotate", none, Err(path("ci-read", "post", "/petset/v1/token/rotate"))),
        (&read, "GET", "/petset/v1/backup", none, Err(path("ci-read", "get", "/petset/v1/backup"))),
        // Both.
        (&both, "GET", pods, none, Ok(200)),
        (&both, "GET", "/api/v1/pods", none, Err(at_all("ci-both", "list", "pods"))),
        (&both, "POST", pods, &pod, Err(within("ci-both", "create", "pods", "", "shop"))),
        (
            &both,
            "GET",
            "/api/v1/namespaces/shop/secrets/s",
            none,
            Err(within("ci-both", "get", "secrets", "s", "shop")),
        ),
        (&both, "GET", "/openapi/v3", none, Ok(200)),
        (&both, "GET", "/metrics", none, Err(path("ci-both", "get", "/metrics"))),
    ] {
        let answer = world.send_as(token, method, at, body).await;
        match expected {
            Ok(code) => assert_eq!(answer.code, code, "{method} {at}: {answer:?}"),
            Err(refusal) => {
                assert_eq!(answer.refusal(), refusal, "{method} {at}");
                assert_eq!(answer.json()["reason"], "Forbidden");
            }
        }
    }
    let refused = world.send_as(&shop, "DELETE", "/apis/apps/v1/namespaces/default/statefulsets/db", none).await;
    assert_eq!(refused.json()["details"], json!({"name": "db", "group": "apps", "kind": "statefulsets"}));
}

/// The paths of the routes, as the router's own source has them.
fn routes() -> Vec<String> {
    let source = include_str!("../../src/server.rs");
    let routes = source.split("(\"/").skip(1).filter_map(|rest| rest.split('"').next());
    let routes: Vec<String> =
        routes.map(|path| format!("/{}", path.replace("{*", "{").replace(['{', '}'], ""))).collect();
    assert!(routes.len() > 10, "{routes:?}");
    routes
}

/// The paths of every resource: all objects, one, and each of its parts.
fn paths_of_objects() -> Vec<String> {
    let parts = |resource: &api::resource::Resource| -> Vec<&str> {
        resource.subresources.iter().map(|part: &Subresource| part.name()).collect()
    };
    served()
        .flat_map(|resource| {
            let group = if resource.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", resource.group) };
            let place = if resource.scope == Scope::Namespaced { "namespaces/default/" } else { "" };
            let all = format!("{group}/{}/{place}{}", resource.version, resource.plural);
            let mut paths: Vec<String> = parts(resource).iter().map(|part| format!("{all}/x/{part}")).collect();
            if !is_review(resource) {
                paths.push(format!("{all}/x"));
            }
            paths.push(all);
            paths
        })
        .collect()
}

#[tokio::test]
async fn every_path_asks_whether_it_may_be_served() {
    let world = world().await;
    let nothing = made(&world, &json!({"name": "nothing", "namespaces": ["nowhere"], "readOnly": true})).await;
    let routes = routes();
    let elsewhere =
        ["/nonsense", "/petset/v1/new", "/petset/v1/tokens/x/y", "/%6detrics", "//metrics"].map(str::to_owned);
    let mut asked = 0;
    for path in routes.iter().cloned().chain(paths_of_objects()).chain(elsewhere) {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            // What tells nothing of anybody's objects.
            let is_discovery =
                ["/api", "/apis", "/openapi"].iter().any(|root| path.starts_with(root)) && routes.contains(&path);
            let is_health = ["/version", "/livez", "/readyz", "/healthz"].contains(&path.as_str());
            let is_about_oneself = method == "POST" && path.contains("/selfsubject");
            if matches!(method, "GET" | "HEAD") && (is_discovery || is_health) || is_about_oneself {
                continue;
            }
            let answer = world.send_as(&nothing, method, &path, &Value::Null).await;
            assert_eq!(answer.code, 403, "{method} {path}: {}", answer.text);
            let anybody = world.send_as("wrong", method, &path, &Value::Null).await;
            assert_eq!(anybody.code, 401, "{method} {path}");
            asked += 1;
        }
    }
    assert!(asked > 500, "only {asked} were asked");
}

#[tokio::test]
async fn a_token_for_namespaces_gives_nothing_of_the_host() {
    let world = world().await;
    let shop = made(&world, &json!({"name": "ci", "namespaces": ["shop"]})).await;
    let mut pod = pod("p");
    pod["spec"]["volumes"] = json!([{"name": "v", "hostPath": {"path": "/srv/others"}}]);
    let mut pet_set = set("web", 1);
    pet_set["spec"]["template"]["spec"]["volumes"] = pod["spec"]["volumes"].clone();
    let revision = json!({
        "metadata": {"name": "web-1"}, "revision": 1,
        "data": {"spec": {"template": {"spec": pod["spec"]}}},
    });
    let why = "is forbidden: violates what a token for namespaces allows: hostPath volumes (volume \"v\": the path \
               \"/srv/others\" is not allowed; one for everything allows what petsetd does)";
    for (path, body, what) in [
        ("/api/v1/namespaces/shop/pods", &pod, "pods \"p\""),
        ("/apis/apps/v1alpha1/namespaces/shop/petsets", &pet_set, "petsets.apps \"web\""),
        ("/apis/apps/v1/namespaces/shop/controllerrevisions", &revision, "controllerrevisions.apps \"web-1\""),
    ] {
        let refused = world.send_as(&shop, "POST", path, body).await;
        assert_eq!(refused.refusal(), (403, format!("{what} {why}")));
        assert_eq!(world.send_as(TOKEN, "POST", path, body).await.code, 201, "the daemon allows it");
    }
}

#[tokio::test]
async fn waits_are_told_as_far_as_a_token_reaches() {
    let world = world().await;
    let shop = made(&world, &json!({"name": "ci", "namespaces": ["shop"]})).await;
    let here = made(&world, &json!({"name": "here", "namespaces": ["default"], "readOnly": true})).await;
    let count = async |token: &str| {
        let waits = world.send_as(token, "GET", "/petset/v1/waits", &Value::Null).await.json();
        waits["items"].as_array().expect("a list").len()
    };
    assert_eq!((count(&shop).await, count(&here).await, count(TOKEN).await), (0, 2, 2));
}

#[tokio::test]
async fn what_runs_with_a_token_is_cut_when_it_is_revoked() {
    let world = world().await;
    world.made_pod(&running_pod("web-0")).await;
    let read = made(&world, &json!({"name": "ci", "readOnly": true})).await;
    let other = made(&world, &json!({"name": "other", "readOnly": true})).await;
    let log = "/api/v1/namespaces/default/pods/web-0/log?follow=1";
    let open = async |token: &str, path: &str| {
        let response = world.respond_to(token, "GET", path, &Value::Null).await;
        assert_eq!(response.status(), 200);
        response.into_body().into_data_stream()
    };
    let (mut watch, mut log) = (open(&read, "/api/v1/pods?watch=1").await, open(&read, log).await);
    watch.next().await.expect("the pod").expect("whole");
    log.next().await.expect("a line").expect("whole");
    let mut stays = open(&other, "/api/v1/pods?watch=1").await;
    assert_eq!(world.send_as(TOKEN, "DELETE", "/petset/v1/tokens/ci", &Value::Null).await.code, 200);
    assert_eq!((watch.count().await, log.count().await), (0, 0), "both end");
    stays.next().await.expect("the pod").expect("whole");
    world.made(&format!("{SHOP}/pods"), &pod("p")).await;
    stays.next().await.expect("a change").expect("whole");
}
