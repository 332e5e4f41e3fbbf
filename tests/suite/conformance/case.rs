//! Documented queries with their data and their results.

use std::collections::BTreeMap;

use cosmosdb::{Container, ContainerProperties};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// How values begin that items got because a container needs them.
const MADE: &str = "made-";

/// Properties that the service adds.
const SYSTEM: &[&str] = &["_rid", "_self", "_etag", "_attachments", "_ts"];

/// One line of the file.
#[derive(Debug, Deserialize)]
pub(super) struct Case {
    pub(super) id: String,
    pub(super) query: String,
    #[serde(default)]
    pub(super) parameters: Vec<Parameter>,
    /// As it stands in the file, for some functions tell the order of members.
    seed: Option<Vec<Box<RawValue>>>,
    partition_key: Option<String>,
    container: Option<Value>,
    pub(super) expected: Vec<Value>,
    #[serde(default)]
    pub(super) alternatives: Vec<Vec<Value>>,
    pub(super) compare: Mode,
    pub(super) rtol: Option<f64>,
    /// `unordered`, where arrays are sets.
    pub(super) arrays: Option<String>,
}

/// A parameter of a query.
#[derive(Debug, Deserialize)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) value: Value,
}

/// How rows are compared.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mode {
    Exact,
    Unordered,
    Approx,
    ShapeOnly,
}

/// The cases, those together that share a container.
pub(super) fn groups() -> Vec<Vec<Case>> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sql_cases.jsonl");
    let mut groups: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    for line in std::fs::read_to_string(file).unwrap().lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        let seed: Vec<&str> = case.seed.iter().flatten().map(|it| it.get()).collect();
        let container = json!([seed, case.partition_key, case.container]).to_string();
        groups.entry(container).or_default().push(case);
    }
    groups.into_values().collect()
}

impl Case {
    fn key_path(&self) -> &str {
        self.partition_key.as_deref().unwrap_or("/pk")
    }

    /// The container that the case is about, under an id.
    pub(super) fn properties(&self, id: &str) -> ContainerProperties {
        let mut properties = self.container.clone().unwrap_or_else(|| json!({}));
        properties["id"] = id.into();
        properties["partitionKey"] =
            json!({ "paths": [self.key_path()], "kind": "Hash", "version": 2 });
        serde_json::from_value(properties).unwrap()
    }

    /// Puts the data into a container. Items without an id or a partition key get one.
    pub(super) fn fill(&self, container: &Container) {
        let key = self.key_path().trim_start_matches('/');
        for (index, item) in self.seed.iter().flatten().enumerate() {
            let members: BTreeMap<String, Value> = serde_json::from_str(item.get()).unwrap();
            let mut text = item.get().trim().trim_start_matches('{').to_owned();
            let added: &[&str] = if key == "id" { &["id"] } else { &["id", key] };
            for name in added {
                if !members.contains_key(*name) {
                    text = format!("\"{name}\":\"{MADE}{index:05}\",{text}");
                }
            }
            let item = RawValue::from_string(format!("{{{text}")).unwrap();
            container.create_item(&item).send().unwrap();
        }
    }

    /// A row without what only the container needs, unless the documented rows have it.
    pub(super) fn row(&self, row: &Value) -> Value {
        match row {
            Value::Array(elements) => elements.iter().map(|it| self.row(it)).collect(),
            Value::Object(members) => {
                let wanted = members.iter().filter(|(name, value)| !self.is_added(name, value));
                wanted.map(|(name, value)| (name.clone(), self.row(value))).collect()
            }
            other => other.clone(),
        }
    }

    fn is_added(&self, name: &str, value: &Value) -> bool {
        let is_made = value.as_str().is_some_and(|it| it.starts_with(MADE));
        let is_documented = || self.expected.iter().any(|it| has_member(it, name));
        is_made || (SYSTEM.contains(&name) && !is_documented())
    }
}

fn has_member(value: &Value, name: &str) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(|it| has_member(it, name)),
        Value::Object(members) => {
            members.contains_key(name) || members.values().any(|it| has_member(it, name))
        }
        _ => false,
    }
}
