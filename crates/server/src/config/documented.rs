//! Holds docs/configuration.md against the configuration itself.

use std::collections::BTreeMap;

use dunlin_accounts::{SmtpConfig, WebhookAuthentication, WebhookConfig};
use toml::{Table, Value};

use super::*;

const PAGE: &str = include_str!("../../../../docs/configuration.md");
/// What the page says of a field without default.
const NOT_SET: &str = "not set";

/// Section and field.
type Name = (String, String);

/// Every setting there is: optional ones are filled in, because TOML leaves out what is not set.
fn everything() -> Table {
    let mut config = Config::default();
    config.tls.certificate = Some("certificate.pem".into());
    config.tls.key = Some("key.pem".into());
    config.metrics.listen = Some(LISTEN);
    config.codes.smtp = Some(SmtpConfig {
        url: String::new(),
        from: String::new(),
        user: Some(String::new()),
        password: Some(String::new()),
    });
    config.attachments.s3 = Some(s3());
    config.codes.webhook =
        Some(WebhookConfig { url: String::new(), authentication: WebhookAuthentication::None });
    Table::try_from(config).expect("a configuration is a table")
}

/// All that can be set of an object store.
fn s3() -> S3Section {
    let required = "endpoint = \"\"\nbucket = \"\"\naccess_key_id = \"\"\n";
    let mut section: S3Section = toml::from_str(required).expect("the rest has defaults");
    section.public_endpoint = Some(String::new());
    section.secret_access_key = Some(Secret(String::new()));
    section.secret_access_key_file = Some("key".into());
    section
}

fn names(section: &str, table: &Table, found: &mut Vec<Name>) {
    for (key, value) in table {
        match value {
            Value::Table(inner) if section.is_empty() => names(key, inner, found),
            Value::Table(inner) => names(&format!("{section}.{key}"), inner, found),
            _ => found.push((section.to_owned(), key.clone())),
        }
    }
}

/// The rows of the page's tables: section and field, with the default as it is written.
fn documented() -> BTreeMap<Name, String> {
    let mut rows = BTreeMap::new();
    let mut section = String::new();
    for line in PAGE.lines() {
        if let Some(heading) = line.strip_prefix("## `[").and_then(|rest| rest.strip_suffix("]`")) {
            section = heading.to_owned();
        } else if let Some((field, rest)) = line.strip_prefix("| `").and_then(|rest| rest.split_once("` | "))
        {
            let default = rest.split(" | ").next().unwrap_or_default();
            rows.insert((section.clone(), field.to_owned()), default.trim_matches('`').to_owned());
        }
    }
    rows
}

#[test]
fn every_setting_stands_on_the_page_and_nothing_else_does() {
    let mut real = Vec::new();
    names("", &everything(), &mut real);
    real.sort();
    let on_page: Vec<Name> = documented().into_keys().collect();
    assert_eq!(on_page, real);
}

#[test]
fn the_defaults_on_the_page_are_the_real_ones() {
    let mut config = Config::default();
    let required = ["endpoint", "bucket", "access_key_id"];
    let optional = ["public_endpoint", "secret_access_key", "secret_access_key_file"];
    config.attachments.s3 = Some(s3());
    let mut defaults = Table::try_from(config).unwrap();
    let s3 = defaults["attachments"]["s3"].as_table_mut().unwrap();
    for field in required.into_iter().chain(optional) {
        s3.remove(field).unwrap();
    }
    for ((section, field), shown) in documented() {
        let value = section
            .split('.')
            .try_fold(&defaults, |table, key| table.get(key)?.as_table())
            .and_then(|table| table.get(&field));
        match value {
            Some(value) => assert_eq!(shown, value.to_string(), "{section}.{field}"),
            None => {
                assert!(shown == NOT_SET || section == "codes.webhook", "{section}.{field} has no default")
            }
        }
    }
}
