//! As whom containers run, how they are confined, and whose their volumes are.

use plan::{
    Action,
    action::{Confinement, Failure, OwnedVolume, OwnershipChange, VolumeOwnership},
};
use serde_json::{Value, json};

use crate::{
    spec::started,
    world::{UID, World, key, volume, waits},
};

/// A world with a pod of one container `a`, whose image names a user.
fn world(pod: &Value, container: &Value, user: &str) -> World {
    let spec =
        json!({"securityContext": pod, "containers": [{"name": "a", "image": "x", "securityContext": container}]});
    let mut world = World::new(&spec.to_string());
    user.clone_into(&mut world.images.get_mut("x").unwrap().user);
    world
}

#[test]
fn a_container_runs_as_it_says_else_as_its_pod_says_else_as_its_image_says() {
    let none = json!({});
    let table = [
        (none.clone(), none.clone(), "app", None),
        (json!({"runAsUser": 1000}), none.clone(), "app", Some("1000")),
        (json!({"runAsUser": 1000, "runAsGroup": 3000}), json!({"runAsUser": 7}), "app", Some("7:3000")),
        (json!({"runAsUser": 1000}), json!({"runAsGroup": 7}), "app", Some("1000:7")),
        // A group alone goes with the image's user.
        (json!({"runAsGroup": 3000}), none.clone(), "app", Some("app:3000")),
        (json!({"runAsGroup": 3000}), none.clone(), "101:102", Some("101:3000")),
        (json!({"runAsGroup": 3000}), none.clone(), "", Some("0:3000")),
        (json!({"runAsNonRoot": true}), none.clone(), "101", None),
        (json!({"runAsNonRoot": true}), json!({"runAsNonRoot": false}), "", None),
        (json!({"runAsNonRoot": true, "runAsGroup": 5}), none.clone(), "101:102", Some("101:5")),
        (none, json!({"runAsNonRoot": true, "runAsUser": 5}), "", Some("5")),
    ];
    for (pod, container, image, expected) in table {
        let start = started(&mut world(&pod, &container, image));
        assert_eq!(start.user.as_deref(), expected, "{pod} {container} {image}");
    }
}

#[test]
fn one_that_must_not_be_root_and_would_or_might_be_does_not_start() {
    let table = [
        (json!({"runAsNonRoot": true}), "", "container has runAsNonRoot and image will run as root"),
        (json!({"runAsNonRoot": true}), "0:5", "container has runAsNonRoot and image will run as root"),
        (
            json!({"runAsNonRoot": true}),
            "app",
            "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root",
        ),
        (json!({"runAsNonRoot": true, "runAsUser": 0}), "5", "container's runAsUser breaks non-root policy"),
    ];
    for (context, user, why) in table {
        let mut world = world(&context, &json!({}), user);
        let why = format!("{why} (pod: \"web-0_default({UID})\", container: a)");
        assert_eq!(waits(&world.settle()), [format!("CreateContainerConfigError: web-0: container a: {why}")]);
        assert_eq!(world.shown("a"), "Waiting CreateContainerConfigError, restarts 0");
    }
}

#[test]
fn an_image_of_which_nothing_is_known_is_looked_at_or_fetched_first() {
    let mut world = world(&json!({"runAsNonRoot": true}), &json!({}), "101");
    let image = world.images.remove("x").unwrap();
    world.images_unknown.insert("x".into());
    let last = world.settle();
    assert!(last.questions.contains("x"), "{last:?}");
    assert_eq!(waits(&last), ["ImageSought: web-0: asking the engine whether it has image \"x\""]);
    // It is not there: it is fetched, and asked about again.
    world.images_unknown.clear();
    let plan = world.plan();
    assert!(plan.actions.contains(&Action::PullImage { image: "x".into(), credentials: vec![] }), "{plan:?}");
    world.images.insert("x".into(), image);
    assert_eq!(started(&mut world).user, None);
}

#[test]
fn confinement_is_the_containers_own_else_the_pods() {
    let unconfined = json!({"seccompProfile": {"type": "Unconfined"}});
    let default = json!({"seccompProfile": {"type": "RuntimeDefault"}});
    let confinement = |pod: &Value, container: &Value| started(&mut world(pod, container, "")).confinement;
    let plain = Confinement::default();
    assert_eq!(confinement(&json!({}), &json!({"allowPrivilegeEscalation": true})), plain);
    assert_eq!(confinement(&unconfined, &default), plain);
    let open = Confinement { without_seccomp: true, ..plain.clone() };
    assert_eq!(confinement(&unconfined, &json!({})), open);
    let closed = Confinement { no_new_privileges: true, unmasked: true, ..plain.clone() };
    assert_eq!(confinement(&json!({}), &json!({"allowPrivilegeEscalation": false, "procMount": "Unmasked"})), closed);
    let groups = Confinement { groups: vec![2000, 5, 6], ..plain };
    assert_eq!(confinement(&json!({"fsGroup": 2000, "supplementalGroups": [5, 2000, 6]}), &json!({})), groups);
}

#[test]
fn safe_parameters_of_the_kernel_are_the_sandboxes_and_others_are_refused() {
    let pod = |name: &str| {
        let context =
            json!({"sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "0"}, {"name": name, "value": "1"}]});
        world(&context, &json!({}), "")
    };
    let mut safe = pod("kernel/shm_rmid_forced");
    safe.step();
    let plan = safe.step();
    let [Action::StartSandbox(sandbox)] = &plan.actions[..] else { panic!("{plan:?}") };
    let expected = [("kernel.shm_rmid_forced", "1"), ("net.ipv4.tcp_syncookies", "0")];
    assert_eq!(sandbox.sysctls, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());

    let mut unsafe_one = pod("kernel.msgmax");
    unsafe_one.settle();
    let status = unsafe_one.status();
    let said = (status.phase.as_deref(), status.reason.as_deref(), status.message.as_deref());
    let message = "Pod was rejected: forbidden sysctl: \"kernel.msgmax\" not allowlisted";
    assert_eq!(said, (Some("Failed"), Some("SysctlForbidden"), Some(message)));
    assert!(unsafe_one.containers.is_empty());
}

/// A pod with an `fsGroup`, a claim, a scratch volume that only the second container mounts, one that nobody mounts,
/// and a directory of the host.
fn grouped(policy: &str) -> World {
    let mount = |name: &str| json!({"name": name, "mountPath": format!("/{name}")});
    let spec = json!({
        "securityContext": {"fsGroup": 2000, "fsGroupChangePolicy": policy},
        "containers": [{"name": "a", "image": "x", "volumeMounts": [mount("data"), mount("host")]},
            {"name": "b", "image": "x", "volumeMounts": [mount("tmp"), mount("data")]}],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0", "readOnly": true}},
            {"name": "tmp", "emptyDir": {}}, {"name": "unused", "emptyDir": {}},
            {"name": "ram", "emptyDir": {"medium": "Memory"}}, {"name": "host", "hostPath": {"path": "/srv"}}],
    });
    let mut world = World::new(&spec.to_string());
    world.claims.insert("data-web-0".into(), volume("pvc-1"));
    world
}

#[test]
fn the_pods_volumes_become_its_groups_once_before_the_first_container_starts() {
    let mut world = grouped("OnRootMismatch");
    world.settle();
    let scratch = format!("petset_default_{UID}_tmp");
    let give = format!("give pvc-1, {scratch} to 2000");
    assert_eq!(world.told(), ["start POD#0", &format!("create {scratch}"), &give, "start a#0", "start b#0"]);
    world.exit("a", 1);
    world.forget();
    world.settle();
    assert_eq!(world.told(), ["start a#1"]);
    // In a new sandbox neither: what containers have closed stays closed.
    world.exit("POD", 0);
    world.settle();
    assert!(!world.told().contains(&give));
}

#[test]
fn what_is_to_be_given_to_whom_is_said_whole() {
    for (policy, change) in [("Always", OwnershipChange::Always), ("OnRootMismatch", OwnershipChange::OnRootMismatch)] {
        let mut world = grouped(policy);
        let given = (0..10).find_map(|_| match world.step().actions.into_iter().next() {
            Some(Action::SetVolumeOwnership(ownership)) => Some(*ownership),
            _ => None,
        });
        let owned = |name: &str, read_only| OwnedVolume { name: name.to_owned(), read_only };
        let expected = VolumeOwnership {
            pod: key(),
            uid: UID.into(),
            sandbox_id: "c1".into(),
            group: 2000,
            change,
            volumes: vec![owned("pvc-1", true), owned(&format!("petset_default_{UID}_tmp"), false)],
        };
        assert_eq!(given, Some(expected));
    }
}

#[test]
fn a_volume_that_cannot_be_given_holds_the_containers_up_and_is_told() {
    let mut world = grouped("Always");
    let give = format!("give pvc-1, petset_default_{UID}_tmp to 2000");
    world.refuses.insert(give.clone(), Failure::Refused("volume pvc-1: /x: Read-only file system".into()));
    let last = world.settle();
    assert_eq!(
        waits(&last)[0].split("; trying").next(),
        Some("EngineRefused: web-0: giving the volumes to group 2000: volume pvc-1: /x: Read-only file system")
    );
    assert_eq!(world.shown("a"), "Waiting ContainerCreating, restarts 0");
    let told = "FailedMount: applyFSGroup failed: volume pvc-1: /x: Read-only file system".to_owned();
    assert!(world.noted().contains(&told));
    world.refuses.clear();
    world.run_for(2);
    assert_eq!(world.shown("b"), "Ready, restarts 0");
}
