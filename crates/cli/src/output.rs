//! What is printed: sentences for people, or one JSON value a line for scripts.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use crate::failure::{Failure, Result};

/// Standard output in one of the two forms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether scripts read it.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// Prints `value` for scripts, or else what `text` gives for people.
    pub(crate) fn show(self, value: &Value, text: impl FnOnce() -> String) -> Result {
        if self.json { self.line(&value.to_string()) } else { self.line(&text()) }
    }

    /// Prints each item of a list: one JSON value a line, or what `text` gives.
    pub(crate) fn list<T>(
        self,
        items: &[T],
        value: impl Fn(&T) -> Value,
        text: impl Fn(&T) -> String,
    ) -> Result {
        let lines: Vec<String> =
            items.iter().map(|item| if self.json { value(item).to_string() } else { text(item) }).collect();
        if lines.is_empty() { Ok(()) } else { self.line(&lines.join("\n")) }
    }

    /// Prints a line as it is.
    pub(crate) fn line(self, line: &str) -> Result {
        let mut out = io::stdout().lock();
        writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::OutputClosed,
            _ => Failure::Failed(format!("The output cannot be written: {error}.")),
        })
    }

    /// Tells a person something that is not the result.
    pub(crate) fn note(self, text: &str) {
        // A note that nobody can read is not worth failing for.
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Asks a person; fails when there is none.
    pub(crate) fn ask(self, question: &str, instead: &str) -> Result<String> {
        let missing = || Failure::Usage(format!("{question} is needed. {instead}"));
        if !io::stdin().is_terminal() {
            return Err(missing());
        }
        let _ = write!(io::stderr(), "{question}: ").and_then(|()| io::stderr().flush());
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).map_err(|_| missing())?;
        let answer = answer.trim();
        if answer.is_empty() { Err(missing()) } else { Ok(answer.to_owned()) }
    }

    /// Whether there is a person to ask.
    pub(crate) fn can_ask(self) -> bool {
        !self.json && io::stdin().is_terminal()
    }
}
