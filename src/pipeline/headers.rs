//! The headers that say what a request is and in which form the answer is wanted.

use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue};

use super::{Action, Context, Next, Policy};
use crate::error::{Error, Result};
use crate::models::{AccountProperties, ConsistencyLevel, ReadConsistencyStrategy};
use crate::routing::locations::{Locations, Wants};
use crate::routing::regions;
use crate::transport;
use crate::wire::{self, header};

/// Adds what every request has, and what its action implies.
pub(super) struct Describe;

const TRUE: HeaderValue = HeaderValue::from_static("True");

impl Policy for Describe {
    fn send(
        &self,
        ctx: &mut Context<'_>,
        request: &mut transport::Request,
        next: Next<'_>,
    ) -> Result<transport::Response> {
        let headers = request.headers_mut();
        for (name, value) in [
            (header::VERSION, HeaderValue::from_static(wire::API_VERSION)),
            (USER_AGENT, ctx.shared.options.user_agent.clone()),
            (ACCEPT, HeaderValue::from_static("application/json")),
            (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            (header::SDK_CAPABILITIES, HeaderValue::from_static(wire::SDK_CAPABILITIES)),
        ] {
            // What the call itself says counts.
            headers.entry(name).or_insert(value);
        }
        match ctx.spec.action {
            Action::Create | Action::Replace | Action::Execute => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            Action::Upsert => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                headers.insert(header::IS_UPSERT, TRUE);
            }
            Action::Query => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/query+json"));
                headers.insert(header::IS_QUERY, TRUE);
            }
            Action::QueryPlan => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/query+json"));
                headers.insert(header::IS_QUERY_PLAN_REQUEST, TRUE);
            }
            Action::Patch => {
                let patch = HeaderValue::from_static("application/json_patch+json");
                headers.insert(CONTENT_TYPE, patch);
            }
            Action::Batch => describe_batch(headers, true),
            Action::Bulk => describe_batch(headers, false),
            Action::Read
            | Action::List
            | Action::Delete
            | Action::DeleteByKey
            | Action::ChangeFeed => {}
        }
        if ctx.is_metadata() {
            // Consistency and regions are about items.
        } else if ctx.spec.action.is_read_only() {
            ask_for_consistency(ctx, headers)?;
        } else if ctx.locations.as_ref().is_some_and(|it| is_tentative(ctx, it)) {
            headers.insert(header::ALLOW_TENTATIVE_WRITES, HeaderValue::from_static("true"));
        }
        if ctx.spec.options.minimal_content && ctx.spec.action.writes_one_item() {
            headers.insert(header::PREFER, HeaderValue::from_static("return=minimal"));
        }
        next.send(ctx, request)
    }
}

/// Whether several regions may take the write, so that it is provisional until they agree.
fn is_tentative(ctx: &Context<'_>, locations: &Locations) -> bool {
    locations.multi_write && regions::wants(ctx, locations) != Wants::WritesToHub
}

/// A batch is carried out in order, and ends with its first failure where it is atomic.
fn describe_batch(headers: &mut HeaderMap, is_atomic: bool) {
    const FALSE: HeaderValue = HeaderValue::from_static("False");
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::IS_BATCH_REQUEST, TRUE);
    headers.insert(header::BATCH_ORDERED, TRUE);
    headers.insert(header::BATCH_ATOMIC, if is_atomic { TRUE } else { FALSE });
    headers.insert(header::BATCH_CONTINUE_ON_ERROR, if is_atomic { FALSE } else { TRUE });
}

/// The strategy or level that was asked for, by the call or else by the client. What the account cannot give is an
/// error here rather than there, where the account is known.
fn ask_for_consistency(ctx: &Context<'_>, headers: &mut HeaderMap) -> Result<()> {
    let options = &ctx.shared.options;
    if let Some(strategy) = &options.strategy_header
        && !headers.contains_key(header::CONSISTENCY_LEVEL)
    {
        headers.entry(header::READ_CONSISTENCY_STRATEGY).or_insert_with(|| strategy.clone());
    }
    if headers.contains_key(header::READ_CONSISTENCY_STRATEGY) {
        headers.remove(header::CONSISTENCY_LEVEL);
    } else if let Some(level) = &options.consistency_header {
        headers.entry(header::CONSISTENCY_LEVEL).or_insert_with(|| level.clone());
    }
    match ctx.locations.as_ref() {
        Some(known) => check_consistency(&known.account, headers),
        None => Ok(()),
    }
}

fn check_consistency(account: &AccountProperties, headers: &HeaderMap) -> Result<()> {
    let default = account.consistency_level();
    let word = |name| headers.get(name).and_then(|it: &HeaderValue| it.to_str().ok());
    let level = word(header::CONSISTENCY_LEVEL).and_then(|it| it.parse::<ConsistencyLevel>().ok());
    if let Some(level) = level.filter(|it| !default.permits(*it)) {
        return Err(Error::invalid_input(format!(
            "the account's consistency is {default}: a read can ask for that or less, not for {level}"
        )));
    }
    let strongest = ReadConsistencyStrategy::GlobalStrong.as_str();
    let is_strong = default == ConsistencyLevel::Strong && !account.enable_multiple_write_locations;
    if word(header::READ_CONSISTENCY_STRATEGY) == Some(strongest) && !is_strong {
        return Err(Error::invalid_input(format!(
            "{strongest} reads need an account of strong consistency with one write region"
        )));
    }
    Ok(())
}
