//! The loop: observe, plan, commit, act.
//!
//! A wake-up carries no data: whatever happened, the units that may plan differently are marked dirty and planned
//! again from what is. A crash at any line is therefore repaired by running the loop again.

mod act;
mod alarms;
mod budgets;
mod observe;
mod plans;
mod serve;
mod tokens;

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    net::Ipv4Addr,
    sync::Arc,
};

use arc_swap::ArcSwap;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use ipnet::Ipv4Net;
use jiff::{SignedDuration, Timestamp};
use plan::{
    address::Leases,
    facts::PodKey,
    pod::{self, Host, Image, Memory},
    schedule::BetweenPods,
    zone::Zone,
};
use store::{Change, CommitError, Event, Store, Watch, WatchError};

use crate::{
    board::{Board, Part},
    engine::View,
    events::Recorder,
    leases,
    owners::is_collected,
    planner::Planner,
    runtime::{Clock, Mint, Runtime, Stamps},
    world::{Unit, World, resources},
};
use act::Answer;
use alarms::{Alarm, Alarms};
use serve::Serving;
use tokens::Tokens;

/// How often everything is observed although no hint says so: hints can be lost.
const OBSERVED_EVERY: SignedDuration = SignedDuration::from_secs(30);
/// How soon a silent engine is asked again.
const ASKED_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(1);
/// How soon a unit is planned again whose write failed on the disk, or for a name that another object holds.
const WRITTEN_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(1);
/// How often old events are swept away.
const SWEPT_EVERY: SignedDuration = SignedDuration::from_mins(10);
/// So many units are planned before the loop looks for news again, so that no storm keeps it from seeing a shutdown.
const UNITS_PER_PASS_MAX: usize = 1_000;

/// The instance's network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// All addresses.
    pub subnet: Ipv4Net,
    /// The host's address on it, where DNS listens.
    pub gateway: Ipv4Addr,
}

/// What the loop is told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What is the same for all pods.
    pub host: Host,
    /// Where pods get their addresses.
    pub network: Network,
    /// What required affinity and anti-affinity between pods mean.
    pub between_pods: BetweenPods,
    /// The certificate that the API is known by, in PEM, which each namespace tells; empty where it has none.
    pub certificate: String,
}

/// The loop. One per instance.
pub struct Controller<R, C> {
    store: Store,
    runtime: Arc<R>,
    clock: Arc<C>,
    stamps: Arc<dyn Stamps>,
    planner: Arc<dyn Planner>,
    settings: Settings,
    zone: Arc<ArcSwap<Zone>>,
    board: Arc<Board>,
    tokens: Tokens,

    world: World,
    engine: View,
    leases: Leases,
    memories: BTreeMap<PodKey, Memory>,
    /// References whose presence in the engine is known: `None` where it does not have the image.
    images: BTreeMap<String, Option<Image>>,
    /// The zone that is published next.
    draft: Zone,
    /// Whether `draft` has what the published zone has not.
    is_zone_behind: bool,
    /// The frontends of services, and how serving them goes.
    serving: Serving,
    recorder: Recorder,

    /// The moment at which the loop came round last.
    seen: Timestamp,
    dirty: BTreeSet<Unit>,
    alarms: Alarms,
    answers: FuturesUnordered<BoxFuture<'static, Answer>>,
    asking: Asking,
    /// What the engine said when it refused to make or remove a claim's volume, while that is wanted: a few at a time.
    refusals: BTreeMap<String, String>,
}

/// Questions and actions that are under way, so that none is put twice.
#[derive(Debug, Default)]
struct Asking {
    everything: bool,
    /// A hint said so while everything was being observed.
    everything_again: bool,
    pods: BTreeSet<PodKey>,
    /// Pods that a hint named while they were being observed: the answer may be from before the hint.
    pods_again: BTreeSet<PodKey>,
    images: BTreeSet<String>,
    /// Engine volumes that are being made or removed.
    volumes: BTreeSet<String>,
}

impl<R: Runtime, C: Clock> Controller<R, C> {
    /// A loop over this store and this engine, whose decisions are the planner's. `zone` and `board` are where others read
    /// its results.
    #[allow(clippy::too_many_arguments, reason = "one for each part that is wired in, and none of them optional")]
    pub fn new(
        store: Store,
        runtime: Arc<R>,
        clock: Arc<C>,
        stamps: Arc<dyn Stamps>,
        planner: Arc<dyn Planner>,
        settings: Settings,
        zone: Arc<ArcSwap<Zone>>,
        board: Arc<Board>,
    ) -> Self {
        let mut draft = Zone::new(&settings.host.domain);
        draft.server = Some(settings.host.dns);
        draft.networks = vec![ipnet::IpNet::V4(settings.network.subnet)];
        Controller {
            store,
            runtime,
            clock,
            stamps,
            planner,
            settings,
            zone,
            board,
            tokens: Tokens::default(),
            world: World::default(),
            engine: View::default(),
            leases: Leases::new(),
            memories: BTreeMap::new(),
            images: BTreeMap::new(),
            draft,
            is_zone_behind: false,
            serving: Serving::default(),
            recorder: Recorder::default(),
            seen: Timestamp::MIN,
            dirty: BTreeSet::new(),
            alarms: Alarms::default(),
            answers: FuturesUnordered::new(),
            asking: Asking::default(),
            refusals: BTreeMap::new(),
        }
    }

    /// With somebody who makes the tokens that pods ask for; without, there are none.
    #[must_use]
    pub fn with_mint(mut self, mint: Arc<dyn Mint>) -> Self {
        self.tokens = Tokens::of(mint);
        self
    }

    /// Runs until `shutdown` resolves or the store closes. Nothing is stopped then: pets outlive the daemon.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut hints = self.runtime.hints();
        let Ok(mut watch) = self.load() else { return };
        self.observe_everything();
        self.alarms.set(Alarm::Sweep, self.clock.now() + SWEPT_EVERY);
        loop {
            self.board.turn(self.clock.now());
            self.follow_clock();
            if self.drain(&mut watch).is_err() {
                return;
            }
            self.settle().await;
            let clock = Arc::clone(&self.clock);
            let alarm = self.alarms.first().unwrap_or(Timestamp::MAX);
            let more = !self.dirty.is_empty();
            // Every arm is cancel-safe: a watch, a stream and a set of futures lose nothing when their `next` is
            // dropped, and a dropped alarm is set again.
            tokio::select! {
                biased;
                () = &mut shutdown => return,
                event = watch.next() => match event {
                    Ok(event) => self.apply(&event),
                    Err(WatchError::Closed) => return,
                    Err(error @ (WatchError::Expired { .. } | WatchError::Future { .. })) => {
                        tracing::warn!(%error, "fell behind the store; loading it again");
                        let Ok(anew) = self.load() else { return };
                        watch = anew;
                    }
                },
                Some(answer) = self.answers.next(), if !self.answers.is_empty() => self.take(answer).await,
                Some(hint) = hints.next() => self.follow(hint),
                () = clock.sleep_until(alarm), if !more => self.ring().await,
                () = std::future::ready(()), if more => {}
            }
        }
    }

    /// Reads everything, and returns a watch that goes on from there.
    fn load(&mut self) -> Result<Watch, WatchError> {
        let from = self.store.revision();
        let watch = self.store.watch(None, from)?;
        self.world = World::default();
        // Whatever is served may have owners, also what is not kept.
        let served = api::resource::RESOURCES.iter().map(|resource| resource.qualified());
        let others = served.filter(|name| is_collected(name) && !resources::KEPT.contains(&name.as_str()));
        for resource in resources::KEPT.into_iter().map(str::to_owned).chain(others) {
            for object in self.store.list(&resource, None).items {
                if let Some(event) = as_event(&resource, Change::Created, object) {
                    let units = self.world.apply(&event);
                    self.dirty.extend(units);
                }
            }
        }
        self.leases = leases::load(&self.store);
        self.recorder = Recorder::load(&self.store);
        self.dirty.extend(self.engine.pods().cloned().map(Unit::Pod));
        Ok(watch)
    }

    /// Where the clock was set back, what is to come is no further away than before, and what was is as long ago.
    fn follow_clock(&mut self) {
        let now = self.clock.now();
        let by = now.duration_since(std::mem::replace(&mut self.seen, now));
        if !by.is_negative() {
            return;
        }
        tracing::warn!(by = %-by, "the clock was set back");
        self.alarms.shift(by);
        self.memories.values_mut().for_each(|memory| pod::follow_clock(memory, by));
        // What the engine and the objects tell may be of a time that is yet to come.
        self.mark_all();
    }

    /// Takes in every change that has happened already.
    fn drain(&mut self, watch: &mut Watch) -> Result<(), WatchError> {
        while let Some(event) = watch.next().now_or_never() {
            match event {
                Ok(event) => self.apply(&event),
                Err(WatchError::Closed) => return Err(WatchError::Closed),
                // The next `next` says the same, and the loop loads again.
                Err(WatchError::Expired { .. } | WatchError::Future { .. }) => break,
            }
        }
        Ok(())
    }

    fn apply(&mut self, event: &Event) {
        let units = self.world.apply(event);
        self.dirty.extend(units);
    }

    /// Plans what is dirty, until nothing is.
    async fn settle(&mut self) {
        for _ in 0..UNITS_PER_PASS_MAX {
            let Some(unit) = self.dirty.pop_first() else { return };
            self.alarms.cancel(&Alarm::Plan(unit.clone()));
            self.plan(unit).await;
        }
    }

    /// Does what is due.
    async fn ring(&mut self) {
        let now = self.clock.now();
        for alarm in self.alarms.take_due(now) {
            match alarm {
                Alarm::Observe => self.observe_everything(),
                Alarm::Sweep => {
                    self.alarms.set(Alarm::Sweep, now + SWEPT_EVERY);
                    for write in self.recorder.sweep(&self.store, now) {
                        self.commit_quietly(vec![write]).await;
                    }
                    let pods = &self.world.pods;
                    self.engine.forget(|pod| pods.get(&pod.namespace, &pod.name).is_some());
                }
                Alarm::Serve => self.serve_again(),
                Alarm::Plan(unit) => drop(self.dirty.insert(unit)),
            }
        }
    }

    fn look_again(&mut self, unit: &Unit, at: Option<Timestamp>) {
        if let Some(at) = at {
            self.alarms.set_no_later(Alarm::Plan(unit.clone()), at);
        }
    }

    /// Commits, and takes the result in at once, so that the next unit plans on it.
    async fn commit(&mut self, writes: Vec<store::Write>) -> Result<(), CommitError> {
        let changes: Vec<(String, Change)> = writes
            .iter()
            .map(|write| {
                let change = match write {
                    store::Write::Create { .. } => Change::Created,
                    store::Write::Update { .. } | store::Write::Check { .. } => Change::Updated,
                    store::Write::Delete { .. } => Change::Deleted,
                };
                (key_of(write).resource.to_string(), change)
            })
            .collect();
        let committed = self.store.commit(writes).await;
        let refusal = match &committed {
            Err(CommitError::Storage(refusal)) => Err(refusal.to_string()),
            Ok(_) | Err(_) => Ok(()),
        };
        if self.board.report(Part::Store, refusal.clone())
            && let Err(refusal) = refusal
        {
            tracing::error!(refusal, "cannot write; trying again until it can be done");
        }
        let committed = committed?;
        for ((resource, change), object) in changes.into_iter().zip(committed) {
            if let Some(event) = as_event(&resource, change, object) {
                self.apply(&event);
            }
        }
        Ok(())
    }

    /// Commits what nothing depends on; a lost race is not worth a word.
    async fn commit_quietly(&mut self, writes: Vec<store::Write>) {
        // What the disk refuses has been told already.
        drop(self.commit(writes).await);
    }
}

/// Which object a write is about.
fn key_of(write: &store::Write) -> &store::Key {
    match write {
        store::Write::Create { key, .. }
        | store::Write::Update { key, .. }
        | store::Write::Check { key, .. }
        | store::Write::Delete { key, .. } => key,
    }
}

/// An object of the store as the change that made it.
fn as_event(resource: &str, change: Change, object: Arc<serde_json::Value>) -> Option<Event> {
    let metadata = &object["metadata"];
    let text = |field: &str| metadata[field].as_str().unwrap_or_default();
    let revision = store::Revision(text("resourceVersion").parse().ok()?);
    let key = store::Key::new(resource, text("namespace"), text("name"));
    Some(Event::new(revision, change, key, object))
}
