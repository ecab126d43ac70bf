//! Earlier messages: from the server, or from what this device has stored when that is out of reach.

use std::collections::BTreeSet;

use dunlin_model::view::{HistoryPage, Skipped};
use dunlin_model::{ChatId, Seq, UserId};
use dunlin_wire::{Command, Outcome};

use super::NO_WAIT;
use crate::app::App;
use crate::args::HistoryArgs;
use crate::chats::not_understood;
use crate::failure::{Failure, Result};
use crate::profile::Entry;

/// Events asked for at a time; the server may give fewer.
const EVENTS_PER_PAGE: u32 = 100;

/// What is asked for.
struct Wanted {
    before: Option<Seq>,
    limit: usize,
    sender: Option<UserId>,
}

impl App {
    pub(super) async fn history(&self, args: HistoryArgs) -> Result {
        let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
        let before = args.before.map(Seq);
        if args.offline {
            return self.stored_history(&args, before, limit);
        }
        let connection = match self.connect(NO_WAIT).await {
            Err(Failure::Unreachable(why)) if matches!(self.known_chat(&args.chat), Ok(Some(_))) => {
                self.out.note(&format!("{why} This is what is stored here."));
                return self.stored_history(&args, before, limit);
            }
            connection => connection?,
        };
        let chat = self.find_chat(&connection, &args.chat).await?;
        let members = self.load_chat(&connection, chat).await?.members;
        self.learn_names(members.into_iter().map(|member| member.user)).await?;
        let sender = match &args.from {
            Some(person) => Some(self.find_person(person).await?),
            None => None,
        };
        let mut wanted = Wanted { before, limit, sender };
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let left = wanted.limit.saturating_sub(entries.iter().filter(|entry| is_event(entry)).count());
            if left == 0 {
                break;
            }
            let page = Command::History {
                chat,
                before: wanted.before,
                limit: Some(u32::try_from(left).unwrap_or(u32::MAX).min(EVENTS_PER_PAGE)),
                sender: wanted.sender,
            };
            let Outcome::History { page, .. } = self.request(&connection, page).await? else {
                return Err(not_understood());
            };
            wanted.before = page.next_before;
            let mut earlier = entries_of(page);
            earlier.append(&mut entries);
            entries = earlier;
            if wanted.before.is_none() {
                break;
            }
        }
        self.learn_names(entries.iter().filter_map(sender_of)).await?;
        self.show_history(chat, &entries)
    }

    fn stored_history(&self, args: &HistoryArgs, before: Option<Seq>, limit: usize) -> Result {
        let chat = self.known_chat(&args.chat)?.ok_or_else(|| {
            Failure::Failed(format!("Nothing is stored here of a chat called '{}'.", args.chat))
        })?;
        let sender = match args.from.as_deref() {
            Some("me") => Some(self.me()),
            Some(name) => match self.people.borrow().called(name).as_slice() {
                [user] => Some(*user),
                _ => return Err(Failure::Failed(format!("Nobody is known here by just '{name}'."))),
            },
            None => None,
        };
        let wanted = Wanted { before, limit, sender };
        let entries = select(self.files.chat_log(chat).reader().more()?, &wanted);
        self.show_history(chat, &entries)
    }

    fn show_history(&self, chat: ChatId, entries: &[Entry]) -> Result {
        let shown: Vec<&Entry> =
            entries.iter().filter(|entry| self.out.is_json() || self.entry_line(entry).is_some()).collect();
        self.out.list(
            &shown,
            |entry| self.entry_json(chat, entry),
            |entry| self.entry_line(entry).unwrap_or_default(),
        )
    }
}

fn entries_of(page: HistoryPage) -> Vec<Entry> {
    let skipped = page.skipped.into_iter().map(|range: Skipped| Entry::skipped(range));
    let mut entries: Vec<Entry> = page.events.into_iter().map(Entry::Event).chain(skipped).collect();
    entries.sort_by_key(Entry::places);
    entries
}

/// The newest `limit` of the stored entries that are asked for.
fn select(entries: Vec<Entry>, wanted: &Wanted) -> Vec<Entry> {
    let hidden: BTreeSet<Seq> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Hidden(seq) => Some(*seq),
            Entry::Event(_) | Entry::Skipped { .. } => None,
        })
        .collect();
    let mut chosen: Vec<Entry> = entries
        .into_iter()
        .filter(|entry| match entry {
            Entry::Event(event) => {
                wanted.before.is_none_or(|before| event.seq < before)
                    && !hidden.contains(&event.seq)
                    && wanted.sender.is_none_or(|sender| event.is_message() && event.sender.user == sender)
            }
            Entry::Skipped { from, .. } => {
                wanted.sender.is_none() && wanted.before.is_none_or(|before| *from < before)
            }
            Entry::Hidden(_) => false,
        })
        .collect();
    let surplus = chosen.len().saturating_sub(wanted.limit);
    chosen.drain(..surplus);
    chosen
}

const fn is_event(entry: &Entry) -> bool {
    matches!(entry, Entry::Event(_))
}

fn sender_of(entry: &Entry) -> Option<UserId> {
    match entry {
        Entry::Event(event) => Some(event.sender.user),
        Entry::Skipped { .. } | Entry::Hidden(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use dunlin_model::{Body, ClientSeq, DeviceId, DeviceNumber, Event, EventKind, Timestamp};

    use super::*;

    fn message(seq: u64, sender: u8) -> Entry {
        Entry::Event(Event {
            seq: Seq(seq),
            time: Timestamp(seq),
            sender: DeviceId { user: UserId::from_bytes([sender; 16]), number: DeviceNumber(1) },
            client_seq: ClientSeq(seq),
            kind: EventKind::Message {
                body: Body::Text("x".into()),
                reply_to: None,
                attachments: Vec::new(),
            },
            attestation: None,
        })
    }

    fn chosen(limit: usize, before: Option<u64>, sender: Option<u8>) -> Vec<u64> {
        let entries = vec![
            message(1, 1),
            message(2, 2),
            message(3, 1),
            message(4, 2),
            Entry::Hidden(Seq(3)),
            message(5, 1),
        ];
        let wanted = Wanted {
            before: before.map(Seq),
            limit,
            sender: sender.map(|byte| UserId::from_bytes([byte; 16])),
        };
        select(entries, &wanted).iter().filter_map(|entry| entry.places()).map(|(seq, _)| seq.0).collect()
    }

    #[test]
    fn the_newest_are_chosen_without_what_is_hidden() {
        assert_eq!(chosen(10, None, None), [1, 2, 4, 5]);
        assert_eq!(chosen(2, None, None), [4, 5]);
        assert_eq!(chosen(2, Some(4), None), [1, 2]);
        assert_eq!(chosen(10, None, Some(1)), [1, 5]);
    }
}
