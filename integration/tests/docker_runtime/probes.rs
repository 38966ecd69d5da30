//! Probes of each kind, in the words that users of Kubernetes know.

use std::time::Duration;

use plan::action::Hook;

use crate::setting::{in_world, shell};

const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(30);

#[test]
fn commands_are_judged_by_their_exit_code() {
    in_world("probe", |world| async move {
        let sandbox = world.up().await;
        let app = world.run(world.start("app", 0, &sandbox, "exec sleep 1000")).await;
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
    });
}

#[test]
fn a_command_that_times_out_is_killed() {
    in_world("timeout", |world| async move {
        let sandbox = world.up().await;
        let app = world.run(world.start("app", 0, &sandbox, "exec sleep 1000")).await;
        let slow = Hook::Exec { command: vec!["sleep".to_owned(), "777".to_owned()] };
        let probed = world.probe(&app, slow, SECOND).await;
        assert_eq!(probed, (false, "command \"sleep 777\" timed out after 1s".to_owned()));
        // Killed at once, gone when the engine has noticed.
        let wait = "while ps | grep -q '[s]leep 777'; do :; done; echo gone";
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
