//! Server-side apply, and who owns what.

use http::{Method, Request, header};
use serde_json::{Value, json};

use crate::world::{Answer, NOW, SETS, STATEFUL_SETS, World, set, stateful_set};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const MEDIA: &str = "application/apply-patch+yaml";

async fn apply(world: &World, path: &str, config: &Value) -> Answer {
    world.call(Method::PATCH, path, MEDIA, config.to_string()).await
}

fn map(data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data})
}

fn entry(manager: &str, operation: &str, fields: &Value) -> Value {
    json!({
        "manager": manager,
        "operation": operation,
        "apiVersion": "v1",
        "time": NOW,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    })
}

fn managers(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    entries
        .map(|entry| {
            let text = |field: &str| entry[field].as_str().unwrap_or_default();
            format!("{} {} {}", text("manager"), text("operation"), text("subresource")).trim_end().to_owned()
        })
        .collect()
}

#[tokio::test]
async fn an_object_is_made_and_then_changed() {
    let world = World::new().await;
    let path = format!("{MAPS}/a?fieldManager=me");
    let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: '1', y: '1'}\n";
    let made = world.call(Method::PATCH, &path, MEDIA, yaml).await;
    assert_eq!((made.code, &made.json()["data"]), (201, &json!({"x": "1", "y": "1"})));
    let fields = json!({"f:data": {"f:x": {}, "f:y": {}}});
    assert_eq!(made.json()["metadata"]["managedFields"], json!([entry("me", "Apply", &fields)]));

    let again = world.call(Method::PATCH, &path, MEDIA, yaml).await;
    assert_eq!((again.code, again.json()), (200, made.json()), "the second time changes nothing, not even the version");

    let changed = apply(&world, &path, &map(&json!({"x": "2"}))).await;
    assert_eq!((changed.code, &changed.json()["data"]), (200, &json!({"x": "2"})));
    assert_eq!(world.get(&format!("{MAPS}/a")).await.json(), changed.json());
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let world = World::new().await;
    let path = format!("{MAPS}/a?fieldManager=me&dryRun=All");
    let answer = apply(&world, &path, &map(&json!({"x": "1"}))).await;
    assert_eq!((answer.code, managers(&answer.json())), (201, vec!["me Apply".to_owned()]));
    assert_eq!(world.get(&format!("{MAPS}/a")).await.code, 404);
    world.made(MAPS, &map(&json!({"x": "1"}))).await;
    let answer = apply(&world, &path, &map(&json!({"y": "1"}))).await;
    assert_eq!((answer.code, &answer.json()["data"]), (200, &json!({"x": "1", "y": "1"})));
    assert_eq!(world.get(&format!("{MAPS}/a")).await.json()["data"], json!({"x": "1"}));
}

#[tokio::test]
async fn what_somebody_else_owns_is_a_conflict_until_it_is_forced() {
    let world = World::new().await;
    let path = format!("{MAPS}/a");
    assert_eq!(apply(&world, &format!("{path}?fieldManager=m1"), &map(&json!({"a": "1", "b": "1"}))).await.code, 201);
    let one = apply(&world, &format!("{path}?fieldManager=m2"), &map(&json!({"a": "2"}))).await;
    assert_eq!(
        one.json(),
        json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": "Apply failed with 1 conflict: conflict with \"m1\": .data.a",
            "reason": "Conflict",
            "details": {"causes": [
                {"reason": "FieldManagerConflict", "message": "conflict with \"m1\"", "field": ".data.a"},
            ]},
            "code": 409,
        })
    );
    let two = apply(&world, &format!("{path}?fieldManager=m2"), &map(&json!({"a": "2", "b": "2"}))).await;
    let message = "Apply failed with 2 conflicts: conflicts with \"m1\":\n- .data.a\n- .data.b";
    assert_eq!(two.refusal(), (409, message.to_owned()));
    let forced = apply(&world, &format!("{path}?fieldManager=m2&force=true"), &map(&json!({"a": "2"}))).await;
    assert_eq!((forced.code, &forced.json()["data"]), (200, &json!({"a": "2", "b": "1"})));
    let entries = json!([
        entry("m1", "Apply", &json!({"f:data": {"f:b": {}}})),
        entry("m2", "Apply", &json!({"f:data": {"f:a": {}}})),
    ]);
    assert_eq!(forced.json()["metadata"]["managedFields"], entries);
}

#[tokio::test]
async fn every_other_write_is_its_managers() {
    let world = World::new().await;
    let fields = |keys: &[&str]| json!({"f:data": keys.iter().map(|key| (format!("f:{key}"), json!({}))).collect::<serde_json::Map<_, _>>()});
    let request =
        Request::post(MAPS).header(header::USER_AGENT, "curl/8.0").header(header::CONTENT_TYPE, "application/json");
    let made = world.send(request.body(map(&json!({"a": "1"})).to_string().into()).expect("a request")).await.json();
    let mut own = fields(&["a"]);
    own["f:data"]["."] = json!({});
    assert_eq!(made["metadata"]["managedFields"], json!([entry("curl", "Update", &own)]));

    let path = format!("{MAPS}/a");
    let patched = world.merge(&format!("{path}?fieldManager=hand"), &json!({"data": {"b": "1"}})).await.json();
    assert_eq!(patched["metadata"]["managedFields"][1], entry("hand", "Update", &fields(&["b"])));
    let same = world.merge(&format!("{path}?fieldManager=other"), &json!({"data": {"b": "1"}})).await.json();
    assert_eq!(same, patched, "who changes nothing owns nothing");
    let mut put = patched.clone();
    put["data"] = json!({"b": "2"});
    let put = world.put(&format!("{path}?fieldManager=put"), &put).await.json();
    assert_eq!(managers(&put), ["curl Update", "put Update"]);
    assert_eq!(put["metadata"]["managedFields"][1]["fieldsV1"], fields(&["b"]));
    let status = apply(&world, &format!("{path}?fieldManager=me"), &map(&json!({"b": "3"}))).await;
    assert_eq!(status.refusal().1, "Apply failed with 1 conflict: conflict with \"put\" using v1: .data.b");
}

#[tokio::test]
async fn clients_may_rewrite_who_owns_what() {
    let world = World::new().await;
    let made = world.made(&format!("{MAPS}?fieldManager=a"), &map(&json!({"x": "1"}))).await;
    let path = format!("{MAPS}/a?fieldManager=b");
    let renamed = json!([{"op": "replace", "path": "/metadata/managedFields/0/manager", "value": "c"}]);
    let answer = world.call(Method::PATCH, &path, "application/json-patch+json", renamed.to_string()).await;
    assert_eq!((answer.code, managers(&answer.json())), (200, vec!["c Update".to_owned()]));

    let malformed = world.merge(&path, &json!({"metadata": {"managedFields": [{"manager": "x"}]}})).await;
    let message = "ConfigMap \"a\" is invalid: metadata.managedFields[0].operation: Invalid value: \"\": must be `Apply` or `Update`";
    assert_eq!(malformed.refusal(), (422, message.to_owned()));

    let mut put = map(&json!({"x": "1"}));
    assert_eq!(managers(&world.put(&path, &put).await.json()), ["c Update"], "who says nothing of it changes nothing");
    put["metadata"]["managedFields"] = json!([{}]);
    let reset = world.put(&path, &put).await.json();
    assert_eq!(reset["metadata"].get("managedFields"), None);
    assert_ne!(reset["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
    let untracked = world.merge(&path, &json!({"data": {"x": "2"}})).await.json();
    assert_eq!(untracked["metadata"].get("managedFields"), None);
    let applied = apply(&world, &path, &map(&json!({"x": "2"}))).await.json();
    assert_eq!(managers(&applied), ["b Apply", "before-first-apply Update"]);
}

#[tokio::test]
async fn a_scale_changes_hands_with_its_replicas() {
    let world = World::new().await;
    let path = format!("{STATEFUL_SETS}/web");
    let config = stateful_set("web", 2);
    assert_eq!(apply(&world, &format!("{path}?fieldManager=me"), &config).await.code, 201);
    let scaled = world.merge(&format!("{path}/scale?fieldManager=scaler"), &json!({"spec": {"replicas": 3}})).await;
    assert_eq!(scaled.code, 200);
    let status = apply(&world, &format!("{path}?fieldManager=me"), &config).await;
    let message = "Apply failed with 1 conflict: conflict with \"scaler\" with subresource \"scale\" using apps/v1: .spec.replicas";
    assert_eq!(status.refusal(), (409, message.to_owned()));

    let scale = |replicas: i64| json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}, "spec": {"replicas": replicas}});
    let other = apply(&world, &format!("{path}/scale?fieldManager=other"), &scale(4)).await;
    assert_eq!(other.refusal(), (409, message.to_owned()));
    let forced = apply(&world, &format!("{path}/scale?fieldManager=other&force=true"), &scale(4)).await;
    assert_eq!((forced.code, &forced.json()["spec"]["replicas"]), (200, &json!(4)));
    let set = world.get(&path).await.json();
    assert_eq!(
        (&set["spec"]["replicas"], managers(&set)),
        (&json!(4), vec!["me Apply".to_owned(), "other Apply scale".to_owned()])
    );
    let missing = apply(&world, &format!("{STATEFUL_SETS}/nobody/scale?fieldManager=me"), &scale(1)).await;
    assert_eq!(missing.code, 400, "the name is not the path's: {missing:?}");
}

#[tokio::test]
async fn a_status_is_applied_apart() {
    let world = World::new().await;
    let path = format!("{SETS}/web");
    let mut config = set("web", 2);
    config["status"] = json!({"replicas": 9});
    let missing = apply(&world, &format!("{path}/status?fieldManager=me"), &config).await;
    assert_eq!(missing.refusal(), (404, "petsets.apps \"web\" not found".to_owned()));
    let made = apply(&world, &format!("{path}?fieldManager=me"), &config).await;
    assert_eq!((made.code, &made.json()["status"]["replicas"]), (201, &json!(0)));
    let told = apply(&world, &format!("{path}/status?fieldManager=loop"), &config).await;
    assert_eq!((told.code, &told.json()["status"]["replicas"]), (200, &json!(9)));
    assert_eq!(managers(&told.json()), ["loop Apply status", "me Apply"]);
}

#[tokio::test]
async fn what_cannot_be_applied_is_refused() {
    let world = World::new().await;
    let path = format!("{MAPS}/a?fieldManager=me");
    let options = "PatchOptions.meta.k8s.io \"\" is invalid:";
    let long = "m".repeat(129);
    let with = |field: &str, value: Value| {
        let mut config = map(&json!({}));
        config["metadata"][field] = value;
        config.to_string()
    };
    let fault = "failed to create typed patch object (/a; v1, Kind=ConfigMap)";
    for (path, body, expected) in [
        (format!("{MAPS}/a"), map(&json!({})).to_string(), (422, format!("{options} fieldManager: Required value: is required for apply patch"))),
        (
            format!("{MAPS}/a?fieldManager={long}"),
            map(&json!({})).to_string(),
            (422, format!("{options} fieldManager: Too long: may not be more than 128 bytes")),
        ),
        (path.clone(), String::new(), (400, "invalid object type: /, Kind=".to_owned())),
        (path.clone(), "[]".to_owned(), (400, "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}".to_owned())),
        (path.clone(), with("managedFields", json!([])), (400, "metadata.managedFields must be nil".to_owned())),
        (path.clone(), with("name", "b".into()), (400, "the name of the object (b) does not match the name on the URL (a)".to_owned())),
        (path.clone(), with("namespace", "b".into()), (400, "the namespace of the provided object does not match the namespace sent on the request".to_owned())),
        (
            path.clone(),
            with("uid", "1".into()),
            (409, "Operation cannot be fulfilled on configmaps \"a\": uid mismatch: the provided object specified uid 1, and no existing object was found".to_owned()),
        ),
        (path.clone(), with("foo", 1.into()), (400, format!("{fault}: .metadata.foo: field not declared in schema"))),
        (
            format!("{path}&fieldValidation=Strict"),
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: '1', a: '2'}}".to_owned(),
            (400, "error strict decoding YAML: duplicate field \"data.a\"".to_owned()),
        ),
    ] {
        let answer = world.call(Method::PATCH, &path, MEDIA, body.clone()).await;
        assert_eq!(answer.refusal(), expected, "{body}");
    }
    world.made(MAPS, &map(&json!({"x": "1"}))).await;
    let stale = world.call(Method::PATCH, &path, MEDIA, with("resourceVersion", "1".into())).await;
    assert_eq!(stale.json()["reason"], "Conflict", "{stale:?}");
    let wrong = world
        .call(Method::PATCH, &path, MEDIA, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: {b: c}}}")
        .await;
    assert_eq!(wrong.code, 400, "{wrong:?}");
}

#[tokio::test]
async fn two_who_apply_at_once_do_not_lose_to_each_other() {
    let world = World::new().await;
    let applied = (0..4).map(|number| {
        let world = &world;
        async move {
            let path = format!("{MAPS}/a?fieldManager=m{number}");
            apply(world, &path, &map(&json!({format!("k{number}"): "1"}))).await.code
        }
    });
    let mut codes = futures::future::join_all(applied).await;
    codes.sort_unstable();
    assert_eq!(codes, [200, 200, 200, 201]);
    assert_eq!(world.get(&format!("{MAPS}/a")).await.json()["data"].as_object().map(serde_json::Map::len), Some(4));
}
