//! Sandboxes and containers come, stay, and go.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    time::{Duration, Instant},
};

use controller::runtime::{Hint, Runtime};
use docker::{PrepareError, Setup};
use plan::{
    Action,
    action::{Done, Failure, Hook},
    facts::{Role, State},
};

use crate::setting::{IMAGE, claim_labels, in_world, next, shell, stop, web_0};

const MINUTE: Duration = Duration::from_mins(1);

#[test]
fn a_pod_has_its_address_its_name_and_its_files() {
    in_world("identity", |world| async move {
        let sandbox = world.up().await;
        assert_eq!(sandbox.address, Some(world.address(17)));
        assert!(matches!(sandbox.state, State::Running { paused: false, .. }), "{:?}", sandbox.state);

        let app = world.run(world.start("nginx", 0, &sandbox, "exec sleep 1000")).await;
        assert_eq!(app.owner, world.owner(Role::App, "nginx", 0));
        assert_eq!((app.sandbox.as_ref(), app.address), (Some(&sandbox.id), None));

        let script =
            "hostname -f; hostname; cat /etc/hostname /etc/resolv.conf; ip -4 addr show eth0 | grep -o 'inet [0-9.]*'";
        let (output, errors, code) = world.exec("nginx", script, b"").await;
        let gateway = world.docker.ready().gateway;
        let expected = format!(
            "web-0.nginx.default.svc.cluster.local\nweb-0\nweb-0\nnameserver {gateway}\noptions ndots:5\ninet {}\n",
            world.address(17)
        );
        assert_eq!((String::from_utf8_lossy(&output).as_ref(), &errors[..], code), (expected.as_str(), &b""[..], 0));
    });
}

#[test]
fn containers_of_a_pod_share_the_hosts_file() {
    in_world("hosts", |world| async move {
        let sandbox = world.up().await;
        world.run(world.start("one", 0, &sandbox, "exec sleep 1000")).await;
        world.run(world.start("two", 0, &sandbox, "exec sleep 1000")).await;
        assert_eq!(world.exec("one", "echo 192.0.2.1 added >>/etc/hosts", b"").await.2, 0);
        assert_eq!(world.exec("two", "grep added /etc/hosts", b"").await.0, "192.0.2.1 added\n");
    });
}

#[test]
fn starting_again_changes_nothing() {
    in_world("again", |world| async move {
        let sandbox = world.up().await;
        let app = world.run(world.start("nginx", 0, &sandbox, "exec sleep 1000")).await;
        assert_eq!(world.up().await, sandbox);
        assert_eq!(world.run(world.start("nginx", 0, &sandbox, "exec sleep 1000")).await, app);
        assert_eq!(world.containers().await, vec![sandbox, app]);
    });
}

#[test]
fn a_container_that_has_ended_is_not_started_again() {
    in_world("ended", |world| async move {
        let sandbox = world.up().await;
        world.run(world.start("job", 0, &sandbox, "exit 3")).await;
        assert_eq!(world.ended("job", 0).await, 3);
        let before = world.container("job", 0).await;
        assert_eq!(world.run(world.start("job", 0, &sandbox, "exit 3")).await, before);
    });
}

#[test]
fn an_ended_sandbox_is_replaced_at_the_same_address() {
    in_world("replace", |world| async move {
        let first = world.up().await;
        world.act(Action::Stop(vec![stop(&first, MINUTE, None)])).await.unwrap();
        assert!(matches!(world.container("POD", 0).await.state, State::Exited { code: 0, .. }));

        let second = world.up().await;
        assert_ne!(first.id, second.id);
        assert_eq!(second.address, Some(world.address(17)));
    });
}

#[test]
fn one_identity_never_has_two_containers() {
    in_world("one", |world| async move {
        world.up().await;
        let mut other = world.sandbox(0);
        other.owner.uid = "another-uid".to_owned();
        let taken = world.act(Action::StartSandbox(Box::new(other))).await;
        let name = format!("petset_{}_default_web-0_POD_0", world.setup.instance);
        assert_eq!(taken, Err(Failure::Taken(format!("the container {name} of pod uid {} is still there", world.uid))));
    });
}

#[test]
fn a_taken_address_is_said_to_be_taken() {
    in_world("address", |world| async move {
        world.up().await;
        let failure = world.act(Action::StartSandbox(Box::new(world.sandbox(1)))).await;
        assert!(matches!(&failure, Err(Failure::AddressTaken(text)) if text.contains("address")), "{failure:?}");
        // Once it is free, the same action succeeds with what it left behind.
        let first = world.container("POD", 0).await;
        world.act(Action::Remove { id: first.id, owner: first.owner }).await.unwrap();
        assert_eq!(world.act(Action::StartSandbox(Box::new(world.sandbox(1)))).await, Ok(Done::Ok));
        assert_eq!(world.container("POD", 1).await.address, Some(world.address(17)));
    });
}

#[test]
fn an_absent_image_is_told_apart() {
    in_world("image", |world| async move {
        let sandbox = world.up().await;
        let mut start = world.start("nginx", 0, &sandbox, "true");
        start.image = "petset-test/absent:1".to_owned();
        let failure = world.act(Action::StartContainer(Box::new(start))).await;
        assert!(matches!(&failure, Err(Failure::Image(text)) if text.contains("petset-test/absent:1")), "{failure:?}");

        // Nobody listens there.
        let pull =
            world.act(Action::PullImage { image: "localhost:1/absent:1".to_owned(), credentials: Vec::new() }).await;
        assert!(matches!(&pull, Err(Failure::Image(text)) if text.contains("localhost:1")), "{pull:?}");

        let wanted = BTreeSet::from([IMAGE.to_owned(), "petset-test/absent:1".to_owned(), "not a name".to_owned()]);
        let present = world.docker.images(&wanted).await.unwrap();
        assert_eq!(present.keys().collect::<Vec<_>>(), [IMAGE]);
        assert!(present[IMAGE].id.starts_with("sha256:"));
    });
}

#[test]
fn a_command_that_cannot_start_is_the_engines_refusal_each_time() {
    in_world("nosuch", |world| async move {
        let sandbox = world.up().await;
        let mut start = world.start("nginx", 0, &sandbox, "");
        start.command = vec!["/no/such/program".to_owned()];
        for _ in 0..2 {
            let failure = world.act(Action::StartContainer(Box::new(start.clone()))).await;
            assert!(
                matches!(&failure, Err(Failure::Refused(text)) if text.contains("/no/such/program")),
                "{failure:?}"
            );
        }
        assert_eq!(world.container("nginx", 0).await.state, State::Created);
    });
}

#[test]
fn containers_stop_together_after_their_hooks() {
    in_world("stop", |world| async move {
        let sandbox = world.up().await;
        let polite = "trap 'cat /tmp/said; exit 7' TERM; while :; do sleep 0.1; done";
        let deaf = "trap '' TERM; while :; do sleep 0.1; done";
        let polite = world.run(world.start("polite", 0, &sandbox, polite)).await;
        let deaf = [
            world.run(world.start("deaf", 0, &sandbox, deaf)).await,
            world.run(world.start("deafer", 0, &sandbox, deaf)).await,
        ];
        let began = Instant::now();
        let grace = Duration::from_secs(6);
        let stops = vec![
            stop(&polite, MINUTE, Some(shell("echo bye >/tmp/said"))),
            stop(&deaf[0], grace, None),
            stop(&deaf[1], grace, None),
        ];
        assert_eq!(world.act(Action::Stop(stops.clone())).await, Ok(Done::Ok));
        let took = began.elapsed();
        assert!(took >= grace && took < 2 * grace, "two graces side by side took {took:?}");
        assert_eq!(world.ended("polite", 0).await, 7);
        assert_eq!((world.ended("deaf", 0).await, world.ended("deafer", 0).await), (137, 137));

        // What has ended or gone is success.
        assert_eq!(world.act(Action::Stop(stops.clone())).await, Ok(Done::Ok));
        world.act(Action::Remove { id: polite.id.clone(), owner: polite.owner.clone() }).await.unwrap();
        assert_eq!(world.act(Action::Stop(stops)).await, Ok(Done::Ok));
    });
}

#[test]
fn a_hook_that_takes_too_long_does_not_stretch_the_grace() {
    in_world("hook", |world| async move {
        let sandbox = world.up().await;
        let app = world.run(world.start("app", 0, &sandbox, "exec sleep 1000")).await;
        let began = Instant::now();
        let stop = stop(&app, Duration::from_secs(1), Some(Hook::Sleep(MINUTE)));
        assert_eq!(world.act(Action::Stop(vec![stop])).await, Ok(Done::Ok));
        assert!(began.elapsed() < Duration::from_secs(20), "took {:?}", began.elapsed());
        assert_eq!(world.ended("app", 0).await, 137);
    });
}

#[test]
fn a_failed_post_start_hook_is_reported() {
    in_world("poststart", |world| async move {
        let sandbox = world.up().await;
        let mut start = world.start("app", 0, &sandbox, "exec sleep 1000");
        start.post_start = Some(shell("echo not today; exit 4"));
        let done = world.act(Action::StartContainer(Box::new(start))).await;
        assert_eq!(done, Ok(Done::PostStartFailed("exec exited 4: not today".to_owned())));
    });
}

#[test]
fn the_pods_files_go_with_its_last_sandbox() {
    in_world("remove", |world| async move {
        let sandbox = world.up().await;
        assert!(world.setup.pods_dir.join(&world.uid).is_dir());
        let remove = Action::Remove { id: sandbox.id, owner: sandbox.owner };
        for _ in 0..2 {
            assert_eq!(world.act(remove.clone()).await, Ok(Done::Ok));
            assert_eq!(world.containers().await, vec![]);
            assert!(!world.setup.pods_dir.join(&world.uid).exists());
        }
    });
}

#[test]
fn an_instance_is_adopted_as_it_is() {
    in_world("adopt", |world| async move {
        let sandbox = world.up().await;
        let again = world.engine.prepare(&world.setup).await.unwrap();
        assert_eq!(again.ready(), world.docker.ready());
        assert_eq!(again.observe_pod(&web_0()).await.unwrap(), vec![sandbox]);
        assert!(world.setup.pods_dir.join(&world.uid).is_dir());

        let subnet = Some("10.99.99.0/24".parse().unwrap());
        let moved = world.engine.prepare(&Setup { subnet, ..world.setup.clone() }).await;
        assert!(matches!(moved, Err(PrepareError::Differs { .. })), "{moved:?}");

        let neighbour = Setup {
            instance: format!("{}-2", world.setup.instance),
            subnet: Some(world.docker.ready().subnet),
            pods_dir: world.setup.pods_dir.join("neighbour"),
            holds_dir: world.setup.holds_dir.with_file_name("neighbour-holds"),
            ..world.setup.clone()
        };
        let overlap = world.engine.prepare(&neighbour).await;
        assert!(matches!(overlap, Err(PrepareError::Overlaps { .. })), "{overlap:?}");
    });
}

#[test]
fn an_instance_is_erased_without_a_trace_and_its_neighbour_stays() {
    in_world("erase", |world| async move {
        let sandbox = world.up().await;
        let other = Setup {
            instance: format!("{}-2", world.setup.instance),
            subnet: None,
            pods_dir: world.setup.pods_dir.with_file_name("other"),
            holds_dir: world.setup.holds_dir.with_file_name("other-holds"),
            ..world.setup.clone()
        };
        let neighbour = world.engine.prepare(&other).await.unwrap();
        assert_ne!(neighbour.ready().subnet, world.docker.ready().subnet);
        world.engine.erase(&other.instance).await.unwrap();
        world.engine.erase(&other.instance).await.unwrap();
        assert_eq!(world.containers().await, vec![sandbox]);
        // Its name is free again.
        assert!(world.engine.prepare(&other).await.is_ok());
        world.engine.erase(&other.instance).await.unwrap();
    });
}

#[test]
fn events_hint_at_their_pod() {
    in_world("hints", |world| async move {
        let mut hints = world.docker.hints();
        assert_eq!(next(&mut hints).await, Hint::Everything);
        let sandbox = world.up().await;
        assert_eq!(next(&mut hints).await, Hint::Pod(web_0()));
        world.run(world.start("app", 0, &sandbox, "sleep 1; exit 5")).await;
        // However many hints there are on the way, the last one comes after the end.
        while !matches!(world.container("app", 0).await.state, State::Exited { code: 5, .. }) {
            next(&mut hints).await;
        }
    });
}

/// Longer than hints take and far shorter than the 30 seconds after which everything is observed anyway.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn what_is_done_to_networks_and_volumes_by_hand_is_told() {
    in_world("hints-hand", |world| async move {
        let sandbox = world.up().await;
        let volume = format!("petset_{}_pvc-1", world.setup.instance);
        world
            .act(Action::CreateVolume { name: volume.clone(), labels: claim_labels("data"), size: None })
            .await
            .unwrap();
        let mut hints = world.docker.hints();
        assert_eq!(next(&mut hints).await, Hint::Everything);
        let by_hand = |args: &[&str]| {
            let output = Command::new("docker").args(args).env("DOCKER_HOST", world.engine.address()).output().unwrap();
            assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        let network = world.docker.ready().network.clone();
        by_hand(&["network", "disconnect", &network, &sandbox.id]);
        let told = async { while next(&mut hints).await != Hint::Pod(web_0()) {} };
        tokio::time::timeout(SOON, told).await.expect("it is told that a pod was cut off");
        assert_eq!(world.containers().await[0].address, None);

        for gone in [["volume", "rm", &volume], ["network", "rm", &network]] {
            by_hand(&gone);
            let told = async { while next(&mut hints).await != Hint::Everything {} };
            tokio::time::timeout(SOON, told).await.unwrap_or_else(|_| panic!("nobody tells of {gone:?}"));
        }
        assert_eq!(world.docker.observe().await.unwrap().engine.volumes, BTreeMap::new());
    });
}

#[test]
fn all_pods_are_observed_at_once() {
    in_world("observe", |world| async move {
        let sandbox = world.up().await;
        let app = world.run(world.start("app", 0, &sandbox, "exec sleep 1000")).await;
        let observed = world.docker.observe().await.unwrap();
        assert_eq!(observed.engine.containers, [(web_0(), vec![sandbox, app])].into());
    });
}
