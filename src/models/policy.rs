//! The smaller policies of a container.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::lenient::null_is_default;
use super::word::words;

/// Properties whose values are unique within each logical partition. Fixed when the container is created.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UniqueKeyPolicy {
    /// The keys.
    #[serde(default, deserialize_with = "null_is_default")]
    pub unique_keys: Vec<UniqueKey>,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl UniqueKeyPolicy {
    /// A policy without keys; add them with [`unique`](Self::unique).
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key: no two items of a logical partition have the same values at all of these paths.
    #[must_use]
    pub fn unique<P: Into<String>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        let paths = paths.into_iter().map(Into::into).collect();
        self.unique_keys.push(UniqueKey { paths, other: Map::new() });
        self
    }
}

/// Paths whose values together are unique.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UniqueKey {
    /// The paths, such as `/email`.
    pub paths: Vec<String>,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Which write wins when regions write the same item at once. Fixed when the container is created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ConflictResolutionPolicy {
    /// How conflicts are settled.
    pub mode: ConflictResolutionMode,
    /// For the last writer: the path of a number, of which the largest wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict_resolution_path: Option<String>,
    /// For custom resolution: the link of a stored procedure that decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict_resolution_procedure: Option<String>,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl ConflictResolutionPolicy {
    /// The write with the largest number at this path wins; `/_ts` is what containers have otherwise.
    pub fn last_writer_wins(path: impl Into<String>) -> Self {
        Self {
            conflict_resolution_path: Some(path.into()),
            ..Self::of(ConflictResolutionMode::LastWriterWins)
        }
    }

    /// A stored procedure decides, given by its link: `dbs/shop/colls/orders/sprocs/resolve`.
    pub fn procedure(link: impl Into<String>) -> Self {
        Self {
            conflict_resolution_procedure: Some(link.into()),
            ..Self::of(ConflictResolutionMode::Custom)
        }
    }

    /// Conflicts wait in the conflict feed until the application settles them.
    pub fn manual() -> Self {
        Self::of(ConflictResolutionMode::Custom)
    }

    fn of(mode: ConflictResolutionMode) -> Self {
        Self {
            mode,
            conflict_resolution_path: None,
            conflict_resolution_procedure: None,
            other: Map::new(),
        }
    }
}

words! {
    /// How conflicts are settled.
    ConflictResolutionMode {
        /// The write with the largest number at a path wins.
        LastWriterWins = "LastWriterWins",
        /// A stored procedure or the application decides.
        Custom = "Custom",
    }
}

/// A property that the service computes, for queries and indexes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ComputedProperty {
    /// The name of the property.
    pub name: String,
    /// The query that computes it from one item: `SELECT VALUE LOWER(c.name) FROM c`.
    pub query: String,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl ComputedProperty {
    /// A property of this name, computed by this query.
    pub fn new(name: impl Into<String>, query: impl Into<String>) -> Self {
        Self { name: name.into(), query: query.into(), other: Map::new() }
    }
}

/// How long the change feed keeps every version of an item, and deletes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ChangeFeedPolicy {
    /// The time in minutes. The service takes one hour to thirty days; 0 keeps the latest versions only.
    #[serde(default)]
    pub retention_duration: u32,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl ChangeFeedPolicy {
    /// Keeps all versions and deletes for so long, in whole minutes.
    pub fn all_versions_and_deletes(retention: Duration) -> Self {
        let minutes = u32::try_from(retention.as_secs() / 60).unwrap_or(u32::MAX);
        Self { retention_duration: minutes, other: Map::new() }
    }

    /// Keeps the latest versions only, as containers without a policy do.
    pub fn latest_version() -> Self {
        Self { retention_duration: 0, other: Map::new() }
    }
}

/// What the coordinates of points and shapes mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GeospatialConfig {
    /// The kind of space. A missing one is [`GeospatialType::Geography`].
    #[serde(rename = "type", default)]
    pub kind: GeospatialType,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl GeospatialConfig {
    /// Coordinates in this kind of space.
    pub fn new(kind: GeospatialType) -> Self {
        Self { kind, other: Map::new() }
    }
}

#[expect(clippy::derivable_impls, reason = "a macro writes the enum")]
impl Default for GeospatialType {
    fn default() -> Self {
        Self::Geography
    }
}

words! {
    /// The kind of space that coordinates are in.
    GeospatialType {
        /// Degrees on the globe. The default.
        Geography = "Geography",
        /// A plane.
        Geometry = "Geometry",
    }
}

/// The query that fills a container from another one: a materialized view, or global secondary index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MaterializedViewDefinition {
    /// The name of the container that it is filled from.
    #[serde(default, rename = "sourceCollectionId", skip_serializing_if = "Option::is_none")]
    pub source_container_id: Option<String>,
    /// The query over one item of the source.
    pub definition: String,
    /// The resource id of the source, as the service tells it.
    #[serde(default, rename = "sourceCollectionRid", skip_serializing_if = "Option::is_none")]
    pub source_container_rid: Option<String>,
    /// How far it is built, as the service tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl MaterializedViewDefinition {
    /// A view of the container of this name, made by this query.
    pub fn new(source_container_id: impl Into<String>, definition: impl Into<String>) -> Self {
        Self {
            source_container_id: Some(source_container_id.into()),
            definition: definition.into(),
            source_container_rid: None,
            status: None,
            other: Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn constructors_write_what_the_service_expects() {
        let json = |policy: &ConflictResolutionPolicy| serde_json::to_value(policy).unwrap();
        assert_eq!(
            json(&ConflictResolutionPolicy::last_writer_wins("/n")),
            json!({"mode": "LastWriterWins", "conflictResolutionPath": "/n"})
        );
        assert_eq!(
            json(&ConflictResolutionPolicy::procedure("dbs/a/colls/b/sprocs/c")),
            json!({"mode": "Custom", "conflictResolutionProcedure": "dbs/a/colls/b/sprocs/c"})
        );
        assert_eq!(json(&ConflictResolutionPolicy::manual()), json!({"mode": "Custom"}));
        let feed = ChangeFeedPolicy::all_versions_and_deletes(Duration::from_secs(7200));
        assert_eq!(serde_json::to_value(feed).unwrap(), json!({"retentionDuration": 120}));
        assert_eq!(
            serde_json::to_value(UniqueKeyPolicy::new().unique(["/a", "/b"])).unwrap(),
            json!({"uniqueKeys": [{"paths": ["/a", "/b"]}]})
        );
    }
}
