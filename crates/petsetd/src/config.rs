//! What the daemon is told: every setting with its value and its origin.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::Ipv4Net;
use plan::schedule::BetweenPods;
use tracing_subscriber::EnvFilter;

use crate::setting::{
    ALLOW_HOST_PATH, ALLOW_PRIVILEGED, CLAIM_SIZES, DATA_DIR, DNS_LISTEN, DOCKER_HOST, DOMAIN, FileError, Given,
    INSTANCE, LISTEN, LISTEN_ANYWHERE, LISTEN_NAME, LOG, LOG_FORMAT, Origin, POD_AFFINITY, RUNTIME_DIR, SETTINGS,
    SOCKET, SUBNET, Sources, UPSTREAM, setting,
};

/// The instance that is meant where none is named.
pub(crate) const DEFAULT_INSTANCE: &str = "default";

/// The longest name of an instance: Docker's names hold it together with a namespace and a pod.
const INSTANCE_CHARS_MAX: usize = 20;

/// The directory in the data directory that pods may always mount: volumes that are made by hand.
pub(crate) const HOST_VOLUMES_DIR: &str = "host-volumes";

/// The longest path of a unix socket that every Unix takes.
const SOCKET_BYTES_MAX: usize = 103;

/// The port of DNS.
const DNS_PORT: u16 = 53;

/// The words for what the size of a claim means.
const ENFORCED: &str = "enforced";
const RECORDED: &str = "recorded";

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// All settings, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) instance: String,
    pub(crate) data_dir: PathBuf,
    pub(crate) runtime_dir: PathBuf,
    pub(crate) listen: SocketAddr,
    /// Further names and addresses under which clients reach the API, in lower case.
    pub(crate) listen_names: Vec<String>,
    pub(crate) socket: PathBuf,
    /// `None` leaves it to Docker's default.
    pub(crate) docker_host: Option<String>,
    /// `None` leaves the choice to the daemon.
    pub(crate) subnet: Option<Ipv4Net>,
    pub(crate) domain: String,
    pub(crate) dns_listen: SocketAddr,
    /// `None` means those of the host.
    pub(crate) upstreams: Option<Vec<SocketAddr>>,
    /// What pods may mount, the instance's own directory for that among it.
    pub(crate) host_paths: Vec<PathBuf>,
    pub(crate) allow_privileged: bool,
    pub(crate) pod_affinity: BetweenPods,
    /// Whether a volume holds no more than its claim asks for.
    pub(crate) enforces_sizes: bool,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
    /// Every setting as text, in the order of [`SETTINGS`].
    pub(crate) shown: Vec<Shown>,
}

/// A setting for the eye.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) origin: Origin,
}

/// Why the settings do not make a configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("{origin}: `{value}` is not {expected}")]
    Value { origin: Origin, value: String, expected: &'static str },
    #[error(
        "{origin}: {address} can be reached from other machines; where that is wanted, add --{LISTEN_ANYWHERE} ({}=true)",
        setting(LISTEN_ANYWHERE).variable()
    )]
    NotLoopback { origin: Origin, address: SocketAddr },
    #[error("{origin}: {} is longer than the {SOCKET_BYTES_MAX} bytes of a socket's path; name a shorter one with --{SOCKET}", path.display())]
    SocketPath { origin: Origin, path: PathBuf },
    #[error("neither HOME nor XDG_DATA_HOME says where data is kept; name a directory with --{DATA_DIR}")]
    NoHome,
    #[error(transparent)]
    File(#[from] FileError),
}

impl Config {
    /// Reads the configuration file, if there is one, and settles every setting.
    ///
    /// A file that is named must be there; the usual ones need not.
    pub(crate) fn load(mut sources: Sources, named: Option<&Path>, is_root: bool) -> Result<Config, ConfigError> {
        if let Some(path) = named.map(Path::to_owned).or_else(|| usual_file(&sources, is_root)) {
            match std::fs::read_to_string(&path) {
                Ok(text) => sources.read_file(&path, &text)?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => {}
                Err(source) => return Err(FileError::Read { path, source }.into()),
            }
        }
        Config::settle(&sources, is_root)
    }

    /// The defaults, with everything in one directory.
    #[cfg(test)]
    pub(crate) fn for_tests(dir: &Path) -> Config {
        let config = Config::settle(&Sources::default(), true).expect("the defaults are right");
        let (data_dir, runtime_dir) = (dir.to_owned(), dir.join("run"));
        Config { socket: runtime_dir.join("petsetd.sock"), data_dir, runtime_dir, ..config }
    }

    /// Decides every setting from what the sources say.
    fn settle(sources: &Sources, is_root: bool) -> Result<Config, ConfigError> {
        let mut reader = Reader { sources, shown: Vec::new() };
        let instance = reader.read(INSTANCE, instance_name, || Ok(DEFAULT_INSTANCE.to_owned()), String::clone)?;
        let place = Place { sources, is_root, instance: &instance };
        let data_dir = reader.read(DATA_DIR, absolute, || place.data_dir(), |path| path_text(path))?;
        let runtime_dir =
            reader.read(RUNTIME_DIR, absolute, || Ok(place.runtime_dir(&data_dir)), |path| path_text(path))?;
        let usual_port = |port| if instance == DEFAULT_INSTANCE { port } else { 0 };
        let loopback = |port| Ok(SocketAddr::from(([127, 0, 0, 1], usual_port(port))));
        let listen = reader.read(LISTEN, address, || loopback(7474), SocketAddr::to_string)?;
        let anywhere = reader.read(LISTEN_ANYWHERE, switch, || Ok(false), bool::to_string)?;
        let listen_names = reader.list(LISTEN_NAME, listen_name, "none", String::clone)?.unwrap_or_default();
        let socket = reader.read(SOCKET, absolute, || Ok(runtime_dir.join("petsetd.sock")), |path| path_text(path))?;
        let docker_host = reader.optional(DOCKER_HOST, docker_host, "unix:///var/run/docker.sock", String::clone)?;
        let subnet = reader.optional(SUBNET, subnet, "chosen", Ipv4Net::to_string)?;
        let domain = reader.read(DOMAIN, domain, || Ok("cluster.local".to_owned()), String::clone)?;
        let dns_listen = reader.read(DNS_LISTEN, address, || loopback(10053), SocketAddr::to_string)?;
        let upstreams = reader.list(UPSTREAM, upstream, "of the host", SocketAddr::to_string)?;
        let own = data_dir.join(HOST_VOLUMES_DIR);
        let host_paths = reader.list(ALLOW_HOST_PATH, prefix, &path_text(&own), |path| path_text(path))?;
        let host_paths = host_paths.into_iter().flatten().chain([own]).collect();
        let allow_privileged = reader.read(ALLOW_PRIVILEGED, switch, || Ok(false), bool::to_string)?;
        let pod_affinity =
            reader.read(POD_AFFINITY, between_pods, || Ok(BetweenPods::Required), |how| word_of(*how).to_owned())?;
        let enforces_sizes = reader.read(
            CLAIM_SIZES,
            claim_sizes,
            || Ok(false),
            |enforces| if *enforces { ENFORCED } else { RECORDED }.to_owned(),
        )?;
        let log = reader.read(LOG, filter, || Ok("info".to_owned()), String::clone)?;
        let log_format = reader.read(
            LOG_FORMAT,
            log_format,
            || Ok(LogFormat::Text),
            |format| {
                let text = match format {
                    LogFormat::Text => "text",
                    LogFormat::Json => "json",
                };
                text.to_owned()
            },
        )?;

        for (name, address) in [(LISTEN, listen), (DNS_LISTEN, dns_listen)] {
            if !anywhere && !address.ip().is_loopback() {
                return Err(ConfigError::NotLoopback { origin: reader.origin(name), address });
            }
        }
        if socket.as_os_str().len() > SOCKET_BYTES_MAX {
            return Err(ConfigError::SocketPath { origin: reader.origin(SOCKET), path: socket });
        }
        let shown = reader.shown;
        debug_assert!(shown.iter().map(|shown| shown.name).eq(SETTINGS.iter().map(|setting| setting.name)));
        Ok(Config {
            instance,
            data_dir,
            runtime_dir,
            listen,
            listen_names,
            socket,
            docker_host,
            subnet,
            domain,
            dns_listen,
            upstreams,
            host_paths,
            allow_privileged,
            pod_affinity,
            enforces_sizes,
            log,
            log_format,
            shown,
        })
    }
}

/// Where a configuration file is looked for.
fn usual_file(sources: &Sources, is_root: bool) -> Option<PathBuf> {
    if is_root {
        return Some("/etc/petset/petsetd.toml".into());
    }
    let home = || Some(Path::new(sources.variable("HOME")?).join(".config"));
    let config = sources.variable("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home)?;
    Some(config.join("petset/petsetd.toml"))
}

/// The directories of an instance, by the XDG base directory specification; petctl finds them by the same rules.
struct Place<'a> {
    sources: &'a Sources,
    is_root: bool,
    instance: &'a str,
}

impl Place<'_> {
    fn data_dir(&self) -> Result<PathBuf, ConfigError> {
        if self.is_root {
            return Ok(Path::new("/var/lib/petset").join(self.instance));
        }
        let home = || Some(Path::new(self.sources.variable("HOME")?).join(".local/share"));
        let data = self.sources.variable("XDG_DATA_HOME").map(PathBuf::from).or_else(home);
        Ok(data.ok_or(ConfigError::NoHome)?.join("petset").join(self.instance))
    }

    fn runtime_dir(&self, data_dir: &Path) -> PathBuf {
        if self.is_root {
            return Path::new("/run/petset").join(self.instance);
        }
        match self.sources.variable("XDG_RUNTIME_DIR") {
            Some(runtime) => Path::new(runtime).join("petset").join(self.instance),
            None => data_dir.join("run"),
        }
    }
}

/// A value, or what it should have been.
type Parsed<T> = Result<T, &'static str>;

/// Reads settings one after the other, and notes what it read.
struct Reader<'a> {
    sources: &'a Sources,
    shown: Vec<Shown>,
}

impl Reader<'_> {
    fn read<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Parsed<T>,
        default: impl FnOnce() -> Result<T, ConfigError>,
        show: impl Fn(&T) -> String,
    ) -> Result<T, ConfigError> {
        let (value, origin) = match self.given(name, parse)? {
            Some((mut values, origin)) => (values.remove(0), origin),
            None => (default()?, Origin::Default),
        };
        self.shown.push(Shown { name, value: show(&value), origin });
        Ok(value)
    }

    fn optional<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Parsed<T>,
        default: &str,
        show: impl Fn(&T) -> String,
    ) -> Result<Option<T>, ConfigError> {
        Ok(self.list(name, parse, default, show)?.map(|mut values| values.remove(0)))
    }

    fn list<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Parsed<T>,
        default: &str,
        show: impl Fn(&T) -> String,
    ) -> Result<Option<Vec<T>>, ConfigError> {
        let given = self.given(name, parse)?;
        let (value, origin) = match &given {
            Some((values, origin)) => (values.iter().map(show).collect::<Vec<_>>().join(","), origin.clone()),
            None => (default.to_owned(), Origin::Default),
        };
        self.shown.push(Shown { name, value, origin });
        Ok(given.map(|(values, _)| values))
    }

    /// At least one value, or none at all.
    fn given<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Parsed<T>,
    ) -> Result<Option<(Vec<T>, Origin)>, ConfigError> {
        let Some(Given { values, origin }) = self.sources.get(name) else { return Ok(None) };
        let parsed: Result<Vec<T>, ConfigError> = values
            .into_iter()
            .map(|value| {
                parse(&value).map_err(|expected| ConfigError::Value { origin: origin.clone(), value, expected })
            })
            .collect();
        Ok(Some(parsed?).filter(|values| !values.is_empty()).map(|values| (values, origin)))
    }

    fn origin(&self, name: &str) -> Origin {
        self.shown.iter().find(|shown| shown.name == name).map_or(Origin::Default, |shown| shown.origin.clone())
    }
}

fn path_text(path: &Path) -> String {
    path.display().to_string()
}

fn instance_name(text: &str) -> Parsed<String> {
    if text.len() <= INSTANCE_CHARS_MAX && is_label(text) {
        Ok(text.to_owned())
    } else {
        Err("a name of at most 20 lower-case letters, digits and `-`, with a letter or digit at both ends")
    }
}

fn domain(text: &str) -> Parsed<String> {
    if text.len() <= 100 && text.split('.').all(|label| label.len() <= 63 && is_label(label)) {
        Ok(text.to_owned())
    } else {
        Err("a domain in lower case, without a dot at its end, of at most 100 characters: `cluster.local`")
    }
}

fn is_label(text: &str) -> bool {
    let ends_well = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && ends_well(text.as_bytes().first())
        && ends_well(text.as_bytes().last())
}

fn absolute(text: &str) -> Parsed<PathBuf> {
    std::path::absolute(text).map_err(|_| "a path")
}

/// A path that is not the place where petsetd happened to be started.
fn prefix(text: &str) -> Parsed<PathBuf> {
    let path = Path::new(text);
    let climbs = path.components().any(|component| component == std::path::Component::ParentDir);
    if path.is_absolute() && !climbs { Ok(path.to_owned()) } else { Err("an absolute path without `..`: `/srv/data`") }
}

/// An address, or a name as of a certificate.
fn listen_name(text: &str) -> Parsed<String> {
    let name = text.to_ascii_lowercase();
    let is_name = || name.len() <= 253 && name.split('.').all(|label| label.len() <= 63 && is_label(label));
    if name.parse::<IpAddr>().is_ok() || is_name() {
        Ok(name)
    } else {
        Err("a name or an address without a port: `build-7.example.com`")
    }
}

fn address(text: &str) -> Parsed<SocketAddr> {
    text.parse().map_err(|_| "an address with a port: `127.0.0.1:7474`")
}

fn switch(text: &str) -> Parsed<bool> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("`true` or `false`"),
    }
}

fn between_pods(text: &str) -> Parsed<BetweenPods> {
    let known = [BetweenPods::Required, BetweenPods::Preferred];
    known.into_iter().find(|how| word_of(*how) == text).ok_or("`required` or `preferred`")
}

fn claim_sizes(text: &str) -> Parsed<bool> {
    match text {
        ENFORCED => Ok(true),
        RECORDED => Ok(false),
        _ => Err("`enforced` or `recorded`"),
    }
}

fn word_of(how: BetweenPods) -> &'static str {
    match how {
        BetweenPods::Required => "required",
        BetweenPods::Preferred => "preferred",
    }
}

fn docker_host(text: &str) -> Parsed<String> {
    if ["unix://", "tcp://", "http://", "https://"].iter().any(|scheme| text.starts_with(scheme)) {
        Ok(text.to_owned())
    } else {
        Err("the address of a Docker engine: `unix:///var/run/docker.sock` or `tcp://ADDRESS:PORT`")
    }
}

fn subnet(text: &str) -> Parsed<Ipv4Net> {
    match text.parse::<Ipv4Net>() {
        Ok(net) if net.prefix_len() <= 28 && net.trunc() == net => Ok(net),
        Ok(_) | Err(_) => Err("an IPv4 network of at least 16 addresses: `10.99.0.0/16`"),
    }
}

fn upstream(text: &str) -> Parsed<SocketAddr> {
    let bare = || text.parse().map(|address: IpAddr| SocketAddr::new(address, DNS_PORT));
    text.parse().or_else(|_| bare()).map_err(|_| "an address: `9.9.9.9` or `9.9.9.9:53`")
}

fn filter(text: &str) -> Parsed<String> {
    match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("a log filter: `info` or `info,petset_controller=debug`"),
    }
}

fn log_format(text: &str) -> Parsed<LogFormat> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("`text` or `json`"),
    }
}

#[cfg(test)]
mod tests;
