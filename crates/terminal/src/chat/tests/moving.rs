//! What is on the screen while one scrolls, while messages come, and what of that counts as seen.

use crossterm::event::{KeyCode, KeyModifiers};
use dunlin_model::{Seq, Timestamp};

use super::fixture::{DANA, Desk, ME, WALK, chat, chat_id, said, user};
use crate::chat::model::{News, Request};
use crate::chat::view::{ChatSort, ChatView, Found};

/// A chat of so many lines, of which so many are new, open.
fn long(lines: u64, unread: usize) -> Desk {
    let mut desk = Desk::new(80, 24);
    let log = (1..=lines).map(|seq| said(seq, DANA, "Dana", seq, &format!("line {seq}."))).collect();
    desk.logs.insert(chat_id(WALK), log);
    let seen = Seq(lines - unread as u64);
    let view = ChatView { unread, seen, newest: Seq(lines), ..chat(WALK, "Walk", ChatSort::Group) };
    desk.hear(News::Chats(vec![view, chat(DANA, "Dana", ChatSort::Direct(user(DANA)))]));
    desk.press(KeyCode::Enter);
    desk
}

fn come(desk: &mut Desk, seq: u64, who: u8) {
    let log = desk.logs.get_mut(&chat_id(WALK)).unwrap();
    log.push(said(seq, who, "Dana", seq, &format!("line {seq}.")));
    desk.reload();
}

fn seen(desk: &mut Desk) -> Option<u64> {
    let marks = desk.take().into_iter().filter_map(|request| match request {
        Request::Seen { seq, .. } => Some(seq.0),
        _ => None,
    });
    marks.max()
}

/// The numbers of the lines on the screen.
fn shown(desk: &Desk) -> (u64, u64) {
    let screen = desk.screen();
    let numbers: Vec<u64> = screen
        .lines()
        .filter_map(|line| line.split_once("line ")?.1.split_once('.')?.0.parse().ok())
        .collect();
    (*numbers.first().unwrap(), *numbers.last().unwrap())
}

#[test]
fn a_chat_opens_at_what_is_new_and_only_what_was_on_the_screen_is_seen() {
    let mut desk = long(200, 100);
    let (first, last) = shown(&desk);
    assert_eq!(first, 101);
    assert_eq!(seen(&mut desk), Some(last));
    assert!(last < 200);
    desk.press(KeyCode::PageDown);
    let (_, next) = shown(&desk);
    assert!(next > last);
    assert_eq!(seen(&mut desk), Some(next));
    desk.press(KeyCode::PageUp);
    assert_eq!(seen(&mut desk), None);
    desk.press(KeyCode::Esc);
    assert_eq!(seen(&mut desk), Some(200));
}

#[test]
fn far_behind_one_begins_where_one_left_off_and_gets_to_the_end() {
    let mut desk = long(2_000, 400);
    assert_eq!(shown(&desk).0, 1_601);
    let mut before = shown(&desk);
    while before.1 < 2_000 {
        desk.press(KeyCode::PageDown);
        let now = shown(&desk);
        assert!(now.1 > before.1 && now.0 <= before.1 + 1, "no line is passed over: {before:?} {now:?}");
        before = now;
    }
    assert_eq!(seen(&mut desk), Some(2_000));
}

#[test]
fn scrolling_up_loads_what_is_older_and_passes_over_nothing() {
    let mut desk = long(800, 0);
    let mut before = shown(&desk);
    assert_eq!(before.1, 800);
    let mut pages = 0;
    while before.0 > 1 {
        desk.press(KeyCode::PageUp);
        let now = shown(&desk);
        assert!(now.0 < before.0 && now.1 + 1 >= before.0, "{before:?} {now:?}");
        before = now;
        pages += 1;
        assert!(pages < 500);
    }
    let held = desk.model.open.as_ref().unwrap().entries.len();
    assert!(held <= 360, "{held} entries are held");
    while before.1 < 800 {
        desk.press(KeyCode::PageDown);
        let now = shown(&desk);
        assert!(now.1 > before.1 && now.0 <= before.1 + 1, "{before:?} {now:?}");
        before = now;
    }
}

#[test]
fn what_comes_does_not_move_what_is_read_unless_one_is_at_the_end() {
    let mut desk = long(100, 0);
    come(&mut desk, 101, DANA);
    assert_eq!(shown(&desk).1, 101);
    assert_eq!(seen(&mut desk), Some(101));
    desk.press(KeyCode::PageUp);
    let there = shown(&desk);
    come(&mut desk, 102, DANA);
    assert_eq!(shown(&desk), there);
    assert_eq!(seen(&mut desk), None);
    assert!(desk.screen().contains("below, Esc"));
    // A terminal of another size keeps the line that was first.
    desk.hear(News::Size(100, 20));
    assert_eq!(shown(&desk).0, there.0);
    desk.press(KeyCode::Esc);
    assert_eq!(shown(&desk).1, 102);
}

#[test]
fn nothing_is_seen_while_nobody_looks() {
    let mut desk = long(10, 0);
    desk.take();
    desk.hear(News::Focus(false));
    come(&mut desk, 11, DANA);
    assert_eq!(seen(&mut desk), None);
    desk.hear(News::Focus(true));
    assert_eq!(seen(&mut desk), Some(11));
    desk.press(KeyCode::F(1));
    come(&mut desk, 12, DANA);
    assert_eq!(seen(&mut desk), None);
    desk.press(KeyCode::Esc);
    assert_eq!(seen(&mut desk), Some(12));
    // In one pane with the list on it, no message is on the screen.
    desk.press(KeyCode::Esc);
    desk.hear(News::Size(50, 20));
    come(&mut desk, 13, DANA);
    assert_eq!(seen(&mut desk), None);
}

#[test]
fn a_message_longer_than_the_screen_is_seen_when_its_end_is() {
    let mut desk = long(10, 0);
    let long_text = (0..60).map(|row| format!("row {row}")).collect::<Vec<_>>().join("\n");
    desk.press(KeyCode::PageUp);
    desk.take();
    desk.press_with(KeyCode::Down, KeyModifiers::ALT);
    desk.logs.get_mut(&chat_id(WALK)).unwrap().push(said(11, DANA, "Dana", 11, &long_text));
    let mut chats = desk.model.chats.clone();
    chats[0].unread = 1;
    chats[0].seen = Seq(10);
    desk.hear(News::Chats(chats));
    desk.press_with(KeyCode::Up, KeyModifiers::ALT);
    assert!(desk.screen().contains("row 0"));
    assert_eq!(seen(&mut desk), None);
    for _ in 0..3 {
        desk.press(KeyCode::PageDown);
    }
    assert!(desk.screen().contains("row 59"));
    assert_eq!(seen(&mut desk), Some(11));
}

#[test]
fn a_screen_higher_than_everything_that_is_loaded_at_once_is_filled() {
    let mut desk = long(3_000, 400);
    desk.hear(News::Size(80, 900));
    let (first, last) = shown(&desk);
    assert!(last - first > 400, "{first} to {last}");
    assert!(desk.loads < 40, "{} loads", desk.loads);
    desk.press(KeyCode::Esc);
    assert_eq!(shown(&desk).1, 3_000);
    desk.press(KeyCode::PageUp);
    desk.press(KeyCode::PageDown);
    assert!(desk.loads < 80, "{} loads", desk.loads);
}

#[test]
fn a_search_goes_far_back_and_what_is_gone_is_shown_by_its_place() {
    let mut desk = long(1_000, 0);
    desk.logs.get_mut(&chat_id(WALK)).unwrap().remove(99);
    for (seq, nearest) in [(500, 500), (100, 101), (999, 999)] {
        desk.ctrl('f');
        desk.type_text("x");
        let found = Found {
            chat: chat_id(WALK),
            chat_name: String::new(),
            seq: Seq(seq),
            time: Timestamp(0),
            name: String::new(),
            text: String::new(),
        };
        desk.hear(News::Found { text: "x".into(), found: vec![found] });
        desk.press(KeyCode::Enter);
        assert!(desk.screen().contains(&format!("▌  line {nearest}.")), "{}", desk.screen());
    }
}

#[test]
fn sending_goes_to_the_end() {
    let mut desk = long(100, 50);
    desk.type_text("hi");
    desk.press(KeyCode::Enter);
    come(&mut desk, 101, ME);
    assert_eq!(shown(&desk).1, 101);
    assert!(!desk.screen().contains(" new "));
}

#[test]
fn the_chosen_message_is_always_on_the_screen() {
    let mut desk = long(200, 0);
    desk.press(KeyCode::Tab);
    for step in 0..130 {
        desk.press(KeyCode::Up);
        assert!(desk.screen().contains('▌'), "{step}");
    }
    for step in 0..130 {
        desk.press(KeyCode::Down);
        assert!(desk.screen().contains('▌'), "{step}");
    }
}
