//! What the service stores about databases, containers and the account, and small values that requests and responses carry.
//!
//! The models of resources keep what this version does not know: every struct has a map `other` with the remaining
//! properties, and words that were not known yet are held as `Other`. So reading a resource, changing it and putting
//! it back loses nothing.

mod account;
mod conflict;
mod consistency;
mod container;
mod database;
mod encryption;
mod etag;
mod indexing;
mod lenient;
mod offer;
mod policy;
mod query_metrics;
mod quota;
mod request;
mod scripts;
mod search;
mod special_index;
mod statistics;
mod system;
mod throughput;
mod ttl;
mod users;
pub(crate) mod word;

pub use account::{AccountLocation, AccountProperties, ConsistencyPolicy};
pub use conflict::{ConflictOperation, ConflictProperties};
pub use consistency::{ConsistencyLevel, ReadConsistencyStrategy};
pub use container::ContainerProperties;
pub use database::DatabaseProperties;
pub use encryption::{ClientEncryptionPath, ClientEncryptionPolicy};
pub use etag::Etag;
pub use indexing::{
    ExcludedPath, IncludedPath, IndexDataType, IndexKind, IndexingMode, IndexingPolicy, PathIndex,
};
pub use offer::{
    AutopilotSettings, MinimumThroughput, OfferContent, OfferProperties, PerformanceLevel,
};
pub use policy::{
    ChangeFeedPolicy, ComputedProperty, ConflictResolutionMode, ConflictResolutionPolicy,
    GeospatialConfig, GeospatialType, MaterializedViewDefinition, UniqueKey, UniqueKeyPolicy,
};
pub use query_metrics::QueryMetrics;
pub use quota::Quota;
pub use request::{IndexingDirective, PriorityLevel};
pub use scripts::{
    StoredProcedureProperties, TriggerOperation, TriggerProperties, TriggerType,
    UserDefinedFunctionProperties,
};
pub use search::{
    FullTextPath, FullTextPolicy, VectorDataType, VectorDistanceFunction, VectorEmbedding,
    VectorEmbeddingPolicy,
};
pub use special_index::{
    BoundingBox, CompositePath, FullTextIndex, IndexOrder, SpatialIndex, SpatialType, VectorIndex,
    VectorIndexType,
};
pub use statistics::PartitionKeyRangeStatistics;
pub use system::SystemProperties;
pub use throughput::Throughput;
pub use ttl::TimeToLive;
pub use users::{PermissionMode, PermissionProperties, ResourceToken, UserProperties};
