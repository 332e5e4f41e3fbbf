//! The results of a bulk, as they come in.

use std::fmt;
use std::iter::FusedIterator;
use std::time::Duration;

use http::StatusCode;

use super::dispatcher::Dispatcher;
use super::operation::BulkOperation;
use super::totals::{BulkProgress, BulkTotals};
use crate::batch::BatchResult;
use crate::error::{Error, Result};

/// What became of one operation of a [`Bulk`](super::Bulk).
#[derive(Debug)]
pub struct BulkResult {
    index: usize,
    id: String,
    outcome: Result<BatchResult>,
}

impl BulkResult {
    pub(super) fn new(index: usize, id: String, outcome: Result<BatchResult>) -> Self {
        Self { index, id, outcome }
    }

    pub(super) fn failed(index: usize, id: String, error: Error) -> Self {
        Self::new(index, id, Err(error))
    }

    /// The number of the operation in the input, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The id of the item. Empty where the operation was invalid.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether the operation was carried out.
    pub fn is_success(&self) -> bool {
        self.outcome.is_ok()
    }

    /// The status of the operation, where there was an answer.
    pub fn status(&self) -> Option<StatusCode> {
        match &self.outcome {
            Ok(result) => Some(result.status()),
            Err(error) => error.status(),
        }
    }

    /// The failure, where it is one.
    ///
    /// Where [`may_have_been_applied`](Error::may_have_been_applied) is true, the connection broke and the write may or
    /// may not have been carried out; otherwise it was not.
    pub fn error(&self) -> Option<&Error> {
        self.outcome.as_ref().err()
    }

    /// The outcome, by reference.
    pub fn outcome(&self) -> Result<&BatchResult, &Error> {
        self.outcome.as_ref()
    }

    /// The outcome, to keep.
    pub fn into_outcome(self) -> Result<BatchResult> {
        self.outcome
    }
}

/// More than one, so that a bulk which began with little to do gets up to its bound in time.
const A_FEW: usize = 4;

/// An input that takes longer than this for an operation cannot fill requests.
const SLOW: Duration = Duration::from_millis(1);

/// How often in a row it has to be slow, since even a quick one is interrupted now and then.
const SLOW_ANSWERS: u32 = 2;

/// The results of a [`Bulk`](super::Bulk): each operation of the input has one, in the order in which they come in.
///
/// The input is asked for operations by `next`, on its thread, and only as long as there is room: at most 16 MB of
/// operations, and about 200 for each thread and 100 for each partition key range, are held at once. Requests are on
/// their way between calls of `next`, but new ones start within it only.
///
/// An input that is quicker than the container fills its requests. Where it is slow, operations are not held back for
/// company: what was taken is sent before more is asked for. While the input lets `next` wait, so do results that come
/// in meanwhile.
///
/// # Dropping it half-way
/// Dropping it waits for the requests that are on their way, and begins no others. Of an operation whose result was
/// seen everything is known. Of those that were taken from the input, but whose result was not seen, some were carried
/// out and some were not. What was not taken from the input was not sent. To end early and still know everything, call
/// [`stop`](Self::stop) and take the rest of the results.
#[must_use = "a bulk sends nothing until its results are taken"]
pub struct BulkResults<I> {
    dispatcher: Dispatcher,
    /// `None` once it has ended.
    input: Option<I>,
    /// How many times in a row the input has taken its time.
    slow_answers: u32,
    next_index: usize,
}

impl<I: Iterator<Item = BulkOperation>> BulkResults<I> {
    pub(super) fn new(dispatcher: Dispatcher, input: I) -> Self {
        Self { dispatcher, input: Some(input), slow_answers: 0, next_index: 0 }
    }

    /// Takes nothing more from the input: the results end with those of the operations that were taken already, and
    /// which are still carried out.
    pub fn stop(&mut self) {
        self.input = None;
    }

    /// How many operations were taken from the input so far.
    pub fn taken(&self) -> usize {
        self.next_index
    }

    /// How far the bulk has come.
    pub fn totals(&self) -> BulkTotals {
        self.dispatcher.progress().totals()
    }

    /// A view of [`totals`](Self::totals) for other threads.
    pub fn progress(&self) -> BulkProgress {
        self.dispatcher.progress().clone()
    }

    /// Takes operations as long as there is room; while results wait to be taken, a few at a time.
    fn take_input(&mut self) {
        let mut taken = 0;
        while self.dispatcher.has_room() {
            let is_slow = self.slow_answers >= SLOW_ANSWERS;
            if self.dispatcher.has_ready() && (is_slow || taken >= A_FEW) {
                return;
            }
            if is_slow {
                // Company would be long in coming.
                self.dispatcher.dispatch(true);
            }
            let Some(operation) = self.ask_input() else { return };
            self.dispatcher.accept(self.next_index, operation);
            self.next_index += 1;
            taken += 1;
            self.dispatcher.settle_finished();
        }
    }

    /// The next operation; `None` once the input has ended.
    fn ask_input(&mut self) -> Option<BulkOperation> {
        let asked = self.dispatcher.now();
        let operation = self.input.as_mut()?.next();
        let took = self.dispatcher.now().saturating_sub(asked);
        self.slow_answers = if took < SLOW { 0 } else { self.slow_answers.saturating_add(1) };
        if operation.is_none() {
            self.input = None;
        }
        operation
    }
}

impl<I: Iterator<Item = BulkOperation>> Iterator for BulkResults<I> {
    type Item = BulkResult;

    fn next(&mut self) -> Option<BulkResult> {
        loop {
            self.dispatcher.settle_finished();
            self.take_input();
            // Where results wait to be taken there is time for requests to fill up.
            let is_stuck = !self.dispatcher.has_room() && !self.dispatcher.has_ready();
            self.dispatcher.dispatch(self.input.is_none() || is_stuck);
            if let Some(result) = self.dispatcher.take_ready() {
                return Some(result);
            }
            if !self.dispatcher.wait() && self.input.is_none() && self.dispatcher.is_settled() {
                self.dispatcher.progress().end();
                return None;
            }
        }
    }
}

impl<I: Iterator<Item = BulkOperation>> FusedIterator for BulkResults<I> {}

impl<I> fmt::Debug for BulkResults<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkResults")
            .field("taken", &self.next_index)
            .field("totals", &self.dispatcher.progress().totals())
            .finish_non_exhaustive()
    }
}
