//! What the service stores about conflicts.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::SystemProperties;
use super::word::words;
use crate::error::{Error, Result};

/// A version of an item that lost against another region's, and waits for the application to say what is right.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ConflictProperties {
    /// The name of the conflict: the service makes it up.
    pub id: String,
    /// What the write that lost did.
    pub operation_type: ConflictOperation,
    /// The kind of resource: `document` for an item.
    #[serde(default)]
    pub resource_type: String,
    /// The resource id of the item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// The version that lost, as JSON. Empty where it was a delete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// What the service adds.
    #[serde(flatten)]
    pub system: SystemProperties,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl ConflictProperties {
    /// The version of the item that lost. `None` where it was a delete, which has none.
    ///
    /// # Errors
    /// The content is no such JSON.
    pub fn item<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let Some(content) = self.content.as_deref().filter(|it| !it.is_empty()) else {
            return Ok(None);
        };
        serde_json::from_str(content).map(Some).map_err(|error| {
            let wanted = std::any::type_name::<T>();
            Error::json(format!("the content of the conflict is no {wanted}: {error}"))
                .with_source(error)
        })
    }
}

words! {
    /// What a write did that lost.
    ConflictOperation {
        /// It created the item.
        Create = "create",
        /// It replaced the item.
        Replace = "replace",
        /// It deleted the item.
        Delete = "delete",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_content_is_an_item_or_nothing() {
        let read = |content: Value| {
            let conflict = json!({
                "id": "1", "operationType": "Replace", "resourceType": "document", "content": content,
            });
            serde_json::from_value::<ConflictProperties>(conflict).unwrap()
        };
        let conflict = read(json!("{\"id\":\"42\"}"));
        assert_eq!(conflict.operation_type, ConflictOperation::Replace);
        assert_eq!(conflict.item::<Value>().unwrap(), Some(json!({"id": "42"})));
        for empty in [json!(""), json!(null)] {
            assert_eq!(read(empty).item::<Value>().unwrap(), None);
        }
        assert!(read(json!("{")).item::<Value>().is_err());
    }
}
