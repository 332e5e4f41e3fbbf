//! Reads a change feed, range after range.
//!
//! Ranges are asked in turn, one request each. A range that was split or merged is found by its hashes in the newer
//! map of partitions; the map, not the answer, decides how the position is divided.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use http::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue};
use serde::de::IgnoredAny;

use super::Setup;
use super::state::{Mode, Position, Start, State, unix_seconds};
use crate::auth::http_date;
use crate::client::CosmosClient;
use crate::diagnostics::{Diagnostics, MetadataReads};
use crate::error::{Error, ErrorKind, Result};
use crate::feed::{PageSource, RawPage, Rows, parse_envelope};
use crate::options::header_value;
use crate::pipeline::{Action, Partition, ResourceType, Spec};
use crate::response::Response;
use crate::routing::lookup::Lookup;
use crate::routing::map::PartitionKeyRangeMap;
use crate::routing::range::EpkRange;
use crate::wire::{header, sub_status};

use super::Scope;

/// A change feed that is being read.
pub(crate) struct Reader {
    asker: Asker,
    state: Option<State>,
    /// Whether nothing was read yet that a start anew would miss or repeat.
    is_fresh: bool,
}

impl Reader {
    pub(crate) fn new(client: CosmosClient, setup: Setup) -> Self {
        let is_fresh = setup.continuation.is_none();
        Self {
            asker: Asker { client, setup, metadata: MetadataReads::default() },
            state: None,
            is_fresh,
        }
    }

    /// How far the feed has been read. Where it has not begun, its start is looked up, and fixed if it is "now".
    pub(crate) fn state(&mut self) -> Result<&State> {
        self.prepare(&mut Cost::default())?;
        self.state.as_ref().ok_or_else(never_prepared)
    }

    /// The next page with changes, or an empty one after every range said that there is nothing new.
    pub(crate) fn read_page(&mut self) -> Result<RawPage> {
        let outcome = self.try_page();
        let Err(error) = outcome else { return outcome };
        if !error.is_of_other_container() {
            return Err(error);
        }
        let shared = &self.asker.client.shared;
        shared.containers.forget(&self.asker.setup.container);
        if !self.is_fresh {
            let message = "the container was deleted and made again since the change feed began; start it anew";
            return Err(Error::invalid_input(message).with_source(error));
        }
        self.state = None;
        self.try_page()
    }

    fn try_page(&mut self) -> Result<RawPage> {
        let mut cost = Cost::default();
        let is_answered = self.prepare(&mut cost)?;
        let state = self.state.as_mut().ok_or_else(never_prepared)?;
        let mut quiet = if is_answered { state.positions.len() } else { 0 };
        let mut extra = 0;
        while quiet < state.positions.len() {
            match self.asker.ask(state, &mut cost)? {
                Asked::Changes(body) => {
                    self.is_fresh = false;
                    return Ok(cost.page(Rows::Envelope(body), state));
                }
                Asked::MovedOn if extra < MOST_EMPTY_STEPS => extra += 1,
                Asked::MovedOn | Asked::Nothing => quiet += 1,
            }
        }
        self.is_fresh = false;
        Ok(cost.page(Rows::Raw(Vec::new()), state))
    }

    /// Finds out where to begin. Says whether all ranges were asked for that, so that there is nothing new to ask.
    fn prepare(&mut self, cost: &mut Cost) -> Result<bool> {
        if self.state.is_some() {
            return Ok(false);
        }
        let mut state = self.asker.first_state()?;
        let is_primed =
            state.start == Start::Now && state.positions.iter().any(|it| it.etag.is_none());
        if is_primed {
            self.asker.prime(&mut state, cost)?;
        }
        self.state = Some(state);
        Ok(is_primed)
    }
}

impl PageSource for Reader {
    fn next_page(&mut self) -> Result<Option<RawPage>> {
        self.read_page().map(Some)
    }
}

/// Most answers without items, but with a new position, that one page follows.
const MOST_EMPTY_STEPS: u32 = 100;
/// Most answers in a row that say that the partition is not there, before that is an error.
const MOST_MOVES: u32 = 10;
/// The first wait where the newer map shows no change yet; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(50);

fn never_prepared() -> Error {
    Error::new(ErrorKind::Service, "the change feed has no position")
}

/// What one request brought.
enum Asked {
    Changes(Vec<u8>),
    /// Nothing new in the range.
    Nothing,
    /// No items, yet more may follow: the service searches in steps.
    MovedOn,
}

/// The requests behind a page.
#[derive(Default)]
struct Cost {
    request_charge: f64,
    headers: HeaderMap,
    diagnostics: Vec<Diagnostics>,
}

impl Cost {
    fn add(&mut self, response: Response, metadata: MetadataReads) -> Vec<u8> {
        self.request_charge += response.request_charge();
        let (headers, body, diagnostics) = response.into_parts();
        self.headers = headers;
        self.diagnostics.push(diagnostics.after_reading(metadata));
        body
    }

    fn page(self, rows: Rows, state: &State) -> RawPage {
        RawPage {
            rows,
            continuation: Some(state.to_token()),
            headers: self.headers,
            request_charge: self.request_charge,
            diagnostics: self.diagnostics,
        }
    }
}

/// Makes the requests of a feed.
struct Asker {
    client: CosmosClient,
    setup: Setup,
    /// What was read of the container since the last answer.
    metadata: MetadataReads,
}

impl Asker {
    fn lookup(&self) -> Lookup<'_> {
        let lookup = Lookup::new(&self.client.shared, self.timeout());
        lookup.noted_in(&self.metadata, 0).as_of(&self.setup.options)
    }

    fn timeout(&self) -> Duration {
        self.setup.options.timeout.unwrap_or(self.client.shared.options.operation_timeout)
    }

    fn map(&self) -> Result<Arc<PartitionKeyRangeMap>> {
        let shared = &self.client.shared;
        shared.containers.ranges(&self.lookup(), &self.setup.container)
    }

    /// Where the feed begins: at its continuation, or at the start of the ranges that it is of.
    fn first_state(&self) -> Result<State> {
        let Setup { container, mode, start, scope, continuation, .. } = &self.setup;
        let shared = &self.client.shared;
        let facts = match scope {
            // The key is all that has to be known of the container, which the credential may not reach.
            Scope::Key(_) => shared.containers.get_if_permitted(&self.lookup(), container)?,
            _ => Some(shared.containers.get(&self.lookup(), container)?),
        };
        let rid = facts.as_ref().map(|it| it.rid.clone()).unwrap_or_default();
        let (key, range) = match (scope, facts) {
            (Scope::Container, _) => (None, EpkRange::full()),
            (Scope::Range(range), _) => (None, range.clone()),
            (Scope::Key(key), Some(facts)) => {
                let whole = Some(key).filter(|it| !facts.definition.is_prefix(it)).cloned();
                (whole, EpkRange::of(key, &facts.definition)?)
            }
            (Scope::Key(key), None) => (Some(key.clone()), EpkRange::full()),
        };
        if let Some(token) = continuation {
            let state = State::from_token(token)?;
            check_same(&state, &rid, *mode)?;
            if !state.is_within(&range) || key.is_some() && state.key != key {
                return Err(Error::invalid_input(
                    "the continuation is of another feed range or partition key than the change feed",
                ));
            }
            return Ok(state);
        }
        let positions = match key {
            Some(_) => [Position::start_of(range)].into(),
            None => {
                let map = self.map()?;
                let parts = map.overlapping(&range).iter();
                let parts = parts.filter_map(|it| it.epk_range().intersection(&range));
                parts.map(Position::start_of).collect()
            }
        };
        Ok(State { rid, mode: *mode, start: *start, key, positions })
    }

    /// Fixes "now" in every range, so that it does not move on until the range is first read.
    fn prime(&self, state: &mut State, cost: &mut Cost) -> Result<()> {
        while state.positions.iter().any(|it| it.etag.is_none()) {
            if state.positions.front().is_some_and(|it| it.etag.is_some()) {
                state.positions.rotate_left(1);
                continue;
            }
            // What comes with such an answer, if anything does, is older than now.
            self.ask(state, cost)?;
            if state.positions.back().is_some_and(|it| it.etag.is_none()) {
                return Err(Error::new(
                    ErrorKind::Service,
                    "the service does not say where the change feed is now",
                ));
            }
        }
        Ok(())
    }

    /// Asks the range at the front, and sends it to the back with its new position.
    fn ask(&self, state: &mut State, cost: &mut Cost) -> Result<Asked> {
        let response = self.request(state)?;
        let Some(mut position) = state.positions.pop_front() else { return Err(never_prepared()) };
        let next = response.header(&ETAG).filter(|it| !it.is_empty()).map(str::to_owned);
        let has_moved = next.is_some() && next != position.etag;
        // The first answer to a time may only say where that time is.
        let is_first_of_time = matches!(state.start, Start::Time(_)) && position.etag.is_none();
        let is_empty = is_empty(&response)?;
        if !is_empty && !has_moved {
            state.positions.push_front(position);
            return Err(Error::new(
                ErrorKind::Service,
                "the service does not say where the change feed goes on",
            ));
        }
        let may_have_more = has_moved && (is_first_of_time || !response.is_not_modified());
        if next.is_some() {
            let answered = response.diagnostics().attempts().last();
            position.region = answered.and_then(|it| it.region.clone());
        }
        position.etag = next.or(position.etag);
        state.positions.push_back(position);
        let body = cost.add(response, self.metadata.take());
        Ok(match (is_empty, may_have_more) {
            (false, _) => Asked::Changes(body),
            (true, true) => Asked::MovedOn,
            (true, false) => Asked::Nothing,
        })
    }

    /// The answer for the range at the front, wherever it is by now.
    fn request(&self, state: &mut State) -> Result<Response> {
        let shared = &self.client.shared;
        if let Some(key) = &state.key {
            let partition = Partition::Key(key.clone());
            return shared.run(self.spec(state, partition)?);
        }
        for moves in 0.. {
            let map = self.map()?;
            let partition = state.target(&map).ok_or_else(no_partition)?;
            let error = match shared.run(self.spec(state, partition)?) {
                Ok(response) => return Ok(response),
                Err(error) if has_moved(&error) && moves < MOST_MOVES => error,
                Err(error) => return Err(error),
            };
            log::info!("the change feed looks for its partition again: {error}");
            let newer =
                shared.containers.newer_ranges(&self.lookup(), &self.setup.container, &map)?;
            if newer.ranges() == map.ranges() {
                shared.clock.sleep(FIRST_WAIT.saturating_mul(1 << moves));
            }
        }
        Err(no_partition())
    }

    fn spec(&self, state: &State, partition: Partition) -> Result<Spec> {
        let container = &self.setup.container;
        let mut spec = Spec::new(Action::ChangeFeed, ResourceType::Item, container.clone());
        spec.container = Some(container.clone());
        spec.partition = partition;
        spec.headers = self.setup.headers.clone();
        spec.options = self.setup.options.clone();
        let headers = &mut spec.headers;
        headers.insert(
            header::A_IM,
            HeaderValue::from_static(match state.mode {
                Mode::LatestVersion => "Incremental Feed",
                Mode::AllVersionsAndDeletes => "Full-Fidelity Feed",
            }),
        );
        if self.setup.envelopes {
            headers.insert(header::CHANGE_FEED_WIRE_FORMAT, HeaderValue::from_static(ENVELOPES));
        }
        if !state.rid.is_empty() {
            let rid = header_value(&header::INTENDED_COLLECTION_RID, &state.rid)?;
            headers.insert(header::INTENDED_COLLECTION_RID, rid);
        }
        let front = state.positions.front();
        let etag = front.and_then(|it| it.etag.as_deref());
        spec.home = front.filter(|_| etag.is_some()).and_then(|it| it.region.clone());
        let headers = &mut spec.headers;
        match (etag, state.start) {
            (Some(etag), _) => {
                headers.insert(IF_NONE_MATCH, header_value(&IF_NONE_MATCH, etag)?);
            }
            (None, Start::Beginning) => {}
            (None, Start::Now) => {
                headers.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
            }
            (None, Start::Time(time)) => {
                let seconds = UNIX_EPOCH + Duration::from_secs(unix_seconds(time));
                let date = http_date(seconds);
                headers.insert(IF_MODIFIED_SINCE, header_value(&IF_MODIFIED_SINCE, &date)?);
            }
        }
        Ok(spec)
    }
}

/// The version of the wire format in which changes come in envelopes.
const ENVELOPES: &str = "2021-09-15";

fn check_same(state: &State, rid: &str, mode: Mode) -> Result<()> {
    if state.mode != mode {
        return Err(Error::invalid_input(format!(
            "the continuation is of a change feed of the mode {:?}, not {mode:?}",
            state.mode
        )));
    }
    if state.rid != rid {
        return Err(Error::invalid_input(format!(
            "the continuation is of another container (rid {:?}, not {rid:?}), or of one that was deleted since",
            state.rid
        )));
    }
    Ok(())
}

fn no_partition() -> Error {
    Error::new(ErrorKind::Service, "no partition holds the range of the change feed")
}

/// Whether an answer has no items.
fn is_empty(response: &Response) -> Result<bool> {
    if response.is_not_modified() || response.bytes().is_empty() {
        return Ok(true);
    }
    match response.header(&header::ITEM_COUNT).and_then(|it| it.parse::<u64>().ok()) {
        Some(count) => Ok(count == 0),
        None => Ok(parse_envelope::<IgnoredAny>(response.bytes())?.is_empty()),
    }
}

/// Whether the partition was split, merged or moved away.
fn has_moved(error: &Error) -> bool {
    error.status().is_some_and(|it| it.as_u16() == 410)
        && matches!(
            error.sub_status(),
            Some(
                sub_status::PARTITION_KEY_RANGE_GONE
                    | sub_status::COMPLETING_SPLIT
                    | sub_status::COMPLETING_MIGRATION
            )
        )
}
