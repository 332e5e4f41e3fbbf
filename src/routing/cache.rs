//! What the client knows of containers: their rid, their partition key definition, their partition key ranges.
//!
//! Each fact is fetched by one thread while the others wait for it, and kept until it proves wrong.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use super::map::{MapDefect, PartitionKeyRange, PartitionKeyRangeMap};
use super::session::SessionTokens;
use crate::client::Shared;
use crate::error::{Error, Result};
use crate::feed::parse_envelope;
use crate::link::Link;
use crate::partition_key::{PartitionKeyDefinition, parse_path};
use crate::pipeline::{Action, Hedging, ResourceType, Spec};
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
    pub(crate) fn get(
        &self,
        shared: &Shared,
        container: &Link,
        timeout: Duration,
    ) -> Result<Arc<ContainerFacts>> {
        self.state(container).facts(shared, container, timeout)
    }

    /// The facts about a container, or `None` where it may not be read.
    pub(crate) fn get_if_permitted(
        &self,
        shared: &Shared,
        container: &Link,
        timeout: Duration,
    ) -> Result<Option<Arc<ContainerFacts>>> {
        self.state(container).facts_if_permitted(shared, container, timeout)
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
        shared: &Shared,
        container: &Link,
        timeout: Duration,
    ) -> Result<Arc<ContainerFacts>> {
        let fetch = || self.fetch_facts(shared, container, timeout);
        self.facts.get_or_fetch(timeout, fetch)
    }

    /// The facts, for what goes without them where they may not be read: a resource token for an item, or for one
    /// partition key, need not be one for the container.
    pub(crate) fn facts_if_permitted(
        &self,
        shared: &Shared,
        container: &Link,
        timeout: Duration,
    ) -> Result<Option<Arc<ContainerFacts>>> {
        if let Some(known) = self.facts.get() {
            return Ok(Some(known));
        }
        let now = nanos(shared.clock.monotonic());
        if now < self.facts_refused_until.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match self.facts(shared, container, timeout) {
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

    /// An answer named a range that the map does not have: a split or merge happened.
    pub(crate) fn saw_range(&self, id: &str) {
        let is_news = |map: &PartitionKeyRangeMap| map.by_id(id).is_none() && !map.is_gone(id);
        if self.ranges.get().is_some_and(|map| is_news(&map)) {
            self.ranges.clear();
        }
    }

    fn fetch_facts(
        &self,
        shared: &Shared,
        container: &Link,
        timeout: Duration,
    ) -> Result<ContainerFacts> {
        let facts = read_container(shared, container, timeout)?;
        self.session.settle(&facts.rid);
        shared.containers.catch_up(self);
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
        let mut place = Place::of(base);
        let documents = read_range_feed(shared, container, &mut place, left)?;
        let Place { etag, region } = place;
        let map = match base.filter(|it| it.etag().is_some()) {
            Some(base) => base.merge(documents, etag),
            None => PartitionKeyRangeMap::new(documents, etag),
        };
        match map {
            Ok(map) => return Ok(map.read_in(region)),
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

/// A place in the feed of ranges: the etag, and the region whose own it is.
#[derive(Default)]
struct Place {
    etag: Option<String>,
    region: Option<Arc<str>>,
}

impl Place {
    /// Where a map ends; the start of the feed without one.
    fn of(map: Option<&Arc<PartitionKeyRangeMap>>) -> Self {
        let etag = map.and_then(|it| it.etag()).map(str::to_owned);
        let region = map.filter(|_| etag.is_some()).and_then(|it| it.region()).cloned();
        Self { etag, region }
    }

    /// The request for the page that follows, of the region that gave the one before if it can be had.
    fn request(&self, shared: &Shared, container: &Link) -> Spec {
        let mut spec = Spec::new(Action::List, ResourceType::PartitionKeyRange, container.clone());
        spec.headers.insert(header::A_IM, HeaderValue::from_static("Incremental Feed"));
        spec.headers.insert(header::MAX_ITEM_COUNT, HeaderValue::from_static("-1"));
        let etag = self.etag.as_deref().and_then(|it| HeaderValue::from_str(it).ok());
        if let Some(etag) = etag {
            spec.headers.insert(http::header::IF_NONE_MATCH, etag);
            spec.options.hedging = Some(Hedging::Off);
            let region = self.region.as_deref();
            spec.options.excluded_regions = region.and_then(|it| shared.regions.all_but(it));
        }
        spec
    }
}

/// All documents of the feed since a place, which moves on. It ends with a 304, or on servers without etags after one
/// page.
fn read_range_feed(
    shared: &Shared,
    container: &Link,
    place: &mut Place,
    timeout: Duration,
) -> Result<Vec<PartitionKeyRange>> {
    let mut documents = Vec::new();
    for _ in 0..MOST_PAGES {
        let mut spec = place.request(shared, container);
        spec.options.timeout = Some(timeout);
        let response = shared.run(spec)?;
        let answered = response.diagnostics().attempts().last();
        place.region = answered.and_then(|it| it.region.clone());
        let next = response.header(&http::header::ETAG).map(str::to_owned);
        let moved = next.is_some() && next != place.etag;
        place.etag = next.or_else(|| place.etag.take());
        if response.is_not_modified() {
            return Ok(documents);
        }
        let page: Vec<PartitionKeyRange> = parse_envelope(response.bytes())?;
        documents.extend(page);
        if !moved {
            return Ok(documents);
        }
    }
    Err(Error::new(crate::ErrorKind::Service, "the feed of partition key ranges does not end"))
}
