//! What the rules look at: the packages as cargo sees them, the files as git does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::process::{cargo, output_of};

/// How a dependency is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Normal,
    Build,
    Dev,
}

/// A package of the workspace.
#[derive(Debug, Clone, Default)]
pub(super) struct Package {
    pub(super) name: String,
    /// Its directory, relative to the root.
    pub(super) folder: PathBuf,
    /// The files its targets begin with, relative to the root.
    pub(super) targets: Vec<PathBuf>,
    /// Dependencies by name.
    pub(super) dependencies: Vec<(String, Use)>,
}

/// Text files by path, relative to the root; binary ones are left out.
pub(super) type Files = BTreeMap<PathBuf, String>;

/// The workspace, read once.
pub(super) struct Workspace {
    pub(super) packages: Vec<Package>,
    pub(super) files: Files,
}

impl Workspace {
    pub(super) fn read(root: &Path) -> Result<Self> {
        Ok(Self { packages: packages(root)?, files: files(root)? })
    }
}

fn packages(root: &Path) -> Result<Vec<Package>> {
    let metadata =
        output_of(cargo(root).args(["metadata", "--no-deps", "--format-version", "1", "--offline"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata is not JSON")?;
    let list =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let text =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let relative = |path: String| {
        let path = PathBuf::from(path);
        path.strip_prefix(root).map(Path::to_owned).unwrap_or(path)
    };
    Ok(list(&metadata, "packages")
        .iter()
        .map(|package| Package {
            name: text(package, "name"),
            folder: relative(text(package, "manifest_path")).parent().map(Path::to_owned).unwrap_or_default(),
            targets: list(package, "targets")
                .iter()
                .map(|target| relative(text(target, "src_path")))
                .collect(),
            dependencies: list(package, "dependencies")
                .iter()
                .map(|dependency| {
                    let kind = match text(dependency, "kind").as_str() {
                        "build" => Use::Build,
                        "dev" => Use::Dev,
                        _ => Use::Normal,
                    };
                    (text(dependency, "name"), kind)
                })
                .collect(),
        })
        .collect())
}

/// All files that are or would be committed.
fn files(root: &Path) -> Result<Files> {
    let mut git = Command::new("git");
    git.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let mut files = Files::new();
    for name in output_of(&mut git)?.split_terminator('\0') {
        // What was removed and not yet committed is not there any more; what is not UTF-8 is not text.
        if let Ok(text) = std::fs::read_to_string(root.join(name)) {
            files.insert(PathBuf::from(name), text);
        }
    }
    Ok(files)
}
