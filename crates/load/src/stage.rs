//! What all scenarios do: connect everybody, wait for something, measure, and settle.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::accounts::make_accounts;
use crate::check::{Policy, check};
use crate::connection::{Shared, World};
use crate::fleet::{Counts, Fleet, Scenario};
use crate::rng::Rng;
use crate::server::cpu_time;
use crate::summary::{Measured, Summary};
use crate::target::{Target, TargetOptions};

/// How often a condition is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);
/// How long everybody may take to connect, and chats to be made.
pub(crate) const SETUP_WAIT: Duration = Duration::from_secs(60);
/// How long what is under way may take to arrive once nothing more is sent.
pub(crate) const SETTLE_WAIT: Duration = Duration::from_secs(30);
/// Receipts may follow the last arrival by so long and still count as this run's work.
const RECEIPTS_WAIT: Duration = Duration::from_millis(100);

/// Runs `future` on a thread of its own, with a runtime that keeps everything on that thread; so it may be
/// called from within another runtime.
pub(crate) fn on_one_thread<F, T: Send>(future: impl FnOnce() -> F + Send) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        tokio::task::LocalSet::new().block_on(&runtime, future())
    };
    std::thread::scope(|scope| match scope.spawn(run).join() {
        Ok(result) => result,
        Err(_) => bail!("the scenario panicked"),
    })
}

/// Makes accounts and connects them all.
pub(crate) async fn connect<S: Scenario>(
    target: &mut Target,
    clients: usize,
    scenario: S,
) -> anyhow::Result<Rc<Shared<S>>> {
    let accounts = make_accounts(target.address, clients, 1).await?;
    let fleet = Fleet::new(accounts, Instant::now())?;
    let shared = Shared::new(World { fleet, scenario, address: target.address, rng: Rng::new(0) });
    shared.connect_all();
    retry_now_and_then(&shared);
    let connected = |fleet: &Fleet| fleet.clients.iter().all(|client| client.caught_up);
    if !until(&shared, SETUP_WAIT, connected).await {
        let missing = shared.world.borrow().fleet.clients.iter().filter(|client| !client.caught_up).count();
        let words = target.obituary().unwrap_or_default();
        bail!("{missing} of {clients} clients did not get through within {SETUP_WAIT:?}.\n{words}");
    }
    Ok(shared)
}

/// Waits for `condition`; false when it does not come in time.
pub(crate) async fn until<S: Scenario>(
    shared: &Rc<Shared<S>>,
    at_most: Duration,
    condition: impl Fn(&Fleet) -> bool,
) -> bool {
    let start = Instant::now();
    loop {
        if condition(&shared.world.borrow().fleet) {
            return true;
        }
        if start.elapsed() >= at_most {
            return false;
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// Sends again, in the background, what the server asked to have later.
pub(crate) fn retry_now_and_then<S: Scenario>(shared: &Rc<Shared<S>>) {
    let shared = Rc::clone(shared);
    tokio::task::spawn_local(async move {
        while !shared.stopping.get() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            shared.act(|fleet, _| fleet.retry_due());
        }
    });
}

/// A run that is being measured.
pub(crate) struct Run {
    scenario: &'static str,
    before: Counts,
    started: Instant,
    server_cpu: Option<Duration>,
    client_cpu: Option<Duration>,
    bar: Rc<Cell<bool>>,
}

impl Run {
    /// Begins to measure.
    pub(crate) fn begin<S: Scenario>(
        scenario: &'static str,
        shared: &Rc<Shared<S>>,
        target: &Target,
        expected: Duration,
        quiet: bool,
    ) -> anyhow::Result<Self> {
        let mut world = shared.world.borrow_mut();
        ensure!(
            world.fleet.unfinished() == 0,
            "the chats were not all made:\n{}",
            world.fleet.complaints.join("\n")
        );
        world.fleet.latency_us.reset();
        let bar = Rc::new(Cell::new(true));
        show_progress(Rc::clone(shared), expected, quiet, Rc::clone(&bar));
        Ok(Self {
            scenario,
            before: world.fleet.counts,
            started: Instant::now(),
            server_cpu: target.cpu_time(),
            client_cpu: cpu_time(std::process::id()).ok(),
            bar,
        })
    }

    /// Waits until everything arrived, stops measuring, checks, and tells; gives whether the run passed.
    pub(crate) async fn finish<S: Scenario>(
        self,
        shared: &Rc<Shared<S>>,
        target: &mut Target,
        options: &TargetOptions,
    ) -> anyhow::Result<bool> {
        until(shared, Duration::from_secs(options.settle), |fleet| fleet.unfinished() == 0).await;
        let elapsed = self.started.elapsed();
        tokio::time::sleep(RECEIPTS_WAIT).await;
        let since = |now: Option<Duration>, before: Option<Duration>| Some(now?.saturating_sub(before?));
        let measured = Measured {
            scenario: self.scenario,
            before: self.before,
            elapsed,
            server_cpu: since(target.cpu_time(), self.server_cpu),
            client_cpu: since(cpu_time(std::process::id()).ok(), self.client_cpu),
            fsync_ms: target.fsync_ms,
        };
        shared.stopping.set(true);
        self.bar.set(false);
        if let Some(words) = target.obituary() {
            eprintln!("The server ended by itself:\n{words}");
        }
        let world = shared.world.borrow();
        let report = check(&world.fleet.history, Policy::default());
        Summary::new(&measured, &world.fleet, &report).tell(options.json, &world.fleet, &report)
    }
}

fn show_progress<S: Scenario>(
    shared: Rc<Shared<S>>,
    expected: Duration,
    quiet: bool,
    running: Rc<Cell<bool>>,
) {
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let length = u64::try_from(expected.as_millis()).unwrap_or(u64::MAX);
    let bar = ProgressBar::with_draw_target(Some(length), target);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {msg}") {
        bar.set_style(style);
    }
    let start = Instant::now();
    tokio::task::spawn_local(async move {
        while running.get() {
            let counts = shared.world.borrow().fleet.counts;
            let elapsed = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            bar.set_position(elapsed.min(length));
            bar.set_message(format!("{} accepted, {} delivered", counts.accepted, counts.delivered));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        bar.finish_and_clear();
    });
}
