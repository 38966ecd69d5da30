//! The tokens that count, and when each stops to.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use api::authz::{Access, Reach, TokenScope, User};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::{sync::watch, time::Instant};

use super::{Caller, End};

/// The tokens that count at present. Clones share them.
///
/// The instance's own is one, and after a change for a while those before it; it may do everything. The others have names
/// and scopes. Of each only the digest is known: with 256 random bits it tells nothing of the token.
#[derive(Clone)]
pub struct Tokens(Arc<Mutex<Vec<Known>>>);

/// A token with a name, as it is written down. Not the token: nobody can read that again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenRecord {
    /// Its name, which is the name of the user who shows it.
    pub name: String,
    /// The namespaces that it is for; `None` is everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<BTreeSet<String>>,
    /// Whether it is for reading only.
    pub read_only: bool,
    /// When it was made.
    pub created: Timestamp,
    /// When it stops to count by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// What [`digest`] makes of it.
    pub digest: String,
}

impl TokenRecord {
    /// What it allows.
    pub fn scope(&self) -> TokenScope {
        let reach = self.namespaces.clone().map_or(Reach::Everywhere, Reach::Namespaces);
        TokenScope { reach, access: if self.read_only { Access::Read } else { Access::Write } }
    }

    /// Whether its time is over.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// The digest of a token, in hexadecimal: SHA-256.
pub fn digest(token: &[u8]) -> String {
    Sha256::digest(token).iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

struct Known {
    digest: String,
    /// What is written down of it; nothing of the instance's own.
    record: Option<TokenRecord>,
    /// When it stops to count; `None` until another takes its place, or it is revoked.
    end: watch::Sender<Option<Instant>>,
}

impl Known {
    fn own(token: &str) -> Known {
        Known { digest: digest(token.as_bytes()), record: None, end: watch::Sender::new(None) }
    }

    fn named(record: TokenRecord) -> Known {
        Known { digest: record.digest.clone(), record: Some(record), end: watch::Sender::new(None) }
    }

    fn counts(&self, instant: Instant, now: Timestamp) -> bool {
        let is_over = self.record.as_ref().is_some_and(|record| record.is_over(now));
        !is_over && self.end.borrow().is_none_or(|end| end > instant)
    }

    fn caller(&self) -> Caller {
        match &self.record {
            None => Caller::admin(),
            Some(record) => {
                let scope = record.scope();
                Caller { user: User::of_token(&record.name, &scope), scope }
            }
        }
    }
}

impl Tokens {
    /// The instance's own token, which counts until it is replaced, and those with names.
    pub fn new(own: &str, named: Vec<TokenRecord>) -> Tokens {
        let named = named.into_iter().map(Known::named);
        Tokens(Arc::new(Mutex::new([Known::own(own)].into_iter().chain(named).collect())))
    }

    /// From now on another token is the instance's own; those before it count only until `grace` has passed. Then what
    /// still runs with one of them (watches, followed logs, sessions) is cut. Tokens with names are left alone.
    pub fn replace(&self, own: &str, grace: Duration) {
        let now = Instant::now();
        let mut known = self.known();
        known.retain(|known| known.end.borrow().is_none_or(|end| end > now));
        for known in known.iter().filter(|known| known.record.is_none()) {
            known.end.send_modify(|end| *end = Some(end.unwrap_or(now + grace).min(now + grace)));
        }
        known.push(Known::own(own));
    }

    /// The tokens with names, by name.
    pub(crate) fn named(&self) -> Vec<TokenRecord> {
        let mut named: Vec<_> = self.known().iter().filter_map(|known| known.record.clone()).collect();
        named.sort_by(|one, other| one.name.cmp(&other.name));
        named
    }

    /// From now on these are the tokens with names. What runs with one that is not among them any more is cut.
    pub(crate) fn set_named(&self, named: Vec<TokenRecord>) {
        let mut known = self.known();
        known.retain(|known| {
            let stays = known.record.as_ref().is_none_or(|record| named.contains(record));
            if !stays {
                known.end.send_replace(Some(Instant::now()));
            }
            stays
        });
        let new = named.into_iter().filter(|new| !known.iter().any(|known| known.record.as_ref() == Some(new)));
        let new: Vec<Known> = new.map(Known::named).collect();
        known.extend(new);
    }

    /// Who shows a token, if it counts, and its end. Takes as long for any wrong token of the same length.
    pub(crate) fn holder_of(&self, shown: &[u8], now: Timestamp) -> Option<(Caller, End)> {
        let (instant, digest) = (Instant::now(), digest(shown));
        let mut found = None;
        for known in self.known().iter() {
            let is_same: bool = known.digest.as_bytes().ct_eq(digest.as_bytes()).into();
            if is_same && known.counts(instant, now) {
                let expires = known.record.as_ref().and_then(|record| record.expires);
                found = Some((known.caller(), End::told(known.end.subscribe(), expires, now)));
            }
        }
        found
    }

    fn known(&self) -> MutexGuard<'_, Vec<Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn record(name: &str, expires: Option<i64>) -> TokenRecord {
        let digest = digest(format!("token of {name}").as_bytes());
        let (namespaces, expires) = (Some(BTreeSet::from(["shop".to_owned()])), expires.map(at));
        TokenRecord { name: name.to_owned(), namespaces, read_only: true, created: at(0), expires, digest }
    }

    fn holder(tokens: &Tokens, token: &str, now: i64) -> Option<String> {
        tokens.holder_of(token.as_bytes(), at(now)).map(|(caller, _)| caller.user.name)
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_token_counts_until_its_grace_has_passed() {
        let tokens = Tokens::new("one", Vec::new());
        let known = |token: &str| holder(&tokens, token, 0).is_some();
        let end_of = |token: &str| tokens.holder_of(token.as_bytes(), at(0)).unwrap().1;
        let first = end_of("one");
        assert!(known("one") && !known("two") && !known("") && !known("onetwo"));
        tokens.replace("two", Duration::from_mins(1));
        assert!(known("one") && known("two"));
        let since = Instant::now();
        first.come().await;
        assert_eq!(since.elapsed(), Duration::from_mins(1));
        assert!(!known("one") && known("two"));

        // The next change does not wait for the grace of the one before.
        tokens.replace("three", Duration::from_mins(1));
        let second = end_of("two");
        tokens.replace("four", Duration::ZERO);
        second.come().await;
        assert_eq!(since.elapsed(), Duration::from_mins(1));
        assert!(!known("two") && !known("three") && known("four"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_named_token_counts_until_it_expires_or_is_revoked_whatever_becomes_of_the_instances_own() {
        let tokens = Tokens::new("own", vec![record("brief", Some(60)), record("ci", None)]);
        assert_eq!(holder(&tokens, "own", 0).as_deref(), Some("petset-admin"));
        assert_eq!(holder(&tokens, "token of brief", 59).as_deref(), Some("brief"));
        assert_eq!(holder(&tokens, "token of brief", 60), None);
        let since = Instant::now();
        tokens.holder_of(b"token of brief", at(50)).unwrap().1.come().await;
        assert_eq!(since.elapsed(), Duration::from_secs(10));

        tokens.replace("other", Duration::ZERO);
        let (caller, end) = tokens.holder_of(b"token of ci", at(1_000_000)).unwrap();
        assert_eq!((caller.user.name.as_str(), caller.scope), ("ci", record("ci", None).scope()));
        tokens.set_named(vec![record("other", None)]);
        end.come().await;
        assert_eq!(holder(&tokens, "token of ci", 0), None);
        assert_eq!(holder(&tokens, "token of other", 0).as_deref(), Some("other"));
        assert_eq!(holder(&tokens, "other", 0).as_deref(), Some("petset-admin"));
    }
}
