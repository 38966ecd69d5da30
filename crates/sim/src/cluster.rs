//! The real controller and the real store beside the fake engine, under a paused clock.

use std::sync::Arc;

use api::{
    admission::{self, DeleteOptions, Deletion, Stamp},
    resource::{RESOURCES, Resource},
};
use arc_swap::ArcSwap;
use controller::{Board, Clock, Controller, Network, Planner, Real, Settings, Stamps};
use jiff::Timestamp;
use plan::{facts::PodKey, pod::Host, schedule::BetweenPods, zone::Zone};
use serde_json::{Value, json};
use store::{Expect, Key, Store, Write};
use tokio::{sync::oneshot, task::JoinHandle, time::Duration};

use crate::{
    chance::Chance,
    clock::{CountingStamps, TestClock},
    driver::Driver,
    engine::FakeEngine,
    judge::{Judge, Tracing},
    witness::Witness,
};

/// Longer than any resync and the first back-offs: what has not happened by then waits for something.
const LONG: Duration = Duration::from_mins(2);

/// A petset without HTTP, DNS and Docker.
pub struct Cluster {
    /// The engine, to be hurt.
    pub engine: Arc<FakeEngine>,
    /// The store.
    pub store: Store,
    /// What DNS would answer from.
    pub zone: Arc<ArcSwap<Zone>>,
    /// What the loop waits for.
    pub board: Arc<Board>,
    planner: Arc<dyn Planner>,
    judge: Arc<Judge>,
    settings: Settings,
    clock: Arc<TestClock>,
    stamps: Arc<CountingStamps>,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Cluster {
    /// A cluster with the namespace `default`, its controller running. The engine has these images. Call it under
    /// tokio's paused clock.
    pub async fn start(images: &[&str]) -> Cluster {
        Cluster::start_on(Store::in_memory(), images).await
    }

    /// The same over a store of the test's own.
    pub async fn start_on(store: Store, images: &[&str]) -> Cluster {
        Cluster::start_with(store, Arc::new(Real), images).await
    }

    /// The same with a planner of the test's own, which is held to the laws.
    pub async fn start_with(store: Store, planner: Arc<dyn Planner>, images: &[&str]) -> Cluster {
        let watched = |judge: &Arc<Judge>| Arc::new(Witness::new(planner, Arc::clone(judge))) as Arc<dyn Planner>;
        Cluster::start_as(store, watched, images, settings(), Tracing::On).await
    }

    /// One that has addresses for tens of thousands of pods, writes nothing down, and is held to no law: what it costs is
    /// what the controller costs.
    pub async fn start_large(images: &[&str]) -> Cluster {
        let mut settings = settings();
        settings.network.subnet =
            ipnet::Ipv4Net::new(settings.network.subnet.addr(), 16).expect("16 is a prefix length").trunc();
        Cluster::start_as(Store::in_memory(), |_| Arc::new(Real), images, settings, Tracing::Off).await
    }

    async fn start_as(
        store: Store,
        planner: impl FnOnce(&Arc<Judge>) -> Arc<dyn Planner>,
        images: &[&str],
        settings: Settings,
        tracing: Tracing,
    ) -> Cluster {
        let clock = Arc::new(TestClock::default());
        let judge = Arc::new(Judge::new(Arc::clone(&clock), tracing));
        let mut cluster = Cluster {
            engine: Arc::new(FakeEngine::new(Arc::clone(&clock), Chance::new(0), Arc::clone(&judge), images)),
            planner: planner(&judge),
            judge,
            settings,
            store,
            zone: Arc::new(ArcSwap::default()),
            board: Arc::new(Board::default()),
            clock,
            stamps: Arc::new(CountingStamps::default()),
            running: None,
        };
        cluster.create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})).await;
        cluster.start_controller();
        cluster
    }

    /// Starts a controller that knows nothing but the store and the engine.
    pub fn start_controller(&mut self) {
        let (stop, stopped) = oneshot::channel::<()>();
        let controller = Controller::new(
            self.store.clone(),
            Arc::new(Driver::new(Arc::clone(&self.engine), Arc::default())),
            Arc::clone(&self.clock),
            Arc::clone(&self.stamps) as Arc<dyn Stamps>,
            Arc::clone(&self.planner),
            self.settings.clone(),
            Arc::clone(&self.zone),
            Arc::clone(&self.board),
        );
        let task = tokio::spawn(controller.run(async move { drop(stopped.await) }));
        self.running = Some((stop, task));
    }

    /// Stops the controller, as `SIGTERM` does.
    pub async fn stop_controller(&mut self) {
        if let Some((stop, task)) = self.running.take() {
            // A controller that has ended by itself no longer listens.
            let _ended_already = stop.send(());
            drop(task.await);
        }
    }

    /// Lets time pass until nothing is left that could happen.
    ///
    /// # Panics
    /// Where the engine has seen a law broken.
    pub async fn settle(&self) {
        tokio::time::sleep(LONG).await;
        self.check();
    }

    /// No law was broken so far.
    ///
    /// # Panics
    /// Where one was.
    pub fn check(&self) {
        assert_eq!(self.judge.verdict(), None, "{:#?}", self.judge.trace());
    }

    /// Lets a moment pass.
    pub async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// Sets the clock forward, or back.
    pub fn set_clock(&self, by: jiff::SignedDuration) {
        self.clock.set(by);
    }

    /// The moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Creates an object, as the server would.
    ///
    /// # Panics
    /// Where the object is refused: a test's own objects are valid.
    pub async fn create(&self, object: Value) -> Value {
        let resource = resource_of(&object);
        let (object, unknown) = resource.rules.normalise(object).expect("the shape is right");
        assert!(unknown.is_empty(), "unknown fields {unknown:?}");
        let namespace = match resource.scope {
            api::resource::Scope::Namespaced => "default",
            api::resource::Scope::Cluster => "",
        };
        let stamp = Stamp { uid: self.stamps.uid(), now: self.clock.now() };
        let object = admission::create(resource, namespace, object, &stamp).expect("the object is valid");
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let key = Key::new(&resource.qualified(), namespace, name);
        let committed = self.store.commit(vec![Write::Create { key, object }]).await.expect("the name is free");
        (*committed[0]).clone()
    }

    /// Changes an object in place.
    ///
    /// # Panics
    /// Where there is no such object.
    pub async fn edit(&self, resource: &str, name: &str, edit: impl FnOnce(&mut Value)) {
        let key = key(resource, name);
        let mut object = (*self.store.get(&key).expect("the object exists")).clone();
        edit(&mut object);
        self.store.commit(vec![Write::Update { key, object, expect: Expect::Exists }]).await.expect("no race here");
    }

    /// Deletes an object, as the server would.
    ///
    /// # Panics
    /// Where there is no such object.
    pub async fn delete(&self, resource: &str, name: &str) {
        self.delete_with(resource, name, &DeleteOptions::default()).await;
    }

    /// Deletes an object with options, as the server would.
    ///
    /// # Panics
    /// Where there is no such object.
    pub async fn delete_with(&self, resource: &str, name: &str, options: &DeleteOptions) {
        let key = key(resource, name);
        let object = self.store.get(&key).expect("the object exists");
        let served = RESOURCES.iter().find(|served| served.qualified() == resource).expect("it is served");
        let write = match admission::delete(served, &object, options, self.clock.now()) {
            Ok(Deletion::Remove) => Write::Delete { key, expect: Expect::Exists },
            Ok(Deletion::Mark(object)) => Write::Update { key, object, expect: Expect::Exists },
            Err(status) => panic!("{status:?}"),
        };
        self.store.commit(vec![write]).await.expect("no race here");
    }

    /// The object of this name in `default`, or at the cluster's root.
    pub fn get(&self, resource: &str, name: &str) -> Option<Arc<Value>> {
        self.store.get(&key(resource, name)).or_else(|| self.store.get(&Key::new(resource, "", name)))
    }

    /// The names of the pods whose Ready condition is true.
    pub fn ready(&self) -> Vec<String> {
        let ready = |pod: &Value| {
            let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
            conditions.into_iter().any(|c| c["type"] == "Ready" && c["status"] == "True")
        };
        let pods = self.store.list("pods", None).items;
        let names = pods.iter().filter(|pod| ready(pod)).map(|pod| pod["metadata"]["name"].as_str());
        names.map(|name| name.unwrap_or_default().to_owned()).collect()
    }

    /// The sentences of all waits.
    pub fn waits(&self) -> Vec<String> {
        self.board.waits().into_iter().map(|wait| wait.message).collect()
    }
}

/// The identity of a pod in `default`.
pub fn pod(name: &str) -> PodKey {
    PodKey { namespace: "default".into(), name: name.into() }
}

fn key(resource: &str, name: &str) -> Key {
    let served = RESOURCES.iter().find(|served| served.qualified() == resource);
    let namespaced = served.is_none_or(|served| served.scope == api::resource::Scope::Namespaced);
    Key::new(resource, if namespaced { "default" } else { "" }, name)
}

fn resource_of(object: &Value) -> &'static Resource {
    let kind = object["kind"].as_str().unwrap_or_default();
    RESOURCES.iter().find(|resource| resource.kind == kind).expect("the kind is served")
}

pub(crate) fn settings() -> Settings {
    let gateway = std::net::Ipv4Addr::new(10, 88, 0, 1);
    Settings {
        host: Host {
            instance: "sim".into(),
            node: "node".into(),
            address: gateway.into(),
            domain: "cluster.local".into(),
            dns: gateway.into(),
            search: Vec::new(),
            resolvers: Vec::new(),
        },
        network: Network {
            subnet: ipnet::Ipv4Net::new(std::net::Ipv4Addr::new(10, 88, 0, 0), 24).expect("24 is a prefix length"),
            gateway,
        },
        between_pods: BetweenPods::Required,
        certificate: "-----BEGIN CERTIFICATE-----\n".to_owned(),
    }
}
