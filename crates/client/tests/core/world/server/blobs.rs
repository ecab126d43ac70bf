//! Blob storage.

use std::collections::BTreeMap;

use bytes::Bytes;
use dunlin_client::{Input, Want};

#[derive(Default)]
pub(crate) struct Blobs(pub(crate) BTreeMap<[u8; 32], Bytes>);

impl Blobs {
    pub(crate) fn answer(&mut self, wants: &[Want]) -> Vec<Input> {
        let answer = |want: &Want| match want {
            Want::FetchBlob { hash, .. } => {
                Some(Input::BlobFetched { hash: *hash, bytes: self.0.get(hash).cloned() })
            }
            Want::StoreBlob { hash, bytes, .. } => {
                self.0.insert(*hash, bytes.clone());
                Some(Input::BlobStored { hash: *hash, stored: true })
            }
            Want::Reconnect => None,
        };
        wants.iter().filter_map(answer).collect()
    }
}
