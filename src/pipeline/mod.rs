//! One operation, one or more attempts.
//!
//! The policies below run in the order of [`Pipeline::new`]: those of the operation first, then those of each
//! attempt. What one policy wants of another goes through the [`Context`]; none calls another.

mod auth;
mod diagnostics;
mod headers;
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
use crate::diagnostics::Attempt;
use crate::error::{Error, Result};
use crate::response::Response;
use crate::routing::regions::Endpoint;
use crate::transport;

pub(crate) use spec::{Action, CallOptions, Partition, ResourceType, Spec};

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

/// What the policies know of the operation under way.
pub(crate) struct Context<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) spec: &'a Spec,
    /// The moment at which the call must have ended, on the client's monotonic clock.
    pub(crate) deadline: Duration,
    pub(crate) activity_id: String,
    /// The URL path, percent-encoded.
    pub(crate) path: String,
    /// Where this attempt goes; set by `region`.
    pub(crate) endpoint: Option<Arc<Endpoint>>,
    /// The partition key of the item, once it was taken from the body; set by `partition`.
    pub(crate) key_header: Option<http::HeaderValue>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) throttle: retry::Throttle,
}

impl Context<'_> {
    /// The time left for the call.
    pub(crate) fn remaining(&self) -> Result<Duration> {
        let left = self.deadline.saturating_sub(self.shared.clock.monotonic());
        if left.is_zero() { Err(self.timed_out()) } else { Ok(left) }
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
        let timeout = ctx.remaining()?.min(ctx.shared.options.request_timeout);
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
                Box::new(region::Route),
                Box::new(partition::Place),
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
        let timeout = spec.options.timeout.unwrap_or(shared.options.operation_timeout);
        let mut ctx = Context {
            shared,
            spec: &spec,
            deadline: start + timeout,
            activity_id: shared.activity_ids.next(),
            path: spec.url_path(),
            endpoint: None,
            key_header: None,
            attempts: Vec::with_capacity(1),
            throttle: retry::Throttle::default(),
        };
        let outcome = Next { policies: &self.policies }.send(&mut ctx, &mut request);
        let elapsed = shared.clock.monotonic().saturating_sub(start);
        let record = diagnostics::finish(ctx, elapsed);
        match outcome {
            Ok(response) => Ok(Response::new(response, record)),
            Err(error) => Err(error.with_diagnostics(record)),
        }
    }
}
