//! Answers as they go over the wire, but for what differs from one question to the next.

use hickory_proto::{
    rr::{DNSClass, Name, RData, Record, RecordType},
    serialize::binary::{BinEncodable, BinEncoder},
};

use crate::{
    forward::PAYLOAD,
    plain::{HEADER, Plain, PlainEdns},
    record::TTL,
};

/// The two bits of a compression pointer (RFC 1035, section 4.1.4).
const POINTER: u16 = 0xC000;

/// A pointer to the question's name.
const TO_QUESTION: [u8; 2] = (POINTER | HEADER as u16).to_be_bytes();

/// The octets of an OPT record without options.
const OPT: usize = 11;

/// The octets of a type and a class, which end a question.
const TYPE_AND_CLASS: usize = 4;

/// What follows the question in a positive answer.
///
/// Made for one name in lower case: pointers count from the front of the message, and a name has the same length in
/// whatever letters it is asked.
#[derive(Debug)]
pub(crate) struct Encoded {
    body: Box<[u8]>,
    answers: u16,
    additionals: u16,
    /// Where in the body the zone's name stands in full: it repeats the letters of the question.
    apexes: Box<[u16]>,
}

impl Encoded {
    /// Encodes records that answer a question for `name`. `apex` is the zone's name, as encoded without the root.
    ///
    /// `None` for what this does not know to encode, or what is never sent whole over UDP.
    pub(crate) fn new(name: &Name, apex: &[u8], records: &[Record], additional: &[Record]) -> Option<Encoded> {
        let start = HEADER + wire(name)?.len() + TYPE_AND_CLASS;
        let mut writer = Writer { start, apex, body: Vec::new(), apexes: Vec::new(), names: Vec::new() };
        for record in records {
            if record.name != *name {
                return None;
            }
            writer.body.extend(TO_QUESTION);
            writer.data(record)?;
        }
        for record in additional {
            writer.owner(record)?;
            writer.data(record)?;
        }
        let is_small = start + writer.body.len() <= usize::from(PAYLOAD);
        is_small.then_some(Encoded {
            body: writer.body.into(),
            answers: u16::try_from(records.len()).ok()?,
            additionals: u16::try_from(additional.len()).ok()?,
            apexes: writer.apexes.into(),
        })
    }

    /// Writes the whole reply; `false`, and nothing written, where it is larger than the client takes.
    pub(crate) fn reply(&self, query: &[u8], plain: &Plain<'_>, apex: &[u8], limit: u16, to: &mut Vec<u8>) -> bool {
        let length = HEADER + plain.question.len() + self.body.len() + plain.edns.map_or(0, |_| OPT);
        if length > usize::from(limit) {
            return false;
        }
        let counts = [self.answers, 0, self.additionals + u16::from(plain.edns.is_some())];
        header(query, plain, 0, counts, to);
        let start = to.len();
        to.extend_from_slice(&self.body);
        // Lengths are below 64, where letters begin.
        if apex.iter().any(u8::is_ascii_uppercase) {
            for place in &self.apexes {
                let place = start + usize::from(*place);
                to[place..place + apex.len()].copy_from_slice(apex);
            }
        }
        opt(plain.edns, to);
        true
    }
}

/// Writes a reply that has nothing but the zone's start of authority: no such name, or no such data.
pub(crate) fn negative(query: &[u8], plain: &Plain<'_>, apex_at: usize, code: u8, serial: u32, to: &mut Vec<u8>) {
    header(query, plain, code, [0, 1, u16::from(plain.edns.is_some())], to);
    let apex = (POINTER | (HEADER + apex_at) as u16).to_be_bytes();
    to.extend(apex);
    to.extend([0, 6, 0, 1]);
    to.extend(TTL.to_be_bytes());
    let (server, mailbox) = (b"\x02ns\x03dns", b"\x0ahostmaster");
    to.extend(((server.len() + mailbox.len() + 2 * apex.len() + 5 * 4) as u16).to_be_bytes());
    to.extend(server);
    to.extend(apex);
    to.extend(mailbox);
    to.extend(apex);
    for figure in [serial, 7200, 1800, 86400, TTL] {
        to.extend(figure.to_be_bytes());
    }
    opt(plain.edns, to);
}

/// The header and the question: authoritative, recursion available, what the client desires and checks repeated.
fn header(query: &[u8], plain: &Plain<'_>, code: u8, counts: [u16; 3], to: &mut Vec<u8>) {
    to.extend_from_slice(&query[..2]);
    let [high, low] = plain.flags;
    to.extend([0b1000_0100 | high & 1, 0b1000_0000 | low & 0b0001_0000 | code, 0, 1]);
    for count in counts {
        to.extend(count.to_be_bytes());
    }
    to.extend_from_slice(plain.question);
}

fn opt(edns: Option<PlainEdns>, to: &mut Vec<u8>) {
    let Some(edns) = edns else { return };
    let [high, low] = PAYLOAD.to_be_bytes();
    to.extend([0, 0, 41, high, low, 0, 0, if edns.dnssec_ok { 0x80 } else { 0 }, 0, 0, 0]);
}

/// A name as encoded, with the final root.
pub(crate) fn wire(name: &Name) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    name.emit(&mut BinEncoder::new(&mut bytes)).ok()?;
    Some(bytes)
}

struct Writer<'a> {
    /// Where in the message the body begins.
    start: usize,
    apex: &'a [u8],
    body: Vec<u8>,
    apexes: Vec<u16>,
    /// Names that were written in full, and where in the message they begin.
    names: Vec<(Name, u16)>,
}

impl Writer<'_> {
    /// The owner of an additional record: a pointer where the name was written before.
    ///
    /// Never to the question: an address belongs to a target, whose letters may be others than those of the question.
    fn owner(&mut self, record: &Record) -> Option<()> {
        match self.names.iter().find(|(name, _)| *name == record.name) {
            Some((_, place)) => {
                self.body.extend((POINTER | place).to_be_bytes());
                Some(())
            }
            None => self.name(&record.name),
        }
    }

    /// Type, class, time to live and data.
    fn data(&mut self, record: &Record) -> Option<()> {
        if record.dns_class != DNSClass::IN {
            return None;
        }
        self.body.extend(u16::from(record.record_type()).to_be_bytes());
        self.body.extend([0, 1]);
        self.body.extend(record.ttl.to_be_bytes());
        let length_at = self.body.len();
        self.body.extend([0, 0]);
        match &record.data {
            RData::A(address) => self.body.extend(address.octets()),
            RData::AAAA(address) => self.body.extend(address.octets()),
            RData::SRV(srv) => {
                for figure in [srv.priority, srv.weight, srv.port] {
                    self.body.extend(figure.to_be_bytes());
                }
                // Never compressed (RFC 2782).
                self.name(&srv.target)?;
            }
            _ => return None,
        }
        let length = u16::try_from(self.body.len() - length_at - 2).ok()?;
        self.body[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
        Some(())
    }

    /// A name in full.
    fn name(&mut self, name: &Name) -> Option<()> {
        let wire = wire(name)?;
        let without_root = wire.len() - 1;
        let apex_at = without_root.checked_sub(self.apex.len()).filter(|at| wire[*at..without_root] == *self.apex)?;
        let place = self.start + self.body.len();
        // Beyond this no pointer reaches, and no datagram either.
        if place >= usize::from(PAYLOAD) {
            return None;
        }
        self.names.push((name.clone(), place as u16));
        self.apexes.push((self.body.len() + apex_at) as u16);
        self.body.extend(wire);
        Some(())
    }
}

/// The type of a slot, for those that have answers kept.
pub(crate) fn slot(kind: RecordType) -> Option<usize> {
    match kind {
        RecordType::A => Some(0),
        RecordType::AAAA => Some(1),
        RecordType::SRV => Some(2),
        _ => None,
    }
}
