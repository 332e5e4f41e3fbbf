//! Reading the partition key ranges of a container: a feed of changes, which is read to its end.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::lookup::Lookup;
use super::map::{MapDefect, PartitionKeyRange, PartitionKeyRangeMap};
use crate::client::Shared;
use crate::error::{Error, Result};
use crate::feed::parse_envelope;
use crate::link::Link;
use crate::pipeline::{Action, Hedging, ResourceType, Spec};
use crate::wire::header;

/// Most tries to read ranges that fit together while a split is under way.
const MOST_TRIES: u32 = 4;
/// The first wait between those; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// Reads the ranges: all of them, or what changed since the map `seen`.
pub(crate) fn read(
    lookup: &Lookup<'_>,
    container: &Link,
    seen: Option<&Arc<PartitionKeyRangeMap>>,
) -> Result<PartitionKeyRangeMap> {
    let clock = &lookup.shared.clock;
    let end = clock.monotonic() + lookup.timeout;
    let mut base = seen;
    for retry in 0..MOST_TRIES {
        let mut place = Place::of(base);
        let documents = drain(&lookup.until(end), container, &mut place)?;
        let Place { etag, region } = place;
        let map = match base.filter(|it| it.etag().is_some()) {
            Some(base) => base.merge(documents, etag),
            None => PartitionKeyRangeMap::new(documents, etag),
        };
        match map {
            Ok(map) => return Ok(map.read_in(region)),
            Err(MapDefect::Overlapping | MapDefect::UnknownParents) => base = None,
            Err(MapDefect::Incomplete) => {}
        }
        let wait = FIRST_WAIT.saturating_mul(1 << retry);
        if wait >= end.saturating_sub(clock.monotonic()) {
            break;
        }
        clock.sleep(wait);
    }
    let name = container.as_str();
    Err(Error::new(
        crate::ErrorKind::Service,
        format!("the partition key ranges of {name} do not fit together"),
    ))
}

/// Most pages of the feed of ranges: a bound against servers that never end it.
const MOST_PAGES: usize = 10_000;

/// A place in the feed of ranges: the etag, and the region whose own it is.
#[derive(Default)]
struct Place {
    etag: Option<String>,
    region: Option<Arc<str>>,
}

impl Place {
    /// Where a map ends; the start of the feed without one.
    fn of(map: Option<&Arc<PartitionKeyRangeMap>>) -> Self {
        let etag = map.and_then(|it| it.etag()).map(str::to_owned);
        let region = map.filter(|_| etag.is_some()).and_then(|it| it.region()).cloned();
        Self { etag, region }
    }

    /// The request for the page that follows, of the region that gave the one before if it can be had.
    fn request(&self, shared: &Shared, container: &Link) -> Spec {
        let mut spec = Spec::new(Action::List, ResourceType::PartitionKeyRange, container.clone());
        spec.headers.insert(header::A_IM, HeaderValue::from_static("Incremental Feed"));
        spec.headers.insert(header::MAX_ITEM_COUNT, HeaderValue::from_static("-1"));
        let etag = self.etag.as_deref().and_then(|it| HeaderValue::from_str(it).ok());
        if let Some(etag) = etag {
            spec.headers.insert(http::header::IF_NONE_MATCH, etag);
            spec.options.hedging = Some(Hedging::Off);
            let region = self.region.as_deref();
            spec.options.excluded_regions = region.and_then(|it| shared.regions.all_but(it));
        }
        spec
    }
}

/// All documents of the feed since a place, which moves on. It ends with a 304, or on servers without etags after one
/// page.
fn drain(
    lookup: &Lookup<'_>,
    container: &Link,
    place: &mut Place,
) -> Result<Vec<PartitionKeyRange>> {
    let mut documents = Vec::new();
    for _ in 0..MOST_PAGES {
        let mut spec = place.request(lookup.shared, container);
        spec.options.timeout = Some(lookup.timeout);
        let response = lookup.run(spec)?;
        let answered = response.diagnostics().attempts().last();
        place.region = answered.and_then(|it| it.region.clone());
        let next = response.header(&http::header::ETAG).map(str::to_owned);
        let moved = next.is_some() && next != place.etag;
        place.etag = next.or_else(|| place.etag.take());
        if response.is_not_modified() {
            return Ok(documents);
        }
        let page: Vec<PartitionKeyRange> = parse_envelope(response.bytes())?;
        documents.extend(page);
        if !moved {
            return Ok(documents);
        }
    }
    Err(Error::new(crate::ErrorKind::Service, "the feed of partition key ranges does not end"))
}

#[cfg(test)]
mod tests;
