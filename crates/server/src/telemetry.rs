//! The log: to standard error, for people on a terminal, or as JSON.
//!
//! Lines carry no content, no token, no key and no phone number. The one exception has a target of its own,
//! `dunlin::one_time_codes`, and is written only while codes go to the log.

use std::io::IsTerminal as _;

use dunlin_accounts::CODE_LOG_TARGET;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::config::{Config, LogFormat, SenderKind};

/// Starts logging for the process. When something else in the process did so already, that stays.
pub(crate) fn start(config: &Config) -> Result<(), ParseError> {
    let mut filter = EnvFilter::builder().parse(&config.log.filter)?;
    if config.codes.sender == SenderKind::Log {
        // Whoever made the log quieter still wants the codes that are sent there.
        filter = filter.add_directive(format!("{CODE_LOG_TARGET}=info").parse()?);
    }
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match config.log.format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging was started by the surrounding program");
    }
    Ok(())
}
