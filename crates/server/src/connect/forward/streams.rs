//! Ports behind the streams of SPDY: for each connection one for its data, and one for what is wrong with it.

use std::collections::HashMap;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _, stream::FuturesUnordered};
use spdy::{Incoming, Stream};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Dialer;
use crate::streams::Tunnel;

/// Serves the connections that a client asks for, until it goes or `cut` says that it is enough.
pub(super) async fn serve<Io>(connection: Io, dialer: &Dialer, cut: impl Future<Output = &'static str>)
where
    Io: AsyncRead + AsyncWrite,
{
    let (incoming, run) = spdy::accept(connection);
    let work = async {
        // Each arm is the last thing that happens. Who is cut off learns it by the end of the connection.
        tokio::select! {
            () = pair(incoming, dialer) => {}
            _ = cut => {}
        }
    };
    let (run, ()) = tokio::join!(run, work);
    if let Err(error) = run {
        tracing::debug!(%error, "a SPDY connection broke");
    }
}

/// Brings the streams of each connection together, and serves it.
async fn pair(mut incoming: Incoming, dialer: &Dialer) {
    // By the client's number for the connection; bounded by the number of streams.
    let mut alone: HashMap<String, Stream> = HashMap::new();
    let mut connections = FuturesUnordered::new();
    loop {
        // Cancel-safe: streams that were not taken are still there, and so are the connections.
        let stream = tokio::select! {
            stream = incoming.next() => stream,
            Some(()) = connections.next() => continue,
        };
        let Some(stream) = stream else { return };
        let header = |name| stream.headers.get(name).unwrap_or_default().to_owned();
        let id = header("requestid");
        match (header("streamtype").as_str(), alone.remove(&id)) {
            ("data" | "error", None) => drop(alone.insert(id, stream)),
            ("data", Some(error)) => connections.push(connect(stream, error, dialer)),
            ("error", Some(data)) => connections.push(connect(data, stream, dialer)),
            // It is reset, with the one that it would have belonged to.
            _ => {}
        }
    }
}

/// One connection, from its beginning to its end.
async fn connect(data: Stream, error: Stream, dialer: &Dialer) {
    let port = data.headers.get("port").and_then(|port| port.parse().ok());
    let carried = match port {
        Some(port) => match dialer.dial(port).await {
            Ok(tunnel) => carry(data, tunnel).await,
            Err(why) => Err(why),
        },
        None => Err("a stream names the port that it is for".to_owned()),
    };
    let mut complaint = error.outgoing;
    let told = match carried {
        Ok(()) => Ok(()),
        Err(why) => complaint.send(Bytes::from(why)).await,
    };
    if told.is_ok() {
        complaint.end().await;
    }
}

/// Passes on octets in both directions, until the pod has no more to say. Errors: what to tell the user.
async fn carry(data: Stream, tunnel: Tunnel) -> Result<(), String> {
    let Stream { data: mut from_client, outgoing: mut to_client, .. } = data;
    let Tunnel { incoming: mut from_pod, outgoing: mut to_pod } = tunnel;
    let hear = async {
        let mut is_open = true;
        while let Some(octets) = from_client.recv().await {
            // What the pod does not take any more is thrown away: it would hold up all other connections.
            is_open = is_open && to_pod.send(octets).await.is_ok();
        }
        let _ = to_pod.send(Bytes::new()).await;
        std::future::pending::<()>().await;
    };
    let tell = async {
        while let Some(octets) = from_pod.next().await {
            let octets = octets.map_err(|error| format!("the connection to the pod broke: {error}"))?;
            // The client may have gone.
            if to_client.send(octets).await.is_err() {
                return Ok(());
            }
        }
        to_client.end().await;
        Ok(())
    };
    // The first arm ends the connection. The other one never does: a client that has no more to say still listens.
    tokio::select! {
        told = tell => told,
        () = hear => Ok(()),
    }
}
