//! The embedded store does what every store must do.

use std::sync::Arc;

use dunlin_model::clock::{ManualClock, SeededRandomness};
use dunlin_model::{Clock, Timestamp};
use dunlin_store_embedded::{EmbeddedConfig, EmbeddedStore};

async fn open() -> (Arc<EmbeddedStore>, tempfile::TempDir) {
    open_with(&EmbeddedConfig::default())
}

/// As small as it gets: every batch has one write, and hardly anything is remembered.
async fn open_small() -> (Arc<EmbeddedStore>, tempfile::TempDir) {
    open_with(&EmbeddedConfig {
        waiting_writes_max: 2,
        batch_writes_max: 1,
        chats_cached_max: 0,
        registers_cached_max: 0,
        ..EmbeddedConfig::default()
    })
}

fn open_with(config: &EmbeddedConfig) -> (Arc<EmbeddedStore>, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a directory");
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp(1_790_000_000_000)));
    let store = EmbeddedStore::open(folder.path(), config, clock, &SeededRandomness::new(1));
    (Arc::new(store.expect("it opens")), folder)
}

mod with_the_defaults {
    dunlin_store::conformance_suite!(super::open);
}

mod with_nothing_remembered {
    dunlin_store::conformance_suite!(super::open_small);
}
