//! Containers of several partitions: queries over them, splits and merges.

use super::support::{CROSS, ITEMS, QUERY, SIMPLE, Sender, container, header, json};
use crate::emulator::Emulator;

const RANGES: &str = "/dbs/d/colls/c/pkranges";
const INCREMENTAL: (&str, &str) = ("a-im", "Incremental feed");

fn filled(partitions: usize) -> Sender {
    let emulator = Emulator::builder().partitions(partitions).build().unwrap();
    let sender = container(emulator, &[], SIMPLE);
    for number in 0..40 {
        assert_eq!(
            sender.create(&format!("i{number:02}"), &format!("k{}", number % 8)).status(),
            201
        );
    }
    sender
}

fn all() -> Vec<String> {
    (0..40).map(|it| format!("i{it:02}")).collect()
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

fn range_ids(sender: &Sender) -> Vec<String> {
    let feed = json(&sender.send("GET", RANGES, &[], b""));
    let ranges = feed["PartitionKeyRanges"].as_array().unwrap().iter();
    ranges.map(|it| it["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn throughput_decides_on_the_number_of_partitions() {
    for (units, count) in [("400", 1), ("6000", 1), ("10100", 2), ("12000", 2), ("25100", 5)] {
        let sender = container(Emulator::new(), &[("x-ms-offer-throughput", units)], SIMPLE);
        assert_eq!(range_ids(&sender).len(), count, "{units}");
    }
}

#[test]
fn more_throughput_splits_partitions() {
    let sender = container(Emulator::new(), &[], SIMPLE);
    let query = br#"{"query":"SELECT * FROM c"}"#;
    let offers = json(&sender.send("POST", "/offers", &[QUERY], query));
    let mut offer = offers["Offers"][0].clone();
    offer["content"]["offerThroughput"] = 20_000.into();
    let path = format!("/offers/{}", offer["id"].as_str().unwrap());
    let answer = sender.send("PUT", &path, &[], offer.to_string().as_bytes());
    assert_eq!(answer.status(), 200, "{}", String::from_utf8_lossy(answer.body()));
    assert_eq!(range_ids(&sender).len(), 4);
    offer["content"]["offerThroughput"] = 450.into();
    assert_eq!(sender.send("PUT", &path, &[], offer.to_string().as_bytes()).status(), 400);
}

#[test]
fn pages_run_through_all_partitions() {
    let sender = filled(4);
    for size in ["1", "7", "1000"] {
        let ids = sender.ids(&[CROSS, ("x-ms-max-item-count", size)], "SELECT c.id FROM c");
        assert_eq!(sorted(ids), all(), "{size}");
    }
    let key = [("x-ms-documentdb-partitionkey", r#"["k3"]"#), ("x-ms-max-item-count", "2")];
    let expected = ["i03", "i11", "i19", "i27", "i35"];
    assert_eq!(sender.ids(&key, "SELECT c.id FROM c"), expected);
    assert_eq!(sender.ids(&[], "SELECT c.id FROM c WHERE c.pk = 'k3' ORDER BY c.id"), expected);
}

#[test]
fn each_range_answers_for_itself() {
    let sender = filled(4);
    let mut ids = Vec::new();
    for range in range_ids(&sender) {
        let headers = [CROSS, ("x-ms-documentdb-partitionkeyrangeid", range.as_str())];
        ids.extend(sender.ids(&headers, "SELECT c.id FROM c ORDER BY c.id DESC"));
    }
    assert_eq!(sorted(ids), all());
}

#[test]
fn a_split_ends_the_range_and_keeps_the_items() {
    let sender = filled(2);
    let etag = |it: &crate::transport::Response| header(it, "etag").unwrap().to_owned();
    let seen = etag(&sender.send("GET", RANGES, &[INCREMENTAL], b""));
    let none_new = sender.send("GET", RANGES, &[INCREMENTAL, ("if-none-match", &seen)], b"");
    assert_eq!(none_new.status(), 304);

    let page = [CROSS, QUERY, ("x-ms-max-item-count", "15")];
    let query = br#"{"query":"SELECT c.id FROM c"}"#;
    let first = sender.send("POST", ITEMS, &page, query);
    let token = header(&first, "x-ms-continuation").unwrap().to_owned();

    assert_eq!(sender.emulator.split("d", "c", "0"), Some(["2".to_owned(), "3".to_owned()]));
    assert_eq!(sender.emulator.split("d", "c", "0"), None);
    assert_eq!(range_ids(&sender), ["2", "3", "1"]);
    let new = json(&sender.send("GET", RANGES, &[INCREMENTAL, ("if-none-match", &seen)], b""));
    assert_eq!(new["_count"], 2);
    assert_eq!(new["PartitionKeyRanges"][0]["parents"][0], "0");

    let gone = [CROSS, QUERY, ("x-ms-documentdb-partitionkeyrangeid", "0")];
    let gone = sender.send("POST", ITEMS, &gone, query);
    assert_eq!((gone.status().as_u16(), header(&gone, "x-ms-substatus")), (410, Some("1002")));

    let mut ids: Vec<String> = json(&first)["Documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].as_str().unwrap().to_owned())
        .collect();
    let rest = [CROSS, ("x-ms-continuation", token.as_str()), ("x-ms-max-item-count", "4")];
    ids.extend(sender.ids(&rest, "SELECT c.id FROM c"));
    assert_eq!(sorted(ids), all());

    assert_eq!(sender.emulator.merge("d", "c", "2", "3"), Some("4".to_owned()));
    assert_eq!(range_ids(&sender), ["4", "1"]);
    assert_eq!(sorted(sender.ids(&[CROSS], "SELECT c.id FROM c")), all());
}

#[test]
fn prefixes_of_hierarchical_keys_find_what_is_below_them() {
    let emulator = Emulator::builder().partitions(3).build().unwrap();
    let definition =
        r#"{"id":"c","partitionKey":{"paths":["/t","/u"],"kind":"MultiHash","version":2}}"#;
    let sender = container(emulator, &[], definition);
    for (number, (t, u)) in [("x", 1), ("x", 2), ("y", 1)].into_iter().enumerate() {
        let body = format!("{{\"id\":\"{number}\",\"t\":\"{t}\",\"u\":{u}}}");
        let key = format!("[\"{t}\",{u}]");
        let headers = [("x-ms-documentdb-partitionkey", key.as_str())];
        assert_eq!(sender.send("POST", ITEMS, &headers, body.as_bytes()).status(), 201);
    }
    let prefix = [("x-ms-documentdb-partitionkey", r#"["x"]"#)];
    assert_eq!(sorted(sender.ids(&prefix, "SELECT c.id FROM c")), ["0", "1"]);
    assert_eq!(sender.send("GET", &format!("{ITEMS}/0"), &prefix, b"").status(), 400);
    let path = "/dbs/d/colls/c/operations/partitionkeydelete";
    assert_eq!(sender.send("POST", path, &prefix, b"").status(), 400);
    let key = [("x-ms-documentdb-partitionkey", r#"["x",1]"#)];
    assert_eq!(sender.send("POST", path, &key, b"").status(), 200);
    assert_eq!(sorted(sender.ids(&[CROSS], "SELECT c.id FROM c")), ["1", "2"]);
}

#[test]
fn the_list_of_ranges_comes_in_pages_that_go_on_by_their_etags() {
    let sender = filled(5);
    sender.emulator.page_ranges(2);
    let mut ids = Vec::new();
    let mut seen = String::new();
    loop {
        let place = [INCREMENTAL, ("if-none-match", &seen)];
        let page =
            sender.send("GET", RANGES, if seen.is_empty() { &place[..1] } else { &place }, b"");
        seen = header(&page, "etag").unwrap().to_owned();
        if page.status() == 304 {
            break;
        }
        let rows = json(&page)["PartitionKeyRanges"].as_array().unwrap().clone();
        assert!((1..=2).contains(&rows.len()));
        ids.extend(rows.iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        if ids.len() == 2 {
            sender.emulator.split("d", "c", "3").unwrap();
        }
    }
    assert_eq!(ids, ["0", "1", "2", "4", "5", "6"], "what is split between pages is told too");
    sender.emulator.page_ranges(0);
    let all = json(&sender.send("GET", RANGES, &[INCREMENTAL], b""));
    assert_eq!(all["_count"], 6);
    assert_eq!(range_ids(&sender), ["0", "1", "2", "5", "6", "4"], "without etags in their order");
}

#[test]
fn a_split_by_storage_cuts_between_items_and_may_be_split_on() {
    let emulator = Emulator::builder().partitions(1).build().unwrap();
    let definition =
        r#"{"id":"c","partitionKey":{"paths":["/t","/u"],"kind":"MultiHash","version":2}}"#;
    let sender = container(emulator, &[], definition);
    assert_eq!(sender.emulator.split_by_storage("d", "c", "0"), None, "nothing is in it");
    for number in 0..12 {
        let body = format!(r#"{{"id":"{number}","t":"one","u":{number}}}"#);
        let key = format!("[\"one\",{number}]");
        let headers = [("x-ms-documentdb-partitionkey", key.as_str())];
        assert_eq!(sender.send("POST", ITEMS, &headers, body.as_bytes()).status(), 201);
    }
    let [left, right] = sender.emulator.split_by_storage("d", "c", "0").unwrap();
    let count = |id: &str| {
        let range = [CROSS, ("x-ms-documentdb-partitionkeyrangeid", id)];
        sender.ids(&range, "SELECT c.id FROM c").len()
    };
    assert_eq!((count(&left), count(&right)), (6, 6));
    let [low, high] = sender.emulator.split_by_storage("d", "c", &right).unwrap();
    assert_eq!((count(&low), count(&high)), (3, 3));
    let [low, high] = sender.emulator.split("d", "c", &left).unwrap();
    assert_eq!(count(&low) + count(&high), 6);
    sender.emulator.merge("d", "c", &low, &high).unwrap();
    let all = json(&sender.send("GET", RANGES, &[], b""));
    let mut bounds: Vec<(String, String)> = all["PartitionKeyRanges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["minInclusive"].to_string(), it["maxExclusive"].to_string()))
        .collect();
    bounds.sort();
    assert!(bounds.windows(2).all(|it| it[0].1 == it[1].0), "{bounds:?}");
    let prefix = [("x-ms-documentdb-partitionkey", r#"["one"]"#)];
    assert_eq!(sender.ids(&prefix, "SELECT c.id FROM c").len(), 12);
}
