//! What is loaded: a server of our own, started for the run, or one that runs already.

use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;
use tempfile::TempDir;

use crate::server::{ServerProcess, address_of, cpu_time};

/// Appends that the disk is probed with.
const PROBE_APPENDS: usize = 200;
/// Bytes of each.
const PROBE_BYTES: usize = 4_096;

/// Where the load goes and how the result is told.
#[derive(Debug, Clone, clap::Args)]
pub struct TargetOptions {
    /// A server that runs already, with --test-accounts (default: one of its own, removed afterwards)
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// The process of that server, on this machine, to read its CPU time
    #[arg(long, value_name = "PID", requires = "server")]
    pub server_pid: Option<u32>,
    /// Where a server of its own keeps its data for the run (default: the system's temporary directory)
    #[arg(long, value_name = "DIR", conflicts_with = "server")]
    pub data_under: Option<PathBuf>,
    /// How long what is under way may take to arrive once nothing more is sent
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub settle: u64,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub json: bool,
}

/// How long the disk takes to make a small append durable.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct FsyncLatency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// The server under load.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) fsync_ms: Option<FsyncLatency>,
    pid: Option<u32>,
    // The process ends before its directory is removed: fields drop in this order.
    own: Option<ServerProcess>,
    _directory: Option<TempDir>,
}

impl Target {
    pub(crate) async fn open(options: &TargetOptions) -> anyhow::Result<Self> {
        if let Some(url) = &options.server {
            let (address, pid) = (address_of(url)?, options.server_pid);
            return Ok(Self { address, fsync_ms: None, pid, own: None, _directory: None });
        }
        if cfg!(debug_assertions) {
            eprintln!("This is a debug build: its figures say nothing about speed.");
        }
        let directory = temporary_directory(options.data_under.as_deref())?;
        let fsync_ms = Some(probe_fsync(directory.path())?);
        let binary = std::env::current_exe().context("finding this program")?;
        let log = directory.path().join("server.log");
        let mut own = ServerProcess::spawn(&binary, &directory.path().join("data"), log)?;
        let address = own.address().await?;
        Ok(Self { address, fsync_ms, pid: Some(own.pid()), own: Some(own), _directory: Some(directory) })
    }

    /// CPU time of the server so far, where its process is known.
    pub(crate) fn cpu_time(&self) -> Option<Duration> {
        self.pid.and_then(|pid| cpu_time(pid).ok())
    }

    /// What the server said last, when it is our own and has ended.
    pub(crate) fn obituary(&mut self) -> Option<String> {
        let own = self.own.as_mut()?;
        own.has_ended().then(|| own.last_words())
    }
}

/// A directory for one run.
pub(crate) fn temporary_directory(under: Option<&Path>) -> anyhow::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("dunlin-load-");
    match under {
        Some(under) => builder.tempdir_in(under),
        None => builder.tempdir(),
    }
    .context("making a directory for the run")
}

/// Appends and syncs, one after the other, as a store on this disk would.
fn probe_fsync(directory: &Path) -> anyhow::Result<FsyncLatency> {
    let path = directory.join("probe");
    let mut file = File::create(&path).context("probing the disk")?;
    let block = [0x5A; PROBE_BYTES];
    let mut times = Vec::with_capacity(PROBE_APPENDS);
    for _ in 0..PROBE_APPENDS {
        let before = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(before.elapsed());
    }
    std::fs::remove_file(&path)?;
    times.sort_unstable();
    let at = |percent: usize| {
        times.get(PROBE_APPENDS * percent / 100).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    Ok(FsyncLatency { p50: at(50), p99: at(99) })
}
