//! What Echo and the others answer, and how often.

use std::collections::BTreeMap;
use std::time::Duration;

use dunlin_client::content::Attachment;
use dunlin_client::query::{BodyView, MessageView};
use dunlin_model::{ChatId, Timestamp};

use super::cast::{ECHO, ONLY_A_SAMPLE};
use crate::commands::size;

/// Answers in one chat that may follow each other at once.
const ANSWERS_BURST: u32 = 40;
/// After this time there may be one more.
const ANSWER_REGAINED: Duration = Duration::from_secs(15);
/// The same text in a row that is answered so often: who says it again is likely an echo too.
const SAME_ANSWERED_MAX: u32 = 3;
/// Chats whose pace is remembered.
const CHATS_REMEMBERED_MAX: usize = 1_024;

/// What is answered to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// An emoji on it.
    pub(super) reaction: Option<&'static str>,
    /// What is said.
    pub(super) text: Option<String>,
}

/// What the person in this part answers in a chat of two; `None` for what calls for no answer.
pub(super) fn answer_to(who: usize, message: &MessageView, is_first: bool) -> Option<Answer> {
    let said = |text: String| Answer { reaction: None, text: Some(text) };
    match &message.body {
        BodyView::Text(text) if who == ECHO => Some(said(text.text.clone())),
        BodyView::Files(files) if who == ECHO => {
            let came: Vec<String> = files.attachments.iter().map(describe).collect();
            Some(Answer { reaction: Some("👍"), text: Some(format!("That came: {}.", came.join("; "))) })
        }
        BodyView::Text(_) | BodyView::Files(_) if is_first => Some(said(ONLY_A_SAMPLE.to_owned())),
        BodyView::Text(_) | BodyView::Files(_) => Some(Answer { reaction: Some("👍"), text: None }),
        BodyView::Deleted | BodyView::Expired | BodyView::Stub(_) | BodyView::Unknown { .. } => None,
    }
}

/// Such as `a picture, beach.jpg, 1280 × 720, 240 kB`.
fn describe(file: &Attachment) -> String {
    let kind = match file.media_type.split_once('/').map_or("", |(kind, _)| kind) {
        "image" => "a picture",
        "video" => "a video",
        "audio" if file.voice_note.is_some() => "a voice note",
        "audio" => "a recording",
        _ => "a file",
    };
    let mut words = vec![kind.to_owned()];
    if !file.file_name.is_empty() {
        words.push(file.file_name.clone());
    }
    if let Some(size) = &file.dimensions {
        words.push(format!("{} × {}", size.width, size.height));
    }
    if file.duration_ms > 0 {
        words.push(format!("{} s", file.duration_ms.div_ceil(1_000)));
    }
    words.push(size(file.size_bytes));
    words.join(", ")
}

/// How fast a chat goes.
#[derive(Debug, Default)]
struct Pace {
    /// Answers that count against the burst, each until it is regained.
    spent: u32,
    since: Timestamp,
    last: String,
    same: u32,
}

/// Keeps chats from growing without end.
#[derive(Debug, Default)]
pub(super) struct Paces(BTreeMap<ChatId, Pace>);

impl Paces {
    /// Whether what came, with this text, is answered.
    pub(super) fn permit(&mut self, chat: ChatId, text: &str, now: Timestamp) -> bool {
        if self.0.len() >= CHATS_REMEMBERED_MAX && !self.0.contains_key(&chat) {
            // Those that have not said anything for the longest are forgotten first.
            let oldest = self.0.iter().min_by_key(|(_, pace)| pace.since).map(|(chat, _)| *chat);
            oldest.map(|chat| self.0.remove(&chat));
        }
        let pace = self.0.entry(chat).or_default();
        let regained = now.since(pace.since).as_secs() / ANSWER_REGAINED.as_secs();
        if regained > 0 || pace.spent == 0 {
            pace.spent = pace.spent.saturating_sub(u32::try_from(regained).unwrap_or(u32::MAX));
            pace.since = now;
        }
        pace.same = if text == pace.last && !text.is_empty() { pace.same.saturating_add(1) } else { 1 };
        text.clone_into(&mut pace.last);
        if pace.same > SAME_ANSWERED_MAX || pace.spent >= ANSWERS_BURST {
            return false;
        }
        pace.spent += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: ChatId = ChatId::from_bytes([1; 16]);

    #[test]
    fn two_echoes_do_not_talk_for_ever() {
        let mut paces = Paces::default();
        let mut now = Timestamp(1_000_000);
        let mut answered = 0;
        for _ in 0..1_000 {
            now = now + Duration::from_secs(60);
            answered += u32::from(paces.permit(CHAT, "Hello?", now));
        }
        assert_eq!(answered, SAME_ANSWERED_MAX);
        assert!(paces.permit(CHAT, "Something else", now));
    }

    #[test]
    fn a_flood_is_answered_slowly_and_patience_comes_back() {
        let mut paces = Paces::default();
        let now = Timestamp(1_000_000);
        let said = |paces: &mut Paces, from: u32, now| {
            (from..from + 100).filter(|number| paces.permit(CHAT, &number.to_string(), now)).count()
        };
        assert_eq!(said(&mut paces, 0, now), ANSWERS_BURST as usize);
        assert_eq!(said(&mut paces, 100, now + ANSWER_REGAINED * 5), 5);
        let later = now + ANSWER_REGAINED * 500;
        assert_eq!(said(&mut paces, 200, later), ANSWERS_BURST as usize);
    }

    #[test]
    fn chats_are_forgotten_when_there_are_many() {
        let mut paces = Paces::default();
        for number in 0..2_000_u64 {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            assert!(paces.permit(ChatId::from_bytes(bytes), "x", Timestamp(number)));
        }
        assert_eq!(paces.0.len(), CHATS_REMEMBERED_MAX);
    }
}
