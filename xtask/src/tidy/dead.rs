//! No source file that nothing reaches: each is a target's first file or declared as a module.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Finding;
use super::workspace::{Files, Package};

pub(super) fn check(packages: &[Package], files: &Files) -> Vec<Finding> {
    let mut reached = BTreeSet::new();
    for target in packages.iter().flat_map(|package| &package.targets) {
        reach(target, true, files, &mut reached);
    }
    let ours = |path: &Path| packages.iter().any(|package| path.starts_with(&package.folder));
    files
        .keys()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter(|path| ours(path) && !reached.contains(*path))
        .map(|path| Finding::Error(format!("{} is not part of any target", path.display())))
        .collect()
}

fn reach(file: &Path, is_root: bool, files: &Files, reached: &mut BTreeSet<PathBuf>) {
    let Some(text) = files.get(file) else { return };
    if !reached.insert(file.to_owned()) {
        return;
    }
    let folder = file.parent().unwrap_or(Path::new(""));
    let beside = is_root || file.file_name().is_some_and(|name| name == "mod.rs");
    let inside = if beside { folder.to_owned() } else { file.with_extension("") };
    let mut named = None;
    for line in text.lines().map(str::trim) {
        if let Some(path) = line.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]")) {
            named = Some(path);
        } else if let Some(module) = declared_module(line) {
            match named.take() {
                Some(path) => reach(&normal(&folder.join(path)), true, files, reached),
                None => {
                    reach(&inside.join(format!("{module}.rs")), false, files, reached);
                    reach(&inside.join(module).join("mod.rs"), false, files, reached);
                }
            }
        }
    }
}

/// The name in `mod name;`, with or without visibility.
fn declared_module(line: &str) -> Option<&str> {
    let line = line.strip_suffix(';')?;
    let rest = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) => rest.trim_start(),
        None => line,
    };
    let name = rest.strip_prefix("mod ")?;
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then_some(name)
}

/// The path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path {
        if part == ".." {
            normal.pop();
        } else {
            normal.push(part);
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_nothing_declares_is_found() {
        let file = |name: &str, text: &str| (PathBuf::from(name), text.to_owned());
        let files = Files::from([
            file("a/src/lib.rs", "mod one;\npub(crate) mod two;\n#[path = \"../odd.rs\"]\nmod odd;\n"),
            file("a/src/one.rs", "mod inner;"),
            file("a/src/one/inner.rs", ""),
            file("a/src/two/mod.rs", "pub mod deep;"),
            file("a/src/two/deep.rs", ""),
            file("a/odd.rs", ""),
            file("a/src/forgotten.rs", ""),
            file("elsewhere/fixture.rs", ""),
        ]);
        let package =
            Package { folder: "a".into(), targets: vec!["a/src/lib.rs".into()], ..Package::default() };
        let findings = check(&[package], &files);
        assert_eq!(findings, [Finding::Error("a/src/forgotten.rs is not part of any target".to_owned())]);
    }
}
