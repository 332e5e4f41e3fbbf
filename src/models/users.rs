//! What the service stores about users and their permissions.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::SystemProperties;
use super::word::words;
use crate::error::{Error, Result};
use crate::partition_key::PartitionKey;

/// A user of a database: a name under which permissions are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UserProperties {
    /// The name: unique in the database.
    pub id: String,
    /// What the service adds.
    #[serde(flatten)]
    pub system: SystemProperties,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl UserProperties {
    /// A user of this name.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), system: SystemProperties::default(), other: Map::new() }
    }
}

/// What a user may do with one resource.
///
/// ```
/// use cosmosdb::models::{PermissionMode, PermissionProperties};
///
/// let lyon = PermissionProperties::new("lyon", PermissionMode::Read, "dbs/shop/colls/orders")
///     .with_partition_key("Lyon")?;
/// assert_eq!(lyon.resource, "dbs/shop/colls/orders");
/// # Ok::<(), cosmosdb::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PermissionProperties {
    /// The name: unique among the permissions of the user.
    pub id: String,
    /// Whether the user may only read.
    pub permission_mode: PermissionMode,
    /// The link of the container, item or script: by names, or a `_self`.
    pub resource: String,
    /// The only partition key that the permission is for, as a list of its values. `None`: it is for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_partition_key: Option<Vec<Value>>,
    /// The token that the service gives out with every answer about the permission. It is not sent back.
    #[serde(default, rename = "_token", skip_serializing)]
    pub token: Option<ResourceToken>,
    /// What the service adds.
    #[serde(flatten)]
    pub system: SystemProperties,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl PermissionProperties {
    /// A permission of this name on a resource, given by its link: `dbs/shop/colls/orders`, as
    /// [`Container::link_by_names`](crate::Container::link_by_names) gives it, or with `/docs/42` for one item.
    ///
    /// A user has one permission on a resource; a second one is an error (409).
    pub fn new(id: impl Into<String>, mode: PermissionMode, resource: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            permission_mode: mode,
            resource: resource.into(),
            resource_partition_key: None,
            token: None,
            system: SystemProperties::default(),
            other: Map::new(),
        }
    }

    /// Confines the permission to the items of one partition key.
    ///
    /// # Errors
    /// The key is none that can be sent.
    pub fn with_partition_key(mut self, key: impl Into<PartitionKey>) -> Result<Self> {
        let key = key.into();
        key.check()?;
        let values = serde_json::from_str(&key.header_value())
            .map_err(|error| Error::json("the partition key is no JSON").with_source(error))?;
        self.resource_partition_key = Some(values);
        Ok(self)
    }
}

words! {
    /// What a permission allows.
    PermissionMode {
        /// Reading only.
        Read = "Read",
        /// Reading, writing, deleting, and executing.
        All = "All",
    }
}

/// A token with which a client may do what one permission allows, until it expires.
///
/// It is a secret: `Debug` does not show it, and it has no `Display`.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub struct ResourceToken(String);

impl ResourceToken {
    /// The token as text, for the program that is to use it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for ResourceToken {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for ResourceToken {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for ResourceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResourceToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_token_is_read_and_neither_shown_nor_sent() {
        let stored = json!({
            "id": "p", "permissionMode": "all", "resource": "dbs/d/colls/c",
            "resourcePartitionKey": ["eu", 1], "_token": "type=resource&sig=secret", "_rid": "r",
        });
        let permission: PermissionProperties = serde_json::from_value(stored).unwrap();
        assert_eq!(permission.permission_mode, PermissionMode::All);
        assert_eq!(permission.token.as_ref().unwrap().as_str(), "type=resource&sig=secret");
        assert!(!format!("{permission:?}").contains("secret"));
        assert_eq!(
            serde_json::to_value(permission).unwrap(),
            json!({
                "id": "p", "permissionMode": "All", "resource": "dbs/d/colls/c",
                "resourcePartitionKey": ["eu", 1], "_rid": "r",
            })
        );
    }

    #[test]
    fn a_partition_key_is_a_list_of_its_values() {
        let keys = [
            (PartitionKey::from("é"), json!(["é"])),
            (PartitionKey::NULL, json!([null])),
            (PartitionKey::UNDEFINED, json!([{}])),
            (PartitionKey::from(("FR", 7)), json!(["FR", 7])),
        ];
        for (key, expected) in keys {
            let permission = PermissionProperties::new("p", PermissionMode::Read, "dbs/d/colls/c")
                .with_partition_key(key)
                .unwrap();
            assert_eq!(serde_json::to_value(permission).unwrap()["resourcePartitionKey"], expected);
        }
    }
}
