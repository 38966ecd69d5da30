//! The two ways of answering a datagram, side by side, for those who compare them.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use hickory_proto::{
    op::{Message, ResponseCode},
    serialize::binary::{BinDecodable, BinDecoder},
};
use hickory_server::{net::xfer::Protocol, server::Request};
use plan::zone::Zone;

use crate::{
    fast::{Fast, Said},
    handler::{Decision, datagram, decide},
};

/// Answers the same datagrams the short way and the long way. What is kept from one question to the next is kept.
#[derive(Debug, Default)]
pub struct Both {
    fast: Fast,
}

/// What the two ways say to one datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ways {
    /// What is sent where the short way knows the answer.
    pub short: Option<Vec<u8>>,
    /// What hickory makes of it, as if over TCP, so that nothing is cut; `None` where it is no query, or one for the
    /// upstreams.
    pub long: Option<Vec<u8>>,
}

impl Both {
    /// Answers one datagram from this zone.
    pub fn answer(&mut self, zone: &Arc<Zone>, query: &[u8]) -> Ways {
        let mut reply = Vec::new();
        let said = self.fast.answer(zone, query, Protocol::Udp, &mut reply);
        let short = match said {
            Said::Yes | Said::NoSuchName => Some(reply),
            Said::NotHere => None,
        };
        let client = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let long = Request::from_bytes(query.to_vec(), client, Protocol::Tcp).ok().and_then(|request| {
            let Decision::Reply(reply) = decide(zone, &request) else { return None };
            debug_assert!(said != Said::NoSuchName || reply.code == ResponseCode::NXDomain);
            datagram(&request, &reply)
        });
        Ways { short, long }
    }
}

impl Ways {
    /// Says what is wrong, if anything is: where there is a short way it must say the same as the long one, record for
    /// record and letter for letter, and fit into what the client takes.
    pub fn difference(&self) -> Option<String> {
        let short = self.short.as_ref()?;
        let Some(long) = &self.long else { return Some(format!("only the short way answers: {:?}", say(short))) };
        let (short_said, long_said) = (say(short), say(long));
        (short_said.is_err() || short_said != long_said).then(|| format!("short {short_said:?}\nlong  {long_said:?}"))
    }
}

/// A message in words: hickory compares names without regard to letters, and here they count.
fn say(bytes: &[u8]) -> Result<String, String> {
    let mut decoder = BinDecoder::new(bytes);
    let message = Message::read(&mut decoder).map_err(|error| error.to_string())?;
    if decoder.is_empty() { Ok(format!("{message:?}")) } else { Err("octets trail behind".to_owned()) }
}
