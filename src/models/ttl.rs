//! How long items live.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How long items live after their last write.
///
/// On a container it is the default for items without a `ttl` of their own; a container without any keeps all items,
/// even those with a `ttl`.
///
/// ```
/// use cosmosdb::models::TimeToLive;
/// use std::time::Duration;
///
/// assert_eq!(TimeToLive::from(Duration::from_secs(3600)), TimeToLive::Seconds(3600));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeToLive {
    /// Items do not expire, unless they have a `ttl` of their own. `-1` on the wire.
    Forever,
    /// Items expire after so many seconds. The service takes no zero for the default of a container.
    Seconds(u32),
}

impl From<Duration> for TimeToLive {
    /// Whole seconds; what is left of one is dropped.
    fn from(duration: Duration) -> Self {
        Self::Seconds(u32::try_from(duration.as_secs()).unwrap_or(u32::MAX))
    }
}

impl Serialize for TimeToLive {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(match self {
            Self::Forever => -1,
            Self::Seconds(seconds) => i64::from(*seconds),
        })
    }
}

impl<'de> Deserialize<'de> for TimeToLive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = i64::deserialize(deserializer)?;
        if seconds < 0 {
            return Ok(Self::Forever);
        }
        Ok(Self::Seconds(u32::try_from(seconds).unwrap_or(u32::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minus_one_is_forever() {
        for (json, expected) in [("-1", TimeToLive::Forever), ("60", TimeToLive::Seconds(60))] {
            assert_eq!(serde_json::from_str::<TimeToLive>(json).unwrap(), expected);
            assert_eq!(serde_json::to_string(&expected).unwrap(), json);
        }
        let long = serde_json::from_str::<TimeToLive>("9000000000").unwrap();
        assert_eq!(long, TimeToLive::Seconds(u32::MAX));
    }
}
