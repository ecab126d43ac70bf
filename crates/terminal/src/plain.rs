//! Text of other people on this person's terminal: it must not move the cursor, change colours, turn the
//! direction of what follows, or look like a line of its own.

/// Stands for what is not shown.
const HIDDEN: char = '\u{FFFD}';
/// Before each further line of a message.
const INDENT: &str = "    ";

/// A name, on one line.
pub(crate) fn name(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || turns_direction(c) { HIDDEN } else { c }).collect()
}

/// A message, whose further lines are indented.
pub(crate) fn message(text: &str) -> String {
    text.lines().map(name_with_tabs).collect::<Vec<_>>().join(&format!("\n{INDENT}"))
}

fn name_with_tabs(line: &str) -> String {
    line.split('\t').map(name).collect::<Vec<_>>().join("\t")
}

/// The explicit directional formatting characters of UAX #9, section 2.
const fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cannot_steer_the_terminal_or_pretend_to_be_another() {
        assert_eq!(message("plain, ünïcödé 👋\tok"), "plain, ünïcödé 👋\tok");
        assert_eq!(message("red \u{1b}[31m"), "red \u{FFFD}[31m");
        assert_eq!(message("one\n#9 10:00 Bob: two"), "one\n    #9 10:00 Bob: two");
        assert_eq!(message("carriage\rreturn"), "carriage\u{FFFD}return");
        assert_eq!(name("Ad\na\u{202E}"), "Ad\u{FFFD}a\u{FFFD}");
    }
}
