//! How much of the feed is still to come.

use super::lease::{Lease, LeaseStore};
use crate::client::CosmosClient;
use crate::error::Result;
use crate::feed::change_feed::{Change, Reader, Setup};
use crate::options::max_item_count;
use crate::routing::FeedRange;
use crate::wire::header;

/// What one lease of a processor has still to come.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LeaseEstimate {
    /// The part of the container.
    pub range: FeedRange,
    /// The worker that reads it. `None` where nobody does.
    pub worker: Option<String>,
    /// About how many changes are not handled yet: exactly 0 where there are none. A transaction counts as one change,
    /// and changes of other parts of the same partition count as well.
    pub remaining: u64,
}

pub(super) fn estimate(
    client: &CosmosClient,
    setup: &Setup,
    store: &LeaseStore,
) -> Result<Vec<LeaseEstimate>> {
    let mut setup = setup.clone();
    setup.envelopes = true;
    setup.headers.insert(header::MAX_ITEM_COUNT, max_item_count(1)?);
    store.list()?.into_iter().map(|lease| estimate_of(client, &setup, lease)).collect()
}

fn estimate_of(client: &CosmosClient, setup: &Setup, lease: Lease) -> Result<LeaseEstimate> {
    let mut setup = setup.clone();
    setup.continuation = Some(lease.continuation);
    let page = Reader::new(client.clone(), setup).read_page()?;
    let first: Vec<Change<serde::de::IgnoredAny>> = page.rows.parse()?;
    let number = |name| page.headers.get(name)?.to_str().ok();
    let latest = number(header::LSN)
        .and_then(|it| it.parse().ok())
        .or_else(|| number(header::SESSION_TOKEN).and_then(lsn_of_token));
    let remaining = match first.first() {
        None => 0,
        Some(change) => {
            let latest: u64 = latest.unwrap_or(0);
            latest.saturating_sub(change.lsn.unwrap_or(latest)) + 1
        }
    };
    Ok(LeaseEstimate { range: lease.range, worker: lease.owner, remaining })
}

/// The progress in a session token: `0:43`, or `0:1#43#3=42` with a version before it and regions behind.
fn lsn_of_token(token: &str) -> Option<u64> {
    let progress = token.rsplit(':').next()?;
    let mut parts = progress.split('#');
    let first = parts.next()?;
    parts.next().unwrap_or(first).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_is_found_in_every_form_of_token() {
        for (token, expected) in
            [("0:43", Some(43)), ("0:1#54#3=50", Some(54)), ("0:-1#7", Some(7)), ("x", None)]
        {
            assert_eq!(lsn_of_token(token), expected, "{token}");
        }
    }
}
