//! One message as it is shown: with its edit, its reactions, what it answers, and how far it has got.

use std::time::Duration;

use dunlin_model::{Body, BodyGone, EventKind, Seq, Timestamp, UserId};

use super::page::Group;
use super::reader::Reader;
use super::{
    BodyView, Disappearing, EditedView, EventView, Happened, Item, MessageStatus, MessageView,
    PREVIEW_CHARS_MAX, Place, Preview, ReactionView, ReplyView,
};
use crate::chats::{Shown, StoredMessage, StubReason};
use crate::content::{Content, ContentDigest, Envelope, Reference, Text};
use crate::fold::{StoredEdit, StoredReaction};
use crate::outbox::WaitReason;
use crate::rows;
use crate::timers::Timer;

impl Reader<'_> {
    /// What is shown of a place; `None` where nothing is.
    pub(super) fn item_of(&self, group: &Group) -> Option<Item> {
        let stored = group.message.as_ref()?;
        let bare = |body| Some(Item::Message(Box::new(self.bare(stored, body))));
        let happened = |what| {
            let StoredMessage { seq, sender, time, .. } = *stored;
            Some(Item::Event(EventView { seq, sender, time, what }))
        };
        match &stored.shown {
            Shown::Folded { .. } | Shown::Nothing => None,
            Shown::Gone(BodyGone::Deleted) => bare(BodyView::Deleted),
            Shown::Gone(BodyGone::Expired) => bare(BodyView::Expired),
            Shown::Stub(reason) => bare(BodyView::Stub(*reason)),
            Shown::Event(kind) => match &**kind {
                EventKind::Message { body, reply_to, .. } => {
                    Some(Item::Message(Box::new(self.plain(stored, body, *reply_to))))
                }
                EventKind::MessageDeleted { .. } => None,
                _ => happened(Happened::Event(kind.clone())),
            },
            Shown::Content(_) => match stored.envelope(self.chat()) {
                None => bare(BodyView::Stub(StubReason::Broken)),
                Some(Envelope { content: Content::DisappearingTimer { seconds }, .. }) => {
                    happened(Happened::Timer { seconds })
                }
                Some(Envelope { content: Content::ChatMetadata(metadata), .. }) => {
                    happened(Happened::Metadata(Box::new(metadata)))
                }
                Some(Envelope {
                    content: Content::Edit(_) | Content::Reaction(_) | Content::OwnMarks(_),
                    ..
                }) => None,
                Some(envelope) => Some(Item::Message(Box::new(self.encrypted(stored, envelope, group)))),
            },
        }
    }

    fn bare(&self, stored: &StoredMessage, body: BodyView) -> MessageView {
        MessageView {
            place: Place::At(stored.seq),
            sender: stored.sender,
            time: stored.time,
            body,
            reply_to: None,
            edited: None,
            reactions: Vec::new(),
            status: self.status(stored.seq, stored.sender.user),
            waits: None,
            reference: None,
            disappears: None,
            is_being_deleted: self.waiting.deletions.contains(&stored.seq),
        }
    }

    fn plain(&self, stored: &StoredMessage, body: &Body, reply_to: Option<Seq>) -> MessageView {
        let body = match body {
            Body::Text(text) => BodyView::Text(Text { text: text.clone(), ..Text::default() }),
            Body::Opaque(_) => BodyView::Unknown { kind: 0 },
            Body::Gone(BodyGone::Deleted) => BodyView::Deleted,
            Body::Gone(BodyGone::Expired) => BodyView::Expired,
        };
        let reply_to = reply_to.map(|seq| self.reply(seq, None));
        MessageView { reply_to, ..self.bare(stored, body) }
    }

    fn encrypted(&self, stored: &StoredMessage, envelope: Envelope, group: &Group) -> MessageView {
        let seq = stored.seq;
        let digest = stored.digest();
        let author = stored.sender.user;
        let original = envelope.content.written().map(|text| text.text.clone()).unwrap_or_default();
        let reply_to = envelope.content.written().and_then(|text| text.reply_to);
        let mut content = envelope.content;
        let mut edited = None;
        let accepted = group.edits.iter().find(|(by, edit)| *by == author && Some(edit.digest) == digest);
        if let Some((_, StoredEdit { time, text, mentions, .. })) = accepted {
            content = content.rewritten(text.clone(), mentions.clone());
            edited = Some(EditedView { time: *time, original: original.clone(), is_waiting: false });
        }
        if author == self.own.user
            && let Some((time, edit)) = self.waiting.edits.get(&seq)
        {
            content = content.rewritten(edit.text.clone(), edit.mentions.clone());
            edited = Some(EditedView { time: *time, original, is_waiting: true });
        }
        let seconds = envelope.disappear_seconds;
        let timer: Option<Timer> =
            (seconds > 0).then(|| self.read(&rows::of_place(rows::TIMER, self.chat(), seq))).flatten();
        MessageView {
            reply_to: reply_to.map(|target| self.reply(target.seq, Some(target.digest))),
            edited,
            reactions: self.reactions(group, digest),
            reference: digest.map(|digest| Reference { seq, digest }),
            disappears: timer.map(|Timer { seconds, ends }| Disappearing {
                after: Duration::from_secs(seconds.into()),
                at: ends,
            }),
            ..self.bare(stored, body(content))
        }
    }

    /// Reactions to what stands here, with what waits of this user.
    fn reactions(&self, group: &Group, digest: Option<ContentDigest>) -> Vec<ReactionView> {
        let own = self.own.user;
        let mut all: Vec<(Seq, UserId, &str)> = group
            .reactions
            .iter()
            .filter(|(_, reaction)| Some(reaction.digest) == digest)
            .map(|(user, StoredReaction { seq, emoji, .. })| (*seq, *user, emoji.as_str()))
            .collect();
        if let Some(waiting) = self.waiting.reactions.get(&group.seq) {
            all.retain(|(_, user, emoji)| *user != own || (waiting.remove && *emoji != waiting.emoji));
            if !waiting.remove {
                all.push((Seq(u64::MAX), own, &waiting.emoji));
            }
        }
        all.sort_unstable();
        let mut views: Vec<ReactionView> = Vec::new();
        for (_, user, emoji) in all {
            match views.iter_mut().find(|view| view.emoji == emoji) {
                Some(view) => view.users.push(user),
                None => {
                    views.push(ReactionView { emoji: emoji.to_owned(), users: vec![user], is_own: false });
                }
            }
        }
        for view in &mut views {
            view.is_own = view.users.contains(&own);
        }
        views
    }

    /// What a message answers. With a digest, only what the author saw there.
    fn reply(&self, seq: Seq, digest: Option<ContentDigest>) -> ReplyView {
        let not_here = ReplyView { seq, sender: None, preview: Preview::NotHere };
        let Some(stored) = self.message(seq) else { return not_here };
        let is_meant = match &stored.shown {
            Shown::Content(_) => digest.is_none() || stored.digest() == digest,
            // What is gone has no digest; that something was here is all that is said.
            Shown::Gone(_) => true,
            Shown::Event(_) => digest.is_none(),
            Shown::Stub(_) | Shown::Folded { .. } | Shown::Nothing => false,
        };
        if !is_meant {
            return not_here;
        }
        let author = stored.sender;
        let edit: Option<StoredEdit> = self.read(&rows::edit(self.chat(), seq, author.user));
        let edits = edit.into_iter().map(|edit| (author.user, edit)).collect();
        let group = Group { seq, edits, message: Some(stored), ..Group::default() };
        match self.item_of(&group) {
            Some(Item::Message(message)) => {
                ReplyView { seq, sender: Some(author), preview: preview(&message.body) }
            }
            _ => not_here,
        }
    }

    /// The messages that wait to be sent, in the order in which they were written.
    pub(super) fn waiting_messages(&self) -> Vec<MessageView> {
        let messages = self.waiting.messages.iter();
        messages
            .map(|(place, time, content)| {
                let reply_to = content.written().and_then(|text| text.reply_to);
                self.waiting_message(*place, *time, content.clone(), reply_to)
            })
            .collect()
    }

    fn waiting_message(
        &self,
        place: u64,
        time: Timestamp,
        content: Content,
        reply_to: Option<Reference>,
    ) -> MessageView {
        MessageView {
            place: Place::Waiting(place),
            sender: self.own,
            time,
            body: body(content),
            reply_to: reply_to.map(|target| self.reply(target.seq, Some(target.digest))),
            edited: None,
            reactions: Vec::new(),
            status: Some(MessageStatus::Waiting),
            waits: WaitReason::of(&self.state, self.own.user),
            reference: None,
            disappears: None,
            is_being_deleted: false,
        }
    }
}

fn body(content: Content) -> BodyView {
    match content {
        Content::Text(text) => BodyView::Text(text),
        Content::Files(files) => BodyView::Files(files),
        Content::Unknown { kind } => BodyView::Unknown { kind },
        // They are not shown as messages.
        Content::Edit(_)
        | Content::Reaction(_)
        | Content::DisappearingTimer { .. }
        | Content::ChatMetadata(_)
        | Content::OwnMarks(_) => BodyView::Unknown { kind: 0 },
    }
}

/// The beginning of what a message says.
pub(super) fn preview(body: &BodyView) -> Preview {
    let beginning = |text: &str| {
        let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Preview::Text(line.trim_start().chars().take(PREVIEW_CHARS_MAX).collect())
    };
    match body {
        BodyView::Text(text) => beginning(&text.text),
        BodyView::Files(files) if files.caption.text.is_empty() => Preview::Files {
            count: files.attachments.len(),
            name: files.attachments.first().map(|file| file.file_name.clone()).unwrap_or_default(),
        },
        BodyView::Files(files) => beginning(&files.caption.text),
        BodyView::Deleted | BodyView::Expired => Preview::Deleted,
        BodyView::Stub(_) | BodyView::Unknown { .. } => Preview::Unreadable,
    }
}
