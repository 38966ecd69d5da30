//! Connects standard input and output to a port of the pod, for a port-forward.
//!
//! Started in the pod's sandbox, so that it is in the pod's network and finds what listens on localhost alone, as a kubelet
//! does. It ends when its input ends, that is, with the client or the daemon; or when the pod has closed the connection.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Ipv6Addr, Shutdown, TcpStream},
    process, thread,
};

use super::{
    say,
    wire::{CONNECTED, piece},
};

/// Octets that are passed on at a time.
const BUFFER_BYTES: usize = 32 * 1024;

/// Connects to a port, and passes on what comes until either side ends.
pub(crate) fn run(port: Option<&str>) -> io::Result<()> {
    let Some(port) = port.and_then(|text| text.parse().ok()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the argument of `forward` is a port"));
    };
    let connected = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
    let connected = connected.or_else(|why| TcpStream::connect((Ipv6Addr::LOCALHOST, port)).map_err(|_| why));
    let mut from_pod = match connected {
        Ok(connected) => connected,
        Err(why) => {
            // It is the whole of what is said to the user; a `main` that fails would say more.
            eprint!("nobody answers at port {port} of the pod's localhost: {why}");
            process::exit(1);
        }
    };
    let mut to_pod = from_pod.try_clone()?;
    say(CONNECTED)?;
    thread::spawn(move || {
        let mut buffer = vec![0; BUFFER_BYTES];
        // A connection that the pod has reset is at its end, too.
        while let Ok(count @ 1..) = from_pod.read(&mut buffer) {
            if say(&buffer[..count]).is_err() {
                break;
            }
        }
        process::exit(0);
    });
    let mut input = io::stdin().lock();
    let mut is_open = true;
    while let Some(octets) = piece(&mut input)? {
        if octets.is_empty() {
            // The client has no more to say and goes on listening. One that is gone ends the input.
            let _ = to_pod.shutdown(Shutdown::Write);
        } else if is_open {
            // What the pod does not read any more is lost, as it is without us; what it says still counts.
            is_open = to_pod.write_all(&octets).is_ok();
        }
    }
    Ok(())
}
