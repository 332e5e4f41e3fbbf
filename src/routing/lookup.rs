//! A look-up of metadata: what is read of the account or a container so that another operation can be carried out.

use std::sync::Arc;
use std::time::Duration;

use crate::client::Shared;
use crate::diagnostics::MetadataReads;
use crate::error::Result;
use crate::pipeline::{CallOptions, Spec};
use crate::response::Response;

/// For whom metadata is looked up, and how long it may take.
#[derive(Clone, Copy)]
pub(crate) struct Lookup<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) timeout: Duration,
    /// Where the reads are noted, if they are part of what an operation tells of itself.
    notes: Option<&'a MetadataReads>,
    /// So many attempts of the operation came before.
    after: usize,
    /// The regions that the operation is not to ask, where it has a list of its own.
    excluded: Option<&'a Arc<[String]>>,
}

impl<'a> Lookup<'a> {
    pub(crate) fn new(shared: &'a Shared, timeout: Duration) -> Self {
        Self { shared, timeout, notes: None, after: 0, excluded: None }
    }

    /// The same for an operation that has made so many attempts and keeps these notes.
    pub(crate) fn noted_in(self, notes: &'a MetadataReads, after: usize) -> Self {
        Self { notes: Some(notes), after, ..self }
    }

    /// The same for an operation with these options: metadata is not asked of the regions either that it is to leave
    /// alone, if others can tell.
    pub(crate) fn as_of(self, options: &'a CallOptions) -> Self {
        Self { excluded: options.excluded_regions.as_ref(), ..self }
    }

    /// The same with the time that is left until `end`, on the client's monotonic clock.
    pub(crate) fn until(&self, end: Duration) -> Self {
        Self { timeout: end.saturating_sub(self.shared.clock.monotonic()), ..*self }
    }

    /// Reads, and notes what that came to.
    pub(crate) fn run(&self, mut spec: Spec) -> Result<Response> {
        if spec.options.excluded_regions.is_none() {
            spec.options.excluded_regions = self.excluded.cloned();
        }
        let outcome = self.shared.run(spec);
        if let Some(notes) = self.notes {
            let diagnostics = match &outcome {
                Ok(response) => Some(response.diagnostics()),
                Err(error) => error.diagnostics(),
            };
            diagnostics.into_iter().for_each(|it| notes.add(self.after, it.clone()));
        }
        outcome
    }
}
