//! Ports behind the channels of a WebSocket: for each port one for its data, and one for what is wrong with it.
//!
//! The first message on each channel is the port's number, lowest octet first. A channel cannot be ended by itself.

use api::status::Status;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use bytes::Bytes;
use futures::{
    Sink, SinkExt as _, StreamExt as _,
    stream::{BoxStream, SelectAll, SplitStream},
};

use super::Dialer;
use crate::{connect::channels::message, limits::PATIENCE, query::Params};

/// Ports of one request. Channels are numbered with an octet, and 255 means something else in other protocols.
const PORTS_MAX: usize = 64;

/// The ports that a request names. Errors: 400.
pub(super) fn ports(params: &Params) -> Result<Vec<u16>, Status> {
    let texts: Vec<&str> = params.all("ports").flat_map(|text| text.split(',')).collect();
    if texts.is_empty() || texts.len() > PORTS_MAX {
        let why = format!("query parameter \"ports\" is required, and names at most {PORTS_MAX} ports");
        return Err(Status::bad_request(why));
    }
    let port = |text: &str| match text.parse() {
        Ok(port @ 1..) => Ok(port),
        _ => Err(Status::bad_request(format!("unable to parse {text:?} as a port"))),
    };
    texts.into_iter().map(port).collect()
}

type ToPod = std::pin::Pin<Box<dyn Sink<Bytes, Error = std::io::Error> + Send>>;
/// What a pod says on one channel; `None` at the end.
type FromPod = BoxStream<'static, (u8, Option<Bytes>)>;

/// Connects a client to the ports until all of these connections have ended, the client goes, or `cut` says why it is enough.
pub(super) async fn serve(socket: WebSocket, ports: &[u16], dialer: &Dialer, cut: impl Future<Output = &'static str>) {
    let (mut sink, mut messages) = socket.split();
    let mut to_pods: Vec<Option<ToPod>> = Vec::new();
    let mut from_pods: SelectAll<FromPod> = SelectAll::new();
    let mut greetings = Vec::new();
    for (index, port) in ports.iter().enumerate() {
        let (data, error) = (2 * index as u8, 2 * index as u8 + 1);
        greetings.extend([data, error].map(|channel| message(channel, &port.to_le_bytes())));
        match dialer.dial(*port).await {
            Ok(tunnel) => {
                let octets = tunnel.incoming.map(move |octets| match octets {
                    Ok(octets) => (data, Some(octets)),
                    Err(broken) => (error, Some(format!("the connection to the pod broke: {broken}").into())),
                });
                from_pods.push(octets.chain(futures::stream::iter([(data, None)])).boxed());
                to_pods.push(Some(tunnel.outgoing));
            }
            Err(why) => {
                greetings.push(message(error, why.as_bytes()));
                to_pods.push(None);
            }
        }
    }
    let tell = async {
        for greeting in greetings {
            sink.send(greeting).await?;
        }
        while let Some((channel, octets)) = from_pods.next().await {
            if let Some(octets) = octets {
                sink.send(message(channel, &octets)).await?;
            }
        }
        Ok::<(), axum::Error>(())
    };
    // Each arm is the last thing that happens on its half of the connection, so nothing is lost with the others.
    let (code, reason) = tokio::select! {
        told = tell => match told {
            Ok(()) => (close_code::NORMAL, ""),
            // The client is gone.
            Err(_) => return,
        },
        () = hear(&mut messages, to_pods) => return,
        why = cut => (close_code::AWAY, why),
    };
    let farewell = async {
        sink.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await?;
        while let Some(Ok(_)) = messages.next().await {}
        Ok::<(), axum::Error>(())
    };
    // A client that reads nothing would otherwise keep its place.
    let _ = tokio::time::timeout(PATIENCE, farewell).await;
}

/// Takes in what the client sends, until it closes the connection.
async fn hear(messages: &mut SplitStream<WebSocket>, mut to_pods: Vec<Option<ToPod>>) {
    while let Some(Ok(message)) = messages.next().await {
        let octets = match message {
            Message::Binary(octets) => octets,
            Message::Text(text) => text.into(),
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Close(_) => return,
        };
        let Some((channel, _)) = octets.split_first() else { continue };
        // Nothing is said to an error channel. Empty octets would end the connection, and mean nothing here.
        let port = (channel % 2 == 0 && octets.len() > 1).then(|| to_pods.get_mut(usize::from(channel / 2))).flatten();
        if let Some(to_pod @ Some(_)) = port
            && let Some(open) = to_pod
            && open.send(octets.slice(1..)).await.is_err()
        {
            *to_pod = None;
        }
    }
}
