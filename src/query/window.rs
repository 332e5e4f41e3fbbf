//! `OFFSET`, `LIMIT` and `TOP`.

use crate::error::Result;
use crate::query::continuation::Position;
use crate::query::stage::{Page, Stage};

/// Leaves out the first rows and ends after so many others.
pub(crate) struct Window {
    /// Dropped once nothing more is wanted, which ends all fetching ahead.
    child: Option<Box<dyn Stage>>,
    skip: u64,
    take: Option<u64>,
}

impl Window {
    pub(crate) fn new(child: Box<dyn Stage>, skip: u64, take: Option<u64>) -> Self {
        Self { child: (take != Some(0)).then_some(child), skip, take }
    }
}

impl Stage for Window {
    fn next_page(&mut self) -> Result<Option<Page>> {
        let Some(child) = &mut self.child else {
            return Ok(None);
        };
        let Some(mut page) = child.next_page()? else {
            return Ok(None);
        };
        let skipped = page.rows.len().min(usize::try_from(self.skip).unwrap_or(usize::MAX));
        page.rows.drain(..skipped);
        self.skip -= skipped as u64;
        if let Some(take) = &mut self.take {
            page.rows.truncate(usize::try_from(*take).unwrap_or(usize::MAX));
            *take -= page.rows.len() as u64;
            if *take == 0 {
                self.child = None;
            }
        }
        Ok(Some(page))
    }

    fn save(&self, position: &mut Position) -> bool {
        position.skip = self.skip;
        position.take = self.take;
        self.child.as_ref().is_some_and(|it| it.save(position))
    }
}
