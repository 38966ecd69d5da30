//! Says on standard error what a long operation waits for.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    client::{Client, with_query},
    failure::Failure,
    output::print,
};

/// How often the object is looked at while a command waits for it: below what a person notices.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How often the daemon is asked what it waits for.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// How long an operation may last before it is worth talking about.
const SILENT_FOR: Duration = Duration::from_millis(900);

/// One reason why something is not as specified.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wait {
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) reason: String,
    pub(crate) message: String,
}

/// What the daemon waits for in a namespace, about one object or (`name` empty) about all.
pub(crate) async fn waits(client: &Client, namespace: &str, kind: &str, name: &str) -> Result<Vec<Wait>, Failure> {
    let mut parameters = vec![("namespace", namespace)];
    if !name.is_empty() {
        parameters.extend([("kind", kind), ("name", name)]);
    }
    waits_with(client, &parameters).await
}

/// Everything that the daemon waits for.
pub(crate) async fn all_waits(client: &Client) -> Result<Vec<Wait>, Failure> {
    waits_with(client, &[]).await
}

/// Nothing from a server that does not offer this, such as a real Kubernetes.
async fn waits_with(client: &Client, parameters: &[(&str, &str)]) -> Result<Vec<Wait>, Failure> {
    let list = match client.get(&with_query("/petset/v1/waits", parameters)).await {
        Ok(list) => list,
        Err(Failure::Refused(_)) => return Ok(Vec::new()),
        Err(failure) => return Err(failure),
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = list["items"].as_array().into_iter().flatten();
    Ok(items
        .map(|item| Wait {
            kind: text(&item["kind"]),
            namespace: text(&item["namespace"]),
            name: text(&item["name"]),
            reason: text(&item["reason"]),
            message: text(&item["message"]),
        })
        .collect())
}

/// Prints each wait once, as it comes up.
pub(crate) struct Progress<'a> {
    client: &'a Client,
    namespace: String,
    kind: String,
    name: String,
    ask_next: Instant,
    said: BTreeSet<Wait>,
}

impl<'a> Progress<'a> {
    /// About one object; `name` may be empty.
    pub(crate) fn about(client: &'a Client, namespace: &str, kind: &str, name: &str) -> Progress<'a> {
        let ask_next = Instant::now() + SILENT_FOR;
        let [namespace, kind, name] = [namespace, kind, name].map(str::to_owned);
        Progress { client, namespace, kind, name, ask_next, said: BTreeSet::new() }
    }

    /// Waits a moment, and says what is new.
    pub(crate) async fn pause(&mut self) -> Result<(), Failure> {
        tokio::time::sleep(LOOK_EVERY).await;
        if Instant::now() < self.ask_next {
            return Ok(());
        }
        self.ask_next = Instant::now() + ASK_EVERY;
        let waits: BTreeSet<Wait> =
            waits(self.client, &self.namespace, &self.kind, &self.name).await?.into_iter().collect();
        for wait in waits.difference(&self.said) {
            print::talk(&line(wait));
        }
        self.said = waits;
        Ok(())
    }
}

/// `waiting for web-1: web-0 is not Ready: probe exec exited 1`. A message may say by itself who waits, in the
/// same words or as `web-1: pulling image`.
fn line(wait: &Wait) -> String {
    if wait.message.starts_with("waiting ") {
        return wait.message.clone();
    }
    let why = if wait.message.is_empty() { &wait.reason } else { &wait.message };
    let why = why.strip_prefix(&wait.name).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(why);
    format!("waiting for {}: {why}", wait.name)
}

/// A duration as people write it: `90s`, `5m`, `1h30m`, `500ms`; a number alone is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("\"{text}\" is not a duration: write 30s, 5m or 1h30m");
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
        let unit = &rest[digits..];
        let length = unit.find(|c: char| c.is_ascii_digit()).unwrap_or(unit.len());
        let seconds = match &unit[..length] {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            _ => return Err(wrong()),
        };
        total += Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())?;
        rest = &unit[length..];
    }
    if text.is_empty() { Err(wrong()) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_says_who_waits_once() {
        let say = |message: &str| {
            let [kind, namespace, name, reason] = ["PetSet", "default", "web", "PetNotReady"].map(str::to_owned);
            line(&Wait { kind, namespace, name, reason, message: message.to_owned() })
        };
        assert_eq!(say("waiting to create web-1: web-0 is not Ready"), "waiting to create web-1: web-0 is not Ready");
        assert_eq!(say("the volume is missing"), "waiting for web: the volume is missing");
        assert_eq!(say("web: removing the sandbox"), "waiting for web: removing the sandbox");
        assert_eq!(say("web-0: removing the sandbox"), "waiting for web: web-0: removing the sandbox");
        assert_eq!(say(""), "waiting for web: PetNotReady");
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        let table = [
            ("30s", 30_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("0", 0),
            ("7", 7_000),
            ("1.5s", 1_500),
            ("2d", 172_800_000),
        ];
        for (text, expected) in table {
            assert_eq!(duration(text), Ok(Duration::from_millis(expected)), "{text}");
        }
        for text in ["", "x", "5x", "-5s", "5m3"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
