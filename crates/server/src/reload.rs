//! SIGHUP: the limits are read again and hold for what comes from then on (R64).

use std::sync::Arc;

use dunlin_gateway::Gateway;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::wiring::gateway_config;
use crate::{Config, ConfigError, ServeOptions};

/// Puts the sections `chats`, `delivery` and `connections` in force whenever SIGHUP comes.
pub(crate) async fn on_hangup(options: ServeOptions, gateway: Arc<Gateway>, mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        match options.load_config() {
            Ok(config) => {
                apply(&config, options.test_accounts, &gateway);
                tracing::info!("the limits were read again");
            }
            Err(error) => report(&error),
        }
    }
}

/// From now on SIGHUP does not end the process.
pub(crate) fn hangup() -> std::io::Result<Signal> {
    signal(SignalKind::hangup())
}

fn apply(config: &Config, test_accounts: bool, gateway: &Gateway) {
    let (chats, attachments) = (config.chats.clone(), &config.attachments);
    gateway.delivery().reconfigure(config.delivery.delivery(chats, attachments, test_accounts));
    gateway.reconfigure(gateway_config(config, test_accounts));
}

fn report(error: &ConfigError) {
    tracing::error!(%error, "the configuration was not read again; the old one stays in force");
}
