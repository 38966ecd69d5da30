//! The credentials of a running daemon: the token changes when asked to, the certificates before they expire.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use jiff::{Timestamp, ToSpan as _};
use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use server::Tokens;

use crate::{
    config::Config,
    credentials::{Credentials, CredentialsError},
};

/// How often the certificates' end is looked at. By the wall clock: a machine that slept for a month is not surprised.
pub(crate) const LOOK_INTERVAL: Duration = Duration::from_hours(6);

/// How long before its end the authority of a running daemon is replaced. A start replaces it much earlier, so that this
/// is seldom needed.
const DAYS_LEFT_MIN: i64 = 30;

/// The server's certificate, which may be exchanged while it serves.
#[derive(Debug)]
pub(crate) struct Shown(ArcSwap<CertifiedKey>);

impl Shown {
    pub(crate) fn new(key: CertifiedKey) -> Shown {
        Shown(ArcSwap::from_pointee(key))
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

/// Changes credentials, one change at a time: on disk, in the kubeconfig, and then for the server.
pub(crate) struct Keeper {
    config: Config,
    hostname: String,
    /// Where the API listens.
    address: SocketAddr,
    tokens: Tokens,
    credentials: Mutex<Credentials>,
}

impl Keeper {
    /// Takes over, and writes the kubeconfig for the address.
    pub(crate) fn begin(
        config: &Config,
        hostname: &str,
        address: SocketAddr,
        credentials: Credentials,
    ) -> Result<Keeper, CredentialsError> {
        credentials.write_kubeconfig(config, address)?;
        Ok(Keeper {
            config: config.clone(),
            hostname: hostname.to_owned(),
            address,
            tokens: Tokens::new(credentials.token.clone()),
            credentials: Mutex::new(credentials),
        })
    }

    /// The tokens that count.
    pub(crate) fn tokens(&self) -> Tokens {
        self.tokens.clone()
    }

    /// Makes another token and gives it. The old one counts for `grace`, at most until the daemon ends.
    ///
    /// Errors: nothing has changed.
    pub(crate) fn rotate(&self, grace: Duration) -> Result<String, CredentialsError> {
        let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        let old = credentials.change_token(&self.config)?;
        if let Err(error) = credentials.write_kubeconfig(&self.config, self.address) {
            credentials.restore_token(&self.config, old)?;
            return Err(error);
        }
        self.tokens.replace(credentials.token.clone(), grace);
        tracing::info!(grace_seconds = grace.as_secs(), "the token has been changed");
        Ok(credentials.token.clone())
    }

    /// Makes another authority and certificate where they are about to expire; says whether it did.
    pub(crate) fn renew(&self, now: Timestamp) -> Result<bool, CredentialsError> {
        let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        let soon = now.checked_add((DAYS_LEFT_MIN * 24).hours()).unwrap_or(Timestamp::MAX);
        if credentials.expires > soon {
            return Ok(false);
        }
        let (key, shown) = credentials.renew(&self.config, &self.hostname, now)?;
        credentials.write_kubeconfig(&self.config, self.address)?;
        // Last: whoever reads the kubeconfig now finds what the server shows in a moment.
        shown.0.store(Arc::new(key));
        tracing::warn!("the certificates were about to expire and have been renewed; clients need the new kubeconfig");
        Ok(true)
    }
}
