//! What a request that came back means for each of its operations.

use std::time::Duration;

use super::operation::Pending;
use super::totals::BulkProgress;
use super::verdict::{Outcome, Verdict, judge};
use crate::batch::BatchResult;
use crate::batch::entry::Verb;
use crate::client::Shared;
use crate::error::{Error, Result};
use crate::response::Response;

/// The operations of a request, sorted by what happens to them.
#[derive(Default)]
pub(super) struct Settled {
    pub(super) results: Vec<(Pending, Result<BatchResult>)>,
    /// Those that are sent again, in order.
    pub(super) again: Vec<Pending>,
    /// How long they wait first.
    pub(super) pause: Duration,
    pub(super) throttled: bool,
    pub(super) moved: bool,
    pub(super) recreated: bool,
    /// How many operations the answer had room for, where that was too few.
    pub(super) answer_had_room_for: Option<usize>,
}

/// Most times that a read is sent again because its answer did not arrive.
const MOST_LOST_READS: u32 = 3;

impl Settled {
    pub(super) fn new(
        group: Vec<Pending>,
        answer: Result<Response>,
        shared: &Shared,
        progress: &BulkProgress,
    ) -> Self {
        let count = group.len();
        let mut settled = Self::default();
        progress.count_request(match &answer {
            Ok(response) => response.request_charge(),
            Err(error) => error.request_charge(),
        });
        match answer.and_then(|response| Ok((results_of(&response, count)?, response))) {
            Ok((results, response)) => {
                for (position, (mut pending, result)) in group.into_iter().zip(results).enumerate()
                {
                    let outcome = Outcome { was_alone: count == 1, ..outcome_of(&result) };
                    let verdict = settled.verdict(outcome, &mut pending, shared, position);
                    settled.note(verdict, pending, progress, |pending| {
                        let (verb, id) = (pending.entry.verb, &pending.entry.id);
                        result.into_outcome(&response, &format!("{} item {id:?}", verb.word()))
                    });
                }
            }
            Err(error) => {
                for mut pending in group {
                    let verdict = match outcome_of_error(&error) {
                        Some(outcome) => {
                            let outcome = Outcome { was_alone: count == 1, ..outcome };
                            settled.verdict(outcome, &mut pending, shared, count / 2)
                        }
                        None => judge_lost(&error, &mut pending),
                    };
                    let is_read = pending.entry.verb == Verb::Read;
                    settled.note(verdict, pending, progress, |_| {
                        Err(if is_read { error.copy().of_read() } else { error.copy() })
                    });
                }
            }
        }
        settled
    }

    fn verdict(
        &mut self,
        outcome: Outcome,
        pending: &mut Pending,
        shared: &Shared,
        position: usize,
    ) -> Verdict {
        let jitter = shared.activity_ids.jitter();
        let verdict = judge(outcome, &mut pending.tries, &shared.options.retry, jitter);
        self.throttled |= matches!(outcome.status, 429);
        if verdict == Verdict::AnswerFull {
            self.answer_had_room_for.get_or_insert(position);
        }
        verdict
    }

    fn note(
        &mut self,
        verdict: Verdict,
        pending: Pending,
        progress: &BulkProgress,
        result: impl FnOnce(&Pending) -> Result<BatchResult>,
    ) {
        let wait = match verdict {
            Verdict::Final => {
                let result = result(&pending);
                return self.results.push((pending, result));
            }
            Verdict::Moved { wait } => {
                self.moved = true;
                wait
            }
            Verdict::Recreated => {
                self.recreated = true;
                Duration::ZERO
            }
            Verdict::Throttled { wait } | Verdict::Again { wait } => wait,
            Verdict::AnswerFull => Duration::ZERO,
        };
        progress.count_retry(matches!(verdict, Verdict::Throttled { .. }));
        self.pause = self.pause.max(wait);
        self.again.push(pending);
    }
}

/// The results in an answer, one for each operation.
fn results_of(response: &Response, count: usize) -> Result<Vec<BatchResult>> {
    let unreadable = |text: String| {
        Error::json(text).with_diagnostics(response.diagnostics().clone()).ambiguous()
    };
    let results = BatchResult::parse_all(response.bytes())
        .map_err(|error| unreadable(format!("the answer is no list of results: {error}")))?;
    if results.len() == count {
        return Ok(results);
    }
    let results = results.len();
    Err(unreadable(format!("the answer has {results} results for {count} operations")))
}

fn outcome_of(result: &BatchResult) -> Outcome {
    Outcome {
        status: result.status().as_u16(),
        sub_status: result.sub_status().unwrap_or(0),
        retry_after: result.retry_after(),
        was_alone: false,
    }
}

/// The outcome of all operations of a request that the service refused as a whole.
fn outcome_of_error(error: &Error) -> Option<Outcome> {
    Some(Outcome {
        status: error.status()?.as_u16(),
        sub_status: error.sub_status().unwrap_or(0),
        retry_after: error.retry_after(),
        was_alone: false,
    })
}

/// Without an answer, a write may have been carried out, and only reads are sent again.
fn judge_lost(error: &Error, pending: &mut Pending) -> Verdict {
    let is_lost = error.may_have_been_applied() && pending.entry.verb == Verb::Read;
    if !is_lost || pending.tries.lost >= MOST_LOST_READS {
        return Verdict::Final;
    }
    pending.tries.lost += 1;
    Verdict::Again { wait: Duration::ZERO }
}
