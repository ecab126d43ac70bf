//! Content from its parts.

use dunlin_model::UserId;

use super::{Content, Edit, Mention, Reaction, Reference, Text};

impl Content {
    /// A text without mentions.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Text { text: text.into(), ..Text::default() })
    }

    /// A text that answers a message.
    pub fn reply(to: Reference, text: impl Into<String>) -> Self {
        Self::Text(Text { text: text.into(), reply_to: Some(to), ..Text::default() })
    }

    /// New text for an own message.
    pub fn edit(target: Reference, text: impl Into<String>) -> Self {
        Self::Edit(Edit { target, text: text.into(), mentions: Vec::new() })
    }

    /// An emoji on a message, in place of the one that this person had on it.
    pub fn reaction(target: Reference, emoji: impl Into<String>) -> Self {
        Self::Reaction(Reaction { target, emoji: emoji.into(), remove: false })
    }

    /// Takes the emoji back.
    pub fn reaction_withdrawn(target: Reference, emoji: impl Into<String>) -> Self {
        Self::Reaction(Reaction { target, emoji: emoji.into(), remove: true })
    }

    /// What is written in it: a text, or what stands below files.
    pub fn written(&self) -> Option<&Text> {
        match self {
            Self::Text(text) => Some(text),
            Self::Files(files) => Some(&files.caption),
            _ => None,
        }
    }

    /// What it is found by: what is written, and the names of files. `None` for what is no message of its own.
    pub(crate) fn searchable(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.text.clone()),
            Self::Files(files) => {
                let names = files.attachments.iter().map(|file| file.file_name.as_str());
                Some(std::iter::once(files.caption.text.as_str()).chain(names).collect::<Vec<_>>().join("\n"))
            }
            _ => None,
        }
    }

    /// The same with other words, where it has words.
    pub(crate) fn rewritten(mut self, text: String, mentions: Vec<Mention>) -> Self {
        if let Self::Text(written) | Self::Files(super::Files { caption: written, .. }) = &mut self {
            written.text = text;
            written.mentions = mentions;
        }
        self
    }

    /// Whether somebody is named in it.
    pub fn mentions(&self, user: UserId) -> bool {
        self.written().is_some_and(|text| text.mentions.iter().any(|mention| mention.user == user))
    }
}
