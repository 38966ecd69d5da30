//! Names of a running set, asked by programs that are not ours: `dig` in the host's network, C libraries in containers.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::Write as _,
    net::{SocketAddr, UdpSocket},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use petset_integration::{World, succeed};

const WORLD: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: nginx}
spec:
  clusterIP: None
  selector: {app: nginx}
  ports: [{name: web, port: 80}, {name: peer, port: 7000}]
---
apiVersion: v1
kind: Service
metadata: {name: alias}
spec: {type: ExternalName, externalName: nginx.default.svc.cluster.local}
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec: {clusterIP: None, selector: {app: nobody}, ports: [{name: web, port: 80}]}
---
apiVersion: apps/v1alpha1
kind: PetSet
metadata: {name: web}
spec:
  serviceName: nginx
  replicas: 3
  selector: {matchLabels: {app: nginx}}
  template:
    metadata:
      labels: {app: nginx}
      annotations: {pod.alpha.kubernetes.io/initialized: "true"}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: app, image: "busybox:1", command: [sleep, "1000000"]}]
"#;

/// How a question is put.
const WAYS: [&[&str]; 4] = [&["+notcp"], &["+notcp", "+noedns", "+ignore"], &["+tcp"], &["+tcp", "+noedns"]];

/// What dig shows of a reply: its status, and its records without times to live, in order.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    status: String,
    answers: Vec<String>,
    authorities: Vec<String>,
}

/// A name below `cluster.local`, a type, and what is to be said.
type Case = (String, &'static str, Said);

fn answered(answers: impl IntoIterator<Item = String>) -> Said {
    let mut answers: Vec<String> = answers.into_iter().collect();
    answers.sort();
    Said { status: "NOERROR".to_owned(), answers, authorities: vec![] }
}

fn no(status: &str) -> Said {
    Said { status: status.to_owned(), answers: vec![], authorities: vec!["SOA".to_owned()] }
}

/// The addresses of the pods, by name.
fn addresses(world: &World) -> Result<BTreeMap<String, String>> {
    let pods = world.json(&["get", "pods"])?;
    let items = pods["items"].as_array().context("a list")?.iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    Ok(items.map(|pod| (text(&pod["metadata"]["name"]), text(&pod["status"]["podIP"]))).collect())
}

/// Everything that is asked of a set with these pods; `gone` are names of pods that are not there.
fn cases(pods: &BTreeMap<String, String>, gone: &[&str]) -> Vec<Case> {
    let of = |name: &str| format!("{name}.nginx.default.svc.cluster.local.");
    let weight = 100 / (2 * pods.len());
    let srv = |port: u16| pods.keys().map(move |name| format!("SRV 0 {weight} {port} {}", of(name)));
    let all = || pods.values().map(|address| format!("A {address}"));
    let mut cases: Vec<Case> = vec![
        ("nginx.default.svc".into(), "A", answered(all())),
        ("NGINX.Default.sVc".into(), "A", answered(all())),
        ("nginx.default.svc".into(), "AAAA", no("NOERROR")),
        ("nginx.default.svc".into(), "TXT", no("NOERROR")),
        ("nginx.default.svc".into(), "SRV", answered(srv(80).chain(srv(7000)))),
        ("_web._tcp.nginx.default.svc".into(), "AAAA", no("NOERROR")),
        ("_tcp.nginx.default.svc".into(), "A", no("NOERROR")),
        ("_none._tcp.nginx.default.svc".into(), "SRV", no("NXDOMAIN")),
        ("nobody.default.svc".into(), "A", no("NOERROR")),
        ("nobody.default.svc".into(), "SRV", no("NOERROR")),
        ("alias.default.svc".into(), "CNAME", answered(["CNAME nginx.default.svc.cluster.local.".into()])),
        ("alias.default.svc".into(), "A", answered(all().chain(["CNAME nginx.default.svc.cluster.local.".into()]))),
        ("default.svc".into(), "A", no("NOERROR")),
        ("svc".into(), "A", no("NOERROR")),
        ("ngnix.default.svc".into(), "A", no("NXDOMAIN")),
        ("nginx.defualt.svc".into(), "A", no("NXDOMAIN")),
        ("nginx".into(), "A", no("NXDOMAIN")),
        ("example.org.default.svc".into(), "AAAA", no("NXDOMAIN")),
        ("example.org.svc".into(), "A", no("NXDOMAIN")),
        ("example.org".into(), "A", no("NXDOMAIN")),
        ("dns-version".into(), "TXT", answered(["TXT \"1.1.0\"".into()])),
        ("nginx.default.svc".into(), "ANY", answered(["HINFO \"RFC8482\" \"\"".into()])),
    ];
    for weighted in [("_web", 80), ("_peer", 7000)] {
        let weight = 100 / pods.len();
        let each = pods.keys().map(|name| format!("SRV 0 {weight} {} {}", weighted.1, of(name)));
        cases.push((format!("{}._tcp.nginx.default.svc", weighted.0), "SRV", answered(each)));
    }
    for (name, address) in pods {
        let below = format!("{name}.nginx.default.svc");
        let targets = [80, 7000].map(|port| format!("SRV 0 50 {port} {}", of(name)));
        cases.push((below.clone(), "A", answered([format!("A {address}")])));
        cases.push((below.clone(), "AAAA", no("NOERROR")));
        cases.push((below, "SRV", answered(targets)));
        cases.push((format!("{}.default.pod", address.replace('.', "-")), "A", answered([format!("A {address}")])));
    }
    for name in gone {
        cases.push((format!("{name}.nginx.default.svc"), "A", no("NXDOMAIN")));
        cases.push((format!("{name}.nginx.default.svc"), "SRV", no("NXDOMAIN")));
    }
    cases
}

/// A name, a type, and how dig is to ask.
type Question<'a> = (String, &'a str, &'a [&'a str]);

/// Asks dig one question after the other, and reads what it prints. The image `petset/test:1` has it: the machine need not.
fn dig(server: SocketAddr, questions: &[Question<'_>]) -> Result<Vec<Said>> {
    let show = ["dig", "+tries=3", "+time=2", "+noall", "+comments", "+answer", "+authority", "-f", "-"];
    let mut batch = String::new();
    for (name, kind, way) in questions {
        writeln!(batch, "@{} -p {} -q {name} -t {kind} {}", server.ip(), server.port(), way.join(" "))?;
    }
    let mut child = Command::new("docker")
        .args(["run", "--rm", "--interactive", "--network=host", "petset/test:1"])
        .args(show)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().context("piped")?;
    input.write_all(batch.as_bytes())?;
    drop(input);
    let text = succeed("dig", &child.wait_with_output()?)?;
    let replies: Vec<Said> = text.split(";; ->>HEADER<<-").skip(1).map(read).collect::<Result<_>>()?;
    ensure!(replies.len() == questions.len(), "{} of {} answered: {text}", replies.len(), questions.len());
    Ok(replies)
}

/// Asks dig one question.
fn dig_one(server: SocketAddr, name: &str, kind: &str) -> Result<Said> {
    dig(server, &[(name.to_owned(), kind, &["+notcp"])])?.pop().context("one reply")
}

/// Reads one reply, from behind `HEADER`.
fn read(text: &str) -> Result<Said> {
    let status = text.split("status: ").nth(1).and_then(|rest| rest.split(',').next()).context("a status")?;
    let mut said = Said { status: status.to_owned(), answers: vec![], authorities: vec![] };
    let mut in_answers = true;
    for line in text.lines().skip(1) {
        match line {
            ";; ANSWER SECTION:" => in_answers = true,
            ";; AUTHORITY SECTION:" => in_answers = false,
            _ if line.starts_with(';') || line.is_empty() => {}
            _ => {
                let fields: Vec<&str> = line.split_whitespace().collect();
                ensure!(fields.len() > 4, "{line}");
                if in_answers {
                    said.answers.push(fields[3..].join(" "));
                } else {
                    said.authorities.push(fields[3].to_owned());
                }
            }
        }
    }
    said.answers.sort();
    Ok(said)
}

/// Asks all cases in all ways; returns how many questions that were.
fn ask_all(world: &World, cases: &[Case]) -> Result<usize> {
    let asked = || cases.iter().flat_map(|case| WAYS.map(|way| (case, way)));
    let questions: Vec<Question<'_>> =
        asked().map(|((name, kind, _), way)| (format!("{name}.cluster.local."), *kind, way)).collect();
    let mut wrong = Vec::new();
    for (((name, kind, expected), way), said) in asked().zip(dig(world.dns()?, &questions)?) {
        if said != *expected {
            wrong.push(format!("{name} {kind} {way:?}\n  said     {said:?}\n  expected {expected:?}"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(questions.len())
}

/// `4.3.2.1.in-addr.arpa` of an address.
fn reverse(server: SocketAddr, address: &str) -> Result<Said> {
    let octets: Vec<&str> = address.rsplit('.').collect();
    dig_one(server, &format!("{}.in-addr.arpa.", octets.join(".")), "PTR")
}

#[test]
fn dig_finds_every_record_before_and_after_the_set_changes() -> Result<()> {
    let mut world = World::start("names")?;
    world.apply(WORLD)?;
    world.pods_ready(&["web-0", "web-1", "web-2"])?;
    let before = addresses(&world)?;
    let mut asked = ask_all(&world, &cases(&before, &["web-3", "Web-10"]))?;
    for (name, address) in &before {
        let expected = answered([format!("PTR {name}.nginx.default.svc.cluster.local.")]);
        ensure!(reverse(world.dns()?, address)? == expected, "PTR of {address}");
    }

    world.petctl(&["delete", "pod", "web-1"])?;
    world.petctl(&["scale", "petset", "web", "--replicas=2"])?;
    world.pods_ready(&["web-0", "web-1"])?;
    let after = addresses(&world)?;
    ensure!(before["web-1"] == after["web-1"], "a pet keeps its address");
    asked += ask_all(&world, &cases(&after, &["web-2", "web-3"]))?;
    ensure!(reverse(world.dns()?, &before["web-2"])? == no("NXDOMAIN"), "the address of a pet that is gone");
    ensure!(asked >= 200, "{asked} questions");
    Ok(())
}

/// Knows `example.org` and nothing else.
struct Upstream {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Upstream {
    fn start() -> Result<Upstream> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let address = socket.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut query = [0; 1500];
            while !stopped.load(Ordering::Relaxed) {
                let Ok((length, client)) = socket.recv_from(&mut query) else { continue };
                // A test that has ended wants no reply.
                drop(socket.send_to(&Upstream::reply(&query[..length]), client));
            }
        });
        Ok(Upstream { address, stop, thread: Some(thread) })
    }

    fn reply(query: &[u8]) -> Vec<u8> {
        let name = b"\x07example\x03org\x00";
        let end = query.iter().skip(12).position(|octet| *octet == 0).map_or(query.len(), |at| 12 + at + 5);
        let question = query.get(12..end).unwrap_or_default();
        let is_known = question.len() > name.len() && question[..name.len()].eq_ignore_ascii_case(name);
        let is_address = question.ends_with(&[0, 1, 0, 1]);
        let mut reply = query[..2].to_vec();
        reply.extend([0x81, if is_known { 0x80 } else { 0x83 }, 0, 1, 0, u8::from(is_known && is_address), 0, 0, 0, 0]);
        reply.extend(question);
        if is_known && is_address {
            reply.extend([0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
        }
        reply
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// No resolver waits for its timeout, which is a second at least.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// A busy machine may be late once, and a resolver that waits does so every time.
const TRIES: usize = 3;

/// Whether busybox finds this address, and how many seconds it took.
fn nslookup(world: &World, name: &str, address: &str) -> Result<(bool, f64)> {
    let script = format!("time nslookup {name} 2>&1");
    let output = world.petctl_output(&["exec", "web-0", "--", "sh", "-c", &script], "")?;
    let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let found = printed.lines().filter_map(|line| line.strip_prefix("Address")).any(|line| line.ends_with(address));
    let time = printed.lines().find_map(|line| line.strip_prefix("real")).with_context(|| printed.clone())?;
    // `0m 0.01s`
    let (minutes, seconds) = time.trim().trim_end_matches('s').split_once('m').context("minutes")?;
    Ok((found, minutes.trim().parse::<f64>()? * 60.0 + seconds.trim().parse::<f64>()?))
}

#[test]
fn glibc_musl_and_busybox_find_names_and_wait_for_none() -> Result<()> {
    let upstream = Upstream::start()?;
    let mut world = World::start_with("resolve", &["--upstream", &upstream.address.to_string()])?;
    world.apply(&WORLD.replace("replicas: 3", "replicas: 1").replace("busybox:1", "petset/resolvers:1"))?;
    world.apply(
        r"
apiVersion: v1
kind: Service
metadata: {name: ub}
spec: {clusterIP: None, selector: {app: nginx}, ports: [{port: 80}]}
",
    )?;
    world.pods_ready(&["web-0"])?;
    let address = addresses(&world)?["web-0"].clone();
    let names = [
        ("web-0.nginx", address.as_str()),
        ("nginx", &address),
        ("ub.default", &address),
        ("example.org", "192.0.2.7"),
        ("web-0.ngnix", "-"),
    ];
    // The service is newer than the pod: its records may still be on their way.
    world.eventually("the second service has a name", |world| {
        let said = dig_one(world.dns()?, "ub.default.svc.cluster.local.", "A")?;
        ensure!(said == answered([format!("A {address}")]), "{said:?}");
        Ok(())
    })?;
    for library in ["resolve-glibc", "resolve-musl"] {
        let asked = (0..TRIES).flat_map(|_| names.iter().map(|(name, _)| *name));
        let command: Vec<&str> = ["exec", "web-0", "--", library].into_iter().chain(asked).collect();
        let printed = world.petctl(&command)?;
        let lines: Vec<Vec<&str>> = printed.lines().map(|line| line.split(' ').collect()).collect();
        for (n, (name, expected)) in names.into_iter().enumerate() {
            let of_name: Vec<&Vec<&str>> = lines.iter().skip(n).step_by(names.len()).collect();
            ensure!(of_name.len() == TRIES, "{library}: {printed}");
            ensure!(of_name.iter().all(|words| words[..2] == [name, expected]), "{library}: {printed}");
            let times: Vec<u128> = of_name.iter().map(|words| Ok(words[2].parse()?)).collect::<Result<_>>()?;
            ensure!(times.iter().any(|time| *time < WAIT_MAX.as_millis()), "{library} {name}: {times:?} ms");
        }
    }
    // busybox takes the search list for names without a dot alone.
    for (name, expected) in [
        ("web-0.nginx.default.svc.cluster.local", address.as_str()),
        ("nginx", &address),
        ("ub.default.svc.cluster.local", &address),
        ("example.org", "192.0.2.7"),
        ("web-0.ngnix.default.svc.cluster.local", "-"),
        ("ngnix", "-"),
    ] {
        let mut times = Vec::new();
        for _ in 0..TRIES {
            let (found, time) = nslookup(&world, name, expected)?;
            ensure!(found == (expected != "-"), "busybox {name}: found {found}");
            times.push(time);
        }
        ensure!(times.iter().any(|time| *time < WAIT_MAX.as_secs_f64()), "busybox {name}: {times:?} s");
    }
    Ok(())
}

#[test]
fn the_api_and_the_names_are_there_while_foreign_names_flood() -> Result<()> {
    // An upstream that answers nobody.
    let silent = UdpSocket::bind("127.0.0.1:0")?;
    let mut world = World::start_with("flood", &["--upstream", &silent.local_addr()?.to_string()])?;
    world.apply(&WORLD.replace("replicas: 3", "replicas: 1"))?;
    world.pods_ready(&["web-0"])?;
    let address = addresses(&world)?["web-0"].clone();
    let server = world.dns()?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let flooder = std::thread::spawn(move || -> Result<u64> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(server)?;
        let query = b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03org\x00\x00\x01\x00\x01";
        let mut sent = 0;
        while !stopped.load(Ordering::Relaxed) {
            sent += u64::from(socket.send(query).is_ok());
        }
        Ok(sent)
    });
    let outcome = (|| {
        // A datagram may find the socket full, as may the next: dig asks again after a second.
        let way: &[&str] = &["+notcp", "+time=1", "+tries=10"];
        for said in dig(server, &vec![("web-0.nginx.default.svc.cluster.local.".to_owned(), "A", way); 20])? {
            ensure!(said == answered([format!("A {address}")]), "{said:?}");
        }
        world.petctl(&["delete", "pod", "web-0"])?;
        world.pods_ready(&["web-0"])
    })();
    stop.store(true, Ordering::Relaxed);
    let sent = flooder.join().map_err(|_| anyhow::anyhow!("the flooder panicked"))??;
    outcome?;
    ensure!(sent > 10_000, "{sent} is no flood");
    Ok(())
}
