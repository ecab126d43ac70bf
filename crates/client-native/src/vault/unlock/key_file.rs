//! A key in a file: one line of 64 hexadecimal digits, readable by its owner alone.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use data_encoding::HEXLOWER_PERMISSIVE;
use dunlin_model::Randomness;
use zeroize::Zeroizing;

use super::UnlockError;
use crate::vault::files;
use crate::vault::seal::{self, KEY_BYTES, SecretKey};

/// More than this is not read: two digits for each byte, and the end of the line.
const FILE_BYTES_MAX: usize = 2 * KEY_BYTES + 2;

/// The key in the file, which must exist.
pub(super) fn read(path: &Path) -> Result<SecretKey, UnlockError> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => UnlockError::KeyFileMissing { path: path.to_owned() },
        _ => failed(path)(error),
    })?;
    check_private(path, &file)?;
    let mut text = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX + 1));
    let limit = u64::try_from(FILE_BYTES_MAX + 1).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut text).map_err(failed(path))?;
    parse(&text).ok_or_else(|| UnlockError::KeyFileMalformed { path: path.to_owned() })
}

/// The key in the file, or a new one in a new file.
pub(super) fn read_or_make(path: &Path, randomness: &dyn Randomness) -> Result<SecretKey, UnlockError> {
    match read(path) {
        Err(UnlockError::KeyFileMissing { .. }) => make(path, randomness),
        found => found,
    }
}

fn make(path: &Path, randomness: &dyn Randomness) -> Result<SecretKey, UnlockError> {
    let key = seal::random_key(randomness);
    let text = Zeroizing::new(format!("{}\n", HEXLOWER_PERMISSIVE.encode(key.as_slice())));
    // Never over a file that appeared meanwhile: another vault may depend on it.
    let mut file = files::private_file().create_new(true).open(path).map_err(failed(path))?;
    // Durable before anything is sealed under it.
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed(path))?;
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    files::sync_dir(dir).map_err(failed(path))?;
    Ok(key)
}

fn parse(text: &[u8]) -> Option<SecretKey> {
    let digits = text.trim_ascii_end();
    if digits.len() != 2 * KEY_BYTES {
        return None;
    }
    let mut key = SecretKey::default();
    HEXLOWER_PERMISSIVE.decode_mut(digits, key.as_mut_slice()).ok()?;
    Some(key)
}

#[cfg(unix)]
fn check_private(path: &Path, file: &File) -> Result<(), UnlockError> {
    use std::os::unix::fs::MetadataExt;

    let mode = file.metadata().map_err(failed(path))?.mode();
    if mode & 0o077 == 0 { Ok(()) } else { Err(UnlockError::KeyFileExposed { path: path.to_owned() }) }
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
fn check_private(_: &Path, _: &File) -> Result<(), UnlockError> {
    // Files in a user's profile are private there by inheritance.
    Ok(())
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> UnlockError {
    let path = path.to_owned();
    move |source| UnlockError::KeyFileIo { path, source }
}
