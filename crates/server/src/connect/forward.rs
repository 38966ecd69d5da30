//! The `portforward` subresource of pods: connections to their ports.
//!
//! Three ways lead there. kubectl opens streams of SPDY, two for each connection: up to 1.30 in a connection that was upgraded to
//! SPDY, and since 1.31 in one inside a WebSocket. kube-rs and the Python client open a WebSocket with two channels for each port.

mod channels;
mod streams;

use api::status::Status;
use axum::extract::Request;
use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};

use super::{
    Cut, begun, place,
    upgrade::{self, Upgrade},
};
use crate::{answer::Answer, query::Params, server::Server, write::Target};

const SPDY: &str = "portforward.k8s.io";
const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";
const CHANNELS: &str = super::channels::V4;

/// `portforward`: connections to ports of a pod.
pub(crate) async fn forward(server: &Server, target: Target<'_>, params: &Params, request: Request) -> Answer {
    let pod = server.store().get(&target.key());
    let pod = pod.ok_or_else(|| Status::not_found(target.resource, target.name))?;
    let pod = begun(&pod, &target)?;
    let cut = Cut::new(server, &request);
    let upgrade = Upgrade::of(request, &[TUNNEL, CHANNELS], SPDY).await?;
    let place = place(server)?;
    let dialer = Dialer { server: server.clone(), pod };
    Ok(match upgrade {
        Upgrade::Spdy(connection) => connection.accept(async move |connection| {
            streams::serve(connection, &dialer, cut.come()).await;
            drop(place);
        }),
        Upgrade::WebSocket(socket, TUNNEL) => upgrade::web_socket(socket, async move |socket| {
            let (sink, messages) = socket.split();
            // The borders of messages mean nothing.
            let octets = messages.map(|message| message.map(axum::extract::ws::Message::into_data));
            let reader = StreamReader::new(octets.map(|octets| octets.map_err(std::io::Error::other)));
            let sink = sink.with(async |octets: Bytes| Ok::<_, axum::Error>(octets.into()));
            let sink = Box::pin(sink.sink_map_err(std::io::Error::other));
            let writer = SinkWriter::new(CopyToBytes::new(sink));
            streams::serve(tokio::io::join(reader, writer), &dialer, cut.come()).await;
            drop(place);
        }),
        Upgrade::WebSocket(socket, _) => {
            let ports = channels::ports(params)?;
            upgrade::web_socket(socket, async move |socket| {
                channels::serve(socket, &ports, &dialer, cut.come()).await;
                drop(place);
            })
        }
    })
}

/// The way to the ports of one pod.
struct Dialer {
    server: Server,
    pod: crate::streams::Pod,
}

impl Dialer {
    /// A connection to a port. Errors: what to tell the user.
    async fn dial(&self, port: u16) -> Result<crate::streams::Tunnel, String> {
        let dialled = self.server.inner.parts.streams.dial(&self.pod, port).await;
        dialled.map_err(|why| format!("error forwarding port {port} to pod {}: {why}", self.pod.name))
    }
}
