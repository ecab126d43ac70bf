//! REST through its router. Every answer in these tests is held against the OpenAPI document: its status must
//! be documented for the route, and its body must fit the schema.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod attachments;
#[cfg(test)]
mod attachments_removed;
#[cfg(test)]
mod blobs;
#[cfg(test)]
mod chats;
#[cfg(test)]
mod document;
#[cfg(test)]
mod encrypted;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod world;
