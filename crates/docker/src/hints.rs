//! The engine's events, as hints that something may have changed.
//!
//! Events are lost when the engine restarts, when a reader is slow, and for containers that die while no engine runs.
//! So they only say where to look, and each gap ends with `Everything`. A stopped engine sends nothing and closes
//! nothing; it is found out by its silence to a ping.

use std::{collections::HashMap, io, pin::pin, time::Duration};

use bollard::{errors::Error, models::EventMessage};
use controller::runtime::Hint;
use futures::{Stream, StreamExt, TryStreamExt, stream::BoxStream};
use http_body_util::BodyExt;
use jiff::Timestamp;
use plan::facts::PodKey;
use tokio::sync::mpsc;
use tokio_util::{
    codec::{FramedRead, LinesCodec},
    io::StreamReader,
    task::AbortOnDropHandle,
};

use crate::{Engine, names};

/// Hints that wait for a reader; more collapse into one `Everything`, which costs one list.
const HINTS_MAX: usize = 64;

/// Between two pings: how long a stopped engine goes unnoticed.
const PING_PERIOD: Duration = Duration::from_secs(5);

/// Before the first and between later tries to connect again.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// An event has the container's labels in it, which users' images may add to.
const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// Events of the second before are asked for again: the engine answers before it has subscribed us.
const OVERLAP: Duration = Duration::from_secs(1);

/// What changes a container's facts. Left out are the three events of each `exec`, so that probes wake nobody.
const EVENTS: [&str; 8] = ["create", "start", "die", "destroy", "oom", "pause", "unpause", "rename"];

/// Hints for ever, about the containers of an instance. The task behind them ends when the stream is dropped.
pub(crate) fn stream(engine: Engine, instance: String) -> BoxStream<'static, Hint> {
    let (sender, receiver) = mpsc::channel(HINTS_MAX);
    let task = AbortOnDropHandle::new(tokio::spawn(follow(engine, instance, sender)));
    let hints = futures::stream::unfold((receiver, task), |(mut receiver, task)| async {
        receiver.recv().await.map(|hint| (hint, (receiver, task)))
    });
    hints.boxed()
}

/// Follows the events through all interruptions, until nobody reads any more.
async fn follow(engine: Engine, instance: String, sender: mpsc::Sender<Hint>) {
    let mut retry = RETRY_FIRST;
    while !sender.is_closed() {
        if let Ok(events) = subscribe(&engine, &instance).await {
            retry = RETRY_FIRST;
            let reason = relay(&engine, &instance, events, &sender).await;
            tracing::warn!(reason, "the engine's events are interrupted");
        }
        // That the engine is silent is worth a look, too.
        if sender.send(Hint::Everything).await.is_err() {
            return;
        }
        tokio::time::sleep(retry).await;
        retry = (retry * 2).min(RETRY_MAX);
    }
}

async fn subscribe(
    engine: &Engine,
    instance: &str,
) -> Result<impl Stream<Item = io::Result<EventMessage>> + use<>, Error> {
    let mut filters = names::filter(&[(names::INSTANCE, instance)]);
    filters.insert("type".to_owned(), vec!["container".to_owned()]);
    filters.insert("event".to_owned(), EVENTS.map(str::to_owned).into());
    let filters = percent_encode(&serde_json::to_string(&filters)?);
    let since = Timestamp::now().as_second() - OVERLAP.as_secs() as i64;
    let response = engine.wire.get(&format!("/events?since={since}&filters={filters}")).await?;
    let body = StreamReader::new(response.into_body().into_data_stream().map_err(io::Error::other));
    let lines = FramedRead::new(body, LinesCodec::new_with_max_length(EVENT_BYTES_MAX));
    Ok(lines.map(|line| serde_json::from_str(&line.map_err(io::Error::other)?).map_err(io::Error::other)))
}

/// Relays events until they end; says why they did.
async fn relay(
    engine: &Engine,
    instance: &str,
    events: impl Stream<Item = io::Result<EventMessage>>,
    sender: &mpsc::Sender<Hint>,
) -> String {
    let mut events = pin!(events);
    let mut pings = tokio::time::interval(PING_PERIOD);
    let mut missed = true;
    loop {
        if missed && sender.try_send(Hint::Everything).is_ok() {
            missed = false;
        }
        tokio::select! {
            // Cancel-safe: a stream's next item stays in the stream.
            event = events.next() => match event {
                None => return "the stream ended".to_owned(),
                Some(Err(error)) => return error.to_string(),
                Some(Ok(event)) => {
                    if let Some(pod) = pod_of(instance, event) {
                        missed |= sender.try_send(Hint::Pod(pod)).is_err();
                    }
                }
            },
            // Cancel-safe: a tick that was not taken comes again. The ping itself runs to its end.
            _ = pings.tick() => if !engine.is_alive().await {
                return "no answer to a ping".to_owned();
            },
            // Cancel-safe: nothing is reserved. Only waited for where a hint is owed.
            permit = sender.reserve(), if missed => match permit {
                Ok(permit) => {
                    permit.send(Hint::Everything);
                    missed = false;
                }
                Err(_) => return "nobody reads".to_owned(),
            },
        }
    }
}

fn pod_of(instance: &str, event: EventMessage) -> Option<PodKey> {
    let labels: HashMap<String, String> = event.actor?.attributes?;
    if labels.get(names::INSTANCE)? != instance {
        return None;
    }
    Some(PodKey { namespace: labels.get(names::NAMESPACE)?.clone(), name: labels.get(names::POD)?.clone() })
}

/// For a query value: everything but letters and digits.
fn percent_encode(text: &str) -> String {
    let encode = |octet: u8| match octet {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(octet).to_string(),
        _ => format!("%{octet:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use bollard::models::EventActor;

    use super::*;

    fn event(labels: &[(&str, &str)]) -> EventMessage {
        let attributes = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        EventMessage {
            actor: Some(EventActor { attributes: Some(attributes), ..EventActor::default() }),
            ..EventMessage::default()
        }
    }

    #[test]
    fn an_event_hints_at_its_pod() {
        let labels =
            [("petset.io/instance", "one"), ("petset.io/namespace", "default"), ("petset.io/pod", "web-0"), ("x", "y")];
        let web_0 = PodKey { namespace: "default".to_owned(), name: "web-0".to_owned() };
        assert_eq!(pod_of("one", event(&labels)), Some(web_0));
        assert_eq!(pod_of("two", event(&labels)), None);
        assert_eq!(pod_of("one", event(&labels[..2])), None);
    }

    #[test]
    fn filters_travel_as_one_query_value() {
        assert_eq!(percent_encode(r#"{"a":["b=c"]}"#), "%7B%22a%22%3A%5B%22b%3Dc%22%5D%7D");
    }
}
