//! Feed ranges: a part of a container as users hold and store it.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::routing::epk::Epk;
use crate::routing::range::EpkRange;

/// A part of a container, by the hashes of its partition keys.
///
/// Queries and change feeds can be confined to one, which is how several workers share out a container. A feed range
/// stays valid when the service splits or merges partitions: it names hashes, not partitions.
///
/// Its text is the one that the SDKs for Python and Rust use, so that stored ranges can move between them. Reading
/// also accepts the JSON of the SDKs for .NET and JavaScript, and [`to_json`](Self::to_json) writes .NET's. What those
/// write for a single partition key or for the id of a partition takes the container to be understood:
/// [`Container::parse_feed_range`](crate::Container::parse_feed_range) reads it.
///
/// ```
/// use cosmosdb::FeedRange;
///
/// let lower: FeedRange = r#"{"Range":{"min":"","max":"1F"}}"#.parse()?;
/// assert!(lower.is_subset_of(&FeedRange::full()));
///
/// let stored = lower.to_string();
/// assert_eq!(stored.parse::<FeedRange>()?, lower);
/// # Ok::<(), cosmosdb::Error>(())
/// ```
///
/// With serde it is the JSON object, which keeps it readable inside a larger document; the text is accepted as well.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FeedRange(EpkRange);

impl FeedRange {
    /// The whole container.
    pub fn full() -> Self {
        Self(EpkRange::full())
    }

    /// The range between two bounds in hexadecimal, the second of which is not part of it: the `minInclusive` and
    /// `maxExclusive` of other SDKs. The whole container is `""` to `"FF"`.
    ///
    /// # Errors
    /// A bound is not hexadecimal, or the end is not after the start.
    pub fn new(min: &str, max: &str) -> Result<Self> {
        Self::of_range(EpkRange::new(min.parse()?, max.parse()?))
    }

    /// The bounds in hexadecimal, the second of which is not part of the range.
    pub fn bounds(&self) -> (String, String) {
        (self.0.min.to_string(), self.0.max.to_string())
    }

    /// The range as the SDK for .NET writes it: plain JSON, `{"Range":{"min":"","max":"FF"}}`.
    pub fn to_json(&self) -> String {
        let (min, max) = self.bounds();
        format!(r#"{{"Range":{{"min":"{min}","max":"{max}"}}}}"#)
    }

    /// Whether everything in this range is in `other` too. A range is a subset of itself.
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.0.is_subset_of(&other.0)
    }

    /// Whether the ranges have anything in common. Ranges that only touch do not overlap.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.0.overlaps(&other.0)
    }

    pub(crate) fn epk_range(&self) -> &EpkRange {
        &self.0
    }

    /// A range made of what one of the SDKs wrote.
    pub(super) fn from_json(value: &Value) -> Result<Self> {
        let kind = value.get("type").and_then(Value::as_str);
        let bounds = match (value.get("Range"), kind) {
            (Some(range), _) => range,
            (None, Some("Effective Partition Key Range")) => value.get("value").unwrap_or(value),
            (None, Some(_)) => return Err(not_a_range()),
            (None, None) if value.get("PK").or(value.get("PKRangeId")).is_some() => {
                return Err(not_a_range());
            }
            (None, None) => value,
        };
        let bounds = Bounds::deserialize(bounds).map_err(|error| {
            Error::invalid_input("the text is not a feed range").with_source(error)
        })?;
        let range = EpkRange::from_bounds(
            (bounds.min, bounds.is_min_inclusive),
            (bounds.max, bounds.is_max_inclusive),
        );
        Self::of_range(range)
    }

    fn of_range(range: EpkRange) -> Result<Self> {
        if range.is_empty() {
            return Err(Error::invalid_input(
                "the feed range is empty: its end is not after its start",
            ));
        }
        Ok(Self(range))
    }
}

fn not_a_range() -> Error {
    Error::invalid_input(
        "the text names a partition key or a partition, not a range; `Container::parse_feed_range` reads it",
    )
}

/// The bounds under the names that the SDKs give them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounds {
    #[serde(alias = "minInclusive")]
    min: Epk,
    #[serde(alias = "maxExclusive")]
    max: Epk,
    #[serde(default = "yes")]
    is_min_inclusive: bool,
    #[serde(default)]
    is_max_inclusive: bool,
}

fn yes() -> bool {
    true
}

impl From<EpkRange> for FeedRange {
    fn from(range: EpkRange) -> Self {
        Self(range)
    }
}

impl From<FeedRange> for EpkRange {
    fn from(range: FeedRange) -> Self {
        range.0
    }
}

impl fmt::Display for FeedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_vec(self).map_err(|_| fmt::Error)?;
        f.write_str(&STANDARD.encode(json))
    }
}

impl FromStr for FeedRange {
    type Err = Error;

    /// Reads Base64 or plain JSON, of any of the SDKs that name ranges.
    fn from_str(text: &str) -> Result<Self> {
        Self::from_json(&json_of(text)?)
    }
}

/// The JSON behind a text that is JSON or Base64 of it.
pub(super) fn json_of(text: &str) -> Result<Value> {
    let invalid =
        || Error::invalid_input("the text is not a feed range: it is neither Base64 nor JSON");
    let text = text.trim();
    let value = if text.starts_with('{') {
        serde_json::from_str(text)
    } else {
        let json = STANDARD.decode(text).map_err(|error| invalid().with_source(error))?;
        serde_json::from_slice(&json)
    };
    value.map_err(|error| invalid().with_source(error))
}

impl Serialize for FeedRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Form {
            #[serde(rename = "Range")]
            range: Bounds,
        }
        let EpkRange { min, max } = self.0.clone();
        Form { range: Bounds { min, max, is_min_inclusive: true, is_max_inclusive: false } }
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for FeedRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => text.parse(),
            other => Self::from_json(&other),
        }
        .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOWER: &str =
        r#"{"Range":{"min":"","max":"3F","isMinInclusive":true,"isMaxInclusive":false}}"#;

    fn lower() -> FeedRange {
        LOWER.parse().unwrap()
    }

    #[test]
    fn the_forms_of_all_sdks_are_read() {
        for text in [
            r#"{"Range":{"min":"","max":"3F"}}"#,
            r#"{"Range": {"min": "", "max": "3f", "isMinInclusive": true, "isMaxInclusive": false}}"#,
            r#"{"type":"Effective Partition Key Range","value":{"min":"","max":"3F"}}"#,
            r#"{"minInclusive":"","maxExclusive":"3F"}"#,
            r#" {"min":"","max":"3F00"} "#,
            // Python's json.dumps of the range, in Base64.
            "eyJSYW5nZSI6IHsibWluIjogIiIsICJtYXgiOiAiM0YiLCAiaXNNaW5JbmNsdXNpdmUiOiB0cnVlLCAiaXNNYXhJbmNsdXNpdmUiOiBmYWxzZX19",
        ] {
            assert_eq!(text.parse::<FeedRange>().unwrap(), lower(), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "hello",
            "{",
            "e30=",
            r#"{"PK":"[\"x\"]"}"#,
            r#"{"PKRangeId":"0"}"#,
            r#"{"type":"Logical Partition Key","value":["x"]}"#,
            r#"{"Range":{"min":"40","max":"3F"}}"#,
            r#"{"Range":{"min":"","max":"xx"}}"#,
        ] {
            assert!(text.parse::<FeedRange>().is_err(), "{text}");
        }
    }

    #[test]
    fn text_and_json_round_trip() {
        assert_eq!(STANDARD.encode(LOWER), lower().to_string());
        assert_eq!(lower().to_string().parse::<FeedRange>().unwrap(), lower());
        assert_eq!(serde_json::to_string(&lower()).unwrap(), LOWER);
        let text = serde_json::to_string(&lower().to_string()).unwrap();
        for json in [LOWER, &text] {
            assert_eq!(serde_json::from_str::<FeedRange>(json).unwrap(), lower());
        }
    }

    #[test]
    fn ranges_are_made_of_bounds_and_written_for_other_sdks() {
        let range = FeedRange::new("", "3f").unwrap();
        assert_eq!(range, lower());
        assert_eq!(range.bounds(), (String::new(), "3F".to_owned()));
        assert_eq!(range.to_json(), r#"{"Range":{"min":"","max":"3F"}}"#);
        assert_eq!(range.to_json().parse::<FeedRange>().unwrap(), range);
        assert!(FeedRange::new("FF", "").is_err() && FeedRange::new("x", "FF").is_err());
    }

    /// A range by its brackets: `[3F,7F)`.
    fn bracketed(text: &str) -> FeedRange {
        let (open, rest) = text.split_at(1);
        let (bounds, close) = rest.split_at(rest.len() - 1);
        let (min, max) = bounds.split_once(',').unwrap();
        let (from, to) = (open == "[", close == "]");
        let range = serde_json::json!({ "min": min, "max": max, "isMinInclusive": from, "isMaxInclusive": to });
        serde_json::json!({ "Range": range }).to_string().parse().unwrap()
    }

    #[test]
    fn subsets_go_by_the_points_whatever_the_brackets() {
        for (parent, child, expected) in [
            ("[,FF)", "[3F,7F)", true),
            ("[3F,7F)", "[,FF)", false),
            ("[3F,7F)", "[,5F)", false),
            ("[3F,7F]", "[3F,7F]", true),
            ("(3F,7F]", "(3F,7F]", true),
            ("[3F,7F]", "[3F,7F)", true),
            ("[3F,7F)", "[3F,7F]", false),
            ("[3F,7F)", "[,2F)", false),
            ("[3F,3F]", "[3F,3F]", true),
            ("[3F,3F]", "[4F,4F]", false),
        ] {
            let is_subset = bracketed(child).is_subset_of(&bracketed(parent));
            assert_eq!(is_subset, expected, "{child} in {parent}");
        }
    }

    #[test]
    fn closed_and_open_bounds_become_half_open() {
        let point: FeedRange =
            r#"{"Range":{"min":"3F","max":"3F","isMaxInclusive":true}}"#.parse().unwrap();
        assert!(!point.overlaps(&lower()) && point.is_subset_of(&FeedRange::full()));
        let after: FeedRange =
            r#"{"Range":{"min":"3F","max":"FF","isMinInclusive":false}}"#.parse().unwrap();
        assert!(!after.overlaps(&point));
    }
}
