//! Items: conditions, time to live, unique keys, batches and patches.

use std::time::Duration;

use super::support::{ITEMS, SIMPLE, Sender, container, header, json};
use crate::clock::VirtualClock;
use crate::emulator::Emulator;

const KEY: (&str, &str) = ("x-ms-documentdb-partitionkey", r#"["a"]"#);

fn item(sender: &Sender, method: &str, headers: &[(&str, &str)], body: &str) -> (u16, u32) {
    let mut headers = headers.to_vec();
    headers.push(KEY);
    let path = if method == "POST" { ITEMS.to_owned() } else { format!("{ITEMS}/1") };
    let answer = sender.send(method, &path, &headers, body.as_bytes());
    let sub_status = header(&answer, "x-ms-substatus").map_or(0, |it| it.parse().unwrap());
    (answer.status().as_u16(), sub_status)
}

#[test]
fn writes_heed_their_conditions() {
    let sender = container(Emulator::new(), &[], SIMPLE);
    let upsert = ("x-ms-documentdb-is-upsert", "True");
    let body = r#"{"id":"1","pk":"a","n":1}"#;
    for (method, headers, body, expected) in [
        ("POST", &[][..], body, (201, 0)),
        ("POST", &[], body, (409, 0)),
        ("POST", &[upsert], body, (200, 0)),
        ("POST", &[upsert, ("if-match", "\"x\"")], body, (412, 0)),
        ("POST", &[upsert, ("if-none-match", "*")], body, (412, 0)),
        ("PUT", &[("if-match", "\"x\"")], body, (412, 0)),
        ("PUT", &[("if-match", "*")], body, (200, 0)),
        ("PUT", &[], r#"{"id":"1","pk":"b"}"#, (400, 1001)),
        ("PATCH", &[], r#"{"operations":[{"op":"incr","path":"/n","value":1}]}"#, (200, 0)),
        (
            "PATCH",
            &[],
            r#"{"condition":"from c where c.n = 1","operations":[{"op":"remove","path":"/n"}]}"#,
            (412, 1110),
        ),
        ("GET", &[("if-none-match", "\"x\"")], "", (200, 0)),
        ("GET", &[("x-ms-session-token", "0:-1#1000")], "", (404, 1002)),
        ("GET", &[("x-ms-cosmos-intended-collection-rid", "AAAA")], "", (400, 1024)),
        ("DELETE", &[("if-match", "\"x\"")], "", (412, 0)),
        ("DELETE", &[], "", (204, 0)),
        ("GET", &[], "", (404, 0)),
        ("PATCH", &[], r#"{"operations":[{"op":"incr","path":"/n","value":1}]}"#, (404, 0)),
    ] {
        assert_eq!(item(&sender, method, headers, body), expected, "{method} {headers:?} {body}");
    }
}

#[test]
fn minimal_answers_have_no_body() {
    let sender = container(Emulator::new(), &[], SIMPLE);
    let minimal = ("prefer", "return=minimal");
    let answer = sender.send("POST", ITEMS, &[KEY, minimal], br#"{"id":"1","pk":"a"}"#);
    assert_eq!(answer.status(), 201);
    assert!(answer.body().is_empty() && header(&answer, "etag").is_some());
}

#[test]
fn items_are_found_by_names_and_by_rids() {
    let sender = container(Emulator::new(), &[], SIMPLE);
    let link = json(&sender.create("1", "a"))["_self"].as_str().unwrap().to_owned();
    let path = format!("/{link}");
    assert_eq!(json(&sender.send_by_rid("GET", &path, &[KEY], b""))["id"], "1");
    assert_eq!(sender.send_by_rid("GET", &format!("{ITEMS}/1"), &[KEY], b"").status(), 401);
}

#[test]
fn expired_items_are_gone_and_make_room() {
    let clock = VirtualClock::new();
    let emulator = Emulator::builder().clock(clock.clone()).build().unwrap();
    let definition = r#"{"id":"c","partitionKey":{"paths":["/pk"]},"defaultTtl":10,"uniqueKeyPolicy":{"uniqueKeys":[{"paths":["/u"]}]}}"#;
    let sender = container(emulator, &[], definition);
    assert_eq!(item(&sender, "POST", &[], r#"{"id":"1","pk":"a","u":1}"#).0, 201);
    assert_eq!(item(&sender, "POST", &[], r#"{"id":"2","pk":"a","u":2,"ttl":-1}"#).0, 201);
    assert_eq!(item(&sender, "POST", &[], r#"{"id":"3","pk":"a","u":1}"#).0, 409);
    assert_eq!(item(&sender, "POST", &[], r#"{"id":"3","pk":"a","u":3,"ttl":0}"#).0, 400);
    clock.advance(Duration::from_secs(11));
    assert_eq!(item(&sender, "GET", &[], "").0, 404);
    assert_eq!(sender.ids(&[KEY], "SELECT c.id FROM c"), ["2"]);
    assert_eq!(item(&sender, "POST", &[], r#"{"id":"3","pk":"a","u":1}"#).0, 201);
    assert_eq!(item(&sender, "POST", &[], r#"{"id":"1","pk":"a","u":4}"#).0, 201);
}

#[test]
fn atomic_batches_leave_nothing_when_they_fail() {
    let sender = container(Emulator::new(), &[], SIMPLE);
    sender.create("1", "a");
    let batch =
        [("x-ms-cosmos-is-batch-request", "True"), ("x-ms-cosmos-batch-atomic", "True"), KEY];
    let statuses = |body: &str| {
        let answer = sender.send("POST", ITEMS, &batch, body.as_bytes());
        let entries = json(&answer);
        let statuses = entries.as_array().unwrap().iter();
        statuses.map(|it| it["statusCode"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let failing = r#"[{"operationType":"Upsert","resourceBody":{"id":"1","pk":"a","n":1}},
        {"operationType":"Create","resourceBody":{"id":"2","pk":"a"}},
        {"operationType":"Delete","id":"nobody"},{"operationType":"Read","id":"1"}]"#;
    assert_eq!(statuses(failing), [424, 424, 404, 424]);
    assert_eq!(sender.ids(&[KEY], "SELECT c.id FROM c WHERE NOT IS_DEFINED(c.n)"), ["1"]);
    let working = r#"[{"operationType":"Create","resourceBody":{"id":"2","pk":"a"}},
        {"operationType":"Patch","id":"2","resourceBody":{"operations":[{"op":"add","path":"/n","value":1}]}},
        {"operationType":"Read","id":"2"},{"operationType":"Delete","id":"1"}]"#;
    assert_eq!(statuses(working), [201, 200, 200, 204]);
    assert_eq!(sender.ids(&[KEY], "SELECT c.id FROM c WHERE c.n = 1"), ["2"]);
}

#[test]
fn batches_and_patches_have_their_limits() {
    let sender = container(Emulator::new(), &[], SIMPLE);
    sender.create("1", "a");
    let batch = ("x-ms-cosmos-is-batch-request", "True");
    let atomic = ("x-ms-cosmos-batch-atomic", "True");
    let reads = |count: usize| {
        format!("[{}]", [r#"{"operationType":"Read","id":"1"}"#].repeat(count).join(","))
    };
    let patch = |count: usize| {
        let operations = [r#"{"op":"incr","path":"/n","value":1}"#].repeat(count).join(",");
        format!("{{\"operations\":[{operations}]}}")
    };
    let large = format!(
        r#"[{{"operationType":"Create","resourceBody":{{"id":"2","pk":"a","text":"{}"}}}}]"#,
        "x".repeat(2 * 1024 * 1024)
    );
    for (method, headers, body, expected) in [
        ("POST", &[batch, atomic][..], reads(100), 200),
        ("POST", &[batch, atomic], reads(101), 400),
        ("POST", &[batch, atomic], reads(0), 400),
        ("POST", &[batch], reads(101), 400),
        ("POST", &[batch, atomic], "{}".to_owned(), 400),
        ("POST", &[batch, atomic], r#"[{"operationType":"Query"}]"#.to_owned(), 207),
        ("POST", &[batch, atomic], large, 413),
        ("PATCH", &[], patch(10), 200),
        ("PATCH", &[], patch(11), 400),
        ("PATCH", &[], patch(0), 400),
        ("PATCH", &[], "[]".to_owned(), 400),
        ("PATCH", &[], r#"{"operations":[{"op":"test","path":"/n","value":1}]}"#.to_owned(), 400),
    ] {
        let body_start: String = body.chars().take(60).collect();
        assert_eq!(item(&sender, method, headers, &body).0, expected, "{method} {body_start}");
    }
}

#[test]
fn only_whole_keys_can_be_deleted_or_written_in_batches() {
    let definition =
        r#"{"id":"c","partitionKey":{"paths":["/t","/u"],"kind":"MultiHash","version":2}}"#;
    let sender = container(Emulator::new(), &[], definition);
    let all = format!("{}/operations/partitionkeydelete", ITEMS.trim_end_matches("/docs"));
    let batch = [("x-ms-cosmos-is-batch-request", "True"), ("x-ms-cosmos-batch-atomic", "True")];
    for (key, expected) in [(r#"["t","u"]"#, 200), (r#"["t"]"#, 400), (r#"["t","u","v"]"#, 400)] {
        let key = ("x-ms-documentdb-partitionkey", key);
        assert_eq!(sender.send("POST", &all, &[key], b"").status(), expected, "{key:?}");
        let body = br#"[{"operationType":"Upsert","resourceBody":{"id":"1","t":"t","u":"u"}}]"#;
        let answer = sender.send("POST", ITEMS, &[batch[0], batch[1], key], body);
        assert_eq!(answer.status(), expected, "{key:?}");
    }
    assert_eq!(sender.send("POST", &all, &[], b"").status(), 400);
}
