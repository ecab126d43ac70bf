//! Starting chats, comparing keys, and who has a message.

use crossterm::event::{KeyCode, KeyModifiers};
use dunlin_model::{IdentityKey, Seq, Timestamp};

use super::fixture::{ADA, DANA, Desk, TEN, WALK, chat, chat_id, user};
use super::screens::assert_screen;
use crate::chat::keys::Context;
use crate::chat::model::{Focus, News, Request};
use crate::chat::view::{ChatSort, Info, Keys, Tick};

const ALT: KeyModifiers = KeyModifiers::ALT;
const IDENTITY: IdentityKey = IdentityKey([7; 32]);

fn keys(verified: bool) -> News {
    let number = ["10000 20000 30000 40000 50000 60000", "70000 80000 90000 01000 02000 03000"];
    let keys = Keys { identity: IDENTITY, number: number.map(str::to_owned), verified };
    News::Keys { user: user(ADA), name: "Ada Lovelace".into(), keys: Some(keys) }
}

fn info(recipients: &[(&str, Tick)]) -> Info {
    Info {
        seq: Seq(11),
        name: "you".into(),
        time: Timestamp(TEN),
        text: "Shall we go\nby the lighthouse?".into(),
        recipients: recipients.iter().map(|(name, tick)| ((*name).to_owned(), *tick)).collect(),
    }
}

#[test]
fn a_chat_with_one_person_is_started_and_opens() {
    let mut desk = Desk::with_ada(80, 24);
    desk.type_text("half");
    desk.take();
    desk.ctrl('n');
    desk.type_text("eve@example.org");
    assert_screen("start-one-80x24", &desk);
    desk.press(KeyCode::Enter);
    let start = Request::Start { people: vec!["eve@example.org".into()], title: String::new() };
    assert_eq!(desk.take(), [start]);
    assert_screen("start-working-80x24", &desk);
    desk.type_text("x");
    desk.press(KeyCode::Enter);
    assert_eq!(desk.take(), [], "it is asked for once");
    let why = "Nobody with the address eve@example.org uses this server. Ask them to log in once.";
    desk.hear(News::NotStarted(why.into()));
    assert_screen("start-refused-80x24", &desk);
    desk.press(KeyCode::Enter);
    assert_eq!(desk.take().len(), 1, "what was typed is still there, to be tried again");
    let mut chats = desk.model.chats.clone();
    chats.push(chat(9, "Eve", ChatSort::Direct(user(9))));
    desk.hear(News::Chats(chats));
    desk.hear(News::Started(chat_id(9)));
    assert_eq!(desk.model.open.as_ref().map(|open| open.chat), Some(chat_id(9)));
    assert_eq!((desk.model.context(), desk.model.focus), (Context::Compose, Focus::Compose));
    let draft = Request::Draft { chat: chat_id(ADA), text: "half".into() };
    assert!(desk.take().contains(&draft), "what was typed in the chat before is kept");
}

#[test]
fn a_group_needs_a_title_and_several_people_are_named_with_commas() {
    let mut desk = Desk::with_chats(80, 24);
    desk.take();
    desk.press(KeyCode::Char('n'));
    desk.press(KeyCode::Enter);
    assert!(desk.screen().contains("Who is to be in it?"));
    desk.type_text("Dana, +1 555 0100,");
    desk.hear(News::Paste("eve@example.org\n".into()));
    desk.press(KeyCode::Enter);
    assert!(desk.screen().contains("A group needs a title."));
    desk.press(KeyCode::Tab);
    desk.type_text("Night walk");
    assert_screen("start-group-80x24", &desk);
    assert_eq!(desk.take(), []);
    desk.press(KeyCode::Enter);
    let people = ["Dana", "+1 555 0100", "eve@example.org"].map(str::to_owned).to_vec();
    assert_eq!(desk.take(), [Request::Start { people, title: "Night walk".into() }]);
    // Whoever does something else meanwhile is not interrupted.
    desk.press(KeyCode::Esc);
    desk.hear(News::Started(chat_id(WALK)));
    assert!(desk.model.open.is_none());
    assert_eq!(desk.model.note.as_deref(), Some("The new chat is there."));
    desk.hear(News::NotStarted("No.".into()));
    assert_eq!(desk.model.note.as_deref(), Some("No."));
}

#[test]
fn keys_are_compared_and_marked_and_the_mark_is_taken_back() {
    let mut desk = Desk::with_ada(80, 24);
    desk.take();
    desk.press_with(KeyCode::Char('v'), ALT);
    assert_eq!(desk.take(), [Request::Keys { user: user(ADA) }]);
    desk.hear(News::Keys { user: user(ADA), name: "Ada Lovelace".into(), keys: None });
    assert_screen("keys-unknown-80x24", &desk);
    desk.press(KeyCode::Char('m'));
    assert_eq!(desk.take(), [], "there is nothing to mark");
    desk.hear(keys(false));
    assert_screen("keys-80x24", &desk);
    assert_eq!(desk.model.look_again(), Some(Request::Keys { user: user(ADA) }), "they may change");
    desk.press(KeyCode::Char('m'));
    assert_eq!(desk.take(), [Request::Verify { user: user(ADA), identity: Some(IDENTITY) }]);
    desk.hear(keys(true));
    assert_screen("keys-verified-80x24", &desk);
    desk.press(KeyCode::Char('u'));
    assert_eq!(desk.take(), [Request::Verify { user: user(ADA), identity: None }]);
    desk.press(KeyCode::Esc);
    assert_eq!(desk.model.look_again(), None);
}

#[test]
fn in_a_group_it_is_the_author_of_the_chosen_message_whose_keys_are_shown() {
    let mut desk = Desk::with_chats(80, 24);
    desk.press(KeyCode::Down);
    desk.press_with(KeyCode::Char('v'), ALT);
    assert!(desk.model.note.as_ref().unwrap().starts_with("Whose keys?"));
    desk.press(KeyCode::Enter);
    desk.press_with(KeyCode::Char('v'), ALT);
    assert!(desk.model.note.as_ref().unwrap().starts_with("Whose keys?"));
    desk.take();
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Char('v'));
    assert!(desk.take().contains(&Request::Keys { user: user(DANA) }));
    // One's own message in a direct chat: the other one is meant.
    let mut desk = Desk::with_ada(80, 24);
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Up);
    desk.take();
    desk.press(KeyCode::Char('v'));
    assert_eq!(desk.take(), [Request::Keys { user: user(ADA) }]);
}

#[test]
fn who_has_a_message_is_shown_the_furthest_first_and_gone_through() {
    let mut desk = Desk::with_ada(80, 24);
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Char('s'));
    assert_eq!(desk.model.note.as_deref(), Some("It waits to be sent."));
    desk.press(KeyCode::Up);
    desk.take();
    desk.press(KeyCode::Char('s'));
    let ask = Request::Info { chat: chat_id(ADA), seq: Seq(11) };
    assert_eq!(desk.take(), std::slice::from_ref(&ask));
    desk.hear(News::Info(info(&[("Eve", Tick::Seen), ("Dana", Tick::Delivered), ("Fred", Tick::Sent)])));
    assert_screen("info-80x24", &desk);
    assert_eq!(desk.model.look_again(), Some(ask), "somebody may see it meanwhile");
    let many: Vec<String> = (1..=40).map(|number| format!("Person {number}")).collect();
    let many: Vec<(&str, Tick)> = many.iter().map(|name| (name.as_str(), Tick::Seen)).collect();
    desk.hear(News::Info(info(&many)));
    (0..50).for_each(|_| desk.press(KeyCode::Down));
    desk.hear(News::Info(info(&many)));
    assert_screen("info-many-80x24", &desk);
    desk.hear(News::Info(info(&[])));
    assert!(desk.screen().contains("Nobody else."));
}

#[test]
fn they_are_drawn_at_any_size() {
    for (columns, rows) in [(0, 0), (1, 1), (5, 4), (20, 2), (300, 90)] {
        let mut desk = Desk::with_ada(columns, rows);
        desk.ctrl('n');
        desk.type_text("somebody with a name");
        desk.hear(News::NotStarted("No.".into()));
        desk.screen();
        for news in [keys(true), News::Info(info(&[("Eve", Tick::Seen)]))] {
            desk.hear(news);
            desk.screen();
        }
    }
}
