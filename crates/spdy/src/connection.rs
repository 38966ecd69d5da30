//! A connection: the streams that the client opens in it.

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};
use tokio_util::codec::{FramedRead, FramedWrite};

use crate::{
    codec::{Codec, CodecError, Frame, Reason},
    headers::Headers,
};

/// Streams of one connection at a time. Each forwarded connection has two; more are refused, and clients say so.
pub const STREAMS_MAX: usize = 512;

/// Pieces of data that wait to be read from one stream. Then nothing more is read from the connection: what clients of
/// Kubernetes speak has no other way to slow down a stream.
const PIECES_MAX: usize = 16;

/// Frames that wait to be written.
const FRAMES_MAX: usize = 16;

/// Streams that wait to be accepted.
const OPENED_MAX: usize = 16;

/// How long a client gets to end the connection when this side has said goodbye.
const FAREWELL: Duration = Duration::from_secs(5);

/// The streams that a client opens.
#[derive(Debug)]
pub struct Incoming {
    opened: mpsc::Receiver<Stream>,
    /// Keeps the connection, also while there is no stream.
    _frames: mpsc::Sender<Frame>,
}

impl Incoming {
    /// The next one; `None` when the connection has ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<Stream> {
        self.opened.recv().await
    }
}

/// A stream. It counts among the open ones until both of its halves are dropped.
#[derive(Debug)]
pub struct Stream {
    /// What it is for.
    pub headers: Headers,
    /// What the client sends, until it sends no more, resets the stream, or is gone.
    pub data: mpsc::Receiver<Bytes>,
    /// The way back.
    pub outgoing: Outgoing,
}

/// The way back to the client. Dropped without [`Outgoing::end`] it resets the stream, where the connection has room for that.
#[derive(Debug)]
pub struct Outgoing {
    stream: u32,
    frames: mpsc::Sender<Frame>,
    is_ended: bool,
    _place: OwnedSemaphorePermit,
}

/// The connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

impl Outgoing {
    /// Sends data. Errors: the connection has ended.
    pub async fn send(&mut self, bytes: Bytes) -> Result<(), Gone> {
        self.put(Frame::Data { stream: self.stream, bytes, fin: false }).await
    }

    /// Says that nothing more comes.
    pub async fn end(mut self) {
        let frame = Frame::Data { stream: self.stream, bytes: Bytes::new(), fin: true };
        // Where the connection has ended, so has the stream.
        self.is_ended = self.put(frame).await.is_ok();
    }

    async fn put(&self, frame: Frame) -> Result<(), Gone> {
        self.frames.send(frame).await.map_err(|_| Gone)
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if !self.is_ended {
            let _ = self.frames.try_send(Frame::Reset { stream: self.stream, reason: Reason::Cancelled });
        }
    }
}

/// The server's end of a connection. The future carries it: it ends when the client has gone, or when [`Incoming`] and all
/// streams have been dropped and what they have sent is written. Errors: the client does not speak SPDY/3.1, or the connection
/// broke.
pub fn accept<Io>(io: Io) -> (Incoming, impl Future<Output = Result<(), CodecError>>)
where
    Io: AsyncRead + AsyncWrite,
{
    let (opener, opened) = mpsc::channel(OPENED_MAX);
    let (frames, written) = mpsc::channel(FRAMES_MAX);
    let weak = frames.downgrade();
    let run = async move {
        let (reader, writer) = tokio::io::split(io);
        let reading = read(FramedRead::new(reader, Codec::default()), weak, opener);
        let writing = write(FramedWrite::new(writer, Codec::default()), written);
        tokio::pin!(reading, writing);
        // Each arm ends the connection: there is nothing to lose in the other one but what nobody would read.
        tokio::select! {
            read = &mut reading => read,
            written = &mut writing => {
                written?;
                // What the client has still sent is read, so that the connection ends cleanly for it.
                timeout(FAREWELL, reading).await.unwrap_or(Ok(()))
            }
        }
    };
    (Incoming { opened, _frames: frames }, run)
}

async fn read<R: AsyncRead + Unpin>(
    mut reader: FramedRead<R, Codec>,
    frames: mpsc::WeakSender<Frame>,
    opener: mpsc::Sender<Stream>,
) -> Result<(), CodecError> {
    let places = Arc::new(Semaphore::new(STREAMS_MAX));
    let mut open: HashMap<u32, mpsc::Sender<Bytes>> = HashMap::new();
    while let Some(frame) = reader.next().await {
        // An ended client may reset the connection.
        let frame = match frame {
            Err(CodecError::Io(error)) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(()),
            frame => frame?,
        };
        match frame {
            Frame::Open { stream, headers, fin } => {
                let Some(frames) = frames.upgrade() else { continue };
                let place = Arc::clone(&places).try_acquire_owned().ok().filter(|_| !opener.is_closed());
                let Some(place) = place else {
                    let _ = frames.send(Frame::Reset { stream, reason: Reason::Refused }).await;
                    continue;
                };
                let (sender, data) = mpsc::channel(PIECES_MAX);
                if !fin {
                    open.insert(stream, sender);
                }
                // The client waits for it before it sends anything.
                let _ = frames.send(Frame::Reply { stream, headers: Headers::default(), fin: false }).await;
                let outgoing = Outgoing { stream, frames, is_ended: false, _place: place };
                // One that nobody takes any more resets itself.
                let _ = opener.send(Stream { headers, data, outgoing }).await;
            }
            Frame::Data { stream, bytes, fin } => {
                if let Some(sender) = open.get(&stream)
                    && !bytes.is_empty()
                {
                    // Nobody may want it.
                    let _ = sender.send(bytes).await;
                }
                if fin {
                    open.remove(&stream);
                }
            }
            Frame::More { stream, fin: true } | Frame::Reset { stream, .. } => drop(open.remove(&stream)),
            Frame::Ping(id) => {
                let Some(frames) = frames.upgrade() else { continue };
                let _ = frames.send(Frame::Ping(id)).await;
            }
            Frame::Goodbye { .. } | Frame::Reply { .. } | Frame::More { fin: false, .. } | Frame::Ignored => {}
        }
    }
    Ok(())
}

async fn write<W: AsyncWrite + Unpin>(
    mut writer: FramedWrite<W, Codec>,
    mut frames: mpsc::Receiver<Frame>,
) -> Result<(), CodecError> {
    while let Some(frame) = frames.recv().await {
        writer.feed(frame).await?;
        // What else is there goes with it.
        while let Ok(frame) = frames.try_recv() {
            writer.feed(frame).await?;
        }
        writer.flush().await?;
    }
    writer.send(Frame::Goodbye { last: 0 }).await?;
    writer.close().await
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};
    use tokio_util::codec::Framed;

    use super::*;

    type Client = Framed<DuplexStream, Codec>;

    fn connection() -> (Client, Incoming, tokio::task::JoinHandle<Result<(), CodecError>>) {
        let (near, far) = duplex(1024);
        let (incoming, run) = accept(far);
        (Framed::new(near, Codec::default()), incoming, tokio::spawn(run))
    }

    fn open(stream: u32, kind: &str) -> Frame {
        Frame::Open { stream, headers: Headers::from([("streamtype", kind)]), fin: false }
    }

    async fn heard(client: &mut Client) -> Option<Frame> {
        client.next().await.map(|frame| frame.expect("SPDY"))
    }

    fn replied(stream: u32) -> Frame {
        Frame::Reply { stream, headers: Headers::default(), fin: false }
    }

    #[tokio::test]
    async fn data_goes_both_ways_and_each_way_ends_by_itself() {
        let (mut client, mut incoming, run) = connection();
        client.send(open(1, "data")).await.unwrap();
        assert_eq!(heard(&mut client).await, Some(replied(1)));
        let mut stream = incoming.next().await.expect("a stream");
        assert_eq!(stream.headers.get("streamtype"), Some("data"));

        client.send(Frame::Data { stream: 1, bytes: "ask".into(), fin: true }).await.unwrap();
        assert_eq!(stream.data.recv().await, Some("ask".into()));
        assert_eq!(stream.data.recv().await, None);

        stream.outgoing.send("answer".into()).await.unwrap();
        stream.outgoing.end().await;
        assert_eq!(heard(&mut client).await, Some(Frame::Data { stream: 1, bytes: "answer".into(), fin: false }));
        assert_eq!(heard(&mut client).await, Some(Frame::Data { stream: 1, bytes: Bytes::new(), fin: true }));

        drop(incoming);
        assert_eq!(heard(&mut client).await, Some(Frame::Goodbye { last: 0 }));
        assert_eq!(heard(&mut client).await, None);
        drop(client);
        run.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_ping_comes_back_also_while_no_stream_is_open() {
        let (mut client, _incoming, _run) = connection();
        client.send(Frame::Ping(7)).await.unwrap();
        assert_eq!(heard(&mut client).await, Some(Frame::Ping(7)));
    }

    #[tokio::test]
    async fn a_stream_that_is_let_go_is_reset_and_its_place_is_free() {
        let (mut client, mut incoming, _run) = connection();
        for number in 0..=STREAMS_MAX as u32 {
            let stream = 2 * number + 1;
            client.send(open(stream, "data")).await.unwrap();
            assert_eq!(heard(&mut client).await, Some(replied(stream)));
            drop(incoming.next().await);
            assert_eq!(heard(&mut client).await, Some(Frame::Reset { stream, reason: Reason::Cancelled }));
        }
    }

    #[tokio::test]
    async fn streams_beyond_those_that_may_be_open_are_refused() {
        let (mut client, mut incoming, _run) = connection();
        let mut held = Vec::new();
        for number in 0..STREAMS_MAX as u32 {
            client.send(open(2 * number + 1, "data")).await.unwrap();
            assert_eq!(heard(&mut client).await, Some(replied(2 * number + 1)));
            held.extend(incoming.next().await);
        }
        client.send(open(2001, "data")).await.unwrap();
        assert_eq!(heard(&mut client).await, Some(Frame::Reset { stream: 2001, reason: Reason::Refused }));
    }

    #[tokio::test]
    async fn a_client_that_is_gone_ends_all_its_streams() {
        let (mut client, mut incoming, run) = connection();
        client.send(open(1, "data")).await.unwrap();
        let mut stream = incoming.next().await.expect("a stream");
        drop(client);
        assert_eq!(stream.data.recv().await, None);
        assert!(incoming.next().await.is_none());
        run.await.unwrap().unwrap();
        assert_eq!(stream.outgoing.send("late".into()).await, Err(Gone));
    }

    #[tokio::test]
    async fn what_is_not_spdy_ends_the_connection() {
        let (near, far) = duplex(1024);
        let (mut incoming, run) = accept(far);
        let run = tokio::spawn(run);
        let mut near = near;
        tokio::io::AsyncWriteExt::write_all(&mut near, &[0x80, 2, 0, 1, 0, 0, 0, 0]).await.unwrap();
        assert!(matches!(run.await.unwrap(), Err(CodecError::Version(2))));
        assert!(incoming.next().await.is_none());
    }
}
