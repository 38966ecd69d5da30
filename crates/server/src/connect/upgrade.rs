//! What a connection becomes: a WebSocket, or SPDY/3.1.

use api::status::Status;
use axum::{
    extract::{
        FromRequestParts as _, Request,
        ws::{WebSocket, WebSocketUpgrade},
    },
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;

use crate::limits::MESSAGE_BYTES_MAX;

const SPDY: &str = "SPDY/3.1";
/// Where Kubernetes' clients say, for SPDY, what they want to speak in it.
const PROTOCOLS: &str = "x-stream-protocol-version";

/// What a client asked for, and gets.
pub(super) enum Upgrade {
    /// A WebSocket, and the protocol in it.
    WebSocket(WebSocketUpgrade, &'static str),
    /// SPDY.
    Spdy(SpdyUpgrade),
}

impl Upgrade {
    /// What the client asks for, with one of our protocols, the best first. Errors: 400.
    pub(super) async fn of(
        request: Request,
        web_socket: &[&'static str],
        spdy: &'static str,
    ) -> Result<Upgrade, Status> {
        let (mut parts, _) = request.into_parts();
        let wanted = parts.headers.get(header::UPGRADE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if wanted.eq_ignore_ascii_case(SPDY) {
            return SpdyUpgrade::of(parts, spdy).map(Upgrade::Spdy);
        }
        if !wanted.eq_ignore_ascii_case("websocket") || parts.method != Method::GET {
            return Err(Status::bad_request("Upgrade request required"));
        }
        let socket = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
        let socket = socket.map_err(|rejection| Status::bad_request(rejection.body_text()))?;
        let socket = socket.protocols(web_socket.iter().copied());
        let selected = socket.selected_protocol().and_then(|value| value.to_str().ok());
        match selected.and_then(|selected| web_socket.iter().find(|ours| **ours == selected)) {
            Some(protocol) => Ok(Upgrade::WebSocket(socket, protocol)),
            None => Err(disagreed(socket.requested_protocols(), web_socket)),
        }
    }
}

fn disagreed<'a>(offered: impl Iterator<Item = &'a HeaderValue>, ours: &[&str]) -> Status {
    let offered: Vec<&str> = offered.filter_map(|value| value.to_str().ok()).collect();
    let (offered, ours) = (offered.join(", "), ours.join(", "));
    Status::bad_request(format!("unable to negotiate protocol: client supports [{offered}], server accepts [{ours}]"))
}

/// Answers the request, and serves the WebSocket that its connection then is.
pub(super) fn web_socket<F>(socket: WebSocketUpgrade, serve: impl FnOnce(WebSocket) -> F + Send + 'static) -> Response
where
    F: Future<Output = ()> + Send + 'static,
{
    socket.max_message_size(MESSAGE_BYTES_MAX).max_frame_size(MESSAGE_BYTES_MAX).on_upgrade(serve)
}

/// A connection that is to speak SPDY.
pub(super) struct SpdyUpgrade {
    connection: OnUpgrade,
    protocol: &'static str,
}

impl SpdyUpgrade {
    fn of(mut parts: Parts, ours: &'static str) -> Result<SpdyUpgrade, Status> {
        let offers = |headers: &HeaderMap| {
            let texts = headers.get_all(PROTOCOLS).into_iter().filter_map(|value| value.to_str().ok());
            texts.flat_map(|text| text.split(',')).any(|offered| offered.trim() == ours)
        };
        if !offers(&parts.headers) {
            return Err(disagreed(parts.headers.get_all(PROTOCOLS).into_iter(), &[ours]));
        }
        let connection = parts.extensions.remove::<OnUpgrade>();
        // HTTP/2 has no connection to give away.
        let connection = connection.ok_or_else(|| Status::bad_request("Upgrade request required"))?;
        Ok(SpdyUpgrade { connection, protocol: ours })
    }

    /// Answers the request, and serves the connection.
    pub(super) fn accept<F>(self, serve: impl FnOnce(TokioIo<Upgraded>) -> F + Send + 'static) -> Response
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let SpdyUpgrade { connection, protocol } = self;
        // It ends with the session, which holds a place that a server which stops waits for.
        tokio::spawn(async move {
            match connection.await {
                Ok(connection) => serve(TokioIo::new(connection)).await,
                Err(error) => tracing::debug!(%error, "a connection was not upgraded"),
            }
        });
        let headers = [
            (header::CONNECTION, HeaderValue::from_static("Upgrade")),
            (header::UPGRADE, HeaderValue::from_static(SPDY)),
            (header::HeaderName::from_static(PROTOCOLS), HeaderValue::from_static(protocol)),
        ];
        (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
    }
}
