//! Which endpoint an attempt goes to.

use http::Uri;
use http::uri::PathAndQuery;

use super::retry::Failure;
use super::{Context, Next, Policy};
use crate::error::{Error, Result};
use crate::routing::locations::Wants;
use crate::routing::regions;
use crate::transport;

/// Puts the endpoint and the path together, and notes how the endpoint fared.
pub(super) struct Route;

impl Policy for Route {
    fn send(
        &self,
        ctx: &mut Context<'_>,
        request: &mut transport::Request,
        next: Next<'_>,
    ) -> Result<transport::Response> {
        let route = ctx.shared.regions.route(ctx)?;
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(route.endpoint.scheme.clone());
        parts.authority = Some(route.endpoint.authority.clone());
        parts.path_and_query = Some(PathAndQuery::try_from(ctx.path.as_str()).map_err(not_a_path)?);
        *request.uri_mut() = Uri::from_parts(parts).map_err(not_a_path)?;
        ctx.endpoint = Some(route.endpoint);
        ctx.choices = route.choices;
        ctx.locations = route.locations;
        let outcome = next.send(ctx, request);
        note(ctx, &outcome);
        outcome
    }
}

fn not_a_path(error: impl Into<http::Error>) -> Error {
    Error::invalid_input("the ids make no valid URL path").with_source(error.into())
}

/// Keeps what the outcome says of the endpoint and of the partition in it.
fn note(ctx: &mut Context<'_>, outcome: &Result<transport::Response>) {
    let regions = &ctx.shared.regions;
    let (Some(endpoint), Some(locations)) = (ctx.endpoint.clone(), ctx.locations.clone()) else {
        return;
    };
    let wants = regions::wants(ctx, &locations);
    if outcome.is_ok() {
        regions.works(&endpoint, wants != Wants::Reads);
    }
    let fails_over = wants == Wants::WritesAnywhere;
    let is_guarded = regions.breaker.is_on() && regions.is_guarded(ctx, wants);
    if !fails_over && !is_guarded {
        return;
    }
    let Some(partition) = ctx.partition_id() else { return };
    let failure = outcome.as_ref().err().map(Failure::of);
    let is_bad = failure.is_some_and(Failure::speaks_against_place);
    let is_doubtful = failure.is_some_and(Failure::leaves_doubt);
    let now = ctx.shared.clock.monotonic();
    match fails_over {
        false if is_bad => {
            regions.breaker.failed(&partition, &endpoint, wants != Wants::Reads, now);
        }
        false => regions.breaker.succeeded(&partition, &endpoint, wants != Wants::Reads, now),
        true if outcome.is_ok() && !ctx.avoided.is_empty() => {
            regions.failovers.set(&partition, &endpoint);
        }
        true if outcome.is_ok() => regions.failovers.succeeded(&partition),
        true if is_doubtful && regions.failovers.doubted(&partition) => {
            let excluded = regions.excluded(ctx.spec);
            let candidates = locations.candidates(wants, excluded, false);
            if let Some(other) = candidates.iter().find(|it| **it != endpoint) {
                regions.failovers.set(&partition, other);
            }
        }
        true => {}
    }
}
