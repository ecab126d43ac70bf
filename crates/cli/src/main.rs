//! The `dunlin` program: a server, a chat client in the terminal, and a load generator.
//!
//! In reading order: `args` is the command line, `commands` has a file for each subject, `say` is how anything
//! leaves this device, `commands::tail` how anything arrives, `profile` what is kept on disk.
#![expect(clippy::disallowed_methods, reason = "a program meets the real clock")]

mod app;
mod args;
#[cfg(test)]
mod chat;
mod chats;
mod commands;
mod failure;
mod localtime;
mod output;
mod plain;
mod profile;
mod render;
mod say;
mod screen;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use dunlin_server::ServeOptions;
use tokio::runtime::Builder;

use args::{Cli, Command, Globals, ServeArgs};
use failure::{Failure, Result};
use output::Output;
use profile::Profile;

/// Measured on the way of a message: in a profile the system's allocator took at least 7 % of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Cli { globals, command } = Cli::parse();
    let out = Output::new(globals.json);
    let result = match command {
        Command::Serve(args) => serve(args),
        Command::Completions { shell } => completions(shell),
        Command::Load(command) => match dunlin_load::run(command) {
            Ok(code) => return code,
            Err(error) => Err(Failure::Failed(format!("{error:#}."))),
        },
        command => chat(command, out, globals),
    };
    let Err(failure) = result else { return ExitCode::SUCCESS };
    if !matches!(failure, Failure::OutputClosed) {
        let text = if out.is_json() { failure.to_json().to_string() } else { failure.to_string() };
        out.note(&text);
    }
    failure.exit_code()
}

fn chat(command: Command, out: Output, globals: Globals) -> Result {
    let profile = Profile::open(globals.home, &globals.profile)?;
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| no_runtime(&error))?;
    runtime.block_on(commands::run(command, out, profile))
}

fn serve(args: ServeArgs) -> Result {
    let options = ServeOptions {
        listen: args.listen,
        data_dir: args.data_dir,
        config: args.config,
        test_accounts: args.test_accounts,
    };
    dunlin_server::serve(options).map_err(|error| Failure::Failed(error.to_string()))
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

fn no_runtime(error: &io::Error) -> Failure {
    Failure::Failed(format!("The program cannot start: {error}."))
}
