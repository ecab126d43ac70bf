//! The owner's end of the line to a guest, as a command prints to it.

use std::fmt;

use tokio::io::AsyncWrite;
use tokio::sync::mpsc;

use super::protocol::{Answer, Said, write};
use crate::failure::{Failure, Result};

/// Prints at a guest, and asks its person.
pub(crate) struct GuestLine {
    to: Box<dyn AsyncWrite + Send + Unpin>,
    answers: mpsc::Receiver<Answer>,
    has_person: bool,
}

impl fmt::Debug for GuestLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuestLine").finish_non_exhaustive()
    }
}

impl GuestLine {
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are no guests without Unix sockets"))]
    pub(super) fn new(
        to: Box<dyn AsyncWrite + Send + Unpin>,
        answers: mpsc::Receiver<Answer>,
        has_person: bool,
    ) -> Self {
        Self { to, answers, has_person }
    }

    pub(crate) const fn has_person(&self) -> bool {
        self.has_person
    }

    pub(crate) async fn line(&mut self, line: &str) -> Result {
        self.say(&Said::Line(line.to_owned())).await
    }

    pub(crate) async fn note(&mut self, text: &str) -> Result {
        self.say(&Said::Note(text.to_owned())).await
    }

    pub(crate) async fn ask(&mut self, question: &str, secret: bool) -> Result<Option<String>> {
        self.say(&Said::Ask { question: question.to_owned(), secret }).await?;
        match self.answers.recv().await {
            Some(Answer(answer)) => Ok(answer),
            None => Err(Failure::OutputClosed),
        }
    }

    pub(crate) async fn end(&mut self, ran: Result<u8, &Failure>) {
        let said = match ran {
            Ok(code) => Said::End(code),
            Err(Failure::Moved) => Said::Again,
            Err(failure) => Said::End(failure.exit_code()),
        };
        // A guest that is gone needs no end.
        let _ = self.say(&said).await;
    }

    pub(super) async fn say(&mut self, said: &Said) -> Result {
        write(&mut self.to, said).await.map_err(|_| Failure::OutputClosed)
    }
}
