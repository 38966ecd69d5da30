//! What a pod says while the engine is silent.

use plan::{Wait, pod};

use crate::world::{UID, World, key};

const SPEC: &str = r#"{"containers": [{"name": "nginx", "image": "nginx:1"}]}"#;

fn waits(world: &World, silence: Option<&str>) -> Vec<String> {
    let told = |wait: Wait| {
        assert_eq!((wait.reason, wait.subject.name.as_str()), ("EngineSilent", "web-0"));
        wait.message
    };
    pod::unseen(&key(), world.pod.as_ref(), silence).into_iter().map(told).collect()
}

#[test]
fn a_pod_that_is_to_start_or_to_go_waits_for_the_engine() {
    let mut world = World::new(SPEC);
    let silent = ["web-0: the container engine does not answer: Connection refused"];
    assert_eq!(waits(&world, Some("Connection refused")), silent);
    assert_eq!(waits(&world, None), ["web-0: the container engine has not answered yet"]);
    world.settle();
    world.delete(30);
    assert_eq!(waits(&world, Some("Connection refused")), silent);
    // Containers of a pod that is gone wait for their removal.
    world.pod = None;
    assert_eq!(waits(&world, Some("Connection refused")), silent);
}

#[test]
fn a_pod_that_was_well_waits_for_nothing() {
    let mut world = World::new(SPEC);
    world.settle();
    assert_eq!(waits(&world, Some("Connection refused")), [""; 0]);
    let mut world = World::new(r#"{"restartPolicy": "Never", "containers": [{"name": "job", "image": "job:1"}]}"#);
    world.exits.insert("job".into(), 0);
    world.settle();
    assert_eq!(world.pod.as_ref().and_then(|pod| pod.metadata.uid.as_deref()), Some(UID));
    assert_eq!(waits(&world, Some("Connection refused")), [""; 0]);
}
