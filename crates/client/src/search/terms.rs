//! Text to terms: folded, so that `Élan`, `ELAN` and `elan` are one, and cut into words.
//!
//! Compatibility decomposition (NFKD, UAX #15), accents dropped, lower case, a few letters spelled out. Words are
//! runs of letters and digits. Scripts without spaces between words are cut into pairs of neighbouring characters,
//! the last one also alone: one character is then the beginning of a pair, and two or more are looked for as pairs.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

use super::{TERM_BYTES_MAX, TERMS_PER_MESSAGE_MAX, TERMS_PER_QUERY_MAX};

/// The terms of a message in ascending order.
pub(super) fn of_message(text: &str) -> Vec<String> {
    let mut terms = BTreeSet::new();
    each_run(text, &mut |run| {
        if let Run::Unspaced(characters) = run {
            terms.extend(pairs(characters));
            terms.extend(characters.last().map(|&last| last.to_string()));
        } else if let Run::Word(word) = run {
            terms.insert(word);
        }
        terms.len() < TERMS_PER_MESSAGE_MAX
    });
    terms.into_iter().take(TERMS_PER_MESSAGE_MAX).collect()
}

/// The beginnings of terms that a query asks for, the longest first: it leaves the fewest messages.
pub(super) fn of_query(text: &str) -> Vec<String> {
    let mut terms = BTreeSet::new();
    each_run(text, &mut |run| {
        match run {
            Run::Word(word) => drop(terms.insert(word)),
            Run::Unspaced([only]) => drop(terms.insert(only.to_string())),
            Run::Unspaced(characters) => terms.extend(pairs(characters)),
        }
        terms.len() < TERMS_PER_QUERY_MAX
    });
    let mut terms: Vec<String> = terms.into_iter().take(TERMS_PER_QUERY_MAX).collect();
    terms.sort_by_key(|term| std::cmp::Reverse(term.len()));
    terms
}

fn pairs(characters: &[char]) -> impl Iterator<Item = String> {
    characters.windows(2).map(|pair| pair.iter().collect())
}

/// Neighbouring characters that belong together.
enum Run<'a> {
    Word(String),
    Unspaced(&'a [char]),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Word,
    Unspaced,
    Gap,
}

/// Gives `take` one run after the other until it says that it has enough.
fn each_run(text: &str, take: &mut dyn FnMut(Run<'_>) -> bool) {
    let mut run: Vec<char> = Vec::new();
    let mut class = Class::Gap;
    for c in fold(text).chain(std::iter::once(' ')) {
        // Marks that are kept go with the letter before them.
        let next = if is_combining_mark(c) && class != Class::Gap { class } else { class_of(c) };
        if next != class {
            let goes_on = match class {
                Class::Word => take(Run::Word(cut(&run))),
                Class::Unspaced => take(Run::Unspaced(&run)),
                Class::Gap => true,
            };
            if !goes_on {
                return;
            }
            run.clear();
            class = next;
        }
        if next != Class::Gap {
            run.push(c);
        }
    }
}

fn cut(word: &[char]) -> String {
    let mut term = String::new();
    for &c in word {
        if term.len() + c.len_utf8() > TERM_BYTES_MAX {
            break;
        }
        term.push(c);
    }
    term
}

fn fold(text: &str) -> impl Iterator<Item = char> {
    text.nfkd()
        .filter(|&c| !is_accent(c) && !is_invisible(c))
        .flat_map(char::to_lowercase)
        .filter(|&c| !is_accent(c))
        .flat_map(spelled_out)
        .nfc()
}

/// Marks above and below letters. Those that make another letter are kept: nukta (7), the voicing of kana (8),
/// virama (9), and the vowel signs of Indic scripts, which do not combine in this sense (0).
fn is_accent(c: char) -> bool {
    !matches!(canonical_combining_class(c), 0 | 7 | 8 | 9)
}

/// Soft hyphen, Arabic tatweel, joiners and variation selectors: they do not end a word.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{640}' | '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FE00}'..='\u{FE0F}')
}

/// Letters that have no decomposition, but that people type without their stroke or as two.
fn spelled_out(c: char) -> impl Iterator<Item = char> {
    let (first, second) = match c {
        'ß' => ('s', Some('s')),
        'æ' => ('a', Some('e')),
        'œ' => ('o', Some('e')),
        'þ' => ('t', Some('h')),
        'ø' => ('o', None),
        'đ' | 'ð' => ('d', None),
        'ħ' => ('h', None),
        'ı' => ('i', None),
        'ł' => ('l', None),
        'ŧ' => ('t', None),
        'ς' => ('σ', None),
        other => (other, None),
    };
    std::iter::once(first).chain(second)
}

fn class_of(c: char) -> Class {
    if !c.is_alphanumeric() && !is_combining_mark(c) {
        Class::Gap
    } else if is_unspaced(c) {
        Class::Unspaced
    } else {
        Class::Word
    }
}

/// Thai, Lao, Myanmar, Khmer, kana and Han; Korean puts spaces between words.
const fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{E00}'..='\u{EFF}'
        | '\u{1000}'..='\u{109F}'
        | '\u{1780}'..='\u{17FF}'
        | '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{30FF}'
        | '\u{31F0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{323AF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_case_and_width_are_folded() {
        for (text, folded) in [
            ("Élan vital", vec!["elan", "vital"]),
            ("e\u{301}lan", vec!["elan"]),
            ("Straße STRASSE", vec!["strasse"]),
            ("Ｆｕｌｌ ﬁne ①", vec!["1", "fine", "full"]),
            ("İstanbul Diyarbakır", vec!["diyarbakir", "istanbul"]),
            ("Łódź Ærø", vec!["aero", "lodz"]),
            ("ΟΔΟΣ οδός", vec!["οδοσ"]),
            ("ёлка Ёлка", vec!["елка"]),
            ("أَحْمَد احمد", vec!["احمد"]),
            ("zu\u{AD}sammen", vec!["zusammen"]),
        ] {
            assert_eq!(of_message(text), folded, "{text}");
        }
    }

    #[test]
    fn words_end_where_letters_and_digits_do() {
        assert_eq!(
            of_message("can't stop, snake_case 3.14!"),
            ["14", "3", "can", "case", "snake", "stop", "t"]
        );
        assert!(of_message(" … 🎉 -- ").is_empty());
        assert!(of_query("").is_empty());
    }

    #[test]
    fn scripts_without_spaces_become_pairs() {
        assert_eq!(of_message("東京都"), ["京都", "東京", "都"]);
        assert_eq!(of_query("東京都"), ["京都", "東京"]);
        assert_eq!(of_query("都"), ["都"]);
        assert_eq!(of_message("ｶﾞｽ"), ["ガス", "ス"], "half width kana, their voicing kept");
        assert_eq!(of_message("第3章abc"), ["3", "abc", "章", "第"]);
        assert_eq!(of_message("한국어 공부"), ["공부", "한국어"]);
    }

    #[test]
    fn indic_vowels_are_letters_of_their_word() {
        assert_eq!(of_message("हिन्दी"), ["हिन्दी"]);
        assert_ne!(of_message("कि"), of_message("की"));
    }

    #[test]
    fn long_words_and_long_texts_are_cut() {
        let word = "ab".repeat(TERM_BYTES_MAX);
        assert_eq!(of_message(&word), of_query(&word));
        assert_eq!(of_message(&word)[0].len(), TERM_BYTES_MAX);
        let many: String = (0..2 * TERMS_PER_MESSAGE_MAX).map(|n| format!("w{n} ")).collect();
        assert_eq!(of_message(&many).len(), TERMS_PER_MESSAGE_MAX);
        assert_eq!(of_query(&many).len(), TERMS_PER_QUERY_MAX);
    }
}
