//! Planners of pods that break one law each: the law notices within an ordinary run.

use std::collections::BTreeMap;

use plan::{
    Action, Wait, Write,
    action::{Source, Stop},
    facts::{Container, Role},
    law::Law,
    pod::{self, Input, Memory, Plan},
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

use crate::{
    laws::{any_play, check},
    world::is_live,
};

/// Four times as many cases as an ordinary run of the laws has: some faults need a rare chain of events.
const CASES: u32 = 1024;

/// The law breaks within an ordinary run.
fn noticed(law: Law, planner: fn(&Input<'_>) -> Plan) {
    let mut runner = TestRunner::deterministic();
    let plays = any_play();
    let mut others: BTreeMap<Law, String> = BTreeMap::new();
    for _ in 0..CASES {
        let play = plays.new_tree(&mut runner).unwrap().current();
        match check(planner, play) {
            Err(broken) if broken.law == law => return,
            Err(broken) => drop(others.insert(broken.law, broken.why)),
            Ok(()) => {}
        }
    }
    panic!("nobody noticed: {law}; but {others:?}");
}

/// The plan as if the engine had only these containers.
fn plan_seeing(input: &Input<'_>, sees: impl Fn(&Container) -> bool) -> Plan {
    let containers: Vec<Container> = input.containers.iter().filter(|c| sees(c)).cloned().collect();
    pod::plan(&Input { containers: &containers, ..input.clone() })
}

#[test]
fn one_of_each_notices_a_container_started_beside_its_twin() {
    // What is paused looks dead to somebody.
    noticed(Law::OneOfEach, |input| {
        plan_seeing(input, |c| !matches!(c.state, plan::facts::State::Running { paused: true, .. }))
    });
}

#[test]
fn one_of_each_notices_a_pod_started_beside_the_one_before() {
    noticed(Law::OneOfEach, |input| {
        let uid = input.pod.and_then(|pod| pod.metadata.uid.as_deref());
        plan_seeing(input, |c| Some(c.owner.uid.as_str()) == uid)
    });
}

#[test]
fn sticky_notices_a_container_on_a_fresh_volume() {
    noticed(Law::Sticky, |input| {
        let mut plan = pod::plan(input);
        for action in &mut plan.actions {
            let Action::StartContainer(start) = action else { continue };
            let attempt = start.owner.attempt;
            for mount in &mut start.mounts {
                if let Source::Volume(volume) = &mut mount.source {
                    *volume = format!("{volume}-{attempt}");
                }
            }
        }
        plan
    });
}

#[test]
fn sticky_notices_a_start_without_the_claims_volume() {
    noticed(Law::Sticky, |input| {
        let mut plan = pod::plan(input);
        for action in &mut plan.actions {
            if let Action::StartContainer(start) = action {
                start.mounts.clear();
            }
        }
        plan
    });
}

#[test]
fn sticky_notices_that_files_of_another_pod_are_mounted() {
    noticed(Law::Sticky, |input| {
        let mut plan = pod::plan(input);
        for action in &mut plan.actions {
            let Action::StartContainer(start) = action else { continue };
            for mount in &mut start.mounts {
                if let Source::Files(volume) = &mut mount.source {
                    *volume = volume.replace(&start.owner.uid, "another-uid");
                }
            }
        }
        plan
    });
}

#[test]
fn whole_notices_a_start_before_the_files_are_written() {
    noticed(Law::Whole, |input| {
        let mut memory = input.memory.clone();
        let mut scratch = input.scratch.to_vec();
        for version in ["f", "g"] {
            let uid = input.pod.and_then(|pod| pod.metadata.uid.clone()).unwrap_or_default();
            let name = format!("petset_default_{uid}_{version}");
            memory.files.insert(name.clone(), None);
            scratch.push(name);
        }
        memory.uid = input.pod.and_then(|pod| pod.metadata.uid.clone()).unwrap_or_default();
        let mut plan = pod::plan(&Input {
            memory: &memory,
            scratch: &scratch,
            config: &plan::config::Config::default(),
            ..input.clone()
        });
        plan.actions.retain(|action| !matches!(action, Action::RemoveVolume { .. }));
        plan
    });
}

#[test]
fn quiet_notices_files_that_are_written_again() {
    noticed(Law::Quiet, |input| {
        let mut memory = input.memory.clone();
        memory.files.values_mut().for_each(|version| *version = None);
        pod::plan(&Input { memory: &memory, ..input.clone() })
    });
}

#[test]
fn ours_only_notices_a_sandbox_of_another_pod() {
    noticed(Law::OursOnly, |input| {
        let mut plan = pod::plan(input);
        for action in &mut plan.actions {
            if let Action::StartContainer(start) = action {
                start.sandbox_id = "c0".to_owned();
            }
        }
        plan
    });
}

#[test]
fn ours_only_notices_a_removal_by_name_alone() {
    noticed(Law::OursOnly, |input| {
        let mut plan = pod::plan(input);
        for action in &mut plan.actions {
            if let Action::Remove { id, owner } = action {
                *id = format!("{}_{}_{}", input.host.instance, owner.pod.name, owner.container);
            }
        }
        plan
    });
}

#[test]
fn says_why_notices_dropped_waits() {
    noticed(Law::SaysWhy, |input| Plan { waits: Vec::new(), ..pod::plan(input) });
}

#[test]
fn quiet_notices_a_status_in_every_pass() {
    noticed(Law::Quiet, |input| {
        let mut plan = pod::plan(input);
        if let (true, Some(pod)) = (plan.writes.is_empty(), input.pod)
            && let Some(status) = &pod.status
        {
            plan.writes.push(Write::PodStatus {
                namespace: input.key.namespace.clone(),
                name: input.key.name.clone(),
                rv: pod.metadata.resource_version.clone().unwrap_or_default(),
                status: Box::new(status.clone()),
            });
        }
        plan
    });
}

#[test]
fn quiet_notices_a_loop_that_never_sleeps() {
    noticed(Law::Quiet, |input| Plan { look_again: Some(input.now), ..pod::plan(input) });
}

#[test]
fn settles_notices_a_container_that_is_never_started_again() {
    noticed(Law::Settles, |input| {
        let mut plan = pod::plan(input);
        let is_again = |action: &Action| matches!(action, Action::StartContainer(start) if start.owner.attempt > 0);
        if let (true, Some(pod)) = (plan.actions.iter().any(is_again), input.pod) {
            plan.actions.retain(|action| !is_again(action));
            let subject = plan::Subject {
                api_version: "v1".to_owned(),
                kind: "Pod".to_owned(),
                namespace: input.key.namespace.clone(),
                name: input.key.name.clone(),
                uid: pod.metadata.uid.clone().unwrap_or_default(),
            };
            let message = "web-0: a little more patience".to_owned();
            plan.waits.push(Wait { subject, reason: "CrashLoopBackOff", message });
        }
        plan
    });
}

#[test]
fn settles_notices_a_status_that_goes_to_and_fro() {
    noticed(Law::Settles, |input| {
        let mut plan = pod::plan(input);
        if let (true, Some(pod)) = (plan.writes.is_empty(), input.pod)
            && let Some(status) = &pod.status
        {
            let mut status = status.clone();
            status.message = status.message.is_none().then(|| "all is well".to_owned());
            plan.writes.push(Write::PodStatus {
                namespace: input.key.namespace.clone(),
                name: input.key.name.clone(),
                rv: pod.metadata.resource_version.clone().unwrap_or_default(),
                status: Box::new(status),
            });
        }
        plan
    });
}

#[test]
fn alone_notices_that_other_pods_containers_count() {
    noticed(Law::Alone, |input| {
        let mut plan = pod::plan(input);
        // A number that is interesting, and not this pod's.
        if let Some(wait) = plan.waits.first_mut() {
            wait.message = format!("{} ({} containers run here)", wait.message, input.containers.len());
        }
        plan
    });
}

#[test]
fn bounded_notices_a_second_action_beside_the_one_in_flight() {
    noticed(Law::Bounded, |input| {
        let memory = Memory { in_flight: None, in_flight_since: None, ..input.memory.clone() };
        pod::plan(&Input { memory: &memory, ..input.clone() })
    });
}

#[test]
fn bounded_notices_a_probe_that_is_put_twice() {
    noticed(Law::Bounded, |input| {
        let mut plan = pod::plan(input);
        let probe = plan.actions.iter().find(|action| matches!(action, Action::Probe(_))).cloned();
        plan.actions.extend(probe);
        plan
    });
}

#[test]
fn bounded_notices_all_stops_beside_each_other() {
    noticed(Law::Bounded, |input| {
        let mut plan = pod::plan(input);
        let sandbox = input.containers.iter().find(|c| c.owner.role == Role::Sandbox && is_live(c));
        if let (Some(Action::Stop(stops)), Some(sandbox)) = (plan.actions.first(), sandbox)
            && let Some(first) = stops.first()
        {
            let stop = Stop { id: sandbox.id.clone(), owner: sandbox.owner.clone(), ..first.clone() };
            plan.actions.push(Action::Stop(vec![stop]));
        }
        plan
    });
}
