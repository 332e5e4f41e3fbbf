//! Which endpoint an attempt goes to.

use http::Uri;
use http::uri::PathAndQuery;

use super::{Context, Next, Policy};
use crate::error::{Error, Result};
use crate::transport;

/// Puts the endpoint and the path together.
pub(super) struct Route;

impl Policy for Route {
    fn send(
        &self,
        ctx: &mut Context<'_>,
        request: &mut transport::Request,
        next: Next<'_>,
    ) -> Result<transport::Response> {
        let endpoint = ctx.shared.regions.endpoint_for(ctx)?;
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(endpoint.scheme.clone());
        parts.authority = Some(endpoint.authority.clone());
        parts.path_and_query = Some(PathAndQuery::try_from(ctx.path.as_str()).map_err(not_a_path)?);
        *request.uri_mut() = Uri::from_parts(parts).map_err(not_a_path)?;
        ctx.endpoint = Some(endpoint);
        next.send(ctx, request)
    }
}

fn not_a_path(error: impl Into<http::Error>) -> Error {
    Error::invalid_input("the ids make no valid URL path").with_source(error.into())
}
