//! The gateway: one request in, one answer out.

use http::Method;

use super::Inner;
use super::auth::{Bearer, Now, Signed, check_permission};
use super::call::Call;
use super::refusal::Refusal;
use super::request::Request;
use super::response::{Answer, finish};
use super::routes::{Route, route};
use super::throttle::Supply;

use crate::models::ConsistencyLevel;
use crate::transport::Response;
use crate::wire::{MAX_BODY_BYTES, header, sub_status};

/// Answers a request.
pub(crate) fn answer(emulator: &Inner, request: &Request<'_>) -> Response {
    let outcome = serve(emulator, request);
    let charge = match &outcome {
        Ok(answer) => answer.charge,
        // What is refused for want of units must not use up those that flow in.
        Err(refusal) => refusal.charge().filter(|_| refusal.status() != 429),
    };
    spend(emulator, request, charge.unwrap_or_default());
    finish(emulator, request, outcome)
}

/// The checks that come before anything is looked at, in the service's order, and then the route's handler.
fn serve(emulator: &Inner, request: &Request<'_>) -> Result<Answer, Refusal> {
    if *request.method == Method::OPTIONS && request.segments.is_empty() {
        return Err(Refusal::forbidden_silently());
    }
    let route = route(&request.segments).ok_or_else(Refusal::unknown_url)?;
    let now = Now { clock: emulator.clock.now(), account: emulator.now() };
    let bearer = emulator.key.check(request, &signed(route, request), now)?;
    let handler = route.handler(request).ok_or_else(|| Refusal::method_not_allowed(request))?;
    if let Bearer::Permission(rid) = bearer {
        check_permission(&Call::new(emulator, request), &rid)?;
    }
    check_body(request)?;
    check_consistency(request)?;
    check_region(request)?;
    check_rate(emulator, request)?;
    emulator.settle();
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

fn check_consistency(request: &Request<'_>) -> Result<(), Refusal> {
    let Some(text) = request.header(&header::CONSISTENCY_LEVEL) else { return Ok(()) };
    let account = request.topology.consistency;
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

/// Refuses writes in a region that takes none, and everything in one that is not the account's any more.
fn check_region(request: &Request<'_>) -> Result<(), Refusal> {
    let topology = &request.topology;
    let is_about_data = !request.segments.is_empty();
    if request.region().is_drained && is_about_data {
        let text = "The requested operation cannot be performed: the account is not in this region";
        return Err(Refusal::gateway(403, text).with_sub_status(sub_status::COMPLETING_MIGRATION));
    }
    let is_read = matches!(*request.method, Method::GET | Method::HEAD)
        || request.is_query()
        || request.is_set(&header::IS_QUERY_PLAN_REQUEST);
    let wants_hub = request.is_set(&header::HUB_REGION_ONLY) && is_about_data;
    let is_hub = topology.multi_write || request.region == topology.write_region;
    if (is_read || topology.takes_writes(request.region)) && (is_hub || !wants_hub) {
        return Ok(());
    }
    Err(Refusal::write_forbidden())
}

fn check_rate(emulator: &Inner, request: &Request<'_>) -> Result<(), Refusal> {
    let Some(throttle) = &emulator.throttle else { return Ok(()) };
    let Some(supply) = Supply::of(emulator, request) else { return Ok(()) };
    throttle.admit(&supply, emulator.monotonic())
}

fn spend(emulator: &Inner, request: &Request<'_>, charge: f64) {
    let Some(throttle) = &emulator.throttle else { return };
    if let Some(supply) = Supply::of(emulator, request) {
        throttle.spend(&supply, charge, emulator.monotonic());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::emulator::Emulator;
    use crate::emulator::reach::Reach;
    use crate::transport;

    #[test]
    fn regions_that_take_no_writes_still_read_and_query() {
        let builder = || Emulator::builder().regions(["East US", "West US"]);
        let (single, multi) =
            (builder().build().unwrap(), builder().multi_write(true).build().unwrap());
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
            let outcome = check_region(&Request::parse(&request, single.inner.topology()).unwrap());
            assert_eq!(outcome.is_ok(), allowed, "{method} {content_type} {region}");
            let request = Request::parse(&request, multi.inner.topology()).unwrap();
            assert!(check_region(&request).is_ok());
        }
    }
}
