//! Whole screens, kept as text beside this file. `DUNLIN_WRITE_SCREENS=1` writes them anew, to be looked at.

use std::fs;
use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyModifiers};
use dunlin_model::{Seq, Timestamp};
use ratatui::style::Color;

use super::fixture::{ADA, DANA, Desk, TEN, WALK, chat_id, notice, user};
use crate::chat::draw::style::Theme;
use crate::chat::model::News;
use crate::chat::view::{Found, Presence};

pub(super) fn assert_screen(name: &str, desk: &Desk) {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/chat/tests/screens").join(format!("{name}.txt"));
    let screen = desk.screen();
    if std::env::var_os("DUNLIN_WRITE_SCREENS").is_some() {
        fs::write(&path, &screen).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(screen == kept, "{name} is not as it was:\n{screen}");
}

#[test]
fn nothing_is_there_yet() {
    assert_screen("empty-80x24", &Desk::new(80, 24));
}

#[test]
fn the_list_before_a_chat_is_opened() {
    assert_screen("list-80x24", &Desk::with_chats(80, 24));
    assert_screen("list-40x12", &Desk::with_chats(40, 12));
}

#[test]
fn a_conversation_with_everything_in_it() {
    assert_screen("conversation-80x24", &Desk::with_ada(80, 24));
    assert_screen("conversation-60x20", &Desk::with_ada(60, 20));
    assert_screen("conversation-40x20", &Desk::with_ada(40, 20));
    assert_screen("conversation-120x40", &Desk::with_ada(120, 40));
}

#[test]
fn what_is_new_begins_with_a_line() {
    let mut desk = Desk::with_chats(80, 24);
    desk.press_with(KeyCode::Char('a'), KeyModifiers::ALT);
    assert_screen("new-80x24", &desk);
}

#[test]
fn offline_with_what_waits() {
    let mut desk = Desk::with_ada(80, 24);
    desk.hear(News::Offline("connection refused".into()));
    assert_screen("offline-80x24", &desk);
}

#[test]
fn typing_on_both_ends() {
    let mut desk = Desk::with_ada(80, 24);
    desk.hear(News::Typing { chat: chat_id(ADA), user: user(ADA), name: "Ada".into(), typing: true });
    desk.type_text("A message that is longer than what fits in one row of the field, so it takes two");
    desk.press_with(KeyCode::Enter, KeyModifiers::ALT);
    desk.type_text("日本");
    assert_screen("typing-80x24", &desk);
}

#[test]
fn a_reply_and_an_edit_say_what_they_are() {
    let mut desk = Desk::with_ada(80, 24);
    desk.press(KeyCode::Tab);
    for _ in 0..7 {
        desk.press(KeyCode::Up);
    }
    assert_screen("browse-80x24", &desk);
    desk.press(KeyCode::Char('r'));
    assert_screen("reply-80x24", &desk);
    desk.press(KeyCode::Esc);
    desk.press(KeyCode::Up);
    assert_screen("edit-80x24", &desk);
}

#[test]
fn what_lies_above_the_chats() {
    let mut desk = Desk::with_ada(80, 24);
    desk.press(KeyCode::F(1));
    assert_screen("help-80x24", &desk);
    desk.press(KeyCode::PageDown);
    desk.press(KeyCode::PageDown);
    desk.press(KeyCode::PageDown);
    assert_screen("help-end-80x24", &desk);
    desk.press(KeyCode::Esc);
    desk.ctrl('k');
    desk.type_text("a");
    assert_screen("switch-80x24", &desk);
    desk.press(KeyCode::Esc);
    desk.ctrl('f');
    desk.type_text("tea");
    let found = |byte, name: &str, text: &str| Found {
        chat: chat_id(byte),
        chat_name: name.into(),
        seq: Seq(3),
        time: Timestamp(TEN),
        name: "Dana".into(),
        text: text.into(),
    };
    let found = vec![found(WALK, "Sunday walk", "tea\nafterwards?"), found(DANA, "Dana", "no tea")];
    desk.hear(News::Found { text: "tea".into(), found });
    assert_screen("search-80x24", &desk);
    desk.press(KeyCode::Esc);
    desk.press(KeyCode::Tab);
    desk.press(KeyCode::Up);
    desk.press(KeyCode::Char('+'));
    assert_screen("react-80x24", &desk);
    desk.press(KeyCode::Esc);
    desk.press(KeyCode::Char('d'));
    assert_screen("delete-80x24", &desk);
}

#[test]
fn a_chat_where_nothing_can_be_said() {
    let mut desk = Desk::with_chats(80, 24);
    let mut chats = desk.model.chats.clone();
    chats[0].closed = Some("Nothing is sent here: somebody who is not a member can read here.".into());
    desk.logs.get_mut(&chat_id(ADA)).unwrap().push(notice(
        12,
        1,
        17,
        "Two messages of Ada did not arrive here.",
        true,
    ));
    desk.hear(News::Chats(chats));
    desk.hear(News::Presence(user(ADA), Presence::LastSeen(Timestamp(TEN))));
    desk.press(KeyCode::Enter);
    assert_screen("closed-80x24", &desk);
}

#[test]
fn no_size_of_a_terminal_is_too_small_or_too_large() {
    for (columns, rows) in [(0, 0), (1, 1), (2, 3), (5, 40), (20, 2), (59, 7), (300, 90)] {
        let mut desk = Desk::with_ada(columns, rows);
        desk.type_text("some words, more than fit");
        for code in
            [KeyCode::PageUp, KeyCode::Tab, KeyCode::Up, KeyCode::Char('+'), KeyCode::Esc, KeyCode::F(1)]
        {
            desk.press(code);
            assert_eq!(
                desk.screen().lines().filter(|line| !line.starts_with("cursor")).count(),
                usize::from(rows)
            );
        }
        desk.ctrl('k');
        desk.screen();
        desk.ctrl('f');
        desk.screen();
    }
}

#[test]
fn no_color_means_none() {
    for colours in [true, false] {
        let mut desk = Desk::with_ada(80, 24);
        desk.model.theme = Theme { colours };
        desk.hear(News::Offline("gone".into()));
        let backend = ratatui::backend::TestBackend::new(80, 24);
        let mut terminal = ratatui::Terminal::new(backend).unwrap();
        terminal.draw(|frame| crate::chat::draw::draw(&desk.model, frame)).unwrap();
        let cells = &terminal.backend().buffer().content;
        assert!(cells.iter().all(|cell| cell.bg == Color::Reset), "the background is the terminal's");
        assert_eq!(cells.iter().any(|cell| cell.fg != Color::Reset), colours);
        let controls = cells.iter().filter(|cell| cell.symbol().chars().any(char::is_control)).count();
        assert_eq!(controls, 0, "no control character gets to the terminal");
    }
}
