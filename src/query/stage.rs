//! What all stages are: sources of pages that can say where they are.

use serde_json::value::RawValue;

use crate::error::Result;
use crate::query::continuation::Position;
use crate::query::usage::Usage;

/// Rows between two stages, and what it took to get them. It may be empty without being the last.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) rows: Vec<Box<RawValue>>,
    pub(crate) usage: Usage,
}

/// A step of a query's execution. The stages above one pull pages from it.
pub(crate) trait Stage: Send {
    /// The next page, or `None` once there is no other. It is not called again after that, nor after an error.
    fn next_page(&mut self) -> Result<Option<Page>>;

    /// Writes down what this stage and those below need to go on after the last page that they returned.
    ///
    /// Returns whether there can be another page.
    fn save(&self, position: &mut Position) -> bool;
}

/// Reads a stage to its end, row by row, and returns what that cost.
pub(crate) fn drain(
    stage: &mut dyn Stage,
    mut each: impl FnMut(Box<RawValue>) -> Result<()>,
) -> Result<Usage> {
    let mut usage = Usage::default();
    while let Some(page) = stage.next_page()? {
        usage.add(page.usage);
        page.rows.into_iter().try_for_each(&mut each)?;
    }
    Ok(usage)
}
