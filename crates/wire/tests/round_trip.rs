//! Every frame reads back as it was written; damaged bytes are an error, never a panic.

mod strategies;

use dunlin_wire::{Format, decode_client, decode_server, encode_client, encode_server};
use proptest::prelude::*;
use proptest::sample::Index;

/// What happens to bytes on a bad day.
fn damage(bytes: &mut Vec<u8>, changes: &[(Index, u8)], cut: Option<Index>) {
    for (place, value) in changes {
        if !bytes.is_empty() {
            let at = place.index(bytes.len());
            bytes[at] = *value;
        }
    }
    if let Some(cut) = cut {
        bytes.truncate(cut.index(bytes.len() + 1));
    }
}

proptest! {
    #[test]
    fn client_frames_read_back(frame in strategies::client_frame()) {
        for format in Format::ALL {
            let mut bytes = Vec::new();
            encode_client(*format, &frame, &mut bytes);
            prop_assert_eq!(decode_client(*format, &bytes), Ok(frame.clone()));
        }
    }

    #[test]
    fn server_frames_read_back(frame in strategies::server_frame()) {
        for format in Format::ALL {
            let mut bytes = Vec::new();
            encode_server(*format, &frame, &mut bytes);
            prop_assert_eq!(decode_server(*format, &bytes), Ok(frame.clone()));
        }
    }

    #[test]
    fn damaged_client_frames_are_read_or_refused_and_what_is_read_reads_back(
        frame in strategies::client_frame(),
        changes in proptest::collection::vec(any::<(Index, u8)>(), 0..4),
        cut in proptest::option::of(any::<Index>()),
    ) {
        for format in Format::ALL {
            let mut bytes = Vec::new();
            encode_client(*format, &frame, &mut bytes);
            damage(&mut bytes, &changes, cut);
            if let Ok(read) = decode_client(*format, &bytes) {
                let mut again = Vec::new();
                encode_client(*format, &read, &mut again);
                prop_assert_eq!(decode_client(*format, &again), Ok(read));
            }
        }
    }

    #[test]
    fn damaged_server_frames_are_read_or_refused_and_what_is_read_reads_back(
        frame in strategies::server_frame(),
        changes in proptest::collection::vec(any::<(Index, u8)>(), 0..4),
        cut in proptest::option::of(any::<Index>()),
    ) {
        for format in Format::ALL {
            let mut bytes = Vec::new();
            encode_server(*format, &frame, &mut bytes);
            damage(&mut bytes, &changes, cut);
            if let Ok(read) = decode_server(*format, &bytes) {
                let mut again = Vec::new();
                encode_server(*format, &read, &mut again);
                prop_assert_eq!(decode_server(*format, &again), Ok(read));
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for format in Format::ALL {
            for id in [
                decode_client(*format, &bytes).map(|frame| frame.id),
                decode_server(*format, &bytes).map(|_| 0),
            ] {
                if let Err(refused) = id {
                    prop_assert!(!refused.failure.message.is_empty());
                }
            }
        }
    }
}
