//! The tokens of ServiceAccounts.

use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::world::{ISSUER, TOKEN, World};

const ACCOUNTS: &str = "/api/v1/namespaces/shop/serviceaccounts";
const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const PODS: &str = "/api/v1/namespaces/shop/pods";

/// A world with the account `robot` in the namespace `shop`.
async fn world() -> World {
    let world = World::new().await;
    world.made("/api/v1/namespaces", &json!({"metadata": {"name": "shop"}})).await;
    world.made(ACCOUNTS, &json!({"metadata": {"name": "robot"}})).await;
    world
}

/// A token that is asked for with this specification.
async fn token(world: &World, spec: &Value) -> String {
    let answer = world.post(&format!("{ACCOUNTS}/robot/token"), &json!({"spec": spec})).await;
    assert_eq!(answer.code, 201, "{answer:?}");
    answer.json()["status"]["token"].as_str().expect("a token").to_owned()
}

async fn code(world: &World, token: &str) -> u16 {
    world.send_as(token, "GET", PODS, &Value::Null).await.code
}

fn pod(account: &str) -> Value {
    json!({"metadata": {"name": "p"}, "spec": {"serviceAccountName": account, "containers": [{"name": "c", "image": "i"}]}})
}

#[tokio::test]
async fn a_service_account_gets_a_token_for_its_namespace() {
    let world = world().await;
    let asked = json!({"spec": {"expirationSeconds": 7200}});
    let answer = world.send_as(TOKEN, "POST", &format!("{ACCOUNTS}/robot/token"), &asked).await;
    assert_eq!((answer.code, answer.headers["cache-control"].to_str().ok()), (201, Some("no-store")));
    let mut request = answer.json();
    let token = request["status"]["token"].take();
    let token = token.as_str().expect("a token");
    assert_eq!(
        request,
        json!({
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"name": "robot", "namespace": "shop", "creationTimestamp": "2016-07-01T12:00:00Z"},
            "spec": {"audiences": [ISSUER], "expirationSeconds": 7200},
            "status": {"token": null, "expirationTimestamp": "2016-07-01T14:00:00Z"},
        })
    );
    assert_eq!(token.split('.').count(), 3, "it is a JWT");
    assert_eq!(world.send_as(token, "POST", PODS, &pod("robot")).await.code, 201);
    let user = "system:serviceaccount:shop:robot";
    let refused = world.send_as(token, "GET", "/api/v1/nodes", &Value::Null).await;
    let why = format!("User \"{user}\" cannot list resource \"nodes\" in API group \"\" at the cluster scope");
    assert_eq!(refused.refusal(), (403, format!("nodes is forbidden: {why}")));

    let review = world.post(REVIEWS, &json!({"spec": {"token": token}})).await.json();
    let account = world.get(&format!("{ACCOUNTS}/robot")).await.json();
    let status = &review["status"];
    assert_eq!((&status["authenticated"], &status["audiences"]), (&json!(true), &json!([ISSUER])));
    assert_eq!((&status["user"]["username"], &status["user"]["uid"]), (&user.into(), &account["metadata"]["uid"]));
    let groups = json!(["system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"]);
    assert_eq!(status["user"]["groups"], groups);
    let long = json!({"spec": {"expirationSeconds": 1_000_000_000}});
    let warned = world.post(&format!("{ACCOUNTS}/robot/token"), &long).await;
    let warning = "299 - \"requested expiration of 1000000000 seconds shortened to 31536000 seconds\"";
    assert_eq!(warned.warnings(), [warning]);
}

#[tokio::test]
async fn a_token_that_was_not_given_for_this_api_opens_nothing() {
    let world = world().await;
    let vault = token(&world, &json!({"audiences": ["vault"]})).await;
    assert_eq!(code(&world, &vault).await, 401);
    let review = async |spec: Value| world.post(REVIEWS, &json!({"spec": spec})).await.json()["status"].clone();
    let status = review(json!({"token": vault, "audiences": ["vault", "other"]})).await;
    assert_eq!((&status["authenticated"], &status["audiences"]), (&json!(true), &json!(["vault"])));
    let nobody = json!({"authenticated": false, "user": {}, "error": "invalid bearer token"});
    assert_eq!(review(json!({"token": vault})).await, nobody);
    assert_eq!(review(json!({"token": "wrong"})).await, nobody);
    assert_eq!(review(json!({"token": TOKEN})).await["user"]["username"], "petset-admin");
    assert_eq!(review(json!({"token": TOKEN, "audiences": ["vault"]})).await, nobody);
    // The world of another daemon has another key.
    let other = token(&self::world().await, &json!({})).await;
    assert_eq!(code(&world, &other).await, 401);
    let rehearsed = world.post(&format!("{ACCOUNTS}/robot/token?dryRun=All"), &json!({})).await;
    assert_eq!(rehearsed.json()["status"]["token"], "");
}

#[tokio::test]
async fn a_token_dies_with_its_account_and_with_what_it_is_bound_to() {
    let world = world().await;
    world.made(PODS, &pod("robot")).await;
    let plain = token(&world, &json!({})).await;
    let bound = json!({"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "p"}});
    let of_pod = token(&world, &bound).await;
    assert_eq!((code(&world, &plain).await, code(&world, &of_pod).await), (200, 200));
    let open = async |token: &str| {
        let watch = format!("{ACCOUNTS}?watch=1&resourceVersion={}", world.store.revision().0);
        let response = world.respond_to(token, "GET", &watch, &Value::Null).await;
        assert_eq!(response.status(), 200);
        response.into_body()
    };
    let (of_plain, of_bound) = (open(&plain).await, open(&of_pod).await);

    world.delete(&format!("{PODS}/p"), &json!({"gracePeriodSeconds": 0})).await;
    assert_eq!((code(&world, &plain).await, code(&world, &of_pod).await), (200, 401));
    assert_eq!(of_bound.collect().await.expect("a clean end").to_bytes(), "");

    world.delete(&format!("{ACCOUNTS}/robot"), &json!({})).await;
    world.made(ACCOUNTS, &json!({"metadata": {"name": "robot"}})).await;
    assert_eq!(code(&world, &plain).await, 401, "the account of the same name is another one");
    assert_eq!(of_plain.collect().await.expect("a clean end").to_bytes(), "");
}

#[tokio::test]
async fn a_token_is_bound_to_what_is_there_and_its_accounts_own() {
    let world = world().await;
    world.made(PODS, &pod("default")).await;
    let asked = async |spec: Value| {
        let answer = world.post(&format!("{ACCOUNTS}/robot/token"), &json!({"spec": spec})).await;
        answer.refusal()
    };
    let to = |kind: &str, name: &str, uid: &str| json!({"boundObjectRef": {"apiVersion": "v1", "kind": kind, "name": name, "uid": uid}});
    assert_eq!(asked(to("Secret", "s", "")).await, (404, "secrets \"s\" not found".to_owned()));
    let why = "cannot bind token for serviceaccount \"robot\" to pod running with different serviceaccount name.";
    assert_eq!(asked(to("Pod", "p", "")).await, (400, why.to_owned()));
    world.made("/api/v1/namespaces/shop/secrets", &json!({"metadata": {"name": "s"}})).await;
    let why = "Operation cannot be fulfilled on secrets \"s\": the UID in the bound object reference (x) does not match the \
               UID in record. The object might have been deleted and then recreated";
    assert_eq!(asked(to("Secret", "s", "x")).await, (409, why.to_owned()));
    assert_eq!(asked(json!({"expirationSeconds": 1})).await.0, 422);
    let missing = world.post(&format!("{ACCOUNTS}/else/token"), &json!({})).await;
    assert_eq!(missing.refusal(), (404, "serviceaccounts \"else\" not found".to_owned()));
}
