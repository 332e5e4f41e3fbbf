//! How far a change feed has been read, and the text of that.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::partition_key::PartitionKey;
use crate::pipeline::Partition;
use crate::routing::epk::Epk;
use crate::routing::map::PartitionKeyRangeMap;
use crate::routing::range::EpkRange;

/// Which changes a feed tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mode {
    /// The last version of each item that changed.
    LatestVersion,
    /// Each change, deletions among them.
    AllVersionsAndDeletes,
}

/// Where a feed begins in partitions that it has not read yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Start {
    Beginning,
    Now,
    Time(SystemTime),
}

/// A part of the space, and how far it has been read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Position {
    pub(crate) range: EpkRange,
    /// What the service named last. Without it the part is read from the start of the feed.
    pub(crate) etag: Option<String>,
    /// The region that named it, where that is known.
    pub(crate) region: Option<Arc<str>>,
}

impl Position {
    pub(crate) fn start_of(range: EpkRange) -> Self {
        Self { range, etag: None, region: None }
    }
}

/// How far a feed has been read: all that it takes to go on elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    /// The container, so that the position is not used on another one of the same name.
    pub(crate) rid: String,
    pub(crate) mode: Mode,
    pub(crate) start: Start,
    /// The partition key, where the feed is of one alone.
    pub(crate) key: Option<PartitionKey>,
    /// The part to be read next is at the front.
    pub(crate) positions: VecDeque<Position>,
}

impl State {
    /// The partition to ask for the position at the front. Where several partitions share it by now, it is divided
    /// among them, each going on where the whole was.
    pub(crate) fn target(&mut self, map: &PartitionKeyRangeMap) -> Option<Partition> {
        let head = self.positions.pop_front()?;
        let owners = map.overlapping(&head.range);
        for owner in owners.iter().rev() {
            let Some(range) = owner.epk_range().intersection(&head.range) else { continue };
            self.positions.push_front(Position { range, ..head.clone() });
        }
        let Some((owner, first)) = owners.first().zip(self.positions.front()) else {
            self.positions.push_front(head);
            return None;
        };
        let clip = (first.range != owner.epk_range()).then(|| first.range.clone());
        Some(Partition::Range { id: owner.id.clone(), clip })
    }

    /// The state of a feed of one of the positions alone.
    pub(crate) fn only(&self, position: &Position) -> Self {
        Self { positions: [position.clone()].into(), ..self.clone() }
    }

    /// Whether all of it lies within `range`.
    pub(crate) fn is_within(&self, range: &EpkRange) -> bool {
        self.positions.iter().all(|it| it.range.is_subset_of(range))
    }

    /// The continuation: it can be stored, and read by later versions of this crate.
    pub(crate) fn to_token(&self) -> String {
        let (start, time) = match self.start {
            Start::Beginning => (StartWord::Beginning, None),
            Start::Now => (StartWord::Now, None),
            Start::Time(time) => (StartWord::Time, Some(unix_seconds(time))),
        };
        let ranges = self.positions.iter().map(|it| RangeForm {
            min: it.range.min.clone(),
            max: it.range.max.clone(),
            etag: it.etag.clone(),
            region: it.region.as_deref().filter(|_| it.etag.is_some()).map(str::to_owned),
        });
        let form = TokenForm {
            version: VERSION,
            kind: KIND.to_owned(),
            rid: self.rid.clone(),
            mode: self.mode,
            start,
            time,
            key: self.key.as_ref().map(PartitionKey::header_value),
            ranges: ranges.collect(),
        };
        // Text, numbers and lists of them are always JSON.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&form).unwrap_or_default())
    }

    /// Reads a continuation.
    pub(crate) fn from_token(token: &str) -> Result<Self> {
        let json = URL_SAFE_NO_PAD
            .decode(token.trim())
            .map_err(|error| foreign("it is not Base64 of the URL alphabet").with_source(error))?;
        let head: HeadForm = serde_json::from_slice(&json)
            .map_err(|error| foreign("it holds no JSON of one").with_source(error))?;
        if head.kind != KIND {
            return Err(foreign("it is one of something else"));
        }
        if head.version != VERSION {
            return Err(foreign(&format!(
                "its version is {}, this crate reads {VERSION}",
                head.version
            )));
        }
        let form: TokenForm = serde_json::from_slice(&json)
            .map_err(|error| foreign("it is damaged").with_source(error))?;
        form.into_state()
    }
}

const VERSION: u32 = 1;
const KIND: &str = "changeFeed";

fn foreign(why: &str) -> Error {
    Error::invalid_input(format!("the text is no continuation of a change feed: {why}"))
}

/// What every version of the token has.
#[derive(Deserialize)]
struct HeadForm {
    #[serde(rename = "v")]
    version: u32,
    kind: String,
}

#[derive(Serialize, Deserialize)]
struct TokenForm {
    #[serde(rename = "v")]
    version: u32,
    kind: String,
    rid: String,
    mode: Mode,
    start: StartWord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    ranges: Vec<RangeForm>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum StartWord {
    Beginning,
    Now,
    Time,
}

#[derive(Serialize, Deserialize)]
struct RangeForm {
    min: Epk,
    max: Epk,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<String>,
}

impl TokenForm {
    fn into_state(self) -> Result<State> {
        let start = match (self.start, self.time) {
            (StartWord::Beginning, _) => Start::Beginning,
            (StartWord::Now, _) => Start::Now,
            (StartWord::Time, Some(seconds)) => {
                let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
                Start::Time(time.ok_or_else(|| foreign("its time is none"))?)
            }
            (StartWord::Time, None) => return Err(foreign("it lacks its time")),
        };
        let position = |it: RangeForm| {
            let range = EpkRange::new(it.min, it.max);
            if range.is_empty() {
                return Err(foreign("one of its ranges is empty"));
            }
            Ok(Position { range, etag: it.etag, region: it.region.map(Into::into) })
        };
        let positions: VecDeque<_> =
            self.ranges.into_iter().map(position).collect::<Result<_>>()?;
        let key = self.key.as_deref().map(PartitionKey::from_header_value).transpose()?;
        if positions.is_empty() || key.is_some() && positions.len() > 1 {
            return Err(foreign("it has not the ranges that it should"));
        }
        Ok(State { rid: self.rid, mode: self.mode, start, key, positions })
    }
}

/// Whole seconds, as the service takes them. Times before 1970 are its first second.
pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(positions: &[(&str, &str, Option<&str>)]) -> State {
        let position = |(min, max, etag): &(&str, &str, Option<&str>)| Position {
            range: EpkRange::new(min.parse().unwrap(), max.parse().unwrap()),
            etag: etag.map(str::to_owned),
            region: etag.map(|_| "West US".into()),
        };
        State {
            rid: "rid=".into(),
            mode: Mode::LatestVersion,
            start: Start::Time(UNIX_EPOCH + Duration::from_secs(77)),
            key: None,
            positions: positions.iter().map(position).collect(),
        }
    }

    #[test]
    fn tokens_round_trip() {
        let mut state = state(&[("3F", "FF", Some("\"7\"")), ("", "3F", None)]);
        assert_eq!(State::from_token(&state.to_token()).unwrap(), state);
        assert!(
            state.to_token().bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it))
        );
        for start in [Start::Beginning, Start::Now] {
            state.start = start;
            state.mode = Mode::AllVersionsAndDeletes;
            assert_eq!(State::from_token(&state.to_token()).unwrap(), state);
        }
        state.positions.truncate(1);
        state.key = Some(("é", 5, None::<bool>).into());
        assert_eq!(State::from_token(&state.to_token()).unwrap(), state);
    }

    #[test]
    fn damaged_and_foreign_tokens_are_refused() {
        let good = state(&[("", "FF", None)]).to_token();
        let encoded = |json: &str| URL_SAFE_NO_PAD.encode(json);
        for token in [
            "",
            "\"43\"",
            "é",
            "bm90IGpzb24",
            &good[..good.len() - 5],
            &encoded(r#"{"v":"v2","containerRid":"r","mode":"LatestVersion"}"#),
            &encoded(r#"{"V":2,"Rid":"r","Continuation":[]}"#),
            &encoded(r#"{"v":2,"kind":"changeFeed"}"#),
            &encoded(r#"{"v":1,"kind":"query"}"#),
            &encoded(
                r#"{"v":1,"kind":"changeFeed","rid":"r","mode":"LatestVersion","start":"now","ranges":[]}"#,
            ),
            &encoded(
                r#"{"v":1,"kind":"changeFeed","rid":"r","mode":"LatestVersion","start":"time","ranges":[{"min":"","max":"FF"}]}"#,
            ),
            &encoded(
                r#"{"v":1,"kind":"changeFeed","rid":"r","mode":"LatestVersion","start":"now","ranges":[{"min":"FF","max":""}]}"#,
            ),
        ] {
            let error = State::from_token(token).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::InvalidInput, "{token}");
            assert!(error.to_string().contains("no continuation of a change feed"), "{error}");
        }
    }

    #[test]
    fn positions_follow_splits_and_merges() {
        let map = |ranges: &[(&str, &str, &str)]| {
            let document = |(id, min, max): &(&str, &str, &str)| {
                serde_json::from_value(
                    serde_json::json!({ "id": id, "minInclusive": min, "maxExclusive": max }),
                )
                .unwrap()
            };
            PartitionKeyRangeMap::new(ranges.iter().map(document), None).unwrap()
        };
        let id_and_clip = |partition: Option<Partition>| match partition {
            Some(Partition::Range { id, clip }) => {
                (id, clip.map(|it| (it.min.to_string(), it.max.to_string())))
            }
            other => panic!("{other:?}"),
        };
        let mut state = state(&[("20", "90", Some("7")), ("90", "FF", None)]);
        let whole = map(&[("0", "", "FF")]);
        assert_eq!(
            id_and_clip(state.target(&whole)),
            ("0".into(), Some(("20".into(), "90".into())))
        );
        assert_eq!(state.positions.len(), 2);
        let halves = map(&[("1", "", "80"), ("2", "80", "FF")]);
        assert_eq!(
            id_and_clip(state.target(&halves)),
            ("1".into(), Some(("20".into(), "80".into())))
        );
        let ranges: Vec<_> = state
            .positions
            .iter()
            .map(|it| (it.range.min.to_string(), it.etag.as_deref()))
            .collect();
        assert_eq!(
            ranges,
            [("20".into(), Some("7")), ("80".into(), Some("7")), ("90".into(), None)]
        );
        let exact = map(&[("3", "", "20"), ("4", "20", "80"), ("5", "80", "FF")]);
        assert_eq!(id_and_clip(state.target(&exact)), ("4".into(), None));
    }
}
