//! Opens the record of an operation and closes it.

use std::time::Duration;

use http::HeaderValue;

use super::{Context, Next, Policy};
use crate::diagnostics::Diagnostics;
use crate::error::Result;
use crate::transport;
use crate::wire::header;

/// Gives the operation its activity id, and the outcome the totals of its throttling.
pub(super) struct Record;

impl Policy for Record {
    fn send(
        &self,
        ctx: &mut Context<'_>,
        request: &mut transport::Request,
        next: Next<'_>,
    ) -> Result<transport::Response> {
        if let Ok(id) = HeaderValue::from_str(&ctx.activity_id) {
            request.headers_mut().insert(header::ACTIVITY_ID, id);
        }
        let mut outcome = next.send(ctx, request);
        let headers = match &mut outcome {
            Ok(response) => Some(response.headers_mut()),
            Err(error) => error.headers_mut(),
        };
        if let Some(headers) = headers {
            let waited =
                u64::try_from(ctx.counters.throttle.waited.as_millis()).unwrap_or(u64::MAX);
            headers
                .insert(header::THROTTLE_RETRY_COUNT, number(ctx.counters.throttle.retries.into()));
            headers.insert(header::THROTTLE_RETRY_WAIT_MS, number(waited));
        }
        outcome
    }
}

/// The common case, none, costs no allocation.
fn number(value: u64) -> HeaderValue {
    if value == 0 { HeaderValue::from_static("0") } else { HeaderValue::from(value) }
}

/// The record of an operation that has ended.
pub(super) fn finish(ctx: Context<'_>, elapsed: Duration) -> Diagnostics {
    let operation = (ctx.spec.action.word(), ctx.spec.resource.word());
    Diagnostics::new(ctx.activity_id, operation, ctx.path, elapsed, ctx.attempts, ctx.metadata)
}
