//! The chats.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{filled, put, row_of};
use crate::chat::model::{Focus, Model};
use crate::chat::text::{fit, one_line, width};
use crate::chat::view::{ChatSort, ChatView, Presence};

/// Counts from here on are not told exactly.
const COUNT_MAX: usize = 999;

pub(super) fn draw(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    if area.is_empty() {
        return;
    }
    let theme = model.theme;
    put(frame, row_of(area, 0), Line::styled(filled(" Chats", area), theme.strong()));
    if model.chats.is_empty() {
        for (row, text) in (2..).zip([" None yet:", " Ctrl+N starts one."]) {
            put(frame, row_of(area, row), Line::styled(filled(text, area), theme.quiet()));
        }
        return;
    }
    let shown = usize::from(area.height.saturating_sub(1));
    let at = model.chats.iter().position(|chat| Some(chat.chat) == model.cursor).unwrap_or(0);
    let first = at.saturating_sub(shown.saturating_sub(1));
    for (row, chat) in (1..area.height).zip(model.chats.iter().skip(first)) {
        put(frame, row_of(area, row), line(model, chat, area));
    }
}

fn line(model: &Model, chat: &ChatView, area: Rect) -> Line<'static> {
    let theme = model.theme;
    let open = model.open.as_ref().is_some_and(|open| open.chat == chat.chat);
    let at_cursor = model.focus == Focus::List && model.cursor == Some(chat.chat);
    let typed = !open && !chat.draft.is_empty();
    let count = match (chat.unread, chat.waiting) {
        (0, 0) if typed => "✎ ".to_owned(),
        (0, 0) => String::new(),
        (0, _) => "… ".to_owned(),
        (unread, _) if unread > COUNT_MAX => format!("{COUNT_MAX}+ "),
        (unread, _) => format!("{unread} "),
    };
    let name = fit(&one_line(&chat.name), usize::from(area.width).saturating_sub(4 + width(&count)));
    let before = if open { "▌" } else { " " };
    let (mark, mark_style) = match chat.sort {
        ChatSort::Group => ("#", theme.quiet()),
        ChatSort::Channel => ("»", theme.quiet()),
        ChatSort::Direct(user) => match model.presence.get(&user) {
            Some(Presence::Online) => ("●", theme.well()),
            _ => ("○", theme.quiet()),
        },
    };
    let mut style = if chat.unread > 0 || open { theme.strong() } else { Style::new() };
    if chat.closed.is_some() {
        style = theme.quiet();
    }
    let mut line = Line::from(vec![
        Span::raw(before),
        Span::styled(mark, mark_style),
        Span::raw(" "),
        Span::styled(name, style),
        Span::raw(" "),
        Span::styled(count, theme.fresh()),
    ]);
    if at_cursor {
        line = line.style(theme.chosen());
    }
    line
}
