//! The front door: a command on a chat becomes a durable event, and its readers learn of it.

use std::sync::Arc;

use dunlin_model::chat::{Decision, decide};
use dunlin_model::{
    Attestation, ChatCommand, ChatId, ChatKind, ClientSeq, DecisionContext, DeviceId, Encryption, Event,
    EventKind, InboxMark, Seq, Timestamp, UserId,
};
use dunlin_relay::Wake;
use dunlin_store::{Appended, StoreError};
use tokio::sync::OwnedMutexGuard;

use crate::chat::{Chat, SNAPSHOT_INTERVAL_EVENTS};
use crate::{Delivery, DeliveryError};

/// Attempts at an append that others, or an uncertain store, keep from succeeding.
pub(crate) const APPEND_ATTEMPTS_MAX: usize = 16;
/// Bytes of a body up to which a wake carries the event to warm the other side's cache.
const WAKE_EVENT_BYTES_MAX: usize = 1_024;

/// A command became an event, durably, and its readers will get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The chat.
    pub chat: ChatId,
    /// The event's place.
    pub seq: Seq,
    /// When it was accepted; `None` when that was before, for a retry.
    pub time: Option<Timestamp>,
    /// Whether this answers a retry of what was accepted before.
    pub repeated: bool,
}

/// A command that has its place in the chat's queue: submissions are decided in the order of
/// [`Delivery::enter`].
pub struct Submission {
    chat: Arc<Chat>,
    from: DeviceId,
    number: ClientSeq,
    turn: Turn,
}

enum Turn {
    Held(OwnedMutexGuard<()>),
    Queued(std::pin::Pin<Box<dyn Future<Output = OwnedMutexGuard<()>> + Send>>),
}

/// What the append step found or did.
pub(crate) struct Written {
    seq: Seq,
    time: Option<Timestamp>,
    /// The event, and whose membership it begins or ends. `None` for a retry of an event that expired.
    event: Option<Arc<Event>>,
    affected: Vec<UserId>,
    repeated: bool,
}

impl Delivery {
    /// Takes a place in the chat's queue for a command of `from`. Cheap when the chat is in memory.
    ///
    /// # Errors
    /// `Store` when the chat cannot be read.
    pub async fn enter(
        &self,
        from: DeviceId,
        chat: ChatId,
        number: ClientSeq,
    ) -> Result<Submission, DeliveryError> {
        self.metrics.submitted.add(1);
        let chat = self.chat(chat).await?;
        let turn = match Arc::clone(&chat.turn).try_lock_owned() {
            Ok(held) => Turn::Held(held),
            Err(_) => {
                let mut waiting = Box::pin(Arc::clone(&chat.turn).lock_owned());
                // The first poll takes the place in the queue.
                match futures_util::FutureExt::now_or_never(&mut waiting) {
                    Some(held) => Turn::Held(held),
                    None => Turn::Queued(waiting),
                }
            }
        };
        Ok(Submission { chat, from, number, turn })
    }

    /// The way of a message, from command to accepted event (DESIGN.md, section 2, steps 2 to 5).
    ///
    /// Not cancel safe: run it in a task of its own, so that what was appended is also raised and woken. The
    /// sender's own session is marked but not rung: the answer will ring it.
    ///
    /// # Errors
    /// `Refused` and others that are definite; `Store` and `TooBusy` when the same number may be tried again.
    pub async fn submit(
        &self,
        entered: Submission,
        command: ChatCommand,
        attestation: Option<Box<Attestation>>,
    ) -> Result<Accepted, DeliveryError> {
        let began = self.clock.monotonic();
        let Submission { chat, from, number, turn } = entered;
        let turn = turn.wait().await;
        let context = self.authorise(&chat, from, number, &command, attestation).await?;
        let written = self.append(&chat, turn, from, number, &command, &context).await?;
        self.raise(&chat, &written).await?;
        let accepted = written.accepted(chat.id); // Only now may the sender be told.
        self.wake(&chat, &written, from);
        self.tidy_up(&chat);
        self.metrics.submit_time.observe(self.clock.monotonic().saturating_sub(began));
        Ok(accepted)
    }

    /// `enter` and `submit` in one, in a task of its own: cancel safe, for callers that may be dropped.
    ///
    /// # Errors
    /// As [`Delivery::submit`].
    pub async fn submit_in_task(
        self: &Arc<Self>,
        from: DeviceId,
        chat: ChatId,
        number: ClientSeq,
        command: ChatCommand,
        attestation: Option<Box<Attestation>>,
    ) -> Result<Accepted, DeliveryError> {
        let delivery = Arc::clone(self);
        let task = tokio::spawn(async move {
            let entered = delivery.enter(from, chat, number).await?;
            let accepted = delivery.submit(entered, command, attestation).await;
            delivery.registry.for_each(from.user, |session| session.ring());
            accepted
        });
        task.await.unwrap_or(Err(DeliveryError::Failed))
    }

    /// The chat that this creation makes or finds: the pair's for a direct chat, else one that follows from
    /// device and number, so that a retry finds it.
    pub fn chat_to_create(from: DeviceId, number: ClientSeq, command: &ChatCommand) -> ChatId {
        match command {
            ChatCommand::Create { kind: ChatKind::Direct, members, .. } => {
                let other = members.iter().find(|member| **member != from.user);
                ChatId::direct(from.user, other.copied().unwrap_or(from.user))
            }
            _ => ChatId::created_by(from, number),
        }
    }

    /// Creates a chat, in a task of its own. A direct chat that is there already is answered with its first
    /// event. Cancel safe.
    ///
    /// # Errors
    /// As [`Delivery::submit`].
    pub async fn create_chat(
        self: &Arc<Self>,
        from: DeviceId,
        number: ClientSeq,
        command: ChatCommand,
        attestation: Option<Box<Attestation>>,
    ) -> Result<Accepted, DeliveryError> {
        let chat = Self::chat_to_create(from, number, &command);
        if let ChatCommand::Create { encryption, .. } = &command
            && !self.allows(*encryption)
            // What was accepted before the setting changed is answered to a retry as it was.
            && !self.chat(chat).await?.look(dunlin_model::chat::ChatState::exists)
        {
            return Err(DeliveryError::EncryptionNotAllowed);
        }
        let direct = matches!(&command, ChatCommand::Create { kind: ChatKind::Direct, .. });
        match self.submit_in_task(from, chat, number, command, attestation).await {
            Err(DeliveryError::Refused(dunlin_model::Refusal::AlreadyExists { seq })) if direct => {
                Ok(Accepted { chat, seq, time: None, repeated: true })
            }
            other => other,
        }
    }

    /// Decides and appends, again whenever somebody else was first.
    ///
    /// The turn is given back as soon as a message is on its way, so that the next one joins the same batch.
    async fn append(
        &self,
        chat: &Arc<Chat>,
        turn: OwnedMutexGuard<()>,
        from: DeviceId,
        number: ClientSeq,
        command: &ChatCommand,
        context: &DecisionContext,
    ) -> Result<Written, DeliveryError> {
        let mut turn = Some(turn);
        let mut joins = matches!(command, ChatCommand::Send { .. });
        for _ in 0..APPEND_ATTEMPTS_MAX {
            let held = match turn.take() {
                Some(held) => held,
                None => Arc::clone(&chat.turn).lock_owned().await,
            };
            if !joins || !self.may_join(chat, from, number) {
                chat.pipeline.drained().await;
                if chat.is_behind() {
                    chat.catch_up(&*self.store).await?;
                }
            }
            let (event, affected) = match self.decide(chat, from, number, command, context)? {
                Ok(new) => new,
                Err(seq) => return self.repeat(chat, seq).await,
            };
            let began = self.clock.monotonic();
            let reserved = chat.pipeline.reserve(chat, event);
            let event = Arc::clone(&reserved.event);
            let mut appending = self.store.append(chat.id, &event);
            // The first poll hands the event to the store; only then may the next one be decided on it.
            let at_once = futures_util::FutureExt::now_or_never(appending.as_mut());
            drop(held);
            let appended = match at_once {
                Some(appended) => appended,
                None => appending.await,
            };
            match appended {
                Ok(Appended::Written) => {
                    reserved.written();
                    self.metrics.appended.add(1);
                    self.metrics.append_time.observe(self.clock.monotonic().saturating_sub(began));
                    let (seq, time, event) = (event.seq, Some(event.time), Some(Arc::clone(&event)));
                    return Ok(Written { seq, time, event, affected, repeated: false });
                }
                // Whoever won, or this very event after all: the log tells, and `decide` knows the number.
                Ok(Appended::Taken) | Err(StoreError::Uncertain(_)) => {
                    self.metrics.conflicts.add(1);
                    drop(reserved);
                    chat.hint(event.seq);
                    joins = false;
                }
                Err(error) => {
                    self.metrics.unavailable.add(1);
                    return Err(error.into());
                }
            }
        }
        Err(DeliveryError::TooBusy)
    }

    /// Whether a message can be decided on those under way: its device's numbers rise, so that none of them
    /// can be a retry of another.
    fn may_join(&self, chat: &Chat, from: DeviceId, number: ClientSeq) -> bool {
        let rises = chat.look(|state| state.numbers.get(&from).is_none_or(|window| window.newest() < number));
        rises && !chat.is_behind() && chat.pipeline.admits(from, number)
    }

    /// The event that the command becomes, with those whose membership it changes; or where it stands already.
    fn decide(
        &self,
        chat: &Chat,
        from: DeviceId,
        number: ClientSeq,
        command: &ChatCommand,
        context: &DecisionContext,
    ) -> Result<Result<(Event, Vec<UserId>), Seq>, dunlin_model::Refusal> {
        let config = self.config();
        let now = self.clock.now();
        let newest = chat.pipeline.newest();
        let decided = chat.look(|state| {
            Ok(match decide(state, &config.chat, from, number, command.clone(), context)? {
                Decision::Repeat(seq) => Err(seq),
                Decision::Append(kind) => {
                    let affected = kind.roster_changes(from.user, state);
                    let (head, changed) = newest.unwrap_or((state.head, state.changed));
                    // The wall clock may have gone back; times in a chat do not.
                    let (seq, time) = (head.max(state.head).next(), now.max(changed).max(state.changed));
                    let attestation = context.attestation.clone().filter(|_| kind.needs_attestation(state));
                    Ok((Event { seq, time, sender: from, client_seq: number, kind, attestation }, affected))
                }
            })
        });
        decided.inspect_err(|_| self.metrics.refused.add(1))
    }

    /// A retry of what was accepted: the first attempt may have died before raising and waking.
    async fn repeat(&self, chat: &Chat, seq: Seq) -> Result<Written, DeliveryError> {
        self.metrics.repeated.add(1);
        let (entries, _) = chat.read(&*self.store, seq, seq, 1, usize::MAX).await?;
        let event = entries.into_iter().next().map(|entry| Arc::clone(&entry.event));
        let affected = event.as_ref().map_or_else(Vec::new, |event| {
            chat.look(|state| match event.kind {
                EventKind::ChatDeleted => state.memberships.keys().copied().collect(),
                _ => event.kind.roster_changes(event.sender.user, state),
            })
        });
        Ok(Written { seq, time: None, event, affected, repeated: true })
    }

    /// Raises the inbox registers of those who are to learn of the event.
    pub(crate) async fn raise(&self, chat: &Chat, written: &Written) -> Result<(), DeliveryError> {
        let seq = written.seq;
        let due = chat.rows_due();
        for rows in &due {
            self.store.raise_inbox(chat.id, rows.mark, &rows.users).await?;
            self.metrics.raised.add(u64::try_from(rows.users.len()).unwrap_or(u64::MAX));
        }
        if let Some(last) = due.last() {
            chat.rows_written(last.mark.head);
        }
        let fan_out_max = self.store.fan_out_members_max();
        if fan_out_max > 0 {
            let members: Vec<UserId> = chat.look(|state| {
                if state.members.len() > fan_out_max {
                    return Vec::new();
                }
                state.members.keys().copied().collect()
            });
            if !members.is_empty() {
                self.store.raise_inbox(chat.id, InboxMark::open(seq), &members).await?;
                self.metrics.raised.add(u64::try_from(members.len()).unwrap_or(u64::MAX));
            }
        }
        Ok(())
    }

    /// Wakes the members, and those whom the event took out: in memory here, through the relay elsewhere.
    pub(crate) fn wake(&self, chat: &Arc<Chat>, written: &Written, from: DeviceId) {
        // A chat is kept in memory from its first event on; others may have loaded it meanwhile.
        let kept = self.chats.insert(Arc::clone(chat));
        if !Arc::ptr_eq(&kept, chat) {
            kept.hint(written.seq);
        }
        let mut users: Vec<UserId> = kept.look(|state| state.members.keys().copied().collect());
        users.extend(written.affected.iter().filter(|user| kept.look(|state| state.role(**user).is_none())));
        self.wake_here(&kept, &users, Some(from));
        let small = |event: &&Arc<Event>| match &event.kind {
            EventKind::Message { body, .. } => body.len() <= WAKE_EVENT_BYTES_MAX,
            EventKind::GroupStarted(_) | EventKind::Committed(_) => false,
            _ => true,
        };
        let event = written.event.as_ref().filter(|_| !written.repeated).filter(small).cloned();
        self.relay.publish(self.server, &users, Wake { chat: kept.id, head: written.seq, event });
    }

    /// Wakes the sessions that `users` have on this server; those of `quietly` are marked but not rung.
    pub(crate) fn wake_here(&self, chat: &Arc<Chat>, users: &[UserId], quietly: Option<DeviceId>) {
        let mut woken = 0;
        for user in users {
            self.registry.for_each(*user, |session| {
                session.mark(chat);
                if Some(session.device()) != quietly {
                    session.ring();
                }
                woken += 1;
            });
        }
        self.metrics.woken.add(woken);
    }

    /// What follows from an event but need not be waited for.
    pub(crate) fn tidy_up(&self, chat: &Arc<Chat>) {
        let due = chat.has_deletions()
            || (chat.head().0.is_multiple_of(SNAPSHOT_INTERVAL_EVENTS / 8) && chat.snapshot_due());
        if due {
            let (chat, store) = (Arc::clone(chat), Arc::clone(&self.store));
            tokio::spawn(async move {
                let done = match chat.carry_out_deletions(&*store).await {
                    Ok(()) => chat.save_snapshot_if_due(&*store).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = done {
                    tracing::warn!(chat = %chat.id, %error, "will be resumed when the chat is used next");
                }
            });
        }
    }

    /// The chat, from memory or loaded.
    pub(crate) async fn chat(&self, id: ChatId) -> Result<Arc<Chat>, StoreError> {
        if let Some(chat) = self.chats.get(id) {
            return Ok(chat);
        }
        let chat = Chat::load(id, &*self.store).await?;
        if !chat.look(dunlin_model::chat::ChatState::exists) {
            return Ok(chat); // Not kept: strangers could fill the memory with chats that are not there.
        }
        let kept = self.chats.insert(chat);
        self.tidy_up(&kept);
        Ok(kept)
    }

    /// Whether a chat of this encryption may be created here.
    pub fn allows(&self, encryption: Encryption) -> bool {
        self.config().encryptions.contains(&encryption)
    }
}

impl Turn {
    async fn wait(self) -> OwnedMutexGuard<()> {
        match self {
            Self::Held(turn) => turn,
            Self::Queued(waiting) => waiting.await,
        }
    }
}

impl Written {
    /// What the server itself appended just now, which changes nobody's membership.
    pub(crate) fn now(event: Arc<Event>) -> Self {
        let (seq, time) = (event.seq, Some(event.time));
        Self { seq, time, event: Some(event), affected: Vec::new(), repeated: false }
    }

    /// What stands in the log up to `head`.
    pub(crate) fn before(head: Seq) -> Self {
        Self { seq: head, time: None, event: None, affected: Vec::new(), repeated: true }
    }

    fn accepted(&self, chat: ChatId) -> Accepted {
        Accepted { chat, seq: self.seq, time: self.time, repeated: self.repeated }
    }
}
