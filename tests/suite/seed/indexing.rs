//! Indexing policies as the first SDKs wrote them, and as they come back.

use cosmosdb::models::{
    IncludedPath, IndexDataType, IndexKind, IndexingMode, IndexingPolicy, PathIndex,
};
use cosmosdb::{ContainerProperties, IndexingDirective};
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
