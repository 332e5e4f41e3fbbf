//! The date, and the signature or the token, fresh for every attempt.

use std::sync::Arc;

use http::HeaderValue;
use http::header::AUTHORIZATION;

use super::{Action, Context, Next, Policy, ResourceType};
use crate::auth::{Credential, MasterKey, Reach, TokenSet, TokenSource, Wanted, http_date};
use crate::error::{Error, Result};
use crate::transport;
use crate::wire::{header, sub_status};

/// Proves to the service who asks, by the client's credential.
pub(super) struct Sign;

impl Policy for Sign {
    fn send(
        &self,
        ctx: &mut Context<'_>,
        request: &mut transport::Request,
        next: Next<'_>,
    ) -> Result<transport::Response> {
        let date = http_date(ctx.shared.clock.now());
        let shared = ctx.shared;
        match &shared.credential {
            Credential::Key(key) => {
                let signature = sign(key, ctx, request, &date)?;
                request.headers_mut().insert(AUTHORIZATION, signature);
                put_date(request, date)?;
                next.send(ctx, request)
            }
            Credential::Tokens(tokens) => {
                put_date(request, date)?;
                send_with_token(tokens, ctx, request, next)
            }
        }
    }
}

fn sign(
    key: &MasterKey,
    ctx: &Context<'_>,
    request: &transport::Request,
    date: &str,
) -> Result<HeaderValue> {
    let (verb, spec) = (request.method().as_str(), ctx.spec);
    let signature = key.sign(verb, spec.resource.segment(), spec.link.signed_form(), date);
    let mut signature = HeaderValue::try_from(signature).map_err(|error| {
        Error::credential("the credential makes no valid header").with_source(error)
    })?;
    signature.set_sensitive(true);
    Ok(signature)
}

fn put_date(request: &mut transport::Request, date: String) -> Result<()> {
    let date = HeaderValue::try_from(date)
        .map_err(|error| Error::credential("the date makes no valid header").with_source(error))?;
    request.headers_mut().insert(header::DATE, date);
    Ok(())
}

/// Sends the request with the token for what it is about, and once more with a new one where the token is refused.
fn send_with_token(
    tokens: &TokenSource,
    ctx: &mut Context<'_>,
    request: &mut transport::Request,
    next: Next<'_>,
) -> Result<transport::Response> {
    let clock = &*ctx.shared.clock;
    let current = tokens.current(clock, ctx.remaining()?)?;
    put_token(&current, ctx, request)?;
    let error = match next.send(ctx, request) {
        Err(error) if is_token_refused(&error) => error,
        outcome => return outcome,
    };
    let Ok(left) = ctx.remaining() else { return Err(error) };
    let Some(renewed) = tokens.renewed(&current, clock, left) else { return Err(error) };
    if let Some(attempt) = ctx.attempts.last_mut() {
        attempt.retried_because = Some("the resource token was refused, and there is a new one");
    }
    put_token(&renewed, ctx, request)?;
    next.send(ctx, request)
}

fn put_token(
    tokens: &Arc<TokenSet>,
    ctx: &Context<'_>,
    request: &mut transport::Request,
) -> Result<()> {
    let spec = ctx.spec;
    let wanted = Wanted {
        link: spec.link.as_str(),
        partition_key: ctx.partition_key(),
        reach: match (spec.resource, spec.action) {
            (ResourceType::Account, _) => Reach::Anyone,
            (ResourceType::Container, Action::Read) => Reach::Inside,
            (ResourceType::PartitionKeyRange, Action::List) => Reach::Inside,
            _ => Reach::Holder,
        },
    };
    let token = tokens.find(&wanted)?.clone();
    request.headers_mut().insert(AUTHORIZATION, token);
    Ok(())
}

/// Whether the token may have run out. A 403 with one of these sub-statuses is about the region.
fn is_token_refused(error: &Error) -> bool {
    let is_about_region = matches!(
        error.sub_status(),
        Some(sub_status::WRITE_FORBIDDEN | sub_status::ACCOUNT_NOT_IN_REGION)
    );
    error.is_unauthorized() && !is_about_region
}
