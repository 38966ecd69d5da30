//! Clients that mean harm, or do it: what they send over a real socket, what becomes of it, and that meanwhile others are
//! served.
//!
//! What is wrong with one HTTP/1.1 request, or with its path, is in the tables `hostile/*.txt`. A case is a title, what is sent,
//! line by line, and what comes back:
//!
//! ```text
//! ## a title
//! GET /livez HTTP/1.1
//! Host: localhost
//!
//! => 200
//! ok
//! => goes on
//! ```
//!
//! After each case the same connection is asked for `/version`, with `Connection: close`; where that is answered, the connection
//! `goes on`, and else it `ends`. Lines end with CR and LF, but for those that end with `\x0a`. `«a*64»` and `\xff` are as in `bad_input`.

pub(crate) mod frames;
mod slow;
mod upgrades;
pub(crate) mod wire;

use std::{fmt::Write as _, sync::mpsc};

use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::{
    bad_input::{octets, shortened},
    hostile::wire::{PATIENCE, Reply, Wire},
    world::{World, running_pod},
};

/// Has the clock stand still until it is moved: while a blocking task runs, tokio does not move a paused clock by itself,
/// and connections through the kernel are as good as at once. A test that waits for what does not come sees its time pass in
/// the end, and fails.
pub(crate) fn frozen() -> mpsc::Sender<()> {
    let (hold, held) = mpsc::channel::<()>();
    // It ends when the test does.
    spawn_blocking(move || {
        let _ = held.recv_timeout(PATIENCE);
    });
    hold
}

/// What every case ends with.
const PROBE: &str = "GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn requests_that_are_no_http_end_their_own_connection_alone() {
    holds("requests", include_str!("hostile/requests.txt")).await;
}

#[tokio::test]
async fn bodies_are_framed_in_one_way_or_not_read() {
    holds("framing", include_str!("hostile/framing.txt")).await;
}

#[tokio::test]
async fn no_spelling_of_a_path_leads_past_the_token() {
    holds("paths", include_str!("hostile/paths.txt")).await;
}

#[tokio::test]
async fn no_page_of_a_browser_and_no_foreign_name_is_served() {
    holds("names", include_str!("hostile/names.txt")).await;
}

/// Sends what every case of a table says, and compares the table with one that has what came back.
async fn holds(name: &str, table: &str) {
    let world = World::new().await;
    world.made_pod(&running_pod("web-0")).await;
    let before = world.store.revision();
    let wire = Wire::of(&world).await;
    let (introduction, cases) = table.split_once("## ").expect("a table has cases");
    let mut actual = introduction.to_owned();
    for case in cases.split("\n## ") {
        let (asked, _) = case.split_once("\n=> ").unwrap_or_else(|| panic!("{name}: no answer in {case}"));
        let (_, lines) = asked.split_once('\n').expect("a title and what is sent");
        let sent = octets(&format!("{}\r\n", lines.replace('\n', "\r\n")).replace("\\x0a\r\n", "\\x0a"));
        let replies = wire.exchange(&[&sent[..], PROBE.as_bytes()].concat()).await;
        let _ = write!(actual, "## {asked}\n{}\n\n", shortened(&told(&replies), asked));
        wire.is_alive(case).await;
    }
    assert_eq!(world.store.revision(), before, "{name}: something was written");
    if actual.trim_end() != table.trim_end() {
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hostile-{name}.txt"));
        std::fs::write(&path, actual.trim_end().to_owned() + "\n").expect("the folder for temporary files");
        let differing = actual.lines().zip(table.lines()).find(|(actual, expected)| actual != expected);
        panic!("{name}: the answers are not those of the table, but those of {}: {differing:?}", path.display());
    }
}

/// Replies as a table has them.
fn told(replies: &[Reply]) -> String {
    let goes_on = replies.last().is_some_and(|reply| reply.text.contains("gitCommit"));
    let replies = &replies[..replies.len() - usize::from(goes_on)];
    let mut text = String::new();
    for Reply { code, head, text: body } in replies {
        assert!(!head.to_ascii_lowercase().contains("access-control-"), "a page is invited: {head}");
        let status = serde_json::from_str::<Value>(body).unwrap_or_default();
        let field = |name: &str| status[name].as_str().unwrap_or_default();
        let body = if field("kind") == "Status" { field("message") } else { body.trim_end() };
        let answer = format!("=> {code} {}", field("reason"));
        let _ = writeln!(text, "{}", answer.trim_end());
        if !body.is_empty() {
            let _ = writeln!(text, "{body}");
        }
    }
    text + if goes_on { "=> goes on" } else { "=> ends" }
}
