//! The tokens of ServiceAccounts: signed, so that nothing is kept of them.
//!
//! A token is a JWT (RFC 7519) with one algorithm, ES256. It is read only where its header is the one that we write: no token
//! chooses how it is checked.

use std::sync::Arc;

use api::{
    authz::TokenScope,
    kinds::token_request::{Claims, Reference},
    resource::{PODS, Resource, SECRETS, SERVICE_ACCOUNTS},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
    },
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use store::{Key, Store, WatchError};

use super::Caller;

/// What signs and reads the tokens of ServiceAccounts.
pub struct Signer {
    key: EcdsaKeyPair,
    random: SystemRandom,
    /// The header of every token, as it is written.
    header: String,
    /// Who signs, which is also whom tokens are for that say nothing else: `https://kubernetes.default.svc.cluster.local`.
    issuer: String,
}

/// Why a key signs nothing.
#[derive(Debug, thiserror::Error)]
#[error("the key for tokens of service accounts is no key for ES256: {0}")]
pub struct BadKey(String);

impl Signer {
    /// Takes a key (PKCS #8, curve P-256).
    pub fn new(pkcs8: &[u8], issuer: String) -> Result<Signer, BadKey> {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &random);
        let key = key.map_err(|error| BadKey(error.to_string()))?;
        let id = URL_SAFE_NO_PAD.encode(Sha256::digest(key.public_key()));
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": "ES256", "kid": id}).to_string());
        Ok(Signer { key, random, header, issuer })
    }

    /// One with a key of its own, which is gone with it.
    pub fn passing(issuer: String) -> Result<Signer, BadKey> {
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        Signer::new(key.map_err(|error| BadKey(error.to_string()))?.as_ref(), issuer)
    }

    /// Who signs.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// A token that says this. Errors: why there is none.
    pub(crate) fn sign(&self, claims: &Claims) -> Result<String, String> {
        let claims = serde_json::to_vec(claims).map_err(|error| error.to_string())?;
        let signed = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(claims));
        let signature = self.key.sign(&self.random, signed.as_bytes());
        let signature = signature.map_err(|_| "the system has no randomness to give".to_owned())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// What a token says, if it is one of ours.
    fn read(&self, token: &str) -> Option<Claims> {
        let (signed, signature) = token.rsplit_once('.')?;
        let claims = signed.strip_prefix(&self.header)?.strip_prefix('.')?;
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.key.public_key());
        public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }
}

/// A token of a ServiceAccount that was shown and counts: it can be asked whether it still does.
#[derive(Clone)]
pub(crate) struct Proof {
    claims: Arc<Claims>,
    store: Store,
}

impl Proof {
    /// What a token proves to one of these audiences, if it counts.
    pub(crate) fn of(
        signer: &Signer,
        store: &Store,
        token: &[u8],
        audiences: &[&str],
        now: Timestamp,
    ) -> Option<Proof> {
        let claims = signer.read(std::str::from_utf8(token).ok()?)?;
        let proof = Proof { claims: Arc::new(claims), store: store.clone() };
        let counts = proof.claims.are_for(&signer.issuer, audiences, now) && proof.holds(now);
        counts.then_some(proof)
    }

    pub(crate) fn caller(&self) -> Caller {
        Caller { user: self.claims.user(), scope: TokenScope::of_namespace(&self.claims.kubernetes.namespace) }
    }

    /// Whom it is for.
    pub(crate) fn audiences(&self) -> &[String] {
        &self.claims.aud
    }

    pub(crate) fn expires(&self) -> Timestamp {
        Timestamp::from_second(self.claims.exp).unwrap_or(Timestamp::MAX)
    }

    /// Whether the objects are there that it lives with.
    fn holds(&self, now: Timestamp) -> bool {
        self.objects().all(|(resource, reference)| {
            self.store.get(&self.key(resource, reference)).is_some_and(|object| reference.is_met_by(&object, now))
        })
    }

    fn objects(&self) -> impl Iterator<Item = (&'static Resource, &Reference)> {
        let objects = &self.claims.kubernetes;
        let account: (&'static Resource, &Reference) = (&SERVICE_ACCOUNTS, &objects.serviceaccount);
        let pod = objects.pod.iter().map(|pod| (&PODS, pod));
        let secret = objects.secret.iter().map(|secret| (&SECRETS, secret));
        std::iter::once(account).chain(pod).chain(secret)
    }

    fn key(&self, resource: &Resource, reference: &Reference) -> Key {
        Key::new(&resource.qualified(), &self.claims.kubernetes.namespace, &reference.name)
    }

    /// Returns when one of the objects is gone. Its expiry is the caller's to wait for.
    pub(crate) async fn lost(&self) {
        let keys: Vec<Key> = self.objects().map(|(resource, reference)| self.key(resource, reference)).collect();
        loop {
            // From before the look: what changes in between is told.
            let watch = self.store.watch(None, self.store.revision());
            // A grace period that runs out meanwhile ends in a deletion, which is told.
            if !self.holds(Timestamp::MIN) {
                return;
            }
            let Ok(mut watch) = watch else { return };
            loop {
                match watch.next().await {
                    Ok(event) if keys.contains(&event.key) => break,
                    Ok(_) => {}
                    Err(WatchError::Closed) => return,
                    // It fell behind: it looks, and goes on from there.
                    Err(_) => break,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use api::kinds::token_request::Objects;

    use super::*;

    fn signer() -> Signer {
        Signer::passing("https://petset".to_owned()).unwrap()
    }

    fn claims() -> Claims {
        let serviceaccount = Reference { name: "robot".to_owned(), uid: "1".to_owned() };
        Claims {
            aud: vec!["https://petset".to_owned()],
            exp: 2,
            iat: 1,
            iss: "https://petset".to_owned(),
            jti: "j".to_owned(),
            kubernetes: Objects { namespace: "shop".to_owned(), pod: None, secret: None, serviceaccount },
            nbf: 1,
            sub: "system:serviceaccount:shop:robot".to_owned(),
        }
    }

    #[test]
    fn a_token_is_read_only_as_it_was_signed() {
        let signer = signer();
        let token = signer.sign(&claims()).unwrap();
        assert_eq!(signer.read(&token), Some(claims()));
        assert_eq!(self::signer().read(&token), None, "another key");

        let [header, body, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
        let other = URL_SAFE_NO_PAD.encode(json!({"sub": "admin"}).to_string());
        let unsigned = URL_SAFE_NO_PAD.encode(json!({"alg": "none"}).to_string());
        let shared = URL_SAFE_NO_PAD.encode(json!({"alg": "HS256"}).to_string());
        for wrong in [
            format!("{header}.{other}.{signature}"),
            format!("{header}.{body}."),
            format!("{header}.{body}"),
            format!("{header}.{body}.{signature}x"),
            format!("{header}.{body}.{signature}="),
            format!("{unsigned}.{body}."),
            format!("{unsigned}.{body}.{signature}"),
            format!("{shared}.{body}.{signature}"),
            format!("{header}..{signature}"),
            format!(" {token}"),
            format!("{token}."),
            String::new(),
        ] {
            assert_eq!(signer.read(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_of_another_kind_is_refused() {
        assert!(Signer::new(b"no key", String::new()).is_err());
    }
}
