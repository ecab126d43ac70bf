//! What stands in storage can be listed, so that what nobody knows of is found.

use std::fs;

use dunlin_blobs::{AttachmentFiles, Stored};
use dunlin_model::attachment::PART_BYTES;
use dunlin_model::{Attachment, AttachmentId};

use crate::{Uploading, attachment, bytes_of, part_of, storages};

async fn listed(files: &dyn AttachmentFiles, limit: usize) -> Vec<Stored> {
    let (mut all, mut after) = (Vec::new(), None);
    for _ in 0..100 {
        let page = files.list(after, limit).await.unwrap();
        all.extend(page.stored);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
    panic!("the list has no end");
}

fn with_id(n: u8, bytes: &[u8]) -> Attachment {
    // In few folders, for more than one in each.
    let id = AttachmentId::from_bytes([n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n % 2, 0, 0, n]);
    Attachment { id, ..attachment(bytes) }
}

#[tokio::test]
async fn complete_files_and_begun_uploads_are_listed_page_by_page() {
    let whole = bytes_of(9);
    let long = bytes_of(PART_BYTES + 1);
    let storages = storages();
    for files in &storages.all {
        assert_eq!(listed(&**files, 3).await, []);
        for n in 1..=7 {
            let file = with_id(n, &whole);
            let upload = Uploading::begin(&**files, &file).await;
            upload.put(1, &whole).await.unwrap();
            files.complete(upload.upload()).await.unwrap();
        }
        let begun = with_id(4, &long);
        let begun = Attachment { id: AttachmentId::from_bytes([200; 16]), ..begun };
        let upload = Uploading::begin(&**files, &begun).await;
        upload.put(2, part_of(&long, 2)).await.unwrap();
        for limit in [1, 3, 100] {
            let mut all = listed(&**files, limit).await;
            all.sort_by_key(|stored| stored.id);
            let ids: Vec<_> = all.iter().map(|stored| stored.id).collect();
            let mut expected: Vec<_> = (1..=7).map(|n| with_id(n, &whole).id).collect();
            expected.push(begun.id);
            assert_eq!(ids, expected, "limit {limit}");
            assert_eq!(all.last().unwrap().upload, upload.name);
        }
        if let Some(name) = &upload.name {
            for _ in 0..2 {
                files.abandon(begun.id, name).await.unwrap();
            }
        }
        files.remove(begun.id).await.unwrap();
        files.remove(with_id(3, &whole).id).await.unwrap();
        assert_eq!(listed(&**files, 3).await.len(), 6);
    }
}

#[tokio::test]
async fn what_is_none_of_ours_hides_no_file() {
    let whole = bytes_of(9);
    let storages = storages();
    // What a file manager, a file system and a person leave beside files.
    let at_the_top = storages.folder.path().join("attachments");
    fs::create_dir_all(&at_the_top).unwrap();
    fs::write(at_the_top.join(".DS_Store"), "x").unwrap();
    fs::write(at_the_top.join("zz"), "a file that is called like a folder").unwrap();
    fs::create_dir(at_the_top.join("lost+found")).unwrap();
    for files in &storages.all {
        for n in [1, 2] {
            let file = with_id(n, &whole);
            let upload = Uploading::begin(&**files, &file).await;
            upload.put(1, &whole).await.unwrap();
            files.complete(upload.upload()).await.unwrap();
        }
    }
    // In the order of keys before, between and after those of files.
    let [first, second] = [1, 2].map(|n| with_id(n, &whole).id.to_string());
    for stray in ["+", "++", &format!("{first}+"), &format!("{first}++"), &format!("{second}+"), "~"] {
        fs::write(storages.server.object(&format!("attachments/{stray}")), "x").unwrap();
    }
    for files in &storages.all {
        for limit in [1, 2, 3, 100] {
            let mut ids: Vec<_> = listed(&**files, limit).await.iter().map(|stored| stored.id).collect();
            ids.sort();
            assert_eq!(ids, [1, 2].map(|n| with_id(n, &whole).id), "limit {limit}");
        }
    }
}
