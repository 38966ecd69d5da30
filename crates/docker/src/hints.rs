//! The engine's events, as hints that something may have changed.
//!
//! Events are lost when the engine restarts, when a reader is slow, and for containers that die while no engine runs.
//! So they only say where to look, and each gap ends with `Everything`. A stopped engine sends nothing and closes
//! nothing; it is found out by its silence to a ping.

use std::{collections::HashMap, io, pin::pin, time::Duration};

use bollard::{
    errors::Error,
    models::{EventMessage, EventMessageTypeEnum},
    query_parameters::InspectContainerOptions,
};
use controller::runtime::Hint;
use futures::{
    Stream, StreamExt, TryStreamExt,
    stream::{BoxStream, FuturesUnordered},
};
use http_body_util::BodyExt;
use jiff::Timestamp;
use plan::facts::PodKey;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::{
    codec::{FramedRead, LinesCodec},
    io::StreamReader,
    task::AbortOnDropHandle,
};

use crate::{Engine, failure::found, names};

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

/// What events are about. Networks and volumes only change by themselves where somebody does it by hand.
const TYPES: [&str; 3] = ["container", "network", "volume"];

/// What changes facts: of a container all but the three events of each `exec`, so that probes wake nobody; of a network
/// that a container leaves it, and of networks and volumes their end. That they begin is no news: it is our doing.
const EVENTS: [&str; 9] = ["create", "start", "die", "destroy", "oom", "pause", "unpause", "rename", "disconnect"];

/// Containers that are being asked for after they left the network; more are looked at with everything else. A container
/// that dies leaves it too, so they come together where many pods end.
const LOOKUPS_MAX: usize = 16;

/// What belongs to an instance.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    /// The instance's name.
    pub(crate) instance: String,
    /// The name of its network.
    pub(crate) network: String,
}

/// What an event says that concerns us.
#[derive(Debug, PartialEq, Eq)]
enum News {
    /// A container of this pod has changed.
    Pod(PodKey),
    /// The container of this id has left our network: it died, or somebody has disconnected it.
    Disconnected(String),
    /// Something is gone, or stands still, that any pod may have used.
    Gone,
}

/// Hints for ever, about what an instance has. The task behind them ends when the stream is dropped.
pub(crate) fn stream(engine: Engine, scope: Scope) -> BoxStream<'static, Hint> {
    let (sender, receiver) = mpsc::channel(HINTS_MAX);
    let task = AbortOnDropHandle::new(tokio::spawn(follow(engine, scope, sender)));
    let hints = futures::stream::unfold((receiver, task), |(mut receiver, task)| async {
        receiver.recv().await.map(|hint| (hint, (receiver, task)))
    });
    hints.boxed()
}

/// Follows the events through all interruptions, until nobody reads any more.
async fn follow(engine: Engine, scope: Scope, sender: mpsc::Sender<Hint>) {
    let mut retry = RETRY_FIRST;
    while !sender.is_closed() {
        if let Ok(events) = subscribe(&engine).await {
            retry = RETRY_FIRST;
            let reason = relay(&engine, &scope, events, &sender).await;
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

/// Everybody's events: the engine tells no labels of networks and volumes, by which it could choose ours.
async fn subscribe(engine: &Engine) -> Result<impl Stream<Item = io::Result<EventMessage>> + use<>, Error> {
    let filters = json!({"type": TYPES, "event": EVENTS});
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
    scope: &Scope,
    events: impl Stream<Item = io::Result<EventMessage>>,
    sender: &mpsc::Sender<Hint>,
) -> String {
    let mut events = pin!(events);
    let mut pings = tokio::time::interval(PING_PERIOD);
    let mut lookups = FuturesUnordered::new();
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
                Some(Ok(event)) => match scope.news(event) {
                    None => {}
                    Some(News::Pod(pod)) => missed |= sender.try_send(Hint::Pod(pod)).is_err(),
                    Some(News::Disconnected(id)) if lookups.len() < LOOKUPS_MAX => lookups.push(engine.pod_of(scope, id)),
                    Some(News::Disconnected(_) | News::Gone) => missed = true,
                },
            },
            // Cancel-safe: what is looked up goes on where it was.
            Some(found) = lookups.next(), if !lookups.is_empty() => match found {
                Ok(None) => {}
                Ok(Some(pod)) => missed |= sender.try_send(Hint::Pod(pod)).is_err(),
                Err(_) => missed = true,
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

impl Scope {
    /// What an event says of ours.
    fn news(&self, event: EventMessage) -> Option<News> {
        let (actor, action) = (event.actor?, event.action?);
        let attributes = actor.attributes.unwrap_or_default();
        let is_our_network = || attributes.get("name") == Some(&self.network);
        match (event.typ?, action.as_str()) {
            (EventMessageTypeEnum::CONTAINER, _) if names::is_balancer(&self.instance, &attributes) => {
                // That it begins is our doing, or the engine's.
                ["die", "destroy", "pause"].contains(&action.as_str()).then_some(News::Gone)
            }
            (EventMessageTypeEnum::CONTAINER, _) => pod_of(&self.instance, &attributes).map(News::Pod),
            (EventMessageTypeEnum::NETWORK, "disconnect") if is_our_network() => {
                attributes.get("container").cloned().map(News::Disconnected)
            }
            (EventMessageTypeEnum::NETWORK, "destroy") => is_our_network().then_some(News::Gone),
            (EventMessageTypeEnum::VOLUME, "destroy") => {
                names::is_volume_of(&self.instance, &actor.id?).then_some(News::Gone)
            }
            _ => None,
        }
    }
}

impl Engine {
    /// Whose a container is; `None` where it is gone or not ours.
    async fn pod_of(&self, scope: &Scope, id: String) -> Result<Option<PodKey>, Error> {
        let there = found(self.reads.inspect_container(&id, None::<InspectContainerOptions>).await)?;
        let labels = there.and_then(|there| there.config?.labels).unwrap_or_default();
        Ok(pod_of(&scope.instance, &labels))
    }
}

fn pod_of(instance: &str, labels: &HashMap<String, String>) -> Option<PodKey> {
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

    fn one() -> Scope {
        Scope { instance: "one".to_owned(), network: "petset-one".to_owned() }
    }

    fn event(typ: EventMessageTypeEnum, action: &str, id: &str, attributes: &[(&str, &str)]) -> EventMessage {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        EventMessage {
            typ: Some(typ),
            action: Some(action.to_owned()),
            actor: Some(EventActor { id: Some(id.to_owned()), attributes: Some(attributes) }),
            ..EventMessage::default()
        }
    }

    #[test]
    fn an_event_of_a_container_hints_at_its_pod() {
        let labels =
            [("petset.io/instance", "one"), ("petset.io/namespace", "default"), ("petset.io/pod", "web-0"), ("x", "y")];
        let died = |labels| event(EventMessageTypeEnum::CONTAINER, "die", "4f", labels);
        let web_0 = PodKey { namespace: "default".to_owned(), name: "web-0".to_owned() };
        assert_eq!(one().news(died(&labels)), Some(News::Pod(web_0)));
        assert_eq!(Scope { instance: "two".to_owned(), ..one() }.news(died(&labels)), None);
        assert_eq!(one().news(died(&labels[..2])), None);
    }

    #[test]
    fn of_networks_and_volumes_only_what_goes_by_hand_is_news() {
        use EventMessageTypeEnum::{NETWORK, VOLUME};
        let ours = [("name", "petset-one"), ("type", "bridge"), ("container", "4f")];
        let theirs = [("name", "petset-one-more"), ("container", "4f")];
        for (typ, action, id, attributes, expected) in [
            (NETWORK, "disconnect", "9a", &ours[..], Some(News::Disconnected("4f".to_owned()))),
            (NETWORK, "destroy", "9a", &ours[..], Some(News::Gone)),
            (NETWORK, "create", "9a", &ours[..], None),
            (NETWORK, "disconnect", "9a", &theirs[..], None),
            (NETWORK, "destroy", "9a", &theirs[..], None),
            (VOLUME, "destroy", "petset_one_pvc-1", &[("driver", "local")], Some(News::Gone)),
            (VOLUME, "create", "petset_one_pvc-1", &[("driver", "local")], None),
            (VOLUME, "destroy", "petset_one-more_pvc-1", &[("driver", "local")], None),
            (VOLUME, "destroy", "data", &[], None),
        ] {
            assert_eq!(one().news(event(typ, action, id, attributes)), expected, "{action} of {typ} {id}");
        }
    }

    #[test]
    fn filters_travel_as_one_query_value() {
        assert_eq!(percent_encode(r#"{"a":["b=c"]}"#), "%7B%22a%22%3A%5B%22b%3Dc%22%5D%7D");
    }
}
