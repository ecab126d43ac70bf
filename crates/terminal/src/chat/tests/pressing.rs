//! Each key, and what comes of it.

use crossterm::event::{KeyCode, KeyModifiers};
use dunlin_model::{Seq, Timestamp};

use super::fixture::{ADA, DANA, Desk, WALK, chat_id, user};
use crate::chat::keys::{BINDINGS, Context};
use crate::chat::model::{Focus, News, Overlay, Purpose, Request};
use crate::chat::view::{Found, Tick};

const ALT: KeyModifiers = KeyModifiers::ALT;

fn typed(desk: &Desk) -> &str {
    desk.model.open.as_ref().unwrap().composer.text()
}

fn open(desk: &Desk) -> Option<u8> {
    desk.model.open.as_ref().map(|open| open.chat.as_bytes()[0])
}

#[test]
fn enter_sends_and_alt_enter_makes_a_line() {
    let mut desk = Desk::with_ada(80, 24);
    desk.take();
    desk.type_text("one");
    desk.press_with(KeyCode::Enter, ALT);
    desk.type_text("two");
    desk.ctrl('j');
    desk.press(KeyCode::Enter);
    let chat = chat_id(ADA);
    assert_eq!(
        desk.take(),
        [
            Request::Typing { chat, typing: true },
            Request::Say { chat, text: "one\ntwo".into(), reply_to: None },
        ],
        "the message itself says that typing is over"
    );
    assert_eq!(typed(&desk), "");
    desk.type_text("  ");
    desk.press(KeyCode::Enter);
    assert!(!desk.take().iter().any(|request| matches!(request, Request::Say { .. })));
}

#[test]
fn what_is_typed_is_edited_as_in_a_shell() {
    let mut desk = Desk::with_ada(80, 24);
    desk.type_text("one two three");
    desk.ctrl('w');
    assert_eq!(typed(&desk), "one two ");
    desk.press_with(KeyCode::Backspace, ALT);
    assert_eq!(typed(&desk), "one ");
    desk.press(KeyCode::Backspace);
    desk.press(KeyCode::Home);
    desk.press(KeyCode::Delete);
    desk.ctrl('d');
    assert_eq!(typed(&desk), "e");
    desk.ctrl('e');
    desk.type_text("nd of it");
    desk.ctrl('a');
    desk.press_with(KeyCode::Char('f'), ALT);
    desk.type_text("!");
    desk.press_with(KeyCode::Right, KeyModifiers::CONTROL);
    desk.press(KeyCode::Right);
    desk.press(KeyCode::Left);
    desk.type_text("?");
    assert_eq!(typed(&desk), "end! of? it");
    desk.press(KeyCode::End);
    desk.press_with(KeyCode::Left, ALT);
    desk.ctrl('u');
    assert_eq!(typed(&desk), "it");
    desk.ctrl('c');
    assert_eq!(typed(&desk), "");
    desk.ctrl('c');
    assert_eq!(desk.model.note.as_deref(), Some("Ctrl+Q leaves."));
}

#[test]
fn up_goes_through_rows_and_from_an_empty_field_edits_the_newest_own_message() {
    let mut desk = Desk::with_ada(80, 24);
    desk.take();
    desk.type_text("a");
    desk.ctrl('j');
    desk.type_text("b");
    desk.press(KeyCode::Up);
    desk.type_text("!");
    desk.press(KeyCode::Down);
    desk.type_text("?");
    assert_eq!(typed(&desk), "a!\nb?");
    desk.press(KeyCode::Up);
    desk.press(KeyCode::Up);
    assert_eq!(typed(&desk), "a!\nb?", "no edit begins while something is typed");
    desk.ctrl('c');
    desk.press(KeyCode::Up);
    assert_eq!(typed(&desk), "One\nTwo", "what waits is not edited, the newest accepted one is");
    desk.type_text("!");
    desk.take();
    desk.press(KeyCode::Enter);
    let edit = Request::Edit { chat: chat_id(ADA), seq: Seq(11), text: "One\nTwo!".into() };
    assert!(desk.take().contains(&edit));
    assert_eq!(typed(&desk), "");
    desk.press(KeyCode::Up);
    desk.press(KeyCode::Enter);
    assert!(
        !desk.take().iter().any(|request| matches!(request, Request::Edit { .. })),
        "nothing was changed"
    );
}

#[test]
fn escape_backs_out_step_by_step_and_brings_back_what_was_typed() {
    let mut desk = Desk::with_ada(80, 24);
    desk.type_text("half");
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Up);
    assert_eq!(desk.model.focus, Focus::Browse);
    desk.press(KeyCode::Char('e'));
    assert_eq!(typed(&desk), "One\nTwo");
    desk.press(KeyCode::Esc);
    assert_eq!((typed(&desk), &desk.model.open.as_ref().unwrap().purpose), ("half", &Purpose::Fresh));
    desk.press(KeyCode::PageUp);
    assert!(!desk.model.open.as_ref().unwrap().follows());
    desk.press(KeyCode::Esc);
    assert!(desk.model.open.as_ref().unwrap().follows());
    desk.take();
    desk.press(KeyCode::Esc);
    assert_eq!(desk.model.focus, Focus::List);
    let chat = chat_id(ADA);
    assert_eq!(
        desk.take(),
        [Request::Typing { chat, typing: false }, Request::Draft { chat, text: "half".into() }]
    );
    desk.press(KeyCode::Esc);
    assert_eq!(desk.model.note.as_deref(), Some("Ctrl+Q leaves."));
}

#[test]
fn chats_are_changed_with_alt_and_arrows_and_each_keeps_its_draft() {
    let mut desk = Desk::with_ada(80, 24);
    desk.type_text("for Ada");
    desk.take();
    desk.press_with(KeyCode::Down, ALT);
    assert_eq!(open(&desk), Some(WALK));
    let draft = Request::Draft { chat: chat_id(ADA), text: "for Ada".into() };
    assert!(desk.take().contains(&draft));
    desk.press_with(KeyCode::Down, ALT);
    assert_eq!((open(&desk), typed(&desk)), (Some(DANA), "half a"));
    desk.press_with(KeyCode::Down, ALT);
    assert_eq!(open(&desk), Some(DANA), "there is none below");
    desk.press_with(KeyCode::Up, ALT);
    desk.press_with(KeyCode::Up, ALT);
    assert_eq!((open(&desk), typed(&desk)), (Some(ADA), "for Ada"));
}

#[test]
fn words_that_were_refused_are_typed_again() {
    let mut desk = Desk::with_ada(80, 24);
    desk.type_text("and now");
    desk.model.give_back(chat_id(WALK), "elsewhere");
    desk.model.give_back(chat_id(ADA), "said before");
    assert_eq!(typed(&desk), "and now\nsaid before");
    desk.take();
    desk.press_with(KeyCode::Down, ALT);
    let draft = Request::Draft { chat: chat_id(ADA), text: "and now\nsaid before".into() };
    assert!(desk.take().contains(&draft));
}

#[test]
fn alt_a_goes_to_what_is_new() {
    let mut desk = Desk::with_ada(80, 24);
    desk.press_with(KeyCode::Char('a'), ALT);
    assert_eq!(open(&desk), Some(WALK));
    desk.press_with(KeyCode::Char('a'), ALT);
    assert_eq!(desk.model.note.as_deref(), Some("Nothing new in other chats."));
}

#[test]
fn the_list_is_walked_and_a_chat_opened() {
    let mut desk = Desk::with_chats(80, 24);
    desk.press(KeyCode::Char('j'));
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Char('k'));
    desk.press(KeyCode::Enter);
    assert_eq!((open(&desk), desk.model.focus), (Some(WALK), Focus::Compose));
    // The first goes from what is new to the end.
    desk.press(KeyCode::Esc);
    desk.press(KeyCode::Esc);
    desk.press(KeyCode::Char('G'));
    desk.press(KeyCode::Right);
    assert_eq!(open(&desk), Some(DANA));
    desk.press(KeyCode::Esc);
    desk.press(KeyCode::Home);
    desk.press(KeyCode::Tab);
    assert_eq!(open(&desk), Some(ADA));
    desk.press(KeyCode::Esc);
    desk.press(KeyCode::Char('/'));
    assert!(matches!(desk.model.overlay, Some(Overlay::Search { .. })));
}

#[test]
fn the_switcher_finds_chats_by_the_beginnings_of_their_words_first() {
    let mut desk = Desk::with_chats(80, 24);
    desk.ctrl('k');
    desk.type_text("tx");
    desk.press(KeyCode::Backspace);
    desk.press(KeyCode::Enter);
    assert_eq!(open(&desk), Some(WALK));
    desk.ctrl('k');
    desk.type_text("a");
    desk.ctrl('n');
    desk.ctrl('n');
    desk.ctrl('p');
    desk.ctrl('u');
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Up);
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Enter);
    assert_eq!(open(&desk), Some(ADA), "what is new goes first when nothing is typed");
}

#[test]
fn replies_reactions_and_deletions_name_the_chosen_message() {
    let mut desk = Desk::with_ada(80, 24);
    let chat = chat_id(ADA);
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Char('r'));
    assert_eq!(desk.model.note.as_deref(), Some("It waits to be sent."));
    desk.take();
    desk.press(KeyCode::Char('d'));
    assert_eq!(desk.take(), [Request::Cancel { chat, number: 9 }]);

    desk.press(KeyCode::Home);
    desk.press(KeyCode::Char('j'));
    desk.press(KeyCode::Enter);
    desk.type_text("ok");
    desk.press(KeyCode::Enter);
    assert!(desk.take().contains(&Request::Say { chat, text: "ok".into(), reply_to: Some(Seq(3)) }));

    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Char('g'));
    for _ in 0..3 {
        desk.press(KeyCode::Down);
    }
    desk.press(KeyCode::Char('+'));
    desk.type_text("1");
    desk.press(KeyCode::Char('a'));
    desk.press(KeyCode::Right);
    desk.press(KeyCode::Right);
    desk.press(KeyCode::Left);
    desk.press(KeyCode::Enter);
    desk.press(KeyCode::Char('a'));
    desk.type_text("🦆x");
    desk.press(KeyCode::Backspace);
    desk.press(KeyCode::Enter);
    let react = |emoji: &str, remove| Request::React { chat, seq: Seq(5), emoji: emoji.into(), remove };
    assert_eq!(desk.take(), [react("👍", true), react("🧡", false), react("🦆", false)]);

    desk.press(KeyCode::Char('d'));
    desk.press(KeyCode::Char('e'));
    desk.press(KeyCode::Char('d'));
    desk.press(KeyCode::Char('m'));
    let delete = |everyone| Request::Delete { chat, seq: Seq(5), everyone };
    assert_eq!(desk.take(), [delete(true), delete(false)]);
}

#[test]
fn messages_of_others_are_neither_edited_nor_deleted_for_everyone() {
    let mut desk = Desk::with_ada(80, 24);
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Home);
    desk.press(KeyCode::Char('e'));
    assert_eq!(desk.model.note.as_deref(), Some("Only its author can edit it."));
    desk.take();
    desk.press(KeyCode::Delete);
    desk.press(KeyCode::Char('e'));
    assert_eq!(desk.model.note.as_deref(), Some("Only its author and admins can delete it for everyone."));
    assert!(desk.take().is_empty());
    desk.press(KeyCode::Esc);
    desk.press(KeyCode::End);
    desk.press(KeyCode::Char('i'));
    assert_eq!(desk.model.focus, Focus::Compose);
}

#[test]
fn a_search_asks_as_one_types_and_goes_to_what_is_chosen() {
    let mut desk = Desk::with_chats(80, 24);
    desk.take();
    desk.ctrl('f');
    desk.type_text("li");
    assert_eq!(desk.take(), ["l", "li"].map(|text| Request::Search { text: text.into() }));
    let hit = |seq| Found {
        chat: chat_id(WALK),
        chat_name: "Sunday walk".into(),
        seq: Seq(seq),
        time: Timestamp(0),
        name: "Dana".into(),
        text: "line".into(),
    };
    desk.hear(News::Found { text: "l".into(), found: vec![hit(9)] });
    desk.press(KeyCode::Enter);
    assert_eq!(open(&desk), None, "an answer to an earlier question counts for nothing");
    desk.ctrl('f');
    desk.type_text("li");
    desk.hear(News::Found { text: "li".into(), found: vec![hit(9), hit(2)] });
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Enter);
    assert_eq!((open(&desk), desk.model.focus), (Some(WALK), Focus::Browse));
    assert!(desk.screen().contains("▌  line 2"), "{}", desk.screen());
    desk.press(KeyCode::Char('/'));
    assert!(matches!(desk.model.overlay, Some(Overlay::Search { .. })));
}

#[test]
fn the_help_page_lists_every_key_and_is_gone_through() {
    let mut desk = Desk::with_ada(80, 300);
    desk.ctrl('7');
    let screen = desk.screen();
    for binding in BINDINGS {
        assert!(screen.contains(binding.shown) && screen.contains(binding.what), "{}", binding.shown);
    }
    for tick in [Tick::Waiting, Tick::Sent, Tick::Delivered, Tick::Seen] {
        assert!(screen.contains(tick.mark()));
    }
    desk.press(KeyCode::Char('q'));
    assert_eq!(desk.model.context(), Context::Compose);
    let mut desk = Desk::with_ada(80, 24);
    desk.ctrl('/');
    let first = desk.screen();
    desk.press(KeyCode::Char('j'));
    assert_ne!(desk.screen(), first);
    desk.press(KeyCode::Up);
    assert_eq!(desk.screen(), first);
    desk.press(KeyCode::PageDown);
    desk.press(KeyCode::PageUp);
    assert_eq!(desk.screen(), first);
}

#[test]
fn every_key_stands_in_the_documentation() {
    let page = include_str!("../../../../../docs/terminal.md");
    for binding in BINDINGS {
        let line = format!("`{}` {}", binding.shown, binding.what);
        assert!(page.contains(&line), "{line}");
    }
}

#[test]
fn leaving_suspending_and_drawing_anew_are_asked_for_with_the_draft_kept() {
    let mut desk = Desk::with_ada(80, 24);
    desk.take();
    desk.ctrl('l');
    assert_eq!(desk.take(), [Request::Redraw]);
    desk.type_text("x");
    desk.take();
    let chat = chat_id(ADA);
    desk.ctrl('z');
    assert_eq!(desk.take(), [Request::Draft { chat, text: "x".into() }, Request::Suspend]);
    desk.ctrl('q');
    assert_eq!(desk.take(), [Request::Typing { chat, typing: false }, Request::Leave]);
}

#[test]
fn what_is_pasted_is_typed_not_obeyed() {
    let mut desk = Desk::with_ada(80, 24);
    desk.take();
    desk.hear(News::Paste("a\r\nb\u{1b}".into()));
    assert_eq!(typed(&desk), "a\nb");
    assert!(!desk.take().iter().any(|request| matches!(request, Request::Say { .. })));
    desk.ctrl('k');
    desk.hear(News::Paste("Sunday".into()));
    desk.press(KeyCode::Enter);
    assert_eq!(open(&desk), Some(WALK));
}

#[test]
fn typing_is_told_at_intervals_and_who_typed_is_forgotten_without_a_connection() {
    let mut desk = Desk::with_ada(80, 24);
    desk.take();
    desk.type_text("abc");
    let chat = chat_id(ADA);
    let told = |typing| Request::Typing { chat, typing };
    assert_eq!(desk.take(), [told(true)]);
    let later = Timestamp(desk.model.now.0 + 3_000);
    desk.hear(News::Time(later));
    desk.type_text("d");
    assert_eq!(desk.take(), [told(true)]);
    desk.ctrl('u');
    assert_eq!(desk.take(), [told(false)]);
    desk.hear(News::Typing { chat, user: user(ADA), name: "Ada".into(), typing: true });
    assert!(desk.screen().contains("Ada is typing"));
    desk.hear(News::Time(Timestamp(later.0 + 8_000)));
    assert!(!desk.screen().contains("Ada is typing"));
    desk.hear(News::Typing { chat, user: user(ADA), name: "Ada".into(), typing: true });
    desk.hear(News::Offline("gone".into()));
    assert!(!desk.screen().contains("Ada is typing"));
}
