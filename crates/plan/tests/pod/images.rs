//! Images are fetched as their policy says.

use plan::{action::Failure, pod::Plan};

use crate::world::{World, waits};

fn of_policy(policy: &str) -> World {
    let mut world = World::new(&format!(
        r#"{{"containers": [{{"name": "nginx", "image": "nginx:1", "imagePullPolicy": "{policy}"}}]}}"#
    ));
    world.images.clear();
    world
}

#[test]
fn an_image_that_is_absent_is_pulled_and_the_pull_is_told() {
    let mut world = of_policy("IfNotPresent");
    assert_eq!(world.settle(), Plan::default());
    assert_eq!(world.told(), ["start POD#0", "pull nginx:1", "start nginx#0"]);
    assert_eq!(
        world.noted()[1..],
        [
            "Pulling: Pulling image \"nginx:1\"",
            "Pulled: Successfully pulled image \"nginx:1\" in 1.234s (1.234s including waiting). Image size: 42 bytes.",
            "Created: Container created",
            "Started: Container started",
        ]
    );
}

#[test]
fn always_pulls_once_for_every_start() {
    let mut world = of_policy("Always");
    world.settle();
    world.told();
    world.exit("nginx", 1);
    assert_eq!(world.settle(), Plan::default());
    assert_eq!(world.told(), ["pull nginx:1", "start nginx#1"]);
}

#[test]
fn never_says_what_is_missing() {
    let mut world = of_policy("Never");
    let last = world.settle();
    let message = "Container image \"nginx:1\" is not present with pull policy of Never";
    assert_eq!(waits(&last), [format!("ErrImageNeverPull: web-0: container nginx: {message}")]);
    assert_eq!(world.shown("nginx"), "Waiting ErrImageNeverPull, restarts 0");
    assert_eq!(
        world.noted()[1..],
        [format!("ErrImageNeverPull: {message}"), "Failed: Error: ErrImageNeverPull".to_owned()]
    );
}

#[test]
fn a_pull_that_fails_reads_err_image_pull_then_image_pull_back_off() {
    let mut world = of_policy("IfNotPresent");
    world.refuses.insert("pull nginx:1".into(), Failure::Image("manifest unknown".into()));
    let last = world.settle();
    assert_eq!(waits(&last), ["ErrImagePull: web-0: container nginx: manifest unknown"]);
    assert_eq!(world.shown("nginx"), "Waiting ErrImagePull, restarts 0");
    assert_eq!(
        world.noted()[1..],
        [
            "Pulling: Pulling image \"nginx:1\"",
            "Failed: Failed to pull image \"nginx:1\": manifest unknown",
            "Failed: Error: ErrImagePull",
        ]
    );
    world.run_for(5);
    assert_eq!(world.shown("nginx"), "Waiting ImagePullBackOff, restarts 0");
    assert_eq!(world.noted(), ["BackOff: Back-off pulling image \"nginx:1\"", "Failed: Error: ImagePullBackOff"]);
    assert_eq!(
        waits(&world.plan()),
        [
            "ImagePullBackOff: web-0: container nginx: Back-off pulling image \"nginx:1\": ErrImagePull: manifest unknown"
        ]
    );
    world.told();
    world.run_for(305);
    // 10, 30, 70, 150 and 310 seconds after the first.
    assert_eq!(world.told().len(), 5);
    world.refuses.clear();
    world.run_for(300);
    assert_eq!(world.shown("nginx"), "Ready, restarts 0");
}

#[test]
fn a_pod_that_is_deleted_does_not_wait_for_its_pull() {
    let mut world = of_policy("IfNotPresent");
    world.step();
    world.step();
    let plan = world.plan();
    world.commit(&plan);
    world.begin(&plan.actions[0]);
    assert_eq!(waits(&world.settle()), ["ImagePulling: web-0: pulling image \"nginx:1\""]);
    world.delete(30);
    world.settle();
    assert_eq!(world.pod, None);
    // What comes of the pull is nobody's news.
    world.noted();
    world.answer(&plan.actions[0], &Err(Failure::Image("cancelled".into())));
    assert_eq!(world.noted(), [""; 0]);
}

#[test]
fn two_containers_of_one_image_share_its_pull() {
    let mut world = World::new(r#"{"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "x"}]}"#);
    world.images.clear();
    world.settle();
    assert_eq!(world.told(), ["start POD#0", "pull x", "start a#0", "start b#0"]);
}

#[test]
fn an_image_of_which_nothing_is_known_is_asked_for_and_said_to_be() {
    let mut world = of_policy("IfNotPresent");
    world.images_unknown.insert("nginx:1".into());
    assert_eq!(world.step().questions, [].into());
    // Asked while the sandbox starts, so that it costs no time.
    assert_eq!(world.step().questions, ["nginx:1".to_owned()].into());
    let plan = world.settle();
    assert_eq!(waits(&plan), ["ImageSought: web-0: asking the engine whether it has image \"nginx:1\""]);
    assert_eq!(plan.questions, ["nginx:1".to_owned()].into());
    assert_eq!(world.told(), ["start POD#0"]);
    world.images_unknown.clear();
    assert_eq!(world.settle(), Plan::default());
    assert_eq!(world.told(), ["pull nginx:1", "start nginx#0"]);
    // Of what runs already nothing needs to be known.
    world.images_unknown.insert("nginx:1".into());
    assert_eq!(world.settle(), Plan::default());
}

#[test]
fn an_image_that_could_not_be_had_reads_so_while_it_is_asked_for_again() {
    let mut world = of_policy("IfNotPresent");
    world.refuses.insert("pull nginx:1".into(), Failure::Image("manifest unknown".into()));
    world.settle();
    world.run_for(5);
    assert_eq!(world.shown("nginx"), "Waiting ImagePullBackOff, restarts 0");
    world.noted();
    world.images_unknown.insert("nginx:1".into());
    world.run_for(10);
    assert_eq!(world.shown("nginx"), "Waiting ImagePullBackOff, restarts 0");
    assert_eq!(world.noted(), [""; 0]);
    let mut world = of_policy("Never");
    world.settle();
    world.noted();
    world.images_unknown.insert("nginx:1".into());
    world.settle();
    assert_eq!(world.shown("nginx"), "Waiting ErrImageNeverPull, restarts 0");
    assert_eq!(world.noted(), [""; 0]);
}
