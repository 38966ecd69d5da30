//! What is true of every plan, whatever the world is like.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Pod;
use plan::{
    Action, Write,
    facts::Volume,
    set::{self, Plan},
};
use proptest::{collection, prelude::*, sample::subsequence};
use serde_json::json;

use crate::{
    storage::{Storage, by_hand, named_claim},
    world::{World, claim, initialized, mounting, object, pod, terminating, time, unready, with_status},
};

/// Passes after which a small set must have settled: each pet may cost a pass to go, one to come and one to count.
const PASSES_MAX: usize = 60;

/// Some condition that a pod may be in.
fn any_condition() -> impl Strategy<Value = fn(Pod) -> Pod> {
    let conditions: [fn(Pod) -> Pod; 7] = [
        |pod| pod,
        |pod| pod, // Twice, so that healthy sets are not rare.
        unready,
        terminating,
        |pod| initialized(pod, "false"),
        |pod| with_status(pod, json!({"phase": "Pending"})),
        |pod| with_status(pod, json!({"phase": "Failed"})),
    ];
    prop::sample::select(conditions.to_vec())
}

fn any_world() -> impl Strategy<Value = World> {
    let names = ["web-0", "web-1", "web-2", "web-3", "web-4", "web-07", "stranger"];
    let pods = subsequence(names.to_vec(), 0..=names.len()).prop_flat_map(|names| {
        let pods: Vec<_> = names
            .into_iter()
            .map(|name| {
                (any_condition(), 0..4i64, any::<bool>()).prop_map(move |(condition, age, claimed)| {
                    let pod = condition(pod(name, age));
                    if claimed { mounting(pod, &format!("www-{name}")) } else { pod }
                })
            })
            .collect();
        pods.prop_shuffle()
    });
    let claims = subsequence((0..5u32).collect::<Vec<_>>(), 0..=5);
    (0..5i32, pods, any::<bool>(), claims, any::<bool>(), any::<bool>(), 0..7i32).prop_map(
        |(replicas, pods, with_claims, claims, leaving, service, counted)| {
            let mut world = World::new(replicas).pods(pods);
            world.set.status.replicas = counted;
            if with_claims {
                world = world.templates(&["www"]).claims(claims.into_iter().map(claim));
                if let Some(claim) = world.claims.first_mut().filter(|_| leaving) {
                    claim.metadata.deletion_timestamp = Some(time(80));
                }
            }
            if !service {
                world.service = None;
            }
            world
        },
    )
}

/// The ordinal in a name, read independently of the planner.
fn ordinal(name: &str) -> Option<i32> {
    ["web-0", "web-1", "web-2", "web-3", "web-4"].iter().position(|n| *n == name).map(|i| i as i32)
}

fn name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap()
}

fn is_well(pod: &Pod) -> bool {
    let status = pod.status.as_ref().unwrap();
    pod.metadata.deletion_timestamp.is_none()
        && status.phase.as_deref() == Some("Running")
        && status.conditions.iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True")
        && pod.metadata.annotations.as_ref().unwrap()["pod.alpha.kubernetes.io/initialized"] == "true"
}

fn is_in_place(world: &World, pod: &Pod) -> bool {
    ordinal(name(pod)).is_some_and(|o| o < world.set.spec.replicas.unwrap())
}

fn created(plan: &Plan) -> Vec<String> {
    let created = plan.writes.iter().filter_map(|w| match w {
        Write::CreatePod(pod) => Some(name(pod).to_owned()),
        _ => None,
    });
    created.collect()
}

fn deleted(plan: &Plan) -> Vec<String> {
    let deleted = plan.writes.iter().filter_map(|w| match w {
        Write::DeletePod { name, .. } => Some(name.clone()),
        _ => None,
    });
    deleted.collect()
}

/// Which objects the writes name.
fn written(writes: &[Write]) -> Vec<(&'static str, String)> {
    writes
        .iter()
        .map(|write| match write {
            Write::CreatePod(pod) | Write::UpdatePod(pod) => ("pod", pod.metadata.name.clone().unwrap()),
            Write::DeletePod { name, .. } => ("pod", name.clone()),
            Write::Reserve(reserved) => ("reservation", reserved.metadata.name.clone().unwrap()),
            Write::Release { name, .. } => ("reservation", name.clone()),
            Write::CreateClaim(claim) | Write::UpdateClaim(claim) => ("claim", claim.metadata.name.clone().unwrap()),
            Write::ClaimStatus { name, .. } => ("claim", name.clone()),
            Write::CreateVolume(volume) | Write::UpdateVolume(volume) => {
                ("volume", volume.metadata.name.clone().unwrap())
            }
            Write::VolumeStatus { name, .. } | Write::RemoveVolume { name, .. } => ("volume", name.clone()),
            Write::PetSetStatus { name, .. } => ("petset", name.clone()),
            other => panic!("neither a set nor storage writes {other:?}"),
        })
        .collect()
}

fn assert_once(writes: &[Write]) {
    let all = written(writes);
    let distinct: BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len(), "an object is written twice: {all:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// A pet is created only when every known pet is well and every lower ordinal is there; one at a time.
    #[test]
    fn order(world in any_world()) {
        let plan = world.plan_whole();
        for new in created(&plan) {
            prop_assert!(world.pods.iter().all(is_well));
            for lower in 0..ordinal(&new).unwrap() {
                prop_assert!(world.pods.iter().any(|p| ordinal(name(p)) == Some(lower)), "{new} before web-{lower}");
            }
        }
        prop_assert!(created(&plan).len() + deleted(&plan).len() <= 1);
    }

    /// A pet is deleted only when every known pet is well and none is missing; the newest of the surplus goes.
    #[test]
    fn descent(world in any_world()) {
        for old in deleted(&world.plan_whole()) {
            prop_assert!(world.pods.iter().all(is_well));
            let in_place = world.pods.iter().filter(|p| is_in_place(&world, p)).count();
            prop_assert_eq!(in_place as i32, world.set.spec.replicas.unwrap());
            let old = world.pods.iter().find(|p| name(p) == old).unwrap();
            prop_assert!(!is_in_place(&world, old));
            for other in world.pods.iter().filter(|p| !is_in_place(&world, p)) {
                prop_assert!(other.metadata.creation_timestamp <= old.metadata.creation_timestamp);
                if other.metadata.creation_timestamp == old.metadata.creation_timestamp {
                    prop_assert!(ordinal(name(other)) <= ordinal(name(old)));
                }
            }
        }
    }

    /// What is not as specified has a write or a wait that names it.
    #[test]
    fn says_why(world in any_world()) {
        let plan = world.plan_whole();
        let said = |name: &str| {
            created(&plan).iter().chain(&deleted(&plan)).any(|n| n == name)
                || plan.waits.iter().any(|w| w.message.split([' ', ':']).any(|word| word == name))
        };
        for ordinal in 0..world.set.spec.replicas.unwrap() {
            let pet = format!("web-{ordinal}");
            if !world.pods.iter().any(|p| name(p) == pet) {
                prop_assert!(said(&pet), "{pet} is missing, and nobody says why: {plan:?}");
            }
        }
        for pod in world.pods.iter().filter(|p| !is_in_place(&world, p)) {
            let is_said = said(name(pod)) || pod.metadata.deletion_timestamp.is_some();
            prop_assert!(is_said, "{} is surplus, and nobody says why it stays: {plan:?}", name(pod));
        }
        if !world.pods.iter().all(is_well) {
            prop_assert!(!plan.waits.is_empty(), "a pet is not well, and nobody says so");
        }
    }

    /// Where nothing else changes, one pass leads to a world in which nothing is written.
    #[test]
    fn quiet(mut world in any_world()) {
        for _ in 0..3 {
            let plan = world.plan_whole();
            assert_once(&plan.writes);
            world.apply(&plan);
        }
        prop_assert_eq!(world.plan_whole().writes, []);
    }

    /// Once pets become well and the deleted are gone, the set becomes what was asked for, and stays so.
    #[test]
    fn settles(mut world in any_world()) {
        world.claims.retain(|c| c.metadata.deletion_timestamp.is_none());
        for _ in 0..PASSES_MAX {
            let plan = world.plan_whole();
            if plan == Plan::default() {
                break;
            }
            world.apply(&plan);
            world.heal();
        }
        let plan = world.plan_whole();
        prop_assert_eq!(plan.writes, []);
        let names: BTreeSet<String> = world.pods.iter().map(|p| name(p).to_owned()).collect();
        let wanted: BTreeSet<String> = (0..world.set.spec.replicas.unwrap()).map(|o| format!("web-{o}")).collect();
        prop_assert_eq!(&names, &wanted);
        prop_assert_eq!(world.set.status.replicas as usize, wanted.len());
    }

    /// Neither what belongs to others nor the order of what is given makes a difference.
    #[test]
    fn alone(world in any_world()) {
        let mut crowded = world.clone();
        crowded.pods.reverse();
        crowded.claims.reverse();
        for name in ["www-other-0", "www-web", "web-0", "log-web-0", "www-web-00"] {
            crowded.claims.push(named_claim(name, json!({})));
        }
        prop_assert_eq!(crowded.plan_whole(), world.plan_whole());
    }

    /// Whatever a pod's name, phase, annotation or age, and however odd the set: there is a plan.
    #[test]
    fn any_input_has_a_plan(
        set_name in ".{0,70}", replicas: Option<i32>, service in ".{0,5}", templates in collection::vec(".{0,3}", 0..3),
        pods in collection::vec((".{0,9}", ".{0,9}", any::<Option<String>>(), any::<bool>()), 0..5),
    ) {
        let mut world = World::new(0);
        world.set.metadata.name = Some(set_name.clone());
        world.set.spec.replicas = replicas;
        world.set.spec.service_name = service;
        world = world.templates(&templates.iter().map(String::as_str).collect::<Vec<_>>());
        for (suffix, phase, annotation, bare) in pods {
            let mut pod = pod(&format!("{set_name}-{suffix}"), 0);
            pod.status.as_mut().unwrap().phase = Some(phase);
            pod.metadata.annotations = annotation.map(|a| BTreeMap::from([(a.clone(), a)]));
            if bare {
                pod = Pod::default();
            }
            world.pods.push(pod);
        }
        assert_once(&world.plan_whole().writes);
    }
}

/// Claims and volumes in all kinds of relations, of few names so that they meet.
fn any_storage() -> impl Strategy<Value = Storage> {
    let alpha = json!({"annotations": {"volume.alpha.kubernetes.io/storage-class": "x"}});
    let bound = json!({"annotations": {"pv.kubernetes.io/bind-completed": "yes"}});
    let leaving = json!({"deletionTimestamp": "2016-07-01T00:00:00Z"});
    let claim = (
        prop::sample::select(vec!["a", "b", "c"]),
        prop::sample::select(vec![json!({}), alpha, bound, leaving]),
        prop::sample::select(vec![json!({}), json!({"volumeName": "v"}), json!({"volumeName": "w"})]),
    )
        .prop_map(|(name, metadata, spec)| named_claim(name, json!({"metadata": metadata, "spec": spec})));
    let reference = |uid: &str| json!({"claimRef": {"namespace": "default", "name": "a", "uid": uid}});
    let specs = vec![json!({}), reference("a-uid"), reference(""), reference("old-uid")];
    let sources = vec![
        json!({"hostPath": {"path": "/srv"}}),
        json!({"csi": {"driver": "petset.io/docker", "volumeHandle": "petset_test_v"}}),
        json!({"csi": {"driver": "petset.io/docker", "volumeHandle": "petset_test_w"}}),
    ];
    let volume = (
        prop::sample::select(vec!["v", "w"]),
        prop::sample::select(specs),
        prop::sample::select(sources),
        prop::sample::select(vec!["Delete", "Retain", "Recycle"]),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(name, spec, source, policy, leaving, foreign)| {
            let mut volume =
                by_hand(name, json!({"spec": {"hostPath": null, "persistentVolumeReclaimPolicy": policy}}));
            let mut whole = serde_json::to_value(&volume).unwrap();
            for part in [spec, source] {
                for (key, value) in part.as_object().unwrap() {
                    whole["spec"][key] = value.clone();
                }
            }
            volume = object(whole);
            volume.metadata.deletion_timestamp = leaving.then(|| time(9));
            if foreign {
                volume.metadata.finalizers.get_or_insert_default().push("example.com/backup".to_owned());
            }
            volume
        });
    let user = prop::sample::select(vec!["a", "b"]).prop_map(|claim| mounting(pod("user", 0), claim));
    let engine = subsequence(vec!["petset_test_v", "petset_test_w", "petset_test_x"], 0..=3);
    let mounted = subsequence(vec!["petset_test_v", "petset_test_w"], 0..=2);
    (collection::vec(claim, 0..4), collection::vec(volume, 0..3), collection::vec(user, 0..2), engine, mounted)
        .prop_map(|(claims, volumes, pods, engine, mounted)| {
            let mut seen = BTreeSet::new();
            let claims = claims.into_iter().filter(|c| seen.insert(c.metadata.name.clone())).collect();
            let volumes = volumes.into_iter().filter(|v| seen.insert(v.metadata.name.clone())).collect();
            let volume = |name: &str| (name.to_owned(), Volume { name: name.to_owned(), labels: BTreeMap::new() });
            Storage {
                claims,
                volumes,
                pods,
                classes: Vec::new(),
                engine: Some(engine.into_iter().map(volume).collect()),
                mounted: mounted.into_iter().map(str::to_owned).collect(),
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Data goes only where its one volume object says `Delete`, is `Released`, and nothing mounts it.
    #[test]
    fn sticky(mut storage in any_storage()) {
        for _ in 0..10 {
            let plan = storage.plan();
            for action in &plan.actions {
                let Action::RemoveVolume { name } = action else { continue };
                let holders: Vec<_> = storage.volumes.iter().filter(|v| {
                    v.spec.as_ref().unwrap().csi.as_ref().is_some_and(|csi| csi.volume_handle == *name)
                }).collect();
                prop_assert_eq!(holders.len(), 1);
                let spec = holders[0].spec.as_ref().unwrap();
                prop_assert_eq!(spec.persistent_volume_reclaim_policy.as_deref(), Some("Delete"));
                prop_assert_eq!(holders[0].status.as_ref().unwrap().phase.as_deref(), Some("Released"));
                let uid = spec.claim_ref.as_ref().unwrap().uid.clone();
                prop_assert!(storage.claims.iter().all(|c| c.metadata.uid != uid), "its claim is still there");
                prop_assert!(!storage.mounted.contains(name));
            }
            storage.apply(&plan);
        }
    }

    /// Storage comes to rest, and no object is written twice on the way.
    #[test]
    fn storage_is_quiet(mut storage in any_storage()) {
        for _ in 0..10 {
            let plan = storage.plan();
            assert_once(&plan.writes);
            storage.apply(&plan);
        }
        let plan = storage.plan();
        prop_assert_eq!(plan.writes, []);
        prop_assert_eq!(plan.actions, []);
    }

    /// A claim that is not bound, or not gone although it was deleted, says why.
    #[test]
    fn storage_says_why(storage in any_storage()) {
        let plan = storage.plan();
        let written = written(&plan.writes);
        for claim in &storage.claims {
            let name = claim.metadata.name.as_ref().unwrap();
            let is_bound = claim.metadata.deletion_timestamp.is_none()
                && claim.status.as_ref().unwrap().phase.as_deref() == Some("Bound");
            let is_said = written.iter().any(|w| *w == ("claim", name.clone()))
                || plan.waits.iter().any(|w| w.subject.name == *name);
            prop_assert!(is_bound || is_said, "{name}: {plan:?}");
        }
    }

    /// No two claims are given one volume.
    #[test]
    fn one_volume_for_one_claim(mut storage in any_storage()) {
        for _ in 0..10 {
            let plan = storage.plan();
            storage.apply(&plan);
        }
        for volume in &storage.volumes {
            let volumes = storage.volumes.iter().collect::<Vec<_>>();
            let ready = storage.claims.iter().filter(|claim| {
                let is_here = claim.spec.as_ref().unwrap().volume_name == volume.metadata.name;
                let name = claim.metadata.name.as_deref().unwrap();
                let state = plan::claim::state(Some(claim), name, &volumes, storage.engine.as_ref());
                is_here && matches!(state, plan::pod::ClaimState::Ready(_))
            });
            prop_assert!(ready.count() <= 1);
        }
    }
}

/// The limits that plans promise hold at their edges.
#[test]
fn bounded() {
    for replicas in [99, 100, 101, 5000, i32::MAX] {
        let plan = World::new(replicas).templates(&["www", "log"]).plan();
        let claims = plan.writes.iter().filter(|w| matches!(w, Write::CreateClaim(_))).count();
        assert!(claims <= set::CLAIMS_PER_PASS_MAX);
        assert!(plan.waits.len() <= 102, "a hundred by name and the rest in a number");
    }
}
