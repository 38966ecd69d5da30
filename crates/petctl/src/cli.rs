//! What can be said on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{command, output::print::Colour};

const EXAMPLES: &str = "\
Examples:
  petctl up                              start the daemon
  petctl create -f petset.yaml           make what a manifest describes
  petctl get po -w                       see the pets come up
  petctl why petset web                  see what it waits for
  petctl exec -it web-0 -- sh            go into a pet
  petctl scale petset web --replicas=5   have more of them
  petctl down                            stop the daemon; the pets keep running

Exit codes:
  0    done
  1    refused, failed, or not in time; `why`: it waits for something
  2    the command line makes no sense
  130  interrupted
  exec passes on the exit code of its command.";

/// Drives petset: PetSets on this machine, with nothing but Docker.
#[derive(Debug, Parser)]
#[command(name = "petctl", version, after_help = EXAMPLES, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which daemon, and how to speak.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The instance, where several run on one machine
    #[arg(long, global = true, env = "PETSET_INSTANCE", default_value = "default", value_name = "NAME")]
    pub(crate) instance: String,
    /// The instance's directory [default: /var/lib/petset/NAME as root, else $`XDG_DATA_HOME/petset/NAME`]
    #[arg(long, global = true, env = "PETSET_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// This kubeconfig instead of the instance's own
    #[arg(long, global = true, env = "PETSET_KUBECONFIG", value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The context in the kubeconfig
    #[arg(long, global = true, env = "PETSET_CONTEXT", value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// This address instead of the kubeconfig's: <https://HOST:PORT> or <http://HOST:PORT>
    #[arg(long = "server", short = 's', global = true, env = "PETSET_HOST", value_name = "URL")]
    pub(crate) host: Option<String>,
    /// This bearer token instead of the kubeconfig's
    // One of 64 tokens begins with a dash.
    #[arg(long, global = true, env = "PETSET_TOKEN", hide_env_values = true, allow_hyphen_values = true)]
    pub(crate) token: Option<String>,
    /// The namespace
    #[arg(long, short = 'n', global = true, env = "PETSET_NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// When to colour
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: Colour,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show objects: `get po`, `get petset web -o yaml`, `get po,svc -w`
    Get(command::get::Arguments),
    /// Tell all about objects, with their events and what they wait for
    Describe(command::describe::Arguments),
    /// Say what an object waits for, down to the cause: `why po/web-2`, `why petset web`
    Why(command::why::Arguments),
    /// Make new objects from manifests
    Create(command::create::Arguments),
    /// Make objects as the manifests say, whether they exist or not
    Apply(command::apply::Arguments),
    /// Delete objects, and wait until they are gone
    Delete(command::delete::Arguments),
    /// Change objects in an editor
    Edit(command::edit::Arguments),
    /// Change fields of objects
    Patch(command::patch::Arguments),
    /// Change how many pets a set has
    Scale(command::scale::Arguments),
    /// Follow, undo or begin a rollout: `rollout status sts/web`
    #[command(subcommand)]
    Rollout(command::rollout::Rollout),
    /// Set or remove labels: `label po web-0 tier=db old-`
    Label(command::label::Arguments),
    /// Set or remove annotations
    Annotate(command::label::Arguments),
    /// Run a command in a pet
    Exec(command::exec::Arguments),
    /// Let ports of this machine lead to ports of a pet
    PortForward(command::port_forward::Arguments),
    /// Show what a pet has written
    Logs(command::logs::Arguments),
    /// Let the node take no new pods; those that run stay
    Cordon(command::cordon::Arguments),
    /// Let the node take new pods again
    Uncordon(command::cordon::Arguments),
    /// Wait for a condition, a value or a deletion
    Wait(command::wait::Arguments),
    /// Show what has happened
    Events(command::events::Arguments),
    /// Write the manifest of an example into this folder, or list the examples: `init galera`
    Init(command::init::Arguments),
    /// Start the daemon in the background
    Up(command::daemon::UpArguments),
    /// Stop the daemon; the pets keep running
    Down(command::daemon::DownArguments),
    /// Print the kubeconfig for kubectl and other clients, or merge it into yours
    Kubeconfig(command::kubeconfig::Arguments),
    /// Make, list and revoke tokens for others, and change the instance's own
    Token(command::token::Arguments),
    /// List what the server serves
    ApiResources(command::about::ApiResourcesArguments),
    /// Show the versions of petctl and of the daemon
    Version(command::about::VersionArguments),
    /// Print a completion script: `petctl completion bash > …/completions/petctl`
    Completion(command::about::CompletionArguments),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Cli {
        Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}\n{error}"))
    }

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn a_token_may_begin_with_a_dash() {
        for line in ["petctl --token -lx get nodes", "petctl get nodes --token -lx", "petctl get nodes --token=-lx"] {
            assert_eq!(parse(line).global.token.as_deref(), Some("-lx"), "{line}");
        }
    }

    #[test]
    fn exec_takes_its_command_with_and_without_dashes() {
        let exec = |line: &str| match parse(line).command {
            Command::Exec(exec) => exec,
            other => panic!("{other:?}"),
        };
        for line in
            ["petctl exec -it web-0 -- sh -c ls", "petctl exec web-0 -it -- sh -c ls", "petctl exec -ti web-0 sh -c ls"]
        {
            let exec = exec(line);
            assert_eq!((exec.pod.as_str(), exec.stdin, exec.tty), ("web-0", true, true), "{line}");
            assert_eq!(exec.command, ["sh", "-c", "ls"], "{line}");
        }
        let plain = exec("petctl exec vm-0 /bin/sh");
        assert_eq!((plain.stdin, plain.tty, plain.command), (false, false, vec!["/bin/sh".to_owned()]));
        let named = exec("petctl exec web-0 -c nginx -- cat -n /etc/hosts");
        assert_eq!(named.container.as_deref(), Some("nginx"));
        assert_eq!(named.command, ["cat", "-n", "/etc/hosts"]);
    }

    #[test]
    fn global_options_stand_anywhere() {
        assert_eq!(parse("petctl -n a get po").global.namespace.as_deref(), Some("a"));
        assert_eq!(parse("petctl get po -n a").global.namespace.as_deref(), Some("a"));
        assert_eq!(parse("petctl get po --instance ci").global.instance, "ci");
    }

    #[test]
    fn commands_are_said_as_to_kubectl() {
        for line in [
            "petctl get po -l app=nginx -o jsonpath={.items[*].metadata.name}",
            "petctl get petset,svc -A -o wide --no-headers",
            "petctl create -f petset.yaml",
            "petctl apply -f a.yaml -f dir -R",
            "petctl delete po -l app=nginx",
            "petctl delete po web-0 --grace-period=0 --force",
            "petctl delete petset web --cascade=orphan --wait=false",
            "petctl why po/web-2",
            "petctl why petset web -o json",
            "petctl cordon laptop",
            "petctl init",
            "petctl init nginx --force",
            "petctl uncordon node/laptop",
            "petctl scale petset web --replicas=5",
            "petctl scale --replicas=5 petset/web",
            "petctl logs web-0 -f --tail=10 --since=5m -c nginx --previous",
            "petctl wait --for=condition=Ready po/web-0 --timeout=60s",
            "petctl patch petset web -p {\"spec\":{\"replicas\":3}}",
            "petctl annotate po web-0 pod.alpha.kubernetes.io/initialized=true --overwrite",
            "petctl events --for po/web-0 -w",
            "petctl up -- --log debug",
            "petctl token rotate --grace 1h",
            "petctl token create ci --namespace shop -n dev --read-only --duration 24h -o kubeconfig",
            "petctl token list",
            "petctl token revoke ci",
            "petctl rollout status sts/web --watch=false --timeout=5m",
            "petctl rollout history sts web --revision=2",
            "petctl rollout undo sts/web --to-revision=1",
            "petctl rollout restart sts -l app=nginx",
            "petctl rollout pause sts web",
        ] {
            parse(line);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for line in [
            "petctl scale petset web",
            "petctl get po -o nonsense",
            "petctl wait po/web-0",
            "petctl exec web-0",
            "petctl init nginks",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
