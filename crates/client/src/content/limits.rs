//! The limits of what a message may hold. Both sides keep them: who writes is told, who reads refuses.

use dunlin_model::limits::OPAQUE_BYTES_MAX;

/// Bytes of the shortest plaintext.
pub const PADDED_BYTES_MIN: usize = 256;
/// Bytes of the longest plaintext, padding included.
pub const PADDED_BYTES_MAX: usize = 62 * 1024;
/// Bytes kept free in the server's limit for what MLS adds to a plaintext: header, sender data, signature
/// and tag (RFC 9420 section 6.3), a few hundred bytes at most.
pub const MLS_OVERHEAD_BYTES_MAX: usize = 2 * 1024;

/// Bytes of a text (UTF-8).
pub const TEXT_BYTES_MAX: usize = 48 * 1024;
/// Mentions in a text.
pub const MENTIONS_MAX: usize = 64;
/// Bytes of the emoji of a reaction: the longest in use have fewer than forty.
pub const EMOJI_BYTES_MAX: usize = 64;
/// Files of one message.
pub const ATTACHMENTS_MAX: usize = dunlin_model::limits::ATTACHMENTS_MAX;
/// Bytes of a thumbnail. Those of several files share `PADDED_BYTES_MAX`.
pub const THUMBNAIL_BYTES_MAX: usize = 8 * 1024;
/// Bytes of a file's name.
pub const FILE_NAME_BYTES_MAX: usize = 255;
/// Bytes of a media type (RFC 6838 section 4.2 allows 127 on each side of the slash; parameters included).
pub const MEDIA_TYPE_BYTES_MAX: usize = 255;
/// Bytes of a file before encryption: 4 GiB.
pub const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Pixels of an image in each direction.
pub const DIMENSION_PIXELS_MAX: u32 = 65_535;
/// Bytes of a voice note's waveform.
pub const WAVEFORM_BYTES_MAX: usize = 64;
/// Seconds of the longest disappearing timer: a year.
pub const DISAPPEARING_SECONDS_MAX: u32 = 365 * 24 * 60 * 60;
/// Bytes of a chat's name.
pub const NAME_BYTES_MAX: usize = dunlin_model::limits::NAME_BYTES_MAX;
/// Bytes of a chat's description.
pub const DESCRIPTION_BYTES_MAX: usize = dunlin_model::limits::DESCRIPTION_BYTES_MAX;
/// Marks of each sort in one message between a person's devices.
pub const OWN_MARKS_MAX: usize = 256;

const _: () = assert!(PADDED_BYTES_MAX + MLS_OVERHEAD_BYTES_MAX <= OPAQUE_BYTES_MAX);
const _: () = assert!(TEXT_BYTES_MAX < PADDED_BYTES_MAX);
