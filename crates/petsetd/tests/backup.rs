//! The real petsetd's `backup` and `restore`, of an instance that nobody runs. No engine is needed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixListener},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::json;
use store::{Key, Store, Write};
use tempfile::TempDir;

/// An instance's place.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Place {
        Place { dir: tempfile::tempdir().unwrap() }
    }

    /// One with an object.
    fn with_object(name: &str) -> Place {
        let place = Place::new();
        place.write(name);
        place
    }

    fn write(&self, name: &str) {
        let store = Store::open_sled(&self.path("data/store")).unwrap();
        let create = Write::Create { key: pod(name), object: json!({"metadata": {"name": name}}) };
        runtime().block_on(store.commit(vec![create])).unwrap();
        store.close();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let store = Store::open_sled(&self.path("data/store")).unwrap();
        let items = store.list("pods", None).items;
        items.iter().map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }

    /// The exit code, and both outputs without the place's own path.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self.command(arguments).stdin(Stdio::null()).output().unwrap();
        let text =
            |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(self.dir.path().to_str().unwrap(), "PLACE");
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_petsetd"));
        command.args(arguments).current_dir(self.dir.path()).env_clear().env("HOME", self.dir.path());
        command.env("PETSET_DATA_DIR", self.path("data")).env("PETSET_RUNTIME_DIR", self.path("run"));
        command
    }
}

fn pod(name: &str) -> Key {
    Key::new("pods", "default", name)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_backup_is_its_owners_alone_and_goes_into_an_empty_place() {
    let place = Place::with_object("web-0");
    assert_eq!(place.run(&["backup", "saved"]), (0, String::new(), String::new()));
    assert_eq!(fs::metadata(place.path("saved")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(files(place.dir.path()), ["data", "run", "saved"]);

    let other = Place::new();
    let said = format!("restored 1 objects of revision 2; revisions go on at {}\n", 2 + store::REVISIONS_SKIPPED);
    let saved = place.path("saved");
    assert_eq!(other.run(&["restore", saved.to_str().unwrap()]), (0, said, String::new()));
    assert_eq!(other.names(), ["web-0"]);
}

#[test]
fn a_backup_goes_through_a_pipe() {
    let place = Place::with_object("web-0");
    let other = Place::new();
    let mut from = place.command(&["backup", "-"]).stdout(Stdio::piped()).spawn().unwrap();
    let status = other.command(&["restore", "-"]).stdin(from.stdout.take().unwrap()).status().unwrap();
    assert!(status.success() && from.wait().unwrap().success());
    assert_eq!(other.names(), ["web-0"]);
}

#[test]
fn objects_that_are_there_are_put_aside_only_by_force() {
    let place = Place::with_object("web-0");
    assert_eq!(place.run(&["backup", "saved"]).0, 0);
    place.write("web-1");
    let said = "petsetd: PLACE/data/store holds a store: stop here if you need it; petsetd restore --force FILE puts it \
                aside, under a name beside its own, and takes the backup's place\n";
    assert_eq!(place.run(&["restore", "saved"]), (1, String::new(), said.to_owned()));
    assert_eq!(place.names(), ["web-0", "web-1"]);
    let said = format!(
        "restored 1 objects of revision 2; revisions go on at {}; the former store is in PLACE/data/store.aside-1\n",
        3 + store::REVISIONS_SKIPPED
    );
    assert_eq!(place.run(&["restore", "--force", "saved"]), (0, said, String::new()));
    assert_eq!(place.names(), ["web-0"]);
}

#[test]
fn an_instance_that_runs_is_not_restored() {
    let place = Place::with_object("web-0");
    assert_eq!(place.run(&["backup", "saved"]).0, 0);
    fs::write(place.path("data/petsetd.pid"), "7\n").unwrap();
    let held = fs::File::open(place.path("data/petsetd.pid")).unwrap();
    held.lock().unwrap();
    let said = "petsetd: instance `default` is run by another petsetd (pid 7, PLACE/data/petsetd.pid is locked): stop \
                that one, or name another instance with --instance\n";
    assert_eq!(place.run(&["restore", "--force", "saved"]), (1, String::new(), said.to_owned()));
}

#[test]
fn a_backup_that_cannot_be_is_not_begun_and_leaves_nothing() {
    let place = Place::new();
    let said = "petsetd: there is nothing to back up: PLACE/data/store does not exist\n";
    assert_eq!(place.run(&["backup", "saved"]), (1, String::new(), said.to_owned()));
    assert_eq!(files(place.dir.path()), [""; 0]);
    let said = "petsetd: read saved: No such file or directory (os error 2)\n";
    assert_eq!(place.run(&["restore", "saved"]), (1, String::new(), said.to_owned()));
}

/// A daemon that is killed in the midst of its answer.
#[test]
fn a_backup_that_breaks_off_does_not_get_its_name() {
    let place = Place::new();
    fs::create_dir(place.path("run")).unwrap();
    let socket = UnixListener::bind(place.path("run/petsetd.sock")).unwrap();
    let daemon = std::thread::spawn(move || {
        let (mut stream, _) = socket.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
        assert_eq!(lines.take_while(|line| !line.is_empty()).next().unwrap(), "GET /petset/v1/backup HTTP/1.1");
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{}\n\r\n").unwrap();
    });
    let (code, _, said) = place.run(&["backup", "saved"]);
    daemon.join().unwrap();
    assert_eq!(code, 1);
    assert!(said.starts_with("petsetd: the connection to petsetd was lost, and the backup is not whole"), "{said}");
    assert_eq!(files(place.dir.path()), ["run"]);
}
