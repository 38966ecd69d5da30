//! One daemon's life, from the opening of the store to its end.

use std::{collections::BTreeMap, sync::Arc};

use api::resource::RESOURCES;
use arc_swap::ArcSwap;
use controller::{Board, Controller, Planner, Stamps};
use futures::FutureExt;
use plan::zone::Zone;
use serde_json::Value;
use store::{Change, Key, OpenError, Store};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    clock::{CountingStamps, TestClock},
    cluster::settings,
    disk::FakeDisk,
    driver::Driver,
    engine::FakeEngine,
    judge::Judge,
    lifeline::Lifeline,
};

/// What outlives daemons.
#[derive(Clone)]
pub struct Parts {
    /// The disk.
    pub disk: FakeDisk,
    /// The engine.
    pub engine: Arc<FakeEngine>,
    /// The clock.
    pub clock: Arc<TestClock>,
    /// Uids.
    pub stamps: Arc<CountingStamps>,
    /// Who decides.
    pub planner: Arc<dyn Planner>,
    /// The judge.
    pub judge: Arc<Judge>,
}

/// A daemon.
pub struct Daemon {
    /// Its store.
    pub store: Store,
    /// What its DNS answers from.
    pub zone: Arc<ArcSwap<Zone>>,
    /// What its loop knows of its surroundings.
    pub board: Arc<Board>,
    /// How long it lives.
    pub lifeline: Arc<Lifeline>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// All objects of a store.
pub type Content = BTreeMap<Key, Arc<Value>>;

impl Daemon {
    /// Starts a daemon on what is on the disk.
    pub fn start(parts: &Parts) -> Result<Daemon, OpenError> {
        let lifeline = Arc::new(Lifeline::default());
        parts.disk.power_cycle(Arc::clone(&lifeline));
        let store = Store::open_in_caller(parts.disk.clone())?;
        let (zone, board) = (Arc::new(ArcSwap::default()), Arc::new(Board::default()));
        let (stop, stopped) = oneshot::channel::<()>();
        let controller = Controller::new(
            store.clone(),
            Arc::new(Driver::new(Arc::clone(&parts.engine), Arc::clone(&lifeline))),
            Arc::clone(&parts.clock),
            Arc::clone(&parts.stamps) as Arc<dyn Stamps>,
            Arc::clone(&parts.planner),
            settings(),
            Arc::clone(&zone),
            Arc::clone(&board),
        );
        let task = tokio::spawn(controller.run(async move { drop(stopped.await) }));
        parts.judge.step("daemon", || format!("starts at revision {}", store.revision().0));
        Ok(Daemon { store, zone, board, lifeline, stop, task })
    }

    /// Ends it at once, wherever it is, and returns what it had acknowledged.
    pub async fn kill(self, judge: &Judge) -> Acknowledged {
        judge.step("daemon", || format!("is dead at revision {}", self.store.revision().0));
        self.lifeline.end();
        self.task.abort();
        judge_end(judge, self.task.await);
        Acknowledged::of(&self.store)
    }

    /// Stops it as `SIGTERM` does.
    pub async fn stop(self, judge: &Judge) -> Acknowledged {
        judge.step("daemon", || "is asked to stop".to_owned());
        // A controller that has ended by itself no longer listens.
        let _ended_already = self.stop.send(());
        judge_end(judge, self.task.await);
        self.lifeline.end();
        Acknowledged::of(&self.store)
    }
}

fn judge_end(judge: &Judge, ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        let panic = error.into_panic();
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        judge.breach("no panic", text.unwrap_or("the controller panicked"));
    }
}

/// What a store had shown: it shows only what is acknowledged.
pub struct Acknowledged {
    revision: store::Revision,
    content: Content,
}

impl Acknowledged {
    fn of(store: &Store) -> Acknowledged {
        Acknowledged { revision: store.revision(), content: content(store) }
    }

    /// Whether a store that was opened again holds it all. It may hold more: the commit under way, whose fate nobody
    /// was told.
    pub fn is_kept_by(&self, store: &Store) -> Result<(), String> {
        if store.revision() < self.revision {
            return Err(format!("revision {} was shown, and the store is at {}", self.revision.0, store.revision().0));
        }
        let mut expected = self.content.clone();
        let mut watch = store.watch(None, self.revision).map_err(|error| format!("its log is cut: {error}"))?;
        while let Some(event) = watch.next().now_or_never() {
            let event = event.map_err(|error| format!("its log is cut: {error}"))?;
            match event.change {
                Change::Created | Change::Updated => drop(expected.insert(event.key, event.object)),
                Change::Deleted => drop(expected.remove(&event.key)),
            }
        }
        let found = content(store);
        if found == expected {
            return Ok(());
        }
        let differs = expected.iter().find(|(key, object)| found.get(key) != Some(object)).map(|(key, _)| key);
        let surplus = found.keys().find(|key| !expected.contains_key(key));
        Err(format!("{:?} is not what was shown at revision {}", differs.or(surplus), self.revision.0))
    }
}

/// Everything that a store holds, the daemon's own records included.
fn content(store: &Store) -> Content {
    let mut content = Content::new();
    let own = ["_leases", "_reserved", "_begun"].map(str::to_owned);
    let names = RESOURCES.iter().map(|resource| resource.qualified()).chain(own);
    for resource in names {
        for object in store.list(&resource, None).items {
            let part = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
            content.insert(Key::new(&resource, part("namespace"), part("name")), Arc::clone(&object));
        }
    }
    content
}
