//! A server that says what a test tells it to, and remembers what it was asked.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Command, Output},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use serde_json::{Value, json};

/// A request as it came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    /// `GET /api/v1/pods?watch=true`, still encoded.
    pub(crate) line: String,
    /// `content-type`, empty where there is none.
    pub(crate) media: String,
    /// The body as JSON; null where there is none.
    pub(crate) body: Value,
}

/// What is answered: code, `Warning` text, body.
pub(crate) struct Reply(pub(crate) u16, pub(crate) Option<&'static str>, pub(crate) String);

impl Reply {
    pub(crate) fn ok(body: &Value) -> Reply {
        Reply(200, None, body.to_string())
    }

    pub(crate) fn not_found(what: &str, name: &str) -> Reply {
        Reply::refused(404, "NotFound", &format!("{what} \"{name}\" not found"))
    }

    pub(crate) fn refused(code: u16, reason: &str, message: &str) -> Reply {
        let status = json!({"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": code, "details": {}});
        Reply(code, None, status.to_string())
    }
}

type Answer = dyn Fn(&Request) -> Reply + Send + Sync;

/// The server; it ends with the value.
pub(crate) struct Fake {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    /// Discovery is answered by itself; everything else by `answer`.
    pub(crate) fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let is_over = Arc::new(AtomicBool::new(false));
        let (seen, over) = (Arc::clone(&requests), Arc::clone(&is_over));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                // A client that is gone is not the test's concern.
                let _ = serve(stream.unwrap(), &answer, &seen);
            }
        });
        Fake { address, requests, is_over, thread: Some(thread) }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Runs petctl against this server.
    pub(crate) fn petctl(&self, arguments: &[&str]) -> Said {
        self.run(Command::new(env!("CARGO_BIN_EXE_petctl")).args(arguments))
    }

    /// Runs a prepared petctl against this server.
    pub(crate) fn run(&self, command: &mut Command) -> Said {
        let home = tempfile::tempdir().unwrap();
        let output = command
            .env("PETSET_HOST", self.url())
            .env("HOME", home.path())
            .env("PETSET_DATA_DIR", home.path())
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        Said::from(output)
    }

    /// What was asked, without discovery and without what petctl asks in passing.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The lines of what was asked.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.line).collect()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // Wakes the thread; whether it can be reached any more does not matter.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What petctl said.
#[derive(Debug, PartialEq)]
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: i32,
}

impl From<Output> for Said {
    fn from(output: Output) -> Said {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { out: text(output.stdout), err: text(output.stderr), code: output.status.code().unwrap() }
    }
}

/// All is well, and this is on standard output.
pub(crate) fn done(out: &str) -> Said {
    Said { out: out.to_owned(), err: String::new(), code: 0 }
}

fn serve(stream: TcpStream, answer: &Answer, seen: &Mutex<Vec<Request>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
    };
    let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body)?;
    let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
    let request = Request {
        line,
        media: header("content-type").unwrap_or_default(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let Reply(code, warning, body) = match request.line.as_str() {
        "GET /api" => Reply::ok(&core()),
        "GET /apis" => Reply::ok(&apps()),
        line if line.starts_with("GET /petset/v1/waits") => answer(&request),
        _ => {
            seen.lock().unwrap().push(request.clone());
            answer(&request)
        }
    };
    let warning = warning.map(|text| format!("Warning: 299 - \"{text}\"\r\n")).unwrap_or_default();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n{warning}\r\n"
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}

fn resource(plural: &str, kind: &str, short: &str, subresources: &[&str]) -> Value {
    let subresources: Vec<Value> = subresources.iter().map(|name| json!({"subresource": name})).collect();
    json!({"resource": plural, "responseKind": {"kind": kind}, "scope": "Namespaced", "singularResource": kind.to_lowercase(),
           "shortNames": [short], "categories": ["all"], "verbs": ["get", "list"], "subresources": subresources})
}

fn core() -> Value {
    let namespaces = json!({"resource": "namespaces", "singularResource": "namespace", "scope": "Cluster",
                            "responseKind": {"kind": "Namespace"}, "verbs": ["get", "list"]});
    let resources = [resource("pods", "Pod", "po", &[]), resource("services", "Service", "svc", &[]), namespaces];
    json!({"items": [{"metadata": {}, "versions": [{"version": "v1", "resources": resources}]}]})
}

fn apps() -> Value {
    let pet_sets = [resource("petsets", "PetSet", "pets", &["scale", "status"])];
    let mut sets = [
        resource("controllerrevisions", "ControllerRevision", "", &[]),
        resource("statefulsets", "StatefulSet", "sts", &["scale", "status"]),
    ];
    // What all tests ask for when they ask for all stays as it was.
    for resource in &mut sets {
        resource["categories"] = json!([]);
    }
    let versions = json!([{"version": "v1", "resources": sets}, {"version": "v1alpha1", "resources": pet_sets}]);
    json!({"items": [{"metadata": {"name": "apps"}, "versions": versions}]})
}
