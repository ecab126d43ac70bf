//! What a newer client might write, made by hand: protobuf lets a later field replace an earlier one.

use dunlin_client::content::{Content, ContentError, Envelope};

use crate::examples::{EXPECTED, envelope, text};

/// Field `kind`, a varint.
const KIND_TAG: u8 = 7 << 3;
/// Field 40, of which this client knows nothing, with two bytes.
const NEW_FIELD: [u8; 5] = [0xC2, 0x02, 2, 0xAB, 0xCD];

/// The plaintext of `content`, with `more` after its envelope. All of it stays in the first bucket.
fn extended(content: Content, more: &[u8]) -> Vec<u8> {
    let mut padded = envelope(content).seal_plaintext().unwrap();
    let length = usize::from(padded[4]);
    padded[4] += u8::try_from(more.len()).unwrap();
    padded[5 + length..5 + length + more.len()].copy_from_slice(more);
    padded
}

#[test]
fn an_unknown_kind_is_shown_as_such_and_cannot_be_sent() {
    let more = [&[KIND_TAG, 99][..], &NEW_FIELD].concat();
    let opened = Envelope::open(&extended(text("Hi"), &more), &EXPECTED).unwrap();
    assert_eq!(opened, envelope(Content::Unknown { kind: 99 }));
    assert_eq!(opened.seal_plaintext(), Err(ContentError::UnknownKind));
}

#[test]
fn an_unknown_field_is_ignored() {
    let opened = Envelope::open(&extended(text("Hi"), &NEW_FIELD), &EXPECTED);
    assert_eq!(opened, Ok(envelope(text("Hi"))));
}

#[test]
fn a_kind_without_its_content_is_refused() {
    for kind in [2, 3, 4, 5, 6] {
        let opened = Envelope::open(&extended(text("Hi"), &[KIND_TAG, kind]), &EXPECTED);
        assert!(matches!(opened, Err(ContentError::Invalid { field: "content", .. })), "{kind}: {opened:?}");
    }
    let opened = Envelope::open(&extended(text("Hi"), &[KIND_TAG, 0]), &EXPECTED);
    assert!(matches!(opened, Err(ContentError::Invalid { field: "kind", .. })));
}

#[test]
fn limits_hold_for_what_is_received_too() {
    let timer = [0xA2, 0x01, 5, 0x08, 0xFF, 0xFF, 0xFF, 0x7F];
    let more = [&[KIND_TAG, 5][..], &timer].concat();
    let opened = Envelope::open(&extended(text("Hi"), &more), &EXPECTED);
    assert!(matches!(opened, Err(ContentError::TooLarge { field: "disappearingTimer.seconds", .. })));
    let empty_text = [0x82, 0x01, 0];
    let opened = Envelope::open(&extended(Content::DisappearingTimer { seconds: 1 }, &empty_text), &EXPECTED);
    assert!(matches!(opened, Err(ContentError::Invalid { field: "content", .. })));
}
