//! The life of a server: start, serve, drain, close.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use dunlin_gateway::accept;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::{Config, ConfigError};
use crate::demo::{Demo, Reception};
use crate::drain::{Drained, StopSignals, drain};
use crate::health::Readiness;
use crate::tls::TlsError;
use crate::wiring::{Parts, WiringError, assemble, http_config};
use crate::{health, jobs, metrics, reload, telemetry, tls, web};

/// What the command line says about a server; the rest is configuration.
#[derive(Debug, Clone, Default)]
pub struct ServeOptions {
    /// Goes before `server.listen`.
    pub listen: Option<SocketAddr>,
    /// Goes before `server.data_dir`.
    pub data_dir: Option<PathBuf>,
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// Hands out accounts without codes, and lifts rates; for this machine alone.
    pub test_accounts: bool,
}

impl ServeOptions {
    /// The configuration with what the command line says on top.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn load_config(&self) -> Result<Config, ConfigError> {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let mut config = Config::load(self.config.as_deref(), variables)?;
        if let Some(listen) = self.listen {
            config.server.listen = listen;
        }
        if let Some(data_dir) = &self.data_dir {
            config.server.data_dir.clone_from(data_dir);
        }
        Ok(config)
    }
}

/// Why a server did not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration was not accepted.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The filter of the log is not one.
    #[error("log.filter is not valid: {0}")]
    LogFilter(#[from] tracing_subscriber::filter::ParseError),
    /// Test accounts are for this machine alone.
    #[error(
        "With --test-accounts anyone who reaches the server can log in, so it listens on loopback only, not on {0}."
    )]
    TestAccountsExposed(SocketAddr),
    /// A demonstration is for this machine unless asked for otherwise.
    #[error(
        "With --demo, sample people write to whoever logs in, so it listens on loopback only, not on {0}. If others \
         are to meet them too, add --demo-public."
    )]
    DemoExposed(SocketAddr),
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address is taken, or not ours.
    #[error("The server cannot listen on {address}: {source}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The parts do not go together.
    #[error("The server cannot start: {0}")]
    Start(#[from] WiringError),
    /// The operating system refused something.
    #[error("The operating system refused: {0}")]
    System(#[from] io::Error),
    /// The store cannot write any more. What it acknowledged is safe; a restart tells the rest.
    #[error("The store failed, so the server stopped: {0}")]
    StoreFailed(String),
    /// The listener ended.
    #[error("The server stopped listening: {0}")]
    Accept(io::Error),
}

/// Serves until SIGTERM or SIGINT, on threads of its own, a demonstration beside it if there is to be one. Prints the
/// address to standard output when it takes connections.
///
/// # Errors
/// When it cannot start, or the store fails while it runs.
pub fn serve(options: ServeOptions, demo: Option<Demo>) -> Result<(), ServeError> {
    let config = options.load_config()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.server.worker_threads(cores))
        .enable_all()
        .build()?;
    runtime.block_on(Box::pin(serve_configured(options, config, demo)))
}

async fn serve_configured(
    options: ServeOptions,
    config: Config,
    demo: Option<Demo>,
) -> Result<(), ServeError> {
    telemetry::start(&config)?;
    if options.test_accounts && !config.server.listen.ip().is_loopback() {
        return Err(ServeError::TestAccountsExposed(config.server.listen));
    }
    if demo.as_ref().is_some_and(|demo| !demo.public) && !config.server.listen.ip().is_loopback() {
        return Err(ServeError::DemoExposed(config.server.listen));
    }
    let acceptor = tls::acceptor(&config.tls)?;
    let mut signals = StopSignals::listen()?;
    let hangup = reload::hangup()?;

    // The ports are taken first: a server that is told a wrong one does not touch the data.
    let listener = bind(config.server.listen).await?;
    let metrics_listener = match config.metrics.listen {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let parts = assemble(&config, options.test_accounts).await?;
    let readiness = Readiness::default();
    let mut beside = JoinSet::new();
    beside.spawn(jobs::run(
        Arc::clone(&parts.store) as _,
        Arc::clone(parts.gateway.delivery()),
        Arc::clone(&parts.clock),
        config.retention.clone(),
        config.attachments.kept(),
    ));
    beside.spawn(reload::on_hangup(options.clone(), Arc::clone(&parts.gateway), hangup));
    if let Some(listener) = metrics_listener {
        let registry = metrics::registry(Arc::clone(&parts.gateway), Arc::clone(&parts.store));
        let router = metrics::router(registry).merge(health::router(readiness.clone()));
        tracing::info!(address = %listener.local_addr()?, "serving metrics");
        beside.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "metrics are not served any more");
            }
        });
    }

    let address = listener.local_addr()?;
    let scheme = if acceptor.is_some() { "https" } else { "http" };
    let (stop, stopped) = watch::channel(false);
    let router = routes(&parts, &config, &readiness, options.test_accounts);
    if let Some(demo) = demo {
        beside.spawn(demonstrate(demo, &parts, &config, router.clone(), stopped.clone()).await?);
    }
    let mut accepting = tokio::spawn(accept(Arc::clone(&parts.gateway), listener, acceptor, router, stopped));
    readiness.set(true);
    announce(&format!("listening on {scheme}://{address}"))?;

    tokio::select! {
        reason = parts.store.failed() => return Err(ServeError::StoreFailed(reason)),
        ended = &mut accepting => {
            let reason = match ended {
                Ok(Err(error)) => error,
                Ok(Ok(())) => io::Error::other("nobody asked it to"),
                Err(error) => io::Error::other(error),
            };
            return Err(ServeError::Accept(reason));
        }
        () = signals.next() => {}
    }

    tracing::info!("stopping: clients are sent away; a second signal stops at once");
    readiness.set(false);
    let _ = stop.send(true);
    let limit = Duration::from_secs(config.server.drain_limit_seconds);
    let drained = tokio::select! {
        drained = drain(&parts.gateway, limit, &mut signals) => drained,
        reason = parts.store.failed() => return Err(ServeError::StoreFailed(reason)),
    };
    match drained {
        Drained::Empty => tracing::info!("stopped: every client is gone"),
        Drained::TimeUp => {
            tracing::warn!(left = parts.gateway.connection_count(), "stopped: the time was up")
        }
        Drained::Hurried => tracing::warn!(left = parts.gateway.connection_count(), "stopped at once"),
    }
    beside.shutdown().await;
    Ok(())
}

fn routes(parts: &Parts, config: &Config, readiness: &Readiness, test_accounts: bool) -> Router {
    let router = dunlin_gateway::http::router(&parts.gateway, &http_config(config, test_accounts))
        .merge(parts.gateway.websocket_route())
        .merge(health::router(readiness.clone()));
    if config.http.web_app { router.merge(web::routes(parts.object_store.as_deref())) } else { router }
}

/// A demonstration, with a door of its own: whatever TLS there is names this machine by what others call it.
async fn demonstrate(
    demo: Demo,
    parts: &Parts,
    config: &Config,
    router: Router,
    stopped: watch::Receiver<bool>,
) -> Result<impl Future<Output = ()> + Send + 'static, ServeError> {
    let listener = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let reception = Reception::new(&parts.accounts, url, &config.server.data_dir);
    let door = accept(Arc::clone(&parts.gateway), listener, None, router, stopped);
    let guests = (demo.run)(reception);
    Ok(async move {
        // The demonstration may end before the server; its door is of no use to anybody then, and does no harm.
        let (_, ended) = tokio::join!(guests, door);
        if let Err(error) = ended {
            tracing::error!(%error, "the demonstration has no way in any more");
        }
    })
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })
}

/// For people, and for programs that wait for it.
fn announce(line: &str) -> io::Result<()> {
    use std::io::Write as _;
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
