//! The records that are made here.

use std::net::IpAddr;

use hickory_proto::rr::{
    Name, RData, Record,
    rdata::{A, AAAA, CNAME, HINFO, NS, PTR, SOA, SRV, TXT},
};

/// Seconds for which clients may keep a record, and the SOA's minimum: short, because a pet's records change the
/// moment its readiness does, and on one machine asking again costs nothing.
pub(crate) const TTL: u32 = 5;

/// Seconds for the schema version, as the specification gives them.
const VERSION_TTL: u32 = 28800;

/// The version of the DNS specification for Kubernetes that is followed.
const SCHEMA_VERSION: &str = "1.1.0";

/// An A or AAAA record.
pub(crate) fn address(owner: &Name, address: IpAddr) -> Record {
    let data = match address {
        IpAddr::V4(address) => RData::A(A(address)),
        IpAddr::V6(address) => RData::AAAA(AAAA(address)),
    };
    Record::from_rdata(owner.clone(), TTL, data)
}

/// An SRV record; the priority is always 0.
pub(crate) fn srv(owner: &Name, weight: u16, port: u16, target: Name) -> Record {
    Record::from_rdata(owner.clone(), TTL, RData::SRV(SRV::new(0, weight, port, target)))
}

/// A CNAME record.
pub(crate) fn cname(owner: &Name, target: Name) -> Record {
    Record::from_rdata(owner.clone(), TTL, RData::CNAME(CNAME(target)))
}

/// A PTR record.
pub(crate) fn ptr(owner: &Name, target: Name) -> Record {
    Record::from_rdata(owner.clone(), TTL, RData::PTR(PTR(target)))
}

/// An NS record.
pub(crate) fn ns(owner: &Name, server: Name) -> Record {
    Record::from_rdata(owner.clone(), TTL, RData::NS(NS(server)))
}

/// The schema version.
pub(crate) fn version(owner: &Name) -> Record {
    Record::from_rdata(owner.clone(), VERSION_TTL, RData::TXT(TXT::new(vec![SCHEMA_VERSION.to_owned()])))
}

/// The short answer to ANY (RFC 8482, section 4.2).
pub(crate) fn any(owner: &Name) -> Record {
    Record::from_rdata(owner.clone(), TTL, RData::HINFO(HINFO::new("RFC8482".to_owned(), String::new())))
}

/// The SOA of a zone, with the figures that `CoreDNS` gives.
pub(crate) fn soa(owner: &Name, server: Name, mailbox: Name, serial: u32) -> Record {
    let data = SOA::new(server, mailbox, serial, 7200, 1800, 86400, TTL);
    Record::from_rdata(owner.clone(), TTL, RData::SOA(data))
}
