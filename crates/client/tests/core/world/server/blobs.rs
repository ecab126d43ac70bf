//! Blob storage.

use std::collections::BTreeMap;

use bytes::Bytes;
use dunlin_client::{Input, Want};

#[derive(Default, Clone)]
pub(crate) struct Blobs {
    stored: BTreeMap<[u8; 32], Bytes>,
    /// So many of the next that are asked for cannot be had.
    pub(crate) failing: u32,
}

impl Blobs {
    pub(crate) fn answer(&mut self, wants: &[Want]) -> Vec<Input> {
        let mut answer = |want: &Want| match want {
            Want::FetchBlob { hash, .. } => {
                let fails = self.failing > 0;
                self.failing = self.failing.saturating_sub(1);
                let bytes = self.stored.get(hash).filter(|_| !fails).cloned();
                Some(Input::BlobFetched { hash: *hash, bytes })
            }
            Want::StoreBlob { hash, bytes, .. } => {
                self.stored.insert(*hash, bytes.clone());
                Some(Input::BlobStored { hash: *hash, stored: true })
            }
            Want::LoadMessages { .. } | Want::Reconnect => None,
        };
        wants.iter().filter_map(&mut answer).collect()
    }
}
