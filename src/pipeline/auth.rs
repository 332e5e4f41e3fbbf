//! The date and the signature, fresh for every attempt.

use http::HeaderValue;
use http::header::AUTHORIZATION;

use super::{Context, Next, Policy};
use crate::auth::http_date;
use crate::error::{Error, Result};
use crate::transport;
use crate::wire::header;

/// Signs the request with the client's credential.
pub(super) struct Sign;

impl Policy for Sign {
    fn send(
        &self,
        ctx: &mut Context<'_>,
        request: &mut transport::Request,
        next: Next<'_>,
    ) -> Result<transport::Response> {
        let date = http_date(ctx.shared.clock.now());
        let spec = ctx.spec;
        let signature = ctx.shared.credential.authorize(
            request.method().as_str(),
            spec.resource.segment(),
            &spec.link.signed_form(),
            &date,
        )?;
        let headers = request.headers_mut();
        let mut signature = HeaderValue::try_from(signature).map_err(|error| {
            Error::credential("the credential makes no valid header").with_source(error)
        })?;
        signature.set_sensitive(true);
        headers.insert(AUTHORIZATION, signature);
        let date = HeaderValue::try_from(date).map_err(|error| {
            Error::credential("the date makes no valid header").with_source(error)
        })?;
        headers.insert(header::DATE, date);
        next.send(ctx, request)
    }
}
