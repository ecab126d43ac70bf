//! The client in the terminal. The program adds its own commands beside those of here.
//!
//! In reading order: `args` is the command line, `run` finds out which process carries a command out, `owner` is how
//! processes of one profile speak to each other, `session` a running device with its names, `commands` has a file
//! for each subject, `chat` is the full screen, `profile` what is kept on disk, [`demo`] the people of `serve --demo`.
#![expect(clippy::disallowed_methods, reason = "a program meets the real clock")]

mod args;
mod chat;
mod commands;
pub mod demo;
mod failure;
mod localtime;
mod output;
mod owner;
mod plain;
mod profile;
mod qr;
mod render;
mod run;
mod session;

use std::io::{self, Write};
use std::process::ExitCode;

use tokio::runtime::Builder;
use tokio::task::LocalSet;

use output::Output;
use profile::Profile;

pub use args::{Command, Globals};

/// Runs a command to its end, on this thread and a runtime of its own. Prints what it gives and why it failed; the exit
/// codes are those of docs/terminal.md.
///
/// Not `async`: what is awaited would be compiled again with each program that awaits it.
pub fn run(command: Command, globals: Globals) -> ExitCode {
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            // What cannot be told on standard error cannot be told at all.
            let _ = writeln!(io::stderr(), "The program cannot start: {error}.");
            return ExitCode::FAILURE;
        }
    };
    let code = LocalSet::new().block_on(&runtime, async {
        let mut out = Output::terminal(globals.json);
        let ran = match Profile::open(globals.home, &globals.profile) {
            Ok(profile) => Box::pin(run::run(command, &mut out, profile)).await,
            Err(failure) => Err(failure),
        };
        match ran {
            Ok(code) => code,
            Err(failure) => {
                out.failure(&failure).await;
                failure.exit_code()
            }
        }
    });
    // Somebody may still be asked, or a pager not reading: neither is waited for.
    runtime.shutdown_background();
    ExitCode::from(code)
}
