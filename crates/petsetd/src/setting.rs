//! The one table of settings, and where each one's value comes from: flag, environment, file or default.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, value_parser};

/// A setting as its users know it. The flag, the variable and the file's key follow from the name.
#[derive(Debug)]
pub(crate) struct Setting {
    /// `data-dir`: the key in the file; `--data-dir` and `PETSET_DATA_DIR` elsewhere.
    pub(crate) name: &'static str,
    /// What stands for the value in help.
    pub(crate) value: &'static str,
    pub(crate) kind: Kind,
    /// The default in words.
    pub(crate) default: &'static str,
    pub(crate) help: &'static str,
}

/// What may be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One value.
    One,
    /// Several, as repeated flags, separated by commas, or as a list in the file.
    List,
    /// `true` or `false`; the bare flag is `true`.
    Switch,
}

impl Setting {
    const fn one(name: &'static str, value: &'static str, default: &'static str, help: &'static str) -> Setting {
        Setting { name, value, kind: Kind::One, default, help }
    }

    pub(crate) fn flag(&self) -> String {
        format!("--{}", self.name)
    }

    pub(crate) fn variable(&self) -> String {
        format!("PETSET_{}", self.name.replace('-', "_").to_uppercase())
    }
}

pub(crate) const INSTANCE: &str = "instance";
pub(crate) const DATA_DIR: &str = "data-dir";
pub(crate) const RUNTIME_DIR: &str = "runtime-dir";
pub(crate) const LISTEN: &str = "listen";
pub(crate) const LISTEN_ANYWHERE: &str = "listen-anywhere";
pub(crate) const LISTEN_NAME: &str = "listen-name";
pub(crate) const SOCKET: &str = "socket";
pub(crate) const DOCKER_HOST: &str = "docker-host";
pub(crate) const SUBNET: &str = "subnet";
pub(crate) const DOMAIN: &str = "domain";
pub(crate) const DNS_LISTEN: &str = "dns-listen";
pub(crate) const UPSTREAM: &str = "upstream";
pub(crate) const ALLOW_HOST_PATH: &str = "allow-host-path";
pub(crate) const ALLOW_PRIVILEGED: &str = "allow-privileged";
pub(crate) const POD_AFFINITY: &str = "pod-affinity";
pub(crate) const CLAIM_SIZES: &str = "claim-sizes";
pub(crate) const LOG: &str = "log";
pub(crate) const LOG_FORMAT: &str = "log-format";

/// Every setting, in the order of help and documentation.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting::one(
        INSTANCE,
        "NAME",
        "`default`",
        "The instance's name, part of every name and label that it uses in Docker: at most 20 lower-case letters, \
         digits and `-`. Instances share nothing.",
    ),
    Setting::one(
        DATA_DIR,
        "DIR",
        "`$XDG_DATA_HOME/petset/INSTANCE`; as root `/var/lib/petset/INSTANCE`",
        "What must survive: the objects, the credentials, the pods' network files. Docker must see the same directory.",
    ),
    Setting::one(
        RUNTIME_DIR,
        "DIR",
        "`$XDG_RUNTIME_DIR/petset/INSTANCE`, else `run` in the data directory; as root `/run/petset/INSTANCE`",
        "What need not: the unix socket, and `endpoint.json` with the addresses of the running daemon.",
    ),
    Setting::one(
        LISTEN,
        "ADDRESS",
        "`127.0.0.1:7474`; for another instance than `default` a free port",
        "Where the API is served over HTTPS. Port 0 takes a free one.",
    ),
    Setting {
        name: LISTEN_ANYWHERE,
        value: "BOOL",
        kind: Kind::Switch,
        default: "`false`",
        help: "Allows addresses that other machines can reach. Whoever has the token can run any container.",
    },
    Setting {
        name: LISTEN_NAME,
        value: "NAME",
        kind: Kind::List,
        default: "`localhost`, the loopback addresses, the machine's name, the address of `--listen`",
        help: "Another name or address under which clients reach the API: it is in the certificate, and requests for a \
               name that is not are refused.",
    },
    Setting::one(
        SOCKET,
        "PATH",
        "`petsetd.sock` in the runtime directory",
        "Where the API is served over plain HTTP to whoever may open this file: its owner.",
    ),
    Setting::one(
        DOCKER_HOST,
        "URL",
        "`$DOCKER_HOST`, else `unix:///var/run/docker.sock`",
        "Where Docker is: `unix://PATH` or `tcp://ADDRESS`.",
    ),
    Setting::one(
        SUBNET,
        "CIDR",
        "the one that the instance has, else a free private one",
        "The IPv4 network of pods and services: `10.99.0.0/16`. Its upper quarter is for the services' \
         addresses, where it has at least 64.",
    ),
    Setting::one(DOMAIN, "NAME", "`cluster.local`", "The domain of the pods' and services' names."),
    Setting::one(
        DNS_LISTEN,
        "ADDRESS",
        "`127.0.0.1:10053`; for another instance than `default` a free port",
        "Where this machine can ask for the pods' names. Pods ask the gateway of their network.",
    ),
    Setting {
        name: UPSTREAM,
        value: "ADDRESS",
        kind: Kind::List,
        default: "those of `/etc/resolv.conf`",
        help: "Who is asked for names of other domains: `9.9.9.9` or `9.9.9.9:53`.",
    },
    Setting {
        name: ALLOW_HOST_PATH,
        value: "PREFIX",
        kind: Kind::List,
        default: "`host-volumes` in the data directory, which is always allowed",
        help: "A path of this machine that pods may mount, with everything below it. Whoever may mount `/` is root.",
    },
    Setting {
        name: ALLOW_PRIVILEGED,
        value: "BOOL",
        kind: Kind::Switch,
        default: "`false`",
        help: "Allows pods that have the machine's powers: `privileged`, `hostNetwork`, capabilities that lead out of a \
               container. Such a pod is root.",
    },
    Setting::one(
        POD_AFFINITY,
        "HOW",
        "`required`",
        "What required affinity and anti-affinity between pods mean on the one node: `required` as in Kubernetes, where \
         pods that must not share a node wait for ever; `preferred` runs them.",
    ),
    Setting::one(
        CLAIM_SIZES,
        "HOW",
        "`recorded`",
        "What the size of a claim means for the volume that is made for it: `recorded` leaves it a directory of the \
         engine's disk; `enforced` makes it a file system of its own that holds no more, where petsetd runs as root on \
         the engine's machine.",
    ),
    Setting::one(
        LOG,
        "FILTER",
        "`info`",
        "What is logged, in the directives of tracing's `EnvFilter`: `info,petset_controller=debug`.",
    ),
    Setting::one(LOG_FORMAT, "FORMAT", "`text`", "How it is logged to stderr: `text` or `json`."),
];

/// The setting of a name.
pub(crate) fn setting(name: &str) -> &'static Setting {
    SETTINGS.iter().find(|setting| setting.name == name).expect("every name above is in the table")
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag(String),
    Variable(String),
    /// A key of a file.
    File(PathBuf, String),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(flag) => f.write_str(flag),
            Origin::Variable(variable) => f.write_str(variable),
            Origin::File(path, key) => write!(f, "{}: {key}", path.display()),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// What was said about a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) values: Vec<String>,
    pub(crate) origin: Origin,
}

/// Why a configuration file is no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("read {} (--config or PETSET_CONFIG names another file)", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} is not TOML", path.display())]
    Syntax { path: PathBuf, source: Box<toml::de::Error> },
    #[error("{}: unknown key `{key}`; the keys are {}", path.display(), names())]
    UnknownKey { path: PathBuf, key: String },
    #[error("{}: `{key}` must be {expected}", path.display())]
    Type { path: PathBuf, key: String, expected: &'static str },
}

fn names() -> String {
    let names: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
    names.join(", ")
}

/// The arguments of clap, one for each setting.
pub(crate) fn arguments() -> impl Iterator<Item = Arg> {
    SETTINGS.iter().map(|setting| {
        let arg = Arg::new(setting.name)
            .long(setting.name)
            .value_name(setting.value)
            .value_parser(value_parser!(String))
            .global(true)
            .help(
                format!("{} [env: {}] [default: {}]", setting.help, setting.variable(), setting.default)
                    .replace('`', ""),
            );
        match setting.kind {
            Kind::One => arg.action(ArgAction::Set),
            Kind::List => arg.action(ArgAction::Append).value_delimiter(','),
            Kind::Switch => {
                arg.action(ArgAction::Set).num_args(0..=1).require_equals(true).default_missing_value("true")
            }
        }
    })
}

/// Everything that can say something about a setting, the strongest first.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    flags: BTreeMap<&'static str, Vec<String>>,
    variables: BTreeMap<String, String>,
    file: BTreeMap<&'static str, Vec<String>>,
    path: PathBuf,
}

impl Sources {
    /// The flags of a command line, the variables of an environment.
    pub(crate) fn new(matches: &ArgMatches, variables: impl IntoIterator<Item = (String, String)>) -> Sources {
        let flags = SETTINGS.iter().filter_map(|setting| {
            let values = matches.get_many::<String>(setting.name)?;
            Some((setting.name, values.cloned().collect()))
        });
        // An empty variable is one that is not set, as in the XDG specification.
        let variables = variables.into_iter().filter(|(_, value)| !value.is_empty());
        Sources { flags: flags.collect(), variables: variables.collect(), ..Sources::default() }
    }

    /// Adds the text of a configuration file.
    pub(crate) fn read_file(&mut self, path: &Path, text: &str) -> Result<(), FileError> {
        let path = path.to_owned();
        let table: toml::Table =
            text.parse().map_err(|source| FileError::Syntax { path: path.clone(), source: Box::new(source) })?;
        for (key, value) in table {
            let Some(setting) = SETTINGS.iter().find(|setting| setting.name == key) else {
                return Err(FileError::UnknownKey { path, key });
            };
            let values = values_of(setting.kind, value).map_err(|expected| FileError::Type {
                path: path.clone(),
                key,
                expected,
            })?;
            self.file.insert(setting.name, values);
        }
        self.path = path;
        Ok(())
    }

    /// A variable that is not a setting.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// What the strongest source says.
    pub(crate) fn get(&self, name: &'static str) -> Option<Given> {
        let setting = setting(name);
        if let Some(values) = self.flags.get(name) {
            return Some(Given { values: values.clone(), origin: Origin::Flag(setting.flag()) });
        }
        // Docker's own clients know this name.
        let docker = (name == DOCKER_HOST).then(|| "DOCKER_HOST".to_owned());
        for variable in [setting.variable()].into_iter().chain(docker) {
            if let Some(value) = self.variables.get(&variable) {
                let values = match setting.kind {
                    Kind::List => value.split(',').map(|item| item.trim().to_owned()).collect(),
                    Kind::One | Kind::Switch => vec![value.clone()],
                };
                return Some(Given { values, origin: Origin::Variable(variable) });
            }
        }
        let values = self.file.get(name)?.clone();
        Some(Given { values, origin: Origin::File(self.path.clone(), name.to_owned()) })
    }
}

/// A value of the file as flags would have it, or what it should have been.
fn values_of(kind: Kind, value: toml::Value) -> Result<Vec<String>, &'static str> {
    match (kind, value) {
        (Kind::One, toml::Value::String(text)) => Ok(vec![text]),
        (Kind::Switch, toml::Value::Boolean(switch)) => Ok(vec![switch.to_string()]),
        (Kind::List, toml::Value::Array(items)) => items
            .into_iter()
            .map(|item| match item {
                toml::Value::String(text) => Ok(text),
                _ => Err("a list of strings"),
            })
            .collect(),
        (Kind::One, _) => Err("a string"),
        (Kind::Switch, _) => Err("true or false"),
        (Kind::List, _) => Err("a list of strings"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of `docs/configuration.md`, as the settings have it.
    fn documented() -> String {
        let row = |setting: &Setting| {
            let Setting { name, default, help, .. } = setting;
            let flag = match setting.kind {
                Kind::One | Kind::List => format!("{} {}", setting.flag(), setting.value),
                Kind::Switch => setting.flag(),
            };
            format!("| `{flag}` | `{}` | `{name}` | {default} | {help} |\n", setting.variable())
        };
        let head = "| flag | environment | key in the file | default | meaning |\n|---|---|---|---|---|\n";
        [head.to_owned()].into_iter().chain(SETTINGS.iter().map(row)).collect()
    }

    #[test]
    fn the_documented_settings_are_those_that_exist() {
        let text = include_str!("../../../docs/configuration.md");
        let table = documented();
        assert!(text.contains(&table), "docs/configuration.md should have this table:\n\n{table}");
    }

    #[test]
    fn every_setting_is_a_flag_that_clap_accepts() {
        let command = clap::Command::new("petsetd").args(arguments());
        command.clone().debug_assert();
        let flags: Vec<_> = command.get_arguments().filter_map(|arg| arg.get_long().map(str::to_owned)).collect();
        let names: Vec<_> = SETTINGS.iter().map(|setting| setting.name.to_owned()).collect();
        assert_eq!(flags, names);
    }
}
