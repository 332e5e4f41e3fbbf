//! The pages of a change feed, and how to wait for them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::stop::StopHandle;
use crate::clock::Clock;
use crate::error::Result;
use crate::feed::{FeedPage, Pages};

/// The pages of a change feed, without end.
///
/// `next` asks each range once at most and never waits for changes: an empty page says that nothing is new just now,
/// and the next one may have items again. After an error the iterator is finished;
/// [`continuation`](Self::continuation) is then still the place from which another feed goes on.
pub struct ChangePages<T> {
    pages: Pages<T>,
    clock: Arc<dyn Clock>,
    /// The place after the last page, or the one to begin at.
    place: Option<String>,
}

impl<T> ChangePages<T> {
    pub(super) fn new(pages: Pages<T>, clock: Arc<dyn Clock>, place: Option<String>) -> Self {
        Self { pages, clock, place }
    }

    /// The place after the pages that were taken, from which
    /// [`continue_from`](super::ChangeFeed::continue_from) goes on, in this process or another. `None` before the first
    /// page of a feed that was not itself continued.
    pub fn continuation(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// The request units of all pages so far.
    pub fn request_charge(&self) -> f64 {
        self.pages.request_charge()
    }

    /// The pages that have items. Where nothing is new it sleeps for `poll_interval`, on the client's clock, and asks
    /// again, until `stop` ends it.
    pub fn wait(self, poll_interval: Duration, stop: &StopHandle) -> WaitingPages<T> {
        WaitingPages { pages: self, poll_interval, stop: stop.clone() }
    }
}

impl<T: DeserializeOwned> Iterator for ChangePages<T> {
    type Item = Result<FeedPage<T>>;

    fn next(&mut self) -> Option<Self::Item> {
        let page = self.pages.next()?;
        if let Ok(page) = &page {
            self.place = page.continuation().map(str::to_owned);
        }
        Some(page)
    }
}

impl<T: DeserializeOwned> std::iter::FusedIterator for ChangePages<T> {}

impl<T> fmt::Debug for ChangePages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangePages")
            .field("request_charge", &self.request_charge())
            .finish_non_exhaustive()
    }
}

/// The pages of a change feed that have items; it waits for them. Made by [`ChangePages::wait`].
#[derive(Debug)]
pub struct WaitingPages<T> {
    pages: ChangePages<T>,
    poll_interval: Duration,
    stop: StopHandle,
}

impl<T> WaitingPages<T> {
    /// As [`ChangePages::continuation`].
    pub fn continuation(&self) -> Option<&str> {
        self.pages.continuation()
    }

    /// The request units of all pages so far, the empty ones included.
    pub fn request_charge(&self) -> f64 {
        self.pages.request_charge()
    }
}

impl<T: DeserializeOwned> Iterator for WaitingPages<T> {
    type Item = Result<FeedPage<T>>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.stop.is_stopped() {
            match self.pages.next()? {
                Ok(page) if page.items().is_empty() => {
                    self.stop.sleep(&*self.pages.clock, self.poll_interval);
                }
                page => return Some(page),
            }
        }
        None
    }
}

/// The changes of a feed one by one; it waits for them. Made by [`ChangeFeed::wait`](super::ChangeFeed::wait).
#[derive(Debug)]
pub struct Changes<T> {
    pages: WaitingPages<T>,
    page: std::vec::IntoIter<T>,
    /// The place before the page that is being taken apart.
    place: Option<String>,
}

impl<T> Changes<T> {
    pub(super) fn new(pages: WaitingPages<T>) -> Self {
        let place = pages.continuation().map(str::to_owned);
        Self { pages, page: Vec::new().into_iter(), place }
    }

    /// The place from which another feed goes on without missing anything. It moves on page by page: the items taken
    /// of an unfinished page come again.
    pub fn continuation(&self) -> Option<&str> {
        if self.page.len() == 0 { self.pages.continuation() } else { self.place.as_deref() }
    }

    /// The request units of all pages so far, the empty ones included.
    pub fn request_charge(&self) -> f64 {
        self.pages.request_charge()
    }
}

impl<T: DeserializeOwned> Iterator for Changes<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.pages.stop.is_stopped() {
                return None;
            }
            if let Some(item) = self.page.next() {
                return Some(Ok(item));
            }
            self.place = self.pages.continuation().map(str::to_owned);
            match self.pages.next()? {
                Ok(page) => self.page = page.into_items().into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
