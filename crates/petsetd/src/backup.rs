//! `petsetd backup` and `petsetd restore`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use store::{Present, Store};
use tokio::net::UnixStream;

use crate::{config::Config, daemon::STORE_DIR, instance::Instance};

/// Where a running daemon serves it.
const PATH: &str = "/petset/v1/backup";

/// The file's name that means standard input and output.
const STANDARD: &str = "-";

/// Writes all objects of an instance, at one moment, to a file or to standard output.
///
/// A running daemon is asked; of one that is stopped the store is read. A file has its name only when it is whole.
pub(crate) fn backup(config: &Config, target: &Path) -> Result<()> {
    if target == Path::new(STANDARD) {
        return write_backup(config, &mut io::stdout().lock());
    }
    let unfinished = unfinished(target);
    let written = write_file(config, &unfinished)
        .and_then(|()| fs::rename(&unfinished, target).with_context(|| format!("name the file {}", target.display())));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&unfinished);
    }
    written?;
    let dir = target.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir).and_then(|dir| dir.sync_all()).with_context(|| format!("write {}", dir.display()))
}

/// Beside the file, so that the name is given in one step.
fn unfinished(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    target.with_file_name(name)
}

fn write_file(config: &Config, path: &Path) -> Result<()> {
    let what = || format!("write {}", path.display());
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.with_context(what)?;
    write_backup(config, &mut file)?;
    file.sync_all().with_context(what)
}

fn write_backup(config: &Config, out: &mut dyn Write) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().context("start the runtime")?;
    let socket = match runtime.block_on(UnixStream::connect(&config.socket)) {
        Ok(socket) => socket,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            return write_stopped(config, out);
        }
        Err(error) => return Err(error).with_context(|| format!("connect to {}", config.socket.display())),
    };
    runtime.block_on(write_running(socket, out))
}

/// Of the daemon that listens there.
async fn write_running(socket: UnixStream, out: &mut dyn Write) -> Result<()> {
    let lost = "the connection to petsetd was lost, and the backup is not whole";
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.context(lost)?;
    let request = hyper::Request::get(PATH).header("host", "petsetd").body(Empty::<Bytes>::new()).context("ask")?;
    let talk = async {
        let mut response = sender.send_request(request).await.context(lost)?;
        let code = response.status();
        ensure!(code.is_success(), "petsetd answered {code} to {PATH}: is it as new as this program?");
        // The body has a mark at its end: one that breaks off is an error.
        while let Some(frame) = response.frame().await {
            if let Some(bytes) = frame.context(lost)?.data_ref() {
                out.write_all(bytes).context("write the backup")?;
            }
        }
        out.flush().context("write the backup")
    };
    // The connection is driven for as long as the answer is read; how it ends is then nobody's matter.
    let mut talk = std::pin::pin!(talk);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        outcome = &mut talk => outcome,
        _ = &mut connection => talk.await,
    }
}

/// Of an instance that nobody runs.
fn write_stopped(config: &Config, out: &mut dyn Write) -> Result<()> {
    let dir = config.data_dir.join(STORE_DIR);
    ensure!(dir.is_dir(), "there is nothing to back up: {} does not exist", dir.display());
    let _instance = Instance::claim(config)?;
    let store = Store::open_sled(&dir)?;
    for line in store.backup() {
        out.write_all(&line).context("write the backup")?;
    }
    out.flush().context("write the backup")
}

/// Puts a backup in the place of an instance's store. The instance must be stopped.
pub(crate) fn restore(config: &Config, source: &Path, present: Present) -> Result<String> {
    let _instance = Instance::claim(config)?;
    let dir = config.data_dir.join(STORE_DIR);
    let restored = if source == Path::new(STANDARD) {
        store::restore(io::stdin().lock(), &dir, present)
    } else {
        match File::open(source) {
            Ok(file) => store::restore(BufReader::new(file), &dir, present),
            Err(error) => bail!("read {}: {error}", source.display()),
        }
    };
    let restored = restored?;
    let aside = restored.aside.map_or(String::new(), |aside| format!("; the former store is in {}", aside.display()));
    Ok(format!(
        "restored {} objects of revision {}; revisions go on at {}{aside}",
        restored.objects, restored.of.0, restored.revision.0
    ))
}
