//! The secrets in the rows that a device keeps of its MLS groups (`dunlin_client::keys`).

use crate::secrets::Secrets;

/// Bytes of the secrets of RFC 9420 in both suites, and of the private keys of both.
const SECRET_BYTES: usize = 32;
/// What begins the rows of groups, of which each has an id of 20 bytes and a stroke.
const GROUPS: &[u8] = b"k/mls/g/";
const GROUP_ID_BYTES: usize = 21;
const KEY_PACKAGES: &[u8] = b"k/mls/d/k/";
const LEAVES: &[u8] = b"k/mls/d/e/";

/// Adds the secrets of a row; rows of another kind have none. Gives whether it is a row of groups or of key packages.
///
/// # Panics
/// When the row is not as the client writes it.
pub fn add(secrets: &mut Secrets, key: &[u8], value: &[u8]) -> bool {
    if let Some(entity) = key.strip_prefix(GROUPS).and_then(|key| key.get(GROUP_ID_BYTES..)) {
        match entity.first() {
            Some(b'e') => add_fields(secrets, "an epoch secret", value),
            Some(b'r') => add_fields(secrets, "a resumption secret", value),
            // Nodes and ratchets; what else is said of an epoch's messages is partly public.
            Some(b'm') if entity.get(9).is_some_and(u8::is_ascii_digit) => {
                add_fields(secrets, "a secret of messages", value);
            }
            // Key pairs, of which only the last is taken: each begins with a public key.
            Some(b'k') => add_last(secrets, "a private key of the tree", value, 1),
            _ => {}
        }
    } else if key.starts_with(KEY_PACKAGES) {
        add_last(secrets, "a private key of a key package", value, 2);
    } else if key.starts_with(LEAVES) {
        add_last(secrets, "a private key of a leaf", value, 1);
    } else {
        return false;
    }
    true
}

/// The fields that are as long as secrets, of a row that has nothing public.
fn add_fields(secrets: &mut Secrets, name: &str, mut value: &[u8]) {
    while let Some((length, rest)) = value.split_first() {
        value = rest;
        if usize::from(*length) == SECRET_BYTES && rest.len() >= SECRET_BYTES {
            let (secret, after) = rest.split_at(SECRET_BYTES);
            secrets.add_key(name, secret);
            value = after;
        }
    }
}

/// The last fields of a row.
fn add_last(secrets: &mut Secrets, name: &str, value: &[u8], count: usize) {
    let Some(from) = value.len().checked_sub(count * (1 + SECRET_BYTES)) else { return };
    for field in value[from..].chunks(1 + SECRET_BYTES) {
        assert_eq!(usize::from(field[0]), SECRET_BYTES, "{name}");
        secrets.add_key(name, &field[1..]);
    }
}
