//! What each namespace has without anybody making it, and pods that ask for an account: the real loop over the fake engine.

use api::resource::{RESOURCES, Scope};
use petset_sim::Cluster;
use serde_json::{Value, json};
use store::Key;

const IMAGES: [&str; 1] = ["nginx:1"];

/// What of the two objects a namespace has: the data of one, the name of the other.
fn defaults(cluster: &Cluster, namespace: &str) -> (Option<Value>, bool) {
    let root_ca = cluster.store.get(&Key::new("configmaps", namespace, "kube-root-ca.crt"));
    let account = cluster.store.get(&Key::new("serviceaccounts", namespace, "default"));
    (root_ca.map(|map| map["data"].clone()), account.is_some())
}

fn whole() -> (Option<Value>, bool) {
    (Some(json!({"ca.crt": "-----BEGIN CERTIFICATE-----\n"})), true)
}

#[tokio::test(start_paused = true)]
async fn a_namespace_gets_its_account_and_its_certificate_and_gets_them_back() {
    let mut cluster = Cluster::start(&IMAGES).await;
    cluster.create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})).await;
    cluster.settle().await;
    assert_eq!((defaults(&cluster, "default"), defaults(&cluster, "shop")), (whole(), whole()));

    cluster.delete("serviceaccounts", "default").await;
    cluster.delete("configmaps", "kube-root-ca.crt").await;
    cluster.settle().await;
    assert_eq!(defaults(&cluster, "default"), whole());
    cluster.edit("configmaps", "kube-root-ca.crt", |map| map["data"] = json!({"mine": "now"})).await;
    cluster.settle().await;
    assert_eq!(defaults(&cluster, "default"), whole());

    cluster.stop_controller().await;
    cluster.delete("serviceaccounts", "default").await;
    cluster.start_controller();
    cluster.settle().await;
    assert_eq!(defaults(&cluster, "default"), whole(), "also what went while nobody looked");

    let version = cluster.store.revision();
    cluster.settle().await;
    assert_eq!(cluster.store.revision(), version, "nothing is written twice");
}

#[tokio::test(start_paused = true)]
async fn what_a_namespace_has_by_itself_goes_with_it() {
    let cluster = Cluster::start(&IMAGES).await;
    cluster.create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})).await;
    cluster.settle().await;
    cluster.delete("namespaces", "shop").await;
    cluster.settle().await;
    assert!(cluster.get("namespaces", "shop").is_none(), "{:?}", cluster.waits());
    for resource in RESOURCES.iter().filter(|resource| resource.scope == Scope::Namespaced) {
        assert!(cluster.store.list(&resource.qualified(), Some("shop")).items.is_empty(), "{}", resource.kind);
    }
}

#[tokio::test(start_paused = true)]
async fn a_set_waits_for_the_account_of_its_pods() {
    let cluster = Cluster::start(&IMAGES).await;
    cluster
        .create(json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"},
            "spec": {
                "serviceName": "web", "replicas": 1, "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {"serviceAccountName": "robot", "containers": [{"name": "nginx", "image": "nginx:1"}]},
                },
            },
        }))
        .await;
    cluster.settle().await;
    assert_eq!(cluster.ready(), Vec::<String>::new());
    let why = "web: cannot write web-0: pods \"web-0\" is forbidden: error looking up service account default/robot: \
               serviceaccount \"robot\" not found";
    assert!(cluster.waits().contains(&why.to_owned()), "{:?}", cluster.waits());

    cluster.create(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}})).await;
    cluster.settle().await;
    assert_eq!(cluster.ready(), ["web-0"]);
    let pod = cluster.get("pods", "web-0").expect("it is made");
    assert_eq!([&pod["spec"]["serviceAccountName"], &pod["spec"]["serviceAccount"]], ["robot", "robot"]);
    assert_eq!(cluster.waits(), Vec::<String>::new());
}
