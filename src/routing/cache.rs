//! What the client knows of containers: their rid, their partition key definition, their partition key ranges.
//!
//! Each fact is fetched by one thread while the others wait for it, and kept until it proves wrong.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::HeaderValue;

use super::map::{MapDefect, PartitionKeyRange, PartitionKeyRangeMap};
use super::session::SessionTokens;
use crate::client::Shared;
use crate::error::{Error, Result};
use crate::feed::parse_envelope;
use crate::link::Link;
use crate::partition_key::{PartitionKeyDefinition, parse_path};
use crate::pipeline::{Action, ResourceType, Spec};
use crate::sync::Flight;
use crate::wire::header;

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
#[derive(Default)]
pub(crate) struct ContainerCache {
    states: RwLock<HashMap<String, Arc<ContainerState>>>,
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
}

impl ContainerCache {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The facts about a container, read from the service where they are not known.
    pub(crate) fn get(
        &self,
        shared: &Shared,
        container: &Link,
        timeout: Duration,
    ) -> Result<Arc<ContainerFacts>> {
        self.state(container).facts(shared, container, timeout)
    }

    /// The partition key ranges of a container, read from the service where they are not known.
    pub(crate) fn ranges(
        &self,
        shared: &Shared,
        container: &Link,
        timeout: Duration,
    ) -> Result<Arc<PartitionKeyRangeMap>> {
        let fetch = || read_ranges(shared, container, None, timeout);
        self.state(container).ranges.get_or_fetch(timeout, fetch)
    }

    /// The partition key ranges after a change that made those that the caller `saw` wrong.
    pub(crate) fn newer_ranges(
        &self,
        shared: &Shared,
        container: &Link,
        saw: &Arc<PartitionKeyRangeMap>,
        timeout: Duration,
    ) -> Result<Arc<PartitionKeyRangeMap>> {
        let state = self.state(container);
        // What was cleared meanwhile may be another container's: its feed of ranges does not go on from the old one's.
        let base = state.ranges.get().map(|_| saw);
        let fetch = || read_ranges(shared, container, base, timeout);
        state.ranges.refresh_if_same(saw, timeout, fetch)
    }

    /// The partition key ranges as they are now, whatever is known of them.
    pub(crate) fn fresh_ranges(
        &self,
        shared: &Shared,
        container: &Link,
        timeout: Duration,
    ) -> Result<Arc<PartitionKeyRangeMap>> {
        match self.state(container).ranges.get() {
            Some(known) => self.newer_ranges(shared, container, &known, timeout),
            None => self.ranges(shared, container, timeout),
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
        known.unwrap_or_else(|| {
            let mut states = self.states.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(states.entry(container.as_str().to_owned()).or_default())
        })
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
        shared: &Shared,
        container: &Link,
        timeout: Duration,
    ) -> Result<Arc<ContainerFacts>> {
        let fetch = || self.fetch_facts(shared, container, timeout);
        self.facts.get_or_fetch(timeout, fetch)
    }

    /// The facts after something showed that those which the caller `saw` are wrong. Where it is another container by
    /// now, its ranges and session tokens go too.
    pub(crate) fn newer_facts(
        &self,
        shared: &Shared,
        container: &Link,
        saw: Option<&Arc<ContainerFacts>>,
        timeout: Duration,
    ) -> Result<Arc<ContainerFacts>> {
        let fetch = || self.fetch_facts(shared, container, timeout);
        let facts = match saw {
            Some(saw) => self.facts.refresh_if_same(saw, timeout, fetch)?,
            None => self.facts.get_or_fetch(timeout, fetch)?,
        };
        if saw.is_none_or(|saw| saw.rid != facts.rid) {
            self.ranges.clear();
        }
        Ok(facts)
    }

    /// The ranges, for a request that does better with them but goes without: read once at most, and no error.
    pub(crate) fn ranges_if_readable(
        &self,
        shared: &Shared,
        container: &Link,
        timeout: Duration,
    ) -> Option<Arc<PartitionKeyRangeMap>> {
        if let Some(known) = self.ranges.get() {
            return Some(known);
        }
        if self.ranges_refused.load(Ordering::Relaxed) {
            return None;
        }
        let fetch = || read_ranges(shared, container, None, timeout);
        match self.ranges.get_or_fetch(timeout, fetch) {
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
        shared: &Shared,
        container: &Link,
        saw: &Arc<PartitionKeyRangeMap>,
        timeout: Duration,
    ) -> Result<()> {
        let fetch = || read_ranges(shared, container, Some(saw), timeout);
        self.ranges.refresh_if_same(saw, timeout, fetch).map(drop)
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

    fn fetch_facts(
        &self,
        shared: &Shared,
        container: &Link,
        timeout: Duration,
    ) -> Result<ContainerFacts> {
        let facts = read_container(shared, container, timeout)?;
        self.session.settle(&facts.rid);
        Ok(facts)
    }
}

impl fmt::Debug for ContainerCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContainerCache").finish_non_exhaustive()
    }
}

fn read_container(shared: &Shared, container: &Link, timeout: Duration) -> Result<ContainerFacts> {
    /// Only what is needed, so that a policy which this version cannot read does no harm.
    #[derive(serde::Deserialize)]
    struct Properties {
        #[serde(rename = "_rid", default)]
        rid: String,
        #[serde(rename = "partitionKey")]
        partition_key: PartitionKeyDefinition,
    }
    let mut spec = Spec::new(Action::Read, ResourceType::Container, container.clone());
    spec.options.timeout = Some(timeout);
    let Properties { rid, partition_key: definition } = shared.run(spec)?.item()?;
    ContainerFacts::new(rid, definition)
}

/// Most tries to read ranges that fit together while a split is under way.
const MOST_TRIES: u32 = 4;
/// The first wait between those; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(200);

fn read_ranges(
    shared: &Shared,
    container: &Link,
    seen: Option<&Arc<PartitionKeyRangeMap>>,
    timeout: Duration,
) -> Result<PartitionKeyRangeMap> {
    let end = shared.clock.monotonic() + timeout;
    let mut base = seen;
    for retry in 0..MOST_TRIES {
        let left = end.saturating_sub(shared.clock.monotonic());
        let (documents, etag) =
            read_range_feed(shared, container, base.and_then(|it| it.etag()), left)?;
        let map = match base.filter(|it| it.etag().is_some()) {
            Some(base) => base.merge(documents, etag),
            None => PartitionKeyRangeMap::new(documents, etag),
        };
        match map {
            Ok(map) => return Ok(map),
            Err(MapDefect::Overlapping | MapDefect::UnknownParents) => base = None,
            Err(MapDefect::Incomplete) => {}
        }
        let wait = FIRST_WAIT.saturating_mul(1 << retry);
        if wait >= end.saturating_sub(shared.clock.monotonic()) {
            break;
        }
        shared.clock.sleep(wait);
    }
    let name = container.as_str();
    Err(Error::new(
        crate::ErrorKind::Service,
        format!("the partition key ranges of {name} do not fit together"),
    ))
}

/// Most pages of the feed of ranges: a bound against servers that never end it.
const MOST_PAGES: usize = 10_000;

/// All documents of the feed since `etag`. It ends with a 304, or on servers without etags after one page.
fn read_range_feed(
    shared: &Shared,
    container: &Link,
    etag: Option<&str>,
    timeout: Duration,
) -> Result<(Vec<PartitionKeyRange>, Option<String>)> {
    let mut documents = Vec::new();
    let mut etag = etag.map(str::to_owned);
    for _ in 0..MOST_PAGES {
        let mut spec = Spec::new(Action::List, ResourceType::PartitionKeyRange, container.clone());
        spec.options.timeout = Some(timeout);
        spec.headers.insert(header::A_IM, HeaderValue::from_static("Incremental Feed"));
        spec.headers.insert(header::MAX_ITEM_COUNT, HeaderValue::from_static("-1"));
        if let Some(value) = etag.as_deref().and_then(|it| HeaderValue::from_str(it).ok()) {
            spec.headers.insert(http::header::IF_NONE_MATCH, value);
        }
        let response = shared.run(spec)?;
        let next = response.header(&http::header::ETAG).map(str::to_owned);
        if response.is_not_modified() {
            return Ok((documents, next.or(etag)));
        }
        let page: Vec<PartitionKeyRange> = parse_envelope(response.bytes())?;
        let moved = next.is_some() && next != etag;
        etag = next.or(etag);
        let ended = !moved && page.is_empty();
        documents.extend(page);
        if !moved || ended {
            return Ok((documents, etag));
        }
    }
    Err(Error::new(crate::ErrorKind::Service, "the feed of partition key ranges does not end"))
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
