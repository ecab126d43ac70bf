//! Random bytes from a seed: the core has no randomness of its own, so that the same inputs give the same effects.

use std::fmt;

use sha2::{Digest, Sha256};

/// A generator of unpredictable bytes, as far as its seed is: SHA-256 in the manner of the Hash DRBG of
/// NIST SP 800-90A. What it gave cannot be told from its later state.
#[derive(Clone)]
pub struct Generator {
    state: [u8; 32],
}

impl fmt::Debug for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Generator")
    }
}

impl Generator {
    /// The sequence that belongs to `seed`, which must be used once.
    pub const fn new(seed: [u8; 32]) -> Self {
        Self { state: seed }
    }

    /// Mixes more entropy in.
    pub fn stir(&mut self, entropy: &[u8]) {
        self.state = self.derive(b"stir", entropy);
    }

    /// Fills all of `buffer`.
    pub fn fill(&mut self, buffer: &mut [u8]) {
        for (number, chunk) in (0_u64..).zip(buffer.chunks_mut(32)) {
            let block = self.derive(b"give", &number.to_be_bytes());
            let (given, _) = block.split_at(chunk.len());
            chunk.copy_from_slice(given);
        }
        self.state = self.derive(b"next", &[]);
    }

    /// A number below `bound`, nearly uniform; zero when `bound` is.
    pub fn below(&mut self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_be_bytes(bytes).checked_rem(bound).unwrap_or(0)
    }

    fn derive(&self, label: &[u8; 4], input: &[u8]) -> [u8; 32] {
        Sha256::new().chain_update(label).chain_update(self.state).chain_update(input).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence_and_stirring_changes_it() {
        let draw = |entropy: Option<&[u8]>| {
            let mut generator = Generator::new([7; 32]);
            if let Some(entropy) = entropy {
                generator.stir(entropy);
            }
            let mut bytes = [0; 100];
            generator.fill(&mut bytes);
            let mut more = [0; 100];
            generator.fill(&mut more);
            assert_ne!(bytes, more);
            bytes
        };
        assert_eq!(draw(None), draw(None));
        assert_ne!(draw(None), draw(Some(b"more")));
    }
}
