//! What the service says about the account.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::lenient::null_is_default;
use super::{ConsistencyLevel, SystemProperties};

/// The account: its regions and defaults.
///
/// Servers other than the hosted service leave out much of it, so that everything has a default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct AccountProperties {
    /// The name of the account.
    #[serde(deserialize_with = "null_is_default")]
    pub id: String,
    /// The regions that take writes, in the order of the service.
    #[serde(deserialize_with = "null_is_default")]
    pub writable_locations: Vec<AccountLocation>,
    /// The regions that serve reads, in the order of the service.
    #[serde(deserialize_with = "null_is_default")]
    pub readable_locations: Vec<AccountLocation>,
    /// Whether every region takes writes.
    #[serde(deserialize_with = "null_is_default")]
    pub enable_multiple_write_locations: bool,
    /// The default consistency of the account.
    #[serde(rename = "userConsistencyPolicy", deserialize_with = "null_is_default")]
    pub consistency_policy: ConsistencyPolicy,
    /// Whether the account is backed up continuously.
    #[serde(deserialize_with = "null_is_default")]
    pub continuous_backup_enabled: bool,
    /// Whether writes wait for a number of regions.
    #[serde(rename = "enableNRegionSynchronousCommit", deserialize_with = "null_is_default")]
    pub enable_n_region_synchronous_commit: bool,
    /// Whether single partitions fail over to another region by themselves.
    #[serde(deserialize_with = "null_is_default")]
    pub enable_per_partition_failover_behavior: bool,
    /// Whether clients are asked not to send a second request to another region when the first one is slow.
    #[serde(deserialize_with = "null_is_default")]
    pub disable_cross_regional_hedging: bool,
    /// The limits of the query engine: JSON as text.
    #[serde(deserialize_with = "null_is_default", skip_serializing_if = "String::is_empty")]
    pub query_engine_configuration: String,
    /// What the service adds.
    #[serde(flatten)]
    pub system: SystemProperties,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl AccountProperties {
    /// The consistency of requests that name none.
    pub fn consistency_level(&self) -> ConsistencyLevel {
        self.consistency_policy.default_consistency_level
    }
}

/// A region of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AccountLocation {
    /// The name of the region, such as `West Europe`.
    pub name: String,
    /// The address of the account in this region.
    #[serde(rename = "databaseAccountEndpoint")]
    pub endpoint: String,
}

impl AccountLocation {
    /// A region with its address.
    pub fn new(name: impl Into<String>, endpoint: impl Into<String>) -> Self {
        Self { name: name.into(), endpoint: endpoint.into() }
    }
}

/// The default consistency of the account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", from = "ConsistencyPolicyForm")]
#[non_exhaustive]
pub struct ConsistencyPolicy {
    /// The level of requests that name none. A word that this version does not know counts as session consistency.
    pub default_consistency_level: ConsistencyLevel,
    /// With bounded staleness: by how many versions reads may lag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_staleness_prefix: Option<i64>,
    /// With bounded staleness: by how many seconds reads may lag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_interval_in_seconds: Option<i64>,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The interval has an older name; an answer may have either name, or both.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ConsistencyPolicyForm {
    #[serde(deserialize_with = "level_or_session")]
    default_consistency_level: ConsistencyLevel,
    max_staleness_prefix: Option<i64>,
    max_interval_in_seconds: Option<i64>,
    max_staleness_interval_in_seconds: Option<i64>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

impl From<ConsistencyPolicyForm> for ConsistencyPolicy {
    fn from(form: ConsistencyPolicyForm) -> Self {
        Self {
            default_consistency_level: form.default_consistency_level,
            max_staleness_prefix: form.max_staleness_prefix,
            max_interval_in_seconds: form
                .max_interval_in_seconds
                .or(form.max_staleness_interval_in_seconds),
            other: form.other,
        }
    }
}

fn level_or_session<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<ConsistencyLevel, D::Error> {
    let word = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
    Ok(word.parse().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(json: Value) -> AccountProperties {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn an_account_survives_reading_and_writing() {
        let location =
            json!({"name": "West Europe", "databaseAccountEndpoint": "https://a-we.example:443/"});
        let json = json!({
            "_self": "", "id": "contoso", "_rid": "contoso.example", "media": "//media/", "_dbs": "//dbs/",
            "writableLocations": [location], "readableLocations": [location, location],
            "enableMultipleWriteLocations": true, "continuousBackupEnabled": false,
            "enableNRegionSynchronousCommit": true, "enablePerPartitionFailoverBehavior": true,
            "disableCrossRegionalHedging": true,
            "userConsistencyPolicy": {
                "defaultConsistencyLevel": "BoundedStaleness", "maxStalenessPrefix": 100,
                "maxIntervalInSeconds": 5, "later": 1,
            },
            "systemReplicationPolicy": {"minReplicaSetSize": 3, "maxReplicasetSize": 4},
            "queryEngineConfiguration": "{\"maxSqlQueryInputLength\":262144}",
        });
        let account = read(json.clone());
        assert_eq!(account.readable_locations.len(), 2);
        assert_eq!(account.writable_locations[0].name, "West Europe");
        assert!(
            account.enable_n_region_synchronous_commit && account.disable_cross_regional_hedging
        );
        assert_eq!(account.other["media"], "//media/");
        assert_eq!(serde_json::to_value(&account).unwrap(), json);
    }

    #[test]
    fn everything_has_a_default() {
        assert_eq!(read(json!({})), AccountProperties::default());
        let nulls = json!({
            "id": null, "writableLocations": null, "userConsistencyPolicy": null,
            "enableMultipleWriteLocations": null, "queryEngineConfiguration": null,
        });
        assert_eq!(read(nulls), AccountProperties::default());
    }

    #[test]
    fn the_consistency_policy_is_read_in_all_its_spellings() {
        for (policy, level, seconds) in [
            (json!({"defaultConsistencyLevel": "Strong"}), ConsistencyLevel::Strong, None),
            (json!({"defaultConsistencyLevel": "eventual"}), ConsistencyLevel::Eventual, None),
            (json!({"defaultConsistencyLevel": "Later"}), ConsistencyLevel::Session, None),
            (json!({"maxIntervalInSeconds": 5}), ConsistencyLevel::Session, Some(5)),
            (json!({"maxStalenessIntervalInSeconds": 7}), ConsistencyLevel::Session, Some(7)),
            (
                json!({"maxIntervalInSeconds": 5, "maxStalenessIntervalInSeconds": 7}),
                ConsistencyLevel::Session,
                Some(5),
            ),
        ] {
            let account = read(json!({"userConsistencyPolicy": policy}));
            let policy = account.consistency_policy;
            assert_eq!(policy.default_consistency_level, level);
            assert_eq!(policy.max_interval_in_seconds, seconds);
        }
    }
}
