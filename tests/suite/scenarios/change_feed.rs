//! F and X12: nothing lost and nothing told twice, whatever becomes of the ranges.

use cosmosdb::{
    Change, ChangeFeed, ChangeOperation, ChangePages, Container, EmulatorOperation, FaultRule,
};
use serde_json::{Value, json};

use super::world::{DATABASE, World, all, item};

/// The numbers of what changed until nothing is new, in ascending order.
fn drain(pages: &mut ChangePages<Value>) -> Vec<usize> {
    let mut told = Vec::new();
    for page in pages.map(Result::unwrap) {
        if page.items().is_empty() {
            break;
        }
        told.extend(page.items().iter().map(|it| it["n"].as_u64().unwrap() as usize));
    }
    told.sort_unstable();
    told
}

/// The place at which a feed from the beginning is when it has told everything.
fn place_after_all(items: &Container) -> String {
    let mut pages = items.change_feed().from_beginning().max_item_count(10).pages();
    assert_eq!(drain(&mut pages), all(0..60));
    pages.continuation().unwrap().to_owned()
}

fn resumed(items: &Container, place: &str) -> Vec<usize> {
    drain(&mut items.change_feed().continue_from(place).pages())
}

/// Fifteen changes, under enough keys that every range has some.
fn update_fifteen(items: &Container) {
    (20..35).for_each(|n| drop(items.upsert_item(&item(n)).send().unwrap()));
}

#[test]
fn f01_everything_and_then_only_what_is_new() {
    let world = World::new();
    let items = world.items();
    let place = place_after_all(&items);
    items.upsert_item(&item(7)).send().unwrap();
    assert_eq!(resumed(&world.items(), &place), [7]);
    assert_eq!(world.log().failures(), 0);
}

#[test]
fn f02_and_f03_a_place_is_good_after_one_and_two_generations_of_splits() {
    for generations in [1, 2] {
        let world = World::new();
        let place = place_after_all(&world.items());
        let mut ranges: Vec<String> = (0..4).map(|it| it.to_string()).collect();
        for _ in 0..generations {
            ranges = ranges.iter().flat_map(|it| world.split(it)).collect();
        }
        update_fifteen(&world.items());
        world.log();
        assert_eq!(resumed(&world.items(), &place), all(20..35), "{generations}");
        assert_eq!(
            world.log().failures(),
            0,
            "a client that reads the new ranges meets no old one"
        );
    }
}

#[test]
fn f04_a_place_is_good_after_a_merge() {
    for is_warm in [false, true] {
        let world = World::new();
        let items = world.items();
        let place = place_after_all(&items);
        world.merge("0", "1");
        update_fifteen(&world.items());
        let reader = if is_warm { items } else { world.items() };
        assert_eq!(resumed(&reader, &place), all(20..35));
    }
}

#[test]
fn f05_a_feed_goes_on_when_its_ranges_split_under_it() {
    for size in [4, 1] {
        let world = World::new();
        let items = world.items();
        let mut pages = items.change_feed::<Value>().from_beginning().max_item_count(size).pages();
        let mut told: Vec<usize> = Vec::new();
        for _ in 0..6 {
            let page = pages.next().unwrap().unwrap();
            told.extend(page.items().iter().map(|it| it["n"].as_u64().unwrap() as usize));
        }
        world.split_all();
        told.extend(drain(&mut pages));
        told.sort_unstable();
        assert_eq!(told, all(0..60), "nothing is missing, and nothing is told again");
        assert!(world.log().answers(410, 1002) <= 4);
    }
}

#[test]
fn f06_an_idle_feed_asks_each_range_once() {
    let world = World::new();
    let items = world.items();
    let mut pages = items.change_feed::<Value>().from_beginning().pages();
    drain(&mut pages);
    world.log();
    assert!(pages.next().unwrap().unwrap().items().is_empty());
    let log = world.log();
    assert_eq!(log.count(EmulatorOperation::ChangeFeed), 4);
    assert_eq!(log.0.len(), 4);
}

#[test]
fn f07_a_feed_from_now_tells_nothing_old() {
    let world = World::new();
    let items = world.items();
    let mut pages = items.change_feed::<Value>().from_now().pages();
    assert!(pages.next().unwrap().unwrap().items().is_empty());
    let place = pages.continuation().unwrap().to_owned();
    world.items().create_item(&item(60)).send().unwrap();
    assert_eq!(drain(&mut pages), [60]);
    assert_eq!(resumed(&world.items(), &place), [60]);
}

#[test]
fn a_feed_waits_for_a_split_under_way_and_for_throttling() {
    let world = World::new();
    let items = world.items();
    let place = place_after_all(&items);
    update_fifteen(&world.items());
    let lock = std::time::Duration::from_millis(400);
    for range in ["0", "1"] {
        world.emulator.split_locked(DATABASE, items.id(), range, lock).unwrap();
    }
    let throttle = FaultRule::throttle(std::time::Duration::from_millis(5)).every(3).times(4);
    world.fault(EmulatorOperation::ChangeFeed, throttle);
    world.log();
    assert_eq!(resumed(&items, &place), all(20..35));
    let log = world.log();
    assert!(log.answers(410, 1007) >= 1 && log.answers(429, 3200) >= 1);
}

/// Operation, number and version of each change until nothing is new.
fn versions(pages: &mut ChangePages<Change<Value>>) -> Vec<(ChangeOperation, String, Option<u64>)> {
    let mut told = Vec::new();
    for page in pages.map(Result::unwrap) {
        if page.items().is_empty() {
            break;
        }
        told.extend(page.into_items().into_iter().map(|it| {
            let current = it.current.unwrap_or_default();
            let id = it.id.or_else(|| current["id"].as_str().map(str::to_owned)).unwrap();
            (it.operation.unwrap(), id, current["v"].as_u64())
        }));
    }
    told
}

#[test]
fn x12_all_versions_and_deletes_are_told_once_each_across_splits() {
    use ChangeOperation::{Create, Delete, Replace};
    let world = World::new();
    let items = world.items();
    let feed = || items.change_feed::<Value>().all_versions_and_deletes();
    let mut pages = feed().pages();
    assert!(versions(&mut pages).is_empty());
    let write = |from: usize| {
        for n in from..from + 10 {
            let (id, key) = (format!("v{n}"), format!("key{n}"));
            for version in 1..=2 {
                let item = json!({ "id": id, "pk": key, "v": version });
                items.upsert_item(&item).send().unwrap();
            }
            items.delete_item(&id, key.as_str()).send().unwrap();
        }
    };
    write(0);
    world.split_all();
    write(10);
    let place = pages.continuation().unwrap().to_owned();
    let fresh = world.items().change_feed::<Value>().all_versions_and_deletes();
    for told in [versions(&mut pages), versions(&mut fresh.continue_from(place).pages())] {
        assert_eq!(told.len(), 60);
        for n in 0..20 {
            let id = format!("v{n}");
            let own: Vec<_> = told.iter().filter(|it| it.1 == id).map(|it| (&it.0, it.2)).collect();
            assert_eq!(own, [(&Create, Some(1)), (&Replace, Some(2)), (&Delete, None)], "{id}");
        }
    }
    let refused = |feed: ChangeFeed<Change<Value>>| {
        let error = feed.pages().next().unwrap().unwrap_err();
        let is_bad = error.status().is_some_and(|it| it == 400);
        assert!(is_bad || error.kind() == cosmosdb::ErrorKind::InvalidInput, "{error}");
    };
    refused(feed().from_beginning());
    refused(feed().from_time(std::time::UNIX_EPOCH));
}
