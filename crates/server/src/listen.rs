//! Listeners: HTTPS with a token, and plain HTTP on a unix socket that its file permissions guard.

use std::{io, sync::Arc};

use axum::Router;
use http::Request;
use hyper::{
    body::Incoming,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    task::{Id, JoinSet},
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    connection::{Connection, Heeded},
    limits::{
        ACCEPT_PAUSE, CONNECTIONS_MAX, DRAIN, HEADER_BYTES_MAX, HEADERS_MAX, KEEP_ALIVE, PATIENCE, PIECE_BYTES_MAX,
        STREAM_FAULTS_MAX, STREAM_RESETS_MAX, STREAMS_PER_CONNECTION, UNREAD_SWEEP,
    },
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
        let graceful = GracefulShutdown::new();
        let mut open = Open::default();
        let mut sweep = interval(UNREAD_SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            // Dropped half-way, `accept` leaves the connection in the backlog; the others lose nothing either.
            let socket = tokio::select! {
                biased;
                () = &mut shutdown => break,
                () = open.ended() => continue,
                _ = sweep.tick() => {
                    let count = self.inner.unread.sweep(Instant::now());
                    if count > 0 {
                        tracing::info!(count, "answers are let go, for their clients do not read them");
                    }
                    continue;
                }
                socket = source.accept(), if open.has_room() => socket,
            };
            let socket = match socket {
                Ok(socket) => socket,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let connection = Connection::default();
            if S::IS_GUARDED {
                connection.know();
            }
            let greeting = source.greet(socket);
            let router = TowerToHyperService::new(router.clone());
            let watcher = graceful.watcher();
            open.serve(connection.clone(), async move {
                // A client that speaks no TLS, or too slowly, is no news.
                let Ok(Ok(stream)) = timeout(PATIENCE, greeting).await else { return };
                let stream = TokioIo::new(Heeded::new(stream, connection.clone()));
                let of_requests = connection.clone();
                let service = service_fn(move |mut request: Request<Incoming>| {
                    of_requests.use_it();
                    request.extensions_mut().insert(of_requests.clone());
                    router.call(request)
                });
                let builder = builder();
                let served = builder.serve_connection_with_upgrades(stream, service);
                let served = watcher.watch(served.into_owned());
                // Each arm is the end of the connection.
                tokio::select! {
                    biased;
                    served = served => if let Err(error) = served {
                        tracing::debug!(error, "a connection ended early");
                    },
                    () = connection.silence() => {}
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
            tracing::warn!(left = open.tasks.len(), "connections are cut off, for they did not end");
        }
        open.tasks.shutdown().await;
    }
}

/// The open connections.
#[derive(Default)]
struct Open {
    tasks: JoinSet<()>,
    /// Whose each is, the oldest first.
    connections: Vec<(Id, Connection)>,
}

impl Open {
    /// Whether another one may come: also where there are enough, if one can be let go for it.
    fn has_room(&self) -> bool {
        match self.connections.len() {
            0..CONNECTIONS_MAX => true,
            CONNECTIONS_MAX => self.stranger().is_some(),
            _ => false,
        }
    }

    /// The oldest connection whose client has shown no token: it may be one of many that only hold a place.
    fn stranger(&self) -> Option<&Connection> {
        let mut connections = self.connections.iter().map(|(_, connection)| connection);
        connections.find(|connection| !connection.is_known() && !connection.is_cut())
    }

    /// Serves one more until it ends or is cut, and lets one go for it where there are enough.
    fn serve(&mut self, connection: Connection, serving: impl Future<Output = ()> + Send + 'static) {
        if self.connections.len() >= CONNECTIONS_MAX
            && let Some(stranger) = self.stranger()
        {
            stranger.cut();
        }
        let task = self.tasks.spawn({
            let connection = connection.clone();
            // Whichever comes first is the last thing that happens.
            async move {
                tokio::select! {
                    () = serving => {}
                    () = connection.end() => {}
                }
            }
        });
        self.connections.push((task.id(), connection));
    }

    /// Returns when a connection has ended, and never while there is none (cancel-safe).
    async fn ended(&mut self) {
        let ended = match self.tasks.join_next_with_id().await {
            None => return std::future::pending().await,
            Some(Ok((id, ()))) => id,
            Some(Err(error)) => {
                if error.is_panic() {
                    tracing::error!(%error, "a connection panicked");
                }
                error.id()
            }
        };
        self.connections.retain(|(id, _)| *id != ended);
    }
}

/// Where connections come from, and what happens on each before HTTP begins.
trait Source {
    type Socket;
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// Whether only those can connect who may.
    const IS_GUARDED: bool;

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
    const IS_GUARDED: bool = false;

    async fn accept(&self) -> io::Result<TcpStream> {
        let (socket, _) = self.listener.accept().await?;
        // Answers are small, and waited for.
        socket.set_nodelay(true)?;
        // A machine that vanished says nothing, and over HTTP/1.1 nobody else would ask.
        let keep_alive = TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE).with_retries(1);
        SockRef::from(&socket).set_tcp_keepalive(&keep_alive)?;
        Ok(socket)
    }

    fn greet(&self, socket: TcpStream) -> impl Future<Output = io::Result<Self::Stream>> + Send + 'static {
        self.acceptor.accept(socket)
    }
}

impl Source for UnixListener {
    type Socket = UnixStream;
    type Stream = UnixStream;
    const IS_GUARDED: bool = true;

    async fn accept(&self) -> io::Result<UnixStream> {
        UnixListener::accept(self).await.map(|(socket, _)| socket)
    }

    fn greet(&self, socket: UnixStream) -> impl Future<Output = io::Result<Self::Stream>> + Send + 'static {
        std::future::ready(Ok(socket))
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(HEADER_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEADER_BYTES_MAX as u32)
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .max_pending_accept_reset_streams(STREAM_RESETS_MAX)
        .max_local_error_reset_streams(STREAM_FAULTS_MAX)
        .max_send_buf_size(PIECE_BYTES_MAX)
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE);
    builder
}
