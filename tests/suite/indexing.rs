//! Indexing policies old and new, how far a change is applied, and directives.

use std::time::Duration;

use cosmosdb::clock::VirtualClock;
use cosmosdb::models::{
    BoundingBox, CompositePath, FullTextPolicy, GeospatialConfig, GeospatialType, IndexingMode,
    SpatialIndex, SpatialType, VectorDistanceFunction, VectorEmbedding, VectorEmbeddingPolicy,
    VectorIndex, VectorIndexType,
};
use cosmosdb::{ContainerProperties, Emulator, IndexingDirective, IndexingPolicy};
use serde_json::{Value, json};

use crate::backend::Account;

on_every_backend! {
    policies_come_back_as_they_went,
    a_policy_of_old_index_kinds_is_kept,
    a_container_of_shapes_answers_queries_about_distance,
    contradictions_are_refused,
    an_excluded_item_is_not_found_but_by_a_scan,
    items_are_indexed_on_demand_where_the_policy_says_so,
    how_full_a_container_is_can_be_asked,
}

fn stored(account: &Account, properties: ContainerProperties) -> ContainerProperties {
    account.container_with(properties).read().send().unwrap().properties().unwrap()
}

fn properties(policy: IndexingPolicy) -> ContainerProperties {
    ContainerProperties::new("items", "/pk").with_indexing_policy(policy)
}

fn of_mode(mode: IndexingMode) -> IndexingPolicy {
    let mut policy = IndexingPolicy::new();
    policy.indexing_mode = mode;
    policy
}

fn policies_come_back_as_they_went(account: &Account) {
    let lazy = of_mode(IndexingMode::Lazy);
    for (mode, policy) in [
        (IndexingMode::Consistent, IndexingPolicy::new()),
        (IndexingMode::None, IndexingPolicy::none()),
        (IndexingMode::Lazy, lazy),
    ] {
        let stored = stored(account, properties(policy)).indexing_policy.unwrap();
        assert_eq!(stored.automatic, mode != IndexingMode::None);
        assert_eq!(stored.indexing_mode, mode);
    }
    let embeddings = VectorEmbeddingPolicy::new([VectorEmbedding::new(
        "/vector",
        3,
        VectorDistanceFunction::Cosine,
    )]);
    let rich = IndexingPolicy::new()
        .include("/*")
        .exclude("/raw/*")
        .exclude("/\"odd name\"/?")
        .composite([CompositePath::ascending("/city"), CompositePath::descending("/year")])
        .vector(VectorIndex::new("/vector", VectorIndexType::Flat))
        .full_text("/text");
    let sent = properties(rich.clone())
        .with_vector_embeddings(embeddings)
        .with_full_text_policy(FullTextPolicy::new("en-US").path("/text"));
    let found = stored(account, sent.clone());
    let policy = found.indexing_policy.unwrap();
    assert_eq!(policy.included_paths, rich.included_paths);
    for path in ["/raw/*", "/\"odd name\"/?", "/\"_etag\"/?"] {
        assert!(policy.excluded_paths.iter().any(|it| it.path == path), "{path}");
    }
    assert_eq!(policy.composite_indexes, rich.composite_indexes);
    assert_eq!(policy.vector_indexes, rich.vector_indexes);
    assert_eq!(policy.full_text_indexes, rich.full_text_indexes);
    assert_eq!(found.vector_embedding_policy, sent.vector_embedding_policy);
    assert_eq!(found.full_text_policy, sent.full_text_policy);
}

fn a_policy_of_old_index_kinds_is_kept(account: &Account) {
    let old = json!({
        "indexingMode": "consistent", "automatic": true,
        "includedPaths": [
            { "path": "/*", "indexes": [
                { "kind": "Hash", "dataType": "String", "precision": 3 },
                { "kind": "Range", "dataType": "Number", "precision": -1 },
            ] },
            { "path": "/place/?", "indexes": [{ "kind": "Spatial", "dataType": "Point" }] },
        ],
        "excludedPaths": [{ "path": "/\"_etag\"/?" }],
    });
    let policy: IndexingPolicy = serde_json::from_value(old.clone()).unwrap();
    let stored = stored(account, properties(policy)).indexing_policy.unwrap();
    assert_eq!(serde_json::to_value(stored).unwrap(), old);
}

fn a_container_of_shapes_answers_queries_about_distance(account: &Account) {
    let shapes = [
        SpatialType::Point,
        SpatialType::LineString,
        SpatialType::Polygon,
        SpatialType::MultiPolygon,
    ];
    let index = SpatialIndex::new("/place/*", shapes.clone());
    let container =
        account.container_with(properties(IndexingPolicy::new().include("/*").spatial(index)));
    for (id, longitude) in [("near", 4.8), ("far", 14.8)] {
        let place = json!({ "type": "Point", "coordinates": [longitude, 45.7] });
        container.create_item(&json!({ "id": id, "pk": 1, "place": place })).send().unwrap();
    }
    let text = "SELECT VALUE c.id FROM c WHERE ST_DISTANCE(c.place, {'type': 'Point', 'coordinates': [4.9, 45.7]}) < 50000";
    let found: Result<Vec<String>, _> = container.query_items(text).into_iter().collect();
    assert_eq!(found.unwrap(), ["near"]);

    let within = BoundingBox { xmin: 0.0, ymin: 0.0, xmax: 10.0, ymax: 10.0 };
    let index = SpatialIndex::new("/place/*", shapes).with_bounding_box(within);
    let plane = properties(IndexingPolicy::new().include("/*").spatial(index.clone()))
        .with_geospatial_config(GeospatialConfig::new(GeospatialType::Geometry));
    let found = stored(account, plane);
    assert_eq!(found.geospatial_config.unwrap().kind, GeospatialType::Geometry);
    assert_eq!(found.indexing_policy.unwrap().spatial_indexes, [index]);
}

fn contradictions_are_refused(account: &Account) {
    let database = account.database();
    let none_and_automatic = of_mode(IndexingMode::None);
    for policy in [none_and_automatic, IndexingPolicy::new().include("/city/?")] {
        let error = database.create_container(properties(policy)).send().unwrap_err();
        assert_eq!(error.status().unwrap(), 400, "{error}");
    }
}

fn an_excluded_item_is_not_found_but_by_a_scan(account: &Account) {
    let container = account.container("/pk");
    let item = |id: &str| json!({ "id": id, "pk": 1, "n": 1 });
    container.create_item(&item("in")).send().unwrap();
    let create = container.create_item(&item("out"));
    create.indexing_directive(IndexingDirective::Exclude).send().unwrap();
    let find = |scan: bool| -> Vec<String> {
        let query = container.query_items("SELECT VALUE c.id FROM c WHERE c.n = 1");
        let found = query.partition_key(1).enable_scan(scan).into_iter();
        found.collect::<Result<_, _>>().unwrap()
    };
    assert_eq!(find(false), ["in"]);
    assert_eq!(find(true), ["in", "out"]);
    let read: Value = container.read_item("out", 1).send().unwrap().item().unwrap();
    assert_eq!(read["n"], 1);
    assert_eq!(container.items::<Value>().into_iter().count(), 2);

    container.replace_item("out", &item("out")).send().unwrap();
    assert_eq!(find(false), ["in", "out"]);
    let upsert = container.upsert_item(&item("in"));
    upsert.indexing_directive(IndexingDirective::Exclude).send().unwrap();
    assert_eq!(find(false), ["out"]);
}

fn items_are_indexed_on_demand_where_the_policy_says_so(account: &Account) {
    let mut policy = IndexingPolicy::new();
    policy.automatic = false;
    let container = account.container_with(properties(policy));
    let item = |id: &str| json!({ "id": id, "pk": 1 });
    container.create_item(&item("out")).send().unwrap();
    let create = container.create_item(&item("in"));
    create.indexing_directive(IndexingDirective::Include).send().unwrap();
    let query = container.query_items("SELECT VALUE c.id FROM c WHERE c.pk = 1");
    let found: Result<Vec<String>, _> = query.into_iter().collect();
    assert_eq!(found.unwrap(), ["in"]);
}

fn how_full_a_container_is_can_be_asked(account: &Account) {
    let container = account.container("/pk");
    for n in 0..3 {
        container.create_item(&json!({ "id": n.to_string(), "pk": n })).send().unwrap();
    }
    let plain = container.read().send().unwrap();
    assert_eq!(plain.index_transformation_progress(), None);
    assert!(plain.properties().unwrap().statistics.is_empty());
    let read = container.read().populate_quota_info(true);
    let read = read.populate_partition_key_range_statistics(true).send().unwrap();
    assert_eq!(read.index_transformation_progress(), Some(100));
    assert_eq!(read.lazy_indexing_progress(), None);
    assert!(read.quota().unwrap().get("collectionSize").is_some());
    assert!(read.usage().unwrap().get("collectionSize").is_some());
    let statistics = read.properties().unwrap().statistics;
    assert_eq!(statistics.len(), container.feed_ranges().unwrap().len());
    if account.emulator.is_some() {
        assert_eq!(statistics.iter().map(|it| it.document_count).sum::<u64>(), 3);
        assert_eq!(read.usage().unwrap().get("documentsCount"), Some(3));
    }
}

#[test]
fn a_changed_policy_is_applied_step_by_step() {
    let clock = VirtualClock::new();
    let client = Emulator::builder().clock(clock.clone()).build().unwrap().client();
    client.create_database("d").send().unwrap();
    let database = client.database("d");
    let lazy = of_mode(IndexingMode::Lazy);
    database.create_container(properties(lazy)).send().unwrap();
    let container = database.container("items");
    let mut changed = container.read().send().unwrap().properties().unwrap();
    let mut change = |path: &str| {
        let policy = changed.indexing_policy.take().unwrap();
        changed.indexing_policy = Some(policy.exclude(path));
        container.replace(&changed).populate_quota_info(true).send().unwrap()
    };
    assert_eq!(change("/a/*").index_transformation_progress(), Some(100), "nothing to index");

    container.create_item(&json!({ "id": "1", "pk": 1 })).send().unwrap();
    assert_eq!(change("/b/*").index_transformation_progress(), Some(0));
    let progress = || {
        let read = container.read().populate_quota_info(true).send().unwrap();
        (read.index_transformation_progress(), read.lazy_indexing_progress())
    };
    for expected in [0, 40, 80, 100, 100] {
        assert_eq!(progress(), (Some(expected), Some(expected)));
        clock.advance(Duration::from_millis(400));
    }
    let same = container.read().send().unwrap().properties().unwrap();
    let replaced = container.replace(&same).populate_quota_info(true).send().unwrap();
    assert_eq!(replaced.index_transformation_progress(), Some(100), "nothing changed");
}
