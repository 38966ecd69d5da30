//! How soon a hundred watchers hear of a write, and what it costs to tell them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use http_body_util::BodyExt;
use petset_integration::bench;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::servers::{Operation, Server, Space, Watch};

const WATCHERS: usize = 100;

/// Writes of one measurement.
const WRITES: usize = 1_500;

/// How fast they come.
const WRITES_PER_SECOND: u32 = 500;

/// Connections that write, so that none waits for the disk before its time.
const WRITERS: usize = 16;

/// Nothing that works takes longer.
const PATIENCE: Duration = Duration::from_mins(1);

/// What one measurement has shown.
pub(crate) struct Fanout {
    /// From the answer to a write until a watcher hears of it, in milliseconds: the median, and that of 99 of 100. Those who hear
    /// before the writer count as 0.
    pub(crate) median: f64,
    pub(crate) late: f64,
    /// What the server has used of the processors, for a write with its hundred events, in µs.
    pub(crate) cost: f64,
}

/// Writes at a steady pace, from `made` on, while the watchers listen.
pub(crate) async fn measure(server: &Server, pid: u32, made: usize) -> Result<Fanout> {
    let watches = server.watch(Space::Watched, WATCHERS, 1).await?;
    let heard = watches.into_iter().map(|watch| tokio::spawn(timeout(PATIENCE, hear(watch, made))));
    let heard: Vec<_> = heard.collect();
    let before = bench::processor_time(pid)?;
    let answered = write(server, made).await?;
    let mut delays = Vec::with_capacity(WATCHERS * WRITES);
    for heard in heard {
        let heard = heard.await?.context("not every event has come")??;
        delays.extend(heard.iter().zip(&answered).map(|(heard, answered)| heard.saturating_duration_since(*answered)));
    }
    let spent = bench::processor_time(pid)?.saturating_sub(before);
    delays.sort_unstable();
    let at = |part: f64| delays[(delays.len() as f64 * part) as usize].as_secs_f64() * 1e3;
    Ok(Fanout { median: at(0.5), late: at(0.99), cost: spent.as_secs_f64() * 1e6 / WRITES as f64 })
}

pub(crate) const WRITES_OF_EACH: usize = WRITES;

/// When each write was answered.
async fn write(server: &Server, made: usize) -> Result<Vec<Instant>> {
    let (sender, next) = async_queue();
    let writers = (0..WRITERS).map(|_| {
        let (server, next) = (server.clone(), Arc::clone(&next));
        async move {
            let mut line = server.connect().await?;
            let mut answered = Vec::new();
            loop {
                let number = next.lock().await.recv().await;
                let Some(number) = number else { return Ok::<_, anyhow::Error>(answered) };
                line.ask(Operation::Create, Space::Watched, made + number).await?;
                answered.push((number, Instant::now()));
            }
        }
    });
    let pace = async move {
        let mut ticks = interval(Duration::from_secs(1) / WRITES_PER_SECOND);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for number in 0..WRITES {
            ticks.tick().await;
            sender.send(number).await?;
        }
        Ok(())
    };
    let (answered, paced) = tokio::join!(try_join_all(writers), pace);
    let paced: Result<()> = paced;
    paced?;
    let mut answered: Vec<_> = answered?.into_iter().flatten().collect();
    answered.sort_unstable();
    Ok(answered.into_iter().map(|(_, at)| at).collect())
}

type Queue = Arc<tokio::sync::Mutex<tokio::sync::mpsc::Receiver<usize>>>;

fn async_queue() -> (tokio::sync::mpsc::Sender<usize>, Queue) {
    let (sender, receiver) = tokio::sync::mpsc::channel(WRITES);
    (sender, Arc::new(tokio::sync::Mutex::new(receiver)))
}

/// When each write was heard of.
async fn hear(watch: Watch, made: usize) -> Result<Vec<Instant>> {
    let Watch { mut events, is_in_lines } = watch;
    let mut heard = vec![None; WRITES];
    let mut left = WRITES;
    let mut octets = Vec::new();
    while left > 0 {
        let frame = events.frame().await.context("a watch has ended")??;
        let now = Instant::now();
        octets.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        let mut taken = 0;
        while let Some(length) = message(&octets[taken..], is_in_lines) {
            for number in numbers(&octets[taken..taken + length]) {
                let heard = number.checked_sub(made).and_then(|number| heard.get_mut(number));
                if let Some(heard @ None) = heard {
                    *heard = Some(now);
                    left -= 1;
                }
            }
            taken += length;
        }
        octets.drain(..taken);
    }
    heard.into_iter().collect::<Option<_>>().context("every event")
}

/// The length of the first whole message.
fn message(octets: &[u8], is_in_lines: bool) -> Option<usize> {
    if is_in_lines {
        return octets.iter().position(|octet| *octet == b'\n').map(|end| end + 1);
    }
    let (head, rest) = octets.split_first_chunk::<5>()?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    (rest.len() >= length).then_some(length + 5)
}

/// The numbers in names of objects.
fn numbers(message: &[u8]) -> impl Iterator<Item = usize> {
    const NAME: &[u8] = b"measured-";
    let begins = message.windows(NAME.len()).enumerate().filter(|(_, piece)| *piece == NAME);
    begins.filter_map(|(at, _)| {
        let digits = message[at + NAME.len()..].iter().take_while(|octet| octet.is_ascii_digit());
        digits.map(|digit| char::from(*digit)).collect::<String>().parse().ok()
    })
}

/// What each of so many idle watches takes of the server's memory, in KiB.
pub(crate) async fn idle(server: &Server, pid: u32, count: usize) -> Result<f64> {
    const ON_EACH: usize = 200;
    let before = bench::memory(pid, "VmRSS")?;
    let watches = server.watch(Space::Created, count, ON_EACH).await?;
    ensure!(watches.len() == count, "not all are open");
    let after = bench::memory(pid, "VmRSS")?;
    Ok((after - before) * 1024.0 / count as f64)
}
