//! Containers from JSON and back, with nothing lost.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::models::{
    ClientEncryptionPath, CompositePath, ConflictResolutionMode, GeospatialType, VectorDataType,
    VectorDistanceFunction, VectorEmbedding,
};

/// Containers as a live account answered with; the lines name the recordings.
const RECORDED: &str = include_str!("../../../tests/data/containers.jsonl");

fn recorded(n: u64) -> Value {
    let lines = RECORDED.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut answer = lines.into_iter().find(|it| it["n"] == n).unwrap()["answer"].take();
    // Recordings do not tell volatile values.
    answer["_ts"] = json!(1_791_622_915);
    answer
}

#[test]
fn containers_of_a_live_account_survive_reading_and_writing() {
    for n in [3, 6, 37] {
        let container: ContainerProperties = serde_json::from_value(recorded(n)).unwrap();
        assert_eq!(container.partition_key.paths, ["/pk"]);
        assert_eq!(container.partition_key.version, None);
        assert_eq!(container.other["_docs"], "docs/");
        assert_eq!(container.system.timestamp, Some(1_791_622_915));
        let policy = container.conflict_resolution_policy.as_ref().unwrap();
        assert_eq!(policy.mode, ConflictResolutionMode::LastWriterWins);
        assert_eq!(serde_json::to_value(&container).unwrap(), recorded(n));
    }
    let unique: ContainerProperties = serde_json::from_value(recorded(6)).unwrap();
    assert_eq!(unique.default_ttl, Some(TimeToLive::Forever));
    assert_eq!(unique.unique_key_policy.unwrap().unique_keys[0].paths, ["/email"]);
    let composite = &unique.indexing_policy.unwrap().composite_indexes[0];
    assert_eq!(*composite, [CompositePath::ascending("/a"), CompositePath::descending("/b")]);
}

#[test]
fn a_container_keeps_what_this_version_does_not_know_at_every_level() {
    let container = json!({
        "id": "all", "later": [1],
        "partitionKey": {"paths": ["/a", "/b"], "kind": "MultiHash", "version": 2},
        "indexingPolicy": {"indexingMode": "eager", "automatic": true, "later": 1},
        "defaultTtl": 3600, "analyticalStorageTtl": -1, "ttlPropertyPath": "/t",
        "uniqueKeyPolicy": {"uniqueKeys": [{"paths": ["/e"], "filter": "SELECT 1"}], "later": 1},
        "conflictResolutionPolicy": {
            "mode": "Dice", "conflictResolutionPath": "/_ts", "conflictResolutionProcedure": "",
            "later": 1,
        },
        "computedProperties": [{"name": "n", "query": "SELECT VALUE c.n FROM c", "later": 1}],
        "changeFeedPolicy": {"retentionDuration": 60, "later": 1},
        "geospatialConfig": {"type": "Sphere", "later": 1},
        "vectorEmbeddingPolicy": {"later": 1, "vectorEmbeddings": [{
            "path": "/v", "dataType": "float64", "dimensions": 3, "distanceFunction": "manhattan",
            "embeddingSource": {"sourcePaths": ["/t"], "authType": "Entra"},
        }]},
        "fullTextPolicy": {
            "defaultLanguage": "en-US", "package": "x",
            "fullTextPaths": [{"path": "/t", "language": "fr-FR", "tokenizer": "y"}],
        },
        "clientEncryptionPolicy": {"policyFormatVersion": 2, "later": 1, "includedPaths": [{
            "path": "/ssn", "clientEncryptionKeyId": "k1", "encryptionType": "Deterministic",
            "encryptionAlgorithm": "AEAD_AES_256_CBC_HMAC_SHA256", "later": 1,
        }]},
        "materializedViewDefinition": {
            "sourceCollectionId": "o", "definition": "SELECT c.id FROM c", "status": "Active",
            "sourceCollectionRid": "d9RzAJRFKgw=", "later": 1,
        },
        "globalSecondaryIndexDefinition": {"definition": "SELECT c.id FROM c", "sourceCollectionId": "o"},
        "_rid": "r", "_self": "s", "_etag": "\"e\"", "_ts": 1, "_docs": "docs/",
        "statistics": [{"id": "0", "sizeInKB": 1}],
    });
    let read: ContainerProperties = serde_json::from_value(container.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), container);
}

#[test]
fn setters_write_what_the_service_expects() {
    let container = ContainerProperties::new("c", ["/a", "/b"])
        .with_indexing_policy(IndexingPolicy::new().include("/*").full_text("/t"))
        .with_default_ttl(Duration::from_secs(60))
        .with_analytical_ttl(TimeToLive::Forever)
        .with_unique_keys(UniqueKeyPolicy::new().unique(["/e"]))
        .with_conflict_resolution(ConflictResolutionPolicy::manual())
        .with_computed_property(ComputedProperty::new("n", "SELECT VALUE 1"))
        .with_change_feed_policy(ChangeFeedPolicy::all_versions_and_deletes(Duration::from_secs(
            600,
        )))
        .with_geospatial_config(GeospatialConfig::new(GeospatialType::Geometry))
        .with_vector_embeddings(VectorEmbeddingPolicy::new([VectorEmbedding::new(
            "/v",
            3,
            VectorDistanceFunction::DotProduct,
        )
        .with_data_type(VectorDataType::Int8)]))
        .with_full_text_policy(FullTextPolicy::new("en-US").path("/t").path_in("/f", "fr-FR"))
        .with_client_encryption(ClientEncryptionPolicy::new([ClientEncryptionPath::new(
            "/s",
            "k",
            "Randomized",
        )]))
        .with_materialized_view(MaterializedViewDefinition::new("o", "SELECT c.id FROM c"));
    let view = json!({"sourceCollectionId": "o", "definition": "SELECT c.id FROM c"});
    let expected = json!({
        "id": "c",
        "partitionKey": {"paths": ["/a", "/b"], "kind": "MultiHash", "version": 2},
        "indexingPolicy": {
            "indexingMode": "consistent", "automatic": true, "includedPaths": [{"path": "/*"}],
            "fullTextIndexes": [{"path": "/t"}],
        },
        "defaultTtl": 60, "analyticalStorageTtl": -1,
        "uniqueKeyPolicy": {"uniqueKeys": [{"paths": ["/e"]}]},
        "conflictResolutionPolicy": {"mode": "Custom"},
        "computedProperties": [{"name": "n", "query": "SELECT VALUE 1"}],
        "changeFeedPolicy": {"retentionDuration": 10},
        "geospatialConfig": {"type": "Geometry"},
        "vectorEmbeddingPolicy": {"vectorEmbeddings": [
            {"path": "/v", "dataType": "int8", "dimensions": 3, "distanceFunction": "dotproduct"},
        ]},
        "fullTextPolicy": {
            "defaultLanguage": "en-US",
            "fullTextPaths": [{"path": "/t"}, {"path": "/f", "language": "fr-FR"}],
        },
        "clientEncryptionPolicy": {"policyFormatVersion": 1, "includedPaths": [{
            "path": "/s", "clientEncryptionKeyId": "k", "encryptionType": "Randomized",
            "encryptionAlgorithm": "AEAD_AES_256_CBC_HMAC_SHA256",
        }]},
        "materializedViewDefinition": view, "globalSecondaryIndexDefinition": view,
    });
    assert_eq!(serde_json::to_value(&container).unwrap(), expected);
}

#[test]
fn a_sparse_container_is_read() {
    let container: ContainerProperties = serde_json::from_value(
        json!({"id": "old", "computedProperties": null, "defaultTtl": null}),
    )
    .unwrap();
    assert!(container.partition_key.paths.is_empty() && container.default_ttl.is_none());
    assert_eq!(serde_json::to_value(&container).unwrap(), json!({"id": "old"}));
}
