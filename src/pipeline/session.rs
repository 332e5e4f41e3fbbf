//! The session token: out with a request, in with its answer.

use super::{Context, Next, Policy};
use crate::error::Result;
use crate::transport;
use crate::wire::header;

/// Sends the token that the client has for the partition, and keeps the one that comes back.
pub(super) struct Session;

impl Policy for Session {
    fn send(
        &self,
        ctx: &mut Context<'_>,
        request: &mut transport::Request,
        next: Next<'_>,
    ) -> Result<transport::Response> {
        let Some(container) = &ctx.spec.container else { return next.send(ctx, request) };
        let sessions = &ctx.shared.sessions;
        let reads = ctx.spec.action.may_read();
        let explicit = reads && request.headers().contains_key(header::SESSION_TOKEN);
        if !explicit
            && reads
            && ctx.shared.session_is_effective(request.headers())
            && let Some(token) = sessions.token_for(container.as_str())
        {
            request.headers_mut().insert(header::SESSION_TOKEN, token);
        }
        let outcome = next.send(ctx, request);
        match &outcome {
            Ok(response) => sessions.capture(container.as_str(), response.headers()),
            Err(error) if tells_the_session(error) => {
                if let Some(headers) = error.headers() {
                    sessions.capture(container.as_str(), headers);
                }
            }
            Err(_) => {}
        }
        outcome
    }
}

/// Whether the token of an error says how far the partition is: where the item was looked at.
fn tells_the_session(error: &crate::Error) -> bool {
    match error.status().map(|it| it.as_u16()) {
        Some(404) => {
            error.sub_status() != Some(crate::wire::sub_status::READ_SESSION_NOT_AVAILABLE)
        }
        Some(409 | 412) => true,
        _ => false,
    }
}
