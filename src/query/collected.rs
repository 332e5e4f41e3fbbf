//! Stages that cannot say anything before they have read everything.

use serde_json::value::RawValue;

use crate::error::Result;
use crate::query::continuation::Position;
use crate::query::stage::{Page, Stage};
use crate::query::usage::Usage;

/// What a computation over all rows comes to.
pub(crate) struct Collection {
    pub(crate) rows: Vec<Box<RawValue>>,
    pub(crate) usage: Usage,
}

type Computation = Box<dyn FnOnce() -> Result<Collection> + Send>;

/// Runs a computation when the first page is asked for, and returns its rows in pages.
pub(crate) struct Collected {
    computation: Option<Computation>,
    rows: std::vec::IntoIter<Box<RawValue>>,
    page_size: usize,
}

impl Collected {
    pub(crate) fn new(
        page_size: usize,
        computation: impl FnOnce() -> Result<Collection> + Send + 'static,
    ) -> Self {
        Self { computation: Some(Box::new(computation)), rows: Vec::new().into_iter(), page_size }
    }
}

impl Stage for Collected {
    fn next_page(&mut self) -> Result<Option<Page>> {
        let mut usage = Usage::default();
        if let Some(computation) = self.computation.take() {
            let collection = computation()?;
            usage = collection.usage;
            self.rows = collection.rows.into_iter();
        } else if self.rows.len() == 0 {
            return Ok(None);
        }
        Ok(Some(Page { rows: self.rows.by_ref().take(self.page_size).collect(), usage }))
    }

    fn save(&self, _: &mut Position) -> bool {
        self.computation.is_some() || self.rows.len() > 0
    }
}
