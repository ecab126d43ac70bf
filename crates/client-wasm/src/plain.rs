//! Small things as they cross to JavaScript: ids as text, times as numbers, bytes as `Uint8Array`.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use dunlin_model::Timestamp;
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use wasm_bindgen::JsValue;

/// What is text in JavaScript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text<T>(pub(crate) T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

/// What is a `Uint8Array` in JavaScript.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Octets(pub(crate) Vec<u8>);

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(OctetsVisitor)
    }
}

struct OctetsVisitor;

impl Visitor<'_> for OctetsVisitor {
    type Value = Octets;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a Uint8Array")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Octets, E> {
        Ok(Octets(bytes.to_vec()))
    }

    fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Octets, E> {
        Ok(Octets(bytes))
    }
}

/// A moment as JavaScript counts it: milliseconds since 1970. A float holds them exactly for 285,000 years.
#[expect(clippy::cast_precision_loss, reason = "see above")]
pub(crate) fn millis(time: Timestamp) -> f64 {
    time.0 as f64
}

/// The moment that JavaScript means.
pub(crate) fn moment(millis: f64) -> Timestamp {
    Timestamp(whole(millis))
}

/// The whole number that JavaScript means; what is none becomes zero.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "see above")]
pub(crate) fn whole(number: f64) -> u64 {
    number as u64
}

/// A value for JavaScript: objects for structs, nothing for `None`.
pub(crate) fn to_js<T: Serialize>(value: &T) -> JsValue {
    let serializer = serde_wasm_bindgen::Serializer::new().serialize_maps_as_objects(true);
    value.serialize(&serializer).expect("our views hold numbers that JavaScript has, and keys that are text")
}
