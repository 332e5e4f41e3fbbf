//! What makes a container: the properties that the service keeps, checked and completed.

use crate::emulator::refusal::Refusal;
use crate::emulator::sql::value::{Number, Object, Value};
use crate::link::{IdOf, check_id};
use crate::partition_key::{PartitionKeyDefinition, PartitionKeyKind, parse_path};

/// A container's definition.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) id: String,
    pub(crate) key: PartitionKeyDefinition,
    /// The property names along each path of the key.
    pub(crate) key_paths: Vec<Vec<String>>,
    /// The paths of each unique key.
    pub(crate) unique_keys: Vec<Vec<Vec<String>>>,
    /// Seconds, or -1 for ever unless the item says otherwise; `None` where nothing expires.
    pub(crate) default_ttl: Option<i64>,
    /// Whether items are indexed unless a request says otherwise. Without an index all are looked at.
    pub(crate) is_automatic: bool,
    /// As it is shown, in the service's order, without system properties.
    pub(crate) properties: Object,
}

/// The properties that may be there, in the order in which they are shown. Others are dropped.
const OPTIONAL: [&str; 12] = [
    "defaultTtl",
    "ttlPropertyPath",
    "analyticalStorageTtl",
    "uniqueKeyPolicy",
    "vectorEmbeddingPolicy",
    "fullTextPolicy",
    "computedProperties",
    "changeFeedPolicy",
    "clientEncryptionPolicy",
    "materializedViewDefinition",
    "globalSecondaryIndexDefinition",
    "dataMaskingPolicy",
];

/// Hierarchical keys came with this REST version.
const MULTI_HASH_VERSION: &str = "2020-07-15";
/// Up to this one containers could be made without a key.
const LAST_KEYLESS_VERSION: &str = "2018-09-17";
const HIGHEST_TTL: i64 = 2_147_483_647;

impl Definition {
    /// Reads and checks the body of a create or replace, by the rules of the REST version.
    pub(crate) fn read(body: &Value, version: &str, is_shared: bool) -> Result<Self, Refusal> {
        let body_object = body.as_object().ok_or_else(Refusal::bad_input)?;
        let id = read_id(body, IdOf::Container)?;
        let key = read_key(body, version, is_shared)?;
        let key_paths = paths(key.paths.iter().map(String::as_str))?;
        let unique_keys = read_unique_keys(&body.get("uniqueKeyPolicy"))?;
        let default_ttl = read_ttl(&body.get("defaultTtl"))?;
        let mut properties = Object::new();
        properties.insert("id", id.as_str().into());
        let policy = indexing_policy(&body.get("indexingPolicy"))?;
        let is_automatic = policy.get("automatic").as_bool() != Some(false)
            || policy.get("indexingMode").as_str() == Some("none");
        properties.insert("indexingPolicy", policy);
        properties.insert("partitionKey", key_value(&key));
        for name in OPTIONAL {
            let value = body_object.get(name).filter(|it| !matches!(it, Value::Null));
            if let Some(value) =
                value.filter(|it| name != "uniqueKeyPolicy" || !is_empty_policy(it))
            {
                properties.insert(name, value.clone());
            }
        }
        properties.insert(
            "conflictResolutionPolicy",
            conflict_policy(&body.get("conflictResolutionPolicy")),
        );
        let geospatial = body.get("geospatialConfig");
        properties.insert(
            "geospatialConfig",
            if geospatial.is_undefined() || geospatial == Value::Null {
                object([("type", "Geography".into())])
            } else {
                geospatial
            },
        );
        Ok(Self { id, key, key_paths, unique_keys, default_ttl, is_automatic, properties })
    }

    /// Whether the service made up the key, because the container was made without.
    pub(crate) fn has_system_key(&self) -> bool {
        self.key.system_key == Some(true)
    }

    /// What may not change once the container is there.
    pub(crate) fn check_change(&self, new: &Self) -> Result<(), Refusal> {
        if new.key != self.key {
            return Err(Refusal::replica(
                400,
                1.24,
                "Document collection partition key cannot be changed.",
            ));
        }
        if new.unique_keys != self.unique_keys {
            return Err(Refusal::replica(
                403,
                1.24,
                "The unique index cannot be modified. To change the unique index, remove the collection and re-create a new one.",
            ));
        }
        if new.id != self.id {
            return Err(Refusal::bad_input());
        }
        Ok(())
    }
}

/// The id in a body, checked.
pub(crate) fn read_id(body: &Value, of: IdOf) -> Result<String, Refusal> {
    let id = body.get("id");
    let Some(id) = id.as_str() else {
        return Err(Refusal::missing_property("id", 0.0));
    };
    if id.is_empty() {
        return Err(Refusal::missing_property("id", 0.0));
    }
    check_id(of, id).map_err(|_| Refusal::bad_name())?;
    Ok(id.to_owned())
}

fn read_key(
    body: &Value,
    version: &str,
    is_shared: bool,
) -> Result<PartitionKeyDefinition, Refusal> {
    let value = body.get("partitionKey");
    let Some(object) = value.as_object() else {
        return system_key(version, is_shared);
    };
    let kind = match object.get("kind").and_then(Value::as_str).unwrap_or("Hash") {
        "Hash" => PartitionKeyKind::Hash,
        "MultiHash" if version >= MULTI_HASH_VERSION => PartitionKeyKind::MultiHash,
        "Range" => PartitionKeyKind::Range,
        other => {
            return Err(bad_definition(&format!(
                "The 'kind' value '{other}' specified in the partition key definition is invalid. Please choose 'Hash' partition type."
            )));
        }
    };
    let paths: Vec<String> = object
        .get("paths")
        .and_then(Value::as_array)
        .unwrap_or_default()
        .iter()
        .filter_map(|it| it.as_str().map(str::to_owned))
        .collect();
    let most = if kind == PartitionKeyKind::MultiHash { 3 } else { 1 };
    if paths.is_empty() || paths.len() > most {
        return Err(bad_definition(&format!(
            "Partition key definition has {} paths, but a key of this kind has 1 to {most}.",
            paths.len()
        )));
    }
    let version = match object.get("version").and_then(Value::as_f64) {
        None => None,
        Some(1.0) if kind != PartitionKeyKind::MultiHash => Some(1),
        Some(2.0) => Some(2),
        Some(other) => {
            return Err(bad_definition(&format!(
                "The 'version' value '{other}' specified in the partition key definition is invalid."
            )));
        }
    };
    Ok(PartitionKeyDefinition {
        kind,
        version,
        system_key: object.get("systemKey").and_then(Value::as_bool).filter(|it| *it),
        ..PartitionKeyDefinition::new(paths)
    })
}

/// What becomes of a container without a key: early versions of the protocol give it one of the service's own.
fn system_key(version: &str, is_shared: bool) -> Result<PartitionKeyDefinition, Refusal> {
    if is_shared {
        let text = "Shared throughput collection should have a partition key";
        return Err(Refusal::gateway(400, text));
    }
    if version > LAST_KEYLESS_VERSION {
        let text = "Partition key definition is missing. Collections have to be created with a partition key.";
        return Err(Refusal::gateway(400, text));
    }
    Ok(PartitionKeyDefinition {
        system_key: Some(true),
        version: None,
        ..PartitionKeyDefinition::new(["/_partitionKey"])
    })
}

fn key_value(key: &PartitionKeyDefinition) -> Value {
    let kind = match key.kind {
        PartitionKeyKind::Hash => "Hash",
        PartitionKeyKind::MultiHash => "MultiHash",
        PartitionKeyKind::Range => "Range",
    };
    let paths = key.paths.iter().map(|it| it.as_str().into()).collect();
    let mut object =
        Object::from_iter([("paths", Value::array(paths)), ("kind", Value::from(kind))]);
    if let Some(version) = key.version {
        object.insert("version", u64::from(version).into());
    }
    if let Some(system_key) = key.system_key {
        object.insert("systemKey", system_key.into());
    }
    object.into()
}

fn read_unique_keys(policy: &Value) -> Result<Vec<Vec<Vec<String>>>, Refusal> {
    let keys = policy.get("uniqueKeys");
    let keys = keys.as_array().unwrap_or_default();
    let unique_keys = keys
        .iter()
        .map(|key| {
            let list = key.get("paths");
            paths(list.as_array().unwrap_or_default().iter().filter_map(Value::as_str))
        })
        .collect::<Result<Vec<_>, _>>()?;
    if unique_keys.len() > 10 || unique_keys.iter().map(Vec::len).sum::<usize>() > 16 {
        return Err(bad_definition("The unique key policy has too many keys or paths."));
    }
    Ok(unique_keys)
}

fn is_empty_policy(policy: &Value) -> bool {
    policy.get("uniqueKeys").as_array().is_none_or(<[Value]>::is_empty)
}

fn paths<'a>(paths: impl Iterator<Item = &'a str>) -> Result<Vec<Vec<String>>, Refusal> {
    paths
        .map(|path| {
            parse_path(path).map_err(|_| bad_definition(&format!("The path '{path}' is invalid.")))
        })
        .collect()
}

/// A time to live: none, for ever, or a number of seconds. `null` is none of these.
pub(crate) fn read_ttl(value: &Value) -> Result<Option<i64>, Refusal> {
    if value.is_undefined() {
        return Ok(None);
    }
    match value.as_number().and_then(Number::as_i64) {
        Some(seconds @ (-1 | 1..=HIGHEST_TTL)) => Ok(Some(seconds)),
        _ => Err(Refusal::replica(
            400,
            1.24,
            &format!(
                "The input ttl '{}' is invalid. Ensure to provide a nonzero positive (less than or equal to '{HIGHEST_TTL}') integer value, or -1.",
                value.to_json()
            ),
        )),
    }
}

/// The policy with what the service adds: everything is indexed but the etag.
fn indexing_policy(given: &Value) -> Result<Value, Refusal> {
    let mut policy = given.as_object().cloned().unwrap_or_default();
    let text = |policy: &Object, name: &str| {
        policy.get(name).and_then(Value::as_str).map(str::to_ascii_lowercase)
    };
    let mode = text(&policy, "indexingMode").unwrap_or_else(|| "consistent".to_owned());
    if !["consistent", "lazy", "none"].contains(&mode.as_str()) {
        return Err(bad_definition(&format!("The indexing mode '{mode}' is invalid.")));
    }
    let automatic = policy.get("automatic").and_then(Value::as_bool).unwrap_or(mode != "none");
    if mode == "none" && automatic {
        return Err(bad_definition(
            "Automatic indexing is not possible with the indexing mode 'none'.",
        ));
    }
    let is_indexed = mode != "none";
    let list = |policy: &Object, name: &str| {
        policy.get(name).and_then(Value::as_array).map(<[Value]>::to_vec).unwrap_or_default()
    };
    let mut included = list(&policy, "includedPaths");
    let mut excluded = list(&policy, "excludedPaths");
    let is_root = |it: &Value| it.get("path").as_str() == Some("/*");
    if is_indexed && !included.iter().any(is_root) && !excluded.iter().any(is_root) {
        if !included.is_empty() || !excluded.is_empty() {
            return Err(bad_definition(
                "The special mandatory indexing path \"/\" is not provided in any of the path type sets. Please provide this path in one of the sets.",
            ));
        }
        included.push(object([("path", "/*".into())]));
    }
    let is_etag = |it: &Value| it.get("path").as_str() == Some("/\"_etag\"/?");
    if is_indexed && !excluded.iter().any(is_etag) {
        excluded.push(object([("path", "/\"_etag\"/?".into())]));
    }
    complete_composites(&mut policy);
    complete_spatial(&mut policy);
    let mut whole = Object::from_iter([
        ("indexingMode", Value::from(mode)),
        ("automatic", Value::from(automatic)),
        ("includedPaths", Value::array(included)),
        ("excludedPaths", Value::array(excluded)),
    ]);
    for (name, value) in policy.iter() {
        if whole.get(name).is_none() {
            whole.insert(name.clone(), value.clone());
        }
    }
    Ok(whole.into())
}

/// A composite path without an order is ascending.
fn complete_composites(policy: &mut Object) {
    let Some(indexes) = policy.get("compositeIndexes").and_then(Value::as_array) else { return };
    let completed = indexes.iter().map(|paths| {
        let paths = paths.as_array().unwrap_or_default().iter().map(|path| {
            let mut path = path.as_object().cloned().unwrap_or_default();
            if path.get("order").is_none() {
                path.insert("order", "ascending".into());
            }
            path.into()
        });
        Value::array(paths.collect())
    });
    policy.insert("compositeIndexes", Value::array(completed.collect()));
}

/// A spatial path is indexed for all types of shapes, whichever were named.
fn complete_spatial(policy: &mut Object) {
    let Some(indexes) = policy.get("spatialIndexes").and_then(Value::as_array) else { return };
    let completed = indexes.iter().map(|index| {
        let mut index = index.as_object().cloned().unwrap_or_default();
        let types = ["Point", "LineString", "Polygon", "MultiPolygon"].map(Value::from);
        index.insert("types", Value::array(types.to_vec()));
        index.into()
    });
    policy.insert("spatialIndexes", Value::array(completed.collect()));
}

fn conflict_policy(given: &Value) -> Value {
    let text = |name: &str| given.get(name).as_str().unwrap_or_default().to_owned();
    let mode =
        if text("mode").eq_ignore_ascii_case("custom") { "Custom" } else { "LastWriterWins" };
    let path = text("conflictResolutionPath");
    let path = if mode == "LastWriterWins" && path.is_empty() { "/_ts".to_owned() } else { path };
    object([
        ("mode", mode.into()),
        ("conflictResolutionPath", path.into()),
        ("conflictResolutionProcedure", text("conflictResolutionProcedure").into()),
    ])
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Object::from_iter(members).into()
}

fn bad_definition(text: &str) -> Refusal {
    Refusal::replica(400, 0.0, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str, version: &str) -> Result<Definition, u16> {
        let body = Value::from_json(body.as_bytes()).unwrap();
        Definition::read(&body, version, false).map_err(|it| it.status())
    }

    #[test]
    fn defaults_are_filled_in_and_unknown_members_dropped() {
        let definition = read(
            r#"{"id":"a","foo":1,"partitionKey":{"paths":["/pk"],"kind":"Hash"},"indexingPolicy":{"includedPaths":[{"path":"/*"}],"compositeIndexes":[[{"path":"/a"},{"path":"/b","order":"descending"}]]},"defaultTtl":5}"#,
            "2020-07-15",
        );
        assert_eq!(
            Value::from(definition.unwrap().properties).to_json(),
            r#"{"id":"a","indexingPolicy":{"indexingMode":"consistent","automatic":true,"includedPaths":[{"path":"/*"}],"excludedPaths":[{"path":"/\"_etag\"/?"}],"compositeIndexes":[[{"path":"/a","order":"ascending"},{"path":"/b","order":"descending"}]]},"partitionKey":{"paths":["/pk"],"kind":"Hash"},"defaultTtl":5,"conflictResolutionPolicy":{"mode":"LastWriterWins","conflictResolutionPath":"/_ts","conflictResolutionProcedure":""},"geospatialConfig":{"type":"Geography"}}"#
        );
    }

    #[test]
    fn bad_definitions_are_refused() {
        for body in [
            "[]",
            r#"{"partitionKey":{"paths":["/pk"]}}"#,
            r#"{"id":"a/b","partitionKey":{"paths":["/pk"]}}"#,
            r#"{"id":"a","partitionKey":{"paths":[]}}"#,
            r#"{"id":"a","partitionKey":{"paths":["pk"]}}"#,
            r#"{"id":"a","partitionKey":{"paths":["/a","/b"]}}"#,
            r#"{"id":"a","partitionKey":{"paths":["/pk"]},"defaultTtl":0}"#,
            r#"{"id":"a","partitionKey":{"paths":["/pk"],"version":3}}"#,
            r#"{"id":"a","partitionKey":{"paths":["/pk"]},"indexingPolicy":{"indexingMode":"none","automatic":true}}"#,
            r#"{"id":"a"}"#,
        ] {
            assert_eq!(read(body, "2020-07-15").err(), Some(400), "{body}");
        }
        assert!(read(r#"{"id":"a"}"#, "2018-09-17").unwrap().has_system_key());
        let hierarchical =
            r#"{"id":"a","partitionKey":{"paths":["/a","/b"],"kind":"MultiHash","version":2}}"#;
        assert_eq!(read(hierarchical, "2018-12-31").err(), Some(400));
        assert!(read(hierarchical, "2020-07-15").is_ok());
    }
}
