//! V, X03, X11 and H08: regions that come and go while feeds are read.

use std::time::Duration;

use cosmosdb::{
    ChangePages, ContainerProperties, EmulatorBuilder, EmulatorOperation, FaultRule, FeedPage,
    HedgingOptions, Query,
};
use serde_json::Value;

use super::wire::Wire;
use super::world::{CONTAINER, EAST, NORTH, WEST, World, all, container, item, sorted};

/// The time after which the client reads the account again.
const REFRESH: Duration = Duration::from_secs(301);

#[test]
fn v04_a_client_that_starts_while_a_failover_is_in_flight_finds_the_new_hub() {
    let world = World::seeded([EAST, WEST]);
    world.emulator.begin_failover(WEST).unwrap();
    let items = world.items_near([EAST, WEST]);
    items.upsert_item(&item(60)).send().unwrap();
    let told = world.log().told(EmulatorOperation::UpsertItem);
    assert_eq!(told.last().unwrap(), "West US 201");
    assert!(told.len() <= 4, "{told:?}");
    items.read_item("i060", "p9").send().unwrap();
}

#[test]
fn v14_a_query_whose_region_goes_offline_is_finished_elsewhere() {
    for text in ["SELECT VALUE c.n FROM c", "SELECT VALUE c.n FROM c ORDER BY c.n"] {
        let world = World::seeded([EAST, WEST]);
        let items = world.items_near([WEST, EAST]);
        let query: Query<usize> = items.query_items(text).max_item_count(5).max_concurrency(1);
        let mut pages = query.max_buffered_items(0).pages();
        let mut found: Vec<usize> = Vec::new();
        for _ in 0..2 {
            found.extend(pages.next().unwrap().unwrap().into_items());
        }
        let log = world.log();
        assert_eq!(log.count_at(EmulatorOperation::QueryItems, EAST), 0);
        world.emulator.region_offline(WEST).unwrap();
        found.extend(pages.flat_map(|it| it.unwrap().into_items()));
        assert_eq!(sorted(found), all(0..60));
        let told = world.log().told(EmulatorOperation::QueryItems);
        assert!(told.iter().filter(|it| *it == "West US broken").count() <= 4, "{told:?}");
        assert_eq!(told.last().unwrap(), "East US 200");
    }
}

#[test]
fn x03_a_region_that_is_not_advertised_is_not_asked() {
    let world = World::seeded([EAST, WEST, NORTH]);
    world.emulator.remove_region(NORTH).unwrap();
    let items = world.items_near([NORTH, WEST]);
    let read = || drop(items.read_item("i003", "p3").send().unwrap());
    read();
    assert_eq!(world.log().told(EmulatorOperation::ReadItem), ["West US 200"]);
    world.emulator.add_region(NORTH).unwrap();
    read();
    let log = world.log();
    assert_eq!(log.told(EmulatorOperation::ReadItem), ["West US 200"], "it is not known yet");
    assert!(log.0.iter().all(|it| it.region != NORTH));
    world.clock.advance(REFRESH);
    (0..2).for_each(|_| read());
    assert_eq!(world.log().told(EmulatorOperation::ReadItem).last().unwrap(), "North Europe 200");
}

#[test]
fn x11_the_next_page_of_a_query_may_come_from_another_region() {
    for text in ["SELECT VALUE c.n FROM c", "SELECT VALUE c.n FROM c ORDER BY c.n"] {
        let world = World::seeded([EAST, WEST]);
        let mut pages = world
            .items_near([WEST, EAST])
            .query_items::<usize>(text)
            .max_item_count(5)
            .max_concurrency(1)
            .pages();
        let page = pages.next().unwrap().unwrap();
        let place = page.continuation().unwrap().to_owned();
        let mut found = page.into_items();
        drop(pages);
        world.log();
        let rest = world.items_near([EAST, WEST]).query_items::<usize>(text).max_item_count(5);
        found.extend(rest.continue_from(place).pages().flat_map(|it| it.unwrap().into_items()));
        assert_eq!(sorted(found), all(0..60));
        assert_eq!(world.log().count_at(EmulatorOperation::QueryItems, WEST), 0);
    }
}

#[test]
fn x11_a_change_feed_is_never_asked_of_two_regions() {
    let world = World::seeded([EAST, WEST]);
    let soon = HedgingOptions::new().threshold(Duration::ZERO);
    let client = world.client(|it| it.preferred_regions([WEST, EAST]).hedging(soon));
    let feed = container(&client).change_feed::<Value>().from_beginning().max_item_count(7);
    let mut told = Vec::new();
    for page in feed.pages().map(Result::unwrap) {
        if page.items().is_empty() {
            break;
        }
        told.extend(page.items().iter().map(|it| it["n"].as_u64().unwrap() as usize));
    }
    assert_eq!(sorted(told), all(0..60));
    let log = world.log();
    assert_eq!(log.count_at(EmulatorOperation::ChangeFeed, EAST), 0);
}

/// Where one region writes, the steps of a partition have the same numbers everywhere.
#[test]
fn x11_with_one_write_region_a_place_in_a_change_feed_is_good_in_every_region() {
    let world = World::seeded([EAST, WEST]);
    let items = world.items_near([WEST, EAST]);
    let mut pages = items.change_feed::<Value>().from_beginning().pages();
    assert_eq!(told_until_idle(&mut pages), all(0..60));
    world.emulator.region_offline(WEST).unwrap();
    let east = world.items_near([EAST]);
    east.upsert_item(&item(77)).send().unwrap();
    assert_eq!(told_until_idle(&mut pages), [77]);
}

#[test]
fn x11_with_several_a_place_stays_in_its_region() {
    let several = |it: EmulatorBuilder| it.partitions(1).regions([EAST, WEST]).multi_write(true);
    let world = World::built(several, ContainerProperties::new(CONTAINER, "/pk"));
    // East has fewer steps than West when West is read: its numbers run behind.
    world.emulator.pause_replication(EAST).unwrap();
    let west = world.items_writing_in(WEST);
    (0..20).for_each(|n| drop(west.upsert_item(&item(n)).send().unwrap()));
    let mut pages = west.change_feed::<Value>().from_beginning().pages();
    assert_eq!(told_until_idle(&mut pages), all(0..20));
    let place = pages.continuation().unwrap().to_owned();

    world.emulator.region_offline(WEST).unwrap();
    let east = world.items_writing_in(EAST);
    east.upsert_item(&item(77)).send().unwrap();
    world.log();
    let resumed = || east.change_feed::<Value>().continue_from(&place).pages();
    let error = resumed().next().unwrap().map(drop).unwrap_err();
    assert!(error.diagnostics().is_some(), "{error}");
    assert_eq!(world.log().count_at(EmulatorOperation::ChangeFeed, EAST), 0);

    world.emulator.region_online(WEST).unwrap();
    world.emulator.resume_replication(EAST).unwrap();
    assert_eq!(told_until_idle(&mut resumed()), [77], "nothing is lost, and nothing told again");
}

/// The numbers of what a feed tells until it has nothing new.
fn told_until_idle(pages: &mut ChangePages<Value>) -> Vec<usize> {
    let pages = pages.map(Result::unwrap).take_while(|it| !it.items().is_empty());
    let numbers = |page: FeedPage<Value>| -> Vec<usize> {
        page.items().iter().map(|it| it["n"].as_u64().unwrap() as usize).collect()
    };
    sorted(pages.flat_map(numbers).collect())
}

/// How long a test waits for what must happen at once.
const HANG: Duration = Duration::from_secs(600);

#[test]
fn h08_a_hedged_query_tells_every_row_once_although_its_pages_come_from_two_regions() {
    for text in ["SELECT VALUE c.n FROM c", "SELECT VALUE c.n FROM c ORDER BY c.n"] {
        let world = World::seeded([EAST, WEST]);
        let options = HedgingOptions::new().threshold(Duration::from_millis(1)).step(HANG);
        let wire = Wire::with(&world, |it| it.preferred_regions([EAST, WEST]).hedging(options));
        let items = wire.items();
        let _ = items.read_item("i000", "p0").send().unwrap();
        wire.hold_every_second_query_at("emulator-eastus.local");
        let query: Query<usize> = items.query_items(text).max_item_count(3).max_concurrency(1);
        let found: Vec<usize> = query.into_iter().map(Result::unwrap).collect();
        wire.release();
        assert_eq!(sorted(found), all(0..60));
        let log = world.log();
        let (east, west) = (
            log.count_at(EmulatorOperation::QueryItems, EAST),
            log.count_at(EmulatorOperation::QueryItems, WEST),
        );
        assert!(east >= 8 && west >= 8, "{east} in East, {west} in West");
    }
}

#[test]
fn a_503_in_one_region_moves_a_change_feed_without_loss_where_one_region_writes() {
    let world = World::seeded([EAST, WEST]);
    let items = world.items_near([WEST, EAST]);
    let mut pages = items.change_feed::<Value>().from_beginning().max_item_count(7).pages();
    let mut told: Vec<usize> = Vec::new();
    let numbers = |rows: &[Value]| -> Vec<usize> {
        rows.iter().map(|it| it["n"].as_u64().unwrap() as usize).collect()
    };
    told.extend(numbers(pages.next().unwrap().unwrap().items()));
    world.fault(EmulatorOperation::ChangeFeed, FaultRule::unavailable().region(WEST));
    for page in pages.map(Result::unwrap) {
        if page.items().is_empty() {
            break;
        }
        told.extend(numbers(page.items()));
    }
    assert_eq!(sorted(told), all(0..60));
}
