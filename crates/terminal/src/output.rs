//! What is printed: sentences for people, or one JSON value a line for scripts; here, or by the process that asked.

mod secret;

use std::io::{self, IsTerminal};

use dunlin_model::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use tokio::io::{AsyncWriteExt, stderr, stdout};

use crate::failure::{Failure, Result};
use crate::localtime;
use crate::owner::GuestLine;

/// Where a command's lines go, and in which form.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    zone: TimeZone,
    to: Sink,
}

#[derive(Debug)]
enum Sink {
    /// This process's own standard output and error.
    Terminal,
    /// Another process of the profile.
    Guest(GuestLine),
}

impl Output {
    /// This process's own.
    pub(crate) fn terminal(json: bool) -> Self {
        Self { json, zone: TimeZone::system(), to: Sink::Terminal }
    }

    /// That of a process that asked, whose times are in `zone`.
    pub(crate) fn guest(json: bool, zone: Option<&str>, line: GuestLine) -> Self {
        let named = zone.and_then(|name| TimeZone::get(name).ok());
        Self { json, zone: named.unwrap_or_else(TimeZone::system), to: Sink::Guest(line) }
    }

    /// Whether scripts read it.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Whether it is that of another process.
    pub(crate) const fn is_guest(&self) -> bool {
        matches!(self.to, Sink::Guest(_))
    }

    /// The zone that times are shown in.
    pub(crate) const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// A time as the reader reads it.
    pub(crate) fn time(&self, time: Timestamp, now: Timestamp) -> String {
        localtime::short(time, now, &self.zone)
    }

    /// Prints `value` for scripts, or else what `text` gives for people.
    pub(crate) async fn show(&mut self, value: &Value, text: impl FnOnce() -> String) -> Result {
        let line = if self.json { value.to_string() } else { text() };
        self.line(&line).await
    }

    /// Prints each item of a list: one JSON value a line, or what `text` gives.
    pub(crate) async fn list<T>(
        &mut self,
        items: &[T],
        value: impl Fn(&T) -> Value,
        text: impl Fn(&T) -> String,
    ) -> Result {
        let lines: Vec<String> =
            items.iter().map(|item| if self.json { value(item).to_string() } else { text(item) }).collect();
        if lines.is_empty() { Ok(()) } else { self.line(&lines.join("\n")).await }
    }

    /// Tells that something is done that has no result.
    pub(crate) async fn done(&mut self, text: &str) -> Result {
        self.show(&serde_json::json!({"done": true}), || text.to_owned()).await
    }

    /// Prints a line as it is. Not cancel safe: a part of it may have been written.
    pub(crate) async fn line(&mut self, line: &str) -> Result {
        match &mut self.to {
            Sink::Guest(guest) => guest.line(line).await,
            Sink::Terminal => print(line).await.map_err(|error| match error.kind() {
                io::ErrorKind::BrokenPipe => Failure::OutputClosed,
                _ => Failure::Failed(format!("The output cannot be written: {error}.")),
            }),
        }
    }

    /// Tells a person something that is not the result.
    pub(crate) async fn note(&mut self, text: &str) {
        // A note that nobody can read is not worth failing for.
        match &mut self.to {
            Sink::Guest(guest) => drop(guest.note(text).await),
            Sink::Terminal => {
                let mut err = stderr();
                let _ = err.write_all(format!("{text}\n").as_bytes()).await;
                let _ = err.flush().await;
            }
        }
    }

    /// Tells why a command failed.
    pub(crate) async fn failure(&mut self, failure: &Failure) {
        if failure.is_told() {
            let text = if self.json { failure.to_json().to_string() } else { failure.to_string() };
            self.note(&text).await;
        }
    }

    /// Asks a person; fails when there is none.
    pub(crate) async fn ask(&mut self, question: &str, instead: &str) -> Result<String> {
        self.question(question, instead, false).await
    }

    /// As [`Output::ask`], and what is typed is not shown.
    pub(crate) async fn ask_secret(&mut self, question: &str, instead: &str) -> Result<String> {
        self.question(question, instead, true).await
    }

    async fn question(&mut self, question: &str, instead: &str, secret: bool) -> Result<String> {
        let missing = || Failure::Usage(format!("{question} is needed. {instead}"));
        let answer = match &mut self.to {
            Sink::Guest(guest) => guest.ask(question, secret).await?,
            Sink::Terminal => answer(question, secret).await,
        };
        answer.ok_or_else(missing)
    }

    /// Tells a guest how its command ended; this process's own ends by its exit code.
    pub(crate) async fn end(mut self, ran: Result<u8, &Failure>) {
        if let Sink::Guest(guest) = &mut self.to {
            guest.end(ran).await;
        }
    }

    /// Whether there is a person to ask.
    pub(crate) fn can_ask(&self) -> bool {
        let has_person = match &self.to {
            Sink::Guest(guest) => guest.has_person(),
            Sink::Terminal => io::stdin().is_terminal(),
        };
        has_person && !self.json
    }
}

async fn print(line: &str) -> io::Result<()> {
    let mut out = stdout();
    out.write_all(format!("{line}\n").as_bytes()).await?;
    out.flush().await
}

/// What the person at this process's terminal types; `None` when there is nobody, or nothing.
pub(crate) async fn answer(question: &str, secret: bool) -> Option<String> {
    if !io::stdin().is_terminal() {
        return None;
    }
    let mut err = stderr();
    err.write_all(format!("{question}: ").as_bytes()).await.ok()?;
    err.flush().await.ok()?;
    let read = move || if secret { secret::read_line() } else { io::stdin().lines().next()?.ok() };
    let answer = tokio::task::spawn_blocking(read).await.ok()??;
    // What is typed as a secret may begin with spaces.
    let answer = if secret { answer } else { answer.trim().to_owned() };
    Some(answer).filter(|answer| !answer.is_empty())
}
