//! The store on disks that are cut off, killed and full. They need root: file systems are mounted.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../crates/store/tests/storm/mod.rs"]
mod storm;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use petset_store::{CommitError, Key, StorageError, Store, Write};
use serde_json::{Value, json};
use storm::{Chance, Known, Writers, write_if_child};

/// How often the power goes.
const CUTS: u64 = 60;

/// How often it goes where losses are expected: sled alone loses in more than half of them.
const CUTS_WITHOUT_OWN_SYNC: u64 = 10;

/// How often the writers are killed.
const KILLS: u64 = 300;

/// After so many the store is a new one: opening one with a long past takes longer, and shows no more.
const FAULTS_PER_STORE: u64 = 10;

/// More acknowledgements are not waited for before a fault.
const HEARD_MAX: u64 = 120;

/// How long somebody may hold on to a file system that was cut.
const HELD_MAX: Duration = Duration::from_secs(20);

/// `FS_IOC_SHUTDOWN` and `FSOP_GOING_FLAGS_NOLOGFLUSH` of Linux: the file system stops where it is, and writes nothing
/// any more, neither what is in memory nor its journal. Perl is essential in Debian; the call is not safe in Rust.
const CUT: &str = r#"open(my $dir, "<", $ARGV[0]) or die "open: $!"; my $flags = pack("L", 2); ioctl($dir, 0x8004587d, $flags) or die "ioctl: $!";"#;

/// A file system of its own, which goes when the test ends.
struct Disk {
    dir: tempfile::TempDir,
    /// What is given to `mount`.
    mount: Vec<String>,
}

impl Disk {
    /// ext4 in a file, as on a real disk.
    fn ext4() -> Disk {
        let dir = tempfile::tempdir().unwrap();
        let image = dir.path().join("image");
        fs::File::create(&image).unwrap().set_len(256 << 20).unwrap();
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image));
        let mount = ["-o", "loop", image.to_str().unwrap()].map(str::to_owned).to_vec();
        Disk { dir, mount }.mounted()
    }

    /// A small one, in memory.
    fn small(megabytes: u32) -> Disk {
        let size = format!("size={megabytes}m");
        let mount = ["-t", "tmpfs", "-o", &size, "petset-test"].map(str::to_owned).to_vec();
        Disk { dir: tempfile::tempdir().unwrap(), mount }.mounted()
    }

    fn mounted(self) -> Disk {
        fs::create_dir(self.root()).unwrap();
        self.mount();
        self
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("disk")
    }

    /// Whoever copies the machine's mounts, as a container does for a moment when it starts, holds on to the file system
    /// that was cut: then that one is mounted again, and refuses everything. It is tried until nobody holds it.
    fn mount(&self) {
        let (began, sign) = (Instant::now(), self.root().join("sign"));
        loop {
            run(Command::new("mount").args(&self.mount).arg(self.root()));
            match fs::write(&sign, "").and_then(|()| fs::remove_file(&sign)) {
                Ok(()) => return,
                Err(error) => assert!(began.elapsed() < HELD_MAX, "nothing can be written after a cut: {error}"),
            }
            self.unmount();
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The power is gone at once.
    fn cut(&self) {
        run(Command::new("perl").args(["-e", CUT]).arg(self.root()));
    }

    fn unmount(&self) {
        run(Command::new("umount").arg(self.root()));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Also after a failure, whoever still has a file open there. The loop device goes with the mount.
        let _ = Command::new("umount").arg("--lazy").arg(self.root()).output();
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; this test needs it"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}; this test mounts file systems, which takes root");
}

/// Cuts the power while the writers write, puts it on again and judges.
fn cut_and_judge(test: &str, disk: &Disk, dir: &Path, chance: &mut Chance, known: &mut Known) -> Result<(), String> {
    let mut writers = Writers::start(test, dir);
    writers.hear(1 + chance.below(HEARD_MAX), known);
    disk.cut();
    writers.kill(known);
    disk.unmount();
    disk.mount();
    known.judge(dir)?;
    known.settle();
    Ok(())
}

#[test]
fn sixty_power_cuts_lose_nothing_acknowledged() {
    if write_if_child(Store::open_sled) {
        return;
    }
    let disk = Disk::ext4();
    let mut heard = 0;
    for store in 0..CUTS / FAULTS_PER_STORE {
        let dir = disk.root().join(format!("store-{store}"));
        let (mut chance, mut known) = (Chance::of(store), Known::nothing());
        for cut in 0..FAULTS_PER_STORE {
            let test = "sixty_power_cuts_lose_nothing_acknowledged";
            if let Err(wrong) = cut_and_judge(test, &disk, &dir, &mut chance, &mut known) {
                panic!("store {store}, cut {cut}: {wrong}");
            }
        }
        heard += known.heard;
        fs::remove_dir_all(&dir).unwrap();
    }
    println!("{CUTS} cuts after {heard} acknowledged transactions");
}

#[test]
fn a_store_without_its_own_sync_loses_acknowledged_writes() {
    if write_if_child(|dir| Store::open_sled_synced_by(dir, |_| Ok(()))) {
        return;
    }
    let disk = Disk::ext4();
    let test = "a_store_without_its_own_sync_loses_acknowledged_writes";
    let losses = (0..CUTS_WITHOUT_OWN_SYNC).filter_map(|cut| {
        let dir = disk.root().join(format!("store-{cut}"));
        cut_and_judge(test, &disk, &dir, &mut Chance::of(cut), &mut Known::nothing()).err()
    });
    let losses: Vec<String> = losses.collect();
    println!("{} of {CUTS_WITHOUT_OWN_SYNC} cuts lost something: {losses:#?}", losses.len());
    assert!(!losses.is_empty(), "sled's flush alone loses writes, or these cuts cut nothing");
}

#[test]
fn three_hundred_kills_lose_nothing_acknowledged() {
    if write_if_child(Store::open_sled) {
        return;
    }
    let mut heard = 0;
    for store in 0..KILLS / FAULTS_PER_STORE {
        let dir = tempfile::tempdir().unwrap();
        let (dir, mut chance, mut known) = (dir.path().join("store"), Chance::of(1_000 + store), Known::nothing());
        for kill in 0..FAULTS_PER_STORE {
            let mut writers = Writers::start("three_hundred_kills_lose_nothing_acknowledged", &dir);
            // Now and then they are killed while the store is opened.
            writers.hear(if chance.below(5) == 0 { 0 } else { chance.below(HEARD_MAX) }, &mut known);
            writers.kill(&mut known);
            if let Err(wrong) = known.judge(&dir) {
                panic!("store {store}, kill {kill}: {wrong}");
            }
            known.settle();
        }
        heard += known.heard;
    }
    println!("{KILLS} kills after {heard} acknowledged transactions");
}

fn pod(name: &str) -> Key {
    Key::new("pods", "default", name)
}

fn large(name: &str) -> Value {
    let words: Vec<String> = (0..1_250_u64).map(|word| format!("{:015x}", word.wrapping_mul(7_919))).collect();
    json!({"metadata": {"name": name}, "data": words.join(" ")})
}

async fn create(store: &Store, name: &str) -> Result<(), CommitError> {
    store.commit(vec![Write::Create { key: pod(name), object: large(name) }]).await.map(drop)
}

/// What a file system has left for others is not left: as another program would do.
fn take_all(root: &Path) -> PathBuf {
    let filler = root.join("filler");
    let full = Command::new("dd").args(["if=/dev/zero", "bs=64k"]).arg(format!("of={}", filler.display())).output();
    assert!(!full.unwrap().status.success(), "the disk is not full");
    filler
}

#[test]
fn a_full_disk_refuses_writes_says_what_to_do_and_takes_them_again_without_a_restart() {
    let disk = Disk::small(24);
    let dir = disk.root().join("store");
    let store = Store::open_sled(&dir).unwrap();
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        // The store fills it itself.
        let mut written = 0;
        let why = loop {
            match create(&store, &format!("web-{written}")).await {
                Ok(()) => written += 1,
                Err(CommitError::Storage(StorageError::Full(why))) => break why,
                Err(other) => panic!("{other}"),
            }
        };
        assert!(written > 100, "only {written} writes");
        let place = dir.display();
        let (said, free) = why.split_once(" are needed, ").unwrap();
        assert!(said.starts_with(&format!("the disk of {place} is full: 4.")), "{why}");
        assert!(free.starts_with("3.") || free.starts_with("4."), "{why}");
        assert!(free.ends_with(" MiB are free; make room there, and writing goes on by itself"), "{why}");

        // Somebody else takes the rest.
        let filler = take_all(&disk.root());
        let refused = create(&store, "refused").await.unwrap_err();
        assert!(
            matches!(&refused, CommitError::Storage(StorageError::Full(why)) if why.contains("0.0 MiB are free")),
            "{refused}"
        );

        // Reads and watches go on, the old ones from the log.
        assert_eq!(store.list("pods", None).items.len(), written);
        assert_eq!(store.get(&pod("refused")), None);
        let mut watch = store.watch(None, petset_store::Revision::FIRST).unwrap();
        for number in 0..written {
            assert_eq!(watch.next().await.unwrap().key, pod(&format!("web-{number}")));
        }
        let mut live = store.watch(None, store.revision()).unwrap();

        // Now there is as much room as for the write that was refused first. A smaller one might find enough.
        fs::remove_file(filler).unwrap();
        let error = create(&store, "refused").await.unwrap_err();
        assert!(
            matches!(error, CommitError::Storage(StorageError::Full(_))),
            "the store's own part is still full: {error}"
        );

        run(Command::new("mount").args(["-o", "remount,size=48m"]).arg(disk.root()));
        create(&store, "after").await.unwrap();
        assert_eq!(live.next().await.unwrap().key, pod("after"));
        store.close();
        let again = Store::open_sled(&dir).unwrap();
        assert_eq!(again.list("pods", None).items, store.list("pods", None).items);
    });
}

#[test]
fn a_store_on_a_disk_that_is_full_opens_and_takes_writes_when_there_is_room() {
    let disk = Disk::small(24);
    let dir = disk.root().join("store");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = Store::open_sled(&dir).unwrap();
    for number in 0..50 {
        runtime.block_on(create(&store, &format!("web-{number}"))).unwrap();
    }
    drop(store);
    let filler = take_all(&disk.root());
    // The first one has what was kept for it, the second needs nothing more.
    for _ in 0..2 {
        let store = Store::open_sled(&dir).unwrap();
        assert_eq!(store.list("pods", None).items.len(), 50);
        let refused = runtime.block_on(create(&store, "refused")).unwrap_err();
        assert!(matches!(refused, CommitError::Storage(StorageError::Full(_))), "{refused}");
    }
    let store = Store::open_sled(&dir).unwrap();
    fs::remove_file(&filler).unwrap();
    runtime.block_on(create(&store, "web-50")).unwrap();
    drop(store);

    // What was given up has been set aside again.
    take_all(&disk.root());
    let store = Store::open_sled(&dir).unwrap();
    assert_eq!(store.list("pods", None).items.len(), 51);
}
