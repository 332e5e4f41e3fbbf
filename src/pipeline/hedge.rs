//! Asking a second region when the first is slow.
//!
//! Each region that is asked is an operation of its own, in a thread of its own, which may outlive the call: a request
//! that lost runs out by itself. Only reads of items are hedged.

use std::sync::Arc;
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
}

/// The plan for an operation; `None` where it goes its usual way.
pub(crate) fn plan(shared: &Shared, spec: &Spec) -> Option<Plan> {
    let options = match (&spec.options.hedging, &shared.options.hedging) {
        (Some(Hedging::Off), _) | (None, None) => return None,
        (Some(Hedging::On(options)), _) | (None, Some(options)) => options.clone(),
    };
    // The place in a change feed belongs to the region that gave it.
    let is_change_feed = spec.action == Action::ChangeFeed;
    if spec.resource != ResourceType::Item || !spec.action.is_read_only() || is_change_feed {
        return None;
    }
    let locations = shared.regions.known().filter(|_| shared.regions.discovers())?;
    if locations.account.disable_cross_regional_hedging {
        return None;
    }
    let excluded = shared.regions.excluded(spec);
    let exclusions = exclusions(&locations, excluded);
    let shared = shared.this.upgrade()?;
    (exclusions.len() > 1).then_some(Plan { shared, options, exclusions })
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
    let mut race = Race { plan, spec, sender: Some(sender), started: 0, finished: 0, failed: None };
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
        let mut spec = self.spec.clone();
        spec.options.excluded_regions = Some(Arc::clone(excluded));
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

    /// The next answer; `None` when it is time to ask one region more, or nothing is under way.
    fn next(&self, answers: &Receiver<Outcome>) -> Option<Outcome> {
        if self.finished == self.started {
            return None;
        }
        if self.sender.is_none() {
            return answers.recv().ok();
        }
        let HedgingOptions { threshold, step } = self.plan.options;
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
        if winner == 0 || !shared.regions.breaker.is_on() {
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
