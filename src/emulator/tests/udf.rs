//! User-defined functions in queries, by the protocol.

use serde_json::{Value, json};

use super::support::{CROSS, ITEMS, QUERY, SIMPLE, Sender, container, json};
use crate::emulator::Emulator;

const FUNCTIONS: &[(&str, &str)] = &[
    ("tax", "function tax(x) { return x === undefined ? undefined : x * 1.25; }"),
    ("glue", "function (list, o) { return { all: list.join('-'), of: o.a, list: list }; }"),
    ("kind", "function (x) { return typeof x; }"),
    ("fail", "function () { throw new Error('no such luck'); }"),
    ("deep", "function deep(x) { return deep(x) + 1; }"),
];

/// An account with functions and items, whose prices are 4, 8 and none.
fn shop() -> Sender {
    let sender = container(Emulator::new(), &[], SIMPLE);
    for (id, body) in FUNCTIONS {
        let body = json!({ "id": id, "body": body }).to_string();
        let made = sender.send("POST", "/dbs/d/colls/c/udfs", &[], body.as_bytes());
        assert_eq!(made.status(), 201);
    }
    for item in [
        json!({ "id": "1", "pk": "a", "price": 4, "o": { "a": [1, { "b": null }] } }),
        json!({ "id": "2", "pk": "a", "price": 8 }),
        json!({ "id": "3", "pk": "a" }),
    ] {
        let key = [("x-ms-documentdb-partitionkey", "[\"a\"]")];
        let made = sender.send("POST", ITEMS, &key, item.to_string().as_bytes());
        assert_eq!(made.status(), 201);
    }
    sender
}

fn ask(sender: &Sender, query: &str) -> (u16, Value) {
    let body = json!({ "query": query }).to_string();
    let answer = sender.send("POST", ITEMS, &[QUERY, CROSS], body.as_bytes());
    (answer.status().as_u16(), json(&answer))
}

fn rows(sender: &Sender, query: &str) -> Value {
    let (status, body) = ask(sender, query);
    assert_eq!(status, 200, "{query}: {body}");
    body["Documents"].clone()
}

#[test]
fn functions_run_wherever_an_expression_stands() {
    let shop = shop();
    for (query, expected) in [
        ("SELECT VALUE udf.tax(c.price) FROM c", json!([5, 10])),
        ("SELECT c.id, udf.tax(c.price) AS t FROM c WHERE c.id = '3'", json!([{ "id": "3" }])),
        ("SELECT VALUE c.id FROM c WHERE udf.tax(c.price) > 5", json!(["2"])),
        ("SELECT VALUE udf.tax(udf.tax(c.price)) FROM c WHERE c.id = '1'", json!([6.25])),
        ("SELECT VALUE udf.kind(c.none) FROM c WHERE c.id = '1'", json!(["undefined"])),
        ("SELECT VALUE udf.kind() FROM c WHERE c.id = '1'", json!(["undefined"])),
        (
            "SELECT VALUE udf.glue([1, 'x', true], c.o) FROM c WHERE c.id = '1'",
            json!([{ "all": "1-x-true", "of": [1, { "b": null }], "list": [1, "x", true] }]),
        ),
        ("SELECT VALUE udf.tax(4)", json!([5])),
    ] {
        assert_eq!(rows(&shop, query), expected, "{query}");
    }
}

#[test]
fn exceptions_refuse_the_query_in_the_words_of_the_service() {
    let shop = shop();
    for (query, text) in [
        (
            "SELECT VALUE udf.fail() FROM c",
            "Encountered exception while executing Javascript. Exception = Error: no such luck",
        ),
        (
            "SELECT VALUE udf.deep(1) FROM c",
            "Encountered exception while executing Javascript. Exception = RangeError: ",
        ),
        ("SELECT VALUE udf.none(1) FROM c", "The user defined function 'none' is not available."),
        ("SELECT VALUE udf.TAX(1) FROM c", "The user defined function 'TAX' is not available."),
    ] {
        let (status, body) = ask(&shop, query);
        assert_eq!(status, 400, "{query}");
        let message = body["message"].as_str().unwrap();
        assert!(message.contains(text), "{query}: {message}");
    }
}

#[test]
fn a_replaced_function_counts_from_the_next_query_on() {
    let shop = shop();
    assert_eq!(rows(&shop, "SELECT VALUE udf.tax(4)"), json!([5]));
    let body = json!({ "id": "tax", "body": "function (x) { return x * 2; }" }).to_string();
    let replaced = shop.send("PUT", "/dbs/d/colls/c/udfs/tax", &[], body.as_bytes());
    assert_eq!(replaced.status(), 200);
    assert_eq!(rows(&shop, "SELECT VALUE udf.tax(4)"), json!([8]));
}
