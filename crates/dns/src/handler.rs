//! From a request to a reply on the wire.

use std::{net::IpAddr, sync::Arc};

use arc_swap::ArcSwap;
use hickory_proto::{
    op::{Edns, Metadata, OpCode, Query, ResponseCode},
    rr::Record,
    serialize::binary::BinEncoder,
};
use hickory_server::{net::xfer::Protocol, server::Request, zone_handler::MessageResponseBuilder};
use plan::zone::Zone;

use crate::{
    answer::{Answer, answer},
    forward::{Options, PAYLOAD, Permit, Unanswered, Upstreams},
};

/// The largest datagram for a client that says nothing (RFC 1035, section 4.2.1).
const PAYLOAD_WITHOUT_EDNS: u16 = 512;

/// What answers come from: the latest zone, and for other names the upstreams.
#[derive(Clone)]
pub(crate) struct Handler {
    pub(crate) zone: Arc<ArcSwap<Zone>>,
    pub(crate) upstreams: Arc<Upstreams>,
}

/// What is to be done about a request.
pub(crate) enum Decision {
    /// To say this.
    Reply(Reply),
    /// To ask the upstreams.
    Ask(Question),
}

/// A question to the upstreams.
pub(crate) struct Question {
    query: Query,
    options: Options,
    /// From the name that the client asked for to the one that the upstreams are asked for.
    aliases: Vec<Record>,
}

/// A reply before it is made to fit.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub(crate) code: ResponseCode,
    is_authoritative: bool,
    is_truncated: bool,
    answers: Vec<Record>,
    authorities: Vec<Record>,
    additionals: Vec<Record>,
}

impl Reply {
    fn refusal(code: ResponseCode) -> Reply {
        Reply { code, ..Reply::default() }
    }
}

impl Handler {
    /// What the upstreams say. Containers are never refused: musl waits five seconds for each refusal.
    pub(crate) async fn ask(&self, permit: Permit, question: Question) -> Reply {
        let Question { query, options, aliases } = question;
        let is_authoritative = !aliases.is_empty();
        match self.upstreams.ask(permit, &query, options).await {
            Ok(reply) => Reply {
                code: reply.metadata.response_code,
                is_authoritative,
                is_truncated: reply.metadata.truncation,
                answers: aliases.into_iter().chain(reply.answers).collect(),
                authorities: reply.authorities,
                additionals: reply.additionals,
            },
            Err(reason) => Reply { answers: aliases, is_authoritative, ..unanswered(reason) },
        }
    }

    /// Lets a client's question to the upstreams through, or says what to answer instead.
    pub(crate) fn admit(&self, client: IpAddr, question: &Question) -> Result<Permit, Reply> {
        self.upstreams.admit(client).map_err(|reason| {
            let answers = question.aliases.clone();
            Reply { is_authoritative: !answers.is_empty(), answers, ..unanswered(reason) }
        })
    }
}

/// Where there is nobody to ask the name does not exist for us; where nobody answers, asking again may help.
fn unanswered(reason: Unanswered) -> Reply {
    match reason {
        Unanswered::NoUpstream => Reply::refusal(ResponseCode::NXDomain),
        Unanswered::Silent | Unanswered::Busy => Reply::refusal(ResponseCode::ServFail),
    }
}

/// Decides what to do about a request: all of it but the asking of upstreams.
pub(crate) fn decide(zone: &Zone, request: &Request) -> Decision {
    if request.metadata.op_code != OpCode::Query {
        return Decision::Reply(Reply::refusal(ResponseCode::NotImp));
    }
    if request.edns.as_ref().is_some_and(|edns| edns.version() > 0) {
        return Decision::Reply(Reply::refusal(ResponseCode::BADVERS));
    }
    // One question, not more (RFC 9619).
    let [query] = request.queries.queries() else {
        return Decision::Reply(Reply::refusal(ResponseCode::FormErr));
    };
    let query = query.original();
    let options = Options {
        dnssec_ok: request.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok),
        checking_disabled: request.metadata.checking_disabled,
    };
    let owned = Reply { is_authoritative: true, ..Reply::default() };
    Decision::Reply(match answer(zone, query) {
        Answer::Answered { records, additional } => Reply { answers: records, additionals: additional, ..owned },
        Answer::NoData { aliases, soa } => Reply { answers: aliases, authorities: vec![*soa], ..owned },
        Answer::NxDomain { aliases, soa } => {
            Reply { code: ResponseCode::NXDomain, answers: aliases, authorities: vec![*soa], ..owned }
        }
        Answer::Chase { aliases, target } => {
            let mut query = query.clone();
            query.set_name(target);
            return Decision::Ask(Question { query, options, aliases });
        }
        Answer::Elsewhere => {
            return Decision::Ask(Question { query: query.clone(), options, aliases: Vec::new() });
        }
        Answer::Refused => Reply::refusal(ResponseCode::Refused),
        Answer::Failed => Reply::refusal(ResponseCode::ServFail),
    })
}

/// A reply as a message, cut where it is larger than the client takes.
pub(crate) fn datagram(request: &Request, reply: &Reply) -> Option<Vec<u8>> {
    let envelope = Envelope::new(request, reply);
    let kept = envelope.fit(reply);
    let mut metadata = envelope.metadata;
    metadata.truncation = reply.is_truncated || kept.is_truncated;
    let mut builder = MessageResponseBuilder::from_message_request(request);
    if let Some(edns) = &envelope.edns {
        builder.edns(edns);
    }
    let response = builder.build(
        metadata,
        &reply.answers[..kept.answers],
        &reply.authorities[..kept.authorities],
        [],
        &reply.additionals[..kept.additionals],
    );
    let mut bytes = Vec::with_capacity(usize::from(PAYLOAD));
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_max_size(envelope.bytes_max);
    match response.destructive_emit(&mut encoder) {
        Ok(_) => Some(bytes),
        Err(error) => {
            tracing::debug!(%error, client = %request.src(), "reply not encoded");
            None
        }
    }
}

/// Everything about a response but its records.
struct Envelope<'a> {
    request: &'a Request,
    metadata: Metadata,
    edns: Option<Edns>,
    bytes_max: u16,
}

/// How many records of each section fit.
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    answers: usize,
    authorities: usize,
    additionals: usize,
    is_truncated: bool,
}

impl<'a> Envelope<'a> {
    fn new(request: &'a Request, reply: &Reply) -> Envelope<'a> {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.response_code = reply.code;
        metadata.authoritative = reply.is_authoritative;
        metadata.recursion_available = true;
        let edns = request.edns.as_ref().map(|asked| {
            let mut edns = Edns::new();
            edns.set_max_payload(PAYLOAD).set_version(0).set_rcode_high(reply.code.high());
            edns.set_dnssec_ok(asked.flags().dnssec_ok);
            edns
        });
        let bytes_max = bytes_max(request.protocol(), request.edns.as_ref().map(Edns::max_payload));
        Envelope { request, metadata, edns, bytes_max }
    }

    /// Chooses the records that fit.
    ///
    /// Done here and not by hickory 0.26.3, which leaves trailing octets in a cut datagram, and sets TC also where
    /// only additional records are missing (against RFC 2181, section 9).
    fn fit(&self, reply: &Reply) -> Kept {
        let (answers, authorities) = (&reply.answers[..], &reply.authorities[..]);
        let fits = |answers: &[_], authorities: &[_], additionals: &[_]| self.fits(answers, authorities, additionals);
        if fits(answers, authorities, &reply.additionals) {
            let additionals = reply.additionals.len();
            return Kept { answers: answers.len(), authorities: authorities.len(), additionals, is_truncated: false };
        }
        if fits(answers, authorities, &[]) {
            let additionals = most(reply.additionals.len(), |n| fits(answers, authorities, &reply.additionals[..n]));
            return Kept { answers: answers.len(), authorities: authorities.len(), additionals, is_truncated: false };
        }
        // Some answers rather than none: older musl never asks again over TCP.
        let answers = most(answers.len(), |n| fits(&answers[..n], &[], &[]));
        Kept { answers, authorities: 0, additionals: 0, is_truncated: true }
    }

    /// Whether a response with these records is encoded whole.
    ///
    /// Tried under the limit, and not measured without one: hickory writes a name out before it finds the name's
    /// earlier place, so a message needs more room on the way than in the end.
    fn fits(&self, answers: &[Record], authorities: &[Record], additionals: &[Record]) -> bool {
        let mut builder = MessageResponseBuilder::from_message_request(self.request);
        if let Some(edns) = &self.edns {
            builder.edns(edns);
        }
        let response = builder.build(self.metadata, answers, authorities, [], additionals);
        let mut bytes = Vec::with_capacity(usize::from(PAYLOAD));
        let mut encoder = BinEncoder::new(&mut bytes);
        encoder.set_max_size(self.bytes_max);
        response.destructive_emit(&mut encoder).is_ok_and(|info| !info.truncation)
    }
}

/// The largest message that a client takes, where its EDNS says this.
pub(crate) fn bytes_max(over: Protocol, payload: Option<u16>) -> u16 {
    match (over, payload) {
        (Protocol::Udp, Some(payload)) => payload.clamp(PAYLOAD_WITHOUT_EDNS, PAYLOAD),
        (Protocol::Udp, None) => PAYLOAD_WITHOUT_EDNS,
        _ => u16::MAX,
    }
}

/// The greatest number up to `count` that fits, given that fewer always fit too; 0 where none does.
fn most(count: usize, fits: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if fits(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

/// A reply's code as a metric's label.
pub(crate) fn label(code: ResponseCode) -> &'static str {
    match code {
        ResponseCode::NoError => "NOERROR",
        ResponseCode::NXDomain => "NXDOMAIN",
        ResponseCode::ServFail => "SERVFAIL",
        ResponseCode::Refused => "REFUSED",
        _ => "OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::most;

    #[test]
    fn the_most_that_fits_is_found() {
        assert_eq!(most(10, |n| n <= 7), 7);
        assert_eq!(most(10, |_| true), 10);
        assert_eq!(most(10, |n| n == 0), 0);
        assert_eq!(most(0, |_| true), 0);
    }
}
