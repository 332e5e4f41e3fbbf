//! The header of index metrics, in both forms.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::support::{ITEMS, QUERY, SIMPLE, container, header};
use crate::emulator::Emulator;
use crate::link::percent_decode;

/// The header's text for a query that asks by the header `name`.
fn utilization(name: &str, query: &str) -> Option<String> {
    let sender = container(Emulator::new(), &[], SIMPLE);
    assert_eq!(sender.create("1", "a").status(), 201);
    let headers = [
        QUERY,
        ("x-ms-documentdb-isquery", "True"),
        ("x-ms-documentdb-partitionkey", r#"["a"]"#),
        (name, "True"),
    ];
    let body = serde_json::json!({ "query": query }).to_string();
    let answer = sender.send("POST", ITEMS, &headers, body.as_bytes());
    assert_eq!(answer.status(), 200);
    header(&answer, "x-ms-cosmos-index-utilization").map(str::to_owned)
}

#[test]
fn each_header_gets_its_form_and_pages_without_rows_get_none() {
    let query = "SELECT * FROM c WHERE c.pk = 'a'";
    let first = utilization("x-ms-cosmos-populateindexmetrics", query).unwrap();
    let first: serde_json::Value =
        serde_json::from_slice(&STANDARD.decode(first).unwrap()).unwrap();
    assert_eq!(first["UtilizedSingleIndexes"][0]["IndexSpec"], "/pk/?");
    let second = utilization("x-ms-cosmos-populateindexmetrics-V2", query).unwrap();
    assert!(second.starts_with("%7B%22UtilizedIndexes%22%3A%7B"), "{second}");
    let second: serde_json::Value =
        serde_json::from_str(&percent_decode(&second).unwrap()).unwrap();
    assert_eq!(second["UtilizedIndexes"]["SingleIndexes"][0]["IndexSpec"], "/pk/?");
    assert_eq!(utilization("x-ms-cosmos-populatequeryadvice", query), None);
    let nothing = "SELECT * FROM c WHERE c.pk = 'b'";
    assert_eq!(utilization("x-ms-cosmos-populateindexmetrics", nothing), None);
}
