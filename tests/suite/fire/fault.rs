//! How the scripted account fails.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use cosmosdb::clock::{Clock, VirtualClock};
use cosmosdb::transport::{Request, Response, TransportError, TransportErrorKind};

use super::account::answer;

/// A rule: which requests, how often, and what happens to them.
#[derive(Clone)]
pub(super) struct Fault {
    operation: &'static str,
    region: Option<&'static str>,
    id: Option<&'static str>,
    times: usize,
    pub(super) effect: Effect,
}

#[derive(Clone)]
pub(super) enum Effect {
    Status {
        status: u16,
        sub_status: u32,
        retry_after_ms: Option<&'static str>,
        after: bool,
    },
    /// The connection is not made.
    Refuse(TransportErrorKind),
    /// The connection breaks off, before or after the request was carried out.
    Drop {
        after: bool,
    },
    /// There is no answer for as long as the client waits.
    Hang,
    /// It takes until the gate opens.
    Wait(Gate),
    /// An answer that is no JSON.
    Html(u16),
}

impl Fault {
    pub(super) fn on(operation: &'static str, effect: Effect) -> Self {
        Self { operation, region: None, id: None, times: usize::MAX, effect }
    }

    pub(super) fn status(operation: &'static str, status: u16, sub_status: u32) -> Self {
        let effect = Effect::Status { status, sub_status, retry_after_ms: None, after: false };
        Self::on(operation, effect)
    }

    pub(super) fn throttle(operation: &'static str, retry_after_ms: &'static str) -> Self {
        let retry_after_ms = Some(retry_after_ms);
        let effect = Effect::Status { status: 429, sub_status: 3200, retry_after_ms, after: false };
        Self::on(operation, effect)
    }

    /// The answer is this although the request was carried out.
    pub(super) fn after(mut self) -> Self {
        if let Effect::Status { after, .. } = &mut self.effect {
            *after = true;
        }
        self
    }

    pub(super) fn at(self, region: &'static str) -> Self {
        Self { region: Some(region), ..self }
    }

    pub(super) fn of(self, id: &'static str) -> Self {
        Self { id: Some(id), ..self }
    }

    pub(super) fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    pub(super) fn matches(&self, operation: &str, region: &str, request: &Request) -> bool {
        self.times > 0
            && (self.operation == operation || self.operation == "*")
            && self.region.is_none_or(|it| it == region)
            && self.id.is_none_or(|it| request.uri().path().ends_with(it))
    }

    pub(super) fn use_up(&mut self) {
        self.times = self.times.saturating_sub(1);
    }
}

impl Effect {
    pub(super) fn apply(
        self,
        clock: &VirtualClock,
        timeout: Duration,
        serve: impl FnOnce() -> Result<Response, TransportError>,
    ) -> Result<Response, TransportError> {
        match self {
            Self::Status { status, sub_status, retry_after_ms, after } => {
                if after {
                    serve()?;
                }
                let mut response = answer(status, sub_status, &serde_json::json!({}));
                if let Some(millis) = retry_after_ms {
                    response.headers_mut().insert("x-ms-retry-after-ms", millis.parse().unwrap());
                }
                Ok(response)
            }
            Self::Refuse(kind) => Err(TransportError::not_sent(kind, "refused")),
            Self::Drop { after } => {
                if after {
                    serve()?;
                }
                Err(TransportError::maybe_sent(TransportErrorKind::Broken, "broken off"))
            }
            Self::Hang => {
                clock.sleep(timeout);
                Err(TransportError::maybe_sent(TransportErrorKind::Timeout, "no answer"))
            }
            Self::Wait(gate) => {
                gate.wait();
                serve()
            }
            Self::Html(status) => Ok(http::Response::builder()
                .status(status)
                .body(b"<html>proxy</html>".to_vec())
                .unwrap()),
        }
    }
}

/// Holds threads until it is opened.
#[derive(Clone, Default)]
pub(super) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(super) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn wait(&self) {
        let open = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(open, |open| !*open).unwrap());
    }
}
