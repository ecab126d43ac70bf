//! An object store that speaks S3: what clients can do with the requests that are signed for them, and what they cannot.

use std::error::Error as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dunlin_blobs::{
    AttachmentFiles, FileError, Found, GRANT_VALID, S3Config, S3ConfigError, S3Files, SignedRequest, Upload,
};
use dunlin_model::attachment::{PART_BYTES, UploadName};
use dunlin_model::clock::ManualClock;
use dunlin_model::{Attachment, AttachmentId, Timestamp};
use dunlin_testkit_s3::{ACCESS_KEY_ID, BUCKET, S3Server, SECRET_ACCESS_KEY};
use reqwest::{Client, Method};

use crate::{Uploading, attachment, bytes_of, part_of};

/// The time by which the store judges what has expired.
#[expect(clippy::disallowed_methods, reason = "the store of the test has the real time")]
pub(crate) fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(u64::try_from(now.as_millis()).unwrap())
}

fn config(server: &S3Server) -> S3Config {
    S3Config {
        endpoint: server.endpoint(),
        public_endpoint: None,
        bucket: BUCKET.into(),
        region: "eu-central-1".into(),
        path_style: true,
        prefix: "attachments/".into(),
        access_key_id: ACCESS_KEY_ID.into(),
        secret_access_key: SECRET_ACCESS_KEY.into(),
    }
}

fn with(config: &S3Config) -> S3Files {
    S3Files::new(config, Arc::new(ManualClock::at(now()))).unwrap()
}

pub(crate) fn files(server: &S3Server) -> S3Files {
    with(&config(server))
}

async fn make(request: &SignedRequest, body: Vec<u8>, range: Option<(u64, u64)>) -> reqwest::Response {
    let provider = rustls::crypto::ring::default_provider();
    let tls = rustls::ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let client = Client::builder().tls_backend_preconfigured(tls).build().unwrap();
    let method = Method::from_bytes(request.method.as_bytes()).unwrap();
    let mut made = client.request(method, &request.url);
    for (name, value) in &request.headers {
        made = made.header(*name, value);
    }
    if let Some((from, to)) = range {
        made = made.header("range", format!("bytes={from}-{}", to - 1));
    }
    made.body(body).send().await.unwrap()
}

/// What the store's refusal is called.
async fn refusal(answer: reqwest::Response) -> String {
    let status = answer.status();
    let text = answer.text().await.unwrap();
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    code.map_or_else(|| status.to_string(), |(code, _)| code.to_owned())
}

/// Makes a request that puts something.
pub(crate) async fn put(request: &SignedRequest, bytes: &[u8]) -> Result<(), String> {
    let answer = make(request, bytes.to_vec(), None).await;
    if answer.status().is_success() { Ok(()) } else { Err(refusal(answer).await) }
}

/// Makes a request that reads something; its headers and bytes.
pub(crate) async fn get(
    request: &SignedRequest,
    range: Option<(u64, u64)>,
) -> Result<(reqwest::header::HeaderMap, Vec<u8>), String> {
    let answer = make(request, Vec::new(), range).await;
    if !answer.status().is_success() {
        return Err(refusal(answer).await);
    }
    assert_eq!(answer.status().as_u16(), if range.is_some() { 206 } else { 200 });
    let headers = answer.headers().clone();
    Ok((headers, answer.bytes().await.unwrap().to_vec()))
}

#[tokio::test]
async fn an_address_serves_for_one_part_of_one_length_and_hash_for_five_minutes() {
    let server = S3Server::start();
    let files = files(&server);
    for length in [9, PART_BYTES + 9] {
        let whole = bytes_of(length);
        let file = attachment(&whole);
        let upload = Uploading::begin(&files, &file).await;
        let number = u32::try_from(file.parts.len()).unwrap();
        let (part, bytes) = (file.part(number).unwrap(), part_of(&whole, number));
        let signed = files.to_put(upload.upload(), &part, now());
        assert_eq!(signed.method, "PUT");

        // Other bytes, under the hash that was signed, and under their own.
        let other = vec![1; bytes.len()];
        assert_eq!(put(&signed, &other).await.unwrap_err(), "BadDigest");
        let mut lying = signed.clone();
        let own = data_encoding::BASE64.encode(&dunlin_blobs::BlobHash::of(&other).0);
        lying.headers.insert("x-amz-checksum-sha256", own);
        assert_eq!(put(&lying, &other).await.unwrap_err(), "SignatureDoesNotMatch");
        lying.headers.remove("x-amz-checksum-sha256");
        assert_eq!(put(&lying, &other).await.unwrap_err(), "SignatureDoesNotMatch", "without a hash");
        // Fewer and more bytes.
        assert_eq!(put(&signed, &bytes[1..]).await.unwrap_err(), "SignatureDoesNotMatch");
        assert_eq!(put(&signed, &[bytes, &[0]].concat()).await.unwrap_err(), "SignatureDoesNotMatch");
        // Another object, another part, a longer time.
        let other_id = AttachmentId::from_bytes([8; 16]).to_string();
        for (from, to) in [
            (file.id.to_string(), other_id),
            ("X-Amz-Expires=300".into(), "X-Amz-Expires=301".into()),
            ("X-Amz-Signature=".into(), "X-Amz-Signature=0".into()),
            ("partNumber=2".into(), "partNumber=1".into()),
        ] {
            let changed = SignedRequest { url: signed.url.replacen(&from, &to, 1), ..signed.clone() };
            if changed.url != signed.url {
                assert!(put(&changed, bytes).await.is_err(), "{to}");
            }
        }
        let late = files.to_put(upload.upload(), &part, now() - GRANT_VALID - Duration::from_secs(1));
        assert_eq!(put(&late, bytes).await.unwrap_err(), "AccessDenied", "expired");
        assert!(late.expires < now());
        assert_eq!(upload.there().await, [0; 0]);
        put(&signed, bytes).await.unwrap();
        assert_eq!(upload.there().await, [number]);
    }
}

#[tokio::test]
async fn what_is_read_is_nothing_that_a_browser_could_run() {
    let server = S3Server::start();
    let files = files(&server);
    let whole = bytes_of(1_000);
    let file = attachment(&whole);
    let upload = Uploading::begin(&files, &file).await;
    upload.put(1, &whole).await.unwrap();
    let request = files.to_get(file.id, file.bytes, now());
    let (headers, read) = get(&request, None).await.unwrap();
    assert_eq!(
        (&headers["content-type"], &headers["content-disposition"]),
        (&"application/octet-stream".parse().unwrap(), &"attachment".parse().unwrap())
    );
    assert!(read == whole);
    let as_page = request.url.replace("application%2Foctet-stream", "text%2Fhtml");
    assert_ne!(as_page, request.url);
    let as_page = SignedRequest { url: as_page, ..request.clone() };
    assert_eq!(get(&as_page, None).await.unwrap_err(), "SignatureDoesNotMatch");
    let late = files.to_get(file.id, file.bytes, now() - GRANT_VALID - Duration::from_secs(1));
    assert_eq!(get(&late, None).await.unwrap_err(), "AccessDenied");
    let (_, range) = get(&request, Some((10, 20))).await.unwrap();
    assert_eq!(range, whole[10..20]);
}

#[tokio::test]
async fn what_was_put_another_way_is_found_out_and_removed() {
    let server = S3Server::start();
    let files = files(&server);
    let (whole, other) = (bytes_of(1_000), vec![1; 1_000]);
    let (file, another) = (attachment(&whole), attachment(&other));
    // Somebody who may write to the bucket puts other bytes of the same length there.
    Uploading::begin(&files, &another).await.put(1, &other).await.unwrap();
    assert_eq!(files.found(&file).await.unwrap(), Found::WrongHash);
    let upload = Uploading::begin(&files, &file).await;
    assert!(matches!(files.complete(upload.upload()).await, Err(FileError::WrongHash)));
    assert_eq!(files.found(&file).await.unwrap(), Found::Missing);

    // Of parts their hashes are compared; those of another description do not count.
    let whole = bytes_of(PART_BYTES + 9);
    let file = attachment(&whole);
    let upload = Uploading::begin(&files, &file).await;
    for number in [1, 2] {
        upload.put(number, part_of(&whole, number)).await.unwrap();
    }
    let described = Attachment { parts: vec![file.parts[0], [0; 32]], ..file.clone() };
    let lie = Upload { attachment: &described, ..upload.upload() };
    assert_eq!(files.progress(lie).await.unwrap().there, [1]);
    assert!(matches!(files.complete(lie).await, Err(FileError::Incomplete)));
    files.complete(upload.upload()).await.unwrap();
    assert_eq!(files.found(&described).await.unwrap(), Found::WrongHash);
    assert_eq!(server.traffic().1, 0, "nothing was read to find that out");
}

#[tokio::test]
async fn an_upload_that_the_store_has_forgotten_is_gone() {
    let server = S3Server::start();
    let files = files(&server);
    let whole = bytes_of(PART_BYTES + 9);
    let file = attachment(&whole);
    let upload = Uploading::begin(&files, &file).await;
    files.abandon(file.id, upload.name.as_ref().unwrap()).await.unwrap();
    assert!(matches!(files.progress(upload.upload()).await, Err(FileError::Gone)));
    assert!(matches!(files.complete(upload.upload()).await, Err(FileError::Gone)));
    assert_eq!(upload.put(2, part_of(&whole, 2)).await.unwrap_err(), "NoSuchUpload");
    let unknown = UploadName("00000000-0000-0000-0000-000000000000".into());
    let unknown = Upload { attachment: &file, name: Some(&unknown) };
    assert!(matches!(files.progress(unknown).await, Err(FileError::Gone)));
}

#[tokio::test]
async fn clients_are_sent_to_the_public_address_and_the_server_goes_to_its_own() {
    let server = S3Server::start();
    let public = format!("http://localhost:{}", server.port());
    let files = with(&S3Config { public_endpoint: Some(public.clone()), ..config(&server) });
    assert_eq!(files.client_origin(), public);
    let whole = bytes_of(10);
    let file = attachment(&whole);
    let upload = Uploading::begin(&files, &file).await;
    let signed = files.to_put(upload.upload(), &file.part(1).unwrap(), now());
    assert!(signed.url.starts_with(&public), "{}", signed.url);
    put(&signed, &whole).await.unwrap();
    files.complete(upload.upload()).await.unwrap();
}

#[tokio::test]
async fn a_store_that_cannot_be_used_is_told_apart_without_telling_the_key() {
    let server = S3Server::start();
    files(&server).check().await.unwrap();
    for (wrong, said) in [
        (S3Config { secret_access_key: "guessed".into(), ..config(&server) }, "SignatureDoesNotMatch"),
        (S3Config { access_key_id: "NOBODY".into(), ..config(&server) }, "NotSignedUp"),
        (S3Config { bucket: "another".into(), ..config(&server) }, "NoSuchBucket"),
        (S3Config { endpoint: "http://127.0.0.1:1".into(), ..config(&server) }, "cannot be reached"),
    ] {
        let error = with(&wrong).check().await.unwrap_err();
        let cause = error.source().map(ToString::to_string);
        let told = format!("{error} {cause:?} {error:?}");
        assert!(told.contains(said), "{told}");
        for secret in ["guessed", "Signature=", "NOBODY", SECRET_ACCESS_KEY] {
            assert!(!told.contains(secret), "{told}");
        }
    }
    let prefix = |prefix: &str| S3Config { prefix: prefix.into(), ..config(&server) };
    let clock = || Arc::new(ManualClock::at(now()));
    for wrong in ["/attachments/", "a b/", "../", "a//b", "ä"] {
        assert!(matches!(S3Files::new(&prefix(wrong), clock()), Err(S3ConfigError::Prefix)), "{wrong}");
    }
    for right in ["", "a", "a/b/", "a-b_c.d/"] {
        assert!(S3Files::new(&prefix(right), clock()).is_ok(), "{right}");
    }
    let endpoint = S3Config { endpoint: "ftp://example.org".into(), ..config(&server) };
    assert!(matches!(S3Files::new(&endpoint, clock()), Err(S3ConfigError::Endpoint(_))));
}

#[tokio::test]
async fn a_store_that_could_not_be_reached_is_not_asked_again_at_once() {
    let server = S3Server::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    // Whoever comes finds the door shut again.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counter.fetch_add(1, Ordering::SeqCst);
            drop(stream);
        }
    });
    let clock = Arc::new(ManualClock::at(now()));
    let files = S3Files::new(&S3Config { endpoint, ..config(&server) }, Arc::clone(&clock) as _).unwrap();
    let file = attachment(&bytes_of(9));
    files.found(&file).await.unwrap_err();
    let once = asked.load(Ordering::SeqCst);
    assert!(once > 0);
    for _ in 0..3 {
        files.found(&file).await.unwrap_err();
        files.remove(file.id).await.unwrap_err();
    }
    assert_eq!(asked.load(Ordering::SeqCst), once, "a chat would have waited for each");
    clock.advance(Duration::from_secs(10));
    files.found(&file).await.unwrap_err();
    assert!(asked.load(Ordering::SeqCst) > once);
}
