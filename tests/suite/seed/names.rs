//! What is promised of the crate itself: its names, its documentation, the versions that it builds with.

use std::fs;
use std::path::{Path, PathBuf};

/// The sources of the crate, each with its path.
fn sources() -> Vec<(PathBuf, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 100);
    found
}

fn manifest() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap()
}

#[test]
fn s17_the_oldest_compiler_is_named() {
    let version = env!("CARGO_PKG_RUST_VERSION");
    let minor: u32 = version.strip_prefix("1.").unwrap().parse().unwrap();
    assert!(
        (85..=88).contains(&minor),
        "edition 2024 needs 1.85; raising this is a release of its own"
    );
}

#[test]
fn s21_nothing_public_is_without_documentation() {
    let manifest = manifest();
    let lints = manifest.split("[lints.rust]").nth(1).unwrap();
    assert!(lints.contains("missing_docs = "), "{lints}");
    for (path, text) in sources().into_iter().filter(|it| !it.0.ends_with("tests.rs")) {
        assert!(text.starts_with("//!"), "{} has no documentation of its own", path.display());
    }
}

#[test]
fn s22c_no_dependency_is_pinned_to_one_version() {
    let manifest = manifest();
    let dependencies = manifest.split("\n[dependencies]").nth(1).unwrap();
    let dependencies = dependencies.split("\n[lints").next().unwrap();
    assert!(dependencies.contains("serde = "));
    for line in dependencies.lines() {
        assert!(!line.contains("\"="), "{line}");
        assert!(!line.contains("\"*\""), "{line}");
        // A dependency says its version in the line, and that is the least one of a range.
        let Some((_, requirement)) = line.split_once(" = ") else { continue };
        let requirement = requirement.split_once("version = ").map_or(requirement, |it| it.1);
        if !requirement.starts_with("{ path = ") {
            let version = requirement.trim_start_matches(['"', '~', '^']);
            assert!(version.starts_with(|it: char| it.is_ascii_digit()), "{line}");
        }
    }
}

#[test]
fn seed_every_row_of_the_page_on_compatibility_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests: String = fs::read_dir(root.join("tests/suite/seed"))
        .unwrap()
        .map(|it| fs::read_to_string(it.unwrap().path()).unwrap())
        .collect();
    let page = fs::read_to_string(root.join("docs/compatibility.md")).unwrap();
    let page = page.split("### By release").nth(1).unwrap().split("### By method").next().unwrap();
    let mut count = 0;
    for row in page.lines().filter(|it| it.starts_with("| S")) {
        let named = row.trim_end_matches(" |").rsplit("| ").next().unwrap();
        for prefix in named.split('`').filter_map(|it| it.strip_suffix('…')) {
            assert!(tests.contains(&format!("fn {prefix}")), "{prefix}: {row}");
            count += 1;
        }
    }
    assert!(count >= 39, "{count}");
}

#[test]
fn s28_no_public_name_speaks_of_documentdb() {
    for (path, text) in sources() {
        for line in text.lines().map(str::trim_start) {
            let is_public = line.starts_with("pub ") && !line.contains("//");
            let names_it = line.to_lowercase().replace('_', "").contains("documentdb");
            assert!(!(is_public && names_it), "{}: {line}", path.display());
        }
    }
}

#[test]
fn s31_the_crate_is_named_after_the_database() {
    assert_eq!(env!("CARGO_PKG_NAME"), "cosmosdb");
    assert!(std::any::type_name::<cosmosdb::CosmosClient>().starts_with("cosmosdb::"));
}

#[test]
fn s32_the_old_names_lead_to_the_new_ones() {
    let texts: String = sources().into_iter().map(|it| it.1).collect();
    for name in [
        "collection",
        "Collection",
        "collections",
        "create_collection",
        "create_document",
        "read_document",
        "replace_document",
        "upsert_document",
        "delete_document",
        "query_documents",
        "DocumentClient",
    ] {
        assert!(texts.contains(&format!("#[doc(alias = \"{name}\")]")), "{name}");
    }
    // On the wire the old words stay.
    for word in ["\"colls\"", "\"docs\""] {
        assert!(texts.contains(word), "{word}");
    }
}
