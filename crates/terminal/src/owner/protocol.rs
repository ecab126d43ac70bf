//! What owner and guest say to each other: a JSON value a line.

use std::io;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes of a line at the most: a message read from standard input, escaped, fits.
const LINE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// What a guest wants, said once.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    /// Whose vault it looks for: user and number.
    pub(crate) device: String,
    /// The command line, without the program's name.
    pub(crate) arguments: Vec<String>,
    /// What was read from standard input, for commands that do.
    pub(crate) input: Option<String>,
    /// The directory that it runs in.
    #[serde(default)]
    pub(crate) folder: PathBuf,
    /// The name of the time zone that times are shown in.
    pub(crate) zone: Option<String>,
    /// Whether there is a person to ask.
    pub(crate) has_person: bool,
    /// Whether the owner is to let this process own the vault instead of carrying anything out.
    #[serde(default)]
    pub(crate) hand_over: bool,
}

/// What the owner says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Said {
    /// All places are taken; the request is carried out when one is free.
    Full,
    /// The request is being carried out.
    Accepted,
    /// To be printed.
    Line(String),
    /// To be told to a person.
    Note(String),
    /// To be asked; an [`Answer`] is due.
    Ask {
        /// The question.
        question: String,
        /// Whether the answer is not shown while it is typed.
        secret: bool,
    },
    /// The command ended with this exit code.
    End(u8),
    /// The owner leaves; the command, which has no end of its own or runs nowhere else, is to be begun again.
    Again,
}

/// What a person said; `None` where there is nobody, or nothing was typed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer(pub(super) Option<String>);

/// Reads a line; `None` at the end. Not cancel safe.
pub(super) async fn read<T: DeserializeOwned>(
    from: &mut (impl AsyncBufRead + Unpin),
) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    from.take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await?;
    match line.last() {
        Some(b'\n') => Ok(Some(serde_json::from_slice(&line)?)),
        // An end in the middle of a line is an end.
        Some(_) | None => Ok(None),
    }
}

/// Writes a line. Not cancel safe.
pub(super) async fn write(to: &mut (impl AsyncWrite + Unpin), value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    to.write_all(&line).await?;
    to.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_said_reads_back_and_a_torn_line_is_an_end() {
        let mut bytes = Vec::new();
        write(&mut bytes, &Said::Line("two\nlines".into())).await.unwrap();
        write(&mut bytes, &Said::End(3)).await.unwrap();
        bytes.extend(b"\"Accep");
        let mut from = bytes.as_slice();
        assert!(matches!(read(&mut from).await.unwrap(), Some(Said::Line(text)) if text == "two\nlines"));
        assert!(matches!(read(&mut from).await.unwrap(), Some(Said::End(3))));
        assert!(read::<Said>(&mut from).await.unwrap().is_none());
    }
}
