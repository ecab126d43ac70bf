//! `cargo xtask test`: every check, one after the other, and one line at the end that counts them.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::process::{cargo, now, succeeds, succeeds_line_by_line, target_directory};
use crate::{browser, tidy, tools, web};

/// What was counted. A step that is no test suite counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Counts {
    const PASSED: Self = Self { passed: 1, failed: 0, skipped: 0 };
    const FAILED: Self = Self { passed: 0, failed: 1, skipped: 0 };

    const fn one(passed: bool) -> Self {
        if passed { Self::PASSED } else { Self::FAILED }
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// A suite that has said nothing for so long never ends. A file of tests in browsers has ten minutes (`web/package.json`).
const SILENCE: Duration = Duration::from_mins(15);

type Step = (&'static str, fn(&Path) -> Result<Counts>);

/// What is cheap comes first: who forgot to format learns it in a second. What is built is built once, for all steps, since
/// another choice of packages would have other features of what they are made with, and build all of that again.
const STEPS: [Step; 10] = [
    ("format", format),
    ("licences and sources", deny),
    ("programs and tests", built),
    ("tidy", tidy_step),
    ("lints", lints),
    ("the core for browsers", core_built),
    ("tests", suites),
    ("the core in browsers", core_in_browsers),
    ("the web app", web_app),
    ("people in browsers", journeys),
];

/// Runs every step, even after one failed; false when anything failed.
pub(crate) fn test(root: &Path) -> Result<bool> {
    let started = now();
    let mut total = Counts::default();
    let mut times: Vec<(&str, Duration, Counts)> = Vec::new();
    for (index, (name, step)) in STEPS.iter().enumerate() {
        println!("\n== {} of {}: {name}", index + 1, STEPS.len());
        let begun = now();
        let counts = step(root).unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            Counts::FAILED
        });
        println!("== {name}: {counts} in {:.0?}", begun.elapsed());
        times.push((name, begun.elapsed(), counts));
        total.add(counts);
    }
    println!();
    for (name, took, counts) in times {
        println!("{name:22} {:5} s   {counts}", took.as_secs());
    }
    println!("{:22} {:5} s", "together", started.elapsed().as_secs());
    println!("{total}");
    Ok(total.failed == 0 && total.passed > 0)
}

fn format(root: &Path) -> Result<Counts> {
    Ok(Counts::one(succeeds(cargo(root).args(["fmt", "--all", "--check"]))?))
}

/// Builds all programs, and the tests. A debug program reads the app when it starts, from a directory that must have been
/// there when it was built: what is to be in it comes later.
fn built(root: &Path) -> Result<Counts> {
    let app = root.join("web/dist");
    if !app.exists() {
        fs::create_dir_all(&app).context("web/dist cannot be made")?;
        // A program that was built before looks for it in vain.
        let reader = File::options().append(true).open(root.join("crates/server/src/web.rs"))?;
        reader.set_modified(fs::metadata(&app)?.modified()?)?;
    }
    Ok(Counts::one(succeeds(cargo(root).args(["build", "--workspace", "--locked", "--bins", "--tests"]))?))
}

fn tidy_step(root: &Path) -> Result<Counts> {
    Ok(Counts::one(tidy::check(root)?))
}

/// Without the advisories: they come from a git repository that test machines need not reach.
fn deny(root: &Path) -> Result<Counts> {
    let deny = tools::cargo_deny(root)?;
    println!("checking licenses, bans and sources; for advisories run `cargo deny check advisories`");
    let mut command = Command::new(deny);
    command.current_dir(root).args(["--locked", "check", "licenses", "bans", "sources"]);
    Ok(Counts::one(succeeds(&mut command)?))
}

fn lints(root: &Path) -> Result<Counts> {
    let arguments =
        ["clippy", "--workspace", "--all-targets", "--locked", "--keep-going", "--", "-D", "warnings"];
    Ok(Counts::one(succeeds(cargo(root).args(arguments))?))
}

/// Builds what browsers share with all other clients, and its bindings.
fn core_built(root: &Path) -> Result<Counts> {
    Ok(Counts::one(web::packages(&root.join("web"))? && web::core(root)?))
}

/// All suites, each counted by what it reports itself.
fn suites(root: &Path) -> Result<Counts> {
    let mut command = cargo(root);
    command.args(["test", "--workspace", "--locked", "--no-fail-fast"]);
    counted(&mut command, read_summary)
}

/// Runs a program that says itself how many tests passed.
fn counted(command: &mut Command, read: fn(&str) -> Option<Counts>) -> Result<Counts> {
    let mut counts = Counts::default();
    let passed = succeeds_line_by_line(command, SILENCE, |line| {
        counts.add(read(line).unwrap_or_default());
        println!("{line}");
    })?;
    if !passed && counts.failed == 0 {
        // Something did not compile, or a suite died before it could count.
        counts.failed = 1;
    }
    Ok(counts)
}

/// The core as WebAssembly, in headless Chromium against a server.
fn core_in_browsers(root: &Path) -> Result<Counts> {
    let mut command = web::npm(&root.join("web"));
    command.args(["run", "test:core"]).env("DUNLIN_BIN", program(root, "dunlin"));
    counted(command.env("CHROMIUM_BIN", browser::chromium()?), read_tap)
}

/// A program that was built.
fn program(root: &Path, name: &str) -> PathBuf {
    target_directory(root).join("debug").join(name)
}

/// The app by itself, over a core in memory: types, style, units, and its pages in headless Chromium. It is built with the
/// core that a step before made.
fn web_app(root: &Path) -> Result<Counts> {
    let directory = root.join("web");
    let mut counts = Counts::default();
    for script in ["check", "lint", "test:unit", "build", "build:dev"] {
        counts.add(Counts::one(succeeds(web::npm(&directory).args(["run", script]))?));
    }
    let mut command = web::npm(&directory);
    command.args(["run", "test:page"]).env("CHROMIUM_BIN", browser::chromium()?);
    counts.add(counted(&mut command, read_tap)?);
    Ok(counts)
}

/// The app that the step before built, with people who use it in headless Chromium, and an object store for some of their
/// files.
fn journeys(root: &Path) -> Result<Counts> {
    if !root.join("web/dist/index.html").exists() {
        // Each of them would wait for a page that never comes.
        bail!("nobody can be tried: the app is not built");
    }
    let mut command = web::npm(&root.join("web"));
    command.args(["run", "test:ui"]).env("CHROMIUM_BIN", browser::chromium()?);
    command.env("DUNLIN_BIN", program(root, "dunlin"));
    counted(command.env("DUNLIN_S3_BIN", program(root, "dunlin-testkit-s3")), read_tap)
}

/// Reads a line of the end of a TAP report: `# pass 3`.
fn read_tap(line: &str) -> Option<Counts> {
    let (what, number) = line.strip_prefix("# ")?.split_once(' ')?;
    let number = number.trim().parse().ok()?;
    Some(match what {
        "pass" => Counts { passed: number, ..Counts::default() },
        "fail" | "cancelled" => Counts { failed: number, ..Counts::default() },
        "skipped" | "todo" => Counts { skipped: number, ..Counts::default() },
        _ => return None,
    })
}

/// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
fn read_summary(line: &str) -> Option<Counts> {
    let (_, numbers) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = Counts::default();
    for part in numbers.split(';') {
        let mut words = part.split_whitespace();
        let (number, what) = (words.next()?, words.next()?);
        let place = match what {
            "passed" => &mut counts.passed,
            "failed" => &mut counts.failed,
            "ignored" => &mut counts.skipped,
            _ => continue,
        };
        *place = number.parse().ok()?;
    }
    Some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suites_summary_is_counted() {
        let line = "test result: FAILED. 12 passed; 1 failed; 2 ignored; 0 measured; 4 filtered out; finished in 0.01s";
        assert_eq!(read_summary(line), Some(Counts { passed: 12, failed: 1, skipped: 2 }));
        assert_eq!(read_summary("test a_message_arrives ... ok"), None);
        assert_eq!(read_summary("test result: ok."), None);
    }

    #[test]
    fn the_end_of_a_tap_report_is_counted() {
        let lines =
            ["ok 1 - people talk", "# tests 4", "# pass 2", "# fail 1", "# cancelled 1", "# skipped 0"];
        let mut counts = Counts::default();
        lines.iter().for_each(|line| counts.add(read_tap(line).unwrap_or_default()));
        assert_eq!(counts, Counts { passed: 2, failed: 2, skipped: 0 });
    }

    #[test]
    fn the_last_line_has_the_form_that_was_promised() {
        let mut total = Counts::PASSED;
        total.add(Counts { passed: 2, failed: 0, skipped: 1 });
        assert_eq!(total.to_string(), "3 passed, 0 failed, 1 skipped");
    }
}
