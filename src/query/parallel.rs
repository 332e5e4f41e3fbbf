//! Rows in the order of the key space: one partition after the other, with those to come fetched ahead.

use std::collections::VecDeque;

use crate::error::Result;
use crate::query::continuation::{Active, Position, Source};
use crate::query::fetcher::{Fetcher, LaneStart, Next};
use crate::query::stage::{Page, Stage};
use crate::query::usage::Usage;

/// The pages of the partitions as they are.
pub(crate) struct Parallel {
    fetcher: Fetcher,
    /// What is still to be read, each with the continuation after which it goes on.
    remaining: VecDeque<LaneStart>,
}

impl Parallel {
    /// Reads lanes that were opened on the fetcher, from left to right.
    pub(crate) fn new(fetcher: Fetcher, lanes: Vec<LaneStart>) -> Self {
        Self { fetcher, remaining: lanes.into() }
    }
}

impl Stage for Parallel {
    fn next_page(&mut self) -> Result<Option<Page>> {
        while let Some(lane) = self.remaining.front_mut() {
            match self.fetcher.take(lane.id)? {
                Next::Page(page) => {
                    lane.continuation = page.continuation;
                    if lane.continuation.is_none() {
                        self.remaining.pop_front();
                    }
                    return Ok(Some(Page {
                        rows: page.rows,
                        usage: Usage::of(page.headers, page.diagnostics),
                    }));
                }
                Next::Split(children) => {
                    self.remaining.pop_front();
                    children.into_iter().rev().for_each(|it| self.remaining.push_front(it));
                }
                Next::End => {
                    self.remaining.pop_front();
                }
            }
        }
        Ok(None)
    }

    fn save(&self, position: &mut Position) -> bool {
        let Some(first) = self.remaining.front() else {
            return false;
        };
        let active = self.remaining.iter().filter_map(|it| {
            let token = it.continuation.clone()?;
            Some(Active { min: it.range.min.clone(), max: it.range.max.clone(), token })
        });
        position.source = Source::Drain { left: first.range.min.clone(), active: active.collect() };
        true
    }
}
