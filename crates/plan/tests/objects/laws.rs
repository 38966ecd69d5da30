//! The laws hold for the planner as it is, whatever the world is like.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use k8s_openapi::api::core::v1::{Endpoints, Pod, Service};
use plan::{
    Write, claim,
    facts::{Room, Volume},
    law::{self, Verdict},
    set, zone,
};
use proptest::{collection, prelude::*, sample::subsequence};
use serde_json::json;

use crate::{
    space::{self, any_size, any_space},
    storage::{self, Storage, by_hand, named_claim},
    world::{mounting, object, pod, terminating, time, with_status},
};

/// Plans for a service: [`zone::plan`], or one that breaks a law.
pub(crate) type ZonePlanner = fn(&Service, &[&Pod], Option<&Endpoints>) -> zone::Plan;

/// Passes after which storage must have settled: a claim may be made, bound, shown, released and removed.
const PASSES_MAX: usize = 10;

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn sets_keep_the_laws(space in any_space()) {
        space::check(set::plan, space)?;
    }

    #[test]
    fn sets_of_any_size_keep_the_laws(world in any_size()) {
        world.judged(set::plan)?;
    }

    #[test]
    fn storage_keeps_the_laws(storage in any_storage()) {
        check_storage(claim::plan, storage)?;
    }

    #[test]
    fn services_keep_the_laws(service in any_service()) {
        check_service(zone::plan, service)?;
    }
}

#[test]
fn the_page_of_limits_has_those_of_one_pass() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/limits.md")).unwrap();
    let (_, section) = page.split_once("## What one pass does").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        Some((cells.next()?.trim_end_matches('`'), cells.next()?.parse().unwrap()))
    });
    let limits = [
        ("CLAIMS_PER_PASS_MAX", set::CLAIMS_PER_PASS_MAX),
        ("PODS_AND_CLAIMS_MAX", set::PODS_AND_CLAIMS_MAX),
        ("STEPS_MAX", set::STEPS_MAX),
        ("BATCH_MAX", set::BATCH_MAX),
        ("AHEAD_MAX", set::AHEAD_MAX),
        ("VOLUMES_AT_ONCE_MAX", claim::VOLUMES_AT_ONCE_MAX),
    ];
    assert_eq!(rows.collect::<Vec<(&str, usize)>>(), limits);
}

/// Every law that a planner of storage can break: from pass to pass, with the engine and without, and at rest.
pub(crate) fn check_storage(planner: storage::Planner, mut storage: Storage) -> Verdict {
    for _ in 0..PASSES_MAX {
        Storage { engine: None, ..storage.clone() }.judged(planner)?;
        let plan = storage.judged(planner)?;
        let mut reversed = storage.clone();
        reversed.pods.reverse();
        reversed.classes.reverse();
        law::alone(&plan, &reversed.with_input(planner))?;
        storage.apply(&plan);
    }
    law::storage::rests(&storage.judged(planner)?)?;
    storage.with_input(|input| {
        law::storage::one_volume_each(input, |claim| {
            let name = claim.metadata.name.as_deref().unwrap();
            claim::state(Some(claim), name, input.volumes, input.engine)
        })
    })
}

/// Claims and volumes in all kinds of relations, of few names so that they meet.
pub(crate) fn any_storage() -> impl Strategy<Value = Storage> {
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
    let elsewhere = json!({"nodeAffinity": {"required": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "rack", "operator": "Exists"}]},
    ]}}});
    let specs = vec![json!({}), reference("a-uid"), reference(""), reference("old-uid"), elsewhere];
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
    let handles =
        vec!["petset_test_v", "petset_test_w", "petset_test_x", "petset_test_pvc-a-uid", "petset_test_pvc-old-uid"];
    let engine = subsequence(handles, 0..=5);
    let mounted = subsequence(vec!["petset_test_v", "petset_test_w", "petset_test_pvc-old-uid"], 0..=3);
    let begun = subsequence(vec!["a-uid", "old-uid"], 0..=2);
    (collection::vec(claim, 0..4), collection::vec(volume, 0..3), collection::vec(user, 0..2), begun, engine, mounted)
        .prop_map(|(claims, volumes, pods, begun, engine, mounted)| {
            let mut seen = BTreeSet::new();
            let claims = claims.into_iter().filter(|c| seen.insert(c.metadata.name.clone())).collect();
            let volumes = volumes.into_iter().filter(|v| seen.insert(v.metadata.name.clone())).collect();
            let begun = begun.into_iter().map(|uid| {
                object(json!({
                    "metadata": {"name": format!("pvc-{uid}")}, "handle": format!("petset_test_pvc-{uid}"),
                    "claim": {"namespace": "default", "name": "a", "uid": uid},
                }))
            });
            let volume = |name: &str| {
                (name.to_owned(), Volume { name: name.to_owned(), labels: BTreeMap::new(), room: Room::Disk })
            };
            Storage {
                claims,
                volumes,
                pods,
                begun: begun.collect(),
                classes: Vec::new(),
                engine: Some(engine.into_iter().map(volume).collect()),
                mounted: mounted.into_iter().map(str::to_owned).collect(),
                removed: BTreeSet::new(),
                refusals: BTreeMap::new(),
                node: Some(object(json!({"metadata": {"name": "laptop"}}))),
            }
        })
}

/// A service and the pods of its namespace.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    service: Service,
    pods: Vec<Pod>,
    current: Option<Endpoints>,
}

/// Every law that a planner of services can break, before its endpoints are written and after.
pub(crate) fn check_service(planner: ZonePlanner, mut served: Served) -> Verdict {
    let Served { service, pods, current } = &mut served;
    let pods: Vec<&Pod> = pods.iter().collect();
    let plan = planner(service, &pods, current.as_ref());
    law::zone::all(service, &pods, current.as_ref(), &plan)?;
    let reversed: Vec<&Pod> = pods.iter().rev().copied().collect();
    law::alone(&plan.records, &planner(service, &reversed, current.as_ref()).records)?;
    for write in plan.writes {
        if let Write::Endpoints { endpoints, .. } = write {
            *current = Some(*endpoints);
        }
    }
    let plan = planner(service, &pods, current.as_ref());
    law::zone::all(service, &pods, current.as_ref(), &plan)
}

/// Services of every kind, and pods that are Ready or not, with an address or without, theirs or another's.
pub(crate) fn any_service() -> impl Strategy<Value = Served> {
    let selector = prop::sample::select(vec![json!({"app": "nginx"}), json!(null), json!({"app": "db"})]);
    let ports = prop::sample::select(vec![
        json!([{"name": "web", "port": 80}]),
        json!([]),
        json!([{"name": "web", "port": 80, "targetPort": "http"}, {"name": "dns", "port": 53, "protocol": "UDP"}]),
        json!([{"name": "web", "port": 80, "targetPort": "http"}]),
    ]);
    let address = prop::sample::select(vec!["None", "None", "10.1.0.1"]);
    let service =
        (selector, ports, address, any::<bool>()).prop_map(|(selector, ports, address, unready)| -> Service {
            object(json!({
                "metadata": {"name": "nginx", "namespace": "default"},
                "spec": {"clusterIP": address, "selector": selector, "ports": ports, "publishNotReadyAddresses": unready},
            }))
        });
    let pod = |ordinal: u8| {
        let status = prop::sample::select(vec!["True", "True", "True", "False"]);
        let phase = prop::sample::select(vec!["Running", "Running", "Running", "Succeeded", "Pending"]);
        (status, phase, 0..10u8, 0..10u8).prop_map(move |(ready, phase, oddity, port)| {
            let address = format!("10.0.0.{}", ordinal + 3);
            let mut pod = with_status(
                pod(&format!("web-{ordinal}"), 0),
                json!({
                    "phase": phase, "podIP": address, "podIPs": [{"ip": address}],
                    "conditions": [{"type": "Ready", "status": ready}],
                }),
            );
            if port < 5 {
                pod.spec.as_mut().unwrap().containers[0].ports =
                    Some(vec![object(json!({"name": "http", "containerPort": 8080}))]);
            }
            match oddity {
                0 => pod = terminating(pod),
                1 => pod.metadata.labels = None,
                2 => pod.metadata.namespace = Some("other".to_owned()),
                3 => {
                    let status = pod.status.as_mut().unwrap();
                    (status.pod_ip, status.pod_ips) = (None, None);
                }
                4 => pod.spec.as_mut().unwrap().subdomain = Some("other".to_owned()),
                _ => {}
            }
            pod
        })
    };
    let pods = [pod(0), pod(1), pod(2), pod(3)];
    let by_hand = object::<Endpoints>(json!({
        "metadata": {"name": "nginx", "namespace": "default", "resourceVersion": "3"},
        "subsets": [{"addresses": [{"ip": "10.0.0.4", "hostname": "db"}, {"ip": "10.0.0.77"}], "ports": [{"port": 80}]}],
    }));
    (service, pods, any::<bool>()).prop_map(move |(service, pods, is_written)| Served {
        service,
        pods: pods.to_vec(),
        current: is_written.then(|| by_hand.clone()),
    })
}
