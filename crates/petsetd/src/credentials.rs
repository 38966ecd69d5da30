//! How clients know the daemon, and the daemon its clients: a certificate authority, a token, a kubeconfig.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::{crypto::CryptoProvider, server::ResolvesServerCert, sign::CertifiedKey};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use server::TokenRecord;

use crate::config::{Config, DEFAULT_INSTANCE};
use crate::keeper::Shown;
use crate::named;
use crate::private::{self, PrivateError};

/// How long a certificate authority lasts.
const CA_YEARS: i64 = 10;

/// How much of its time it must still have at a start, or another is made: longer than a daemon runs.
const CA_YEARS_LEFT_MIN: i64 = 1;

/// The size of the token: nobody guesses 256 bits.
const TOKEN_BYTES: usize = 32;

/// Stands before the time in the authority's file. Readers of PEM skip what stands outside of its blocks.
const EXPIRY: &str = "# expires ";

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialsError {
    #[error(transparent)]
    File(#[from] PrivateError),
    #[error("make a certificate")]
    Certificate(#[from] rcgen::Error),
    #[error("use the certificate")]
    Tls(#[from] rustls::Error),
    #[error("{file} in {} cannot be read; remove it to have another made", dir.display())]
    Unreadable { file: &'static str, dir: std::path::PathBuf },
    #[error(transparent)]
    Signer(#[from] server::BadKey),
    #[error("the system has no randomness to give")]
    Random,
}

/// What the server shows and asks for.
pub(crate) struct Credentials {
    /// What HTTPS clients show who may do everything.
    pub(crate) token: String,
    /// The tokens with names, as they are written down.
    pub(crate) named: Vec<TokenRecord>,
    /// The server's side of TLS, with a certificate of this start.
    pub(crate) tls: rustls::ServerConfig,
    /// When its certificate and the authority's stop to hold.
    pub(crate) expires: Timestamp,
    /// The authority's certificate, which clients trust.
    ca: String,
    /// What the server shows.
    shown: Arc<Shown>,
}

/// The file of the authority's certificate in the data directory.
const CA_FILE: &str = "ca.crt";
/// The file of its key.
const CA_KEY_FILE: &str = "ca.key";
/// The file of the token.
const TOKEN_FILE: &str = "token";
/// The file for clients.
pub(crate) const KUBECONFIG_FILE: &str = "kubeconfig";

impl Credentials {
    /// Reads the instance's credentials; makes what is missing or about to expire.
    ///
    /// The server's own key and certificate are made at each start and never written down: they cannot leak, and
    /// cannot expire before the authority that signs them.
    pub(crate) fn load(config: &Config, hostname: &str, now: Timestamp) -> Result<Credentials, CredentialsError> {
        let dir = &config.data_dir;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let token = load_token(dir)?;
        let named = named::load(dir)?;
        let authority = match Authority::read(dir)? {
            Some(authority) if authority.expires > years_after(now, CA_YEARS_LEFT_MIN) => authority,
            Some(_) | None => Authority::make(dir, &config.instance, now)?,
        };
        let shown = Arc::new(Shown::new(certified(config, hostname, &authority, now, &provider)?));
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(&shown) as _;
        // TLS 1.2 and 1.3, and of 1.2 only what keeps its secrets when a key leaks.
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        let Authority { certificate: ca, expires, .. } = authority;
        Ok(Credentials { token, named, tls, expires, ca, shown })
    }

    /// The certificate that clients trust, in PEM.
    pub(crate) fn certificate(&self) -> &str {
        block_of(&self.ca)
    }

    /// Makes another token and writes it down; gives the old one.
    pub(crate) fn change_token(&mut self, config: &Config) -> Result<String, CredentialsError> {
        let new = make_token(&config.data_dir)?;
        Ok(std::mem::replace(&mut self.token, new))
    }

    /// Puts a token back.
    pub(crate) fn restore_token(&mut self, config: &Config, token: String) -> Result<(), CredentialsError> {
        write_token(&config.data_dir, &token)?;
        self.token = token;
        Ok(())
    }

    /// Makes another authority; gives the certificate that the server is to show, and where.
    pub(crate) fn renew(
        &mut self,
        config: &Config,
        hostname: &str,
        now: Timestamp,
    ) -> Result<(CertifiedKey, Arc<Shown>), CredentialsError> {
        let provider = rustls::crypto::ring::default_provider();
        let authority = Authority::make(&config.data_dir, &config.instance, now)?;
        let key = certified(config, hostname, &authority, now, &provider)?;
        (self.ca, self.expires) = (authority.certificate, authority.expires);
        Ok((key, Arc::clone(&self.shown)))
    }

    /// Writes the kubeconfig for a server that listens at `address`.
    pub(crate) fn write_kubeconfig(&self, config: &Config, address: SocketAddr) -> Result<(), CredentialsError> {
        let name = match config.instance.as_str() {
            DEFAULT_INSTANCE => "petset".to_owned(),
            instance => format!("petset-{instance}"),
        };
        let ca = base64::engine::general_purpose::STANDARD.encode(self.certificate());
        let (server, token) = (url(address), &self.token);
        // Names, addresses and base64 need no quotes; a library would fold the long line.
        let text = format!(
            "apiVersion: v1\n\
             kind: Config\n\
             current-context: {name}\n\
             clusters:\n\
             - name: {name}\n\
             \x20 cluster:\n\
             \x20   server: {server}\n\
             \x20   certificate-authority-data: {ca}\n\
             users:\n\
             - name: {name}\n\
             \x20 user:\n\
             \x20   token: \"{token}\"\n\
             contexts:\n\
             - name: {name}\n\
             \x20 context:\n\
             \x20   cluster: {name}\n\
             \x20   user: {name}\n\
             \x20   namespace: default\n"
        );
        Ok(private::keep(&config.data_dir.join(KUBECONFIG_FILE), &text)?)
    }
}

/// The PEM block of a file, without what stands before it: not every client skips that.
fn block_of(pem: &str) -> &str {
    pem.find("-----BEGIN").map_or(pem, |start| &pem[start..])
}

/// How clients on this machine reach the server.
pub(crate) fn url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        ip => ip,
    };
    format!("https://{}", SocketAddr::new(ip, address.port()))
}

fn load_token(dir: &Path) -> Result<String, CredentialsError> {
    let path = dir.join(TOKEN_FILE);
    // What RFC 6750 allows in a header, should somebody have written a token of their own.
    if let Some(text) = private::read(&path)? {
        let token = text.trim();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(&byte)) {
            return Err(CredentialsError::Unreadable { file: TOKEN_FILE, dir: dir.to_owned() });
        }
        return Ok(token.to_owned());
    }
    make_token(dir)
}

fn make_token(dir: &Path) -> Result<String, CredentialsError> {
    let token = draw()?;
    write_token(dir, &token)?;
    Ok(token)
}

/// A new token, which nobody guesses.
pub(crate) fn draw() -> Result<String, CredentialsError> {
    let mut bytes = [0; TOKEN_BYTES];
    let provider = rustls::crypto::ring::default_provider();
    provider.secure_random.fill(&mut bytes).map_err(|_| CredentialsError::Random)?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}

fn write_token(dir: &Path, token: &str) -> Result<(), CredentialsError> {
    Ok(private::write(&dir.join(TOKEN_FILE), &format!("{token}\n"))?)
}

/// A certificate of this start, with its key.
fn certified(
    config: &Config,
    hostname: &str,
    authority: &Authority,
    now: Timestamp,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, CredentialsError> {
    let (chain, key) = authority.sign(&config.instance, &subject_names(config, hostname), now)?;
    Ok(CertifiedKey::from_der(chain, key, provider)?)
}

/// The names and addresses under which the server is known besides those of loopback, in lower case.
pub(crate) fn names(config: &Config, hostname: &str) -> Vec<String> {
    let domain = format!("kubernetes.default.svc.{}", config.domain);
    let fixed = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", &domain, hostname];
    let mut names: Vec<String> = fixed.map(str::to_ascii_lowercase).to_vec();
    if !config.listen.ip().is_unspecified() && !config.listen.ip().is_loopback() {
        names.push(config.listen.ip().to_string());
    }
    names.extend(config.listen_names.iter().cloned());
    names
}

/// All names of the server's certificate.
fn subject_names(config: &Config, hostname: &str) -> Vec<SanType> {
    let listen = Some(config.listen.ip()).filter(IpAddr::is_loopback).map(|address| address.to_string());
    let mut all = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    all.extend(listen.filter(|address| !["127.0.0.1", "::1"].contains(&address.as_str())));
    all.extend(names(config, hostname));
    let subject = |name: String| match name.parse::<IpAddr>() {
        Ok(address) => Some(SanType::IpAddress(address)),
        Err(_) => Some(SanType::DnsName(name.try_into().ok()?)),
    };
    all.into_iter().filter_map(subject).collect()
}

/// What signs the server's certificates.
struct Authority {
    key: KeyPair,
    /// PEM, with its expiry before it.
    certificate: String,
    expires: Timestamp,
}

impl Authority {
    fn read(dir: &Path) -> Result<Option<Authority>, CredentialsError> {
        let unreadable = |file| CredentialsError::Unreadable { file, dir: dir.to_owned() };
        let (Some(certificate), Some(key)) =
            (private::read(&dir.join(CA_FILE))?, private::read(&dir.join(CA_KEY_FILE))?)
        else {
            return Ok(None);
        };
        let key = KeyPair::from_pem(&key).map_err(|_| unreadable(CA_KEY_FILE))?;
        let expires = certificate.lines().next().and_then(|line| line.strip_prefix(EXPIRY)?.parse().ok());
        let expires = expires.ok_or_else(|| unreadable(CA_FILE))?;
        CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(|_| unreadable(CA_FILE))?;
        Ok(Some(Authority { key, certificate, expires }))
    }

    /// The key is written first: a crash in between leaves a key without a certificate, and both are made anew.
    fn make(dir: &Path, instance: &str, now: Timestamp) -> Result<Authority, CredentialsError> {
        let key = KeyPair::generate()?;
        let expires = years_after(now, CA_YEARS);
        let mut params = Authority::params(instance);
        set_validity(&mut params, now, expires);
        let certificate = format!("{EXPIRY}{expires}\n{}", params.self_signed(&key)?.pem());
        let _ = std::fs::remove_file(dir.join(CA_FILE));
        private::write(&dir.join(CA_KEY_FILE), &key.serialize_pem())?;
        private::write(&dir.join(CA_FILE), &certificate)?;
        Ok(Authority { key, certificate, expires })
    }

    /// What every certificate of this authority has to agree with; it must stay as it is for those that exist.
    fn params(instance: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, format!("petset {instance} authority"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
    }

    fn sign(
        &self,
        instance: &str,
        names: &[SanType],
        now: Timestamp,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "petsetd");
        params.subject_alt_names = names.to_vec();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        set_validity(&mut params, now, self.expires);
        let issuer = Issuer::new(Authority::params(instance), &self.key);
        let certificate = params.signed_by(&key, &issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok((vec![certificate.der().clone()], key))
    }
}

fn years_after(time: Timestamp, years: i64) -> Timestamp {
    let then = time.to_zoned(TimeZone::UTC).checked_add(years.years());
    then.map_or(Timestamp::MAX, |then| then.timestamp())
}

/// A certificate holds from the day before, for clients whose clock is behind.
fn set_validity(params: &mut CertificateParams, now: Timestamp, expires: Timestamp) {
    let yesterday = now.checked_sub(24.hours()).unwrap_or(Timestamp::MIN);
    let day = |time: Timestamp| {
        let day = time.to_zoned(TimeZone::UTC).date();
        rcgen::date_time_ymd(day.year().into(), day.month().unsigned_abs(), day.day().unsigned_abs())
    };
    (params.not_before, params.not_after) = (day(yesterday), day(expires));
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Duration;

    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};
    use serde_json::json;

    use super::*;
    use crate::keeper::Keeper;

    fn config(dir: &Path) -> Config {
        Config::for_tests(dir)
    }

    fn load(dir: &Path, now: Timestamp) -> Credentials {
        Credentials::load(&config(dir), "build-7", now).unwrap()
    }

    fn trust(dir: &Path) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(dir.join(CA_FILE)).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Arc::new(client.with_root_certificates(roots).with_no_client_auth())
    }

    /// Whether a client that trusts the authority accepts the server under a name.
    fn shakes_hands(credentials: Credentials, client: Arc<ClientConfig>, name: &'static str) -> bool {
        let mut server = ServerConnection::new(Arc::new(credentials.tls)).unwrap();
        let mut client = ClientConnection::new(client, name.try_into().unwrap()).unwrap();
        while client.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets().unwrap();
            let mut wire = Vec::new();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            if client.process_new_packets().is_err() {
                return false;
            }
        }
        true
    }

    #[test]
    fn a_client_that_trusts_the_authority_accepts_the_server_of_every_start() {
        let dir = tempfile::tempdir().unwrap();
        load(dir.path(), Timestamp::now());
        let client = trust(dir.path());
        for name in ["127.0.0.1", "::1", "localhost", "kubernetes.default.svc", "build-7"] {
            assert!(shakes_hands(load(dir.path(), Timestamp::now()), client.clone(), name), "{name}");
        }
        assert!(!shakes_hands(load(dir.path(), Timestamp::now()), client, "example.com"));
    }

    #[test]
    fn an_authority_about_to_expire_is_replaced_and_the_token_stays() {
        let dir = tempfile::tempdir().unwrap();
        let long_ago = years_after(Timestamp::now(), -10);
        let first = load(dir.path(), long_ago);
        let same = load(dir.path(), years_after(long_ago, 8));
        let next = load(dir.path(), Timestamp::now());
        assert_eq!(first.ca, same.ca);
        assert_ne!(first.ca, next.ca);
        assert_eq!(first.token, next.token);
        assert!(shakes_hands(next, trust(dir.path()), "localhost"));
    }

    #[test]
    fn secrets_are_their_owners_alone_and_refused_where_they_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let credentials = load(dir.path(), Timestamp::now());
        credentials.write_kubeconfig(&config(dir.path()), "127.0.0.1:7474".parse().unwrap()).unwrap();
        for file in [CA_KEY_FILE, TOKEN_FILE, KUBECONFIG_FILE] {
            let path = dir.path().join(file);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        }
        let error = Credentials::load(&config(dir.path()), "build-7", Timestamp::now()).map(|_| ()).unwrap_err();
        assert!(error.to_string().ends_with(&format!("run: chmod 600 {}", dir.path().join(TOKEN_FILE).display())));
    }

    #[test]
    fn a_further_name_is_in_the_certificate() {
        let dir = tempfile::tempdir().unwrap();
        let names = vec!["petset.example".to_owned(), "192.0.2.7".to_owned()];
        let config = Config { listen_names: names, ..config(dir.path()) };
        for name in ["petset.example", "192.0.2.7", "localhost"] {
            let credentials = Credentials::load(&config, "build-7", Timestamp::now()).unwrap();
            assert!(shakes_hands(credentials, trust(dir.path()), name), "{name}");
        }
    }

    #[test]
    fn the_token_is_changed_on_disk_in_the_kubeconfig_and_for_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path());
        let first = load(dir.path(), Timestamp::now());
        let old = first.token.clone();
        let keeper = Keeper::begin(&config, "build-7", "127.0.0.1:7474".parse().unwrap(), first).unwrap();
        let new = keeper.rotate(Duration::ZERO).unwrap();
        assert_ne!(old, new);
        let path = dir.path().join(KUBECONFIG_FILE);
        let kubeconfig = fs::read_to_string(&path).unwrap();
        assert!(kubeconfig.contains(&new) && !kubeconfig.contains(&old));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(load(dir.path(), Timestamp::now()).token, new);

        // A kubeconfig that cannot be written leaves everything as it was.
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        keeper.rotate(Duration::ZERO).unwrap_err();
        assert_eq!(load(dir.path(), Timestamp::now()).token, new);
    }

    #[test]
    fn certificates_are_renewed_while_the_daemon_runs() {
        let dir = tempfile::tempdir().unwrap();
        let now = Timestamp::now();
        let credentials = load(dir.path(), years_after(now, -9));
        let tls = credentials.tls.clone();
        let old = trust(dir.path());
        let keeper =
            Keeper::begin(&config(dir.path()), "build-7", "127.0.0.1:1".parse().unwrap(), credentials).unwrap();
        assert!(!keeper.renew(now).unwrap());
        assert!(keeper.renew(years_after(now, 1)).unwrap());
        assert!(!keeper.renew(years_after(now, 1)).unwrap());
        let shown = Credentials { tls, ..load(dir.path(), now) };
        let kubeconfig = fs::read_to_string(dir.path().join(KUBECONFIG_FILE)).unwrap();
        let ca = base64::engine::general_purpose::STANDARD.encode(block_of(&shown.ca));
        assert!(kubeconfig.contains(&ca));
        assert!(!shakes_hands(shown, old, "localhost"));
    }

    #[test]
    fn nothing_older_than_tls_1_2_is_spoken() {
        let dir = tempfile::tempdir().unwrap();
        load(dir.path(), Timestamp::now());
        let client = |versions: &[&'static rustls::SupportedProtocolVersion]| {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(dir.path().join(CA_FILE)).unwrap()).unwrap();
            let client = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
            Arc::new(client.with_root_certificates(roots).with_no_client_auth())
        };
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            assert!(shakes_hands(load(dir.path(), Timestamp::now()), client(&[version]), "localhost"), "{version:?}");
        }
        // A greeting of TLS 1.1, which says its version in two places.
        let mut server = ServerConnection::new(Arc::new(load(dir.path(), Timestamp::now()).tls)).unwrap();
        let mut hello = vec![22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2];
        hello.extend([7; 32]);
        hello.extend([0, 0, 2, 0xc0, 0x13, 1, 0]);
        server.read_tls(&mut hello.as_slice()).unwrap();
        let refused = server.process_new_packets().unwrap_err();
        assert!(refused.to_string().contains("peer is incompatible"), "{refused}");
    }

    #[test]
    fn a_key_that_cannot_be_read_is_named() {
        let dir = tempfile::tempdir().unwrap();
        load(dir.path(), Timestamp::now());
        private::write(&dir.path().join(CA_KEY_FILE), "no key").unwrap();
        let error = Credentials::load(&config(dir.path()), "build-7", Timestamp::now()).map(|_| ()).unwrap_err();
        let expected = format!("ca.key in {} cannot be read; remove it to have another made", dir.path().display());
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn the_kubeconfig_has_all_that_a_client_needs() {
        let dir = tempfile::tempdir().unwrap();
        let credentials = load(dir.path(), Timestamp::now());
        let read = |config: &Config| -> serde_json::Value {
            credentials.write_kubeconfig(config, "0.0.0.0:45001".parse().unwrap()).unwrap();
            serde_saphyr::from_str(&fs::read_to_string(dir.path().join(KUBECONFIG_FILE)).unwrap()).unwrap()
        };
        let ca = base64::engine::general_purpose::STANDARD.encode(block_of(&credentials.ca));
        for (instance, name) in [("default", "petset"), ("ci", "petset-ci")] {
            let config = Config { instance: instance.to_owned(), ..config(dir.path()) };
            let expected = json!({
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": name,
                "clusters": [{
                    "name": name,
                    "cluster": {"server": "https://127.0.0.1:45001", "certificate-authority-data": ca},
                }],
                "users": [{"name": name, "user": {"token": credentials.token}}],
                "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "default"}}],
            });
            assert_eq!(read(&config), expected);
        }
    }
}
