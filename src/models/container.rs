//! What the service stores about a container.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::lenient::null_is_default;
use super::{
    ChangeFeedPolicy, ClientEncryptionPolicy, ComputedProperty, ConflictResolutionPolicy,
    FullTextPolicy, GeospatialConfig, IndexingPolicy, MaterializedViewDefinition,
    PartitionKeyRangeStatistics, SystemProperties, TimeToLive, UniqueKeyPolicy,
    VectorEmbeddingPolicy,
};
use crate::partition_key::{PartitionKeyDefinition, PartitionKeyKind};

/// A container as it is created, and as the service describes it.
///
/// ```
/// use cosmosdb::models::{ContainerProperties, IndexingPolicy, TimeToLive, UniqueKeyPolicy};
///
/// let books = ContainerProperties::new("books", "/genre")
///     .with_default_ttl(TimeToLive::Forever)
///     .with_unique_keys(UniqueKeyPolicy::new().unique(["/isbn"]))
///     .with_indexing_policy(IndexingPolicy::new().include("/*").exclude("/cover/*"));
/// let visits = ContainerProperties::new("visits", ["/tenant", "/user"]);
/// assert_eq!(visits.partition_key.paths, ["/tenant", "/user"]);
/// ```
///
/// What is `None` is left to the service when the container is created, and switched off when it is replaced: replace
/// what was read, changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ContainerProperties {
    /// The name: unique in the database.
    pub id: String,
    /// Which properties decide where an item lives. Fixed when the container is created.
    #[serde(default = "no_partition_key", skip_serializing_if = "has_no_paths")]
    pub partition_key: PartitionKeyDefinition,
    /// What is indexed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indexing_policy: Option<IndexingPolicy>,
    /// How long items live. `None`: nothing expires, whatever the `ttl` of an item says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_ttl: Option<TimeToLive>,
    /// How long the analytical store keeps items. `None` or 0: there is no analytical store.
    #[serde(default, rename = "analyticalStorageTtl", skip_serializing_if = "Option::is_none")]
    pub analytical_ttl: Option<TimeToLive>,
    /// Which values are unique within a logical partition. Fixed when the container is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique_key_policy: Option<UniqueKeyPolicy>,
    /// Which write wins when regions write at once. Fixed when the container is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict_resolution_policy: Option<ConflictResolutionPolicy>,
    /// Properties that the service computes.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub computed_properties: Vec<ComputedProperty>,
    /// How long the change feed keeps all versions and deletes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_feed_policy: Option<ChangeFeedPolicy>,
    /// What coordinates mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geospatial_config: Option<GeospatialConfig>,
    /// Which properties are vectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector_embedding_policy: Option<VectorEmbeddingPolicy>,
    /// Which properties are text to search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_text_policy: Option<FullTextPolicy>,
    /// Which properties clients encrypt. Fixed when the container is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_encryption_policy: Option<ClientEncryptionPolicy>,
    /// The query that fills the container from another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub materialized_view_definition: Option<MaterializedViewDefinition>,
    /// The same under the name that the service uses lately; it is sent under both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global_secondary_index_definition: Option<MaterializedViewDefinition>,
    /// How full each partition is, where
    /// [`populate_partition_key_range_statistics`](crate::Operation::populate_partition_key_range_statistics) asked for
    /// it.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub statistics: Vec<PartitionKeyRangeStatistics>,
    /// What the service adds.
    #[serde(flatten)]
    pub system: SystemProperties,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Very old containers have no partition key.
fn no_partition_key() -> PartitionKeyDefinition {
    PartitionKeyDefinition {
        paths: Vec::new(),
        kind: PartitionKeyKind::Hash,
        version: None,
        system_key: None,
    }
}

fn has_no_paths(definition: &PartitionKeyDefinition) -> bool {
    definition.paths.is_empty()
}

impl ContainerProperties {
    /// A container of this name; the key is a path such as `"/city"`, or up to three: `["/tenant", "/user"]`.
    pub fn new(id: impl Into<String>, partition_key: impl Into<PartitionKeyDefinition>) -> Self {
        Self {
            id: id.into(),
            partition_key: partition_key.into(),
            indexing_policy: None,
            default_ttl: None,
            analytical_ttl: None,
            unique_key_policy: None,
            conflict_resolution_policy: None,
            computed_properties: Vec::new(),
            change_feed_policy: None,
            geospatial_config: None,
            vector_embedding_policy: None,
            full_text_policy: None,
            client_encryption_policy: None,
            materialized_view_definition: None,
            global_secondary_index_definition: None,
            statistics: Vec::new(),
            system: SystemProperties::default(),
            other: Map::new(),
        }
    }

    /// Sets what is indexed.
    #[must_use]
    pub fn with_indexing_policy(mut self, policy: IndexingPolicy) -> Self {
        self.indexing_policy = Some(policy);
        self
    }

    /// Lets items expire: after this time, or with [`TimeToLive::Forever`] only those with a `ttl` of their own.
    #[must_use]
    pub fn with_default_ttl(mut self, ttl: impl Into<TimeToLive>) -> Self {
        self.default_ttl = Some(ttl.into());
        self
    }

    /// Keeps items in the analytical store for this long.
    #[must_use]
    pub fn with_analytical_ttl(mut self, ttl: impl Into<TimeToLive>) -> Self {
        self.analytical_ttl = Some(ttl.into());
        self
    }

    /// Sets which values are unique within a logical partition.
    #[must_use]
    pub fn with_unique_keys(mut self, policy: UniqueKeyPolicy) -> Self {
        self.unique_key_policy = Some(policy);
        self
    }

    /// Sets which write wins when regions write at once.
    #[must_use]
    pub fn with_conflict_resolution(mut self, policy: ConflictResolutionPolicy) -> Self {
        self.conflict_resolution_policy = Some(policy);
        self
    }

    /// Adds a property that the service computes.
    #[must_use]
    pub fn with_computed_property(mut self, property: ComputedProperty) -> Self {
        self.computed_properties.push(property);
        self
    }

    /// Sets how long the change feed keeps all versions and deletes.
    #[must_use]
    pub fn with_change_feed_policy(mut self, policy: ChangeFeedPolicy) -> Self {
        self.change_feed_policy = Some(policy);
        self
    }

    /// Sets what coordinates mean.
    #[must_use]
    pub fn with_geospatial_config(mut self, config: GeospatialConfig) -> Self {
        self.geospatial_config = Some(config);
        self
    }

    /// Sets which properties are vectors.
    #[must_use]
    pub fn with_vector_embeddings(mut self, policy: VectorEmbeddingPolicy) -> Self {
        self.vector_embedding_policy = Some(policy);
        self
    }

    /// Sets which properties are text to search.
    #[must_use]
    pub fn with_full_text_policy(mut self, policy: FullTextPolicy) -> Self {
        self.full_text_policy = Some(policy);
        self
    }

    /// Sets which properties clients encrypt.
    #[must_use]
    pub fn with_client_encryption(mut self, policy: ClientEncryptionPolicy) -> Self {
        self.client_encryption_policy = Some(policy);
        self
    }

    /// Fills the container from another one.
    #[must_use]
    pub fn with_materialized_view(mut self, definition: MaterializedViewDefinition) -> Self {
        self.global_secondary_index_definition = Some(definition.clone());
        self.materialized_view_definition = Some(definition);
        self
    }
}

#[cfg(test)]
mod tests;
