//! Pages: the rows of a chat from newer to older. What belongs to a message stands right behind it, so that one
//! range has all of a page.

use dunlin_model::{Seq, UserId};

use super::reader::Reader;
use super::{Item, MessageView, NoticeView, PAGE_ITEMS_MAX, Page};
use crate::chats::StoredMessage;
use crate::fold::{StoredEdit, StoredReaction};
use crate::notice::StoredNotice;
use crate::reading::{Order, beginning_with, each_row};
use crate::rows::{self, Part};

/// Rows read at a time.
const PIECE_ROWS: usize = 64;
/// The same where one message is wanted.
const LAST_PIECE_ROWS: usize = 8;
/// Rows after which a page ends although it is not full: most of them edits, or reactions by hundreds.
const PAGE_ROWS_MAX: usize = 20_000;
/// Rows in which the newest message of a chat is looked for.
const LAST_ROWS_MAX: usize = 500;

/// What stands at one place.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) seq: Seq,
    pub(super) message: Option<StoredMessage>,
    pub(super) edits: Vec<(UserId, StoredEdit)>,
    pub(super) reactions: Vec<(UserId, StoredReaction)>,
    /// Newest first.
    pub(super) notices: Vec<StoredNotice>,
}

impl Group {
    pub(super) fn take(&mut self, part: Part, value: &[u8]) {
        match part {
            Part::Message => self.message = rows::decode(value),
            Part::Edit(user) => self.edits.extend(rows::decode(value).map(|edit| (user, edit))),
            Part::Reaction(user) => {
                self.reactions.extend(rows::decode(value).map(|reaction| (user, reaction)));
            }
            Part::Notice => self.notices.extend(rows::decode::<StoredNotice>(value)),
        }
    }
}

impl Reader<'_> {
    pub(super) fn page(&self, before: Option<Seq>, limit: usize) -> Page {
        let limit = limit.clamp(1, PAGE_ITEMS_MAX);
        let mut page = Page::default();
        if before.is_none() {
            let waiting = self.waiting_messages();
            page.items.extend(waiting.into_iter().rev().map(|message| Item::Message(Box::new(message))));
        }
        let mut items = 0;
        page.next_before = self.each_group(before, (PIECE_ROWS, PAGE_ROWS_MAX), |group| {
            let after = group.seq;
            page.items.extend(group.notices.iter().map(|StoredNotice { time, notice }| {
                Item::Notice(NoticeView { after, time: *time, notice: notice.clone() })
            }));
            if let Some(item) = self.item_of(group) {
                page.items.push(item);
                items += 1;
            }
            items < limit
        });
        page
    }

    /// What stands at one place, without notices.
    pub(super) fn item(&self, seq: Seq) -> Option<Item> {
        self.item_of(&self.group(seq))
    }

    /// All that stands at one place.
    pub(super) fn group(&self, seq: Seq) -> Group {
        let mut group = Group { seq, ..Group::default() };
        let range = beginning_with(&rows::message(self.chat(), seq));
        each_row(self.rows, range, Order::Ascending, PIECE_ROWS, |key, value| {
            if let Some((_, _, part)) = rows::part(&key) {
                group.take(part, &value);
            }
            true
        });
        group
    }

    /// The newest message in the log.
    pub(super) fn last(&self) -> Option<Box<MessageView>> {
        let mut last = None;
        self.each_group(None, (LAST_PIECE_ROWS, LAST_ROWS_MAX), |group| {
            if let Some(Item::Message(message)) = self.item_of(group) {
                last = Some(message);
            }
            last.is_none()
        });
        last
    }

    /// Gives `take` one place after the other, newest first, until it says that it has enough or so many rows were
    /// read. The last place that was given, if it was not the last one there is.
    fn each_group(
        &self,
        before: Option<Seq>,
        (piece, rows_max): (usize, usize),
        mut take: impl FnMut(&Group) -> bool,
    ) -> Option<Seq> {
        let (from, mut until) = beginning_with(&rows::of_chat(rows::MESSAGE, self.chat()));
        if let Some(before) = before {
            until = rows::message(self.chat(), before);
        }
        let mut group: Option<Group> = None;
        let mut end = None;
        let mut read = 0;
        each_row(self.rows, (from, until), Order::Descending, piece, |key, value| {
            read += 1;
            let Some((_, seq, part)) = rows::part(&key) else { return true };
            if let Some(complete) = group.take_if(|group| group.seq != seq)
                && (!take(&complete) || read > rows_max)
            {
                end = Some(complete.seq);
                return false;
            }
            let group = group.get_or_insert_with(|| Group { seq, ..Group::default() });
            group.take(part, &value);
            true
        });
        if let Some(rest) = group {
            take(&rest);
        }
        end
    }
}
