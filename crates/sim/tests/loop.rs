//! The real controller over the fake engine: what the loop promises, whatever the engine does.

use petset_sim::{Cluster, cluster::pod, engine::LiveRestore};
use serde_json::{Value, json};

const IMAGES: [&str; 1] = ["nginx:1"];

fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "nginx"},
        "spec": {"clusterIP": "None", "selector": {"app": "nginx"}, "ports": [{"port": 80, "name": "web"}]},
    })
}

fn set(replicas: i32) -> Value {
    json!({
        "apiVersion": "apps/v1alpha1", "kind": "PetSet", "metadata": {"name": "web"},
        "spec": {
            "serviceName": "nginx", "replicas": replicas,
            "template": {
                "metadata": {
                    "labels": {"app": "nginx"}, "annotations": {"pod.alpha.kubernetes.io/initialized": "true"},
                },
                "spec": {"containers": [{
                    "name": "nginx", "image": "nginx:1",
                    "readinessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 1},
                    "volumeMounts": [{"name": "www", "mountPath": "/www"}],
                }]},
            },
            "volumeClaimTemplates": [{
                "metadata": {
                    "name": "www", "annotations": {"volume.alpha.kubernetes.io/storage-class": "anything"},
                },
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            }],
        },
    })
}

async fn cluster_of(replicas: i32) -> Cluster {
    let cluster = Cluster::start(&IMAGES).await;
    cluster.create(service()).await;
    cluster.create(set(replicas)).await;
    cluster.settle().await;
    cluster
}

/// The trace's lines about app containers.
fn apps(cluster: &Cluster) -> Vec<String> {
    cluster.engine.take_trace().into_iter().filter(|line| line.contains("_nginx_")).collect()
}

/// A pod's address.
fn address(cluster: &Cluster, name: &str) -> Option<String> {
    let pod = cluster.get("pods", name)?;
    pod["status"]["podIP"].as_str().map(str::to_owned)
}

#[tokio::test(start_paused = true)]
async fn pets_start_one_after_another() {
    let cluster = cluster_of(3).await;
    assert_eq!(cluster.ready(), ["web-0", "web-1", "web-2"]);
    assert_eq!(
        apps(&cluster),
        ["start default_web-0_nginx_0", "start default_web-1_nginx_0", "start default_web-2_nginx_0"]
    );
    assert_eq!(cluster.waits(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_pet_whose_address_somebody_else_has_gets_another_one_and_the_others_keep_theirs() {
    let mut cluster = cluster_of(2).await;
    let before = [address(&cluster, "web-0"), address(&cluster, "web-1")];
    assert_eq!(before, [Some("10.88.0.2".to_owned()), Some("10.88.0.3".to_owned())]);
    cluster.edit("petsets.apps", "web", |set| set["spec"]["replicas"] = json!(1)).await;
    cluster.settle().await;
    cluster.engine.run_stranger("stranger", Some("10.88.0.3".parse().unwrap()), &[]);
    cluster.edit("petsets.apps", "web", |set| set["spec"]["replicas"] = json!(3)).await;
    cluster.settle().await;
    assert_eq!(cluster.ready(), ["web-0", "web-1", "web-2"]);
    assert_eq!(address(&cluster, "web-0"), before[0]);
    let moved = address(&cluster, "web-1").unwrap();
    assert!(moved != "10.88.0.3" && Some(&moved) != before[0].as_ref(), "{moved}");
    let events = cluster.store.list("events", None).items;
    let told: Vec<&str> = events
        .iter()
        .filter(|event| event["reason"] == "AddressChanged")
        .filter_map(|e| e["message"].as_str())
        .collect();
    assert_eq!(told, [format!("Somebody else has the address 10.88.0.3; the pod gets {moved}")]);

    // The address is not given to another pet, and the new one is kept, also by a daemon that has just started.
    cluster.stop_controller().await;
    cluster.start_controller();
    cluster.edit("petsets.apps", "web", |set| set["spec"]["replicas"] = json!(4)).await;
    cluster.delete("pods", "web-1").await;
    cluster.settle().await;
    assert_eq!(cluster.ready(), ["web-0", "web-1", "web-2", "web-3"]);
    assert_eq!(address(&cluster, "web-1"), Some(moved));
    assert_eq!(cluster.store.list("events", None).items.iter().filter(|e| e["reason"] == "AddressChanged").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pet_whose_name_somebody_else_holds_is_made_when_it_is_free() {
    let cluster = Cluster::start(&IMAGES).await;
    cluster.create(service()).await;
    let stranger = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-0", "labels": {"app": "other"}},
        "spec": {"containers": [{"name": "nginx", "image": "nginx:1"}]},
    });
    cluster.create(stranger).await;
    cluster.create(set(1)).await;
    cluster.settle().await;
    let why = "waiting to create web-0: there is a pod web-0 already, which is not its own; delete it, or give it the labels \
               that are selected";
    assert!(cluster.waits().contains(&why.to_owned()), "{:?}", cluster.waits());

    cluster.delete("pods", "web-0").await;
    cluster.settle().await;
    assert_eq!((cluster.ready(), cluster.waits()), (vec!["web-0".to_owned()], Vec::new()));
    assert_eq!(cluster.get("pods", "web-0").unwrap()["metadata"]["labels"]["app"], "nginx");
}

#[tokio::test(start_paused = true)]
async fn a_settled_cluster_does_nothing() {
    let cluster = cluster_of(2).await;
    drop(cluster.engine.take_trace());
    let revision = cluster.store.revision();
    cluster.settle().await;
    assert_eq!(cluster.engine.take_trace(), [""; 0]);
    assert_eq!(cluster.store.revision(), revision);
}

#[tokio::test(start_paused = true)]
async fn a_pets_records_follow_its_readiness() {
    let cluster = cluster_of(1).await;
    let published = |cluster: &Cluster| {
        let zone = cluster.zone.load();
        match zone.service("default", "nginx").map(|records| &**records) {
            Some(plan::zone::Records::Endpoints(endpoints)) => {
                endpoints.iter().map(|endpoint| endpoint.hostname.clone()).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(published(&cluster), ["web-0"]);
    cluster.engine.set_sick(&pod("web-0"), "nginx", Some("not now"));
    cluster.pass(10).await;
    assert_eq!(cluster.ready(), [""; 0]);
    assert_eq!(published(&cluster), [""; 0]);
    cluster.engine.set_sick(&pod("web-0"), "nginx", None);
    cluster.pass(10).await;
    assert_eq!(published(&cluster), ["web-0"]);
}

#[tokio::test(start_paused = true)]
async fn a_set_says_what_its_sick_pet_says() {
    let cluster = cluster_of(1).await;
    cluster.engine.set_sick(&pod("web-0"), "nginx", Some("probe exec exited 1"));
    cluster.pass(10).await;
    cluster.edit("petsets.apps", "web", |set| set["spec"]["replicas"] = json!(2)).await;
    cluster.pass(10).await;
    let sentence = "waiting to create web-1: web-0 is not Ready: container nginx: probe exec exited 1";
    assert!(cluster.waits().contains(&sentence.to_owned()), "{:?}", cluster.waits());
}

#[tokio::test(start_paused = true)]
async fn a_deleted_pet_comes_back_with_its_address_and_volume() {
    let cluster = cluster_of(2).await;
    let before = cluster.get("pods", "web-0").expect("it runs");
    let volumes = cluster.engine.volumes();
    cluster.delete("pods", "web-0").await;
    cluster.settle().await;
    let after = cluster.get("pods", "web-0").expect("it is back");
    assert_ne!(before["metadata"]["uid"], after["metadata"]["uid"]);
    assert_eq!(before["status"]["podIP"], after["status"]["podIP"]);
    assert!(!after["status"]["podIP"].is_null());
    assert_eq!(cluster.engine.volumes(), volumes);
    assert_eq!(cluster.ready(), ["web-0", "web-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_controller_adopts_what_runs() {
    let mut cluster = cluster_of(3).await;
    let running = cluster.engine.running();
    cluster.stop_controller().await;
    drop(cluster.engine.take_trace());
    cluster.start_controller();
    cluster.settle().await;
    assert_eq!(cluster.engine.running(), running);
    assert_eq!(cluster.engine.take_trace(), [""; 0]);
    assert_eq!(cluster.ready(), ["web-0", "web-1", "web-2"]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_engine_changes_nothing_that_users_see() {
    let cluster = cluster_of(2).await;
    let zone = cluster.zone.load_full();
    cluster.engine.set_silent(true);
    cluster.settle().await;
    assert_eq!(cluster.ready(), ["web-0", "web-1"]);
    assert_eq!(*cluster.zone.load_full(), *zone);
    cluster.engine.set_silent(false);
    cluster.settle().await;
    assert_eq!(cluster.ready(), ["web-0", "web-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_killed_container_is_started_again_in_its_place() {
    let cluster = cluster_of(1).await;
    cluster.engine.kill(&pod("web-0"), "nginx");
    cluster.settle().await;
    let after = cluster.get("pods", "web-0").expect("it is the same pod");
    assert_eq!(after["status"]["containerStatuses"][0]["restartCount"], 1);
    assert_eq!(cluster.ready(), ["web-0"]);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_of_the_engine_pets_return_in_order() {
    let cluster = cluster_of(3).await;
    drop(cluster.engine.take_trace());
    cluster.engine.restart();
    cluster.settle().await;
    assert_eq!(cluster.ready(), ["web-0", "web-1", "web-2"]);
    let started: Vec<String> = apps(&cluster).into_iter().filter(|line| line.starts_with("start")).collect();
    assert_eq!(started, ["start default_web-0_nginx_1", "start default_web-1_nginx_1", "start default_web-2_nginx_1"]);
}

#[tokio::test(start_paused = true)]
async fn a_set_scaled_to_nothing_keeps_its_volumes() {
    let cluster = cluster_of(2).await;
    let volumes = cluster.engine.volumes();
    cluster.edit("petsets.apps", "web", |set| set["spec"]["replicas"] = json!(0)).await;
    cluster.settle().await;
    assert_eq!(cluster.engine.running().len(), 0);
    assert_eq!(cluster.engine.volumes(), volumes);
    assert_eq!(volumes.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_budget_counts_the_pets_of_a_set() {
    let cluster = cluster_of(3).await;
    let selector = json!({"matchLabels": {"app": "nginx"}});
    cluster
        .create(json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
            "spec": {"maxUnavailable": "34%", "selector": selector},
        }))
        .await;
    cluster.pass(1).await;
    let counts = || {
        let budget = cluster.get("poddisruptionbudgets.policy", "web").expect("it is there");
        ["expectedPods", "currentHealthy", "desiredHealthy", "disruptionsAllowed", "observedGeneration"]
            .map(|field| budget["status"][field].as_i64())
    };
    assert_eq!(counts(), [3, 3, 1, 2, 1].map(Some));
    // What a set is to have counts, not what it has.
    cluster.edit("petsets.apps", "web", |set| set["spec"]["replicas"] = json!(4)).await;
    cluster.edit("pods", "web-1", |pod| pod["metadata"]["labels"]["app"] = json!("other")).await;
    cluster.pass(1).await;
    assert_eq!(counts(), [4, 2, 2, 0, 1].map(Some));
}

#[tokio::test(start_paused = true)]
async fn a_missing_image_is_named_and_its_arrival_is_noticed() {
    let cluster = Cluster::start(&[]).await;
    cluster.create(service()).await;
    cluster.create(set(1)).await;
    cluster.settle().await;
    let waits = cluster.waits().join("\n");
    assert!(waits.contains("nginx") && waits.to_lowercase().contains("image"), "{waits}");
    let reasons: Vec<_> = cluster.store.list("events", None).items.iter().map(|e| e["reason"].clone()).collect();
    assert!(reasons.contains(&json!("Failed")) && reasons.contains(&json!("BackOff")), "{reasons:?}");
    cluster.engine.add_image("nginx:1");
    // The longest back-off is five minutes.
    cluster.pass(400).await;
    assert_eq!(cluster.ready(), ["web-0"]);
}

/// A set of six whose first pet is not Ready, a few seconds after it was made.
async fn begun() -> Cluster {
    let cluster = Cluster::start(&IMAGES).await;
    cluster.engine.set_sick(&pod("web-0"), "nginx", Some("not yet"));
    cluster.create(service()).await;
    cluster.create(set(6)).await;
    cluster.pass(5).await;
    cluster
}

/// The names of the pods that have something running.
fn running(cluster: &Cluster) -> std::collections::BTreeSet<String> {
    cluster.engine.running().into_keys().map(|(pod, _)| pod.name).collect()
}

/// The trace's lines about sandboxes, sorted: what is made ahead has no order of its own.
fn sandboxes(cluster: &Cluster) -> Vec<String> {
    let mut lines = cluster.engine.take_trace();
    lines.retain(|line| line.contains("_POD_"));
    lines.sort();
    lines
}

#[tokio::test(start_paused = true)]
async fn sandboxes_are_made_ahead_and_pods_in_their_turn() {
    let cluster = begun().await;
    let start = |pet: u32| format!("start sandbox default_web-{pet}_POD_0");
    assert_eq!(sandboxes(&cluster), [start(0), start(1), start(2), start(3)]);
    assert_eq!(cluster.store.list("pods", None).items.len(), 1);
    cluster.engine.set_sick(&pod("web-0"), "nginx", None);
    cluster.settle().await;
    assert_eq!(cluster.ready(), ["web-0", "web-1", "web-2", "web-3", "web-4", "web-5"]);
    assert_eq!(sandboxes(&cluster), [start(4), start(5)], "each sandbox is made once");
    assert_eq!(cluster.store.list("_reserved", None).items.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_made_ahead_does_not_outlive_its_use() {
    let cluster = begun().await;
    cluster.settle().await;
    assert_eq!(running(&cluster), ["web-0".to_owned()].into(), "held up for long");

    let cluster = begun().await;
    assert_eq!(running(&cluster).len(), 4);
    cluster.delete("petsets.apps", "web").await;
    cluster.pass(5).await;
    assert_eq!(running(&cluster), ["web-0".to_owned()].into(), "the set is gone");
    assert_eq!(cluster.store.list("_reserved", None).items.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_new_controller_adopts_what_was_made_ahead() {
    let mut cluster = begun().await;
    cluster.stop_controller().await;
    drop(cluster.engine.take_trace());
    cluster.engine.set_sick(&pod("web-0"), "nginx", None);
    cluster.start_controller();
    cluster.settle().await;
    assert_eq!(cluster.ready().len(), 6);
    assert_eq!(
        sandboxes(&cluster),
        ["start sandbox default_web-4_POD_0", "start sandbox default_web-5_POD_0"],
        "those that were there are used, and nothing is made twice"
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_made_ahead_for_a_set_that_went_while_nobody_looked_is_removed() {
    let mut cluster = begun().await;
    cluster.stop_controller().await;
    cluster.delete("petsets.apps", "web").await;
    cluster.start_controller();
    cluster.pass(5).await;
    assert_eq!(running(&cluster), ["web-0".to_owned()].into());
    assert_eq!(cluster.store.list("_reserved", None).items.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn data_that_was_put_back_before_its_volume_goes_does_not_stay_behind() {
    let cluster = cluster_of(1).await;
    let data = cluster.engine.volumes();
    cluster.edit("petsets.apps", "web", |set| set["spec"]["replicas"] = json!(0)).await;
    cluster.settle().await;
    let volume = cluster.engine.volume(&data[0]).unwrap();
    assert!(cluster.engine.remove_volume(&data[0]));
    // Long enough for the loss to be seen, and not for the return.
    cluster.settle().await;
    cluster.engine.restore_volume(&volume);
    cluster.delete("persistentvolumeclaims", "www-web-0").await;
    cluster.settle().await;
    assert_eq!(cluster.store.list("persistentvolumes", None).items.len(), 0);
    assert_eq!(cluster.engine.volumes(), [""; 0]);
}

/// Claim `www`, as a set would make it.
fn claim() -> Value {
    let mut claim = set(1)["spec"]["volumeClaimTemplates"][0].take();
    claim["apiVersion"] = json!("v1");
    claim["kind"] = json!("PersistentVolumeClaim");
    claim
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_is_deleted_goes_when_the_pod_that_uses_it_has_ended() {
    let cluster = Cluster::start(&IMAGES).await;
    cluster.create(claim()).await;
    cluster
        .create(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "job"},
            "spec": {
                "restartPolicy": "Never", "containers": [{"name": "main", "image": IMAGES[0]}],
                "volumes": [{"name": "www", "persistentVolumeClaim": {"claimName": "www"}}],
            },
        }))
        .await;
    cluster.settle().await;
    cluster.delete("persistentvolumeclaims", "www").await;
    cluster.settle().await;
    assert_eq!(cluster.waits(), ["waiting to delete claim www: pod job uses it"]);
    cluster.engine.kill(&pod("job"), "main");
    cluster.settle().await;
    let job = cluster.get("pods", "job").expect("it stays");
    assert_eq!(job["status"]["phase"], "Failed");
    assert_eq!(cluster.store.list("persistentvolumeclaims", None).items.len(), 0);
    assert_eq!(cluster.waits(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_volume_whose_claim_goes_while_it_is_made_does_not_stay_behind() {
    let mut cluster = Cluster::start(&IMAGES).await;
    cluster.settle().await;
    cluster.engine.hang();
    cluster.create(claim()).await;
    cluster.pass(1).await;
    cluster.delete("persistentvolumeclaims", "www").await;
    cluster.pass(1).await;
    assert_eq!(cluster.store.list("persistentvolumeclaims", None).items.len(), 0);
    cluster.stop_controller().await;

    // The engine does what it was asked for, and those who asked are gone.
    cluster.engine.recover(LiveRestore::Yes);
    cluster.pass(1).await;
    assert_eq!(cluster.engine.volumes().len(), 1);
    cluster.start_controller();
    cluster.settle().await;
    assert_eq!(cluster.engine.volumes(), [""; 0]);
    cluster.pass(600).await;
    assert_eq!(cluster.store.list("_begun", None).items.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_holds_nothing_up() {
    let cluster = cluster_of(2).await;
    let by = jiff::SignedDuration::from_hours(3);
    cluster.set_clock(-by);
    cluster.engine.set_sick(&pod("web-1"), "nginx", Some("not well"));
    cluster.pass(40).await;
    assert_eq!(cluster.ready(), ["web-0"], "probes go on");
    cluster.engine.set_sick(&pod("web-1"), "nginx", None);
    cluster.pass(40).await;
    assert_eq!(cluster.ready(), ["web-0", "web-1"]);

    // What has just failed is tried again as soon as it would have been, and what nobody tells of is seen as soon.
    cluster.engine.kill(&pod("web-0"), "nginx");
    cluster.pass(1).await;
    cluster.engine.kill(&pod("web-0"), "nginx");
    cluster.set_clock(-by);
    cluster.pass(40).await;
    assert_eq!(cluster.ready(), ["web-0", "web-1"]);
    cluster.set_clock(by);
    cluster.set_clock(by);
    cluster.settle().await;
    assert_eq!(cluster.ready(), ["web-0", "web-1"]);
    assert_eq!(cluster.waits(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_slices_of_a_service_follow_its_pods_and_go_with_it() {
    let cluster = Cluster::start(&["nginx:1"]).await;
    cluster
        .create(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
            "spec": {"clusterIP": "None", "selector": {"app": "web"}, "ports": [{"port": 80}]},
        }))
        .await;
    cluster.settle().await;
    let slice = || cluster.get("endpointslices.discovery.k8s.io", "web-bbbbb");
    assert_eq!(slice().expect("it is there from the start")["endpoints"], json!([]));
    cluster
        .create(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"app": "web"}},
            "spec": {"containers": [{"name": "nginx", "image": "nginx:1"}], "terminationGracePeriodSeconds": 1},
        }))
        .await;
    cluster.settle().await;
    let told = slice().expect("it stays");
    let pod = cluster.get("pods", "a").expect("it runs");
    assert_eq!(
        (&told["endpoints"][0]["addresses"][0], &told["endpoints"][0]["conditions"]["ready"], &told["ports"]),
        (&pod["status"]["podIP"], &json!(true), &json!([{"name": "", "port": 80, "protocol": "TCP"}]))
    );
    cluster.delete("pods", "a").await;
    cluster.settle().await;
    assert_eq!(slice().expect("it stays")["endpoints"], json!([]));
    cluster.delete("endpointslices.discovery.k8s.io", "web-bbbbb").await;
    cluster.settle().await;
    assert!(slice().is_some(), "it is made again");
    cluster.delete("services", "web").await;
    cluster.settle().await;
    assert_eq!((slice(), cluster.waits()), (None, vec![]));
}
