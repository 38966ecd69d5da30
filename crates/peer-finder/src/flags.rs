//! The command line: the original's flags, read as Go's package `flag` reads them.

/// What `-help` prints.
pub(crate) const USAGE: &str = "\
usage: peer-finder -service NAME (-on-start SCRIPT | -on-change SCRIPT | both) [-ns NAMESPACE] [-domain DOMAIN]
  -service NAME       the governing service, whose SRV records name the peers
  -on-start SCRIPT    run once, when this pod's own name is among the peers; gets the peers on standard input, one a line
  -on-change SCRIPT   run each time the peers change afterwards; without -on-start also the first time
  -ns NAMESPACE       the namespace of this pod; else POD_NAMESPACE, else what /etc/resolv.conf tells
  -domain DOMAIN      the domain of the cluster; else what /etc/resolv.conf tells
";

/// What was asked for. An empty text is a flag that was not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    pub(crate) service: String,
    pub(crate) on_start: String,
    pub(crate) on_change: String,
    pub(crate) namespace: String,
    pub(crate) domain: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Given {
    Flags(Flags),
    Help,
}

/// Why a command line says too little or too much.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FlagError {
    #[error("there is no flag -{0}")]
    Unknown(String),
    #[error("flag -{0} needs a value")]
    NoValue(String),
    #[error("{0:?} is not a flag; a script with arguments is one word: -on-start='/script.sh one two'")]
    Surplus(String),
    #[error("-service is missing: which service governs this pod?")]
    NoService,
    #[error("-on-start and -on-change are both missing: what is to be run?")]
    NoScript,
    #[error("-domain needs the namespace too: give -ns, or set POD_NAMESPACE")]
    NoNamespace,
}

/// Reads a command line without the program's name: `-flag=value`, `-flag value`, and both with two dashes. `namespace` is that of
/// the environment.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = String>,
    namespace: Option<String>,
) -> Result<Given, FlagError> {
    let mut flags = Flags::default();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let Some(flag) = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')).filter(|f| !f.is_empty())
        else {
            return Err(FlagError::Surplus(argument));
        };
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (flag, None),
        };
        let place = match name {
            "h" | "help" => return Ok(Given::Help),
            "service" => &mut flags.service,
            "on-start" => &mut flags.on_start,
            "on-change" => &mut flags.on_change,
            "ns" => &mut flags.namespace,
            "domain" => &mut flags.domain,
            unknown => return Err(FlagError::Unknown(unknown.to_owned())),
        };
        *place = value.or_else(|| arguments.next()).ok_or_else(|| FlagError::NoValue(name.to_owned()))?;
    }
    if flags.namespace.is_empty() {
        flags.namespace = namespace.unwrap_or_default();
    }
    if flags.service.is_empty() {
        return Err(FlagError::NoService);
    }
    if flags.on_start.is_empty() && flags.on_change.is_empty() {
        return Err(FlagError::NoScript);
    }
    if !flags.domain.is_empty() && flags.namespace.is_empty() {
        return Err(FlagError::NoNamespace);
    }
    Ok(Given::Flags(flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str, namespace: Option<&str>) -> Result<Given, FlagError> {
        parse(line.split_whitespace().map(str::to_owned), namespace.map(str::to_owned))
    }

    #[test]
    fn flags_are_read_as_go_reads_them() {
        let wanted = Flags {
            service: "zk".into(),
            on_start: "\"/work-dir/on-start.sh\"".into(),
            namespace: "default".into(),
            ..Flags::default()
        };
        for line in [
            "-on-start=\"/work-dir/on-start.sh\" -service=zk",
            "--on-start \"/work-dir/on-start.sh\" --service zk",
            "-service zk -on-start=\"/work-dir/on-start.sh\" -ns=default",
        ] {
            assert_eq!(read(line, Some("default")), Ok(Given::Flags(wanted.clone())), "{line}");
        }
        let both = read("-service=zk -on-change=a=b -ns=mine", Some("default"));
        let wanted =
            Flags { service: "zk".into(), on_change: "a=b".into(), namespace: "mine".into(), ..Flags::default() };
        assert_eq!(both, Ok(Given::Flags(wanted)));
        assert_eq!(read("-service=zk -help", None), Ok(Given::Help));
    }

    #[test]
    fn what_is_missing_or_too_much_is_named() {
        for (line, wanted) in [
            ("", FlagError::NoService),
            ("-service= -on-start=x", FlagError::NoService),
            ("-service=zk", FlagError::NoScript),
            ("-service", FlagError::NoValue("service".into())),
            ("-service=zk -on-start=x -name=y", FlagError::Unknown("name".into())),
            ("-service=zk -on-start=x --", FlagError::Surplus("--".into())),
            ("-service=zk -on-start x.sh one", FlagError::Surplus("one".into())),
            ("-service=zk -on-start=x -domain=cluster.local", FlagError::NoNamespace),
        ] {
            assert_eq!(read(line, None), Err(wanted), "{line}");
        }
    }
}
