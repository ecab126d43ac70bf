//! Who one talks with, what was said, and what is typed.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{cursor_at, filled, put, row_of};
use crate::chat::geometry::{Geometry, PROMPT_COLUMNS};
use crate::chat::model::{Conversation, Focus, Link, Model, Purpose};
use crate::chat::rows;
use crate::chat::text::{self, cut, fit, one_line, width};
use crate::chat::view::{ChatSort, Presence};
use crate::localtime;

pub(super) fn draw(model: &Model, open: &Conversation, parts: &Geometry, frame: &mut Frame<'_>) {
    title(model, parts.title, frame);
    let blocks = rows::blocks(open, &model.look());
    let height = usize::from(parts.history.height);
    let top = open.top(&blocks, height);
    let lines = blocks.iter().flat_map(|block| &block.lines).skip(top).take(height);
    let total: usize = blocks.iter().map(|block| block.lines.len()).sum();
    // What is short stands at the bottom, near to what is typed.
    let first = u16::try_from(height.saturating_sub(total)).unwrap_or(0);
    for (row, line) in (first..parts.history.height).zip(lines) {
        put(frame, row_of(parts.history, row), line.clone());
    }
    if open.loaded && blocks.is_empty() {
        let nothing = Line::styled(" Nothing was said here yet.", model.theme.quiet());
        put(frame, row_of(parts.history, parts.history.height.saturating_sub(1)), nothing);
    }
    rule(model, open, open.below(&blocks, top + height), parts.rule, frame);
    banner(model, open, parts.banner, frame);
    composer(model, open, parts.composer, frame);
}

pub(super) fn draw_nothing(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    for (row, text) in (1..).zip([" Enter opens a chat, Ctrl+K finds one by name,", " F1 shows all keys."]) {
        put(frame, row_of(area, row), Line::styled(filled(text, area), model.theme.quiet()));
    }
}

fn title(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let Some(chat) = model.open_chat() else { return };
    let more = match chat.sort {
        ChatSort::Direct(user) => match (&model.link, model.presence.get(&user)) {
            (Link::Online, Some(Presence::Online)) => "online".to_owned(),
            (_, Some(Presence::LastSeen(time))) => {
                format!("last seen {}", localtime::short(*time, model.now, &model.zone))
            }
            _ => String::new(),
        },
        ChatSort::Group | ChatSort::Channel => format!("{} members", chat.members),
    };
    let name = cut(&one_line(&chat.name), usize::from(area.width).saturating_sub(width(&more) + 4));
    let spans = vec![
        Span::raw(" "),
        Span::styled(name, model.theme.strong()),
        Span::styled(format!("  {more}"), model.theme.quiet()),
    ];
    put(frame, area, Line::from(spans));
}

/// Says who types, and how much is below the screen.
fn rule(model: &Model, open: &Conversation, below: usize, area: Rect, frame: &mut Frame<'_>) {
    let names: Vec<String> = model
        .typing
        .get(&open.chat)
        .into_iter()
        .flat_map(|typing| typing.values().map(|(name, _)| name))
        .map(|name| one_line(name))
        .collect();
    let typing = match names.as_slice() {
        [] => String::new(),
        [one] => format!("{one} is typing …"),
        [one, other] => format!("{one} and {other} are typing …"),
        [one, rest @ ..] => format!("{one} and {} others are typing …", rest.len()),
    };
    let below = if open.follows() || below == 0 { String::new() } else { format!(" {below} below, Esc ") };
    let columns = usize::from(area.width);
    let room = columns.saturating_sub(width(&below) + 2);
    let typing = if typing.is_empty() { typing } else { cut(&format!(" {typing} "), room) };
    let line = "─".repeat(room.saturating_sub(width(&typing)));
    let quiet = model.theme.quiet();
    let spans = vec![
        Span::styled("─", quiet),
        Span::styled(typing, Style::new()),
        Span::styled(line, quiet),
        Span::styled(below, model.theme.fresh()),
        Span::styled("─", quiet),
    ];
    put(frame, area, Line::from(spans));
}

fn banner(model: &Model, open: &Conversation, area: Rect, frame: &mut Frame<'_>) {
    if area.is_empty() {
        return;
    }
    let said = |seq| {
        open.message(seq).map_or_else(String::new, |message| {
            format!("{}: {}", one_line(&message.name), one_line(message.body.words()))
        })
    };
    let text = match &open.purpose {
        Purpose::Fresh => return,
        Purpose::Reply(seq) => format!("Reply to {}", said(*seq)),
        Purpose::Edit { seq, .. } => format!("Edit {}", said(*seq)),
    };
    let hint = "  Esc ends it ";
    let room = usize::from(area.width).saturating_sub(width(hint) + 1);
    let spans = vec![
        Span::raw(" "),
        Span::styled(fit(&text, room), model.theme.strong()),
        Span::styled(hint, model.theme.quiet()),
    ];
    put(frame, area, Line::from(spans));
}

fn composer(model: &Model, open: &Conversation, area: Rect, frame: &mut Frame<'_>) {
    let theme = model.theme;
    let closed = model.open_chat().and_then(|chat| chat.closed.as_deref());
    if let Some(closed) = closed.filter(|_| open.composer.is_empty()) {
        put(frame, area, Line::styled(filled(&format!("  {closed}"), area), theme.quiet()));
        return;
    }
    let columns = model.composer_columns();
    let typed = open.composer.text();
    let rows = text::rows(typed, columns);
    let (at, column) = open.composer.position(columns);
    let height = usize::from(area.height);
    let first = (at + 1).saturating_sub(height);
    let active = model.focus == Focus::Compose && model.overlay.is_none();
    for (row, range) in (0..area.height).zip(rows.iter().skip(first)) {
        let prompt = if row == 0 && first == 0 { "> " } else { "  " };
        let said = typed.get(range.clone()).unwrap_or_default().trim_end_matches(' ').to_owned();
        let prompt_style = if active { theme.strong() } else { theme.quiet() };
        put(frame, row_of(area, row), Line::from(vec![Span::styled(prompt, prompt_style), Span::raw(said)]));
    }
    if active {
        cursor_at(frame, area, usize::from(PROMPT_COLUMNS) + column, at - first.min(at));
    }
}
