//! The real petsetd where it cannot start: what it says, and that it fails. No engine is needed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use store::Store;
use tempfile::TempDir;

/// The exit code where a setting is of no use.
const USAGE: i32 = 2;

/// An instance's place, with no Docker.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Place {
        Place { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A file that is there already.
    fn with(self, name: &str, text: &str) -> Place {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// A command with nothing of this machine's in its environment.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_petsetd"));
        command.args(arguments).current_dir(self.path()).env_clear().env("HOME", self.path()).stdin(Stdio::null());
        command.env("PETSET_DATA_DIR", self.path().join("data")).env("PETSET_RUNTIME_DIR", self.path().join("run"));
        command.env("DOCKER_HOST", format!("unix://{}", self.path().join("docker.sock").display()));
        command
    }

    /// The exit code and the last line on standard error, without the place's own path.
    fn fail(&self, arguments: &[&str]) -> (i32, String) {
        self.outcome(&mut self.command(arguments))
    }

    fn outcome(&self, command: &mut Command) -> (i32, String) {
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let said = said.lines().last().unwrap_or_default().replace(self.path().to_str().unwrap(), "PLACE");
        (output.status.code().unwrap(), said)
    }

    /// Makes a store as petsetd does, and closes it.
    fn make_store(&self) {
        drop(Store::open_sled(&self.path().join("data/store")).unwrap());
    }
}

#[test]
fn docker_is_absent() {
    let said = "petsetd: no Docker engine at unix://PLACE/docker.sock: there is no such socket; install or start \
                Docker, or set DOCKER_HOST";
    assert_eq!(Place::new().fail(&[]), (1, said.to_owned()));
}

#[test]
fn what_listens_as_docker_has_gone() {
    let place = Place::new();
    drop(std::os::unix::net::UnixListener::bind(place.path().join("docker.sock")).unwrap());
    let said = "petsetd: no Docker engine at unix://PLACE/docker.sock: connection refused; start Docker, or set \
                DOCKER_HOST";
    assert_eq!(place.fail(&[]), (1, said.to_owned()));
}

#[test]
fn settings_that_are_no_use_are_named_with_what_they_should_be() {
    let place = Place::new();
    for (argument, said) in [
        ("--subnet=nope", "--subnet: `nope` is not an IPv4 network of at least 16 addresses: `10.99.0.0/16`"),
        (
            "--subnet=10.1.0.0/31",
            "--subnet: `10.1.0.0/31` is not an IPv4 network of at least 16 addresses: `10.99.0.0/16`",
        ),
        ("--listen=nope", "--listen: `nope` is not an address with a port: `127.0.0.1:7474`"),
        (
            "--listen=0.0.0.0:0",
            "--listen: 0.0.0.0:0 can be reached from other machines; where that is wanted, add --listen-anywhere \
             (PETSET_LISTEN_ANYWHERE=true)",
        ),
        (
            "--instance=Bad_Name",
            "--instance: `Bad_Name` is not a name of at most 20 lower-case letters, digits and `-`, with a letter or \
             digit at both ends",
        ),
        ("--log=a=b=c", "--log: `a=b=c` is not a log filter: `info` or `info,petset_controller=debug`"),
        ("--log-format=xml", "--log-format: `xml` is not `text` or `json`"),
        ("--upstream=nope", "--upstream: `nope` is not an address: `9.9.9.9` or `9.9.9.9:53`"),
        (
            "--docker-host=ssh://far",
            "--docker-host: `ssh://far` is not the address of a Docker engine: `unix:///var/run/docker.sock` or \
             `tcp://ADDRESS:PORT`",
        ),
    ] {
        assert_eq!(place.fail(&[argument]), (USAGE, format!("petsetd: {said}")));
    }
    let said = "petsetd: PETSET_SUBNET: `x` is not an IPv4 network of at least 16 addresses: `10.99.0.0/16`";
    assert_eq!(place.outcome(place.command(&[]).env("PETSET_SUBNET", "x")), (USAGE, said.to_owned()));
}

#[test]
fn the_configuration_file_is_no_use() {
    let place = Place::new().with("unknown.toml", "lissten = 'x'").with("type.toml", "listen = 7");
    let keys = "instance, data-dir, runtime-dir, listen, listen-anywhere, listen-name, socket, docker-host, subnet, domain, \
                dns-listen, upstream, allow-host-path, allow-privileged, pod-affinity, claim-sizes, log, log-format";
    for (file, said) in [
        ("unknown.toml", format!("unknown.toml: unknown key `lissten`; the keys are {keys}")),
        ("type.toml", "type.toml: `listen` must be a string".to_owned()),
        (
            "absent.toml",
            "read absent.toml (--config or PETSET_CONFIG names another file): No such file or directory (os error 2)"
                .to_owned(),
        ),
    ] {
        assert_eq!(place.fail(&["--config", file]), (USAGE, format!("petsetd: {said}")));
    }
}

#[test]
fn the_directories_cannot_be_made() {
    let place = Place::new().with("file", "");
    let said = "petsetd: make the directory PLACE/file/data (--data-dir and --runtime-dir name others): Not a directory (os \
                error 20)";
    assert_eq!(place.fail(&["--data-dir", "file/data"]), (1, said.to_owned()));
}

#[test]
fn something_is_in_the_way_of_the_socket() {
    let place = Place::new().with("notes", "mine");
    let said = "petsetd: PLACE/notes is in the way of the socket: remove it, or name another path with --socket";
    assert_eq!(place.fail(&["--socket", "notes"]), (1, said.to_owned()));
    assert_eq!(fs::read_to_string(place.path().join("notes")).unwrap(), "mine");
}

#[test]
fn another_daemon_has_the_instance() {
    let place = Place::new().with("data/petsetd.pid", "7\n");
    let held = fs::File::open(place.path().join("data/petsetd.pid")).unwrap();
    held.lock().unwrap();
    let said = "petsetd: instance `default` is run by another petsetd (pid 7, PLACE/data/petsetd.pid is locked): stop \
                that one, or name another instance with --instance";
    assert_eq!(place.fail(&[]), (1, said.to_owned()));
    assert_eq!(place.fail(&["purge", "--yes"]), (1, said.to_owned()));
}

#[test]
fn another_process_has_the_store() {
    let place = Place::new();
    let _store = Store::open_sled(&place.path().join("data/store")).unwrap();
    let said = "petsetd: PLACE/data/store is in use by another petsetd: stop that one, or give this one a data \
                directory of its own";
    assert_eq!(place.fail(&[]), (1, said.to_owned()));
}

#[test]
fn a_damaged_store_is_left_as_it_is() {
    let place = Place::new();
    place.make_store();
    let db = place.path().join("data/store/db");
    fs::remove_file(&db).unwrap();
    let said = "petsetd: PLACE/data/store is damaged (its file db is missing): put a backup in its place (petsetd \
                restore --force FILE) or a copy of the directory; or, to begin with an empty one, move it and \
                PLACE/data/store.made away; containers and volumes are not touched";
    assert_eq!(place.fail(&[]), (1, said.to_owned()));
    assert!(!db.exists());
}

#[test]
fn credentials_that_are_damaged_are_named() {
    let place = Place::new();
    assert_eq!(place.fail(&[]).0, 1);
    let place = place.with("data/ca.crt", "garbage");
    let said = "petsetd: ca.crt in PLACE/data cannot be read; remove it to have another made";
    assert_eq!(place.fail(&[]), (1, said.to_owned()));
}

#[test]
fn purging_asks_twice() {
    let place = Place::new().with("data/mine", "");
    let said = "petsetd: this removes every pod, volume and object of instance `default` and its data in PLACE/data: \
                add --yes to do it";
    assert_eq!(place.fail(&["purge"]), (1, said.to_owned()));
    assert!(place.path().join("data/mine").exists());
}
