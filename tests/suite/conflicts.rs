//! Conflicts: what the feed tells, and how an application settles them.

use cosmosdb::models::{ConflictOperation, ConflictResolutionMode, ConflictResolutionPolicy};
use cosmosdb::{Container, ContainerProperties, CosmosClient, Emulator, ErrorKind};
use serde_json::{Value, json};

use crate::backend::Account;

on_every_backend! {
    a_container_has_no_conflicts_at_first,
    policies_come_back_with_the_container,
    ids_are_checked_before_anything_is_sent,
}

fn a_container_has_no_conflicts_at_first(account: &Account) {
    let container = account.container("/pk");
    assert_eq!(container.conflicts().into_iter().map(Result::unwrap).count(), 0);
    let query = container.query_conflicts("SELECT * FROM r WHERE r.operationType = 'replace'");
    assert_eq!(query.into_iter().map(Result::unwrap).count(), 0);
    let none = container.conflict("6a1b", "a");
    assert!(none.read().send().unwrap_err().is_not_found());
    assert!(none.delete().send().unwrap_err().is_not_found());
}

fn policies_come_back_with_the_container(account: &Account) {
    let database = account.database();
    let link = format!("dbs/{}/colls/custom/sprocs/resolve", database.id());
    for (id, policy, mode) in [
        (
            "path",
            ConflictResolutionPolicy::last_writer_wins("/n"),
            ConflictResolutionMode::LastWriterWins,
        ),
        ("custom", ConflictResolutionPolicy::procedure(&*link), ConflictResolutionMode::Custom),
        ("manual", ConflictResolutionPolicy::manual(), ConflictResolutionMode::Custom),
    ] {
        let properties = ContainerProperties::new(id, "/pk").with_conflict_resolution(policy);
        database.create_container(properties).send().unwrap();
        let stored = database.container(id).read().send().unwrap().properties().unwrap();
        let stored = stored.conflict_resolution_policy.unwrap();
        assert_eq!(stored.mode, mode);
        match id {
            "path" => assert_eq!(stored.conflict_resolution_path.as_deref(), Some("/n")),
            "custom" => assert_eq!(stored.conflict_resolution_procedure, Some(link.clone())),
            _ => assert_eq!(stored.conflict_resolution_procedure.as_deref(), Some("")),
        }
    }
}

fn ids_are_checked_before_anything_is_sent(account: &Account) {
    let container = account.container("/pk");
    for id in ["", "a/b", "a?b", "a "] {
        let conflict = container.conflict(id, "a");
        for error in [conflict.read().send().unwrap_err(), conflict.delete().send().unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{id:?}: {error}");
        }
    }
}

/// An account of two regions that both write, and a client next to each.
struct TwoRegions {
    emulator: Emulator,
    east: Container,
    west: Container,
}

const WEST: &str = "West US";

fn two_regions() -> TwoRegions {
    let builder = Emulator::builder().regions(["East US", WEST]).multi_write(true);
    let emulator = builder.partitions(3).build().unwrap();
    let client = |region: &str| {
        let builder = CosmosClient::builder(emulator.endpoint()).key(emulator.key());
        let builder = builder.shared_transport(emulator.transport()).preferred_regions([region]);
        builder.multiple_write_locations(true).build().unwrap()
    };
    let (east, west) = (client("East US"), client(WEST));
    east.create_database("d").send().unwrap();
    let properties = ContainerProperties::new("orders", "/pk")
        .with_conflict_resolution(ConflictResolutionPolicy::manual());
    east.database("d").create_container(properties).send().unwrap();
    let of = |client: &CosmosClient| client.database("d").container("orders");
    TwoRegions { east: of(&east), west: of(&west), emulator }
}

fn item(text: &str) -> Value {
    json!({ "id": "1", "pk": "a", "text": text })
}

#[test]
fn a_version_that_lost_is_read_settled_and_deleted() {
    let TwoRegions { emulator, east, west } = two_regions();
    east.create_item(&item("old")).send().unwrap();
    emulator.pause_replication(WEST).unwrap();
    west.replace_item("1", &item("west")).send().unwrap();
    east.replace_item("1", &item("east")).send().unwrap();
    emulator.resume_replication(WEST).unwrap();

    let found: Vec<_> = east.conflicts().into_iter().map(Result::unwrap).collect();
    assert_eq!(found.len(), 1);
    let id = found[0].id.as_str();
    let of_key = east.conflicts().partition_key("a").into_iter().map(|it| it.unwrap().id);
    assert_eq!(of_key.collect::<Vec<_>>(), [id]);
    assert_eq!(east.conflicts().partition_key("b").into_iter().count(), 0);
    let text = "SELECT * FROM r WHERE r.operationType = 'replace'";
    for (key, count) in [(None, 1), (Some("a"), 1), (Some("b"), 0)] {
        let query = east.query_conflicts(text).set(key, cosmosdb::Query::partition_key);
        assert_eq!(query.into_iter().map(Result::unwrap).count(), count, "{key:?}");
    }

    let conflict = east.conflict(id, "a");
    let properties = conflict.read().send().unwrap().properties().unwrap();
    assert_eq!(properties.operation_type, ConflictOperation::Replace);
    assert_eq!(properties.resource_type, "document");
    let lost: Value = properties.item().unwrap().unwrap();
    assert_eq!(lost["text"], "west");
    let stored: Value = east.read_item("1", "a").send().unwrap().item().unwrap();
    assert_eq!(properties.resource_id.as_deref(), stored["_rid"].as_str());

    east.replace_item("1", &item("both")).send().unwrap();
    assert!(east.conflict(id, "b").delete().send().unwrap_err().is_not_found());
    assert_eq!(conflict.delete().send().unwrap().status(), 204);
    assert_eq!(west.conflicts().into_iter().count(), 0);
}

#[test]
fn a_delete_that_lost_has_no_item() {
    let TwoRegions { emulator, east, west } = two_regions();
    east.create_item(&item("old")).send().unwrap();
    emulator.pause_replication(WEST).unwrap();
    west.delete_item("1", "a").send().unwrap();
    east.replace_item("1", &item("east")).send().unwrap();
    emulator.resume_replication(WEST).unwrap();
    let conflict = west.conflicts().into_iter().next().unwrap().unwrap();
    assert_eq!(conflict.operation_type, ConflictOperation::Delete);
    assert_eq!(conflict.item::<Value>().unwrap(), None);
}
