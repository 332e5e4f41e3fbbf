//! Which queries that gather rows the gateway serves itself.

use super::support::Sender;
use crate::emulator::Emulator;

const GATHERING: &[&str] = &[
    "SELECT COUNT(1) AS n, MAX(c.n) AS most FROM c",
    "SELECT c.g, SUM(c.n) AS sum FROM c GROUP BY c.g",
    "SELECT c.g FROM c GROUP BY c.g OFFSET 0 LIMIT 1",
    "SELECT VALUE COUNT(1) FROM (SELECT DISTINCT c.g FROM c)",
    "SELECT VALUE MAKELIST(c.n) FROM c",
];

const FOR_THE_CLIENT: &[&str] =
    &["SELECT VALUE COUNT(1) FROM c", "SELECT * FROM c ORDER BY c.n", "SELECT DISTINCT c.g FROM c"];

fn statuses(partitions: usize, version: &'static str, queries: &[&str]) -> Vec<u16> {
    let emulator = Emulator::builder().partitions(partitions).build().unwrap();
    let sender = Sender { version, ..Sender::new(emulator) };
    let container = br#"{"id":"c","partitionKey":{"paths":["/pk"],"kind":"Hash"}}"#;
    assert_eq!(sender.send("POST", "/dbs", &[], br#"{"id":"d"}"#).status(), 201);
    assert_eq!(sender.send("POST", "/dbs/d/colls", &[], container).status(), 201);
    let headers = [
        ("content-type", "application/query+json"),
        ("x-ms-documentdb-isquery", "True"),
        ("x-ms-documentdb-query-enablecrosspartition", "True"),
    ];
    let ask = |query: &&str| {
        let body = serde_json::json!({ "query": query }).to_string();
        let answer = sender.send("POST", "/dbs/d/colls/c/docs", &headers, body.as_bytes());
        answer.status().as_u16()
    };
    queries.iter().map(ask).collect()
}

#[test]
fn the_only_partition_of_a_container_gathers_rows_for_clients_of_today() {
    assert_eq!(statuses(1, "2020-07-15", GATHERING), [200; 5]);
}

#[test]
fn clients_of_several_partitions_and_older_clients_gather_rows_themselves() {
    assert_eq!(statuses(2, "2020-07-15", GATHERING), [400; 5]);
    assert_eq!(statuses(1, "2018-12-31", GATHERING), [400; 5]);
    assert_eq!(statuses(1, "2020-07-15", FOR_THE_CLIENT), [400; 3]);
}
