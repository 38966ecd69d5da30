//! The laws that hold whatever happens, in a world where anything may happen between two passes.

use jiff::Timestamp;
use plan::{
    Action,
    action::{Done, Failure, ProbeKind},
    facts::{Container, Owner, PodKey, Role, State},
    law::{self, Verdict},
    pod::{self, Input, Memory, Plan, ProbeMemory, Restarts, Tries},
};
use proptest::prelude::*;

use serde_json::json;

use crate::{
    place::{laptop, neighbour},
    world::{World, is_live, key, volume},
};

/// Pods of every kind that the stories know; the last is for crowds.
const SPECS: [&str; 7] = [
    r#"{"containers": [{"name": "a", "image": "x", "ports": [{"containerPort": 80, "hostPort": 80}]}]}"#,
    r#"{"containers": [{"name": "a", "image": "x", "imagePullPolicy": "Always",
            "readinessProbe": {"tcpSocket": {"port": 1}, "periodSeconds": 1, "failureThreshold": 1}},
        {"name": "b", "image": "y", "livenessProbe": {"exec": {"command": ["x"]}, "periodSeconds": 2, "failureThreshold": 1}}]}"#,
    r#"{"initContainers": [{"name": "i", "image": "x"}, {"name": "s", "image": "x", "restartPolicy": "Always"}],
        "containers": [{"name": "a", "image": "x", "volumeMounts": [{"name": "t", "mountPath": "/t"}],
            "startupProbe": {"tcpSocket": {"port": 1}, "periodSeconds": 1}}], "volumes": [{"name": "t", "emptyDir": {}}]}"#,
    r#"{"restartPolicy": "OnFailure", "activeDeadlineSeconds": 200,
        "initContainers": [{"name": "i", "image": "x"}, {"name": "s", "image": "x", "restartPolicy": "Always"}],
        "containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "x"}]}"#,
    r#"{"restartPolicy": "Never", "securityContext": {"fsGroup": 2000}, "containers": [{"name": "a", "image": "x", "volumeMounts": [{"name": "v", "mountPath": "/v"}],
        "lifecycle": {"postStart": {"exec": {"command": ["x"]}}, "preStop": {"exec": {"command": ["x"]}}}}],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]}"#,
    r#"{"containers": [{"name": "a", "image": "x", "envFrom": [{"configMapRef": {"name": "m", "optional": true}}],
            "volumeMounts": [{"name": "f", "mountPath": "/f"}, {"name": "g", "mountPath": "/g"}]}],
        "volumes": [{"name": "f", "configMap": {"name": "m"}},
            {"name": "g", "secret": {"secretName": "s", "items": [{"key": "k", "path": "p"}]}}]}"#,
    r#"{"nodeName": "laptop", "containers": [{"name": "a", "image": "x", "ports": [{"containerPort": 80, "hostPort": 80}]}]}"#,
];

/// What happens between two looks at the pod.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A pass, whose actions begin and do not end yet.
    Pass,
    /// An action that is in flight ends, somehow.
    End(usize, Ending),
    /// Time goes by.
    Wait(u8),
    /// A container dies.
    Exit(usize, u8),
    /// A container is removed behind the daemon's back.
    Prune(usize),
    /// A container is started again from outside, paused, or stuck on its way out.
    Become(usize, Oddity),
    /// The daemon dies; what was in flight happened or not.
    Crash(bool),
    /// The pod is deleted, or removed by force, or another pod takes its name.
    Delete(u8),
    Force,
    Recreate(usize),
    /// A probe of a container turns bad or good.
    Sick(usize, ProbeKind),
    /// Images vanish; the claim comes and goes; the address too.
    Images,
    Claim,
    Address,
    /// What the pod reads of its configuration changes, or goes.
    Config(u8),
    /// The node is cordoned or uncordoned; a pod that takes a port comes or goes.
    Cordon,
    Neighbour,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    Well,
    /// It happened, and nobody said so.
    Unheard,
    /// It did not happen, and nobody said so.
    Silent,
    Refused,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Oddity {
    Restarted,
    Paused,
    Removing,
}

fn event() -> impl Strategy<Value = Event> {
    let ending = prop_oneof![
        5 => Just(Ending::Well), 1 => Just(Ending::Unheard), 1 => Just(Ending::Silent), 1 => Just(Ending::Refused)
    ];
    let oddity = prop_oneof![Just(Oddity::Restarted), Just(Oddity::Paused), Just(Oddity::Removing)];
    let kind = prop_oneof![Just(ProbeKind::Startup), Just(ProbeKind::Liveness), Just(ProbeKind::Readiness)];
    prop_oneof![
        12 => Just(Event::Pass),
        12 => (any::<usize>(), ending).prop_map(|(which, how)| Event::End(which, how)),
        4 => any::<u8>().prop_map(Event::Wait),
        3 => (any::<usize>(), 0..3u8).prop_map(|(which, code)| Event::Exit(which, code)),
        1 => any::<usize>().prop_map(Event::Prune),
        1 => (any::<usize>(), oddity).prop_map(|(which, how)| Event::Become(which, how)),
        1 => any::<bool>().prop_map(Event::Crash),
        1 => (0..40u8).prop_map(Event::Delete),
        1 => Just(Event::Force),
        1 => (0..SPECS.len() - 1).prop_map(Event::Recreate),
        1 => (any::<usize>(), kind).prop_map(|(which, kind)| Event::Sick(which, kind)),
        1 => Just(Event::Images),
        1 => Just(Event::Claim),
        1 => Just(Event::Address),
        1 => (0..5u8).prop_map(Event::Config),
    ]
}

/// What the pod may read: nothing, a part of it, or one version or the other of all of it.
fn configure(world: &mut World, state: u8) {
    world.config = plan::config::Config::default();
    match state {
        0 => {}
        1 => world.config_map("m", &[("a", "1")]),
        2 => world.secret("s", &[("other", "1")]),
        state => {
            world.config_map("m", &[("a", if state == 3 { "1" } else { "2" })]);
            world.secret("s", &[("k", "secret")]);
        }
    }
}

/// A world with actions in flight.
struct Play {
    world: World,
    flying: Vec<Action>,
    /// How many pods had the name: each has a uid of its own.
    pods: u32,
}

impl Play {
    fn new(spec: usize) -> Self {
        let mut world = World::new(SPECS[spec]);
        world.claims.insert("c".into(), volume("pvc-1"));
        configure(&mut world, 0);
        Self { world, flying: Vec::new(), pods: 0 }
    }

    fn happen(&mut self, event: &Event) -> Verdict {
        match event {
            Event::Pass => self.pass()?,
            Event::End(which, how) => self.end(*which, *how),
            Event::Wait(seconds) => self.world.advance(i64::from(*seconds)),
            Event::Exit(which, code) => {
                let live: Vec<String> =
                    self.world.containers.iter().filter(|c| is_live(c)).map(|c| c.owner.container.clone()).collect();
                if let Some(name) = pick(&live, *which) {
                    self.world.exit(name, i64::from(*code));
                }
            }
            Event::Prune(which) => {
                if !self.world.containers.is_empty() {
                    let at = which % self.world.containers.len();
                    self.world.containers.remove(at);
                }
            }
            Event::Become(which, oddity) => self.become_odd(*which, *oddity),
            Event::Crash(happened) => {
                for action in std::mem::take(&mut self.flying) {
                    if *happened {
                        drop(self.world.act(&action));
                    }
                }
                self.world.forget();
            }
            Event::Delete(grace) => {
                let is_new = |pod: &k8s_openapi::api::core::v1::Pod| pod.metadata.deletion_timestamp.is_none();
                if self.world.pod.as_ref().is_some_and(is_new) {
                    self.world.delete(i64::from(*grace));
                }
            }
            Event::Force => self.world.pod = None,
            Event::Recreate(spec) => {
                if self.world.pod.is_none() {
                    self.pods += 1;
                    self.world.create(&format!("uid-{}", self.pods), SPECS[*spec]);
                }
            }
            Event::Sick(which, kind) => {
                let name = ["a", "b", "s"][which % 3].to_owned();
                if self.world.sick.remove(&(name.clone(), *kind)).is_none() {
                    self.world.sick.insert((name, *kind), "no".into());
                }
            }
            Event::Images => self.world.images.clear(),
            Event::Claim => {
                if self.world.claims.remove("c").is_none() {
                    self.world.claims.insert("c".into(), volume("pvc-1"));
                }
            }
            Event::Address => {
                self.world.address = match self.world.address {
                    Ok(_) => Err("all addresses are in use".into()),
                    Err(_) => Ok(crate::world::POD_ADDRESS),
                }
            }
            Event::Config(state) => configure(&mut self.world, *state),
            Event::Cordon => {
                let cordoned = || laptop(json!({"spec": {"unschedulable": true}}));
                self.world.node = if self.world.node.is_none() { Some(cordoned()) } else { None };
            }
            Event::Neighbour => {
                let ports = json!([{"containerPort": 80, "hostPort": 80}]);
                let other = neighbour("db-0", json!({"spec": {"containers": [{"name": "a", "ports": ports}]}}));
                if self.world.neighbours.pop().is_none() {
                    self.world.neighbours.push(other);
                }
            }
        }
        self.world.one_of_each()
    }

    fn pass(&mut self) -> Verdict {
        let plan = self.world.judged()?;
        self.world.commit(&plan);
        for action in plan.actions {
            self.world.begin(&action);
            self.flying.push(action);
        }
        Ok(())
    }

    fn end(&mut self, which: usize, how: Ending) {
        if self.flying.is_empty() {
            return;
        }
        let action = self.flying.remove(which % self.flying.len());
        let result = match how {
            Ending::Well => self.world.act(&action),
            Ending::Unheard => {
                drop(self.world.act(&action));
                Err(Failure::Silent("timed out".into()))
            }
            Ending::Silent => Err(Failure::Silent("timed out".into())),
            Ending::Refused => Err(Failure::Refused("no".into())),
        };
        self.world.answer(&action, &result);
    }

    fn become_odd(&mut self, which: usize, oddity: Oddity) {
        let now = self.world.now;
        let count = self.world.containers.len().max(1);
        let Some(container) = self.world.containers.get_mut(which % count) else { return };
        container.state = match (oddity, &container.state) {
            (Oddity::Restarted, State::Running { .. }) => State::Running { started_at: now, paused: false },
            (Oddity::Paused, State::Running { started_at, .. }) => {
                State::Running { started_at: *started_at, paused: true }
            }
            (Oddity::Removing, _) => State::Removing,
            (Oddity::Restarted | Oddity::Paused, state) => state.clone(),
        };
    }

    /// Containers of other pods, and the order of what is given, make no difference.
    fn stay_alone(&self) -> Verdict {
        let plan = self.world.judged()?;
        let mut crowded = self.world.clone();
        let others = self.world.containers.iter().map(|container| {
            let pod = PodKey { name: "web-1".into(), ..key() };
            let owner = Owner { pod, ..container.owner.clone() };
            Container { owner, id: format!("x{}", container.id), ..container.clone() }
        });
        crowded.containers.extend(others);
        crowded.containers.reverse();
        law::alone(&plan, &crowded.with_input(self.world.planner))
    }

    /// Nothing bad happens any more: all that is in flight ends well, and time goes by.
    fn calm_down(&mut self) -> Verdict {
        while !self.flying.is_empty() {
            self.end(0, Ending::Well);
        }
        let world = &mut self.world;
        world.sick.clear();
        world.exits.clear();
        world.node = None;
        world.neighbours.clear();
        world.claims.insert("c".into(), volume("pvc-1"));
        world.address = Ok(crate::world::POD_ADDRESS);
        configure(world, 3);
        for container in &mut world.containers {
            if let State::Running { paused, .. } = &mut container.state {
                *paused = false;
            }
        }
        for _ in 0..3 {
            world.try_run_for(400)?;
            // Init containers do their work.
            for name in ["i"] {
                if world.containers.iter().any(|c| c.owner.container == name && is_live(c)) {
                    world.exit(name, 0);
                }
            }
        }
        world.try_run_for(400)
    }
}

/// Every law that a planner can break in this play: at every pass, after every event, and in the calm that follows.
pub(crate) fn check(planner: fn(&Input<'_>) -> Plan, (spec, events): (usize, Vec<Event>)) -> Verdict {
    let mut play = Play::new(spec);
    play.world.planner = planner;
    for event in &events {
        play.happen(event)?;
    }
    play.stay_alone()?;
    play.calm_down()?;
    let last = play.world.judged()?;
    play.world.with_input(law::pod::settled)?;
    play.world.shows_its_files()?;
    law::pod::rests(&last)
}

/// A pod of some kind, and what happens to it.
pub(crate) fn any_play() -> impl Strategy<Value = (usize, Vec<Event>)> {
    (0..SPECS.len() - 1, prop::collection::vec(event(), 0..80))
}

/// The same on a node that is cordoned now and then, beside a pod that takes a port.
fn any_crowded_play() -> impl Strategy<Value = (usize, Vec<Event>)> {
    let event = prop_oneof![12 => event(), 1 => Just(Event::Cordon), 1 => Just(Event::Neighbour)];
    (prop_oneof![Just(0), Just(SPECS.len() - 1)], prop::collection::vec(event, 0..80))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_laws_hold_and_in_calm_the_pod_becomes_what_it_should(play in any_play()) {
        check(pod::plan, play)?;
    }

    #[test]
    fn on_a_crowded_node_the_laws_hold_and_in_calm_the_pod_becomes_what_it_should(play in any_crowded_play()) {
        check(pod::plan, play)?;
    }

    #[test]
    fn no_input_is_too_odd(
        pod in odd_pod(),
        containers in prop::collection::vec(odd_container(), 0..12),
        memory in odd_memory(),
        now in odd_time(),
        is_gone: bool,
    ) {
        let mut world = World::new(SPECS[2]);
        world.pod = (!is_gone).then_some(pod);
        world.containers = containers;
        world.memory = memory;
        world.now = now;
        let plan = world.with_input(pod::plan);
        prop_assert_eq!(&plan, &world.with_input(pod::plan));
        for action in &plan.actions {
            for result in [Ok(Done::Ok), Ok(Done::PostStartFailed("x".into())), Err(Failure::Taken("x".into()))] {
                let mut memory = world.memory.clone();
                pod::begin(&mut memory, action, now);
                pod::record(&mut memory, world.pod.as_ref(), action, &result, now);
            }
        }
    }
}

fn pick<T>(all: &[T], which: usize) -> Option<&T> {
    all.get(which.checked_rem(all.len())?)
}

fn odd_time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        Just(Timestamp::MIN),
        Just(Timestamp::MAX),
        (-10i64..10).prop_map(|s| Timestamp::from_second(s).unwrap())
    ]
}

fn odd_name() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), Just("a".to_owned()), Just("i".to_owned()), Just("ä-ß".repeat(40))]
}

fn odd_container() -> impl Strategy<Value = Container> {
    let state = prop_oneof![
        Just(State::Created),
        Just(State::Removing),
        (odd_time(), any::<bool>()).prop_map(|(started_at, paused)| State::Running { started_at, paused }),
        (prop::option::of(odd_time()), odd_time(), any::<i64>(), odd_name()).prop_map(
            |(started_at, finished_at, code, error)| State::Exited {
                started_at,
                finished_at,
                code,
                oom_killed: code < 0,
                error
            }
        ),
    ];
    let role = prop_oneof![Just(Role::Sandbox), Just(Role::Init), Just(Role::App)];
    let attempt = prop_oneof![0..3u32, Just(u32::MAX)];
    (odd_name(), odd_name(), role, state, attempt, 0..3usize).prop_map(|(id, container, role, state, attempt, uid)| {
        let uid = ["", "uid-1", "uid-2"][uid].to_owned();
        let owner = Owner { pod: key(), uid, role, container, attempt };
        Container { sandbox: Some(id.clone()), id, owner, state, image_id: String::new(), address: None }
    })
}

fn odd_pod() -> impl Strategy<Value = k8s_openapi::api::core::v1::Pod> {
    let number = prop_oneof![Just(i64::MIN), Just(-1), Just(0), Just(1), Just(i64::MAX)];
    (0..SPECS.len(), odd_name(), number, any::<[bool; 5]>(), odd_time()).prop_map(|(spec, name, number, has, at)| {
        use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
        let small = number.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
        let text = SPECS[spec].replace(r#""periodSeconds": 1"#, &format!(r#""periodSeconds": {small}"#));
        let mut pod = k8s_openapi::api::core::v1::Pod::default();
        if has[0] {
            pod.spec = Some(serde_json::from_str(&text).unwrap());
            let spec = pod.spec.as_mut().unwrap();
            spec.termination_grace_period_seconds = Some(number);
            spec.hostname = Some(name.clone());
            spec.node_name = has[1].then(|| "laptop".to_owned());
        }
        pod.metadata.uid = has[2].then(|| "uid-1".to_owned());
        if has[3] {
            pod.metadata.deletion_timestamp = Some(Time(at));
            pod.metadata.deletion_grace_period_seconds = Some(number);
        }
        if has[4] {
            pod.status = Some(
                serde_json::from_value(serde_json::json!({"phase": name, "containerStatuses": [{
                    "name": "a", "image": "", "imageID": "", "ready": true, "restartCount": small,
                    "state": {"terminated": {"exitCode": small, "finishedAt": null}},
                    "lastState": {"running": {"startedAt": null}}}]}))
                .unwrap(),
            );
        }
        pod
    })
}

fn odd_memory() -> impl Strategy<Value = Memory> {
    (odd_time(), any::<u32>(), odd_name(), any::<bool>()).prop_map(|(at, count, name, in_flight)| {
        let tries = Tries { count, last: at, failure: Failure::Refused("ö".repeat(2000)) };
        let restarts = Restarts { delay: std::time::Duration::MAX, last: at };
        let probe = ProbeMemory {
            id: name,
            successes: count,
            failures: count,
            last: Some(at),
            message: String::new(),
            in_flight,
            told: Some(at),
        };
        Memory {
            uid: "uid-1".into(),
            failures: [("start a".to_owned(), tries.clone()), ("sandbox".to_owned(), tries)].into(),
            restarts: [("a".to_owned(), restarts)].into(),
            probes: [(("a".to_owned(), ProbeKind::Startup), probe)].into(),
            hook_failed: [("a".to_owned(), count)].into(),
            removed: [(String::new(), at)].into(),
            ..Memory::default()
        }
    })
}
