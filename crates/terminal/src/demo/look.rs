//! What a sample person finds in their chats.

use dunlin_client::query::{BodyView, Item, MessageView};
use dunlin_client_native::device::Device;
use dunlin_model::{ChatId, ChatKind, UserId};

/// People whom Echo greets; whoever comes after them is greeted by nobody.
pub(super) const GREETED_MAX: usize = 1_000;
/// Messages in which an own one is looked for.
const LOOKED_BACK: usize = 50;

/// Newest first.
fn messages(device: &Device, chat: ChatId) -> impl Iterator<Item = MessageView> {
    device.history(chat, None, LOOKED_BACK).items.into_iter().filter_map(|item| match item {
        Item::Message(message) => Some(*message),
        Item::Event(_) | Item::Notice(_) => None,
    })
}

/// Of each chat of two, the last messages, `at_most`, that came after all that `me` said or put an emoji on; oldest first.
pub(super) fn unanswered(device: &Device, me: UserId, at_most: usize) -> Vec<(ChatId, MessageView)> {
    let direct = device.chats(0, GREETED_MAX).into_iter().filter(|chat| chat.kind == ChatKind::Direct);
    let in_each = direct.flat_map(|chat| {
        let is_answer = |message: &MessageView| {
            message.sender.user == me || message.reactions.iter().any(|reaction| reaction.is_own)
        };
        let newest = messages(device, chat.chat).take_while(|message| !is_answer(message)).take(at_most);
        let mut since: Vec<_> = newest.map(|message| (chat.chat, message)).collect();
        since.reverse();
        since
    });
    in_each.collect()
}

/// Whether `me` has said something lately.
pub(super) fn has_spoken(device: &Device, chat: ChatId, me: UserId) -> bool {
    messages(device, chat).any(|message| message.sender.user == me)
}

/// The words of a message.
pub(super) fn text_of(message: &MessageView) -> &str {
    match &message.body {
        BodyView::Text(text) => &text.text,
        _ => "",
    }
}
