//! A server with nothing around it: its own store, a clock that stands still, containers that play a part.

use std::time::Duration;
use std::{
    collections::BTreeSet,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use api::{policy::Policy, services::ServiceRange, usage::Sample};
use async_trait::async_trait;
use axum::{Router, body::Body, response::Response};
use bytes::Bytes;
use futures::{
    SinkExt as _, StreamExt as _, sink,
    stream::{self, BoxStream},
};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use metrics_exporter_prometheus::PrometheusBuilder;
use petset_server::{
    Parts, Readiness, Server, Signer, TokenRecord, Tokens, Vault, Version, Wait,
    streams::{ExecOptions, LogOptions, Output, Pod, Session, StreamError, Streams, Target, Tunnel},
};
use serde_json::{Value, json};
use store::{Key, Store, Write};
use tokio::{
    io::{AsyncReadExt as _, duplex},
    sync::{mpsc, oneshot},
};
use tower::ServiceExt as _;
use uuid::Uuid;

pub(crate) const NOW: &str = "2016-07-01T12:00:00Z";
pub(crate) const TOKEN: &str = "open sesame";
/// The token after a change.
pub(crate) const NEXT_TOKEN: &str = "open barley";
/// Who signs the tokens of ServiceAccounts.
pub(crate) const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
pub(crate) const SETS: &str = "/apis/apps/v1alpha1/namespaces/default/petsets";
pub(crate) const STATEFUL_SETS: &str = "/apis/apps/v1/namespaces/default/statefulsets";
pub(crate) const REVISIONS: &str = "/apis/apps/v1/namespaces/default/controllerrevisions";
pub(crate) const BUDGETS: &str = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
pub(crate) const ENDPOINTS: &str = "/api/v1/namespaces/default/endpoints";

/// A server and what it is made of.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) store: Store,
    pub(crate) stage: Arc<Stage>,
    pub(crate) vault: Arc<Chest>,
    pub(crate) readiness: Readiness,
    router: Router,
    guarded: Router,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Code and message of a refusal.
    pub(crate) fn refusal(&self) -> (u16, String) {
        let status = self.json();
        assert_eq!(status["kind"], "Status", "{status}");
        assert_eq!(status["code"], self.code, "{status}");
        (self.code, status["message"].as_str().unwrap_or_default().to_owned())
    }

    pub(crate) fn warnings(&self) -> Vec<&str> {
        self.headers.get_all(header::WARNING).iter().map(|value| value.to_str().expect("text")).collect()
    }
}

impl World {
    /// A world with the namespace `default`: the first uid is taken, and the version is 2, for 1 is that of the empty store.
    pub(crate) async fn new() -> World {
        let world = World::empty();
        let answer = world.post("/api/v1/namespaces", &json!({"metadata": {"name": "default"}})).await;
        assert_eq!(answer.code, 201, "{answer:?}");
        world
    }

    fn empty() -> World {
        let store = Store::in_memory();
        let stage = Arc::new(Stage::default());
        let readiness = Readiness::default();
        let chance = AtomicU64::new(1);
        let now: Timestamp = NOW.parse().expect("a time");
        let wait = |kind: &str, name: &str| Wait {
            kind: kind.to_owned(),
            namespace: "default".to_owned(),
            name: name.to_owned(),
            reason: "PetNotReady".to_owned(),
            message: format!("waiting for {name}"),
        };
        let waits = vec![wait("PetSet", "web"), wait("Pod", "web-0")];
        let tokens = Tokens::new(TOKEN, Vec::new());
        let vault = Arc::new(Chest::of(tokens.clone()));
        let server = Server::new(Parts {
            store: store.clone(),
            streams: stage.clone(),
            clock: Arc::new(move || now),
            chance: Arc::new(move || Uuid::from_u128(chance.fetch_add(1, Ordering::Relaxed).into())),
            tokens,
            vault: vault.clone(),
            signer: Signer::passing(ISSUER.to_owned()).expect("a key"),
            names: vec!["build-7".to_owned()],
            policy: Policy { host_paths: vec!["/srv".into()], privileged: false },
            services: ServiceRange::of(Ipv4Addr::new(10, 88, 0, 0), 24),
            version: Version { petset: "0.1.0".to_owned(), commit: "abc".to_owned(), built: NOW.to_owned() },
            readiness: readiness.clone(),
            waits: Arc::new(move || waits.clone()),
            metrics: PrometheusBuilder::new().build_recorder().handle(),
        });
        let (router, guarded) = (server.open_router(), server.guarded_router());
        World { server, store, stage, vault, readiness, router, guarded }
    }

    pub(crate) async fn respond(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.expect("a router does not fail")
    }

    /// What a client gets that shows a token, over HTTPS.
    pub(crate) async fn respond_to(&self, token: &str, method: &str, path: &str, body: &Value) -> Response {
        self.respond_with(token, method, path, body, &[]).await
    }

    async fn respond_with(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Response {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = request.body(body).expect("a request");
        self.guarded.clone().oneshot(request).await.expect("a router does not fail")
    }

    /// The same, read to its end.
    pub(crate) async fn send_as(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        read(self.respond_to(token, method, path, body).await).await
    }

    /// The same with further headers.
    pub(crate) async fn send_with(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        read(self.respond_with(token, method, path, body, headers).await).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        read(self.respond(request).await).await
    }

    pub(crate) async fn call(&self, method: Method, path: &str, media: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, media);
        self.send(request.body(body.into()).expect("a request")).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn get_as(&self, path: &str, accept: &str) -> Answer {
        let request = Request::get(path).header(header::ACCEPT, accept);
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    pub(crate) async fn post(&self, path: &str, object: &Value) -> Answer {
        self.call(Method::POST, path, "application/json", object.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, object: &Value) -> Answer {
        self.call(Method::PUT, path, "application/json", object.to_string()).await
    }

    pub(crate) async fn delete(&self, path: &str, options: &Value) -> Answer {
        self.call(Method::DELETE, path, "application/json", options.to_string()).await
    }

    pub(crate) async fn merge(&self, path: &str, patch: &Value) -> Answer {
        self.call(Method::PATCH, path, "application/merge-patch+json", patch.to_string()).await
    }

    /// Makes an object over the API, and returns it as stored.
    pub(crate) async fn made(&self, path: &str, object: &Value) -> Value {
        let answer = self.post(path, object).await;
        assert_eq!(answer.code, 201, "{answer:?}");
        answer.json()
    }

    /// Makes a pod that runs, as the planner would leave it.
    pub(crate) async fn made_pod(&self, pod: &Value) {
        let name = pod["metadata"]["name"].as_str().expect("a name");
        let key = Key::new("pods", "default", name);
        let mut pod = pod.clone();
        pod["metadata"]["namespace"] = "default".into();
        pod["metadata"]["uid"] = format!("uid-of-{name}").into();
        pod["metadata"]["creationTimestamp"] = NOW.into();
        self.store.commit(vec![Write::Create { key, object: pod }]).await.expect("a new pod");
    }
}

async fn read(response: Response) -> Answer {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("a whole body").to_bytes();
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    Answer { code: parts.status.as_u16(), headers: parts.headers, text }
}

/// What keeps tokens in memory, and draws them by number.
pub(crate) struct Chest {
    tokens: Tokens,
    drawn: AtomicU64,
    /// What was written down last.
    pub(crate) saved: Mutex<Vec<TokenRecord>>,
    /// Whether there is no room for more.
    pub(crate) is_full: AtomicBool,
}

impl Chest {
    fn of(tokens: Tokens) -> Chest {
        Chest { tokens, drawn: AtomicU64::new(1), saved: Mutex::default(), is_full: AtomicBool::new(false) }
    }
}

#[async_trait]
impl Vault for Chest {
    async fn rotate(&self, grace: Duration) -> Result<String, String> {
        self.tokens.replace(NEXT_TOKEN, grace);
        Ok(NEXT_TOKEN.to_owned())
    }

    fn draw(&self) -> Result<String, String> {
        Ok(format!("token-{}", self.drawn.fetch_add(1, Ordering::Relaxed)))
    }

    async fn save(&self, named: Vec<TokenRecord>) -> Result<(), String> {
        if self.is_full.load(Ordering::Relaxed) {
            return Err("no space left on device".to_owned());
        }
        *self.saved.lock().expect("no panic") = named;
        Ok(())
    }
}

/// The manifest of a set, as small as it may be.
pub(crate) fn set(name: &str, replicas: i64) -> Value {
    json!({
        "apiVersion": "apps/v1alpha1",
        "kind": "PetSet",
        "metadata": {"name": name},
        "spec": {
            "serviceName": "nginx",
            "replicas": replicas,
            "template": {
                "metadata": {"labels": {"app": "nginx"}},
                "spec": {"containers": [{"name": "nginx", "image": "nginx"}]},
            },
        },
    })
}

/// The same as a stateful set.
pub(crate) fn stateful_set(name: &str, replicas: i64) -> Value {
    let mut set = set(name, replicas);
    set["apiVersion"] = "apps/v1".into();
    set["kind"] = "StatefulSet".into();
    set["spec"]["selector"] = json!({"matchLabels": {"app": "nginx"}});
    set
}

/// A pod of one container that runs.
pub(crate) fn running_pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "nginx"}},
        "spec": {
            "nodeName": "here",
            "terminationGracePeriodSeconds": 30,
            "containers": [{"name": "nginx", "image": "nginx"}],
        },
        "status": {
            "phase": "Running",
            "containerStatuses": [{"name": "nginx", "ready": true, "state": {"running": {"startedAt": NOW}}}],
        },
    })
}

/// The `managedFields` of an object of `v1` that this manager has made, with these labels and nothing else that is owned.
pub(crate) fn made_by(manager: &str, labels: &[&str]) -> Value {
    let mut fields = json!({".": {}});
    for label in labels {
        fields[format!("f:{label}")] = json!({});
    }
    json!([{
        "manager": manager,
        "operation": "Update",
        "apiVersion": "v1",
        "time": NOW,
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:metadata": {"f:labels": fields}},
    }])
}

pub(crate) fn endpoints(name: &str, app: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": name, "labels": {"app": app}}})
}

/// Containers that play a part: a log of three lines, and commands by name.
#[derive(Default)]
pub(crate) struct Stage {
    /// What was asked for, in order.
    pub(crate) asked: Mutex<Vec<String>>,
    /// Whether the next log is a panic.
    panics: AtomicBool,
    /// What containers use; `None` where they cannot be measured.
    uses: Mutex<Option<Vec<Sample>>>,
}

impl Stage {
    fn note(&self, what: String) {
        self.asked.lock().expect("no panic").push(what);
    }

    pub(crate) fn panics_next(&self) {
        self.panics.store(true, Ordering::Relaxed);
    }

    pub(crate) fn uses(&self, samples: Option<Vec<Sample>>) {
        *self.uses.lock().expect("no panic") = samples;
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }
}

#[async_trait]
impl Streams for Stage {
    async fn logs(
        &self,
        target: &Target,
        options: &LogOptions,
    ) -> Result<BoxStream<'static, std::io::Result<Bytes>>, StreamError> {
        assert!(!self.panics.swap(false, Ordering::Relaxed), "the play is over");
        self.note(format!("logs of {}/{} {}: {options:?}", target.pod.namespace, target.pod.name, target.container));
        let lines = stream::iter(["one\n", "two\n", "three\n"].map(|line| Ok(Bytes::from_static(line.as_bytes()))));
        Ok(if options.follow { lines.chain(stream::pending()).boxed() } else { lines.boxed() })
    }

    async fn exec(&self, target: &Target, options: &ExecOptions) -> Result<Session, StreamError> {
        self.note(format!("exec in {}/{} {}: {options:?}", target.pod.namespace, target.pod.name, target.container));
        let (stdin, mut process_stdin) = duplex(16);
        let (resize, mut sizes) = mpsc::channel(1);
        let (ended, exit) = oneshot::channel();
        let (output, pieces) = mpsc::channel(1);
        let out = |text: &str| Ok(Output::Stdout(Bytes::copy_from_slice(text.as_bytes())));
        match options.command.first().map(String::as_str) {
            Some("gone") => return Err(StreamError::NotFound(target.container.clone())),
            // Says on both streams that it fails, and fails.
            Some("fail") => {
                tokio::spawn(async move {
                    let _ = output.send(out("so far so good")).await;
                    let _ = output.send(Ok(Output::Stderr(Bytes::from_static(b"ouch")))).await;
                    drop(output);
                    let _ = ended.send(Ok(3));
                });
            }
            // Repeats its input until that ends.
            Some("cat") => {
                tokio::spawn(async move {
                    let mut buffer = [0; 16];
                    while let Ok(read @ 1..) = process_stdin.read(&mut buffer).await {
                        let _ = output.send(Ok(Output::Stdout(Bytes::copy_from_slice(&buffer[..read])))).await;
                    }
                    drop(output);
                    let _ = ended.send(Ok(0));
                });
            }
            // Says the size of its terminal once it has one.
            Some("size") => {
                tokio::spawn(async move {
                    if let Some((width, height)) = sizes.recv().await {
                        let _ = output.send(out(&format!("{width}x{height}"))).await;
                    }
                    drop(output);
                    let _ = ended.send(Ok(0));
                });
            }
            // Runs for ever.
            _ => {
                tokio::spawn(async move {
                    output.closed().await;
                    drop((ended, process_stdin, sizes));
                });
            }
        }
        let pieces = stream::unfold(pieces, async |mut pieces| pieces.recv().await.map(|piece| (piece, pieces)));
        Ok(Session { stdin: options.stdin.then(|| Box::pin(stdin) as _), output: pieces.boxed(), resize, exit })
    }

    async fn usage(&self, uids: &BTreeSet<String>) -> Result<Vec<Sample>, StreamError> {
        let uses = self.uses.lock().expect("no panic").clone();
        let uses = uses.ok_or_else(|| StreamError::Engine("Docker does not answer: gone".to_owned()))?;
        Ok(uses.into_iter().filter(|sample| uids.contains(&sample.pod_uid)).collect())
    }

    /// At port 7 a server that repeats what it hears, until that ends; at port 1 one that breaks off; nobody at others.
    async fn dial(&self, pod: &Pod, port: u16) -> Result<Tunnel, StreamError> {
        self.note(format!("port {port} of {}/{}", pod.namespace, pod.name));
        let (heard, said) = match port {
            7 => mpsc::channel::<Bytes>(1),
            1 => {
                let broken = stream::iter([Err(std::io::Error::other("reset"))]);
                return Ok(Tunnel {
                    incoming: broken.boxed(),
                    outgoing: Box::pin(sink::drain().sink_map_err(|never| match never {})),
                });
            }
            _ => return Err(StreamError::Engine(format!("nobody answers at port {port}"))),
        };
        let incoming = stream::unfold(said, async |mut said| {
            let octets = said.recv().await.filter(|octets| !octets.is_empty())?;
            Some((Ok(octets), said))
        });
        let outgoing = sink::unfold(heard, async |heard, octets| {
            heard.send(octets).await.map_err(std::io::Error::other)?;
            Ok(heard)
        });
        Ok(Tunnel { incoming: incoming.boxed(), outgoing: Box::pin(outgoing) })
    }
}

/// The code of a response, for those whose body never ends.
pub(crate) fn code(response: &Response) -> StatusCode {
    response.status()
}
