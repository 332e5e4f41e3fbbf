//! Policies for vector and full-text search.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::lenient::null_is_default;
use super::word::words;

/// Which properties of items are vectors. Embeddings can be added later, but not changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct VectorEmbeddingPolicy {
    /// The vectors.
    #[serde(default, deserialize_with = "null_is_default")]
    pub vector_embeddings: Vec<VectorEmbedding>,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl VectorEmbeddingPolicy {
    /// A policy of these vectors.
    pub fn new(embeddings: impl IntoIterator<Item = VectorEmbedding>) -> Self {
        Self { vector_embeddings: embeddings.into_iter().collect(), other: Map::new() }
    }
}

/// A property that is a vector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct VectorEmbedding {
    /// The path of the property.
    pub path: String,
    /// The type of the vector's numbers.
    pub data_type: VectorDataType,
    /// How many numbers a vector has.
    pub dimensions: u32,
    /// How the distance of two vectors is measured.
    pub distance_function: VectorDistanceFunction,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl VectorEmbedding {
    /// A vector of so many `float32` at a path, compared by `distance`.
    pub fn new(path: impl Into<String>, dimensions: u32, distance: VectorDistanceFunction) -> Self {
        Self {
            path: path.into(),
            data_type: VectorDataType::Float32,
            dimensions,
            distance_function: distance,
            other: Map::new(),
        }
    }

    /// Sets the type of the vector's numbers.
    #[must_use]
    pub fn with_data_type(mut self, data_type: VectorDataType) -> Self {
        self.data_type = data_type;
        self
    }
}

words! {
    /// The type of the numbers of a vector.
    VectorDataType {
        /// Four bytes.
        Float32 = "float32",
        /// Two bytes.
        Float16 = "float16",
        /// One byte without a sign.
        Uint8 = "uint8",
        /// One byte with a sign.
        Int8 = "int8",
    }
}

words! {
    /// How the distance of two vectors is measured.
    VectorDistanceFunction {
        /// By the angle between them.
        Cosine = "cosine",
        /// By the line between their ends.
        Euclidean = "euclidean",
        /// By their product.
        DotProduct = "dotproduct",
    }
}

/// Which properties of items are text to search, and in which language.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FullTextPolicy {
    /// The language of paths that name none, such as `en-US`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_language: Option<String>,
    /// The properties.
    #[serde(default, deserialize_with = "null_is_default")]
    pub full_text_paths: Vec<FullTextPath>,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl FullTextPolicy {
    /// A policy without properties; add them with [`path`](Self::path).
    pub fn new(default_language: impl Into<String>) -> Self {
        Self { default_language: Some(default_language.into()), ..Self::default() }
    }

    /// Adds a property in the default language.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        let path = FullTextPath { path: path.into(), language: None, other: Map::new() };
        self.full_text_paths.push(path);
        self
    }

    /// Adds a property in a language of its own.
    #[must_use]
    pub fn path_in(mut self, path: impl Into<String>, language: impl Into<String>) -> Self {
        let language = Some(language.into());
        self.full_text_paths.push(FullTextPath { path: path.into(), language, other: Map::new() });
        self
    }
}

/// A property to search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FullTextPath {
    /// The path of the property.
    pub path: String,
    /// Its language, where it is not the policy's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}
