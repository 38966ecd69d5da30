//! What becomes of claims and volumes that go, or whose data is gone.

use super::*;

#[test]
fn a_claim_is_kept_while_a_pod_uses_it() {
    let mut leaving = bound("pvc-www-uid");
    leaving.metadata.deletion_timestamp = Some(crate::world::time(9));
    let storage = Storage::new().engine(HANDLE).claim(leaving.clone()).volume(stored(json!({})));
    let used = storage.clone().pod(user(json!({})));
    let why = "waiting to delete claim www: pod web-0 uses it";
    assert_eq!(used.plan(), Plan { waits: vec![wait("ClaimInUse", why)], ..Plan::default() });
    assert_eq!(used.state("www"), ClaimState::Ready(Source::Volume(HANDLE.to_owned())), "the pod goes on");

    let mut released = leaving;
    released.metadata.finalizers = None;
    let released = Plan { writes: vec![Write::UpdateClaim(Box::new(released))], ..Plan::default() };
    assert_eq!(storage.plan(), released);
    for (pod, why) in [
        (user(json!({"status": {"phase": "Succeeded"}})), "it has ended"),
        (user(json!({"status": {"phase": "Failed"}})), "it has ended"),
        (user(json!({"metadata": {"namespace": "other"}})), "it uses another claim of the same name"),
    ] {
        assert_eq!(storage.clone().pod(pod).plan(), released, "{why}");
    }
}

#[test]
fn the_volume_of_a_deleted_claim_goes_once_nothing_mounts_it() {
    let mut storage = Storage::new().engine(HANDLE).volume(stored(json!({})));
    storage.mounted.insert(HANDLE.to_owned());
    let released = volume_status("pvc-www-uid", json!({"phase": "Released"}));
    assert_eq!(storage.plan(), Plan { writes: vec![released], ..Plan::default() }, "said before anything is done");

    storage.apply(&storage.plan());
    let why = "waiting to delete volume pvc-www-uid: a container still mounts it";
    let mounted = vec![wait_of_volume("pvc-www-uid", "VolumeMounted", why)];
    assert_eq!(storage.plan(), Plan { waits: mounted, ..Plan::default() });

    storage.mounted.clear();
    let why = "waiting to delete volume pvc-www-uid: its data is being removed";
    assert_eq!(
        storage.plan(),
        Plan {
            actions: vec![Action::RemoveVolume { name: HANDLE.to_owned() }],
            waits: vec![wait_of_volume("pvc-www-uid", "VolumeDeleting", why)],
            ..Plan::default()
        }
    );
    let settled = storage.settle();
    assert_eq!(settled.volumes, []);
    assert_eq!(settled.engine, Some(BTreeMap::new()));
}

#[test]
fn a_volume_goes_when_the_engine_says_that_its_data_is_gone_and_not_because_it_was_not_seen() {
    let ended = stored(json!({"metadata": {"finalizers": []}, "status": {"phase": "Released"}}));
    let mut storage = Storage::new().volume(ended);
    let plan = storage.plan();
    assert_eq!((plan.actions, plan.writes), (vec![Action::RemoveVolume { name: HANDLE.to_owned() }], vec![]));
    storage.removed.insert(HANDLE.to_owned());
    let removal = Write::RemoveVolume { name: "pvc-www-uid".to_owned(), rv: "6".to_owned() };
    assert_eq!(storage.plan(), Plan { writes: vec![removal], ..Plan::default() });
}

#[test]
fn a_volume_whose_claim_went_while_it_was_made_goes_and_is_looked_for_a_while() {
    let mut storage = Storage::new();
    storage.begun.push(begun(json!({})));
    let abandoned = begun(json!({"abandoned": now().to_string()}));
    let written = Write::AbandonVolume(Box::new(abandoned.clone()));
    assert_eq!(storage.plan(), Plan { writes: vec![written], ..Plan::default() }, "said before anything is done");

    storage.begun = vec![abandoned.clone()];
    let until = now() + claim::ABANDONED_KEPT;
    assert_eq!(storage.plan(), Plan { look_again: Some(until), ..Plan::default() });
    let mut storage = storage.engine(HANDLE);
    let removal = Action::RemoveVolume { name: HANDLE.to_owned() };
    assert_eq!(storage.plan(), Plan { actions: vec![removal], ..Plan::default() });
    storage.mounted.insert(HANDLE.to_owned());
    assert_eq!(storage.plan(), Plan::default(), "somebody looks into it");
    storage.engine = None;
    assert_eq!(storage.plan(), Plan::default());

    let mut storage = Storage::new();
    let before = now() - claim::ABANDONED_KEPT;
    storage.begun.push(begun(json!({"abandoned": before.to_string()})));
    let end = Write::EndVolume { name: "pvc-www-uid".to_owned() };
    assert_eq!(storage.plan(), Plan { writes: vec![end], ..Plan::default() });
}

#[test]
fn a_record_of_a_volume_that_has_an_object_takes_no_data_along() {
    for claim in [None, Some(bound("pvc-www-uid"))] {
        let mut storage = Storage::new().engine(HANDLE).volume(stored(json!({
            "spec": {"persistentVolumeReclaimPolicy": "Retain"}, "status": {"phase": "Released"},
        })));
        storage.claims.extend(claim);
        storage.begun.push(begun(json!({"abandoned": "2016-01-01T00:00:00Z"})));
        let settled = storage.settle();
        assert_eq!((settled.begun.len(), settled.volumes.len()), (0, 1));
        assert!(settled.engine.unwrap().contains_key(HANDLE));
    }
}

#[test]
fn a_claim_made_again_under_the_same_name_does_not_get_the_old_volume() {
    let again = www(merged(alpha(), json!({"metadata": {"uid": "another-uid"}})));
    let storage = Storage::new().engine(HANDLE).claim(again).volume(stored(json!({}))).settle();
    let handles: Vec<_> = storage.engine.unwrap().into_keys().collect();
    assert_eq!(handles, ["petset_test_pvc-another-uid"]);
}

#[test]
fn a_retained_volume_and_its_data_stay() {
    let kept = stored(json!({"spec": {"persistentVolumeReclaimPolicy": "Retain"}, "status": {"phase": "Released"}}));
    let storage = Storage::new().engine(HANDLE).volume(kept.clone());
    assert_eq!(storage.plan(), Plan::default());

    let mut leaving = kept;
    leaving.metadata.deletion_timestamp = Some(crate::world::time(9));
    let settled = Storage::new().engine(HANDLE).volume(leaving).settle();
    assert_eq!(settled.volumes, [], "the object goes when asked");
    assert!(settled.engine.unwrap().contains_key(HANDLE), "its data does not");
}

#[test]
fn data_that_another_volume_stands_for_is_not_removed() {
    let ended = stored(json!({"status": {"phase": "Released"}}));
    let other = by_hand(
        "other",
        json!({"spec": {
            "hostPath": null, "csi": {"driver": "petset.io/docker", "volumeHandle": HANDLE},
        }}),
    );
    let settled = Storage::new().engine(HANDLE).volume(ended).volume(other.clone()).settle();
    assert_eq!(settled.volumes, [other]);
    assert!(settled.engine.unwrap().contains_key(HANDLE));
}

#[test]
fn an_engine_volume_that_no_object_stands_for_is_left_alone() {
    assert_eq!(Storage::new().engine(HANDLE).plan(), Plan::default());
}

#[test]
fn a_volume_of_another_kind_is_not_deleted_with_its_claim() {
    let ended = |policy: &str| {
        by_hand("mine", json!({"spec": {"claimRef": reference(), "persistentVolumeReclaimPolicy": policy}}))
    };
    for (policy, message) in [
        ("Delete", "only volumes made here are deleted with their claim"),
        ("Recycle", "reclaim policy Recycle is not supported"),
    ] {
        let failed = json!({"phase": "Failed", "reason": "VolumeFailedDelete", "message": message});
        let plan = Storage::new().volume(ended(policy)).plan();
        assert_eq!(plan.writes, [volume_status("mine", failed)]);
        assert_eq!((plan.notes[0].reason, plan.notes[0].message.as_str()), ("VolumeFailedDelete", message));
    }
}

#[test]
fn a_volume_is_kept_while_a_claim_is_bound_to_it() {
    let volume = by_hand(
        "mine",
        json!({
            "metadata": {"deletionTimestamp": "2016-07-01T00:00:00Z"},
            "spec": {"claimRef": reference()},
            "status": {"phase": "Bound"},
        }),
    );
    let why = "waiting to delete volume mine: claim default/www is bound to it";
    assert_eq!(
        Storage::new().claim(bound("mine")).volume(volume.clone()).plan(),
        Plan { waits: vec![wait_of_volume("mine", "VolumeInUse", why)], ..Plan::default() }
    );
    let mut gone = volume;
    gone.metadata.finalizers = None;
    assert_eq!(
        Storage::new().volume(gone.clone()).plan(),
        Plan { writes: vec![Write::UpdateVolume(Box::new(gone))], ..Plan::default() },
        "the claim is gone"
    );
}

#[test]
fn lost_data_is_said_and_never_made_up_for() {
    let storage = Storage::new().claim(bound("pvc-www-uid")).volume(stored(json!({})));
    let message = "the data of volume \"pvc-www-uid\" is gone: Docker has no volume \"petset_test_pvc-www-uid\". Restore it \
                   under that name; or, to start empty, delete the claim and the pod";
    let failed = json!({"phase": "Failed", "reason": "VolumeLost", "message": message});
    assert_eq!(
        storage.plan(),
        Plan {
            writes: vec![volume_status("pvc-www-uid", failed)],
            notes: vec![note(NoteKind::Warning, "VolumeLost", message)],
            waits: vec![wait("VolumeLost", message)],
            ..Plan::default()
        }
    );
    assert_eq!(storage.state("www"), ClaimState::Waiting(message.to_owned()), "no container starts on an empty one");
    let settled = storage.settle();
    assert_eq!(settled.plan(), Plan { waits: vec![wait("VolumeLost", message)], ..Plan::default() }, "told once");

    let restored = settled.engine(HANDLE).settle();
    assert_eq!(restored.volumes[0].status.as_ref().unwrap().phase.as_deref(), Some("Bound"));
    assert_eq!(restored.state("www"), ClaimState::Ready(Source::Volume(HANDLE.to_owned())));
}

#[test]
fn a_bound_claim_whose_volume_object_is_gone_is_lost() {
    let message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
    let lost = |phase: &str| {
        let status = object(json!({"phase": phase}));
        PersistentVolumeClaim { status: Some(status), ..bound("mine") }
    };
    let waits = vec![wait("ClaimLost", &format!("claim www is lost: {message}"))];
    assert_eq!(
        Storage::new().claim(lost("Bound")).plan(),
        Plan {
            writes: vec![Write::ClaimStatus {
                namespace: "default".to_owned(),
                name: "www".to_owned(),
                rv: "5".to_owned(),
                status: Box::new(object(json!({"phase": "Lost"}))),
            }],
            notes: vec![note(NoteKind::Warning, "ClaimLost", message)],
            waits: waits.clone(),
            ..Plan::default()
        }
    );
    assert_eq!(Storage::new().claim(lost("Lost")).plan(), Plan { waits, ..Plan::default() });
}

#[test]
fn claims_and_volumes_without_protection_get_it() {
    let mut claim = bound("mine");
    claim.metadata.finalizers = None;
    let mut volume = by_hand("mine", json!({"spec": {"claimRef": reference()}, "status": {"phase": "Bound"}}));
    volume.metadata.finalizers = None;
    let settled = Storage::new().claim(claim).volume(volume).settle();
    let finalizer = |f: &str| Some(vec![f.to_owned()]);
    assert_eq!(settled.claims[0].metadata.finalizers, finalizer("kubernetes.io/pvc-protection"));
    assert_eq!(settled.volumes[0].metadata.finalizers, finalizer("kubernetes.io/pv-protection"));
}

#[test]
fn what_the_engine_refuses_about_a_volume_is_told_in_its_words() {
    let mut making = Storage::new().claim(www(alpha()));
    making.refusals.insert(HANDLE.to_owned(), "no space left on device".to_owned());
    let plan = making.plan();
    let why = "waiting to bind claim www: the engine refuses to make volume pvc-www-uid: no space left on device; it is tried again";
    assert_eq!(plan.waits, [wait("ProvisioningFailed", why)]);
    let message = "the engine refuses to make volume pvc-www-uid: no space left on device";
    assert_eq!(plan.notes, [note(NoteKind::Warning, "ProvisioningFailed", message)]);
    assert!(matches!(&plan.actions[..], [Action::CreateVolume { name, .. }] if name == HANDLE), "{:?}", plan.actions);

    let mut going = Storage::new().engine(HANDLE).volume(stored(json!({"status": {"phase": "Released"}})));
    going.refusals.insert(HANDLE.to_owned(), "volume is in use".to_owned());
    let plan = going.plan();
    let why = "waiting to delete volume pvc-www-uid: the engine refuses to remove its data: volume is in use; it is tried again";
    assert_eq!(plan.waits, [wait_of_volume("pvc-www-uid", "VolumeDeleting", why)]);
    assert_eq!(plan.actions, [Action::RemoveVolume { name: HANDLE.to_owned() }]);
}
