//! What the size of a claim means, and claims that grow.

use plan::facts::Room;

use super::*;

#[test]
fn a_claim_that_asks_for_more_gets_it_in_its_status_and_its_volume() {
    let mut storage = Storage::new().engine(HANDLE).claim(www(alpha())).settle();
    let requests = json!({"storage": "2Gi"});
    let claim = &mut storage.claims[0];
    claim.spec.as_mut().unwrap().resources.as_mut().unwrap().requests = object(requests.clone());
    let plan = storage.plan();
    let note = Note {
        component: "external-resizer petset.io/docker",
        ..note(NoteKind::Normal, "VolumeResizeSuccessful", "Resize volume succeeded")
    };
    assert_eq!((plan.writes.len(), plan.notes.clone()), (2, vec![note]));
    storage.apply(&plan);
    assert_eq!(storage.plan(), Plan::default());
    let capacity = object::<Option<BTreeMap<_, _>>>(requests);
    let status = storage.claims[0].status.clone().unwrap();
    assert_eq!((&status.capacity, &status.allocated_resources), (&capacity, &capacity));
    assert_eq!((status.allocated_resource_statuses, status.conditions), (None, None), "there is nothing to wait for");
    assert_eq!(storage.volumes[0].spec.as_ref().unwrap().capacity, capacity);
}

#[test]
fn a_volume_whose_size_is_a_limit_grows_before_anybody_says_so() {
    let mut storage = Storage::new().engine(HANDLE).claim(www(alpha())).settle();
    storage.engine.as_mut().unwrap().get_mut(HANDLE).unwrap().room = Room::Limit(1 << 30);
    assert_eq!(storage.plan(), Plan::default());
    let requests = json!({"storage": "2Gi"});
    storage.claims[0].spec.as_mut().unwrap().resources.as_mut().unwrap().requests = object(requests.clone());
    let growing = storage.plan();
    let subject = note(NoteKind::Normal, "", "").subject;
    let expected = Plan {
        actions: vec![Action::GrowVolume { name: HANDLE.to_owned(), size: 2 << 30 }],
        notes: vec![Note {
            component: "external-resizer petset.io/docker",
            ..note(NoteKind::Normal, "Resizing", "External resizer is resizing volume pvc-www-uid")
        }],
        waits: vec![Wait {
            subject,
            reason: "Resizing",
            message: "waiting to resize claim www: volume pvc-www-uid is being resized".to_owned(),
        }],
        ..Plan::default()
    };
    assert_eq!(growing, expected);

    storage.refusals.insert(HANDLE.to_owned(), "no space left on device".to_owned());
    let refused = storage.plan();
    assert_eq!((refused.actions.len(), refused.notes[0].reason), (1, "VolumeResizeFailed"), "it is tried again");
    assert!(refused.notes[0].message.ends_with("failed: no space left on device"), "{:?}", refused.notes);
    storage.refusals.clear();

    let engine = storage.engine.take();
    assert_eq!((storage.plan().actions, storage.plan().writes), (vec![], vec![]), "while the engine is silent");
    storage.engine = engine;
    storage.apply(&growing);
    let grown = storage.plan();
    assert_eq!((grown.actions.len(), grown.notes[0].reason), (0, "VolumeResizeSuccessful"));
    storage.apply(&grown);
    assert_eq!(storage.plan(), Plan::default());
    assert_eq!(storage.volumes[0].spec.as_ref().unwrap().capacity, object(requests));
}

#[test]
fn a_volume_tells_whether_its_size_is_a_limit() {
    let told = |room: Room| {
        let mut storage = Storage::new().engine(HANDLE).claim(www(alpha()));
        storage.begun.push(begun(json!({})));
        storage.engine.as_mut().unwrap().get_mut(HANDLE).unwrap().room = room;
        let plan = storage.plan();
        let notes: Vec<String> = plan.notes.iter().map(|note| format!("{}: {}", note.reason, note.message)).collect();
        storage.apply(&plan);
        let source = storage.volumes[0].spec.as_ref().unwrap().csi.clone().unwrap();
        (source.volume_attributes.unwrap_or_default().get("size").cloned(), notes.get(1).cloned())
    };
    assert_eq!(told(Room::Limit(1 << 30)), (Some("a limit: the volume is a file system of its own".to_owned()), None));
    assert_eq!(
        told(Room::Unlimited("petsetd does not run as root".to_owned())),
        (
            Some("not enforced: petsetd does not run as root".to_owned()),
            Some(
                "SizeNotEnforced: volume pvc-www-uid holds as much as the engine's disk: petsetd does not run as root"
                    .to_owned()
            )
        )
    );
}
