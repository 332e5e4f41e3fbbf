//! Parts of a container: of its partitions, of a key, of a prefix, stored and read back.

use std::collections::BTreeSet;

use cosmosdb::{Container, ErrorKind, FeedRange};
use serde_json::{Value, json};

use crate::backend::Account;

on_every_backend! {
    the_ranges_of_a_container_cover_it_once,
    each_item_changes_in_one_range,
    the_range_of_a_key_lies_in_one_of_the_containers,
    a_prefix_holds_its_keys,
    stored_ranges_are_read_back,
    a_key_that_does_not_fit_the_container_is_refused,
    a_prefix_is_no_key_of_an_item,
}

fn ids_in(container: &Container, range: &FeedRange) -> BTreeSet<String> {
    let feed = container.change_feed::<Value>().feed_range(range).from_beginning();
    let mut ids = BTreeSet::new();
    for page in feed.pages() {
        let page = page.unwrap();
        if page.items().is_empty() {
            break;
        }
        ids.extend(page.items().iter().map(|it| it["id"].as_str().unwrap().to_owned()));
    }
    ids
}

fn the_ranges_of_a_container_cover_it_once(account: &Account) {
    let container = account.container("/pk");
    let ranges = container.feed_ranges().unwrap();
    let mut reached = String::new();
    for range in &ranges {
        let (min, max) = range.bounds();
        assert_eq!(min, reached);
        assert!(range.is_subset_of(&FeedRange::full()));
        assert!(ranges.iter().all(|it| it == range || !it.overlaps(range)));
        reached = max;
    }
    assert_eq!(reached, "FF");
}

fn each_item_changes_in_one_range(account: &Account) {
    let container = account.container("/pk");
    for id in 0..40 {
        container.create_item(&json!({ "id": id.to_string(), "pk": id % 17 })).send().unwrap();
    }
    let parts: Vec<_> =
        container.feed_ranges().unwrap().iter().map(|it| ids_in(&container, it)).collect();
    assert_eq!(parts.iter().map(BTreeSet::len).sum::<usize>(), 40);
    assert_eq!(parts.into_iter().flatten().collect::<BTreeSet<_>>().len(), 40);
}

fn the_range_of_a_key_lies_in_one_of_the_containers(account: &Account) {
    let container = account.container("/pk");
    let ranges = container.feed_ranges().unwrap();
    for key in ["a", "b", "c", "d"] {
        container.create_item(&json!({ "id": key, "pk": key })).send().unwrap();
    }
    for key in ["a", "b", "c", "d"] {
        let range = container.feed_range_of(key).unwrap();
        assert_eq!(ranges.iter().filter(|it| range.is_subset_of(it)).count(), 1);
        assert_eq!(ids_in(&container, &range), [key.to_owned()].into());
    }
}

fn a_prefix_holds_its_keys(account: &Account) {
    let container = account.container(["/tenant", "/user"]);
    for (id, tenant, user) in [("1", "FR", "ana"), ("2", "FR", "bo"), ("3", "DE", "ana")] {
        container.create_item(&json!({ "id": id, "tenant": tenant, "user": user })).send().unwrap();
    }
    let prefix = container.feed_range_of("FR").unwrap();
    let key = container.feed_range_of(("FR", "bo")).unwrap();
    assert!(key.is_subset_of(&prefix) && !prefix.is_subset_of(&key));
    assert!(!container.feed_range_of("DE").unwrap().overlaps(&prefix));
    assert_eq!(ids_in(&container, &prefix), ["1".to_owned(), "2".to_owned()].into());
    assert_eq!(ids_in(&container, &key), ["2".to_owned()].into());
}

fn stored_ranges_are_read_back(account: &Account) {
    let container = account.container("/pk");
    let range = container.feed_range_of("a").unwrap();
    for text in [range.to_string(), range.to_json(), serde_json::to_string(&range).unwrap()] {
        assert_eq!(text.parse::<FeedRange>().unwrap(), range);
        assert_eq!(container.parse_feed_range(&text).unwrap(), range);
    }
    // What the SDKs for Python and .NET store for a single key.
    for text in [r#"{"PK":"a"}"#, r#"{"PK":["a"]}"#, r#"{"PK":"[\"a\"]"}"#] {
        assert_eq!(container.parse_feed_range(text).unwrap(), range);
        assert_eq!(text.parse::<FeedRange>().unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    let gone = container.parse_feed_range(r#"{"PKRangeId":"9999"}"#).unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::InvalidInput);
}

fn a_key_that_does_not_fit_the_container_is_refused(account: &Account) {
    let container = account.container("/pk");
    let error = container.feed_range_of(("a", "b")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
}

fn a_prefix_is_no_key_of_an_item(account: &Account) {
    let container = account.container(["/tenant", "/user"]);
    let item = json!({ "id": "1", "tenant": "FR", "user": "ana" });
    // The container is read for the first item's key, and known from then on.
    container.create_item(&item).send().unwrap();
    for error in [
        container.read_item("1", "FR").send().unwrap_err(),
        container.delete_item("1", "FR").send().unwrap_err(),
        container.upsert_item(&item).partition_key("FR").send().unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    container.read_item("1", ("FR", "ana")).send().unwrap();
}
