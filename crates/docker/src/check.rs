//! Probes and hooks: asks over the network or by a command, and says what came back in a kubelet's words.

use std::{io, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use plan::action::{Done, Failure, Hook, Probe};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use crate::{Docker, exec::Outcome, failure::failure, grpc, tls};

/// What is kept of a message: it goes into events.
const MESSAGE_BYTES_MAX: usize = 1024;

/// A client of Go follows as many.
const REDIRECTS_MAX: usize = 10;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// All is well.
    pub(crate) success: bool,
    /// Somebody answered, be it with an error.
    pub(crate) answered: bool,
    /// What there is to tell.
    pub(crate) message: String,
}

impl Verdict {
    pub(crate) fn well(message: impl Into<String>) -> Self {
        Self { success: true, answered: true, message: message.into() }
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self { success: false, answered: true, message: message.into() }
    }

    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self { success: false, answered: false, message: message.into() }
    }
}

impl Docker {
    /// Runs a probe once.
    pub(crate) async fn probe(&self, probe: &Probe) -> Result<Done, Failure> {
        let verdict = match &probe.check {
            Hook::Exec { command } => {
                let mut verdict = run_verdict(self.run_probe(probe, command).await?, command, probe.timeout);
                if verdict.answered && !verdict.success {
                    verdict.message.insert_str(0, "probe ");
                }
                verdict
            }
            Hook::Http { .. } | Hook::Tcp { .. } | Hook::Grpc { .. } | Hook::Sleep(_) => {
                self.check(&probe.id, &probe.check, probe.timeout).await?
            }
        };
        Ok(Done::Probed { success: verdict.success, message: cut(verdict.message) })
    }

    /// Runs a probe's command: by the container's runner, else through Docker's exec. Those through Docker take turns;
    /// waiting for one's turn does not count as time taken.
    async fn run_probe(&self, probe: &Probe, command: &[String]) -> Result<Outcome, Failure> {
        if let Some(outcome) = self.runners.run(&self.engine, &probe.id, command, probe.timeout).await {
            return Ok(outcome);
        }
        let _turn = self.exec_probes.acquire().await.ok();
        self.engine.run(&probe.id, command, probe.timeout).await.map_err(failure)
    }

    /// Carries out a check within `timeout`.
    pub(crate) async fn check(&self, id: &str, check: &Hook, timeout: Duration) -> Result<Verdict, Failure> {
        match check {
            Hook::Exec { command } => {
                let outcome = self.engine.run(id, command, timeout).await.map_err(failure)?;
                Ok(run_verdict(outcome, command, timeout))
            }
            Hook::Http { scheme, host, port, path, headers } => {
                Ok(http_check(&scheme.to_ascii_lowercase(), host, *port, path, headers, timeout).await)
            }
            Hook::Tcp { host, port } => Ok(match dial(host, *port, timeout).await {
                Ok(_) => Verdict::well(""),
                Err(message) => Verdict::unreachable(message),
            }),
            Hook::Grpc { host, port, service } => Ok(grpc::health(host, *port, service, timeout).await),
            Hook::Sleep(duration) => {
                tokio::time::sleep((*duration).min(timeout)).await;
                Ok(Verdict::well(""))
            }
        }
    }
}

/// What the end of a command says.
fn run_verdict(outcome: Outcome, command: &[String], timeout: Duration) -> Verdict {
    match outcome {
        Outcome::Exited { code: 0, output } => Verdict::well(output),
        Outcome::Exited { code, output } => {
            let separator = if output.trim_end().is_empty() { "" } else { ": " };
            Verdict::bad(format!("exec exited {code}{separator}{}", output.trim_end()))
        }
        Outcome::TimedOut => {
            Verdict::unreachable(format!("command \"{}\" timed out after {timeout:?}", command.join(" ")))
        }
    }
}

/// `GET`, following redirects on the same host; 200 to 399 is well.
async fn http_check(
    scheme: &str,
    host: &str,
    port: u16,
    path: &str,
    headers: &[(String, String)],
    timeout: Duration,
) -> Verdict {
    let mut url = format!("{scheme}://{}{}{path}", authority(host, port), if path.starts_with('/') { "" } else { "/" });
    let follow = async {
        for _ in 0..REDIRECTS_MAX {
            let (status, location) = get(&url, headers, timeout).await?;
            let next = location.filter(|_| status.is_redirection()).and_then(|location| redirect(&url, &location));
            match next {
                Some(next) => url = next,
                None => return Ok(status),
            }
        }
        Err(format!("stopped after {REDIRECTS_MAX} redirects"))
    };
    let result = tokio::time::timeout(timeout, follow).await;
    match result {
        Ok(Ok(status)) if status.as_u16() < 400 && status.as_u16() >= 200 => {
            Verdict::well(format!("HTTP probe succeeded with statuscode: {}", status.as_u16()))
        }
        Ok(Ok(status)) => Verdict::bad(format!("HTTP probe failed with statuscode: {}", status.as_u16())),
        Ok(Err(message)) => Verdict::unreachable(format!("Get \"{url}\": {message}")),
        Err(_) => Verdict::unreachable(format!(
            "Get \"{url}\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        )),
    }
}

/// One request; the status and where it leads.
async fn get(
    url: &str,
    headers: &[(String, String)],
    timeout: Duration,
) -> Result<(StatusCode, Option<String>), String> {
    let uri: Uri = url.parse().map_err(|error| format!("{error}"))?;
    let is_tls = uri.scheme_str() == Some("https");
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let stream = dial(&host, uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 }), timeout).await?;
    let request = request(&uri, headers)?;
    if is_tls {
        let stream = tls::connect(&host, stream).await.map_err(|error| error.to_string())?;
        exchange(stream, request).await
    } else {
        exchange(stream, request).await
    }
}

fn request(uri: &Uri, headers: &[(String, String)]) -> Result<Request<Empty<Bytes>>, String> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::get(path).body(Empty::new()).map_err(|error| error.to_string())?;
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    let set = request.headers_mut();
    for (name, value) in headers {
        let name: HeaderName = name.parse().map_err(|_| format!("invalid header field name \"{name}\""))?;
        let value = HeaderValue::from_str(value).map_err(|_| format!("invalid header field value for \"{name}\""))?;
        set.append(name, value);
    }
    let defaults =
        [(header::HOST, authority.as_str()), (header::USER_AGENT, "kube-probe/1.36"), (header::ACCEPT, "*/*")];
    for (name, value) in defaults {
        if !set.contains_key(&name) {
            set.insert(name, HeaderValue::from_str(value).map_err(|error| error.to_string())?);
        }
    }
    set.insert(header::CONNECTION, HeaderValue::from_static("close"));
    Ok(request)
}

async fn exchange<S>(stream: S, request: Request<Empty<Bytes>>) -> Result<(StatusCode, Option<String>), String>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| http_text(&error))?;
        let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        Ok((response.status(), location.map(str::to_owned)))
    };
    // The connection is driven here and ends with this function; the body is of no interest. How it went is told to the
    // request, which therefore has the last word.
    let drive = async {
        let _ = connection.await;
        std::future::pending().await
    };
    tokio::select! {
        // Cancel-safe: both are dropped once one has ended.
        answer = answer => answer,
        never = drive => never,
    }
}

/// An answer that is not HTTP, or none.
fn http_text(error: &hyper::Error) -> String {
    if error.is_parse() {
        "net/http: HTTP/1.x transport connection broken: malformed HTTP response".to_owned()
    } else if error.is_incomplete_message() {
        "EOF".to_owned()
    } else {
        error.to_string()
    }
}

/// Where a redirect leads, if that is the same host: a kubelet does not follow it elsewhere.
fn redirect(from: &str, location: &str) -> Option<String> {
    let base: Uri = from.parse().ok()?;
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    if location.starts_with("//") {
        return None;
    }
    if location.starts_with('/') {
        return Some(format!("{scheme}://{authority}{location}"));
    }
    let target: Uri = location.parse().ok()?;
    if target.scheme().is_some() {
        return (target.host() == base.host()).then(|| location.to_owned());
    }
    let directory = base.path().rsplit_once('/').map_or("", |(directory, _)| directory);
    Some(format!("{scheme}://{authority}{directory}/{location}"))
}

pub(crate) async fn dial(host: &str, port: u16, timeout: Duration) -> Result<TcpStream, String> {
    let address = authority(host, port);
    match tokio::time::timeout(timeout, TcpStream::connect((host, port))).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(dial_text(&address, host, &error)),
        Err(_) => Err(format!("dial tcp {address}: i/o timeout")),
    }
}

/// A failed connection in the words of Go, which users of Kubernetes know.
fn dial_text(address: &str, host: &str, error: &io::Error) -> String {
    let reason = match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused",
        io::ErrorKind::HostUnreachable => "no route to host",
        io::ErrorKind::NetworkUnreachable => "network is unreachable",
        io::ErrorKind::TimedOut => "connection timed out",
        io::ErrorKind::ConnectionReset => "connection reset by peer",
        // A name that does not resolve has no errno.
        _ if error.raw_os_error().is_none() => return format!("dial tcp: lookup {host}: no such host"),
        _ => return format!("dial tcp {address}: connect: {error}"),
    };
    format!("dial tcp {address}: connect: {reason}")
}

pub(crate) fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Cuts a message where a character begins.
fn cut(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
    message
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    /// Answers each connection with the next of `answers`, then closes; gives the requests that it saw.
    async fn server(answers: Vec<&'static str>) -> (u16, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serve = async move {
            let mut seen = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 4096];
                let read = stream.read(&mut request).await.unwrap();
                seen.push(String::from_utf8_lossy(&request[..read]).into_owned());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            seen
        };
        (port, tokio::spawn(serve))
    }

    #[tokio::test]
    async fn http_speaks_as_a_kubelet_does() {
        let table = [
            ("HTTP/1.1 200 OK\r\n\r\n", true, "HTTP probe succeeded with statuscode: 200"),
            ("HTTP/1.1 399 Odd\r\n\r\n", true, "HTTP probe succeeded with statuscode: 399"),
            ("HTTP/1.1 500 Oops\r\n\r\n", false, "HTTP probe failed with statuscode: 500"),
            (
                "HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\n\r\n",
                true,
                "HTTP probe succeeded with statuscode: 302",
            ),
        ];
        for (answer, success, message) in table {
            let (port, server) = server(vec![answer]).await;
            let verdict = http_check("http", "127.0.0.1", port, "/ready?x=1", &[], SOON).await;
            assert_eq!(verdict, Verdict { success, answered: true, message: message.to_owned() });
            let seen = server.await.unwrap().remove(0);
            assert!(seen.starts_with("GET /ready?x=1 HTTP/1.1\r\n"), "{seen}");
            assert!(seen.contains("kube-probe/"), "{seen}");
        }
    }

    #[tokio::test]
    async fn a_redirect_on_the_same_host_is_followed() {
        let (port, server) = server(vec![
            "HTTP/1.1 301 Moved\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 503 No\r\n\r\n",
        ])
        .await;
        let verdict = http_check("http", "127.0.0.1", port, "/", &[], SOON).await;
        assert_eq!(verdict, Verdict::bad("HTTP probe failed with statuscode: 503"));
        assert!(server.await.unwrap()[1].starts_with("GET /login "));
    }

    #[tokio::test]
    async fn headers_of_the_probe_replace_the_defaults() {
        let (port, server) = server(vec!["HTTP/1.1 200 OK\r\n\r\n"]).await;
        let headers = [("Host".to_owned(), "web.example".to_owned()), ("X-A".to_owned(), "b".to_owned())];
        assert!(http_check("http", "127.0.0.1", port, "ready", &headers, SOON).await.success);
        let seen = server.await.unwrap().remove(0).to_lowercase();
        assert!(seen.contains("host: web.example\r\n") && seen.contains("x-a: b\r\n"), "{seen}");
        assert_eq!(seen.matches("host:").count(), 1);
    }

    #[tokio::test]
    async fn a_closed_port_is_told_in_the_words_of_go() {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let refused = format!("dial tcp 127.0.0.1:{port}: connect: connection refused");
        assert_eq!(dial("127.0.0.1", port, SOON).await.unwrap_err(), refused);
        assert_eq!(
            http_check("http", "127.0.0.1", port, "/", &[], SOON).await,
            Verdict::unreachable(format!("Get \"http://127.0.0.1:{port}/\": {refused}"))
        );
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_times_out() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let verdict = http_check("http", "127.0.0.1", port, "/", &[], Duration::from_millis(50)).await;
        assert_eq!(
            verdict,
            Verdict::unreachable(format!(
                "Get \"http://127.0.0.1:{port}/\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            ))
        );
    }

    #[tokio::test]
    async fn a_server_that_hangs_up_is_an_eof() {
        let (port, _server) = server(vec![""]).await;
        let verdict = http_check("http", "127.0.0.1", port, "/", &[], SOON).await;
        assert_eq!(verdict, Verdict::unreachable(format!("Get \"http://127.0.0.1:{port}/\": EOF")));
    }

    #[test]
    fn redirects_stay_on_the_host() {
        let from = "http://10.88.0.5:80/a/b?c=d";
        assert_eq!(redirect(from, "/x").as_deref(), Some("http://10.88.0.5:80/x"));
        assert_eq!(redirect(from, "x").as_deref(), Some("http://10.88.0.5:80/a/x"));
        assert_eq!(redirect(from, "https://10.88.0.5/x").as_deref(), Some("https://10.88.0.5/x"));
        assert_eq!(redirect(from, "http://example.com/"), None);
        assert_eq!(redirect(from, "//example.com/"), None);
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        let message = cut("ä".repeat(MESSAGE_BYTES_MAX));
        assert_eq!(message.len(), MESSAGE_BYTES_MAX);
        assert_eq!(cut(format!("x{message}")).len(), MESSAGE_BYTES_MAX - 1);
    }
}
