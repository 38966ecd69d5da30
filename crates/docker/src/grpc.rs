//! gRPC probes: one call of `grpc.health.v1.Health/Check`, without TLS, as a kubelet makes it.
//!
//! hyper speaks HTTP/2. What gRPC adds for this one call is five octets before each message and a status after it; the
//! messages have one field each. Source: `pkg/probe/grpc`, gRPC's `PROTOCOL-HTTP2.md` and its `health.proto`.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::check::{Verdict, authority, dial};

/// An answer is a handful of octets.
const ANSWER_OCTETS_MAX: usize = 4096;

/// gRPC's codes that have a sentence of their own.
const UNIMPLEMENTED: u32 = 12;

/// How services are, as `health.proto` numbers it.
const STATUSES: [&str; 4] = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];

/// Asks a server how a service is; the empty name is the server itself.
pub(crate) async fn health(host: &str, port: u16, service: &str, timeout: Duration) -> Verdict {
    let address = authority(host, port);
    let asked = async {
        let stream = dial(host, port, timeout)
            .await
            .map_err(|why| Verdict::unreachable(format!("error: failed to connect service at {address:?}: {why}")))?;
        call(stream, &address, service).await
    };
    match tokio::time::timeout(timeout, asked).await {
        Ok(Ok(verdict) | Err(verdict)) => verdict,
        Err(_) => Verdict::unreachable(format!("timeout: health rpc did not complete within {timeout:?}")),
    }
}

async fn call(stream: tokio::net::TcpStream, address: &str, service: &str) -> Result<Verdict, Verdict> {
    let failed = |why: String| Verdict::unreachable(format!("error: health rpc probe failed: {why}"));
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| failed(error.to_string()))?;
    let request = Request::post(format!("http://{address}/grpc.health.v1.Health/Check"))
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .header(header::USER_AGENT, "kube-probe/1.36")
        .body(Full::new(question(service)))
        .map_err(|error| failed(error.to_string()))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| failed(error.to_string()))?;
        let (head, body) = response.into_parts();
        if head.status != StatusCode::OK {
            return Err(failed(format!("unexpected HTTP status code received from server: {}", head.status)));
        }
        let body = Limited::new(body, ANSWER_OCTETS_MAX).collect().await.map_err(|error| failed(error.to_string()))?;
        // An answer without a message has its status in the head.
        let status = body.trailers().and_then(status).or_else(|| status(&head.headers));
        Ok((status, body.to_bytes()))
    };
    // The connection is driven here and ends with this function. How it went is told to the request.
    let drive = async {
        let _ = connection.await;
        std::future::pending().await
    };
    let (status, message) = tokio::select! {
        // Cancel-safe: both are dropped once one has ended.
        answer = answer => answer?,
        never = drive => never,
    };
    match status {
        Some((0, _)) => Ok(judge(&message)),
        Some((UNIMPLEMENTED, why)) => Err(Verdict::bad(format!(
            "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): {why}"
        ))),
        Some((_, why)) => Err(Verdict::bad(format!("error: health rpc probe failed: {why}"))),
        None => Err(failed("server closed the stream without sending trailers".to_owned())),
    }
}

/// `HealthCheckRequest`: the service is the first field, a text. Before it its length, and that it is not compressed.
fn question(service: &str) -> Bytes {
    let mut message = BytesMut::new();
    if !service.is_empty() {
        message.put_u8(0x0a);
        put_number(&mut message, service.len());
        message.put_slice(service.as_bytes());
    }
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(&message);
    framed.freeze()
}

/// Seven bits to the octet, the lowest first.
fn put_number(message: &mut BytesMut, mut number: usize) {
    while number >= 0x80 {
        message.put_u8(u8::try_from(number & 0x7f).unwrap_or_default() | 0x80);
        number >>= 7;
    }
    message.put_u8(u8::try_from(number).unwrap_or_default());
}

/// `HealthCheckResponse`: the status is the first field, a number; an absent one is 0.
fn judge(framed: &[u8]) -> Verdict {
    let status = match framed {
        [0, 0, 0, 0, 0] => Some(0),
        [0, 0, 0, 0, length, 0x08, status, rest @ ..] if usize::from(*length) == rest.len() + 2 => {
            Some(usize::from(*status))
        }
        _ => None,
    };
    match status.and_then(|status| STATUSES.get(status)) {
        Some(&"SERVING") => Verdict::well("service healthy"),
        Some(status) => Verdict::bad(format!("service unhealthy (responded with {status:?})")),
        None => Verdict::bad("error: health rpc probe failed: the answer cannot be read"),
    }
}

/// `grpc-status` and `grpc-message`.
fn status(headers: &HeaderMap) -> Option<(u32, String)> {
    let text = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    Some((text("grpc-status")?.parse().ok()?, text("grpc-message").unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{HeaderValue, Response};
    use http_body_util::StreamBody;
    use hyper::{
        body::{Frame, Incoming},
        server::conn::http2 as server,
        service::service_fn,
    };
    use tokio::net::TcpListener;

    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    /// A server that gives one answer: a message and a status. Gives the question that it got.
    async fn serve(message: &'static [u8], status: &'static str) -> (u16, tokio::sync::oneshot::Receiver<Bytes>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, told) = tokio::sync::oneshot::channel();
        let tell = std::sync::Arc::new(std::sync::Mutex::new(Some(tell)));
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let answer = service_fn(move |request: Request<Incoming>| {
                let tell = std::sync::Arc::clone(&tell);
                async move {
                    assert_eq!(request.uri().path(), "/grpc.health.v1.Health/Check");
                    assert_eq!(request.headers()["te"], "trailers");
                    let question = request.into_body().collect().await.unwrap().to_bytes();
                    if let Some(tell) = tell.lock().unwrap().take() {
                        tell.send(question).unwrap();
                    }
                    let mut trailers = HeaderMap::new();
                    trailers.insert("grpc-status", HeaderValue::from_static(status));
                    trailers.insert("grpc-message", HeaderValue::from_static("why"));
                    let frames = [Frame::data(Bytes::from_static(message)), Frame::trailers(trailers)];
                    let body = StreamBody::new(futures::stream::iter(frames.map(Ok::<_, Infallible>)));
                    Ok::<_, Infallible>(Response::new(body))
                }
            });
            drop(server::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer).await);
        });
        (port, told)
    }

    #[tokio::test]
    async fn a_grpc_server_is_asked_as_a_kubelet_asks_it() {
        let bad = |text: &str| Verdict::bad(text);
        let table: [(&'static [u8], &'static str, Verdict); 6] = [
            (b"\0\0\0\0\x02\x08\x01", "0", Verdict::well("service healthy")),
            (b"\0\0\0\0\x02\x08\x02", "0", bad("service unhealthy (responded with \"NOT_SERVING\")")),
            (b"\0\0\0\0\0", "0", bad("service unhealthy (responded with \"UNKNOWN\")")),
            (b"", "5", bad("error: health rpc probe failed: why")),
            (
                b"",
                "12",
                bad("error: this server does not implement the grpc health protocol (grpc.health.v1.Health): why"),
            ),
            (b"nonsense", "0", bad("error: health rpc probe failed: the answer cannot be read")),
        ];
        for (message, status, expected) in table {
            let (port, question) = serve(message, status).await;
            assert_eq!(health("127.0.0.1", port, "db", SOON).await, expected, "{message:?} {status}");
            assert_eq!(question.await.unwrap(), &b"\0\0\0\0\x04\x0a\x02db"[..]);
        }
        assert_eq!(question(""), &b"\0\0\0\0\0"[..]);
    }

    #[tokio::test]
    async fn who_does_not_answer_or_speaks_another_language_is_unreachable() {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let refused = format!("dial tcp 127.0.0.1:{port}: connect: connection refused");
        let why = format!("error: failed to connect service at \"127.0.0.1:{port}\": {refused}");
        assert_eq!(health("127.0.0.1", port, "", SOON).await, Verdict::unreachable(why));

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let silent = health("127.0.0.1", port, "", Duration::from_millis(50)).await;
        assert_eq!(silent, Verdict::unreachable("timeout: health rpc did not complete within 50ms"));
    }
}
