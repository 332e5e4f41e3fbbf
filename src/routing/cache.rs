//! What the client knows of containers: their rid, their partition key definition, their partition key ranges.
//!
//! Each fact is fetched by one thread while the others wait for it, and kept until it proves wrong.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use super::lookup::Lookup;
use super::map::PartitionKeyRangeMap;
use super::range_feed;
use super::session::SessionTokens;
use crate::error::{Error, Result};
use crate::link::Link;
use crate::partition_key::{PartitionKeyDefinition, parse_path};
use crate::pipeline::{Action, ResourceType, Spec};
use crate::sync::Flight;

/// What requests need to know of a container.
#[derive(Debug)]
pub(crate) struct ContainerFacts {
    pub(crate) rid: String,
    /// The rid as a header, by which the service sees that another container is meant.
    pub(crate) rid_header: Option<HeaderValue>,
    pub(crate) definition: PartitionKeyDefinition,
    /// The definition's paths, split into property names.
    pub(crate) paths: Vec<Vec<String>>,
}

impl ContainerFacts {
    pub(crate) fn new(rid: String, definition: PartitionKeyDefinition) -> Result<Self> {
        let paths = definition.paths.iter().map(|it| parse_path(it)).collect::<Result<_>>()?;
        let rid_header = HeaderValue::from_str(&rid).ok().filter(|it| !it.is_empty());
        Ok(Self { rid, rid_header, definition, paths })
    }
}

/// The containers that the client has met, by their link.
///
/// A container that is addressed both by its name and by its resource id has two states. What one of them sees of the
/// session is told to the other: see [`heard`](Self::heard).
#[derive(Default)]
pub(crate) struct ContainerCache {
    states: RwLock<HashMap<String, Arc<ContainerState>>>,
    /// Whether a container was ever addressed by its resource id, so that two states can be of one container.
    has_rids: AtomicBool,
}

/// What the client knows of one container.
#[derive(Debug, Default)]
pub(crate) struct ContainerState {
    facts: Flight<ContainerFacts>,
    ranges: Flight<PartitionKeyRangeMap>,
    /// How far its partitions were seen.
    pub(crate) session: SessionTokens,
    /// The ranges could not be read where they were only of use, not needed: it is not tried again.
    ranges_refused: AtomicBool,
    /// Until when the definition is not asked for where it is only of use, since it may not be read; in nanoseconds of
    /// the client's clock.
    facts_refused_until: AtomicU64,
}

/// How long a definition that may not be read is not asked for again.
const REFUSED_FOR: Duration = Duration::from_secs(300);

impl ContainerCache {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The facts about a container, read from the service where they are not known.
    pub(crate) fn get(&self, lookup: &Lookup<'_>, container: &Link) -> Result<Arc<ContainerFacts>> {
        self.state(container).facts(lookup, container)
    }

    /// The facts about a container, or `None` where it may not be read.
    pub(crate) fn get_if_permitted(
        &self,
        lookup: &Lookup<'_>,
        container: &Link,
    ) -> Result<Option<Arc<ContainerFacts>>> {
        self.state(container).facts_if_permitted(lookup, container)
    }

    /// The partition key ranges of a container, read from the service where they are not known.
    pub(crate) fn ranges(
        &self,
        lookup: &Lookup<'_>,
        container: &Link,
    ) -> Result<Arc<PartitionKeyRangeMap>> {
        let fetch = || range_feed::read(lookup, container, None);
        self.state(container).ranges.get_or_fetch(lookup.timeout, fetch)
    }

    /// The partition key ranges after a change that made those that the caller `saw` wrong.
    pub(crate) fn newer_ranges(
        &self,
        lookup: &Lookup<'_>,
        container: &Link,
        saw: &Arc<PartitionKeyRangeMap>,
    ) -> Result<Arc<PartitionKeyRangeMap>> {
        let state = self.state(container);
        // What was cleared meanwhile may be another container's: its feed of ranges does not go on from the old one's.
        let base = state.ranges.get().map(|_| saw);
        let fetch = || range_feed::read(lookup, container, base);
        state.ranges.refresh_if_same(saw, lookup.timeout, fetch)
    }

    /// The partition key ranges as they are now, whatever is known of them.
    pub(crate) fn fresh_ranges(
        &self,
        lookup: &Lookup<'_>,
        container: &Link,
    ) -> Result<Arc<PartitionKeyRangeMap>> {
        match self.state(container).ranges.get() {
            Some(known) => self.newer_ranges(lookup, container, &known),
            None => self.ranges(lookup, container),
        }
    }

    /// Forgets a container: it was deleted. What is still under way for it changes nothing any more.
    pub(crate) fn forget(&self, container: &Link) {
        self.states.write().unwrap_or_else(PoisonError::into_inner).remove(container.as_str());
    }

    /// Forgets all containers below a database that was deleted.
    pub(crate) fn forget_below(&self, database: &Link) {
        let mut states = self.states.write().unwrap_or_else(PoisonError::into_inner);
        states.retain(|link, _| {
            let below = link.strip_prefix(database.as_str());
            !below.is_some_and(|it| it.starts_with('/'))
        });
    }

    /// What is known of a container. Where there is nothing yet, there is from now on.
    pub(crate) fn state(&self, container: &Link) -> Arc<ContainerState> {
        let known = self
            .states
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(container.as_str())
            .cloned();
        known.unwrap_or_else(|| self.new_state(container))
    }

    fn new_state(&self, container: &Link) -> Arc<ContainerState> {
        let state = {
            let mut states = self.states.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(states.entry(container.as_str().to_owned()).or_default())
        };
        if let Some(rid) = container.rid() {
            self.has_rids.store(true, Ordering::Relaxed);
            state.session.settle(rid);
            self.catch_up(&state);
        }
        state
    }

    /// Whether a container may be addressed in two ways, so that its rid has to be known for its session.
    pub(crate) fn may_have_twins(&self) -> bool {
        self.has_rids.load(Ordering::Relaxed)
    }

    /// Tells the other states of the container what an answer said of the session.
    pub(crate) fn heard(&self, state: &Arc<ContainerState>, headers: &HeaderMap) {
        for twin in self.twins(state) {
            twin.session.capture(headers);
        }
    }

    /// Tells the other states of the container of a token that another client saw.
    pub(crate) fn adopted(&self, state: &Arc<ContainerState>, token: &str) {
        for twin in self.twins(state) {
            // It was read once already, so that it is none that cannot be.
            let _ = twin.session.adopt(token);
        }
    }

    /// Takes over what the other states of the container have seen.
    fn catch_up(&self, state: &ContainerState) {
        for twin in self.twins(state) {
            let seen = twin.session.all();
            if let Some(token) = seen.as_ref().and_then(|it| it.to_str().ok()) {
                let _ = state.session.adopt(token);
            }
        }
    }

    /// The other states of the same container.
    fn twins(&self, state: &ContainerState) -> Vec<Arc<ContainerState>> {
        let Some(rid) = state.session.rid().filter(|_| self.may_have_twins()) else {
            return Vec::new();
        };
        let states: Vec<_> = {
            let states = self.states.read().unwrap_or_else(PoisonError::into_inner);
            states.values().filter(|it| !std::ptr::eq(&***it, state)).cloned().collect()
        };
        states.into_iter().filter(|it| it.session.rid().as_ref() == Some(&rid)).collect()
    }
}

impl ContainerState {
    pub(crate) fn known_facts(&self) -> Option<Arc<ContainerFacts>> {
        self.facts.get()
    }

    pub(crate) fn known_ranges(&self) -> Option<Arc<PartitionKeyRangeMap>> {
        self.ranges.get()
    }

    /// The facts, read from the service where they are not known.
    pub(crate) fn facts(
        &self,
        lookup: &Lookup<'_>,
        container: &Link,
    ) -> Result<Arc<ContainerFacts>> {
        let fetch = || self.fetch_facts(lookup, container);
        self.facts.get_or_fetch(lookup.timeout, fetch)
    }

    /// The facts, for what goes without them where they may not be read: a resource token for an item, or for one
    /// partition key, need not be one for the container.
    pub(crate) fn facts_if_permitted(
        &self,
        lookup: &Lookup<'_>,
        container: &Link,
    ) -> Result<Option<Arc<ContainerFacts>>> {
        if let Some(known) = self.facts.get() {
            return Ok(Some(known));
        }
        let now = nanos(lookup.shared.clock.monotonic());
        if now < self.facts_refused_until.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match self.facts(lookup, container) {
            Ok(facts) => Ok(Some(facts)),
            Err(error) if may_not_be_read(&error) => {
                log::info!("{} may not be read: {error}", container.as_str());
                let until = now.saturating_add(nanos(REFUSED_FOR));
                self.facts_refused_until.store(until, Ordering::Relaxed);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The facts after something showed that those which the caller `saw` are wrong. Where it is another container by
    /// now, its ranges and session tokens go too.
    pub(crate) fn newer_facts(
        &self,
        lookup: &Lookup<'_>,
        container: &Link,
        saw: Option<&Arc<ContainerFacts>>,
    ) -> Result<Arc<ContainerFacts>> {
        let fetch = || self.fetch_facts(lookup, container);
        let facts = match saw {
            Some(saw) => self.facts.refresh_if_same(saw, lookup.timeout, fetch)?,
            None => self.facts.get_or_fetch(lookup.timeout, fetch)?,
        };
        if saw.is_none_or(|saw| saw.rid != facts.rid) {
            self.ranges.clear();
        }
        Ok(facts)
    }

    /// The ranges, for a request that does better with them but goes without: read once at most, and no error.
    pub(crate) fn ranges_if_readable(
        &self,
        lookup: &Lookup<'_>,
        container: &Link,
    ) -> Option<Arc<PartitionKeyRangeMap>> {
        if let Some(known) = self.ranges.get() {
            return Some(known);
        }
        if self.ranges_refused.load(Ordering::Relaxed) {
            return None;
        }
        let fetch = || range_feed::read(lookup, container, None);
        match self.ranges.get_or_fetch(lookup.timeout, fetch) {
            Ok(ranges) => Some(ranges),
            Err(error) => {
                log::warn!("the ranges of {} could not be read: {error}", container.as_str());
                self.ranges_refused.store(true, Ordering::Relaxed);
                None
            }
        }
    }

    /// Reads again the ranges that the caller `saw`, if it saw any and nobody else has.
    pub(crate) fn refresh_ranges(
        &self,
        lookup: &Lookup<'_>,
        container: &Link,
        saw: &Arc<PartitionKeyRangeMap>,
    ) -> Result<()> {
        let fetch = || range_feed::read(lookup, container, Some(saw));
        self.ranges.refresh_if_same(saw, lookup.timeout, fetch).map(drop)
    }

    /// An answer named a range that the map does not have: a split or merge happened. A map that is being read just now
    /// may be from before that, and is not kept.
    pub(crate) fn saw_range(&self, id: &str) {
        let is_known = |map: &PartitionKeyRangeMap| map.by_id(id).is_some() || map.is_gone(id);
        if !self.ranges.get().is_some_and(|map| is_known(&map)) {
            self.ranges.clear();
        }
    }

    /// Takes over the session of another client, which may have seen ranges that the map does not have yet. Without
    /// them the tokens would not be sent.
    pub(crate) fn adopt_session(&self, token: &str) -> Result<()> {
        self.session.adopt(token)?.into_iter().for_each(|it| self.saw_range(it));
        Ok(())
    }

    fn fetch_facts(&self, lookup: &Lookup<'_>, container: &Link) -> Result<ContainerFacts> {
        let facts = read_container(lookup, container)?;
        self.session.settle(&facts.rid);
        lookup.shared.containers.catch_up(self);
        Ok(facts)
    }
}

impl fmt::Debug for ContainerCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContainerCache").finish_non_exhaustive()
    }
}

/// Whether the credential does not reach as far as the container: the service says so, or there is no token for it.
fn may_not_be_read(error: &Error) -> bool {
    error.is_unauthorized() || error.kind() == crate::ErrorKind::Credential
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn read_container(lookup: &Lookup<'_>, container: &Link) -> Result<ContainerFacts> {
    /// Only what is needed, so that a policy which this version cannot read does no harm.
    #[derive(serde::Deserialize)]
    struct Properties {
        #[serde(rename = "_rid", default)]
        rid: String,
        #[serde(rename = "partitionKey")]
        partition_key: PartitionKeyDefinition,
    }
    let mut spec = Spec::new(Action::Read, ResourceType::Container, container.clone());
    spec.options.timeout = Some(lookup.timeout);
    let Properties { rid, partition_key: definition } = lookup.run(spec)?.item()?;
    ContainerFacts::new(rid, definition)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(id: &str) -> PartitionKeyRangeMap {
        let range = format!(r#"{{"id":"{id}","minInclusive":"","maxExclusive":"FF"}}"#);
        PartitionKeyRangeMap::new(vec![serde_json::from_str(&range).unwrap()], None).unwrap()
    }

    #[test]
    fn a_map_without_a_range_that_was_seen_is_not_kept() {
        let long = Duration::from_secs(60);
        let state = ContainerState::default();
        let read = |seen: &str| {
            let fetch = || {
                state.saw_range(seen);
                Ok(map("0"))
            };
            state.ranges.get_or_fetch(long, fetch).unwrap();
        };
        read("1");
        assert!(state.known_ranges().is_none(), "it was seen while the map was read");
        state.ranges.set(map("0"));
        state.saw_range("0");
        assert!(state.known_ranges().is_some());
        state.adopt_session("0:-1#5").unwrap();
        assert!(state.known_ranges().is_some());
        state.adopt_session("0:-1#6,1:-1#7").unwrap();
        assert!(state.known_ranges().is_none(), "another client has seen it");
    }
}
