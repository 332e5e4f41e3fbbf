//! One request on its way in and its answer on its way out: whether the region can be reached, and what faults do.

use std::time::Duration;

use http::StatusCode;

use super::fault::Sight;
use super::journal::RequestRecord;
use super::operation::EmulatorOperation;
use super::request::Request;
use super::{Inner, server};
use crate::transport::{self, Response, TransportError, TransportErrorKind};

/// Answers a request within `timeout`, or breaks the connection.
pub(crate) fn exchange(
    emulator: &Inner,
    request: &transport::Request,
    timeout: Duration,
) -> Result<Response, TransportError> {
    let Some(request) = Request::parse(request, emulator.topology()) else {
        return Ok(unreadable());
    };
    let operation = EmulatorOperation::of(&request);
    let effect = emulator.faults.strike(&Sight::new(emulator, &request, operation));
    let outcome = if !request.region().is_online {
        let text = format!("connection refused: {} is offline", request.region().name);
        Err(TransportError::not_sent(TransportErrorKind::Connect, text))
    } else if let Some(effect) = &effect {
        effect.play(emulator, &request, timeout)
    } else {
        Ok(server::answer(emulator, &request))
    };
    let record = RequestRecord::new(&request, operation, &outcome, effect.is_some());
    emulator.journal.push(record);
    outcome
}

/// The answer to a path that is not text.
fn unreadable() -> Response {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}
