//! What is being typed: some lines of text and a cursor, which stands between grapheme clusters (UAX #29).

use unicode_segmentation::UnicodeSegmentation;

use super::text;

/// A text field of several lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Composer {
    text: String,
    /// A byte offset on a boundary of clusters.
    cursor: usize,
}

/// How the cursor moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    Left,
    Right,
    WordLeft,
    WordRight,
    LineStart,
    LineEnd,
}

/// What is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Erase {
    Left,
    Right,
    WordLeft,
    LineLeft,
}

impl Composer {
    /// A field that holds `text`, with the cursor behind it.
    pub(super) fn holding(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.len() }
    }

    /// What was typed.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether nothing was typed.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Puts text at the cursor. Line ends of any kind become line feeds, other control characters are left out.
    pub(super) fn insert(&mut self, typed: &str) {
        let typed = typed.replace("\r\n", "\n").replace('\r', "\n").replace('\t', "    ");
        let typed: String = typed.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
        self.text.insert_str(self.cursor, &typed);
        self.cursor += typed.len();
        // What was typed may have joined the cluster behind it.
        self.cursor = self.boundary_at_or_after(self.cursor);
    }

    /// Moves the cursor.
    pub(super) fn go(&mut self, how: Move) {
        self.cursor = self.target(how);
    }

    /// Moves the cursor to the row above or below, as rows are drawn in so many columns. Gives whether there is one.
    pub(super) fn go_row(&mut self, down: bool, columns: usize) -> bool {
        let rows = text::rows(&self.text, columns);
        let (row, column) = self.position(columns);
        let next = if down { row.checked_add(1) } else { row.checked_sub(1) };
        let Some(range) = next.and_then(|next| rows.get(next)) else { return false };
        let line = self.text.get(range.clone()).unwrap_or_default();
        let mut at = range.start;
        let mut used = 0;
        for grapheme in line.graphemes(true) {
            let wide = text::width(grapheme);
            if used + wide > column {
                break;
            }
            used += wide;
            at += grapheme.len();
        }
        self.cursor = at;
        true
    }

    /// Takes text away beside the cursor.
    pub(super) fn erase(&mut self, what: Erase) {
        let to = self.target(match what {
            Erase::Left => Move::Left,
            Erase::Right => Move::Right,
            Erase::WordLeft => Move::WordLeft,
            Erase::LineLeft => Move::LineStart,
        });
        let range = to.min(self.cursor)..to.max(self.cursor);
        self.cursor = range.start;
        self.text.replace_range(range, "");
    }

    /// Where the cursor stands: row and column, as rows are drawn in so many columns.
    pub(super) fn position(&self, columns: usize) -> (usize, usize) {
        let rows = text::rows(&self.text, columns);
        // At the end of a row that goes on, the cursor stands at the beginning of the next.
        let row = rows.iter().rposition(|row| row.start <= self.cursor).unwrap_or(0);
        let start = rows.get(row).map_or(0, |row| row.start);
        (row, text::width(self.text.get(start..self.cursor).unwrap_or_default()))
    }

    /// How many rows it takes in so many columns.
    pub(super) fn row_count(&self, columns: usize) -> usize {
        text::rows(&self.text, columns).len()
    }

    fn before(&self) -> &str {
        self.text.get(..self.cursor).unwrap_or_default()
    }

    fn after(&self) -> &str {
        self.text.get(self.cursor..).unwrap_or_default()
    }

    fn target(&self, how: Move) -> usize {
        let (before, after) = (self.before(), self.after());
        match how {
            Move::Left => self.cursor - before.graphemes(true).next_back().map_or(0, str::len),
            Move::Right => self.cursor + after.graphemes(true).next().map_or(0, str::len),
            Move::WordLeft => before.unicode_word_indices().next_back().map_or(0, |(at, _)| at),
            Move::WordRight => match after.unicode_word_indices().next() {
                Some((at, word)) => self.cursor + at + word.len(),
                None => self.text.len(),
            },
            Move::LineStart => before.rfind('\n').map_or(0, |at| at + 1),
            Move::LineEnd => after.find('\n').map_or(self.text.len(), |at| self.cursor + at),
        }
    }

    fn boundary_at_or_after(&self, offset: usize) -> usize {
        let mut boundaries = self.text.grapheme_indices(true).map(|(at, _)| at);
        boundaries.find(|at| *at >= offset).unwrap_or(self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_moves_and_erases_by_what_a_person_sees_as_one_character() {
        let mut field = Composer::holding("ab👩‍👧e\u{301}");
        field.erase(Erase::Left);
        assert_eq!(field.text(), "ab👩‍👧");
        field.erase(Erase::Left);
        assert_eq!(field.text(), "ab");
        field.go(Move::Left);
        field.insert("é");
        assert_eq!(field.text(), "aéb");
        field.erase(Erase::Right);
        assert_eq!(field.text(), "aé");
        field.erase(Erase::Right);
        assert_eq!(field.text(), "aé");
    }

    #[test]
    fn words_and_lines_are_jumped_over_and_erased() {
        let mut field = Composer::holding("one two\nthree, four");
        field.go(Move::WordLeft);
        field.insert("|");
        field.go(Move::LineStart);
        field.insert("<");
        field.go(Move::LineEnd);
        field.insert(">");
        assert_eq!(field.text(), "one two\n<three, |four>");
        field.erase(Erase::WordLeft);
        assert_eq!(field.text(), "one two\n<three, |");
        field.erase(Erase::LineLeft);
        assert_eq!(field.text(), "one two\n");
        field.go(Move::WordLeft);
        field.go(Move::WordLeft);
        field.go(Move::WordRight);
        field.insert("!");
        assert_eq!(field.text(), "one! two\n");
    }

    #[test]
    fn rows_are_gone_through_by_column_also_where_a_long_line_is_broken() {
        let mut field = Composer::holding("one two three\nxy");
        assert_eq!(field.position(8), (2, 2));
        assert!(field.go_row(false, 8));
        assert_eq!(field.position(8), (1, 2));
        assert!(field.go_row(false, 8));
        assert_eq!(field.position(8), (0, 2));
        assert!(!field.go_row(false, 8));
        assert!(field.go_row(true, 8));
        assert_eq!(field.position(8), (1, 2));
    }

    #[test]
    fn what_is_pasted_keeps_its_lines_and_loses_its_control_characters() {
        let mut field = Composer::default();
        field.insert("a\r\nb\rc\td\u{1b}[31m");
        assert_eq!(field.text(), "a\nb\nc    d[31m");
    }
}
