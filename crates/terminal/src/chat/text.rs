//! Text as it stands on the screen: cleaned, measured in columns, broken into rows.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::plain;

/// Columns that a tab becomes.
const TAB: &str = "    ";
/// Stands for what was cut off.
const CUT: &str = "…";

/// Text of other people, made safe to draw: control characters and explicit directions are replaced, lines stay.
pub(super) fn clean(text: &str) -> String {
    text.lines().map(clean_line).collect::<Vec<_>>().join("\n")
}

/// As [`clean`], on one line.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().map(plain::name).collect::<Vec<_>>().join(" ")
}

fn clean_line(line: &str) -> String {
    line.split('\t').map(plain::name).collect::<Vec<_>>().join(TAB)
}

/// Columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    if is_simple(text) {
        return text.len();
    }
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// Whether each byte is a character of one column. Most lines are so, and a conversation is measured at every key.
fn is_simple(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// As much of a text as fits, with a mark when something was left out.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = width(CUT);
    if used > columns {
        return kept;
    }
    for grapheme in text.graphemes(true) {
        used += grapheme.width();
        if used > columns {
            break;
        }
        kept.push_str(grapheme);
    }
    kept.push_str(CUT);
    kept
}

/// A text of exactly so many columns: cut, or filled with spaces.
pub(super) fn fit(text: &str, columns: usize) -> String {
    let mut fitted = cut(text, columns);
    fitted.push_str(&" ".repeat(columns.saturating_sub(width(&fitted))));
    fitted
}

/// The rows that a text takes, as byte ranges, at least one. Rows break behind spaces and around wide characters,
/// and within words that are longer than a row. All but line feeds belongs to a row, so that every place of a
/// cursor has one.
pub(super) fn rows(text: &str, columns: usize) -> Vec<Range<usize>> {
    let mut rows = Vec::new();
    let mut start = 0;
    for line in text.split('\n') {
        break_line(line, start, columns.max(1), &mut rows);
        start += line.len() + 1;
    }
    rows
}

fn break_line(line: &str, offset: usize, columns: usize, rows: &mut Vec<Range<usize>>) {
    if line.len() <= columns && is_simple(line) {
        rows.push(offset..offset + line.len());
        return;
    }
    let (mut start, mut used) = (0, 0);
    // The last place where the row may end, and the columns used before it.
    let mut opportunity: Option<(usize, usize)> = None;
    for (at, grapheme) in line.grapheme_indices(true) {
        let wide = grapheme.width();
        if wide > 1 && at > start {
            opportunity = Some((at, used));
        }
        let is_space = grapheme == " ";
        // A space at the end of a row takes no room that anything else needs.
        if used + wide > columns && !is_space && at > start {
            let (end, before) = opportunity.take().unwrap_or((at, used));
            rows.push(offset + start..offset + end);
            start = end;
            used -= before;
        }
        used += wide;
        if is_space || wide > 1 {
            opportunity = Some((at + grapheme.len(), used));
        }
    }
    rows.push(offset + start..offset + line.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(text: &str, columns: usize) -> Vec<&str> {
        rows(text, columns).into_iter().map(|row| &text[row]).collect()
    }

    #[test]
    fn rows_break_behind_spaces_within_long_words_and_between_wide_characters() {
        assert_eq!(broken("", 5), [""]);
        assert_eq!(broken("one two three", 8), ["one two ", "three"]);
        assert_eq!(broken("one two ", 7), ["one two "]);
        assert_eq!(broken("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(broken("a\n\nb", 4), ["a", "", "b"]);
        assert_eq!(broken("日本語です", 5), ["日本", "語で", "す"]);
        assert_eq!(broken("👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 3), ["👩‍👩‍👧‍👦", "👩‍👩‍👧‍👦"]);
        // Wider than the row: it has one nevertheless.
        assert_eq!(broken("日本", 1), ["日", "本"]);
    }

    #[test]
    fn no_row_is_wider_than_asked_but_for_spaces_at_its_end() {
        let text = "שלום עולם, this is mixed 日本語 text with a_very_long_identifier_in_it and 👋🏽 emoji";
        for columns in 2..40 {
            for row in broken(text, columns) {
                assert!(width(row.trim_end_matches(' ')) <= columns, "{columns}: {row:?}");
            }
            assert_eq!(broken(text, columns).concat(), text);
        }
    }

    #[test]
    fn a_text_is_cut_by_columns_and_says_so() {
        assert_eq!(cut("Ada Lovelace", 12), "Ada Lovelace");
        assert_eq!(cut("Ada Lovelace", 6), "Ada L…");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(fit("日本語", 4), "日… ");
        assert_eq!(cut("abc", 0), "");
    }

    #[test]
    fn text_of_others_cannot_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\tc\r\nd\u{202e}"), "a\u{fffd}[2Jb    c\nd\u{fffd}");
        assert_eq!(one_line("a\n b\u{7}\tc"), "a b\u{fffd} c");
    }
}
