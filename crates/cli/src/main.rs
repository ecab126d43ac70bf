//! The `dunlin` program: a server, a chat client in the terminal, and a load generator.
//!
//! In reading order: `args` is the command line, `run` finds out which process carries a command out, `owner` is how
//! processes of one profile speak to each other, `session` a running device with its names, `commands` has a file
//! for each subject, `chat` is the full screen, `profile` what is kept on disk, `demo` the people of `serve --demo`.
#![expect(clippy::disallowed_methods, reason = "a program meets the real clock")]

mod args;
mod chat;
mod commands;
mod demo;
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

use clap::{CommandFactory, Parser};
use dunlin_server::ServeOptions;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use args::{Cli, Command, Globals, ServeArgs};
use failure::{Failure, Result};
use output::Output;
use profile::Profile;

/// Measured on the way of a message: in a profile the system's allocator took at least 7 % of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Cli { globals, command } = Cli::parse();
    let result = match command {
        Command::Serve(args) => serve(args),
        Command::Completions { shell } => completions(shell),
        Command::Load(command) => match dunlin_load::run(command) {
            Ok(code) => return code,
            Err(error) => Err(Failure::Failed(format!("{error:#}."))),
        },
        command => return chat(command, globals),
    };
    let Err(failure) = result else { return ExitCode::SUCCESS };
    // What cannot be told on standard error cannot be told at all.
    let _ = writeln!(io::stderr(), "{failure}");
    ExitCode::from(failure.exit_code())
}

fn chat(command: Command, globals: Globals) -> ExitCode {
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
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

fn serve(args: ServeArgs) -> Result {
    let options = ServeOptions {
        listen: args.listen,
        data_dir: args.data_dir,
        config: args.config,
        test_accounts: args.test_accounts,
    };
    let demo = args.demo.then(|| demo::demo(args.demo_public));
    dunlin_server::serve(options, demo).map_err(|error| Failure::Failed(error.to_string()))
}

fn completions(shell: clap_complete::Shell) -> Result {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "dunlin", &mut script);
    match io::stdout().write_all(&script) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Failed(format!("The output cannot be written: {error}.")))
        }
        _ => Ok(()),
    }
}
