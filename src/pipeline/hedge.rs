//! Asking a second region when the first is slow.
//!
//! Each region that is asked is an operation of its own, in a thread of its own, which may outlive the call: a request
//! that lost runs out by itself. Only reads of items, of containers and of partition key ranges are hedged.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use super::{Action, Context, Hedging, ResourceType, Spec};
use crate::client::Shared;
use crate::client::options::HedgingOptions;
use crate::error::{Error, ErrorKind, Result};
use crate::response::Response;
use crate::routing::locations::{Locations, Wants};

/// How a read is to be hedged.
pub(crate) struct Plan {
    shared: Arc<Shared>,
    options: HedgingOptions,
    /// What each request may not ask: the first what the caller excludes, each further one all but its own region.
    exclusions: Vec<Arc<[String]>>,
    /// Of a read of metadata: its part of what may be hedged at once.
    _share: Option<Share>,
}

/// Most reads of metadata that are hedged at once: a region that is slow to tell is not to cost a thread for each.
const MOST_METADATA_RACES: usize = 32;

/// One read of metadata among those that may be hedged.
struct Share(Arc<AtomicUsize>);

impl Share {
    fn take(races: &Arc<AtomicUsize>) -> Option<Self> {
        let share = Self(Arc::clone(races));
        (races.fetch_add(1, Ordering::SeqCst) < MOST_METADATA_RACES).then_some(share)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The plan for an operation; `None` where it goes its usual way.
pub(crate) fn plan(shared: &Shared, spec: &Spec) -> Option<Plan> {
    let mut options = match (&spec.options.hedging, &shared.options.hedging) {
        (Some(Hedging::Off), _) | (None, None) => return None,
        (Some(Hedging::On(options)), _) | (None, Some(options)) => options.clone(),
    };
    if !may_be_hedged(spec) {
        return None;
    }
    let locations = shared.regions.known().filter(|_| shared.regions.discovers())?;
    if locations.account.disable_cross_regional_hedging == Some(true) {
        return None;
    }
    let excluded = shared.regions.excluded(spec);
    let exclusions = exclusions(&locations, excluded);
    if exclusions.len() < 2 {
        return None;
    }
    let mut share = None;
    if spec.resource.is_metadata() {
        options.threshold = options.metadata_threshold;
        share = Some(Share::take(&shared.regions.metadata_races)?);
    }
    Some(Plan { shared: shared.this.upgrade()?, options, exclusions, _share: share })
}

/// The place in a change feed belongs to the region that gave it.
fn may_be_hedged(spec: &Spec) -> bool {
    match spec.resource {
        ResourceType::Item => spec.action.is_read_only() && spec.action != Action::ChangeFeed,
        ResourceType::Container => spec.action == Action::Read,
        ResourceType::PartitionKeyRange => spec.action == Action::List,
        _ => false,
    }
}

fn exclusions(locations: &Locations, excluded: &[String]) -> Vec<Arc<[String]>> {
    let candidates = locations.candidates(Wants::Reads, excluded, false);
    let names: Vec<&str> = candidates.iter().filter_map(|it| it.region.as_deref()).collect();
    let all_but = |own: &str| {
        let others = names.iter().filter(|it| **it != own).map(|it| (*it).to_owned());
        others.chain(excluded.iter().cloned()).collect()
    };
    let first = std::iter::once(excluded.into());
    first.chain(names.iter().skip(1).map(|it| all_but(it))).collect()
}

/// Carries out a read, by as many regions as its slowness takes.
pub(crate) fn run(plan: Plan, spec: Spec) -> Result<Response> {
    let (sender, answers) = channel();
    let timeout = spec.options.timeout.unwrap_or(plan.shared.options.operation_timeout);
    let end = plan.shared.clock.monotonic() + timeout;
    let sender = Some(sender);
    let mut race = Race { plan, spec, end, sender, started: 0, finished: 0, failed: None };
    while race.start() {
        while let Some((at, outcome)) = race.next(&answers) {
            match outcome {
                Ok(response) => {
                    race.note_loss(at);
                    return Ok(response);
                }
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => {
                    race.finished += 1;
                    // The first request went its way through all regions, so that its error says most.
                    if at == 0 || race.failed.is_none() {
                        race.failed = Some(error);
                    }
                }
            }
        }
        if race.is_over() {
            break;
        }
    }
    match race.failed.take() {
        Some(error) => Err(error),
        None => race.plan.shared.pipeline.run(&race.plan.shared, race.spec),
    }
}

/// Whether another region would say the same.
fn is_final(error: &Error) -> bool {
    match error.status().map(|it| it.as_u16()) {
        Some(404) => error.sub_status().is_none(),
        Some(status) => matches!(status, 400 | 401 | 405 | 409 | 412 | 413),
        None => matches!(
            error.kind(),
            ErrorKind::InvalidInput | ErrorKind::Credential | ErrorKind::Json
        ),
    }
}

type Outcome = (usize, Result<Response>);

/// The requests under way for one read.
struct Race {
    plan: Plan,
    spec: Spec,
    /// When the call has to end: one deadline is for all requests.
    end: Duration,
    /// Gone when the last request has started, so that waiting ends should all of them panic.
    sender: Option<Sender<Outcome>>,
    started: usize,
    finished: usize,
    failed: Option<Error>,
}

impl Race {
    /// Asks one region more, if there is one. `false` too where the system gives no thread.
    fn start(&mut self) -> bool {
        let at = self.started;
        let Some(excluded) = self.plan.exclusions.get(at) else { return false };
        let is_last = at + 1 == self.plan.exclusions.len();
        let sender = if is_last { self.sender.take() } else { self.sender.clone() };
        let Some(sender) = sender else { return false };
        let spec = self.confined(excluded);
        let shared = Arc::clone(&self.plan.shared);
        let ask = move || {
            // Nobody may be waiting any more: then the answer is of no use.
            let _ = sender.send((at, shared.pipeline.run(&shared, spec)));
        };
        match thread::Builder::new().name(format!("cosmosdb-hedge-{at}")).spawn(ask) {
            Ok(_) => {
                self.started += 1;
                true
            }
            Err(error) => {
                log::warn!("a read could not be hedged: {error}");
                false
            }
        }
    }

    /// The read for the regions that are not excluded, in the time that is left.
    fn confined(&self, excluded: &Arc<[String]>) -> Spec {
        let mut spec = self.spec.clone();
        spec.options.excluded_regions = Some(Arc::clone(excluded));
        spec.options.timeout = Some(self.end.saturating_sub(self.plan.shared.clock.monotonic()));
        spec
    }

    /// The next answer; `None` when it is time to ask one region more, or nothing is under way.
    fn next(&self, answers: &Receiver<Outcome>) -> Option<Outcome> {
        if self.finished == self.started {
            return None;
        }
        if self.sender.is_none() {
            return answers.recv().ok();
        }
        let HedgingOptions { threshold, step, .. } = self.plan.options;
        let patience: Duration = if self.started == 1 { threshold } else { step };
        answers.recv_timeout(patience).ok()
    }

    /// Whether everything that was asked has failed.
    fn is_over(&self) -> bool {
        self.finished == self.started
    }

    /// A first region that lost is on its way to being too slow for the partition.
    fn note_loss(&self, winner: usize) {
        let shared = &self.plan.shared;
        let is_item = self.spec.resource == ResourceType::Item;
        if winner == 0 || !is_item || !shared.regions.breaker.is_on() {
            return;
        }
        let mut ctx = Context::new(shared, &self.spec);
        let Some(partition) = ctx.partition_id() else { return };
        let Some(locations) = shared.regions.known() else { return };
        let excluded = shared.regions.excluded(&self.spec);
        let candidates = locations.candidates(Wants::Reads, excluded, false);
        if let Some(first) = candidates.first() {
            shared.regions.breaker.was_slow(&partition, first, shared.clock.monotonic());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CosmosClient;
    use crate::clock::VirtualClock;
    use crate::link::Link;
    use crate::transport::{Request, TransportError, TransportErrorKind};

    #[test]
    fn a_request_that_starts_later_has_no_more_time_than_is_left() {
        let clock = VirtualClock::new();
        let never = |_: &Request| Err(TransportError::not_sent(TransportErrorKind::Connect, "no"));
        let client = CosmosClient::builder("https://localhost:1/").key("c2VjcmV0").transport(never);
        let shared = Arc::clone(&client.clock(clock.clone()).build().unwrap().shared);
        let (options, exclusions) = (HedgingOptions::new(), Vec::new());
        let plan = Plan { shared, options, exclusions, _share: None };
        let spec = Spec::new(Action::Read, ResourceType::Item, Link::account());
        let end = Duration::from_secs(10);
        let race = Race { plan, spec, end, sender: None, started: 0, finished: 0, failed: None };
        for (passed, left) in [(0, 10), (8, 2), (5, 0)] {
            clock.advance(Duration::from_secs(passed));
            let spec = race.confined(&Arc::from([]));
            assert_eq!(spec.options.timeout, Some(Duration::from_secs(left)));
        }
    }

    #[test]
    fn no_more_than_so_many_reads_of_metadata_are_hedged_at_once() {
        let races = Arc::default();
        let shares: Vec<_> = (0..MOST_METADATA_RACES).map(|_| Share::take(&races)).collect();
        assert!(shares.iter().all(Option::is_some));
        assert!(Share::take(&races).is_none());
        drop(shares);
        assert!(Share::take(&races).is_some());
    }
}
