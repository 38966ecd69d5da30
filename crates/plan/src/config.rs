//! What pods read of their configuration: values of ConfigMaps and Secrets, and the files that are made of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::core::v1::{ConfigMap, PodSpec, Secret, ServiceAccountTokenProjection},
    apimachinery::pkg::api::resource::Quantity,
};
use sha2::{Digest as _, Sha256};

use crate::facts::PodKey;

/// Octets that may be secret. They are compared by their digest, passed on without a copy, and never shown.
#[derive(Clone)]
pub struct Octets {
    octets: Arc<[u8]>,
    digest: [u8; 32],
}

impl Octets {
    /// These octets.
    pub fn new(octets: &[u8]) -> Octets {
        Octets { octets: octets.into(), digest: Sha256::digest(octets).into() }
    }

    /// What they are.
    pub fn as_slice(&self) -> &[u8] {
        &self.octets
    }
}

impl PartialEq for Octets {
    fn eq(&self, other: &Octets) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Octets {}

impl fmt::Debug for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} octets", self.octets.len())
    }
}

/// The values of a ConfigMap or a Secret, by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// `data`.
    pub data: BTreeMap<String, Octets>,
    /// `binaryData`, which files are made of and the environment is not.
    pub binary: BTreeMap<String, Octets>,
}

impl Values {
    /// The value of a key, whichever it is of the two.
    pub fn get(&self, key: &str) -> Option<&Octets> {
        self.data.get(key).or_else(|| self.binary.get(key))
    }

    /// Every key with its value.
    pub fn all(&self) -> impl Iterator<Item = (&String, &Octets)> {
        self.data.iter().chain(&self.binary)
    }
}

impl From<&ConfigMap> for Values {
    fn from(map: &ConfigMap) -> Values {
        let text = |(key, value): (&String, &String)| (key.clone(), Octets::new(value.as_bytes()));
        let binary = map.binary_data.iter().flatten().map(|(key, value)| (key.clone(), Octets::new(&value.0)));
        Values { data: map.data.iter().flatten().map(text).collect(), binary: binary.collect() }
    }
}

impl From<&Secret> for Values {
    fn from(secret: &Secret) -> Values {
        let data = secret.data.iter().flatten().map(|(key, value)| (key.clone(), Octets::new(&value.0)));
        Values { data: data.collect(), binary: BTreeMap::new() }
    }
}

/// What there is for one pod to read, of what its spec names. Nothing of another namespace is ever in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// ConfigMaps of the pod's namespace, by name.
    pub config_maps: BTreeMap<String, Arc<Values>>,
    /// Secrets of the pod's namespace, by name.
    pub secrets: BTreeMap<String, Arc<Values>>,
    /// What the node has for pods: what a container without a limit may use.
    pub allocatable: BTreeMap<String, Quantity>,
    /// Tokens of the pod's account that are bound to the pod, by what is asked for; `Err` says why there is none.
    pub tokens: BTreeMap<Ask, Result<Token, String>>,
}

/// What a pod asks for where it wants a token of its account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ask {
    /// Whom the token is for; empty for the API.
    pub audience: String,
    /// How long it is to count, in seconds.
    pub seconds: i64,
}

/// A token of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What is shown.
    pub text: Octets,
    /// When another is made in its place.
    pub renewed_at: Timestamp,
}

/// What a pod asks for, as its volumes say.
pub fn asks(spec: &PodSpec) -> BTreeSet<Ask> {
    let projected = spec.volumes.iter().flatten().filter_map(|volume| volume.projected.as_ref());
    let sources = projected.flat_map(|projected| projected.sources.iter().flatten());
    sources.filter_map(|source| source.service_account_token.as_ref()).map(ask).collect()
}

/// What one source asks for.
pub fn ask(source: &ServiceAccountTokenProjection) -> Ask {
    let seconds = source.expiration_seconds.unwrap_or(TOKEN_SECONDS);
    Ask { audience: source.audience.clone().unwrap_or_default(), seconds }
}

/// When a token that was made at `made` and counts until `expires` is to be renewed: when four fifths of its time are over, and
/// after a day at the latest. Source: the kubelet's `requiresRefresh`.
pub fn renewed_at(made: Timestamp, expires: Timestamp) -> Timestamp {
    let life = expires.duration_since(made) * 4 / 5;
    made.saturating_add(life.min(TOKEN_RENEWED_AFTER)).unwrap_or(Timestamp::MAX)
}

/// How long a token counts where nothing is said.
const TOKEN_SECONDS: i64 = 3600;
/// How old a token gets at most.
const TOKEN_RENEWED_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Volumes of one pod that are to hold files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteFiles {
    /// The pod.
    pub pod: PodKey,
    /// Its uid.
    pub uid: String,
    /// Each volume, made where it is absent.
    pub volumes: Vec<FileVolume>,
}

/// A volume that holds one version of some files and nothing else. Whoever reads in it sees one version whole, as behind the
/// link `..data` of a kubelet's atomic writer, until it opens a path anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileVolume {
    /// The engine's name of the volume.
    pub name: String,
    /// The volume's labels.
    pub labels: BTreeMap<String, String>,
    /// What tells these files from others: of the same version they are the same, in content, mode and owner.
    pub version: String,
    /// The files, by path.
    pub files: Vec<File>,
    /// Empty directories beside them: what a `subPath` names and no file is.
    pub directories: Vec<String>,
    /// The group that the files and directories are given to; `None` leaves them to root's.
    pub group: Option<u32>,
}

/// A file of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// A relative path without `..`.
    pub path: String,
    /// The permissions, at most `0o777`.
    pub mode: u32,
    /// The user that it is given to.
    pub owner: u32,
    /// What is in it.
    pub content: Octets,
}

/// The version of files: the beginning of a digest of all that tells them from others.
pub fn version(files: &[File], directories: &[String], group: Option<u32>) -> String {
    let mut digest = Sha256::new();
    for file in files {
        digest.update(format!("{:?} {:o} {} ", file.path, file.mode, file.owner));
        digest.update(file.content.digest);
    }
    digest.update(format!("{directories:?} {group:?}"));
    digest.finalize().iter().take(VERSION_OCTETS).map(|octet| format!("{octet:02x}")).collect()
}

/// Enough that no two versions of one volume ever have the same.
const VERSION_OCTETS: usize = 12;
