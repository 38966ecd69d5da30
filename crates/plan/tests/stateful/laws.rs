//! The laws hold for the planner as it is, whatever the world is like.

use k8s_openapi::api::core::v1::Pod;
use plan::{law::Verdict, set};
use proptest::{collection, prelude::*};
use serde_json::{Value, json};

use crate::world::{Planner, World, name};

/// The image of which no pet ever gets well.
const BROKEN: u8 = 3;

/// Something that happens to a set between two plans.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Replicas(i32),
    Image(u8),
    Partition(i32),
    Strategy(u8),
    Start(i32),
    /// The plan comes true.
    Step,
    /// The pod at this place among all becomes this.
    Ready(usize),
    Unready(usize),
    Failed(usize),
    Deleted(usize),
    Gone(usize),
    Orphaned(usize),
    Relabelled(usize),
    /// So many seconds pass.
    Wait(i64),
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => (0..5i32).prop_map(Event::Replicas),
        2 => (0..=BROKEN).prop_map(Event::Image),
        1 => (0..4i32).prop_map(Event::Partition),
        1 => (0..4u8).prop_map(Event::Strategy),
        1 => (0..3i32).prop_map(Event::Start),
        8 => Just(Event::Step),
        6 => (0..6usize).prop_map(Event::Ready),
        2 => (0..6usize).prop_map(Event::Unready),
        1 => (0..6usize).prop_map(Event::Failed),
        2 => (0..6usize).prop_map(Event::Deleted),
        3 => (0..6usize).prop_map(Event::Gone),
        1 => (0..6usize).prop_map(Event::Orphaned),
        1 => (0..6usize).prop_map(Event::Relabelled),
        1 => (0..20i64).prop_map(Event::Wait),
    ]
}

/// A set of any policy, strategy and retention, and what happens to it.
pub(crate) fn any_story() -> impl Strategy<Value = (World, Vec<Event>)> {
    let retention = prop::sample::select(vec![
        None,
        Some(("Delete", "Retain")),
        Some(("Retain", "Delete")),
        Some(("Delete", "Delete")),
    ]);
    let policy = prop::sample::select(vec!["OrderedReady", "Parallel"]);
    let spec =
        (policy, retention, any::<bool>(), prop::sample::select(vec![0, 0, 10]), prop::sample::select(vec![0, 1, 10]));
    let world = (0..4i32, spec).prop_map(|(replicas, (policy, retention, has_claims, min_ready, history))| {
        let mut spec = if has_claims { World::storage(retention) } else { json!({}) };
        spec["podManagementPolicy"] = json!(policy);
        spec["minReadySeconds"] = json!(min_ready);
        spec["revisionHistoryLimit"] = json!(history);
        World::new(replicas, spec)
    });
    (world, collection::vec(any_event(), 0..40))
}

fn strategy(which: u8) -> Value {
    match which {
        0 => json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}),
        1 => json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0, "maxUnavailable": 2}}),
        2 => json!({"type": "OnDelete"}),
        _ => json!({"type": "Recreate"}),
    }
}

fn image(tag: u8) -> String {
    format!("nginx:{tag}")
}

fn is_broken(pod: &Pod) -> bool {
    pod.spec.as_ref().is_some_and(|spec| spec.containers.iter().any(|its| its.image == Some(image(BROKEN))))
}

/// Whoever asked for what never gets well takes it back, and under Recreate that is all there is to do. Another strategy
/// leaves alone what is not Ready, so it is changed as the wait says.
fn take_back(world: &mut World) {
    let spec = json!(world.set.spec);
    if spec["template"]["spec"]["containers"][0]["image"] == image(BROKEN) {
        world.image(&image(1));
    }
    if spec["updateStrategy"]["type"] != "Recreate" && world.pods.iter().any(is_broken) {
        world.edit(|spec| spec["updateStrategy"] = strategy(3));
    }
}

pub(crate) fn happen(world: &mut World, event: Event) {
    let pod = |world: &World, at: usize| world.pods.get(at).map(|pod| name(&pod.metadata).to_owned());
    match event {
        Event::Replicas(count) => world.edit(|spec| spec["replicas"] = json!(count)),
        Event::Image(tag) => world.image(&image(tag)),
        Event::Partition(from) => {
            world.edit(|spec| {
                spec["updateStrategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": from}});
            });
        }
        Event::Strategy(which) => world.edit(|spec| spec["updateStrategy"] = strategy(which)),
        Event::Start(start) => world.edit(|spec| spec["ordinals"] = json!({"start": start})),
        Event::Wait(seconds) => world.now += jiff::SignedDuration::from_secs(seconds),
        Event::Step => {}
        Event::Ready(at) => drop(pod(world, at).map(|pod| {
            let is_well = !is_broken(world.pod(&pod));
            world.is(&pod, "Running", is_well);
        })),
        Event::Unready(at) => drop(pod(world, at).map(|pod| world.is(&pod, "Running", false))),
        Event::Failed(at) => drop(pod(world, at).map(|pod| world.is(&pod, "Failed", false))),
        Event::Deleted(at) => drop(pod(world, at).map(|pod| world.delete(&pod))),
        Event::Gone(at) => drop(pod(world, at).map(|pod| world.gone(&pod))),
        Event::Orphaned(at) => drop(pod(world, at).map(|pod| world.pod(&pod).metadata.owner_references = None)),
        Event::Relabelled(at) => drop(pod(world, at).map(|pod| {
            world.pod(&pod).metadata.labels.get_or_insert_default().insert("app".to_owned(), "other".to_owned());
        })),
    }
}

/// Every law that a planner can break: after each thing that happens, and when nothing happens any more.
pub(crate) fn check(planner: Planner, world: World, events: &[Event]) -> Verdict {
    let mut world = world;
    for event in events {
        happen(&mut world, *event);
        let plan = world.judged(planner)?;
        let mut reversed = world.clone();
        reversed.pods.reverse();
        reversed.claims.reverse();
        reversed.revisions.reverse();
        plan::law::alone(&plan, &reversed.judged(planner)?)?;
        if matches!(event, Event::Step) {
            world.apply(&plan);
        }
    }
    // Then whoever stands in a pet's place without being one goes, everything becomes well that can, and the set must come to
    // rest without anybody deleting a pet.
    for _ in 0..60 {
        take_back(&mut world);
        let is_stranger = |pod: &&Pod| pod.metadata.labels.as_ref().is_none_or(|labels| labels["app"] != "nginx");
        let strangers: Vec<String> =
            world.pods.iter().filter(is_stranger).map(|pod| name(&pod.metadata).to_owned()).collect();
        for pod in &strangers {
            world.gone(pod);
        }
        let plan = world.judged(planner)?;
        let is_quiet = plan.writes.is_empty();
        world.apply(&plan);
        let names: Vec<String> = world.pods.iter().map(|pod| name(&pod.metadata).to_owned()).collect();
        for pod in names {
            if world.pod(&pod).metadata.deletion_timestamp.is_some() {
                world.gone(&pod);
            } else if world.pod(&pod).status.as_ref().and_then(|s| s.phase.as_deref()) != Some("Failed") {
                let was = world.pod(&pod).status.clone();
                if !json!(was).to_string().contains("\"True\"") {
                    let is_well = !is_broken(world.pod(&pod));
                    world.is(&pod, "Running", is_well);
                }
            }
        }
        world.now += jiff::SignedDuration::from_secs(11);
        if is_quiet && world.is_settled().is_ok() {
            return plan::law::set::rests(&world.judged(planner)?);
        }
    }
    world.is_settled()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn stateful_sets_keep_the_laws((world, events) in any_story()) {
        check(set::plan, world, &events)?;
    }
}
