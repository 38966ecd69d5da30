//! Many datagrams with one system call: most of what an answer costs is the kernel's way in and out.

use std::{
    io::{self, IoSlice, IoSliceMut},
    net::{SocketAddr, SocketAddrV4, SocketAddrV6},
    os::fd::{AsFd, AsRawFd},
};

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg};
use tokio::{io::Interest, net::UdpSocket};

/// How many at a time: under a flood the calls are few, and nobody waits long for those before him.
const DATAGRAMS: usize = 32;

/// The largest query that is read whole; longer ones are malformed then. The longest sensible query has less than 600
/// octets.
pub(crate) const QUERY_MAX: usize = 4096;

/// What was received last.
pub(crate) struct Queries {
    headers: MultiHeaders<SockaddrStorage>,
    buffers: Box<[[u8; QUERY_MAX]; DATAGRAMS]>,
    /// Of each its length and its sender, where that is an address of IP.
    received: Vec<(usize, Option<SocketAddr>)>,
}

impl Queries {
    pub(crate) fn new() -> Queries {
        let buffers = vec![[0; QUERY_MAX]; DATAGRAMS].into_boxed_slice();
        Queries {
            headers: MultiHeaders::preallocate(DATAGRAMS, None),
            buffers: buffers.try_into().expect("they are as many"),
            received: Vec::with_capacity(DATAGRAMS),
        }
    }

    /// Waits for datagrams, and takes as many as there are.
    pub(crate) async fn receive(&mut self, socket: &UdpSocket) -> io::Result<()> {
        socket.async_io(Interest::READABLE, || self.receive_now(socket)).await
    }

    fn receive_now(&mut self, socket: &UdpSocket) -> io::Result<()> {
        self.received.clear();
        let mut slices = self.buffers.each_mut().map(|buffer| [IoSliceMut::new(buffer)]);
        let flags = MsgFlags::MSG_DONTWAIT;
        let messages = recvmmsg(socket.as_raw_fd(), &mut self.headers, slices.iter_mut(), flags, None)?;
        self.received.extend(messages.map(|message| (message.bytes, message.address.and_then(address))));
        Ok(())
    }

    /// Each query with who sent it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], SocketAddr)> {
        let read = self.received.iter().zip(self.buffers.iter());
        read.filter_map(|((length, client), buffer)| Some((buffer.get(..*length)?, (*client)?)))
    }
}

fn address(storage: SockaddrStorage) -> Option<SocketAddr> {
    let v4 = || storage.as_sockaddr_in().map(|v4| SocketAddrV4::from(*v4).into());
    v4().or_else(|| storage.as_sockaddr_in6().map(|v6| SocketAddrV6::from(*v6).into()))
}

/// What is to be sent.
#[derive(Default)]
pub(crate) struct Replies {
    /// The first `count` are in use; the others are kept for their room.
    texts: Vec<Vec<u8>>,
    clients: Vec<SocketAddr>,
}

impl Replies {
    /// Room for the next reply. It is sent only where [`Replies::keep`] follows.
    pub(crate) fn next(&mut self) -> &mut Vec<u8> {
        let count = self.clients.len();
        if self.texts.len() == count {
            self.texts.push(Vec::with_capacity(usize::from(crate::forward::PAYLOAD)));
        }
        let text = &mut self.texts[count];
        text.clear();
        text
    }

    /// What has been written to [`Replies::next`] is for this client.
    pub(crate) fn keep(&mut self, client: SocketAddr) {
        self.clients.push(client);
    }

    /// Sends them all. One that cannot be sent does not keep the others.
    pub(crate) async fn send(&mut self, socket: &UdpSocket) {
        let mut from = 0;
        while from < self.clients.len() {
            match socket.async_io(Interest::WRITABLE, || self.send_now(socket, from)).await {
                Ok(sent) => from += sent,
                Err(error) => {
                    tracing::debug!(%error, client = %self.clients[from], "reply not sent");
                    from += 1;
                }
            }
        }
        self.clients.clear();
    }

    /// Sends those from `from` on, as many as the socket takes; returns how many, at least one.
    fn send_now(&self, socket: &UdpSocket, from: usize) -> io::Result<usize> {
        let clients: Vec<SocketAddrAny> = self.clients[from..].iter().map(|client| (*client).into()).collect();
        let texts: Vec<[IoSlice<'_>; 1]> = self.texts[from..].iter().map(|text| [IoSlice::new(text)]).collect();
        let mut control: Vec<_> = clients.iter().map(|_| SendAncillaryBuffer::default()).collect();
        let parts = clients.iter().zip(&texts).zip(&mut control);
        let mut messages: Vec<MMsgHdr<'_>> =
            parts.map(|((client, text), control)| MMsgHdr::new_with_addr(client, text, control)).collect();
        Ok(sendmmsg(socket.as_fd(), &mut messages, SendFlags::DONTWAIT)?.max(1))
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, net::Ipv4Addr};

    use super::*;

    #[tokio::test]
    async fn each_of_many_datagrams_gets_its_own_reply() {
        const COUNT: usize = 2 * DATAGRAMS + 7;
        let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut clients = Vec::new();
        for number in 0..COUNT {
            let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            client.send_to(&vec![b'q'; number], server.local_addr().unwrap()).await.unwrap();
            clients.push(client);
        }
        let (mut queries, mut replies) = (Queries::new(), Replies::default());
        let (mut seen, mut largest) = (BTreeSet::new(), 0);
        while seen.len() < COUNT {
            queries.receive(&server).await.unwrap();
            largest = queries.iter().count().max(largest);
            for (query, client) in queries.iter() {
                seen.insert(query.len());
                // Every fifth gets no reply, and its place is the next one's.
                let reply = replies.next();
                reply.extend_from_slice(query);
                reply.push(b'!');
                if query.len() % 5 != 0 {
                    replies.keep(client);
                }
            }
            replies.send(&server).await;
        }
        assert_eq!(largest, DATAGRAMS);
        for (number, client) in clients.iter().enumerate() {
            let mut reply = [0; COUNT + 1];
            if number % 5 == 0 {
                assert_eq!(client.try_recv(&mut reply).unwrap_err().kind(), io::ErrorKind::WouldBlock);
            } else {
                assert_eq!(client.recv(&mut reply).await.unwrap(), number + 1);
                assert_eq!(reply[..=number], [vec![b'q'; number], b"!".to_vec()].concat());
            }
        }
    }

    #[tokio::test]
    async fn a_reply_that_cannot_be_sent_does_not_keep_the_others() {
        let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut replies = Replies::default();
        // Nothing can be sent to port 0.
        for to in [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), client.local_addr().unwrap()] {
            replies.next().extend_from_slice(b"reply");
            replies.keep(to);
        }
        replies.send(&server).await;
        let mut reply = [0; 16];
        assert_eq!(client.recv(&mut reply).await.unwrap(), 5);
    }

    #[tokio::test]
    async fn clients_of_both_families_are_known() {
        let Ok(server) = UdpSocket::bind("[::1]:0").await else { return };
        let client = UdpSocket::bind("[::1]:0").await.unwrap();
        client.send_to(b"q", server.local_addr().unwrap()).await.unwrap();
        let mut queries = Queries::new();
        queries.receive(&server).await.unwrap();
        assert_eq!(queries.iter().collect::<Vec<_>>(), [(&b"q"[..], client.local_addr().unwrap())]);
    }
}
