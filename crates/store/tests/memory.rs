//! The reference store under the suite that every store runs.

use std::sync::Arc;

use dunlin_store::memory::MemoryStore;

async fn open() -> (Arc<MemoryStore>, ()) {
    (Arc::new(MemoryStore::default()), ())
}

dunlin_store::conformance_suite!(open);
