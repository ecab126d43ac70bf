//! Encrypted files: what is sealed is opened, whole and by range, and nothing else is.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use dunlin_client::content::FileKey;
use dunlin_client::file::{CHUNK_BYTES, FileCipher, FileCipherError, PartHasher, TAG_BYTES};
use dunlin_model::attachment::PART_BYTES;
use sha2::{Digest as _, Sha256};

const KEY: FileKey = FileKey([7; 32]);

fn bytes_of(length: u64) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at * 31 % 251).unwrap()).collect()
}

fn range_of(bytes: &[u8], range: std::ops::Range<u64>) -> Vec<u8> {
    bytes[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()].to_vec()
}

fn cipher(length: u64) -> FileCipher {
    FileCipher::new(&KEY, length).unwrap()
}

fn sealed(bytes: &[u8]) -> Vec<u8> {
    let cipher = cipher(bytes.len() as u64);
    let mut all = Vec::new();
    for index in 0..cipher.chunk_count() {
        let mut chunk = range_of(bytes, cipher.place(index).unwrap());
        cipher.seal(index, &mut chunk).unwrap();
        assert_eq!(all.len() as u64, cipher.sealed_place(index).unwrap().start);
        all.extend(chunk);
    }
    assert_eq!(all.len() as u64, cipher.sealed_bytes());
    all
}

fn opened(sealed: &[u8], length: u64, index: u32) -> Result<Vec<u8>, FileCipherError> {
    let cipher = cipher(length);
    let mut chunk = range_of(sealed, cipher.sealed_place(index).unwrap());
    cipher.open(index, &mut chunk).map(|()| chunk)
}

#[test]
fn files_of_every_length_read_back_and_so_does_each_chunk_alone() {
    for length in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 200_000] {
        let bytes = bytes_of(length);
        let sealed = sealed(&bytes);
        let count = cipher(length).chunk_count();
        for index in (0..count).rev() {
            let place = cipher(length).place(index).unwrap();
            assert_eq!(opened(&sealed, length, index).unwrap(), range_of(&bytes, place), "{length}");
        }
        assert_eq!(cipher(length).place(count), None);
    }
}

#[test]
fn ranges_name_the_chunks_that_hold_them() {
    let of = |range| cipher(3 * CHUNK_BYTES + 5).chunks_of(&range);
    assert_eq!(of(0..1), 0..1);
    assert_eq!(of(CHUNK_BYTES - 1..CHUNK_BYTES + 1), 0..2);
    assert_eq!(of(CHUNK_BYTES..2 * CHUNK_BYTES), 1..2);
    assert_eq!(of(3 * CHUNK_BYTES..3 * CHUNK_BYTES + 5), 3..4);
    assert_eq!(of(9 * CHUNK_BYTES..u64::MAX), 4..4);
    assert_eq!(of(7..7), 0..0);
    let chunk = CHUNK_BYTES + TAG_BYTES;
    assert_eq!(cipher(3 * CHUNK_BYTES).chunks_of_sealed(&(chunk - 1..chunk + 1)), 0..2);
}

#[test]
fn what_was_changed_cut_off_or_moved_is_not_opened() {
    let length = 2 * CHUNK_BYTES + 100;
    let bytes = bytes_of(length);
    let sealed = sealed(&bytes);
    let chunk = usize::try_from(CHUNK_BYTES + TAG_BYTES).unwrap();
    for at in [0, 70, chunk - 1] {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert_eq!(opened(&changed, length, 0), Err(FileCipherError::Tampered));
    }
    let mut moved = sealed.clone();
    let (first, second) = moved.split_at_mut(chunk);
    first.swap_with_slice(&mut second[..chunk]);
    assert_eq!(opened(&moved, length, 0), Err(FileCipherError::Tampered));
    assert_eq!(opened(&moved, length, 1), Err(FileCipherError::Tampered));
    // Cut off at a chunk's end, and said to be that long.
    assert_eq!(opened(&sealed[..2 * chunk], 2 * CHUNK_BYTES, 1), Err(FileCipherError::Tampered));
    assert_eq!(cipher(length).open(2, &mut sealed[2 * chunk..].to_vec()), Ok(()));
    assert_eq!(
        cipher(length).open(2, &mut sealed[2 * chunk + 1..].to_vec()),
        Err(FileCipherError::WrongLength)
    );
    assert_eq!(cipher(length).open(3, &mut Vec::new()), Err(FileCipherError::WrongLength));
    let other = FileCipher::new(&FileKey([8; 32]), length).unwrap();
    assert_eq!(other.open(2, &mut sealed[2 * chunk..].to_vec()), Err(FileCipherError::Tampered));
    assert_eq!(FileCipher::new(&KEY, u64::MAX).err(), Some(FileCipherError::TooLarge));
}

/// The hash was made with another implementation (pyca/cryptography) of what the module says.
#[test]
fn the_format_stays_what_it_is() {
    let whole: [u8; 32] = Sha256::digest(sealed(&bytes_of(CHUNK_BYTES + 3))).into();
    let text = whole.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    assert_eq!(
        text, "62894475f72d13ac944547860d1ddf0e19a3646aae890cc17473d6b602c4c46e",
        "files of today must be readable tomorrow"
    );
}

#[test]
fn parts_are_hashed_however_the_bytes_come() {
    let bytes = bytes_of(PART_BYTES + 10);
    let hash = |bytes: &[u8]| <[u8; 32]>::from(Sha256::digest(bytes));
    for step in [1_000_003, bytes.len()] {
        let mut hasher = PartHasher::default();
        bytes.chunks(step).for_each(|piece| hasher.update(piece));
        let hashes = hasher.finish();
        let (first, second) = bytes.split_at(usize::try_from(PART_BYTES).unwrap());
        assert_eq!((hashes.bytes, hashes.whole), (bytes.len() as u64, hash(&bytes)));
        assert_eq!(hashes.parts, [hash(first), hash(second)]);
    }
}
