//! Rules of chats, as sentences.
