//! An object store that speaks S3, for tests: `s3s` reads the protocol and checks each signature, expiry and signed
//! header, `s3s-fs` keeps the objects in a directory.
//!
//! What S3 does and `s3s-fs` leaves out stands in `checked.rs`, and what it lets pages of other origins do in `cors.rs`.
#![expect(clippy::expect_used, reason = "for tests alone, which fail by panicking")]

mod checked;
mod cors;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::body::Incoming;
use hyper::header::ORIGIN;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request};
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError, HttpResponse};
use tempfile::TempDir;
use tokio::sync::oneshot;

use checked::Checked;
pub use cors::Cors;

/// The one bucket there is.
pub const BUCKET: &str = "dunlin";
/// The name of the key that signs.
pub const ACCESS_KEY_ID: &str = "AKDUNLINTEST";
/// The key that signs.
pub const SECRET_ACCESS_KEY: &str = "a secret that only tests know";

/// A running store; it ends when it is dropped.
pub struct S3Server {
    address: SocketAddr,
    folder: TempDir,
    traffic: Arc<Traffic>,
    _stop: oneshot::Sender<()>,
}

/// The store, and what pages of other origins may do with it.
#[derive(Clone)]
struct Answering {
    store: S3Service,
    cors: Option<Arc<Cors>>,
}

impl Answering {
    async fn answer(self, request: Request<Incoming>) -> Result<HttpResponse, HttpError> {
        let request = request.map(Body::from);
        let Some(cors) = self.cors else { return self.store.call(request).await };
        if request.method() == Method::OPTIONS {
            return Ok(cors.preflight(request.headers()));
        }
        let (origin, method) = (request.headers().get(ORIGIN).cloned(), request.method().clone());
        let mut answer = self.store.call(request).await?;
        if let Some(origin) = origin {
            cors.mark(&origin, method.as_str(), answer.headers_mut());
        }
        Ok(answer)
    }
}

/// Bytes of objects that came and went.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) put: AtomicU64,
    pub(crate) read: AtomicU64,
}

impl S3Server {
    /// Starts a store, with an empty bucket that no page of another origin may use, on a thread of its own.
    ///
    /// # Panics
    /// When there is no port or directory for it.
    pub fn start() -> Self {
        Self::start_as(None)
    }

    /// As [`S3Server::start`], with rules for pages of other origins.
    ///
    /// # Panics
    /// When there is no port or directory for it.
    pub fn start_with(cors: Cors) -> Self {
        Self::start_as(Some(Arc::new(cors)))
    }

    fn start_as(cors: Option<Arc<Cors>>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(folder.path().join(BUCKET)).expect("a directory for the bucket");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it is bound");
        listener.set_nonblocking(true).expect("a socket can be so");
        let traffic = Arc::<Traffic>::default();
        let files = s3s_fs::FileSystem::new(folder.path()).expect("the directory is there");
        let mut builder = S3ServiceBuilder::new(Checked::new(files, Arc::clone(&traffic)));
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
        let service = Answering { store: builder.build(), cors };
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("it does not block");
                let accepting = async {
                    while let Ok((socket, _)) = listener.accept().await {
                        let service = service.clone();
                        let answering = service_fn(move |request| service.clone().answer(request));
                        let serving = http1::Builder::new()
                            .timer(TokioTimer::new())
                            .serve_connection(TokioIo::new(socket), answering);
                        // A connection that a test cuts is no concern of the store.
                        tokio::spawn(serving);
                    }
                };
                tokio::select! {
                    () = accepting => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, folder, traffic, _stop: stop }
    }

    /// Its address, without the bucket.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port on this machine.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Where an object's bytes are, for tests that tamper with them.
    pub fn object(&self, key: &str) -> PathBuf {
        self.folder.path().join(BUCKET).join(key)
    }

    /// Bytes of objects and parts that were put, and that were read.
    pub fn traffic(&self) -> (u64, u64) {
        (self.traffic.put.load(Ordering::SeqCst), self.traffic.read.load(Ordering::SeqCst))
    }
}
