//! One seed from its beginning to its end: a storm, then calm.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use controller::{Clock, Part, Planner, Real};
use jiff::SignedDuration;
use plan::{
    facts::{Engine, PodKey, Volume},
    law,
    zone::Zone,
};
use tokio::time::{Duration, sleep};

use crate::{
    chance::Chance,
    clock::{CountingStamps, TestClock},
    daemon::{Acknowledged, Daemon, Parts},
    disk::{DiskFaults, FakeDisk, Honesty},
    engine::{EngineFaults, FakeEngine, Hand, LiveRestore},
    judge::{Breach, Judge, Tracing},
    lifeline::When,
    look,
    users::{IMAGES, Users},
    witness::Witness,
};

/// In so much time everything is as asked for, once nothing goes wrong any more: twice the longest back-offs, one for a
/// missing image and one for a crash, after a request that takes as long as they do.
const CALM_MAX: Duration = Duration::from_mins(25);
/// How often it is looked whether it is.
const LOOKED_EVERY: Duration = Duration::from_secs(7);
/// After so long everything in the engine has been looked at once more, events or not.
const RELISTED: Duration = Duration::from_secs(50);
/// So long nothing may happen then: longer than any resync.
const QUIET: Duration = Duration::from_secs(100);

/// What is run.
#[derive(Clone)]
pub struct Options {
    /// The planner; the real one but for mutations.
    pub planner: Arc<dyn Planner>,
    /// What the disk promises.
    pub honesty: Honesty,
    /// So many of a thousand updates of StatefulSets name an image that nobody has.
    pub mistyped: u32,
    /// Whether each step is written down.
    pub tracing: Tracing,
}

impl Default for Options {
    fn default() -> Self {
        Options { planner: Arc::new(Real), honesty: Honesty::Honest, mistyped: 200, tracing: Tracing::Off }
    }
}

/// What came of a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The first law that was broken.
    pub breach: Option<Breach>,
    /// One line for each step, where that was asked for.
    pub trace: Vec<String>,
}

/// Runs a seed, in this thread.
///
/// # Panics
/// Where the system refuses a runtime.
pub fn run(seed: u64, options: &Options) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without I/O needs nothing");
    runtime.block_on(async {
        let judge = World::new(seed, options).live().await;
        Outcome { breach: judge.verdict(), trace: judge.trace() }
    })
}

struct World {
    chance: Chance,
    judge: Arc<Judge>,
    parts: Parts,
    users: Users,
    daemon: Option<Daemon>,
    /// What the last daemon had acknowledged.
    acknowledged: Option<Acknowledged>,
    history: law::world::History,
    /// What there was when the loop was last seen to know that the engine is silent, and how often it had heard it before.
    silence: Option<(u64, law::world::Objects, Arc<Zone>)>,
    /// Volumes that somebody removed by hand, as they were.
    taken: BTreeMap<String, Volume>,
}

impl World {
    fn new(seed: u64, options: &Options) -> World {
        let chance = Chance::new(seed);
        let clock = Arc::new(TestClock::default());
        let judge = Arc::new(Judge::new(Arc::clone(&clock), options.tracing));
        let stamps = Arc::new(CountingStamps::default());
        let engine = FakeEngine::new(Arc::clone(&clock), chance.fork(), Arc::clone(&judge), &IMAGES);
        let users = Users {
            chance: chance.fork(),
            clock: Arc::clone(&clock),
            stamps: Arc::clone(&stamps),
            judge: Arc::clone(&judge),
            mistyped: options.mistyped,
        };
        let planner = Arc::new(Witness::new(Arc::clone(&options.planner), Arc::clone(&judge)));
        let disk = FakeDisk::new(options.honesty, chance.fork(), Arc::clone(&judge));
        let parts = Parts { disk, engine: Arc::new(engine), clock, stamps, planner, judge: Arc::clone(&judge) };
        World {
            chance,
            judge,
            parts,
            users,
            daemon: None,
            acknowledged: None,
            history: law::world::History::default(),
            silence: None,
            taken: BTreeMap::new(),
        }
    }

    async fn live(mut self) -> Arc<Judge> {
        self.start_daemon().await;
        if let Some(daemon) = &self.daemon {
            self.users.begin(&daemon.store).await;
        }
        self.storm().await;
        if self.judge.verdict().is_none() {
            self.calm().await;
        }
        if let Some(daemon) = self.daemon.take() {
            daemon.kill(&self.judge).await;
        }
        self.judge
    }

    /// Things go wrong, each kind of them in about half of all seeds: where everything went wrong always, much would
    /// never be reached.
    async fn storm(&mut self) {
        let rate = |per_mille: u32| if self.chance.happens(500) { per_mille } else { 0 };
        let engine = EngineFaults {
            takes_time: true,
            fails_before: rate(30),
            fails_after: rate(30),
            slow: rate(10),
            long_init: rate(300),
            init_fails: rate(100),
            stuck: rate(100),
            hint_lost: rate(200),
            hint_late: rate(200),
            hint_twice: rate(100),
        };
        let disk = DiskFaults { fails_before: rate(20), fails_after: rate(20) };
        let with_hands = self.chance.happens(500);
        let with_crashes = self.chance.happens(600);
        let with_engine = self.chance.happens(500);
        let with_strangers = self.chance.happens(300);
        let with_network = self.chance.happens(200);
        let with_clock = self.chance.happens(200);
        self.judge.step("world", || format!("{engine:?} {disk:?}"));
        self.parts.engine.set_faults(engine);
        self.parts.disk.set_faults(disk);
        for _ in 0..self.chance.between(10, 40) {
            let pause =
                if self.chance.happens(600) { self.chance.millis(1, 400) } else { self.chance.millis(1, 9_000) };
            sleep(pause).await;
            self.look().await;
            if self.judge.verdict().is_some() {
                return;
            }
            match self.chance.below(12) {
                0..4 => {
                    if let Some(daemon) = &self.daemon {
                        self.users.act(&daemon.store).await;
                    }
                }
                4 | 5 if with_hands => self.handle(),
                6 if with_crashes => self.end_daemon().await,
                7 if with_engine => self.hurt_engine(),
                8 if with_strangers => self.meet_strangers(),
                9 => self.spoil(),
                10 if with_network => self.parts.engine.remove_network(),
                11 if with_clock => self.set_clock(),
                _ => {}
            }
            if self.daemon.is_none() && self.chance.happens(400) {
                self.start_daemon().await;
            }
        }
    }

    /// Nothing goes wrong any more, and people help where only they can: then everything comes to rest, as asked for.
    async fn calm(&mut self) {
        self.judge.step("world", || "calm".to_owned());
        self.parts.disk.set_faults(DiskFaults::default());
        self.parts.disk.set_full(false);
        self.parts.engine.heal(&IMAGES);
        self.put_back();
        if let Some(daemon) = &self.daemon {
            daemon.lifeline.spare();
        }
        let began = self.parts.clock.now();
        loop {
            sleep(LOOKED_EVERY).await;
            self.look().await;
            if self.daemon.is_none() {
                self.start_daemon().await;
            }
            self.put_back();
            let unsettled = self.unsettled();
            if self.judge.verdict().is_some() {
                return;
            }
            let passed = self.parts.clock.now().duration_since(began).unsigned_abs();
            // What nobody was told of is seen when everything is looked at again.
            let unsettled = unsettled.or_else(|| (passed < RELISTED).then(|| "nobody has looked yet".to_owned()));
            let Some(unsettled) = unsettled else { break };
            if passed > CALM_MAX {
                self.judge.breach("settles", unsettled);
                return;
            }
            if let Some(daemon) = &self.daemon {
                self.users.mend(&daemon.store).await;
            }
        }
        self.judge.step("world", || "settled".to_owned());
        let Some(daemon) = &self.daemon else { return };
        let revision = daemon.store.revision();
        drop(self.parts.engine.take_trace());
        sleep(QUIET).await;
        let asked = self.parts.engine.take_trace();
        if !asked.is_empty() {
            self.judge.breach("quiet", format!("nothing was to be done, and it was asked for: {}", asked.join(", ")));
        }
        let written = look::written_since(daemon, revision);
        if !written.is_empty() {
            self.judge.breach("quiet", format!("nothing was to be written, and it was: {}", written.join(", ")));
        }
        self.look().await;
        self.judge.expect("settles", self.unsettled().map_or(Ok(()), Err));
    }

    /// People put back the volumes that somebody has removed, where they are missed: where the object is there, and does not
    /// say that the claim is gone. Data that is put back for no object is theirs, and would stay.
    fn put_back(&mut self) {
        let Some(daemon) = &self.daemon else { return };
        let objects = daemon.store.list("persistentvolumes", None).items;
        let is_missed = |name: &String| {
            objects.iter().any(|object| {
                object["spec"]["csi"]["volumeHandle"] == name.as_str() && object["status"]["phase"] != "Released"
            })
        };
        let missed: Vec<String> = self.taken.keys().filter(|name| is_missed(name)).cloned().collect();
        for volume in missed.iter().filter_map(|name| self.taken.remove(name)) {
            self.parts.engine.restore_volume(&volume);
        }
    }

    /// Holds what is at this moment to the laws.
    async fn look(&mut self) {
        if self.daemon.as_ref().is_some_and(|daemon| daemon.lifeline.is_over()) {
            self.kill_daemon().await;
        }
        let Some(daemon) = &self.daemon else { return };
        let objects = look::objects(daemon);
        let engine = self.engine();
        let zone = daemon.zone.load_full();
        let taken: BTreeSet<String> = self.taken.keys().cloned().collect();
        let (begun, heard) = (self.parts.engine.take_begun(), self.parts.engine.heard());
        let is_silent = daemon.board.health(Part::Engine, self.parts.clock.now()).is_err();
        let before = self.silence.take().filter(|(before, ..)| is_silent && *before == heard);
        let mut laws = vec![self.history.sticky(&objects, &engine.volumes, &taken)];
        if let Some((_, objects_before, zone_before)) = &before {
            laws.push(law::world::blind((objects_before, zone_before.as_ref()), (&objects, zone.as_ref()), &begun));
        }
        // A daemon that has just started answers for no service before it can answer for all.
        if zone.serial > 0 {
            laws.push(law::world::zone_true(&objects, &zone));
            self.judge.expect("zone true", look::names_answer(daemon, &zone));
        }
        self.silence = is_silent.then_some((heard, objects, zone));
        for broken in laws.into_iter().filter_map(Result::err) {
            self.judge.breach(&broken.law.to_string(), broken.why);
        }
        self.judge.expect("one address for one identity", look::one_address_each(daemon));
    }

    /// Why not everything is as asked for.
    fn unsettled(&self) -> Option<String> {
        let Some(daemon) = &self.daemon else { return Some("there is no daemon".to_owned()) };
        if self.parts.engine.is_busy() {
            return Some("the engine is busy".to_owned());
        }
        let (objects, engine) = (look::objects(daemon), self.engine());
        let zone = daemon.zone.load();
        if let Err(broken) = law::world::settles(&objects, &engine, &zone, self.parts.clock.now()) {
            return Some(broken.why);
        }
        if let Err(broken) = law::world::served(&objects, &self.parts.engine.frontends()) {
            return Some(broken.why);
        }
        let leaving = objects.namespaces.iter().find(|namespace| namespace.metadata.deletion_timestamp.is_some());
        if let Some(namespace) = leaving {
            return Some(format!("namespace {:?} is still there", namespace.metadata.name));
        }
        if let Err(broken) = law::world::one_of_each(&engine) {
            return Some(broken.why);
        }
        look::cut_off(&engine)
            .or_else(|| look::outdated(daemon, &self.parts.engine))
            .or_else(|| look::orphan(daemon, &engine))
            .or_else(|| look::bare(daemon))
    }

    fn engine(&self) -> Engine {
        let mut engine = Engine::default();
        for container in self.parts.engine.containers() {
            engine.containers.entry(container.owner.pod.clone()).or_default().push(container);
        }
        for name in self.parts.engine.volumes() {
            engine.volumes.extend(self.parts.engine.volume(&name).map(|volume| (name, volume)));
        }
        engine
    }

    async fn start_daemon(&mut self) {
        match Daemon::start(&self.parts) {
            Ok(daemon) => {
                self.silence = None;
                if let Some(acknowledged) = self.acknowledged.take() {
                    self.judge.expect("never loses", acknowledged.is_kept_by(&daemon.store));
                }
                self.users.seed(&daemon.store).await;
                self.daemon = Some(daemon);
            }
            Err(error @ store::OpenError::Io { .. }) => self.judge.step("daemon", || format!("cannot start: {error}")),
            Err(error) => self.judge.breach("never loses", error.to_string()),
        }
    }

    async fn end_daemon(&mut self) {
        let Some(daemon) = &self.daemon else { return };
        match self.chance.below(5) {
            0 => self.kill_daemon().await,
            1 => {
                if let Some(daemon) = self.daemon.take() {
                    self.acknowledged = Some(daemon.stop(&self.judge).await);
                }
            }
            _ => {
                let when = if self.chance.happens(500) { When::Before } else { When::After };
                let steps = self.chance.between(0, 60);
                self.judge.step("fault", || format!("the daemon will die in {steps} steps, {when:?} the effect"));
                daemon.lifeline.end_in(steps, when);
            }
        }
    }

    async fn kill_daemon(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            self.acknowledged = Some(daemon.kill(&self.judge).await);
        }
    }

    /// Somebody does something to a container or a volume.
    fn handle(&mut self) {
        let engine = &self.parts.engine;
        let (ids, volumes) = (engine.ids(), engine.volumes());
        if let Some(name) = self.chance.pick(&volumes).filter(|_| self.chance.happens(100)) {
            let volume = engine.volume(name);
            if engine.remove_volume(name) {
                self.taken.extend(volume.map(|volume| (name.clone(), volume)));
            }
        } else if let (Some(id), Some(hand)) = (self.chance.pick(&ids), self.chance.pick(&Hand::ALL)) {
            engine.touch(id, *hand);
        }
    }

    fn hurt_engine(&self) {
        let engine = &self.parts.engine;
        let live_restore = if self.chance.happens(500) { LiveRestore::Yes } else { LiveRestore::No };
        match self.chance.below(5) {
            0 => engine.hang(),
            1 | 2 => engine.crash(),
            _ => engine.recover(live_restore),
        }
    }

    /// Other people's containers come into our way, or leave it.
    fn meet_strangers(&self) {
        let engine = &self.parts.engine;
        let address = IpAddr::V4(Ipv4Addr::new(10, 88, 0, 2 + self.chance.below(6) as u8));
        let ordinal = self.chance.below(3);
        match self.chance.below(5) {
            0 => engine.run_stranger("stranger", Some(address), &[]),
            1 => {
                let part = if self.chance.happens(500) { "POD" } else { "main" };
                engine.run_stranger(&format!("default_web-{ordinal}_{part}_{}", self.chance.below(2)), None, &[]);
            }
            2 => {
                let volumes = engine.volumes();
                let volume: Vec<String> = self.chance.pick(&volumes).cloned().into_iter().collect();
                engine.run_stranger("backup", None, &volume);
            }
            3 => {
                let pod = PodKey { namespace: "default".into(), name: format!("web-{ordinal}") };
                engine.readdress(&pod, address);
            }
            _ => engine.remove_strangers(),
        }
    }

    /// An operator or a time server sets the clock, forward or back, by a moment or by hours.
    fn set_clock(&self) {
        let seconds =
            if self.chance.happens(500) { self.chance.between(1, 60) } else { self.chance.between(60, 7_200) };
        let by = SignedDuration::from_secs(seconds as i64);
        let by = if self.chance.happens(500) { by } else { -by };
        self.judge.step("hand", || format!("sets the clock by {by:#}"));
        self.parts.clock.set(by);
    }

    /// Images, probes and the disk get worse, or better.
    fn spoil(&self) {
        let image = self.chance.pick(&IMAGES).unwrap_or(&IMAGES[0]);
        let pod = PodKey { namespace: "default".into(), name: format!("web-{}", self.chance.below(3)) };
        match self.chance.below(6) {
            0 => self.parts.engine.remove_image(image),
            1 => self.parts.engine.add_image(image),
            2 => self.parts.engine.set_sick(&pod, "main", Some("not now")),
            3 => self.parts.engine.set_sick(&pod, "main", None),
            4 => self.parts.disk.set_full(true),
            _ => self.parts.disk.set_full(false),
        }
    }
}
