//! What the store says, where it says it in XML (Amazon S3 API Reference).

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The answer to CreateMultipartUpload.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Begun {
    pub(super) upload_id: String,
}

/// The answer to ListParts.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PartList {
    #[serde(default)]
    pub(super) is_truncated: bool,
    #[serde(rename = "Part", default)]
    pub(super) parts: Vec<Part>,
}

/// A part of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Part {
    #[serde(rename = "PartNumber")]
    pub(super) number: u32,
    pub(super) size: u64,
    #[serde(rename = "ETag", default)]
    pub(super) tag: String,
    /// In Base64, where the store has it.
    #[serde(rename = "ChecksumSHA256")]
    pub(super) sha256: Option<String>,
}

/// The answer to ListObjectsV2.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ObjectList {
    #[serde(default)]
    pub(super) is_truncated: bool,
    #[serde(rename = "Contents", default)]
    pub(super) objects: Vec<Object>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Object {
    pub(super) key: String,
}

/// The answer to ListMultipartUploads.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UploadList {
    #[serde(default)]
    pub(super) is_truncated: bool,
    #[serde(rename = "Upload", default)]
    pub(super) uploads: Vec<Begin>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Begin {
    pub(super) key: String,
    pub(super) upload_id: String,
}

/// Why the store says no.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Refusal {
    pub(super) code: String,
}

/// Reads an answer; `None` when it is another one.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    quick_xml::de::from_str(text).ok()
}

/// The body of CompleteMultipartUpload.
pub(super) fn completion(parts: &[Part]) -> String {
    let mut body =
        String::from("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for Part { number, tag, sha256, .. } in parts {
        let sha256 = quick_xml::escape::escape(sha256.as_deref().unwrap_or_default());
        let tag = quick_xml::escape::escape(tag.as_str());
        body += &format!(
            "<Part><ChecksumSHA256>{sha256}</ChecksumSHA256><ETag>{tag}</ETag><PartNumber>{number}</PartNumber></Part>"
        );
    }
    body + "</CompleteMultipartUpload>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_with_what_is_not_known_left_out() {
        let list: PartList = read(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListPartsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Bucket>files</Bucket><IsTruncated>true</IsTruncated><ChecksumType>COMPOSITE</ChecksumType>\
             <Part><PartNumber>7</PartNumber><ETag>&quot;a-b&quot;</ETag><Size>8</Size><ChecksumSHA256>c2hh</ChecksumSHA256></Part>\
             <Owner><ID>1</ID></Owner><Part><PartNumber>9</PartNumber><Size>1</Size></Part></ListPartsResult>",
        )
        .unwrap();
        assert!(list.is_truncated);
        let first = Part { number: 7, size: 8, tag: "\"a-b\"".into(), sha256: Some("c2hh".into()) };
        assert_eq!(
            list.parts,
            [first.clone(), Part { number: 9, size: 1, tag: String::new(), sha256: None }]
        );
        let empty: PartList =
            read("<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>").unwrap();
        assert!(!empty.is_truncated && empty.parts.is_empty());
        assert_eq!(read::<Refusal>("<Error><Code>NoSuchUpload</Code></Error>").unwrap().code, "NoSuchUpload");
        assert!(
            read::<Refusal>("<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>")
                .is_none()
        );
        assert!(read::<Begun>("not XML").is_none());
        assert!(completion(&[first]).contains(
            "<Part><ChecksumSHA256>c2hh</ChecksumSHA256><ETag>&quot;a-b&quot;</ETag><PartNumber>7</PartNumber></Part>"
        ));
    }
}
