//! docs/protocol.md shows what the code does: every example is a real frame, and every code is listed.
//!
//! An example stands in the code block below a line such as `<!-- client: sendMessage -->`; `UPDATE_DOCS=1`
//! writes the blocks anew.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod examples;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use dunlin_model::{ErrorCode, Retry};
use dunlin_wire::{CloseCode, Format, encode_client, encode_server};

fn page() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/protocol.md")
}

/// All examples as JSON, under the names that the page's markers use.
fn rendered() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (name, frame) in examples::client() {
        let mut bytes = Vec::new();
        encode_client(Format::Json, &frame, &mut bytes);
        all.insert(format!("client: {name}"), String::from_utf8(bytes).unwrap());
    }
    for (name, frame) in examples::server() {
        let mut bytes = Vec::new();
        encode_server(Format::Json, &frame, &mut bytes);
        all.insert(format!("server: {name}"), String::from_utf8(bytes).unwrap());
    }
    all
}

fn marker(line: &str) -> Option<&str> {
    line.strip_prefix("<!-- ")?.strip_suffix(" -->").filter(|name| name.contains(": "))
}

/// The page with every example's block as it should be, and the names it uses.
fn filled(text: &str, examples: &BTreeMap<String, String>) -> (String, Vec<String>) {
    let (mut out, mut used) = (Vec::new(), Vec::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        out.push(line.to_owned());
        let Some(name) = marker(line) else { continue };
        let Some(json) = examples.get(name) else { panic!("there is no example {name:?}") };
        used.push(name.to_owned());
        assert_eq!(lines.next(), Some("```json"), "a block follows {name:?}");
        out.push("```json".to_owned());
        out.push(json.clone());
        for old in lines.by_ref() {
            if old == "```" {
                break;
            }
        }
        out.push("```".to_owned());
    }
    out.push(String::new());
    (out.join("\n"), used)
}

#[test]
fn every_example_on_the_page_is_a_real_frame_and_every_frame_is_there() {
    let examples = rendered();
    let text = fs::read_to_string(page()).unwrap();
    let (wanted, used) = filled(&text, &examples);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(page(), &wanted).unwrap();
    } else {
        assert_eq!(text, wanted, "UPDATE_DOCS=1 writes the examples anew");
    }
    for name in examples.keys() {
        assert!(used.contains(name), "the page does not show {name:?}");
    }
}

#[test]
fn every_error_and_close_code_is_listed_as_it_is() {
    let text = fs::read_to_string(page()).unwrap();
    for code in ErrorCode::ALL {
        let retry = match code.retry() {
            Retry::Never => "never",
            Retry::Later => "later",
            Retry::AfterLogin => "after login",
        };
        assert!(text.contains(&format!("| `{code}` | {retry} |")), "{code} | {retry}");
    }
    for code in CloseCode::ALL {
        let row = format!("| {} | {} |", code.number(), code.text());
        assert!(text.contains(&row), "{row}");
    }
}
