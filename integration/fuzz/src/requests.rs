//! Whole requests: path, query, headers and body, to a server with a few objects.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use api::{body, policy::Policy, usage::Sample};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use server::{
    Parts, Readiness, Server, Signer, TokenRecord, Tokens, Vault, Version,
    streams::{ExecOptions, LogOptions, Pod, Session, StreamError, Streams, Target, Tunnel},
};
use store::{Key, Store, Write};
use tower::ServiceExt as _;

use super::bodies::stamp;

const METHODS: [Method; 6] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// The codes that an answer may have, whatever is asked. 500 is for one thing only.
const CODES: &[u16] = &[200, 201, 204, 304, 400, 403, 404, 405, 406, 409, 410, 413, 414, 415, 422, 429, 500, 504];

/// A byte for the method, then lines: path and query, `Accept`, `Content-Type`, and the rest is the body.
pub fn request(input: &[u8]) {
    let Some((method, rest)) = input.split_first() else { return };
    let mut parts = rest.splitn(4, |byte| *byte == b'\n');
    let mut next = || parts.next().unwrap_or_default();
    let (path, accept, media, body) = (next(), next(), next(), next());
    let method = METHODS[usize::from(*method) % METHODS.len()].clone();
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in [(header::ACCEPT, accept), (header::CONTENT_TYPE, media)] {
        if !value.is_empty() {
            let Ok(value) = HeaderValue::from_bytes(value) else { return };
            request = request.header(name, value);
        }
    }
    let Ok(request) = request.body(Full::new(Bytes::copy_from_slice(body))) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(false).build();
    runtime.expect("a runtime").block_on(answered(request));
}

async fn answered(request: Request<Full<Bytes>>) {
    let what = format!("{} {}", request.method(), request.uri());
    let endless = request.uri().query().is_some_and(|query| query.contains("watch") || query.contains("follow"));
    let response = server().await.open_router().oneshot(request).await.expect("a router does not fail");
    let code = response.status().as_u16();
    assert!(CODES.contains(&code), "{code} for {what}");
    if endless && code == 200 {
        return;
    }
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|media| media == "application/json");
    let bytes = response.into_body().collect().await.expect("a whole answer").to_bytes();
    if !is_json {
        return;
    }
    let answer: Value = serde_json::from_slice(&bytes).expect("an answer is JSON where it says so");
    if code >= 400 {
        assert_eq!((&answer["kind"], &answer["code"]), (&"Status".into(), &code.into()), "{what}: {answer}");
        assert!(answer["message"].as_str().is_some_and(|message| !message.is_empty()), "{what}: {answer}");
    }
    if code == 500 {
        assert!(answer["message"].as_str().is_some_and(|message| message.starts_with("resourceVersion")), "{answer}");
    }
}

/// A server with one object of each kind.
async fn server() -> Server {
    let store = Store::in_memory();
    let manifests = body::read_manifest(include_bytes!("objects.yaml")).expect("the manifests are well formed");
    let mut writes = vec![Write::Create {
        key: Key::new("namespaces", "", "default"),
        object: serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}),
    }];
    for mut manifest in manifests {
        let kind = manifest["kind"].clone();
        let resource = api::resource::RESOURCES.iter().find(|resource| kind == resource.kind).expect("it is served");
        let namespace = super::bodies::namespace(resource);
        let name = manifest["metadata"]["name"].as_str().expect("a name").to_owned();
        if !namespace.is_empty() {
            manifest["metadata"]["namespace"] = namespace.into();
        }
        manifest["metadata"]["uid"] = format!("uid-of-{name}").into();
        writes.push(Write::Create { key: Key::new(&resource.qualified(), namespace, &name), object: manifest });
    }
    store.commit(writes).await.expect("the objects are new");
    Server::new(Parts {
        store,
        streams: Arc::new(Nothing),
        clock: Arc::new(|| stamp().now),
        chance: Arc::new(|| stamp().uid),
        tokens: Tokens::new("open sesame", Vec::new()),
        vault: Arc::new(Nothing),
        signer: Signer::passing("https://petset".to_owned()).expect("a key for ES256"),
        names: Vec::new(),
        policy: Policy::default(),
        services: api::services::ServiceRange::of([10, 88, 0, 0].into(), 24),
        version: Version { petset: "0.1.0".to_owned(), commit: String::new(), built: String::new() },
        readiness: Readiness::default(),
        waits: Arc::new(Vec::new),
        metrics: PrometheusBuilder::new().build_recorder().handle(),
    })
}

/// No container runs, and no token is kept.
struct Nothing;

#[async_trait]
impl Vault for Nothing {
    async fn rotate(&self, _: Duration) -> Result<String, String> {
        Ok("another".to_owned())
    }

    fn draw(&self) -> Result<String, String> {
        Ok("a third".to_owned())
    }

    async fn save(&self, _: Vec<TokenRecord>) -> Result<(), String> {
        Ok(())
    }
}

#[async_trait]
impl Streams for Nothing {
    async fn logs(
        &self,
        target: &Target,
        _: &LogOptions,
    ) -> Result<BoxStream<'static, std::io::Result<Bytes>>, StreamError> {
        Err(StreamError::NotFound(target.container.clone()))
    }

    async fn exec(&self, target: &Target, _: &ExecOptions) -> Result<Session, StreamError> {
        Err(StreamError::NotFound(target.container.clone()))
    }

    async fn dial(&self, _: &Pod, _: u16) -> Result<Tunnel, StreamError> {
        Err(StreamError::Engine("nothing runs".to_owned()))
    }

    async fn usage(&self, _: &BTreeSet<String>) -> Result<Vec<Sample>, StreamError> {
        Ok(Vec::new())
    }
}
