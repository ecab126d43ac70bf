//! Every command and every flag of `dunlin` stands in docs/terminal.md, and the other way round.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::Finding;
use super::workspace::Files;
use crate::process::{output_of, target_directory};

const PAGE: &str = "docs/terminal.md";
/// Commands that are nested deeper than this do not exist.
const DEPTH_MAX: usize = 4;
/// What every command has and the page explains once, if at all.
const EVERYWHERE: [&str; 2] = ["--help", "--version"];

/// What a program or a page names.
#[derive(Debug, Default, PartialEq, Eq)]
struct Named {
    /// As they are typed: `members add`.
    commands: BTreeSet<String>,
    flags: BTreeSet<String>,
}

/// Asks the program that was built last.
pub(super) fn check(root: &Path, files: &Files) -> Result<Vec<Finding>> {
    let Some(page) = files.get(Path::new(PAGE)) else {
        return Ok(vec![Finding::Error(format!("{PAGE} is missing"))]);
    };
    let binary = target_directory(root).join("debug/dunlin");
    if !binary.exists() {
        return Ok(vec![Finding::Error("the dunlin binary is not built".to_owned())]);
    }
    let mut program = Named::default();
    ask(&binary, &[], &mut program)?;
    Ok(compare(&program, page))
}

fn ask(binary: &Path, command: &[String], named: &mut Named) -> Result<()> {
    let help = output_of(Command::new(binary).args(command).arg("--help"))?;
    let (subcommands, flags) = read_help(&help);
    named.flags.extend(flags);
    if !command.is_empty() {
        named.commands.insert(command.join(" "));
    }
    for subcommand in subcommands.into_iter().filter(|name| name != "help") {
        if command.len() < DEPTH_MAX {
            let mut deeper = command.to_vec();
            deeper.push(subcommand);
            ask(binary, &deeper, named)?;
        }
    }
    Ok(())
}

/// Commands and flags that a help text lists.
fn read_help(help: &str) -> (Vec<String>, Vec<String>) {
    let (mut commands, mut flags, mut in_commands) = (Vec::new(), Vec::new(), false);
    for line in help.lines() {
        if !line.starts_with(' ') && !line.is_empty() {
            in_commands = line == "Commands:";
        }
        let entry = line.trim_start();
        let indent = line.len() - entry.len();
        let first = entry.split([' ', ',']).next().unwrap_or_default();
        if in_commands && indent == 2 && first.starts_with(|c: char| c.is_ascii_lowercase()) {
            commands.push(first.to_owned());
        } else if (2..=6).contains(&indent) && entry.starts_with('-') {
            flags.extend(flags_in(entry).into_iter().take(1));
        }
    }
    (commands, flags)
}

/// Words such as `--json`.
fn flags_in(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '-')
        .filter(|word| word.starts_with("--") && word.len() > 2 && !word.ends_with('-'))
        .map(str::to_owned)
        .collect()
}

fn compare(program: &Named, page: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let missing = |what: &str| Finding::Error(format!("{PAGE} does not name `{what}`"));
    for command in &program.commands {
        if !names_command(page, command) {
            findings.push(missing(&format!("dunlin {command}")));
        }
    }
    let on_page = flags_in(page);
    for flag in program.flags.difference(&on_page).filter(|flag| !EVERYWHERE.contains(&flag.as_str())) {
        findings.push(missing(flag));
    }
    for flag in on_page.difference(&program.flags) {
        findings.push(Finding::Error(format!("{PAGE} names `{flag}`, which no command has")));
    }
    let first_words: BTreeSet<&str> =
        program.commands.iter().filter_map(|command| command.split(' ').next()).collect();
    for command in typed_commands(page).filter(|command| !first_words.contains(command)) {
        findings.push(Finding::Error(format!("{PAGE} names `dunlin {command}`, which does not exist")));
    }
    findings
}

fn names_command(page: &str, command: &str) -> bool {
    let typed = format!("dunlin {command}");
    page.match_indices(&typed).any(|(at, _)| {
        page[at + typed.len()..].chars().next().is_none_or(|c| !c.is_ascii_alphanumeric() && c != '-')
    })
}

/// What follows `dunlin` where it is written as a command: after a backquote, a prompt or at a line's start.
fn typed_commands(page: &str) -> impl Iterator<Item = &str> {
    page.match_indices("dunlin ").filter_map(|(at, name)| {
        let before = page[..at].chars().next_back();
        let is_typed = before.is_some_and(|c| c == '`') || page[..at].ends_with("$ ");
        let word = page[at + name.len()..].split(|c: char| !c.is_ascii_lowercase() && c != '-').next()?;
        (is_typed && !word.is_empty() && !word.starts_with('-') && word != "help").then_some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELP: &str = "Talk\n\nUsage: dunlin [OPTIONS] <COMMAND>\n\nCommands:\n  send     Says something\n  \
        members  Who is there\n           and who was\n  help     Print this\n\nOptions:\n      \
        --json     For scripts, see --server\n  -s, --server <URL>  Where\n  -h, --help  Print help\n";

    #[test]
    fn a_help_text_is_read() {
        let (commands, flags) = read_help(HELP);
        assert_eq!(commands, ["send", "members", "help"]);
        assert_eq!(flags, ["--json", "--server", "--help"]);
    }

    #[test]
    fn what_the_page_forgets_and_what_it_invents_is_found() {
        let program = Named {
            commands: ["send".to_owned(), "members add".to_owned()].into(),
            flags: ["--json".to_owned(), "--help".to_owned(), "--all".to_owned()].into(),
        };
        let page = "# Terminal\n`dunlin send`, `dunlin fly` and `--json`, `--wings`\n";
        let findings = compare(&program, page);
        assert_eq!(findings.len(), 4, "{findings:?}");
        assert!(compare(&program, "`dunlin send` `dunlin members add` --json --all").is_empty());
    }
}
