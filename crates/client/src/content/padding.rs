//! Plaintexts have few lengths, so that the length of a ciphertext says little.
//!
//! The buckets double from 256 bytes to 32 KiB; the last one has 62 KiB, since the server takes 64 KiB and MLS
//! adds its own. Whoever counts bytes learns one of nine sizes: most of what people type is in the first
//! (up to about 170 bytes of text), a long text or a thumbnail is told from a short one. PADMÉ (Nikitin et al.,
//! PETS 2019) wastes less, but has 16 lengths between 256 and 512 bytes, where most of the rest is; bandwidth is
//! not what is scarce for texts. At worst a plaintext doubles.

use super::error::ContentError;
use super::limits::{PADDED_BYTES_MAX, PADDED_BYTES_MIN};

/// What the first byte of a plaintext is.
pub(super) const FORMAT_VERSION: u8 = 1;
/// The version, and the length of the envelope.
const HEADER_BYTES: usize = 1 + 4;

/// The length that `length` bytes are padded to; `None` above the last bucket.
pub(super) fn bucket(length: usize) -> Option<usize> {
    if length > PADDED_BYTES_MAX {
        return None;
    }
    Some(length.next_power_of_two().clamp(PADDED_BYTES_MIN, PADDED_BYTES_MAX))
}

/// Frames and pads an encoded envelope.
pub(super) fn pad(envelope: &[u8]) -> Result<Vec<u8>, ContentError> {
    let length = HEADER_BYTES.saturating_add(envelope.len());
    let too_large =
        || ContentError::TooLarge { field: "content", size: length as u64, limit: PADDED_BYTES_MAX as u64 };
    let padded_length = bucket(length).ok_or_else(too_large)?;
    let envelope_length = u32::try_from(envelope.len()).map_err(|_| too_large())?;
    let mut padded = Vec::with_capacity(padded_length);
    padded.push(FORMAT_VERSION);
    padded.extend_from_slice(&envelope_length.to_be_bytes());
    padded.extend_from_slice(envelope);
    padded.resize(padded_length, 0);
    Ok(padded)
}

/// The encoded envelope in a plaintext. There is one padding for each envelope; all else is refused, so that
/// padding carries nothing and lengths are only those of the buckets.
pub(super) fn unpad(padded: &[u8]) -> Result<&[u8], ContentError> {
    let (&version, rest) = padded.split_first().ok_or(ContentError::Padding)?;
    if version != FORMAT_VERSION {
        return Err(ContentError::UnknownVersion { version });
    }
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(ContentError::Padding)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| ContentError::Padding)?;
    let (envelope, padding) = rest.split_at_checked(length).ok_or(ContentError::Padding)?;
    let is_shortest = bucket(HEADER_BYTES + length) == Some(padded.len());
    if !is_shortest || padding.iter().any(|&byte| byte != 0) {
        return Err(ContentError::Padding);
    }
    Ok(envelope)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKETS: [usize; 9] = [256, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 63_488];

    #[test]
    fn every_length_is_that_of_the_shortest_bucket_that_holds_it() {
        for length in 0..=PADDED_BYTES_MAX {
            let expected = BUCKETS.into_iter().find(|&bucket| bucket >= length);
            assert_eq!(bucket(length), expected, "{length}");
        }
        assert_eq!(bucket(PADDED_BYTES_MAX + 1), None);
        assert_eq!(bucket(usize::MAX), None);
    }

    #[test]
    fn what_was_padded_reads_back_at_the_edges_of_the_buckets() {
        for edge in BUCKETS {
            for length in [edge - HEADER_BYTES - 1, edge - HEADER_BYTES] {
                let envelope = vec![7; length];
                let padded = pad(&envelope).unwrap();
                assert_eq!(padded.len(), edge);
                assert_eq!(unpad(&padded), Ok(envelope.as_slice()));
            }
        }
        let above = vec![7; PADDED_BYTES_MAX - HEADER_BYTES + 1];
        assert!(matches!(pad(&above), Err(ContentError::TooLarge { field: "content", .. })));
    }

    #[test]
    fn any_other_padding_is_refused() {
        let padded = pad(b"hello").unwrap();
        let mut longer = padded.clone();
        longer.resize(512, 0);
        assert_eq!(unpad(&longer), Err(ContentError::Padding), "a longer bucket than needed");
        assert_eq!(unpad(&padded[..255]), Err(ContentError::Padding), "no bucket at all");
        assert_eq!(unpad(&[]), Err(ContentError::Padding));
        assert_eq!(unpad(&[FORMAT_VERSION, 0, 0]), Err(ContentError::Padding));
        for at in HEADER_BYTES + 5..padded.len() {
            let mut spoiled = padded.clone();
            spoiled[at] = 1;
            assert_eq!(unpad(&spoiled), Err(ContentError::Padding), "{at}");
        }
        let mut beyond = padded.clone();
        beyond[1] = 0xFF;
        assert_eq!(unpad(&beyond), Err(ContentError::Padding), "a length beyond the plaintext");
        let mut newer = padded;
        newer[0] = 2;
        assert_eq!(unpad(&newer), Err(ContentError::UnknownVersion { version: 2 }));
    }
}
