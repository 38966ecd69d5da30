//! The laws about what is: content with a true world, and a word about each thing that is made untrue.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use plan::{
    Action,
    facts::{Container, Engine, Owner, PodKey, Role, Room, State, Volume},
    law::{
        Law, Verdict,
        world::{self, History, Objects},
    },
    zone::{self, Records, Zone},
};
use serde_json::{Value, json};

use crate::world::{now, terminating, time};

/// One set of two pets with a claim each, which runs, and whose service publishes it.
#[derive(Clone, Debug)]
struct Truth {
    objects: Objects,
    engine: Engine,
    zone: Zone,
}

fn key(ordinal: u32) -> PodKey {
    PodKey { namespace: "default".to_owned(), name: format!("web-{ordinal}") }
}

fn container(ordinal: u32, role: Role, name: &str, attempt: u32) -> Container {
    let owner =
        Owner { pod: key(ordinal), uid: format!("web-{ordinal}-uid"), role, container: name.to_owned(), attempt };
    let state = State::Running { started_at: now(), paused: false };
    let id = format!("{name}-{ordinal}-{attempt}");
    Container { id, owner, state, image_id: String::new(), address: None, sandbox: None }
}

fn handle(ordinal: u32) -> String {
    format!("petset_test_pvc-{ordinal}")
}

impl Truth {
    fn new() -> Truth {
        let mut objects = Objects::default();
        let mut add = |resource: &str, object: Value| objects.add(resource, &object).unwrap();
        add("namespaces", json!({"metadata": {"name": "default"}}));
        add(
            "petsets.apps",
            json!({
                "apiVersion": "apps/v1alpha1", "kind": "PetSet",
                "metadata": {"name": "web", "namespace": "default", "uid": "set-uid", "generation": 1},
                "spec": {
                    "serviceName": "nginx", "replicas": 2, "selector": {"matchLabels": {"app": "nginx"}},
                    "template": {"metadata": {"labels": {"app": "nginx"}}, "spec": {"containers": [{"name": "nginx"}]}},
                    "volumeClaimTemplates": [{"metadata": {"name": "www"}}],
                },
                "status": {"observedGeneration": 1, "replicas": 2},
            }),
        );
        add(
            "services",
            json!({
                "metadata": {"name": "nginx", "namespace": "default"},
                "spec": {"clusterIP": "None", "selector": {"app": "nginx"}, "ports": [{"name": "web", "port": 80}]},
            }),
        );
        let mut engine = Engine::default();
        for ordinal in 0..2 {
            let (claim, volume, address) =
                (format!("www-web-{ordinal}"), format!("pvc-{ordinal}"), format!("10.0.0.{}", ordinal + 3));
            add(
                "pods",
                json!({
                    "metadata": {
                        "name": format!("web-{ordinal}"), "namespace": "default", "uid": format!("web-{ordinal}-uid"),
                        "labels": {"app": "nginx"},
                        "annotations": {
                            "pod.alpha.kubernetes.io/initialized": "true",
                            "pod.beta.kubernetes.io/hostname": format!("web-{ordinal}"),
                            "pod.beta.kubernetes.io/subdomain": "nginx",
                        },
                    },
                    "spec": {"hostname": format!("web-{ordinal}"), "subdomain": "nginx", "containers": [{"name": "nginx"}]},
                    "status": {
                        "phase": "Running", "podIP": address, "conditions": [{"type": "Ready", "status": "True"}],
                        "containerStatuses": [{
                            "name": "nginx", "image": "", "imageID": "", "ready": true, "restartCount": 0,
                            "state": {"running": {"startedAt": null}},
                        }],
                    },
                }),
            );
            add(
                "persistentvolumeclaims",
                json!({
                    "metadata": {"name": claim, "namespace": "default", "uid": format!("{claim}-uid")},
                    "spec": {"volumeName": volume}, "status": {"phase": "Bound"},
                }),
            );
            add(
                "persistentvolumes",
                json!({
                    "metadata": {"name": volume},
                    "spec": {
                        "persistentVolumeReclaimPolicy": "Delete",
                        "csi": {"driver": "petset.io/docker", "volumeHandle": handle(ordinal)},
                        "claimRef": {"namespace": "default", "name": claim, "uid": format!("{claim}-uid")},
                    },
                    "status": {"phase": "Bound"},
                }),
            );
            engine.containers.insert(
                key(ordinal),
                vec![container(ordinal, Role::Sandbox, "POD", 0), container(ordinal, Role::App, "nginx", 0)],
            );
            let labels = BTreeMap::from([("pv".to_owned(), volume)]);
            engine.volumes.insert(handle(ordinal), Volume { name: handle(ordinal), labels, room: Room::Disk });
        }
        let mut truth = Truth { objects, engine, zone: Zone::default() };
        truth.publish();
        truth
    }

    /// The service's endpoints and the zone as the planner makes them.
    fn publish(&mut self) {
        let service = &self.objects.services[0];
        let pods: Vec<_> = self.objects.pods.iter().collect();
        let plan = zone::plan(service, &pods, None);
        for write in plan.writes {
            if let plan::Write::Endpoints { endpoints, .. } = write {
                self.objects.endpoints = vec![*endpoints];
            }
        }
        let namespaces = self.objects.namespaces.iter().filter_map(|namespace| namespace.metadata.name.clone());
        self.zone = Zone::new("cluster.local");
        self.zone.serial = 1;
        self.zone.set_namespaces(namespaces.collect());
        self.zone.set_service("default", "nginx", Some(Arc::new(plan.records)));
    }

    fn settles(&self) -> Verdict {
        world::settles(&self.objects, &self.engine, &self.zone, now())
    }

    fn changed(&self, change: impl FnOnce(&mut Truth)) -> Truth {
        let mut truth = self.clone();
        change(&mut truth);
        truth
    }
}

/// What is made untrue, and what the sentence about it names.
type Change = (&'static str, fn(&mut Truth));

/// The law that is broken, and that its sentence names this.
fn breaks(verdict: Verdict, law: Law, what: &str) {
    let broken = verdict.expect_err(what);
    assert_eq!(broken.law, law, "{broken}");
    assert!(broken.why.contains(what), "{broken} does not name {what}");
}

fn exited() -> State {
    State::Exited {
        started_at: None,
        finished_at: Timestamp::UNIX_EPOCH,
        code: 1,
        oom_killed: false,
        error: String::new(),
    }
}

#[test]
fn a_true_world_breaks_no_law() {
    let truth = Truth::new();
    assert_eq!(truth.settles(), Ok(()));
    assert_eq!(world::one_of_each(&truth.engine), Ok(()));
    assert_eq!(world::zone_true(&truth.objects, &truth.zone), Ok(()));
    assert_eq!(world::blind((&truth.objects, &truth.zone), (&truth.objects, &truth.zone), &[]), Ok(()));
    let mut history = History::default();
    for _ in 0..2 {
        assert_eq!(history.sticky(&truth.objects, &truth.engine.volumes, &BTreeSet::new()), Ok(()));
    }
}

#[test]
fn one_of_each_notices_a_second_container_and_a_second_sandbox() {
    let truth = Truth::new();
    for (role, name) in [(Role::App, "nginx"), (Role::Sandbox, "POD")] {
        let mut engine = truth.engine.clone();
        let mut second = container(1, role, name, 1);
        second.owner.uid = "of a pod before".to_owned();
        engine.containers.get_mut(&key(1)).unwrap().push(second);
        breaks(world::one_of_each(&engine), Law::OneOfEach, "default/web-1");
        engine.containers.get_mut(&key(1)).unwrap()[2].state = exited();
        assert_eq!(world::one_of_each(&engine), Ok(()), "what has ended is no second one");
    }
}

#[test]
fn sticky_notices_a_claim_with_another_volume() {
    let truth = Truth::new();
    let mut history = History::default();
    history.sticky(&truth.objects, &truth.engine.volumes, &BTreeSet::new()).unwrap();
    let moved = truth.changed(|t| t.objects.claims[0].spec.as_mut().unwrap().volume_name = Some("pvc-9".to_owned()));
    breaks(history.sticky(&moved.objects, &moved.engine.volumes, &BTreeSet::new()), Law::Sticky, "www-web-0");
}

#[test]
fn sticky_notices_data_that_is_gone_and_knows_when_it_may_go() {
    let truth = Truth::new();
    let gone = truth.changed(|t| drop(t.engine.volumes.remove(&handle(0))));
    let after = |then: &Truth, taken: &BTreeSet<String>| {
        let mut history = History::default();
        history.sticky(&truth.objects, &truth.engine.volumes, &BTreeSet::new()).unwrap();
        history.sticky(&then.objects, &then.engine.volumes, taken)
    };
    breaks(after(&gone, &BTreeSet::new()), Law::Sticky, "www-web-0");
    assert_eq!(after(&gone, &BTreeSet::from([handle(0)])), Ok(()), "somebody else took it");
    let released = gone.changed(|t| drop(t.objects.claims.remove(0)));
    assert_eq!(after(&released, &BTreeSet::new()), Ok(()), "its claim is gone, and its policy says so");
    let mut history = History::default();
    let kept = truth.changed(|t| {
        let spec = t.objects.volumes[0].spec.as_mut().unwrap();
        spec.persistent_volume_reclaim_policy = Some("Retain".to_owned());
    });
    history.sticky(&kept.objects, &kept.engine.volumes, &BTreeSet::new()).unwrap();
    breaks(history.sticky(&released.objects, &released.engine.volumes, &BTreeSet::new()), Law::Sticky, "Retain");
}

#[test]
fn sticky_notices_scratch_space_that_goes_before_its_pod() {
    let truth = Truth::new().changed(|t| {
        let labels = BTreeMap::from([("uid".to_owned(), "web-0-uid".to_owned())]);
        t.engine.volumes.insert("scratch".to_owned(), Volume { name: "scratch".to_owned(), labels, room: Room::Disk });
    });
    let gone = truth.changed(|t| drop(t.engine.volumes.remove("scratch")));
    for (then, is_broken) in [
        (gone.clone(), true),
        (gone.changed(|t| t.objects.pods[0] = terminating(t.objects.pods[0].clone())), false),
        (gone.changed(|t| drop(t.objects.pods.remove(0))), false),
    ] {
        let mut history = History::default();
        history.sticky(&truth.objects, &truth.engine.volumes, &BTreeSet::new()).unwrap();
        let verdict = history.sticky(&then.objects, &then.engine.volumes, &BTreeSet::new());
        assert_eq!(verdict.is_err(), is_broken, "{verdict:?}");
    }
}

#[test]
fn blind_notices_what_is_done_declared_or_withdrawn_in_silence() {
    let before = Truth::new();
    let blind = |after: &Truth, begun: &[Action]| {
        world::blind((&before.objects, &before.zone), (&after.objects, &after.zone), begun)
    };
    let status = |t: &mut Truth, change: fn(&mut k8s_openapi::api::core::v1::PodStatus)| {
        change(t.objects.pods[1].status.as_mut().unwrap());
    };
    breaks(blind(&before, &[Action::RemoveVolume { name: handle(0) }]), Law::Blind, &handle(0));
    let failed = before.changed(|t| status(t, |status| status.phase = Some("Failed".to_owned())));
    breaks(blind(&failed, &[]), Law::Blind, "web-1");
    let unready = before.changed(|t| {
        status(t, |status| status.conditions.as_mut().unwrap()[0].status = "False".to_owned());
    });
    breaks(blind(&unready, &[]), Law::Blind, "web-1");
    let withdrawn = before.changed(|t| assert!(t.zone.set_service("default", "nginx", None)));
    breaks(blind(&withdrawn, &[]), Law::Blind, "web-0");
    let deleted = before.changed(|t| {
        t.objects.pods[1].metadata.deletion_timestamp = Some(time(90));
        t.publish();
    });
    assert_eq!(blind(&deleted, &[]), Ok(()), "users may delete what they like");
}

#[test]
fn zone_true_notices_whatever_the_zone_has_too_much_or_too_little() {
    let truth = Truth::new();
    let zone_true = |t: &Truth| world::zone_true(&t.objects, &t.zone);
    breaks(
        zone_true(&truth.changed(|t| assert!(t.zone.set_service("default", "nginx", None)))),
        Law::ZoneTrue,
        "default/nginx",
    );
    breaks(zone_true(&truth.changed(|t| t.objects.services.clear())), Law::ZoneTrue, "default/nginx");
    let named_otherwise = truth.changed(|t| "other.local".clone_into(&mut t.zone.domain));
    breaks(zone_true(&named_otherwise), Law::ZoneTrue, "web-0.nginx.default.svc.other.local");
    breaks(zone_true(&truth.changed(|t| assert!(t.zone.set_namespaces(BTreeSet::new())))), Law::ZoneTrue, "default");
    let unready = truth.changed(|t| {
        t.objects.pods[1].status.as_mut().unwrap().conditions.as_mut().unwrap()[0].status = "False".to_owned();
    });
    breaks(zone_true(&unready), Law::ZoneTrue, "web-1");
    let left_out = truth.changed(|t| {
        let Records::Endpoints(endpoints) = &**t.zone.service("default", "nginx").unwrap() else {
            panic!("it is headless")
        };
        let first = Records::Endpoints(endpoints[..1].to_vec());
        t.zone.set_service("default", "nginx", Some(Arc::new(first)));
    });
    breaks(zone_true(&left_out), Law::ZoneTrue, "web-1");
}

#[test]
fn settles_notices_whatever_is_not_as_it_should_be() {
    let truth = Truth::new();
    let changes: [Change; 12] = [
        ("web-1", |t| drop(t.objects.pods.pop())),
        ("web-1", |t| t.objects.pet_sets[0].spec.replicas = Some(1)),
        ("web-2", |t| t.objects.pet_sets[0].spec.replicas = Some(3)),
        ("web-1", |t| t.objects.pods[1].status.as_mut().unwrap().phase = Some("Pending".to_owned())),
        ("www-web-1", |t| drop(t.objects.claims.pop())),
        ("www-web-1", |t| t.objects.claims[1].status.as_mut().unwrap().phase = Some("Lost".to_owned())),
        ("www-web-1", |t| drop(t.objects.volumes.pop())),
        ("www-web-1", |t| drop(t.engine.volumes.remove(&handle(1)))),
        ("nginx", |t| drop(t.engine.containers.get_mut(&key(1)).unwrap().pop())),
        ("web-7", |t| drop(t.engine.containers.insert(key(7), vec![container(7, Role::App, "nginx", 0)]))),
        ("nginx", |t| assert!(t.zone.set_service("default", "nginx", None))),
        ("web", |t| t.objects.pet_sets[0].status.replicas = 1),
    ];
    for (what, change) in changes {
        let verdict = truth.changed(change).settles();
        let broken = verdict.expect_err(what);
        assert!(matches!(broken.law, Law::Settles | Law::ZoneTrue), "{broken}");
        assert!(broken.why.contains(what), "{broken} does not name {what}");
    }
    let unsaid = truth.changed(|t| t.objects.endpoints.clear());
    breaks(unsaid.settles(), Law::ZoneTrue, "nginx");
}
