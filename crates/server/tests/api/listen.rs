//! Real listeners: TLS and the token, the unix socket, and how they end.

use std::sync::Arc;

use axum::body::Body;
use futures::{SinkExt as _, StreamExt as _};
use http::{Request, header};
use http_body_util::BodyExt as _;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ClientConfig, RootCertStore, ServerConfig, pki_types::ServerName};
use tokio::{
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::oneshot,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{
    client_async,
    tungstenite::{
        Message,
        client::IntoClientRequest as _,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use crate::world::{ENDPOINTS, NEXT_TOKEN, TOKEN, World};

/// The two ends of TLS on `localhost`.
pub(crate) fn tls() -> (ServerConfig, ClientConfig) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], signing_key.into())
        .expect("a key for the certificate");
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).expect("a root");
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    (server, client)
}

async fn connect(address: std::net::SocketAddr, tls: ClientConfig, protocol: &str) -> TlsStream<TcpStream> {
    greet(TcpStream::connect(address).await.expect("a connection"), tls, protocol).await
}

/// Begins TLS on a connection, for a protocol.
pub(crate) async fn greet(socket: TcpStream, mut tls: ClientConfig, protocol: &str) -> TlsStream<TcpStream> {
    tls.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TlsConnector::from(Arc::new(tls)).connect(name, socket).await.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(protocol.as_bytes()));
    stream
}

fn request(path: &str, authorization: Option<&str>) -> Request<Body> {
    let mut request = Request::get(format!("https://localhost{path}")).header(header::HOST, "localhost");
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    request.body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn https_asks_for_the_token_on_both_versions_of_http() {
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (server_tls, client_tls) = tls();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = world.server.clone();
    let serving = tokio::spawn(async move {
        server.serve_https(listener, server_tls, async { drop(stopped.await) }).await;
    });

    let stream = connect(address, client_tls.clone(), "http/1.1").await;
    let (mut old, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
    tokio::spawn(connection);
    let stream = connect(address, client_tls, "h2").await;
    let (mut new, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
    tokio::spawn(connection);

    let token = format!("Bearer {TOKEN}");
    for (path, authorization, expected) in [
        (ENDPOINTS, None, 401),
        (ENDPOINTS, Some("Bearer open oats"), 401),
        (ENDPOINTS, Some("Basic b3BlbiBzZXNhbWU="), 401),
        (ENDPOINTS, Some(token.as_str()), 200),
        ("/metrics", None, 401),
        ("/readyz", None, 200),
        ("/livez", None, 200),
        ("/version", None, 200),
        ("/nonsense", None, 401),
    ] {
        let answer = old.send_request(request(path, authorization)).await.expect("an answer");
        assert_eq!(answer.status(), expected, "{path} {authorization:?} over HTTP/1.1");
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        if expected == 401 {
            let status: serde_json::Value = serde_json::from_slice(&body).expect("a status");
            assert_eq!((&status["reason"], &status["message"]), (&"Unauthorized".into(), &"Unauthorized".into()));
        }
        let answer = new.send_request(request(path, authorization)).await.expect("an answer");
        assert_eq!(answer.status(), expected, "{path} {authorization:?} over HTTP/2");
    }

    // A watch does not keep the server from ending.
    let watch = new.send_request(request(&format!("{ENDPOINTS}?watch=1"), Some(&token))).await.expect("an answer");
    assert_eq!(watch.status(), 200);
    stop.send(()).expect("it still serves");
    let rest = watch.into_body().collect().await.expect("a clean end").to_bytes();
    assert_eq!(rest, "");
    serving.await.expect("it ends");
}

#[tokio::test]
async fn the_unix_socket_needs_no_token() {
    let world = World::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("petset.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    let (stop, stopped) = oneshot::channel::<()>();
    let server = world.server.clone();
    let serving = tokio::spawn(async move { server.serve_unix(listener, async { drop(stopped.await) }).await });
    let stream = UnixStream::connect(&path).await.expect("a connection");
    let (mut client, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
    tokio::spawn(connection);
    let answer = client.send_request(request(ENDPOINTS, None)).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    drop(answer);
    stop.send(()).expect("it still serves");
    serving.await.expect("it ends");
}

/// The server of a world over HTTPS, and both kinds of connection to it.
struct Served {
    address: std::net::SocketAddr,
    tls: ClientConfig,
    old: http1::SendRequest<Body>,
    new: http2::SendRequest<Body>,
    stop: oneshot::Sender<()>,
    serving: tokio::task::JoinHandle<()>,
}

async fn served(world: &World) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (server_tls, client_tls) = tls();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = world.server.clone();
    let serving = tokio::spawn(async move {
        server.serve_https(listener, server_tls, async { drop(stopped.await) }).await;
    });
    let stream = connect(address, client_tls.clone(), "http/1.1").await;
    let (old, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
    tokio::spawn(connection.with_upgrades());
    let stream = connect(address, client_tls.clone(), "h2").await;
    let (new, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
    tokio::spawn(connection);
    Served { address, tls: client_tls, old, new, stop, serving }
}

async fn refusal(answer: http::Response<hyper::body::Incoming>) -> (u16, String) {
    let code = answer.status().as_u16();
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    let status: serde_json::Value = serde_json::from_slice(&body).expect("a status");
    assert_eq!(status["kind"], "Status");
    (code, status["message"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn foreign_names_and_web_pages_are_refused_whatever_they_ask_for() {
    let world = World::new().await;
    let Served { mut old, mut new, stop, serving, .. } = served(&world).await;
    let token = format!("Bearer {TOKEN}");
    let made = |uri: &str, headers: &[(header::HeaderName, &str)]| {
        let mut request = Request::get(uri).header(header::AUTHORIZATION, &token);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        request.body(Body::empty()).expect("a request")
    };
    let of_host = "forbidden: the host \"evil.example\" is not a name of this server: use a name or address that it has, \
                   or give it this one with petsetd --listen-name";
    let of_page = "forbidden: requests from the web page \"https://evil.example\" are not served: use petctl, kubectl or \
                   another client";
    let page = (header::ORIGIN, "https://evil.example");
    let exec = "/api/v1/namespaces/default/pods/web-0/exec?command=cat&stdout=true";
    for path in [ENDPOINTS, "/version", "/metrics", exec] {
        let upgrade = [
            (header::CONNECTION, "Upgrade"),
            (header::UPGRADE, "websocket"),
            (header::SEC_WEBSOCKET_VERSION, "13"),
            (header::SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ=="),
            (header::SEC_WEBSOCKET_PROTOCOL, "v5.channel.k8s.io"),
        ];
        let foreign = [&upgrade[..], &[(header::HOST, "evil.example")]].concat();
        let answer = old.send_request(made(path, &foreign)).await.expect("an answer");
        assert_eq!(refusal(answer).await, (403, of_host.to_owned()), "{path} over HTTP/1.1");
        let from_page = [&upgrade[..], &[(header::HOST, "localhost"), page.clone()]].concat();
        let answer = old.send_request(made(path, &from_page)).await.expect("an answer");
        assert_eq!(refusal(answer).await, (403, of_page.to_owned()), "{path} over HTTP/1.1");
        let answer = new.send_request(made(&format!("https://evil.example{path}"), &[])).await.expect("an answer");
        assert_eq!(refusal(answer).await, (403, of_host.to_owned()), "{path} over HTTP/2");
        let answer = new.send_request(made(&format!("https://localhost{path}"), std::slice::from_ref(&page))).await;
        assert_eq!(refusal(answer.expect("an answer")).await, (403, of_page.to_owned()), "{path} over HTTP/2");
    }
    let answer = old.send_request(made(ENDPOINTS, &[(header::HOST, "Build-7:7474")])).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    drop(answer);
    stop.send(()).expect("it still serves");
    serving.await.expect("it ends");
}

#[tokio::test]
async fn a_change_of_the_token_cuts_what_runs_with_the_old_one() {
    let world = World::new().await;
    world.made_pod(&crate::world::running_pod("web-0")).await;
    let Served { mut old, mut new, stop, serving, .. } = served(&world).await;
    let (before, after) = (format!("Bearer {TOKEN}"), format!("Bearer {NEXT_TOKEN}"));
    let watch = new.send_request(request(&format!("{ENDPOINTS}?watch=1"), Some(&before))).await.expect("an answer");
    let log = "/api/v1/namespaces/default/pods/web-0/log?follow=true";
    let log = new.send_request(request(log, Some(&before))).await.expect("an answer");
    assert_eq!((watch.status(), log.status()), (http::StatusCode::OK, http::StatusCode::OK));

    let change = |token: &str, query: &str| {
        Request::post(format!("https://localhost/petset/v1/token/rotate{query}"))
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, token)
            .body(Body::empty())
            .expect("a request")
    };
    let refused = old.send_request(change("Bearer wrong", "")).await.expect("an answer");
    assert_eq!(refusal(refused).await, (401, "Unauthorized".to_owned()));
    let refused = old.send_request(change(&before, "?graceSeconds=604801")).await.expect("an answer");
    assert_eq!(refusal(refused).await, (400, "graceSeconds: must be between 0 and 604800".to_owned()));
    let changed = old.send_request(change(&before, "?graceSeconds=0")).await.expect("an answer");
    assert_eq!(changed.headers()[header::CACHE_CONTROL], "no-store");
    let body = changed.into_body().collect().await.expect("a body").to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(body, serde_json::json!({"token": NEXT_TOKEN, "graceSeconds": 0}));

    // Both end, and cleanly.
    assert_eq!(watch.into_body().collect().await.expect("a clean end").to_bytes(), "");
    assert_eq!(log.into_body().collect().await.expect("a clean end").to_bytes(), "one\ntwo\nthree\n");
    for (token, expected) in [(&before, 401), (&after, 200)] {
        let answer = new.send_request(request(ENDPOINTS, Some(token))).await.expect("an answer");
        assert_eq!(answer.status(), expected);
    }
    stop.send(()).expect("it still serves");
    serving.await.expect("it ends");
}

#[tokio::test]
async fn a_change_of_the_token_cuts_the_sessions_that_were_opened_with_the_old_one() {
    let world = World::new().await;
    world.made_pod(&crate::world::running_pod("web-0")).await;
    let Served { address, tls, mut old, stop, serving, .. } = served(&world).await;
    let opened = async |path: &str, token: &str| {
        let url = format!("wss://localhost/api/v1/namespaces/default/pods/web-0/{path}");
        let mut request = url.into_client_request().expect("a request");
        let headers = request.headers_mut();
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, "v5.channel.k8s.io".parse().expect("text"));
        headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().expect("text"));
        let stream = connect(address, tls.clone(), "http/1.1").await;
        client_async(request, stream).await.expect("an upgrade").0
    };
    let (exec, attach) = ("exec?command=cat&stdin=true&stdout=true", "attach?stdout=true");
    let mut before = [opened(exec, TOKEN).await, opened(attach, TOKEN).await];
    before[0].send(Message::binary(b"\0still here".to_vec())).await.expect("sent");
    assert_eq!(before[0].next().await.expect("an echo").expect("whole"), Message::binary(b"\x01still here".to_vec()));

    let change = Request::post("https://localhost/petset/v1/token/rotate?graceSeconds=0")
        .header(header::HOST, "localhost")
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
        .body(Body::empty())
        .expect("a request");
    assert_eq!(old.send_request(change).await.expect("an answer").status(), 200);

    // No status goes before: the process has not ended, the client is only let go.
    let away = |why: &str| Message::Close(Some(CloseFrame { code: CloseCode::Away, reason: why.into() }));
    for session in &mut before {
        assert_eq!(session.next().await.expect("a last word").expect("whole"), away("the token counts no more"));
        assert!(!matches!(session.next().await, Some(Ok(_))), "the connection ends");
    }
    let mut after = opened(exec, NEXT_TOKEN).await;
    after.send(Message::binary(b"\0here".to_vec())).await.expect("sent");
    assert_eq!(after.next().await.expect("an echo").expect("whole"), Message::binary(b"\x01here".to_vec()));
    stop.send(()).expect("it still serves");
    assert_eq!(after.next().await.expect("a last word").expect("whole"), away("the server is stopping"));
    drop(after);
    serving.await.expect("it ends");
}
