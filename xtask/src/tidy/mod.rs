//! `cargo xtask tidy`: the rules of the house that no compiler checks. Each has a file here, and a test that
//! plants what it must find. Settings and metrics are compared with their pages by tests of the server.

mod arrows;
mod commands;
mod dead;
mod pages;
mod sizes;
mod words;
mod workspace;

use std::path::Path;

use anyhow::Result;

use crate::process::{cargo, succeeds};
use workspace::Workspace;

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Finding {
    /// Worth a look.
    Warning(String),
    /// Fails the check.
    Error(String),
}

/// Builds the program, whose commands are looked at, and applies every rule; false when one is broken.
pub(crate) fn tidy(root: &Path) -> Result<bool> {
    let is_built = succeeds(cargo(root).args(["build", "--quiet", "--locked", "--package", "dunlin-cli"]))?;
    Ok(check(root)? && is_built)
}

/// Applies every rule, with the program as it was built last; false when one is broken.
pub(crate) fn check(root: &Path) -> Result<bool> {
    let workspace = Workspace::read(root)?;
    let mut findings = Vec::new();
    findings.extend(arrows::check(&workspace.packages));
    findings.extend(sizes::check(&workspace.files));
    findings.extend(dead::check(&workspace.packages, &workspace.files));
    findings.extend(words::check(&workspace.files));
    findings.extend(pages::check(&workspace.files));
    findings.extend(commands::check(root, &workspace.files)?);
    findings.sort();
    let mut errors = 0;
    for finding in &findings {
        match finding {
            Finding::Warning(text) => println!("warning: {text}"),
            Finding::Error(text) => {
                errors += 1;
                println!("error: {text}");
            }
        }
    }
    let files = workspace.files.len();
    println!("tidy: {files} files, {errors} errors, {} warnings", findings.len() - errors);
    Ok(errors == 0)
}
