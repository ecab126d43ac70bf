//! The model as it stands on the screen.

mod conversation;
mod list;
mod overlay;
mod sheets;
pub(super) mod style;

pub(super) use overlay::help_top_max;
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::model::{Link, Model};
use super::text::{cut, fit, width};

/// Draws everything.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>) {
    let parts = model.geometry();
    list::draw(model, parts.list, frame);
    for row in 0..parts.divider.height {
        put(frame, row_of(parts.divider, row), Line::styled("│", model.theme.quiet()));
    }
    match &model.open {
        Some(open) => conversation::draw(model, open, &parts, frame),
        None => conversation::draw_nothing(model, parts.history, frame),
    }
    status(model, parts.status, frame);
    if let Some(overlay) = &model.overlay {
        overlay::draw(model, overlay, frame);
    }
}

fn status(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let theme = model.theme;
    let columns = usize::from(area.width);
    let (mark, said, style) = match &model.link {
        Link::Online => ("●", "online".to_owned(), theme.well()),
        Link::Connecting => ("○", "connecting".to_owned(), theme.quiet()),
        Link::Offline(why) => ("○", format!("offline: {}", super::text::one_line(why)), theme.alarm()),
    };
    let waiting = match model.waiting() {
        0 => String::new(),
        count => format!("  {count} waiting to be sent"),
    };
    let help = "F1 help ";
    let room = columns.saturating_sub(width(help) + 4);
    let mut spans = vec![Span::raw(" "), Span::styled(mark, style), Span::raw(" ")];
    let said_columns;
    if let Some(note) = &model.note {
        let note = cut(&super::text::one_line(note), room);
        said_columns = width(&note);
        spans.push(Span::styled(note, theme.strong()));
    } else {
        let said = cut(&said, room.saturating_sub(width(&waiting)));
        let waiting = cut(&waiting, room);
        said_columns = width(&said) + width(&waiting);
        spans.extend([Span::raw(said), Span::styled(waiting, theme.fresh())]);
    }
    spans.push(Span::raw(" ".repeat((room + 1).saturating_sub(said_columns))));
    spans.push(Span::styled(help, theme.quiet()));
    put(frame, area, Line::from(spans));
}

/// Draws a line into the first row of an area.
fn put(frame: &mut Frame<'_>, area: Rect, line: Line<'_>) {
    let area = area.intersection(frame.area());
    if area.height > 0 {
        frame.render_widget(line, Rect { height: 1, ..area });
    }
}

/// A row of an area.
fn row_of(area: Rect, row: u16) -> Rect {
    let inside = row < area.height;
    Rect { y: area.y.saturating_add(row), height: u16::from(inside), ..area }
}

/// Puts the cursor behind so many columns of a row.
fn cursor_at(frame: &mut Frame<'_>, area: Rect, column: usize, row: usize) {
    let column = u16::try_from(column).unwrap_or(u16::MAX).min(area.width.saturating_sub(1));
    let row = u16::try_from(row).unwrap_or(u16::MAX).min(area.height.saturating_sub(1));
    frame.set_cursor_position(Position::new(area.x.saturating_add(column), area.y.saturating_add(row)));
}

/// A text that fills its row, so that a style covers the whole of it.
fn filled(text: &str, area: Rect) -> String {
    fit(text, usize::from(area.width))
}
