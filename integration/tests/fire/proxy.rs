//! A socket between petsetd and the engine that delays, refuses, cuts off and resets.

use std::{
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::Result;

/// What becomes of a connection that is made, and of those that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Everything goes through.
    Well,
    /// Every piece of an answer comes so much later.
    Slow(Duration),
    /// Every request is answered with 500.
    Error,
    /// Every connection is closed as soon as something is asked.
    Reset,
    /// The beginning of an answer, and then nothing more.
    Half,
}

/// The proxy. Its threads end with the process.
pub(crate) struct Proxy {
    dir: tempfile::TempDir,
    mood: Arc<Mutex<Mood>>,
    open: Arc<Mutex<Vec<UnixStream>>>,
}

impl Proxy {
    pub(crate) fn start(engine: PathBuf) -> Result<Proxy> {
        let dir = tempfile::Builder::new().prefix("petset-proxy-").tempdir()?;
        let listener = UnixListener::bind(dir.path().join("docker.sock"))?;
        let proxy = Proxy { dir, mood: Arc::new(Mutex::new(Mood::Well)), open: Arc::new(Mutex::new(Vec::new())) };
        let (mood, open) = (Arc::clone(&proxy.mood), Arc::clone(&proxy.open));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (engine, mood) = (engine.clone(), Arc::clone(&mood));
                let Ok(other) = client.try_clone() else { continue };
                open.lock().unwrap_or_else(PoisonError::into_inner).push(client);
                thread::spawn(move || {
                    let end = other.try_clone();
                    // The copy that is kept would hold the connection open.
                    if serve(other, &engine, &mood).is_err()
                        && let Ok(end) = end
                    {
                        drop(end.shutdown(Shutdown::Both));
                    }
                });
            }
        });
        Ok(proxy)
    }

    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.dir.path().join("docker.sock").display())
    }

    /// Changes the mood, and cuts every connection of the old one.
    pub(crate) fn become_(&self, mood: Mood) {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
        for client in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // One that has ended already cannot be shut.
            drop(client.shutdown(Shutdown::Both));
        }
    }
}

fn now(mood: &Mutex<Mood>) -> Mood {
    *mood.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(mut client: UnixStream, engine: &Path, mood: &Arc<Mutex<Mood>>) -> std::io::Result<()> {
    let mut first = vec![0; 64 * 1024];
    match now(mood) {
        Mood::Well | Mood::Slow(_) => {}
        Mood::Reset => {
            let _asked = client.read(&mut first)?;
            return client.shutdown(Shutdown::Both);
        }
        Mood::Error => {
            let _asked = client.read(&mut first)?;
            let body = r#"{"message":"the engine is out of its mind"}"#;
            return write!(
                client,
                "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n{body}",
                body.len()
            );
        }
        Mood::Half => {
            let _asked = client.read(&mut first)?;
            write!(client, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n[{{")?;
            return client.shutdown(Shutdown::Both);
        }
    }
    let engine = UnixStream::connect(engine)?;
    let (client_in, engine_in) = (client.try_clone()?, engine.try_clone()?);
    let upward = thread::spawn(move || drop(relay(client_in, engine, || Duration::ZERO)));
    let mood = Arc::clone(mood);
    let delay = move || match now(&mood) {
        Mood::Slow(delay) => delay,
        Mood::Well | Mood::Error | Mood::Reset | Mood::Half => Duration::ZERO,
    };
    relay(engine_in, client, delay)?;
    drop(upward.join());
    Ok(())
}

/// Copies until the end, and passes the end on.
fn relay(mut from: UnixStream, mut to: UnixStream, delay: impl Fn() -> Duration) -> std::io::Result<()> {
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut piece)?;
        if read == 0 {
            return to.shutdown(Shutdown::Write);
        }
        thread::sleep(delay());
        to.write_all(&piece[..read])?;
    }
}
