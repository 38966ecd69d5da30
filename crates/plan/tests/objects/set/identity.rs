//! What a pet looks like, and what happens where it cannot be made so.

use super::*;

#[test]
fn a_pet_is_made_from_the_template_with_its_claims_in_place_of_same_named_volumes() {
    let mut world = World::new(1).templates(&["www"]).claims([claim(0)]);
    world.set.spec.template = object(json!({
        "metadata": {"labels": {"app": "nginx", "tier": "web"}, "annotations": {"note": "kept"}},
        "spec": {
            "hostname": "ignored",
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "nginx", "image": "nginx-slim:0.7"}],
            "volumes": [{"name": "www", "emptyDir": {}}, {"name": "scratch", "emptyDir": {}}],
        },
    }));
    let made = object(json!({
        "metadata": {
            "name": "web-0",
            "generateName": "web-",
            "namespace": "default",
            "labels": {"app": "nginx", "tier": "web"},
            "annotations": {
                "note": "kept",
                "pod.beta.kubernetes.io/hostname": "web-0",
                "pod.beta.kubernetes.io/subdomain": "nginx",
            },
        },
        "spec": {
            "hostname": "web-0",
            "subdomain": "nginx",
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "nginx", "image": "nginx-slim:0.7"}],
            "volumes": [
                {"name": "scratch", "emptyDir": {}},
                {"name": "www", "persistentVolumeClaim": {"claimName": "www-web-0"}},
            ],
        },
    }));
    assert_eq!(world.plan().writes, [Write::CreatePod(Box::new(made)), status(1)]);
}

#[test]
fn the_init_containers_annotation_becomes_init_containers() {
    let mut world = World::new(1);
    let annotation = r#"[{"name": "rootfs", "image": "ubuntu:15.10", "command": ["cp", "-vnpr", "/usr", "/usrmnt"]}]"#;
    let key = "pod.alpha.kubernetes.io/init-containers".to_owned();
    let template = world.set.spec.template.metadata.as_mut().unwrap();
    template.annotations.as_mut().unwrap().insert(key.clone(), annotation.to_owned());

    let mut made = new_pet(0);
    made.metadata.annotations.as_mut().unwrap().insert(key, annotation.to_owned());
    made.spec.as_mut().unwrap().init_containers = Some(vec![object(
        json!({"name": "rootfs", "image": "ubuntu:15.10", "command": ["cp", "-vnpr", "/usr", "/usrmnt"]}),
    )]);
    assert_eq!(world.plan().writes, [Write::CreatePod(Box::new(made)), status(1)]);
}

#[test]
fn a_pet_that_cannot_be_made_is_not_made_and_everybody_learns_why() {
    let mut malformed = World::new(2);
    let template = malformed.set.spec.template.metadata.as_mut().unwrap();
    let key = "pod.alpha.kubernetes.io/init-containers".to_owned();
    template.annotations.as_mut().unwrap().insert(key, "[".to_owned());
    let mut dotted = World::new(2);
    dotted.set.metadata.name = Some("w.e.b".to_owned());
    let mut bare = World::new(2);
    bare.set.spec.template.spec = None;
    let mut invalid = World::new(2);
    invalid.set.spec.template.spec.as_mut().unwrap().containers[0].image = None;
    for (world, error) in [
        (
            malformed,
            "the annotation pod.alpha.kubernetes.io/init-containers is not a JSON array of containers: EOF while parsing a list \
             at line 1 column 1",
        ),
        (dotted, "\"w.e.b-0\" cannot be a hostname: it must be at most 63 characters without dots"),
        (bare, "spec.template.spec: Required value"),
        (invalid, "Pod \"web-0\" is invalid: spec.containers[0].image: Required value"),
    ] {
        let name = world.set.metadata.name.clone().unwrap();
        let mut plan = world.plan();
        for subject in
            plan.waits.iter_mut().map(|w| &mut w.subject).chain(plan.notes.iter_mut().map(|n| &mut n.subject))
        {
            subject.name = "web".to_owned();
        }
        let because = format!("{name}-0 cannot be made from the template: {error}");
        let expected = Plan {
            notes: vec![warning("FailedCreate", &format!("pet: {name}-0, error: {error}"))],
            waits: vec![
                wait("PetInvalid", &format!("waiting to create {name}-0: {because}")),
                wait("PetInvalid", &format!("waiting to create {name}-1: {because}")),
            ],
            ..Plan::default()
        };
        assert_eq!(plan, expected);
    }
}

#[test]
fn a_missing_service_is_said_and_stops_nothing() {
    let mut world = World::new(1);
    world.service = None;
    assert_eq!(
        world.plan(),
        Plan {
            writes: vec![created(0), status(1)],
            notes: vec![
                normal("SuccessfulCreate", "pet: web-0"),
                warning(
                    "ServiceMissing",
                    "governing service \"nginx\" does not exist: web-0 has no DNS name until it does"
                ),
            ],
            ..Plan::default()
        }
    );
    world.set.spec.service_name = String::new();
    let plan = world.plan();
    let Write::CreatePod(pet) = &plan.writes[0] else { panic!("a pet is made: {plan:?}") };
    assert_eq!(pet.spec.as_ref().unwrap().subdomain, None);
    assert_eq!(plan.notes[1], warning("ServiceMissing", "spec.serviceName is empty: web-0 has no DNS name"));
}

#[test]
fn a_pet_whose_identity_drifted_gets_it_back() {
    let mut drifted = pet(0);
    let annotations = drifted.metadata.annotations.as_mut().unwrap();
    annotations.insert("pod.beta.kubernetes.io/hostname".to_owned(), "other".to_owned());
    annotations.remove("pod.beta.kubernetes.io/subdomain");
    annotations.insert("mine".to_owned(), "kept".to_owned());
    let mut restored = pet(0);
    restored.metadata.annotations.as_mut().unwrap().insert("mine".to_owned(), "kept".to_owned());

    let world = World::new(1).pods([drifted.clone()]);
    assert_eq!(world.plan(), Plan { writes: vec![Write::UpdatePod(Box::new(restored))], ..Plan::default() });
    let leaving = World::new(1).pods([terminating(drifted)]);
    assert!(leaving.plan().writes.is_empty(), "a pet on its way out is left alone");
}

#[test]
fn a_pet_without_its_claim_says_so() {
    let world = World::new(1).templates(&["www"]).claims([claim(0)]).pods([mounting(pet(0), "other")]);
    assert_eq!(
        world.plan(),
        waits([wait(
            "PetVolumesDiffer",
            "web-0 does not mount its claim www-web-0: volumes of a running pod cannot change; delete pod web-0 to have it \
             made again"
        )])
    );
}
