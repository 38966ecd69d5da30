//! The program as it is, over a pipe.

use std::{
    io::{ErrorKind, Read, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    FILE, PROGRAM, install,
    wire::{COMMAND_BYTES_MAX, HELLO, OUTPUT_BYTES_MAX, Reply, Request},
};

/// A program that says nothing for so long has failed the test.
const PATIENCE: Duration = Duration::from_mins(1);

/// Starts a program that was just written. Whichever thread forked meanwhile has the file open, until its own program begins.
fn spawn(command: &mut Command) -> Child {
    let since = Instant::now();
    loop {
        match command.spawn() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy && since.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(10));
            }
            started => return started.unwrap(),
        }
    }
}

struct Runner {
    child: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
    read: Vec<u8>,
    // Dropped last: the program is in it.
    _dir: tempfile::TempDir,
}

impl Runner {
    fn start() -> Self {
        assert!(!PROGRAM.is_empty(), "the runner needs a static C library to be built (libc6-dev, glibc-static)");
        let dir = tempfile::tempdir().unwrap();
        let program = install(dir.path(), FILE, PROGRAM).unwrap();
        let mut child = spawn(Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()));
        let (input, mut output) = (child.stdin.take(), child.stdout.take().unwrap());
        let mut hello = vec![0; HELLO.len()];
        output.read_exact(&mut hello).unwrap();
        assert_eq!(hello, HELLO);
        Runner { child, input, output, read: Vec::new(), _dir: dir }
    }

    fn ask(&mut self, id: u32, timeout: Duration, command: &[&str]) {
        let command = command.iter().map(|word| word.as_bytes().to_vec()).collect();
        let request = Request { id, timeout_ms: timeout.as_millis() as u32, command };
        self.input.as_mut().unwrap().write_all(&request.encode().unwrap()).unwrap();
    }

    fn reply(&mut self) -> Reply {
        loop {
            if let Some((reply, length)) = Reply::decode(&self.read).unwrap() {
                self.read.drain(..length);
                return reply;
            }
            let mut piece = [0; 4096];
            let count = self.output.read(&mut piece).unwrap();
            assert_ne!(count, 0, "the runner has ended");
            self.read.extend_from_slice(&piece[..count]);
        }
    }

    fn run(&mut self, command: &[&str]) -> (Option<i32>, String) {
        self.ask(7, PATIENCE, command);
        let reply = self.reply();
        assert_eq!(reply.id, 7);
        (reply.code, String::from_utf8(reply.output).unwrap())
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        drop(self.input.take());
        drop(self.child.wait());
    }
}

#[test]
fn commands_end_as_in_a_shell() {
    let mut runner = Runner::start();
    let table =
        [("echo out; echo err >&2", 0, "out\nerr\n"), ("exit 3", 3, ""), ("kill -9 $$", 137, ""), ("cat", 0, "")];
    for (script, code, output) in table {
        assert_eq!(runner.run(&["sh", "-c", script]), (Some(code), output.to_owned()), "{script}");
    }
    let (code, output) = runner.run(&["sh", "-c", "yes | head -c 100000; exit 1"]);
    assert_eq!((code, output.len()), (Some(1), OUTPUT_BYTES_MAX));
}

#[test]
fn a_command_that_cannot_be_run_says_why() {
    let mut runner = Runner::start();
    let table = [
        ("no-such-command", 127, "exec: \"no-such-command\": executable file not found in $PATH"),
        ("/no/such", 127, "exec: \"/no/such\": stat /no/such: no such file or directory"),
        ("/etc/passwd", 126, "exec: \"/etc/passwd\": permission denied"),
    ];
    for (program, code, message) in table {
        assert_eq!(runner.run(&[program]), (Some(code), message.to_owned()));
    }
}

#[test]
fn a_command_that_takes_too_long_is_killed_with_its_children() {
    let mut runner = Runner::start();
    // The reading end sees the end of the file only when nobody holds the other end any more.
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mark = std::os::fd::AsRawFd::as_raw_fd(&writer);
    let held = format!("/proc/{}/fd/{mark}", std::process::id());
    runner.ask(
        1,
        Duration::from_millis(200),
        &["sh", "-c", &format!("exec 9>{held}; echo begun >&9; sleep 1000 & sleep 1000")],
    );
    let reply = runner.reply();
    assert_eq!((reply.id, reply.code), (1, None));
    drop(writer);
    let mut begun = String::new();
    reader.read_to_string(&mut begun).unwrap();
    assert_eq!(begun, "begun\n");
}

#[test]
fn a_slow_command_holds_up_no_other() {
    let mut runner = Runner::start();
    runner.ask(1, PATIENCE, &["sh", "-c", "read line < /dev/stdin; sleep 1"]);
    runner.ask(2, PATIENCE, &["true"]);
    assert_eq!([runner.reply().id, runner.reply().id], [2, 1]);
}

#[test]
fn a_child_in_the_background_is_not_waited_for() {
    let mut runner = Runner::start();
    let began = Instant::now();
    let (code, output) = runner.run(&["sh", "-c", "sleep 1000 & echo $!"]);
    assert_eq!(code, Some(0));
    assert!(began.elapsed() < PATIENCE);
    // It runs, and would go on doing so when the tests have ended.
    let child = output.trim().parse().unwrap();
    kill(Pid::from_raw(child), Signal::SIGKILL).unwrap();
}

#[test]
fn all_ends_with_the_daemon() {
    // Whether a command has begun when the daemon ends, is about to, or never does, is a matter of microseconds.
    for waits_for_its_begin in [true, false].repeat(20) {
        let mut runner = Runner::start();
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mark = std::os::fd::AsRawFd::as_raw_fd(&writer);
        let held = format!("/proc/{}/fd/{mark}", std::process::id());
        runner.ask(1, PATIENCE, &["sh", "-c", &format!("exec 9>{held}; echo begun >&9; sleep 1000")]);
        if waits_for_its_begin {
            let mut begun = [0; 6];
            reader.read_exact(&mut begun).unwrap();
        }
        drop(runner.input.take());
        assert!(runner.child.wait().unwrap().success());
        drop(writer);
        assert_ends(reader);
    }
}

/// Fails where the other end stays open: somebody has it who should have ended.
fn assert_ends(mut reader: std::io::PipeReader) {
    let (sender, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || drop(sender.send(reader.read_to_end(&mut Vec::new()))));
    ended.recv_timeout(PATIENCE).expect("a command runs on").unwrap();
}

#[test]
fn what_is_said_is_understood_however_it_arrives() {
    let request = Request { id: 1, timeout_ms: 1000, command: vec![b"a".to_vec(), Vec::new(), b"b c".to_vec()] };
    let octets = request.encode().unwrap();
    let mut input = octets.as_slice();
    assert_eq!(Request::read(&mut input).unwrap(), Some(request));
    assert_eq!(Request::read(&mut input).unwrap(), None);
    for cut in 1..octets.len() {
        assert!(Request::read(&mut &octets[..cut]).is_err(), "{cut}");
    }

    let reply = Reply { id: 2, code: Some(-1), output: b"out".to_vec() };
    let octets = reply.encode();
    for cut in 0..octets.len() {
        assert_eq!(Reply::decode(&octets[..cut]).unwrap(), None, "{cut}");
    }
    assert_eq!(Reply::decode(&[&octets, &octets[..]].concat()).unwrap(), Some((reply, octets.len())));
}

#[test]
fn what_is_too_long_is_refused() {
    let long = Request { id: 1, timeout_ms: 1, command: vec![vec![b'x'; COMMAND_BYTES_MAX]] };
    assert_eq!(long.encode(), None);
    let mut octets = Vec::new();
    for number in [1u32, 1, u32::MAX, u32::MAX] {
        octets.extend(number.to_le_bytes());
    }
    assert!(Request::read(&mut octets.as_slice()).is_err());
    let many = [[1u32, 1, u32::MAX].map(u32::to_le_bytes).concat(), vec![0; COMMAND_BYTES_MAX * 2]].concat();
    assert!(Request::read(&mut many.as_slice()).is_err());
    let reply = Reply { id: 1, code: None, output: vec![0; OUTPUT_BYTES_MAX + 1] };
    assert!(Reply::decode(&reply.encode()).is_err());
}
