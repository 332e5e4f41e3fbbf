//! A service for tests: it knows one container and its partition key ranges, and leaves the rest to a closure.

use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use crate::clock::VirtualClock;
use crate::partition_key::{PartitionKey, PartitionKeyDefinition};
use crate::routing::epk::Epk;
use crate::transport::{Request, Response, TransportError};
use crate::{Container, CosmosClient, RetryOptions};

pub(super) type Answer = Result<Response, TransportError>;

/// The service, and the clock of its client.
#[derive(Clone)]
pub(super) struct Fake {
    pub(super) clock: VirtualClock,
    state: Arc<Mutex<State>>,
}

struct State {
    paths: Vec<String>,
    /// Bounds and id of each partition key range, and the ids of its parents.
    ranges: Vec<(String, String, String, Vec<String>)>,
    requests: Vec<Request>,
}

impl Fake {
    /// A container with these partition key paths, and ranges that these points of the space divide.
    pub(super) fn new(paths: &[&str], points: &[&str]) -> Self {
        let bounds: Vec<&str> = [""].iter().chain(points).chain(&["FF"]).copied().collect();
        let ranges = bounds
            .windows(2)
            .enumerate()
            .map(|(id, it)| (it[0].to_owned(), it[1].to_owned(), id.to_string(), Vec::new()))
            .collect();
        let paths = paths.iter().map(|it| (*it).to_owned()).collect();
        let state = State { paths, ranges, requests: Vec::new() };
        Self { clock: VirtualClock::new(), state: Arc::new(Mutex::new(state)) }
    }

    /// The container, with a service that answers all but the questions for metadata by `answer`.
    pub(super) fn container(
        &self,
        answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Container {
        self.container_with(RetryOptions::new(), answer)
    }

    /// The container, of a client that retries so.
    pub(super) fn container_with(
        &self,
        retry: RetryOptions,
        answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Container {
        let fake = self.clone();
        let transport = move |request: &Request| match fake.metadata(request) {
            Some(body) => answer_json(200, &body),
            None => answer(request),
        };
        let client = CosmosClient::builder("https://localhost:1/")
            .key("c2VjcmV0")
            .transport(transport)
            .clock(self.clock.clone())
            .retry(retry)
            .build()
            .unwrap();
        client.database("db").container("c")
    }

    fn metadata(&self, request: &Request) -> Option<Value> {
        let mut state = self.state();
        match request.uri().path() {
            "/dbs/db/colls/c" => {
                let kind = if state.paths.len() > 1 { "MultiHash" } else { "Hash" };
                let key = json!({ "paths": state.paths, "kind": kind, "version": 2 });
                Some(json!({ "id": "c", "_rid": "AAAAAAAAAAA=", "partitionKey": key }))
            }
            "/dbs/db/colls/c/pkranges" => {
                let ranges: Vec<_> = state
                    .ranges
                    .iter()
                    .map(|(min, max, id, parents)| {
                        json!({ "id": id, "minInclusive": min, "maxExclusive": max, "parents": parents })
                    })
                    .collect();
                Some(json!({ "PartitionKeyRanges": ranges }))
            }
            _ => {
                state.requests.push(request.clone());
                None
            }
        }
    }

    /// Splits a range at a point, as the service does: the children have new ids.
    pub(super) fn split(&self, id: &str, point: &str) {
        let mut state = self.state();
        let at = state.ranges.iter().position(|it| it.2 == id).unwrap();
        let next = state.ranges.iter().map(|it| it.2.parse::<usize>().unwrap()).max().unwrap() + 1;
        let (min, max, id, mut parents) = state.ranges.remove(at);
        parents.push(id);
        let halves = [(min, point.to_owned()), (point.to_owned(), max)];
        for (offset, (min, max)) in halves.into_iter().enumerate() {
            let id = (next + offset).to_string();
            state.ranges.insert(at + offset, (min, max, id, parents.clone()));
        }
    }

    /// Whether the range exists.
    pub(super) fn has_range(&self, id: &str) -> bool {
        self.state().ranges.iter().any(|it| it.2 == id)
    }

    /// The id of the range that holds a key, given in the form of its header.
    pub(super) fn range_of(&self, key: &str) -> String {
        let state = self.state();
        let definition = PartitionKeyDefinition::new(state.paths.iter().map(String::as_str));
        let key = PartitionKey::from_header_value(key).unwrap();
        let epk = Epk::of(&key, &definition).unwrap();
        let holds = |bound: &str| bound.parse::<Epk>().unwrap() <= epk;
        state.ranges.iter().rfind(|it| holds(&it.0)).unwrap().2.clone()
    }

    /// Makes the container another one, with other partition key paths.
    pub(super) fn recreate(&self, paths: &[&str]) {
        self.state().paths = paths.iter().map(|it| (*it).to_owned()).collect();
    }

    /// The requests about items, oldest first.
    pub(super) fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

pub(super) fn answer_json(status: u16, body: &Value) -> Answer {
    Ok(http::Response::builder().status(status).body(body.to_string().into_bytes()).unwrap())
}

/// The body of a request.
pub(super) fn body_of(request: &Request) -> Value {
    serde_json::from_slice(request.body()).unwrap()
}

/// A header of a request.
pub(super) fn header_of<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers().get(name).map_or("", |it| it.to_str().unwrap())
}
