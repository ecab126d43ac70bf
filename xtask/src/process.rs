//! Starting other programs.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How often a program is looked at that must not take forever.
const LOOKED_EVERY: Duration = Duration::from_millis(50);

/// This moment, for timing steps.
#[expect(clippy::disallowed_methods, reason = "times are only shown")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The cargo that started us.
pub(crate) fn cargo(root: &Path) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(root);
    command
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory(root: &Path) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root.join(directory),
        None => root.join("target"),
    }
}

/// Runs a program with its output shown; false when it fails.
pub(crate) fn succeeds(command: &mut Command) -> Result<bool> {
    let status = command.status().with_context(|| format!("cannot start {}", name(command)))?;
    Ok(status.success())
}

/// The same, for what may wait for a network that does not answer: false also when it is not done in time, and then it
/// is stopped.
pub(crate) fn succeeds_within(command: &mut Command, limit: Duration) -> Result<bool> {
    let mut child = command.spawn().with_context(|| format!("cannot start {}", name(command)))?;
    let begun = now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if begun.elapsed() > limit {
            println!("{} is stopped after {} s", name(command), limit.as_secs());
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        thread::sleep(LOOKED_EVERY);
    }
}

/// Runs a program and takes its output.
pub(crate) fn output_of(command: &mut Command) -> Result<String> {
    let Output { status, stdout, stderr } =
        command.output().with_context(|| format!("cannot start {}", name(command)))?;
    if !status.success() {
        bail!("{} failed: {}", name(command), String::from_utf8_lossy(&stderr).trim());
    }
    String::from_utf8(stdout).with_context(|| format!("{} does not write UTF-8", name(command)))
}

fn name(command: &Command) -> String {
    let arguments = command.get_args().map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
    format!("`{} {arguments}`", command.get_program().to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_too_long_is_stopped() {
        let begun = now();
        let limit = Duration::from_millis(100);
        assert!(!succeeds_within(Command::new("sleep").arg("600"), limit).unwrap());
        assert!(begun.elapsed() < Duration::from_mins(5));
        assert!(succeeds_within(&mut Command::new("true"), Duration::from_mins(1)).unwrap());
        assert!(!succeeds_within(&mut Command::new("false"), Duration::from_mins(1)).unwrap());
    }
}
