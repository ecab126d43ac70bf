//! Source files stay short enough to be read at once.

use super::Finding;
use super::workspace::Files;

/// Lines at which a file is looked at again.
const LINES_WARN: usize = 500;
/// Lines at which a file must have been split.
const LINES_MAX: usize = 800;

pub(super) fn check(files: &Files) -> Vec<Finding> {
    let sources =
        files.iter().filter(|(path, _)| path.extension().is_some_and(|extension| extension == "rs"));
    sources
        .filter_map(|(path, text)| {
            let lines = text.lines().count();
            let sentence = format!("{} has {lines} lines", path.display());
            match lines {
                LINES_MAX.. => Some(Finding::Error(sentence)),
                LINES_WARN.. => Some(Finding::Warning(sentence)),
                _ => None,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_found() {
        let file = |name: &str, lines: usize| (name.into(), "//\n".repeat(lines));
        let files =
            Files::from([file("a.rs", 499), file("b.rs", 500), file("c.rs", 800), file("d.md", 9_000)]);
        let findings = check(&files);
        assert!(matches!(findings.as_slice(), [Finding::Warning(b), Finding::Error(c)]
            if b.starts_with("b.rs") && c.starts_with("c.rs")));
    }
}
