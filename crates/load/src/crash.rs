//! `crash`: the server is killed (SIGKILL) at random moments while pairs and groups talk and members come and
//! go, and is started again on the same data. Clients reconnect, restate what they hold and send again what
//! was not answered. At the end everybody catches up, the logs are read back page by page, and the checker
//! holds I1 to I6 over the whole history.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};
use serde::Serialize;

use crate::accounts::make_accounts;
use crate::check::{Policy, Record, Report, check};
use crate::connection::{Shared, World};
use crate::crowd::{Crowd, DEVICES_EACH};
use crate::fleet::Fleet;
use crate::rng::Rng;
use crate::server::ServerProcess;
use crate::stage::{SETTLE_WAIT, SETUP_WAIT, on_one_thread, retry_now_and_then, until};
use crate::target::temporary_directory;

/// A server is killed at latest so long after it took the first message.
const LIFE_MAX: Duration = Duration::from_millis(500);
/// A server that is killed while it starts is killed within this time.
const EARLY_DEATH_MAX: Duration = Duration::from_millis(200);
/// One server in so many is killed while it starts.
const EARLY_DEATH_ONE_IN: u64 = 5;
/// How often clients send what is due.
const TICK: Duration = Duration::from_millis(4);

/// Kills a server of its own again and again, and checks that nothing was lost
#[derive(Debug, Clone, clap::Args)]
pub struct CrashOptions {
    /// How often the server is killed
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub kills: u32,
    /// Repeats the choices of an earlier run (default: different each time)
    #[arg(long)]
    pub seed: Option<u64>,
    /// Pairs of users
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub pairs: u32,
    /// Groups, each with one member who is removed and added again all the time
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub groups: u32,
    /// Members of each group
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(3..=100))]
    pub group_members: u32,
    /// Where the server keeps its data for the run (default: the system's temporary directory)
    #[arg(long, value_name = "DIR")]
    pub data_under: Option<PathBuf>,
    /// Print one JSON object instead of sentences
    #[arg(long)]
    pub json: bool,
}

/// The result of a run.
#[derive(Serialize)]
struct Outcome {
    scenario: &'static str,
    seed: u64,
    kills: u64,
    connections: usize,
    reconnections: u64,
    accepted: u64,
    delivered: u64,
    retried: u64,
    too_old: u64,
    lost: u64,
    duplicated: u64,
    out_of_order: u64,
    unfinished: usize,
    violations: u64,
    seconds: f64,
}

/// Runs the scenario.
pub(crate) fn run(options: &CrashOptions) -> anyhow::Result<bool> {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| u64::from(time.subsec_nanos()));
    let seed = options.seed.unwrap_or(clock);
    eprintln!("Seed {seed}: give it with --seed to repeat these choices.");
    on_one_thread(|| run_here(options, seed))
}

async fn run_here(options: &CrashOptions, seed: u64) -> anyhow::Result<bool> {
    let started = Instant::now();
    let directory = temporary_directory(options.data_under.as_deref())?;
    let keeper = Keeper { binary: std::env::current_exe()?, directory: directory.path().to_owned() };
    let mut server = keeper.start()?;
    let address = server.address().await?;
    let mut rng = Rng::new(seed);
    let crowd = Crowd::new(Rng::new(rng.next()), options.pairs, options.groups, options.group_members);
    let accounts = make_accounts(address, crowd.users(), DEVICES_EACH).await?;
    let fleet = Fleet::new(accounts, started)?;
    let shared = Shared::new(World { fleet, scenario: crowd, address, rng: Rng::new(rng.next()) });
    shared.connect_all();
    retry_now_and_then(&shared);
    send_what_is_due(&shared);
    ensure!(
        until(&shared, SETUP_WAIT, |fleet| fleet.clients.iter().all(|client| client.caught_up)).await,
        "not everybody could connect:\n{}",
        server.last_words()
    );
    shared.act(|fleet, crowd| crowd.begin(fleet));

    let mut server = kill_again_and_again(&shared, &keeper, server, &mut rng, options.kills).await?;
    let address = server.address().await?;
    shared.world.borrow_mut().address = address;
    settle(&shared).await;
    read_back(&shared).await.with_context(|| server.last_words())?;

    shared.stopping.set(true);
    let mut world = shared.world.borrow_mut();
    let World { fleet, scenario, .. } = &mut *world;
    scenario.state_entitlements(fleet);
    let report = check(&fleet.history, Policy::default());
    let passed = tell(options, seed, fleet, &report, started.elapsed())?;
    if !passed {
        eprintln!("The server's data and log stay in {}.", directory.keep().display());
    }
    Ok(passed)
}

/// Starts the server, always on the same data.
struct Keeper {
    binary: PathBuf,
    directory: PathBuf,
}

impl Keeper {
    fn start(&self) -> anyhow::Result<ServerProcess> {
        let path: &Path = &self.directory;
        ServerProcess::spawn(&self.binary, &path.join("data"), path.join("server.log"))
    }
}

/// Returns the server that was started last, and lives.
async fn kill_again_and_again(
    shared: &Rc<Shared<Crowd>>,
    keeper: &Keeper,
    mut server: ServerProcess,
    rng: &mut Rng,
    kills: u32,
) -> anyhow::Result<ServerProcess> {
    for kill in 1..=kills {
        if kill > 1 && rng.below(EARLY_DEATH_ONE_IN) == 0 {
            tokio::time::sleep(rng.time_below(EARLY_DEATH_MAX)).await;
        } else {
            if kill > 1 {
                let address = server
                    .address()
                    .await
                    .with_context(|| format!("starting again after kill {}", kill - 1))?;
                shared.world.borrow_mut().address = address;
            }
            let before = shared.world.borrow().fleet.counts.accepted;
            if !until(shared, SETTLE_WAIT, |fleet| fleet.counts.accepted > before).await {
                bail!(
                    "nothing was accepted for {SETTLE_WAIT:?} before kill {kill}:\n{}",
                    server.last_words()
                );
            }
            tokio::time::sleep(rng.time_below(LIFE_MAX)).await;
        }
        server.kill()?;
        shared.world.borrow_mut().fleet.history.note(Record::Crashed);
        server = keeper.start()?;
    }
    Ok(server)
}

fn send_what_is_due(shared: &Rc<Shared<Crowd>>) {
    let shared = Rc::clone(shared);
    tokio::task::spawn_local(async move {
        while !shared.stopping.get() {
            shared.act(|fleet, crowd| crowd.send_due(fleet));
            tokio::time::sleep(TICK).await;
        }
    });
}

/// Stops sending and waits until everybody has everything. When that does not come, the checker says what
/// is missing.
async fn settle(shared: &Rc<Shared<Crowd>>) {
    let before = shared.world.borrow().fleet.counts.accepted;
    until(shared, SETTLE_WAIT, |fleet| fleet.counts.accepted > before).await;
    shared.act(|_, crowd| crowd.stop());
    until(shared, SETTLE_WAIT, |fleet| fleet.unfinished() == 0).await;
    let heads = shared.world.borrow().fleet.history.highest_places();
    let start = Instant::now();
    while start.elapsed() < SETTLE_WAIT {
        let complete = shared.act(|fleet, crowd| crowd.is_complete(fleet, &heads));
        if complete {
            break;
        }
        tokio::time::sleep(TICK).await;
    }
    // Receipts of the last events follow behind them; they are judged too.
    tokio::time::sleep(Duration::from_millis(200)).await;
}

/// Reads every log back from the server: it must be what was shown.
async fn read_back(shared: &Rc<Shared<Crowd>>) -> anyhow::Result<()> {
    let readers = shared.world.borrow().scenario.readers();
    for (client, chat) in readers {
        let (mut before, mut listed) = (None, 0);
        loop {
            shared.act(|fleet, _| fleet.ask_history(client, chat, before));
            ensure!(
                until(shared, SETTLE_WAIT, |fleet| !fleet.pages.is_empty()).await,
                "a page of the past was not answered"
            );
            let page = shared.act(|fleet, _| fleet.pages.pop()).context("a page of the past")?;
            listed += page.events.len() as u64;
            before = page.next_before;
            if before.is_none() {
                break;
            }
        }
        let held = shared.world.borrow().fleet.clients[client].position(chat).0;
        ensure!(listed == held, "the log lists {listed} events of a chat in which a member was shown {held}");
    }
    Ok(())
}

fn tell(
    options: &CrashOptions,
    seed: u64,
    fleet: &Fleet,
    report: &Report,
    elapsed: Duration,
) -> anyhow::Result<bool> {
    let outcome = Outcome {
        scenario: "crash",
        seed,
        kills: report.crashes,
        connections: fleet.clients.len(),
        reconnections: report.connections - fleet.clients.len() as u64,
        accepted: report.accepted,
        delivered: report.delivered,
        retried: fleet.counts.retried,
        too_old: fleet.counts.too_old,
        lost: report.lost,
        duplicated: report.duplicated,
        out_of_order: report.out_of_order,
        unfinished: fleet.unfinished(),
        violations: report.violation_count,
        seconds: elapsed.as_secs_f64(),
    };
    if options.json {
        println!("{}", serde_json::to_string(&outcome)?);
    } else {
        println!(
            "Killed {} times in {:.0} s: {} accepted, {} delivered, {} sent again, {} lost, {} doubled, {} out of order.",
            outcome.kills,
            outcome.seconds,
            outcome.accepted,
            outcome.delivered,
            outcome.retried,
            outcome.lost,
            outcome.duplicated,
            outcome.out_of_order
        );
    }
    eprint!("{report}");
    if outcome.unfinished > 0 {
        eprintln!("{} commands were never answered, or did not reach everyone.", outcome.unfinished);
        for complaint in &fleet.complaints {
            eprintln!("The server said: {complaint}");
        }
    }
    Ok(report.is_clean() && outcome.unfinished == 0)
}
