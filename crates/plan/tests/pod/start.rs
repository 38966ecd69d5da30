//! A pod comes up.

use plan::{Action, Write, facts::Role};

use crate::world::{POD_ADDRESS, World, key, owner, waits};

pub(crate) const NGINX: &str = r#"{"containers": [{"name": "nginx", "image": "nginx:1"}], "subdomain": "nginx"}"#;

#[test]
fn a_pod_comes_up_in_three_steps_and_is_then_left_alone() {
    let mut world = World::new(NGINX);
    let last = world.settle();
    assert_eq!(world.told(), ["start POD#0", "start nginx#0"]);
    assert_eq!(
        world.noted(),
        [
            "Scheduled: Successfully assigned default/web-0 to laptop",
            "Pulled: Container image \"nginx:1\" already present on machine and can be accessed by the pod",
            "Created: Container created",
            "Started: Container started",
        ]
    );
    assert_eq!(world.shown("nginx"), "Ready, restarts 0");
    assert_eq!(world.status().phase.as_deref(), Some("Running"));
    assert_eq!(world.status().pod_ip, Some(POD_ADDRESS.to_string()));
    assert_eq!(last, plan::pod::Plan::default());
}

#[test]
fn the_intention_is_written_before_anything_is_started() {
    let world = World::new(NGINX);
    let plan = world.plan();
    let [Write::UpdatePod(pod)] = &plan.writes[..] else { panic!("{plan:?}") };
    assert_eq!(pod.spec.as_ref().unwrap().node_name.as_deref(), Some("laptop"));
    assert_eq!(plan.actions, []);
}

#[test]
fn nothing_begins_beside_an_action_in_flight() {
    let mut world = World::new(NGINX);
    world.step();
    let plan = world.plan();
    world.commit(&plan);
    assert_eq!(plan.actions.len(), 1);
    world.begin(&plan.actions[0]);
    let meanwhile = world.plan();
    assert_eq!(meanwhile.actions, []);
    assert_eq!(waits(&meanwhile), ["InProgress: web-0: starting the sandbox"]);
}

#[test]
fn a_container_that_was_made_and_never_started_is_started_as_the_same_attempt() {
    let mut world = World::new(NGINX);
    world.step();
    world.step();
    let plan = world.plan();
    let Action::StartContainer(start) = &plan.actions[0] else { panic!("{plan:?}") };
    assert_eq!(start.owner, owner(Role::App, "nginx", 0));
    // The daemon dies between create and start.
    world.act(&plan.actions[0]).unwrap();
    let made = world.containers.iter_mut().find(|c| c.owner.role == Role::App).unwrap();
    made.state = plan::facts::State::Created;
    world.forget();
    world.settle();
    assert_eq!(world.told(), ["start POD#0", "start nginx#0"]);
    assert_eq!(world.shown("nginx"), "Ready, restarts 0");
}

#[test]
fn app_containers_start_in_order_one_at_a_time() {
    let mut world = World::new(
        r#"{"containers": [{"name": "b", "image": "x"}, {"name": "a", "image": "y"}, {"name": "c", "image": "x"}]}"#,
    );
    world.settle();
    assert_eq!(world.told(), ["start POD#0", "start b#0", "start a#0", "start c#0"]);
}

#[test]
fn a_failed_post_start_hook_kills_the_container() {
    let mut world = World::new(
        r#"{"containers": [{"name": "nginx", "image": "nginx:1",
            "lifecycle": {"postStart": {"exec": {"command": ["false"]}}}}]}"#,
    );
    world.bad_hooks.insert("nginx".into());
    world.step();
    world.step();
    world.step();
    world.noted();
    world.told();
    world.step();
    assert_eq!(world.told(), ["stop nginx#0 in 30s"]);
    assert_eq!(world.noted(), ["Killing: FailedPostStartHook"]);
    world.bad_hooks.clear();
    world.settle();
    assert_eq!(world.told(), ["start nginx#1"]);
    assert_eq!(world.shown("nginx"), "Ready, restarts 1");
}

#[test]
fn while_its_post_start_hook_runs_a_container_is_not_running() {
    let mut world = World::new(
        r#"{"containers": [{"name": "nginx", "image": "nginx:1",
            "lifecycle": {"postStart": {"exec": {"command": ["slow"]}}}}]}"#,
    );
    world.step();
    world.step();
    let plan = world.plan();
    world.commit(&plan);
    world.begin(&plan.actions[0]);
    world.act(&plan.actions[0]).unwrap();
    let meanwhile = world.plan();
    world.commit(&meanwhile);
    assert_eq!(world.shown("nginx"), "Waiting ContainerCreating, restarts 0");
    world.answer(&plan.actions[0], &Ok(plan::action::Done::Ok));
    world.settle();
    assert_eq!(world.shown("nginx"), "Ready, restarts 0");
}

#[test]
fn a_sandbox_gets_its_address_names_and_files() {
    let mut world = World::new(NGINX);
    world.step();
    let plan = world.plan();
    let Action::StartSandbox(sandbox) = &plan.actions[0] else { panic!("{plan:?}") };
    assert_eq!(
        **sandbox,
        plan::action::Sandbox {
            owner: owner(Role::Sandbox, "POD", 0),
            hostname: "web-0".into(),
            domain: "nginx.default.svc.cluster.local".into(),
            address: POD_ADDRESS,
            files: plan::action::Files {
                hosts: "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost \
                    ip6-loopback\nfe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\n\
                    fe00::2\tip6-allrouters\n10.88.0.5\tweb-0.nginx.default.svc.cluster.local\tweb-0\n"
                    .into(),
                hostname: "web-0\n".into(),
                resolv_conf: "search default.svc.cluster.local svc.cluster.local cluster.local example.org\n\
                    nameserver 10.88.0.1\noptions ndots:5\n"
                    .into(),
            },
            publish: vec![],
            host_network: false,
            host_ipc: false,
            sysctls: [].into(),
        }
    );
}

#[test]
fn without_an_address_the_pod_says_why_it_waits() {
    let mut world = World::new(NGINX);
    world.address = Err("all 254 addresses of 10.88.0.0/24 are in use".into());
    let plan = world.settle();
    assert_eq!(waits(&plan), ["AddressMissing: web-0: no address: all 254 addresses of 10.88.0.0/24 are in use"]);
    assert_eq!(world.shown("nginx"), "Waiting ContainerCreating, restarts 0");
    assert_eq!(plan.waits[0].subject.name, key().name);
    // Nobody tells when another pod gives its address back.
    let then = plan.look_again.unwrap();
    assert_eq!(then.duration_since(world.now).as_secs(), 5);
    world.address = Ok(crate::world::POD_ADDRESS);
    world.run_for(5);
    assert_eq!(world.shown("nginx"), "Ready, restarts 0");
}
