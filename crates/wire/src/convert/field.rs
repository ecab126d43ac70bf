//! Checks of single fields, and the error that names the field.

use std::fmt::Display;
use std::str::FromStr;

use dunlin_model::{ErrorCode, Seq, UserId};

use crate::Failure;

/// A field that is not as it must be.
#[derive(Debug)]
pub(crate) struct Invalid {
    code: ErrorCode,
    field: &'static str,
    why: String,
}

impl Invalid {
    pub(crate) fn new(field: &'static str, why: impl Into<String>) -> Self {
        Self { code: ErrorCode::InvalidArgument, field, why: why.into() }
    }

    pub(crate) fn missing(field: &'static str) -> Self {
        Self::new(field, "is required")
    }

    /// The failure to answer with; `of` is the command or push that the field belongs to.
    pub(crate) fn into_failure(self, of: &str) -> Failure {
        let Self { code, field, why } = self;
        Failure::new(code, format!("{of}.{field} {why}."))
    }
}

/// Reads an id (or whatever has a text form) that must be there.
pub(super) fn parse<T>(field: &'static str, text: &str) -> Result<T, Invalid>
where
    T: FromStr,
    T::Err: Display,
{
    if text.is_empty() {
        return Err(Invalid::missing(field));
    }
    text.parse().map_err(|error| Invalid::new(field, format!("is not valid: {error}")))
}

/// Reads an id for whose absence empty text stands.
pub(super) fn parse_optional<T>(field: &'static str, text: &str) -> Result<Option<T>, Invalid>
where
    T: FromStr,
    T::Err: Display,
{
    if text.is_empty() { Ok(None) } else { parse(field, text).map(Some) }
}

/// Reads a list of ids.
pub(super) fn parse_all<T>(field: &'static str, texts: &[String]) -> Result<Vec<T>, Invalid>
where
    T: FromStr,
    T::Err: Display,
{
    texts.iter().map(|text| parse(field, text)).collect()
}

/// Writes a list of ids.
pub(super) fn texts<T: Display>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

/// Reads users, of whom there may be none.
pub(super) fn users(texts: &[String]) -> Result<Vec<UserId>, Invalid> {
    parse_all("userIds", texts)
}

/// Refuses a list that is longer than its limit.
pub(super) fn at_most(field: &'static str, count: usize, limit: usize) -> Result<(), Invalid> {
    if count <= limit {
        return Ok(());
    }
    Err(Invalid {
        code: ErrorCode::LimitReached,
        field,
        why: format!("has {count} entries; {limit} are allowed"),
    })
}

/// Refuses bytes that are more than their limit.
pub(super) fn at_most_bytes(field: &'static str, bytes: usize, limit: usize) -> Result<(), Invalid> {
    if bytes <= limit {
        return Ok(());
    }
    let why = format!("has {bytes} bytes; {limit} are allowed");
    Err(Invalid { code: ErrorCode::TooLarge, field, why })
}

/// Reads a place for whose absence zero stands.
pub(super) fn optional_seq(seq: u64) -> Option<Seq> {
    (seq > 0).then_some(Seq(seq))
}

/// Writes a place, or zero.
pub(super) fn seq_or_zero(seq: Option<Seq>) -> u64 {
    seq.map_or(0, |seq| seq.0)
}

/// Reads text for whose absence empty text stands.
pub(super) fn text_or_empty<T: Display>(item: Option<&T>) -> String {
    item.map(ToString::to_string).unwrap_or_default()
}
