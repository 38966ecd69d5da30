//! From the spec of a container to what is started.

use plan::{
    Action,
    action::{Confinement, Hook, Mount, Resources, Source, Start, TerminationMessage},
    facts::Role,
};

use crate::world::{UID, World, owner, volume, waits};

/// The first container that is started; scratch volumes are made on the way.
pub(crate) fn started(world: &mut World) -> Start {
    for _ in 0..10 {
        if let Some(Action::StartContainer(start)) = world.step().actions.into_iter().next() {
            return *start;
        }
    }
    panic!("nothing is started: {:?}", world.log)
}

#[test]
fn everything_that_a_container_may_say() {
    let mut world = World::new(
        r#"{
        "serviceAccountName": "robot", "securityContext": {"runAsUser": 1000, "runAsGroup": 3000},
        "containers": [{"name": "db", "image": "pg:1", "command": ["run", "$(NAME)", "$$(NAME)", "$(UNKNOWN)"],
            "args": ["--at=$(IP)"], "workingDir": "/data", "tty": true, "stdin": true, "stdinOnce": true,
            "env": [
                {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
                {"name": "UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
                {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
                {"name": "NONE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['none']"}}},
                {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
                {"name": "ACCOUNT", "valueFrom": {"fieldRef": {"fieldPath": "spec.serviceAccountName"}}},
                {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                {"name": "HOST", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
                {"name": "URL", "value": "tcp://$(NAME):$(PORT)/$$HOME"},
                {"name": "OPTIONAL", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": true}}}
            ],
            "lifecycle": {"postStart": {"tcpSocket": {"port": 5432}}},
            "securityContext": {"privileged": true, "readOnlyRootFilesystem": true, "runAsUser": 999,
                "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}},
            "volumeMounts": [
                {"name": "data", "mountPath": "/data", "subPathExpr": "$(NAME)/x"},
                {"name": "tmp", "mountPath": "/tmp", "readOnly": true},
                {"name": "ram", "mountPath": "/ram"},
                {"name": "logs", "mountPath": "/var/log", "subPath": "db"},
                {"name": "must", "mountPath": "/must"}
            ]}],
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0", "readOnly": true}},
            {"name": "tmp", "emptyDir": {}}, {"name": "ram", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
            {"name": "logs", "hostPath": {"path": "/srv/logs", "type": "DirectoryOrCreate"}},
            {"name": "must", "hostPath": {"path": "/srv/must", "type": "Directory"}}
        ]}"#,
    );
    world.claims.insert("data-web-0".into(), volume("pvc-1"));
    let start = started(&mut world);
    let env = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mount = |source, path: &str, sub_path: &str, read_only| Mount {
        source,
        path: path.into(),
        sub_path: sub_path.into(),
        read_only,
    };
    let host = |path: &str, create| Source::Host { path: path.into(), create };
    let expected = Start {
        owner: owner(Role::App, "db", 0),
        sandbox_id: "c1".into(),
        image: "pg:1".into(),
        command: vec!["run".into(), "web-0".into(), "$(NAME)".into(), "$(UNKNOWN)".into()],
        args: vec!["--at=10.88.0.5".into()],
        env: vec![
            env("NAME", "web-0"),
            env("NAMESPACE", "default"),
            env("UID", UID),
            env("APP", "nginx"),
            env("NONE", ""),
            env("NODE", "laptop"),
            env("ACCOUNT", "robot"),
            env("IP", "10.88.0.5"),
            env("HOST", "192.168.1.7"),
            env("URL", "tcp://web-0:$(PORT)/$HOME"),
        ],
        working_dir: Some("/data".into()),
        mounts: vec![
            mount(Source::Volume("pvc-1".into()), "/data", "web-0/x", true),
            mount(Source::Volume(format!("petset_default_{UID}_tmp")), "/tmp", "", true),
            mount(Source::Memory { size: Some(64 << 20) }, "/ram", "", false),
            mount(host("/srv/logs", true), "/var/log", "db", false),
            mount(host("/srv/must", false), "/must", "", false),
        ],
        user: Some("999:3000".into()),
        tty: true,
        stdin: true,
        stdin_once: true,
        privileged: true,
        capabilities: (vec!["NET_ADMIN".into()], vec!["ALL".into()]),
        read_only_root: true,
        resources: Resources { oom_score_adj: 1000, ..Resources::default() },
        confinement: Confinement::default(),
        termination: TerminationMessage { path: "/dev/termination-log".into(), or_log: false },
        exec_probes: false,
        target: None,
        post_start: Some(Hook::Tcp { host: "10.88.0.5".into(), port: 5432 }),
    };
    assert_eq!(start, expected);
}

#[test]
fn a_scratch_volume_is_made_before_the_container_and_labelled_with_its_pod() {
    let mut world = World::new(
        r#"{"containers": [{"name": "a", "image": "x", "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]}],
            "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "unused", "emptyDir": {}}]}"#,
    );
    world.step();
    world.step();
    let labels = [("namespace", "default"), ("pod", "web-0"), ("uid", UID)];
    let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let name = format!("petset_default_{UID}_tmp");
    assert_eq!(world.plan().actions, [Action::CreateVolume { name, labels, size: None }]);
    world.settle();
    assert_eq!(world.scratch.len(), 1);
}

#[test]
fn what_cannot_be_made_is_said_in_the_kubelets_words() {
    let container = |rest: &str| format!(r#"{{"containers": [{{"name": "a", "image": "x", {rest}}}]}}"#);
    let env = |from: &str| container(&format!(r#""env": [{{"name": "X", "valueFrom": {from}}}]"#));
    let table = [
        (env(r#"{"configMapKeyRef": {"name": "c", "key": "k"}}"#), r#"configmap "c" not found"#),
        (env(r#"{"secretKeyRef": {"name": "s", "key": "k"}}"#), r#"secret "s" not found"#),
        (env(r#"{"fieldRef": {"fieldPath": "spec.secrets"}}"#), "unsupported fieldPath: spec.secrets"),
        (container(r#""envFrom": [{"configMapRef": {"name": "c"}}]"#), r#"configmap "c" not found"#),
        (
            container(r#""securityContext": {"runAsUser": 0, "runAsNonRoot": true}"#),
            "container's runAsUser breaks non-root policy (pod: \"web-0_default(11111111-1111-4111-8111-111111111111)\", \
             container: a)",
        ),
        (container(r#""volumeMounts": [{"name": "v", "mountPath": "/v"}]"#), r#"volume "v" is not in the pod's spec"#),
    ];
    for (spec, why) in table {
        let mut world = World::new(&spec);
        let last = world.settle();
        assert_eq!(waits(&last), [format!("CreateContainerConfigError: web-0: container a: {why}")], "{spec}");
        assert_eq!(world.shown("a"), "Waiting CreateContainerConfigError, restarts 0");
        assert_eq!(world.noted()[1..], [format!("Failed: Error: {why}")]);
    }
}

#[test]
fn a_sub_path_does_not_leave_its_volume() {
    for path in ["../x", "/etc", "a/../../b", "$(MISSING)"] {
        let mut world = World::new(&format!(
            r#"{{"containers": [{{"name": "a", "image": "x",
                "volumeMounts": [{{"name": "v", "mountPath": "/v", "subPathExpr": "{path}"}}]}}],
                "volumes": [{{"name": "v", "emptyDir": {{}}}}]}}"#
        ));
        let last = world.settle();
        assert_eq!(last.waits[0].reason, "CreateContainerConfigError", "{path}");
    }
}

#[test]
fn a_volume_of_a_type_that_there_is_not_keeps_the_container_creating() {
    let mut world = World::new(
        r#"{"containers": [{"name": "a", "image": "x", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
            "volumes": [{"name": "v", "nfs": {"server": "s", "path": "/"}}]}"#,
    );
    let last = world.settle();
    assert_eq!(waits(&last), ["FailedMount: web-0: container a: volume \"v\" is of a type that is not supported"]);
    assert_eq!(world.shown("a"), "Waiting ContainerCreating, restarts 0");
}
