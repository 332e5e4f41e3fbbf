//! Carries out one task: a point read, or a query page by page.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use serde_json::value::RawValue;

use super::plan::{Task, WantList, Wanted};
use super::query::query;
use crate::batch::workers::Stop;
use crate::client::CosmosClient;
use crate::diagnostics::Diagnostics;
use crate::error::{Error, Result};
use crate::feed::parse_envelope;
use crate::link::Link;
use crate::options::header_value;
use crate::partition_key::PartitionKey;
use crate::pipeline::{Action, CallOptions, Partition, ResourceType, Spec};
use crate::routing::cache::ContainerFacts;
use crate::routing::extract;
use crate::wire::header;

/// What all tasks of a call have in common.
pub(super) struct Reader {
    pub(super) client: CosmosClient,
    pub(super) container: Link,
    pub(super) headers: HeaderMap,
    pub(super) options: CallOptions,
    pub(super) facts: Arc<ContainerFacts>,
    pub(super) wanted: WantList,
    /// When the call must have ended.
    pub(super) deadline: Duration,
}

/// A task to be carried out.
pub(super) struct Job {
    pub(super) task: Task,
    /// Which of the maps it was planned by.
    pub(super) version: u32,
    /// How often its items were looked for in ranges that had moved.
    pub(super) moves: u32,
    pub(super) not_before: Duration,
}

/// A task that was carried out, or failed.
pub(super) struct Done {
    pub(super) job: Job,
    pub(super) outcome: Result<Vec<Row>>,
    pub(super) request_charge: f64,
    pub(super) diagnostics: Vec<Diagnostics>,
}

/// An item that was asked for, as it came.
pub(super) type Row = (usize, Box<RawValue>);

impl Reader {
    pub(super) fn run(&self, job: Job, stop: &Stop) -> Done {
        stop.sleep_until(&*self.client.shared.clock, job.not_before);
        let mut done =
            Done { job, outcome: Ok(Vec::new()), request_charge: 0.0, diagnostics: Vec::new() };
        done.outcome = match done.job.task.clone() {
            // Below a link of resource ids no item can be read by its name, but it can be looked for.
            Task::Read { item } if self.container.is_by_rid() => {
                self.query("", &[item], &mut done, stop)
            }
            Task::Read { item } => self.read(item, &mut done),
            Task::Query { range, items } => self.query(&range, &items, &mut done, stop),
        };
        done
    }

    fn read(&self, item: usize, done: &mut Done) -> Result<Vec<Row>> {
        let Some(wanted) = self.wanted.items.get(item) else { return Ok(Vec::new()) };
        let mut spec = self.spec(Action::Read)?;
        spec.link = spec.link.child("docs", &wanted.id);
        spec.partition = Partition::Key(wanted.key.clone());
        match self.exchange(spec, done) {
            Ok((body, _)) => {
                let item_json = serde_json::from_slice(&body).map_err(not_an_item)?;
                Ok(vec![(item, item_json)])
            }
            Err(error) if error.is_not_found() && error.sub_status().is_none() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn query(
        &self,
        range: &str,
        items: &[usize],
        done: &mut Done,
        stop: &Stop,
    ) -> Result<Vec<Row>> {
        let wanted: Vec<&Wanted> =
            items.iter().filter_map(|it| self.wanted.items.get(*it)).collect();
        let body = query(&wanted, &self.facts.paths)?;
        let mut rows = Vec::new();
        let mut continuation: Option<String> = None;
        while !stop.is_set() {
            let mut spec = self.spec(Action::Query)?;
            spec.body.clone_from(&body);
            self.place(&mut spec, range, &wanted);
            spec.headers.insert(header::MAX_ITEM_COUNT, HeaderValue::from_static("-1"));
            if let Some(token) = &continuation {
                let token = header_value(&header::CONTINUATION, token)?;
                spec.headers.insert(header::CONTINUATION, token);
            }
            let (page, next) = self.exchange(spec, done)?;
            let page: Vec<Box<RawValue>> = parse_envelope(&page)?;
            let is_stuck = page.is_empty() && next == continuation;
            for row in page {
                rows.extend(self.match_row(row)?);
            }
            continuation = next;
            if continuation.is_none() || is_stuck {
                break;
            }
        }
        Ok(rows)
    }

    /// Items that share a key are found by the key, and no split can come in between.
    fn place(&self, spec: &mut Spec, range: &str, wanted: &[&Wanted]) {
        let shared_key: Option<&PartitionKey> = match wanted {
            [first, rest @ ..] if rest.iter().all(|it| it.key == first.key) => Some(&first.key),
            _ => None,
        };
        spec.partition = match shared_key {
            Some(key) => Partition::Key(key.clone()),
            None => {
                let all = HeaderValue::from_static("True");
                spec.headers.insert(header::ENABLE_CROSS_PARTITION, all);
                Partition::Range { id: range.to_owned(), clip: None }
            }
        };
    }

    fn match_row(&self, row: Box<RawValue>) -> Result<Option<Row>> {
        let json = row.get().as_bytes();
        let Some(id) = extract::id(json)? else { return Ok(None) };
        let key = extract::partition_key(json, &self.facts.paths)?;
        Ok(self.wanted.find(id, &key).map(|item| (item, row)))
    }

    fn spec(&self, action: Action) -> Result<Spec> {
        let left = self.deadline.saturating_sub(self.client.shared.clock.monotonic());
        if left.is_zero() {
            return Err(Error::timeout("the time for the call was up while items were being read"));
        }
        let mut spec = Spec::new(action, ResourceType::Item, self.container.clone());
        spec.container = Some(self.container.clone());
        spec.headers = self.headers.clone();
        spec.options = self.options.clone();
        spec.options.timeout = Some(left);
        Ok(spec)
    }

    /// Makes a request; notes what it cost; returns body and continuation.
    fn exchange(&self, spec: Spec, done: &mut Done) -> Result<(Vec<u8>, Option<String>)> {
        let outcome = self.client.shared.run(spec);
        done.request_charge += match &outcome {
            Ok(response) => response.request_charge(),
            Err(error) => error.request_charge(),
        };
        done.diagnostics.extend(match &outcome {
            Ok(response) => Some(response.diagnostics().clone()),
            Err(error) => error.diagnostics().cloned(),
        });
        let response = outcome?;
        let continuation =
            response.header(&header::CONTINUATION).filter(|it| !it.is_empty()).map(str::to_owned);
        Ok((response.into_bytes(), continuation))
    }
}

fn not_an_item(error: serde_json::Error) -> Error {
    Error::json(format!("the answer is no item: {error}")).with_source(error)
}
