//! `dunlin serve --demo`: somebody who comes alone finds somebody to talk to.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/device.rs"]
mod device;
#[expect(dead_code, reason = "this test has no terminals")]
mod support;

use device::{LoggedIn, Running, text};
use dunlin_client::content::Content;
use dunlin_client::query::{BodyView, Item};
use dunlin_client::{Action, Change};
use dunlin_model::{ChatId, ChatKind, Seq, UserId};
use support::Machine;

/// Waits for words of `author` in which `part` stands, and gives their chat and place.
async fn hears(running: &mut Running, author: Option<UserId>, part: &str) -> (ChatId, Seq) {
    let said = |change: &Change| {
        let Change::Message { chat, message } = change else { return None };
        let content = message.envelope(*chat)?.content;
        let Content::Text(text) = content else { return None };
        let is_it = author.is_none_or(|author| author == message.sender.user) && text.text.contains(part);
        is_it.then_some((*chat, message.seq))
    };
    let change = running.until(|change| said(change).is_some()).await;
    said(&change).unwrap()
}

/// How often `author` has said this.
fn count_of(running: &Running, chat: ChatId, author: UserId, what: &str) -> usize {
    let items = running.device.history(chat, None, 100).items;
    let is_it = |item: &Item| {
        let Item::Message(message) = item else { return false };
        let is_said = matches!(&message.body, BodyView::Text(text) if text.text == what);
        message.sender.user == author && is_said
    };
    items.iter().filter(|item| is_it(item)).count()
}

async fn says(running: &Running, chat: ChatId, what: &str) {
    running.device.act(1, Action::Send { chat, content: text(what) }).await.unwrap();
}

#[tokio::test]
async fn a_newcomer_is_welcomed_answered_and_let_into_the_group_and_again_after_a_restart() {
    let machine = Machine::new();
    let server = machine.serve_as(&["--demo"], &[]);
    let login = LoggedIn::of(&machine, "nora", "laptop").await;
    let (api, token) = (login.options.api.clone(), login.token.clone());
    let mut nora = login.starts_anew().await;

    let (chat, _) = hears(&mut nora, None, "I am Echo").await;
    let echo: UserId = api.find_user(&token, "echo@demo.invalid").await.unwrap().user_id.parse().unwrap();
    assert_eq!(chat, ChatId::direct(nora.id.user, echo));

    // The group comes by itself, with somebody who speaks; then the talk goes on because she is there.
    let (group, _) = hears(&mut nora, None, "Welcome to our").await;
    let view = nora.device.chat(group).unwrap();
    assert_eq!((view.summary.kind, view.summary.members), (ChatKind::Group, 4));
    hears(&mut nora, None, "Is the walk still on").await;

    says(&nora, chat, "Is somebody there?").await;
    nora.until(|change| matches!(change, Change::Typing { user, typing: true, .. } if *user == echo)).await;
    hears(&mut nora, Some(echo), "Is somebody there?").await;

    says(&nora, chat, "Good night").await;
    nora.reads(chat, "Good night").await;

    // They are the same people after a restart, however the server ended.
    says(&nora, chat, "Anybody?").await;
    nora.until(|change| matches!(change, Change::Accepted { chat: of, .. } if *of == chat)).await;
    server.kill();
    says(&nora, chat, "Still there?").await;
    let _server = machine.serve_as(&["--demo"], &[]);
    hears(&mut nora, Some(echo), "Still there?").await;
    // Whatever is said twice has been said by then.
    says(&nora, chat, "Good morning").await;
    let (_, seq) = hears(&mut nora, Some(echo), "Good morning").await;
    for said in ["Is somebody there?", "Good night", "Anybody?", "Still there?", "Good morning"] {
        assert_eq!(count_of(&nora, chat, echo, said), 1, "{said}");
    }
    let page = nora.device.history(chat, None, 100);
    let own_keys_changed = page.items.iter().any(|item| matches!(item, Item::Notice(_)));
    assert!(!own_keys_changed, "Echo lost its keys: {page:#?}");
    assert_eq!(nora.device.chats(0, 10).len(), 2, "one greeting and one group are enough, at {seq:?}");
}
