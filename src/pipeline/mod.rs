//! One operation, one or more attempts.
//!
//! The policies below run in the order of [`Pipeline::new`]: those of the operation first, then those of each
//! attempt. What one policy wants of another goes through the [`Context`]; none calls another.

mod auth;
mod diagnostics;
mod headers;
pub(crate) mod hedge;
mod log;
mod multi_status;
mod partition;
mod region;
pub(crate) mod retry;
mod session;
mod spec;

use std::sync::Arc;
use std::time::Duration;

use crate::client::Shared;
use crate::diagnostics::{Attempt, MetadataReads};
use crate::error::{Error, Result};
use crate::partition_key::PartitionKey;
use crate::response::Response;
use crate::routing::cache::{ContainerFacts, ContainerState};
use crate::routing::locations::Locations;
use crate::routing::lookup::Lookup;
use crate::routing::regions::Endpoint;
use crate::transport;
use crate::wire::header;

pub(crate) use spec::{Action, CallOptions, Hedging, Partition, ResourceType, Spec};

/// One step of the way from an operation to its HTTP exchange and back.
pub(crate) trait Policy: Send + Sync {
    /// Does the step's part and calls `next`, once or several times.
    fn send(
        &self,
        ctx: &mut Context<'_>,
        request: &mut transport::Request,
        next: Next<'_>,
    ) -> Result<transport::Response>;
}

/// Where an attempt is to go, as the one before it left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Wherever such operations go.
    Preferred,
    /// The account's first write region.
    Hub,
}

/// What the policies know of the operation under way.
pub(crate) struct Context<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) spec: &'a Spec,
    /// The moment at which the call must have ended, on the client's monotonic clock.
    pub(crate) deadline: Duration,
    pub(crate) activity_id: String,
    /// The URL path, percent-encoded.
    pub(crate) path: String,
    /// What the client knows of the container, for all that lives in one.
    pub(crate) container: Option<Arc<ContainerState>>,
    /// The caller gave a session token.
    pub(crate) explicit_session: bool,
    /// The operation goes on where another ended.
    pub(crate) continues: bool,
    /// The facts about the container that the attempt went by; set by `partition`, like the next three.
    pub(crate) facts: Option<Arc<ContainerFacts>>,
    /// The partition key of the item, and its header, once it was taken from the body.
    pub(crate) key: Option<PartitionKey>,
    pub(crate) key_header: Option<http::HeaderValue>,
    /// The partition key range, once somebody asked for it.
    pub(crate) place: Option<partition::Located>,
    /// Where this attempt goes, out of how many endpoints, by which locations; set by `region`.
    pub(crate) endpoint: Option<Arc<Endpoint>>,
    pub(crate) choices: usize,
    pub(crate) locations: Option<Arc<Locations>>,
    /// What `retry` asks of the next attempt: where to go, where not, and whether only the hub may answer.
    pub(crate) target: Target,
    pub(crate) avoided: Vec<Arc<Endpoint>>,
    pub(crate) hub_only: bool,
    /// An attempt may have carried out the write.
    pub(crate) in_doubt: bool,
    pub(crate) counters: retry::Counters,
    pub(crate) attempts: Vec<Attempt>,
    /// What was read of the account and the container for it.
    pub(crate) metadata: MetadataReads,
}

/// Longest time for one attempt to read the account.
const ACCOUNT_TIMEOUT: Duration = Duration::from_secs(5);

impl<'a> Context<'a> {
    pub(crate) fn new(shared: &'a Shared, spec: &'a Spec) -> Self {
        let timeout = spec.options.timeout.unwrap_or(shared.options.operation_timeout);
        Self {
            shared,
            spec,
            deadline: shared.clock.monotonic().saturating_add(timeout),
            activity_id: shared.activity_ids.next(),
            path: spec.url_path(),
            container: spec.container.as_ref().map(|it| shared.containers.state(it)),
            explicit_session: false,
            continues: false,
            facts: None,
            key: None,
            key_header: None,
            place: None,
            endpoint: None,
            choices: 1,
            locations: None,
            target: Target::Preferred,
            avoided: Vec::new(),
            hub_only: false,
            in_doubt: false,
            counters: retry::Counters::default(),
            attempts: Vec::with_capacity(1),
            metadata: MetadataReads::default(),
        }
    }

    /// The time left for the call.
    pub(crate) fn remaining(&self) -> Result<Duration> {
        let left = self.deadline.saturating_sub(self.shared.clock.monotonic());
        if left.is_zero() { Err(self.timed_out()) } else { Ok(left) }
    }

    /// A look-up of metadata for this operation, within its time.
    pub(crate) fn lookup(&self) -> Result<Lookup<'_>> {
        let lookup = Lookup::new(self.shared, self.remaining()?);
        Ok(lookup.noted_in(&self.metadata, self.attempts.len()).as_of(&self.spec.options))
    }

    /// The time for one attempt. A read that another region could answer leaves it a third of what is left.
    fn attempt_timeout(&self) -> Result<Duration> {
        let left = self.remaining()?;
        let longest = self.shared.options.request_timeout;
        if self.spec.resource == ResourceType::Account {
            return Ok(left.min(longest).min(ACCOUNT_TIMEOUT));
        }
        let others = self.choices.saturating_sub(1) > self.avoided.len();
        let share = if others && self.spec.action.is_read_only() { left * 2 / 3 } else { left };
        Ok(share.min(longest))
    }

    /// Whether the operation is about metadata.
    pub(crate) fn is_metadata(&self) -> bool {
        self.spec.is_metadata()
    }

    /// The error of a call whose time is up.
    pub(crate) fn timed_out(&self) -> Error {
        let attempts = self.attempts.len();
        Error::timeout(format!(
            "the time for the call was up ({} {}, {attempts} attempts)",
            self.spec.action.word(),
            self.spec.resource.word()
        ))
    }
}

/// The rest of the policies, and the transport at their end.
#[derive(Clone, Copy)]
pub(crate) struct Next<'a> {
    policies: &'a [Box<dyn Policy>],
}

impl Next<'_> {
    /// Passes the request on.
    pub(crate) fn send(
        self,
        ctx: &mut Context<'_>,
        request: &mut transport::Request,
    ) -> Result<transport::Response> {
        if let [policy, rest @ ..] = self.policies {
            return policy.send(ctx, request, Next { policies: rest });
        }
        let timeout = ctx.attempt_timeout()?;
        let response = match ctx.shared.transport.send(request, timeout) {
            Ok(response) => response,
            Err(error) => return Err(Error::from_transport(error)),
        };
        match response.status().as_u16() {
            207 if ctx.spec.action == Action::Batch => multi_status::check(response),
            200..=299 | 304 => Ok(response),
            _ => Err(Error::from_response(response)),
        }
    }
}

/// As many headers as the policies put on a request of an item.
const MOST_HEADERS: usize = 14;

/// The policies of a client, in order.
pub(crate) struct Pipeline {
    policies: Vec<Box<dyn Policy>>,
}

impl Pipeline {
    /// The order of the policies: this is the one place that says it.
    pub(crate) fn new() -> Self {
        Self {
            policies: vec![
                // Once for the operation.
                Box::new(diagnostics::Record),
                Box::new(retry::Retry),
                // Once for each attempt.
                Box::new(partition::Place),
                Box::new(region::Route),
                Box::new(session::Session),
                Box::new(headers::Describe),
                Box::new(auth::Sign),
                Box::new(log::Log),
            ],
        }
    }

    /// Carries out one operation.
    pub(crate) fn run(&self, shared: &Shared, mut spec: Spec) -> Result<Response> {
        let mut request = http::Request::new(std::mem::take(&mut spec.body));
        *request.method_mut() = spec.action.method();
        *request.headers_mut() = std::mem::take(&mut spec.headers);
        // Room for what the policies add, so that the map does not grow on the way.
        request.headers_mut().reserve(MOST_HEADERS);
        let start = shared.clock.monotonic();
        let mut ctx = Context::new(shared, &spec);
        ctx.explicit_session = request.headers().contains_key(header::SESSION_TOKEN);
        ctx.continues = request.headers().contains_key(header::CONTINUATION);
        let outcome = Next { policies: &self.policies }.send(&mut ctx, &mut request);
        let elapsed = shared.clock.monotonic().saturating_sub(start);
        let record = diagnostics::finish(ctx, elapsed);
        match outcome {
            Ok(response) => Ok(Response::new(response, record)),
            Err(error) => Err(error.with_diagnostics(record)),
        }
    }
}
