//! The real controller over the fake engine: objects of every kind go with their owners.

use std::sync::Arc;

use api::{
    admission::DeleteOptions,
    metadata::finalizers,
    propagation::Propagation,
    resource::{RESOURCES, Scope},
};
use petset_sim::Cluster;
use serde_json::{Value, json};
use store::Key;

const IMAGES: [&str; 1] = ["nginx:1"];

fn owner_reference(owner: &Value) -> Value {
    json!({
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "blockOwnerDeletion": true,
        "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
    })
}

fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"clusterIP": "None", "selector": {"app": name}, "ports": [{"port": 80}]},
    })
}

fn pod(name: &str, owners: &[Value]) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "ownerReferences": owners},
        "spec": {"containers": [{"name": "nginx", "image": "nginx:1"}], "terminationGracePeriodSeconds": 2},
    })
}

fn claim(name: &str, owners: &[Value]) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "ownerReferences": owners},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    })
}

fn policy(propagation: Propagation) -> DeleteOptions {
    DeleteOptions { propagation: Some(propagation), ..DeleteOptions::default() }
}

/// A service that owns a claim, which owns a pod that runs.
async fn family() -> Cluster {
    let cluster = Cluster::start(&IMAGES).await;
    let root = cluster.create(service("root")).await;
    let middle = cluster.create(claim("middle", &[owner_reference(&root)])).await;
    cluster.create(pod("leaf", &[owner_reference(&middle)])).await;
    cluster.settle().await;
    assert_eq!(cluster.ready(), ["leaf"]);
    cluster
}

fn left(cluster: &Cluster) -> Vec<&'static str> {
    let all = [("services", "root"), ("persistentvolumeclaims", "middle"), ("pods", "leaf")];
    all.into_iter().filter(|(resource, name)| cluster.get(resource, name).is_some()).map(|(_, name)| name).collect()
}

#[tokio::test(start_paused = true)]
async fn in_the_background_dependents_of_every_depth_go_after_their_owner() {
    let cluster = family().await;
    cluster.delete("services", "root").await;
    assert_eq!(left(&cluster), ["middle", "leaf"], "the owner goes at once");
    cluster.settle().await;
    assert_eq!((left(&cluster), cluster.waits()), (vec![], vec![]));
    let trace = cluster.engine.take_trace();
    assert!(trace.iter().any(|line| line.starts_with("stop default_leaf_nginx_0")), "gracefully: {trace:?}");
}

#[tokio::test(start_paused = true)]
async fn in_the_foreground_the_owner_goes_last() {
    let cluster = family().await;
    cluster.edit("pods", "leaf", |pod| pod["metadata"]["finalizers"] = json!(["example.com/hold"])).await;
    cluster.delete_with("services", "root", &policy(Propagation::Foreground)).await;
    cluster.settle().await;
    assert_eq!(left(&cluster), ["root", "middle", "leaf"]);
    for (resource, name) in [("services", "root"), ("persistentvolumeclaims", "middle")] {
        let object = cluster.get(resource, name).expect("it is held up");
        assert!(finalizers(&object["metadata"]).contains(&"foregroundDeletion"), "{object}");
    }
    let why = "waiting to delete root: its dependents go first: persistentvolumeclaims middle";
    assert!(cluster.waits().contains(&why.to_owned()), "{:?}", cluster.waits());

    let leaf = cluster.get("pods", "leaf").expect("it is held");
    release(&cluster, &Key::new("pods", "default", "leaf"), &leaf).await;
    cluster.settle().await;
    assert_eq!((left(&cluster), cluster.waits()), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn orphans_stay_and_name_no_owner() {
    let cluster = family().await;
    let options = DeleteOptions { orphan_dependents: Some(true), ..DeleteOptions::default() };
    cluster.delete_with("services", "root", &options).await;
    cluster.settle().await;
    assert_eq!(left(&cluster), ["middle", "leaf"]);
    let middle = cluster.get("persistentvolumeclaims", "middle").expect("it stays");
    assert!(middle["metadata"]["ownerReferences"].is_null(), "{middle}");
    assert_eq!(cluster.ready(), ["leaf"]);
}

#[tokio::test(start_paused = true)]
async fn one_owner_that_stays_is_enough() {
    let cluster = Cluster::start(&IMAGES).await;
    let owners = [cluster.create(service("one")).await, cluster.create(service("two")).await];
    let owners: Vec<Value> = owners.iter().map(owner_reference).collect();
    cluster.create(pod("both", &owners)).await;
    cluster.settle().await;
    cluster.delete_with("services", "one", &policy(Propagation::Foreground)).await;
    cluster.settle().await;
    assert!(cluster.get("services", "one").is_none(), "a dependent with another owner does not hold it up");
    let both = cluster.get("pods", "both").expect("it has an owner");
    assert_eq!(both["metadata"]["ownerReferences"], json!([owners[1]]));
    cluster.delete("services", "two").await;
    cluster.settle().await;
    assert!(cluster.get("pods", "both").is_none());
}

#[tokio::test(start_paused = true)]
async fn what_names_an_owner_that_never_was_goes_also_after_a_restart() {
    let mut cluster = Cluster::start(&IMAGES).await;
    let root = cluster.create(service("root")).await;
    cluster.stop_controller().await;
    cluster.create(claim("lost", &[owner_reference(&root)])).await;
    let mut stranger = owner_reference(&root);
    stranger["uid"] = json!("another");
    cluster.create(service("root-2")).await;
    cluster.create(claim("stranger", &[stranger])).await;
    cluster.delete("services", "root").await;
    cluster.start_controller();
    cluster.settle().await;
    assert!(cluster.get("persistentvolumeclaims", "lost").is_none());
    assert!(cluster.get("persistentvolumeclaims", "stranger").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_pet_of_a_petset_names_no_owner_and_stays() {
    let cluster = Cluster::start(&IMAGES).await;
    cluster.create(service("nginx")).await;
    let template = json!({
        "metadata": {"labels": {"app": "nginx"}, "annotations": {"pod.alpha.kubernetes.io/initialized": "true"}},
        "spec": {"containers": [{"name": "nginx", "image": "nginx:1"}]},
    });
    cluster
        .create(json!({
            "apiVersion": "apps/v1alpha1", "kind": "PetSet", "metadata": {"name": "web"},
            "spec": {"serviceName": "nginx", "replicas": 1, "template": template},
        }))
        .await;
    cluster.settle().await;
    let pet = cluster.get("pods", "web-0").expect("it runs");
    assert!(pet["metadata"]["ownerReferences"].is_null());
    cluster.delete_with("petsets.apps", "web", &policy(Propagation::Foreground)).await;
    cluster.settle().await;
    assert!(cluster.get("petsets.apps", "web").is_none());
    assert_eq!(cluster.ready(), ["web-0"]);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_goes_with_objects_of_every_kind() {
    let cluster = Cluster::start(&IMAGES).await;
    cluster.create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})).await;
    let namespaced = RESOURCES.iter().filter(|resource| resource.scope == Scope::Namespaced);
    for (number, resource) in namespaced.enumerate() {
        let object = match resource.kind {
            "Pod" => pod("it", &[]),
            "Service" => service("it"),
            "PersistentVolumeClaim" => {
                let mut claim = claim("it", &[]);
                claim["spec"]["volumeMode"] = json!("Filesystem");
                claim
            }
            _ => json!({"apiVersion": resource.api_version(), "kind": resource.kind, "metadata": {"name": "it"}}),
        };
        let mut object = object;
        object["metadata"]["namespace"] = json!("shop");
        object["metadata"]["uid"] = json!(format!("uid-{number}"));
        object["metadata"]["creationTimestamp"] = json!(cluster.now());
        let key = Key::new(&resource.qualified(), "shop", "it");
        cluster.store.commit(vec![store::Write::Create { key, object }]).await.expect("the name is free");
    }
    let held = Key::new("persistentvolumeclaims", "shop", "it");
    let mut claim = (*cluster.store.get(&held).expect("it was made")).clone();
    claim["metadata"]["finalizers"] = json!(["example.com/hold"]);
    let expect = store::Expect::Exists;
    cluster.store.commit(vec![store::Write::Update { key: held.clone(), object: claim, expect }]).await.expect("done");
    cluster.settle().await;
    cluster.delete("namespaces", "shop").await;
    cluster.settle().await;

    let namespace = cluster.get("namespaces", "shop").expect("something holds it");
    let conditions = namespace["status"]["conditions"].as_array().expect("they are told");
    let told: Vec<&str> = conditions.iter().filter_map(|condition| condition["message"].as_str()).collect();
    let finalizers = "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances";
    assert_eq!(told.len(), 5);
    assert_eq!(told[4], finalizers);
    let claim = cluster.store.get(&held).expect("it is held");
    release(&cluster, &held, &claim).await;
    cluster.settle().await;
    assert!(cluster.get("namespaces", "shop").is_none(), "{:?}", cluster.waits());
    for resource in RESOURCES.iter().filter(|resource| resource.scope == Scope::Namespaced) {
        assert!(cluster.store.list(&resource.qualified(), Some("shop")).items.is_empty(), "{}", resource.kind);
    }
}

/// Takes the last finalizer off, as the server does it for a client.
async fn release(cluster: &Cluster, key: &Key, object: &Arc<Value>) {
    let served = RESOURCES.iter().find(|served| served.qualified() == *key.resource).expect("it is served");
    assert_eq!(served.scope, Scope::Namespaced);
    petset_sim::api::edit(&cluster.store, key, |object| {
        let finalizers = object["metadata"]["finalizers"].as_array_mut().expect("it has finalizers");
        finalizers.retain(|finalizer| finalizer != "example.com/hold");
    })
    .await
    .unwrap_or_else(|error| panic!("{object}: {error}"));
}

/// A claim that somebody has applied is bound by the loop: its volume is the loop's to say.
#[tokio::test(start_paused = true)]
async fn what_the_loop_changes_of_an_applied_object_is_its_own() {
    let cluster = Cluster::start(&IMAGES).await;
    let mut applied = claim("data", &[]);
    applied["metadata"]["annotations"] = json!({"volume.alpha.kubernetes.io/storage-class": "x"});
    applied["metadata"]["managedFields"] = json!([{
        "manager": "me", "operation": "Apply", "apiVersion": "v1", "time": "2016-07-01T12:00:00Z", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:accessModes": {}, "f:resources": {"f:requests": {"f:storage": {}}}}},
    }]);
    cluster.create(applied).await;
    cluster.create(pod("user", &[])).await;
    cluster.settle().await;
    let bound = cluster.get("persistentvolumeclaims", "data").expect("the claim");
    assert_eq!(bound["status"]["phase"], "Bound", "{bound}");
    let entries = bound["metadata"]["managedFields"].as_array().expect("entries");
    let managers: Vec<_> = entries.iter().map(|entry| (&entry["manager"], &entry["operation"])).collect();
    assert_eq!(managers, [(&json!("me"), &json!("Apply")), (&json!("petset"), &json!("Update"))]);
    assert_eq!(entries[1]["fieldsV1"]["f:spec"], json!({"f:volumeName": {}}));
}

/// The loop reads objects without their entries, and writes them with the ones that are stored.
#[tokio::test(start_paused = true)]
async fn who_owns_what_is_kept_when_the_loop_writes_a_whole_object() {
    let cluster = Cluster::start(&IMAGES).await;
    cluster.create(service("web")).await;
    cluster.settle().await;
    let key = Key::new("endpoints", "default", "web");
    let entries = json!([{
        "manager": "me", "operation": "Apply", "apiVersion": "v1", "time": "2016-07-01T12:00:00Z", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:metadata": {"f:labels": {"f:tier": {}}}},
    }]);
    let edited = petset_sim::api::edit(&cluster.store, &key, |endpoints| {
        endpoints["metadata"]["labels"]["tier"] = json!("front");
        endpoints["metadata"]["managedFields"] = entries.clone();
    });
    edited.await.expect("the endpoints are there");
    let mut backend = pod("web-0", &[]);
    backend["metadata"]["labels"] = json!({"app": "web"});
    cluster.create(backend).await;
    cluster.settle().await;
    let endpoints = cluster.get("endpoints", "web").expect("the endpoints");
    assert_eq!(endpoints["subsets"][0]["addresses"].as_array().map(Vec::len), Some(1), "{endpoints}");
    assert_eq!(endpoints["metadata"]["managedFields"], entries);
}
