//! Consistency levels.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

/// What a read may miss of the writes before it. From strong to weak.
///
/// ```
/// use cosmosdb::models::ConsistencyLevel;
///
/// assert!(ConsistencyLevel::Session.permits(ConsistencyLevel::Eventual));
/// assert!(!ConsistencyLevel::Session.permits(ConsistencyLevel::Strong));
/// assert_eq!("eventual".parse::<ConsistencyLevel>()?, ConsistencyLevel::Eventual);
/// # Ok::<(), cosmosdb::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConsistencyLevel {
    /// Reads see every write that was answered.
    Strong,
    /// Reads lag by no more versions or time than the account says.
    BoundedStaleness,
    /// A session sees its own writes. What new accounts have.
    #[default]
    Session,
    /// Reads see writes in their order, perhaps not the last ones.
    ConsistentPrefix,
    /// Reads see writes in any order, sooner or later.
    Eventual,
}

impl ConsistencyLevel {
    const STRONG_TO_WEAK: [Self; 5] = [
        Self::Strong,
        Self::BoundedStaleness,
        Self::Session,
        Self::ConsistentPrefix,
        Self::Eventual,
    ];

    /// Whether an account with this default serves requests for `requested`: the same level or a weaker one.
    pub fn permits(self, requested: Self) -> bool {
        self as u8 <= requested as u8
    }

    /// The word that the service uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strong => "Strong",
            Self::BoundedStaleness => "BoundedStaleness",
            Self::Session => "Session",
            Self::ConsistentPrefix => "ConsistentPrefix",
            Self::Eventual => "Eventual",
        }
    }
}

impl fmt::Display for ConsistencyLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ConsistencyLevel {
    type Err = Error;

    /// Reads the service's word in any case, and `Bounded`, which its documentation also has.
    fn from_str(text: &str) -> Result<Self> {
        let known =
            Self::STRONG_TO_WEAK.into_iter().find(|it| text.eq_ignore_ascii_case(it.as_str()));
        let bounded = || text.eq_ignore_ascii_case("Bounded").then_some(Self::BoundedStaleness);
        known.or_else(bounded).ok_or_else(|| {
            let all = Self::STRONG_TO_WEAK.map(Self::as_str).join(", ");
            Error::invalid_input(format!("{text:?} is not a consistency level; there are {all}"))
        })
    }
}

impl Serialize for ConsistencyLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ConsistencyLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// How a read is served, beyond the levels of consistency.
///
/// ```
/// use cosmosdb::ReadConsistencyStrategy;
///
/// assert_eq!(ReadConsistencyStrategy::LatestCommitted.to_string(), "LatestCommitted");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadConsistencyStrategy {
    /// From any replica.
    Eventual,
    /// As far as the session is.
    Session,
    /// What the majority of the replicas in the region has.
    LatestCommitted,
    /// What all regions have. For accounts of strong consistency with one write region.
    GlobalStrong,
}

impl ReadConsistencyStrategy {
    /// The word that the service uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eventual => "Eventual",
            Self::Session => "Session",
            Self::LatestCommitted => "LatestCommitted",
            Self::GlobalStrong => "GlobalStrong",
        }
    }
}

impl fmt::Display for ReadConsistencyStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_permits_itself_and_all_weaker_ones() {
        let levels = ConsistencyLevel::STRONG_TO_WEAK;
        for (at, level) in levels.into_iter().enumerate() {
            let permitted = levels.into_iter().filter(|it| level.permits(*it)).collect::<Vec<_>>();
            assert_eq!(permitted, levels[at..]);
        }
    }

    #[test]
    fn words_are_those_of_the_service() {
        for level in ConsistencyLevel::STRONG_TO_WEAK {
            assert_eq!(
                level.to_string().to_uppercase().parse::<ConsistencyLevel>().unwrap(),
                level
            );
        }
        assert_eq!(
            "Bounded".parse::<ConsistencyLevel>().unwrap(),
            ConsistencyLevel::BoundedStaleness
        );
        assert!("Strongest".parse::<ConsistencyLevel>().is_err());
    }
}
