//! What the server knows of a connection while it serves it: whether its client may be let go, and whether it reads.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::limits::{PATIENCE, UNREAD_PATIENCE};

/// A connection, as an extension of each request that comes over it. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_known: AtomicBool,
    is_used: AtomicBool,
    is_pausable: AtomicBool,
    cut: CancellationToken,
}

impl Connection {
    /// Its client has shown that it may be here, and keeps its place.
    pub(crate) fn know(&self) {
        self.0.is_known.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_known(&self) -> bool {
        self.0.is_known.load(Ordering::Relaxed)
    }

    /// A request has come over it.
    pub(crate) fn use_it(&self) {
        self.0.is_used.store(true, Ordering::Relaxed);
    }

    /// Returns after [`PATIENCE`] if no request has come until then, and else never. HTTP/2 itself waits for ever for the first
    /// one, and even for its own beginning.
    pub(crate) async fn silence(&self) {
        sleep(PATIENCE).await;
        if self.0.is_used.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }

    /// From now on its client may stop reading for as long as it likes: a person looks at what comes over it.
    pub(crate) fn allow_pauses(&self) {
        self.0.is_pausable.store(true, Ordering::Relaxed);
    }

    /// Ends it. What it carries is lost.
    pub(crate) fn cut(&self) {
        self.0.cut.cancel();
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.0.cut.is_cancelled()
    }

    /// Returns when it has been [`Connection::cut`].
    pub(crate) async fn end(&self) {
        self.0.cut.cancelled().await;
    }
}

/// A stream whose client has to read: one that takes nothing of what is written to it for [`UNREAD_PATIENCE`] ends, unless
/// its connection allows pauses. Over HTTP/1.1 nothing else would ever end it.
pub(crate) struct Heeded<Io> {
    io: Io,
    connection: Connection,
    /// Runs while the client takes nothing.
    patience: Option<Pin<Box<Sleep>>>,
}

impl<Io> Heeded<Io> {
    pub(crate) fn new(io: Io, connection: Connection) -> Heeded<Io> {
        Heeded { io, connection, patience: None }
    }

    /// What became of a write, unless it has become too late for it.
    fn judge<T>(&mut self, written: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() || self.connection.0.is_pausable.load(Ordering::Relaxed) {
            self.patience = None;
            return written;
        }
        let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(UNREAD_PATIENCE)));
        ready!(patience.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")))
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Heeded<Io> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Heeded<Io> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, octets);
        self.judge(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, pieces);
        self.judge(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.judge(flushed, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.io).poll_shutdown(cx);
        self.judge(closed, cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
        time::Instant,
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_is_let_go_unless_pauses_are_allowed() {
        let (near, mut far) = duplex(4);
        let connection = Connection::default();
        let mut heeded = Heeded::new(near, connection.clone());
        let since = Instant::now();
        let refused = heeded.write_all(b"12345").await.unwrap_err();
        assert_eq!((refused.kind(), since.elapsed()), (io::ErrorKind::TimedOut, UNREAD_PATIENCE));

        connection.allow_pauses();
        let late = async {
            sleep(3 * UNREAD_PATIENCE).await;
            let mut read = [0; 8];
            far.read_exact(&mut read).await.unwrap();
            read
        };
        let (written, read) = tokio::join!(heeded.write_all(b"5678"), late);
        written.unwrap();
        assert_eq!(&read, b"12345678");
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_slowly_is_served() {
        let (near, mut far) = duplex(1);
        let mut heeded = Heeded::new(near, Connection::default());
        let slow = async {
            let mut read = [0; 4];
            for octet in &mut read {
                sleep(UNREAD_PATIENCE / 2).await;
                *octet = far.read_u8().await.unwrap();
            }
            read
        };
        let (written, read) = tokio::join!(heeded.write_all(b"1234"), slow);
        written.unwrap();
        assert_eq!(&read, b"1234");
    }
}
