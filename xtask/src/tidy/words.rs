//! Words that do not belong in a repository: markers of unfinished work, and paths of one machine.

use super::Finding;
use super::workspace::Files;

/// Unfinished work goes into an issue, not into the code. Written apart, so that this file may stand.
const MARKERS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
/// Where machines keep things that others do not have.
const PLACES: [&str; 4] =
    [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

pub(super) fn check(files: &Files) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in files {
        for (index, line) in text.lines().enumerate() {
            let markers = MARKERS.iter().filter(|marker| has_word(line, marker));
            for wrong in markers.chain(PLACES.iter().filter(|place| has_place(line, place))) {
                findings.push(Finding::Error(format!("{}:{} says {wrong}", path.display(), index + 1)));
            }
        }
    }
    findings
}

/// Whether the word stands by itself: base64 and hashes may contain anything.
fn has_word(line: &str, word: &str) -> bool {
    let apart =
        |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '/' | '_'));
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        apart(before.chars().next_back()) && apart(after.chars().next())
    })
}

/// Whether the place is at the beginning of a path: `api/work/` is somewhere else.
fn has_place(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_' | '-' | '}' | '*'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> usize {
        check(&Files::from([("a.rs".into(), line.to_owned())])).len()
    }

    #[test]
    fn a_marker_of_unfinished_work_is_found() {
        assert_eq!(found(concat!("// TO", "DO: later")), 1);
        assert_eq!(found(concat!("x(); // FIX", "ME")), 1);
        assert_eq!(found(concat!("sha512-aTO", "DOb/XX", "Xc")), 0);
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        assert_eq!(found(concat!("let a = \"/ho", "me/ada/dunlin\";")), 1);
        assert_eq!(found(concat!("open /Us", "ers/ada")), 1);
        assert_eq!(found(concat!("https://example.org/api/wo", "rk/1")), 0);
    }
}
