//! Requests that are wrong in every way are answered, and not with 500.

use super::support::{Sender, header};
use crate::emulator::store::rid;
use crate::emulator::{Emulator, date};
use crate::fuzz::{Random, check};

const ITEM: &str = r#"{"id":"1","city":"Lyon","tags":["a",{"b":1.5}],"ttl":100}"#;
const ITEMS: &str = "/dbs/db/colls/c/docs";
const LYON: (&str, &str) = ("x-ms-documentdb-partitionkey", r#"["Lyon"]"#);
const QUERY: (&str, &str) = ("content-type", "application/query+json");
const CONTAINER: &str = r#"{"id":"d","partitionKey":{"paths":["/a","/b"],"kind":"MultiHash","version":2},"indexingPolicy":{"includedPaths":[{"path":"/*"}],"compositeIndexes":[[{"path":"/a","order":"ascending"}]]},"uniqueKeyPolicy":{"uniqueKeys":[{"paths":["/x"]}]},"computedProperties":[{"name":"p","query":"SELECT VALUE LOWER(c.a) FROM c"}],"defaultTtl":-1}"#;
const PATCH: &str = r#"{"condition":"FROM c WHERE c.city = 'Lyon'","operations":[{"op":"incr","path":"/n","value":1},{"op":"move","from":"/tags/0","path":"/tags/-"},{"op":"remove","path":"/tags/1/b"}]}"#;
const BATCH: &str = r#"[{"operationType":"Upsert","resourceBody":{"id":"2","city":"Lyon"}},{"operationType":"Read","id":"1"},{"operationType":"Patch","id":"1","resourceBody":{"operations":[]}}]"#;
const SORT: &str = r#"{"query":"SELECT c.id FROM c WHERE c.id >= @a ORDER BY c.id DESC","parameters":[{"name":"@a","value":"1"}]}"#;
const GROUP: &str = r#"{"query":"SELECT c.city, COUNT(1) AS n FROM c GROUP BY c.city"}"#;

type Headers = &'static [(&'static str, &'static str)];

const REQUESTS: [(&str, &str, Headers, &str); 16] = [
    ("GET", "/", &[], ""),
    ("POST", "/dbs", &[], r#"{"id":"other"}"#),
    ("GET", "/dbs/db/colls/c/pkranges", &[("a-im", "Incremental Feed")], ""),
    ("POST", "/dbs/db/colls", &[("x-ms-offer-throughput", "20000")], CONTAINER),
    (
        "PUT",
        "/dbs/db/colls/c",
        &[],
        r#"{"id":"c","partitionKey":{"paths":["/city"],"kind":"Hash"}}"#,
    ),
    ("GET", ITEMS, &[("x-ms-max-item-count", "2")], ""),
    ("GET", ITEMS, &[("a-im", "Incremental Feed"), ("if-none-match", "\"3\"")], ""),
    ("POST", ITEMS, &[LYON, ("x-ms-documentdb-is-upsert", "True")], ITEM),
    ("GET", "/dbs/db/colls/c/docs/1", &[LYON, ("if-none-match", "\"0\"")], ""),
    ("PUT", "/dbs/db/colls/c/docs/1", &[LYON, ("if-match", "*")], ITEM),
    (
        "PATCH",
        "/dbs/db/colls/c/docs/1",
        &[LYON, ("content-type", "application/json_patch+json")],
        PATCH,
    ),
    ("DELETE", "/dbs/db/colls/c/docs/1", &[LYON, ("x-ms-session-token", "0:-1#3")], ""),
    (
        "POST",
        ITEMS,
        &[LYON, ("x-ms-cosmos-is-batch-request", "True"), ("x-ms-cosmos-batch-atomic", "True")],
        BATCH,
    ),
    (
        "POST",
        ITEMS,
        &[
            QUERY,
            ("x-ms-documentdb-isquery", "True"),
            ("x-ms-documentdb-partitionkeyrangeid", "0"),
            ("x-ms-max-item-count", "1"),
        ],
        SORT,
    ),
    (
        "POST",
        ITEMS,
        &[
            QUERY,
            ("x-ms-documentdb-isquery", "True"),
            ("x-ms-documentdb-query-enablecrosspartition", "True"),
            ("x-ms-start-epk", "05"),
            ("x-ms-end-epk", "1FFF"),
        ],
        r#"{"query":"SELECT * FROM c"}"#,
    ),
    (
        "POST",
        ITEMS,
        &[
            QUERY,
            ("x-ms-cosmos-is-query-plan-request", "True"),
            ("x-ms-cosmos-supported-query-features", "GroupBy, Aggregate"),
        ],
        GROUP,
    ),
];

fn account() -> Sender {
    let sender = Sender::new(Emulator::builder().partitions(3).build().unwrap());
    sender.send("POST", "/dbs", &[], br#"{"id":"db"}"#);
    let container = br#"{"id":"c","partitionKey":{"paths":["/city"],"kind":"Hash","version":2}}"#;
    assert_eq!(sender.send("POST", "/dbs/db/colls", &[], container).status(), 201);
    for id in 1..9 {
        let city = if id < 5 { "Lyon" } else { "Nice" };
        let (key, item) = (format!("[\"{city}\"]"), format!(r#"{{"id":"{id}","city":"{city}"}}"#));
        let headers = [("x-ms-documentdb-partitionkey", key.as_str())];
        assert_eq!(sender.send("POST", ITEMS, &headers, item.as_bytes()).status(), 201);
    }
    sender
}

/// A change to one text in so many, as long as it can be a header's.
fn perhaps(text: &str, random: &mut Random) -> String {
    let text = if random.one_in(4) { random.change(text) } else { text.to_owned() };
    text.chars().filter(|it| it.is_ascii_graphic() || *it == ' ').collect()
}

#[test]
fn no_request_is_too_much() {
    let mut sender = account();
    let mut continuation = String::new();
    let (mut round, mut accepted) = (0, 0);
    check(2_000, |random| {
        round += 1;
        if round % 200 == 0 {
            sender = account();
        }
        let (method, path, headers, body) = REQUESTS[random.below(REQUESTS.len())];
        let segments = path.split('/').map(|it| {
            if random.one_in(30) {
                perhaps(it, random).replace([' ', '#', '?', '%'], "")
            } else {
                it.to_owned()
            }
        });
        let path = segments.collect::<Vec<_>>().join("/");
        let path = if path.starts_with('/') { path } else { format!("/{path}") };
        let mut headers: Vec<(&str, String)> =
            headers.iter().map(|(name, value)| (*name, perhaps(value, random))).collect();
        if random.one_in(3) && !continuation.is_empty() {
            headers.push(("x-ms-continuation", perhaps(&continuation, random)));
        }
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let body = if random.one_in(2) { random.change(body) } else { body.to_owned() };
        if http::Uri::try_from(format!("https://x{path}")).is_err() {
            return;
        }
        let answer = sender.send(method, &path, &headers, body.as_bytes());
        assert!(answer.status().as_u16() < 500, "{method} {path} {headers:?} {body}: {answer:?}");
        accepted += usize::from(answer.status().is_success());
        if let Some(token) = header(&answer, "x-ms-continuation") {
            token.clone_into(&mut continuation);
        }
    });
    assert!(accepted > round / 10, "{accepted} of {round} requests were accepted");
}

#[test]
fn no_text_is_too_much_for_a_rid_a_date_or_a_token() {
    let container = rid::ContainerRid::new(rid::database(1), 1);
    let item = container.child(rid::Kind::Item, 7);
    let good = [item.as_str(), "Tue, 01 Nov 1994 08:12:31 GMT", "0:-1#42#1=7,1:3"];
    check(10_000, |random| {
        let text = random.pick(&good);
        let text = if random.one_in(5) { random.text() } else { random.change(text) };
        let _ = (container.item_number(&text), rid::is_database(&text));
        if let Some(time) = date::parse(&text) {
            assert_eq!(date::parse(&date::format(time)), Some(time), "{text}");
        }
        if let Some(bytes) = rid::bytes(&text) {
            assert_eq!(rid::bytes(&rid::text(&bytes)), Some(bytes), "{text}");
        }
    });
}
