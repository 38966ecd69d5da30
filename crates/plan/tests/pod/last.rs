//! What is said of a pod's end: by its containers, and by its deadline.

use plan::facts::State;

use crate::world::World;

/// What the status says that a container said at its end.
fn message(world: &World) -> Option<String> {
    let status = world.status().container_statuses.as_ref().unwrap()[0].clone();
    let ended = status.state.and_then(|state| state.terminated);
    ended.or_else(|| status.last_state.and_then(|state| state.terminated))?.message
}

fn set_message(world: &mut World, said: &str) {
    for container in &mut world.containers {
        if let State::Exited { error, .. } = &mut container.state {
            said.clone_into(error);
        }
    }
}

#[test]
fn what_a_container_said_at_its_end_outlives_the_file_that_it_wrote_it_to() {
    for policy in ["Never", "Always"] {
        let mut world =
            World::new(&format!(r#"{{"restartPolicy": "{policy}", "containers": [{{"name": "a", "image": "x"}}]}}"#));
        world.settle();
        world.exit("a", 3);
        set_message(&mut world, "no disk\n");
        world.settle();
        assert_eq!(message(&world).as_deref(), Some("no disk\n"), "{policy}");
        set_message(&mut world, "");
        world.forget();
        world.settle();
        assert_eq!(message(&world).as_deref(), Some("no disk\n"), "{policy}");
    }
}

#[test]
fn a_pod_whose_time_is_over_is_stopped_and_has_failed() {
    let mut world = World::new(
        r#"{"activeDeadlineSeconds": 60, "terminationGracePeriodSeconds": 7,
            "containers": [{"name": "a", "image": "x"}]}"#,
    );
    world.settle();
    world.told();
    world.run_for(59);
    assert_eq!((world.told(), world.status().phase.as_deref()), (vec![], Some("Running")));
    world.run_for(2);
    assert_eq!(world.told(), ["stop a#0 in 7s", "remove POD#0"]);
    let status = world.status();
    let said = (status.phase.as_deref(), status.reason.as_deref(), status.message.as_deref());
    let expected = "Pod was active on the node longer than the specified deadline";
    assert_eq!(said, (Some("Failed"), Some("DeadlineExceeded"), Some(expected)));
    world.run_for(600);
    assert_eq!(world.told(), Vec::<String>::new());
}

#[test]
fn processes_are_shared_where_that_is_asked() {
    let mut world = World::new(r#"{"shareProcessNamespace": true, "containers": [{"name": "a", "image": "x"}]}"#);
    assert_eq!(crate::spec::started(&mut world).target.as_deref(), Some("c1"));
    let mut world = World::new(r#"{"hostPID": true, "hostIPC": true, "containers": [{"name": "a", "image": "x"}]}"#);
    let start = crate::spec::started(&mut world);
    assert_eq!((start.target, start.confinement.host_pid, start.confinement.host_ipc), (None, true, true));
}

#[test]
fn the_kernel_knows_the_whole_name_where_that_is_asked_and_there_is_room() {
    let pod = |hostname: &str| {
        World::new(&format!(
            r#"{{"setHostnameAsFQDN": true, "hostname": "{hostname}", "subdomain": "pets",
                "containers": [{{"name": "a", "image": "x"}}]}}"#
        ))
    };
    let mut world = pod("pet");
    world.step();
    let plan = world.step();
    let [plan::Action::StartSandbox(sandbox)] = &plan.actions[..] else { panic!("{plan:?}") };
    let name = "pet.pets.default.svc.cluster.local";
    assert_eq!((sandbox.hostname.as_str(), sandbox.domain.as_str()), (name, ""));
    assert_eq!(sandbox.files.hostname, format!("{name}\n"));
    assert!(sandbox.files.hosts.ends_with("10.88.0.5\tpet.pets.default.svc.cluster.local\tpet\n"));
    let mut world = pod(&"p".repeat(40));
    let last = world.settle();
    assert!(crate::world::waits(&last)[0].contains("is too long (64 characters is the max, 71 characters requested)"));
}
