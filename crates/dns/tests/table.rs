//! The table of `docs/dns.md` is what is answered.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use hickory_proto::{
    op::{Message, Query, ResponseCode},
    rr::{DNSClass, Name, RData, Record, RecordType},
};
use petset_dns::{Answer, answer};

mod common;
mod world;

use world::{World, question, with_edns};

const MANUAL: &str = include_str!("../../../docs/dns.md");

/// A row: name, type, answer, additional.
fn rows() -> Vec<[String; 4]> {
    let (_, table) = MANUAL.split_once("| name | type | answer | additional |").expect("the table");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|')).map(|line| {
        let cells: Vec<String> = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
        cells.try_into().expect("four cells")
    });
    rows.collect()
}

fn ask(name: &str, kind: RecordType) -> Answer {
    answer(&common::zone(), &Query::query(Name::from_ascii(format!("{name}.")).unwrap(), kind))
}

fn say(record: &Record) -> String {
    let data = match &record.data {
        RData::TXT(text) => String::from_utf8_lossy(&text.txt_data[0]).into_owned(),
        RData::HINFO(info) => String::from_utf8_lossy(&info.cpu).into_owned(),
        data => data.to_string(),
    };
    let words: Vec<&str> = data.split(' ').map(|word| word.trim_end_matches('.')).collect();
    format!("{} {}", record.record_type(), words.join(" "))
}

fn say_sorted(records: &[Record]) -> String {
    let mut said: Vec<String> = records.iter().map(say).collect();
    // The CNAME stays in front; sets of records have no order.
    said.sort_by_key(|record| (!record.starts_with("CNAME"), record.clone()));
    said.join("; ")
}

fn after(aliases: &[Record], end: &str) -> String {
    let mut said: Vec<String> = aliases.iter().map(say).collect();
    said.push(end.to_owned());
    said.join("; ")
}

#[test]
fn answers_as_the_table_says() {
    let rows = rows();
    assert!(rows.len() > 90, "{} rows", rows.len());
    let mut wrong = Vec::new();
    for [name, kind, expected, expected_additional] in rows {
        let (said, additional) = match ask(&name, kind.parse().unwrap()) {
            Answer::Answered { records, additional } => (say_sorted(&records), say_sorted(&additional)),
            Answer::NoData { aliases, .. } => (after(&aliases, "NODATA"), String::new()),
            Answer::NxDomain { aliases, .. } => (after(&aliases, "NXDOMAIN"), String::new()),
            Answer::Chase { aliases, .. } => (after(&aliases, "upstream"), String::new()),
            Answer::Elsewhere => ("upstream".to_owned(), String::new()),
            Answer::Refused => ("REFUSED".to_owned(), String::new()),
            Answer::Failed => ("SERVFAIL".to_owned(), String::new()),
        };
        if (&said, &additional) != (&expected, &expected_additional) {
            wrong.push(format!(
                "{name} {kind}\n  said     {said} | {additional}\n  expected {expected} | {expected_additional}"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// What a message says, in the words of the table. Without upstreams, no name is known there: without our start of
/// authority that is what they would be asked for.
fn read(reply: &Message) -> (String, String) {
    let has_soa = reply.authorities.iter().any(|record| record.record_type() == RecordType::SOA);
    let end = match (reply.metadata.response_code, has_soa) {
        (ResponseCode::NoError, false) => return (say_sorted(&reply.answers), say_sorted(&reply.additionals)),
        (ResponseCode::NoError, true) => "NODATA",
        (ResponseCode::NXDomain, true) => "NXDOMAIN",
        (ResponseCode::NXDomain, false) => "upstream",
        (ResponseCode::Refused, false) => "REFUSED",
        (ResponseCode::ServFail, false) => "SERVFAIL",
        other => panic!("{other:?}"),
    };
    (after(&reply.answers, end), say_sorted(&reply.additionals))
}

/// Every second letter in upper case.
fn mixed(name: &str) -> String {
    let case = |(n, letter): (usize, char)| if n % 2 == 0 { letter.to_ascii_uppercase() } else { letter };
    name.chars().enumerate().map(case).collect()
}

#[tokio::test]
async fn a_server_answers_as_the_table_says_over_udp_and_tcp_in_any_letters() {
    let world = World::start(common::zone(), &[]);
    let mut wrong = Vec::new();
    for [name, kind, expected, expected_additional] in rows() {
        for asked in [name.clone(), mixed(&name)] {
            let query = question(&format!("{asked}."), kind.parse().unwrap());
            let replies = [world.udp(&with_edns(query.clone(), 1232, 0)).await.0, world.tcp(&query).await];
            for reply in replies {
                assert_eq!(reply.queries[0].name().to_ascii(), format!("{asked}."));
                let (said, additional) = read(&reply);
                let lower = (said.to_ascii_lowercase(), additional.to_ascii_lowercase());
                if lower != (expected.to_ascii_lowercase(), expected_additional.to_ascii_lowercase()) {
                    wrong.push(format!("{asked} {kind}\n  said {said} | {additional}\n  expected {expected}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    world.stop().await;
}

#[test]
fn answers_repeat_the_letters_of_the_question() {
    let Answer::Answered { records, additional } = ask("_HtTp._TcP.sVc1.TeStNs.SvC.cLuStEr.LoCaL", RecordType::SRV)
    else {
        panic!("answered")
    };
    let names = |records: &[Record]| records.iter().map(|r| r.name.to_ascii()).collect::<Vec<_>>();
    assert_eq!(names(&records), ["_HtTp._TcP.sVc1.TeStNs.SvC.cLuStEr.LoCaL."]);
    assert_eq!(names(&additional), ["svc1.testns.svc.cLuStEr.LoCaL."]);
    let Answer::NxDomain { soa, .. } = ask("not-a-service.testns.svc.ClUsTeR.lOcAl", RecordType::A) else {
        panic!("no such domain")
    };
    assert_eq!(soa.name.to_ascii(), "ClUsTeR.lOcAl.");
}

#[test]
fn times_to_live_are_five_seconds_and_the_versions_a_third_of_a_day() {
    let ttl = |name, kind| match ask(name, kind) {
        Answer::Answered { records, .. } => records[0].ttl,
        Answer::NoData { soa, .. } | Answer::NxDomain { soa, .. } => soa.ttl,
        other => panic!("{other:?}"),
    };
    assert_eq!(ttl("svc1.testns.svc.cluster.local", RecordType::A), 5);
    assert_eq!(ttl("svc0.testns.svc.cluster.local", RecordType::A), 5);
    assert_eq!(ttl("cluster.local", RecordType::TXT), 5);
    assert_eq!(ttl("dns-version.cluster.local", RecordType::TXT), 28800);
}

#[test]
fn negative_answers_about_addresses_name_the_reverse_zone() {
    let Answer::NxDomain { soa, .. } = ask("9.9.0.172.in-addr.arpa", RecordType::PTR) else { panic!("no such domain") };
    assert_eq!(soa.name.to_ascii(), "0.172.in-addr.arpa.");
}

#[test]
fn only_the_internet_class_is_answered() {
    let mut question = Query::query("svc1.testns.svc.cluster.local.".parse().unwrap(), RecordType::A);
    question.set_query_class(DNSClass::CH);
    assert_eq!(answer(&common::zone(), &question), Answer::Refused);
}

#[test]
fn without_a_zone_there_is_no_answer() {
    let question = Query::query("svc0.testns.svc.cluster.local.".parse().unwrap(), RecordType::A);
    assert_eq!(answer(&plan::zone::Zone::default(), &question), Answer::Failed);
    let empty = plan::zone::Zone::new("cluster.local");
    assert_eq!(answer(&empty, &question), Answer::Failed);
    let foreign = Query::query("example.org.".parse().unwrap(), RecordType::A);
    assert_eq!(answer(&empty, &foreign), Answer::Elsewhere);
}
