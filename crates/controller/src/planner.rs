//! The decisions of `plan`, behind a trait.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use jiff::Timestamp;
use k8s_openapi::api::{
    core::v1::{Endpoints, Namespace, Node, Pod, Service},
    discovery::v1::EndpointSlice,
};
use plan::{
    Write,
    address::{self, Leases},
    budget, claim,
    facts::PodKey,
    garbage,
    namespace::{self, Content, Defaults},
    node, pod, set, zone,
};

/// Makes the loop's decisions.
///
/// Every method is the function of the same name in `plan`, and the daemon runs them as they are ([`Real`]). The trait
/// exists for the simulator alone: it looks at each decision together with what the decision was made from, and it runs
/// planners that break a law on purpose, to see that the break is noticed.
pub trait Planner: Send + Sync {
    /// [`set::plan`].
    fn set(&self, input: &set::Input<'_>) -> set::Plan {
        set::plan(input)
    }

    /// [`pod::plan`].
    fn pod(&self, input: &pod::Input<'_>) -> pod::Plan {
        pod::plan(input)
    }

    /// [`claim::plan`].
    fn claims(&self, input: &claim::Input<'_>) -> claim::Plan {
        claim::plan(input)
    }

    /// [`zone::plan`].
    fn zone(&self, service: &Service, pods: &[&Pod], current: Option<&Endpoints>) -> zone::Plan {
        zone::plan(service, pods, current)
    }

    /// [`zone::slices::plan`].
    fn slices(&self, service: &Service, pods: &[&Pod], current: &[&EndpointSlice]) -> Vec<Write> {
        zone::slices::plan(service, pods, current)
    }

    /// [`namespace::plan`].
    fn namespace(&self, namespace: &Namespace, content: &[Content], now: Timestamp) -> namespace::Plan {
        namespace::plan(namespace, content, now)
    }

    /// [`namespace::defaults`].
    fn defaults(&self, namespace: &Namespace, found: &Defaults<'_>) -> Vec<Write> {
        namespace::defaults(namespace, found)
    }

    /// [`node::plan`].
    fn node(&self, node: &Node, silence: Option<&str>, now: Timestamp) -> node::Plan {
        node::plan(node, silence, now)
    }

    /// [`garbage::plan`].
    fn garbage(&self, input: &garbage::Input<'_>) -> garbage::Plan {
        garbage::plan(input)
    }

    /// [`budget::plan`].
    fn budget(&self, input: &budget::Input<'_>) -> budget::Plan {
        budget::plan(input)
    }

    /// [`address::assign`].
    fn address(
        &self,
        leases: &Leases,
        used: &dyn Fn(&PodKey) -> bool,
        lost: &dyn Fn(Ipv4Addr) -> bool,
        key: &PodKey,
        subnet: Ipv4Net,
        gateway: Ipv4Addr,
    ) -> Result<Ipv4Addr, String> {
        address::assign(leases, used, lost, key, subnet, gateway)
    }
}

/// The planner as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Real;

impl Planner for Real {}
