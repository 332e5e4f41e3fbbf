//! One line for each attempt, and its entry in the diagnostics.

use super::{Context, Next, Policy};
use crate::diagnostics::Attempt;
use crate::error::{Error, Result};
use crate::transport;
use crate::wire::header;

/// Notes what an attempt came to.
pub(super) struct Log;

impl Policy for Log {
    fn send(
        &self,
        ctx: &mut Context<'_>,
        request: &mut transport::Request,
        next: Next<'_>,
    ) -> Result<transport::Response> {
        let start = ctx.shared.clock.monotonic();
        let outcome = next.send(ctx, request);
        let duration = ctx.shared.clock.monotonic().saturating_sub(start);
        let mut attempt = match &outcome {
            Ok(response) => answered(response),
            Err(error) => failed(error),
        };
        attempt.duration = duration;
        if let Some(endpoint) = &ctx.endpoint {
            attempt.host = endpoint.host.clone();
            attempt.region.clone_from(&endpoint.region);
        }
        if log::log_enabled!(log::Level::Debug) {
            log::debug!("{} {} {} | {attempt}", request.method(), ctx.path, ctx.activity_id);
        }
        ctx.attempts.push(attempt);
        outcome
    }
}

fn answered(response: &transport::Response) -> Attempt {
    let charge = response.headers().get(header::REQUEST_CHARGE);
    Attempt {
        status: Some(response.status().as_u16()),
        request_charge: charge.and_then(|it| it.to_str().ok()?.parse().ok()).unwrap_or(0.0),
        ..Attempt::default()
    }
}

fn failed(error: &Error) -> Attempt {
    let status = error.status().map(|it| it.as_u16());
    Attempt {
        status,
        sub_status: error.sub_status().unwrap_or(0),
        failure: status.is_none().then(|| error.to_string()),
        request_charge: error.request_charge(),
        ..Attempt::default()
    }
}
