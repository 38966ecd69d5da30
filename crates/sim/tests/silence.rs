//! Nothing waits in silence: while the engine does not answer or the disk refuses, users can read it.

use std::{
    io::ErrorKind,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use controller::Part;
use petset_sim::{Cluster, disk::RefusingDisk};
use serde_json::{Value, json};
use store::Store;

fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"containers": [{"name": "nginx", "image": "nginx:1"}]},
    })
}

fn node_condition(cluster: &Cluster) -> String {
    let node = cluster.get("nodes", "node").expect("it is there");
    let condition = &node["status"]["conditions"][0];
    let part = |name: &str| condition[name].as_str().unwrap_or_default().to_owned();
    format!("{}={} {}: {}", part("type"), part("status"), part("reason"), part("message"))
}

fn events_of(cluster: &Cluster, kind: &str) -> Vec<String> {
    let events = cluster.store.list("events", None).items;
    let about = events.iter().filter(|event| event["involvedObject"]["kind"] == kind);
    about.map(|event| format!("{} x{}", event["reason"].as_str().unwrap_or_default(), event["count"])).collect()
}

#[tokio::test(start_paused = true)]
async fn a_silent_engine_is_told_by_the_node_and_by_every_pod_that_needs_it() {
    let cluster = Cluster::start(&["nginx:1"]).await;
    cluster.create(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node"}})).await;
    cluster.create(pod("runs")).await;
    cluster.settle().await;
    assert_eq!(cluster.ready(), ["runs"]);
    assert_eq!(node_condition(&cluster), "Ready=True KubeletReady: petsetd is posting ready status");
    assert_eq!(cluster.board.health(Part::Engine, cluster.now()), Ok(()));

    cluster.engine.set_silent(true);
    cluster.settle().await;
    cluster.create(pod("late")).await;
    cluster.settle().await;
    assert_eq!(
        cluster.waits(),
        [
            "node: the container engine does not answer: the engine is silent; see that Docker runs",
            "late: the container engine does not answer: the engine is silent",
        ]
    );
    let down = "Ready=False KubeletNotReady: container runtime is down: the engine is silent";
    assert_eq!(node_condition(&cluster), down);
    assert_eq!(cluster.board.health(Part::Engine, cluster.now()), Err("the engine is silent".to_owned()));

    cluster.engine.set_silent(false);
    cluster.settle().await;
    assert_eq!(cluster.ready(), ["late", "runs"]);
    assert_eq!(cluster.waits(), [""; 0]);
    assert_eq!(node_condition(&cluster), "Ready=True KubeletReady: petsetd is posting ready status");
    assert_eq!(events_of(&cluster, "Node"), ["NodeReady x2", "NodeNotReady x1"]);
    assert_eq!(cluster.board.health(Part::Engine, cluster.now()), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn what_the_disk_refuses_waits_for_room() {
    let is_full = Arc::new(AtomicBool::new(false));
    let is_refused = Arc::clone(&is_full);
    let refuses = move || is_refused.load(Ordering::SeqCst).then(|| ErrorKind::StorageFull.into());
    let store = Store::open_in_caller(RefusingDisk::new(refuses)).expect("it is empty");
    let cluster = Cluster::start_on(store, &["nginx:1"]).await;
    cluster.engine.set_silent(true);
    cluster.create(pod("web")).await;
    cluster.settle().await;

    is_full.store(true, Ordering::SeqCst);
    cluster.engine.set_silent(false);
    cluster.settle().await;
    assert_eq!(cluster.waits(), ["web: cannot be written to disk: no storage space; trying again every second"]);
    assert_eq!(cluster.board.health(Part::Store, cluster.now()), Err("no storage space".to_owned()));
    // What is not on disk does not happen.
    assert_eq!(cluster.engine.take_trace(), [""; 0]);

    is_full.store(false, Ordering::SeqCst);
    cluster.settle().await;
    assert_eq!(cluster.ready(), ["web"]);
    assert_eq!(cluster.waits(), [""; 0]);
    assert_eq!(cluster.board.health(Part::Store, cluster.now()), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn the_loop_and_the_names_are_well_once_they_are_there() {
    let mut cluster = Cluster::start(&[]).await;
    let unborn = controller::Board::default();
    assert_eq!(unborn.health(Part::Loop, cluster.now()), Err("it has not begun".to_owned()));
    assert_eq!(unborn.health(Part::Names, cluster.now()), Err("the names are not loaded yet".to_owned()));
    cluster.settle().await;
    assert_eq!(cluster.board.health(Part::Loop, cluster.now()), Ok(()));
    assert_eq!(cluster.board.health(Part::Names, cluster.now()), Ok(()));
    cluster.stop_controller().await;
    cluster.settle().await;
    let health = cluster.board.health(Part::Loop, cluster.now()).expect_err("nothing turns");
    assert!(health.starts_with("it has not come round since 2016-"), "{health}");
}
