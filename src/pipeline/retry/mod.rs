//! When to try again.
//!
//! [`decide`] is a pure table. [`Retry`] acts on what it says, and never sleeps past the end of the call.

mod decide;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::{Action, Context, Next, Partition, Policy, Target};
use crate::error::{Error, Result};
use crate::pipeline::ResourceType;
use crate::routing::locations::Wants;
use crate::routing::regions::{self, Mark};
use crate::transport;
use crate::wire::header;
use decide::{Account, Decision, Moves, Progress, decide};

pub(crate) use decide::{Counters, Failure, Tally, throttle_wait};

/// Acts on the decisions.
pub(super) struct Retry;

impl Policy for Retry {
    fn send(
        &self,
        ctx: &mut Context<'_>,
        request: &mut transport::Request,
        next: Next<'_>,
    ) -> Result<transport::Response> {
        loop {
            let error = match next.send(ctx, request) {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            let failure = Failure::of(&error);
            ctx.in_doubt |= !ctx.spec.action.is_read_only() && failure.leaves_doubt();
            ctx.hub_only &= failure.says_not_the_hub();
            let decision = decide(failure, &progress(ctx));
            if !act(ctx, request, decision) {
                return Err(verdict(ctx, error));
            }
        }
    }
}

/// The error as it goes to the caller. What an earlier attempt left in doubt stays in doubt: a 409 may then be about
/// the operation's own item. A partition whose writes no region took goes back to the hub.
fn verdict(ctx: &mut Context<'_>, error: Error) -> Error {
    if ctx.counters.failovers > 0
        && progress(ctx).moves == Moves::Partition
        && let Some(partition) = ctx.partition_id()
    {
        ctx.shared.regions.failovers.clear(&partition);
    }
    if ctx.in_doubt { error.ambiguous() } else { error }
}

/// Prepares the next attempt. `false` where there is none.
fn act(ctx: &mut Context<'_>, request: &mut transport::Request, decision: Decision) -> bool {
    match decision {
        Decision::Fail | Decision::FailUnknown => false,
        Decision::Throttled { wait } => {
            pause(ctx, wait, "throttled") && {
                ctx.counters.throttle.add(wait);
                true
            }
        }
        Decision::RetryWith { wait } => {
            pause(ctx, wait, "another write was faster") && {
                ctx.counters.retry_with.add(wait);
                // From now on the client waits, and not the gateway on top of it.
                request
                    .headers_mut()
                    .insert(header::NO_RETRY_449, HeaderValue::from_static("true"));
                true
            }
        }
        Decision::Again { wait, refresh, because } => {
            pause(ctx, wait, because) && {
                ctx.counters.in_place += 1;
                if refresh {
                    ctx.shared.regions.refresh(ctx, false);
                }
                true
            }
        }
        Decision::Pending { wait } => {
            pause(ctx, wait, "the resource is being made") && {
                ctx.counters.pending += 1;
                true
            }
        }
        Decision::NextRegion { wait, mark, refresh, because } => {
            pause(ctx, wait, because) && {
                ctx.counters.failovers += 1;
                leave_region(ctx, mark);
                if refresh {
                    ctx.shared.regions.refresh(ctx, mark != Some(Mark::Unreachable));
                }
                true
            }
        }
        Decision::WriteRegion { wait, mark, because } => {
            pause(ctx, wait, because) && {
                ctx.counters.write_region.add(wait);
                mark_endpoint(ctx, mark);
                ctx.shared.regions.refresh(ctx, true);
                true
            }
        }
        Decision::Session { target } => {
            pause(ctx, Duration::ZERO, "the replica is behind the session") && {
                ctx.counters.session += 1;
                ctx.hub_only = target == Target::Hub && !is_multi_write(ctx);
                leave_region(ctx, None);
                ctx.target = target;
                true
            }
        }
        Decision::SessionLost => session_was_of_another_container(ctx),
        Decision::RefreshContainer { because } => {
            pause(ctx, Duration::ZERO, because) && refresh_container(ctx)
        }
        Decision::RefreshRanges { wait, because } => {
            pause(ctx, wait, because) && {
                ctx.counters.ranges += 1;
                refresh_ranges(ctx);
                true
            }
        }
        Decision::ForgetContainer => {
            if let Some(container) = &ctx.spec.container {
                ctx.shared.containers.forget(container);
            }
            false
        }
    }
}

/// This operation asks the endpoint again only after all others, and other operations leave it alone where it is
/// marked.
fn leave_region(ctx: &mut Context<'_>, mark: Option<Mark>) {
    if let Some(mark) = mark {
        mark_endpoint(ctx, mark);
    }
    ctx.target = Target::Preferred;
    if let Some(endpoint) = ctx.endpoint.as_ref().filter(|it| !ctx.avoided.contains(it)) {
        ctx.avoided.push(Arc::clone(endpoint));
    }
}

fn mark_endpoint(ctx: &Context<'_>, mark: Mark) {
    if let Some(endpoint) = ctx.endpoint.as_ref().filter(|it| it.region.is_some()) {
        ctx.shared.regions.mark(endpoint, mark, ctx.shared.clock.monotonic());
    }
}

/// Looks whether the session's tokens are those of a container that had the name before; otherwise forgets them, so
/// that the next operation starts afresh.
fn session_was_of_another_container(ctx: &mut Context<'_>) -> bool {
    let (Some(container), Some(state)) = (&ctx.spec.container, ctx.container.clone()) else {
        return false;
    };
    if ctx.explicit_session {
        return false;
    }
    let before = state.session.rid();
    let is_another = ctx.counters.container == 0
        && ctx.lookup().is_ok_and(|lookup| {
            let facts = state.newer_facts(&lookup, container, ctx.facts.as_ref());
            facts.is_ok_and(|facts| before.is_some_and(|it| it != facts.rid))
        });
    if !is_another {
        log::warn!("no region is as far as the session of {}", container.as_str());
        state.session.clear();
        return false;
    }
    ctx.counters.container += 1;
    start_afresh(ctx);
    pause(ctx, Duration::ZERO, "the session was another container's")
}

/// Reads the container again, one thread for all; the partition key and the ranges are found anew.
fn refresh_container(ctx: &mut Context<'_>) -> bool {
    let (Some(container), Some(state)) = (&ctx.spec.container, ctx.container.clone()) else {
        return false;
    };
    ctx.counters.container += 1;
    let refreshed =
        ctx.lookup().and_then(|lookup| state.newer_facts(&lookup, container, ctx.facts.as_ref()));
    if let Err(error) = &refreshed {
        log::warn!("{} could not be read again: {error}", container.as_str());
    }
    start_afresh(ctx);
    refreshed.is_ok()
}

fn start_afresh(ctx: &mut Context<'_>) {
    ctx.key = None;
    ctx.key_header = None;
    ctx.place = None;
    ctx.target = Target::Preferred;
    ctx.hub_only = false;
}

/// Reads the ranges again where the client uses them; the service finds the partition of a key by itself.
fn refresh_ranges(ctx: &mut Context<'_>) {
    ctx.place = None;
    let (Some(container), Some(state)) = (&ctx.spec.container, &ctx.container) else { return };
    let (Some(known), Ok(lookup)) = (state.known_ranges(), ctx.lookup()) else { return };
    if let Err(error) = state.refresh_ranges(&lookup, container, &known) {
        log::warn!("the ranges of {} could not be read again: {error}", container.as_str());
    }
}

fn is_multi_write(ctx: &Context<'_>) -> bool {
    ctx.locations.as_ref().is_some_and(|it| it.multi_write)
}

/// What the table is to know of the operation.
fn progress<'a>(ctx: &Context<'a>) -> Progress<'a> {
    let (spec, shared) = (ctx.spec, ctx.shared);
    let read_only = spec.action.is_read_only();
    let known = ctx.locations.as_deref();
    let wants = known.map(|it| regions::wants(ctx, it));
    let options = &shared.options.retry;
    let at_hub = known.zip(ctx.endpoint.as_ref()).is_some_and(|(it, at)| it.hub() == at);
    let range_is_fixed = matches!(spec.partition, Partition::Range { .. });
    let is_feed = spec.action == Action::ChangeFeed;
    Progress {
        read_only,
        may_repeat: spec.may_repeat(options.retry_writes),
        account: match spec.resource {
            ResourceType::Account if known.is_none() => Account::First,
            ResourceType::Account => Account::Again,
            _ => Account::No,
        },
        moves: match wants {
            _ if read_only => Moves::Regions,
            Some(Wants::WritesAnywhere) => Moves::Partition,
            Some(Wants::Writes) if is_multi_write(ctx) => Moves::Regions,
            _ => Moves::Nowhere,
        },
        discovers: shared.regions.discovers(),
        range_is_fixed,
        is_bound: range_is_fixed || is_feed || ctx.continues,
        throttling_is_callers: spec.options.throttling_is_callers,
        key_from_item: matches!(spec.partition, Partition::FromItem),
        choices: u32::try_from(ctx.choices).unwrap_or(u32::MAX),
        multi_write: is_multi_write(ctx),
        at_hub,
        counters: ctx.counters,
        options,
        jitter: shared.activity_ids.jitter(),
    }
}

/// Waits, unless the time of the call would be up before. Says whether there is time for another attempt.
fn pause(ctx: &mut Context<'_>, wait: Duration, because: &'static str) -> bool {
    if !ctx.remaining().is_ok_and(|left| wait < left) {
        return false;
    }
    log::info!("{} is tried again in {wait:.1?}: {because}", ctx.activity_id);
    if let Some(attempt) = ctx.attempts.last_mut() {
        attempt.waited = wait;
        attempt.retried_because = Some(because);
    }
    if !wait.is_zero() {
        ctx.shared.clock.sleep(wait);
    }
    true
}
