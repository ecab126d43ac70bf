//! `/healthz`: the process answers. `/readyz`: it takes new connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;

/// Whether the server wants new connections.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readiness(Arc<AtomicBool>);

impl Readiness {
    pub(crate) fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Both routes, without a word about the server's inside.
pub(crate) fn router(readiness: Readiness) -> Router {
    let ready = move || {
        let answer = if readiness.get() {
            (StatusCode::OK, "ready\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        };
        async move { answer }
    };
    Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(ready))
}
