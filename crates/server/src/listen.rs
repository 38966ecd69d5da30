//! Listeners: HTTPS with a token, and plain HTTP on a unix socket that its file permissions guard.

use std::{io, sync::Arc};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    limits::{ACCEPT_PAUSE, CONNECTIONS_MAX, DRAIN, HEADER_BYTES_MAX, KEEP_ALIVE, PATIENCE, STREAMS_PER_CONNECTION},
    server::Server,
};

impl Server {
    /// Serves HTTPS, HTTP/2 and HTTP/1.1, to clients that show the token, until `shutdown`.
    ///
    /// Returns when all connections have ended or [`DRAIN`] has passed. A listener that stops accepting for a moment
    /// is tried again for ever.
    pub async fn serve_https(
        &self,
        listener: TcpListener,
        mut tls: rustls::ServerConfig,
        shutdown: impl Future<Output = ()>,
    ) {
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let source = Https { listener, acceptor: TlsAcceptor::from(Arc::new(tls)) };
        self.serve(source, self.guarded_router(), shutdown).await;
    }

    /// Serves plain HTTP to whoever may open the socket, until `shutdown`. Returns as [`Server::serve_https`] does.
    pub async fn serve_unix(&self, listener: UnixListener, shutdown: impl Future<Output = ()>) {
        self.serve(listener, self.open_router(), shutdown).await;
    }

    /// Accepts connections, greets each and serves it, all as tasks that end with this function.
    async fn serve<S: Source>(&self, source: S, router: Router, shutdown: impl Future<Output = ()>) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let next = async {
                let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
                (place, source.accept().await)
            };
            // Dropped half-way, `next` gives its place back and leaves the connection in the backlog.
            let (place, socket) = tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(ended) = connections.join_next() => {
                    if let Err(error) = ended && error.is_panic() {
                        tracing::error!(%error, "a connection panicked");
                    }
                    continue;
                }
                next = next => next,
            };
            let socket = match socket {
                Ok(socket) => socket,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let greeting = source.greet(socket);
            let service = TowerToHyperService::new(router.clone());
            let watcher = graceful.watcher();
            connections.spawn(async move {
                let _place = place;
                // A client that speaks no TLS, or too slowly, is no news.
                let Ok(Ok(stream)) = timeout(PATIENCE, greeting).await else { return };
                let builder = builder();
                let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
                if let Err(error) = watcher.watch(connection.into_owned()).await {
                    tracing::debug!(error, "a connection ended early");
                }
            });
        }
        self.inner.stop.cancel();
        self.inner.sessions.close();
        let drained = timeout(DRAIN, async {
            graceful.shutdown().await;
            self.inner.sessions.wait().await;
        });
        if drained.await.is_err() {
            tracing::warn!(left = connections.len(), "connections are cut off, for they did not end");
        }
        connections.shutdown().await;
    }
}

/// Where connections come from, and what happens on each before HTTP begins.
trait Source {
    type Socket;
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection (cancel-safe).
    fn accept(&self) -> impl Future<Output = io::Result<Self::Socket>> + Send;

    fn greet(&self, socket: Self::Socket) -> impl Future<Output = io::Result<Self::Stream>> + Send + 'static;
}

struct Https {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Source for Https {
    type Socket = TcpStream;
    type Stream = TlsStream<TcpStream>;

    async fn accept(&self) -> io::Result<TcpStream> {
        let (socket, _) = self.listener.accept().await?;
        // Answers are small, and waited for.
        socket.set_nodelay(true)?;
        Ok(socket)
    }

    fn greet(&self, socket: TcpStream) -> impl Future<Output = io::Result<Self::Stream>> + Send + 'static {
        self.acceptor.accept(socket)
    }
}

impl Source for UnixListener {
    type Socket = UnixStream;
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<UnixStream> {
        UnixListener::accept(self).await.map(|(socket, _)| socket)
    }

    fn greet(&self, socket: UnixStream) -> impl Future<Output = io::Result<Self::Stream>> + Send + 'static {
        std::future::ready(Ok(socket))
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(HEADER_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEADER_BYTES_MAX as u32)
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .keep_alive_interval(KEEP_ALIVE);
    builder
}
