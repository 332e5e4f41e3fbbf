//! What the service stores about a database.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::SystemProperties;

/// A database as the service describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DatabaseProperties {
    /// The name: unique in the account.
    pub id: String,
    /// What the service adds.
    #[serde(flatten)]
    pub system: SystemProperties,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl DatabaseProperties {
    /// A database of this name.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), system: SystemProperties::default(), other: Map::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_keeps_what_the_service_says() {
        let json = serde_json::json!({
            "id": "SalesDB", "_rid": "d9RzAA==", "_self": "dbs/d9RzAA==/", "_etag": "\"0000\"",
            "_colls": "colls/", "_users": "users/", "_ts": 1_667_322_900,
        });
        let database: DatabaseProperties = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(database.system.rid.as_deref(), Some("d9RzAA=="));
        assert_eq!(database.other["_colls"], "colls/");
        assert_eq!(serde_json::to_value(&database).unwrap(), json);
        assert_eq!(serde_json::to_string(&DatabaseProperties::new("x")).unwrap(), r#"{"id":"x"}"#);
    }
}
