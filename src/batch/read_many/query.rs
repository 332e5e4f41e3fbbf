//! The query that finds several items by their ids and keys.

use serde::Serialize;
use serde_json::Value;

use super::plan::Wanted;
use crate::client::unwritable;
use crate::error::Result;
use crate::partition_key::{PartitionKey, PartitionKeyValue};

/// The body of a query for these items of a container whose key has these paths.
pub(super) fn query(items: &[&Wanted], paths: &[Vec<String>]) -> Result<Vec<u8>> {
    let mut query = Query { text: "SELECT * FROM c WHERE ".to_owned(), parameters: Vec::new() };
    let key_is_id = matches!(paths, [path] if matches!(&path[..], [name] if name == "id"));
    if key_is_id {
        query.id_in(items);
    } else {
        for (index, items) in by_key(items).into_iter().enumerate() {
            query.text.push_str(if index > 0 { " OR (" } else { "(" });
            if let Some(first) = items.first() {
                query.key_is(&first.key, paths);
            }
            query.id_in(&items);
            query.text.push(')');
        }
    }
    serde_json::to_vec(&query).map_err(unwritable)
}

/// The items that share a key, in the order of the first of each.
fn by_key<'a>(items: &[&'a Wanted]) -> Vec<Vec<&'a Wanted>> {
    let mut places = std::collections::HashMap::new();
    let mut groups: Vec<Vec<&Wanted>> = Vec::new();
    for item in items {
        let place = *places.entry(item.key.header_value()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(item),
            None => groups.push(vec![item]),
        }
    }
    groups
}

/// The body of the request.
#[derive(Serialize)]
struct Query {
    #[serde(rename = "query")]
    text: String,
    parameters: Vec<Parameter>,
}

#[derive(Serialize)]
struct Parameter {
    name: String,
    value: Value,
}

impl Query {
    /// `c["a"]["b"] = @p0 AND ` for each level of the key.
    fn key_is(&mut self, key: &PartitionKey, paths: &[Vec<String>]) {
        const UNDEFINED: PartitionKeyValue = PartitionKeyValue::Undefined;
        for (level, path) in paths.iter().enumerate() {
            let property: String = path
                .iter()
                .fold("c".to_owned(), |out, name| format!("{out}[{}]", Value::from(name.as_str())));
            let value = match key.components().get(level).unwrap_or(&UNDEFINED) {
                // Arrays and objects count as undefined too, so this is wider than a test for being defined.
                PartitionKeyValue::Undefined => {
                    self.push(&format!("NOT IS_PRIMITIVE({property}) AND "));
                    continue;
                }
                PartitionKeyValue::Null => Value::Null,
                PartitionKeyValue::Bool(value) => Value::from(*value),
                PartitionKeyValue::Number(value) => Value::from(*value),
                PartitionKeyValue::String(value) => Value::from(value.as_str()),
            };
            let name = self.parameter(value);
            self.push(&format!("{property} = {name} AND "));
        }
    }

    /// `c.id IN (@p1, @p2)`.
    fn id_in(&mut self, items: &[&Wanted]) {
        self.push("c.id IN (");
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            let name = self.parameter(Value::from(item.id.as_str()));
            self.push(&name);
        }
        self.push(")");
    }

    fn parameter(&mut self, value: Value) -> String {
        let name = format!("@p{}", self.parameters.len());
        self.parameters.push(Parameter { name: name.clone(), value });
        name
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::read_many::plan::WantList;
    use crate::partition_key::PartitionKeyDefinition;
    use crate::routing::cache::ContainerFacts;

    /// The text of the query for these items, and its parameters.
    fn query_of(paths: &[&str], items: Vec<(&str, PartitionKey)>) -> (String, Value) {
        let definition = PartitionKeyDefinition::new(paths.iter().copied());
        let facts = ContainerFacts::new(String::new(), definition).unwrap();
        let items = items.into_iter().map(|(id, key)| (id.to_owned(), key)).collect();
        let list = WantList::new(items, &facts).unwrap();
        let items: Vec<&Wanted> = list.items.iter().collect();
        let body: Value = serde_json::from_slice(&query(&items, &facts.paths).unwrap()).unwrap();
        let values = body["parameters"].as_array().unwrap().iter().map(|it| it["value"].clone());
        (body["query"].as_str().unwrap().to_owned(), values.collect())
    }

    #[test]
    fn items_are_found_by_key_and_ids() {
        use serde_json::json;
        for (paths, items, text, values) in [
            (
                &["/id"][..],
                vec![("1", "1".into()), ("2", "2".into())],
                "SELECT * FROM c WHERE c.id IN (@p0, @p1)",
                json!(["1", "2"]),
            ),
            (
                &["/a/b"],
                vec![("1", "x".into()), ("2", 5.into()), ("3", "x".into())],
                concat!(
                    r#"SELECT * FROM c WHERE (c["a"]["b"] = @p0 AND c.id IN (@p1, @p2))"#,
                    r#" OR (c["a"]["b"] = @p3 AND c.id IN (@p4))"#
                ),
                json!(["x", "1", "3", 5.0, "2"]),
            ),
            (
                &["/\"say \\\"hi\\\"\""],
                vec![("1", PartitionKey::NULL), ("2", PartitionKey::UNDEFINED)],
                concat!(
                    r#"SELECT * FROM c WHERE (c["say \"hi\""] = @p0 AND c.id IN (@p1))"#,
                    r#" OR (NOT IS_PRIMITIVE(c["say \"hi\""]) AND c.id IN (@p2))"#
                ),
                json!([null, "1", "2"]),
            ),
            (
                &["/tenant", "/user"],
                vec![("1", ("t", true).into()), ("2", ("t", false).into())],
                concat!(
                    r#"SELECT * FROM c WHERE (c["tenant"] = @p0 AND c["user"] = @p1 AND c.id IN (@p2))"#,
                    r#" OR (c["tenant"] = @p3 AND c["user"] = @p4 AND c.id IN (@p5))"#
                ),
                json!(["t", true, "1", "t", false, "2"]),
            ),
        ] {
            assert_eq!(query_of(paths, items), (text.to_owned(), values));
        }
    }
}
