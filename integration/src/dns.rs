//! One question of DNS, as a client asks it that knows nothing of ours.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    time::Duration,
};

use anyhow::{Result, ensure};

/// The IPv4 addresses of a name, as a server says them over UDP. Errors: no answer in two seconds, or one that is a refusal.
pub fn resolve(server: SocketAddr, name: &str) -> Result<Vec<IpAddr>> {
    let mut question = vec![0x70, 0x65, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        question.push(u8::try_from(label.len())?);
        question.extend_from_slice(label.as_bytes());
    }
    question.extend_from_slice(&[0, 0, 1, 0, 1]);
    let here = if server.is_ipv4() {
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))
    } else {
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))
    };
    let socket = UdpSocket::bind(here)?;
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    socket.send_to(&question, server)?;
    let mut reply = [0; 512];
    let length = socket.recv(&mut reply)?;
    ensure!(reply[..2] == question[..2] && reply[3].trailing_zeros() >= 4, "{name}: code {}", reply[3] & 15);
    // Behind the question each answer takes 16 octets: a pointer to the name, type, class, time to live, length, address.
    let answers = &reply[question.len()..length];
    let address = |answer: &[u8]| IpAddr::from([answer[12], answer[13], answer[14], answer[15]]);
    Ok(answers.chunks_exact(16).take(usize::from(reply[7])).map(address).collect())
}
