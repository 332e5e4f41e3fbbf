//! The headers that say what a request is and in which form the answer is wanted.

use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue};

use super::{Action, Context, Next, Policy};
use crate::error::Result;
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
        headers.insert(header::VERSION, HeaderValue::from_static(wire::API_VERSION));
        headers.insert(USER_AGENT, ctx.shared.options.user_agent.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::SDK_CAPABILITIES, HeaderValue::from_static(wire::SDK_CAPABILITIES));
        match ctx.spec.action {
            Action::Create | Action::Replace => {
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
        let level = &ctx.shared.options.consistency_header;
        if let Some(level) = level.as_ref().filter(|_| ctx.spec.action.is_read_only()) {
            headers.entry(header::CONSISTENCY_LEVEL).or_insert_with(|| level.clone());
        }
        if ctx.spec.options.minimal_content && ctx.spec.action.writes_one_item() {
            headers.insert(header::PREFER, HeaderValue::from_static("return=minimal"));
        }
        next.send(ctx, request)
    }
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
