//! Which partition an attempt is for: the key or range header.

use std::sync::Arc;

use http::HeaderValue;

use super::{Action, Context, Next, Partition, Policy, ResourceType};
use crate::error::{Error, Result};
use crate::partition_key::PartitionKey;
use crate::routing::cache::ContainerFacts;
use crate::routing::extract;
use crate::routing::health::PartitionId;
use crate::routing::map::{PartitionKeyRange, PartitionKeyRangeMap};
use crate::routing::range::EpkRange;
use crate::transport;
use crate::wire::header;

/// Adds the partition key, or the partition key range, to the request, and the rid of the container that is meant.
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
                let value = key_of_item(ctx, request.body())?;
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
        name_container(ctx, request);
        let outcome = next.send(ctx, request);
        if outcome.is_ok() && ctx.spec.action == Action::Delete {
            forget_deleted(ctx);
        }
        outcome
    }
}

/// Says which container is meant by the name, where its rid is known.
fn name_container(ctx: &mut Context<'_>, request: &mut transport::Request) {
    let Some(container) = &ctx.container else { return };
    ctx.facts = container.known_facts();
    // The place of a change feed is one in a certain container: it says so itself, and no other may answer.
    let is_said = ctx.spec.action == Action::ChangeFeed
        && request.headers().contains_key(header::INTENDED_COLLECTION_RID);
    if is_said {
        return;
    }
    if let Some(rid) = ctx.facts.as_ref().and_then(|it| it.rid_header.clone()) {
        request.headers_mut().insert(header::INTENDED_COLLECTION_RID, rid);
    }
}

/// What was known of it is of no use any more: another container may get its name.
fn forget_deleted(ctx: &Context<'_>) {
    match ctx.spec.resource {
        ResourceType::Container => ctx.shared.containers.forget(&ctx.spec.link),
        ResourceType::Database => ctx.shared.containers.forget_below(&ctx.spec.link),
        _ => {}
    }
}

/// Refuses the prefix of a hierarchical key where an item is addressed, as far as the container is known. For a batch it is
/// read, since the key is that of all its operations.
fn check_whole(ctx: &Context<'_>, key: &PartitionKey) -> Result<()> {
    let spec = ctx.spec;
    if let (Action::Batch, Some(state), Some(link)) = (spec.action, &ctx.container, &spec.container)
    {
        let facts = state.facts_if_permitted(&ctx.lookup()?, link)?;
        return facts.map_or(Ok(()), |it| it.definition.check_complete(key));
    }
    let known = ctx.container.as_ref().filter(|_| spec.action.is_on_point());
    let Some(facts) = known.and_then(|it| it.known_facts()) else { return Ok(()) };
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

/// The key of the item in the body, by the definition of its container; found once for all attempts.
fn key_of_item(ctx: &mut Context<'_>, body: &[u8]) -> Result<HeaderValue> {
    if let Some(value) = &ctx.key_header {
        return Ok(value.clone());
    }
    let (Some(container), Some(link)) = (&ctx.container, &ctx.spec.container) else {
        return Err(Error::invalid_input("only items of a container have a partition key"));
    };
    let facts = container.facts_if_permitted(&ctx.lookup()?, link)?;
    let facts = facts.ok_or_else(|| {
        Error::credential(format!(
            "the partition key of the item is taken from it by the definition of {}, which the client's credential \
             does not allow to read: give the key with partition_key(…)",
            link.as_str()
        ))
    })?;
    let key = extract::partition_key(body, &facts.paths)?;
    let value = key_header(&key)?;
    ctx.key = Some(key);
    ctx.key_header = Some(value.clone());
    Ok(value)
}

/// The partition key range that an operation is for, by one state of the container's map.
#[derive(Debug)]
pub(crate) struct Located {
    map: Arc<PartitionKeyRangeMap>,
    index: usize,
}

impl Located {
    fn range(&self) -> Option<&PartitionKeyRange> {
        self.map.ranges().get(self.index)
    }
}

impl Context<'_> {
    /// The partition key range that the operation is for, where that is known, or with `fetch` can be found out.
    /// `None` too for operations that may touch several.
    pub(crate) fn range(&mut self, fetch: bool) -> Option<&PartitionKeyRange> {
        if self.place.is_none() {
            self.place = self.locate(fetch);
        }
        self.place.as_ref()?.range()
    }

    /// What circuit breaker and partition failover know the partition by.
    pub(crate) fn partition_id(&mut self) -> Option<PartitionId> {
        let container = self.facts_or_fetch()?.rid.clone();
        let range = self.range(true)?.id.clone();
        Some(PartitionId { container, range })
    }

    /// The facts about the container, for what does better with them but goes without.
    pub(super) fn facts_or_fetch(&mut self) -> Option<Arc<ContainerFacts>> {
        if self.facts.is_none() {
            let (state, container) = (self.container.as_ref()?, self.spec.container.as_ref()?);
            self.facts = state.facts_if_permitted(&self.lookup().ok()?, container).ok()?;
        }
        self.facts.clone()
    }

    fn locate(&mut self, fetch: bool) -> Option<Located> {
        if matches!(self.spec.partition, Partition::None | Partition::All) {
            return None;
        }
        let (state, container) = (self.container.as_ref()?, self.spec.container.as_ref()?);
        let map = match state.known_ranges() {
            Some(map) => map,
            None if fetch => state.ranges_if_readable(&self.lookup().ok()?, container)?,
            None => return None,
        };
        let index = match &self.spec.partition {
            Partition::Range { id, .. } => map.index_of(id)?,
            _ if map.ranges().len() == 1 => 0,
            _ => {
                let facts = if fetch { self.facts_or_fetch() } else { self.facts.clone() };
                let covered = EpkRange::of(self.partition_key()?, &facts?.definition).ok()?;
                let index = map.index_at(&covered.min)?;
                let is_within = covered.max <= map.ranges().get(index)?.max_exclusive;
                is_within.then_some(index)?
            }
        };
        Some(Located { map, index })
    }

    pub(super) fn partition_key(&self) -> Option<&PartitionKey> {
        match &self.spec.partition {
            Partition::Key(key) => Some(key),
            _ => self.key.as_ref(),
        }
    }
}
