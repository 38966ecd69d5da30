//! `events`: what has happened, in order.

use futures::StreamExt;
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    client::{Client, Event, Rows, with_query},
    failure::Failure,
    kind::Kinds,
    output::{Columns, aligned, print},
};

/// Arguments of `events`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    /// About one object: `po/web-0`
    #[arg(long = "for", value_name = "KIND/NAME")]
    about: Option<String>,
    /// In every namespace
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Go on showing events
    #[arg(short = 'w', long)]
    watch: bool,
    /// Of these types: Normal, Warning
    #[arg(long, value_delimiter = ',')]
    types: Vec<String>,
    /// Without headings
    #[arg(long)]
    no_headers: bool,
}

pub(crate) async fn run(client: &Client, arguments: &Arguments) -> Result<(), Failure> {
    let mut parameters = Vec::new();
    let fields;
    if let Some(about) = &arguments.about {
        let kinds = Kinds::discover(client).await?;
        let targets = kinds.targets(std::slice::from_ref(about))?;
        let [target] = targets.as_slice() else { return Err(Failure::message("--for takes one object")) };
        let Some(name) = &target.name else { return Err(Failure::message("--for takes kind/name")) };
        fields = format!("involvedObject.kind={},involvedObject.name={name}", target.kind.kind);
        parameters.push(("fieldSelector", fields.as_str()));
    }
    let path = if arguments.all_namespaces {
        "/api/v1/events".to_owned()
    } else {
        format!("/api/v1/namespaces/{}/events", client.namespace)
    };
    let path = with_query(&path, &parameters);
    let list = client.get(&path).await?;
    let mut events: Vec<&Value> = list["items"].as_array().into_iter().flatten().collect();
    events.retain(|event| is_asked(arguments, event));
    events.sort_by_key(|event| order(event));
    if events.is_empty() && !arguments.watch {
        let place =
            if arguments.all_namespaces { String::new() } else { format!(" in {} namespace.", client.namespace) };
        print::talk(&format!("No events found{place}"));
        return Ok(());
    }
    let now = Timestamp::now();
    let mut rows: Vec<Vec<String>> = events.iter().map(|event| row(event, arguments.all_namespaces, now)).collect();
    if !arguments.no_headers {
        let headings = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"];
        let namespace = arguments.all_namespaces.then_some("NAMESPACE");
        rows.insert(0, namespace.into_iter().chain(headings).map(str::to_owned).collect());
    }
    let mut columns = Columns::default();
    print::out(&columns.align(&rows));
    if !arguments.watch {
        return Ok(());
    }
    let mut version = list["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    loop {
        let path = with_query(&path, &[("watch", "true"), ("resourceVersion", &version)]);
        let mut changes = Box::pin(client.watch(&path, Rows::Plain).await?);
        while let Some(change) = changes.next().await {
            let (Event::Present(event) | Event::Deleted(event)) = change?;
            if let Some(seen) = event["metadata"]["resourceVersion"].as_str() {
                seen.clone_into(&mut version);
            }
            if is_asked(arguments, &event) {
                print::out(&columns.align(&[row(&event, arguments.all_namespaces, Timestamp::now())]));
            }
        }
    }
}

fn is_asked(arguments: &Arguments, event: &Value) -> bool {
    let kind = event["type"].as_str().unwrap_or_default();
    arguments.types.is_empty() || arguments.types.iter().any(|asked| asked.eq_ignore_ascii_case(kind))
}

fn row(event: &Value, namespaces: bool, now: Timestamp) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().trim().to_owned();
    let object = &event["involvedObject"];
    let title = format!("{}/{}", text(&object["kind"]), text(&object["name"]));
    let mut row = vec![when(event, now), text(&event["type"]), text(&event["reason"]), title, text(&event["message"])];
    if namespaces {
        row.insert(0, text(&event["metadata"]["namespace"]));
    }
    row
}

/// The order of events: by time, and within a second as the server wrote them.
fn order(event: &Value) -> (Option<Timestamp>, u64) {
    let version = event["metadata"]["resourceVersion"].as_str().and_then(|version| version.parse().ok());
    (last_seen(event), version.unwrap_or(0))
}

/// When an event was last seen: `lastTimestamp`, else `eventTime`, else its creation.
fn last_seen(event: &Value) -> Option<Timestamp> {
    let times = [&event["lastTimestamp"], &event["eventTime"], &event["metadata"]["creationTimestamp"]];
    times.into_iter().find_map(time)
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// `5m`, or `5m (x3 over 20m)`.
fn when(event: &Value, now: Timestamp) -> String {
    let Some(last) = last_seen(event) else { return "<unknown>".to_owned() };
    let last = age(last, now);
    match (event["count"].as_i64(), time(&event["firstTimestamp"])) {
        (Some(count), Some(first)) if count > 1 => format!("{last} (x{count} over {})", age(first, now)),
        _ => last,
    }
}

/// How long ago, as Kubernetes prints ages.
pub(crate) fn age(then: Timestamp, now: Timestamp) -> String {
    api::table::age(now.as_second() - then.as_second())
}

/// The events about one object as `describe` shows them.
pub(crate) async fn about(client: &Client, object: &Value) -> Result<String, Failure> {
    let metadata = &object["metadata"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let fields = format!(
        "involvedObject.kind={},involvedObject.name={},involvedObject.uid={}",
        text(&object["kind"]),
        text(&metadata["name"]),
        text(&metadata["uid"])
    );
    let path = match metadata["namespace"].as_str() {
        Some(namespace) => format!("/api/v1/namespaces/{namespace}/events"),
        None => "/api/v1/events".to_owned(),
    };
    let list = client.get(&with_query(&path, &[("fieldSelector", &fields)])).await?;
    let mut events: Vec<&Value> = list["items"].as_array().into_iter().flatten().collect();
    if events.is_empty() {
        return Ok("Events:  <none>\n".to_owned());
    }
    events.sort_by_key(|event| order(event));
    let now = Timestamp::now();
    let cells = |cells: [&str; 5]| cells.map(str::to_owned).to_vec();
    let mut rows = vec![
        cells(["  Type", "Reason", "Age", "From", "Message"]),
        cells(["  ----", "------", "----", "----", "-------"]),
    ];
    rows.extend(events.iter().map(|event| {
        let from = &event["source"]["component"];
        let from = from.as_str().filter(|from| !from.is_empty()).unwrap_or_default();
        let from = if from.is_empty() { text(&event["reportingComponent"]) } else { from.to_owned() };
        vec![
            format!("  {}", text(&event["type"])),
            text(&event["reason"]),
            when(event, now),
            from,
            text(&event["message"]).trim().to_owned(),
        ]
    }));
    Ok(format!("Events:\n{}", aligned(&rows)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_that_repeats_says_how_often() {
        let now: Timestamp = "2026-01-01T01:00:00Z".parse().unwrap();
        let event = json!({"type": "Warning", "reason": "Unhealthy", "message": "probe failed\n", "count": 3,
            "firstTimestamp": "2026-01-01T00:40:00Z", "lastTimestamp": "2026-01-01T00:55:00Z",
            "involvedObject": {"kind": "Pod", "name": "web-0"}});
        let [last, first] = [300, 1200].map(api::table::age);
        let expected = [&format!("{last} (x3 over {first})"), "Warning", "Unhealthy", "Pod/web-0", "probe failed"];
        assert_eq!(row(&event, false, now), expected);
        assert_eq!(when(&json!({}), now), "<unknown>");
    }
}
