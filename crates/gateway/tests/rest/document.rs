//! The OpenAPI document against the running router.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::schema::METHODS;
use crate::world::World;

/// An address that fits a documented path, of things that do not exist.
fn filled_in(path: &str) -> String {
    path.replace("{userId}", &"a".repeat(26))
        .replace("{chatId}", &"a".repeat(26))
        .replace("{sha256}", &"a".repeat(64))
        .replace("{number}", "77")
        .replace("{seq}", "1")
}

#[tokio::test]
async fn every_documented_operation_answers_as_documented_with_and_without_credentials() {
    let world = World::new().await;
    let person = world.login("ada@example.org").await;
    let mut operations = 0;
    for (path, item) in world.document.paths() {
        for (method, operation) in item.as_object().unwrap() {
            // Logging out would end the credentials that the other calls need.
            let tokens =
                if path == "/api/auth/logout" { vec![None] } else { vec![None, Some(&*person.token)] };
            for token in tokens {
                for body in [None, Some(json!({})), Some(json!({"clientSeq": 1})), Some(json!([]))] {
                    // `World::call` holds status and body against the document.
                    let answer = world.call(&method.to_uppercase(), &filled_in(path), token, body).await;
                    let open = operation["security"] == json!([{}]);
                    assert!(
                        open || token.is_some() || answer.status == StatusCode::UNAUTHORIZED,
                        "{method} {path} without a token: {}",
                        answer.status
                    );
                    assert_ne!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
                    assert_ne!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{method} {path}");
                }
            }
            operations += 1;
        }
    }
    assert!(operations >= 35, "{operations}");
}

#[tokio::test]
async fn no_documented_path_takes_a_method_that_is_not_documented() {
    let world = World::new().await;
    for (path, item) in world.document.paths() {
        for method in METHODS.iter().filter(|method| item.get(**method).is_none()) {
            let answer = world.call(&method.to_uppercase(), &filled_in(path), None, None).await;
            // A literal part that would do as an id is served by the route with the variable.
            let elsewhere = ["/api/users/find", "/api/chats/join"].contains(&path.as_str());
            assert!(
                answer.status == StatusCode::METHOD_NOT_ALLOWED || elsewhere,
                "{method} {path}: {}",
                answer.status
            );
        }
    }
}

#[tokio::test]
async fn the_document_is_complete_in_itself() {
    let world = World::new().await;
    let document = &world.document.0;
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    let mut ids = BTreeSet::new();
    for (path, item) in world.document.paths() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} is the name of two operations");
            assert!(operation["summary"].is_string(), "{method} {path} does not say what it does");
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                assert!(parameters.iter().any(|parameter| parameter["name"] == name), "{path}: {name}");
            }
        }
    }
    let mut references = Vec::new();
    collect_references(document, &mut references);
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

fn collect_references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| collect_references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| collect_references(value, found)),
        _ => {}
    }
}
