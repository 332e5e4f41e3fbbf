//! The fan-out over ranges, on a small service that splits, merges, and loses answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::ErrorKind;
use crate::clock::Clock;
use crate::feed::fake::{Fake, lost, refused};

const FOUR: [&str; 4] = ["", "40", "80", "C0"];

/// The ids of what is new, and the place after it.
fn drain(pages: &mut ChangePages<Value>) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        let page = pages.next().unwrap().unwrap();
        if page.items().is_empty() {
            ids.sort();
            return ids;
        }
        ids.extend(page.items().iter().map(|it| it["id"].as_str().unwrap().to_owned()));
    }
}

fn ids(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|it| format!("{it:03}")).collect()
}

fn feed(fake: &Fake) -> ChangeFeed<Value> {
    fake.container("items").change_feed()
}

#[test]
fn a_feed_from_the_beginning_tells_all_and_then_only_what_is_new() {
    let fake = Fake::new(&FOUR);
    fake.write_many(0, 60);
    let mut pages = feed(&fake).from_beginning().max_item_count(10).pages();
    assert_eq!(drain(&mut pages), ids(0..60));
    fake.write_many(7, 8);
    assert_eq!(drain(&mut pages), ids(7..8));
    let place = pages.continuation().unwrap().to_owned();
    fake.write_many(60, 61);
    assert_eq!(drain(&mut feed(&fake).continue_from(place).pages()), ids(60..61));
    assert!(pages.request_charge() > 4.0);
}

#[test]
fn an_idle_poll_asks_each_range_once() {
    let fake = Fake::new(&FOUR);
    fake.write_many(0, 20);
    let mut pages = feed(&fake).from_now().pages();
    assert!(pages.next().unwrap().unwrap().items().is_empty());
    assert_eq!(fake.take_feed_requests(), ["0 *", "1 *", "2 *", "3 *"], "priming is the poll");
    let before = fake.clock().monotonic();
    let page = pages.next().unwrap().unwrap();
    assert_eq!((page.items().len(), page.diagnostics().len()), (0, 4));
    assert_eq!(page.request_charge(), 4.0);
    assert_eq!(fake.take_feed_requests().len(), 4);
    assert_eq!(fake.clock().monotonic(), before, "next never sleeps");
}

#[test]
fn now_is_fixed_in_all_ranges_by_the_first_page() {
    let fake = Fake::new(&FOUR);
    fake.write_many(0, 20);
    let mut pages = feed(&fake).pages();
    assert!(pages.continuation().is_none());
    pages.next().unwrap().unwrap();
    let place = pages.continuation().unwrap().to_owned();
    fake.write_many(20, 40);
    assert_eq!(drain(&mut feed(&fake).continue_from(place).pages()), ids(20..40));
}

#[test]
fn a_time_tells_what_was_written_since() {
    let fake = Fake::new(&FOUR);
    fake.write_many(0, 10);
    fake.clock().advance(Duration::from_secs(10));
    let time = fake.clock().now() + Duration::from_millis(300);
    fake.write_many(10, 20);
    let mut pages = feed(&fake).from_time(time).pages();
    assert_eq!(drain(&mut pages), ids(10..20));
    // A continuation before anything was read of some ranges keeps the time for them.
    let mut pages = feed(&fake).from_time(time).max_item_count(1).pages();
    let first = pages.next().unwrap().unwrap();
    let mut rest = drain(&mut feed(&fake).continue_from(pages.continuation().unwrap()).pages());
    rest.push(first.items()[0]["id"].as_str().unwrap().to_owned());
    rest.sort();
    assert_eq!(rest, ids(10..20));
}

#[test]
fn a_stored_place_survives_splits_of_splits() {
    let fake = Fake::new(&FOUR);
    fake.write_many(0, 60);
    let mut pages = feed(&fake).from_beginning().pages();
    drain(&mut pages);
    let place = pages.continuation().unwrap().to_owned();
    for (id, bound) in
        [("0", "20"), ("1", "60"), ("2", "A0"), ("3", "D0"), ("4", "10"), ("11", "FE")]
    {
        fake.split(id, bound);
    }
    fake.write_many(50, 65);
    // In the same client, whose map is out of date, and in a fresh one.
    assert_eq!(drain(&mut pages), ids(50..65));
    assert_eq!(drain(&mut feed(&fake).continue_from(place).pages()), ids(50..65));
}

#[test]
fn a_split_while_the_feed_is_drained_loses_and_repeats_nothing() {
    let fake = Fake::new(&["", "80"]);
    fake.write_many(0, 60);
    let mut pages = feed(&fake).from_beginning().max_item_count(5).pages();
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..3 {
        let page = pages.next().unwrap().unwrap();
        seen.extend(page.items().iter().map(|it| it["id"].as_str().unwrap().to_owned()));
    }
    fake.split("0", "40");
    fake.split("1", "C0");
    seen.extend(drain(&mut pages));
    seen.sort();
    assert_eq!(seen, ids(0..60));
}

#[test]
fn merged_ranges_are_asked_by_their_hashes() {
    let fake = Fake::new(&FOUR);
    fake.write_many(0, 60);
    let mut pages = feed(&fake).from_beginning().pages();
    drain(&mut pages);
    let place = pages.continuation().unwrap().to_owned();
    fake.merge("1", "2");
    fake.merge("4", "3");
    fake.write_many(40, 60);
    assert_eq!(drain(&mut pages), ids(40..60));
    assert_eq!(drain(&mut feed(&fake).continue_from(&*place).pages()), ids(40..60));
    fake.split("5", "90");
    fake.write_many(0, 5);
    let expected = [ids(0..5), ids(40..60)].concat();
    assert_eq!(drain(&mut feed(&fake).continue_from(place).pages()), expected);
}

#[test]
fn scopes_stay_what_they_are_across_splits() {
    let fake = Fake::new(&["", "80"]);
    for user in 0..20 {
        fake.write(&format!("a{user:02}"), "a", &user.to_string());
        fake.write(&format!("b{user:02}"), "b", &user.to_string());
    }
    let items = fake.container("items");
    let prefix = items.feed_range_of("a").unwrap();
    let (min, max) = prefix.bounds();
    let bound = format!("{min}80");
    assert!(min < bound && bound < max);
    let whole = || items.change_feed::<Value>().partition_key("a").from_beginning();
    let one = items.change_feed::<Value>().partition_key(("a", "7")).from_beginning();
    let range = || items.change_feed::<Value>().feed_range(&prefix).from_beginning();
    assert_eq!(drain(&mut whole().pages()).len(), 20);
    let mut pages = one.pages();
    assert_eq!(drain(&mut pages), ["a07"]);
    let mut ranged = range().pages();
    assert_eq!(drain(&mut ranged).len(), 20);

    let owner = if min.as_str() < "80" { "0" } else { "1" };
    fake.split(owner, &bound);
    for user in 0..20 {
        fake.write(&format!("a{user:02}"), "a", &user.to_string());
        fake.write(&format!("b{user:02}"), "b", &user.to_string());
    }
    assert_eq!(drain(&mut pages), ["a07"]);
    assert_eq!(drain(&mut ranged).len(), 20);
    let again = || whole().continue_from(ranged.continuation().unwrap());
    assert!(drain(&mut again().pages()).is_empty());
    let wrong = items.change_feed::<Value>().partition_key("b");
    let error =
        wrong.continue_from(ranged.continuation().unwrap()).pages().next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    let key_of_range = items.change_feed::<Value>().partition_key(("a", "7"));
    assert!(
        key_of_range.continue_from(ranged.continuation().unwrap()).pages().next().unwrap().is_err()
    );
}

#[test]
fn every_change_comes_in_an_envelope_where_it_is_asked_for() {
    let fake = Fake::new(&FOUR);
    let mut pages = feed(&fake).all_versions_and_deletes().pages();
    pages.next().unwrap().unwrap();
    fake.write("1", "a", "u");
    fake.write("1", "a", "u");
    fake.delete("1", "a", "u");
    let page = pages.next().unwrap().unwrap();
    let told: Vec<_> = page.items().iter().map(|it| (it.lsn.unwrap(), it.is_delete())).collect();
    assert_eq!(told, [(1, false), (2, false), (3, true)]);
    assert_eq!(page.items()[2].id.as_deref(), Some("1"));

    let error = feed(&fake)
        .from_beginning()
        .all_versions_and_deletes()
        .pages()
        .next()
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    let other_mode = feed(&fake).continue_from(pages.continuation().unwrap());
    let error = other_mode.pages().next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");

    fake.write("2", "a", "u");
    let mut pages = feed(&fake).envelopes().from_beginning().pages();
    let page = pages.next().unwrap().unwrap();
    assert_eq!(page.items()[0].current.as_ref().unwrap()["id"], "2");
    assert!(page.items()[0].timestamp.is_some());
}

#[test]
fn lost_answers_and_partitions_on_the_move_are_asked_again() {
    let fake = Fake::new(&FOUR);
    fake.write_many(0, 20);
    let count = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&count);
    fake.hook(move |request| {
        if !request.headers().contains_key("a-im") || !request.uri().path().ends_with("/docs") {
            return None;
        }
        match counted.fetch_add(1, Ordering::Relaxed) {
            0 | 3 => Some(lost()),
            5 | 6 => Some(Ok(refused(410, 1007))),
            _ => None,
        }
    });
    let mut pages = feed(&fake).from_beginning().max_item_count(3).pages();
    assert_eq!(drain(&mut pages), ids(0..20));
    fake.hook(|request| request.uri().path().ends_with("/docs").then(|| Ok(refused(410, 1002))));
    let error = pages.next().unwrap().unwrap_err();
    assert_eq!(error.status().unwrap(), 410);
    assert!(pages.next().is_none() && pages.continuation().is_some());
}

#[test]
fn a_container_made_again_is_not_read_from_an_old_place() {
    let fake = Fake::new(&FOUR);
    fake.write_many(0, 20);
    let items = fake.container("items");
    let mut pages = items.change_feed::<Value>().from_beginning().pages();
    drain(&mut pages);
    let place = pages.continuation().unwrap().to_owned();
    fake.recreate();
    fake.write_many(0, 3);
    let error = pages.next().unwrap().unwrap_err();
    assert!(
        error.kind() == ErrorKind::InvalidInput && error.to_string().contains("made again"),
        "{error}"
    );
    let error =
        items.change_feed::<Value>().continue_from(place).pages().next().unwrap().unwrap_err();
    assert!(error.to_string().contains("another container"), "{error}");
    assert_eq!(drain(&mut items.change_feed::<Value>().from_beginning().pages()), ids(0..3));

    fake.recreate();
}

#[test]
fn a_client_that_knows_the_old_container_starts_on_the_new_one() {
    let fake = Fake::new(&FOUR);
    let items = fake.container("items");
    items.feed_range_of("a").unwrap();
    fake.recreate();
    fake.write_many(0, 3);
    assert_eq!(drain(&mut items.change_feed::<Value>().from_beginning().pages()), ids(0..3));
}

#[test]
fn waiting_sleeps_on_the_clock_and_ends_when_it_is_stopped() {
    let fake = Fake::new(&FOUR);
    let stop = StopHandle::new();
    let (writer, stopper) = (fake.clone(), stop.clone());
    let polls = AtomicU32::new(0);
    fake.hook(move |request| {
        if request.uri().path().ends_with("/docs") {
            match polls.fetch_add(1, Ordering::Relaxed) {
                12 => writer.write("1", "a", "u"),
                40 => stopper.stop(),
                _ => {}
            }
        }
        None
    });
    let before = fake.clock().monotonic();
    let mut changes = feed(&fake).from_now().wait(Duration::from_secs(5), &stop);
    assert_eq!(changes.next().unwrap().unwrap()["id"], "1");
    assert!(fake.clock().monotonic() - before >= Duration::from_secs(10));
    assert!(changes.next().is_none() && changes.next().is_none());
    assert!(changes.continuation().is_some());
}

#[test]
fn mistakes_are_told_before_anything_is_sent() {
    let fake = Fake::new(&FOUR);
    fake.hook(|request| panic!("{} was sent", request.uri()));
    for feed in [
        feed(&fake).max_item_count(0),
        feed(&fake).throughput_bucket(9),
        feed(&fake).header("a b", "c"),
        feed(&fake).partition_key(f64::NAN),
    ] {
        let mut pages = feed.pages();
        assert_eq!(pages.next().unwrap().unwrap_err().kind(), ErrorKind::InvalidInput);
        assert!(pages.next().is_none());
    }
}

#[test]
fn feed_ranges_are_asked_for_anew() {
    let fake = Fake::new(&FOUR);
    let items = fake.container("items");
    assert_eq!(items.feed_ranges().unwrap().len(), 4);
    fake.split("0", "20");
    let ranges = items.feed_ranges().unwrap();
    assert_eq!(ranges.len(), 5);
    assert_eq!(ranges[1].bounds(), ("20".to_owned(), "40".to_owned()));
    assert_eq!(items.parse_feed_range(r#"{"PKRangeId":"2"}"#).unwrap(), ranges[3]);
    assert!(items.parse_feed_range(r#"{"PKRangeId":"0"}"#).is_err(), "it was split");
    let key = items.parse_feed_range(r#"{"PK":"[\"a\",\"b\"]"}"#).unwrap();
    assert_eq!(key, items.feed_range_of(("a", "b")).unwrap());
    assert!(ranges.iter().any(|it| key.is_subset_of(it)));
    assert!(items.feed_range_of(("a", "b", "c")).is_err());
}

#[test]
fn a_prefix_is_no_key_of_an_item_once_the_container_is_known() {
    let fake = Fake::new(&FOUR);
    let items = fake.container("items");
    items.feed_range_of("a").unwrap();
    fake.hook(|request| panic!("{} was sent", request.uri()));
    let item = serde_json::json!({ "id": "1", "tenant": "a", "user": "b" });
    for error in [
        items.read_item("1", "a").send().unwrap_err(),
        items.delete_item("1", "a").send().unwrap_err(),
        items.create_item(&item).partition_key("a").send().unwrap_err(),
        items.replace_item("1", &item).partition_key("a").send().unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains("prefix"), "{error}");
    }
}
