//! Raw connections to a server that listens.

use std::{net::SocketAddr, time::Duration};

use rustls::ClientConfig;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::oneshot,
    time::timeout,
};
use tokio_rustls::client::TlsStream;

use crate::{listen, world::World};

/// Nothing that works takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The server of a world over HTTPS. It ends with this.
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    tls: ClientConfig,
    _stop: oneshot::Sender<()>,
}

/// An answer, in HTTP/1.1.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    /// The status line and the headers.
    pub(crate) head: String,
    pub(crate) text: String,
}

impl Wire {
    pub(crate) async fn of(world: &World) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (server_tls, tls) = listen::tls();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = world.server.clone();
        tokio::spawn(async move { server.serve_https(listener, server_tls, async { drop(stopped.await) }).await });
        Wire { address, tls, _stop: stop }
    }

    /// A connection that speaks `http/1.1` or `h2`.
    pub(crate) async fn connect(&self, protocol: &str) -> TlsStream<TcpStream> {
        let socket = TcpStream::connect(self.address).await.expect("a connection");
        listen::greet(socket, self.tls.clone(), protocol).await
    }

    /// The same, with little room for what is not read: the kernel would else keep tens of megabytes.
    pub(crate) async fn connect_narrow(&self, protocol: &str) -> TlsStream<TcpStream> {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(64 * 1024).expect("a size");
        let socket = socket.connect(self.address).await.expect("a connection");
        listen::greet(socket, self.tls.clone(), protocol).await
    }

    /// What comes back until the connection ends, for what is sent at once.
    pub(crate) async fn exchange(&self, octets: &[u8]) -> Vec<Reply> {
        let stream = self.connect("http/1.1").await;
        replies(&said(stream, octets).await)
    }

    /// That a new client is served.
    pub(crate) async fn is_alive(&self, meanwhile: &str) {
        let ask = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let replies = self.exchange(ask).await;
        let told: Vec<_> = replies.iter().map(|reply| (reply.code, reply.text.as_str())).collect();
        assert_eq!(told, [(200, "ok")], "{meanwhile}");
    }
}

/// All that a connection says until it ends, for what is sent at once. How it ends does not matter.
pub(crate) async fn said(stream: impl AsyncRead + AsyncWrite, octets: &[u8]) -> Vec<u8> {
    let (heard, has_ended) = said_within(stream, octets, PATIENCE).await;
    assert!(has_ended, "the connection goes on: {}", octets.escape_ascii());
    heard
}

/// The same, and whether it has ended in time.
pub(crate) async fn said_within(stream: impl AsyncRead + AsyncWrite, octets: &[u8], time: Duration) -> (Vec<u8>, bool) {
    let (mut reader, mut writer) = split(stream);
    let mut heard = Vec::new();
    let write = async {
        // A server that ends the connection does not read on.
        let _ = writer.write_all(octets).await;
        let _ = writer.flush().await;
    };
    let read = async { while reader.read_buf(&mut heard).await.is_ok_and(|count| count > 0) {} };
    let both = async { tokio::join!(write, read) };
    let has_ended = timeout(time, both).await.is_ok();
    (heard, has_ended)
}

/// The answers in what a connection has said, less those that ask to go on sending.
fn replies(mut said: &[u8]) -> Vec<Reply> {
    let mut replies = Vec::new();
    while !said.is_empty() {
        let end = said.windows(4).position(|octets| octets == b"\r\n\r\n").expect("a head") + 4;
        let head = String::from_utf8(said[..end].to_vec()).expect("text");
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let length: usize = length.unwrap_or_default();
        let code = head.get(9..12).and_then(|code| code.parse().ok()).expect("a code");
        let text = String::from_utf8(said[end..end + length].to_vec()).expect("text");
        said = &said[end + length..];
        if code != 100 {
            replies.push(Reply { code, head, text });
        }
    }
    replies
}
