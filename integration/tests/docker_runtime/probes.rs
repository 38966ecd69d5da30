//! Probes of each kind, in the words that users of Kubernetes know.

use std::{process::Command, time::Duration};

use controller::runtime::Runtime;
use plan::{
    Action,
    action::{Hook, Probe, ProbeKind, Start},
    facts::Container,
};

use crate::setting::{World, in_world, shell};

const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(30);

/// A container that sleeps, with a runner in it or without.
async fn sleeper(world: &World, exec_probes: bool) -> Container {
    let sandbox = world.up().await;
    world.run(Start { exec_probes, ..world.start("app", 0, &sandbox, "exec sleep 1000") }).await
}

/// How often the engine itself has run a command in the container.
fn execs(world: &World, container: &Container) -> usize {
    let mut inspect = Command::new("docker");
    inspect.args(["inspect", "-f", "{{json .ExecIDs}}", &container.id]).env("DOCKER_HOST", world.engine.address());
    let ids = String::from_utf8(inspect.output().unwrap().stdout).unwrap();
    serde_json::from_str::<Option<Vec<String>>>(&ids).unwrap().unwrap_or_default().len()
}

#[test]
fn commands_are_judged_by_their_exit_code() {
    for exec_probes in [true, false] {
        in_world("probe", |world| async move {
            let app = sleeper(&world, exec_probes).await;
            let table = [
                ("echo fine", true, "fine\n"),
                ("exit 1", false, "probe exec exited 1"),
                ("echo no >&2; exit 2", false, "probe exec exited 2: no"),
            ];
            for (script, success, message) in table {
                assert_eq!(world.probe(&app, shell(script), LONG).await, (success, message.to_owned()), "{script}");
            }
            let (success, message) = world.probe(&app, shell("yes | head -c 100000; exit 1"), LONG).await;
            assert_eq!((success, message.len()), (false, 1024));
            // One way in serves all, and stays open; the engine forgets its own when they have ended.
            assert_eq!(execs(&world, &app), usize::from(exec_probes));
        });
    }
}

#[test]
fn a_command_that_times_out_is_killed() {
    for exec_probes in [true, false] {
        in_world("timeout", |world| async move {
            let app = sleeper(&world, exec_probes).await;
            let slow = Hook::Exec { command: vec!["sleep".to_owned(), "777".to_owned()] };
            let probed = world.probe(&app, slow, SECOND).await;
            assert_eq!(probed, (false, "command \"sleep 777\" timed out after 1s".to_owned()));
            // Killed at once, gone when the engine has noticed.
            let wait = "while ps | grep -q '[s]leep 777'; do :; done; echo gone";
            assert_eq!(world.exec("app", wait, b"").await.0, "gone\n");
        });
    }
}

#[test]
fn a_probe_is_confined_as_its_container_is() {
    in_world("confined", |world| async move {
        let sandbox = world.up().await;
        let start = Start {
            exec_probes: true,
            user: Some("999:3000".to_owned()),
            read_only_root: true,
            capabilities: (Vec::new(), vec!["ALL".to_owned()]),
            working_dir: Some("/tmp".to_owned()),
            env: vec![("COLOUR".to_owned(), "blue".to_owned())],
            ..world.start("app", 0, &sandbox, "exec sleep 1000")
        };
        let app = world.run(start).await;
        let script = "id -u; id -g; pwd; echo $COLOUR; grep -E '^(CapBnd|CapEff|Seccomp|NoNewPrivs):' /proc/self/status; \
            cut -d: -f3 /proc/self/cgroup | sort -u; for kind in /proc/self/ns/*; do readlink $kind; done; ulimit -n; \
            touch /x 2>&1; true";
        let (success, probed) = world.probe(&app, shell(script), LONG).await;
        let (run, ..) = world.exec("app", script, b"").await;
        assert!(success && probed.starts_with("999\n3000\n/tmp\nblue\n"), "{probed}");
        assert_eq!(probed, String::from_utf8(run.to_vec()).unwrap());
        assert!(probed.ends_with("touch: /x: Read-only file system\n"), "{probed}");
        assert_eq!(execs(&world, &app), 1);
    });
}

#[test]
fn a_runner_that_was_killed_comes_again() {
    in_world("again", |world| async move {
        let app = sleeper(&world, true).await;
        assert!(world.probe(&app, shell("true"), LONG).await.0);
        // The probe that sees it go takes the way through the engine; the one after it opens another.
        world.exec("app", "kill -9 $(pidof runner)", b"").await;
        for _ in 0..3 {
            assert!(world.probe(&app, shell("true"), LONG).await.0);
        }
        assert_eq!(world.exec("app", "pidof runner | wc -w", b"").await.0, "1\n");
    });
}

#[test]
fn no_runner_stays_when_the_daemon_goes() {
    in_world("leaves", |world| async move {
        let app = sleeper(&world, true).await;
        let other = world.engine.prepare(&world.setup).await.unwrap();
        let probe = Probe {
            owner: app.owner.clone(),
            id: app.id.clone(),
            kind: ProbeKind::Readiness,
            check: shell("true"),
            timeout: LONG,
        };
        other.act(&Action::Probe(Box::new(probe))).await.unwrap();
        assert_eq!(execs(&world, &app), 1);
        drop(other);
        let wait = "while pidof runner >/dev/null; do :; done; echo gone";
        assert_eq!(world.exec("app", wait, b"").await.0, "gone\n");
    });
}

#[test]
fn the_network_is_asked_from_outside() {
    in_world("network", |world| async move {
        let sandbox = world.up().await;
        let script = "mkdir /tmp/www; echo well >/tmp/www/index.html; exec httpd -f -p 80 -h /tmp/www";
        let app = world.run(world.start("app", 0, &sandbox, script)).await;
        let host = world.address(17).to_string();
        let http = |port, path: &str| Hook::Http {
            scheme: "HTTP".to_owned(),
            host: host.clone(),
            port,
            path: path.to_owned(),
            headers: Vec::new(),
        };
        let tcp = |port| Hook::Tcp { host: host.clone(), port };
        let listening = shell("until wget -q -O /dev/null http://127.0.0.1/; do :; done");
        assert!(world.probe(&app, listening, LONG).await.0);

        assert_eq!(world.probe(&app, tcp(80), LONG).await, (true, String::new()));
        assert!(world.probe(&app, http(80, "/index.html"), LONG).await.0);
        assert_eq!(
            world.probe(&app, http(80, "/absent"), LONG).await,
            (false, "HTTP probe failed with statuscode: 404".to_owned())
        );
        let refused = format!("dial tcp {host}:81: connect: connection refused");
        assert_eq!(world.probe(&app, tcp(81), LONG).await, (false, refused.clone()));
        assert_eq!(
            world.probe(&app, http(81, "/"), LONG).await,
            (false, format!("Get \"http://{host}:81/\": {refused}"))
        );
    });
}
