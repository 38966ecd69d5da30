//! Which address an identity gets.

use std::net::Ipv4Addr;

use plan::{
    address::{Lease, Leases, assign, outsider},
    facts::PodKey,
};

fn key(name: &str) -> PodKey {
    PodKey { namespace: "default".to_owned(), name: name.to_owned() }
}

/// Leases of last octets in 10.0.0.0/29, each last used at a time.
fn leases(held: &[(&str, u8, i64)]) -> Leases {
    let lease = |&(name, octet, last_used)| (key(name), Lease { address: Ipv4Addr::new(10, 0, 0, octet), last_used });
    held.iter().map(lease).collect()
}

/// What `web-0` gets in 10.0.0.0/29, which has six host addresses, one of them the gateway's.
fn assigned(leases: &Leases, used: &[&str]) -> Result<u8, String> {
    assigned_without(leases, used, &[])
}

/// The same where somebody else has the addresses of these last octets.
fn assigned_without(leases: &Leases, used: &[&str], lost: &[u8]) -> Result<u8, String> {
    let used = |k: &PodKey| used.contains(&k.name.as_str());
    let lost = |address: Ipv4Addr| lost.contains(&address.octets()[3]);
    let subnet = "10.0.0.0/29".parse().unwrap();
    let address = assign(leases, &used, &lost, &key("web-0"), subnet, Ipv4Addr::new(10, 0, 0, 1));
    address.map(|a| a.octets()[3])
}

#[test]
fn the_lowest_address_that_nobody_ever_held_is_given() {
    assert_eq!(assigned(&leases(&[]), &[]), Ok(2), "not the network's, not the gateway's");
    assert_eq!(assigned(&leases(&[("a", 2, 0), ("b", 4, 0)]), &[]), Ok(3));
}

#[test]
fn what_is_set_aside_for_services_is_no_pods() {
    let assigned = |leases: &Leases| {
        let (subnet, gateway) = ("10.0.0.0/26".parse().unwrap(), Ipv4Addr::new(10, 0, 0, 1));
        assign(leases, &|_| true, &|_| false, &key("web-0"), subnet, gateway).map(|address| address.octets()[3])
    };
    let up_to = |last: u8| {
        let leases = (2..=last).map(|octet| {
            let lease = Lease { address: Ipv4Addr::new(10, 0, 0, octet), last_used: 0 };
            (key(&format!("other-{octet}")), lease)
        });
        leases.collect::<Leases>()
    };
    assert_eq!(assigned(&up_to(46)), Ok(47));
    assert_eq!(assigned(&up_to(47)), Err("all 46 addresses of 10.0.0.0/26 are in use".to_owned()));
    assert_eq!(assigned(&leases(&[("web-0", 50, 0)])), Ok(50), "one that was given before goes on");
}

#[test]
fn an_identity_keeps_its_address() {
    assert_eq!(assigned(&leases(&[("web-0", 5, 0), ("a", 2, 0)]), &["a"]), Ok(5));
}

#[test]
fn an_identity_gives_up_an_address_that_somebody_else_has() {
    let held = leases(&[("web-0", 2, 0), ("a", 3, 0), ("b", 4, 0)]);
    assert_eq!(assigned_without(&held, &["a", "b"], &[2]), Ok(5), "one that nobody ever held");
    let held = leases(&[("web-0", 2, 0), ("a", 3, 0), ("b", 4, 9), ("c", 5, 7), ("d", 6, 5)]);
    assert_eq!(assigned_without(&held, &["a"], &[2]), Ok(6), "the one that has been unused for the longest time");
    assert_eq!(assigned_without(&held, &["a"], &[2, 6]), Ok(5));
}

#[test]
fn an_identity_keeps_a_lost_address_where_there_is_no_other() {
    let held = leases(&[("web-0", 2, 0), ("a", 3, 0), ("b", 4, 0), ("c", 5, 0), ("d", 6, 0)]);
    assert_eq!(assigned_without(&held, &["a", "b", "c", "d"], &[2]), Ok(2));
    assert_eq!(assigned_without(&held, &["a", "b", "c"], &[2, 6]), Ok(2));
}

#[test]
fn an_address_that_somebody_else_has_is_the_last_to_be_given_again() {
    let taken = Ipv4Addr::new(10, 0, 0, 2);
    let mut held = leases(&[("a", 3, 7), ("b", 4, 0), ("c", 5, 0)]);
    held.insert(outsider(taken), Lease { address: taken, last_used: 8 });
    assert_eq!(assigned(&held, &["a", "b", "c"]), Ok(6));
    held.insert(key("d"), Lease { address: Ipv4Addr::new(10, 0, 0, 6), last_used: 0 });
    assert_eq!(assigned(&held, &["b", "c", "d"]), Ok(3));
    assert_eq!(assigned(&held, &["a", "b", "c", "d"]), Ok(2));
}

#[test]
fn an_address_that_the_subnet_does_not_give_is_not_kept() {
    for octet in [0, 1, 7, 8, 200] {
        assert_eq!(assigned(&leases(&[("web-0", octet, 0)]), &[]), Ok(2), "10.0.0.{octet}");
    }
}

#[test]
fn when_all_were_held_the_longest_unused_one_is_given_up() {
    let all = leases(&[("a", 2, 50), ("b", 3, 10), ("c", 4, 30), ("d", 5, 30), ("e", 6, 70)]);
    assert_eq!(assigned(&all, &[]), Ok(3));
    assert_eq!(assigned(&all, &["b"]), Ok(4), "of equally old ones the first by name");
    assert_eq!(assigned(&all, &["b", "c", "d"]), Ok(2));
}

#[test]
fn when_all_are_in_use_it_says_so() {
    let all = leases(&[("a", 2, 0), ("b", 3, 0), ("c", 4, 0), ("d", 5, 0), ("e", 6, 0)]);
    let error = "all 5 addresses of 10.0.0.0/29 are in use".to_owned();
    assert_eq!(assigned(&all, &["a", "b", "c", "d", "e"]), Err(error));
}

#[test]
fn an_address_in_use_is_not_given_through_another_lease_of_it() {
    let twice = leases(&[("a", 2, 0), ("b", 2, 9), ("c", 3, 9), ("d", 4, 9), ("e", 5, 9), ("f", 6, 9)]);
    assert_eq!(assigned(&twice, &["b"]), Ok(3));
}

#[test]
fn a_subnet_without_room_has_no_addresses() {
    for subnet in ["10.0.0.0/32", "10.0.0.0/31", "10.0.0.0/30"] {
        let gateway = Ipv4Addr::new(10, 0, 0, 1);
        let given = assign(&Leases::new(), &|_| false, &|_| false, &key("web-0"), subnet.parse().unwrap(), gateway);
        let expected = if subnet.ends_with("/30") {
            Ok(Ipv4Addr::new(10, 0, 0, 2))
        } else {
            Err(format!("all 0 addresses of {subnet} are in use"))
        };
        assert_eq!(given, expected);
    }
}
