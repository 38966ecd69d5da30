//! etcd, beside which petset is measured, and its client API: gRPC over HTTPS, with the few messages that are needed written
//! here.

use std::{
    ffi::OsStr,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use bytes::{BufMut as _, Bytes, BytesMut};
use futures::stream::{self, StreamExt as _};
use http::{Request, Response, header};
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    client::conn::http2::SendRequest,
};
use tempfile::TempDir;

use crate::client::Tls;

/// Nothing starts slower.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is sent: one message, and for watches nothing behind it for ever.
type Body = BoxBody<Bytes, std::convert::Infallible>;

/// An etcd with nothing in it, until it is dropped.
pub(crate) struct Etcd {
    child: Child,
    authority: String,
    certificate: String,
    _dir: TempDir,
}

impl Etcd {
    /// Starts one; `None` where the program is not installed.
    pub(crate) fn start() -> Result<Option<Etcd>> {
        let dir = tempfile::Builder::new().prefix("petset-bench-").tempdir()?;
        let free = || Ok::<_, std::io::Error>(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port());
        let (authority, peer) = (format!("127.0.0.1:{}", free()?), format!("http://127.0.0.1:{}", free()?));
        let client = format!("https://{authority}");
        // That which it would make for itself has a curve that not every client knows.
        let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let (certificate, key) = (dir.path().join("certificate.pem"), dir.path().join("key.pem"));
        std::fs::write(&certificate, cert.pem())?;
        std::fs::write(&key, signing_key.serialize_pem())?;
        let child = Command::new("etcd")
            .args(["--name", "measured", "--data-dir"])
            .arg(dir.path().join("data"))
            .args([OsStr::new("--cert-file"), certificate.as_os_str(), OsStr::new("--key-file"), key.as_os_str()])
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &format!("measured={peer}")])
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match child {
            Ok(child) => Ok(Some(Etcd { child, authority, certificate: cert.pem(), _dir: dir })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("start etcd"),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it is, once it answers.
    pub(crate) async fn access(&self) -> Result<Access> {
        let began = Instant::now();
        let tls = Tls::to(self.authority.clone(), self.certificate.as_bytes())?;
        let access = Access { tls, authority: self.authority.clone() };
        loop {
            match access.connect().await {
                Ok(mut connection) => match connection.get("nothing").await {
                    Ok(_) => return Ok(access),
                    Err(error) => ensure!(began.elapsed() < PATIENCE, "etcd does not answer: {error:#}"),
                },
                Err(error) => ensure!(began.elapsed() < PATIENCE, "etcd does not listen: {error:#}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where etcd is.
#[derive(Clone)]
pub(crate) struct Access {
    tls: Tls,
    authority: String,
}

impl Access {
    /// Opens a connection.
    pub(crate) async fn connect(&self) -> Result<Connection> {
        Ok(Connection { authority: self.authority.clone(), sender: self.tls.connect_http2().await? })
    }
}

/// An open connection.
pub(crate) struct Connection {
    authority: String,
    sender: SendRequest<Body>,
}

impl Connection {
    /// Creates a key that is not there yet, as Kubernetes' API server does.
    pub(crate) async fn create(&mut self, key: &str, value: &str) -> Result<()> {
        // Compare { result: EQUAL, target: VERSION, key, version: 0 }
        let is_new = [number(1, 0), number(2, 0), octets(3, key.as_bytes()), number(4, 0)].concat();
        let put = octets(2, &[octets(1, key.as_bytes()), octets(2, value.as_bytes())].concat());
        let transaction = [octets(1, &is_new), octets(2, &put)].concat();
        let answer = self.call("/etcdserverpb.KV/Txn", &transaction).await?;
        // TxnResponse.succeeded
        ensure!(answer.windows(2).any(|pair| pair == [0x10, 1]), "{key} is there already");
        Ok(())
    }

    /// The value of a key, in whatever is around it; how long that is.
    pub(crate) async fn get(&mut self, key: &str) -> Result<usize> {
        Ok(self.call("/etcdserverpb.KV/Range", &octets(1, key.as_bytes())).await?.len())
    }

    /// So many keys that begin with this, with their values.
    pub(crate) async fn list(&mut self, prefix: &str, limit: u64) -> Result<usize> {
        let range = [octets(1, prefix.as_bytes()), octets(2, &after(prefix)), number(3, limit)].concat();
        Ok(self.call("/etcdserverpb.KV/Range", &range).await?.len())
    }

    /// Opens a watch of keys that begin with this.
    pub(crate) async fn watch(&mut self, prefix: &str) -> Result<Incoming> {
        let range = [octets(1, prefix.as_bytes()), octets(2, &after(prefix))].concat();
        let message = stream::iter([Ok(Frame::data(message(&octets(1, &range))))]);
        let body = StreamBody::new(message.chain(stream::pending()));
        let response = self.send("/etcdserverpb.Watch/Watch", BodyExt::boxed(body)).await?;
        let mut events = response.into_body();
        // The first message says that it is open.
        events.frame().await.context("an answer")??;
        Ok(events)
    }

    async fn call(&mut self, method: &str, request: &[u8]) -> Result<Bytes> {
        let body = StreamBody::new(stream::iter([Ok(Frame::data(message(request)))]));
        let response = self.send(method, BodyExt::boxed(body)).await?;
        let answer = response.into_body().collect().await?;
        let status = answer.trailers().and_then(|trailers| trailers.get("grpc-status")).cloned();
        ensure!(status.as_ref().is_some_and(|status| status == "0"), "{method}: {status:?}");
        Ok(answer.to_bytes())
    }

    async fn send(&mut self, method: &str, body: Body) -> Result<Response<Incoming>> {
        let request = Request::post(format!("https://{}{method}", self.authority))
            .header(header::CONTENT_TYPE, "application/grpc")
            .header(header::TE, "trailers")
            .body(body)?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        ensure!(response.status().is_success(), "{method}: {}", response.status());
        Ok(response)
    }
}

/// The first key behind all that begin with this.
fn after(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end
}

/// A message of gRPC, with its length before it.
fn message(octets: &[u8]) -> Bytes {
    let mut message = BytesMut::with_capacity(octets.len() + 5);
    message.put_u8(0);
    message.put_u32(octets.len() as u32);
    message.put_slice(octets);
    message.freeze()
}

/// A field of protobuf that has a length.
fn octets(tag: u64, octets: &[u8]) -> Vec<u8> {
    [varint(tag << 3 | 2), varint(octets.len() as u64), octets.to_vec()].concat()
}

/// One that is a number.
fn number(tag: u64, value: u64) -> Vec<u8> {
    [varint(tag << 3), varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut octets = Vec::new();
    while value >= 0x80 {
        octets.push(value as u8 | 0x80);
        value >>= 7;
    }
    octets.push(value as u8);
    octets
}
