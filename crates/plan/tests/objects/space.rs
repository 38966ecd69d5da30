//! A namespace with several sets, as the loop carries out their plans: each set in its turn.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Service};
use plan::{
    law::{self, Verdict},
    set::Plan,
};
use proptest::{prelude::*, sample::subsequence};
use serde_json::json;

use crate::world::{Planner, World, claim, initialized, mounting, pod, terminating, time, unready, with_status};

/// Passes after which a namespace must have settled: each pet may cost a pass to go, one to come and one to count.
const PASSES_MAX: usize = 80;
/// Passes after which a namespace rests in which nothing changes but what the plans do.
const PASSES_TO_REST: usize = 4;

/// Sets that share a namespace, its pods and its claims.
#[derive(Clone, Debug)]
pub(crate) struct Space {
    /// Each set; its own pods and claims are left empty.
    sets: Vec<World>,
    pods: Vec<Pod>,
    claims: Vec<PersistentVolumeClaim>,
}

/// What has come of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// There was nothing to do or to say.
    Nothing,
    /// Something was said, and nothing done: the next pass finds the same.
    Waits,
    /// Something was done.
    Changes,
}

impl Space {
    /// A set with what its selector matches.
    fn view(&self, at: usize) -> World {
        let mut world = self.sets[at].clone();
        world.pods = self.pods.iter().filter(|pod| selects(&world, pod)).cloned().collect();
        world.claims.clone_from(&self.claims);
        world
    }

    /// Whether two sets take the same pods for theirs: they can never both be content.
    fn is_contested(&self) -> bool {
        let labels = self.sets.iter().map(|world| label(world).to_owned()).collect::<std::collections::BTreeSet<_>>();
        labels.len() < self.sets.len()
    }

    /// Plans each set once, and makes it so.
    fn pass(&mut self, planner: Planner) -> Result<Outcome, law::Broken> {
        let mut outcome = Outcome::Nothing;
        for at in 0..self.sets.len() {
            let mut world = self.view(at);
            let plan = world.judged(planner)?;
            outcome = outcome.max(match &plan {
                plan if *plan == Plan::default() => Outcome::Nothing,
                plan if plan.writes.is_empty() => Outcome::Waits,
                _ => Outcome::Changes,
            });
            world.apply(&plan);
            self.pods.retain(|pod| !selects(&self.sets[at], pod));
            self.pods.append(&mut world.pods);
            self.claims = std::mem::take(&mut world.claims);
            self.sets[at] = world;
        }
        Ok(outcome)
    }

    fn heal(&mut self) {
        let mut world = World::new(0).pods(std::mem::take(&mut self.pods));
        world.heal();
        self.pods = world.pods;
        self.claims.retain(|claim| claim.metadata.deletion_timestamp.is_none());
    }

    /// No plan changes with the order of what is given, nor with what belongs to others.
    fn stay_alone(&self, planner: Planner) -> Verdict {
        for at in 0..self.sets.len() {
            let world = self.view(at);
            let plan = world.judged(planner)?;
            let mut crowded = world.clone();
            crowded.pods.reverse();
            crowded.claims.reverse();
            for name in ["www-other-0", "www-web", "web-0", "log-web-0", "www-web-00", "www-mail-3"] {
                crowded.claims.push(crate::storage::named_claim(name, json!({})));
            }
            law::alone(&plan, &crowded.with_input(planner))?;
        }
        Ok(())
    }

    fn rests(&self, planner: Planner) -> Verdict {
        (0..self.sets.len()).try_for_each(|at| law::set::rests(&self.view(at).judged(planner)?))
    }
}

fn label(world: &World) -> &str {
    &world.set.spec.selector.as_ref().unwrap().match_labels.as_ref().unwrap()["app"]
}

fn selects(world: &World, pod: &Pod) -> bool {
    pod.metadata.labels.as_ref().and_then(|labels| labels.get("app")).is_some_and(|app| app == label(world))
}

/// Every law that a planner can break in this namespace: from pass to pass, when nothing changes any more, and when all
/// becomes well.
pub(crate) fn check(planner: Planner, mut space: Space) -> Verdict {
    space.stay_alone(planner)?;
    let is_contested = space.is_contested();
    for _ in 0..PASSES_TO_REST {
        if space.pass(planner)? < Outcome::Changes {
            break;
        }
    }
    if !is_contested {
        space.rests(planner)?;
    }
    for _ in 0..PASSES_MAX {
        if space.pass(planner)? == Outcome::Nothing {
            break;
        }
        space.heal();
    }
    if is_contested {
        return Ok(());
    }
    (0..space.sets.len()).try_for_each(|at| space.view(at).with_input(law::set::settled))?;
    space.rests(planner)
}

/// Some condition that a pod may be in.
fn any_condition() -> impl Strategy<Value = fn(Pod) -> Pod> {
    let conditions: [fn(Pod) -> Pod; 13] = [
        |pod| pod,
        |pod| pod, // Many times, so that healthy sets are not rare.
        |pod| pod,
        |pod| pod,
        |pod| pod,
        |pod| initialized(pod, "T"),
        unready,
        terminating,
        |pod| initialized(pod, "false"),
        |pod| initialized(pod, "maybe"),
        |pod| with_status(pod, json!({"phase": "Pending"})),
        |pod| with_status(pod, json!({"phase": "Failed"})),
        |mut pod| {
            // Somebody has taken its name away.
            pod.metadata.annotations.as_mut().unwrap().remove("pod.beta.kubernetes.io/hostname");
            pod
        },
    ];
    prop_oneof![
        12 => prop::sample::select(conditions.to_vec()),
        1 => Just((|pod| with_status(pod, json!({"phase": "Unknown"}))) as fn(Pod) -> Pod),
        1 => Just((|pod| with_status(pod, json!({"phase": "Running"}))) as fn(Pod) -> Pod),
        1 => Just((|mut pod: Pod| { pod.status = None; pod }) as fn(Pod) -> Pod),
    ]
}

fn with_label(mut pod: Pod, app: &str) -> Pod {
    pod.metadata.labels = Some(BTreeMap::from([("app".to_owned(), app.to_owned())]));
    pod
}

/// A set of this name whose pods have this label.
fn any_set(name: &'static str, app: &'static str) -> impl Strategy<Value = World> {
    (0..5i32, any::<bool>(), any::<bool>(), 0..7i32).prop_map(move |(replicas, with_claims, service, counted)| {
        let mut world = World::new(replicas);
        if with_claims {
            world = world.templates(&["www"]);
        }
        let labels = BTreeMap::from([("app".to_owned(), app.to_owned())]);
        world.set.metadata.name = Some(name.to_owned());
        world.set.metadata.uid = Some(format!("{name}-set-uid"));
        world.set.spec.selector.as_mut().unwrap().match_labels = Some(labels.clone());
        world.set.spec.template.metadata.as_mut().unwrap().labels = Some(labels);
        world.set.status.replicas = counted;
        world.service = world.service.filter(|_: &Service| service);
        world
    })
}

/// One set, or two whose pods have other labels or the same.
pub(crate) fn any_space() -> impl Strategy<Value = Space> {
    let (web, web_too) = (|| any_set("web", "nginx"), any_set("web", "nginx"));
    let sets = prop_oneof![
        2 => web().prop_map(|web| vec![web]),
        2 => (web(), any_set("db", "db")).prop_map(|(a, b)| vec![a, b]),
        1 => (web(), any_set("web-1", "db")).prop_map(|(a, b)| vec![a, b]),
        1 => (web_too, any_set("db", "nginx")).prop_map(|(a, b)| vec![a, b]),
    ];
    let own = ["web-0", "web-1", "web-2", "web-3", "web-4", "web-07", "web-x", "stranger"].map(|name| (name, "nginx"));
    let others = ["db-0", "db-1", "web-1-0", "nobody"].map(|name| (name, "db"));
    let all: Vec<_> = own.into_iter().chain(others).collect();
    let pods = subsequence(all.clone(), 0..=all.len()).prop_flat_map(|names| {
        let pods: Vec<_> = names
            .into_iter()
            .map(|(name, app)| {
                (any_condition(), 0..4i64, any::<bool>()).prop_map(move |(condition, age, claimed)| {
                    let pod = condition(with_label(pod(name, age), app));
                    if claimed { mounting(pod, &format!("www-{name}")) } else { pod }
                })
            })
            .collect();
        pods.prop_shuffle()
    });
    let claims = subsequence((0..6u32).collect::<Vec<_>>(), 0..=6);
    (sets, pods, claims, 0..8usize, 0..8usize).prop_map(|(sets, pods, claims, leaving, lost)| {
        let mut claims: Vec<_> = claims.into_iter().map(claim).collect();
        if let Some(claim) = claims.get_mut(leaving) {
            claim.metadata.deletion_timestamp = Some(time(80));
        }
        if let Some(claim) = claims.get_mut(lost) {
            claim.status.as_mut().unwrap().phase = Some("Lost".to_owned());
        }
        Space { sets, pods, claims }
    })
}

/// Sets of all sizes up to the largest that there can be, without any pod.
pub(crate) fn any_size() -> impl Strategy<Value = World> {
    let replicas = prop_oneof![90..110i32, Just(5000), Just(i32::MAX)];
    (replicas, 0..3usize).prop_map(|(replicas, templates)| World::new(replicas).templates(&["www", "log"][..templates]))
}
