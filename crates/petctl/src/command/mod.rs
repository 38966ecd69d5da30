//! The commands, one file per group.

pub(crate) mod about;
pub(crate) mod apply;
pub(crate) mod cordon;
pub(crate) mod create;
pub(crate) mod daemon;
pub(crate) mod delete;
pub(crate) mod describe;
pub(crate) mod edit;
pub(crate) mod events;
pub(crate) mod exec;
pub(crate) mod get;
pub(crate) mod init;
pub(crate) mod kubeconfig;
pub(crate) mod label;
pub(crate) mod logs;
pub(crate) mod patch;
pub(crate) mod port_forward;
pub(crate) mod rollout;
pub(crate) mod scale;
pub(crate) mod token;
pub(crate) mod wait;
pub(crate) mod why;

use serde_json::Value;

use crate::{
    cli::{Cli, Command},
    connect::{Instance, connect},
    failure::Failure,
};

/// Does what was said.
pub(crate) async fn run(cli: Cli) -> Result<(), Failure> {
    let global = &cli.global;
    match cli.command {
        Command::Up(arguments) => daemon::up(global, &arguments).await,
        Command::Down(arguments) => daemon::down(&Instance::of(global), &arguments).await,
        Command::Init(arguments) => init::run(&arguments),
        Command::Kubeconfig(arguments) => kubeconfig::run(global, &arguments),
        Command::Token(arguments) => token::run(global, &arguments).await,
        Command::Completion(arguments) => {
            about::completion(&arguments);
            Ok(())
        }
        Command::Version(arguments) => about::version(global, &arguments).await,
        Command::Get(arguments) => get::run(&connect(global).await?, &arguments).await,
        Command::Describe(arguments) => describe::run(&connect(global).await?, &arguments).await,
        Command::Why(arguments) => why::run(&connect(global).await?, &arguments).await,
        Command::Cordon(arguments) => cordon::run(&connect(global).await?, &arguments, cordon::To::Cordoned).await,
        Command::Uncordon(arguments) => cordon::run(&connect(global).await?, &arguments, cordon::To::Open).await,
        Command::Create(arguments) => create::run(&connect(global).await?, global, &arguments).await,
        Command::Apply(arguments) => apply::run(&connect(global).await?, global, &arguments).await,
        Command::Delete(arguments) => delete::run(&connect(global).await?, &arguments).await,
        Command::Edit(arguments) => edit::run(&connect(global).await?, &arguments).await,
        Command::Patch(arguments) => patch::run(&connect(global).await?, &arguments).await,
        Command::Scale(arguments) => scale::run(&connect(global).await?, &arguments).await,
        Command::Rollout(rollout) => rollout::run(&connect(global).await?, &rollout).await,
        Command::Label(arguments) => label::run(&connect(global).await?, &arguments, label::What::Labels).await,
        Command::Annotate(arguments) => label::run(&connect(global).await?, &arguments, label::What::Annotations).await,
        Command::Exec(arguments) => exec::run(&connect(global).await?, &arguments).await,
        Command::PortForward(arguments) => port_forward::run(&connect(global).await?, &arguments).await,
        Command::Logs(arguments) => logs::run(&connect(global).await?, &arguments).await,
        Command::Wait(arguments) => wait::run(&connect(global).await?, &arguments).await,
        Command::Events(arguments) => events::run(&connect(global).await?, &arguments).await,
        Command::ApiResources(arguments) => about::api_resources(&connect(global).await?, &arguments).await,
    }
}

/// A pod's name from `web-0`, `po/web-0` or `pods/web-0`.
fn pod_name(argument: &str) -> Result<&str, Failure> {
    match argument.split_once('/') {
        None => Ok(argument),
        Some(("po" | "pod" | "pods", name)) => Ok(name),
        Some((kind, _)) => Err(Failure::message(format!("{kind} has no containers: name a pod"))),
    }
}

/// The container that is meant where none is named: the annotated one, else the first, which is said.
fn default_container(pod: &Value) -> Option<String> {
    let annotated = &pod["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"];
    let containers = pod["spec"]["containers"].as_array()?;
    let names: Vec<&str> = containers.iter().filter_map(|container| container["name"].as_str()).collect();
    let chosen = annotated.as_str().filter(|name| names.contains(name)).or(names.first().copied())?;
    if names.len() > 1 && annotated.as_str() != Some(chosen) {
        let init = pod["spec"]["initContainers"].as_array().into_iter().flatten();
        let others: Vec<String> = init.filter_map(|c| Some(format!("{} (init)", c["name"].as_str()?))).collect();
        let all = names.iter().map(|name| (*name).to_owned()).chain(others).collect::<Vec<_>>();
        crate::output::print::talk(&format!("Defaulted container \"{chosen}\" out of: {}", all.join(", ")));
    }
    Some(chosen.to_owned())
}
