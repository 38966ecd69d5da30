//! The credentials of a running daemon: the token changes when asked to, the certificates before they expire.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use jiff::{Timestamp, ToSpan as _};
use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use server::{TokenRecord, Tokens, Vault};

use crate::{
    config::Config,
    credentials::{self, Credentials, CredentialsError},
    named,
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

/// Changes credentials, one change at a time: on disk, in the kubeconfig, and then for the server. Clones share them.
#[derive(Clone)]
pub(crate) struct Keeper(Arc<Inner>);

/// What the clones share.
struct Inner {
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
        Ok(Keeper(Arc::new(Inner {
            config: config.clone(),
            hostname: hostname.to_owned(),
            address,
            tokens: Tokens::new(&credentials.token, credentials.named.clone()),
            credentials: Mutex::new(credentials),
        })))
    }

    /// The tokens that count.
    pub(crate) fn tokens(&self) -> Tokens {
        self.0.tokens.clone()
    }

    /// Makes another token and gives it. The old one counts for `grace`, at most until the daemon ends.
    ///
    /// Errors: nothing has changed.
    pub(crate) fn rotate(&self, grace: Duration) -> Result<String, CredentialsError> {
        let inner = &self.0;
        let mut credentials = inner.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        let old = credentials.change_token(&inner.config)?;
        if let Err(error) = credentials.write_kubeconfig(&inner.config, inner.address) {
            credentials.restore_token(&inner.config, old)?;
            return Err(error);
        }
        inner.tokens.replace(&credentials.token, grace);
        tracing::info!(grace_seconds = grace.as_secs(), "the token has been changed");
        Ok(credentials.token.clone())
    }

    /// Makes another authority and certificate where they are about to expire; says whether it did.
    pub(crate) fn renew(&self, now: Timestamp) -> Result<bool, CredentialsError> {
        let inner = &self.0;
        let mut credentials = inner.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        let soon = now.checked_add((DAYS_LEFT_MIN * 24).hours()).unwrap_or(Timestamp::MAX);
        if credentials.expires > soon {
            return Ok(false);
        }
        let (key, shown) = credentials.renew(&inner.config, &inner.hostname, now)?;
        credentials.write_kubeconfig(&inner.config, inner.address)?;
        // Last: whoever reads the kubeconfig now finds what the server shows in a moment.
        shown.0.store(Arc::new(key));
        tracing::warn!("the certificates were about to expire and have been renewed; clients need the new kubeconfig");
        Ok(true)
    }
}

#[async_trait]
impl Vault for Keeper {
    async fn rotate(&self, grace: Duration) -> Result<String, String> {
        let keeper = self.clone();
        aside(move || keeper.rotate(grace)).await
    }

    fn draw(&self) -> Result<String, String> {
        credentials::draw().map_err(told)
    }

    async fn save(&self, named: Vec<TokenRecord>) -> Result<(), String> {
        let keeper = self.clone();
        aside(move || named::save(&keeper.0.config.data_dir, named)).await
    }
}

/// Does what waits for a disk where nobody waits for it.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CredentialsError> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?.map_err(told)
}

fn told(error: CredentialsError) -> String {
    format!("{:#}", anyhow::Error::from(error))
}
