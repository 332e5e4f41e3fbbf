//! Containers: create, read, list, query, replace, delete, and their policies.

use cosmosdb::models::TimeToLive;
use cosmosdb::{ContainerProperties, OptionalExt, Throughput};
use serde_json::{Value, json};

use crate::backend::Account;

on_every_backend! {
    a_container_can_be_created_read_and_deleted,
    a_container_that_exists_cannot_be_created_again,
    create_if_not_exists_leaves_what_is_there,
    containers_can_be_listed_and_queried,
    the_service_fills_in_the_policies,
    every_policy_comes_back_as_it_went,
    unknown_properties_survive_read_change_replace,
    the_partition_key_cannot_be_changed,
    items_are_gone_with_their_container,
    throughput_is_manual_or_autoscale,
}

fn a_container_can_be_created_read_and_deleted(account: &Account) {
    let database = account.database();
    let created =
        database.create_container(ContainerProperties::new("orders", "/city")).send().unwrap();
    assert_eq!(created.status(), 201);
    let orders = database.container("orders");
    let properties = orders.read().send().unwrap().properties().unwrap();
    assert_eq!(properties.id, "orders");
    assert_eq!(properties.partition_key.paths, ["/city"]);
    assert_eq!(properties.partition_key.version, Some(2));
    assert_eq!(orders.delete().send().unwrap().status(), 204);
    assert!(orders.read().send().optional().unwrap().is_none());
}

fn a_container_that_exists_cannot_be_created_again(account: &Account) {
    let database = account.database();
    database.create_container(ContainerProperties::new("orders", "/city")).send().unwrap();
    let error =
        database.create_container(ContainerProperties::new("orders", "/other")).send().unwrap_err();
    assert!(error.is_conflict(), "{error}");
}

fn create_if_not_exists_leaves_what_is_there(account: &Account) {
    let database = account.database();
    let first = ContainerProperties::new("orders", "/city");
    assert_eq!(database.create_container_if_not_exists(&first).unwrap().status(), 201);
    let second = ContainerProperties::new("orders", "/other");
    let found = database.create_container_if_not_exists(&second).unwrap();
    assert_eq!(found.status(), 200);
    assert_eq!(found.properties().unwrap().partition_key.paths, ["/city"]);
}

fn containers_can_be_listed_and_queried(account: &Account) {
    let database = account.database();
    for id in ["a", "b", "c"] {
        database.create_container(ContainerProperties::new(id, "/pk")).send().unwrap();
    }
    let mut ids: Vec<String> = database.containers().into_iter().map(|it| it.unwrap().id).collect();
    ids.sort();
    assert_eq!(ids, ["a", "b", "c"]);
    let found: Vec<String> = database
        .query_containers("SELECT * FROM c WHERE c.id = @id")
        .param("@id", "b")
        .into_iter()
        .map(|it| it.unwrap().id)
        .collect();
    assert_eq!(found, ["b"]);
}

fn the_service_fills_in_the_policies(account: &Account) {
    let container = account.container("/pk");
    let stored: Value = container.read().send().unwrap().item().unwrap();
    assert_eq!(stored["indexingPolicy"]["indexingMode"], "consistent");
    assert_eq!(stored["indexingPolicy"]["includedPaths"][0]["path"], "/*");
    assert_eq!(stored["indexingPolicy"]["excludedPaths"][0]["path"], "/\"_etag\"/?");
    assert_eq!(stored["conflictResolutionPolicy"]["mode"], "LastWriterWins");
    assert_eq!(stored["geospatialConfig"]["type"], "Geography");
    assert_eq!(stored["_docs"], "docs/");
}

fn every_policy_comes_back_as_it_went(account: &Account) {
    let sent: ContainerProperties = serde_json::from_value(json!({
        "id": "rich",
        "partitionKey": { "paths": ["/tenant", "/user"], "kind": "MultiHash", "version": 2 },
        "defaultTtl": -1,
        "uniqueKeyPolicy": { "uniqueKeys": [{ "paths": ["/email"] }] },
        "indexingPolicy": {
            "indexingMode": "consistent",
            "automatic": true,
            "includedPaths": [{ "path": "/*" }],
            "excludedPaths": [{ "path": "/raw/*" }, { "path": "/\"_etag\"/?" }],
            "compositeIndexes": [[{ "path": "/a", "order": "ascending" }, { "path": "/b", "order": "descending" }]],
            "spatialIndexes": [{ "path": "/geo/*", "types": ["Point", "LineString", "Polygon", "MultiPolygon"] }],
        },
        "conflictResolutionPolicy": { "mode": "LastWriterWins", "conflictResolutionPath": "/rank" },
        "computedProperties": [{ "name": "lower", "query": "SELECT VALUE LOWER(c.name) FROM c" }],
    }))
    .unwrap();
    let container = account.container_with(sent.clone());
    let stored = container.read().send().unwrap().properties().unwrap();
    assert_eq!(stored.partition_key, sent.partition_key);
    assert_eq!(stored.default_ttl, Some(TimeToLive::Forever));
    assert_eq!(stored.unique_key_policy, sent.unique_key_policy);
    assert_eq!(stored.computed_properties, sent.computed_properties);
    let policy = |properties: &ContainerProperties| {
        serde_json::to_value(&properties.indexing_policy).unwrap()
    };
    assert_eq!(policy(&stored)["compositeIndexes"], policy(&sent)["compositeIndexes"]);
    assert_eq!(policy(&stored)["spatialIndexes"], policy(&sent)["spatialIndexes"]);
    let path = stored.conflict_resolution_policy.unwrap().conflict_resolution_path;
    assert_eq!(path.as_deref(), Some("/rank"));
}

fn unknown_properties_survive_read_change_replace(account: &Account) {
    let container = account.container("/pk");
    let mut properties = container.read().send().unwrap().properties().unwrap();
    let before = serde_json::to_value(&properties).unwrap();
    properties.default_ttl = Some(TimeToLive::Seconds(60));
    let replaced = container.replace(&properties).send().unwrap();
    assert_eq!(replaced.status(), 200);
    let after: Value = replaced.item().unwrap();
    assert_eq!(after["defaultTtl"], 60);
    for (name, value) in
        before.as_object().unwrap().iter().filter(|(name, _)| !name.starts_with('_'))
    {
        if name != "defaultTtl" {
            assert_eq!(after[name], *value, "{name}");
        }
    }
}

fn the_partition_key_cannot_be_changed(account: &Account) {
    let container = account.container("/pk");
    let properties = ContainerProperties::new("items", "/other");
    let error = container.replace(&properties).send().unwrap_err();
    assert_eq!(error.status().unwrap(), 400, "{error}");
}

fn items_are_gone_with_their_container(account: &Account) {
    let container = account.container("/pk");
    container.create_item(&json!({ "id": "1", "pk": 1 })).send().unwrap();
    container.delete().send().unwrap();
    let error = container.read_item("1", 1).send().unwrap_err();
    assert!(error.is_not_found(), "{error}");
    container.database().create_container(ContainerProperties::new("items", "/pk")).send().unwrap();
    assert!(container.read_item("1", 1).send().unwrap_err().is_not_found());
}

fn throughput_is_manual_or_autoscale(account: &Account) {
    let database = account.database();
    let create = |id: &str| database.create_container(ContainerProperties::new(id, "/pk"));
    create("manual").throughput(Throughput::manual(400)).send().unwrap();
    create("autoscale").throughput(Throughput::autoscale(1000)).send().unwrap();
    let error = create("too-little").throughput(Throughput::manual(100)).send().unwrap_err();
    assert_eq!(error.status().unwrap(), 400, "{error}");
}
