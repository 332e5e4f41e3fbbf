//! The gateway: one request in, one answer out.

use super::Inner;
use super::auth::Signed;
use super::call::Call;
use super::refusal::Refusal;
use super::request::Request;
use super::response::{Answer, finish};
use super::routes::{Route, route};
use super::throttle::Supply;
use crate::models::ConsistencyLevel;
use crate::transport::{self, Response};
use crate::wire::{MAX_BODY_BYTES, header};

/// Answers a request.
pub(crate) fn answer(emulator: &Inner, request: &transport::Request) -> Response {
    match Request::parse(request) {
        Some(request) => {
            let outcome = serve(emulator, &request);
            let charge = match &outcome {
                Ok(answer) => answer.charge,
                // What is refused for want of units must not use up those that flow in.
                Err(refusal) => refusal.charge().filter(|_| refusal.status() != 429),
            };
            spend(emulator, &request, charge.unwrap_or_default());
            finish(emulator, &request, outcome)
        }
        None => unreadable(),
    }
}

/// The checks that come before anything is looked at, in the service's order, and then the route's handler.
fn serve(emulator: &Inner, request: &Request<'_>) -> Result<Answer, Refusal> {
    if *request.method == http::Method::OPTIONS && request.segments.is_empty() {
        return Err(Refusal::forbidden_silently());
    }
    let route = route(&request.segments).ok_or_else(Refusal::unknown_url)?;
    emulator.key.check(request, &signed(route, request), emulator.now())?;
    let handler =
        route.handler(request.method).ok_or_else(|| Refusal::method_not_allowed(request))?;
    check_body(request)?;
    check_consistency(emulator, request)?;
    check_rate(emulator, request)?;
    handler(&Call::new(emulator, request))
}

/// What the signature is about: the resource, or of a feed the resource above it.
fn signed<'a>(route: &'a Route, request: &Request<'_>) -> Signed<'a> {
    let count = match request.segments.len() {
        _ if route.is_operation => request.segments.len().saturating_sub(2),
        odd if odd % 2 == 1 => odd - 1,
        even => even,
    };
    let link = request.segments.get(..count).unwrap_or_default().join("/");
    // Offers hang below nothing that has a name, and are signed by their rid alone.
    let link = link.strip_prefix("offers/").map(str::to_ascii_lowercase).unwrap_or(link);
    Signed { resource_type: route.resource_type, link }
}

fn check_body(request: &Request<'_>) -> Result<(), Refusal> {
    if request.body.len() > MAX_BODY_BYTES { Err(Refusal::too_large()) } else { Ok(()) }
}

fn check_consistency(emulator: &Inner, request: &Request<'_>) -> Result<(), Refusal> {
    let Some(text) = request.header(&header::CONSISTENCY_LEVEL) else { return Ok(()) };
    let account = emulator.topology.consistency;
    match text.parse::<ConsistencyLevel>() {
        Ok(level) if account.permits(level) => Ok(()),
        Ok(level) => Err(Refusal::gateway(
            400,
            format!(
                "ConsistencyLevel {level} specified in the request is invalid when service is configured with consistency level {account}. Ensure the request consistency level is not stronger than the service consistency level."
            ),
        )),
        Err(_) => Err(Refusal::gateway(400, format!("The consistency level '{text}' is invalid."))),
    }
}

fn check_rate(emulator: &Inner, request: &Request<'_>) -> Result<(), Refusal> {
    let Some(throttle) = &emulator.throttle else { return Ok(()) };
    let Some(supply) = Supply::of(emulator, request) else { return Ok(()) };
    throttle.admit(&supply, emulator.clock.monotonic())
}

fn spend(emulator: &Inner, request: &Request<'_>, charge: f64) {
    let Some(throttle) = &emulator.throttle else { return };
    if let Some(supply) = Supply::of(emulator, request) {
        throttle.spend(&supply, charge, emulator.clock.monotonic());
    }
}

/// The answer to a path that is not text.
fn unreadable() -> Response {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = http::StatusCode::BAD_REQUEST;
    response
}
