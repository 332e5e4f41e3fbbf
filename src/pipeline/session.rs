//! The session token: out with a request, in with its answer.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use super::{Action, Context, Next, Partition, Policy};
use crate::error::Result;
use crate::models::ConsistencyLevel;
use crate::routing::cache::ContainerState;
use crate::routing::session::Capture;
use crate::transport;
use crate::wire::{header, sub_status};

/// Sends the token that the client has for the partition, and keeps the one that comes back.
pub(super) struct Session;

impl Policy for Session {
    fn send(
        &self,
        ctx: &mut Context<'_>,
        request: &mut transport::Request,
        next: Next<'_>,
    ) -> Result<transport::Response> {
        let Some(state) = ctx.container.clone() else { return next.send(ctx, request) };
        if ctx.shared.containers.may_have_twins() && state.session.rid().is_none() {
            // What was seen of the container by its resource id counts here too, once it is known to be that one.
            ctx.facts_or_fetch();
        }
        if !ctx.explicit_session {
            match token(ctx, &state, request.headers()) {
                Some(token) => {
                    request.headers_mut().insert(header::SESSION_TOKEN, token);
                }
                None if ctx.attempts.is_empty() => {}
                None => {
                    request.headers_mut().remove(header::SESSION_TOKEN);
                }
            }
        }
        if ctx.hub_only {
            request.headers_mut().insert(header::HUB_REGION_ONLY, HeaderValue::from_static("True"));
        } else if ctx.counters.session > 0 {
            request.headers_mut().remove(header::HUB_REGION_ONLY);
        }
        let outcome = next.send(ctx, request);
        match &outcome {
            Ok(response) => capture(ctx, &state, response.headers()),
            Err(error) if tells_the_session(error) => {
                if let Some(headers) = error.headers() {
                    capture(ctx, &state, headers);
                }
            }
            Err(_) => {}
        }
        outcome
    }
}

/// So many segments are sent rather than asking for the ranges; more make every request longer.
const MOST_SEGMENTS: usize = 8;

/// The token for the request: that of the range that it addresses, or of all where it may touch any.
fn token(
    ctx: &mut Context<'_>,
    state: &ContainerState,
    headers: &HeaderMap,
) -> Option<HeaderValue> {
    let count = state.session.count();
    if count == 0 || !takes_part(ctx) || !is_effective(ctx, headers) {
        return None;
    }
    if let Some(range) = ctx.range(count > MOST_SEGMENTS) {
        return state.session.of_range(range);
    }
    match &ctx.spec.partition {
        Partition::Range { id, .. } => state.session.of_range_id(id),
        _ => state.session.all(),
    }
}

/// Reads do, and writes where other regions may have written meanwhile.
fn takes_part(ctx: &Context<'_>) -> bool {
    match ctx.spec.action {
        Action::QueryPlan => false,
        action => action.may_read() || ctx.locations.as_ref().is_some_and(|it| it.multi_write),
    }
}

/// Whether a request with these headers is to honour the session: by the strategy or level asked for, else by the
/// account's default. The service's own default, `Session`, is assumed of an account that was not read.
fn is_effective(ctx: &Context<'_>, headers: &HeaderMap) -> bool {
    let options = &ctx.shared.options;
    let strategy =
        headers.get(header::READ_CONSISTENCY_STRATEGY).or(options.strategy_header.as_ref());
    let level = || headers.get(header::CONSISTENCY_LEVEL).or(options.consistency_header.as_ref());
    if let Some(asked) = strategy.or_else(level) {
        return asked.as_bytes().eq_ignore_ascii_case(b"Session");
    }
    let account = ctx.locations.as_ref().map(|it| &it.account);
    account.is_none_or(|it| it.consistency_level() == ConsistencyLevel::Session)
}

fn capture(ctx: &Context<'_>, state: &Arc<ContainerState>, headers: &HeaderMap) {
    if ctx.shared.containers.may_have_twins() {
        ctx.shared.containers.heard(state, headers);
    }
    if let Capture::NewRange(id) = state.session.capture(headers) {
        state.saw_range(&id);
    }
}

/// Whether the token of an error says how far the partition is: where the item was looked at.
fn tells_the_session(error: &crate::Error) -> bool {
    match error.status().map(|it| it.as_u16()) {
        Some(404) => error.sub_status() != Some(sub_status::READ_SESSION_NOT_AVAILABLE),
        Some(409 | 412) => true,
        _ => false,
    }
}
