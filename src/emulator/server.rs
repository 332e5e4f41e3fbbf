//! The gateway: one request in, one answer out.

use http::Method;

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
use crate::wire::{MAX_BODY_BYTES, header, sub_status};

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
    if *request.method == Method::OPTIONS && request.segments.is_empty() {
        return Err(Refusal::forbidden_silently());
    }
    let route = route(&request.segments).ok_or_else(Refusal::unknown_url)?;
    // Clients sign by the machine's time, however far the account's has been moved on.
    emulator.key.check(request, &signed(route, request), emulator.clock.now())?;
    let handler =
        route.handler(request.method).ok_or_else(|| Refusal::method_not_allowed(request))?;
    check_body(request)?;
    check_consistency(emulator, request)?;
    check_region(emulator, request)?;
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

/// Refuses writes that came by the port of a region that takes none.
fn check_region(emulator: &Inner, request: &Request<'_>) -> Result<(), Refusal> {
    let takes_writes = request.reach.is_none_or(|it| emulator.topology.takes_writes(it.region));
    let is_read = matches!(*request.method, Method::GET | Method::HEAD)
        || request.is_query()
        || request.is_set(&header::IS_QUERY_PLAN_REQUEST);
    if takes_writes || is_read {
        return Ok(());
    }
    let text = "The requested operation cannot be performed at this region";
    Err(Refusal::gateway(403, text).with_sub_status(sub_status::WRITE_FORBIDDEN))
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::emulator::Emulator;
    use crate::emulator::reach::Reach;

    #[test]
    fn regions_that_take_no_writes_still_read_and_query() {
        let builder = || Emulator::builder().regions(["East US", "West US"]);
        let (single, multi) = (builder().build(), builder().multi_write(true).build());
        for (method, content_type, region, allowed) in [
            (Method::GET, "", 1, true),
            (Method::POST, "application/query+json", 1, true),
            (Method::POST, "application/json", 0, true),
            (Method::POST, "application/json", 1, false),
            (Method::DELETE, "", 1, false),
        ] {
            let mut request = transport::Request::default();
            *request.method_mut() = method.clone();
            request.headers_mut().insert("content-type", content_type.parse().unwrap());
            request.extensions_mut().insert(Reach { region, ports: Arc::from([1, 2]) });
            let request = Request::parse(&request).unwrap();
            let outcome = check_region(&single.inner, &request);
            assert_eq!(outcome.is_ok(), allowed, "{method} {content_type} {region}");
            assert!(check_region(&multi.inner, &request).is_ok());
        }
    }
}
