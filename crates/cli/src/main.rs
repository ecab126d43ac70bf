//! The `dunlin` program: a server, a chat client in the terminal, and a load generator.
//!
//! Each is a crate with an entry that is not generic and not `async`, so that little is compiled here when one of them
//! changes. `args` is the command line, `demo` lets the people of `serve --demo` into the server.

mod args;
mod demo;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use dunlin_server::ServeOptions;

use args::{Cli, Command, ServeArgs};

/// Measured on the way of a message: in a profile the system's allocator took at least 7 % of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Cli { globals, command } = Cli::parse();
    let result = match command {
        Command::Terminal(command) => return dunlin_terminal::run(command, globals),
        Command::Serve(args) => serve(args),
        Command::Completions { shell } => completions(shell),
        Command::Load(command) => match dunlin_load::run(command) {
            Ok(code) => return code,
            Err(error) => Err(format!("{error:#}.")),
        },
    };
    let Err(why) = result else { return ExitCode::SUCCESS };
    // What cannot be told on standard error cannot be told at all.
    let _ = writeln!(io::stderr(), "{why}");
    ExitCode::FAILURE
}

fn serve(args: ServeArgs) -> Result<(), String> {
    let options = ServeOptions {
        listen: args.listen,
        data_dir: args.data_dir,
        config: args.config,
        test_accounts: args.test_accounts,
    };
    let demo = args.demo.then(|| demo::demo(args.demo_public));
    dunlin_server::serve(options, demo).map_err(|error| error.to_string())
}

fn completions(shell: clap_complete::Shell) -> Result<(), String> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "dunlin", &mut script);
    match io::stdout().write_all(&script) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("The output cannot be written: {error}."))
        }
        _ => Ok(()),
    }
}
