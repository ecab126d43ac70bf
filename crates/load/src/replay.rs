//! `replay`: real group conversations, faster. Every room of the trace becomes a group with one user for each
//! speaker; all rooms start together, and every member receives everything. The clock never waits for the
//! server: a message is due at its time in the trace divided by the speed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use dunlin_model::{Body, ChatCommand, ChatKind, Encryption, Event, Seq};
use serde::Deserialize;

use crate::check::{Chat, Record};
use crate::fleet::{Fleet, Scenario};
use crate::pacer::{Planned, follow_plan};
use crate::stage::{Run, SETUP_WAIT, connect, on_one_thread, until};
use crate::target::{Target, TargetOptions};
use crate::text::text_of;

/// Conversations of a trace, at many times their speed
#[derive(Debug, Clone, clap::Args)]
pub struct ReplayOptions {
    /// The trace: one JSON object a line, as traces/README.md describes
    #[arg(long, value_name = "FILE")]
    pub trace: PathBuf,
    /// How many times as fast as it was
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub speed: u32,
    /// Only the first so many rooms of the trace
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub rooms: Option<u32>,
    /// Where the load goes
    #[command(flatten)]
    pub target: TargetOptions,
}

/// A line of the trace.
#[derive(Debug, Deserialize)]
struct Line {
    room: String,
    t: f64,
    from: u32,
    bytes: usize,
    reply: bool,
}

/// A message to send.
#[derive(Debug, Clone, PartialEq)]
struct Message {
    at: Duration,
    room: usize,
    client: usize,
    bytes: usize,
    reply: bool,
}

/// What a trace asks for.
#[derive(Debug, Default, PartialEq)]
struct Plan {
    /// The clients of each room, its first speaker first.
    rooms: Vec<Vec<usize>>,
    /// Ascending by time.
    messages: Vec<Message>,
}

impl Plan {
    fn read(trace: &str, speed: u32, rooms_max: usize) -> anyhow::Result<Self> {
        let mut plan = Self::default();
        let mut rooms: BTreeMap<String, usize> = BTreeMap::new();
        let mut clients: BTreeMap<(usize, u32), usize> = BTreeMap::new();
        for (number, line) in trace.lines().enumerate() {
            let line: Line =
                serde_json::from_str(line).with_context(|| format!("line {} of the trace", number + 1))?;
            let next = rooms.len();
            if next == rooms_max && !rooms.contains_key(&line.room) {
                continue;
            }
            let room = *rooms.entry(line.room).or_insert(next);
            if room == plan.rooms.len() {
                plan.rooms.push(Vec::new());
            }
            let next = clients.len();
            let client = *clients.entry((room, line.from)).or_insert(next);
            if let Some(members) = plan.rooms.get_mut(room)
                && !members.contains(&client)
            {
                members.push(client);
            }
            ensure!(line.t.is_finite() && line.t >= 0.0, "line {} of the trace has no time", number + 1);
            let at = Duration::from_secs_f64(line.t) / speed;
            plan.messages.push(Message { at, room, client, bytes: line.bytes.max(1), reply: line.reply });
        }
        ensure!(!plan.messages.is_empty(), "the trace is empty");
        plan.messages.sort_by_key(|message| message.at);
        Ok(plan)
    }

    fn clients(&self) -> usize {
        self.rooms.iter().map(Vec::len).sum()
    }

    fn length(&self) -> Duration {
        self.messages.last().map_or(Duration::ZERO, |message| message.at)
    }
}

struct Replay {
    plan: Plan,
    chats: Vec<Chat>,
    next: usize,
    start: Duration,
}

impl Scenario for Replay {
    fn completed(&mut self, _fleet: &mut Fleet, _client: usize, _chat: Chat) {}

    fn stored(&mut self, _fleet: &mut Fleet, _client: usize, _chat: Chat, _event: &Event) {}
}

impl Planned for Replay {
    fn due(&self) -> Option<Duration> {
        self.plan.messages.get(self.next).map(|message| self.start + message.at)
    }

    fn fire(&mut self, fleet: &mut Fleet) {
        let Some(message) = self.plan.messages.get(self.next) else { return };
        self.next += 1;
        let Some(chat) = self.chats.get(message.room).copied() else { return };
        let others = self.plan.rooms.get(message.room).map_or(0, |members| members.len() - 1);
        // The trace does not say which message is answered: the newest that the speaker has will do.
        let newest = fleet.clients[message.client].position(chat);
        let command = ChatCommand::Send {
            body: Body::Text(text_of(fleet.counts.sent, message.bytes)),
            reply_to: Some(newest).filter(|newest| message.reply && *newest > Seq::ZERO),
            attachments: Vec::new(),
            epoch: None,
        };
        let waiting = u32::try_from(others).unwrap_or(u32::MAX);
        fleet.submit(message.client, chat, command, self.start + message.at, waiting);
    }
}

/// Runs the scenario.
pub(crate) fn run(options: &ReplayOptions) -> anyhow::Result<bool> {
    let plan = read_plan(&options.trace, options.speed, options.rooms)?;
    on_one_thread(|| run_here(options, plan))
}

fn read_plan(path: &Path, speed: u32, rooms: Option<u32>) -> anyhow::Result<Plan> {
    let trace = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    Plan::read(&trace, speed, rooms.map_or(usize::MAX, |rooms| rooms as usize))
}

async fn run_here(options: &ReplayOptions, plan: Plan) -> anyhow::Result<bool> {
    let mut target = Target::open(&options.target).await?;
    let (clients, length, json) = (plan.clients(), plan.length(), options.target.json);
    let scenario = Replay { plan, chats: Vec::new(), next: 0, start: Duration::ZERO };
    let shared = connect(&mut target, clients, scenario).await?;
    shared.act(make_groups);
    until(&shared, SETUP_WAIT, |fleet| fleet.unfinished() == 0).await;
    let run = Run::begin("replay", &shared, &target, length, json)?;
    shared.act(|fleet, scenario| scenario.start = fleet.now());
    follow_plan(&shared).await?;
    run.finish(&shared, &mut target, &options.target).await
}

fn make_groups(fleet: &mut Fleet, scenario: &mut Replay) {
    for (room, members) in scenario.plan.rooms.iter().enumerate() {
        let Some((creator, others)) = members.split_first() else { continue };
        let command = ChatCommand::Create {
            kind: ChatKind::Group,
            encryption: Encryption::None,
            name: format!("Room {room}"),
            description: String::new(),
            members: others.iter().map(|client| fleet.clients[*client].account.device.user).collect(),
        };
        let chat =
            fleet.create_chat(*creator, command, None, u32::try_from(others.len()).unwrap_or(u32::MAX));
        for member in members {
            let device = fleet.clients[*member].device;
            fleet.history.note(Record::Entitled { device, chat, from: Seq::FIRST, to: None });
        }
        scenario.chats.push(chat);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_becomes_rooms_speakers_and_times() {
        let trace = r#"{"room":"a","t":0,"from":0,"bytes":5,"reply":false}
{"room":"b","t":50,"from":0,"bytes":6,"reply":false}
{"room":"a","t":10,"from":1,"bytes":7,"reply":true}"#;
        let plan = Plan::read(trace, 10, usize::MAX).unwrap();
        assert_eq!(plan.rooms, [vec![0, 2], vec![1]]);
        let times: Vec<u128> = plan.messages.iter().map(|message| message.at.as_millis()).collect();
        assert_eq!(times, [0, 1_000, 5_000]);
        assert!(plan.messages[1].reply);
        assert_eq!(plan.length(), Duration::from_secs(5));
        assert_eq!(Plan::read(trace, 10, 1).unwrap().rooms, [vec![0, 1]]);
        assert!(Plan::read("{}", 1, 1).is_err());
        assert!(Plan::read("", 1, 1).is_err());
    }

    #[test]
    fn the_trace_in_the_repository_is_whole() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../traces/group-meetings.ndjson");
        let plan = read_plan(&path, 100, None).unwrap();
        assert_eq!((plan.rooms.len(), plan.messages.len()), (103, 26_979));
    }
}
