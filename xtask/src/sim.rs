//! `cargo xtask sim`: many client cores against a server in memory, deterministically from seeds.
//!
//! The simulator stands among the tests of the client core; this builds it optimised and tells it what to run.

use std::path::Path;

use anyhow::Result;
use clap::Args;

use crate::process::{cargo, succeeds};

/// The tests that are the two simulations.
const WITH_STAND_IN: &str = "sim::whatever_happens_members_read_every_message_and_nobody_else_does";
const WITH_MLS: &str = "sim::the_same_holds_with_mls";

/// What to simulate.
#[derive(Args)]
pub(crate) struct SimArguments {
    /// How many seeds
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// People, each with one device to begin with
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(2..))]
    people: u8,
    /// Things that happen in a run before everyone comes back
    #[arg(long, default_value_t = 400)]
    steps: u32,
    /// The server's data also comes back from backups
    #[arg(long)]
    restores: bool,
    /// With MLS, in place of a stand-in that keeps its rules
    #[arg(long)]
    mls: bool,
}

/// Runs the simulation; false when a run breaks what must hold. It prints the command that repeats the run.
pub(crate) fn sim(root: &Path, arguments: &SimArguments) -> Result<bool> {
    let test = if arguments.mls { WITH_MLS } else { WITH_STAND_IN };
    let mut command = cargo(root);
    command
        .args(["test", "--quiet", "--release", "--package", "dunlin-client", "--test", "core", "--"])
        .args(["--exact", "--nocapture", test])
        .env("DUNLIN_SIM_SEEDS", arguments.seeds.to_string())
        .env("DUNLIN_SIM_FROM", arguments.from.to_string())
        .env("DUNLIN_SIM_PEOPLE", arguments.people.to_string())
        .env("DUNLIN_SIM_STEPS", arguments.steps.to_string())
        .env("DUNLIN_SIM_RESTORES", arguments.restores.to_string());
    succeeds(&mut command)
}
