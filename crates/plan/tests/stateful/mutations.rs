//! Each law is broken on purpose, and notices.

use plan::{
    Write,
    law::{Law, Verdict},
    set::{self, Input, Plan},
};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};

use crate::{
    laws::{any_story, check},
    world::{Planner, World},
};

/// Stories that are tried until one shows the break.
const STORIES_MAX: u32 = 3_000;

/// The planner breaks this law in some story, and no story says that it breaks another one first without this.
fn noticed(law: Law, planner: Planner) {
    let mut runner = TestRunner::deterministic();
    let mut others = Vec::new();
    for _ in 0..STORIES_MAX {
        let (world, events) = any_story().new_tree(&mut runner).unwrap().current();
        match check(planner, world, &events) {
            Err(broken) if broken.law == law => return,
            Err(broken) => others.push(broken.to_string()),
            Ok(()) => {}
        }
    }
    others.dedup();
    panic!("nobody notices that law {law} is broken; instead: {:?}", others.iter().take(3).collect::<Vec<_>>());
}

/// What is planned when the set's spec is changed before.
fn with_spec(input: &Input<'_>, change: impl FnOnce(&mut k8s_openapi::api::apps::v1::StatefulSetSpec)) -> Plan {
    let set::Set::StatefulSet(set) = input.set else { panic!("a StatefulSet") };
    let mut set = set.clone();
    change(set.spec.as_mut().unwrap());
    set::plan(&Input { set: set::Set::from(&set), ..input.clone() })
}

#[test]
fn the_planner_as_it_is_breaks_none() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..256 {
        let (world, events) = any_story().new_tree(&mut runner).unwrap().current();
        assert_eq!(check(set::plan, world.clone(), &events), Ok(()), "{events:?} in {world:?}");
    }
}

#[test]
fn order_notices_pets_made_all_at_once() {
    noticed(Law::Order, |input| with_spec(input, |spec| spec.pod_management_policy = Some("Parallel".to_owned())));
}

#[test]
fn order_notices_a_pet_below_the_partition_of_the_new_revision() {
    noticed(Law::Order, |input| {
        with_spec(input, |spec| {
            if let Some(rolling) = spec.update_strategy.as_mut().and_then(|strategy| strategy.rolling_update.as_mut()) {
                rolling.partition = Some(0);
            }
        })
    });
}

#[test]
fn order_notices_that_recreate_does_not_wait() {
    noticed(Law::Order, |input| {
        with_spec(input, |spec| {
            if let Some(strategy) = spec.update_strategy.as_mut().filter(|s| s.type_.as_deref() == Some("Recreate")) {
                strategy.type_ = Some("OnDelete".to_owned());
            }
        })
    });
}

#[test]
fn descent_notices_a_crossed_partition() {
    noticed(Law::Descent, |input| {
        with_spec(input, |spec| {
            if let Some(rolling) = spec.update_strategy.as_mut().and_then(|strategy| strategy.rolling_update.as_mut()) {
                rolling.partition = rolling.partition.map(|partition| (partition - 1).max(0));
            }
        })
    });
}

#[test]
fn descent_notices_too_many_unavailable() {
    noticed(Law::Descent, |input| {
        with_spec(input, |spec| {
            use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
            if let Some(rolling) = spec.update_strategy.as_mut().and_then(|strategy| strategy.rolling_update.as_mut()) {
                rolling.max_unavailable = Some(IntOrString::Int(3));
            }
        })
    });
}

#[test]
fn descent_notices_a_replacement_under_on_delete() {
    noticed(Law::Descent, |input| {
        with_spec(input, |spec| {
            if let Some(strategy) = spec.update_strategy.as_mut().filter(|s| s.type_.as_deref() == Some("OnDelete")) {
                strategy.type_ = Some("RollingUpdate".to_owned());
            }
        })
    });
}

#[test]
fn descent_notices_a_pet_of_another_controller_that_is_deleted() {
    noticed(Law::Descent, |input| {
        let mut plan = set::plan(input);
        let stranger = input.pods.iter().find(|pod| pod.metadata.labels.as_ref().unwrap()["app"] != "nginx");
        if let Some(stranger) = stranger {
            plan.writes.push(Write::DeletePod {
                namespace: "default".to_owned(),
                name: stranger.metadata.name.clone().unwrap(),
                rv: String::new(),
            });
        }
        plan
    });
}

#[test]
fn sticky_notices_a_claim_that_is_changed() {
    noticed(Law::Sticky, |input| {
        let mut plan = set::plan(input);
        for write in &mut plan.writes {
            if let Write::UpdateClaim(claim) = write {
                claim.spec = None;
            }
        }
        plan
    });
}

#[test]
fn sticky_notices_a_revision_that_is_forgotten_too_soon() {
    noticed(Law::Sticky, |input| {
        let mut plan = set::plan(input);
        let set::Set::StatefulSet(set) = input.set else { return plan };
        let current = set.status.as_ref().and_then(|status| status.current_revision.clone());
        if let Some(name) =
            current.filter(|name| input.revisions.iter().any(|r| r.metadata.name.as_ref() == Some(name)))
        {
            plan.writes.push(Write::DeleteContent {
                resource: "controllerrevisions.apps".to_owned(),
                namespace: "default".to_owned(),
                name,
                rv: String::new(),
            });
        }
        plan
    });
}

#[test]
fn says_why_notices_silence() {
    noticed(Law::SaysWhy, |input| Plan { waits: Vec::new(), ..set::plan(input) });
}

#[test]
fn quiet_notices_a_status_that_is_written_again() {
    noticed(Law::Quiet, |input| {
        let mut plan = set::plan(input);
        let set::Set::StatefulSet(set) = input.set else { return plan };
        let is_written = plan.writes.iter().any(|write| matches!(write, Write::StatefulSetStatus { .. }));
        if let Some(status) = set.status.clone().filter(|_| !is_written) {
            plan.writes.push(Write::StatefulSetStatus {
                namespace: "default".to_owned(),
                name: "web".to_owned(),
                rv: String::new(),
                status: Box::new(status),
            });
        }
        plan
    });
}

#[test]
fn settles_notices_an_update_that_never_happens() {
    noticed(Law::Settles, |input| {
        let mut plan = with_spec(input, |spec| {
            if let Some(strategy) =
                spec.update_strategy.as_mut().filter(|s| s.type_.as_deref() == Some("RollingUpdate"))
            {
                strategy.rolling_update.get_or_insert_default().partition = Some(100);
            }
        });
        plan.writes.retain(|write| !matches!(write, Write::CreatePod(_)) || input.pods.is_empty());
        plan.waits.push(plan::Wait {
            subject: plan::Subject {
                api_version: "apps/v1".to_owned(),
                kind: "StatefulSet".to_owned(),
                namespace: "default".to_owned(),
                name: "web".to_owned(),
                uid: "set-uid".to_owned(),
            },
            reason: "PetNotNext",
            message: "waiting with 99 more pets: never".to_owned(),
        });
        plan
    });
}

#[test]
fn settles_notices_a_rollback_that_waits_for_what_never_gets_well() {
    noticed(Law::Settles, |input| {
        with_spec(input, |spec| {
            if let Some(strategy) = spec.update_strategy.as_mut().filter(|s| s.type_.as_deref() == Some("Recreate")) {
                strategy.type_ = Some("RollingUpdate".to_owned());
                strategy.rolling_update.get_or_insert_default().partition = Some(0);
            }
        })
    });
}

#[test]
fn alone_notices_a_pod_that_is_not_its_own() {
    noticed(Law::Alone, |input| {
        let mut plan = set::plan(input);
        for write in &mut plan.writes {
            if let Write::CreateRevision(revision) = write {
                revision.metadata.owner_references = None;
            }
        }
        plan
    });
}

/// The stories are rich enough to be worth telling: they end with sets of pets of several revisions.
#[test]
fn stories_reach_what_they_are_about() {
    let mut runner = TestRunner::deterministic();
    let (mut revisions, mut pets) = (0, 0);
    for _ in 0..200 {
        let (world, events) = any_story().new_tree(&mut runner).unwrap().current();
        let seen = std::cell::RefCell::new((0, 0));
        let verdict: Verdict = check_with(world, &events, &seen);
        assert_eq!(verdict, Ok(()));
        revisions += usize::from(seen.borrow().0 > 1);
        pets += usize::from(seen.borrow().1 > 1);
    }
    assert!(revisions > 20 && pets > 50, "{revisions} stories have several revisions, {pets} several pets");
}

fn check_with(world: World, events: &[crate::laws::Event], seen: &std::cell::RefCell<(usize, usize)>) -> Verdict {
    let mut copy = world.clone();
    for event in events {
        crate::laws::happen(&mut copy, *event);
        if matches!(event, crate::laws::Event::Step) {
            copy.step();
        }
        let mut seen = seen.borrow_mut();
        *seen = (seen.0.max(copy.revisions.len()), seen.1.max(copy.pods.len()));
    }
    check(set::plan, world, events)
}
