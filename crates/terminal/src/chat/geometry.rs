//! Which part of the screen is for what.

use ratatui::layout::Rect;

/// From here on the list and a conversation stand side by side.
const TWO_PANES_COLUMNS: u16 = 60;
/// From here on the list is as wide as names need.
const ROOMY_COLUMNS: u16 = 80;
const SPACIOUS_COLUMNS: u16 = 110;
/// Rows for what is typed, at most.
const COMPOSER_ROWS_MAX: u16 = 6;
/// Columns of the prompt before what is typed.
pub(super) const PROMPT_COLUMNS: u16 = 2;

/// The parts of the screen. Parts without room are empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Geometry {
    /// The chats.
    pub(super) list: Rect,
    /// Between the chats and the conversation.
    pub(super) divider: Rect,
    /// Who one talks with.
    pub(super) title: Rect,
    /// What was said.
    pub(super) history: Rect,
    /// Between that and what is typed; says who types.
    pub(super) rule: Rect,
    /// What is replied to, or edited.
    pub(super) banner: Rect,
    /// What is typed.
    pub(super) composer: Rect,
    /// The connection, and how to get help.
    pub(super) status: Rect,
}

/// What decides on the parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Need {
    /// Whether the list is what one works with, where there is room for one pane only.
    pub(super) list_first: bool,
    /// Rows of what is typed.
    pub(super) composer_rows: usize,
    /// Whether there is a banner.
    pub(super) banner: bool,
}

/// Columns of the list and of the conversation, as far as they are shown.
pub(super) const fn columns(width: u16, list_first: bool) -> (u16, u16) {
    if width < TWO_PANES_COLUMNS {
        return if list_first { (width, 0) } else { (0, width) };
    }
    let list = if width >= SPACIOUS_COLUMNS {
        34
    } else if width >= ROOMY_COLUMNS {
        24
    } else {
        18
    };
    (list, width - list - 1)
}

/// Columns for what is typed, with one for the cursor at the end.
pub(super) fn composer_columns(width: u16, list_first: bool) -> usize {
    let (_, conversation) = columns(width, list_first);
    usize::from(conversation.saturating_sub(PROMPT_COLUMNS + 1)).max(1)
}

impl Geometry {
    /// The parts of a screen of so many columns and rows.
    pub(super) fn of((width, height): (u16, u16), need: Need) -> Self {
        let (list, conversation) = columns(width, need.list_first);
        let body = height.saturating_sub(1);
        let mut parts = Self {
            list: Rect::new(0, 0, list, body),
            status: Rect::new(0, body, width, height - body),
            ..Self::default()
        };
        if conversation == 0 {
            return parts;
        }
        let x = width - conversation;
        if list > 0 {
            parts.divider = Rect::new(list, 0, 1, body);
        }
        let mut bottom = body;
        let mut take_below = |rows: u16| {
            let rows = rows.min(bottom.saturating_sub(2));
            bottom -= rows;
            Rect::new(x, bottom, conversation, rows)
        };
        let wanted = u16::try_from(need.composer_rows).unwrap_or(u16::MAX);
        let composer_max = COMPOSER_ROWS_MAX.min(body / 3).max(1);
        parts.composer = take_below(wanted.clamp(1, composer_max));
        parts.banner = take_below(u16::from(need.banner));
        parts.rule = take_below(1);
        parts.title = Rect::new(x, 0, conversation, bottom.min(1));
        parts.history = Rect::new(x, 1, conversation, bottom.saturating_sub(1));
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEED: Need = Need { list_first: false, composer_rows: 1, banner: false };

    #[test]
    fn the_parts_cover_the_screen_once_at_any_size() {
        for width in 0..130 {
            for height in 0..40 {
                for (list_first, banner, composer_rows) in
                    [(false, false, 1), (true, true, 3), (false, true, 99)]
                {
                    let need = Need { list_first, banner, composer_rows };
                    let parts = Geometry::of((width, height), need);
                    let areas = [
                        parts.list,
                        parts.divider,
                        parts.title,
                        parts.history,
                        parts.rule,
                        parts.banner,
                        parts.composer,
                        parts.status,
                    ];
                    let covered: u32 = areas.iter().map(|area| area.area()).sum();
                    assert_eq!(covered, u32::from(width) * u32::from(height), "{width}x{height} {parts:?}");
                }
            }
        }
    }

    #[test]
    fn one_pane_below_sixty_columns_and_two_from_there() {
        assert_eq!(columns(59, true), (59, 0));
        assert_eq!(columns(59, false), (0, 59));
        assert_eq!(columns(60, false), (18, 41));
        assert_eq!(columns(80, true), (24, 55));
        assert_eq!(columns(120, true), (34, 85));
        assert_eq!(Geometry::of((80, 24), NEED).history, Rect::new(25, 1, 55, 20));
    }
}
