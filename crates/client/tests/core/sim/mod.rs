//! Random people on a random network, from a seed, and what must be true when everyone is back.

mod check;
mod random;
mod run;

use dunlin_model::EventKind;

use crate::world::Cryptography;
use run::Run;

/// What a run is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// People; each begins with one device.
    pub(crate) people: u8,
    /// Things that happen before everyone comes back.
    pub(crate) steps: u32,
    /// By which cryptography.
    pub(crate) cryptography: Cryptography,
}

/// What came of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Messages accepted.
    pub(crate) messages: usize,
    /// Messages read by devices other than their author's.
    pub(crate) reads: usize,
    /// Epochs begun.
    pub(crate) epochs: usize,
    /// What is wrong; empty when nothing is.
    pub(crate) faults: Vec<String>,
}

/// One run; the same seed and options give the same run.
pub(crate) fn run(seed: u64, options: Options) -> Report {
    let mut run = Run::new(seed, options);
    for _ in 0..options.steps {
        run.happen();
    }
    run.come_back();
    check::check(&run)
}

/// Epochs that the events of a log begin.
pub(crate) const fn begins_epoch(kind: &EventKind) -> bool {
    matches!(kind, EventKind::GroupStarted(_) | EventKind::Committed(_))
}

/// Seeds that may fail before a run of many is given up.
const FAILED_MAX: u32 = 10;

/// Runs of the short set that the tests make.
const SEEDS: u64 = 60;
const SEEDS_WITH_MLS: u64 = 8;

/// A number from the environment: `cargo xtask sim` sets them.
fn asked<T: std::str::FromStr>(variable: &str) -> Option<T> {
    std::env::var(variable).ok().and_then(|value| value.parse().ok())
}

fn run_seeds(seeds: u64, options: Options) {
    let began = cpu_seconds();
    let from: u64 = asked("DUNLIN_SIM_FROM").unwrap_or(0);
    let seeds: u64 = asked("DUNLIN_SIM_SEEDS").unwrap_or(seeds);
    let people = asked("DUNLIN_SIM_PEOPLE").unwrap_or(options.people);
    let steps = asked("DUNLIN_SIM_STEPS").unwrap_or(options.steps);
    let mut total = Report::default();
    let mut failed = 0;
    for seed in from..from.saturating_add(seeds) {
        let report = run(seed, Options { people, steps, ..options });
        let mls = if options.cryptography == Cryptography::Mls { " --mls" } else { "" };
        if !report.faults.is_empty() {
            failed += 1;
            println!(
                "cargo xtask sim --seeds 1 --from {seed} --people {people} --steps {steps}{mls}: {:#?}",
                report.faults
            );
            assert!(failed < FAILED_MAX, "too many seeds failed");
        }
        total.messages += report.messages;
        total.reads += report.reads;
        total.epochs += report.epochs;
        if (seed + 1 - from).is_multiple_of(100) {
            println!("{} of {seeds} seeds", seed + 1 - from);
        }
    }
    assert_eq!(failed, 0, "seeds failed; what repeats them was printed");
    assert!(total.reads > 0 && total.epochs > 0, "{total:?}");
    println!(
        "{seeds} seeds from {from}, {people} people, {steps} steps, {:?}: {} messages, {} read, {} epochs, \
         none undecryptable, nobody stuck; {:.1} CPU seconds",
        options.cryptography,
        total.messages,
        total.reads,
        total.epochs,
        cpu_seconds() - began
    );
}

fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "seconds and nanoseconds of one process")]
    let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
    seconds
}

#[test]
fn whatever_happens_members_read_every_message_and_nobody_else_does() {
    run_seeds(SEEDS, Options { people: 5, steps: 400, cryptography: Cryptography::StandIn });
}

#[test]
fn the_same_holds_with_mls() {
    run_seeds(SEEDS_WITH_MLS, Options { people: 4, steps: 150, cryptography: Cryptography::Mls });
}
