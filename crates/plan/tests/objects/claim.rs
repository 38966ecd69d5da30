//! How claims get volumes, keep them and let them go.

mod ends;
mod sizes;

use std::collections::BTreeMap;

use k8s_openapi::api::{
    core::v1::{PersistentVolume, PersistentVolumeClaim, Pod},
    storage::v1::StorageClass,
};
use plan::{
    Action, Note, NoteKind, Subject, Wait, Write,
    action::Source,
    claim::{self, Plan, VOLUMES_AT_ONCE_MAX},
    pod::ClaimState,
};
use serde_json::{Value, json};

use crate::{
    storage::{Storage, by_hand, merged, named_claim},
    world::{now, object},
};

/// Claim `www`, which asks for 1 GiB and is Pending, with changes.
fn www(changes: Value) -> PersistentVolumeClaim {
    named_claim("www", changes)
}

/// The same claim with the annotation of 1.3.
fn alpha() -> Value {
    json!({"metadata": {"annotations": {"volume.alpha.kubernetes.io/storage-class": "anything"}}})
}

/// What a volume says that is bound to claim `www`.
fn reference() -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": "default", "name": "www", "uid": "www-uid",
        "resourceVersion": "5",
    })
}

/// Claim `www`, bound to a volume.
fn bound(volume: &str) -> PersistentVolumeClaim {
    www(json!({
        "metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
        "spec": {"volumeName": volume},
        "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]},
    }))
}

const HANDLE: &str = "petset_test_pvc-www-uid";

/// The volume that is made for claim `www`, bound, with changes.
fn made(changes: Value) -> PersistentVolume {
    object(merged(
        json!({
            "metadata": {
                "name": "pvc-www-uid",
                "annotations": {"pv.kubernetes.io/provisioned-by": "petset.io/docker"},
                "finalizers": ["kubernetes.io/pv-protection"],
            },
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "capacity": {"storage": "1Gi"},
                "claimRef": reference(),
                "csi": {"driver": "petset.io/docker", "volumeHandle": HANDLE},
                "persistentVolumeReclaimPolicy": "Delete",
                "volumeMode": "Filesystem",
            },
            "status": {"phase": "Bound", "lastPhaseTransitionTime": now().to_string()},
        }),
        changes,
    ))
}

/// The record of the volume that is being made for claim `www`, with changes.
fn begun(changes: Value) -> claim::Begun {
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": "default", "name": "www", "uid": "www-uid",
    });
    object(merged(json!({"metadata": {"name": "pvc-www-uid"}, "claim": claim, "handle": HANDLE}), changes))
}

/// The same as the store has it.
fn stored(changes: Value) -> PersistentVolume {
    made(merged(json!({"metadata": {"resourceVersion": "6"}}), changes))
}

fn class(name: &str, changes: Value) -> StorageClass {
    object(merged(json!({"metadata": {"name": name}, "provisioner": "petset.io/docker"}), changes))
}

/// A pod that uses claim `www`.
fn user(changes: Value) -> Pod {
    object(merged(
        json!({
            "metadata": {"name": "web-0", "namespace": "default"},
            "spec": {"containers": [], "volumes": [{"name": "www", "persistentVolumeClaim": {"claimName": "www"}}]},
            "status": {"phase": "Running"},
        }),
        changes,
    ))
}

fn subject(kind: &str, name: &str) -> Subject {
    Subject {
        api_version: "v1".to_owned(),
        kind: kind.to_owned(),
        namespace: if kind == "PersistentVolume" { String::new() } else { "default".to_owned() },
        name: name.to_owned(),
        uid: if kind == "PersistentVolume" { String::new() } else { format!("{name}-uid") },
    }
}

fn wait(reason: &'static str, message: &str) -> Wait {
    Wait { subject: subject("PersistentVolumeClaim", "www"), reason, message: message.to_owned() }
}

fn wait_of_volume(name: &str, reason: &'static str, message: &str) -> Wait {
    Wait { subject: subject("PersistentVolume", name), reason, message: message.to_owned() }
}

fn note(kind: NoteKind, reason: &'static str, message: &str) -> Note {
    Note {
        subject: subject("PersistentVolumeClaim", "www"),
        field_path: String::new(),
        component: "persistentvolume-controller",
        kind,
        reason,
        message: message.to_owned(),
    }
}

fn volume_status(name: &str, status: Value) -> Write {
    let status = merged(json!({"lastPhaseTransitionTime": now().to_string()}), status);
    Write::VolumeStatus { name: name.to_owned(), rv: "6".to_owned(), status: Box::new(object(status)) }
}

/// A claim that waits: the event and the wait say the same.
fn pending(kind: NoteKind, reason: &'static str, message: &str) -> Plan {
    Plan {
        notes: vec![note(kind, reason, message)],
        waits: vec![wait(reason, &format!("waiting to bind claim www: {message}"))],
        ..Plan::default()
    }
}

#[test]
fn the_annotation_of_2016_gets_a_volume_made() {
    let storage = Storage::new().claim(www(alpha()));
    let labels = [("claim", "www"), ("namespace", "default"), ("pv", "pvc-www-uid")];
    let labels = labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    assert_eq!(
        storage.plan(),
        Plan {
            writes: vec![Write::BeginVolume(Box::new(begun(json!({}))))],
            actions: vec![Action::CreateVolume { name: HANDLE.to_owned(), labels, size: Some(1 << 30) }],
            waits: vec![wait("Provisioning", "waiting to bind claim www: volume pvc-www-uid is being made")],
            ..Plan::default()
        },
        "first the engine's volume, and before it a record"
    );
    let mut storage = storage.engine(HANDLE);
    storage.begun.push(begun(json!({})));
    let claim = www(merged(
        alpha(),
        json!({
            "metadata": {"annotations": {
                "pv.kubernetes.io/bind-completed": "yes",
                "pv.kubernetes.io/bound-by-controller": "yes",
                "volume.kubernetes.io/storage-provisioner": "petset.io/docker",
            }},
            "spec": {"volumeName": "pvc-www-uid"},
        }),
    ));
    assert_eq!(
        storage.plan(),
        Plan {
            writes: vec![
                Write::CreateVolume(Box::new(made(json!({})))),
                Write::EndVolume { name: "pvc-www-uid".to_owned() },
                Write::UpdateClaim(Box::new(claim.clone())),
            ],
            notes: vec![note(NoteKind::Normal, "ProvisioningSucceeded", "Successfully provisioned volume pvc-www-uid")],
            ..Plan::default()
        },
        "then both halves of the binding"
    );
    let storage = Storage::new().engine(HANDLE).claim(claim).volume(stored(json!({})));
    let status = json!({"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]});
    assert_eq!(
        storage.plan().writes,
        [Write::ClaimStatus {
            namespace: "default".to_owned(),
            name: "www".to_owned(),
            rv: "5".to_owned(),
            status: Box::new(object(status)),
        }],
        "then the status"
    );
    assert_eq!(storage.settle().plan(), Plan::default(), "and then it is as it should be");
}

#[test]
fn the_annotation_gets_a_new_volume_even_where_one_would_suit() {
    let storage = Storage::new().claim(www(alpha())).volume(by_hand("old", json!({}))).settle();
    assert_eq!(storage.state("www"), ClaimState::Ready(Source::Volume(HANDLE.to_owned())));
}

#[test]
fn a_claim_without_any_class_waits_for_a_volume_made_by_hand() {
    let storage = Storage::new().claim(www(json!({})));
    let why = "no persistent volumes available for this claim and no storage class is set";
    assert_eq!(storage.plan(), pending(NoteKind::Normal, "FailedBinding", why));

    let storage = storage.volume(by_hand("mine", json!({})));
    let volume = by_hand(
        "mine",
        json!({
            "metadata": {"annotations": {"pv.kubernetes.io/bound-by-controller": "yes"}},
            "spec": {"claimRef": reference()},
        }),
    );
    let claim = www(json!({
        "metadata": {"annotations": {
            "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes",
        }},
        "spec": {"volumeName": "mine"},
    }));
    assert_eq!(
        storage.plan(),
        Plan {
            writes: vec![Write::UpdateVolume(Box::new(volume)), Write::UpdateClaim(Box::new(claim))],
            ..Plan::default()
        }
    );
    let storage = storage.settle();
    assert_eq!(storage.volumes[0].status.as_ref().unwrap().phase.as_deref(), Some("Bound"));
    assert_eq!(storage.state("www"), ClaimState::Ready(Source::Host { path: "/srv".to_owned(), create: true }));
}

#[test]
fn the_smallest_volume_that_suits_is_taken_and_of_equals_the_first_by_name() {
    let with = |changes: Value| Storage::new().claim(www(changes));
    let sized = |name: &str, size: &str| by_hand(name, json!({"spec": {"capacity": {"storage": size}}}));
    let labelled = |name: &str, tier: &str| by_hand(name, json!({"metadata": {"labels": {"tier": tier}}}));
    let classy = |name: &str, class: &str| by_hand(name, json!({"spec": {"storageClassName": class}}));
    for (claim, volumes, taken) in [
        (json!({}), vec![sized("a", "5Gi"), sized("b", "2G"), sized("c", "1000Mi")], Some("b")),
        (json!({}), vec![sized("b", "1Gi"), sized("a", "1024Mi")], Some("a")),
        (json!({}), vec![sized("a", "1G")], None),
        (json!({"spec": {"accessModes": ["ReadWriteMany"]}}), vec![by_hand("a", json!({}))], None),
        (
            json!({"spec": {"accessModes": ["ReadWriteMany"]}}),
            vec![by_hand("a", json!({"spec": {"accessModes": ["ReadWriteOnce", "ReadWriteMany"]}}))],
            Some("a"),
        ),
        (json!({}), vec![by_hand("a", json!({"spec": {"volumeMode": "Block"}}))], None),
        (json!({}), vec![by_hand("a", json!({"spec": {"volumeMode": "Filesystem"}}))], Some("a")),
        (json!({}), vec![classy("a", "fast")], None),
        (json!({"spec": {"storageClassName": "fast"}}), vec![by_hand("a", json!({}))], None),
        (json!({"spec": {"storageClassName": ""}}), vec![by_hand("a", json!({}))], Some("a")),
        (
            json!({"spec": {"selector": {"matchLabels": {"tier": "db"}}}}),
            vec![labelled("a", "web"), labelled("b", "db")],
            Some("b"),
        ),
        (
            json!({"spec": {"selector": {"matchExpressions": [
                {"key": "tier", "operator": "NotIn", "values": ["web"]}, {"key": "tier", "operator": "Exists"},
            ]}}}),
            vec![labelled("a", "web"), by_hand("b", json!({})), labelled("c", "db")],
            Some("c"),
        ),
        (json!({}), vec![by_hand("a", json!({"status": {"phase": "Released"}}))], None),
        (json!({}), vec![by_hand("a", json!({"metadata": {"deletionTimestamp": "2016-07-01T00:00:00Z"}}))], None),
        (json!({}), vec![by_hand("a", json!({"spec": {"claimRef": {"namespace": "default", "name": "other"}}}))], None),
        (
            json!({}),
            vec![
                by_hand("a", json!({})),
                by_hand(
                    "b",
                    json!({"spec": {
                        "capacity": {"storage": "9Gi"}, "claimRef": {"namespace": "default", "name": "www"},
                    }}),
                ),
            ],
            Some("b"), // promised to this claim
        ),
    ] {
        let storage = volumes.into_iter().fold(with(claim.clone()), Storage::volume);
        let bound = storage.plan().writes.into_iter().find_map(|write| match write {
            Write::UpdateClaim(claim) => claim.spec.unwrap().volume_name,
            _ => None,
        });
        assert_eq!(bound.as_deref(), taken, "{claim} of {:?}", storage.volumes);
    }
}

#[test]
fn a_volume_that_is_not_within_reach_of_the_node_is_not_chosen() {
    let of = |name: &str, host: &str, size: &str| {
        let hostname = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": [host]});
        let terms = json!([{"matchExpressions": [hostname]}]);
        by_hand(
            name,
            json!({"spec": {
                "capacity": {"storage": size}, "nodeAffinity": {"required": {"nodeSelectorTerms": terms}},
            }}),
        )
    };
    let node = object(json!({"metadata": {"name": "laptop", "labels": {"kubernetes.io/hostname": "laptop"}}}));
    let mut storage = Storage::new().claim(www(json!({}))).volume(of("far", "desktop", "1Gi"));
    storage.node = Some(node);
    let why = "no persistent volumes available for this claim and no storage class is set; volume far would do, but no \
               term of its node affinity matches this node";
    assert_eq!(storage.plan().waits, [wait("FailedBinding", &format!("waiting to bind claim www: {why}"))]);

    let chosen = |storage: Storage| storage.settle().claims[0].spec.clone().unwrap().volume_name;
    let both = storage.clone().volume(of("near", "laptop", "9Gi"));
    assert_eq!(chosen(both).as_deref(), Some("near"), "although it is larger");

    // Whoever chose it knows why: it is bound, and the pod says that it is not here.
    let mut named = storage.clone();
    named.claims = vec![www(json!({"spec": {"volumeName": "far"}}))];
    assert_eq!(chosen(named).as_deref(), Some("far"));
    let promise = json!({"spec": {"claimRef": {"namespace": "default", "name": "www"}}});
    storage.volumes = vec![object(merged(json!(storage.volumes[0]), promise))];
    assert_eq!(chosen(storage).as_deref(), Some("far"));
}

#[test]
fn one_volume_goes_to_one_claim() {
    let storage = Storage::new()
        .claim(named_claim("www-web-1", json!({})))
        .claim(named_claim("www-web-0", json!({})))
        .volume(by_hand("only", json!({})))
        .settle();
    assert_eq!(storage.state("www-web-0"), ClaimState::Ready(Source::Host { path: "/srv".to_owned(), create: true }));
    assert_eq!(
        storage.state("www-web-1"),
        ClaimState::Waiting("pod has unbound immediate PersistentVolumeClaims: www-web-1".to_owned())
    );
}

#[test]
fn a_claim_may_name_its_volume() {
    let wish = json!({"spec": {"volumeName": "mine"}});
    let storage = |volume| Storage::new().claim(www(wish.clone())).volume(volume);
    let annotations = |storage: &Storage| storage.claims[0].metadata.annotations.clone().unwrap();
    let fits = storage(by_hand("mine", json!({"spec": {"capacity": {"storage": "2Gi"}}}))).settle();
    assert!(matches!(fits.state("www"), ClaimState::Ready(_)));
    assert!(!annotations(&fits).contains_key("pv.kubernetes.io/bound-by-controller"), "its author chose, not we");

    for (volume, mismatch) in [
        (by_hand("mine", json!({"spec": {"capacity": {"storage": "1Mi"}}})), "requested PV is too small"),
        (by_hand("mine", json!({"spec": {"storageClassName": "fast"}})), "storageClassName does not match"),
        (by_hand("mine", json!({"spec": {"volumeMode": "Block"}})), "incompatible volumeMode"),
        (by_hand("mine", json!({"spec": {"accessModes": ["ReadOnlyMany"]}})), "incompatible accessMode"),
    ] {
        let why = format!("Cannot bind to requested volume \"mine\": {mismatch}");
        assert_eq!(storage(volume).plan(), pending(NoteKind::Warning, "VolumeMismatch", &why));
    }
    let taken = by_hand("mine", json!({"spec": {"claimRef": {"namespace": "default", "name": "other"}}}));
    let why = "volume \"mine\" already bound to a different claim.";
    assert_eq!(storage(taken).plan(), pending(NoteKind::Warning, "FailedBinding", why));
    assert_eq!(
        Storage::new().claim(www(wish)).plan().waits,
        [wait("FailedBinding", "waiting to bind claim www: volume \"mine\" does not exist")]
    );
}

#[test]
fn a_class_of_ours_makes_volumes_and_gives_them_its_policy() {
    let fast = class("fast", json!({"reclaimPolicy": "Retain", "mountOptions": ["noatime"]}));
    let wish = json!({"spec": {"storageClassName": "fast"}});
    let storage = Storage::new().class(fast).claim(www(wish)).settle();
    let mut expected = made(json!({"spec": {
        "persistentVolumeReclaimPolicy": "Retain", "storageClassName": "fast", "mountOptions": ["noatime"],
        "csi": {"volumeAttributes": {"size": "a limit: the volume is a file system of its own"}},
    }}));
    expected.metadata.resource_version = None;
    assert_eq!(storage.volumes, [expected]);
}

#[test]
fn the_default_class_serves_claims_that_name_none() {
    let default = |name: &str, made: &str| {
        let annotations = json!({"storageclass.kubernetes.io/is-default-class": "true"});
        class(name, json!({"metadata": {"annotations": annotations, "creationTimestamp": made}}))
    };
    let storage = Storage::new()
        .class(default("old", "2016-01-01T00:00:00Z"))
        .class(default("new", "2016-02-01T00:00:00Z"))
        .class(class("other", json!({"metadata": {"creationTimestamp": "2016-03-01T00:00:00Z"}})));
    let settled = storage.clone().claim(www(json!({}))).settle();
    assert_eq!(settled.claims[0].spec.as_ref().unwrap().storage_class_name.as_deref(), Some("new"));
    assert_eq!(settled.volumes[0].spec.as_ref().unwrap().storage_class_name.as_deref(), Some("new"));

    let none = storage.claim(www(json!({"spec": {"storageClassName": ""}}))).plan();
    assert_eq!(none.waits[0].reason, "FailedBinding", "an empty name asks for no class");
}

#[test]
fn a_class_that_cannot_serve_says_so() {
    let wish = www(json!({"spec": {"storageClassName": "fast"}}));
    let storage = |class: StorageClass| Storage::new().class(class).claim(wish.clone());
    let unknown = "storageclass.storage.k8s.io \"fast\" not found";
    assert_eq!(storage(class("other", json!({}))).plan(), pending(NoteKind::Warning, "ProvisioningFailed", unknown));
    let foreign = "Waiting for a volume to be created either by the external provisioner 'example.com/nfs' or manually by \
                   the system administrator.";
    assert_eq!(
        storage(class("fast", json!({"provisioner": "example.com/nfs"}))).plan(),
        pending(NoteKind::Normal, "ExternalProvisioning", foreign)
    );
    let late = class("fast", json!({"volumeBindingMode": "WaitForFirstConsumer"}));
    let first = "waiting for first consumer to be created before binding";
    assert_eq!(storage(late.clone()).plan(), pending(NoteKind::Normal, "WaitForFirstConsumer", first));
    let mut used = storage(late).pod(user(json!({})));
    let chosen = used.plan();
    let annotation = json!({"metadata": {"annotations": {"volume.kubernetes.io/selected-node": "laptop"}}});
    let claim = www(merged(json!({"spec": {"storageClassName": "fast"}}), annotation));
    assert_eq!(chosen.writes, [Write::UpdateClaim(Box::new(claim))], "a pod has come");
    used.apply(&chosen);
    assert_eq!(used.plan().actions.len(), 1);
    assert_eq!(used.settle().claims[0].status.as_ref().unwrap().phase.as_deref(), Some("Bound"));

    let block = www(json!({"spec": {"storageClassName": "fast", "volumeMode": "Block"}}));
    let why = "petset.io/docker makes file systems only, not volumeMode Block";
    assert_eq!(
        Storage::new().class(class("fast", json!({}))).claim(block).plan(),
        pending(NoteKind::Warning, "ProvisioningFailed", why)
    );
}

#[test]
fn while_the_engine_is_silent_nothing_is_made_or_declared_lost() {
    let mut making = Storage::new().claim(www(alpha()));
    making.engine = None;
    let why = "waiting to bind claim www: the container engine does not answer";
    assert_eq!(making.plan(), Plan { waits: vec![wait("Provisioning", why)], ..Plan::default() });

    let mut running = Storage::new().claim(bound("pvc-www-uid")).volume(stored(json!({})));
    running.engine = None;
    assert_eq!(running.plan(), Plan::default());

    let mut ending = Storage::new().volume(stored(json!({"status": {"phase": "Released"}})));
    ending.engine = None;
    let why = "waiting to delete volume pvc-www-uid: the container engine does not answer";
    let waits = vec![wait_of_volume("pvc-www-uid", "EngineSilent", why)];
    assert_eq!(ending.plan(), Plan { waits, ..Plan::default() });
}

#[test]
fn what_cannot_be_mounted_says_why() {
    let on = |source: Value| {
        let spec = merged(json!({"claimRef": reference(), "hostPath": null}), source);
        Storage::new().claim(bound("mine")).volume(by_hand("mine", json!({"spec": spec}))).state("www")
    };
    let host = |create| ClaimState::Ready(Source::Host { path: "/srv".to_owned(), create });
    assert_eq!(on(json!({"hostPath": {"path": "/srv"}})), host(true));
    assert_eq!(on(json!({"hostPath": {"path": "/srv", "type": "DirectoryOrCreate"}})), host(true));
    assert_eq!(on(json!({"hostPath": {"path": "/srv", "type": "Directory"}})), host(false));
    assert_eq!(on(json!({"local": {"path": "/srv"}})), host(false));
    let waiting = |text: &str| ClaimState::Waiting(text.to_owned());
    assert_eq!(
        on(json!({"nfs": {"server": "s", "path": "/"}})),
        waiting(
            "volume \"mine\" has a source that cannot be mounted here: use hostPath, local, or csi with driver \
             petset.io/docker"
        )
    );
    assert_eq!(Storage::new().state("www"), waiting("persistentvolumeclaim \"www\" not found"));
    assert_eq!(
        Storage::new().claim(www(json!({}))).state("www"),
        waiting("pod has unbound immediate PersistentVolumeClaims: www")
    );
    assert_eq!(
        Storage::new().claim(bound("mine")).state("www"),
        waiting("persistentvolumeclaim \"www\" is bound to volume \"mine\", which does not exist")
    );
}

/// More claims than volumes are made at a time.
pub(crate) fn many_claims() -> Storage {
    let claims = (0..VOLUMES_AT_ONCE_MAX + 2).map(|n| named_claim(&format!("data-{n:02}"), alpha()));
    claims.fold(Storage::new(), Storage::claim)
}

#[test]
fn few_volumes_are_made_at_a_time_and_the_others_say_so() {
    let storage = many_claims();
    let plan = storage.plan();
    let made: Vec<&str> = plan.actions.iter().map(volume_of).collect();
    let first: Vec<String> = (0..VOLUMES_AT_ONCE_MAX).map(|n| format!("petset_test_pvc-data-{n:02}-uid")).collect();
    assert_eq!(made, first, "in the order of the claims");
    let why =
        |n: usize, because: &str| format!("waiting to bind claim data-{n:02}: volume pvc-data-{n:02}-uid {because}");
    let waits: Vec<&str> = plan.waits.iter().map(|wait| wait.message.as_str()).collect();
    let said = (0..VOLUMES_AT_ONCE_MAX + 2).map(|n| match n {
        0..VOLUMES_AT_ONCE_MAX => why(n, "is being made"),
        _ => why(n, "is made after others, 16 at a time"),
    });
    assert_eq!(waits, said.collect::<Vec<_>>());

    // One is done: the next begins, and no more.
    let plan = storage.clone().engine(&first[0]).plan();
    let made: Vec<&str> = plan.actions.iter().map(volume_of).collect();
    assert_eq!(made.len(), VOLUMES_AT_ONCE_MAX);
    assert_eq!(made.last(), Some(&"petset_test_pvc-data-16-uid"));

    let bound = storage.settle();
    let phases = bound.claims.iter().map(|claim| claim.status.as_ref().unwrap().phase.as_deref());
    assert_eq!(phases.collect::<Vec<_>>(), [Some("Bound"); VOLUMES_AT_ONCE_MAX + 2]);
}

#[test]
fn few_volumes_are_removed_at_a_time_and_the_others_say_so() {
    let mut storage = many_claims().settle();
    storage.claims.clear();
    // First each is Released.
    storage.apply(&storage.plan());
    let plan = storage.plan();
    assert_eq!(plan.actions.len(), VOLUMES_AT_ONCE_MAX);
    assert!(plan.actions.iter().all(|action| matches!(action, Action::RemoveVolume { .. })), "{:?}", plan.actions);
    let message = "waiting to delete volume pvc-data-17-uid: its data is removed after that of others, 16 at a time";
    let last = plan.waits.last().unwrap();
    assert_eq!((last.reason, last.message.as_str()), ("VolumeDeleting", message));
    let gone = storage.settle();
    assert_eq!((gone.volumes, gone.engine), (Vec::new(), Some(BTreeMap::new())));
}

fn volume_of(action: &Action) -> &str {
    match action {
        Action::CreateVolume { name, .. } | Action::RemoveVolume { name } => name,
        other => panic!("storage does not do {other:?}"),
    }
}
