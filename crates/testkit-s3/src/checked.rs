//! What S3 does beyond `s3s-fs` 0.14, which checks the checksum of a whole object only after it has replaced what was
//! there, and of parts keeps none, lists no tag, and knows no list of uploads.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{Bytes, BytesMut};
use data_encoding::BASE64;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use parking_lot::Mutex;
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use sha2::{Digest as _, Sha256};

use crate::Traffic;

type Answer<T> = S3Result<S3Response<T>>;

/// An upload that is not complete.
struct Begun {
    key: String,
    parts: BTreeMap<i32, Part>,
}

/// A store that keeps the SHA-256 of what it has.
pub(crate) struct Checked {
    files: FileSystem,
    traffic: Arc<Traffic>,
    begun: Mutex<BTreeMap<String, Begun>>,
    /// Of objects that were put in parts, by their keys.
    composites: Mutex<HashMap<String, String>>,
}

impl Checked {
    pub(crate) fn new(files: FileSystem, traffic: Arc<Traffic>) -> Self {
        Self { files, traffic, begun: Mutex::default(), composites: Mutex::default() }
    }

    /// The whole body, if it is as its header says.
    async fn receive(&self, body: Option<StreamingBlob>, said: Option<&String>) -> S3Result<Bytes> {
        let mut body = body.ok_or_else(|| s3_error!(IncompleteBody))?;
        let mut bytes = BytesMut::new();
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|_| s3_error!(IncompleteBody))?;
            self.traffic.put.fetch_add(piece.len() as u64, Ordering::SeqCst);
            bytes.extend_from_slice(&piece);
        }
        match said {
            Some(said) if *said != BASE64.encode(&Sha256::digest(&bytes)) => Err(s3_error!(BadDigest)),
            _ => Ok(bytes.freeze()),
        }
    }
}

fn blob(bytes: Bytes) -> StreamingBlob {
    StreamingBlob::wrap(stream::iter([Ok::<_, std::io::Error>(bytes)]))
}

#[async_trait::async_trait]
impl S3 for Checked {
    async fn put_object(&self, mut req: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let bytes = self.receive(req.input.body.take(), req.input.checksum_sha256.as_ref()).await?;
        req.input.body = Some(blob(bytes));
        self.composites.lock().remove(&req.input.key);
        self.files.put_object(req).await
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        let (key, mode) = (req.input.key.clone(), req.input.checksum_mode.clone());
        let mut answer = self.files.head_object(req).await?;
        if let Some(composite) = self.composites.lock().get(&key) {
            answer.output.checksum_sha256 = Some(composite.clone());
        }
        // Told to those who ask for it alone.
        if mode.is_none() {
            answer.output.checksum_sha256 = None;
        }
        Ok(answer)
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        let (media_type, disposition) =
            (req.input.response_content_type.clone(), req.input.response_content_disposition.clone());
        let mut answer = self.files.get_object(req).await?;
        answer.output.content_type = media_type.or(answer.output.content_type);
        answer.output.content_disposition = disposition.or(answer.output.content_disposition);
        let traffic = Arc::clone(&self.traffic);
        answer.output.body = answer.output.body.map(|body| {
            let counted = body.inspect_ok(move |piece| {
                traffic.read.fetch_add(piece.len() as u64, Ordering::SeqCst);
            });
            StreamingBlob::wrap(counted.map_err(std::io::Error::other))
        });
        Ok(answer)
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        self.composites.lock().remove(&req.input.key);
        self.files.delete_object(req).await
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> Answer<ListObjectsV2Output> {
        self.files.list_objects_v2(req).await
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        let key = req.input.key.clone();
        let answer = self.files.create_multipart_upload(req).await?;
        let id = answer.output.upload_id.clone().ok_or_else(|| s3_error!(InternalError))?;
        self.begun.lock().insert(id, Begun { key, parts: BTreeMap::new() });
        Ok(answer)
    }

    async fn upload_part(&self, mut req: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        let (id, number) = (req.input.upload_id.clone(), req.input.part_number);
        if !self.begun.lock().contains_key(&id) {
            return Err(s3_error!(NoSuchUpload));
        }
        let sha256 = req.input.checksum_sha256.clone();
        let bytes = self.receive(req.input.body.take(), sha256.as_ref()).await?;
        let size = i64::try_from(bytes.len()).ok();
        req.input.body = Some(blob(bytes));
        let answer = self.files.upload_part(req).await?;
        let e_tag = answer.output.e_tag.clone();
        let part =
            Part { part_number: Some(number), size, e_tag, checksum_sha256: sha256, ..Part::default() };
        if let Some(begun) = self.begun.lock().get_mut(&id) {
            begun.parts.insert(number, part);
        }
        Ok(answer)
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        let (after, limit) =
            (req.input.part_number_marker.unwrap_or(0), req.input.max_parts.unwrap_or(1_000));
        let begun = self.begun.lock();
        let all = begun.get(&req.input.upload_id).ok_or_else(|| s3_error!(NoSuchUpload))?;
        let mut parts: Vec<Part> = all.parts.range(after + 1..).map(|(_, part)| part.clone()).collect();
        let limit = usize::try_from(limit).unwrap_or(0);
        let is_truncated = parts.len() > limit;
        parts.truncate(limit);
        let output = ListPartsOutput {
            is_truncated: Some(is_truncated),
            parts: Some(parts),
            ..ListPartsOutput::default()
        };
        Ok(S3Response::new(output))
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        let (id, key) = (req.input.upload_id.clone(), req.input.key.clone());
        let asked =
            req.input.multipart_upload.as_ref().and_then(|asked| asked.parts.clone()).unwrap_or_default();
        let mut hashes = Vec::new();
        {
            let begun = self.begun.lock();
            let all = begun.get(&id).ok_or_else(|| s3_error!(NoSuchUpload))?;
            for part in &asked {
                let there = part.part_number.and_then(|number| all.parts.get(&number));
                let there = there.ok_or_else(|| s3_error!(InvalidPart))?;
                if there.e_tag != part.e_tag || there.checksum_sha256 != part.checksum_sha256 {
                    return Err(s3_error!(InvalidPart));
                }
                let hash =
                    there.checksum_sha256.as_ref().and_then(|hash| BASE64.decode(hash.as_bytes()).ok());
                hashes.extend(hash.ok_or_else(|| s3_error!(InvalidPart))?);
            }
        }
        let answer = self.files.complete_multipart_upload(req).await?;
        self.begun.lock().remove(&id);
        let composite = format!("{}-{}", BASE64.encode(&Sha256::digest(&hashes)), asked.len());
        self.composites.lock().insert(key, composite);
        Ok(answer)
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        if self.begun.lock().remove(&req.input.upload_id).is_none() {
            return Err(s3_error!(NoSuchUpload));
        }
        self.files.abort_multipart_upload(req).await
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> Answer<ListMultipartUploadsOutput> {
        let (prefix, after) =
            (req.input.prefix.unwrap_or_default(), req.input.key_marker.unwrap_or_default());
        let limit = usize::try_from(req.input.max_uploads.unwrap_or(1_000)).unwrap_or(0);
        let begun = self.begun.lock();
        let mut found: Vec<(&String, &String)> = begun
            .iter()
            .map(|(id, begun)| (&begun.key, id))
            .filter(|(key, _)| key.starts_with(&prefix) && **key > after)
            .collect();
        found.sort_unstable();
        let is_truncated = found.len() > limit;
        let upload = |(key, id): &(&String, &String)| MultipartUpload {
            key: Some((*key).clone()),
            upload_id: Some((*id).clone()),
            ..MultipartUpload::default()
        };
        let uploads = found.iter().take(limit).map(upload).collect();
        let output = ListMultipartUploadsOutput {
            is_truncated: Some(is_truncated),
            uploads: Some(uploads),
            ..ListMultipartUploadsOutput::default()
        };
        Ok(S3Response::new(output))
    }
}
