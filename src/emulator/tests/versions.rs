//! The change feed, all versions and deletes.

use std::time::Duration;

use super::support::{ITEMS, Sender, container, header, json};
use crate::clock::VirtualClock;
use crate::emulator::Emulator;
use crate::transport::Response;

const KEY: (&str, &str) = ("x-ms-documentdb-partitionkey", r#"["a"]"#);
const WIRE_FORMAT: (&str, &str) = ("x-ms-cosmos-changefeed-wire-format-version", "2021-09-15");

fn changes(sender: &Sender, from: &str, more: &[(&str, &str)]) -> Response {
    let mut headers = vec![("a-im", "Full-Fidelity Feed"), WIRE_FORMAT, ("if-none-match", from)];
    headers.extend(more);
    sender.send("GET", ITEMS, &headers, b"")
}

fn rows(answer: &Response) -> Vec<serde_json::Value> {
    json(answer)["Documents"].as_array().cloned().unwrap_or_default()
}

fn kinds(answer: &Response) -> Vec<String> {
    let kind =
        |it: &serde_json::Value| it["metadata"]["operationType"].as_str().unwrap().to_owned();
    rows(answer).iter().map(kind).collect()
}

fn etag(answer: &Response) -> String {
    header(answer, "etag").unwrap().to_owned()
}

fn put(sender: &Sender, n: i64) {
    let body = format!("{{\"id\":\"1\",\"pk\":\"a\",\"n\":{n}}}");
    let answer = sender.send("PUT", &format!("{ITEMS}/1"), &[KEY], body.as_bytes());
    assert_eq!(answer.status(), 200);
}

#[test]
fn every_version_and_every_end_is_told() {
    let clock = VirtualClock::new();
    let emulator = Emulator::builder().clock(clock.clone()).build().unwrap();
    let definition =
        r#"{"id":"c","partitionKey":{"paths":["/pk"],"kind":"Hash","version":2},"defaultTtl":60}"#;
    let sender = container(emulator, &[], definition);
    sender.create("0", "a");
    let now = changes(&sender, "*", &[]);
    assert_eq!((now.status().as_u16(), header(&now, "x-ms-item-count")), (304, Some("0")));
    sender.create("1", "a");
    put(&sender, 1);
    put(&sender, 2);
    sender.send("DELETE", &format!("{ITEMS}/1"), &[KEY], b"");
    clock.advance(Duration::from_secs(61));

    let all = changes(&sender, &etag(&now), &[]);
    assert_eq!(kinds(&all), ["create", "replace", "replace", "delete", "delete"]);
    let all = rows(&all);
    assert_eq!((&all[1]["current"]["n"], &all[2]["current"]["n"]), (&1.into(), &2.into()));
    assert_eq!(all[2]["metadata"]["previousImageLSN"], all[1]["metadata"]["lsn"]);
    assert!(all[0]["metadata"]["crts"].as_u64().is_some());
    let end = &all[3]["metadata"];
    assert_eq!(
        (&end["id"], &end["partitionKey"]),
        (&"1".into(), &serde_json::json!({ "pk": "a" }))
    );
    assert!(all[3].get("current").is_none() && end.get("timeToLiveExpired").is_none());
    let expired = &all[4]["metadata"];
    assert_eq!((&expired["id"], &expired["timeToLiveExpired"]), (&"0".into(), &true.into()));

    let mut position = etag(&now);
    let mut seen = Vec::new();
    loop {
        let page = changes(&sender, &position, &[("x-ms-max-item-count", "2")]);
        position = etag(&page);
        if page.status() == 304 {
            break;
        }
        seen.extend(kinds(&page));
    }
    assert_eq!(seen.len(), 5, "pages tell the same");
}

#[test]
fn positions_hold_across_splits_and_merges() {
    let sender = container(Emulator::new(), &[], super::support::SIMPLE);
    let start = etag(&changes(&sender, "*", &[]));
    sender.create("1", "a");
    put(&sender, 1);
    let [low, high] = sender.emulator.split("d", "c", "0").unwrap();
    put(&sender, 2);
    sender.create("2", "b");
    let by_range =
        |id: &str| kinds(&changes(&sender, &start, &[("x-ms-documentdb-partitionkeyrangeid", id)]));
    assert_eq!([by_range(&low), by_range(&high)].concat().len(), 4);
    assert_eq!(kinds(&changes(&sender, &start, &[KEY])), ["create", "replace", "replace"]);
    sender.emulator.merge("d", "c", &low, &high).unwrap();
    assert_eq!(kinds(&changes(&sender, &start, &[KEY])), ["create", "replace", "replace"]);
    assert_eq!(kinds(&changes(&sender, &start, &[])).len(), 4);
}

#[test]
fn it_starts_from_now_or_from_a_continuation_alone() {
    let sender = container(Emulator::new(), &[], super::support::SIMPLE);
    let ask = |headers: &[(&str, &str)]| sender.send("GET", ITEMS, headers, b"").status().as_u16();
    let mode = ("a-im", "Full-Fidelity Feed");
    assert_eq!(ask(&[mode, WIRE_FORMAT]), 400);
    let since = ("if-modified-since", "Tue, 01 Nov 2022 17:15:00 GMT");
    assert_eq!(ask(&[mode, WIRE_FORMAT, since]), 400);
    assert_eq!(ask(&[mode, ("if-none-match", "*")]), 400);
    assert_eq!(ask(&[mode, WIRE_FORMAT, ("if-none-match", "*")]), 304);
    assert_eq!(ask(&[("a-im", "Other"), WIRE_FORMAT]), 400);
}

#[test]
fn batches_are_one_step() {
    let sender = container(Emulator::new(), &[], super::support::SIMPLE);
    let start = etag(&changes(&sender, "*", &[]));
    let batch = |body: &str| {
        let headers =
            [KEY, ("x-ms-cosmos-is-batch-request", "True"), ("x-ms-cosmos-batch-atomic", "True")];
        sender.send("POST", ITEMS, &headers, body.as_bytes()).status().as_u16()
    };
    let create = r#"{"operationType":"Create","resourceBody":{"id":"1","pk":"a"}}"#;
    let read = r#"{"operationType":"Read","id":"1"}"#;
    let replace =
        r#"{"operationType":"Replace","id":"1","resourceBody":{"id":"1","pk":"a","n":1}}"#;
    assert_eq!(batch(&format!("[{create},{read},{replace}]")), 200);
    assert_eq!(batch(&format!("[{replace},{create}]")), 207, "nothing of it is told");
    let page = changes(&sender, &start, &[("x-ms-max-item-count", "1")]);
    assert_eq!(kinds(&page), ["create", "replace"]);
    assert_eq!(rows(&page)[0]["metadata"]["lsn"], rows(&page)[1]["metadata"]["lsn"]);
    assert_eq!(changes(&sender, &etag(&page), &[]).status(), 304);
}

#[test]
fn a_page_holds_four_megabytes_at_most() {
    let emulator = Emulator::builder().partitions(3).build().unwrap();
    let sender = container(emulator, &[], super::support::SIMPLE);
    let mut position = etag(&changes(&sender, "*", &[]));
    // 20 of 250 KB each are more than one page holds; the ends of some take next to nothing.
    let text = "x".repeat(250_000);
    for number in 0..20 {
        let body = format!(r#"{{"id":"{number}","pk":"{number}","text":"{text}"}}"#);
        let key = format!(r#"["{number}"]"#);
        let headers = [("x-ms-documentdb-partitionkey", key.as_str())];
        assert_eq!(sender.send("POST", ITEMS, &headers, body.as_bytes()).status(), 201);
        if number < 5 {
            sender.send("DELETE", &format!("{ITEMS}/{number}"), &headers, b"");
        }
    }
    let mut told = Vec::new();
    loop {
        let page = changes(&sender, &position, &[("x-ms-max-item-count", "-1")]);
        position = etag(&page);
        if page.status() == 304 {
            break;
        }
        assert!(page.body().len() < 4 * 1024 * 1024 + 100_000, "{}", page.body().len());
        told.push(kinds(&page).len());
    }
    assert_eq!((told.len(), told.iter().sum::<usize>()), (2, 25), "{told:?}");
}
