//! Reviews: who somebody is, and what they may do.

use serde_json::{Value, json};

use crate::world::{TOKEN, World};

const AUTHORIZATION: &str = "/apis/authorization.k8s.io/v1";
const MYSELF: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

async fn made(world: &World, wanted: &Value) -> String {
    let answer = world.send_as(TOKEN, "POST", "/petset/v1/tokens", wanted).await;
    answer.json()["token"].as_str().expect("a token").to_owned()
}

/// The status of a review.
async fn asked(world: &World, token: &str, path: &str, spec: &Value) -> Value {
    let answer = world.send_as(token, "POST", path, &json!({"spec": spec})).await;
    assert_eq!(answer.code, 201, "{answer:?}");
    answer.json()["status"].clone()
}

#[tokio::test]
async fn everybody_learns_who_they_are() {
    let world = World::new().await;
    let ci = made(&world, &json!({"name": "ci", "namespaces": ["shop"], "readOnly": true})).await;
    let admin = json!({"username": "petset-admin", "groups": ["system:masters", "system:authenticated"]});
    let user = json!({"username": "ci", "groups": ["system:authenticated"]});
    for (token, expected) in [(TOKEN, &admin), (&ci, &user)] {
        assert_eq!(asked(&world, token, MYSELF, &Value::Null).await["userInfo"], *expected);
    }
    // On the socket it is whoever may open it.
    assert_eq!(world.post(MYSELF, &json!({})).await.json()["status"]["userInfo"], admin);
    let whole = world.send_as(&ci, "POST", MYSELF, &json!({})).await.json();
    assert_eq!(
        (&whole["kind"], &whole["apiVersion"]),
        (&json!("SelfSubjectReview"), &json!("authentication.k8s.io/v1"))
    );
}

#[tokio::test]
async fn access_reviews_answer_what_requests_will_be_answered() {
    let world = World::new().await;
    let ci = made(&world, &json!({"name": "ci", "namespaces": ["shop"]})).await;
    made(&world, &json!({"name": "look", "readOnly": true})).await;
    let own = format!("{AUTHORIZATION}/selfsubjectaccessreviews");
    let others = format!("{AUTHORIZATION}/subjectaccessreviews");
    let local = format!("{AUTHORIZATION}/namespaces/shop/localsubjectaccessreviews");
    let pods = |verb: &str, namespace: &str| json!({"verb": verb, "resource": "pods", "namespace": namespace});
    let no = |reason: &str| json!({"allowed": false, "reason": reason});
    let yes = json!({"allowed": true});
    let elsewhere = no("the token is for objects of other namespaces");
    for (path, token, spec, expected) in [
        (&own, &ci as &str, json!({"resourceAttributes": pods("create", "shop")}), yes.clone()),
        (&own, &ci, json!({"resourceAttributes": pods("list", "")}), elsewhere.clone()),
        (&own, TOKEN, json!({"resourceAttributes": pods("*", "")}), yes.clone()),
        (
            &own,
            &ci,
            json!({"nonResourceAttributes": {"verb": "get", "path": "/metrics"}}),
            no("the token is not for this path"),
        ),
        (&others, TOKEN, json!({"user": "ci", "resourceAttributes": pods("get", "default")}), elsewhere),
        (&others, TOKEN, json!({"user": "look", "resourceAttributes": pods("get", "default")}), yes.clone()),
        (
            &others,
            TOKEN,
            json!({"user": "look", "resourceAttributes": pods("delete", "default")}),
            no("the token is for reading only"),
        ),
        (
            &others,
            TOKEN,
            json!({"user": "nobody", "resourceAttributes": pods("get", "shop")}),
            no("nobody of this name is known"),
        ),
        (&others, TOKEN, json!({"groups": ["system:masters"], "resourceAttributes": pods("get", "")}), yes.clone()),
        (
            &local,
            &ci,
            json!({"user": "system:serviceaccount:shop:robot", "resourceAttributes": pods("create", "shop")}),
            yes,
        ),
    ] {
        assert_eq!(asked(&world, token, path, &spec).await, expected, "{spec}");
    }
    let refused = world.send_as(&ci, "POST", &others, &json!({"spec": {}})).await;
    let why = "subjectaccessreviews.authorization.k8s.io is forbidden: User \"ci\" cannot create resource \
               \"subjectaccessreviews\" in API group \"authorization.k8s.io\" at the cluster scope";
    assert_eq!(refused.refusal(), (403, why.to_owned()));
    let both = json!({"spec": {"resourceAttributes": pods("get", ""), "nonResourceAttributes": {"path": "/"}}});
    assert_eq!(world.post(&own, &both).await.code, 422);
    for method in ["GET", "PUT", "DELETE"] {
        assert_eq!(world.send_as(TOKEN, method, &own, &Value::Null).await.code, 405, "{method}");
    }
}

#[tokio::test]
async fn rules_reviews_list_what_a_token_allows_in_a_namespace() {
    let world = World::new().await;
    let ci = made(&world, &json!({"name": "ci", "namespaces": ["shop"]})).await;
    let path = format!("{AUTHORIZATION}/selfsubjectrulesreviews");
    let anything = json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]});
    for (token, namespace, has_all) in [(TOKEN, "default", true), (&ci, "shop", true), (&ci, "default", false)] {
        let rules = asked(&world, token, &path, &json!({"namespace": namespace})).await;
        assert_eq!(rules["resourceRules"].as_array().expect("a list").contains(&anything), has_all, "{rules}");
        assert_eq!(rules["incomplete"], false);
    }
}

#[tokio::test]
async fn whoever_may_do_everything_may_ask_as_somebody_else() {
    let world = World::new().await;
    let ci = made(&world, &json!({"name": "ci", "namespaces": ["shop"]})).await;
    let ask = async |token: &str, method: &str, path: &str, headers: &[(&str, &str)]| {
        world.send_with(token, method, path, &Value::Null, headers).await
    };
    let all = ask(TOKEN, "GET", "/api/v1/pods", &[("Impersonate-User", "ci")]).await;
    let why = "pods is forbidden: User \"ci\" cannot list resource \"pods\" in API group \"\" at the cluster scope";
    assert_eq!(all.refusal(), (403, why.to_owned()));
    assert_eq!(ask(TOKEN, "GET", "/api/v1/namespaces/shop/pods", &[("Impersonate-User", "ci")]).await.code, 200);
    assert_eq!(ask(TOKEN, "GET", "/api/v1/namespaces/shop/pods", &[("Impersonate-User", "nobody")]).await.code, 403);
    let masters = [("Impersonate-User", "jane"), ("Impersonate-Group", "system:masters")];
    assert_eq!(ask(TOKEN, "GET", "/api/v1/pods", &masters).await.code, 200);
    let refused = ask(&ci, "GET", "/api/v1/namespaces/shop/pods", &masters).await;
    let why = "users \"jane\" is forbidden: User \"ci\" cannot impersonate resource \"users\" in API group \"\" at the \
               cluster scope";
    assert_eq!(refused.refusal(), (403, why.to_owned()));
    assert_eq!(ask(TOKEN, "GET", "/api/v1/pods", &masters[1..]).await.code, 400);
    let robot = [("Impersonate-User", "system:serviceaccount:shop:robot")];
    let told = ask(TOKEN, "POST", MYSELF, &robot).await;
    assert_eq!(told.code, 400, "a review has a body: {told:?}");
    assert_eq!(ask(TOKEN, "GET", "/api/v1/namespaces/shop/secrets", &robot).await.code, 200);
}
