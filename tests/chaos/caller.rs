//! One thread's way to the container, which takes down every call.

use std::sync::Arc;
use std::time::Duration;

use cosmosdb::{
    Batch, BatchOperation, BulkOperation, ChangeFeed, Container, Diagnostics, Etag, Query,
    Response, Result,
};
use serde_json::Value;

use crate::history::{Action, Call, Failure, Name, Outcome, Recorder, Sight, Write};
use crate::stage::Stage;

/// Makes calls and takes them down.
#[derive(Clone)]
pub(crate) struct Caller<'a> {
    pub(crate) thread: usize,
    pub(crate) client: usize,
    pub(crate) container: Container,
    pub(crate) recorder: &'a Recorder,
    pub(crate) stage: Arc<Stage>,
    pub(crate) limit: Duration,
    pub(crate) fan_out: usize,
}

/// The beginning of a call.
#[derive(Clone, Copy)]
struct Begun {
    first: u64,
    began: Duration,
    frozen: Duration,
}

impl Caller<'_> {
    /// A write of one item. The answer is what was written, or nothing.
    pub(crate) fn write(
        &self,
        write: Write,
        send: impl FnOnce() -> Result<Response>,
    ) -> Option<Etag> {
        let begun = self.begin();
        let result = send();
        let etag = result.as_ref().ok().and_then(Response::etag);
        let mut outcome = outcome(&result);
        // What a delete answers is no item.
        outcome.seen.retain(|it| !it.item.id.is_empty());
        self.end(begun, Action::Write(vec![write]), Some(self.limit), outcome);
        etag
    }

    /// Writes that happen together or not at all.
    pub(crate) fn batch(&self, key: &str, operations: Vec<BatchOperation>, writes: Vec<Write>) {
        let begun = self.begin();
        let batch = operations.into_iter().fold(self.container.batch(key), Batch::operation);
        let outcome = match batch.send() {
            Ok(response) => Outcome {
                seen: response
                    .results()
                    .iter()
                    .filter_map(|it| Some(Sight::of(&it.item::<Value>().ok()?)))
                    .collect(),
                failure: None,
                regions: Some(regions(response.diagnostics())),
            },
            Err(error) => failed(&error),
        };
        self.end(begun, Action::Write(writes), Some(self.limit), outcome);
    }

    /// Many writes, each for itself. Returns those that were done.
    pub(crate) fn bulk(&self, operations: Vec<BulkOperation>, writes: Vec<Write>) -> Vec<Name> {
        // Each is a call of its own; all begin before any ends.
        let begun: Vec<Begun> = writes.iter().map(|_| self.begin()).collect();
        let mut open: Vec<Option<Write>> = writes.into_iter().map(Some).collect();
        let mut done = Vec::new();
        let mut close = |at: usize, failure: Option<Failure>| {
            let Some(write) = open.get_mut(at).and_then(Option::take) else { return };
            if failure.is_none() {
                done.push(write.item.clone());
            }
            let outcome = Outcome { failure, ..Outcome::default() };
            self.end(begun[at], Action::Write(vec![write]), None, outcome);
        };
        match self.container.bulk().max_concurrency(self.fan_out).send(operations) {
            Ok(results) => {
                for result in results {
                    close(result.index(), result.error().map(Failure::of));
                }
            }
            Err(error) => (0..begun.len()).for_each(|it| close(it, Some(Failure::of(&error)))),
        }
        done
    }

    /// A point read. Returns the item and its version, where it is there.
    pub(crate) fn read(&self, name: &Name) -> Option<(Value, Option<Etag>)> {
        let begun = self.begin();
        let result = self.container.read_item(&name.id, name.key.as_str()).send();
        let mut outcome = outcome(&result);
        let found = result.ok().and_then(|it| Some((it.item::<Value>().ok()?, it.etag())));
        if is_absence(&outcome) {
            outcome = Outcome { failure: None, seen: vec![Sight::absent(name.clone())], ..outcome };
        }
        self.end(begun, Action::Read(vec![name.clone()]), Some(self.limit), outcome);
        found
    }

    pub(crate) fn read_many(&self, names: &[Name]) {
        let begun = self.begin();
        let wanted = names.iter().map(|it| (it.id.as_str(), it.key.as_str()));
        let read = self.container.read_many(wanted).max_concurrency(self.fan_out);
        let outcome = match read.send::<Value>() {
            Ok(response) => {
                let sight = |(name, item): (&Name, &Option<Value>)| match item {
                    Some(item) => Sight::of(item),
                    None => Sight::absent(name.clone()),
                };
                let seen = names.iter().zip(response.items()).map(sight).collect();
                Outcome { seen, ..Outcome::default() }
            }
            Err(error) => failed(&error),
        };
        self.end(begun, Action::Read(names.to_vec()), Some(self.limit), outcome);
    }

    /// A query over all items or those of a key, to its end or its first error.
    pub(crate) fn query(&self, key: Option<&str>, is_ordered: bool, page_size: i32) {
        let begun = self.begin();
        let text = if is_ordered { "SELECT * FROM c ORDER BY c.id" } else { "SELECT * FROM c" };
        let query = self.container.query_items::<Value>(text).max_concurrency(self.fan_out);
        let query = query.max_item_count(page_size).set(key, Query::partition_key);
        let mut outcome = Outcome::default();
        for item in query {
            match item {
                Ok(item) => outcome.seen.push(Sight::of(&item)),
                Err(error) => outcome.failure = Some(Failure::of(&error)),
            }
        }
        let action = Action::Query { key: key.map(str::to_owned), is_ordered };
        self.end(begun, action, None, outcome);
    }

    /// The next page of a change feed, which began with the first change. Returns how many items were in it.
    pub(crate) fn change_feed(&self, place: &mut Option<String>, page_size: i32) -> Result<usize> {
        let begun = self.begin();
        let feed = self.container.change_feed::<Value>().from_beginning();
        let feed = feed.max_item_count(page_size).set(place.take(), ChangeFeed::continue_from);
        let mut pages = feed.pages();
        let page = pages.next();
        let (outcome, result) = match page {
            Some(Ok(page)) => {
                let seen: Vec<Sight> = page.items().iter().map(Sight::of).collect();
                let count = seen.len();
                let regions = page.diagnostics().iter().flat_map(regions).collect();
                (Outcome { seen, failure: None, regions: Some(regions) }, Ok(count))
            }
            Some(Err(error)) => (failed(&error), Err(error)),
            None => (Outcome::default(), Ok(0)),
        };
        *place = pages.continuation().map(str::to_owned);
        self.end(begun, Action::Feed(self.thread), None, outcome);
        result
    }

    /// The client's session token, to be given to another client under `number`.
    pub(crate) fn give(&self, number: usize) -> Option<String> {
        let begun = self.begin();
        let token = self.container.session_token();
        self.end(begun, Action::Give(number), None, Outcome::default());
        token
    }

    pub(crate) fn take(&self, number: usize, token: &str) {
        let begun = self.begin();
        let failure = self.container.adopt_session_token(token).err();
        let failure = failure.as_ref().map(Failure::of);
        let outcome = Outcome { failure, ..Outcome::default() };
        self.end(begun, Action::Take(number), None, outcome);
    }

    fn begin(&self) -> Begun {
        let (began, frozen) = (self.stage.now(), self.stage.frozen());
        Begun { first: self.recorder.event(), began, frozen }
    }

    fn end(&self, begun: Begun, action: Action, limit: Option<Duration>, outcome: Outcome) {
        self.recorder.push(Call {
            thread: self.thread,
            client: self.client,
            action,
            first: begun.first,
            last: self.recorder.event(),
            began: begun.began,
            ended: self.stage.now(),
            frozen: self.stage.frozen().saturating_sub(begun.frozen),
            limit,
            outcome,
        });
    }
}

fn outcome(result: &Result<Response>) -> Outcome {
    match result {
        Ok(response) => Outcome {
            seen: response.item::<Value>().iter().map(Sight::of).collect(),
            failure: None,
            regions: Some(regions(response.diagnostics())),
        },
        Err(error) => failed(error),
    }
}

fn failed(error: &cosmosdb::Error) -> Outcome {
    Outcome {
        seen: Vec::new(),
        failure: Some(Failure::of(error)),
        regions: error.diagnostics().map(regions),
    }
}

fn is_absence(outcome: &Outcome) -> bool {
    outcome.failure.as_ref().is_some_and(|it| it.text.starts_with("404: "))
}

fn regions(diagnostics: &Diagnostics) -> Vec<String> {
    diagnostics.regions().into_iter().map(str::to_owned).collect()
}
