//! Everything is found by its `_self` as well as by its name.

use serde_json::Value;

use super::support::{ITEMS, QUERY, SIMPLE, Sender, container, json};
use crate::emulator::{Emulator, FaultRule};

const KEY: (&str, &str) = ("x-ms-documentdb-partitionkey", r#"["a"]"#);

/// An account with one of everything.
fn account() -> Sender {
    let sender = container(Emulator::new(), &[("x-ms-offer-throughput", "400")], SIMPLE);
    sender.create("1", "a");
    for (path, body) in [
        ("/dbs/d/colls/c/sprocs", r#"{"id":"s","body":"function () {}"}"#),
        ("/dbs/d/colls/c/udfs", r#"{"id":"s","body":"function () {}"}"#),
        (
            "/dbs/d/colls/c/triggers",
            r#"{"id":"s","body":"function () {}","triggerType":"Pre","triggerOperation":"All"}"#,
        ),
        ("/dbs/d/users", r#"{"id":"ana"}"#),
        (
            "/dbs/d/users/ana/permissions",
            r#"{"id":"p","permissionMode":"All","resource":"dbs/d/colls/c"}"#,
        ),
    ] {
        let made = sender.send("POST", path, &[], body.as_bytes());
        assert_eq!(made.status(), 201, "{path}: {}", String::from_utf8_lossy(made.body()));
    }
    sender
}

/// The path of `_self`, and the resource.
fn by_name(sender: &Sender, path: &str) -> (String, Value) {
    let mut resource = json(&sender.send("GET", path, &[KEY], b""));
    if let Some(first) = resource.get("Offers").and_then(|it| it.get(0)) {
        resource = first.clone();
    }
    (format!("/{}", resource["_self"].as_str().unwrap()), resource)
}

#[test]
fn everything_is_read_and_deleted_by_its_self_link() {
    let sender = account();
    let paths = [
        "/offers",
        "/dbs/d/users/ana/permissions/p",
        "/dbs/d/users/ana",
        "/dbs/d/colls/c/triggers/s",
        "/dbs/d/colls/c/udfs/s",
        "/dbs/d/colls/c/sprocs/s",
        "/dbs/d/colls/c/docs/1",
        "/dbs/d/colls/c",
        "/dbs/d",
    ];
    let all: Vec<_> = paths.iter().map(|it| by_name(&sender, it)).collect();
    for (path, (link, resource)) in paths.iter().zip(&all) {
        let answer = sender.send_by_rid("GET", link, &[KEY], b"");
        assert_eq!(answer.status(), 200, "{path} as {link}");
        assert_eq!(json(&answer)["_rid"], resource["_rid"], "{path}");
    }
    for (path, (link, _)) in paths.iter().zip(&all).skip(1) {
        assert_eq!(sender.send_by_rid("DELETE", link, &[KEY], b"").status(), 204, "{path}");
        assert_eq!(sender.send("GET", path, &[KEY], b"").status(), 404, "{path}");
    }
}

#[test]
fn feeds_are_listed_queried_and_added_to_below_a_self_link() {
    let sender = account();
    let (database, _) = by_name(&sender, "/dbs/d");
    let (container, _) = by_name(&sender, "/dbs/d/colls/c");
    let (user, _) = by_name(&sender, "/dbs/d/users/ana");
    for (parent, segment, name, body) in [
        (
            &database,
            "colls",
            "DocumentCollections",
            r#"{"id":"n","partitionKey":{"paths":["/pk"]}}"#,
        ),
        (&database, "users", "Users", r#"{"id":"n"}"#),
        (&container, "docs", "Documents", r#"{"id":"n","pk":"a"}"#),
        (&container, "sprocs", "StoredProcedures", r#"{"id":"n","body":"function () {}"}"#),
        (&container, "udfs", "UserDefinedFunctions", r#"{"id":"n","body":"function () {}"}"#),
        (
            &user,
            "permissions",
            "Permissions",
            r#"{"id":"n","permissionMode":"Read","resource":"dbs/d/colls/x"}"#,
        ),
    ] {
        let feed = format!("{parent}{segment}");
        let made = sender.send_by_rid("POST", &feed, &[KEY], body.as_bytes());
        assert_eq!(made.status(), 201, "{feed}: {}", String::from_utf8_lossy(made.body()));
        let list = json(&sender.send_by_rid("GET", &feed, &[KEY], b""));
        assert_eq!(list[name].as_array().unwrap().len(), 2, "{feed}");
        let query = br#"{"query":"SELECT * FROM c WHERE c.id = 'n'"}"#;
        let found = json(&sender.send_by_rid("POST", &feed, &[KEY, QUERY], query));
        assert_eq!(found[name][0]["_rid"], json(&made)["_rid"], "{feed}");
    }
    let ranges = json(&sender.send_by_rid("GET", &format!("{container}pkranges"), &[], b""));
    assert_eq!(ranges["PartitionKeyRanges"].as_array().unwrap().len(), 1);
}

#[test]
fn an_item_is_written_by_its_self_link() {
    let sender = account();
    let (link, _) = by_name(&sender, &format!("{ITEMS}/1"));
    let patch = br#"{"operations":[{"op":"add","path":"/n","value":2}]}"#;
    let item = br#"{"id":"1","pk":"a","n":1}"#;
    for (method, body, n) in [("PUT", &item[..], 1), ("PATCH", &patch[..], 2)] {
        assert_eq!(sender.send_by_rid(method, &link, &[KEY], body).status(), 200, "{method}");
        assert_eq!(json(&sender.send("GET", &format!("{ITEMS}/1"), &[KEY], b""))["n"], n);
    }
    let other_key = [("x-ms-documentdb-partitionkey", r#"["b"]"#)];
    assert_eq!(sender.send_by_rid("GET", &link, &other_key, b"").status(), 404);
}

#[test]
fn a_rid_leads_to_nothing_once_its_resource_is_gone() {
    let sender = account();
    let (link, _) = by_name(&sender, "/dbs/d/colls/c");
    assert_eq!(sender.send("DELETE", "/dbs/d/colls/c", &[], b"").status(), 204);
    assert_eq!(sender.send("POST", "/dbs/d/colls", &[], SIMPLE.as_bytes()).status(), 201);
    assert_eq!(sender.send_by_rid("GET", &link, &[], b"").status(), 404);
}

#[test]
fn faults_of_a_container_strike_it_by_its_self_link_too() {
    let sender = account();
    let (link, _) = by_name(&sender, "/dbs/d/colls/c");
    sender.emulator.fault(FaultRule::unavailable().database("d").container("other"));
    assert_eq!(sender.send_by_rid("GET", &link, &[], b"").status(), 200);
    sender.emulator.fault(FaultRule::unavailable().database("d").container("c"));
    assert_eq!(sender.send_by_rid("GET", &link, &[], b"").status(), 503);
}
