//! Conflicts between write regions: what settles them, and what is left for the application.

use cosmosdb::models::{
    ConflictOperation, ConflictProperties, ConflictResolutionPolicy, StoredProcedureProperties,
};
use cosmosdb::{Container, ContainerProperties, EmulatorOperation};
use serde_json::{Value, json};

use super::wire::{Seed, header};

const EAST: &str = "East US";
const WEST: &str = "West US";
const NORTH: &str = "North Europe";

/// An account whose three regions write, and the container `items` as clients next to two of them see it.
fn apart(policy: ConflictResolutionPolicy) -> (Seed, Container, Container) {
    let seed = Seed::of(
        |it| it.regions([EAST, WEST, NORTH]).multi_write(true),
        |it| it.multiple_write_locations(true),
    );
    let properties = ContainerProperties::new("items", "/pk").with_conflict_resolution(policy);
    seed.container_with(properties);
    let at = |region: &str| {
        let client =
            seed.client(|it| it.preferred_regions([region]).multiple_write_locations(true));
        client.database("db").container("items")
    };
    let (east, west) = (at(EAST), at(WEST));
    east.create_item(&item(0)).send().unwrap();
    west.read_item("1", "a").send().unwrap();
    seed.wire.take();
    (seed, east, west)
}

fn item(n: i64) -> Value {
    json!({ "id": "1", "pk": "a", "n": n })
}

fn read(items: &Container) -> Value {
    items.read_item("1", "a").send().unwrap().item::<Value>().unwrap()["n"].clone()
}

/// Writes to the same item in both regions while they do not hear of each other; then they do.
fn collide(seed: &Seed, (east, of_east): (&Container, i64), (west, of_west): (&Container, i64)) {
    seed.emulator.pause_replication(WEST).unwrap();
    west.replace_item("1", &item(of_west)).send().unwrap();
    east.replace_item("1", &item(of_east)).send().unwrap();
    seed.emulator.resume_replication(WEST).unwrap();
}

fn all(items: &Container) -> Vec<ConflictProperties> {
    items.conflicts().into_iter().collect::<Result<_, _>>().unwrap()
}

#[test]
fn s30_the_last_writer_wins_by_a_path_or_by_time_and_no_conflict_is_left() {
    for (of_east, of_west) in [(5, 9), (9, 5)] {
        let (seed, east, west) = apart(ConflictResolutionPolicy::last_writer_wins("/n"));
        collide(&seed, (&east, of_east), (&west, of_west));
        assert_eq!((read(&east), read(&west)), (json!(9), json!(9)));
        assert!(all(&east).is_empty() && all(&west).is_empty());
    }
    let (seed, east, west) = apart(ConflictResolutionPolicy::last_writer_wins("/_ts"));
    seed.emulator.pause_replication(WEST).unwrap();
    east.replace_item("1", &item(9)).send().unwrap();
    seed.clock.advance(std::time::Duration::from_secs(5));
    west.replace_item("1", &item(5)).send().unwrap();
    seed.emulator.resume_replication(WEST).unwrap();
    assert_eq!((read(&east), read(&west)), (json!(5), json!(5)));
}

#[test]
fn s30_seed_b_conflicts_are_listed_queried_read_and_deleted() {
    let (seed, east, west) = apart(ConflictResolutionPolicy::manual());
    collide(&seed, (&east, 5), (&west, 9));
    seed.wire.take();
    let listed = all(&east);
    assert_eq!(listed.len(), 1);
    assert!(seed.wire.calls().contains(&"GET /dbs/db/colls/items/conflicts".to_owned()));
    let query = east.query_conflicts("SELECT * FROM r WHERE r.operationType = 'replace'");
    let found: Vec<ConflictProperties> = query.into_iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(found[0].id, listed[0].id);
    assert!(seed.wire.calls().contains(&"POST /dbs/db/colls/items/conflicts".to_owned()));

    let conflict = east.conflict(&listed[0].id, "a");
    let properties = conflict.read().send().unwrap().properties().unwrap();
    let sent = seed.wire.take().pop().unwrap();
    let path = format!("/dbs/db/colls/items/conflicts/{}", listed[0].id);
    assert_eq!((sent.method().as_str(), sent.uri().path()), ("GET", path.as_str()));
    assert_eq!(header(&sent, "x-ms-documentdb-partitionkey"), r#"["a"]"#);
    assert_eq!(properties.operation_type, ConflictOperation::Replace);
    // The same by resource ids.
    let items = east.read().send().unwrap().properties().unwrap().system.self_link.unwrap();
    let rid = properties.system.rid.clone().unwrap();
    let by_rid = seed.client.container_at(items).conflict(rid, "a").read().send().unwrap();
    assert_eq!(by_rid.properties().unwrap().id, properties.id);
    let (lost, won) = (properties.item::<Value>().unwrap().unwrap()["n"].clone(), read(&east));
    assert_ne!(lost, won, "what lost is in the conflict");
    assert_eq!(read(&west), won);

    east.replace_item("1", &item(14)).send().unwrap();
    assert_eq!(conflict.delete().send().unwrap().status(), 204);
    assert!(conflict.read().send().unwrap_err().is_not_found());
    assert!(all(&west).is_empty());
}

#[test]
fn s30_a_procedure_settles_conflicts() {
    let link = "dbs/db/colls/items/sprocs/settle";
    for (of_east, of_west) in [(5, 9), (9, 5)] {
        let (seed, east, west) = apart(ConflictResolutionPolicy::procedure(link));
        let text = "function (incoming, existing, isTombstone, others) {
            const c = getContext().getCollection();
            if (!incoming || isTombstone || (existing && existing.n > incoming.n)) return;
            if (existing) c.replaceDocument(existing._self, incoming, (error) => { if (error) throw error; });
        }";
        let procedure = StoredProcedureProperties::new("settle", text);
        east.scripts().create_stored_procedure(procedure).send().unwrap();
        collide(&seed, (&east, of_east), (&west, of_west));
        assert_eq!((read(&east), read(&west)), (json!(9), json!(9)), "{of_east} {of_west}");
        assert!(all(&east).is_empty());
    }
}

#[test]
fn s30_writes_and_executions_say_that_they_may_be_tentative_and_go_to_the_near_region() {
    let tentative = "x-ms-cosmos-allow-tentative-writes";
    let (seed, east, west) = apart(ConflictResolutionPolicy::manual());
    let text = "function () { getContext().getResponse().setBody(1); }";
    east.scripts()
        .create_stored_procedure(StoredProcedureProperties::new("p", text))
        .send()
        .unwrap();
    seed.wire.take();
    seed.emulator.take_requests();
    west.scripts().stored_procedure("p").execute("a", ()).send().unwrap();
    west.upsert_item(&item(1)).send().unwrap();
    west.delete_item("1", "a").send().unwrap();
    for sent in seed.wire.take().iter().filter(|it| it.method() != "GET") {
        assert_eq!(header(sent, tentative), "true", "{} {}", sent.method(), sent.uri());
    }
    let asked = seed.emulator.take_requests();
    assert!(asked.iter().all(|it| it.region == WEST), "{asked:?}");
    assert_eq!(asked[0].operation, EmulatorOperation::ExecuteScript);

    // What is no data has one region that writes it.
    seed.client.create_database("other").send().unwrap();
    assert_eq!(header(&seed.wire.take()[0], tentative), "");
    assert_eq!(seed.emulator.take_requests().last().unwrap().region, EAST);
}
