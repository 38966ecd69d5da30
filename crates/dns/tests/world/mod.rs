//! A real server, and questions to it.
#![allow(dead_code, reason = "not every test asks in every way")]

use std::{net::SocketAddr, sync::Arc};

use arc_swap::ArcSwap;
use hickory_proto::{
    op::{Edns, Message, Query},
    rr::{Name, RecordType},
    serialize::binary::{BinDecodable, BinDecoder},
};
use petset_dns::Server;
use plan::zone::Zone;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    sync::oneshot,
    task::JoinHandle,
};

/// A server on a port of its own, stopped and joined by [`World::stop`].
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) zone: Arc<ArcSwap<Zone>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl World {
    pub(crate) fn start(zone: Zone, upstreams: &[SocketAddr]) -> World {
        let zone = Arc::new(ArcSwap::from_pointee(zone));
        let server = Server::bind(&["127.0.0.1:0".parse().unwrap()], Arc::clone(&zone), upstreams, &[]).unwrap();
        let address = server.addresses()[0];
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            server.run(async { stopped.await.unwrap() }).await.unwrap();
        });
        World { address, zone, stop, task }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }

    pub(crate) async fn udp(&self, query: &Message) -> (Message, usize) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(&query.to_vec().unwrap(), self.address).await.unwrap();
        let mut buffer = vec![0; 65535];
        let length = socket.recv(&mut buffer).await.unwrap();
        let mut decoder = BinDecoder::new(&buffer[..length]);
        let reply = Message::read(&mut decoder).unwrap();
        assert!(decoder.is_empty(), "octets trail behind the reply");
        assert_eq!(reply.metadata.id, query.metadata.id);
        (reply, length)
    }

    pub(crate) async fn tcp(&self, query: &Message) -> Message {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let bytes = query.to_vec().unwrap();
        stream.write_u16(bytes.len() as u16).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let mut reply = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut reply).await.unwrap();
        Message::from_vec(&reply).unwrap()
    }
}

pub(crate) fn question(name: &str, kind: RecordType) -> Message {
    let mut query = Message::query();
    query.metadata.recursion_desired = true;
    query.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    query
}

pub(crate) fn with_edns(mut query: Message, payload: u16, version: u8) -> Message {
    let mut edns = Edns::new();
    edns.set_max_payload(payload).set_version(version);
    query.set_edns(edns);
    query
}
