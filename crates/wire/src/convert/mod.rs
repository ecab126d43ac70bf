//! Between the wire's types and the model's, by hand, one file to an area.
//!
//! Towards the wire nothing can fail. From the wire everything is checked, and the error names the field.

mod attachments;
pub(crate) mod chats;
pub(crate) mod commands;
pub(crate) mod events;
mod field;
pub(crate) mod keys;
pub(crate) mod pushes;
pub(crate) mod replies;
