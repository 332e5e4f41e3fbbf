//! Which partition an attempt is for: the key or range header.

use http::HeaderValue;

use super::{Context, Next, Partition, Policy};
use crate::error::{Error, Result};
use crate::partition_key::PartitionKey;
use crate::routing::extract;
use crate::transport;
use crate::wire::header;

/// Adds the partition key, or the partition key range, to the request.
pub(super) struct Place;

impl Policy for Place {
    fn send(
        &self,
        ctx: &mut Context<'_>,
        request: &mut transport::Request,
        next: Next<'_>,
    ) -> Result<transport::Response> {
        let headers = request.headers_mut();
        match &ctx.spec.partition {
            Partition::None => {}
            Partition::Key(key) => {
                check_whole(ctx, key)?;
                headers.insert(header::PARTITION_KEY, key_header(key)?);
            }
            Partition::FromItem => {
                let value = match ctx.key_header.take() {
                    Some(value) => value,
                    None => key_header(&key_of_item(ctx, request.body())?)?,
                };
                ctx.key_header = Some(value.clone());
                request.headers_mut().insert(header::PARTITION_KEY, value);
            }
            Partition::Range { id, clip } => {
                headers.insert(header::ENABLE_CROSS_PARTITION, HeaderValue::from_static("True"));
                headers.insert(
                    header::PARTITION_KEY_RANGE_ID,
                    HeaderValue::try_from(id).map_err(not_ascii)?,
                );
                if let Some(clip) = clip {
                    let hex = |epk: &crate::routing::epk::Epk| {
                        HeaderValue::try_from(epk.to_string()).map_err(not_ascii)
                    };
                    headers.insert(
                        header::READ_KEY_TYPE,
                        HeaderValue::from_static("EffectivePartitionKeyRange"),
                    );
                    headers.insert(header::START_EPK, hex(&clip.min)?);
                    headers.insert(header::END_EPK, hex(&clip.max)?);
                }
            }
            Partition::All => {
                headers.insert(header::ENABLE_CROSS_PARTITION, HeaderValue::from_static("True"));
            }
        }
        next.send(ctx, request)
    }
}

/// Refuses the prefix of a hierarchical key where an item is addressed, as far as the container is known.
fn check_whole(ctx: &Context<'_>, key: &PartitionKey) -> Result<()> {
    let spec = ctx.spec;
    let known = spec.container.as_ref().filter(|_| spec.action.is_on_point());
    let Some(facts) = known.and_then(|it| ctx.shared.containers.known(it)) else { return Ok(()) };
    if !facts.definition.is_prefix(key) {
        return Ok(());
    }
    Err(Error::invalid_input(format!(
        "the partition key {} is a prefix of the container's hierarchical key ({}); an item has all its values, \
         prefixes are for queries and change feeds",
        key.header_value(),
        facts.definition.paths.join(", ")
    )))
}

fn key_header(key: &PartitionKey) -> Result<HeaderValue> {
    HeaderValue::try_from(key.header_value()).map_err(not_ascii)
}

fn not_ascii(error: http::header::InvalidHeaderValue) -> Error {
    Error::invalid_input("the partition cannot be named in a header").with_source(error)
}

/// The key of the item in the body, by the definition of its container.
fn key_of_item(ctx: &Context<'_>, body: &[u8]) -> Result<PartitionKey> {
    let Some(container) = &ctx.spec.container else {
        return Err(Error::invalid_input("only items of a container have a partition key"));
    };
    let container = ctx.shared.containers.get(ctx.shared, container, ctx.remaining()?)?;
    extract::partition_key(body, &container.paths)
}
