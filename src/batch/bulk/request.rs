//! One request of a bulk: operations for one partition key range.

use std::time::Duration;

use http::HeaderMap;

use super::operation::Pending;
use crate::batch::workers::Stop;
use crate::client::{CosmosClient, unwritable};
use crate::error::Result;
use crate::link::Link;
use crate::pipeline::{Action, CallOptions, Partition, ResourceType, Spec};
use crate::response::Response;

/// What all requests of a bulk have in common.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) client: CosmosClient,
    pub(super) container: Link,
    pub(super) headers: HeaderMap,
    pub(super) options: CallOptions,
}

/// A request to be.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) group: Vec<Pending>,
    pub(super) range: String,
    /// Until when the range has asked for a pause.
    pub(super) not_before: Duration,
    /// Which of the maps it was routed by.
    pub(super) version: u32,
    /// Which round of the range's pace it belongs to.
    pub(super) round: u32,
}

/// A request that came back.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) job: Job,
    /// `None` where it was not sent, since nobody wanted the results any more.
    pub(super) answer: Option<Result<Response>>,
}

impl Template {
    /// Sends the request, after the pause that the range has asked for.
    pub(super) fn send(&self, job: Job, stop: &Stop) -> Done {
        stop.sleep_until(&*self.client.shared.clock, job.not_before);
        let answer = (!stop.is_set()).then(|| self.exchange(&job));
        Done { job, answer }
    }

    fn exchange(&self, job: &Job) -> Result<Response> {
        let minimal = self.options.minimal_content;
        let entries: Vec<_> =
            job.group.iter().map(|it| it.entry.to_wire(Some(&it.key_text), minimal)).collect();
        let mut spec = Spec::new(Action::Bulk, ResourceType::Item, self.container.clone());
        spec.container = Some(self.container.clone());
        spec.partition = Partition::Range { id: job.range.clone(), clip: None };
        // In one piece: what a buffer leaves behind as it grows adds up over many threads.
        let size: usize = job.group.iter().map(Pending::size).sum();
        let mut body = Vec::with_capacity(size);
        serde_json::to_writer(&mut body, &entries).map_err(unwritable)?;
        spec.body = body;
        spec.headers = self.headers.clone();
        spec.options = self.options.clone();
        self.client.shared.run(spec)
    }
}
