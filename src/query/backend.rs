//! What the stages need of the client: plans, partitions, and pages of one partition.

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::diagnostics::Diagnostics;
use crate::error::{Error, Result};
use crate::partition_key::{PartitionKey, PartitionKeyDefinition, PartitionKeyKind};
use crate::query::plan::QueryPlan;
use crate::routing::range::EpkRange;
use crate::wire::header;

/// The client below the stages. It retries throttling and outages itself; what it returns as an error is final, but for
/// the answers that say that a partition was split, merged or moved: those are the stages' business.
pub(crate) trait Backend: Send + Sync {
    /// The resource id of the container, which binds continuations to it.
    fn container_rid(&self) -> Result<String>;

    /// The service's plan for the query; the implementor caches it. The key is the complete one that the caller gave.
    fn plan(&self, query: &QuerySpec, key: Option<&PartitionKey>) -> Result<Arc<QueryPlan>>;

    /// The partitions that overlap `within`, in the order of the key space.
    fn ranges(&self, within: &EpkRange, freshness: Freshness) -> Result<Vec<PartitionRange>>;

    /// One page. An error with status 410 and sub-status 1002, 1007 or 1008 makes the stage look for the partition again.
    fn fetch(&self, request: &FetchRequest<'_>) -> Result<RawPage>;

    /// Waits before the partitions of the container are asked for once more; `attempt` counts from 1.
    fn pause(&self, attempt: u32) -> Result<()>;
}

/// How old the partitions that [`Backend::ranges`] returns may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    Cached,
    /// The service has just said that what the cache holds is out of date.
    Reload,
}

/// A query as the user wrote it.
#[derive(Clone, Debug, Default)]
pub(crate) struct QuerySpec {
    pub(crate) text: String,
    pub(crate) parameters: Vec<(String, Value)>,
}

impl QuerySpec {
    #[cfg(test)]
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), parameters: Vec::new() }
    }

    /// The body of a request that runs `text`, which may be a rewritten form, with this query's parameters.
    pub(crate) fn body(&self, text: &str) -> Vec<u8> {
        let parameters: Vec<_> = self
            .parameters
            .iter()
            .map(|(name, value)| serde_json::json!({"name": name, "value": value}))
            .collect();
        let mut body = serde_json::Map::new();
        body.insert("query".into(), text.into());
        if !parameters.is_empty() {
            body.insert("parameters".into(), parameters.into());
        }
        Value::Object(body).to_string().into_bytes()
    }
}

/// The part of a container that a query is confined to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    /// Apart from each other and in order.
    pub(crate) ranges: Vec<EpkRange>,
    /// A complete key, which goes into the header instead of a range. `ranges` is then its point.
    pub(crate) partition_key: Option<PartitionKey>,
}

impl Target {
    /// The whole container.
    pub(crate) fn container() -> Self {
        Self::range(EpkRange::full())
    }

    pub(crate) fn range(range: EpkRange) -> Self {
        Self { ranges: vec![range], partition_key: None }
    }

    /// The items of a key, or of all keys that start with it if it is the start of a hierarchical one.
    pub(crate) fn key(key: &PartitionKey, definition: &PartitionKeyDefinition) -> Result<Self> {
        let is_prefix = definition.kind == PartitionKeyKind::MultiHash
            && key.components().len() < definition.paths.len();
        Ok(Self {
            ranges: vec![EpkRange::of(key, definition)?],
            partition_key: (!is_prefix).then(|| key.clone()),
        })
    }

    /// The items of a key in a container whose definition is not known: the service finds the place.
    pub(crate) fn key_anywhere(key: &PartitionKey) -> Self {
        Self { ranges: vec![EpkRange::full()], partition_key: Some(key.clone()) }
    }
}

/// A partition of the container and its part of the key space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartitionRange {
    pub(crate) id: String,
    pub(crate) range: EpkRange,
}

/// One request for one page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FetchRequest<'a> {
    pub(crate) address: Address<'a>,
    pub(crate) query: &'a QuerySpec,
    /// What to run: the user's text, or a rewritten one.
    pub(crate) text: &'a str,
    pub(crate) continuation: Option<&'a str>,
    pub(crate) max_item_count: Option<i32>,
}

impl FetchRequest<'_> {
    pub(crate) fn body(&self) -> Vec<u8> {
        self.query.body(self.text)
    }
}

/// Who shall answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Address<'a> {
    /// Whoever holds the key, which is sent along.
    Key(&'a PartitionKey),
    /// A partition, or the part of it that `clip` names with the headers for effective partition keys.
    Range { id: &'a str, clip: Option<&'a EpkRange> },
}

/// One page as it came.
#[derive(Debug, Default)]
pub(crate) struct RawPage {
    pub(crate) rows: Vec<Box<RawValue>>,
    pub(crate) continuation: Option<String>,
    pub(crate) headers: HeaderMap,
    /// The client's record of the request.
    pub(crate) diagnostics: Option<Diagnostics>,
}

impl RawPage {
    /// Reads a feed's answer, whose rows are the array called `property`, such as `Documents`.
    pub(crate) fn parse(headers: HeaderMap, body: &[u8], property: &str) -> Result<Self> {
        let mut input = serde_json::Deserializer::from_slice(body);
        let rows = Feed { property }
            .deserialize(&mut input)
            .and_then(|rows| input.end().map(|()| rows))
            .map_err(|error| {
                Error::json(format!("the answer is not a feed of {property}")).with_source(error)
            })?;
        let continuation = headers
            .get(&header::CONTINUATION)
            .and_then(|it| it.to_str().ok())
            .filter(|it| !it.is_empty())
            .map(str::to_owned);
        Ok(Self { rows, continuation, headers, diagnostics: None })
    }
}

struct Feed<'a> {
    property: &'a str,
}

impl<'de> DeserializeSeed<'de> for Feed<'_> {
    type Value = Vec<Box<RawValue>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Feed<'_> {
    type Value = Vec<Box<RawValue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with an array {}", self.property)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut rows = None;
        while let Some(name) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            if name == self.property {
                rows = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        rows.ok_or_else(|| serde::de::Error::custom(format!("{} is missing", self.property)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_of_a_feed_keep_their_text() {
        let body = br#"{"_rid":"x","Documents":[ {"a" : 1.0},2 ,null],"_count":3}"#;
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTINUATION, "next".parse().unwrap());
        let page = RawPage::parse(headers, body, "Documents").unwrap();
        let rows: Vec<&str> = page.rows.iter().map(|it| it.get()).collect();
        assert_eq!(rows, [r#"{"a" : 1.0}"#, "2", "null"]);
        assert_eq!(page.continuation.as_deref(), Some("next"));
        for body in ["{}", "[]", r#"{"Documents":5}"#, r#"{"Documents":[]} x"#, ""] {
            assert!(RawPage::parse(HeaderMap::new(), body.as_bytes(), "Documents").is_err());
        }
    }

    #[test]
    fn only_a_complete_key_goes_into_the_header() {
        let definition = PartitionKeyDefinition::from(["/tenant", "/user"]);
        assert_eq!(Target::key(&"t".into(), &definition).unwrap().partition_key, None);
        let key = PartitionKey::from(("t", "u"));
        assert_eq!(Target::key(&key, &definition).unwrap().partition_key, Some(key));
    }

    #[test]
    fn the_body_names_parameters_only_if_there_are_any() {
        let mut query = QuerySpec::new("SELECT @a");
        assert_eq!(query.body("x"), br#"{"query":"x"}"#);
        query.parameters.push(("@a".into(), 1.into()));
        let body: Value = serde_json::from_slice(&query.body("y")).unwrap();
        assert_eq!(
            body,
            serde_json::json!({"query": "y", "parameters": [{"name": "@a", "value": 1}]})
        );
    }
}
