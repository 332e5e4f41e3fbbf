//! What the service stores about scripts.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::SystemProperties;
use super::word::words;

/// A stored procedure: JavaScript that runs in the partition of one key, all or nothing.
///
/// ```
/// use cosmosdb::models::StoredProcedureProperties;
///
/// let greet = StoredProcedureProperties::new(
///     "greet",
///     "function (name) { getContext().getResponse().setBody('hello ' + name); }",
/// );
/// assert_eq!(greet.id, "greet");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StoredProcedureProperties {
    /// The name: unique among the stored procedures of the container.
    pub id: String,
    /// The script: one function.
    pub body: String,
    /// What the service adds.
    #[serde(flatten)]
    pub system: SystemProperties,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl StoredProcedureProperties {
    /// A stored procedure of this name and script.
    pub fn new(id: impl Into<String>, body: impl Into<String>) -> Self {
        let (id, body) = (id.into(), body.into());
        Self { id, body, system: SystemProperties::default(), other: Map::new() }
    }
}

/// A trigger: JavaScript that runs before or after a write that asks for it.
///
/// ```
/// use cosmosdb::models::{TriggerOperation, TriggerProperties, TriggerType};
///
/// let stamp = TriggerProperties::new(
///     "stamp",
///     "function () { /* changes the request */ }",
///     TriggerType::Pre,
///     TriggerOperation::Create,
/// );
/// assert_eq!(stamp.trigger_type, TriggerType::Pre);
/// ```
///
/// Triggers do not run by themselves: writes name them, with
/// [`pre_triggers`](crate::Operation::pre_triggers) and [`post_triggers`](crate::Operation::post_triggers).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TriggerProperties {
    /// The name: unique among the triggers of the container.
    pub id: String,
    /// The script: one function.
    pub body: String,
    /// When it runs.
    pub trigger_type: TriggerType,
    /// For which writes it may be named.
    pub trigger_operation: TriggerOperation,
    /// What the service adds.
    #[serde(flatten)]
    pub system: SystemProperties,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl TriggerProperties {
    /// A trigger of this name and script, for these writes.
    pub fn new(
        id: impl Into<String>,
        body: impl Into<String>,
        trigger_type: TriggerType,
        trigger_operation: TriggerOperation,
    ) -> Self {
        Self {
            id: id.into(),
            body: body.into(),
            trigger_type,
            trigger_operation,
            system: SystemProperties::default(),
            other: Map::new(),
        }
    }
}

words! {
    /// When a trigger runs.
    TriggerType {
        /// Before the write: it may change what is written.
        Pre = "Pre",
        /// After the write, and within the same transaction.
        Post = "Post",
    }
}

words! {
    /// For which writes a trigger may be named.
    TriggerOperation {
        /// For all.
        All = "All",
        /// For creates.
        Create = "Create",
        /// For updates: a word of the past for replaces.
        Update = "Update",
        /// For deletes.
        Delete = "Delete",
        /// For replaces.
        Replace = "Replace",
        /// For upserts.
        Upsert = "Upsert",
    }
}

/// A user-defined function: JavaScript for queries, which call it as `udf.name(…)`.
///
/// ```
/// use cosmosdb::models::UserDefinedFunctionProperties;
///
/// let tax = UserDefinedFunctionProperties::new("tax", "function (price) { return price * 0.2; }");
/// assert_eq!(tax.id, "tax");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UserDefinedFunctionProperties {
    /// The name, which queries call: unique among the functions of the container.
    pub id: String,
    /// The script: one function.
    pub body: String,
    /// What the service adds.
    #[serde(flatten)]
    pub system: SystemProperties,
    /// All other properties, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl UserDefinedFunctionProperties {
    /// A function of this name and script.
    pub fn new(id: impl Into<String>, body: impl Into<String>) -> Self {
        let (id, body) = (id.into(), body.into());
        Self { id, body, system: SystemProperties::default(), other: Map::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scripts_are_written_as_the_service_has_them() {
        let trigger =
            TriggerProperties::new("t", "function () {}", TriggerType::Post, TriggerOperation::All);
        assert_eq!(
            serde_json::to_value(trigger).unwrap(),
            json!({"id": "t", "body": "function () {}", "triggerType": "Post", "triggerOperation": "All"})
        );
        let stored = json!({
            "id": "p", "body": "function () {}", "_rid": "r", "_self": "s", "_etag": "\"e\"", "_ts": 1,
            "later": true,
        });
        let procedure: StoredProcedureProperties = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(procedure.other["later"], true);
        assert_eq!(serde_json::to_value(procedure).unwrap(), stored);
    }
}
