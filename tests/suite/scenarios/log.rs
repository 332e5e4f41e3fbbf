//! What the emulator saw.

use cosmosdb::{EmulatorOperation, RequestRecord};

/// Requests, oldest first.
pub(super) struct Log(pub(super) Vec<RequestRecord>);

impl Log {
    /// How many there were of a kind.
    pub(super) fn count(&self, operation: EmulatorOperation) -> usize {
        self.of(operation).count()
    }

    /// How many of a kind came to a region.
    pub(super) fn count_at(&self, operation: EmulatorOperation, region: &str) -> usize {
        self.of(operation).filter(|it| it.region == region).count()
    }

    /// How many got this answer.
    pub(super) fn answers(&self, status: u16, sub_status: u32) -> usize {
        let is_it = |it: &&RequestRecord| it.status == Some(status) && it.sub_status == sub_status;
        self.0.iter().filter(is_it).count()
    }

    /// How many failed, by an answer or without one.
    pub(super) fn failures(&self) -> usize {
        self.0.iter().filter(|it| it.status.is_none_or(|it| it >= 400)).count()
    }

    /// Region and answer of each request of a kind: `East US 404/1002`.
    pub(super) fn told(&self, operation: EmulatorOperation) -> Vec<String> {
        let told = self.of(operation).map(|it| {
            let status = it.status.map_or_else(|| "broken".to_owned(), |it| it.to_string());
            match it.sub_status {
                0 => format!("{} {status}", it.region),
                sub_status => format!("{} {status}/{sub_status}", it.region),
            }
        });
        told.collect()
    }

    /// The range that answered the last request of a kind.
    pub(super) fn range_of(&self, operation: EmulatorOperation) -> String {
        self.of(operation).filter_map(|it| it.partition_key_range_id.clone()).last().unwrap()
    }

    fn of(&self, operation: EmulatorOperation) -> impl Iterator<Item = &RequestRecord> {
        self.0.iter().filter(move |it| it.operation == operation)
    }
}
