//! A simulator that finds nothing may be blind: each of these planners and disks breaks one law, and is caught.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use controller::{Planner, Real};
use ipnet::Ipv4Net;
use k8s_openapi::api::core::v1::{Endpoints, Pod, PodSpec, Service};
use petset_sim::{Options, disk::Honesty, run};
use plan::{Action, Subject, Wait, Write, address::Leases, claim, facts::PodKey, pod, read::is_ready, set, zone};

/// Within so many seeds each of them is caught.
const SEEDS: u64 = 300;

/// The laws that a planner is caught breaking, until it is caught breaking this one.
fn is_caught(planner: impl Planner + 'static, law: &str) {
    are_caught(&Options { planner: Arc::new(planner), ..Options::default() }, law);
}

fn are_caught(options: &Options, law: &str) {
    let mut others = BTreeSet::new();
    for seed in 0..SEEDS {
        match run(seed, options).breach {
            Some(breach) if breach.law == law => return,
            Some(breach) => drop(others.insert(breach.law)),
            None => {}
        }
    }
    panic!("{SEEDS} seeds break {others:?}, and not {law:?}");
}

/// Takes silence for absence.
struct Hasty;

impl Planner for Hasty {
    fn claims(&self, input: &claim::Input<'_>) -> claim::Plan {
        let nothing = BTreeMap::new();
        Real.claims(&claim::Input { engine: Some(input.engine.unwrap_or(&nothing)), ..*input })
    }
}

#[test]
fn a_planner_that_acts_while_the_engine_is_silent_is_caught() {
    is_caught(Hasty, "blind");
}

/// Starts containers without their volumes.
struct Forgetful;

impl Planner for Forgetful {
    fn pod(&self, input: &pod::Input<'_>) -> pod::Plan {
        let mut plan = Real.pod(input);
        for action in &mut plan.actions {
            if let Action::StartContainer(start) = action {
                start.mounts.clear();
            }
        }
        plan
    }
}

#[test]
fn a_planner_that_forgets_the_volume_is_caught() {
    is_caught(Forgetful, "sticky");
}

/// Does not see what runs already.
struct Blind;

impl Planner for Blind {
    fn pod(&self, input: &pod::Input<'_>) -> pod::Plan {
        let address = input.address.clone();
        let held_back = input.held_back.clone();
        Real.pod(&pod::Input { containers: &[], address, held_back, ..*input })
    }
}

#[test]
fn a_planner_that_starts_twice_is_caught() {
    is_caught(Blind, "one of each");
}

/// Leaves the last pet out, and says nothing.
struct Idle;

impl Planner for Idle {
    fn set(&self, input: &set::Input<'_>) -> set::Plan {
        let mut plan = Real.set(input);
        plan.writes.retain(|write| !matches!(write, Write::CreatePod(_)));
        plan.waits.clear();
        plan
    }
}

#[test]
fn a_planner_that_does_not_say_why_is_caught() {
    is_caught(Idle, "says why");
}

/// Makes no pet and says that it waits: each of its decisions is lawful, and nothing ever comes of them.
struct Lazy;

impl Planner for Lazy {
    fn set(&self, input: &set::Input<'_>) -> set::Plan {
        let mut plan = Real.set(input);
        let created: Vec<String> = plan
            .writes
            .iter()
            .filter_map(|write| if let Write::CreatePod(pod) = write { pod.metadata.name.clone() } else { None })
            .collect();
        plan.writes.retain(|write| !matches!(write, Write::CreatePod(_)));
        let tomorrow = |name| wait_of(input.set, format!("waiting to create {name}: tomorrow"));
        plan.waits.extend(created.into_iter().map(tomorrow));
        plan
    }
}

fn wait_of(set: set::Set<'_>, message: String) -> Wait {
    let subject = Subject {
        api_version: set.api_version().to_owned(),
        kind: set.kind().to_owned(),
        namespace: set.namespace().to_owned(),
        name: set.name().to_owned(),
        uid: set.uid().to_owned(),
    };
    Wait { subject, reason: "PetNotReady", message }
}

#[test]
fn a_planner_that_never_settles_is_caught() {
    is_caught(Lazy, "settles");
}

/// Under Recreate waits for old pets to get well before it replaces them, and says so: those of an image that nobody has
/// never do, and a rollback does not end.
struct Hopeful;

impl Planner for Hopeful {
    fn set(&self, input: &set::Input<'_>) -> set::Plan {
        let mut plan = Real.set(input);
        let set::Set::StatefulSet(set) = input.set else { return plan };
        let Some(spec) = set.spec.as_ref().filter(|spec| {
            spec.update_strategy.as_ref().is_some_and(|strategy| strategy.type_.as_deref() == Some("Recreate"))
        }) else {
            return plan;
        };
        let image = |spec: Option<&PodSpec>| spec.and_then(|spec| spec.containers.first()?.image.clone());
        let wanted = image(spec.template.spec.as_ref());
        let is_spared = |pod: &&&Pod| image(pod.spec.as_ref()) != wanted && !is_ready(pod);
        let spared: BTreeSet<_> =
            input.pods.iter().filter(is_spared).filter_map(|pod| pod.metadata.name.clone()).collect();
        plan.writes.retain(|write| match write {
            Write::DeletePod { name, .. } if spared.contains(name) => {
                plan.waits.push(wait_of(input.set, format!("waiting to delete {name}: it is not well")));
                false
            }
            _ => true,
        });
        plan
    }
}

#[test]
fn a_planner_whose_rollback_waits_for_what_never_gets_well_is_caught() {
    are_caught(&Options { planner: Arc::new(Hopeful), mistyped: 1000, ..Options::default() }, "settles");
}

/// Makes the next pet without looking how the others are.
struct Impatient;

impl Planner for Impatient {
    fn set(&self, input: &set::Input<'_>) -> set::Plan {
        let mut pods: Vec<Pod> = input.pods.iter().map(|pod| (*pod).clone()).collect();
        for pod in &mut pods {
            let status = pod.status.get_or_insert_default();
            status.phase = Some("Running".into());
            for condition in status.conditions.iter_mut().flatten() {
                condition.status = "True".into();
            }
        }
        let pods: Vec<&Pod> = pods.iter().collect();
        Real.set(&set::Input { pods: &pods, ..*input })
    }
}

#[test]
fn a_planner_that_does_not_wait_for_lower_pets_is_caught() {
    is_caught(Impatient, "order");
}

/// Publishes what it published first.
#[derive(Default)]
struct Stale(Mutex<BTreeMap<Option<String>, zone::Plan>>);

impl Planner for Stale {
    fn zone(&self, service: &Service, pods: &[&Pod], current: Option<&Endpoints>) -> zone::Plan {
        let mut first = self.0.lock().expect("nobody panics while holding it");
        let plan = first.entry(service.metadata.uid.clone()).or_insert_with(|| Real.zone(service, pods, current));
        zone::Plan { writes: Vec::new(), ..plan.clone() }
    }
}

#[test]
fn a_planner_that_publishes_stale_records_is_caught() {
    is_caught(Stale::default(), "zone true");
}

/// Gives everybody the same address.
struct Generous;

impl Planner for Generous {
    fn address(
        &self,
        _: &Leases,
        _: &dyn Fn(&PodKey) -> bool,
        _: &dyn Fn(Ipv4Addr) -> bool,
        _: &PodKey,
        _: Ipv4Net,
        _: Ipv4Addr,
    ) -> Result<Ipv4Addr, String> {
        Ok(Ipv4Addr::new(10, 88, 0, 9))
    }
}

#[test]
fn a_planner_that_gives_one_address_to_two_pets_is_caught() {
    is_caught(Generous, "one address for one identity");
}

/// Clears away volumes that nothing mounts.
struct Tidy;

impl Planner for Tidy {
    fn claims(&self, input: &claim::Input<'_>) -> claim::Plan {
        let mut plan = Real.claims(input);
        let handles =
            input.volumes.iter().filter_map(|volume| Some(&volume.spec.as_ref()?.csi.as_ref()?.volume_handle));
        let is_there = |name: &&String| input.engine.is_some_and(|engine| engine.contains_key(*name));
        let unused = handles.filter(is_there).filter(|name| !input.mounted.contains(*name));
        plan.actions.extend(unused.map(|name| Action::RemoveVolume { name: name.clone() }));
        plan
    }
}

#[test]
fn a_planner_that_clears_away_data_is_caught() {
    is_caught(Tidy, "sticky");
}

/// Writes the status of every set in every pass.
struct Chatty;

impl Planner for Chatty {
    fn set(&self, input: &set::Input<'_>) -> set::Plan {
        let mut plan = Real.set(input);
        if plan.writes.is_empty() {
            let metadata = input.set.metadata();
            plan.writes.push(Write::PetSetStatus {
                namespace: metadata.namespace.clone().unwrap_or_default(),
                name: metadata.name.clone().unwrap_or_default(),
                rv: metadata.resource_version.clone().unwrap_or_default(),
                observed_generation: 1,
                replicas: i32::try_from(input.pods.len()).unwrap_or_default(),
            });
        }
        plan
    }
}

#[test]
fn a_planner_that_writes_what_is_so_already_is_caught() {
    is_caught(Chatty, "quiet");
}

#[test]
fn a_disk_that_acknowledges_before_it_syncs_is_caught() {
    are_caught(&Options { honesty: Honesty::AcknowledgesBeforeSync, ..Options::default() }, "never loses");
}
