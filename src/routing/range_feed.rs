//! Reading the partition key ranges of a container: a change feed, whose end is a 304.
//!
//! Its etags are those of one region. What goes on from one is asked of the region that gave it, and where another one
//! answers all the same, the feed is read from its beginning there.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::map::{MapDefect, PartitionKeyRange, PartitionKeyRangeMap};
use crate::client::Shared;
use crate::error::{Error, ErrorKind, Result};
use crate::feed::parse_envelope;
use crate::link::Link;
use crate::pipeline::{Action, Hedging, ResourceType, Spec};
use crate::response::Response;
use crate::wire::header;

/// Most tries to read ranges that fit together while a split is under way.
const MOST_TRIES: u32 = 4;
/// The first wait between those; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// The ranges as they are now. Where some were `seen`, only what changed since is read.
pub(super) fn read_ranges(
    shared: &Shared,
    container: &Link,
    seen: Option<&Arc<PartitionKeyRangeMap>>,
    timeout: Duration,
) -> Result<PartitionKeyRangeMap> {
    let end = shared.clock.monotonic() + timeout;
    let mut base = seen.filter(|it| it.etag().is_some());
    for retry in 0..MOST_TRIES {
        let left = end.saturating_sub(shared.clock.monotonic());
        let feed = Feed::after(base).read(shared, container, left)?;
        let map = match base.filter(|_| !feed.began_anew) {
            Some(base) => base.merge(feed.documents, feed.etag),
            None => PartitionKeyRangeMap::new(feed.documents, feed.etag),
        };
        match map {
            Ok(map) => return Ok(map.told_by(feed.region)),
            Err(MapDefect::Overlapping | MapDefect::UnknownParents) => base = None,
            Err(MapDefect::Incomplete) => {}
        }
        let wait = FIRST_WAIT.saturating_mul(1 << retry);
        if wait >= end.saturating_sub(shared.clock.monotonic()) {
            break;
        }
        shared.clock.sleep(wait);
    }
    let name = container.as_str();
    Err(Error::new(
        ErrorKind::Service,
        format!("the partition key ranges of {name} do not fit together"),
    ))
}

/// Most pages of the feed: a bound against servers that never end it.
const MOST_PAGES: usize = 10_000;

/// How far the feed was read.
#[derive(Default)]
struct Feed {
    documents: Vec<PartitionKeyRange>,
    etag: Option<String>,
    /// The region whose etag that is.
    region: Option<Arc<str>>,
    /// Whether another region answered than the one whose etag was known, so that these are all documents.
    began_anew: bool,
}

impl Feed {
    fn after(base: Option<&Arc<PartitionKeyRangeMap>>) -> Self {
        Self {
            etag: base.and_then(|it| it.etag()).map(str::to_owned),
            region: base.and_then(|it| it.region()).cloned(),
            ..Self::default()
        }
    }

    /// Reads to the end: a 304, or on servers without etags the only page.
    fn read(mut self, shared: &Shared, container: &Link, timeout: Duration) -> Result<Self> {
        let end = shared.clock.monotonic() + timeout;
        for page in 0..MOST_PAGES {
            let left = end.saturating_sub(shared.clock.monotonic());
            let response = shared.run(self.request(container, page, left))?;
            if self.is_of_another_region(&response) {
                self = Self { region: region_of(&response), began_anew: true, ..Self::default() };
                continue;
            }
            if self.take(&response)? {
                return Ok(self);
            }
        }
        Err(Error::new(ErrorKind::Service, "the feed of partition key ranges does not end"))
    }

    fn request(&self, container: &Link, page: usize, timeout: Duration) -> Spec {
        let mut spec = Spec::new(Action::List, ResourceType::PartitionKeyRange, container.clone());
        spec.options.timeout = Some(timeout);
        spec.options.first_region.clone_from(&self.region);
        if page > 0 {
            // A second region could only begin again.
            spec.options.hedging = Some(Hedging::Off);
        }
        spec.headers.insert(header::A_IM, HeaderValue::from_static("Incremental Feed"));
        spec.headers.insert(header::MAX_ITEM_COUNT, HeaderValue::from_static("-1"));
        if let Some(value) = self.etag.as_deref().and_then(|it| HeaderValue::from_str(it).ok()) {
            spec.headers.insert(http::header::IF_NONE_MATCH, value);
        }
        spec
    }

    /// Whether the answer goes on from an etag that was not its region's.
    fn is_of_another_region(&self, response: &Response) -> bool {
        let answered = region_of(response);
        self.etag.is_some()
            && self.region.is_some()
            && answered.is_some()
            && answered != self.region
    }

    /// Adds a page. Says whether it was the last.
    fn take(&mut self, response: &Response) -> Result<bool> {
        let next = response.header(&http::header::ETAG).map(str::to_owned);
        self.region = region_of(response);
        if response.is_not_modified() {
            self.etag = next.or(self.etag.take());
            return Ok(true);
        }
        let page: Vec<PartitionKeyRange> = parse_envelope(response.bytes())?;
        let moved = next.is_some() && next != self.etag;
        self.etag = next.or(self.etag.take());
        let is_empty = page.is_empty();
        self.documents.extend(page);
        Ok(!moved || is_empty)
    }
}

/// The region that answered, where the account's regions are known.
fn region_of(response: &Response) -> Option<Arc<str>> {
    response.diagnostics().attempts().last()?.region.clone()
}

#[cfg(test)]
mod tests;
