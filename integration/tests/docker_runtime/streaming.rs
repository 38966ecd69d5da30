//! Logs, and ways into containers.

use std::{fs, path::PathBuf, process::Command};

use docker::streams::{ExecOptions, LogOptions, Output, StreamError};
use futures::{StreamExt, TryStreamExt};
use tokio::io::AsyncWriteExt;

use crate::setting::{World, in_world};

async fn log(world: &World, container: &str, options: &LogOptions) -> String {
    let pieces = world.docker.logs(&world.target(container), options).await.unwrap();
    let pieces: Vec<_> = pieces.try_collect().await.unwrap();
    String::from_utf8(pieces.concat()).unwrap()
}

#[test]
fn a_command_gives_its_output_and_its_exit_code() {
    in_world("exec", |world| async move {
        let sandbox = world.up().await;
        world.run(world.start("app", 0, &sandbox, "exec sleep 1000")).await;
        let (output, errors, code) = world.exec("app", "echo out; echo err >&2; exit 42", b"").await;
        assert_eq!((&output[..], &errors[..], code), (&b"out\n"[..], &b"err\n"[..], 42));

        // The end of the input ends the command.
        let input: Vec<u8> = (0..1_000_000_u32).map(|n| n as u8).collect();
        let (output, _, code) = world.exec("app", "cat", &input).await;
        assert!(output == input, "{} octets went in and {} came back", input.len(), output.len());
        assert_eq!(code, 0);
    });
}

#[test]
fn a_terminal_passes_every_octet() {
    in_world("tty", |world| async move {
        let sandbox = world.up().await;
        world.run(world.start("app", 0, &sandbox, "exec sleep 1000")).await;
        let script = r#"stty raw; printf '\001abcdefghijklmnop\000\002\003'
                        until [ "$(stty size 2>/dev/null)" = "33 120" ]; do :; done; echo resized"#;
        let options = ExecOptions {
            command: vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()],
            stdin: true,
            stdout: true,
            stderr: false,
            tty: true,
        };
        let mut session = world.docker.exec(&world.target("app"), &options).await.unwrap();
        let mut output = Vec::new();
        while let Some(piece) = session.output.next().await {
            let Output::Stdout(bytes) = piece.unwrap() else { panic!("a terminal has one stream") };
            output.extend_from_slice(&bytes);
            // It runs now; before that there is no terminal to resize.
            let _ = session.resize.try_send((120, 33));
        }
        assert_eq!(String::from_utf8_lossy(&output), "\u{1}abcdefghijklmnop\u{0}\u{2}\u{3}resized\n");
        assert_eq!(session.exit.await.unwrap(), Ok(0));
    });
}

#[test]
fn attaching_joins_the_first_process() {
    in_world("attach", |world| async move {
        let sandbox = world.up().await;
        let mut start = world.start("app", 0, &sandbox, "read line; echo got $line; exit 9");
        start.stdin = true;
        world.run(start).await;
        let options = ExecOptions { stdin: true, stdout: true, stderr: true, ..ExecOptions::default() };
        let mut session = world.docker.exec(&world.target("app"), &options).await.unwrap();
        let mut stdin = session.stdin.take().unwrap();
        stdin.write_all(b"it\n").await.unwrap();
        let output: Vec<Output> = session.output.try_collect().await.unwrap();
        assert_eq!(output, vec![Output::Stdout("got it\n".into())]);
        assert_eq!(world.ended("app", 0).await, 9);
    });
}

#[test]
fn input_that_is_read_once_ends_with_the_first_who_attaches() {
    in_world("once", |world| async move {
        let sandbox = world.up().await;
        let script = "until [ -e /tmp/go ]; do sleep 0.05; done; wc -l";
        let mut start = world.start("app", 0, &sandbox, script);
        (start.stdin, start.stdin_once) = (true, true);
        world.run(start).await;
        let options = ExecOptions { stdin: true, stdout: true, stderr: true, ..ExecOptions::default() };
        let mut session = world.docker.exec(&world.target("app"), &options).await.unwrap();
        let mut stdin = session.stdin.take().unwrap();
        stdin.write_all(b"one\ntwo\n").await.unwrap();
        drop(stdin);
        // The container may end before the command has, and then takes it along.
        world.exec("app", "touch /tmp/go", b"").await;
        let output: Vec<Output> = session.output.try_collect().await.unwrap();
        assert_eq!(output, vec![Output::Stdout("2\n".into())]);
    });
}

#[test]
fn a_log_is_followed_to_its_end() {
    in_world("log", |world| async move {
        let sandbox = world.up().await;
        let script = "echo one; echo two >&2; until [ -e /tmp/go ]; do sleep 0.05; done; echo three";
        world.run(world.start("app", 0, &sandbox, script)).await;
        let follow = LogOptions { follow: true, ..LogOptions::default() };
        let mut pieces = world.docker.logs(&world.target("app"), &follow).await.unwrap();
        let mut text = String::new();
        while text.lines().count() < 2 {
            text.push_str(std::str::from_utf8(&pieces.next().await.unwrap().unwrap()).unwrap());
        }
        // The container may end before the command has, and then takes it along.
        world.exec("app", "touch /tmp/go", b"").await;
        for piece in pieces.try_collect::<Vec<_>>().await.unwrap() {
            text.push_str(std::str::from_utf8(&piece).unwrap());
        }
        let mut lines: Vec<&str> = text.lines().collect();
        // The two streams are read apart: their order is the engine's.
        lines[..2].sort_unstable();
        assert_eq!(lines, ["one", "two", "three"]);

        assert_eq!(log(&world, "app", &LogOptions { tail: Some(1), ..LogOptions::default() }).await, "three\n");
        let stamped =
            log(&world, "app", &LogOptions { tail: Some(1), timestamps: true, ..LogOptions::default() }).await;
        let (time, line) = stamped.split_once(' ').unwrap();
        assert_eq!(line, "three\n");
        let time: jiff::Timestamp = time.parse().unwrap();
        let since = |since| LogOptions { since: Some(since), ..LogOptions::default() };
        assert_eq!(log(&world, "app", &since(time)).await, "three\n");
        assert_eq!(log(&world, "app", &since(time + jiff::SignedDuration::from_nanos(1))).await, "");
    });
}

#[test]
fn the_log_of_the_attempt_before_is_kept_apart() {
    in_world("previous", |world| async move {
        let sandbox = world.up().await;
        let previous = LogOptions { previous: true, ..LogOptions::default() };
        for (attempt, script) in [(0, "echo first"), (1, "echo second")] {
            world.run(world.start("app", attempt, &sandbox, script)).await;
            world.ended("app", attempt).await;
            if attempt == 0 {
                let none = world.docker.logs(&world.target("app"), &previous).await.err();
                let (pod, container) = ("web-0".to_owned(), "app".to_owned());
                assert_eq!(none, Some(StreamError::NoPrevious { pod, container }));
            }
        }
        assert_eq!(log(&world, "app", &LogOptions::default()).await, "second\n");
        assert_eq!(log(&world, "app", &previous).await, "first\n");
        let absent = world.docker.logs(&world.target("absent"), &previous).await.err();
        assert_eq!(absent, Some(StreamError::NotFound("absent".to_owned())));
    });
}

#[test]
fn nothing_can_be_run_where_nothing_runs() {
    in_world("gone", |world| async move {
        let sandbox = world.up().await;
        world.run(world.start("app", 0, &sandbox, "true")).await;
        world.ended("app", 0).await;
        let options = ExecOptions { command: vec!["true".to_owned()], stdout: true, ..ExecOptions::default() };
        let refused = world.docker.exec(&world.target("app"), &options).await.err();
        assert_eq!(refused, Some(StreamError::NotFound("app".to_owned())));
    });
}

#[test]
fn a_session_that_is_let_go_ends_the_input_of_its_command_and_nothing_else() {
    in_world("let-go", |world| async move {
        let sandbox = world.up().await;
        world.run(world.start("app", 0, &sandbox, "exec sleep 1000")).await;
        let open = async |script: &str, stdin: bool| {
            let command = vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()];
            let options = ExecOptions { command, stdin, stdout: true, stderr: false, tty: false };
            world.docker.exec(&world.target("app"), &options).await.unwrap()
        };
        let mut reads = open("echo begun; cat; touch /tmp/read", true).await;
        let mut works = open("echo begun; sleep 1; touch /tmp/worked", false).await;
        for session in [&mut reads, &mut works] {
            assert_eq!(session.output.next().await.unwrap().unwrap(), Output::Stdout("begun\n".into()));
        }
        drop((reads, works));
        let both = "until test -e /tmp/read -a -e /tmp/worked; do sleep 0.1; done; echo both";
        assert_eq!(world.exec("app", both, b"").await, ("both\n".into(), "".into(), 0));
    });
}

/// Five files of 10 MB: a container that writes more keeps the end of it.
const LOG_BYTES_MAX: u64 = 50 << 20;

#[test]
fn a_log_takes_no_more_room_than_it_may_and_has_the_end() {
    in_world("log-size", |world| async move {
        let sandbox = world.up().await;
        let lines = "i=0; while [ $i -lt 8 ]; do head -c 9000000 /dev/zero | tr '\\0' x | fold -w 9000; i=$((i+1)); done; echo; echo last";
        let app = world.run(world.start("app", 0, &sandbox, lines)).await;
        assert_eq!(world.ended("app", 0).await, 0);
        let inspect = Command::new("docker")
            .args(["inspect", "--format", "{{.LogPath}}", &app.id])
            .env("DOCKER_HOST", world.engine.address())
            .output()
            .unwrap();
        let path = PathBuf::from(String::from_utf8(inspect.stdout).unwrap().trim());
        let entries = fs::read_dir(path.parent().unwrap()).expect("the engine's own files, which takes root");
        let ours = path.file_name().unwrap().to_string_lossy().into_owned();
        let sizes = entries.map(Result::unwrap).filter(|entry| entry.file_name().to_string_lossy().starts_with(&ours));
        let sizes: Vec<u64> = sizes.map(|entry| entry.metadata().unwrap().len()).collect();
        let total: u64 = sizes.iter().sum();
        assert_eq!(sizes.len(), 5, "{sizes:?}");
        // A file ends with the line that is too much for it.
        assert!((LOG_BYTES_MAX * 7 / 10..=LOG_BYTES_MAX + (1 << 20)).contains(&total), "{sizes:?}");
        let tail = LogOptions { tail: Some(1), ..LogOptions::default() };
        assert_eq!(log(&world, "app", &tail).await, "last\n");
    });
}
