//! `POST` of objects.

use http::Method;
use serde_json::json;

use crate::world::{ENDPOINTS, NOW, SETS, World, endpoints, made_by, set};

#[tokio::test]
async fn a_new_object_comes_back_as_stored() {
    let world = World::new().await;
    let answer = world.post(ENDPOINTS, &endpoints("web", "nginx")).await;
    assert_eq!(answer.code, 201);
    assert_eq!(
        answer.json(),
        json!({
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {
                "name": "web",
                "namespace": "default",
                "uid": "00000000-0000-0000-0000-000000000002",
                "resourceVersion": "3",
                "creationTimestamp": NOW,
                "labels": {"app": "nginx"},
                "managedFields": made_by("unknown", &["app"]),
            },
        })
    );
    let read = world.get(&format!("{ENDPOINTS}/web")).await;
    assert_eq!((read.code, read.json()), (200, answer.json()));
}

#[tokio::test]
async fn yaml_is_read_and_written() {
    let world = World::new().await;
    let body = "apiVersion: v1\nkind: Endpoints\nmetadata:\n  name: web\n";
    let answer = world.call(Method::POST, ENDPOINTS, "application/yaml", body).await;
    assert_eq!(answer.code, 201, "{answer:?}");
    let answer = world.get_as(&format!("{ENDPOINTS}/web"), "application/yaml").await;
    assert_eq!(answer.headers["content-type"], "application/yaml");
    assert!(answer.text.contains("\n  name: web\n"), "{}", answer.text);
}

#[tokio::test]
async fn a_name_can_be_generated() {
    let world = World::new().await;
    let made = world.made(ENDPOINTS, &json!({"metadata": {"generateName": "web-"}})).await;
    assert_eq!(made["metadata"]["name"], "web-dbbbb");
    let other = world.made(ENDPOINTS, &json!({"metadata": {"generateName": "web-"}})).await;
    assert_eq!(other["metadata"]["name"], "web-fbbbb");
}

#[tokio::test]
async fn a_generated_name_that_is_taken_is_drawn_again() {
    let world = World::new().await;
    world.made(ENDPOINTS, &endpoints("web-fbbbb", "a")).await;
    let made = world.made(ENDPOINTS, &json!({"metadata": {"generateName": "web-"}})).await;
    assert_eq!(made["metadata"]["name"], "web-gbbbb", "the third draw, for the second is taken");
}

#[tokio::test]
async fn what_cannot_be_created_is_refused_in_the_words_of_kubernetes() {
    let world = World::new().await;
    world.made(ENDPOINTS, &endpoints("web", "nginx")).await;
    let elsewhere = "/api/v1/namespaces/nowhere/endpoints";
    for (path, body, expected) in [
        (ENDPOINTS, endpoints("web", "nginx"), (409, "endpoints \"web\" already exists")),
        (elsewhere, endpoints("web", "nginx"), (404, "namespaces \"nowhere\" not found")),
        (
            ENDPOINTS,
            json!({}),
            (422, "Endpoints \"\" is invalid: metadata.name: Required value: name or generateName is required"),
        ),
        (
            ENDPOINTS,
            json!({"metadata": {"name": "a", "resourceVersion": "1"}}),
            (500, "resourceVersion should not be set on objects to be created"),
        ),
        (
            ENDPOINTS,
            json!({"metadata": {"name": "a", "namespace": "other"}}),
            (400, "the namespace of the provided object does not match the namespace sent on the request"),
        ),
        (
            ENDPOINTS,
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}}),
            (
                400,
                "Secret in version \"v1\" cannot be handled as a Endpoints: converting (v1.Secret) to (core.Endpoints): \
                 unknown conversion",
            ),
        ),
        (
            SETS,
            json!({"apiVersion": "apps/v1", "kind": "PetSet", "metadata": {"name": "a"}}),
            (400, "the API version in the data (apps/v1) does not match the expected API version (apps/v1alpha1)"),
        ),
    ] {
        let (code, message) = world.post(path, &body).await.refusal();
        assert_eq!((code, message.as_str()), expected);
    }
}

#[tokio::test]
async fn nothing_new_comes_into_a_namespace_that_goes() {
    let world = World::new().await;
    world.made("/api/v1/namespaces", &json!({"metadata": {"name": "shop"}})).await;
    assert_eq!(world.delete("/api/v1/namespaces/shop", &json!({})).await.code, 200);
    let answer = world.post("/api/v1/namespaces/shop/endpoints", &endpoints("web", "nginx")).await;
    assert_eq!(
        answer.refusal(),
        (
            403,
            "endpoints \"web\" is forbidden: unable to create new content in namespace shop because it is being terminated"
                .to_owned()
        )
    );
    assert_eq!(answer.json()["details"]["causes"][0]["reason"], "NamespaceTerminating");
}

#[tokio::test]
async fn unknown_fields_are_refused_warned_of_or_ignored() {
    let world = World::new().await;
    let with = |name: &str| json!({"metadata": {"name": name}, "foo": 1});
    let strict = world.post(&format!("{ENDPOINTS}?fieldValidation=Strict"), &with("a")).await;
    assert_eq!(
        strict.refusal(),
        (
            400,
            "Endpoints in version \"v1\" cannot be handled as a Endpoints: strict decoding error: unknown field \"foo\""
                .to_owned()
        )
    );
    let warned = world.post(ENDPOINTS, &with("a")).await;
    assert_eq!((warned.code, warned.warnings()), (201, vec![r#"299 - "unknown field \"foo\"""#]));
    assert_eq!(warned.json()["foo"], json!(null));
    let ignored = world.post(&format!("{ENDPOINTS}?fieldValidation=Ignore"), &with("b")).await;
    assert_eq!((ignored.code, ignored.warnings()), (201, vec![]));
    let wrong = world.post(&format!("{ENDPOINTS}?fieldValidation=Maybe"), &with("c")).await;
    assert_eq!(
        wrong.refusal(),
        (
            422,
            "CreateOptions.meta.k8s.io \"\" is invalid: fieldValidation: Unsupported value: \"Maybe\": supported values: \
             \"Ignore\", \"Strict\", \"Warn\""
                .to_owned()
        )
    );
}

#[tokio::test]
async fn a_dry_run_does_everything_but_write() {
    let world = World::new().await;
    let path = format!("{ENDPOINTS}?dryRun=All");
    let answer = world.post(&path, &endpoints("web", "nginx")).await;
    assert_eq!((answer.code, &answer.json()["metadata"]["name"]), (201, &json!("web")));
    assert_eq!(world.get(&format!("{ENDPOINTS}/web")).await.code, 404);
    world.made(ENDPOINTS, &endpoints("web", "nginx")).await;
    assert_eq!(world.post(&path, &endpoints("web", "nginx")).await.code, 409);
    assert_eq!(
        world.post(&format!("{ENDPOINTS}?dryRun=Some"), &endpoints("b", "nginx")).await.refusal(),
        (
            422,
            "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"Some\"]: supported values: \"All\""
                .to_owned()
        )
    );
}

#[tokio::test]
async fn bodies_have_a_format_and_a_limit() {
    let world = World::new().await;
    let answer = world.call(Method::POST, ENDPOINTS, "text/plain", "hello").await;
    assert_eq!(answer.code, 415);
    let huge = vec![b' '; api::limits::BODY_BYTES_MAX + 1];
    let answer = world.call(Method::POST, ENDPOINTS, "application/json", huge).await;
    assert_eq!(answer.refusal(), (413, "Request entity too large: limit is 3145728".to_owned()));
    assert_eq!(answer.json()["reason"], "RequestEntityTooLarge");
}

#[tokio::test]
async fn a_set_begins_with_generation_1_and_no_status_of_its_own() {
    let world = World::new().await;
    let mut manifest = set("web", 2);
    manifest["status"] = json!({"replicas": 7, "observedGeneration": 9});
    let made = world.made(SETS, &manifest).await;
    assert_eq!(made["metadata"]["generation"], 1);
    assert_eq!(made["status"], json!({"replicas": 0}));
}

#[tokio::test]
async fn a_pod_is_made_when_its_account_is_there() {
    let world = World::new().await;
    let here = "/api/v1/namespaces/default";
    let containers = json!([{"name": "a", "image": "b"}]);
    let of = |account: &str| json!({"metadata": {"name": account}, "spec": {"serviceAccountName": account, "containers": containers}});
    assert_eq!(world.post(&format!("{here}/pods"), &of("robot")).await.code, 403);
    world.made(&format!("{here}/serviceaccounts"), &json!({"metadata": {"name": "robot"}})).await;
    for account in ["robot", "default"] {
        let pod = world.made(&format!("{here}/pods"), &of(account)).await;
        assert_eq!([&pod["spec"]["serviceAccountName"], &pod["spec"]["serviceAccount"]], [account, account]);
    }
}

#[tokio::test]
async fn what_has_no_effect_is_stored_with_a_warning() {
    let world = World::new().await;
    let policies = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies";
    let answer = world.post(policies, &json!({"metadata": {"name": "a"}, "spec": {"podSelector": {}}})).await;
    assert_eq!(answer.code, 201, "{answer:?}");
    let warning = "299 - \"this NetworkPolicy has no effect: nothing between pods is held back\"";
    assert_eq!(answer.warnings(), [warning]);
    let answer = world.merge(&format!("{policies}/a"), &json!({"metadata": {"labels": {"a": "b"}}})).await;
    assert_eq!((answer.code, answer.warnings()), (200, vec![warning]));

    let leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    let answer = world.post(leases, &json!({"metadata": {"name": "a"}, "spec": {"holderIdentity": "a"}})).await;
    assert_eq!((answer.code, answer.warnings()), (201, vec![]), "a lease works by being stored");
}

#[tokio::test]
async fn the_name_of_a_role_may_be_escaped_in_a_path() {
    let world = World::new().await;
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let made = world.made(roles, &json!({"metadata": {"name": "system:node"}})).await;
    for name in ["system:node", "system%3Anode"] {
        assert_eq!(world.get(&format!("{roles}/{name}")).await.json(), made);
    }
}

#[tokio::test]
async fn what_is_plain_text_in_a_secret_is_nowhere_afterwards() {
    let world = World::new().await;
    let secrets = "/api/v1/namespaces/default/secrets";
    let made = world.made(secrets, &json!({"metadata": {"name": "a"}, "stringData": {"k": "v"}})).await;
    assert_eq!((&made["data"], made.get("stringData")), (&json!({"k": "dg=="}), None));
    let patched = world.merge(&format!("{secrets}/a"), &json!({"stringData": {"l": "w"}})).await.json();
    assert_eq!((&patched["data"], patched.get("stringData")), (&json!({"k": "dg==", "l": "dw=="}), None));
    let found = world.get(&format!("{secrets}?fieldSelector=type%3DOpaque")).await.json();
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1));
    let found = world.get(&format!("{secrets}?fieldSelector=type%3Dkubernetes.io/tls")).await.json();
    assert_eq!(found["items"], json!([]));
}

#[tokio::test]
async fn services_that_are_made_at_once_get_addresses_of_their_own() {
    let world = World::new().await;
    let path = "/api/v1/namespaces/default/services";
    let services: Vec<_> = (0..20)
        .map(|n| {
            json!({
                "apiVersion": "v1", "kind": "Service", "metadata": {"name": format!("s-{n}")},
                "spec": {"type": "NodePort", "ports": [{"port": 80}]},
            })
        })
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    for answer in futures::future::join_all(services.iter().map(|service| world.post(path, service))).await {
        assert_eq!(answer.code, 201, "{answer:?}");
        let spec = &answer.json()["spec"];
        assert!(seen.insert(spec["clusterIP"].to_string()), "{spec}");
        assert!(seen.insert(spec["ports"][0]["nodePort"].to_string()), "{spec}");
    }
    let taken = world.get(&format!("{path}/s-0")).await.json()["spec"]["clusterIP"].clone();
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "late"},
        "spec": {"clusterIP": taken, "ports": [{"port": 80}]},
    });
    let refused = world.post(path, &service).await;
    assert_eq!((refused.code, refused.json()["reason"].clone()), (422, json!("Invalid")));
}
