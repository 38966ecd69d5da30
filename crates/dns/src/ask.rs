//! Questions and answers in words, for whoever does not speak hickory's types.

use std::str::FromStr;

use hickory_proto::{
    op::Query,
    rr::{Name, Record, RecordType},
};
use plan::zone::Zone;

use crate::{Answer, answer};

/// What the zone says, each record as `A 10.88.0.2` or `SRV 0 100 80 web-0.nginx.default.svc.cluster.local.`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Records, and the addresses that come with them.
    Records(Vec<String>),
    /// The name exists and has no such record.
    NoData,
    /// There is no such name.
    NxDomain,
    /// Everything else: a name that is not ours, a zone that nobody has filled yet, words that are no name or type.
    Other,
}

/// Asks the zone for a name and a type, such as `web-0.nginx.default.svc.cluster.local.` and `A`.
pub fn ask(zone: &Zone, name: &str, kind: &str) -> Reply {
    let (Ok(name), Ok(kind)) = (Name::from_str(name), RecordType::from_str(kind)) else { return Reply::Other };
    match answer(zone, &Query::query(name, kind)) {
        Answer::Answered { records, additional } => {
            Reply::Records(records.iter().chain(&additional).map(show).collect())
        }
        Answer::NoData { .. } => Reply::NoData,
        Answer::NxDomain { .. } => Reply::NxDomain,
        Answer::Chase { .. } | Answer::Elsewhere | Answer::Refused | Answer::Failed => Reply::Other,
    }
}

fn show(record: &Record) -> String {
    format!("{} {}", record.record_type(), record.data)
}
