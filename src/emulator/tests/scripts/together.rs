//! Scripts that run at the same time as other writes.

use std::thread;

use super::super::support::header;
use super::*;

const COUNT: &str = "function (times) {
    step(times);
    function step(left) {
        if (left === 0) return;
        __.readDocument(__.getAltLink() + '/docs/n', (err, it) => {
            if (err) throw err;
            it.count += 1;
            __.replaceDocument(it._self, it, () => step(left - 1));
        });
    }
}";

#[test]
fn calls_at_the_same_time_do_not_lose_each_others_writes() {
    let sender = account();
    let item = br#"{"id":"n","pk":"a","count":0}"#;
    assert_eq!(sender.send("POST", ITEMS, &[KEY], item).status(), 201);
    store(&sender, COUNT);
    let done: usize = thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let outcomes = (0..10).map(|_| call(&sender, &json!([3])).status().as_u16());
                    let outcomes: Vec<u16> = outcomes.collect();
                    assert!(outcomes.iter().all(|it| [200, 449].contains(it)), "{outcomes:?}");
                    outcomes.iter().filter(|it| **it == 200).count()
                })
            })
            .collect();
        callers.into_iter().map(|it| it.join().unwrap()).sum()
    });
    assert!(done > 0);
    assert_eq!(json(&read(&sender, "n"))["count"], 3 * done);
}

#[test]
fn a_script_goes_on_after_a_split() {
    let sender = account();
    sender.create("1", "a");
    store(&sender, "function () { __.createDocument(__.getSelfLink(), { pk: 'a' }); }");
    sender.emulator.split("d", "c", "0").unwrap();
    let answer = call(&sender, &json!([]));
    assert_eq!(answer.status(), 200);
    assert_ne!(header(&answer, "x-ms-documentdb-partitionkeyrangeid"), Some("0"));
    assert_eq!(ids(&sender).len(), 2);
}

#[test]
fn items_whose_time_is_over_are_not_there() {
    let clock = crate::clock::VirtualClock::new();
    let emulator = Emulator::builder().clock(clock.clone()).build().unwrap();
    let definition = SIMPLE.replace("\"id\":\"c\"", "\"id\":\"c\",\"defaultTtl\":10,\"uniqueKeyPolicy\":{\"uniqueKeys\":[{\"paths\":[\"/u\"]}]}");
    let sender = container(emulator, &[], &definition);
    let item = br#"{"id":"1","pk":"a","u":1}"#;
    assert_eq!(sender.send("POST", ITEMS, &[KEY], item).status(), 201);
    clock.advance(Duration::from_secs(11));
    let body = "function () {
        __.readDocuments(__.getSelfLink(), (err, before) => {
            __.createDocument(__.getSelfLink(), { id: '2', pk: 'a', u: 1 });
            __.createDocument(__.getSelfLink(), { id: '1', pk: 'a', u: 2 });
            __.createDocument(__.getSelfLink(), { id: '3', pk: 'a', u: 2 }, (err) => {
                __.readDocuments(__.getSelfLink(), (_, after) => __.response.setBody([before.length, after.length, err.number]));
            });
        });
    }";
    assert_eq!(run(&sender, body, &json!([])), json!([0, 2, 409]));
    assert_eq!(ids(&sender), ["2", "1"]);
}

#[test]
fn the_change_feed_shows_what_a_call_wrote() {
    let sender = account();
    let body = "function () {
        __.createDocument(__.getSelfLink(), { id: '1', pk: 'a' });
        __.createDocument(__.getSelfLink(), { id: '2', pk: 'a' });
        __.deleteDocument(__.getAltLink() + '/docs/1');
    }";
    run(&sender, body, &json!([]));
    let headers = [KEY, ("a-im", "Incremental feed")];
    let feed = json(&sender.send("GET", ITEMS, &headers, b""));
    let found: Vec<&Value> =
        feed["Documents"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(found, ["2"]);
}
