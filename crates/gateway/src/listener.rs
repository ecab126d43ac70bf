//! Accepting sockets, and HTTP on them until one asks for an upgrade.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::Gateway;
use crate::socket::Socket;

/// How long a client may take for a TLS handshake.
const TLS_WITHIN: Duration = Duration::from_secs(10);
/// How long a client may take to send the head of a request.
const HEADERS_WITHIN: Duration = Duration::from_secs(15);
/// Bytes of the head of a request.
const HEADERS_BYTES_MAX: usize = 32 * 1024;
/// Sockets that speak HTTP or shake hands at one time; more wait to be accepted.
const HTTP_SOCKETS_MAX: usize = 4_096;
/// How long to wait when the system has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts sockets and serves `router` on them until `stop` becomes true; then waits for nothing.
///
/// # Errors
/// When the listener itself fails.
pub async fn accept(
    gateway: Arc<Gateway>,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let sockets = Arc::new(Semaphore::new(HTTP_SOCKETS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&sockets).acquire_owned().await else { return Ok(()) };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stop) => return Ok(()),
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // A connection that broke, or too many files: neither ends the server.
                tracing::warn!(%error, "a socket was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        gateway.metrics.accepted.add(1);
        let (tls, router, stop) = (tls.clone(), router.clone(), stop.clone());
        tokio::spawn(async move {
            if let Err(error) = serve(stream, address, tls, router, stop).await {
                tracing::debug!(%error, "a connection ended");
            }
            drop(permit);
        });
    }
}

async fn serve(
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let socket = match tls {
        None => Socket::Plain(stream),
        Some(tls) => Socket::Tls(Box::new(tokio::time::timeout(TLS_WITHIN, tls.accept(stream)).await??)),
    };
    let service = router.map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(address));
        request.map(axum::body::Body::new)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(HEADERS_BYTES_MAX)
        .serve_connection(TokioIo::new(socket), TowerToHyperService::new(service))
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        served = connection.as_mut() => served?,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await?;
        }
    }
    Ok(())
}

/// Waits until the server stops, or whoever could say so is gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
