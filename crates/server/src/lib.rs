//! The server: configuration, wiring, jobs, telemetry, shutdown.
//!
//! In reading order: `serve` is the life of a server, `wiring` puts the parts together, `config` is what can
//! be set. This is the only place that names a database.

pub mod config;
mod demo;
mod drain;
mod health;
mod jobs;
mod metrics;
mod reload;
mod serve;
mod system;
mod telemetry;
mod tls;
mod web;
mod wiring;

pub use config::{Config, ConfigError};
pub use demo::{Demo, DemoLogin, Performance, Reception};
pub use serve::{ServeError, ServeOptions, serve};
pub use system::{OsRandomness, SystemClock};
