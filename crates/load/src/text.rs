//! Message texts of a given length.

/// A text of exactly `bytes`, different for each number as far as it is long enough.
pub(crate) fn text_of(number: u64, bytes: usize) -> String {
    const FILLER: &str = "the dunlin wades along the shore ";
    let mut text = number.to_string();
    text.truncate(bytes);
    while text.len() < bytes {
        let room = bytes - text.len();
        text.push_str(FILLER.get(..room.min(FILLER.len())).unwrap_or(FILLER));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_the_length_asked_for_and_differ() {
        for bytes in [1, 3, 20, 200, 2_900] {
            assert_eq!(text_of(12_345, bytes).len(), bytes);
        }
        assert_ne!(text_of(1, 200), text_of(2, 200));
    }
}
