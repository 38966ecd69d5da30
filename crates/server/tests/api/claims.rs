//! Claims, where the storage classes decide.

use serde_json::{Value, json};

use crate::world::World;

const CLAIMS: &str = "/api/v1/namespaces/default/persistentvolumeclaims";
const CLASSES: &str = "/apis/storage.k8s.io/v1/storageclasses";

fn claim(name: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    })
}

fn class(name: &str, expansion: bool) -> Value {
    json!({"metadata": {"name": name}, "provisioner": "petset.io/docker", "allowVolumeExpansion": expansion})
}

/// A bound claim of a class that has a volume of 1 GiB.
async fn bound(world: &World, name: &str, class: &str) -> String {
    let mut object = claim(name);
    object["spec"]["storageClassName"] = json!(class);
    world.made(CLAIMS, &object).await;
    let path = format!("{CLAIMS}/{name}");
    let status = json!({"status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}});
    assert_eq!(world.merge(&format!("{path}/status"), &status).await.code, 200);
    path
}

fn asking(size: &str) -> Value {
    json!({"spec": {"resources": {"requests": {"storage": size}}}})
}

#[tokio::test]
async fn a_claim_without_a_class_gets_the_default_one() {
    let world = World::new().await;
    let none = world.made(CLAIMS, &claim("before")).await;
    assert_eq!(none["spec"]["storageClassName"], Value::Null, "there is no class");
    let mut standard = class("standard", true);
    standard["metadata"]["annotations"] = json!({"storageclass.kubernetes.io/is-default-class": "true"});
    world.made(CLASSES, &standard).await;
    let given = world.made(CLAIMS, &claim("after")).await;
    assert_eq!(given["spec"]["storageClassName"], "standard");
    let mut by_hand = claim("by-hand");
    by_hand["spec"]["storageClassName"] = json!("");
    assert_eq!(world.made(CLAIMS, &by_hand).await["spec"]["storageClassName"], "");
    let mut alpha = claim("alpha");
    alpha["metadata"]["annotations"] = json!({"volume.alpha.kubernetes.io/storage-class": "x"});
    assert_eq!(world.made(CLAIMS, &alpha).await["spec"]["storageClassName"], Value::Null, "as in 1.3");
}

#[tokio::test]
async fn a_claim_grows_within_its_class_and_never_shrinks() {
    let world = World::new().await;
    world.made(CLASSES, &class("grows", true)).await;
    world.made(CLASSES, &class("stays", false)).await;
    let grows = bound(&world, "a", "grows").await;
    let answer = world.merge(&grows, &asking("2Gi")).await;
    assert_eq!((answer.code, &answer.json()["spec"]["resources"]["requests"]["storage"]), (200, &json!("2Gi")));
    assert_eq!(world.merge(&grows, &asking("1536Mi")).await.code, 200, "what is not there yet may be taken back");
    let refused = |why: &str| (422, format!("PersistentVolumeClaim \"a\" is invalid: {why}"));
    assert_eq!(
        world.merge(&grows, &asking("512Mi")).await.refusal(),
        refused("spec.resources.requests.storage: Forbidden: field can not be less than status.capacity")
    );

    let stays = bound(&world, "b", "stays").await;
    let forbidden = "persistentvolumeclaims \"b\" is forbidden: only dynamically provisioned pvc can be resized and the \
                     storageclass that provisions the pvc must support resize";
    assert_eq!(world.merge(&stays, &asking("2Gi")).await.refusal(), (403, forbidden.to_owned()));
    assert_eq!(world.merge(&stays, &json!({"metadata": {"labels": {"a": "b"}}})).await.code, 200);
}
