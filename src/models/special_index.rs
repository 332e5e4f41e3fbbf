//! Indexes over more than one plain value: composite, spatial, vector and full-text.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::lenient::null_is_default;
use super::word::words;

/// One property of an index over several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CompositePath {
    /// The path of the property, without `/?` at its end.
    pub path: String,
    /// The order. The service takes a missing one for ascending.
    #[serde(default)]
    pub order: IndexOrder,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl CompositePath {
    /// A property in ascending order.
    pub fn ascending(path: impl Into<String>) -> Self {
        Self { path: path.into(), order: IndexOrder::Ascending, other: Map::new() }
    }

    /// A property in descending order.
    pub fn descending(path: impl Into<String>) -> Self {
        Self { path: path.into(), order: IndexOrder::Descending, other: Map::new() }
    }
}

words! {
    /// The order of a [`CompositePath`].
    #[derive(Default)]
    IndexOrder {
        /// Small to large.
        #[default]
        Ascending = "ascending",
        /// Large to small.
        Descending = "descending",
    }
}

/// An index for points and shapes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SpatialIndex {
    /// The path of the shapes.
    pub path: String,
    /// Which shapes there are.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<SpatialType>,
    /// The part of the plane that is indexed: needed for geometry, not allowed for geography.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounding_box: Option<BoundingBox>,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl SpatialIndex {
    /// An index of these shapes at a path.
    pub fn new(path: impl Into<String>, types: impl IntoIterator<Item = SpatialType>) -> Self {
        let types = types.into_iter().collect();
        Self { path: path.into(), types, bounding_box: None, other: Map::new() }
    }

    /// Confines the index to a part of the plane, for geometry.
    #[must_use]
    pub fn with_bounding_box(mut self, bounding_box: BoundingBox) -> Self {
        self.bounding_box = Some(bounding_box);
        self
    }
}

words! {
    /// A shape in a [`SpatialIndex`].
    SpatialType {
        /// Points.
        Point = "Point",
        /// Lines.
        LineString = "LineString",
        /// Polygons.
        Polygon = "Polygon",
        /// Several polygons.
        MultiPolygon = "MultiPolygon",
    }
}

/// A rectangle of the plane.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoundingBox {
    /// The left edge.
    pub xmin: f64,
    /// The lower edge.
    pub ymin: f64,
    /// The right edge.
    pub xmax: f64,
    /// The upper edge.
    pub ymax: f64,
}

/// An index for vectors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct VectorIndex {
    /// The path of the vectors.
    pub path: String,
    /// The type of the index.
    #[serde(rename = "type")]
    pub kind: VectorIndexType,
    /// Bytes that a compressed vector takes; not for `flat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization_byte_size: Option<u32>,
    /// How many candidates building the index looks at; for `diskANN` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indexing_search_list_size: Option<u32>,
    /// Paths by which the index is divided into smaller ones.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub vector_index_shard_key: Vec<String>,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl VectorIndex {
    /// An index of this type at a path.
    pub fn new(path: impl Into<String>, kind: VectorIndexType) -> Self {
        Self {
            path: path.into(),
            kind,
            quantization_byte_size: None,
            indexing_search_list_size: None,
            vector_index_shard_key: Vec::new(),
            other: Map::new(),
        }
    }
}

words! {
    /// The type of a [`VectorIndex`].
    VectorIndexType {
        /// Exact, at most 505 dimensions.
        Flat = "flat",
        /// Compressed, compared one by one.
        QuantizedFlat = "quantizedFlat",
        /// Compressed, approximate, for many vectors.
        DiskAnn = "diskANN",
    }
}

/// An index for full-text search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FullTextIndex {
    /// The path of the text.
    pub path: String,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}
