//! Choices from a seed.

use dunlin_model::Randomness;
use dunlin_model::clock::SeededRandomness;

pub(super) struct Random(SeededRandomness);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(SeededRandomness::new(seed.wrapping_mul(0x5851_F42D_4C95_7F2D)))
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % bound as u64).unwrap()
    }

    pub(super) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }
}
