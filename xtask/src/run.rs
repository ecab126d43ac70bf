//! `cargo xtask run`

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::process::{cargo, succeeds, target_directory};

/// Builds the release binary and serves until it is stopped.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<bool> {
    if !build_release(root)? {
        return Ok(false);
    }
    let mut serve = Command::new(target_directory(root).join("release/dunlin"));
    serve.arg("serve").args(arguments).current_dir(root);
    become_or_succeed(&mut serve)
}

/// The release binary, as users get it.
pub(crate) fn build_release(root: &Path) -> Result<bool> {
    succeeds(cargo(root).args(["build", "--release", "--locked", "--package", "dunlin-cli"]))
}

/// The server takes this process's place, so that signals and the exit code are its own.
#[cfg(unix)]
fn become_or_succeed(command: &mut Command) -> Result<bool> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec().into())
}

#[cfg(not(unix))]
fn become_or_succeed(command: &mut Command) -> Result<bool> {
    succeeds(command)
}
