//! Logs, snapshots and expiry.
//!
//! Reads run on the caller's thread where the rows are few and likely in memory (the tail of a log, single
//! rows): that takes microseconds, less than handing them to another thread. Longer and older ranges go to a
//! blocking thread, because they wait for the disk.

use async_trait::async_trait;
use dunlin_model::chat::ChatState;
use dunlin_model::{BodyGone, ChatId, Event, Seq, Timestamp};
use dunlin_store::{Appended, Chats, ExpiringChat, StoreError};

use crate::config::{EXPIRY_EVENTS_MAX, EXPIRY_SCAN_EVENTS_MAX, INLINE_ROWS_MAX};
use crate::engine::Engine;
use crate::keys::{self, Expiry, Key};
use crate::marks::Retention;
use crate::operation::Operation;
use crate::rows::{self, Row};
use crate::store::EmbeddedStore;

/// Chats whose heads are read on the caller's thread when they are not in memory.
const INLINE_HEADS_MAX: usize = 16;

/// Up to so many events are read one by one: a log has no gaps, and the newest are in memory, where a single
/// row is found without asking any table. A range has to be opened in each of them.
const POINT_READS_MAX: u64 = 8;

#[async_trait]
impl Chats for EmbeddedStore {
    async fn append(&self, chat: ChatId, event: &Event) -> Result<Appended, StoreError> {
        let (seq, time, row) = (event.seq, event.time, rows::encode_event(event)?);
        self.submit(|reply| Operation::Append { chat, seq, time, row, reply }).await
    }

    async fn read(
        &self,
        chat: ChatId,
        from: Seq,
        to: Seq,
        count_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<Event>, StoreError> {
        let marks = self.marks.get(&self.engine, chat)?;
        let (from, to) = (from.max(marks.floor.next()), to.min(marks.head));
        if from > to || count_max == 0 {
            return Ok(Vec::new());
        }
        let count = to.0 - from.0 + 1;
        if count.min(count_max as u64) <= POINT_READS_MAX {
            return read_points(&self.engine, chat, (from, to), count_max, bytes_max);
        }
        let (first, last) = (keys::event(chat, from), keys::event(chat, to));
        if marks.head.0 - from.0 < INLINE_ROWS_MAX {
            return read_events(&self.engine, first, last, count_max, bytes_max);
        }
        self.aside(move |engine| read_events(engine, first, last, count_max, bytes_max)).await
    }

    async fn heads(&self, chats: &[ChatId]) -> Result<Vec<Seq>, StoreError> {
        let mut heads: Vec<Option<Seq>> =
            chats.iter().map(|chat| self.marks.peek(*chat).map(|marks| marks.head)).collect();
        let unknown: Vec<ChatId> =
            chats.iter().zip(&heads).filter(|(_, head)| head.is_none()).map(|(chat, _)| *chat).collect();
        let mut read = if unknown.len() <= INLINE_HEADS_MAX {
            read_heads(&self.engine, &self.marks, &unknown)?
        } else {
            let marks = std::sync::Arc::clone(&self.marks);
            self.aside(move |engine| read_heads(engine, &marks, &unknown)).await?
        }
        .into_iter();
        for head in heads.iter_mut().filter(|head| head.is_none()) {
            *head = read.next();
        }
        Ok(heads.into_iter().map(Option::unwrap_or_default).collect())
    }

    async fn snapshot(&self, chat: ChatId) -> Result<Option<ChatState>, StoreError> {
        self.engine.get(&keys::snapshot(chat))?.map(|row| rows::decode_snapshot(&row)).transpose()
    }

    async fn save_snapshot(&self, state: &ChatState) -> Result<(), StoreError> {
        let (chat, head, row) = (state.id, state.head, rows::encode_snapshot(state)?);
        self.submit(|reply| Operation::SaveSnapshot { chat, head, row, reply }).await
    }

    async fn empty_body(&self, chat: ChatId, seq: Seq, why: BodyGone) -> Result<(), StoreError> {
        self.submit(|reply| Operation::EmptyBody { chat, seq, why, reply }).await
    }

    async fn expiring_bodies(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<ExpiringChat>, StoreError> {
        let (expiring, without_bodies) =
            self.aside(move |engine| expiring(engine, Expiry::Bodies, before, limit)).await?;
        // Where nothing has a body the mark moves on, so that the chat is not looked at again and again.
        for chat in without_bodies {
            self.expire_bodies(chat.chat, chat.up_to).await?;
        }
        Ok(expiring)
    }

    async fn expire_bodies(&self, chat: ChatId, up_to: Seq) -> Result<(), StoreError> {
        loop {
            // The writer reads what it empties, and everybody waits for the writer: so the blocks are brought
            // into memory here first.
            let emptied = self.marks.get(&self.engine, chat)?.emptied;
            let (from, to) =
                (emptied.next(), up_to.min(Seq(emptied.0.saturating_add(EXPIRY_EVENTS_MAX + 1))));
            if from <= to {
                self.aside(move |engine| {
                    engine
                        .range(keys::event(chat, from), keys::event(chat, to))
                        .try_for_each(|row| row.map(drop))
                })
                .await?;
            }
            let step = self.submit(|reply| Operation::ExpireBodies { chat, up_to, reply }).await?;
            if !step.more {
                return Ok(());
            }
        }
    }

    async fn removable_events(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<ExpiringChat>, StoreError> {
        let (removable, _) =
            self.aside(move |engine| expiring(engine, Expiry::Events, before, limit)).await?;
        Ok(removable)
    }

    async fn floor(&self, chat: ChatId) -> Result<Seq, StoreError> {
        self.marks.get(&self.engine, chat).map(|marks| marks.floor)
    }

    async fn raise_floor(&self, chat: ChatId, floor: Seq) -> Result<Seq, StoreError> {
        loop {
            let step = self.submit(|reply| Operation::RaiseFloor { chat, floor, reply }).await?;
            if !step.more {
                return Ok(step.reached);
            }
        }
    }
}

fn read_points(
    engine: &Engine,
    chat: ChatId,
    (from, to): (Seq, Seq),
    count_max: usize,
    bytes_max: usize,
) -> Result<Vec<Event>, StoreError> {
    let mut page = Page::new(count_max, bytes_max);
    for seq in (from.0..=to.0).map(Seq) {
        // Absent only when the floor rose meanwhile: what is above it still comes.
        if let Some(row) = engine.get(&keys::event(chat, seq))?
            && !page.take(&row)?
        {
            break;
        }
    }
    Ok(page.events)
}

/// Events up to a count and a size, at least one.
struct Page {
    events: Vec<Event>,
    bytes: usize,
    count_max: usize,
    bytes_max: usize,
}

impl Page {
    fn new(count_max: usize, bytes_max: usize) -> Self {
        Self { events: Vec::new(), bytes: 0, count_max, bytes_max }
    }

    /// Takes one more; `false` when it did not fit, or nothing fits after it.
    fn take(&mut self, row: &Row) -> Result<bool, StoreError> {
        self.bytes += rows::value_bytes(row);
        if !self.events.is_empty() && self.bytes > self.bytes_max {
            return Ok(false);
        }
        self.events.push(rows::decode_event(row)?);
        Ok(self.events.len() < self.count_max)
    }
}

fn read_events(
    engine: &Engine,
    first: Key,
    last: Key,
    count_max: usize,
    bytes_max: usize,
) -> Result<Vec<Event>, StoreError> {
    let mut page = Page::new(count_max, bytes_max);
    for entry in engine.range(first, last) {
        if !page.take(&entry?.1)? {
            break;
        }
    }
    Ok(page.events)
}

fn read_heads(
    engine: &Engine,
    marks: &crate::marks::MarksCache,
    chats: &[ChatId],
) -> Result<Vec<Seq>, StoreError> {
    chats.iter().map(|chat| marks.get(engine, *chat).map(|marks| marks.head)).collect()
}

/// Chats in which a prefix of the log is old enough, and apart from them those where that prefix has no body.
fn expiring(
    engine: &Engine,
    expiry: Expiry,
    before: Timestamp,
    limit: usize,
) -> Result<(Vec<ExpiringChat>, Vec<ExpiringChat>), StoreError> {
    let Some(newest) = before.0.checked_sub(1) else { return Ok((Vec::new(), Vec::new())) };
    let (mut found, mut without_bodies) = (Vec::new(), Vec::new());
    let from = keys::oldest(expiry, 0, ChatId::from_bytes([0; 16]));
    let to = keys::oldest(expiry, newest, ChatId::from_bytes([0xFF; 16]));
    for entry in engine.range(from, to) {
        if found.len() >= limit || without_bodies.len() >= limit {
            break;
        }
        let (key, _) = entry?;
        let Some(chat) = keys::chat_of_oldest(&key) else { continue };
        let retention = match engine.get(&keys::retention(chat))? {
            Some(row) => Retention::read(&row)?,
            None => continue,
        };
        let start = match expiry {
            Expiry::Bodies => retention.emptied,
            Expiry::Events => retention.floor,
        };
        let (up_to, bodies) = old_prefix(engine, chat, start, before)?;
        if up_to > start {
            let expiring = ExpiringChat { chat, up_to };
            if expiry == Expiry::Bodies && !bodies { &mut without_bodies } else { &mut found }.push(expiring);
        }
    }
    Ok((found, without_bodies))
}

/// How far the events after `start` are older than `before`, and whether one of them has a body.
fn old_prefix(
    engine: &Engine,
    chat: ChatId,
    start: Seq,
    before: Timestamp,
) -> Result<(Seq, bool), StoreError> {
    let (mut up_to, mut bodies) = (start, false);
    let events = engine.range(keys::event(chat, start.next()), keys::event(chat, Seq(u64::MAX)));
    for entry in events.take(EXPIRY_SCAN_EVENTS_MAX) {
        let event = rows::decode_event(&entry?.1)?;
        if event.time >= before {
            break;
        }
        up_to = event.seq;
        bodies |= matches!(&event.kind, dunlin_model::EventKind::Message { body, .. } if !matches!(body, dunlin_model::Body::Gone(_)));
    }
    Ok((up_to, bodies))
}
