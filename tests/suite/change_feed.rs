//! What changed in a container: from everywhere on, in every scope, across splits and merges.

use std::time::Duration;

use cosmosdb::{ChangeFeed, ChangePages, Container, ErrorKind, StopHandle};
use serde_json::{Value, json};

use crate::backend::{Account, Owned};

on_every_backend! {
    a_feed_from_the_beginning_and_then_what_is_new,
    a_feed_from_now_tells_nothing_old,
    an_item_is_told_in_its_latest_version_and_deletions_are_not,
    the_changes_of_a_key_and_of_a_prefix,
    envelopes_say_when_and_in_which_order,
    a_place_of_another_container_or_scope_is_refused,
    a_place_in_a_container_made_again_is_refused,
    a_damaged_place_is_refused,
    waiting_ends_when_it_is_stopped,
    patches_and_upserts_are_changes,
    every_version_and_every_deletion_is_told_where_they_are_kept,
    a_place_survives_splits,
    a_place_survives_two_generations_of_splits,
    a_place_survives_a_merge,
    a_split_in_the_middle_of_a_drain_loses_nothing,
    a_feed_from_a_time_tells_what_was_written_since,
    all_versions_start_from_now_or_a_continuation_alone,
    a_page_holds_no_more_than_it_may,
}

/// Items 0 to 59, with keys p0 to p16.
fn sixty(account: &Account) -> Owned<Container> {
    let container = account.container("/pk");
    write(&container, 0..60);
    container
}

fn write(container: &Container, range: std::ops::Range<usize>) {
    for number in range {
        let item = json!({ "id": format!("{number:03}"), "pk": format!("p{}", number % 17) });
        container.upsert_item(&item).send().unwrap();
    }
}

fn ids(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|it| format!("{it:03}")).collect()
}

/// The ids of all that is new just now.
fn drain(pages: &mut ChangePages<Value>) -> Vec<String> {
    let mut ids = Vec::new();
    for page in pages {
        let page = page.unwrap();
        if page.items().is_empty() {
            break;
        }
        ids.extend(page.items().iter().map(|it| it["id"].as_str().unwrap().to_owned()));
    }
    ids.sort();
    ids
}

fn place(feed: ChangeFeed<Value>) -> String {
    let mut pages = feed.pages();
    drain(&mut pages);
    pages.continuation().unwrap().to_owned()
}

/// The ids of the ranges of a container of an emulator, by the number of them; `None` on a live account.
fn split_all(account: &Account, container: &Container, ids: std::ops::Range<usize>) -> Option<()> {
    let emulator = account.emulator.as_ref()?;
    for id in ids {
        emulator.split(container.database().id(), container.id(), &id.to_string())?;
    }
    Some(())
}

fn a_feed_from_the_beginning_and_then_what_is_new(account: &Account) {
    let container = sixty(account);
    let mut pages = container.change_feed().from_beginning().max_item_count(10).pages();
    assert_eq!(drain(&mut pages), ids(0..60));
    assert!(pages.next().unwrap().unwrap().items().is_empty());
    write(&container, 7..8);
    assert_eq!(drain(&mut pages), ids(7..8));
    let place = pages.continuation().unwrap().to_owned();
    write(&container, 60..61);
    assert_eq!(drain(&mut container.change_feed().continue_from(place).pages()), ids(60..61));
}

fn a_feed_from_now_tells_nothing_old(account: &Account) {
    let container = sixty(account);
    let mut pages = container.change_feed().from_now().pages();
    assert_eq!(drain(&mut pages), ids(0..0));
    write(&container, 59..61);
    assert_eq!(drain(&mut pages), ids(59..61));
}

fn an_item_is_told_in_its_latest_version_and_deletions_are_not(account: &Account) {
    let container = account.container("/pk");
    for version in 1..=3 {
        container.upsert_item(&json!({ "id": "1", "pk": "a", "v": version })).send().unwrap();
    }
    container.upsert_item(&json!({ "id": "2", "pk": "a" })).send().unwrap();
    container.delete_item("2", "a").send().unwrap();
    let mut pages = container.change_feed::<Value>().from_beginning().pages();
    let page = pages.next().unwrap().unwrap();
    assert_eq!(page.items().len(), 1);
    assert_eq!(page.items()[0]["v"], 3);
    assert!(page.items()[0]["_lsn"].is_u64());
    assert!(page.request_charge() > 0.0);
}

fn the_changes_of_a_key_and_of_a_prefix(account: &Account) {
    let container = account.container(["/tenant", "/user"]);
    for (id, tenant, user) in [("1", "FR", "ana"), ("2", "FR", "bo"), ("3", "DE", "ana")] {
        container.create_item(&json!({ "id": id, "tenant": tenant, "user": user })).send().unwrap();
    }
    let feed = || container.change_feed::<Value>().from_beginning();
    assert_eq!(drain(&mut feed().partition_key(("FR", "bo")).pages()), ["2"]);
    assert_eq!(drain(&mut feed().partition_key("FR").pages()), ["1", "2"]);
    assert_eq!(drain(&mut feed().partition_key("IT").pages()), [""; 0]);
    let mut pages = feed().partition_key("FR").pages();
    drain(&mut pages);
    container.upsert_item(&json!({ "id": "1", "tenant": "FR", "user": "ana" })).send().unwrap();
    container.upsert_item(&json!({ "id": "3", "tenant": "DE", "user": "ana" })).send().unwrap();
    assert_eq!(drain(&mut pages), ["1"]);
}

fn envelopes_say_when_and_in_which_order(account: &Account) {
    let container = account.container("/pk");
    write(&container, 0..3);
    let mut pages =
        container.change_feed::<Value>().envelopes().partition_key("p1").from_beginning().pages();
    let page = pages.next().unwrap().unwrap();
    let [change] = page.items() else { panic!("{:?}", page.items()) };
    assert_eq!(change.current.as_ref().unwrap()["id"], "001");
    assert!(change.timestamp.is_some() && !change.is_delete());
    assert!(change.previous.is_none() && change.operation.is_none());
}

fn a_place_of_another_container_or_scope_is_refused(account: &Account) {
    let container = sixty(account);
    let other = account.container("/pk");
    let place = place(container.change_feed().from_beginning());
    let refused = |feed: ChangeFeed<Value>| {
        let error = feed.continue_from(&*place).pages().next().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    };
    refused(other.change_feed());
    refused(container.change_feed().partition_key("p1"));
    let error = container
        .change_feed::<Value>()
        .all_versions_and_deletes()
        .continue_from(&*place)
        .pages()
        .next()
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
}

fn a_place_in_a_container_made_again_is_refused(account: &Account) {
    let container = sixty(account);
    let mut pages = container.change_feed::<Value>().from_beginning().pages();
    drain(&mut pages);
    let place = pages.continuation().unwrap().to_owned();
    container.delete().send().unwrap();
    let properties = cosmosdb::ContainerProperties::new(container.id(), "/pk");
    container.database().create_container(properties).send().unwrap();
    write(&container, 0..3);
    let error = pages.next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    let stored = container.change_feed::<Value>().continue_from(place);
    let error = stored.pages().next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert_eq!(drain(&mut container.change_feed().from_beginning().pages()), ids(0..3));
}

fn a_damaged_place_is_refused(account: &Account) {
    let container = account.container("/pk");
    for place in ["", "\"43\"", "eyJ2IjoidjIifQ", "not one"] {
        let feed = container.change_feed::<Value>().continue_from(place);
        let error = feed.pages().next().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
}

fn waiting_ends_when_it_is_stopped(account: &Account) {
    let container = account.container("/pk");
    let stop = StopHandle::new();
    std::thread::scope(|scope| {
        let feed = container.change_feed::<Value>().from_beginning();
        let mut changes = feed.wait(Duration::from_millis(5), &stop);
        scope.spawn(|| write(&container, 0..1));
        assert_eq!(changes.next().unwrap().unwrap()["id"], "000");
        scope.spawn(|| stop.stop());
        assert!(changes.next().is_none() && changes.next().is_none());
    });
}

fn patches_and_upserts_are_changes(account: &Account) {
    let container = sixty(account);
    let mut pages = container.change_feed().from_now().pages();
    drain(&mut pages);
    let item = json!({ "id": "003", "pk": "p3", "again": true });
    container.replace_item("003", &item).send().unwrap();
    let patch = cosmosdb::Patch::new().set("/again", true);
    container.patch_item("004", "p4", patch).send().unwrap();
    container.upsert_item(&json!({ "id": "060", "pk": "p9" })).send().unwrap();
    assert_eq!(drain(&mut pages), ["003", "004", "060"]);
}

fn every_version_and_every_deletion_is_told_where_they_are_kept(account: &Account) {
    let container = account.container("/pk");
    let mut pages = container.change_feed::<Value>().all_versions_and_deletes().pages();
    match pages.next().unwrap() {
        Ok(page) => assert!(page.items().is_empty()),
        // The account has no continuous backups.
        Err(error) if error.status().is_some_and(|it| it == 400) => return,
        Err(error) => panic!("{error}"),
    }
    for version in 1..=2 {
        container.upsert_item(&json!({ "id": "1", "pk": "a", "v": version })).send().unwrap();
    }
    container.delete_item("1", "a").send().unwrap();
    let mut told = Vec::new();
    for page in &mut pages {
        let page = page.unwrap();
        if page.items().is_empty() {
            break;
        }
        told.extend(page.into_items());
    }
    assert_eq!(told.len(), 3, "{told:?}");
    let versions: Vec<_> =
        told.iter().map(|it| it.current.as_ref().map(|it| it["v"].clone())).collect();
    assert_eq!(versions, [Some(json!(1)), Some(json!(2)), None]);
    assert!(told[2].is_delete() && told[2].id.as_deref() == Some("1"));
    let place = pages.continuation().unwrap();
    let feed = container.change_feed::<Value>().all_versions_and_deletes();
    assert!(feed.continue_from(place).pages().next().unwrap().unwrap().items().is_empty());
}

fn a_place_survives_splits(account: &Account) {
    let container = sixty(account);
    let mut pages = container.change_feed().from_beginning().pages();
    drain(&mut pages);
    let place = pages.continuation().unwrap().to_owned();
    let ranges = container.feed_ranges().unwrap().len();
    if split_all(account, &container, 0..ranges).is_none() {
        return;
    }
    write(&container, 50..65);
    assert_eq!(drain(&mut pages), ids(50..65), "with the map of before");
    assert_eq!(drain(&mut container.change_feed().continue_from(place).pages()), ids(50..65));
}

fn a_place_survives_two_generations_of_splits(account: &Account) {
    let container = sixty(account);
    let place = place(container.change_feed().from_beginning());
    let ranges = container.feed_ranges().unwrap().len();
    if split_all(account, &container, 0..3 * ranges).is_none() {
        return;
    }
    assert_eq!(container.feed_ranges().unwrap().len(), 4 * ranges);
    write(&container, 50..65);
    assert_eq!(drain(&mut container.change_feed().continue_from(place).pages()), ids(50..65));
}

fn a_place_survives_a_merge(account: &Account) {
    let container = sixty(account);
    let Some(emulator) = &account.emulator else { return };
    let (database, id) = (container.database().id(), container.id());
    let first = container.feed_ranges().unwrap().len();
    let Some([lower, upper]) = emulator.split(database, id, "0") else { panic!("range 0 is gone") };
    assert_eq!(container.feed_ranges().unwrap().len(), first + 1);
    let place = place(container.change_feed().from_beginning());
    emulator.merge(database, id, &lower, &upper).unwrap();
    write(&container, 50..65);
    let told = drain(&mut container.change_feed().continue_from(place).pages());
    assert!(ids(50..65).iter().all(|it| told.contains(it)), "{told:?}");
}

fn a_split_in_the_middle_of_a_drain_loses_nothing(account: &Account) {
    let container = sixty(account);
    let ranges = container.feed_ranges().unwrap().len();
    let mut pages = container.change_feed::<Value>().from_beginning().max_item_count(4).pages();
    let mut told: Vec<String> = Vec::new();
    for _ in 0..3 {
        let page = pages.next().unwrap().unwrap();
        told.extend(page.items().iter().map(|it| it["id"].as_str().unwrap().to_owned()));
    }
    let _ = split_all(account, &container, 0..ranges);
    told.extend(drain(&mut pages));
    told.sort();
    assert_eq!(told, ids(0..60));
}

fn a_feed_from_a_time_tells_what_was_written_since(account: &Account) {
    let container = sixty(account);
    let from = |time| drain(&mut container.change_feed().from_time(time).pages());
    let now = std::time::SystemTime::now();
    assert_eq!(from(now - Duration::from_secs(3600)), ids(0..60));
    assert_eq!(from(now + Duration::from_secs(3600)), ids(0..0));
}

fn all_versions_start_from_now_or_a_continuation_alone(account: &Account) {
    let container = account.container("/pk");
    let feed = || container.change_feed::<Value>().all_versions_and_deletes();
    let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    for feed in [feed().from_beginning(), feed().from_time(time)] {
        let mut pages = feed.pages();
        let error = pages.next().unwrap().unwrap_err();
        let is_refused =
            error.kind() == ErrorKind::InvalidInput || error.status().is_some_and(|it| it == 400);
        assert!(is_refused, "{error}");
        assert!(pages.next().is_none());
    }
}

fn a_page_holds_no_more_than_it_may(account: &Account) {
    let container = account.container("/pk");
    // 250 KB each: 20 are more than an answer of 4 MB holds.
    for number in 0..20 {
        let item = json!({ "id": format!("{number:03}"), "pk": "a", "text": "x".repeat(250_000) });
        container.create_item(&item).content_response(false).send().unwrap();
    }
    let feed = || container.change_feed::<Value>().from_beginning().partition_key("a");
    for (feed, most) in [(feed(), 17), (feed().max_item_count(3), 3)] {
        let mut told = Vec::new();
        for page in feed.pages() {
            let page = page.unwrap();
            if page.items().is_empty() {
                break;
            }
            assert!(page.items().len() <= most, "{} items", page.items().len());
            told.extend(page.items().iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        }
        assert_eq!(told, ids(0..20));
    }
    let error = feed().max_item_count(0).pages().next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}
