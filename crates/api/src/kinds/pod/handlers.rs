//! What must hold for the probes and the lifecycle hooks of a container.

use k8s_openapi::api::core::v1::{
    Container, ExecAction, GRPCAction, HTTPGetAction, LifecycleHandler, Probe, SleepAction, TCPSocketAction,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::kinds::names;
use crate::kinds::names::invalid;
use crate::kinds::pod::spec::one_of;
use crate::status::Cause;

/// All that is wrong with the probes and hooks of a container at the path `field`.
pub(super) fn validate(container: &Container, field: &str, wrong: &mut Vec<Cause>) {
    if let Some(lifecycle) = &container.lifecycle {
        for (name, hook) in [("postStart", &lifecycle.post_start), ("preStop", &lifecycle.pre_stop)] {
            if let Some(hook) = hook {
                handler(&Handler::of_hook(hook), &format!("{field}.lifecycle.{name}"), wrong);
            }
        }
        if lifecycle.stop_signal.is_some() {
            let why = "this version stops containers with the signal that their image names";
            wrong.push(Cause::forbidden(format!("{field}.lifecycle.stopSignal"), why));
        }
    }
    let probes = [
        ("livenessProbe", &container.liveness_probe),
        ("readinessProbe", &container.readiness_probe),
        ("startupProbe", &container.startup_probe),
    ];
    for (name, probe) in probes {
        if let Some(probe) = probe {
            validate_probe(probe, name, &format!("{field}.{name}"), wrong);
        }
    }
}

fn validate_probe(probe: &Probe, name: &str, field: &str, wrong: &mut Vec<Cause>) {
    handler(&Handler::of_probe(probe), field, wrong);
    let figures = [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ];
    for (figure, value) in figures {
        if let Some(value) = value.filter(|value| *value < 0) {
            wrong.push(Cause::invalid(format!("{field}.{figure}"), value, "must be greater than or equal to 0"));
        }
    }
    let is_readiness = name == "readinessProbe";
    match probe.termination_grace_period_seconds {
        Some(seconds) if is_readiness => {
            let why = "must not be set for readinessProbes";
            wrong.push(Cause::invalid(format!("{field}.terminationGracePeriodSeconds"), seconds, why));
        }
        Some(seconds) if seconds <= 0 => {
            let why = "must be greater than 0";
            wrong.push(Cause::invalid(format!("{field}.terminationGracePeriodSeconds"), seconds, why));
        }
        Some(_) | None => {}
    }
    if let Some(threshold) = probe.success_threshold.filter(|threshold| !is_readiness && *threshold != 1) {
        wrong.push(Cause::invalid(format!("{field}.successThreshold"), threshold, "must be 1"));
    }
}

/// What a probe or a hook does: exactly one of these.
struct Handler<'a> {
    exec: Option<&'a ExecAction>,
    http_get: Option<&'a HTTPGetAction>,
    tcp_socket: Option<&'a TCPSocketAction>,
    sleep: Option<&'a SleepAction>,
    grpc: Option<&'a GRPCAction>,
}

impl<'a> Handler<'a> {
    fn of_probe(probe: &'a Probe) -> Self {
        Handler {
            exec: probe.exec.as_ref(),
            http_get: probe.http_get.as_ref(),
            tcp_socket: probe.tcp_socket.as_ref(),
            sleep: None,
            grpc: probe.grpc.as_ref(),
        }
    }

    fn of_hook(hook: &'a LifecycleHandler) -> Self {
        Handler {
            exec: hook.exec.as_ref(),
            http_get: hook.http_get.as_ref(),
            tcp_socket: hook.tcp_socket.as_ref(),
            sleep: hook.sleep.as_ref(),
            grpc: None,
        }
    }

    /// The names of what is set, in Kubernetes' order.
    fn set(&self) -> Vec<&'static str> {
        let kinds = [
            ("exec", self.exec.is_some()),
            ("httpGet", self.http_get.is_some()),
            ("tcpSocket", self.tcp_socket.is_some()),
            ("grpc", self.grpc.is_some()),
            ("sleep", self.sleep.is_some()),
        ];
        kinds.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name).collect()
    }
}

fn handler(handler: &Handler<'_>, field: &str, wrong: &mut Vec<Cause>) {
    let set = handler.set();
    if set.is_empty() {
        wrong.push(Cause::required(field, "must specify a handler type"));
    }
    for name in set.iter().skip(1) {
        wrong.push(Cause::forbidden(format!("{field}.{name}"), "may not specify more than 1 handler type"));
    }
    if let Some(exec) = handler.exec
        && exec.command.as_ref().is_none_or(Vec::is_empty)
    {
        wrong.push(Cause::required(format!("{field}.exec.command"), ""));
    }
    if let Some(get) = handler.http_get {
        http_get(get, &format!("{field}.httpGet"), wrong);
    }
    if let Some(socket) = handler.tcp_socket {
        port(&socket.port, &format!("{field}.tcpSocket.port"), wrong);
    }
    if let Some(sleep) = handler.sleep.filter(|sleep| sleep.seconds < 0) {
        let why = "must be greater than or equal to 0";
        wrong.push(Cause::invalid(format!("{field}.sleep.seconds"), sleep.seconds, why));
    }
    if let Some(grpc) = handler.grpc {
        port(&IntOrString::Int(grpc.port), &format!("{field}.grpc.port"), wrong);
    }
}

fn http_get(get: &HTTPGetAction, field: &str, wrong: &mut Vec<Cause>) {
    if get.path.as_deref().unwrap_or_default().is_empty() {
        wrong.push(Cause::required(format!("{field}.path"), ""));
    }
    port(&get.port, &format!("{field}.port"), wrong);
    one_of(get.scheme.as_deref(), &["HTTP", "HTTPS"], format!("{field}.scheme"), wrong);
    for (index, header) in get.http_headers.iter().flatten().enumerate() {
        let is_token = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
        if header.name.is_empty() || !header.name.bytes().all(is_token) {
            let why = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used \
                       for validation is '[-A-Za-z0-9]+')";
            wrong.push(Cause::invalid(format!("{field}.httpHeaders[{index}].name"), header.name.as_str(), why));
        }
    }
}

fn port(port: &IntOrString, field: &str, wrong: &mut Vec<Cause>) {
    match port {
        IntOrString::Int(number) => {
            for why in names::port_number((*number).into()) {
                wrong.push(Cause::invalid(field, *number, &why));
            }
        }
        IntOrString::String(name) => invalid(wrong, field, name, names::port(name)),
    }
}
