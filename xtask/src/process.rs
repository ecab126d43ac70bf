//! Starting other programs.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How often a program is looked at that must not take forever.
const LOOKED_EVERY: Duration = Duration::from_millis(50);

/// Lines of a program's output that wait to be shown.
const LINES_MAX: usize = 1_024;

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
            stop(&mut child)?;
            return Ok(false);
        }
        thread::sleep(LOOKED_EVERY);
    }
}

/// Runs a program, hands on each line that it writes, and stops it, with all that it started, once it has been silent for
/// so long; false when it fails.
pub(crate) fn succeeds_line_by_line(
    command: &mut Command,
    silence: Duration,
    mut see: impl FnMut(&str),
) -> Result<bool> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start {}", name(command)))?;
    let output = child.stdout.take().context("there is no output")?;
    let (sender, lines) = mpsc::sync_channel(LINES_MAX);
    // It ends with the output, or with the first line that nobody wants.
    thread::spawn(move || BufReader::new(output).lines().try_for_each(|line| sender.send(line)));
    loop {
        match lines.recv_timeout(silence) {
            Ok(line) => see(&line.with_context(|| format!("{} does not write UTF-8", name(command)))?),
            Err(RecvTimeoutError::Disconnected) => return Ok(child.wait()?.success()),
            Err(RecvTimeoutError::Timeout) => {
                println!("{} is stopped: nothing was heard of it for {} s", name(command), silence.as_secs());
                stop(&mut child)?;
                return Ok(false);
            }
        }
    }
}

/// Stops a program and what it started, as far as the system tells.
fn stop(child: &mut Child) -> Result<()> {
    let mut all = Vec::new();
    descendants(child.id(), &mut all);
    child.kill()?;
    for id in all {
        // Many have ended by themselves by now.
        let _ = Command::new("kill").args(["-KILL", &id.to_string()]).stderr(Stdio::null()).status();
    }
    child.wait()?;
    Ok(())
}

/// Linux lists them, by the thread that started them; elsewhere none is found.
fn descendants(id: u32, all: &mut Vec<u32>) {
    let threads = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    for thread in threads {
        let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|id| id.parse().ok()) {
            all.push(child);
            descendants(child, all);
        }
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

    #[test]
    fn what_is_silent_for_too_long_is_stopped_with_what_it_started() {
        let begun = now();
        let mut lines = Vec::new();
        // The inner shell holds the output too: were it left, the test command would wait for it.
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; sh -c 'echo $$; sleep 600; true'; true"]);
        let silence = Duration::from_secs(2);
        assert!(!succeeds_line_by_line(&mut command, silence, |line| lines.push(line.to_owned())).unwrap());
        assert!(begun.elapsed() < Duration::from_mins(5));
        let [first, inner] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!(first, "one");
        assert!(!still_runs(inner), "process {inner} still runs");
    }

    /// Whether a process is still there after it had the time to end.
    fn still_runs(id: &str) -> bool {
        let state = |id: &str| fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // One that nobody waited for yet is dead all the same.
        let runs = |id: &str| {
            !matches!(state(id).rsplit(") ").next().and_then(|rest| rest.chars().next()), None | Some('Z'))
        };
        let begun = now();
        while runs(id) && begun.elapsed() < Duration::from_mins(1) {
            thread::sleep(LOOKED_EVERY);
        }
        runs(id)
    }

    #[test]
    fn what_another_thread_started_is_found_too() {
        // As tests do, which run in threads of their own.
        let look = || {
            let mut child = Command::new("sleep").arg("600").spawn().unwrap();
            let mut all = Vec::new();
            descendants(std::process::id(), &mut all);
            child.kill().unwrap();
            child.wait().unwrap();
            all.contains(&child.id())
        };
        assert!(thread::spawn(look).join().unwrap());
    }

    #[test]
    fn what_speaks_until_its_end_is_not_stopped() {
        let mut lines = 0;
        let mut command = Command::new("sh");
        command.args(["-c", "for i in 1 2 3; do echo $i; sleep 0.1; done; exit 3"]);
        assert!(!succeeds_line_by_line(&mut command, Duration::from_mins(1), |_| lines += 1).unwrap());
        assert_eq!(lines, 3);
        let mut command = Command::new("echo");
        assert!(succeeds_line_by_line(&mut command, Duration::from_mins(1), |_| lines += 1).unwrap());
        assert_eq!(lines, 4);
    }
}
