//! A server with a zone of the size that is asked for, for the benchmark in `integration/benches/dns`.
//!
//! `serve ADDRESS SERVICES` answers at an address for so many headless services of ten pets, with one thread for UDP;
//! prints the address, and ends when its input does. `serve updates SERVICES` changes one service of so many again and
//! again, and prints how many microseconds it takes until the change is answered.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use petset_dns::Server;
use plan::zone::{Endpoint, Port, Records, Zone};

/// Pets of each service.
const PETS: u32 = 10;

/// How many changes are measured.
const CHANGES: u32 = 1000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, services] = &arguments[..] else { return Err("serve ADDRESS|updates SERVICES".into()) };
    let services = services.parse()?;
    let address = if what == "updates" { SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) } else { what.parse()? };
    let draft = zone(services);
    let published = Arc::new(ArcSwap::from_pointee(draft.clone()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let server = Server::bind_with(1, &[address], Arc::clone(&published), &[], &[])?;
    let address = server.addresses()[0];
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = std::thread::spawn(move || {
        runtime.block_on(server.run(async {
            stopped.await.ok();
        }))
    });
    if what == "updates" {
        println!("{}", updates(address, draft, &published)?);
    } else {
        println!("{address}");
        io::stdout().flush()?;
        io::stdin().read_to_end(&mut Vec::new())?;
    }
    drop(stop);
    serving.join().map_err(|_| "the server panicked")??;
    Ok(())
}

/// So many services of ten pets each.
fn zone(services: u32) -> Zone {
    let mut zone = Zone::new("cluster.local");
    zone.serial = 1;
    zone.server = Some(IpAddr::from([10, 0, 0, 1]));
    zone.set_namespaces(["default".to_owned()].into());
    for n in 0..services {
        zone.set_service("default", &format!("s{n}"), Some(records(n, 0)));
    }
    zone
}

/// The records of a service; `change` moves its first pet to another address.
fn records(service: u32, change: u32) -> Arc<Records> {
    let pet = |n| {
        let address = if n == 0 && change > 0 { 0x0B00_0000 + change } else { 0x0A00_0100 + service * PETS + n };
        Endpoint {
            hostname: format!("pet-{n}"),
            addresses: vec![IpAddr::V4(Ipv4Addr::from_bits(address))],
            ports: vec![Port { name: Some("peer".to_owned()), protocol: "tcp".to_owned(), number: 2380 }],
        }
    };
    Arc::new(Records::Endpoints((0..PETS).map(pet).collect()))
}

/// From the new records of a service until they are answered: median, the ninety-ninth hundredth, the longest; and the
/// same for making and publishing the zone alone.
fn updates(address: SocketAddr, mut draft: Zone, published: &ArcSwap<Zone>) -> io::Result<String> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    let query = b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05pet-0\x02s7\x07default\x03svc\x07cluster\x05local\x00\x00\x01\x00\x01";
    let mut reply = [0; 1500];
    let (mut publishing, mut visible) = (Vec::new(), Vec::new());
    for change in 1..=CHANGES {
        let records = records(7, change);
        let expected = Ipv4Addr::from_bits(0x0B00_0000 + change).octets();
        let start = Instant::now();
        draft.set_service("default", "s7", Some(records));
        draft.serial += 1;
        published.store(Arc::new(draft.clone()));
        publishing.push(start.elapsed());
        loop {
            socket.send(query)?;
            let length = socket.recv(&mut reply)?;
            if reply[..length].ends_with(&expected) {
                break;
            }
        }
        visible.push(start.elapsed());
    }
    Ok(format!("{} {}", summary(&mut publishing), summary(&mut visible)))
}

fn summary(times: &mut [Duration]) -> String {
    times.sort();
    let micros = |hundredth: usize| times[(times.len() * hundredth / 100).min(times.len() - 1)].as_micros();
    format!("{} {} {}", micros(50), micros(99), micros(100))
}
