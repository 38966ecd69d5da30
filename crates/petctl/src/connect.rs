//! Where the daemon is: an instance's directories and the kubeconfig in them.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
};

use kube::config::{Cluster, Context, KubeConfigOptions, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext};

use crate::{cli::Global, client::Client, failure::Failure};

/// The directories of one instance, by the rules that petsetd follows too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instance {
    /// Its name.
    pub(crate) name: String,
    /// The store, the claims' data, the kubeconfig.
    pub(crate) data: PathBuf,
    /// Sockets and the endpoint file.
    pub(crate) runtime: PathBuf,
}

impl Instance {
    /// The instance that the options name.
    pub(crate) fn of(global: &Global) -> Instance {
        let is_root = nix::unistd::geteuid().is_root();
        Instance::at(&global.instance, global.data_dir.as_deref(), is_root, |name| {
            env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
        })
    }

    /// `variable` reads the environment.
    fn at(name: &str, data_dir: Option<&Path>, is_root: bool, variable: impl Fn(&str) -> Option<PathBuf>) -> Instance {
        let home = variable("HOME").unwrap_or_else(|| PathBuf::from("/"));
        let data = match data_dir {
            Some(given) => given.to_owned(),
            None if is_root => Path::new("/var/lib/petset").join(name),
            None => variable("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share")).join("petset").join(name),
        };
        let runtime = match (variable("PETSET_RUNTIME_DIR"), variable("XDG_RUNTIME_DIR")) {
            (Some(given), _) => given,
            (None, _) if is_root => Path::new("/run/petset").join(name),
            (None, Some(runtime)) => runtime.join("petset").join(name),
            (None, None) => data.join("run"),
        };
        Instance { name: name.to_owned(), data, runtime }
    }

    /// The kubeconfig that the daemon writes.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.data.join("kubeconfig")
    }

    /// The file with the running daemon's pid and addresses.
    pub(crate) fn endpoint(&self) -> PathBuf {
        self.runtime.join("endpoint.json")
    }
}

/// Connects as the options say: `--kubeconfig`, then `PETSET_HOST`, then the instance's own kubeconfig.
pub(crate) async fn connect(global: &Global) -> Result<Client, Failure> {
    let kubeconfig = kubeconfig(global)?;
    let options = KubeConfigOptions { context: global.context.clone(), ..KubeConfigOptions::default() };
    let unusable = |what: String| Failure::message(format!("the kubeconfig cannot be used: {what}"));
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| unusable(error.to_string()))?;
    // Trying again is the user's choice; a daemon that is not there should be said at once.
    config.default_retry = false;
    config.read_timeout = None;
    if let Some(token) = &global.token {
        config.auth_info.token = Some(token.clone().into());
    }
    let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
    let namespace = global.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
    let kube = kube::Client::try_from(config).map_err(|error| unusable(error.to_string()))?;
    Ok(Client::new(kube, server, namespace))
}

/// The kubeconfig that the options lead to.
pub(crate) fn kubeconfig(global: &Global) -> Result<Kubeconfig, Failure> {
    match (&global.kubeconfig, &global.host) {
        (Some(path), _) => read(path),
        (None, Some(host)) => Ok(host_only(host, &Instance::of(global).kubeconfig())),
        (None, None) => read(&Instance::of(global).kubeconfig()).or_else(|missing| shared().ok_or(missing)),
    }
}

/// The kubeconfig of `KUBECONFIG`, if it leads to a petset: where there is none here, another cluster is not meant.
fn shared() -> Option<Kubeconfig> {
    let kubeconfig = Kubeconfig::from_env().ok()??;
    kubeconfig.current_context.as_deref().is_some_and(is_petset).then_some(kubeconfig)
}

/// Whether a context has a name that petsetd gives.
fn is_petset(context: &str) -> bool {
    context == "petset" || context.starts_with("petset-")
}

/// Reads a kubeconfig.
pub(crate) fn read(path: &Path) -> Result<Kubeconfig, Failure> {
    if !path.exists() {
        return Err(Failure::NoDaemon(path.to_owned()));
    }
    Kubeconfig::read_from(path).map_err(|error| Failure::message(format!("read {}: {error}", path.display())))
}

/// A kubeconfig for an address; the instance's certificate authority is trusted where there is one.
fn host_only(host: &str, instance: &Path) -> Kubeconfig {
    let own = Kubeconfig::read_from(instance).ok();
    let own_cluster = own.as_ref().and_then(|own| own.clusters.first()?.cluster.clone());
    let own_user = own.and_then(|own| own.auth_infos.into_iter().next()?.auth_info);
    let name = "petset".to_owned();
    let cluster = Cluster { server: Some(host.to_owned()), ..own_cluster.unwrap_or_default() };
    let context = Context { cluster: name.clone(), user: Some(name.clone()), ..Context::default() };
    let other = BTreeMap::new();
    Kubeconfig {
        clusters: vec![NamedCluster { name: name.clone(), cluster: Some(cluster), other: other.clone() }],
        auth_infos: vec![NamedAuthInfo {
            name: name.clone(),
            auth_info: Some(own_user.unwrap_or_default()),
            other: other.clone(),
        }],
        contexts: vec![NamedContext { name: name.clone(), context: Some(context), other }],
        current_context: Some(name),
        ..Kubeconfig::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(is_root: bool, data_dir: Option<&str>, variables: &[(&str, &str)]) -> (String, String) {
        let found = Instance::at("ci", data_dir.map(Path::new), is_root, |name| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| PathBuf::from(value))
        });
        (found.kubeconfig().display().to_string(), found.endpoint().display().to_string())
    }

    #[test]
    fn directories_follow_the_user() {
        let own = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let xdg = [("HOME", "/home/u"), ("XDG_DATA_HOME", "/d"), ("XDG_RUNTIME_DIR", "/run/user/1")];
        assert_eq!(instance(true, None, &xdg), own("/var/lib/petset/ci/kubeconfig", "/run/petset/ci/endpoint.json"));
        assert_eq!(instance(false, None, &xdg), own("/d/petset/ci/kubeconfig", "/run/user/1/petset/ci/endpoint.json"));
        assert_eq!(
            instance(false, None, &xdg[..1]),
            own("/home/u/.local/share/petset/ci/kubeconfig", "/home/u/.local/share/petset/ci/run/endpoint.json")
        );
        assert_eq!(instance(true, Some("/x"), &xdg), own("/x/kubeconfig", "/run/petset/ci/endpoint.json"));
    }
}
