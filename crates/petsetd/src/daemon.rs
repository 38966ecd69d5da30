//! The wiring: every part is made here, given what it needs, and joined at the end.

use std::{
    future::Future,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use api::{admission::Stamp, policy::Policy};
use arc_swap::ArcSwap;
use controller::{Board, Clock, Controller, Network, Part, Real, Settings, Stamps};
use docker::{Allowed, DNS_PORT, Docker, Engine, Setup};
use futures::future::BoxFuture;
use metrics_exporter_prometheus::PrometheusBuilder;
use plan::{pod::Host, zone::Zone};
use server::{Parts, Readiness, Server, Signer, Version, Wait};
use store::Store;
use tokio::{
    net::{TcpListener, UnixListener},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Config, HOST_VOLUMES_DIR},
    credentials::{self, Credentials},
    host::Host as Machine,
    instance::{Endpoint, Instance},
    keeper::{Keeper, LOOK_INTERVAL},
    private,
    seed::{self, Node},
    signer,
    streams::{DockerStreams, PodTokens},
    wall::{RandomStamps, WallClock},
};

/// A claim of a gateway by an instance that looks for a network is over in milliseconds; who has its port for longer listens there.
const CLAIM_PATIENCE: Duration = Duration::from_secs(1);
const CLAIM_LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Where the store is in the data directory.
pub(crate) const STORE_DIR: &str = "store";

/// Where the pods' own network files are in the data directory.
const PODS_DIR: &str = "pods";

/// Where paths are held in the runtime directory while the engine mounts them.
const HOLDS_DIR: &str = "holds";

/// Runs an instance until it is told to stop. Its pods go on running then.
pub(crate) async fn run(
    config: &Config,
    instance: &Instance,
    socket: std::os::unix::net::UnixListener,
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    let machine = Machine::read();
    let credentials = Credentials::load(config, &machine.name, WallClock.now())?;
    let signer = signer::load(&config.data_dir, &config.domain)?;
    let dir = config.data_dir.join(STORE_DIR);
    // Whatever the mask of the process: the objects have the environment of every container.
    private::close_dir(&dir)?;
    let store = tokio::task::spawn_blocking(move || Store::open_sled(&dir)).await.context("open the store")??;
    let outcome = serve(config, instance, socket, shutdown, Parties { machine, credentials, signer, store: &store });
    let outcome = outcome.await;
    tokio::task::spawn_blocking(move || store.close()).await.context("close the store")?;
    outcome
}

/// What was there before the wiring began.
struct Parties<'a> {
    machine: Machine,
    credentials: Credentials,
    signer: Signer,
    store: &'a Store,
}

async fn serve(
    config: &Config,
    instance: &Instance,
    socket: std::os::unix::net::UnixListener,
    shutdown: impl Future<Output = ()>,
    parties: Parties<'_>,
) -> Result<()> {
    let Parties { machine, credentials, signer, store } = parties;
    // Last of what may be missing, so that what is wrong with the instance's own files is said whether Docker runs or not.
    let engine = Engine::connect(config.docker_host.as_deref()).await?;
    let setup = Setup {
        instance: config.instance.clone(),
        subnet: config.subnet,
        pods_dir: config.data_dir.join(PODS_DIR),
        holds_dir: config.runtime_dir.join(HOLDS_DIR),
        allowed: Allowed { host_paths: config.host_paths.clone(), privileged: config.allow_privileged },
        enforces_sizes: config.enforces_sizes,
    };
    private::make_dir(&config.data_dir.join(HOST_VOLUMES_DIR))?;
    let docker = Arc::new(engine.prepare(&setup).await?);
    let node = Node { address: docker.ready().node, runtime: format!("docker://{}", engine.version()) };
    seed::seed(store, &machine, &node, &Stamp { uid: RandomStamps.uid(), now: WallClock.now() }).await?;

    let zone = Arc::new(ArcSwap::from_pointee(Zone::new(&config.domain)));
    let dns = bind_dns(config, &machine, &docker, &zone).await?;
    let dns_address = dns.addresses().first().copied().unwrap_or(config.dns_listen);
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("listen on {} (--listen takes another address)", config.listen))?;
    let address = listener.local_addr().context("the address of the API")?;
    let (tls, certificate) = (credentials.tls.clone(), credentials.certificate().to_owned());
    let keeper = Keeper::begin(config, &machine.name, address, credentials)?;
    let socket = UnixListener::from_std(socket).context("the API's socket")?;

    let board = Arc::new(Board::default());
    let server = Server::new(Parts {
        store: store.clone(),
        streams: Arc::new(DockerStreams(Arc::clone(&docker))),
        clock: Arc::new(|| WallClock.now()),
        chance: Arc::new(|| RandomStamps.uid()),
        tokens: keeper.tokens(),
        vault: Arc::new(keeper.clone()),
        signer,
        names: credentials::names(config, &machine.name),
        policy: Policy { host_paths: config.host_paths.clone(), privileged: config.allow_privileged },
        services: plan::address::services(docker.ready().subnet),
        version: Version {
            petset: env!("CARGO_PKG_VERSION").to_owned(),
            commit: option_env!("PETSET_COMMIT").unwrap_or_default().to_owned(),
            built: option_env!("PETSET_BUILT").unwrap_or_default().to_owned(),
        },
        readiness: readiness_of(&board),
        waits: waits_of(&board),
        metrics: PrometheusBuilder::new().install_recorder().context("install the metrics recorder")?,
    });
    let mint = Arc::new(PodTokens(server.clone()));
    let controller = Controller::new(
        store.clone(),
        Arc::clone(&docker),
        Arc::new(WallClock),
        Arc::new(RandomStamps),
        Arc::new(Real),
        settings(config, &machine, &docker, certificate),
        zone,
        board,
    )
    .with_mint(mint);

    // Announced before the tasks run: whoever reads it connects to sockets that are bound already.
    instance.announce(&Endpoint {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        url: credentials::url(address),
        socket: config.socket.clone(),
        dns: dns_address,
        kubeconfig: config.data_dir.join(credentials::KUBECONFIG_FILE),
    })?;
    tracing::info!(instance = config.instance, api = %address, dns = %dns_address, docker = engine.version(), "ready");

    let stop = CancellationToken::new();
    let told = || stop.clone().cancelled_owned();
    let plain = server.clone();
    let (https, unix, names, planning) = (told(), told(), told(), told());
    let parts: [(&'static str, BoxFuture<'static, ()>); 5] = [
        ("the API", Box::pin(async move { server.serve_https(listener, tls, https).await })),
        ("the API's socket", Box::pin(async move { plain.serve_unix(socket, unix).await })),
        ("DNS", Box::pin(serve_names(dns, names))),
        ("the controller", Box::pin(controller.run(planning))),
        ("the keeper of the credentials", Box::pin(keep(keeper, stop.clone()))),
    ];
    run_parts(parts, shutdown, &stop).await
}

/// Runs the parts of the daemon until it is told to stop, and waits for all of them.
///
/// A part that ends by itself, or panics, ends the daemon: a restart repairs more than a half-dead one does.
async fn run_parts(
    parts: impl IntoIterator<Item = (&'static str, BoxFuture<'static, ()>)>,
    shutdown: impl Future<Output = ()>,
    stop: &CancellationToken,
) -> Result<()> {
    let mut tasks: JoinSet<&'static str> = JoinSet::new();
    for (name, part) in parts {
        tasks.spawn(async move {
            part.await;
            name
        });
    }
    let outcome = tokio::select! {
        // Cancel-safe: both arms are polled once more at most, and what has ended stays in the set.
        () = shutdown => Ok(()),
        Some(ended) = tasks.join_next() => match ended {
            Ok(part) => Err(anyhow::anyhow!("{part} has ended by itself")),
            Err(error) => Err(anyhow::Error::new(error).context("a part of the daemon panicked")),
        },
    };
    stop.cancel();
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a part of the daemon panicked");
        }
    }
    outcome
}

/// Answers questions about names until it is told to stop.
async fn serve_names(dns: dns::Server, stop: impl Future<Output = ()>) {
    if let Err(error) = dns.run(stop).await {
        tracing::error!(error = &error as &dyn std::error::Error, "DNS has ended");
    }
}

/// Renews certificates that are about to expire, until it is told to stop.
async fn keep(keeper: Keeper, stop: CancellationToken) {
    // Files are written seldom enough to be written here.
    while stop.run_until_cancelled(tokio::time::sleep(LOOK_INTERVAL)).await.is_some() {
        if let Err(error) = keeper.renew(WallClock.now()) {
            tracing::error!(error = &error as &dyn std::error::Error, "the certificates cannot be renewed");
        }
    }
}

/// Removes everything that an instance has made: its containers, volumes and network, then its data.
///
/// The instance has been claimed, so that it is nobody else's while it goes.
pub(crate) async fn purge(config: &Config, instance: Instance) -> Result<()> {
    let engine = Engine::connect(config.docker_host.as_deref()).await?;
    engine.erase(&config.instance).await?;
    docker::release(&config.runtime_dir.join(HOLDS_DIR)).context("let go of held paths")?;
    instance.erase()?;
    Ok(())
}

async fn bind_dns(
    config: &Config,
    machine: &Machine,
    docker: &Docker,
    zone: &Arc<ArcSwap<Zone>>,
) -> Result<dns::Server> {
    let gateway = SocketAddr::from((docker.ready().gateway, DNS_PORT));
    let upstreams = config.upstreams.clone().unwrap_or_else(|| machine.upstreams.clone());
    let networks = [ipnet::IpNet::V4(docker.ready().subnet)];
    let since = Instant::now();
    loop {
        match dns::Server::bind(&[config.dns_listen, gateway], Arc::clone(zone), &upstreams, &networks) {
            // Another instance, which looks for a network of its own, claims the gateway for an instant.
            Err(dns::BindError::Taken { .. }) if since.elapsed() < CLAIM_PATIENCE => {
                tokio::time::sleep(CLAIM_LOOK_AGAIN).await;
            }
            bound => {
                return bound.with_context(|| {
                    let listen = config.dns_listen;
                    format!("serve names at {listen} (set with --dns-listen) and {gateway} (set with --subnet)")
                });
            }
        }
    }
}

/// What `/readyz` asks: one check for each part of the daemon.
fn readiness_of(board: &Arc<Board>) -> Readiness {
    let readiness = Readiness::default();
    let parts = [("store", Part::Store), ("engine", Part::Engine), ("dns", Part::Names), ("controller", Part::Loop)];
    for (name, part) in parts {
        let board = Arc::clone(board);
        readiness.ask(name, move || board.health(part, WallClock.now()));
    }
    readiness
}

fn waits_of(board: &Arc<Board>) -> Arc<dyn Fn() -> Vec<Wait> + Send + Sync> {
    let board = Arc::clone(board);
    let wait = |wait: plan::Wait| Wait {
        kind: wait.subject.kind,
        namespace: wait.subject.namespace,
        name: wait.subject.name,
        reason: wait.reason.to_owned(),
        message: wait.message,
    };
    Arc::new(move || board.waits().into_iter().map(wait).collect())
}

fn settings(config: &Config, machine: &Machine, docker: &Docker, certificate: String) -> Settings {
    let ready = docker.ready();
    Settings {
        host: Host {
            instance: config.instance.clone(),
            node: machine.name.clone(),
            address: ready.node,
            domain: config.domain.clone(),
            dns: ready.gateway.into(),
            search: machine.search.clone(),
            resolvers: machine.resolvers.clone(),
        },
        network: Network { subnet: ready.subnet, gateway: ready.gateway },
        between_pods: config.pod_affinity,
        certificate,
    }
}
