//! Files: sent with a message, and saved from one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use dunlin_client::Action;
use dunlin_client::content::limits::{ATTACHMENTS_MAX, FILE_NAME_BYTES_MAX};
use dunlin_client::content::{Attachment, Content, Files, Text};
use dunlin_client::query::{BodyView, Item};
use dunlin_client_native::SystemRandomness;
use dunlin_client_native::files::{Download, Progress, TransferError, download, report_saved, upload};
use dunlin_model::{ChatId, Seq};
use serde_json::json;

use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::plain;
use crate::profile::sync_dir;
use crate::session::{NO_WAIT, Session};

/// Names tried for a file where there is one of its name already.
const NAMES_TRIED_MAX: u32 = 1_000;

impl Session {
    /// What sends files with a text below them; they are where attachments are kept when this returns. What an earlier
    /// command began is gone on with.
    pub(super) async fn files_message(
        &self,
        out: &mut Output,
        chat: ChatId,
        paths: &[PathBuf],
        text: String,
        reply: Option<Seq>,
    ) -> Result<Action> {
        if !self.takes_content(chat).await? {
            return Err(Failure::Failed("Files can be sent to encrypted chats only.".into()));
        }
        if paths.len() > ATTACHMENTS_MAX {
            return Err(Failure::Failed(format!("A message can have {ATTACHMENTS_MAX} files.")));
        }
        let reply_to = match reply {
            Some(seq) => Some(self.reference(chat, seq)?),
            None => None,
        };
        let mut attachments = Vec::new();
        for path in paths {
            attachments.push(self.uploaded(out, chat, path).await?);
        }
        let caption = Text { text, mentions: Vec::new(), reply_to };
        Ok(Action::Send { chat, content: Content::Files(Files { attachments, caption }) })
    }

    async fn uploaded(&self, out: &mut Output, chat: ChatId, path: &Path) -> Result<Attachment> {
        let unreadable =
            |error: &io::Error| Failure::Failed(format!("{} cannot be read: {error}.", path.display()));
        let file = File::open(path).map_err(|error| unreadable(&error))?;
        if !file.metadata().map_err(|error| unreadable(&error))?.is_file() {
            return Err(Failure::Failed(format!("{} is not a file.", path.display())));
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut steps = Steps::new(out, &name, "sent");
        let (tokens, randomness) = (self.tokens(), &SystemRandomness);
        let earlier = self.begun_transfer(chat, path);
        let note = async |begun| {
            let noted = self.note_transfer(chat, path, begun).await;
            noted.map_err(|error| TransferError::File(io::Error::other(error)))
        };
        let reach = |progress| steps.reach(progress);
        let uploaded = upload(&self.api, tokens, randomness, file, earlier, note, reach);
        let uploaded = Box::pin(uploaded).await.map_err(|error| self.transfer_failure(&name, &error))?;
        steps.tell().await;
        Ok(Attachment {
            id: uploaded.id,
            key: uploaded.key,
            digest: uploaded.digest,
            size_bytes: uploaded.size_bytes,
            media_type: media_type(&name).to_owned(),
            file_name: safe_name(&name),
            thumbnail: Vec::new(),
            dimensions: None,
            duration_ms: 0,
            voice_note: None,
        })
    }

    pub(super) async fn save(&self, out: &mut Output, chat: &str, seq: u64, to: &Path) -> Result {
        self.catch_up(NO_WAIT).await?;
        let chat = self.find_chat(chat).await?;
        let Some(Item::Message(message)) = self.device.view(chat, Seq(seq)) else {
            return Err(Failure::Failed(format!("There is no message #{seq} here.")));
        };
        let BodyView::Files(files) = &message.body else {
            return Err(Failure::Failed(format!("#{seq} has no files.")));
        };
        for attachment in &files.attachments {
            let place = self.saved(out, chat, Seq(seq), attachment, to).await?;
            let value = json!({
                "chat": chat.to_string(), "seq": seq, "file": place.to_string_lossy(),
                "bytes": attachment.size_bytes,
            });
            out.show(&value, || format!("Saved {}.", plain::name(&place.to_string_lossy()))).await?;
        }
        Ok(())
    }

    async fn saved(
        &self,
        out: &mut Output,
        chat: ChatId,
        seq: Seq,
        attachment: &Attachment,
        to: &Path,
    ) -> Result<PathBuf> {
        let name = safe_name(&attachment.file_name);
        let failed = |error: &io::Error| {
            Failure::Failed(format!("{name} cannot be saved in {}: {error}.", to.display()))
        };
        let (place, half_done) = free_place(to, &name).map_err(|error| failed(&error))?;
        let mut steps = Steps::new(out, &name, "saved");
        let what = Download { chat, seq, attachment };
        let done = async {
            let mut file = OpenOptions::new().write(true).create_new(true).open(&half_done)?;
            let (tokens, randomness) = (self.tokens(), &SystemRandomness);
            let reach = |progress| steps.reach(progress);
            download(&self.api, tokens, randomness, what, &mut file, reach).await?;
            // The place is our own empty file: nothing of anybody's is lost.
            fs::rename(&half_done, &place)?;
            Ok::<(), TransferError>(())
        };
        if let Err(error) = Box::pin(done).await {
            // What is told is why it failed.
            let _ = fs::remove_file(&half_done);
            let _ = fs::remove_file(&place);
            return Err(self.transfer_failure(&name, &error));
        }
        self.report(&place, what).await;
        steps.tell().await;
        Ok(place)
    }

    /// Tells the server that it may forget a file that is safe here. Otherwise it stays there until it is old.
    async fn report(&self, place: &Path, what: Download<'_>) {
        let told = match sync_dir(place) {
            Ok(()) => report_saved(&self.api, self.tokens(), what).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = told {
            tracing::debug!(%error, "the server was not told that a file was saved");
        }
    }

    fn transfer_failure(&self, name: &str, error: &TransferError) -> Failure {
        match error {
            TransferError::Api(error) => self.api_failure(error),
            TransferError::Token(error) => Failure::of_token(&self.server, error),
            error => Failure::Failed(format!("{}: {error}.", plain::name(name))),
        }
    }
}

/// How far a file got, told once it is there.
struct Steps<'a> {
    out: &'a mut Output,
    name: String,
    what: &'static str,
    last: Option<Progress>,
}

impl<'a> Steps<'a> {
    fn new(out: &'a mut Output, name: &str, what: &'static str) -> Self {
        Self { out, name: plain::name(name), what, last: None }
    }

    fn reach(&mut self, progress: Progress) {
        self.last = Some(progress);
    }

    async fn tell(self) {
        if let Some(Progress { done, .. }) = self.last.filter(|_| !self.out.is_json()) {
            self.out.note(&format!("{}: {} {}.", self.name, size(done), self.what)).await;
        }
    }
}

/// So many bytes, as people say it.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..1_000_000_000 => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10),
    }
}

/// A file's name from outside, as one of a file in a folder: no other folder, nothing hidden, nothing that looks like
/// an option, nothing that turns the direction of text.
fn safe_name(name: &str) -> String {
    let plain: String = plain::name(name)
        .chars()
        .map(|c| if matches!(c, '/' | '\\' | ':' | char::REPLACEMENT_CHARACTER) { '_' } else { c })
        .collect();
    let mut safe = plain.trim_matches([' ', '.']).to_owned();
    while safe.len() > FILE_NAME_BYTES_MAX - 32 {
        safe.pop();
    }
    if safe.starts_with('-') {
        safe.insert(0, '_');
    }
    if safe.is_empty() { "file".to_owned() } else { safe }
}

/// A place in `folder` that was free and is reserved with an empty file now, and one beside it to write to.
fn free_place(folder: &Path, name: &str) -> io::Result<(PathBuf, PathBuf)> {
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    for number in 0..NAMES_TRIED_MAX {
        let name = if number == 0 { name.to_owned() } else { format!("{stem} ({number}){extension}") };
        let (place, half_done) = (folder.join(&name), folder.join(format!("{name}.part")));
        if half_done.exists() {
            continue;
        }
        match OpenOptions::new().write(true).create_new(true).open(&place) {
            Ok(_) => return Ok((place, half_done)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many files of this name"))
}

/// The media type that a file's name suggests (RFC 6838).
fn media_type(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref().unwrap_or_default() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_outside_is_that_of_a_plain_file_in_the_folder() {
        for (name, safe) in [
            ("photo.png", "photo.png"),
            ("../../.bashrc", "_.._.bashrc"),
            (".profile", "profile"),
            ("-rf", "_-rf"),
            ("a\u{202E}gnp.exe", "a_gnp.exe"),
            ("C:\\x\n", "C__x_"),
            ("...", "file"),
            ("", "file"),
        ] {
            assert_eq!(safe_name(name), safe);
        }
        assert!(safe_name(&"ä".repeat(400)).len() <= FILE_NAME_BYTES_MAX - 32);
    }

    #[test]
    fn sizes_are_said_as_people_do() {
        let said: Vec<String> = [999, 1_500, 52_430_000, 1_073_741_824].into_iter().map(size).collect();
        assert_eq!(said, ["999 bytes", "1 kB", "52.4 MB", "1.0 GB"]);
    }
}
