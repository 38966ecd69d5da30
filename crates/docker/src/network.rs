//! The instance's own network, and all else that must be there before the first pod.

use std::{
    collections::{HashMap, HashSet},
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use bollard::{
    errors::Error,
    models::{Ipam, IpamConfig, NetworkCreateRequest, NetworkInspect},
    query_parameters::{InspectNetworkOptions, ListNetworksOptions},
};
use ipnet::Ipv4Net;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::Semaphore;

use crate::{
    Docker, EXEC_PROBES_MAX, Engine, Setup,
    balancer::Balancer,
    failure::{found, status},
    files::PodFiles,
    hold::Holder,
    names,
    runner::Runners,
    usage::MEASURED_MAX,
};

/// Docker's name for a bridge's interface.
const BRIDGE_NAME: &str = "com.docker.network.bridge.name";

/// The port of its network's gateway where an instance answers pods that ask for names.
pub const DNS_PORT: u16 = 53;

/// Candidates that lose the race for a subnet to another instance before giving up: as many instances would have to
/// start in the same instant.
const SUBNET_TRIES_MAX: usize = 16;

/// The network of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Docker's id of the network.
    pub network_id: String,
    /// Its name, `petset-<instance>`.
    pub network: String,
    /// The host's interface on it.
    pub bridge: String,
    /// Its subnet, from which pods get their addresses.
    pub subnet: Ipv4Net,
    /// The host's address on it, where pods find DNS.
    pub gateway: Ipv4Addr,
    /// The node's address, for `status.hostIP`: the gateway, which every pod reaches and which no change of the host's
    /// other networks alters.
    pub node: IpAddr,
}

/// Why an instance cannot run on this engine.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The engine refused or did not answer.
    #[error("prepare Docker: {doing}")]
    Engine { doing: &'static str, source: Error },
    /// Another's network has our network's name.
    #[error("the Docker network `{0}` is not petset's; remove it, or choose another instance name")]
    Foreign(String),
    /// The instance's network is there with another subnet.
    #[error(
        "the Docker network `{network}` has the subnet {has}, not {wanted}; \
         remove it (`docker network rm {network}`) when its pods are gone"
    )]
    Differs { network: String, has: Ipv4Net, wanted: Ipv4Net },
    /// The wanted subnet is in use.
    #[error("the subnet {wanted} overlaps {other}; choose another one")]
    Overlaps { wanted: Ipv4Net, other: String },
    /// No candidate is free.
    #[error("no private subnet is free on this machine; name one")]
    NoSubnet,
    /// The wanted subnet is too small for a gateway, a pod and Docker's own range.
    #[error("the subnet {0} is too small; give at least a /28")]
    TooSmall(Ipv4Net),
    /// The network has no usable IPv4 configuration.
    #[error("the Docker network `{0}` has no IPv4 subnet and gateway; remove it, to have it made anew")]
    NoIpv4(String),
    /// The directory for the pods' files cannot be used.
    #[error("the directory {} cannot be used", dir.display())]
    Files { dir: PathBuf, source: io::Error },
    /// The engine is on another machine, or does not share the directory.
    #[error(
        "the Docker engine at {address} does not see {}: petset needs an engine on this machine that shares its files",
        dir.display()
    )]
    Remote { address: String, dir: PathBuf },
}

impl Engine {
    /// Makes what an instance needs: its network, the sandbox image, the directory for the pods' files. What is there
    /// already from before is kept, so that running pods do not notice.
    pub async fn prepare(&self, setup: &Setup) -> Result<Docker, PrepareError> {
        self.ensure_pause_image().await.map_err(|source| engine("import the sandbox image", source))?;
        let files = PodFiles::open(&setup.pods_dir)
            .map_err(|source| PrepareError::Files { dir: setup.pods_dir.clone(), source })?;
        let holder = Holder::open(&setup.holds_dir)
            .map_err(|source| PrepareError::Files { dir: setup.holds_dir.clone(), source })?;
        if !self.sees(&files, &setup.instance).await? {
            return Err(PrepareError::Remote { address: self.address(), dir: setup.pods_dir.clone() });
        }
        let failed = |source| PrepareError::Files { dir: setup.pods_dir.clone(), source };
        let runners = Runners::open(files.dir()).map_err(failed)?;
        let balancer = Balancer::open(files.dir()).map_err(failed)?;
        let network = format!("petset-{}", setup.instance);
        let inspected =
            self.inspect_network(&network).await.map_err(|source| engine("inspect the instance's network", source))?;
        let ready = match inspected {
            Some(there) => adopt(network, &there, &setup.instance, setup.subnet)?,
            None => self.create_network(network, &setup.instance, setup.subnet).await?,
        };
        let docker = Docker {
            engine: self.clone(),
            instance: setup.instance.clone(),
            ready,
            files,
            holder,
            allowed: setup.allowed.clone(),
            exec_probes: Arc::new(Semaphore::new(EXEC_PROBES_MAX)),
            measurements: Arc::new(Semaphore::new(MEASURED_MAX)),
            runners: Arc::new(runners),
            balancer,
            last_words: Arc::default(),
            is_unprotecting: Arc::default(),
            node_ports: Arc::default(),
            enforces_sizes: setup.enforces_sizes,
            disks: Arc::default(),
        };
        docker.sweep_errands().await.map_err(|source| engine("list the instance's containers", source))?;
        docker.sweep_files().await.map_err(|source| engine("list the instance's containers", source))?;
        Ok(docker)
    }

    /// Makes a network again that somebody has removed, as it was: whoever listens on the host's address in it goes on.
    pub(crate) async fn restore_network(&self, instance: &str, ready: &Ready) -> Result<(), PrepareError> {
        let inspected = self.inspect_network(&ready.network).await;
        if inspected.map_err(|source| engine("inspect the instance's network", source))?.is_some() {
            return Ok(());
        }
        match self.create_network(ready.network.clone(), instance, Some(ready.subnet)).await {
            Ok(_) => {
                tracing::warn!(
                    network = ready.network,
                    "somebody has removed the instance's network; it is made again"
                );
                Ok(())
            }
            // Another pod's sandbox was quicker.
            Err(_) if matches!(self.inspect_network(&ready.network).await, Ok(Some(_))) => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn inspect_network(&self, name: &str) -> Result<Option<NetworkInspect>, Error> {
        found(self.reads.inspect_network(name, None::<InspectNetworkOptions>).await)
    }

    async fn create_network(
        &self,
        network: String,
        instance: &str,
        subnet: Option<Ipv4Net>,
    ) -> Result<Ready, PrepareError> {
        let Some(wanted) = subnet else { return self.create_network_where_free(network, instance).await };
        if wanted.prefix_len() > 28 {
            return Err(PrepareError::TooSmall(wanted));
        }
        if let Some((other, name)) = self.taken_subnets().await?.iter().find(|(other, _)| overlap(*other, wanted)) {
            return Err(PrepareError::Overlaps { wanted, other: format!("{other} ({name})") });
        }
        let created = self.create_network_on(&network, instance, wanted.trunc()).await?;
        let there = created.ok_or_else(|| PrepareError::Overlaps { wanted, other: "another network".to_owned() })?;
        adopt(network, &there, instance, subnet)
    }

    /// Makes the network on the first candidate that is nobody's: neither on this engine nor on another of the machine,
    /// nor that of an instance which has lost its network and will make it again.
    async fn create_network_where_free(&self, network: String, instance: &str) -> Result<Ready, PrepareError> {
        let taken = self.taken_subnets().await?;
        let free: Vec<Ipv4Net> =
            candidates().filter(|candidate| is_free(*candidate, &taken)).take(SUBNET_TRIES_MAX).collect();
        for candidate in &free {
            let claimed = claim(SocketAddr::from((gateway(*candidate), DNS_PORT)));
            let refused = claimed.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse);
            // Where a server has port 53 of every address, the last is tried, for who serves names to say whose it is.
            if refused && Some(candidate) != free.last() {
                continue;
            }
            // Whoever held the claim until now has a network there.
            if !is_free(*candidate, &self.taken_subnets().await?) {
                continue;
            }
            if let Some(there) = self.create_network_on(&network, instance, *candidate).await? {
                return adopt(network, &there, instance, None);
            }
        }
        Err(PrepareError::NoSubnet)
    }

    /// Makes the network; `None` where the engine knows of another one that overlaps it.
    async fn create_network_on(
        &self,
        network: &str,
        instance: &str,
        subnet: Ipv4Net,
    ) -> Result<Option<NetworkInspect>, PrepareError> {
        match self.api.create_network(network_request(network, instance, subnet)).await {
            Ok(_) => {
                let there = self.inspect_network(network).await;
                let there = there.map_err(|source| engine("inspect the instance's network", source))?;
                there.map(Some).ok_or(PrepareError::NoSubnet)
            }
            Err(error) if matches!(status(&error), Some(403 | 400)) && says_overlap(&error) => Ok(None),
            Err(source) => Err(engine("create the instance's network", source)),
        }
    }

    /// The subnets that the host routes and those of all Docker networks, each with a name for messages.
    async fn taken_subnets(&self) -> Result<Vec<(Ipv4Net, String)>, PrepareError> {
        // A host without /proc is not one that the engine's bridges are on; then the engine alone is asked.
        let routes = tokio::fs::read_to_string("/proc/net/route").await.unwrap_or_default();
        let networks = self
            .api
            .list_networks(None::<ListNetworksOptions>)
            .await
            .map_err(|source| engine("list the networks", source))?;
        let of_docker = networks.into_iter().flat_map(|network| {
            let name = network.name.unwrap_or_default();
            let configs = network.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
            configs
                .into_iter()
                .filter_map(move |config| Some((config.subnet?.parse().ok()?, format!("Docker network `{name}`"))))
        });
        Ok(host_routes(&routes).into_iter().chain(of_docker).collect())
    }
}

fn engine(doing: &'static str, source: Error) -> PrepareError {
    PrepareError::Engine { doing, source }
}

/// Takes a network that is there, if it is ours and as wanted.
fn adopt(
    network: String,
    there: &NetworkInspect,
    instance: &str,
    asked: Option<Ipv4Net>,
) -> Result<Ready, PrepareError> {
    let ours = there.labels.as_ref().and_then(|labels| labels.get(names::INSTANCE));
    if ours.map(String::as_str) != Some(instance) {
        return Err(PrepareError::Foreign(network));
    }
    let config = there.ipam.iter().filter_map(|ipam| ipam.config.as_ref()).flatten().find_map(|config| {
        let subnet: Ipv4Net = config.subnet.as_ref()?.parse().ok()?;
        let gateway: Ipv4Addr = config.gateway.as_ref()?.parse().ok()?;
        Some((subnet, gateway))
    });
    let (Some((subnet, gateway)), Some(network_id)) = (config, there.id.clone()) else {
        return Err(PrepareError::NoIpv4(network));
    };
    if let Some(wanted) = asked.filter(|wanted| wanted.trunc() != subnet.trunc()) {
        return Err(PrepareError::Differs { network, has: subnet, wanted });
    }
    let bridge = there.options.as_ref().and_then(|options| options.get(BRIDGE_NAME)).cloned();
    let bridge = bridge.unwrap_or_else(|| bridge_name(instance));
    Ok(Ready { network_id, network, bridge, subnet, gateway, node: IpAddr::V4(gateway) })
}

/// Every address is given by us; Docker's own choice, for containers that others connect to the network, is confined
/// to the last four of the subnet.
fn network_request(network: &str, instance: &str, subnet: Ipv4Net) -> NetworkCreateRequest {
    let gateway = gateway(subnet);
    let last = u32::from(subnet.broadcast()) & !3;
    let config = IpamConfig {
        subnet: Some(subnet.to_string()),
        gateway: Some(gateway.to_string()),
        ip_range: Some(format!("{}/30", Ipv4Addr::from(last))),
        ..IpamConfig::default()
    };
    NetworkCreateRequest {
        name: network.to_owned(),
        driver: Some("bridge".to_owned()),
        ipam: Some(Ipam { config: Some(vec![config]), ..Ipam::default() }),
        options: Some(HashMap::from([(BRIDGE_NAME.to_owned(), bridge_name(instance))])),
        labels: Some(HashMap::from([(names::INSTANCE.to_owned(), instance.to_owned())])),
        ..NetworkCreateRequest::default()
    }
}

/// The host's address on a network.
fn gateway(subnet: Ipv4Net) -> Ipv4Addr {
    subnet.hosts().next().unwrap_or(subnet.network())
}

/// Takes a gateway's address for as long as its network is made, on all engines of this machine: each knows of its own
/// networks alone. The socket is the one on which the instance then answers questions about names, so an instance whose
/// network was taken away by hand has its claim as well.
fn claim(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    // The address is nobody's yet.
    socket.set_freebind_v4(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// `pets-` and eight digits: an interface's name has at most 15 octets, and an instance's may be longer. The digits
/// are the name's FNV-1a hash.
fn bridge_name(instance: &str) -> String {
    let hash =
        instance.bytes().fold(0x811c_9dc5_u32, |hash, octet| (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193));
    format!("pets-{hash:08x}")
}

/// Where an instance may live, best first: away from Docker's own pools (172.17 and up, 192.168) and home networks.
fn candidates() -> impl Iterator<Item = Ipv4Net> {
    [88_u8, 89, 90, 188].into_iter().flat_map(|second| {
        (0..=255_u8).filter_map(move |third| Ipv4Net::new(Ipv4Addr::new(10, second, third, 0), 24).ok())
    })
}

fn is_free(subnet: Ipv4Net, taken: &[(Ipv4Net, String)]) -> bool {
    !taken.iter().any(|(other, _)| overlap(*other, subnet))
}

fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other.network()) || other.contains(&one.network())
}

fn says_overlap(error: &Error) -> bool {
    error.to_string().contains("overlap")
}

/// The destinations of `/proc/net/route`, the default route apart.
fn host_routes(table: &str) -> Vec<(Ipv4Net, String)> {
    let address = |hex: &str| u32::from_str_radix(hex, 16).ok().map(|raw| Ipv4Addr::from(raw.swap_bytes()));
    let route = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let net = Ipv4Net::with_netmask(address(columns.get(1)?)?, address(columns.get(7)?)?).ok()?;
        (net.prefix_len() > 0).then(|| (net.trunc(), format!("route of {}", columns[0])))
    };
    let routes: HashSet<(Ipv4Net, String)> = table.lines().skip(1).filter_map(route).collect();
    let mut routes: Vec<_> = routes.into_iter().collect();
    routes.sort();
    routes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    #[test]
    fn reads_the_hosts_routes_without_the_default_one() {
        let table = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
                     eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                     eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n\
                     tun0\t0000580A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
        assert_eq!(
            host_routes(table),
            vec![(net("10.88.0.0/16"), "route of tun0".to_owned()), (net("192.0.2.0/24"), "route of eth0".to_owned())]
        );
    }

    #[test]
    fn the_next_candidate_avoids_what_is_taken() {
        let taken = ["10.88.0.0/24", "10.88.1.128/25", "10.88.2.0/23"].map(|taken| (net(taken), String::new()));
        let free = candidates().find(|candidate| is_free(*candidate, &taken));
        assert_eq!(free, Some(net("10.88.4.0/24")));
    }

    #[test]
    fn a_gateway_is_claimed_once_at_a_time_though_no_interface_has_it() {
        let first = claim("192.0.2.1:0".parse().unwrap()).unwrap();
        let address = first.local_addr().unwrap().as_socket().unwrap();
        assert_eq!(claim(address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(first);
        claim(address).unwrap();
    }

    #[test]
    fn dockers_own_choice_is_confined_to_the_end_of_the_subnet() {
        let request = network_request("petset-one", "one", net("10.88.3.0/24"));
        let config = request.ipam.and_then(|ipam| ipam.config).unwrap().remove(0);
        assert_eq!(config.gateway.as_deref(), Some("10.88.3.1"));
        assert_eq!(config.ip_range.as_deref(), Some("10.88.3.252/30"));
    }

    #[test]
    fn bridge_names_fit_an_interface_and_differ() {
        let (one, two) = (bridge_name("one"), bridge_name(&"a-long-instance-name".repeat(4)));
        assert_eq!((one.len(), two.len()), (13, 13));
        assert_ne!(one, two);
    }

    #[test]
    fn a_network_of_somebody_else_is_not_adopted() {
        let there = NetworkInspect { id: Some("id".to_owned()), ..NetworkInspect::default() };
        assert!(matches!(adopt("petset-one".to_owned(), &there, "one", None), Err(PrepareError::Foreign(_))));
    }
}
