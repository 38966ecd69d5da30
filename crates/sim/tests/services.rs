//! Services with an address: what is served there, as pods come and go, and the engine and the daemon with them.

use petset_sim::{
    Cluster,
    engine::LiveRestore,
    tripwire::{HowLong, Trip},
};
use plan::zone::{Frontends, Protocol};
use serde_json::{Value, json};

fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "db"},
        "spec": {"clusterIP": "10.88.0.200", "selector": {"app": "db"}, "ports": [{"port": 5432, "targetPort": 80}]},
    })
}

fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "db"}},
        "spec": {"containers": [{"name": "db", "image": "nginx:1"}], "terminationGracePeriodSeconds": 1},
    })
}

/// What is behind 10.88.0.200:5432.
fn backends(frontends: &Frontends) -> Vec<String> {
    let all: Vec<_> = frontends.values().flatten().collect();
    let [frontend] = &all[..] else { panic!("one service with one port: {frontends:?}") };
    assert_eq!((frontend.protocol, frontend.address.to_string().as_str()), (Protocol::Tcp, "10.88.0.200:5432"));
    frontend.backends.iter().map(ToString::to_string).collect()
}

#[tokio::test(start_paused = true)]
async fn an_address_leads_to_the_pods_that_are_ready_and_goes_with_its_service() {
    let mut cluster = Cluster::start(&["nginx:1"]).await;
    cluster.create(service()).await;
    cluster.settle().await;
    assert_eq!(backends(&cluster.engine.frontends()), [""; 0], "it is there, and refuses");
    cluster.create(pod("a")).await;
    cluster.create(pod("b")).await;
    cluster.settle().await;
    let at = |name: &str| {
        let pod = cluster.get("pods", name).expect("it runs");
        format!("{}:80", pod["status"]["podIP"].as_str().expect("it has an address"))
    };
    let (a, b) = (at("a"), at("b"));
    assert_eq!(backends(&cluster.engine.frontends()), [a.clone(), b.clone()]);

    cluster.stop_controller().await;
    cluster.start_controller();
    cluster.settle().await;
    assert_eq!(backends(&cluster.engine.frontends()), [a, b.clone()], "a new daemon says the same");

    cluster.delete("pods", "a").await;
    cluster.settle().await;
    assert_eq!(backends(&cluster.engine.frontends()), [b]);
    cluster.delete("services", "db").await;
    cluster.settle().await;
    assert_eq!((cluster.engine.frontends(), cluster.waits()), (Frontends::new(), vec![]));
}

#[tokio::test(start_paused = true)]
async fn what_changed_while_the_engine_was_silent_is_served_when_it_answers() {
    let cluster = Cluster::start(&["nginx:1"]).await;
    cluster.settle().await;
    cluster.engine.crash();
    cluster.create(service()).await;
    cluster.pass(20).await;
    assert_eq!(cluster.engine.frontends(), Frontends::new());
    cluster.engine.recover(LiveRestore::Yes);
    cluster.settle().await;
    assert_eq!(backends(&cluster.engine.frontends()), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_served_says_so_until_it_is() {
    let cluster = Cluster::start(&["nginx:1"]).await;
    cluster.settle().await;
    cluster.engine.tripwire.arm(Some(Trip { kind: "serve".to_owned(), after: 0, how_long: HowLong::Always }));
    cluster.create(service()).await;
    cluster.pass(10).await;
    assert_eq!(cluster.waits(), ["db: the engine refuses this"]);
    cluster.engine.tripwire.arm(None);
    cluster.settle().await;
    assert_eq!((backends(&cluster.engine.frontends()), cluster.waits()), (vec![], vec![]));
}
