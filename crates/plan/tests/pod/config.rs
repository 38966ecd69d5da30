//! What a pod reads of ConfigMaps, Secrets and of itself.

use jiff::SignedDuration;
use plan::{
    Action,
    action::{Failure, Source},
    config::{Ask, Octets, Token},
};

use crate::world::{UID, World, waits};

/// A pod with one container that mounts one volume at `/etc/app`.
fn mounting(volume: &str) -> World {
    World::new(&format!(
        r#"{{"containers": [{{"name": "a", "image": "x", "volumeMounts": [{{"name": "conf", "mountPath": "/etc/app"}}]}}],
            "volumes": [{{"name": "conf", {volume}}}]}}"#
    ))
}

/// A pod with one container that says this besides its name and image.
fn saying(rest: &str) -> World {
    World::new(&format!(r#"{{"containers": [{{"name": "a", "image": "x", {rest}}}]}}"#))
}

/// The environment of the container that was started last.
fn environment(world: &mut World) -> Vec<String> {
    for _ in 0..10 {
        if let Some(Action::StartContainer(start)) = world.step().actions.into_iter().next() {
            return start.env.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        }
    }
    panic!("nothing is started: {:?}", world.log)
}

#[test]
fn the_files_of_a_config_map_are_written_before_the_container_starts() {
    let mut world = mounting(r#""configMap": {"name": "app"}"#);
    world.config_map("app", &[("b.conf", "two"), ("a.conf", "one")]);
    world.settle();
    assert_eq!(world.told(), ["start POD#0", "write conf", "start a#0"]);
    assert_eq!(world.files_of("conf"), ["a.conf 644 one", "b.conf 644 two"]);
    assert_eq!(world.shown("a"), "Ready, restarts 0");
}

#[test]
fn a_volume_of_files_is_mounted_read_only_and_is_the_pods_own() {
    let mut world = mounting(r#""secret": {"secretName": "key"}"#);
    world.secret("key", &[("k", "v")]);
    let start = loop {
        if let Some(Action::StartContainer(start)) = world.step().actions.into_iter().next() {
            break start;
        }
    };
    let [mount] = &start.mounts[..] else { panic!("{start:?}") };
    assert_eq!(mount.source, Source::Files(format!("petset_default_{UID}_conf")));
    assert!(mount.read_only);
}

#[test]
fn a_missing_object_keeps_the_pod_creating_until_it_is_there() {
    let secret = r#""secret": {"secretName": "x"}"#;
    for (volume, kind) in [(r#""configMap": {"name": "x"}"#, "configmap"), (secret, "secret")] {
        let mut world = mounting(volume);
        let last = world.settle();
        let why = format!("MountVolume.SetUp failed for volume \"conf\" : {kind} \"x\" not found");
        assert_eq!(waits(&last), [format!("FailedMount: web-0: {why}")]);
        assert_eq!(world.shown("a"), "Waiting ContainerCreating, restarts 0");
        assert_eq!(world.noted()[1..], [format!("FailedMount: {why}")]);
        // It is told once, however often it is looked at.
        world.run_for(600);
        assert_eq!(world.noted(), Vec::<String>::new());

        world.config_map("x", &[("k", "v")]);
        world.secret("x", &[("k", "v")]);
        world.settle();
        assert_eq!(world.shown("a"), "Ready, restarts 0");
        assert_eq!(world.files_of("conf"), ["k 644 v"]);
    }
}

#[test]
fn a_missing_key_is_named_as_the_kubelet_names_it() {
    let items = r#""items": [{"key": "y", "path": "y"}]"#;
    let table = [
        (format!(r#""configMap": {{"name": "x", {items}}}"#), "configmap references non-existent config key: y"),
        (format!(r#""secret": {{"secretName": "x", {items}}}"#), "references non-existent secret key: y"),
        (
            format!(
                r#""projected": {{"sources": [{{"configMap": {{"name": "x", {items}}}}}, {{"secret": {{"name": "no"}}}}]}}"#
            ),
            "[configmap references non-existent config key: y, secret \"no\" not found]",
        ),
    ];
    for (volume, why) in table {
        let mut world = mounting(&volume);
        world.config_map("x", &[("k", "v")]);
        world.secret("x", &[("k", "v")]);
        let last = world.settle();
        assert_eq!(waits(&last), [format!("FailedMount: web-0: MountVolume.SetUp failed for volume \"conf\" : {why}")]);
    }
}

#[test]
fn items_choose_paths_and_modes_and_what_is_optional_may_be_missing() {
    let mut world = mounting(
        r#""configMap": {"name": "app", "defaultMode": 256, "optional": true, "items": [
            {"key": "a", "path": "deep//er/./one", "mode": 448}, {"key": "b", "path": "two"}, {"key": "no", "path": "no"}]}"#,
    );
    world.settle();
    assert_eq!(world.files_of("conf"), Vec::<String>::new());
    assert_eq!(world.shown("a"), "Ready, restarts 0");
    world.config_map("app", &[("a", "1"), ("b", "2"), ("unnamed", "3")]);
    world.settle();
    assert_eq!(world.files_of("conf"), ["deep/er/one 700 1", "two 400 2"]);
}

#[test]
fn a_change_is_written_while_the_container_runs_and_what_goes_away_stays_readable() {
    let mut world = mounting(r#""configMap": {"name": "app"}"#);
    world.config_map("app", &[("k", "old"), ("gone", "x")]);
    world.settle();
    world.told();
    world.config_map("app", &[("k", "new")]);
    world.settle();
    assert_eq!(world.told(), ["write conf"]);
    assert_eq!(world.files_of("conf"), ["k 644 new"]);

    world.config.config_maps.clear();
    let last = world.settle();
    assert_eq!(
        waits(&last),
        ["FailedMount: web-0: MountVolume.SetUp failed for volume \"conf\" : configmap \"app\" not found"]
    );
    // A container that ends starts again with what was there, also under another daemon.
    world.forget();
    world.exit("a", 1);
    world.run_for(60);
    assert_eq!(world.told(), ["start a#1"]);
    assert_eq!(world.files_of("conf"), ["k 644 new"]);
}

#[test]
fn a_daemon_that_has_just_begun_asks_once_whether_the_files_are_there() {
    let mut world = mounting(r#""configMap": {"name": "app"}"#);
    world.config_map("app", &[("k", "v")]);
    world.settle();
    world.forget();
    world.told();
    world.settle();
    assert_eq!(world.told(), ["write conf"]);
    assert_eq!(world.shown("a"), "Ready, restarts 0");
}

#[test]
fn a_volume_that_was_removed_behind_the_daemons_back_is_written_anew() {
    let mut world = mounting(r#""configMap": {"name": "app"}"#);
    world.config_map("app", &[("k", "v")]);
    world.settle();
    world.told();
    world.exit("a", 1);
    world.scratch.clear();
    world.files.clear();
    world.run_for(60);
    assert_eq!(world.told(), ["write conf", "start a#1"]);
}

#[test]
fn files_that_cannot_be_written_are_told_and_tried_again() {
    let mut world = mounting(r#""configMap": {"name": "app"}"#);
    world.config_map("app", &[("k", "v")]);
    world.refuses.insert("write conf".into(), Failure::Refused("no space left on device".into()));
    world.settle();
    let why = "FailedMount: MountVolume.SetUp failed for volume \"conf\" : no space left on device";
    assert_eq!(world.noted()[1..], [why]);
    assert_eq!(world.shown("a"), "Waiting ContainerCreating, restarts 0");
    world.refuses.clear();
    world.run_for(60);
    assert_eq!(world.shown("a"), "Ready, restarts 0");
}

#[test]
fn a_volume_that_nobody_mounts_keeps_nobody_waiting() {
    let mut world = World::new(
        r#"{"containers": [{"name": "a", "image": "x"}], "volumes": [{"name": "conf", "configMap": {"name": "x"}}]}"#,
    );
    world.settle();
    assert_eq!(world.told(), ["start POD#0", "start a#0"]);
}

#[test]
fn the_volumes_of_a_pod_go_with_it() {
    let mut world = mounting(r#""configMap": {"name": "app"}"#);
    world.config_map("app", &[("k", "v")]);
    world.settle();
    world.told();
    world.delete(0);
    world.settle();
    let volume = format!("remove petset_default_{UID}_conf");
    assert_eq!(world.told(), ["stop a#0 in 0s", "remove a#0", "remove POD#0", volume.as_str(), "remove pod"]);
    assert!(world.files.is_empty());
}

#[test]
fn a_sub_path_that_no_file_has_is_an_empty_directory() {
    let mut world = World::new(
        r#"{"containers": [{"name": "a", "image": "x", "volumeMounts": [
                {"name": "conf", "mountPath": "/a", "subPath": "k"}, {"name": "conf", "mountPath": "/b", "subPath": "no"},
                {"name": "conf", "mountPath": "/c", "subPath": "deep"}]}],
            "volumes": [{"name": "conf", "configMap": {"name": "app", "items": [
                {"key": "k", "path": "k"}, {"key": "k", "path": "deep/k"}]}}]}"#,
    );
    world.config_map("app", &[("k", "v")]);
    world.settle();
    assert_eq!(world.files[&format!("petset_default_{UID}_conf")].directories, ["no"]);
}

#[test]
fn files_are_readable_by_the_pods_group() {
    let mut world = World::new(
        r#"{"securityContext": {"fsGroup": 2000}, "containers": [{"name": "a", "image": "x",
                "volumeMounts": [{"name": "conf", "mountPath": "/a"}]}],
            "volumes": [{"name": "conf", "secret": {"secretName": "s", "defaultMode": 256}}]}"#,
    );
    world.secret("s", &[("k", "v")]);
    world.settle();
    assert_eq!(world.files_of("conf"), ["k 440 v"]);
    assert_eq!(world.files[&format!("petset_default_{UID}_conf")].group, Some(2000));
}

#[test]
fn the_pod_tells_of_itself_in_files_and_they_follow_its_labels() {
    let mut world = World::new(
        r#"{"containers": [{"name": "a", "image": "x", "volumeMounts": [{"name": "info", "mountPath": "/info"}],
                "resources": {"limits": {"memory": "64Mi"}, "requests": {"cpu": "250m"}}}],
            "volumes": [{"name": "info", "downwardAPI": {"items": [
                {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
                {"path": "notes", "fieldRef": {"fieldPath": "metadata.annotations"}},
                {"path": "app", "fieldRef": {"fieldPath": "metadata.labels['app']"}, "mode": 256},
                {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}},
                {"path": "cpu", "resourceFieldRef": {"containerName": "a", "resource": "requests.cpu", "divisor": "1m"}},
                {"path": "all", "resourceFieldRef": {"containerName": "a", "resource": "limits.cpu"}},
                {"path": "memory", "resourceFieldRef": {"containerName": "a", "resource": "limits.memory"}}]}}]}"#,
    );
    let quantity = k8s_openapi::apimachinery::pkg::api::resource::Quantity("4".into());
    world.config.allocatable.insert("cpu".into(), quantity);
    world.settle();
    let expected = [
        "all 644 4",
        "app 400 nginx",
        "cpu 644 250",
        "labels 644 app=\"nginx\"",
        "memory 644 67108864",
        "name 644 web-0",
        "notes 644 ",
    ];
    assert_eq!(world.files_of("info"), expected);
    let labels = world.pod.as_mut().unwrap().metadata.labels.as_mut().unwrap();
    labels.insert("zone".into(), "a \"b\"".into());
    world.settle();
    assert_eq!(world.files_of("info")[3], "labels 644 app=\"nginx\"\nzone=\"a \\\"b\\\"\"");
}

#[test]
fn a_projected_volume_has_the_files_of_all_its_sources() {
    let mut world = mounting(
        r#""projected": {"defaultMode": 288, "sources": [
            {"configMap": {"name": "app", "items": [{"key": "k", "path": "config/k"}]}},
            {"secret": {"name": "key", "items": [{"key": "k", "path": "secret/k", "mode": 256}]}},
            {"secret": {"name": "none", "optional": true}},
            {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}}]}"#,
    );
    world.config_map("app", &[("k", "v")]);
    world.secret("key", &[("k", "s")]);
    world.settle();
    assert_eq!(world.files_of("conf"), ["config/k 440 v", "name 440 web-0", "secret/k 400 s"]);
}

#[test]
fn the_environment_is_made_of_all_that_it_names() {
    let mut world = saying(
        r#""command": ["run", "$(B)", "$(P_K)"], "resources": {"limits": {"cpu": "1500m"}},
        "envFrom": [{"configMapRef": {"name": "app"}}, {"prefix": "P_", "secretRef": {"name": "key"}},
            {"configMapRef": {"name": "none", "optional": true}}],
        "env": [{"name": "A", "value": "mine"}, {"name": "B", "value": "$(A) and $(P_K)"},
            {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "app", "key": "A"}}},
            {"name": "D", "valueFrom": {"secretKeyRef": {"name": "key", "key": "K"}}},
            {"name": "E", "valueFrom": {"secretKeyRef": {"name": "key", "key": "none", "optional": true}}},
            {"name": "F", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}},
            {"name": "G", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}]"#,
    );
    world.config_map("app", &[("A", "map"), ("Z", "$(A)")]);
    world.secret("key", &[("K", "secret")]);
    assert_eq!(
        environment(&mut world),
        ["A=mine", "Z=$(A)", "P_K=secret", "B=mine and secret", "C=map", "D=secret", "F=1500", "G=2"]
    );
}

#[test]
fn what_the_environment_lacks_keeps_the_container_waiting_until_it_is_there() {
    let from = |from: &str| format!(r#""env": [{{"name": "X", "valueFrom": {from}}}]"#);
    let table = [
        (from(r#"{"configMapKeyRef": {"name": "c", "key": "k"}}"#), r#"configmap "c" not found"#, false),
        (from(r#"{"configMapKeyRef": {"name": "c", "key": "k"}}"#), "couldn't find key k in ConfigMap default/c", true),
        (from(r#"{"secretKeyRef": {"name": "c", "key": "k"}}"#), r#"secret "c" not found"#, false),
        (from(r#"{"secretKeyRef": {"name": "c", "key": "k"}}"#), "couldn't find key k in Secret default/c", true),
        (r#""envFrom": [{"secretRef": {"name": "c"}}]"#.to_owned(), r#"secret "c" not found"#, false),
    ];
    for (rest, why, is_there) in table {
        let mut world = saying(&rest);
        if is_there {
            world.config_map("c", &[("other", "v")]);
            world.secret("c", &[("other", "v")]);
        }
        let last = world.settle();
        assert_eq!(waits(&last), [format!("CreateContainerConfigError: web-0: container a: {why}")]);
        assert_eq!(world.noted()[1..], [format!("Failed: Error: {why}")]);
        world.config_map("c", &[("k", "v")]);
        world.secret("c", &[("k", "v")]);
        world.settle();
        assert_eq!(world.shown("a"), "Ready, restarts 0");
    }
}

#[test]
fn values_are_those_at_the_start_and_no_secret_is_shown() {
    let mut world = saying(r#""env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]"#);
    world.secret("s", &[("k", "hunter2")]);
    assert!(!format!("{:?}", world.config).contains("hunter2"));
    world.settle();
    world.told();
    world.secret("s", &[("k", "other")]);
    world.settle();
    assert_eq!(world.told(), Vec::<String>::new());
    world.exit("a", 1);
    assert_eq!(environment(&mut world), ["X=other"]);
}

#[test]
fn an_image_is_fetched_with_the_credentials_of_its_registry_and_no_others() {
    let mut world = World::new(
        r#"{"imagePullSecrets": [{"name": "regs"}, {"name": "old"}, {"name": "none"}],
            "containers": [{"name": "a", "image": "registry.example/app/a:1"}]}"#,
    );
    world.images.clear();
    // `cm9ib3Q6aHVudGVyMg==` is `robot:hunter2`.
    let regs = r#"{"auths": {"https://registry.example": {"auth": "cm9ib3Q6aHVudGVyMg=="},
        "registry.example/app": {"username": "near", "password": "p"}, "other.example": {"username": "x", "password": "y"}}}"#;
    world.secret("regs", &[(".dockerconfigjson", regs)]);
    world.secret("old", &[(".dockercfg", r#"{"https://index.docker.io/v1/": {"username": "hub", "password": "h"}}"#)]);
    world.step();
    world.step();
    let plan = world.plan();
    let Some(Action::PullImage { credentials, .. }) = plan.actions.first() else { panic!("{plan:?}") };
    let users: Vec<_> = credentials.iter().map(|of| (of.username.as_str(), of.password.as_str())).collect();
    assert_eq!(users, [("near", "p"), ("robot", "hunter2")]);
    assert!(!format!("{plan:?}").contains("hunter2"));
    let why = "Unable to retrieve some image pull secrets (none); attempting to pull the image may not succeed.";
    assert_eq!((plan.notes[0].reason, plan.notes[0].message.as_str()), ("FailedToRetrieveImagePullSecret", why));
}

#[test]
fn a_token_is_the_users_file_and_is_renewed_before_its_time_is_over() {
    let mut world = World::new(
        r#"{"securityContext": {"runAsUser": 1000}, "containers": [{"name": "a", "image": "x",
                "volumeMounts": [{"name": "token", "mountPath": "/token"}]}],
            "volumes": [{"name": "token", "projected": {"sources": [
                {"serviceAccountToken": {"path": "vault", "audience": "vault", "expirationSeconds": 600}}]}}]}"#,
    );
    let last = world.settle();
    let why = "MountVolume.SetUp failed for volume \"token\" : failed to fetch token: none was made";
    assert_eq!(waits(&last), [format!("FailedMount: web-0: {why}")]);
    let ask = Ask { audience: "vault".into(), seconds: 600 };
    let token = |text: &str, renewed_at| Ok(Token { text: Octets::new(text.as_bytes()), renewed_at });
    let first = world.now + SignedDuration::from_secs(480);
    world.config.tokens.insert(ask.clone(), token("one", first));
    let last = world.settle();
    assert_eq!(world.files_of("token"), ["vault 600 one"]);
    assert_eq!(world.files[&format!("petset_default_{UID}_token")].files[0].owner, 1000);
    assert_eq!(last.look_again, Some(first));
    world.now = first;
    world.config.tokens.insert(ask, token("two", first + SignedDuration::from_secs(480)));
    world.settle();
    assert_eq!(world.files_of("token"), ["vault 600 two"]);
}
