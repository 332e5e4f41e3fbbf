//! What becomes of a request that a rule struck.

use std::time::Duration;

use http::{HeaderValue, header::CONTENT_LENGTH, header::CONTENT_TYPE};

use crate::emulator::Inner;
use crate::emulator::refusal::Refusal;
use crate::emulator::request::Request;
use crate::emulator::response::finish;
use crate::emulator::server;
use crate::transport::{Response, TransportError, TransportErrorKind};
use crate::wire::header;

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) struct Effect {
    pub(super) delay: Duration,
    /// Whether the account sees the request before it fails.
    pub(super) is_carried_out: bool,
    pub(super) ending: Ending,
}

/// How it ends.
#[derive(Clone, Debug)]
pub(super) enum Ending {
    /// With the account's own answer.
    Answer,
    Status(Status),
    Refused,
    Dropped,
    Truncated(usize),
    Hang,
    Stalled(usize),
}

/// A refusal that the account did not make.
#[derive(Clone, Debug)]
pub(super) struct Status {
    pub(super) status: u16,
    pub(super) sub_status: u32,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Option<Vec<u8>>,
}

/// How a server on a port spoils an answer. It travels in the extensions of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mangled {
    /// The connection is closed after this many bytes of the body.
    Truncated(usize),
    /// Nothing comes after this many bytes of the body.
    Stalled(usize),
    /// Nothing comes at all.
    Silent,
}

impl Effect {
    /// Does to the request what the rule says. `timeout` is how long the client waits.
    pub(crate) fn play(
        &self,
        emulator: &Inner,
        request: &Request<'_>,
        timeout: Duration,
    ) -> Result<Response, TransportError> {
        if matches!(self.ending, Ending::Refused) {
            return Err(TransportError::not_sent(
                TransportErrorKind::Connect,
                "connection refused by a fault rule",
            ));
        }
        let answer = self.is_carried_out.then(|| server::answer(emulator, request));
        if !self.delay.is_zero() {
            emulator.clock.sleep(self.delay.min(timeout));
            if self.delay >= timeout {
                return Err(out_of_time());
            }
        }
        let left = timeout.saturating_sub(self.delay);
        match &self.ending {
            Ending::Answer => answer.ok_or_else(broken),
            Ending::Status(status) => Ok(status.response(emulator, request)),
            Ending::Refused | Ending::Dropped => Err(broken()),
            Ending::Truncated(bytes) => {
                let mangled = Mangled::Truncated(*bytes);
                answer.and_then(|it| spoilt(it, request, mangled)).ok_or_else(broken)
            }
            Ending::Stalled(bytes) => {
                let spoilt = answer.and_then(|it| spoilt(it, request, Mangled::Stalled(*bytes)));
                spoilt.ok_or_else(|| wait_in_vain(emulator, left))
            }
            Ending::Hang => {
                let spoilt = spoilt(Response::default(), request, Mangled::Silent);
                spoilt.ok_or_else(|| wait_in_vain(emulator, left))
            }
        }
    }
}

/// The answer for a server on a port to spoil; in process there are no half answers.
fn spoilt(mut answer: Response, request: &Request<'_>, mangled: Mangled) -> Option<Response> {
    request.reach?;
    answer.extensions_mut().insert(mangled);
    Some(answer)
}

fn wait_in_vain(emulator: &Inner, left: Duration) -> TransportError {
    emulator.clock.sleep(left);
    out_of_time()
}

fn out_of_time() -> TransportError {
    TransportError::maybe_sent(TransportErrorKind::Timeout, "no answer came in time")
}

fn broken() -> TransportError {
    TransportError::maybe_sent(TransportErrorKind::Broken, "the connection broke")
}

impl Status {
    fn response(&self, emulator: &Inner, request: &Request<'_>) -> Response {
        let text = format!("The request was refused by a fault rule with {}.", self.status);
        let mut refusal = Refusal::gateway(self.status, text).with_sub_status(self.sub_status);
        if let Some(delay) = self.retry_after {
            refusal = refusal.with_header(header::RETRY_AFTER_MS, delay.as_millis());
        }
        let mut response = finish(emulator, request, Err(refusal));
        if let Some(body) = &self.body {
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
            if !body.starts_with(b"{") {
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
            }
            *response.body_mut() = body.clone();
        }
        response
    }
}
