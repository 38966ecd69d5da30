use super::*;
use crate::setting;

const HOME: &[(&str, &str)] = &[("HOME", "/home/u")];

fn sources(flags: &[&str], variables: &[(&str, &str)], file: &str) -> Result<Sources, FileError> {
    let command = clap::Command::new("petsetd").args(setting::arguments());
    let matches = command.get_matches_from([&["petsetd"], flags].concat());
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut sources = Sources::new(&matches, variables);
    sources.read_file(Path::new("/petsetd.toml"), file)?;
    Ok(sources)
}

fn config(flags: &[&str], variables: &[(&str, &str)], file: &str) -> Config {
    Config::settle(&sources(flags, variables, file).unwrap(), false).unwrap()
}

fn error(flags: &[&str], variables: &[(&str, &str)], file: &str) -> String {
    let variables = [HOME, variables].concat();
    match sources(flags, &variables, file) {
        Ok(sources) => Config::settle(&sources, false).unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}

fn shown(config: &Config, name: &str) -> (String, String) {
    let shown = config.shown.iter().find(|shown| shown.name == name).unwrap();
    (shown.value.clone(), shown.origin.to_string())
}

#[test]
fn a_flag_is_stronger_than_the_environment_and_that_than_the_file() {
    let file = "domain = 'from.file'";
    let variables = [("HOME", "/home/u"), ("PETSET_DOMAIN", "from.environment")];
    let own = |value: &str, origin: &str| (value.to_owned(), origin.to_owned());
    for (config, expected) in [
        (config(&["--domain", "from.flag"], &variables, file), own("from.flag", "--domain")),
        (config(&[], &variables, file), own("from.environment", "PETSET_DOMAIN")),
        (config(&[], HOME, file), own("from.file", "/petsetd.toml: domain")),
        (config(&[], HOME, ""), own("cluster.local", "default")),
    ] {
        assert_eq!(shown(&config, DOMAIN), expected);
        assert_eq!(config.domain, expected.0);
    }
}

#[test]
fn an_ordinary_user_has_directories_of_their_own() {
    let xdg = [("XDG_DATA_HOME", "/d"), ("XDG_RUNTIME_DIR", "/run/user/1000")];
    let dirs = |config: &Config| [&config.data_dir, &config.runtime_dir, &config.socket].map(|path| path_text(path));
    assert_eq!(
        dirs(&config(&["--instance=ci"], &xdg, "")),
        ["/d/petset/ci", "/run/user/1000/petset/ci", "/run/user/1000/petset/ci/petsetd.sock"]
    );
    assert_eq!(
        dirs(&config(&[], HOME, "")),
        [
            "/home/u/.local/share/petset/default",
            "/home/u/.local/share/petset/default/run",
            "/home/u/.local/share/petset/default/run/petsetd.sock",
        ]
    );
    let homeless = sources(&[], &[], "").unwrap();
    assert!(matches!(Config::settle(&homeless, false), Err(ConfigError::NoHome)));
    assert_eq!(
        dirs(&Config::settle(&homeless, true).unwrap()),
        ["/var/lib/petset/default", "/run/petset/default", "/run/petset/default/petsetd.sock"]
    );
}

#[test]
fn only_the_default_instance_has_ports_that_are_known_beforehand() {
    let ports = |config: Config| (config.listen.to_string(), config.dns_listen.to_string());
    let own = |listen: &str, dns: &str| (listen.to_owned(), dns.to_owned());
    assert_eq!(ports(config(&[], HOME, "")), own("127.0.0.1:7474", "127.0.0.1:10053"));
    assert_eq!(ports(config(&["--instance=ci"], HOME, "")), own("127.0.0.1:0", "127.0.0.1:0"));
    assert_eq!(
        ports(config(&["--instance=ci", "--listen=[::1]:1", "--dns-listen=127.0.0.2:2"], HOME, "")),
        own("[::1]:1", "127.0.0.2:2")
    );
}

#[test]
fn other_machines_are_served_only_when_that_is_said() {
    assert_eq!(
        error(&["--listen=0.0.0.0:7474"], &[], ""),
        "--listen: 0.0.0.0:7474 can be reached from other machines; where that is wanted, add --listen-anywhere \
         (PETSET_LISTEN_ANYWHERE=true)"
    );
    assert!(error(&[], &[("PETSET_DNS_LISTEN", "10.0.0.1:53")], "").starts_with("PETSET_DNS_LISTEN: 10.0.0.1:53"));
    for (flags, file) in [
        (&["--listen=0.0.0.0:7474", "--listen-anywhere"][..], ""),
        (&["--listen=0.0.0.0:7474"][..], "listen-anywhere = true"),
    ] {
        assert_eq!(config(flags, HOME, file).listen.to_string(), "0.0.0.0:7474");
    }
}

#[test]
fn a_value_that_is_wrong_is_named_with_its_origin() {
    for (error, expected) in [
        (error(&["--instance=Bad_Name"], &[], ""), "--instance: `Bad_Name` is not a name of at most 20"),
        (error(&[], &[("PETSET_SUBNET", "10.0.0.1/8")], ""), "PETSET_SUBNET: `10.0.0.1/8` is not an IPv4 network"),
        (error(&[], &[], "upstream = ['9.9.9.9', 'dns']"), "/petsetd.toml: upstream: `dns` is not an address"),
        (error(&[], &[], "log-format = 'xml'"), "/petsetd.toml: log-format: `xml` is not `text` or `json`"),
        (error(&["--log", "=,="], &[], ""), "--log: `=,=` is not a log filter"),
        (error(&[], &[("DOCKER_HOST", "ssh://far")], ""), "DOCKER_HOST: `ssh://far` is not the address of a Docker"),
        (error(&[], &[], "listen = 7474"), "/petsetd.toml: `listen` must be a string"),
        (error(&[], &[], "listen-anywhere = 'yes'"), "/petsetd.toml: `listen-anywhere` must be true or false"),
        (error(&["--allow-host-path=data"], &[], ""), "--allow-host-path: `data` is not an absolute path"),
        (error(&["--allow-host-path=/srv/../etc"], &[], ""), "--allow-host-path: `/srv/../etc` is not an absolute"),
        (error(&["--listen-name=a:1"], &[], ""), "--listen-name: `a:1` is not a name or an address"),
        (error(&[], &[], "lisen = 'x'"), "/petsetd.toml: unknown key `lisen`; the keys are instance, data-dir"),
        (error(&[], &[], "listen"), "/petsetd.toml is not TOML"),
        (error(&["--socket", &"/x".repeat(60)], &[], ""), "--socket: /x/x"),
    ] {
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn upstreams_come_as_a_list_with_commas_or_as_repeated_flags() {
    let all: Vec<SocketAddr> = vec!["9.9.9.9:53".parse().unwrap(), "[2620:fe::fe]:5353".parse().unwrap()];
    for config in [
        config(&["--upstream=9.9.9.9", "--upstream=[2620:fe::fe]:5353"], HOME, ""),
        config(&["--upstream=9.9.9.9,[2620:fe::fe]:5353"], HOME, ""),
        config(&[], &[HOME, &[("PETSET_UPSTREAM", "9.9.9.9, [2620:fe::fe]:5353")]].concat(), ""),
        config(&[], HOME, "upstream = ['9.9.9.9', '[2620:fe::fe]:5353']"),
    ] {
        assert_eq!(config.upstreams.as_ref(), Some(&all));
    }
    assert_eq!(config(&[], HOME, "").upstreams, None);
}

#[test]
fn pods_may_mount_what_is_said_and_the_instances_own_directory() {
    let own = PathBuf::from("/home/u/.local/share/petset/default/host-volumes");
    assert_eq!(config(&[], HOME, "").host_paths, std::slice::from_ref(&own));
    let given = config(&["--allow-host-path=/srv/data", "--allow-host-path=/run/app.sock"], HOME, "");
    assert_eq!(given.host_paths, ["/srv/data".into(), "/run/app.sock".into(), own]);
    assert!(!given.allow_privileged);
    assert!(config(&["--allow-privileged"], HOME, "").allow_privileged);
}

#[test]
fn docker_is_where_dockers_own_variable_says_unless_ours_says_otherwise() {
    let docker = ("DOCKER_HOST", "tcp://theirs:2375");
    let ours = ("PETSET_DOCKER_HOST", "unix:///ours.sock");
    let host = |variables: &[(&str, &str)]| config(&[], &[HOME, variables].concat(), "").docker_host;
    assert_eq!(host(&[docker]).as_deref(), Some("tcp://theirs:2375"));
    assert_eq!(host(&[docker, ours]).as_deref(), Some("unix:///ours.sock"));
    assert_eq!(host(&[]), None);
}

#[test]
fn a_named_file_must_be_there_and_the_usual_one_need_not() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().to_str().unwrap();
    let load = |named: Option<&Path>| {
        Config::load(sources(&[], &[("HOME", home)], "").unwrap(), named, false).map(|config| config.domain)
    };
    assert_eq!(load(None).unwrap(), "cluster.local");
    let missing = dir.path().join("missing.toml");
    assert!(matches!(load(Some(&missing)), Err(ConfigError::File(FileError::Read { .. }))));
    let usual = dir.path().join(".config/petset");
    std::fs::create_dir_all(&usual).unwrap();
    std::fs::write(usual.join("petsetd.toml"), "domain = 'usual.file'").unwrap();
    assert_eq!(load(None).unwrap(), "usual.file");
}
