//! Who holds a port, for the message that says it is taken.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// The name and pid of a process with a socket on this address and port, as far as we may know.
pub(crate) fn holder(address: SocketAddr) -> Option<String> {
    let tables = ["udp", "udp6", "tcp", "tcp6"];
    let inodes: Vec<String> = tables
        .iter()
        .filter_map(|table| fs::read_to_string(format!("/proc/net/{table}")).ok())
        .flat_map(|table| inodes(&table, address))
        .collect();
    let sockets: Vec<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    for process in fs::read_dir("/proc").ok()?.flatten() {
        // Others, such as `self`, are not pids.
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(files) = fs::read_dir(process.path().join("fd")) else { continue };
        let mut links = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
        if links.any(|link| sockets.iter().any(|socket| link.as_os_str() == socket.as_str())) {
            let name = fs::read_to_string(process.path().join("comm")).ok()?;
            return Some(format!("{} (pid {pid})", name.trim()));
        }
    }
    None
}

/// The inodes of unconnected sockets that are in the way of an address, from a table of `/proc/net`.
fn inodes(table: &str, address: SocketAddr) -> Vec<String> {
    let rows = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (local, remote, inode) = (fields.get(1)?, fields.get(2)?, fields.get(9)?);
        let (ip, port) = local.split_once(':')?;
        let ip = parse_ip(ip)?;
        let is_here = ip == address.ip() || ip.is_unspecified();
        let is_in_the_way = is_here && u16::from_str_radix(port, 16) == Ok(address.port());
        (is_in_the_way && remote.ends_with(":0000")).then(|| (*inode).to_owned())
    });
    rows.collect()
}

/// An address as the kernel prints it: words of 32 bits in hexadecimal, each in the machine's byte order.
fn parse_ip(text: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(text.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    if text.len() == 8 {
        return Some(Ipv4Addr::from(word(0)?).into());
    }
    let words = [word(0)?, word(8)?, word(16)?, word(24)?];
    let bytes: [u8; 16] = words.concat().try_into().ok()?;
    Some(Ipv6Addr::from(bytes).to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_who_listens() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let found = holder(socket.local_addr().unwrap()).unwrap();
        assert!(found.ends_with(&format!("(pid {})", std::process::id())), "{found}");
    }

    #[test]
    fn another_address_of_the_port_is_not_in_the_way() {
        let row = |local: &str, inode: u32| {
            let remote = "0".repeat(local.len() - 5) + ":0000";
            format!("  7: {local} {remote} 07 00000000:00000000 00:00000000 00000000 0 0 {inode} 2 0 0\n")
        };
        let local = |ip: [u8; 4], port: u16| format!("{:08X}:{port:04X}", u32::from_ne_bytes(ip));
        let mapped = u32::from_ne_bytes([0, 0, 0xff, 0xff]);
        let mapped = format!("{:016X}{mapped:08X}{}", 0, local([10, 9, 0, 1], 53));
        let table = [
            "  sl  local_address rem_address\n".to_owned(),
            row(&local([10, 9, 0, 1], 53), 1),
            row(&local([10, 8, 0, 1], 53), 2),
            row(&local([0, 0, 0, 0], 53), 3),
            row(&local([10, 9, 0, 1], 54), 4),
            row(&mapped, 5),
            row(&format!("{}:0035", "0".repeat(32)), 6),
        ];
        assert_eq!(inodes(&table.concat(), "10.9.0.1:53".parse().unwrap()), ["1", "3", "5", "6"]);
    }
}
