//! `cargo xtask run`

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::process::{cargo, succeeds, target_directory};
use crate::web::{self, WebArguments};

/// Builds the web app and the release binary that has it inside, and serves until it is stopped.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<bool> {
    if !web::web(root, &WebArguments::quick())? || !build_release(root)? {
        return Ok(false);
    }
    let mut serve = Command::new(target_directory(root).join("release/dunlin"));
    serve.arg("serve").args(arguments).current_dir(root);
    become_or_succeed(&mut serve)
}

/// The release binary, as users get it.
pub(crate) fn build_release(root: &Path) -> Result<bool> {
    succeeds(with_app(root).args(["build", "--release", "--locked", "--package", "dunlin-cli"]))
}

/// A cargo that builds programs with the web app inside that is in `web/dist` now.
fn with_app(root: &Path) -> Command {
    let mut command = cargo(root);
    // The page names all other files of the app, by what they hold.
    if let Ok(page) = fs::read(root.join("web/dist/index.html")) {
        let mut hasher = DefaultHasher::new();
        hasher.write(&page);
        command.env("DUNLIN_WEB_APP", format!("{:016x}", hasher.finish()));
    }
    command
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
