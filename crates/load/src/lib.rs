//! Load scenarios and the history checker.
//!
//! A scenario is a file: `pairs`, `replay`, `crash`. Each drives a fleet of clients on one thread, over real
//! sockets, and lets the [checker](check) judge what they saw. Clients frame WebSocket themselves, because
//! they share the machine with the server that is measured.
#![expect(clippy::disallowed_methods, reason = "measuring is about real time")]

mod accounts;
pub mod check;
mod connection;
mod crash;
mod crowd;
mod fleet;
mod framing;
mod http;
mod pacer;
mod pairs;
mod relay;
mod replay;
mod rng;
mod server;
mod stage;
mod summary;
mod target;
mod text;

use std::process::ExitCode;

pub use crash::CrashOptions;
pub use pairs::PairsOptions;
pub use replay::ReplayOptions;
pub use target::TargetOptions;

/// What `dunlin load` can do.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum LoadCommand {
    /// One-to-one chats, both ends sending and acknowledging
    Pairs(PairsOptions),
    /// Group conversations of a trace, at many times their speed
    Replay(ReplayOptions),
    /// A server of its own, killed again and again; nothing may be lost
    Crash(CrashOptions),
    /// Serves the least a server could do, in memory: the bound to compare `pairs --server` with
    Relay,
}

/// Runs a scenario to its end, on a thread of its own; prints the result. Fails when an invariant is broken.
///
/// # Errors
/// When the server cannot be started or reached, or the scenario cannot be set up.
pub fn run(command: LoadCommand) -> anyhow::Result<ExitCode> {
    let passed = match command {
        LoadCommand::Pairs(options) => pairs::run(&options),
        LoadCommand::Replay(options) => replay::run(&options),
        LoadCommand::Crash(options) => crash::run(&options),
        LoadCommand::Relay => relay::run(),
    }?;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
