//! Pages: one heading of the first level each, and no link to a file that is not there.

use std::path::{Component, Path, PathBuf};

use super::Finding;
use super::workspace::Files;

pub(super) fn check(files: &Files) -> Vec<Finding> {
    let pages = files.iter().filter(|(path, _)| path.extension().is_some_and(|extension| extension == "md"));
    pages.flat_map(|(path, text)| check_page(path, text, files)).collect()
}

fn check_page(path: &Path, text: &str, files: &Files) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut headings = 0;
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            headings += usize::from(line.starts_with("# "));
            for link in links(line).filter(|link| !leads_somewhere(path, link, files)) {
                findings
                    .push(Finding::Error(format!("{} links to {link}, which is not there", path.display())));
            }
        }
    }
    if headings != 1 {
        findings.push(Finding::Error(format!("{} has {headings} first-level headings", path.display())));
    }
    findings
}

/// The targets of `[text](target)` in a line.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

fn leads_somewhere(page: &Path, link: &str, files: &Files) -> bool {
    let target = link.split('#').next().unwrap_or_default();
    if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
        return true;
    }
    let mut wanted = PathBuf::new();
    for part in page.parent().unwrap_or(Path::new("")).join(target).components() {
        match part {
            Component::ParentDir => {
                wanted.pop();
            }
            Component::Normal(part) => wanted.push(part),
            _ => {}
        }
    }
    // A picture is not text, so it is not among the files; its name is looked up on the disk of the one
    // who runs this, from the root.
    files.keys().any(|path| path.starts_with(&wanted)) || wanted.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_heading_and_a_link_to_nowhere_are_found() {
        let page = "# One\n\n# Two\n\n[a](missing.md) [b](there.md#part) [c](https://example.org)\n```\n# code\n```\n";
        let files = Files::from([
            (PathBuf::from("docs/page.md"), page.to_owned()),
            (PathBuf::from("docs/there.md"), "# There\n".to_owned()),
        ]);
        assert_eq!(
            check(&files),
            [
                Finding::Error("docs/page.md links to missing.md, which is not there".to_owned()),
                Finding::Error("docs/page.md has 2 first-level headings".to_owned()),
            ]
        );
    }
}
