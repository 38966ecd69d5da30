//! petset's API, as client libraries ask it: HTTPS, connections that stay open.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result, ensure};
use base64::Engine;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// What is sent.
pub(crate) type Body = Full<Bytes>;

/// TLS to a server on loopback.
#[derive(Clone)]
pub(crate) struct Tls {
    authority: String,
    config: rustls::ClientConfig,
}

impl Tls {
    /// To a server that shows a certificate of these, in PEM.
    pub(crate) fn to(authority: String, pem: &[u8]) -> Result<Tls> {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Tls { authority, config })
    }

    async fn connect(&self, protocol: &str) -> Result<TokioIo<TlsStream<TcpStream>>> {
        let stream = TcpStream::connect(&self.authority).await?;
        stream.set_nodelay(true)?;
        let host = self.authority.rsplit_once(':').context("a port")?.0;
        let mut config = self.config.clone();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let stream =
            TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(host.to_owned())?, stream).await?;
        Ok(TokioIo::new(stream))
    }

    /// A connection of HTTP/2, which carries many requests at a time.
    pub(crate) async fn connect_http2<B>(&self) -> Result<http2::SendRequest<B>>
    where
        B: hyper::body::Body<Data = Bytes, Error: std::error::Error + Send + Sync> + Unpin + Send + 'static,
    {
        let io = self.connect("h2").await?;
        let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
        // Ends with the sender.
        tokio::spawn(connection);
        Ok(sender)
    }
}

/// Where the API is, and how to be let in.
#[derive(Clone)]
pub(crate) struct Access {
    token: HeaderValue,
    tls: Tls,
}

impl Access {
    /// Reads the kubeconfig that the daemon wrote, which has one entry of each kind and one field on a line.
    pub(crate) fn read(kubeconfig: &Path) -> Result<Access> {
        let text = std::fs::read_to_string(kubeconfig)?;
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": "));
            line.map(|value| value.trim_matches('"').to_owned()).with_context(|| format!("a kubeconfig with {name}"))
        };
        let pem = base64::prelude::BASE64_STANDARD.decode(field("certificate-authority-data")?)?;
        let server = field("server")?;
        let authority = server.strip_prefix("https://").context("HTTPS")?.to_owned();
        Ok(Access {
            token: HeaderValue::from_str(&format!("Bearer {}", field("token")?))?,
            tls: Tls::to(authority, &pem)?,
        })
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self) -> Result<Connection> {
        let (sender, connection) = http1::handshake(self.tls.connect("http/1.1").await?).await?;
        // Ends with the sender.
        tokio::spawn(connection);
        Ok(Connection { access: self.clone(), sender })
    }

    /// Opens a connection for many watches.
    pub(crate) async fn connect_http2(&self) -> Result<http2::SendRequest<Body>> {
        self.tls.connect_http2().await
    }

    fn request(&self, method: &Method, uri: &str, kind: &'static str, body: Bytes) -> Result<Request<Body>> {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::HOST, &self.tls.authority)
            .header(header::AUTHORIZATION, &self.token)
            .header(header::CONTENT_TYPE, kind);
        Ok(request.body(Full::new(body))?)
    }

    /// Opens a watch of what is yet to come on a connection of HTTP/2.
    pub(crate) async fn watch(&self, sender: &mut http2::SendRequest<Body>, path: &str) -> Result<Incoming> {
        let uri = format!(
            "https://{}{path}?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan",
            self.tls.authority
        );
        let request = self.request(&Method::GET, &uri, "application/json", Bytes::new())?;
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        ensure!(response.status() == StatusCode::OK, "watch {path}: {}", response.status());
        Ok(response.into_body())
    }
}

/// An open connection.
pub(crate) struct Connection {
    access: Access,
    sender: http1::SendRequest<Body>,
}

impl Connection {
    /// Sends a request and reads the answer whole; its length in octets.
    pub(crate) async fn ask(&mut self, method: &Method, path: &str, kind: &'static str, body: Bytes) -> Result<usize> {
        let request = self.access.request(method, path, kind, body)?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let answer = response.into_body().collect().await?.to_bytes();
        ensure!(matches!(status, StatusCode::OK | StatusCode::CREATED), "{method} {path}: {status} {answer:?}");
        Ok(answer.len())
    }
}
