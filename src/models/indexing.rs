//! What of an item is indexed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::lenient::{null_is_default, yes};
use super::word::words;
use super::{CompositePath, FullTextIndex, SpatialIndex, VectorIndex};

/// Which properties a container indexes, and how.
///
/// A new policy names no paths; the service then indexes everything but the etag.
///
/// ```
/// use cosmosdb::models::{CompositePath, IndexingPolicy};
///
/// let policy = IndexingPolicy::new()
///     .include("/*")
///     .exclude("/raw/*")
///     .composite([CompositePath::ascending("/city"), CompositePath::descending("/year")]);
/// assert_eq!(policy.excluded_paths[0].path, "/raw/*");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct IndexingPolicy {
    /// Whether there is an index at all.
    #[serde(default)]
    pub indexing_mode: IndexingMode,
    /// Whether items are indexed unless a request says otherwise. Must be `false` without an index.
    #[serde(default = "yes")]
    pub automatic: bool,
    /// What is indexed. `/*`, everything, must be included or excluded.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub included_paths: Vec<IncludedPath>,
    /// What is not indexed. The more precise path wins.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub excluded_paths: Vec<ExcludedPath>,
    /// Indexes over several properties, which `ORDER BY` of several properties needs.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub composite_indexes: Vec<Vec<CompositePath>>,
    /// Indexes for points and shapes.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub spatial_indexes: Vec<SpatialIndex>,
    /// Indexes for `VectorDistance`.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub vector_indexes: Vec<VectorIndex>,
    /// Indexes for full-text search.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub full_text_indexes: Vec<FullTextIndex>,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl IncludedPath {
    /// A path, whose kinds of index are left to the service.
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), ..Self::default() }
    }

    /// Adds a kind of index, as old policies have it. Policies of today need none.
    #[must_use]
    pub fn index(mut self, index: PathIndex) -> Self {
        self.indexes.push(index);
        self
    }
}

impl PathIndex {
    /// An index of this kind on values of this type.
    ///
    /// ```
    /// use cosmosdb::models::{IncludedPath, IndexDataType, IndexKind, IndexingPolicy, PathIndex};
    ///
    /// let numbers = PathIndex::new(IndexKind::Range, IndexDataType::Number).precision(-1);
    /// let points = PathIndex::new(IndexKind::Spatial, IndexDataType::Point);
    /// let policy = IndexingPolicy::new().include_path(IncludedPath::new("/*").index(numbers).index(points));
    /// assert_eq!(policy.included_paths[0].indexes.len(), 2);
    /// ```
    pub fn new(kind: IndexKind, data_type: IndexDataType) -> Self {
        Self { kind, data_type: Some(data_type), precision: None, other: Map::new() }
    }

    /// Sets [`PathIndex::precision`].
    #[must_use]
    pub fn precision(mut self, precision: i64) -> Self {
        self.precision = Some(precision);
        self
    }
}

impl Default for IndexingPolicy {
    fn default() -> Self {
        Self {
            indexing_mode: IndexingMode::Consistent,
            automatic: true,
            included_paths: Vec::new(),
            excluded_paths: Vec::new(),
            composite_indexes: Vec::new(),
            spatial_indexes: Vec::new(),
            vector_indexes: Vec::new(),
            full_text_indexes: Vec::new(),
            other: Map::new(),
        }
    }
}

impl IndexingPolicy {
    /// A policy that names no paths.
    pub fn new() -> Self {
        Self::default()
    }

    /// No index: items are found by id and partition key only.
    pub fn none() -> Self {
        Self { indexing_mode: IndexingMode::None, automatic: false, ..Self::default() }
    }

    /// Indexes a path such as `/city/?`, or `/address/*` for all below it.
    #[must_use]
    pub fn include(self, path: impl Into<String>) -> Self {
        self.include_path(IncludedPath::new(path))
    }

    /// Indexes a path with kinds of index of its own.
    #[must_use]
    pub fn include_path(mut self, path: IncludedPath) -> Self {
        self.included_paths.push(path);
        self
    }

    /// Leaves a path out.
    #[must_use]
    pub fn exclude(mut self, path: impl Into<String>) -> Self {
        self.excluded_paths.push(ExcludedPath { path: path.into(), other: Map::new() });
        self
    }

    /// Adds an index over several properties.
    #[must_use]
    pub fn composite(mut self, paths: impl IntoIterator<Item = CompositePath>) -> Self {
        self.composite_indexes.push(paths.into_iter().collect());
        self
    }

    /// Adds an index for points and shapes.
    #[must_use]
    pub fn spatial(mut self, index: SpatialIndex) -> Self {
        self.spatial_indexes.push(index);
        self
    }

    /// Adds an index for vectors. The container's vector embedding policy must describe the path.
    #[must_use]
    pub fn vector(mut self, index: VectorIndex) -> Self {
        self.vector_indexes.push(index);
        self
    }

    /// Adds an index for full-text search. The container's full-text policy must name the path.
    #[must_use]
    pub fn full_text(mut self, path: impl Into<String>) -> Self {
        self.full_text_indexes.push(FullTextIndex { path: path.into(), other: Map::new() });
        self
    }
}

words! {
    /// Whether a container has an index.
    #[derive(Default)]
    IndexingMode {
        /// The index is up to date with every write.
        #[default]
        Consistent = "consistent",
        /// There is no index.
        None = "none",
        /// The index lags behind. Retired: the service no longer takes it for new containers.
        Lazy = "lazy",
    }
}

/// A path that is indexed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IncludedPath {
    /// The path: it ends in `/?` for one value or in `/*` for all below it.
    pub path: String,
    /// The kinds of index. Policies of today leave them to the service.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<PathIndex>,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// One kind of index on a path, as old policies have it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PathIndex {
    /// The kind.
    pub kind: IndexKind,
    /// The type of the values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_type: Option<IndexDataType>,
    /// How exact the index is; `-1` is as exact as can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<i64>,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

words! {
    /// The kind of a [`PathIndex`].
    IndexKind {
        /// For equality.
        Hash = "Hash",
        /// For equality, order and ranges.
        Range = "Range",
        /// For points and shapes.
        Spatial = "Spatial",
    }
}

words! {
    /// The type of the values in a [`PathIndex`].
    IndexDataType {
        /// Text.
        String = "String",
        /// Numbers.
        Number = "Number",
        /// Points.
        Point = "Point",
        /// Polygons.
        Polygon = "Polygon",
        /// Lines.
        LineString = "LineString",
        /// Several polygons.
        MultiPolygon = "MultiPolygon",
    }
}

/// A path that is not indexed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExcludedPath {
    /// The path, as in [`IncludedPath`].
    pub path: String,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::VectorIndexType;
    use serde_json::json;

    #[test]
    fn a_policy_of_every_part_survives_reading_and_writing() {
        let policy = json!({
            "indexingMode": "consistent", "automatic": true, "later": {"a": [1]},
            "includedPaths": [
                {"path": "/*", "indexes": [
                    {"kind": "Range", "dataType": "Number", "precision": -1, "later": 1},
                    {"kind": "Tree", "dataType": "Date"},
                ]},
                {"path": "/x/?", "isFullIndex": true},
            ],
            "excludedPaths": [{"path": "/\"_etag\"/?", "later": 1}],
            "compositeIndexes": [[
                {"path": "/city", "order": "ascending", "later": 1},
                {"path": "/ts", "order": "sideways"},
            ]],
            "spatialIndexes": [{
                "path": "/geo/*", "types": ["Point", "Sphere"], "later": 1,
                "boundingBox": {"xmin": 0.5, "ymin": 0.0, "xmax": 10.0, "ymax": 10.0},
            }],
            "vectorIndexes": [{
                "path": "/embedding", "type": "diskANN", "quantizationByteSize": 96,
                "indexingSearchListSize": 100, "vectorIndexShardKey": ["/tenant"],
                "quantizerType": "product",
            }, {"path": "/other", "type": "hnsw"}],
            "fullTextIndexes": [{"path": "/body", "later": 1}],
        });
        let read: IndexingPolicy = serde_json::from_value(policy.clone()).unwrap();
        assert_eq!(read.vector_indexes[0].kind, VectorIndexType::DiskAnn);
        assert_eq!(read.included_paths[0].indexes[1].kind, IndexKind::Other("Tree".into()));
        assert_eq!(serde_json::to_value(&read).unwrap(), policy);
    }

    #[test]
    fn what_is_missing_or_null_is_the_services_default() {
        let read: IndexingPolicy =
            serde_json::from_value(json!({"includedPaths": null, "indexingMode": "Consistent"}))
                .unwrap();
        assert_eq!(read, IndexingPolicy::new());
        assert_eq!(
            serde_json::to_value(IndexingPolicy::none()).unwrap(),
            json!({"indexingMode": "none", "automatic": false})
        );
    }
}
