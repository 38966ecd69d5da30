//! Volumes hold data, and are never taken from under a container.

use controller::runtime::Runtime;
use plan::{
    Action,
    action::{Done, Failure, Mount, Source},
    facts::{Container, Room, Volume},
};

use crate::setting::{World, claim_labels, in_world, volume_at};

#[test]
fn a_volume_outlives_its_containers() {
    in_world("volume", |world| async move {
        let name = format!("{}-www-web-0", world.setup.instance);
        let create = Action::CreateVolume { name: name.clone(), labels: claim_labels("www-web-0"), size: None };
        for _ in 0..2 {
            assert_eq!(world.act(create.clone()).await, Ok(Done::Made(Room::Disk)));
        }
        let sandbox = world.up().await;
        let mut writer = world.start("app", 0, &sandbox, "echo kept >/data/file");
        // Whoever the container runs as may write.
        writer.user = Some("1234:1234".to_owned());
        writer.mounts = vec![volume_at(&name, "/data", "")];
        let writer = world.run(writer).await;
        assert_eq!(world.ended("app", 0).await, 0);

        let observed = world.docker.observe().await.unwrap();
        let expected = Volume { name: name.clone(), labels: claim_labels("www-web-0"), room: Room::Disk };
        assert_eq!(observed.engine.volumes, [(name.clone(), expected)].into());
        assert_eq!(observed.mounted, [name.clone()].into());
        let remove = Action::RemoveVolume { name: name.clone() };
        assert_eq!(world.act(remove.clone()).await, Err(Failure::Refused(format!("the volume {name} is in use"))));

        world.act(Action::Remove { id: writer.id, owner: writer.owner }).await.unwrap();
        let mut reader = world.start("app", 1, &sandbox, "exec sleep 1000");
        reader.mounts = vec![volume_at(&name, "/data", "")];
        let reader = world.run(reader).await;
        assert_eq!(world.exec("app", "cat /data/file", b"").await.0, "kept\n");

        world.act(Action::Remove { id: reader.id, owner: reader.owner }).await.unwrap();
        assert!(world.docker.observe().await.unwrap().mounted.is_empty());
        for _ in 0..2 {
            assert_eq!(world.act(remove.clone()).await, Ok(Done::Ok));
        }
        assert!(world.docker.observe().await.unwrap().engine.volumes.is_empty());
    });
}

#[test]
fn a_directory_inside_a_volume_is_made_and_counts_as_use() {
    in_world("subpath", |world| async move {
        let name = format!("{}-v", world.setup.instance);
        world.act(Action::CreateVolume { name: name.clone(), labels: claim_labels("v"), size: None }).await.unwrap();
        let sandbox = world.up().await;
        let mut start =
            world.start("app", 0, &sandbox, "umask 077; echo x >/part/file; mkdir /part/own; exec sleep 1000");
        start.user = Some("1234".to_owned());
        start.mounts = vec![volume_at(&name, "/part", "a/b")];
        world.run(start).await;
        let remove = Action::RemoveVolume { name: name.clone() };
        assert_eq!(world.act(remove).await, Err(Failure::Refused(format!("the volume {name} is in use"))));
        assert_eq!(world.docker.observe().await.unwrap().mounted, [name.clone()].into());

        let mut whole = world.start("other", 0, &sandbox, "exec sleep 1000");
        whole.mounts = vec![volume_at(&name, "/data", ""), volume_at(&name, "/own", "a/b/own")];
        world.run(whole).await;
        let (output, ..) = world.exec("other", "cat /data/a/b/file; stat -c %a /data/a /data/a/b /own", b"").await;
        assert_eq!(output, "x\n777\n777\n700\n");

        let mut out = world.start("third", 0, &sandbox, "true");
        out.mounts = vec![volume_at(&name, "/data", "../../..")];
        let refused = world.act(Action::StartContainer(Box::new(out))).await;
        assert_eq!(refused, Err(Failure::Refused("the subPath `../../..` leads out of its volume".to_owned())));
    });
}

#[test]
fn an_absent_volume_is_not_made_in_silence() {
    in_world("absent", |world| async move {
        let sandbox = world.up().await;
        let name = format!("{}-none", world.setup.instance);
        let mut start = world.start("app", 0, &sandbox, "true");
        start.mounts = vec![volume_at(&name, "/data", "")];
        let refused = world.act(Action::StartContainer(Box::new(start))).await;
        assert_eq!(refused, Err(Failure::Refused(format!("there is no volume {name} of this instance"))));
        assert!(world.docker.observe().await.unwrap().engine.volumes.is_empty());
    });
}

#[test]
fn a_volume_over_etc_does_not_hide_the_pods_files() {
    in_world("etc", |world| async move {
        let name = format!("{}-etc", world.setup.instance);
        world.act(Action::CreateVolume { name: name.clone(), labels: claim_labels("etc"), size: None }).await.unwrap();
        let sandbox = world.up().await;
        let mut start = world.start("app", 0, &sandbox, "exec sleep 1000");
        start.mounts = vec![volume_at(&name, "/etc", "")];
        world.run(start).await;
        let (output, ..) = world.exec("app", "cat /etc/hostname; grep -c ndots /etc/resolv.conf; ls /etc", b"").await;
        assert_eq!(output, "web-0\n1\nhostname\nhosts\nresolv.conf\n");
    });
}

#[test]
fn host_paths_and_memory_are_mounted() {
    in_world("paths", |world| async move {
        let sandbox = world.up().await;
        let host = tempfile::tempdir().unwrap();
        let path = |name: &str| host.path().join(name).to_string_lossy().into_owned();
        let mount =
            |source, path: &str, read_only| Mount { source, path: path.to_owned(), sub_path: String::new(), read_only };
        let mut start = world.start("app", 0, &sandbox, "exec sleep 1000");
        start.mounts = vec![
            mount(Source::Host { path: path("made"), create: true }, "/made", false),
            mount(Source::Host { path: path("made"), create: true }, "/fixed", true),
            mount(Source::Memory { size: Some(1 << 20) }, "/memory", false),
        ];
        world.run(start).await;
        let script = "echo x >/made/file; cat /fixed/file; echo y >/fixed/file || echo read-only; \
                      dd if=/dev/zero of=/memory/file bs=1k count=2000 2>/dev/null || stat -c %s /memory/file";
        assert_eq!(world.exec("app", script, b"").await.0, "x\nread-only\n1048576\n");

        let mut missing = world.start("other", 0, &sandbox, "true");
        missing.mounts = vec![mount(Source::Host { path: path("missing"), create: false }, "/missing", false)];
        let refused = world.act(Action::StartContainer(Box::new(missing))).await;
        assert!(matches!(&refused, Err(Failure::Refused(text)) if text.contains("missing")), "{refused:?}");
    });
}

/// How many starts must have met the directory, and how many must have not, in the tests below.
const SWAPS: u32 = 10;

/// After so many starts the directory is not swapped at all.
const TRIES_MAX: u32 = 5_000;

/// Exchanges `x` and `link`, which leads out of the volume, as fast as a shell can, for as long as the container lives.
const SWAPPER: &str = "mkdir -p /v/x; ln -sfn / /v/link; while true; do mv -T /v/x /v/y; mv -T /v/link /v/x; \
                       mv -T /v/x /v/link; mv -T /v/y /v/x; done";

#[test]
fn a_link_that_is_swapped_in_never_leads_out_of_a_volume() {
    in_world("swap", |world| async move {
        let name = format!("{}-v", world.setup.instance);
        world.act(Action::CreateVolume { name: name.clone(), labels: claim_labels("v"), size: None }).await.unwrap();
        let sandbox = world.up().await;
        let mut swapper = world.start("swapper", 0, &sandbox, SWAPPER);
        swapper.mounts = vec![volume_at(&name, "/v", "")];
        world.run(swapper).await;
        let source = Source::Volume(name);
        never_escapes(&world, &sandbox, |path| Mount { source: source.clone(), sub_path: path.to_owned(), ..part() })
            .await;
    });
}

#[test]
fn a_link_that_is_swapped_in_never_leads_out_of_an_allowed_host_path() {
    in_world("swaphost", |world| async move {
        let host = tempfile::tempdir().unwrap();
        let directory = host.path().to_str().unwrap().to_owned();
        let sandbox = world.up().await;
        let mut swapper = world.start("swapper", 0, &sandbox, SWAPPER);
        let whole = Source::Host { path: directory.clone(), create: false };
        swapper.mounts = vec![Mount { source: whole.clone(), path: "/v".to_owned(), ..part() }];
        world.run(swapper).await;
        let below = |path: &str| Mount {
            source: Source::Host { path: format!("{directory}/{path}"), create: false },
            ..part()
        };
        never_escapes(&world, &sandbox, below).await;
        let sub_path = |path: &str| Mount { source: whole.clone(), sub_path: path.to_owned(), ..part() };
        never_escapes(&world, &sandbox, sub_path).await;
    });
}

fn part() -> Mount {
    let source = Source::Memory { size: None };
    Mount { source, path: "/part".to_owned(), sub_path: String::new(), read_only: false }
}

/// Starts containers that mount what is being swapped, until enough were refused and enough have started. Those have what
/// is inside.
async fn never_escapes(world: &World, sandbox: &Container, mount: impl Fn(&str) -> Mount) {
    let (mut started, mut refused) = (0, 0);
    for attempt in 0..TRIES_MAX {
        if started >= SWAPS && refused >= SWAPS {
            return;
        }
        let mut start = world.start("victim", attempt, sandbox, "exec sleep 1000");
        start.mounts = vec![mount("x")];
        match world.act(Action::StartContainer(Box::new(start))).await {
            Ok(_) => {
                started += 1;
                let victim = world.container("victim", attempt).await;
                let (output, ..) = world.exec("victim", "ls /part", b"").await;
                assert_eq!(output, "", "start {attempt} has another directory than its own");
                world.act(Action::Remove { id: victim.id, owner: victim.owner }).await.unwrap();
            }
            Err(Failure::Refused(why)) => {
                refused += 1;
                // A link, nothing at all, or a directory that was replaced before it was mounted.
                let is_told = ["symbolic link", "no such file"].iter().any(|part| why.to_lowercase().contains(part));
                assert!(is_told, "{why}");
                // A refusal is quicker than a swap: the engine is asked something, so that not all meet the same one.
                assert!(!world.containers().await.is_empty());
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("nothing was swapped: {started} started, {refused} were refused");
}

#[test]
fn what_was_allowed_once_is_refused_at_the_start() {
    in_world("allowed", |world| async move {
        let sandbox = world.up().await;
        let mut privileged = world.start("app", 0, &sandbox, "true");
        privileged.privileged = true;
        let mut capable = world.start("app", 0, &sandbox, "true");
        capable.capabilities.0 = vec!["SYS_ADMIN".to_owned()];
        let mut outside = world.start("app", 0, &sandbox, "true");
        outside.mounts = vec![Mount { source: Source::Host { path: "/etc".to_owned(), create: false }, ..part() }];
        let powers =
            "the container asks for the host's powers, which this petsetd does not allow (--allow-privileged does)";
        let path = "hostPath `/etc`: this petsetd does not allow it (--allow-host-path does)";
        for (start, why) in [(privileged, powers), (capable, powers), (outside, path)] {
            let refused = world.act(Action::StartContainer(Box::new(start))).await;
            assert_eq!(refused, Err(Failure::Refused(why.to_owned())));
        }
        let mut on_host = world.sandbox(1);
        on_host.host_network = true;
        let why =
            "the pod asks for namespaces of the host, which this petsetd does not allow (--allow-privileged does)";
        let refused = world.act(Action::StartSandbox(Box::new(on_host))).await;
        assert_eq!(refused, Err(Failure::Refused(why.to_owned())));

        // A link in an allowed directory does not lead out of it.
        let host = tempfile::tempdir_in("/var/tmp").unwrap();
        let inside = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(host.path(), inside.path().join("out")).unwrap();
        let mut linked = world.start("app", 0, &sandbox, "true");
        let path = inside.path().join("out").to_str().unwrap().to_owned();
        linked.mounts = vec![Mount { source: Source::Host { path: path.clone(), create: true }, ..part() }];
        let refused = world.act(Action::StartContainer(Box::new(linked))).await;
        let why = format!("hostPath `{path}`: a symbolic link in it leads out of {}", std::env::temp_dir().display());
        assert_eq!(refused, Err(Failure::Refused(why)));
    });
}
