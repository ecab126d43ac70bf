//! A chat in memory: its state, the newest events, and the receipts of its members.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use dunlin_model::chat::ChatState;
use dunlin_model::view::Receipt;
use dunlin_model::{
    Body, BodyGone, ChatId, DeviceId, DeviceNumber, Event, EventKind, InboxMark, Payload, Progress, Seq,
    UserId,
};
use dunlin_store::{Store, StoreError};
use parking_lot::{Mutex, RwLock};

/// Newest events of a chat kept in memory.
pub(crate) const TAIL_EVENTS_MAX: usize = 128;
/// Bytes of bodies among them.
const TAIL_BYTES_MAX: usize = 512 * 1024;
/// Events between two snapshots.
pub(crate) const SNAPSHOT_INTERVAL_EVENTS: u64 = 512;
/// Events and bytes read from the store at a time.
pub(crate) const READ_EVENTS_MAX: usize = 256;
pub(crate) const READ_BYTES_MAX: usize = 1024 * 1024;

/// An event in memory, with room for its encoded forms, so that a group's message is encoded once.
#[derive(Debug)]
pub struct LogEntry {
    /// The event.
    pub event: Arc<Event>,
    encoded: [OnceLock<Bytes>; 2],
}

impl LogEntry {
    /// An entry that nobody has encoded yet.
    pub fn new(event: Arc<Event>) -> Self {
        Self { event, encoded: [OnceLock::new(), OnceLock::new()] }
    }

    /// The encoded form number `form` (0 or 1; what they are is the caller's), made by `encode` at first use.
    pub fn encoded(&self, form: bool, encode: impl FnOnce(&Event) -> Bytes) -> &Bytes {
        let [first, second] = &self.encoded;
        (if form { second } else { first }).get_or_init(|| encode(&self.event))
    }
}

/// Inbox rows of users whose membership an event began or ended.
#[derive(Debug, Clone)]
pub(crate) struct RowsDue {
    pub(crate) mark: InboxMark,
    pub(crate) users: Vec<UserId>,
}

/// What the log says, as far as it was applied here.
pub(crate) struct Applied {
    pub(crate) state: ChatState,
    /// The newest events, ascending and without gaps, ending at the state's head.
    tail: VecDeque<Arc<LogEntry>>,
    tail_bytes: usize,
    snapshot_head: Seq,
    /// Messages deleted for everyone whose bodies may still stand in the store.
    deletions: BTreeSet<Seq>,
    /// Inbox rows that events applied here call for and that are not known to be written: see
    /// [`Chat::rows_due`].
    rows_due: Vec<RowsDue>,
}

/// A chat in memory.
pub(crate) struct Chat {
    pub(crate) id: ChatId,
    /// This server's appends to the chat, one at a time and in the order in which they came.
    pub(crate) turn: Arc<tokio::sync::Mutex<()>>,
    pub(crate) pipeline: crate::pipeline::Pipeline,
    applied: RwLock<Applied>,
    /// The newest head anybody spoke of: above the state's head when something is still to be read.
    head_hint: AtomicU64,
    touched: AtomicBool,
    saving: AtomicBool,
    /// The registers of all devices, once somebody asked for them.
    progress: Mutex<Registers>,
}

/// The registers of a chat's devices. Raises are merged from the moment somebody asks, what the store had
/// comes in when it is read; only then is the whole told.
#[derive(Default)]
struct Registers {
    by_device: BTreeMap<DeviceId, Progress>,
    asked: bool,
    loaded: bool,
}

impl Chat {
    /// Loads a chat: snapshot first, then the log from there.
    pub(crate) async fn load(id: ChatId, store: &dyn Store) -> Result<Arc<Self>, StoreError> {
        let snapshot = store.snapshot(id).await?;
        let state = snapshot.unwrap_or_else(|| ChatState::before_creation(id));
        let chat = Arc::new(Self {
            id,
            turn: Arc::default(),
            pipeline: crate::pipeline::Pipeline::default(),
            head_hint: AtomicU64::new(state.head.0),
            applied: RwLock::new(Applied {
                snapshot_head: state.head,
                state,
                tail: VecDeque::new(),
                tail_bytes: 0,
                deletions: BTreeSet::new(),
                rows_due: Vec::new(),
            }),
            touched: AtomicBool::new(true),
            saving: AtomicBool::new(false),
            progress: Mutex::default(),
        });
        chat.catch_up(store).await?;
        Ok(chat)
    }

    pub(crate) fn touch(&self) {
        self.touched.store(true, Ordering::Relaxed);
    }

    pub(crate) fn take_touched(&self) -> bool {
        self.touched.swap(false, Ordering::Relaxed)
    }

    /// Looks at what was applied. Short: a lock is held.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&ChatState) -> T) -> T {
        look(&self.applied.read().state)
    }

    pub(crate) fn head(&self) -> Seq {
        self.look(|state| state.head)
    }

    /// Whether there is more in the log than was applied.
    pub(crate) fn is_behind(&self) -> bool {
        Seq(self.head_hint.load(Ordering::Acquire)) > self.head()
    }

    /// Notes a head that somebody spoke of.
    pub(crate) fn hint(&self, head: Seq) {
        self.head_hint.fetch_max(head.0, Ordering::AcqRel);
    }

    /// Applies `event` if it is the next one. What is at or below the head is known already.
    pub(crate) fn apply(&self, event: Arc<Event>) {
        let mut applied = self.applied.write();
        if event.seq == applied.state.head.next() {
            applied.push(event);
        } else {
            self.head_hint.fetch_max(event.seq.0, Ordering::AcqRel);
        }
    }

    /// Reads and applies what the log has above the head.
    pub(crate) async fn catch_up(&self, store: &dyn Store) -> Result<(), StoreError> {
        loop {
            let from = self.head().next();
            let events = store.read(self.id, from, Seq(u64::MAX), READ_EVENTS_MAX, READ_BYTES_MAX).await?;
            if events.is_empty() {
                return Ok(());
            }
            for event in events {
                self.apply(Arc::new(event));
            }
        }
    }

    /// The events in memory from `from` to `to`; `None` when the range begins before them.
    pub(crate) fn recent(&self, from: Seq, to: Seq, count_max: usize) -> Option<Vec<Arc<LogEntry>>> {
        let applied = self.applied.read();
        let first = applied.tail.front()?.event.seq;
        if from < first {
            return None;
        }
        let skip = usize::try_from(from.0 - first.0).ok()?;
        let entries = applied.tail.iter().skip(skip);
        Some(entries.take_while(|entry| entry.event.seq <= to).take(count_max).cloned().collect())
    }

    /// The last of `user`'s own events that directly follow `seq`, as far as they are in memory; `seq` when the
    /// next is somebody else's. What one wrote oneself is not unread.
    pub(crate) fn past_own_events(&self, user: UserId, seq: Seq) -> Seq {
        let own = self.recent(seq.next(), Seq(u64::MAX), TAIL_EVENTS_MAX).unwrap_or_default();
        own.iter()
            .take_while(|entry| entry.event.sender.user == user)
            .last()
            .map_or(seq, |entry| entry.event.seq)
    }

    /// Events from `from` to `to` wherever they are, with what was deleted emptied; and whether the store
    /// had to be read.
    pub(crate) async fn read(
        &self,
        store: &dyn Store,
        from: Seq,
        to: Seq,
        count_max: usize,
        bytes_max: usize,
    ) -> Result<(Vec<Arc<LogEntry>>, bool), StoreError> {
        if let Some(entries) = self.recent(from, to, count_max) {
            return Ok((entries, false));
        }
        // Nothing above the applied head is shown: the cache serves only up to what it has applied.
        let to = to.min(self.head());
        let mut events = store.read(self.id, from, to, count_max, bytes_max).await?;
        {
            let applied = self.applied.read();
            for event in &mut events {
                if applied.deletions.contains(&event.seq) {
                    event.empty_body(BodyGone::Deleted);
                }
            }
        }
        Ok((events.into_iter().map(|event| Arc::new(LogEntry::new(Arc::new(event)))).collect(), true))
    }

    /// The inbox rows that are to be written before anything more is accepted in this chat. A crash may come
    /// between an event and its rows, and nobody may be left to try again; so the rows of all events since the
    /// snapshot are due when a chat is loaded, and no snapshot is saved while any are.
    pub(crate) fn rows_due(&self) -> Vec<RowsDue> {
        self.applied.read().rows_due.clone()
    }

    /// Notes that the rows of events up to `seq` are written.
    pub(crate) fn rows_written(&self, seq: Seq) {
        self.applied.write().rows_due.retain(|due| due.mark.head > seq);
    }

    /// Empties in the store what was deleted for everyone. Resumed whenever the chat is loaded, since no
    /// snapshot is saved past a deletion that is not carried out.
    pub(crate) async fn carry_out_deletions(&self, store: &dyn Store) -> Result<(), StoreError> {
        loop {
            let Some(target) = self.applied.read().deletions.first().copied() else { return Ok(()) };
            store.empty_body(self.id, target, BodyGone::Deleted).await?;
            self.applied.write().deletions.remove(&target);
        }
    }

    /// Saves a snapshot when the last one is long ago. One at a time.
    pub(crate) async fn save_snapshot_if_due(&self, store: &dyn Store) -> Result<(), StoreError> {
        if !self.snapshot_due() || self.saving.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let state = self.look(Clone::clone);
        let saved = store.save_snapshot(&state).await;
        if saved.is_ok() {
            self.applied.write().snapshot_head = state.head;
        }
        self.saving.store(false, Ordering::Release);
        saved
    }

    /// Whether a snapshot is due and nothing stands in its way.
    pub(crate) fn snapshot_due(&self) -> bool {
        let applied = self.applied.read();
        applied.deletions.is_empty()
            && applied.rows_due.is_empty()
            && applied.state.head.0 >= applied.snapshot_head.0.saturating_add(SNAPSHOT_INTERVAL_EVENTS)
    }

    /// Whether a deletion is still to be carried out in the store.
    pub(crate) fn has_deletions(&self) -> bool {
        !self.applied.read().deletions.is_empty()
    }

    /// Makes sure that the registers of the chat's devices are in memory.
    pub(crate) async fn load_progress(&self, store: &dyn Store) -> Result<(), StoreError> {
        {
            let mut registers = self.progress.lock();
            if registers.loaded {
                return Ok(());
            }
            registers.asked = true;
        }
        let read = store.chat_progress(self.id).await?;
        let mut registers = self.progress.lock();
        for (device, value) in read {
            registers.merge(device, value);
        }
        registers.loaded = true;
        Ok(())
    }

    /// Whether the registers of the chat's devices are in memory.
    pub(crate) fn has_progress(&self) -> bool {
        self.progress.lock().loaded
    }

    /// Merges a durable register. Gives the member's receipts, before and after, when all are in memory and
    /// theirs rose.
    pub(crate) fn raise_progress(&self, device: DeviceId, value: Progress) -> Option<(Receipt, Receipt)> {
        let mut registers = self.progress.lock();
        if !registers.asked {
            return None;
        }
        let before = registers.receipt(device.user);
        registers.merge(device, value);
        let after = registers.receipt(device.user);
        (registers.loaded && before != after).then_some((before, after))
    }

    /// The members for whom it is news that a member's receipts rose: those with a message among what was newly
    /// received or seen. Everyone, when that is not all in memory.
    pub(crate) fn authors_between(&self, before: Receipt, after: Receipt) -> Vec<UserId> {
        let applied = self.applied.read();
        let members = &applied.state.members;
        // What was seen was received, so the lower of the two is the beginning of what is news.
        let from = if after.seen > before.seen { before.seen } else { before.delivered };
        let Some(first) = applied.tail.front().map(|entry| entry.event.seq) else {
            return members.keys().copied().collect();
        };
        if from.next() < first {
            return members.keys().copied().collect();
        }
        let covered = |seq| {
            (before.delivered < seq && seq <= after.delivered) || (before.seen < seq && seq <= after.seen)
        };
        let skip = usize::try_from(from.0.saturating_sub(first.0)).unwrap_or(usize::MAX);
        let news = applied.tail.iter().skip(skip).map(|entry| &entry.event);
        let mut authors: Vec<UserId> = news
            .filter(|event| covered(event.seq) && matches!(event.kind, EventKind::Message { .. }))
            .map(|event| event.sender.user)
            .filter(|author| *author != after.user && members.contains_key(author))
            .collect();
        authors.sort_unstable();
        authors.dedup();
        authors
    }

    /// A member's receipts, as far as the registers are in memory: see [`Chat::load_progress`].
    pub(crate) fn receipt(&self, user: UserId) -> Receipt {
        self.progress.lock().receipt(user)
    }
}

impl Registers {
    fn merge(&mut self, device: DeviceId, value: Progress) {
        let register = self.by_device.entry(device).or_default();
        *register = register.merge(value);
    }

    fn receipt(&self, user: UserId) -> Receipt {
        let devices =
            DeviceId { user, number: DeviceNumber(0) }..=DeviceId { user, number: DeviceNumber(u32::MAX) };
        let mut receipt = Receipt { user, delivered: Seq::ZERO, seen: Seq::ZERO };
        for value in self.by_device.range(devices).map(|(_, value)| value) {
            receipt.delivered = receipt.delivered.max(value.received);
            receipt.seen = receipt.seen.max(value.seen);
        }
        receipt
    }
}

impl Applied {
    fn push(&mut self, event: Arc<Event>) {
        let users = event.kind.roster_changes(event.sender.user, &self.state);
        if !users.is_empty() {
            let mark = InboxMark { head: event.seq, closed: !event.kind.begins_membership() };
            self.rows_due.push(RowsDue { mark, users });
        }
        self.state.apply(&event);
        if let EventKind::MessageDeleted { target } = event.kind {
            self.delete(target);
        }
        self.tail_bytes += body_bytes(&event);
        self.tail.push_back(Arc::new(LogEntry::new(event)));
        while self.tail.len() > TAIL_EVENTS_MAX || (self.tail_bytes > TAIL_BYTES_MAX && self.tail.len() > 1) {
            if let Some(oldest) = self.tail.pop_front() {
                self.tail_bytes -= body_bytes(&oldest.event);
            }
        }
    }

    /// A deletion is true from its append: nobody is served the body from here on.
    fn delete(&mut self, target: Seq) {
        self.deletions.insert(target);
        if let Some(entry) = self.tail.iter_mut().find(|entry| entry.event.seq == target) {
            let mut emptied = Event::clone(&entry.event);
            self.tail_bytes -= body_bytes(&entry.event);
            emptied.empty_body(BodyGone::Deleted);
            *entry = Arc::new(LogEntry::new(Arc::new(emptied)));
        }
    }
}

pub(crate) fn body_bytes(event: &Event) -> usize {
    match &event.kind {
        EventKind::Message { body: Body::Gone(_), .. } => 0,
        EventKind::Message { body, .. } => body.len(),
        EventKind::GroupStarted(start) => {
            inline_bytes(&start.group_info) + start.welcome.as_ref().map_or(0, inline_bytes)
        }
        EventKind::Committed(commit) => {
            let parts = [Some(&commit.commit), Some(&commit.group_info), commit.welcome.as_ref()];
            parts.into_iter().flatten().map(inline_bytes).sum()
        }
        _ => 0,
    }
}

fn inline_bytes(payload: &Payload) -> usize {
    match payload {
        Payload::Inline(bytes) => bytes.len(),
        Payload::Stored { .. } => 0,
    }
}
