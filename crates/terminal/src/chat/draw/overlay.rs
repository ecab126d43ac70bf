//! What lies above the chats: help, the switcher, search, reactions, deletion.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear};

use super::{cursor_at, put, row_of, sheets};
use crate::chat::composer::Composer;
use crate::chat::keys::{BINDINGS, Context};
use crate::chat::model::{Model, Overlay, QUICK_REACTIONS};
use crate::chat::text::{cut, fit, one_line, width};
use crate::chat::view::{ChatSort, Found};
use crate::localtime;

/// Columns of an overlay, at most.
pub(super) const COLUMNS_MAX: u16 = 72;
/// Columns for the names of keys on the help page.
const KEY_COLUMNS: usize = 20;
/// Rows of matches, at most.
pub(super) const MATCHES_MAX: u16 = 12;

/// What the marks mean, on the help page.
const LEGEND: [(&str, &str); 7] = [
    ("…", "waits on this device until the server is there"),
    ("✓", "sent: the server keeps it"),
    ("✓✓", "delivered to everyone"),
    ("✔✔", "seen by everyone"),
    ("● ○", "there, not there"),
    ("# »", "a group, a channel"),
    ("✎", "something typed there was not sent"),
];

pub(super) fn draw(model: &Model, overlay: &Overlay, frame: &mut Frame<'_>) {
    match overlay {
        Overlay::Help { top } => help(model, *top, frame),
        Overlay::Switch { field, at } => switch(model, field, *at, frame),
        Overlay::Search { field, found, at } => search(model, field, found.as_deref(), *at, frame),
        Overlay::React { field, at, .. } => react(model, field, *at, frame),
        Overlay::Delete { everyone, .. } => delete(model, *everyone, frame),
        Overlay::New(starting) => sheets::new_chat(model, starting, frame),
        Overlay::Verify { name, keys, .. } => sheets::keys(model, name, keys.as_ref(), frame),
        Overlay::Info { info, top } => sheets::info(model, info, *top, frame),
    }
}

/// Clears the middle of the screen for so many rows, and gives what is within the frame around it.
pub(super) fn open(model: &Model, title: &str, rows: u16, frame: &mut Frame<'_>) -> Rect {
    let screen = frame.area();
    let width = screen.width.min(COLUMNS_MAX);
    let height = rows.saturating_add(2).min(screen.height);
    let area = Rect { x: (screen.width - width) / 2, y: (screen.height - height) / 3, width, height };
    let block = Block::bordered().title(format!(" {title} ")).title_style(model.theme.strong());
    let inner = block.inner(area);
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    inner
}

fn help(model: &Model, top: usize, frame: &mut Frame<'_>) {
    let lines = help_lines(model);
    let inner = open(model, "Keys", frame.area().height, frame);
    let top = top.min(help_top_max(model));
    for (row, line) in (0..inner.height).zip(lines.into_iter().skip(top)) {
        put(frame, row_of(inner, row), line);
    }
}

/// The last row of the help page that may be the first on the screen.
pub(in crate::chat) fn help_top_max(model: &Model) -> usize {
    help_lines(model).len().saturating_sub(usize::from(model.size.1).saturating_sub(2))
}

/// The help page.
fn help_lines(model: &Model) -> Vec<Line<'static>> {
    let theme = model.theme;
    let pair = |left: &str, right: &str| {
        Line::from(vec![
            Span::raw(" "),
            Span::styled(fit(left, KEY_COLUMNS), theme.strong()),
            Span::raw(right.to_owned()),
        ])
    };
    let mut lines = Vec::new();
    let mut context: Option<Context> = None;
    for binding in BINDINGS {
        if context != Some(binding.context) {
            if context.is_some() {
                lines.push(Line::default());
            }
            lines.push(Line::styled(format!(" {}", binding.context.title()), theme.quiet()));
            context = Some(binding.context);
        }
        lines.push(pair(binding.shown, binding.what));
    }
    lines.extend([Line::default(), Line::styled(" Marks", theme.quiet())]);
    lines.extend(LEGEND.iter().map(|(mark, what)| pair(mark, what)));
    lines
}

pub(super) fn field_row(model: &Model, field: &Composer, area: Rect, frame: &mut Frame<'_>) {
    let room = usize::from(area.width).saturating_sub(3);
    // The end of what was typed is what one looks at.
    let mut shown = one_line_kept(field.text());
    while width(&shown) > room {
        shown.remove(0);
    }
    let (_, column) = field.position(usize::MAX);
    let at = 2 + column.min(width(&shown));
    put(frame, area, Line::from(vec![Span::styled("> ", model.theme.strong()), Span::raw(shown)]));
    cursor_at(frame, area, at, 0);
}

fn one_line_kept(text: &str) -> String {
    text.replace('\n', " ")
}

/// Which of the matches are shown, so that the chosen one is.
fn first_shown(at: usize, rows: u16) -> usize {
    (at + 1).saturating_sub(usize::from(rows))
}

fn switch(model: &Model, field: &Composer, at: usize, frame: &mut Frame<'_>) {
    let matches = model.called(field.text());
    let rows = u16::try_from(matches.len()).unwrap_or(u16::MAX).clamp(1, MATCHES_MAX);
    let inner = open(model, "Go to", rows + 1, frame);
    field_row(model, field, row_of(inner, 0), frame);
    if matches.is_empty() {
        put(frame, row_of(inner, 1), Line::styled("  No chat is called so.", model.theme.quiet()));
    }
    let rows = inner.height.saturating_sub(1);
    let first = first_shown(at, rows);
    for (row, (number, chat)) in (1..inner.height).zip(matches.iter().enumerate().skip(first)) {
        let mark = match chat.sort {
            ChatSort::Direct(_) => " ",
            ChatSort::Group => "#",
            ChatSort::Channel => "»",
        };
        let unread = if chat.unread > 0 { format!("{} new ", chat.unread) } else { String::new() };
        let room = usize::from(inner.width).saturating_sub(width(&unread) + 4);
        let line = format!(" {mark} {} {unread}", fit(&one_line(&chat.name), room));
        match_row(model, line, number == at, row_of(inner, row), frame);
    }
}

fn match_row(model: &Model, line: String, chosen: bool, area: Rect, frame: &mut Frame<'_>) {
    let line = Line::raw(line);
    put(frame, area, if chosen { line.style(model.theme.chosen()) } else { line });
}

fn search(model: &Model, field: &Composer, found: Option<&[Found]>, at: usize, frame: &mut Frame<'_>) {
    let count = u16::try_from(found.map_or(0, <[Found]>::len)).unwrap_or(u16::MAX);
    // Two rows for each: where and when, and what.
    let inner = open(model, "Search", 1 + count.clamp(1, MATCHES_MAX / 2) * 2, frame);
    field_row(model, field, row_of(inner, 0), frame);
    let room = usize::from(inner.width).saturating_sub(3);
    match found {
        None => put(
            frame,
            row_of(inner, 1),
            Line::styled("  Words of messages in all chats.", model.theme.quiet()),
        ),
        Some([]) => put(frame, row_of(inner, 1), Line::styled("  Nothing was found.", model.theme.quiet())),
        Some(found) => {
            let shown = inner.height.saturating_sub(1) / 2;
            let first = first_shown(at, shown);
            for (place, (number, hit)) in (0..shown).zip(found.iter().enumerate().skip(first)) {
                let time = localtime::short(hit.time, model.now, &model.zone);
                let head = format!("{} · {} · {time}", one_line(&hit.chat_name), one_line(&hit.name));
                let row = 1 + place * 2;
                match_row(model, format!(" {} ", fit(&head, room)), number == at, row_of(inner, row), frame);
                let text = format!("   {}", cut(&one_line(&hit.text), room.saturating_sub(2)));
                put(frame, row_of(inner, row + 1), Line::styled(text, model.theme.quiet()));
            }
        }
    }
}

fn react(model: &Model, field: &Composer, at: usize, frame: &mut Frame<'_>) {
    let inner = open(model, "React", 2, frame);
    let mut spans = vec![Span::raw(" ")];
    for (number, emoji) in QUICK_REACTIONS.iter().enumerate() {
        let text = format!(" {} {emoji} ", number + 1);
        let chosen = number == at && field.is_empty();
        spans.push(if chosen { Span::styled(text, model.theme.chosen()) } else { Span::raw(text) });
    }
    put(frame, row_of(inner, 0), Line::from(spans));
    field_row(model, field, row_of(inner, 1), frame);
}

fn delete(model: &Model, everyone: bool, frame: &mut Frame<'_>) {
    let inner = open(model, "Delete this message", if everyone { 3 } else { 2 }, frame);
    let line = |key: &'static str, what: &'static str| {
        Line::from(vec![Span::raw(" "), Span::styled(key, model.theme.strong()), Span::raw(what)])
    };
    put(frame, row_of(inner, 0), line("m", "    for you, on all your devices"));
    if everyone {
        put(frame, row_of(inner, 1), line("e", "    for everyone"));
    }
    put(frame, row_of(inner, inner.height.saturating_sub(1)), line("Esc", "  keep it"));
}
