//! A place in the rows of one part of the key space, which outlives splits and merges of partitions.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::partition_key::PartitionKey;
use crate::query::backend::{
    Address, Backend, FetchRequest, Freshness, PartitionRange, QuerySpec, RawPage,
};
use crate::routing::epk::Epk;
use crate::routing::range::EpkRange;
use crate::wire::sub_status;

/// How often in a row a partition may turn out to be gone before that is the answer.
const MOST_GONE: u32 = 10;

/// What every request of a query has in common.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) query: Arc<QuerySpec>,
    pub(crate) max_item_count: Option<i32>,
}

/// A stream of pages from one part of the key space.
#[derive(Debug)]
pub(crate) struct Cursor {
    holder: Holder,
    range: EpkRange,
    text: Arc<str>,
    continuation: Option<String>,
    /// How often in a row the partition was gone.
    gone: u32,
    /// Hashes of the continuations that the server gave, to notice one that goes round in circles.
    seen: HashSet<u64>,
    hasher: RandomState,
}

#[derive(Debug)]
enum Holder {
    Key(PartitionKey),
    Partition { id: String, is_clipped: bool },
}

/// What came of asking for a page.
#[derive(Debug)]
pub(crate) enum Step {
    Page(RawPage),
    /// The partition was split: these go on where this one was.
    Split(Vec<Cursor>),
}

impl Cursor {
    /// The rows of a complete key, whose point is `range`.
    pub(crate) fn of_key(key: PartitionKey, range: EpkRange, text: Arc<str>) -> Self {
        Self::new(Holder::Key(key), range, text, None)
    }

    /// The rows of `within` that the partition holds, or `None` if it holds none of them.
    pub(crate) fn of_partition(
        partition: &PartitionRange,
        within: &EpkRange,
        text: Arc<str>,
        continuation: Option<String>,
    ) -> Option<Self> {
        let range = partition.range.intersection(within)?;
        let is_clipped = range != partition.range;
        let holder = Holder::Partition { id: partition.id.clone(), is_clipped };
        Some(Self::new(holder, range, text, continuation))
    }

    fn new(holder: Holder, range: EpkRange, text: Arc<str>, continuation: Option<String>) -> Self {
        let (seen, hasher) = (HashSet::new(), RandomState::new());
        Self { holder, range, text, continuation, gone: 0, seen, hasher }
    }

    pub(crate) fn range(&self) -> &EpkRange {
        &self.range
    }

    pub(crate) fn continuation(&self) -> Option<&str> {
        self.continuation.as_deref()
    }

    /// Starts after the page that a continuation ends.
    pub(crate) fn continue_from(&mut self, continuation: Option<String>) {
        self.continuation = continuation;
    }

    /// Fetches the next page. There is more if the page has a continuation.
    pub(crate) fn advance(&mut self, backend: &dyn Backend, request: &Request) -> Result<Step> {
        loop {
            match self.fetch(backend, request) {
                Ok(page) => {
                    self.gone = 0;
                    return self.settle(page).map(Step::Page);
                }
                Err(error) if is_gone(&error) && self.gone < MOST_GONE => {
                    self.gone += 1;
                    if let Some(children) = self.relocate(backend, &error)? {
                        return Ok(Step::Split(children));
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn fetch(&self, backend: &dyn Backend, request: &Request) -> Result<RawPage> {
        let address = match &self.holder {
            Holder::Key(key) => Address::Key(key),
            Holder::Partition { id, is_clipped } => {
                Address::Range { id, clip: is_clipped.then_some(&self.range) }
            }
        };
        backend.fetch(&FetchRequest {
            address,
            query: &request.query,
            text: &self.text,
            continuation: self.continuation(),
            max_item_count: request.max_item_count,
        })
    }

    /// Takes the page's continuation, if it leads on.
    ///
    /// Some servers mark the last page by returning the very continuation that they were sent. One that returns an
    /// older continuation would serve the same pages for ever.
    fn settle(&mut self, mut page: RawPage) -> Result<RawPage> {
        if page.continuation.is_some() && page.continuation == self.continuation {
            page.continuation = None;
        }
        if let Some(next) = &page.continuation
            && !self.seen.insert(self.hasher.hash_one(next))
        {
            return Err(Error::json(
                "the server returned a continuation that it had returned before: the query would never end",
            ));
        }
        self.continuation.clone_from(&page.continuation);
        Ok(page)
    }

    /// Looks for the partitions that now hold the range. One of them is this cursor's new one; several replace it.
    fn relocate(&mut self, backend: &dyn Backend, gone: &Error) -> Result<Option<Vec<Self>>> {
        if self.gone > 1 || gone.sub_status() != Some(sub_status::PARTITION_KEY_RANGE_GONE) {
            backend.pause(self.gone)?;
        }
        let partitions = backend.ranges(&self.range, Freshness::Reload)?;
        if matches!(self.holder, Holder::Key(_)) {
            return Ok(None);
        }
        check_coverage(&partitions, &self.range)?;
        let children = partitions.iter().filter_map(|it| {
            let continuation = self.continuation.clone();
            let child = Self::of_partition(it, &self.range, Arc::clone(&self.text), continuation)?;
            Some(Self {
                gone: self.gone,
                seen: self.seen.clone(),
                hasher: self.hasher.clone(),
                ..child
            })
        });
        let mut children: Vec<Self> = children.collect();
        if children.len() > 1 {
            return Ok(Some(children));
        }
        if let Some(only) = children.pop() {
            *self = only;
        }
        Ok(None)
    }
}

/// Whether the partitions leave no hole in the range: a hole would be rows that nobody returns.
pub(crate) fn check_coverage(partitions: &[PartitionRange], range: &EpkRange) -> Result<()> {
    let mut reached: &Epk = &range.min;
    for partition in partitions {
        if partition.range.min > *reached {
            break;
        }
        reached = reached.max(&partition.range.max);
    }
    if *reached >= range.max {
        return Ok(());
    }
    Err(Error::json(format!(
        "the service lists no partition for the keys from {reached} on; they may be moving, try again"
    )))
}

fn is_gone(error: &Error) -> bool {
    let codes = [
        sub_status::PARTITION_KEY_RANGE_GONE,
        sub_status::COMPLETING_SPLIT,
        sub_status::COMPLETING_MIGRATION,
    ];
    error.status().is_some_and(|it| it.as_u16() == 410)
        && error.sub_status().is_some_and(|it| codes.contains(&it))
}
