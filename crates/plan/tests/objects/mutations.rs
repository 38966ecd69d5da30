//! Planners that break one law each, by an edit that somebody might make: the law notices within an ordinary run, and
//! says nothing about the planner as it is.

mod claims;
mod zones;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::{Endpoints, Pod, Service};
use plan::{
    Action, Subject, Wait, Write, claim,
    facts::Volume,
    law::{Broken, Law, Verdict},
    set::{self, Plan},
    zone::{self, Records},
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

use crate::{
    claim::many_claims,
    laws::{ZonePlanner, any_service, any_storage, check_service, check_storage},
    space::{self, any_size, any_space},
    storage,
    world::{Planner, object, terminating, time},
};

/// As many cases as an ordinary run of the laws has.
const CASES: u32 = 256;

/// The first break of this law, or of any, in an ordinary run.
fn broken<S: Strategy>(law: Option<Law>, cases: S, check: impl Fn(S::Value) -> Verdict) -> Option<Broken> {
    let mut runner = TestRunner::deterministic();
    (0..CASES).find_map(|_| {
        let case = cases.new_tree(&mut runner).unwrap().current();
        check(case).err().filter(|broken| law.is_none_or(|law| law == broken.law))
    })
}

/// The law breaks with this planner of sets, and with the real one none does.
fn noticed(law: Law, planner: Planner) {
    assert!(broken(Some(law), any_space(), |space| space::check(planner, space)).is_some(), "nobody noticed: {law}");
}

fn noticed_in_storage(law: Law, planner: storage::Planner) {
    let found = broken(Some(law), any_storage(), |storage| check_storage(planner, storage));
    assert!(found.is_some(), "nobody noticed: {law}");
}

fn noticed_in_zone(law: Law, planner: ZonePlanner) {
    let found = broken(Some(law), any_service(), |service| check_service(planner, service));
    assert!(found.is_some(), "nobody noticed: {law}");
}

#[test]
fn the_planner_of_sets_as_it_is_breaks_no_law() {
    assert_eq!(broken(None, any_space(), |space| space::check(set::plan, space)), None);
}

#[test]
fn the_other_planners_as_they_are_break_no_law() {
    assert_eq!(broken(None, any_size(), |world| world.judged(set::plan).map(drop)), None);
    assert_eq!(broken(None, any_storage(), |storage| check_storage(claim::plan, storage)), None);
    assert_eq!(broken(None, any_service(), |service| check_service(zone::plan, service)), None);
}

/// The plan of the same set whose pods have been changed.
fn plan_of(input: &set::Input<'_>, change: impl Fn(&mut Pod)) -> Plan {
    let mut pods: Vec<Pod> = input.pods.iter().map(|pod| (*pod).clone()).collect();
    pods.iter_mut().for_each(change);
    plan_with(input, &pods)
}

/// The set, of the kind that all worlds here have.
fn pet_set<'a>(input: &set::Input<'a>) -> &'a api::petset::PetSet {
    match input.set {
        set::Set::PetSet(set) => set,
        set::Set::StatefulSet(_) => unreachable!("no world here has another kind"),
    }
}

/// The plan of the same set with other pods.
fn plan_with(input: &set::Input<'_>, pods: &[Pod]) -> Plan {
    let pods: Vec<&Pod> = pods.iter().collect();
    set::plan(&set::Input { pods: &pods, ..input.clone() })
}

/// The pods as they would be after the plan, were all of them well at once.
fn after(input: &set::Input<'_>, plan: &Plan) -> Vec<Pod> {
    let mut pods: Vec<Pod> = input.pods.iter().map(|pod| (*pod).clone()).collect();
    for write in &plan.writes {
        match write {
            Write::CreatePod(pod) => pods.push((**pod).clone()),
            Write::DeletePod { name, .. } => pods.retain(|pod| pod.metadata.name.as_ref() != Some(name)),
            _ => {}
        }
    }
    pods.iter_mut().for_each(make_well);
    pods
}

fn make_well(pod: &mut Pod) {
    pod.status = Some(object(serde_json::json!({
        "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]
    })));
    let annotations = pod.metadata.annotations.get_or_insert_default();
    annotations.insert("pod.alpha.kubernetes.io/initialized".to_owned(), "true".to_owned());
}

fn is_step(write: &Write) -> bool {
    matches!(write, Write::CreatePod(_) | Write::DeletePod { .. })
}

/// The plan and, in the same pass, the step after it.
fn two_steps(input: &set::Input<'_>) -> Plan {
    let mut plan = set::plan(input);
    if plan.writes.iter().any(is_step) {
        let next = plan_with(input, &after(input, &plan));
        plan.writes.extend(next.writes.into_iter().filter(is_step));
    }
    plan
}

#[test]
fn order_notices_a_pet_that_is_made_before_the_lower_one_is_ready() {
    noticed(Law::Order, |input| plan_of(input, make_well));
}

#[test]
fn order_notices_two_pets_made_at_once() {
    noticed(Law::Order, two_steps);
}

#[test]
fn order_notices_a_pet_made_beside_one_that_is_going() {
    noticed(Law::Order, |input| plan_of(input, |pod| pod.metadata.deletion_timestamp = None));
}

#[test]
fn order_notices_the_highest_made_first() {
    noticed(Law::Order, |input| {
        let mut plan = set::plan(input);
        let replicas = pet_set(input).spec.replicas.unwrap_or(1);
        let set = input.set.metadata().name.as_deref().unwrap();
        for write in &mut plan.writes {
            let Write::CreatePod(pod) = write else { continue };
            let highest = (0..replicas)
                .map(|o| format!("{set}-{o}"))
                .rfind(|name| !input.pods.iter().any(|pod| pod.metadata.name.as_ref() == Some(name)));
            pod.metadata.name = highest;
        }
        plan
    });
}

#[test]
fn descent_notices_two_pets_deleted_at_once() {
    noticed(Law::Descent, two_steps);
}

#[test]
fn descent_notices_that_a_sick_pet_is_overlooked() {
    noticed(Law::Descent, |input| plan_of(input, make_well));
}

#[test]
fn descent_notices_the_oldest_deleted_first() {
    noticed(Law::Descent, |input| {
        // As if the oldest were the newest.
        plan_of(input, |pod| {
            let age = pod.metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second() % 60);
            pod.metadata.creation_timestamp = Some(time(60 - age));
        })
    });
}

#[test]
fn descent_notices_that_a_pet_is_deleted_before_the_missing_are_made() {
    noticed(Law::Descent, |input| {
        let mut fewer = pet_set(input).clone();
        let present = input.pods.iter().filter(|pod| !pod.metadata.name.as_ref().unwrap().ends_with('x')).count();
        fewer.spec.replicas = Some(fewer.spec.replicas.unwrap_or(1).min(present as i32 - 1).max(0));
        set::plan(&set::Input { set: set::Set::from(&fewer), ..input.clone() })
    });
}

#[test]
fn sticky_notices_a_pet_on_the_first_ones_claim() {
    noticed(Law::Sticky, |input| {
        let mut plan = set::plan(input);
        for write in &mut plan.writes {
            let Write::CreatePod(pod) = write else { continue };
            for volume in pod.spec.iter_mut().flat_map(|spec| spec.volumes.iter_mut().flatten()) {
                let Some(source) = &mut volume.persistent_volume_claim else { continue };
                let set = input.set.metadata().name.as_deref().unwrap();
                source.claim_name = format!("{}-{set}-0", volume.name);
            }
        }
        plan
    });
}

#[test]
fn sticky_notices_that_claims_go_when_a_set_is_scaled_down() {
    noticed(Law::Sticky, |input| {
        let mut plan = set::plan(input);
        let deleted: Vec<String> = plan
            .writes
            .iter()
            .filter_map(|write| match write {
                Write::DeletePod { name, .. } => Some(format!("www-{name}")),
                _ => None,
            })
            .collect();
        for name in deleted {
            plan.writes.push(Write::DeleteContent {
                resource: "persistentvolumeclaims".to_owned(),
                namespace: "default".to_owned(),
                name,
                rv: String::new(),
            });
        }
        plan
    });
}

#[test]
fn says_why_notices_a_dropped_wait() {
    noticed(Law::SaysWhy, |input| Plan { waits: Vec::new(), ..set::plan(input) });
    noticed(Law::SaysWhy, |input| {
        let mut plan = set::plan(input);
        plan.waits.truncate(1);
        plan
    });
}

#[test]
fn says_why_notices_pets_that_are_not_even_counted() {
    let first_hundred: Planner = |input| {
        let mut plan = set::plan(input);
        plan.waits.retain(|wait| !wait.message.contains("more pets"));
        plan
    };
    let found = broken(Some(Law::SaysWhy), any_size(), |world| world.judged(first_hundred).map(drop));
    assert!(found.is_some());
}

fn status_of(input: &set::Input<'_>, replicas: i32) -> Write {
    Write::PetSetStatus {
        namespace: "default".to_owned(),
        name: input.set.metadata().name.clone().unwrap(),
        rv: "7".to_owned(),
        observed_generation: 1,
        replicas,
    }
}

fn has_status(plan: &Plan) -> bool {
    plan.writes.iter().any(|write| matches!(write, Write::PetSetStatus { .. }))
}

#[test]
fn quiet_notices_a_status_in_every_pass() {
    noticed(Law::Quiet, |input| {
        let mut plan = set::plan(input);
        if !has_status(&plan) {
            plan.writes.push(status_of(input, pet_set(input).status.replicas));
        }
        plan
    });
}

#[test]
fn quiet_notices_a_status_that_goes_to_and_fro() {
    noticed(Law::Quiet, |input| {
        let mut plan = set::plan(input);
        if !has_status(&plan) {
            plan.writes.push(status_of(input, pet_set(input).status.replicas ^ 1));
        }
        plan
    });
}

#[test]
fn quiet_notices_a_loop_that_never_sleeps() {
    noticed(Law::Quiet, |input| Plan { look_again: Some(input.now), ..set::plan(input) });
}

#[test]
fn settles_notices_a_set_that_stays_one_short() {
    noticed(Law::Settles, |input| {
        let mut plan = set::plan(input);
        let last = format!("-{}", pet_set(input).spec.replicas.unwrap_or(1) - 1);
        let is_last = |write: &Write| matches!(write, Write::CreatePod(pod) if pod.metadata.name.as_ref().unwrap().ends_with(&last));
        if let Some(at) = plan.writes.iter().position(is_last) {
            let Write::CreatePod(pod) = plan.writes.remove(at) else { unreachable!("it was found there") };
            let name = pod.metadata.name.unwrap();
            plan.writes.retain(|write| !matches!(write, Write::PetSetStatus { .. }));
            plan.notes.clear();
            let message = format!("waiting to create {name}: a little more patience");
            plan.waits.push(Wait { subject: subject(input), reason: "PetNotNext", message });
        }
        plan
    });
}

#[test]
fn settles_notices_a_surplus_that_stays() {
    noticed(Law::Settles, |input| {
        let mut plan = set::plan(input);
        if let Some(at) = plan.writes.iter().position(|write| matches!(write, Write::DeletePod { .. })) {
            let Write::DeletePod { name, .. } = plan.writes.remove(at) else { unreachable!("it was found there") };
            plan.notes.clear();
            let message = format!("waiting to delete {name}: it does no harm");
            plan.waits.push(Wait { subject: subject(input), reason: "PetNotNext", message });
        }
        plan
    });
}

fn subject(input: &set::Input<'_>) -> Subject {
    Subject {
        api_version: "apps/v1alpha1".to_owned(),
        kind: "PetSet".to_owned(),
        namespace: "default".to_owned(),
        name: input.set.metadata().name.clone().unwrap(),
        uid: input.set.metadata().uid.clone().unwrap(),
    }
}

#[test]
fn alone_notices_that_other_sets_claims_count() {
    noticed(Law::Alone, |input| {
        let mut plan = set::plan(input);
        // A limit of the namespace that nobody asked for.
        if input.claims.len() > 7 {
            plan.writes.retain(|write| !matches!(write, Write::CreateClaim(_)));
        }
        plan
    });
}

#[test]
fn alone_notices_a_choice_by_the_order_of_what_is_given() {
    noticed(Law::Alone, |input| {
        let mut plan = set::plan(input);
        if let (Some(wait), Some(pod)) = (plan.waits.first_mut(), input.pods.first()) {
            let first = pod.metadata.name.as_deref().unwrap();
            wait.message = format!("{}; {first} is the first", wait.message);
        }
        plan
    });
}

#[test]
fn bounded_notices_all_claims_in_one_pass() {
    let all_at_once: Planner = |input| {
        let mut plan = set::plan(input);
        let first = plan.writes.iter().find(|write| matches!(write, Write::CreateClaim(_))).cloned();
        if let Some(Write::CreateClaim(claim)) = first {
            let names = (100..110).map(|ordinal| format!("www-web-{ordinal}"));
            plan.writes.extend(names.map(|name| {
                let mut claim = claim.clone();
                claim.metadata.name = Some(name);
                Write::CreateClaim(claim)
            }));
        }
        plan
    };
    let found = broken(Some(Law::Bounded), any_size(), |world| world.judged(all_at_once).map(drop));
    assert!(found.is_some());
}

#[test]
fn bounded_notices_an_object_that_is_written_twice() {
    noticed(Law::Bounded, |input| {
        let mut plan = set::plan(input);
        if has_status(&plan) {
            plan.writes.push(status_of(input, pet_set(input).status.replicas + 1));
        }
        plan
    });
}

/// A moment is in the past once it has come.
#[test]
fn quiet_lets_a_planner_look_again_later() {
    let later: Planner =
        |input| Plan { look_again: Some(input.now + SignedDuration::from_secs(1)), ..set::plan(input) };
    let found = broken(Some(Law::Quiet), any_size(), |world| world.judged(later).map(drop));
    assert_eq!(found, None);
}
