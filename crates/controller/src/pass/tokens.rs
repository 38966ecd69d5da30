//! The tokens of pods: made when they are asked for, kept until they are to be renewed, forgotten with the pod.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use jiff::Timestamp;
use plan::{
    config::{Ask, Octets, Token, renewed_at},
    facts::PodKey,
};

use crate::runtime::Mint;

/// The tokens of all pods. They are nowhere on disk but in the pods' own volumes: another daemon makes others.
#[derive(Default)]
pub(super) struct Tokens {
    mint: Option<Arc<dyn Mint>>,
    /// By pod, with its uid.
    made: BTreeMap<PodKey, (String, BTreeMap<Ask, Token>)>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the tokens of {} pods", self.made.len())
    }
}

impl Tokens {
    pub(super) fn of(mint: Arc<dyn Mint>) -> Tokens {
        Tokens { mint: Some(mint), made: BTreeMap::new() }
    }

    /// What a pod asks for, each made now where there is none that need not be renewed.
    pub(super) fn of_pod(
        &mut self,
        pod: &PodKey,
        uid: &str,
        asks: BTreeSet<Ask>,
        now: Timestamp,
    ) -> BTreeMap<Ask, Result<Token, String>> {
        if asks.is_empty() {
            return BTreeMap::new();
        }
        let (of, made) = self.made.entry(pod.clone()).or_default();
        if of != uid {
            *made = BTreeMap::new();
            uid.clone_into(of);
        }
        let mut all = BTreeMap::new();
        for ask in asks {
            let is_fresh = |token: &&Token| token.renewed_at > now;
            let token = match made.get(&ask).filter(is_fresh).cloned() {
                Some(token) => Ok(token),
                None => match &self.mint {
                    Some(mint) => mint.token(pod, uid, &ask).map(|(text, expires)| Token {
                        text: Octets::new(text.as_bytes()),
                        renewed_at: renewed_at(now, expires),
                    }),
                    None => Err("no tokens are made here".to_owned()),
                },
            };
            if let Ok(token) = &token {
                made.insert(ask.clone(), token.clone());
            }
            all.insert(ask, token);
        }
        all
    }

    /// Forgets those of a pod that is gone.
    pub(super) fn forget(&mut self, pod: &PodKey) {
        self.made.remove(pod);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Counts what it makes.
    #[derive(Default)]
    struct Counting(AtomicU32);

    impl Mint for Counting {
        fn token(&self, _: &PodKey, uid: &str, ask: &Ask) -> Result<(String, Timestamp), String> {
            let number = self.0.fetch_add(1, Ordering::SeqCst);
            let expires =
                Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(1_000 * i64::from(number) + ask.seconds);
            Ok((format!("{uid} {number}"), expires))
        }
    }

    #[test]
    fn a_token_is_kept_until_most_of_its_time_is_over_and_is_one_pods() {
        let mut tokens = Tokens::of(Arc::new(Counting::default()));
        let pod = PodKey { namespace: "default".to_owned(), name: "web-0".to_owned() };
        let ask = Ask { audience: String::new(), seconds: 1_000 };
        let mut at = |uid: &str, second: i64| {
            let now = Timestamp::from_second(second).unwrap();
            let made = tokens.of_pod(&pod, uid, [ask.clone()].into(), now);
            String::from_utf8(made[&ask].as_ref().unwrap().text.as_slice().to_vec()).unwrap()
        };
        assert_eq!([at("a", 0), at("a", 799), at("a", 800), at("b", 801)], ["a 0", "a 0", "a 1", "b 2"]);
    }
}
