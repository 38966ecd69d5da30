//! The servers, each with one thread, on a loopback port, with the same zone.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener, UdpSocket},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use petset_integration::bench;

use crate::load::{self, Mix, Transport};

/// Headless services in the zone.
pub(crate) const SERVICES: u32 = 100;

/// Pets of each.
pub(crate) const PETS: u32 = 10;

/// Nothing starts slower.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that Debian has.
pub(crate) struct Other {
    pub(crate) name: &'static str,
    program: &'static str,
    /// Writes its files into a folder; returns its arguments.
    configure: fn(&Path, u16) -> Result<Vec<String>>,
}

pub(crate) const OTHERS: [Other; 5] = [
    Other { name: "knot", program: "knotd", configure: knot },
    Other { name: "nsd", program: "nsd", configure: nsd },
    Other { name: "unbound", program: "unbound", configure: unbound },
    Other { name: "bind", program: "named", configure: bind },
    Other { name: "dnsmasq", program: "dnsmasq", configure: dnsmasq },
];

/// A server that runs until it is dropped.
pub(crate) struct Running {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    child: Child,
    /// petset's ends when this is closed.
    _input: Option<ChildStdin>,
}

impl Running {
    /// petset's own server, with so many services.
    pub(crate) fn petset(serve: &Path, services: u32) -> Result<Running> {
        let mut child = Command::new(serve)
            .args(["127.0.0.1:0", &services.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("its output")?).read_line(&mut line)?;
        let input = child.stdin.take();
        Ok(Running { name: "petset", address: line.trim().parse()?, child, _input: input })
    }

    /// What the server and all processes below it have used.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        bench::processor_time(self.child.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already, or gone now: either is what is wanted.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Other {
    /// Starts the server in a folder below `dir`, and waits until it answers.
    pub(crate) fn start(&self, dir: &Path) -> Result<Running> {
        let program = ["/usr/sbin", "/usr/bin"].map(|folder| Path::new(folder).join(self.program));
        let program = program.iter().find(|path| path.exists());
        let program = program.context("not installed; integration/bench/dns-servers installs it")?;
        let dir = dir.join(self.name);
        fs::create_dir(&dir)?;
        let port = free_port()?;
        let arguments = (self.configure)(&dir, port)?;
        let log = fs::File::create(dir.join("log"))?;
        let child = Command::new(program)
            .args(arguments)
            .current_dir(&dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut running =
            Running { name: self.name, address: SocketAddr::from(([127, 0, 0, 1], port)), child, _input: None };
        let since = Instant::now();
        while let Err(error) = load::check(running.address, Mix::Everyday, Transport::Udp) {
            if since.elapsed() > PATIENCE || running.child.try_wait()?.is_some() {
                bail!("{error:#}\n{}", fs::read_to_string(dir.join("log")).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(running)
    }
}

/// A port that is free for UDP and TCP.
fn free_port() -> Result<u16> {
    for _ in 0..16 {
        let port = UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port is free")
}

/// Calls with each record: name below the zone, type, data.
fn records(mut each: impl FnMut(&str, &str, &str) -> Result<()>) -> Result<()> {
    for service in 0..SERVICES {
        for pet in 0..PETS {
            let address = load::address(service, pet).to_string();
            let (of_service, of_pet) = (load::service(service), load::pet(service, pet));
            each(&of_pet, "A", &address)?;
            each(&of_service, "A", &address)?;
            each(&of_service, "SRV", &format!("0 10 2380 {of_pet}.cluster.local."))?;
        }
    }
    Ok(())
}

/// A zone file, as knot, nsd and bind read it.
fn zone_file(dir: &Path) -> Result<()> {
    let mut text = "$ORIGIN cluster.local.\n$TTL 5\n@ SOA ns.dns hostmaster 1 7200 1800 86400 5\n@ NS ns.dns\n\
                    ns.dns A 127.0.0.1\n"
        .to_owned();
    records(|name, kind, data| Ok(writeln!(text, "{name} {kind} {data}")?))?;
    Ok(fs::write(dir.join("zone"), text)?)
}

fn knot(dir: &Path, port: u16) -> Result<Vec<String>> {
    zone_file(dir)?;
    let here = dir.display();
    let text = format!(
        "server:\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n  rundir: {here}\n\
         database:\n  storage: {here}\nlog:\n- target: stderr\n  any: warning\ntemplate:\n- id: default\n  storage: {here}\n\
         zone:\n- domain: cluster.local\n  file: zone\n"
    );
    fs::write(dir.join("conf"), text)?;
    Ok(vec!["-c".to_owned(), dir.join("conf").display().to_string()])
}

fn nsd(dir: &Path, port: u16) -> Result<Vec<String>> {
    zone_file(dir)?;
    let here = dir.display();
    let text = format!(
        "server:\n  server-count: 1\n  rrl-ratelimit: 0\n  ip-address: 127.0.0.1@{port}\n  username: \"\"\n  chroot: \"\"\n  database: \"\"\n\
         \x20 zonesdir: \"{here}\"\n  pidfile: \"{here}/pid\"\n  xfrdfile: \"{here}/xfrd\"\n  zonelistfile: \"{here}/list\"\n\
         remote-control:\n  control-enable: no\nzone:\n  name: cluster.local\n  zonefile: zone\n"
    );
    fs::write(dir.join("conf"), text)?;
    Ok(vec!["-d".to_owned(), "-c".to_owned(), dir.join("conf").display().to_string()])
}

fn unbound(dir: &Path, port: u16) -> Result<Vec<String>> {
    let here = dir.display();
    let mut text = format!(
        "server:\n  num-threads: 1\n  interface: 127.0.0.1@{port}\n  do-daemonize: no\n  username: \"\"\n  chroot: \"\"\n\
         \x20 directory: \"{here}\"\n  pidfile: \"{here}/pid\"\n  use-syslog: no\n  module-config: \"iterator\"\n\
         \x20 local-zone: \"cluster.local.\" static\n\
         \x20 local-data: \"cluster.local. 5 SOA ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 5\"\n"
    );
    records(|name, kind, data| Ok(writeln!(text, "  local-data: \"{name}.cluster.local. 5 {kind} {data}\"")?))?;
    text.push_str("remote-control:\n  control-enable: no\n");
    fs::write(dir.join("conf"), text)?;
    Ok(vec!["-d".to_owned(), "-c".to_owned(), dir.join("conf").display().to_string()])
}

fn bind(dir: &Path, port: u16) -> Result<Vec<String>> {
    zone_file(dir)?;
    let here = dir.display();
    let text = format!(
        "options {{ directory \"{here}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no;\n\
         pid-file \"{here}/pid\"; session-keyfile none; dnssec-validation no; }};\ncontrols {{ }};\n\
         zone \"cluster.local\" {{ type primary; file \"zone\"; }};\n"
    );
    fs::write(dir.join("conf"), text)?;
    Ok(["-g", "-n", "1", "-c"].map(str::to_owned).into_iter().chain([dir.join("conf").display().to_string()]).collect())
}

fn dnsmasq(dir: &Path, port: u16) -> Result<Vec<String>> {
    let mut text = format!(
        "port={port}\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nlocal=/cluster.local/\nlocal-ttl=5\n\
         user=root\npid-file=\naddn-hosts={}\n",
        dir.join("hosts").display()
    );
    let mut hosts = String::new();
    records(|name, kind, data| {
        if kind == "A" {
            writeln!(hosts, "{data} {name}.cluster.local")?;
        } else {
            let fields: Vec<&str> = data.split(' ').collect();
            ensure!(fields.len() == 4, "four fields of an SRV record");
            writeln!(text, "srv-host={name}.cluster.local,{},{},0,10", fields[3].trim_end_matches('.'), fields[2])?;
        }
        Ok(())
    })?;
    fs::write(dir.join("conf"), text)?;
    fs::write(dir.join("hosts"), hosts)?;
    Ok(vec!["-k".to_owned(), "-C".to_owned(), dir.join("conf").display().to_string()])
}
