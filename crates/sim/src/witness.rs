//! Looks at each decision with what it was made from, as it is made.

use std::{net::Ipv4Addr, sync::Arc};

use controller::Planner;
use ipnet::Ipv4Net;
use jiff::Timestamp;
use k8s_openapi::api::{
    core::v1::{Endpoints, Namespace, Pod, Service},
    discovery::v1::EndpointSlice,
};
use plan::{
    Action, Write,
    address::Leases,
    claim,
    facts::PodKey,
    garbage, law,
    namespace::{self, Content, Defaults},
    pod, set, zone,
};

use crate::{driver::line_of, judge::Judge};

/// A planner that holds another one to the laws.
pub struct Witness {
    planner: Arc<dyn Planner>,
    judge: Arc<Judge>,
}

impl Witness {
    /// Watches over a planner.
    pub fn new(planner: Arc<dyn Planner>, judge: Arc<Judge>) -> Witness {
        Witness { planner, judge }
    }

    fn see(&self, unit: impl FnOnce() -> String, verdict: law::Verdict) {
        if let Err(broken) = verdict {
            self.judge.breach(&broken.law.to_string(), format!("{}: {}", unit(), broken.why));
        }
    }

    fn tell(&self, unit: impl FnOnce() -> String, writes: &[Write], actions: &[Action]) {
        if writes.is_empty() && actions.iter().all(|action| matches!(action, Action::Probe(_))) {
            return;
        }
        self.judge.step("plan", || {
            let writes = writes.iter().map(show);
            let actions = actions.iter().filter(|action| !matches!(action, Action::Probe(_))).map(line_of);
            format!("{}: {}", unit(), writes.chain(actions).collect::<Vec<_>>().join(", "))
        });
    }
}

impl Planner for Witness {
    fn set(&self, input: &set::Input<'_>) -> set::Plan {
        let plan = self.planner.set(input);
        let unit = || format!("set {}", input.set.name());
        self.tell(unit, &plan.writes, &[]);
        self.see(unit, law::set::all(input, &plan));
        plan
    }

    fn pod(&self, input: &pod::Input<'_>) -> pod::Plan {
        let plan = self.planner.pod(input);
        let unit = || format!("pod {}", input.key);
        self.tell(unit, &plan.writes, &plan.actions);
        self.see(unit, law::pod::all(input, &plan));
        plan
    }

    fn claims(&self, input: &claim::Input<'_>) -> claim::Plan {
        let plan = self.planner.claims(input);
        let unit = || "claims".to_owned();
        self.tell(unit, &plan.writes, &plan.actions);
        self.see(unit, law::storage::all(input, &plan));
        plan
    }

    fn zone(&self, service: &Service, pods: &[&Pod], current: Option<&Endpoints>) -> zone::Plan {
        let plan = self.planner.zone(service, pods, current);
        let unit = || format!("service {}", service.metadata.name.as_deref().unwrap_or_default());
        self.tell(unit, &plan.writes, &[]);
        self.see(unit, law::zone::all(service, pods, current, &plan));
        plan
    }

    fn slices(&self, service: &Service, pods: &[&Pod], current: &[&EndpointSlice]) -> Vec<Write> {
        let writes = self.planner.slices(service, pods, current);
        let unit = || format!("service {}", service.metadata.name.as_deref().unwrap_or_default());
        self.tell(unit, &writes, &[]);
        self.see(unit, law::zone::sliced(service, pods, current, &writes));
        writes
    }

    fn namespace(&self, namespace: &Namespace, content: &[Content], now: Timestamp) -> namespace::Plan {
        let plan = self.planner.namespace(namespace, content, now);
        self.tell(
            || format!("namespace {}", namespace.metadata.name.as_deref().unwrap_or_default()),
            &plan.writes,
            &[],
        );
        plan
    }

    fn defaults(&self, namespace: &Namespace, found: &Defaults<'_>) -> Vec<Write> {
        let writes = self.planner.defaults(namespace, found);
        let unit = || format!("namespace {}", namespace.metadata.name.as_deref().unwrap_or_default());
        self.tell(unit, &writes, &[]);
        self.see(unit, law::namespace::all(namespace, found, &writes));
        writes
    }

    fn garbage(&self, input: &garbage::Input<'_>) -> garbage::Plan {
        let plan = self.planner.garbage(input);
        let unit = || format!("owners of {} {}", input.resource, input.metadata.name.as_deref().unwrap_or_default());
        self.tell(unit, &plan.writes, &[]);
        self.see(unit, law::garbage::all(input, &plan));
        plan
    }

    fn address(
        &self,
        leases: &Leases,
        used: &dyn Fn(&PodKey) -> bool,
        lost: &dyn Fn(Ipv4Addr) -> bool,
        key: &PodKey,
        subnet: Ipv4Net,
        gateway: Ipv4Addr,
    ) -> Result<Ipv4Addr, String> {
        let address = self.planner.address(leases, used, lost, key, subnet, gateway);
        if let Ok(address) = &address {
            let holder = leases.iter().find(|(other, lease)| lease.address == *address && used(other) && *other != key);
            if let Some((other, _)) = holder {
                self.judge.breach("one address for one identity", format!("{key} gets {address} of {other}"));
            }
            let own = leases.get(key).map(|lease| lease.address).filter(|own| !lost(*own));
            if let Some(own) = own.filter(|own| own != address) {
                self.judge.breach("one address for one identity", format!("{key} has {own} and gets {address}"));
            }
        }
        address
    }
}

/// A write in a few words: what it is, and the first name in it.
fn show(write: &Write) -> String {
    if let Write::PodStatus { name, status, .. } = write {
        let ready = status.conditions.iter().flatten().find(|condition| condition.type_ == "Ready");
        let ready = ready.map_or("?", |condition| condition.status.as_str());
        return format!("status of pod {name}: {}, Ready {ready}", status.phase.as_deref().unwrap_or_default());
    }
    let text = format!("{write:?}");
    let what = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let name = text.split_once(" name: ").map(|(_, rest)| rest.trim_start_matches("Some("));
    let name = name.and_then(|rest| rest.split('"').nth(1)).unwrap_or_default();
    format!("{what} {name}")
}
