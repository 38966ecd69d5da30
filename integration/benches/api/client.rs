//! One connection to the API, as a client library keeps it: HTTPS, HTTP/1.1, kept open.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result, ensure};
use base64::Engine;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Where the API is, and how to be let in.
#[derive(Clone)]
pub(crate) struct Access {
    authority: String,
    token: HeaderValue,
    tls: TlsConnector,
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
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let server = field("server")?;
        Ok(Access {
            authority: server.strip_prefix("https://").context("HTTPS")?.to_owned(),
            token: HeaderValue::from_str(&format!("Bearer {}", field("token")?))?,
            tls: TlsConnector::from(Arc::new(config)),
        })
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self) -> Result<Connection> {
        let stream = TcpStream::connect(&self.authority).await?;
        stream.set_nodelay(true)?;
        let host = self.authority.rsplit_once(':').context("a port")?.0;
        let stream = self.tls.connect(ServerName::try_from(host.to_owned())?, stream).await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // Ends with the sender.
        tokio::spawn(connection);
        Ok(Connection { access: self.clone(), sender })
    }
}

/// An open connection.
pub(crate) struct Connection {
    access: Access,
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Sends a request and reads the answer whole; its length in octets.
    pub(crate) async fn ask(&mut self, method: &Method, path: &str, kind: &'static str, body: Bytes) -> Result<usize> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.access.authority)
            .header(header::AUTHORIZATION, &self.access.token)
            .header(header::CONTENT_TYPE, kind)
            .body(Full::new(body))?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let answer = response.into_body().collect().await?.to_bytes();
        ensure!(matches!(status, StatusCode::OK | StatusCode::CREATED), "{method} {path}: {status} {answer:?}");
        Ok(answer.len())
    }
}
