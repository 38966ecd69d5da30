//! The log on stderr.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::LogFormat;

/// Libraries that write whole requests to the log, headers and bodies, when they may say everything: tokens and the
/// environment of containers would be among them.
const TALKATIVE: &str = "h2=info,hyper=info,hyper_util=info,bollard=info,rustls=info,tower=info,tungstenite=info";

/// Logs to stderr from now on, what the filter lets through.
///
/// Libraries that log every request are quieted, unless the filter names them.
pub(crate) fn begin(filter: &str, format: LogFormat) {
    let filter = EnvFilter::new(format!("{},{TALKATIVE},{filter}", dns::LOG_DIRECTIVES));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => subscriber.with_ansi(false).with_target(false).finish().init(),
        LogFormat::Json => subscriber.json().flatten_event(true).finish().init(),
    }
}
