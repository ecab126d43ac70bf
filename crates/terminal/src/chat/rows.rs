//! A conversation as rows of a given width: the same for whoever scrolls and for whoever draws.

use dunlin_model::{Timestamp, UserId};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::draw::style::Theme;
use super::model::Conversation;
use super::text::{self, cut, fit, width};
use super::view::{Body, Entry, Message, Place, Tick, What};
use crate::localtime;

/// Messages of one person are grouped while no more than this lies between them.
const GROUP_GAP_MS: u64 = 5 * 60 * 1_000;
/// Columns before what is said.
const INDENT: usize = 3;
/// Columns behind what is said, for the mark that says how far it has got.
const TICK_COLUMNS: usize = 3;
/// Beside the message that is chosen.
const CHOSEN: &str = "▌";

/// The rows of an entry, with what stands above it.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// Which entry.
    pub(super) place: Place,
    /// Its rows, at least one.
    pub(super) lines: Vec<Line<'static>>,
}

/// How to draw.
#[derive(Debug, Clone)]
pub(super) struct Look {
    /// The time.
    pub(super) now: Timestamp,
    /// Where.
    pub(super) zone: TimeZone,
    /// The colours.
    pub(super) theme: Theme,
    /// How wide.
    pub(super) columns: usize,
    /// Which message is chosen.
    pub(super) chosen: Option<Place>,
}

/// The conversation, entry by entry.
pub(super) fn blocks(conversation: &Conversation, look: &Look) -> Vec<Block> {
    let mut above: Option<(&Entry, Option<Date>)> = None;
    let mut new_was_said = false;
    let mut blocks = Vec::with_capacity(conversation.entries.len());
    for entry in &conversation.entries {
        let mut lines = Vec::new();
        let date = localtime::date(entry.time, &look.zone);
        let new_day = above.is_none_or(|(_, before)| before != date);
        if new_day {
            lines.push(look.rule(&look.day(date), look.theme.quiet()));
        }
        let is_new = conversation.new_from.is_some_and(|from| entry.place >= Place::at(from));
        if is_new && !new_was_said {
            new_was_said = true;
            lines.push(look.rule("new", look.theme.fresh()));
        }
        let alone = !lines.is_empty();
        match &entry.what {
            What::Notice { text, alarming } => look.notice(text, *alarming, &mut lines),
            What::Message(message) => {
                let goes_on =
                    !alone && above.is_some_and(|(before, _)| continues(before, entry, message.sender));
                look.message(entry, message, !goes_on, &mut lines);
            }
        }
        if look.chosen == Some(entry.place) {
            lines.iter_mut().for_each(mark_chosen);
        }
        above = Some((entry, date));
        blocks.push(Block { place: entry.place, lines });
    }
    blocks
}

fn continues(before: &Entry, entry: &Entry, sender: UserId) -> bool {
    match &before.what {
        What::Message(message) => {
            message.sender == sender && entry.time.0.saturating_sub(before.time.0) <= GROUP_GAP_MS
        }
        What::Notice { .. } => false,
    }
}

fn mark_chosen(line: &mut Line<'static>) {
    let Some(first) = line.spans.first_mut() else { return };
    if let Some(rest) = first.content.strip_prefix(' ') {
        first.content = format!("{CHOSEN}{rest}").into();
    }
}

impl Look {
    fn day(&self, date: Option<Date>) -> String {
        let today = localtime::date(self.now, &self.zone);
        match (date, today) {
            (Some(date), Some(today)) => localtime::day(date, today),
            _ => "?".to_owned(),
        }
    }

    /// A word in the middle of a line.
    fn rule(&self, word: &str, style: Style) -> Line<'static> {
        let word = cut(word, self.columns.saturating_sub(4));
        let rest = self.columns.saturating_sub(width(&word) + 2);
        let left = rest / 2;
        let text = format!("{} {word} {}", "─".repeat(left), "─".repeat(rest - left));
        Line::styled(text, style)
    }

    fn notice(&self, words: &str, alarming: bool, lines: &mut Vec<Line<'static>>) {
        let style = if alarming { self.theme.alarm() } else { self.theme.quiet() };
        let mark = if alarming { " ! " } else { " · " };
        for (number, row) in self.broken(words).into_iter().enumerate() {
            let before = if number == 0 { mark } else { "   " };
            lines.push(Line::from(vec![Span::styled(before, style), Span::styled(row, style)]));
        }
    }

    fn message(&self, entry: &Entry, message: &Message, with_name: bool, lines: &mut Vec<Line<'static>>) {
        let theme = self.theme;
        if with_name {
            let time = localtime::clock(entry.time, &self.zone);
            let name = cut(&message.name, self.columns.saturating_sub(width(&time) + 4));
            lines.push(Line::from(vec![
                Span::raw(" "),
                Span::styled(name, theme.name(message.sender, message.mine)),
                Span::styled(format!("  {time}"), theme.quiet()),
            ]));
        }
        if let Some(quote) = &message.quote {
            let said = format!("│ {}: {}", quote.name, text::one_line(&quote.text));
            lines.push(Line::from(vec![indent(), Span::styled(cut(&said, self.room()), theme.quiet())]));
        }
        let aside = matches!(message.body, Body::Aside(_));
        let style = if aside { theme.quiet() } else { Style::new() };
        let mut words = text::clean(message.body.words());
        if message.edited && !aside {
            words.push_str(EDITED);
        }
        let rows = self.broken(&words);
        let last = rows.len().saturating_sub(1);
        for (number, row) in rows.into_iter().enumerate() {
            let (said, edited) = match row.strip_suffix(EDITED.trim_start()) {
                Some(said) if number == last && message.edited && !aside => {
                    (said.to_owned(), EDITED.trim_start())
                }
                _ => (row, ""),
            };
            let mut spans = vec![indent(), Span::styled(said, style), Span::styled(edited, theme.quiet())];
            if let (Some(tick), true) = (message.tick, number == last) {
                self.tick(tick, &mut spans);
            }
            lines.push(Line::from(spans));
        }
        if !message.reactions.is_empty() {
            lines.push(self.reactions(message));
        }
    }

    fn reactions(&self, message: &Message) -> Line<'static> {
        let mut spans = vec![indent()];
        let mut used = 0;
        for reaction in &message.reactions {
            let count = if reaction.count > 1 { format!(" {}", reaction.count) } else { String::new() };
            let shown = format!("[{}{count}]", cut(&text::one_line(&reaction.emoji), 4));
            used += width(&shown) + 1;
            if used > self.room() {
                break;
            }
            let style = if reaction.mine { self.theme.strong() } else { Style::new() };
            spans.extend([Span::styled(shown, style), Span::raw(" ")]);
        }
        Line::from(spans)
    }

    fn tick(&self, tick: Tick, spans: &mut Vec<Span<'static>>) {
        let used: usize = spans.iter().map(|span| width(&span.content)).sum();
        let room = self.columns.saturating_sub(used + 1);
        let mark = tick.mark();
        let before = " ".repeat(room.saturating_sub(width(mark)));
        let style = match tick {
            Tick::Seen => self.theme.well(),
            Tick::Waiting => self.theme.fresh(),
            Tick::Sent | Tick::Delivered => self.theme.quiet(),
        };
        spans.extend([Span::raw(before), Span::styled(mark, style)]);
    }

    /// Columns for what is said.
    fn room(&self) -> usize {
        self.columns.saturating_sub(INDENT + TICK_COLUMNS + 1).max(1)
    }

    fn broken(&self, words: &str) -> Vec<String> {
        let rows = text::rows(words, self.room());
        let row = |range: std::ops::Range<usize>| {
            words.get(range).unwrap_or_default().trim_end_matches(' ').to_owned()
        };
        let mut broken: Vec<String> = rows.into_iter().map(row).collect();
        // A row may be one wide character in a single column; nothing fits there.
        for row in &mut broken {
            if width(row) > self.room() {
                *row = fit(row, self.room());
            }
        }
        broken
    }
}

const EDITED: &str = " (edited)";

fn indent() -> Span<'static> {
    Span::raw(" ".repeat(INDENT))
}
