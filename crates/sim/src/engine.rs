//! A fake engine: Docker's rules, and whatever goes wrong with it.
//!
//! [`world`] holds what there is and the rules about it; `hands` is what people do to it behind our back; here is how
//! requests are served: late, in vain, or without an answer, as the seed says.

mod hands;
pub(crate) mod world;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use controller::{Clock, Hint};
use plan::{
    Action,
    action::Failure,
    claim::ABANDONED_KEPT,
    facts::{PodKey, Role, State},
    zone::Frontends,
};
use tokio::{
    sync::{Notify, broadcast},
    time::{Duration, sleep},
};

use crate::{chance::Chance, clock::TestClock, judge::Judge, tripwire::Tripwire, users::SIDECAR};
pub use hands::Hand;
use world::World;

/// Hints that a reader has not taken yet; more collapse into `Everything`, as in the real engine.
const HINTS_MAX: usize = 64;

/// How often a paused container looks whether it may go on.
const PAUSED_LOOKED_AT: Duration = Duration::from_secs(1);

/// How often each thing goes wrong, in a thousand times.
#[derive(Clone, Copy, Debug, Default)]
pub struct EngineFaults {
    /// A request takes a few milliseconds, as it does.
    pub takes_time: bool,
    /// A request fails and has no effect.
    pub fails_before: u32,
    /// A request fails and has its effect.
    pub fails_after: u32,
    /// A request takes up to some minutes: its effect may come when nobody waits for it any more.
    pub slow: u32,
    /// An init container takes up to a minute.
    pub long_init: u32,
    /// An init container fails.
    pub init_fails: u32,
    /// Of a container that is being removed something is left, which holds its name.
    pub stuck: u32,
    /// A hint never comes.
    pub hint_lost: u32,
    /// A hint comes seconds later.
    pub hint_late: u32,
    /// A hint comes twice.
    pub hint_twice: u32,
}

/// Whether the engine serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Up,
    /// Accepts requests and does nothing about them.
    Hung,
    /// Refuses connections.
    Down,
}

/// What the containers do while the engine is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveRestore {
    /// They go on; one that ends meanwhile ends without an event.
    Yes,
    /// The engine kills them when it comes back.
    No,
}

/// An engine whose containers are entries in a map.
#[derive(Debug)]
pub struct FakeEngine {
    clock: Arc<TestClock>,
    chance: Chance,
    judge: Arc<Judge>,
    world: Mutex<World>,
    /// Requests that are refused because a test says so; their kind is the first word of what is asked for.
    pub tripwire: Tripwire,
    faults: Mutex<EngineFaults>,
    /// Every action that was asked for, in order, as one line each.
    asked: Mutex<Vec<String>>,
    /// The same actions, as they are.
    begun: Mutex<Vec<Action>>,
    /// How often it has said what there is, and was heard.
    heard: AtomicU64,
    hints: broadcast::Sender<Hint>,
    /// Requests that change something and are not answered yet.
    under_way: AtomicU64,
    /// What it does, and how often it has died: a request does not outlive the engine that took it.
    life: Mutex<(Life, u64)>,
    /// Requests that wait for that to change. It wakes them in the order in which they came; a watch channel would wake
    /// them in one of its own, and a seed would not be the same world twice.
    changed: Notify,
}

/// A request, as far as chance has to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// Asks what there is.
    Read,
    /// Changes something.
    Write,
    /// Downloads.
    Pull,
}

impl FakeEngine {
    /// An engine that has these images, and that does nothing wrong until it is told to.
    pub fn new(clock: Arc<TestClock>, chance: Chance, judge: Arc<Judge>, images: &[&str]) -> Self {
        let world = World { images: images.iter().map(|image| (*image).to_owned()).collect(), ..World::default() };
        FakeEngine {
            clock,
            chance,
            judge,
            world: Mutex::new(world),
            tripwire: Tripwire::default(),
            faults: Mutex::default(),
            asked: Mutex::default(),
            begun: Mutex::default(),
            heard: AtomicU64::new(0),
            hints: broadcast::channel(HINTS_MAX).0,
            under_way: AtomicU64::new(0),
            life: Mutex::new((Life::Up, 0)),
            changed: Notify::new(),
        }
    }

    /// From now on this goes wrong.
    pub fn set_faults(&self, faults: EngineFaults) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    /// Gives the engine an image, as `docker build` does beside us.
    pub fn add_image(&self, image: &str) {
        self.world().images.insert(image.to_owned());
    }

    /// Makes a container's probes fail with this message, or succeed again.
    pub fn set_sick(&self, pod: &PodKey, container: &str, message: Option<&str>) {
        let key = (pod.clone(), container.to_owned());
        match message {
            Some(message) => drop(self.world().sick.insert(key, message.to_owned())),
            None => drop(self.world().sick.remove(&key)),
        }
    }

    /// Makes the engine fall silent, or answer again.
    pub fn set_silent(&self, silent: bool) {
        self.become_now(if silent { Life::Down } else { Life::Up });
    }

    /// Makes the engine accept requests without doing anything about them, as one that is stopped by a signal.
    pub fn hang(&self) {
        self.judge.step("engine", || "hangs".to_owned());
        self.become_now(Life::Hung);
    }

    /// Kills the engine: requests under way have the effect that they have had.
    pub fn crash(&self) {
        self.judge.step("engine", || "dies".to_owned());
        let deaths = self.life().1;
        self.set_life((Life::Down, deaths + 1));
    }

    /// Lets an engine that hung or died serve again.
    pub fn recover(&self, live_restore: LiveRestore) {
        let is_new = self.life().0 == Life::Down;
        self.judge.step("engine", || format!("serves again, live restore {live_restore:?}"));
        if is_new && live_restore == LiveRestore::No {
            self.restart();
        }
        self.become_now(Life::Up);
        if is_new {
            // Whoever listened has lost the connection, and looks at everything once there is a new one.
            drop(self.hints.send(Hint::Everything));
        }
    }

    /// Ends every container, as a restart of the engine does.
    pub fn restart(&self) {
        let now = self.clock.now();
        for kept in self.world().containers.values_mut() {
            world::end(&mut kept.container, 137, now);
        }
    }

    /// Ends one container from outside.
    pub fn kill(&self, pod: &PodKey, container: &str) {
        let now = self.clock.now();
        {
            let mut world = self.world();
            let of_pod = world.of_pod(pod).filter(|kept| kept.container.owner.container == container);
            let ids: Vec<String> = of_pod.map(|kept| kept.container.id.clone()).collect();
            for id in ids {
                world.end(&id, 137, now);
            }
        }
        drop(self.hints.send(Hint::Pod(pod.clone())));
    }

    /// The ids of the containers that run, by pod and container name.
    pub fn running(&self) -> BTreeMap<(PodKey, String), String> {
        let world = self.world();
        let running = world.containers.values().filter(|kept| matches!(kept.container.state, State::Running { .. }));
        running
            .map(|kept| {
                let owner = &kept.container.owner;
                ((owner.pod.clone(), owner.container.clone()), kept.container.id.clone())
            })
            .collect()
    }

    /// What stands behind virtual addresses, as it was told last.
    pub fn frontends(&self) -> Frontends {
        self.world().frontends.clone()
    }

    /// The files that a volume shows, by path; `None` where it shows none yet.
    pub fn files(&self, volume: &str) -> Option<BTreeMap<String, Vec<u8>>> {
        let files = self.world().files.get(volume)?.files.clone();
        Some(files.into_iter().map(|file| (file.path, file.content.as_slice().to_vec())).collect())
    }

    /// The names of the volumes.
    pub fn volumes(&self) -> Vec<String> {
        self.world().volumes.keys().cloned().collect()
    }

    /// What was asked for since the last call, one line for each action, probes left out.
    pub fn take_trace(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The actions that were begun since the last call, probes left out.
    pub fn take_begun(&self) -> Vec<Action> {
        std::mem::take(&mut self.begun.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How often a daemon has heard what there is.
    pub fn heard(&self) -> u64 {
        self.heard.load(Ordering::SeqCst)
    }

    /// Takes down that a daemon has heard what there is.
    pub(crate) fn is_heard(&self) {
        self.heard.fetch_add(1, Ordering::SeqCst);
    }

    /// Takes down an action that is asked for.
    pub(crate) fn note(&self, action: &Action, line: String) {
        self.judge.step("daemon", || line.clone());
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).push(action.clone());
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// What is in the engine.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The judge of this world.
    pub(crate) fn judge(&self) -> &Judge {
        &self.judge
    }

    /// What comes to a reader of events.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Hint> {
        self.hints.subscribe()
    }

    /// Whether requests that change something are being served, also for callers that have gone away.
    pub fn is_busy(&self) -> bool {
        self.under_way.load(Ordering::SeqCst) > 0
    }

    /// Serves a request, as well as it goes. The caller may have gone away when it has its effect.
    pub(crate) async fn serve<T>(
        &self,
        call: Call,
        what: String,
        effect: impl FnOnce(&mut World, jiff::Timestamp) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        if call == Call::Read {
            return self.serve_somehow(call, what, effect).await;
        }
        self.under_way.fetch_add(1, Ordering::SeqCst);
        let result = self.serve_somehow(call, what, effect).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        result
    }

    async fn serve_somehow<T>(
        &self,
        call: Call,
        what: String,
        effect: impl FnOnce(&mut World, jiff::Timestamp) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let faults = *self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let began = self.life().1;
        let asked = self.clock.now();
        if faults.takes_time {
            sleep(self.time_taken(call, faults)).await;
        }
        // A hung engine begins with what it was asked for once it runs again.
        self.not_hung().await;
        let silent = |why: &str| Err(Failure::Silent(why.to_owned()));
        if self.life() != (Life::Up, began) {
            return silent("the engine is silent");
        }
        // The daemon takes it that nothing is done so late, by the clock: where that was set forward meanwhile, what is done all
        // the same stays behind, and nobody looks for it.
        if call == Call::Write && self.clock.now().duration_since(asked) > ABANDONED_KEPT {
            return silent("the request was given up");
        }
        if call != Call::Read && self.tripwire.fails(what.split(' ').next().unwrap_or_default()) {
            self.judge.step("fault", || format!("refused: {what}"));
            return Err(Failure::Refused("the engine refuses this".to_owned()));
        }
        if self.chance.happens(faults.fails_before) {
            self.judge.step("fault", || format!("no effect: {what}"));
            return if call == Call::Read || self.chance.happens(500) {
                silent("connection reset")
            } else {
                Err(Failure::Refused("the engine is out of sorts".to_owned()))
            };
        }
        let result = effect(&mut self.world(), self.clock.now());
        if call != Call::Read {
            let failure = result.as_ref().err();
            self.judge
                .step("engine", || failure.map_or_else(|| what.clone(), |failure| format!("{what}: {failure:?}")));
        }
        if faults.takes_time {
            sleep(self.chance.millis(0, 3)).await;
        }
        if self.life().1 != began {
            return silent("unexpected EOF");
        }
        if self.chance.happens(faults.fails_after) {
            self.judge.step("fault", || format!("no answer: {what}"));
            return silent("unexpected EOF");
        }
        result
    }

    /// Lets an init container that runs come to its end; whether it is told depends on what events are worth.
    pub(crate) fn work(self: &Arc<Self>, id: &str) {
        let is_init = |kept: &world::Kept| {
            let owner = &kept.container.owner;
            owner.role == Role::Init && owner.container != SIDECAR && world::is_live(&kept.container)
        };
        let Some(since) =
            self.world().containers.get(id).filter(|kept| is_init(kept)).map(|kept| kept.container.state.clone())
        else {
            return;
        };
        let faults = *self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let code = i64::from(self.chance.happens(faults.init_fails));
        let time = if !faults.takes_time {
            Duration::ZERO
        } else if self.chance.happens(faults.long_init) {
            self.chance.millis(1_000, 60_000)
        } else {
            self.chance.millis(1, 200)
        };
        let (engine, id) = (Arc::clone(self), id.to_owned());
        tokio::spawn(async move {
            sleep(time).await;
            // One that was paused meanwhile goes on when it may; one that was started again has a task of its own.
            while let Some(State::Running { paused: true, .. }) = engine.state(&id) {
                sleep(PAUSED_LOOKED_AT).await;
            }
            if engine.state(&id) == Some(since) {
                engine.judge.step("engine", || format!("init container {id} ends with {code}"));
                let pod = engine.world().end(&id, code, engine.clock.now());
                if let Some(pod) = pod {
                    engine.hint(&pod);
                }
            }
        });
    }

    fn state(&self, id: &str) -> Option<State> {
        self.world().containers.get(id).map(|kept| kept.container.state.clone())
    }

    fn time_taken(&self, call: Call, faults: EngineFaults) -> Duration {
        match call {
            _ if self.chance.happens(faults.slow) => self.chance.millis(1_000, 200_000),
            Call::Read => self.chance.millis(0, 3),
            Call::Write => self.chance.millis(1, 90),
            Call::Pull => self.chance.millis(50, 20_000),
        }
    }

    /// Tells whoever listens that something has happened to a pod, as reliably as events are.
    pub(crate) fn hint(&self, pod: &PodKey) {
        let faults = *self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if self.life().0 != Life::Up || self.chance.happens(faults.hint_lost) {
            self.judge.step("fault", || format!("no event about {pod}"));
            return;
        }
        let times = if self.chance.happens(faults.hint_twice) { 2 } else { 1 };
        for _ in 0..times {
            if self.chance.happens(faults.hint_late) {
                let (hints, pod, delay) = (self.hints.clone(), pod.clone(), self.chance.millis(1, 9_000));
                tokio::spawn(async move {
                    sleep(delay).await;
                    drop(hints.send(Hint::Pod(pod)));
                });
            } else {
                drop(self.hints.send(Hint::Pod(pod.clone())));
            }
        }
    }

    fn life(&self) -> (Life, u64) {
        *self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn become_now(&self, now: Life) {
        let deaths = self.life().1;
        self.set_life((now, deaths));
    }

    fn set_life(&self, life: (Life, u64)) {
        *self.life.lock().unwrap_or_else(PoisonError::into_inner) = life;
        self.changed.notify_waiters();
    }

    async fn not_hung(&self) {
        loop {
            let changed = self.changed.notified();
            if self.life().0 != Life::Hung {
                return;
            }
            changed.await;
        }
    }
}
