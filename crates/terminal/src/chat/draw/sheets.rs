//! What lies above the chats: a new chat, somebody's keys, who has a message.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::overlay::{COLUMNS_MAX, MATCHES_MAX, field_row, open};
use super::{put, row_of};
use crate::chat::model::{Model, Starting};
use crate::chat::text::{cut, one_line, rows};
use crate::chat::view::{Info, Keys, Tick};
use crate::localtime;

/// Columns before a sentence, and behind it.
const MARGIN: usize = 1;
/// Columns of how far a message has got.
const TICK_COLUMNS: usize = 11;

pub(super) fn new_chat(model: &Model, starting: &Starting, frame: &mut Frame<'_>) {
    let said = match (&starting.said, starting.working) {
        (_, true) => Some("Starting it …"),
        (Some(said), false) => Some(said.as_str()),
        (None, false) => None,
    };
    let said = said.map(|said| sentence(frame, &one_line(said))).unwrap_or_default();
    let said_rows = if said.is_empty() { 0 } else { count(said.len()) + 1 };
    let inner = open(model, "New chat", 6 + said_rows, frame);
    let quiet = |text: &'static str| Line::styled(text, model.theme.quiet());
    put(frame, row_of(inner, 0), quiet(" Who: an address, or a name you know; commas between several"));
    put(frame, row_of(inner, 2), quiet(" Title of the group; nothing for a chat with one person"));
    // The line where one types comes last, so that the cursor is there.
    let mut fields = [(1, &starting.people), (3, &starting.title)];
    if !starting.at_title {
        fields.reverse();
    }
    for (row, field) in fields {
        field_row(model, field, row_of(inner, row), frame);
    }
    for (row, text) in (5..).zip(said) {
        put(frame, row_of(inner, row), Line::styled(text, model.theme.strong()));
    }
    keys_row(model, inner, &[("Enter", "start it"), ("Tab", "the other line"), ("Esc", "not now")], frame);
}

pub(super) fn keys(model: &Model, name: &str, keys: Option<&Keys>, frame: &mut Frame<'_>) {
    let name = one_line(name);
    let said = match keys {
        None => format!(
            "The keys of {name} are not known here yet. Write to them first, or wait for their first message."
        ),
        Some(Keys { verified: true, .. }) => {
            format!("{name} is marked as verified: you have compared these digits.")
        }
        Some(Keys { verified: false, .. }) => format!(
            "{name} is not marked as verified. If {name} sees the same digits, nobody stands between you: compare them \
             when you meet, or on the phone."
        ),
    };
    let said = sentence(frame, &said);
    let digits = keys.map_or(&[][..], |keys| &keys.number);
    let digit_rows = if digits.is_empty() { 0 } else { count(digits.len()) + 1 };
    let title = format!("Keys of {}", cut(&name, usize::from(COLUMNS_MAX) / 2));
    let inner = open(model, &title, digit_rows + count(said.len()) + 2, frame);
    for (row, digits) in (0..).zip(digits) {
        put(frame, row_of(inner, row), Line::styled(format!("   {digits}"), model.theme.strong()));
    }
    for (row, text) in (digit_rows..).zip(said) {
        put(frame, row_of(inner, row), Line::raw(text));
    }
    let close = ("Esc", "close");
    match keys {
        None => keys_row(model, inner, &[close], frame),
        Some(Keys { verified: false, .. }) => {
            keys_row(model, inner, &[("m", "mark as verified"), close], frame);
        }
        Some(Keys { verified: true, .. }) => {
            keys_row(model, inner, &[("u", "take the mark back"), close], frame);
        }
    }
}

pub(super) fn info(model: &Model, info: &Info, top: usize, frame: &mut Frame<'_>) {
    let shown = count(info.recipients.len()).clamp(1, MATCHES_MAX);
    let inner = open(model, "Who has this message", shown + 5, frame);
    let room = usize::from(inner.width).saturating_sub(2 * MARGIN);
    let head = format!("{}  {}", info.name, localtime::short(info.time, model.now, &model.zone));
    put(
        frame,
        row_of(inner, 0),
        Line::styled(format!(" {}", cut(&one_line(&head), room)), model.theme.strong()),
    );
    put(frame, row_of(inner, 1), Line::raw(format!(" {}", cut(&one_line(&info.text), room))));
    if info.recipients.is_empty() {
        put(frame, row_of(inner, 3), Line::styled(" Nobody else.", model.theme.quiet()));
    }
    let rows = inner.height.saturating_sub(5);
    let first = top.min(info.recipients.len().saturating_sub(usize::from(rows)));
    for (row, (name, tick)) in (0..rows).zip(info.recipients.iter().skip(first)) {
        let words = match tick {
            Tick::Seen => "seen",
            Tick::Delivered => "received",
            Tick::Sent | Tick::Waiting => "not yet",
        };
        let line = Line::from(vec![
            Span::raw(format!(" {:<2} ", tick.mark())),
            Span::styled(format!("{words:<TICK_COLUMNS$}"), model.theme.quiet()),
            Span::raw(cut(&one_line(name), room.saturating_sub(TICK_COLUMNS + 3))),
        ]);
        put(frame, row_of(inner, 3 + row), line);
    }
    keys_row(model, inner, &[("Esc", "close")], frame);
}

/// The last row: what can be done.
fn keys_row(model: &Model, inner: Rect, keys: &[(&'static str, &'static str)], frame: &mut Frame<'_>) {
    let mut spans = vec![Span::raw(" ")];
    for (key, what) in keys {
        spans.push(Span::styled(*key, model.theme.strong()));
        spans.push(Span::raw(format!(" {what}   ")));
    }
    put(frame, row_of(inner, inner.height.saturating_sub(1)), Line::from(spans));
}

/// A sentence in as many rows as it takes in an overlay.
fn sentence(frame: &Frame<'_>, text: &str) -> Vec<String> {
    let columns = usize::from(frame.area().width.min(COLUMNS_MAX)).saturating_sub(2 + 2 * MARGIN);
    let pieces = rows(text, columns).into_iter().filter_map(|row| text.get(row));
    pieces.map(|piece| format!(" {}", piece.trim_end())).collect()
}

fn count(rows: usize) -> u16 {
    u16::try_from(rows).unwrap_or(u16::MAX)
}
