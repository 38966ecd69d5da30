//! Finds the engine, and speaks a version of its API that both sides know.

use std::{io, sync::Arc, time::Duration};

use bollard::{
    API_DEFAULT_VERSION, BollardRequest, ClientVersion, Docker as Api, errors::Error, models::SystemVersion,
};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full, Limited};

use crate::wire::{Address, CALL_TIMEOUT, Wire};

/// Where Docker listens unless told otherwise.
const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// The oldest API that has all we use (Docker 20.10).
const API_OLDEST: ClientVersion = ClientVersion { major_version: 1, minor_version: 41 };

/// For the first question. An engine that starts at this moment answers within seconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// For a list or an inspection, which take milliseconds. While one hangs, all that is known grows old.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// For a `/_ping`, which an engine that is well answers in a millisecond.
const PING_TIMEOUT: Duration = Duration::from_secs(3);

/// `/version` is under 1 KiB.
const VERSION_BYTES_MAX: usize = 64 * 1024;

/// Why there is no engine to use. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address cannot be used.
    #[error("DOCKER_HOST is `{0}`; use an address that begins with unix:// or tcp://")]
    Address(String),
    /// There is no socket.
    #[error("no Docker engine at {address}: there is no such socket; install or start Docker, or set DOCKER_HOST")]
    Absent { address: String },
    /// Nobody listens.
    #[error("no Docker engine at {address}: connection refused; start Docker, or set DOCKER_HOST")]
    Refused { address: String },
    /// The socket is there, for others.
    #[error(
        "the Docker engine at {address} may not be used: permission denied; \
         join the group `docker` (`sudo usermod -aG docker $USER`) and log in again"
    )]
    Forbidden { address: String },
    /// It connects, but no sensible answer comes.
    #[error("the Docker engine at {address} does not answer; see whether `docker version` does")]
    Silent { address: String, source: io::Error },
    /// It is older than we can use.
    #[error("Docker {engine} speaks API {api}, and {API_OLDEST} is needed; update Docker to 20.10 or newer")]
    TooOld { engine: String, api: String },
    /// It no longer speaks what we know.
    #[error("Docker {engine} speaks API {oldest} and newer, and petset at most {API_DEFAULT_VERSION}; update petset")]
    TooNew { engine: String, oldest: String },
}

/// A Docker engine that answers and is new enough.
#[derive(Clone, Debug)]
pub struct Engine {
    /// The calls that change something.
    pub(crate) api: Api,
    /// The calls that only look, which answer at once or not at all.
    pub(crate) reads: Api,
    /// The way to it, for streams of bytes.
    pub(crate) wire: Wire,
    /// Its release, `20.10.24`.
    release: Arc<str>,
}

impl Engine {
    /// Connects to the engine at `host` (as in `DOCKER_HOST`), or at Docker's own default address.
    pub async fn connect(host: Option<&str>) -> Result<Self, ConnectError> {
        let host = host.filter(|host| !host.is_empty()).unwrap_or(DEFAULT_HOST);
        let address = Address::parse(host).ok_or_else(|| ConnectError::Address(host.to_owned()))?;
        let mut wire = Wire { address, prefix: String::new() };
        let said = ask_version(&wire).await.map_err(|source| no_engine(&wire.address, source))?;
        let release = said.version.clone().unwrap_or_else(|| "of unknown version".to_owned());
        let version = common_version(&said, &release)?;
        wire.prefix = format!("/v{version}");
        let transport = {
            let wire = wire.clone();
            move |request: BollardRequest| {
                let wire = wire.clone();
                async move { wire.send(request).await.map_err(Error::from) }
            }
        };
        // The address only has to parse: the transport knows the real one.
        let api =
            Api::connect_with_custom_transport(transport, Some("http://docker"), CALL_TIMEOUT.as_secs(), &version)
                .expect("a constant address parses");
        let reads = api.clone().with_timeout(READ_TIMEOUT);
        Ok(Self { api, reads, wire, release: release.into() })
    }

    /// The engine's release and the API version in use: `20.10.24 (API 1.41)`.
    pub fn version(&self) -> String {
        format!("{} (API {})", self.release, self.wire.prefix.trim_start_matches("/v"))
    }

    /// Whether a part of a volume can be mounted by name: since API 1.45 (Docker 26).
    pub(crate) fn knows_parts_of_volumes(&self) -> bool {
        const SINCE: (usize, usize) = (1, 45);
        let version = self.wire.prefix.trim_start_matches("/v").split_once('.');
        let version = version.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        version.is_some_and(|version: (usize, usize)| version >= SINCE)
    }

    /// The engine's address, as in `DOCKER_HOST`.
    pub fn address(&self) -> String {
        self.wire.address.to_string()
    }

    /// Whether the engine answers now.
    pub async fn is_alive(&self) -> bool {
        matches!(tokio::time::timeout(PING_TIMEOUT, self.wire.get("/_ping")).await, Ok(Ok(_)))
    }

    /// The same calls, with another limit until the headers arrive.
    pub(crate) fn api_within(&self, timeout: Duration) -> Api {
        self.api.clone().with_timeout(timeout)
    }
}

async fn ask_version(wire: &Wire) -> io::Result<SystemVersion> {
    let request = Request::get("/version").body(Full::new(Bytes::new())).map_err(io::Error::other)?;
    let answer = async {
        let response = wire.send(request).await?;
        let body = Limited::new(response.into_body(), VERSION_BYTES_MAX).collect().await.map_err(io::Error::other)?;
        serde_json::from_slice(&body.to_bytes()).map_err(io::Error::other)
    };
    tokio::time::timeout(CONNECT_TIMEOUT, answer).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn no_engine(address: &Address, source: io::Error) -> ConnectError {
    let address = address.to_string();
    match source.kind() {
        io::ErrorKind::NotFound => ConnectError::Absent { address },
        io::ErrorKind::ConnectionRefused => ConnectError::Refused { address },
        io::ErrorKind::PermissionDenied => ConnectError::Forbidden { address },
        _ => ConnectError::Silent { address, source },
    }
}

/// The newest version that the engine speaks and that the crate's models describe.
fn common_version(said: &SystemVersion, release: &str) -> Result<ClientVersion, ConnectError> {
    let api = said.api_version.as_deref().unwrap_or_default();
    let too_old = || ConnectError::TooOld { engine: release.to_owned(), api: api.to_owned() };
    let newest = parse_version(api).ok_or_else(too_old)?;
    if newest < API_OLDEST {
        return Err(too_old());
    }
    let oldest = said.min_api_version.as_deref().unwrap_or_default();
    if parse_version(oldest).is_some_and(|oldest| oldest > *API_DEFAULT_VERSION) {
        return Err(ConnectError::TooNew { engine: release.to_owned(), oldest: oldest.to_owned() });
    }
    let ours = *API_DEFAULT_VERSION;
    Ok(if newest < ours { newest } else { ours })
}

fn parse_version(text: &str) -> Option<ClientVersion> {
    let (major, minor) = text.split_once('.')?;
    Some(ClientVersion { major_version: major.parse().ok()?, minor_version: minor.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(api: &str, oldest: &str) -> SystemVersion {
        SystemVersion {
            api_version: Some(api.to_owned()),
            min_api_version: Some(oldest.to_owned()),
            ..SystemVersion::default()
        }
    }

    #[test]
    fn takes_the_newest_version_that_both_know() {
        let version = |api, oldest| common_version(&said(api, oldest), "x").map(|version| version.to_string());
        assert_eq!(version("1.41", "1.12").ok().as_deref(), Some("1.41"));
        assert_eq!(version("1.99", "1.44").ok(), Some(API_DEFAULT_VERSION.to_string()));
        assert!(matches!(version("1.40", "1.12"), Err(ConnectError::TooOld { .. })));
        assert!(matches!(version("", ""), Err(ConnectError::TooOld { .. })));
        assert!(matches!(version("2.10", "2.1"), Err(ConnectError::TooNew { .. })));
    }

    #[test]
    fn says_both_versions_when_the_engine_is_too_old() {
        let error = common_version(&said("1.38", "1.12"), "18.06").unwrap_err();
        assert_eq!(
            error.to_string(),
            "Docker 18.06 speaks API 1.38, and 1.41 is needed; update Docker to 20.10 or newer"
        );
    }

    #[tokio::test]
    async fn tells_an_absent_engine_from_a_closed_one() {
        let dir = tempfile::tempdir().unwrap();
        let host = format!("unix://{}", dir.path().join("engine.sock").display());
        assert!(matches!(Engine::connect(Some(&host)).await, Err(ConnectError::Absent { .. })));

        drop(std::os::unix::net::UnixListener::bind(dir.path().join("engine.sock")).unwrap());
        assert!(matches!(Engine::connect(Some(&host)).await, Err(ConnectError::Refused { .. })));
        assert!(matches!(Engine::connect(Some("ssh://host")).await, Err(ConnectError::Address(_))));
    }

    #[tokio::test]
    async fn something_else_that_answers_is_no_engine() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("other.sock");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let server = tokio::spawn(async move { drop(listener.accept().await) });
        let error = Engine::connect(Some(&format!("unix://{}", path.display()))).await.unwrap_err();
        assert!(matches!(error, ConnectError::Silent { .. }), "{error}");
        server.await.unwrap();
    }
}
