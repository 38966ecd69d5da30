//! Files of configuration are whole before they are seen, and go from one version to the next while they are read.

use std::time::Duration;

use controller::runtime::Runtime;
use plan::{
    Action,
    action::{Done, Failure, Mount, Source},
    config::{File, FileVolume, Octets, WriteFiles, version},
};

use crate::setting::{World, in_world, volume_at, web_0};

/// A volume of these files, each a path, a mode and a content.
fn volume(world: &World, name: &str, files: &[(&str, u32, &str)]) -> FileVolume {
    let file = |(path, mode, content): &(&str, u32, &str)| File {
        path: (*path).to_owned(),
        mode: *mode,
        owner: 0,
        content: Octets::new(content.as_bytes()),
    };
    let files: Vec<File> = files.iter().map(file).collect();
    let labels = [("namespace", "default"), ("pod", "web-0"), ("uid", world.uid.as_str())];
    FileVolume {
        name: name_of(world, name),
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        version: version(&files, &[], None),
        files,
        directories: Vec::new(),
        group: None,
    }
}

fn name_of(world: &World, name: &str) -> String {
    format!("petset_{}_{}_{name}", world.setup.instance, world.uid)
}

fn write(world: &World, volumes: Vec<FileVolume>) -> Action {
    Action::WriteFiles(Box::new(WriteFiles { pod: web_0(), uid: world.uid.clone(), volumes }))
}

fn files_at(world: &World, name: &str, path: &str, sub_path: &str) -> Mount {
    let source = Source::Files(name_of(world, name));
    Mount { source, path: path.to_owned(), sub_path: sub_path.to_owned(), read_only: true }
}

#[test]
fn files_are_laid_out_as_by_a_kubelet() {
    in_world("layout", |world| async move {
        let files = [("a.conf", 0o644, "one\n"), ("deep/er/b", 0o400, "two\n")];
        let mut grouped = volume(&world, "grouped", &[("c", 0o440, "three\n")]);
        grouped.group = Some(2000);
        grouped.directories = vec!["empty/dir".to_owned()];
        let action = write(&world, vec![volume(&world, "conf", &files), grouped]);
        for _ in 0..2 {
            assert_eq!(world.act(action.clone()).await, Ok(Done::Ok));
        }
        let sandbox = world.up().await;
        let mut start = world.start("app", 0, &sandbox, "exec sleep 1000");
        start.mounts = vec![files_at(&world, "conf", "/conf", ""), files_at(&world, "grouped", "/grouped", "")];
        world.run(start).await;
        let script = "cd /conf; cat a.conf deep/er/b; readlink a.conf; readlink deep; readlink ..data | cut -c1-4; ls -A | wc -l; \
                      stat -c '%a %u %g' /conf -L a.conf deep deep/er deep/er/b; stat -c '%a %u %g' /grouped -L /grouped/c; \
                      ls /grouped/empty; echo x > a.conf || echo read-only";
        let (output, ..) = world.exec("app", script, b"").await;
        let expected = "one\ntwo\n..data/a.conf\n..data/deep\n..20\n4\n777 0 0\n644 0 0\n755 0 0\n755 0 0\n400 0 0\n2777 0 2000\n\
                        440 0 2000\ndir\nread-only\n";
        assert_eq!(String::from_utf8_lossy(&output), expected);
        // What wrote them is gone.
        let observed = world.docker.observe().await.unwrap();
        assert_eq!(observed.engine.volumes.len(), 2);
    });
}

/// Reads two files that always change together, as fast as a shell can, through one directory at a time, and tells of any pair
/// that is none.
const READER: &str = "while true; do cd -P /conf/..data 2>/dev/null || { echo gone >> /wrong; continue; }; \
                      a=$(cat a 2>/dev/null) || continue; b=$(cat b 2>/dev/null) || continue; echo $a >> /read; \
                      test \"$a\" = \"$b\" || echo \"mixed $a $b\" >> /wrong; done";

#[test]
fn a_change_is_seen_whole_and_what_is_not_named_any_more_goes() {
    in_world("swapped", |world| async move {
        let version = |text: &str| volume(&world, "conf", &[("a", 0o644, text), ("b", 0o644, text)]);
        let mut first = version("0");
        first.files.push(File { path: "old/file".to_owned(), mode: 0o644, owner: 0, content: Octets::new(b"x") });
        world.act(write(&world, vec![first])).await.unwrap();
        let sandbox = world.up().await;
        let mut reader = world.start("reader", 0, &sandbox, READER);
        reader.mounts = vec![files_at(&world, "conf", "/conf", ""), files_at(&world, "conf", "/part", "a")];
        world.run(reader).await;
        assert_eq!(world.exec("reader", "cat /conf/old/file /part", b"").await.0, "x0");
        for turn in 1..=8 {
            assert_eq!(world.act(write(&world, vec![version(&turn.to_string())])).await, Ok(Done::Ok));
        }
        let script = "cat /conf/a /conf/b /part; ls /conf; ls -A /conf | grep -c '^\\.\\.'";
        // A part that was mounted by its path stays what it was, as with a kubelet.
        assert_eq!(world.exec("reader", script, b"").await.0, "880a\nb\n2\n");
        // It has read more than the first version, and nothing wrong.
        let (read, ..) = world.exec("reader", "sort -u /read | wc -l; cat /wrong", b"").await;
        let versions = String::from_utf8_lossy(&read).trim().to_owned();
        assert!(versions.parse::<u32>().is_ok_and(|versions| versions > 1), "{versions}");
    });
}

#[test]
fn several_volumes_change_together_and_a_key_takes_the_place_of_an_empty_directory() {
    in_world("several", |world| async move {
        let mut bare = volume(&world, "bare", &[]);
        bare.directories = vec!["key".to_owned()];
        world.act(write(&world, vec![bare, volume(&world, "conf", &[("a", 0o644, "1")])])).await.unwrap();
        let both = vec![
            volume(&world, "bare", &[("key", 0o644, "there")]),
            volume(&world, "conf", &[("a", 0o644, "2")]),
            volume(&world, "new", &[("n", 0o644, "3")]),
        ];
        world.act(write(&world, both)).await.unwrap();
        let sandbox = world.up().await;
        let mut start = world.start("app", 0, &sandbox, "exec sleep 1000");
        start.mounts = ["bare", "conf", "new"].map(|name| files_at(&world, name, &format!("/{name}"), "")).into();
        world.run(start).await;
        assert_eq!(world.exec("app", "cat /bare/key /conf/a /new/n", b"").await.0, "there23");

        let mut missing = world.start("other", 0, &sandbox, "true");
        missing.mounts = vec![files_at(&world, "conf", "/conf", "none")];
        let refused = world.act(Action::StartContainer(Box::new(missing))).await;
        assert!(matches!(&refused, Err(Failure::Refused(text)) if text.contains("subPath `none`")), "{refused:?}");
    });
}

/// Does it, and again for seconds, as the planner does: while the engine makes a container for a request that nobody waits for any
/// more, it has taken the container's name already, and finds nothing to remove.
async fn tried_again(world: &World, action: Action) -> Result<Done, Failure> {
    let mut result = world.act(action.clone()).await;
    for _ in 0..100 {
        if !matches!(result, Err(Failure::Refused(_))) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        result = world.act(action.clone()).await;
    }
    result
}

#[test]
fn what_a_killed_daemon_left_keeps_nothing_from_being_written_or_removed() {
    in_world("leftover", |world| async move {
        let conf = volume(&world, "conf", &[("a", 0o644, "1")]);
        // Given up in the midst of it, more than once.
        for patience in [1, 5, 20, 40] {
            let action = write(&world, vec![conf.clone()]);
            drop(tokio::time::timeout(Duration::from_millis(patience), world.act(action)).await);
        }
        assert_eq!(tried_again(&world, write(&world, vec![conf.clone()])).await, Ok(Done::Ok));
        let later = volume(&world, "conf", &[("a", 0o644, "2")]);
        for patience in [10, 60, 120, 200] {
            let action = write(&world, vec![later.clone()]);
            drop(tokio::time::timeout(Duration::from_millis(patience), world.act(action)).await);
        }
        assert_eq!(tried_again(&world, write(&world, vec![later])).await, Ok(Done::Ok));
        let sandbox = world.up().await;
        let mut start = world.start("app", 0, &sandbox, "exec sleep 1000");
        start.mounts = vec![volume_at(&conf.name, "/conf", "")];
        let app = world.run(start).await;
        assert_eq!(world.exec("app", "cat /conf/a; ls -A /conf | wc -l", b"").await.0, "23\n");
        world.act(Action::Remove { id: app.id, owner: app.owner }).await.unwrap();
        drop(tokio::time::timeout(Duration::from_millis(60), world.act(write(&world, vec![conf.clone()]))).await);
        assert_eq!(tried_again(&world, Action::RemoveVolume { name: conf.name }).await, Ok(Done::Ok));
        assert!(world.docker.observe().await.unwrap().engine.volumes.is_empty());
    });
}
