//! Accounts in several regions: which one is asked, and what happens when it fails.

use std::time::Duration;

use cosmosdb::models::ConflictResolutionPolicy;
use cosmosdb::{Container, ContainerProperties, EmulatorOperation};
use serde_json::{Value, json};

use super::wire::{Seed, body, header};

const EAST: &str = "East US";
const WEST: &str = "West US";
const NORTH: &str = "North Europe";

fn account(multi_write: bool) -> Seed {
    Seed::of(|it| it.regions([EAST, WEST, NORTH]).multi_write(multi_write), |it| it)
}

fn preferring(seed: &Seed, regions: &[&str]) -> Container {
    let client = seed
        .client(|it| it.preferred_regions(regions.iter().copied()).multiple_write_locations(true));
    client.database("db").container("items")
}

/// The regions that were asked for this, in order, since the last call.
fn regions(seed: &Seed, operation: EmulatorOperation) -> Vec<String> {
    let requests = seed.emulator.take_requests().into_iter();
    requests.filter(|it| it.operation == operation).map(|it| it.region).collect()
}

fn item(n: i64) -> Value {
    json!({ "id": "1", "pk": "a", "n": n })
}

#[test]
fn s13_reads_go_to_the_first_preferred_region_and_writes_to_the_write_region() {
    let seed = account(false);
    seed.container("/pk");
    let items = preferring(&seed, &[NORTH, WEST]);
    seed.emulator.take_requests();
    items.upsert_item(&item(1)).send().unwrap();
    items.read_item("1", "a").send().unwrap();
    assert_eq!(items.query_items::<Value>("SELECT * FROM c").into_iter().count(), 1);
    let requests = seed.emulator.take_requests();
    let of = |operation| requests.iter().filter(move |it| it.operation == operation);
    assert!(of(EmulatorOperation::UpsertItem).all(|it| it.region == EAST));
    assert!(of(EmulatorOperation::ReadItem).all(|it| it.region == NORTH));
    assert!(of(EmulatorOperation::QueryItems).all(|it| it.region == NORTH));
    assert!(of(EmulatorOperation::ReadAccount).count() == 1, "the account was read once");
}

#[test]
fn s13_the_account_tells_its_regions() {
    let seed = account(false);
    let account = seed.client.account().send().unwrap().properties().unwrap();
    let names: Vec<&str> = account.readable_locations.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, [EAST, WEST, NORTH]);
    assert_eq!(account.writable_locations.len(), 1);
    assert_eq!(account.writable_locations[0].name, EAST);
    assert!(account.writable_locations[0].endpoint.starts_with("https://"));
    let read = seed.wire.take().pop().unwrap();
    assert_eq!((read.method().as_str(), read.uri().path()), ("GET", "/"));
}

#[test]
fn s13_a_write_region_that_moved_is_found() {
    let seed = account(false);
    seed.container("/pk");
    let items = preferring(&seed, &[EAST]);
    items.upsert_item(&item(1)).send().unwrap();
    seed.emulator.fail_over(WEST).unwrap();
    seed.emulator.take_requests();
    items.upsert_item(&item(2)).send().unwrap();
    assert_eq!(regions(&seed, EmulatorOperation::UpsertItem), [EAST, WEST]);
    items.upsert_item(&item(3)).send().unwrap();
    assert_eq!(regions(&seed, EmulatorOperation::UpsertItem), [WEST]);
    assert!(seed.elapsed() < Duration::from_secs(5), "{:?}", seed.elapsed());
}

#[test]
fn s13_a_read_region_that_is_down_is_passed_over() {
    let seed = account(false);
    let items = seed.container("/pk");
    items.upsert_item(&item(1)).send().unwrap();
    let items = preferring(&seed, &[NORTH, WEST]);
    items.read_item("1", "a").send().unwrap();
    seed.emulator.region_offline(NORTH).unwrap();
    seed.emulator.take_requests();
    for _ in 0..3 {
        items.read_item("1", "a").send().unwrap();
    }
    let asked = regions(&seed, EmulatorOperation::ReadItem);
    assert_eq!(asked.last().unwrap(), WEST);
    assert_eq!(asked.iter().filter(|it| *it == WEST).count(), 3, "{asked:?}");
    // After a while it is tried again.
    seed.emulator.region_online(NORTH).unwrap();
    seed.clock.advance(Duration::from_secs(600));
    items.read_item("1", "a").send().unwrap();
    items.read_item("1", "a").send().unwrap();
    assert_eq!(regions(&seed, EmulatorOperation::ReadItem).last().unwrap(), NORTH);
}

#[test]
fn s13_the_regions_are_found_where_the_accounts_own_endpoint_is_down() {
    let seed = account(false);
    let items = seed.container("/pk");
    items.upsert_item(&item(1)).send().unwrap();
    let rule = cosmosdb::FaultRule::refused().on_global_endpoint();
    seed.emulator.fault(rule);
    let known = seed.client.known_account().unwrap();
    let backups = known.readable_locations.iter().map(|it| it.endpoint.clone());
    let fresh = seed.client(|it| it.backup_endpoints(backups).preferred_regions([WEST]));
    let fresh = fresh.database("db").container("items");
    assert_eq!(fresh.read_item("1", "a").send().unwrap().status(), 200);
}

#[test]
fn s30_writes_go_to_the_nearest_region_where_account_and_client_want_it() {
    let tentative = "x-ms-cosmos-allow-tentative-writes";
    for (account_has_it, client_wants_it) in
        [(true, true), (true, false), (false, true), (false, false)]
    {
        let seed = account(account_has_it);
        seed.container("/pk");
        let client = seed
            .client(|it| it.preferred_regions([WEST]).multiple_write_locations(client_wants_it));
        let items = client.database("db").container("items");
        seed.emulator.take_requests();
        items.upsert_item(&item(1)).send().unwrap();
        let write = seed.wire.take().pop().unwrap();
        let is_near = account_has_it && client_wants_it;
        let expected = if is_near { WEST } else { EAST };
        assert_eq!(regions(&seed, EmulatorOperation::UpsertItem), [expected]);
        if is_near {
            assert_eq!(header(&write, tentative), "true");
        }
    }
}

#[test]
fn s30_a_write_that_its_region_refuses_goes_to_the_next_one() {
    for fault in ["revoked", "drained", "offline", "unavailable"] {
        let seed = account(true);
        seed.container("/pk");
        let items = preferring(&seed, &[WEST, NORTH]);
        items.upsert_item(&item(1)).send().unwrap();
        match fault {
            "revoked" => seed.emulator.revoke_writes(WEST).unwrap(),
            "drained" => seed.emulator.drain_region(WEST).unwrap(),
            "offline" => seed.emulator.region_offline(WEST).unwrap(),
            _ => seed.emulator.fault(cosmosdb::FaultRule::unavailable().region(WEST)),
        }
        seed.emulator.take_requests();
        items
            .upsert_item(&item(2))
            .retry_writes(true)
            .send()
            .unwrap_or_else(|it| panic!("{fault}: {it}"));
        let asked = regions(&seed, EmulatorOperation::UpsertItem);
        assert_eq!(
            (asked.first().unwrap().as_str(), asked.last().unwrap().as_str()),
            (WEST, NORTH),
            "{fault}"
        );
    }
}

#[test]
fn s30_the_last_writer_wins_by_the_path_of_the_policy() {
    let seed = account(true);
    let mut properties = ContainerProperties::new("items", "/pk");
    properties.conflict_resolution_policy = Some(ConflictResolutionPolicy::last_writer_wins("/n"));
    seed.container_with(properties);
    let (east, west) = (preferring(&seed, &[EAST]), preferring(&seed, &[WEST]));
    east.upsert_item(&item(0)).send().unwrap();
    seed.emulator.pause_replication(WEST).unwrap();
    west.upsert_item(&item(9)).send().unwrap();
    east.upsert_item(&item(5)).send().unwrap();
    seed.emulator.resume_replication(WEST).unwrap();
    for region in [&east, &west] {
        let read: Value = region.read_item("1", "a").send().unwrap().item().unwrap();
        assert_eq!(read["n"], 9);
    }
}

#[test]
fn s30_each_policy_is_sent_and_comes_back() {
    let seed = account(true);
    seed.container("/pk");
    let database = seed.client.database("db");
    let link = "dbs/db/colls/c2/sprocs/settle";
    for (n, (policy, expected)) in [
        (
            ConflictResolutionPolicy::last_writer_wins("/n"),
            json!({ "mode": "LastWriterWins", "conflictResolutionPath": "/n" }),
        ),
        (ConflictResolutionPolicy::manual(), json!({ "mode": "Custom" })),
        (
            ConflictResolutionPolicy::procedure(link),
            json!({ "mode": "Custom", "conflictResolutionProcedure": link }),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        seed.wire.take();
        let mut properties = ContainerProperties::new(format!("c{n}"), "/pk");
        properties.conflict_resolution_policy = Some(policy.clone());
        let created = database.create_container(properties).send().unwrap().properties().unwrap();
        assert_eq!(body(&seed.wire.take()[0])["conflictResolutionPolicy"], expected);
        let stored = created.conflict_resolution_policy.unwrap();
        assert_eq!(stored.mode, policy.mode);
        if policy.conflict_resolution_path.is_some() {
            assert_eq!(stored.conflict_resolution_path, policy.conflict_resolution_path);
        }
    }
}
