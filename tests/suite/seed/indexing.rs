//! Indexing policies as the first SDKs wrote them, what they do, and what a container tells of itself.

use std::time::Duration;

use cosmosdb::models::{
    IncludedPath, IndexDataType, IndexKind, IndexingMode, IndexingPolicy, PathIndex,
};
use cosmosdb::{Container, ContainerProperties, IndexingDirective};
use serde_json::{Value, json};

use super::wire::{Seed, body, header};

fn old_policy() -> IndexingPolicy {
    let path = IncludedPath::new("/*")
        .index(PathIndex::new(IndexKind::Hash, IndexDataType::String).precision(3))
        .index(PathIndex::new(IndexKind::Range, IndexDataType::Number).precision(-1));
    IndexingPolicy::new().include_path(path).exclude("/secret/*")
}

#[test]
fn s03_an_indexing_policy_of_version_2_goes_out_and_comes_back() {
    let seed = Seed::new();
    seed.container("/pk");
    let database = seed.client.database("db");
    let properties = ContainerProperties::new("old", "/pk").with_indexing_policy(old_policy());
    let created = database.create_container(properties).send().unwrap().properties().unwrap();
    let sent = body(&seed.wire.take()[0]);
    let indexes = json!([
        { "kind": "Hash", "dataType": "String", "precision": 3 },
        { "kind": "Range", "dataType": "Number", "precision": -1 },
    ]);
    let paths = json!([{ "path": "/*", "indexes": indexes }]);
    assert_eq!(sent["indexingPolicy"]["indexingMode"], "consistent");
    assert_eq!(sent["indexingPolicy"]["automatic"], true);
    assert_eq!(sent["indexingPolicy"]["includedPaths"], paths);
    assert_eq!(sent["indexingPolicy"]["excludedPaths"], json!([{ "path": "/secret/*" }]));
    let stored = created.indexing_policy.unwrap();
    assert_eq!(stored.included_paths, old_policy().included_paths);
    assert!(stored.excluded_paths.iter().any(|it| it.path == "/secret/*"));

    let container = database.container("old");
    let mut changed = container.read().send().unwrap().properties().unwrap();
    changed.indexing_policy = Some(IndexingPolicy::none());
    let replaced = container.replace(&changed).send().unwrap().properties().unwrap();
    let policy = replaced.indexing_policy.unwrap();
    assert_eq!((policy.indexing_mode, policy.automatic), (IndexingMode::None, false));
}

#[test]
fn s03_the_directive_of_a_write_is_a_header() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    let item = json!({ "id": "1", "pk": "a" });
    for (directive, word) in [
        (IndexingDirective::Exclude, "Exclude"),
        (IndexingDirective::Include, "Include"),
        (IndexingDirective::Default, "Default"),
    ] {
        items.upsert_item(&item).indexing_directive(directive).send().unwrap();
        assert_eq!(header(&seed.wire.only(), "x-ms-indexing-directive"), word);
        items.replace_item("1", &item).indexing_directive(directive).send().unwrap();
        assert_eq!(header(&seed.wire.only(), "x-ms-indexing-directive"), word);
    }
    items.upsert_item(&item).send().unwrap();
    assert_eq!(header(&seed.wire.only(), "x-ms-indexing-directive"), "");
}

fn of_mode(mode: IndexingMode) -> ContainerProperties {
    let mut policy = IndexingPolicy::new();
    policy.indexing_mode = mode;
    ContainerProperties::new("items", "/pk").with_indexing_policy(policy)
}

/// The ids that a query finds.
fn found(items: &Container, scan: bool) -> Vec<String> {
    let query = items.query_items("SELECT VALUE c.id FROM c WHERE c.n = 1 ORDER BY c.id");
    query.enable_scan(scan).into_iter().collect::<Result<_, _>>().unwrap()
}

#[test]
fn s03_an_excluded_item_is_found_by_a_scan_only() {
    for mode in [IndexingMode::Consistent, IndexingMode::Lazy] {
        let seed = Seed::partitioned(2);
        let items = seed.container_with(of_mode(mode));
        let item = |id: &str, pk: &str| json!({ "id": id, "pk": pk, "n": 1 });
        items.create_item(&item("in", "a")).send().unwrap();
        for pk in ["a", "b"] {
            let create = items.create_item(&item(&format!("out-{pk}"), pk));
            create.indexing_directive(IndexingDirective::Exclude).send().unwrap();
        }
        assert_eq!(found(&items, false), ["in"]);
        seed.wire.take();
        assert_eq!(found(&items, true), ["in", "out-a", "out-b"]);
        let asked = "x-ms-documentdb-query-enable-scan";
        assert!(seed.wire.take().iter().any(|it| header(it, asked) == "True"));
        items.read_item("out-a", "a").send().unwrap();
        let replace = items.replace_item("out-a", &item("out-a", "a"));
        replace.indexing_directive(IndexingDirective::Include).send().unwrap();
        assert_eq!(found(&items, false), ["in", "out-a"]);
    }
}

#[test]
fn s03_where_indexing_is_not_automatic_the_directive_brings_an_item_in() {
    let seed = Seed::new();
    let mut properties = of_mode(IndexingMode::Consistent);
    properties.indexing_policy.as_mut().unwrap().automatic = false;
    let items = seed.container_with(properties);
    let item = |id: &str| json!({ "id": id, "pk": "a", "n": 1 });
    items.create_item(&item("out")).send().unwrap();
    let create = items.create_item(&item("in"));
    create.indexing_directive(IndexingDirective::Include).send().unwrap();
    assert_eq!(found(&items, false), ["in"]);
    assert_eq!(found(&items, true), ["in", "out"]);
}

#[test]
fn s04_a_spatial_index_and_a_query_by_distance() {
    let seed = Seed::new();
    let shapes = [
        IndexDataType::Point,
        IndexDataType::LineString,
        IndexDataType::Polygon,
        IndexDataType::MultiPolygon,
    ];
    let path = shapes.iter().fold(IncludedPath::new("/place/*"), |path, shape| {
        path.index(PathIndex::new(IndexKind::Spatial, shape.clone()))
    });
    let policy = IndexingPolicy::new().include("/*").include_path(path);
    let mut properties = ContainerProperties::new("items", "/pk");
    properties.indexing_policy = Some(policy);
    let items = seed.container_with(properties);
    let stored = items.read().send().unwrap().properties().unwrap().indexing_policy.unwrap();
    let kinds: Vec<_> = stored.included_paths[1].indexes.iter().map(|it| it.kind.clone()).collect();
    assert_eq!(
        kinds,
        [IndexKind::Spatial, IndexKind::Spatial, IndexKind::Spatial, IndexKind::Spatial]
    );

    for (id, place) in [("lyon", [4.8357, 45.764]), ("paris", [2.3522, 48.8566])] {
        let place = json!({ "type": "Point", "coordinates": place });
        items.create_item(&json!({ "id": id, "pk": "a", "place": place })).send().unwrap();
    }
    let grenoble = json!({ "type": "Point", "coordinates": [5.7245, 45.1885] });
    let near: Vec<String> = items
        .query_items("SELECT VALUE c.id FROM c WHERE ST_DISTANCE(c.place, @here) < 120000")
        .param("@here", &grenoble)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(near, ["lyon"]);
    let distance: Vec<f64> = items
        .query_items("SELECT VALUE ST_DISTANCE(c.place, @here) FROM c WHERE c.id = 'lyon'")
        .param("@here", &grenoble)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    assert!((90_000.0..100_000.0).contains(&distance[0]), "{distance:?}");
}

#[test]
fn s06_a_container_tells_how_far_its_index_is() {
    let seed = Seed::new();
    let items = seed.container("/pk");
    let name = "x-ms-documentdb-populatequotainfo";
    let response = items.read().header(name, "True").send().unwrap();
    assert_eq!(header(&seed.wire.take()[0], name), "True");
    assert_eq!(response.index_transformation_progress(), Some(100));
    let item: Value = response.item().unwrap();
    assert_eq!(item["id"], "items");
}

#[test]
fn s06_a_changed_policy_is_applied_step_by_step() {
    for (mode, lazy) in [(IndexingMode::Consistent, false), (IndexingMode::Lazy, true)] {
        let seed = Seed::new();
        let items = seed.container_with(of_mode(mode));
        items.create_item(&json!({ "id": "1", "pk": "a" })).send().unwrap();
        let mut changed = items.read().send().unwrap().properties().unwrap();
        let policy = changed.indexing_policy.take().unwrap();
        changed.indexing_policy = Some(policy.exclude("/later/*"));
        let replaced = items.replace(&changed).populate_quota_info(true).send().unwrap();
        assert_eq!(replaced.index_transformation_progress(), Some(0));
        for expected in [0, 50, 100, 100] {
            let read = items.read().populate_quota_info(true).send().unwrap();
            assert_eq!(read.index_transformation_progress(), Some(expected));
            assert_eq!(read.lazy_indexing_progress(), lazy.then_some(expected));
            seed.clock.advance(Duration::from_millis(500));
        }
    }
}

#[test]
fn seed_c_how_full_a_container_and_its_partitions_are_is_told_when_asked() {
    let seed = Seed::partitioned(3);
    let items = seed.container("/pk");
    for n in 0..12 {
        items.create_item(&json!({ "id": n.to_string(), "pk": n })).send().unwrap();
    }
    seed.wire.take();
    let (quota, statistics) =
        ("x-ms-documentdb-populatequotainfo", "x-ms-documentdb-populatepartitionstatistics");
    let read = items.read().populate_quota_info(true);
    let read = read.populate_partition_key_range_statistics(true).send().unwrap();
    let sent = seed.wire.take().remove(0);
    assert_eq!((header(&sent, quota), header(&sent, statistics)), ("True", "True"));
    assert_eq!(read.usage().unwrap().get("documentsCount"), Some(12));
    assert!(read.quota().unwrap().get("documentsCount").is_some());
    assert!(read.headers().contains_key("x-ms-resource-usage"));
    let told = read.properties().unwrap().statistics;
    assert_eq!(told.len(), 3);
    assert_eq!(told.iter().map(|it| it.document_count).sum::<u64>(), 12);

    let plain = items.read().send().unwrap();
    let sent = seed.wire.take().remove(0);
    assert_eq!((header(&sent, quota), header(&sent, statistics)), ("", ""));
    assert!(plain.properties().unwrap().statistics.is_empty());
}
