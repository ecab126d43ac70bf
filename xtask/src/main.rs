//! The project's own commands: `cargo xtask help`. They start binaries and import nothing of ours.

mod bench;
mod browser;
mod process;
mod run;
mod sim;
mod test;
mod tidy;
mod tools;
mod web;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, runs, tests and checks Dunlin.
#[derive(Parser)]
#[command(name = "cargo xtask", disable_version_flag = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds the release binary and serves, with whatever follows as arguments of `dunlin serve`
    Run {
        /// Arguments of `dunlin serve`, such as --listen 127.0.0.1:7701
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Everything that must hold: format, lints, licences, tidy and all tests
    Test,
    /// The rules of the house that no compiler checks
    Tidy,
    /// Load scenarios against a release server, and the cost of groups; some minutes
    Bench,
    /// The web app: the core as WebAssembly, and what is around it, into web/dist
    Web(web::WebArguments),
    /// Client cores against a server in memory, at random from seeds
    Sim(sim::SimArguments),
}

fn main() -> ExitCode {
    let root = workspace_root();
    let done = match Arguments::parse().command {
        Command::Run { arguments } => run::run(&root, &arguments),
        Command::Test => test::test(&root),
        Command::Tidy => tidy::tidy(&root),
        Command::Bench => bench::bench(&root),
        Command::Web(arguments) => web::web(&root, &arguments),
        Command::Sim(arguments) => sim::sim(&root, &arguments),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Where the workspace is: the directory above this crate.
fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
