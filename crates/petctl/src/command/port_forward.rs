//! `port-forward`: ports of this machine that lead to ports of a pet.

use std::{net::IpAddr, str::FromStr};

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::{
    net::{TcpListener, TcpStream},
    signal::ctrl_c,
    task::JoinSet,
};

use crate::{client::Client, command::pod_name, failure::Failure, output::print};

/// Arguments of `port-forward`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The pet
    pod: String,
    /// Ports: 8080, or 5000:8080 for another one here, or :8080 for one that is free
    #[arg(required = true, value_name = "[LOCAL:]PORT")]
    ports: Vec<Ports>,
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1")]
    address: IpAddr,
}

/// A port here, 0 for one that is free, and the pet's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ports {
    local: u16,
    remote: u16,
}

impl FromStr for Ports {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<u16>().map_err(|_| format!("{text:?} is not a port"));
        let (local, remote) = text.split_once(':').unwrap_or((text, text));
        let remote = number(remote)?;
        if remote == 0 {
            return Err("a pet has no port 0".to_owned());
        }
        Ok(Ports { local: if local.is_empty() { 0 } else { number(local)? }, remote })
    }
}

pub(crate) async fn run(client: &Client, arguments: &Arguments) -> Result<(), Failure> {
    let name = pod_name(&arguments.pod)?;
    let pod = client.get(&format!("/api/v1/namespaces/{}/pods/{name}", client.namespace)).await?;
    let phase = pod["status"]["phase"].as_str().unwrap_or("unknown");
    if phase != "Running" {
        return Err(Failure::message(format!("cannot forward ports of a pod that is not running; it is {phase}")));
    }
    let pods: Api<Pod> = Api::namespaced(client.kube(), &client.namespace);
    let mut listeners = JoinSet::new();
    for ports in &arguments.ports {
        let listener = TcpListener::bind((arguments.address, ports.local)).await;
        let listener = listener.map_err(Failure::io("listen on this machine"))?;
        let address = listener.local_addr().map_err(Failure::io("listen on this machine"))?;
        print::line(&format!("Forwarding from {address} -> {}", ports.remote));
        listeners.spawn(serve(listener, pods.clone(), name.to_owned(), ports.remote));
    }
    // Cancel-safe: each arm ends the program.
    tokio::select! {
        Some(ended) = listeners.join_next() => ended.unwrap_or_else(|error| Err(Failure::message(error.to_string()))),
        _ = ctrl_c() => Err(Failure::Exit(130)),
    }
}

/// Serves the connections of one port, until the machine accepts no more.
async fn serve(listener: TcpListener, pods: Api<Pod>, name: String, port: u16) -> Result<(), Failure> {
    let mut connections = JoinSet::new();
    loop {
        // Cancel-safe: a connection that was not accepted still waits, and one that has ended has nothing more to say.
        let (connection, _) = tokio::select! {
            accepted = listener.accept() => accepted.map_err(Failure::io("accept a connection"))?,
            Some(_) = connections.join_next() => continue,
        };
        let (pods, name) = (pods.clone(), name.clone());
        connections.spawn(async move {
            if let Err(why) = carry(connection, &pods, &name, port).await {
                print::talk(&format!("a connection to port {port} ended: {why}"));
            }
        });
    }
}

/// One connection, from its beginning to its end. Errors: what to tell the user.
async fn carry(mut here: TcpStream, pods: &Api<Pod>, name: &str, port: u16) -> Result<(), String> {
    let mut forwarder = pods.portforward(name, &[port]).await.map_err(|error| error.to_string())?;
    let (Some(mut there), Some(complaint)) = (forwarder.take_stream(port), forwarder.take_error(port)) else {
        return Err("the server forwards another port".to_owned());
    };
    // A client that goes in the middle of something is no failure.
    let _ = tokio::io::copy_bidirectional(&mut here, &mut there).await;
    drop(there);
    match complaint.await {
        Some(why) => Err(why),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_as_kubectl_reads_them() {
        let ports = |local, remote| Ok(Ports { local, remote });
        for (text, expected) in [
            ("8080", ports(8080, 8080)),
            ("5000:80", ports(5000, 80)),
            (":80", ports(0, 80)),
            ("0:80", ports(0, 80)),
            ("80:0", Err("a pet has no port 0".to_owned())),
            ("80:", Err("\"\" is not a port".to_owned())),
            ("http", Err("\"http\" is not a port".to_owned())),
            ("1:70000", Err("\"70000\" is not a port".to_owned())),
        ] {
            assert_eq!(text.parse(), expected, "{text}");
        }
    }
}
