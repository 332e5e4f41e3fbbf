//! The change feed, latest versions.

use super::support::{ITEMS, SIMPLE, Sender, container, header, json};
use crate::emulator::Emulator;
use crate::transport::Response;

fn changes(sender: &Sender, headers: &[(&str, &str)]) -> Response {
    let mut headers = headers.to_vec();
    headers.extend([("a-im", "Incremental Feed"), ("x-ms-documentdb-partitionkeyrangeid", "0")]);
    sender.send("GET", ITEMS, &headers, b"")
}

fn ids(answer: &Response) -> Vec<String> {
    let rows = json(answer)["Documents"].as_array().cloned().unwrap_or_default();
    rows.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn readers_go_on_where_they_were() {
    let sender = container(Emulator::new(), &[], SIMPLE);
    let empty = changes(&sender, &[]);
    assert_eq!((empty.status().as_u16(), header(&empty, "x-ms-item-count")), (304, Some("0")));
    for id in ["1", "2", "3"] {
        sender.create(id, "a");
    }
    let first = changes(&sender, &[("x-ms-max-item-count", "2")]);
    assert_eq!(ids(&first), ["1", "2"]);
    let etag = header(&first, "etag").unwrap();
    let second = changes(&sender, &[("if-none-match", etag)]);
    assert_eq!(ids(&second), ["3"]);
    let end = header(&second, "etag").unwrap();
    assert_eq!(changes(&sender, &[("if-none-match", end)]).status(), 304);
    assert_eq!(changes(&sender, &[("if-none-match", "*")]).status(), 304);

    let key = ("x-ms-documentdb-partitionkey", r#"["a"]"#);
    let body = br#"{"id":"1","pk":"a","n":1}"#;
    sender.send("PUT", &format!("{ITEMS}/1"), &[key], body);
    sender.send("DELETE", &format!("{ITEMS}/2"), &[key], b"");
    assert_eq!(ids(&changes(&sender, &[("if-none-match", end)])), ["1"]);
    assert_eq!(ids(&changes(&sender, &[])), ["3", "1"]);

    sender.emulator.split("d", "c", "0").unwrap();
    let answer = sender.send("GET", ITEMS, &[("a-im", "Incremental Feed"), key], b"");
    assert_eq!(ids(&answer), ["3", "1"]);
    let structured = ("x-ms-cosmos-changefeed-wire-format-version", "2021-09-15");
    let answer = sender.send("GET", ITEMS, &[("a-im", "Incremental Feed"), key, structured], b"");
    assert_eq!(json(&answer)["Documents"][0]["current"]["id"], "3");
}
