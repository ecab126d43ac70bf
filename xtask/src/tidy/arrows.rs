//! Who may import whom (DESIGN.md, section 5, and ARCHITECTURE.md).

use super::Finding;
use super::workspace::{Package, Use};

/// Our packages begin with this.
const OURS: &str = "dunlin-";

/// Each crate and what it may use. A name that ends in `*` stands for all crates that begin so.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("wire", &["model"]),
    ("store", &["model"]),
    ("store-*", &["store", "model"]),
    ("blobs", &["model"]),
    ("relay", &["model"]),
    ("accounts", &["store", "model"]),
    ("delivery", &["store", "blobs", "relay", "model"]),
    ("gateway", &["delivery", "accounts", "blobs", "wire", "model"]),
    ("server", &["gateway", "delivery", "accounts", "store", "store-*", "blobs", "relay", "wire", "model"]),
    ("client", &["wire", "model"]),
    ("client-*", &["client", "wire", "model"]),
    ("load", &["client-native", "client", "wire", "model"]),
    ("terminal", &["client-native", "client", "wire", "model"]),
    ("cli", &["terminal", "load", "server", "client-native", "model"]),
    ("testkit", &["*"]),
    ("testkit-s3", &[]),
];

/// The only crates that may name a database; `cli` in its tests alone.
const NAME_A_DATABASE: [&str; 2] = ["server", "cli"];

pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    packages.iter().flat_map(check_package).collect()
}

fn check_package(package: &Package) -> Vec<Finding> {
    let ours = package.dependencies.iter().filter_map(|(name, kind)| Some((name.strip_prefix(OURS)?, *kind)));
    let Some(name) = package.name.strip_prefix(OURS) else {
        // xtask starts binaries; it imports nothing of ours.
        let wrong = |(used, _): (&str, Use)| Finding::Error(format!("{} imports {OURS}{used}", package.name));
        return ours.map(wrong).collect();
    };
    let Some((_, allowed)) = ARROWS.iter().find(|(pattern, _)| matches(pattern, name)) else {
        return vec![Finding::Error(format!("{OURS}{name} has no place among the arrows"))];
    };
    let mut findings = Vec::new();
    for (used, kind) in ours {
        let names_a_database = used.starts_with("store-") && !NAME_A_DATABASE.contains(&name) && name != used;
        let permitted = match kind {
            Use::Dev => !names_a_database,
            Use::Normal | Use::Build => {
                allowed.iter().any(|pattern| matches(pattern, used)) && !used.starts_with("testkit")
            }
        };
        if !permitted {
            let kind = if kind == Use::Dev { "in its tests " } else { "" };
            findings
                .push(Finding::Error(format!("{OURS}{name} {kind}imports {OURS}{used}, against the arrows")));
        }
    }
    findings
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, used: &str, kind: Use) -> usize {
        let package = Package {
            name: name.to_owned(),
            dependencies: vec![(used.to_owned(), kind), ("serde".to_owned(), Use::Normal)],
            ..Package::default()
        };
        check(&[package]).len()
    }

    #[test]
    fn an_import_against_the_arrows_is_found() {
        assert_eq!(found("dunlin-model", "dunlin-store", Use::Normal), 1);
        assert_eq!(found("dunlin-delivery", "dunlin-wire", Use::Build), 1);
        assert_eq!(found("dunlin-cli", "dunlin-store-embedded", Use::Normal), 1);
        assert_eq!(found("dunlin-terminal", "dunlin-server", Use::Normal), 1);
        assert_eq!(found("xtask", "dunlin-model", Use::Normal), 1);
        assert_eq!(found("dunlin-surprise", "serde", Use::Normal), 1);
        assert_eq!(found("dunlin-delivery", "dunlin-store", Use::Normal), 0);
        assert_eq!(found("dunlin-server", "dunlin-store-embedded", Use::Normal), 0);
        assert_eq!(found("dunlin-cli", "dunlin-terminal", Use::Normal), 0);
    }

    #[test]
    fn the_testkit_is_for_tests_and_databases_are_named_by_server_and_cli_alone() {
        assert_eq!(found("dunlin-server", "dunlin-testkit", Use::Normal), 1);
        assert_eq!(found("dunlin-server", "dunlin-testkit", Use::Dev), 0);
        assert_eq!(found("dunlin-delivery", "dunlin-store-embedded", Use::Dev), 1);
        assert_eq!(found("dunlin-cli", "dunlin-store-embedded", Use::Dev), 0);
    }
}
