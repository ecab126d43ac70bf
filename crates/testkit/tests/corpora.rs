//! The committed corpora of the fuzz targets, and mutations of them, as ordinary tests.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use dunlin_model::Randomness;
use dunlin_model::clock::SeededRandomness;
use dunlin_testkit::fuzzing::TARGETS;

/// Mutations of each corpus that an ordinary test run tries.
const MUTATIONS: u64 = 3_000;

/// The corpus of a target, sorted by name.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn every_committed_input_holds() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        assert!(corpus.len() >= 5, "{name} has a corpus worth the name");
        for input in corpus {
            target(&input);
        }
    }
}

#[test]
fn mutations_of_the_committed_inputs_hold() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        for seed in 0..MUTATIONS {
            target(&mutated(&corpus, &SeededRandomness::new(seed)));
        }
    }
}

/// One input with a few bytes changed, and the tail of another in place of its own.
fn mutated(corpus: &[Vec<u8>], randomness: &SeededRandomness) -> Vec<u8> {
    let draw = |below: usize| {
        let mut bytes = [0; 8];
        randomness.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % u64::try_from(below.max(1)).unwrap()).unwrap()
    };
    let mut input = corpus[draw(corpus.len())].clone();
    if draw(2) == 0 {
        let other = &corpus[draw(corpus.len())];
        input.truncate(draw(input.len() + 1));
        input.extend_from_slice(&other[draw(other.len())..]);
    }
    for _ in 0..draw(6) {
        let at = draw(input.len());
        if let Some(byte) = input.get_mut(at) {
            *byte = u8::try_from(draw(256)).unwrap();
        }
    }
    input
}
