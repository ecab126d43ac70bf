//! The id of a request whose frame cannot be decoded, so that the error can be answered to it.

use std::cell::Cell;
use std::fmt;

use prost::encoding::{DecodeContext, decode_key, decode_varint, skip_field};
use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};

const ID_TAG: u32 = 1;

/// The last `id` that can be read before the damage; zero when there is none.
pub(crate) fn in_proto(mut bytes: &[u8]) -> u64 {
    let mut id = 0;
    while let Ok((tag, wire_type)) = decode_key(&mut bytes) {
        if tag == ID_TAG && wire_type == prost::encoding::WireType::Varint {
            match decode_varint(&mut bytes) {
                Ok(value) => id = value,
                Err(_) => break,
            }
        } else if skip_field(wire_type, tag, &mut bytes, DecodeContext::default()).is_err() {
            break;
        }
    }
    id
}

/// The last `id` that can be read before the damage; zero when there is none.
pub(crate) fn in_json(bytes: &[u8]) -> u64 {
    let id = Cell::new(0);
    // The damage is expected: what counts is what was read before it.
    let _ = serde_json::Deserializer::from_slice(bytes).deserialize_map(IdVisitor { id: &id });
    id.get()
}

struct IdVisitor<'a> {
    id: &'a Cell<u64>,
}

impl<'de> Visitor<'de> for IdVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a frame")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if key == "id" {
                let value: serde_json::Value = map.next_value()?;
                let id = value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
                self.id.set(id.unwrap_or(0));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_before_and_after_what_is_unknown_and_before_damage() {
        assert_eq!(in_json(br#"{"id": 7, "sendMessage": {"chatId""#), 7);
        assert_eq!(in_json(br#"{"nonsense": [1, {}], "id": "8"}"#), 8);
        assert_eq!(in_json(br#"{"id": -1}"#), 0);
        assert_eq!(in_json(b"[]"), 0);
        assert_eq!(in_proto(&[0x08, 0x96, 0x01, 0x22, 0xFF]), 150);
        assert_eq!(in_proto(&[0x22, 0x01, 0x00, 0x08, 0x05]), 5);
        assert_eq!(in_proto(&[0xFF, 0xFF]), 0);
    }
}
