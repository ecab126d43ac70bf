//! What people write, as sentences and as JSON.

use dunlin_client::content::{ChatMetadata, Content, Files, PictureChange, Text};
use serde_json::{Value, json};

use crate::plain;
use crate::session::Session;

impl Session {
    /// `start` is the number and the time.
    pub(super) fn content_line(&self, start: &str, who: &str, content: &Content) -> String {
        match content {
            Content::Text(text) => {
                format!("{start} {who}{}: {}", answering(text), plain::message(&text.text))
            }
            Content::Files(files) => {
                let caption = plain::message(&files.caption.text);
                format!("{start} {who}{}: {} {caption}", answering(&files.caption), files_text(files))
                    .trim_end()
                    .to_owned()
            }
            Content::Reaction(reaction) if reaction.remove => {
                let emoji = plain::name(&reaction.emoji);
                format!("{start} * {who} took {emoji} back from #{}", reaction.target.seq)
            }
            Content::Reaction(reaction) => {
                format!("{start} * {who} put {} on #{}", plain::name(&reaction.emoji), reaction.target.seq)
            }
            Content::Edit(edit) => {
                format!("{start} * {who} changed #{} to: {}", edit.target.seq, plain::message(&edit.text))
            }
            Content::DisappearingTimer { seconds: 0 } => {
                format!("{start} * {who} lets messages stay for ever")
            }
            Content::DisappearingTimer { seconds } => {
                format!("{start} * {who} lets messages disappear {seconds} s after they are read")
            }
            Content::ChatMetadata(metadata) => format!("{start} * {who} {}", metadata_text(metadata)),
            Content::Unknown { .. } => {
                format!("{start} {who}: (of a kind that only a newer version of this program shows)")
            }
        }
    }

    pub(super) fn content_json(&self, content: &Content) -> Value {
        match content {
            Content::Text(text) => text_json(text),
            Content::Files(files) => {
                let mut value = text_json(&files.caption);
                value["files"] = files
                    .attachments
                    .iter()
                    .map(|file| {
                        json!({"name": file.file_name, "bytes": file.size_bytes, "mediaType": file.media_type})
                    })
                    .collect();
                value
            }
            Content::Reaction(reaction) => json!({
                "type": "reaction", "target": reaction.target.seq.0, "emoji": reaction.emoji,
                "removed": reaction.remove,
            }),
            Content::Edit(edit) => json!({"type": "edit", "target": edit.target.seq.0, "text": edit.text}),
            Content::DisappearingTimer { seconds } => {
                json!({"type": "disappearingTimer", "seconds": seconds})
            }
            Content::ChatMetadata(metadata) => json!({
                "type": "updated", "name": metadata.name, "description": metadata.description,
                "picture": metadata.picture.as_ref().map(|change| match change {
                    PictureChange::Set(file) => file.file_name.clone(),
                    PictureChange::Removed => String::new(),
                }),
            }),
            Content::Unknown { kind } => json!({"type": "message", "unknownKind": kind}),
        }
    }
}

fn answering(text: &Text) -> String {
    text.reply_to.map(|target| format!(" (answering #{})", target.seq)).unwrap_or_default()
}

fn text_json(text: &Text) -> Value {
    let mut value = json!({"type": "message", "text": text.text});
    if let Some(target) = text.reply_to {
        value["replyTo"] = json!(target.seq.0);
    }
    value
}

fn files_text(files: &Files) -> String {
    let names: Vec<String> = files.attachments.iter().map(|file| plain::name(&file.file_name)).collect();
    format!("({}, not shown in a terminal)", names.join(", "))
}

fn metadata_text(metadata: &ChatMetadata) -> String {
    let parts = [
        metadata.name.as_ref().map(|name| format!("named the chat '{}'", plain::name(name))),
        metadata.description.as_ref().map(|_| "changed the description".to_owned()),
        metadata.picture.as_ref().map(|_| "changed the picture".to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}
