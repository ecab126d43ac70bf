//! The command line of the whole program.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use dunlin_terminal::Globals;

/// A private messenger that anyone can run.
#[derive(Debug, Parser)]
#[command(name = "dunlin", version, about, max_term_width = 100)]
#[command(
    after_help = "A CHAT is the name of a group, the beginning of one if it is the only one, a person, or an id.
A PERSON is a phone number or e-mail address, a name you know them by, or an id.
Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 not logged in, 4 server out of reach."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a server; works without any option
    Serve(ServeArgs),
    #[command(flatten)]
    Terminal(dunlin_terminal::Command),
    /// Measure a server
    #[command(subcommand)]
    Load(dunlin_load::LoadCommand),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Where data is kept
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Hand out accounts for tests without any proof; refuses to listen beyond this machine
    #[arg(long)]
    pub(crate) test_accounts: bool,
    /// Bring sample people and an Echo along, who write to whoever logs in
    #[arg(long)]
    pub(crate) demo: bool,
    /// Bring them along although others can reach the server
    #[arg(long, requires = "demo")]
    pub(crate) demo_public: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
