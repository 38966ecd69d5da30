//! How requests reach the engine.
//!
//! bollard drops the API version from its URLs and takes terminal output for frames, so requests go through here: the
//! negotiated version is put before each path, and the streams of bytes (logs, exec, attach, events) are read by us.
//! Each request has a connection of its own. A pool would save a tenth of a millisecond and make every call share the
//! fate of a connection that a restarting engine has half closed.

use std::{error::Error as StdError, fmt, io, path::PathBuf, time::Duration};

use bollard::errors::Error;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    body::{Body, Incoming},
    client::conn::http1,
    upgrade::Upgraded,
};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};
use tokio_util::either::Either;

/// Until a call's headers have arrived. A loaded engine takes seconds to create or start a container; a minute of
/// silence means that it hangs.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_mins(1);

/// An engine's error message is a sentence; what is longer is not one.
const ERROR_BYTES_MAX: usize = 64 * 1024;

/// Where an engine listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A unix socket.
    Unix(PathBuf),
    /// `host:port`, plain HTTP.
    Tcp(String),
}

impl Address {
    /// Reads `DOCKER_HOST`; `None` where its scheme is not supported.
    pub(crate) fn parse(host: &str) -> Option<Self> {
        let (scheme, rest) = host.split_once("://")?;
        match scheme {
            "unix" if rest.starts_with('/') => Some(Self::Unix(PathBuf::from(rest))),
            "tcp" | "http" if !rest.is_empty() => {
                let authority = rest.trim_end_matches('/');
                let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
                // 2375 is what Docker's own client takes for plain TCP.
                Some(Self::Tcp(if has_port { authority.to_owned() } else { format!("{authority}:2375") }))
            }
            _ => None,
        }
    }

    async fn connect(&self) -> io::Result<Either<UnixStream, TcpStream>> {
        match self {
            Self::Unix(path) => UnixStream::connect(path).await.map(Either::Left),
            Self::Tcp(authority) => TcpStream::connect(authority).await.map(Either::Right),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(authority) => write!(f, "tcp://{authority}"),
        }
    }
}

/// A way to an engine, in one version of its API.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    /// Where it listens.
    pub(crate) address: Address,
    /// `/v1.41`, or empty before the version is known.
    pub(crate) prefix: String,
}

impl Wire {
    /// Sends a request whose URI has the path without the version. Not bounded in time.
    pub(crate) async fn send<B>(&self, mut request: Request<B>) -> io::Result<Response<Incoming>>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = format!("{}{path}", self.prefix).parse().map_err(io::Error::other)?;
        request.headers_mut().insert(header::HOST, HeaderValue::from_static("docker"));
        let stream = self.address.connect().await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // Ends with the response's body, or with whoever took over the upgraded connection.
        tokio::spawn(connection.with_upgrades());
        sender.send_request(request).await.map_err(io::Error::other)
    }

    /// Sends a request without a body and gives the response once its headers have arrived.
    ///
    /// Fails as bollard does, with the engine's message.
    pub(crate) async fn get(&self, path: &str) -> Result<Response<Incoming>, Error> {
        self.call(Request::get(path).body(Full::new(Bytes::new()))?).await
    }

    /// Turns a connection into a two-way stream of bytes (`exec`, `attach`).
    pub(crate) async fn upgrade(&self, path: &str, body: &serde_json::Value) -> Result<Upgraded, Error> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "tcp")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.to_string())))?;
        Ok(hyper::upgrade::on(self.call(request).await?).await?)
    }

    async fn call(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Error> {
        let response =
            tokio::time::timeout(CALL_TIMEOUT, self.send(request)).await.map_err(|_| Error::RequestTimeoutError)??;
        let status = response.status();
        if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
        let body = Limited::new(response.into_body(), ERROR_BYTES_MAX).collect().await.map_err(io::Error::other)?;
        let body = body.to_bytes();
        let message = serde_json::from_slice::<serde_json::Value>(&body)
            .ok()
            .and_then(|value| Some(value.get("message")?.as_str()?.to_owned()))
            .unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
        Err(Error::DockerResponseServerError { status_code: status.as_u16(), message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_addresses_that_docker_host_may_have() {
        let read = |host: &str| Address::parse(host).map(|address| address.to_string());
        assert_eq!(read("unix:///run/docker.sock").as_deref(), Some("unix:///run/docker.sock"));
        assert_eq!(read("tcp://10.0.0.1:2376").as_deref(), Some("tcp://10.0.0.1:2376"));
        assert_eq!(read("tcp://engine").as_deref(), Some("tcp://engine:2375"));
        assert_eq!(read("http://[::1]:80/").as_deref(), Some("tcp://[::1]:80"));
        for unsupported in ["ssh://user@host", "npipe:////./pipe/docker_engine", "unix://relative", "/run/docker.sock"]
        {
            assert_eq!(read(unsupported), None, "{unsupported}");
        }
    }
}
