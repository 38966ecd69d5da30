//! What goes with its owners, what goes before them, and what stays.

use std::collections::{BTreeMap, BTreeSet};

use api::{
    admission::{self, DeleteOptions, Deletion},
    propagation::Propagation,
    resource::ENDPOINTS,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use plan::{
    Note, NoteKind, Subject, Wait, Write,
    garbage::{self, Dependent, Dependents, Input, ORPHANED_PER_PLAN_MAX, Owner, Plan, is_waiting, plan},
    law::{self, Broken, Law},
};
use proptest::{collection, prelude::*, strategy::ValueTree};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::world::{now, object};

/// Plans for one object: [`plan`], or one that breaks a law.
type Planner = fn(&Input<'_>) -> Plan;

/// Objects of one kind that own one another. An object's uid is its name.
#[derive(Clone, Debug, Default)]
struct Graph {
    objects: BTreeMap<String, Value>,
}

impl Graph {
    fn add(&mut self, name: &str, owners: &[(&str, bool)]) {
        let references: Vec<Value> = owners.iter().map(|(owner, blocks)| reference(owner, *blocks)).collect();
        let mut metadata = json!({"name": name, "namespace": "default", "uid": name, "resourceVersion": "1"});
        if !references.is_empty() {
            metadata["ownerReferences"] = json!(references);
        }
        self.objects.insert(name.to_owned(), json!({"metadata": metadata}));
    }

    fn metadata(&self, name: &str) -> Option<ObjectMeta> {
        self.objects.get(name).map(|object| ObjectMeta::deserialize(&object["metadata"]).unwrap())
    }

    fn delete(&mut self, name: &str, propagation: Option<Propagation>) {
        let Some(old) = self.objects.get(name) else { return };
        let options = DeleteOptions { propagation, ..DeleteOptions::default() };
        match admission::delete(&ENDPOINTS, old, &options, now()).unwrap() {
            Deletion::Remove => drop(self.objects.remove(name)),
            Deletion::Mark(object) => drop(self.objects.insert(name.to_owned(), object)),
        }
    }

    /// Plans for one object as the loop does, and holds the plan to the laws.
    fn judged(&self, planner: Planner, name: &str) -> Result<Plan, Broken> {
        let Some(metadata) = self.metadata(name) else { return Ok(Plan::default()) };
        let resolve = |uid: &str| match self.metadata(uid) {
            None => Owner::Absent,
            Some(owner) if is_waiting(&owner) => Owner::Waiting,
            Some(_) => Owner::There,
        };
        let owners: Vec<Owner> = metadata.owner_references.iter().flatten().map(|owner| resolve(&owner.uid)).collect();
        let dependents = self.dependents(name);
        let input = Input {
            resource: "endpoints",
            api_version: "v1",
            kind: "Endpoints",
            metadata: &metadata,
            owners: &owners,
            dependents: &dependents,
        };
        let plan = planner(&input);
        law::garbage::all(&input, &plan)?;
        Ok(plan)
    }

    fn dependents(&self, uid: &str) -> Dependents {
        let mut some = Vec::new();
        let mut dependents = Dependents::default();
        for name in self.objects.keys() {
            let metadata = self.metadata(name).unwrap();
            let names = metadata.owner_references.iter().flatten().filter(|reference| reference.uid == uid);
            let Some(blocks) = names.map(|reference| reference.block_owner_deletion == Some(true)).max() else {
                continue;
            };
            dependents.count += 1;
            dependents.blocking += usize::from(blocks);
            dependents.is_waiting |= is_waiting(&metadata);
            some.push((!blocks, Dependent { resource: "endpoints".to_owned(), metadata }));
        }
        some.sort_by_key(|(is_free, _)| *is_free);
        dependents.some = some.into_iter().map(|(_, dependent)| dependent).take(ORPHANED_PER_PLAN_MAX).collect();
        dependents
    }

    fn apply(&mut self, plan: &Plan) {
        for write in &plan.writes {
            match write {
                Write::DeleteDependent { name, propagation, .. } => self.delete(name, Some(*propagation)),
                Write::SetOwners { name, owners, .. } => {
                    self.objects.get_mut(name).unwrap()["metadata"]["ownerReferences"] = json!(owners);
                }
                Write::RemoveFinalizer { name, finalizer, .. } => {
                    let object = self.objects.get_mut(name).unwrap();
                    let finalizers = object["metadata"]["finalizers"].as_array_mut().unwrap();
                    finalizers.retain(|present| present != finalizer);
                    if admission::is_released(&ENDPOINTS, object) {
                        self.objects.remove(name);
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// Plans for all until nothing is written any more. Breaks `settles` where that does not come.
    fn settle(&mut self, planner: Planner) -> Result<(), Broken> {
        for _ in 0..PASSES_MAX {
            let names: Vec<String> = self.objects.keys().cloned().collect();
            let mut is_quiet = true;
            for name in names {
                let plan = self.judged(planner, &name)?;
                is_quiet &= plan.writes.is_empty();
                self.apply(&plan);
            }
            if is_quiet {
                return Ok(());
            }
        }
        Err(Broken { law: Law::Settles, why: format!("it goes on: {self:?}") })
    }

    fn names(&self) -> Vec<&str> {
        self.objects.keys().map(String::as_str).collect()
    }
}

/// Passes after which everything must have settled, for graphs of at most [`OBJECTS`]: each pass takes at least one step on
/// the longest chain, with two steps for each of its objects.
const PASSES_MAX: usize = 32;
const OBJECTS: usize = 7;

fn reference(owner: &str, blocks: bool) -> Value {
    let mut reference = json!({"apiVersion": "v1", "kind": "Endpoints", "name": owner, "uid": owner});
    if blocks {
        reference["blockOwnerDeletion"] = json!(true);
    }
    reference
}

/// The metadata of an object `child` with references to these.
fn child(owners: &[&str]) -> ObjectMeta {
    let references: Vec<Value> = owners.iter().map(|owner| reference(owner, true)).collect();
    object(json!({
        "name": "child", "namespace": "default", "uid": "c", "resourceVersion": "9", "ownerReferences": references,
    }))
}

/// The plan for a pod with these owners and no dependents.
fn planned(metadata: &ObjectMeta, owners: &[Owner]) -> Plan {
    let dependents = Dependents::default();
    let input = Input { resource: "pods", api_version: "v1", kind: "Pod", metadata, owners, dependents: &dependents };
    let plan = plan(&input);
    assert_eq!(law::garbage::all(&input, &plan), Ok(()));
    plan
}

fn subject() -> Subject {
    Subject {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        namespace: "default".to_owned(),
        name: "child".to_owned(),
        uid: "c".to_owned(),
    }
}

fn deletion(propagation: Propagation) -> Plan {
    let write = Write::DeleteDependent {
        resource: "pods".to_owned(),
        namespace: "default".to_owned(),
        name: "child".to_owned(),
        rv: "9".to_owned(),
        propagation,
    };
    Plan { writes: vec![write], ..Plan::default() }
}

#[test]
fn a_dependent_goes_when_the_last_of_its_owners_is_gone() {
    let two = child(&["a", "b"]);
    assert_eq!(planned(&two, &[Owner::There, Owner::There]), Plan::default());
    assert_eq!(planned(&two, &[Owner::Absent, Owner::Absent]), deletion(Propagation::Background));
    let kept = Write::SetOwners {
        resource: "pods".to_owned(),
        namespace: "default".to_owned(),
        name: "child".to_owned(),
        rv: "9".to_owned(),
        owners: vec![object(reference("b", true))],
    };
    let kept = Plan { writes: vec![kept], ..Plan::default() };
    assert_eq!(planned(&two, &[Owner::Absent, Owner::There]), kept, "what is gone is no longer named");
    assert_eq!(planned(&two, &[Owner::Waiting, Owner::There]), kept, "it would hold up an owner that goes");
    assert_eq!(planned(&child(&[]), &[]), Plan::default());
}

#[test]
fn a_dependent_keeps_the_policy_that_it_was_given() {
    let mut held = child(&["a"]);
    for (finalizer, propagation) in [("orphan", Propagation::Orphan), ("foregroundDeletion", Propagation::Foreground)] {
        held.finalizers = Some(vec![finalizer.to_owned()]);
        assert_eq!(planned(&held, &[Owner::Absent]), deletion(propagation));
    }
}

#[test]
fn an_owner_in_another_namespace_is_no_owner_and_that_is_told() {
    let told = |namespace: &str| Note {
        subject: subject(),
        field_path: String::new(),
        component: "garbage-collector-controller",
        kind: NoteKind::Warning,
        reason: "OwnerRefInvalidNamespace",
        message: format!(
            "ownerRef [v1/Endpoints, namespace: {namespace}, name: a, uid: a] does not exist in namespace \"{namespace}\""
        ),
    };
    let expected = Plan { notes: vec![told("default")], ..deletion(Propagation::Background) };
    assert_eq!(planned(&child(&["a"]), &[Owner::Elsewhere]), expected);

    let mut cluster = child(&["a"]);
    cluster.namespace = None;
    let wait = Wait {
        subject: Subject { namespace: String::new(), ..subject() },
        reason: "OwnerUnreachable",
        message: "child: is never collected: its owner Endpoints a of v1 is in a namespace, and it is in none; remove \
                  the reference"
            .to_owned(),
    };
    let mut note = told("");
    note.subject.namespace = String::new();
    let expected = Plan { writes: Vec::new(), notes: vec![note], waits: vec![wait] };
    assert_eq!(planned(&cluster, &[Owner::Unreachable]), expected);
}

#[test]
fn nothing_is_collected_while_the_kind_of_an_owner_is_unknown() {
    let wait = Wait {
        subject: subject(),
        reason: "OwnerKindUnknown",
        message: "child: is never collected: the kind of its owner Endpoints b of v1 is not served here; remove the \
                  reference"
            .to_owned(),
    };
    let expected = Plan { waits: vec![wait], ..Plan::default() };
    assert_eq!(planned(&child(&["a", "b"]), &[Owner::Absent, Owner::Unknown]), expected);
}

#[test]
fn in_the_foreground_dependents_go_first_and_those_that_do_not_hold_it_up_do_not() {
    let mut graph = Graph::default();
    graph.add("root", &[]);
    graph.add("a", &[("root", true)]);
    graph.add("b", &[("root", false)]);
    graph.add("deep", &[("a", true)]);
    graph.objects.get_mut("deep").unwrap()["metadata"]["finalizers"] = json!(["example.com/hold"]);
    graph.objects.get_mut("b").unwrap()["metadata"]["finalizers"] = json!(["example.com/hold"]);
    graph.delete("root", Some(Propagation::Foreground));
    graph.settle(plan).unwrap();
    assert_eq!(graph.names(), ["a", "b", "deep", "root"], "deep is held by its own finalizer");
    let root = graph.judged(plan, "root").unwrap();
    let messages: Vec<&str> = root.waits.iter().map(|wait| wait.message.as_str()).collect();
    assert_eq!(messages, ["waiting to delete root: its dependents go first: endpoints a"]);

    graph.objects.remove("deep");
    graph.settle(plan).unwrap();
    assert_eq!(graph.names(), ["b"], "b never held root up");
    assert!(graph.metadata("b").unwrap().deletion_timestamp.is_some());
}

#[test]
fn orphans_lose_their_reference_and_stay() {
    let mut graph = Graph::default();
    graph.add("root", &[]);
    let names: Vec<String> = (0..=2 * ORPHANED_PER_PLAN_MAX).map(|number| format!("child-{number}")).collect();
    for name in &names {
        graph.add(name, &[("root", true)]);
    }
    graph.delete("root", Some(Propagation::Orphan));
    graph.settle(plan).unwrap();
    assert_eq!(graph.objects.len(), names.len());
    for name in &names {
        assert_eq!(graph.metadata(name).unwrap().owner_references, Some(Vec::new()), "{name}");
    }
}

#[test]
fn a_ring_of_owners_does_not_wait_for_itself() {
    let mut graph = Graph::default();
    graph.add("a", &[("c", true)]);
    graph.add("b", &[("a", true)]);
    graph.add("c", &[("b", true)]);
    let ring = graph.clone();
    graph.settle(plan).unwrap();
    assert_eq!(graph.names(), ["a", "b", "c"], "each has an owner");
    for propagation in [Propagation::Foreground, Propagation::Background] {
        let mut graph = ring.clone();
        graph.delete("a", Some(propagation));
        graph.settle(plan).unwrap();
        assert_eq!(graph.names(), [""; 0], "{propagation:?}");
    }
}

/// A graph, and what users and the loop do to it: delete an object under a policy, or plan for one.
#[derive(Clone, Debug)]
struct Story {
    graph: Graph,
    steps: Vec<(usize, Option<Propagation>)>,
}

fn any_story() -> impl Strategy<Value = Story> {
    // Names above those of the objects are owners that were never there.
    let owner = (0..OBJECTS + 2, any::<bool>());
    let owners = collection::vec(collection::vec(owner, 0..3), 1..=OBJECTS);
    let policy = prop::sample::select(vec![
        None,
        None,
        Some(Propagation::Background),
        Some(Propagation::Foreground),
        Some(Propagation::Foreground),
        Some(Propagation::Orphan),
    ]);
    (owners, collection::vec((0..OBJECTS, policy), 0..12)).prop_map(|(owners, steps)| {
        let mut graph = Graph::default();
        for (number, owners) in owners.iter().enumerate() {
            let mut seen = BTreeSet::new();
            let owners: Vec<(String, bool)> = owners
                .iter()
                .filter(|(owner, _)| *owner != number && seen.insert(*owner))
                .map(|(owner, blocks)| (owner.to_string(), *blocks))
                .collect();
            let owners: Vec<(&str, bool)> = owners.iter().map(|(owner, blocks)| (owner.as_str(), *blocks)).collect();
            graph.add(&number.to_string(), &owners);
        }
        // Of a ring, two objects that users delete in the foreground wait for each other, here as in Kubernetes.
        let mut is_first = true;
        let once = |(object, policy)| match policy {
            Some(Propagation::Foreground) if !std::mem::take(&mut is_first) => (object, Some(Propagation::Background)),
            policy => (object, policy),
        };
        Story { graph, steps: steps.into_iter().map(once).collect() }
    })
}

/// Every law that a planner can break: at each step, and at rest. What is left at rest is what should be.
fn check(planner: Planner, story: Story) -> Result<(), Broken> {
    let Story { mut graph, steps } = story;
    let expected = survivors(&graph, &steps);
    for (object, policy) in steps {
        let name = object.to_string();
        match policy {
            Some(policy) => graph.delete(&name, Some(policy)),
            None => {
                let plan = graph.judged(planner, &name)?;
                graph.apply(&plan);
            }
        }
    }
    graph.settle(planner)?;
    let left: BTreeSet<String> = graph.objects.keys().cloned().collect();
    match expected {
        Some(expected) if expected != left => {
            Err(Broken { law: Law::Settles, why: format!("{left:?} is left instead of {expected:?}") })
        }
        _ => Ok(()),
    }
}

/// What is left at last where nothing is orphaned: all that was not deleted and does not belong to what goes alone. Where
/// something is orphaned, that hangs on what came first.
fn survivors(graph: &Graph, steps: &[(usize, Option<Propagation>)]) -> Option<BTreeSet<String>> {
    if steps.iter().any(|(_, policy)| *policy == Some(Propagation::Orphan)) {
        return None;
    }
    let deleted = |name: &str| steps.iter().any(|(object, policy)| policy.is_some() && object.to_string() == name);
    let mut left: BTreeSet<String> = graph.objects.keys().filter(|name| !deleted(name)).cloned().collect();
    loop {
        let stays = |name: &String| {
            let owners = graph.metadata(name).unwrap().owner_references.unwrap_or_default();
            owners.is_empty() || owners.iter().any(|owner| left.contains(&owner.uid))
        };
        let next: BTreeSet<String> = left.iter().filter(|name| stays(name)).cloned().collect();
        if next == left {
            return Some(left);
        }
        left = next;
    }
}

fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { failure_persistence: None, cases: default.cases.max(1_000), ..default }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn owners_and_dependents_keep_the_laws(story in any_story()) {
        check(garbage::plan, story)?;
    }
}

/// Some story shows that the planner breaks the law.
fn noticed(law: Law, planner: Planner) {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut found = false;
    for _ in 0..2_000 {
        let story = any_story().new_tree(&mut runner).unwrap().current();
        found |= matches!(check(planner, story), Err(broken) if broken.law == law);
    }
    assert!(found, "{law:?} notices nothing");
}

#[test]
fn owned_notices_that_one_owner_gone_is_enough() {
    noticed(Law::Owned, |input| {
        let gone: Vec<Owner> = input.owners.iter().filter(|owner| **owner != Owner::There).copied().collect();
        if gone.is_empty() {
            return plan(input);
        }
        let mut metadata = input.metadata.clone();
        metadata.owner_references.iter_mut().for_each(|references| references.truncate(gone.len()));
        plan(&Input { metadata: &metadata, owners: &gone, ..input.clone() })
    });
}

#[test]
fn owned_notices_an_owner_that_goes_before_what_holds_it_up() {
    noticed(Law::Owned, |input| plan(&Input { dependents: &Dependents::default(), ..input.clone() }));
}

#[test]
fn quiet_notices_that_what_is_owned_is_deleted_again() {
    noticed(Law::Quiet, |input| {
        let mut metadata = input.metadata.clone();
        metadata.deletion_timestamp = None;
        plan(&Input { metadata: &metadata, ..input.clone() })
    });
}

#[test]
fn says_why_notices_an_owner_that_waits_in_silence() {
    noticed(Law::SaysWhy, |input| Plan { waits: Vec::new(), ..plan(input) });
}

#[test]
fn settles_notices_a_ring_that_waits_for_itself() {
    noticed(Law::Settles, |input| {
        let dependents = Dependents { is_waiting: false, ..input.dependents.clone() };
        plan(&Input { dependents: &dependents, ..input.clone() })
    });
}
