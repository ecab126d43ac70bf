//! Rows of the driver beside the core's: the login, names, what is pinned. Sealed like all others.

use dunlin_client::Key;

/// These rows begin so; the core ignores them.
const KEPT: &[u8] = b"u/";

/// The key of the row of this name. Names stay readable, so nothing that people wrote may be part of one.
pub(crate) fn key(name: &str) -> Key {
    [KEPT, name.as_bytes()].concat()
}
