//! The log of requests: what came, where, and what was answered.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::operation::EmulatorOperation;
use super::request::Request;
use crate::transport::{Response, TransportError};
use crate::wire::header;

/// How many requests are remembered.
const LIMIT: usize = 10_000;

/// One request that reached the emulator, or would have if its region had not been offline.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RequestRecord {
    /// The region that it came to.
    pub region: String,
    /// Whether it came by the account's own endpoint, not by a region's.
    pub is_global: bool,
    /// What it asked for.
    pub operation: EmulatorOperation,
    /// `GET`
    pub method: String,
    /// The path, percent-encoded as it came, with the query if there was one.
    pub path: String,
    /// The session token that it carried.
    pub session_token: Option<String>,
    /// The status that was answered; `None` where the connection broke instead.
    pub status: Option<u16>,
    /// The sub-status that was answered, or 0.
    pub sub_status: u32,
    /// The partition key range that answered, if one did.
    pub partition_key_range_id: Option<String>,
    /// Whether a fault rule had its hand in the answer.
    pub is_fault: bool,
}

impl RequestRecord {
    pub(crate) fn new(
        request: &Request<'_>,
        operation: EmulatorOperation,
        outcome: &Result<Response, TransportError>,
        is_fault: bool,
    ) -> Self {
        let answered = |name| outcome.as_ref().ok()?.headers().get(name)?.to_str().ok();
        Self {
            region: request.region().name.clone(),
            is_global: request.is_global,
            operation,
            method: request.method.as_str().to_owned(),
            path: request.uri.path_and_query().map_or("/", |it| it.as_str()).to_owned(),
            session_token: request.header(&header::SESSION_TOKEN).map(str::to_owned),
            status: outcome.as_ref().ok().map(|it| it.status().as_u16()),
            sub_status: answered(header::SUB_STATUS)
                .and_then(|it| it.parse().ok())
                .unwrap_or_default(),
            partition_key_range_id: answered(header::PARTITION_KEY_RANGE_ID).map(str::to_owned),
            is_fault,
        }
    }
}

/// The requests so far, up to a limit; then the oldest ones go.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    records: Mutex<VecDeque<RequestRecord>>,
}

impl Journal {
    pub(crate) fn push(&self, record: RequestRecord) {
        let mut records = self.records();
        if records.len() == LIMIT {
            records.pop_front();
        }
        records.push_back(record);
    }

    pub(crate) fn all(&self) -> Vec<RequestRecord> {
        self.records().iter().cloned().collect()
    }

    pub(crate) fn take(&self) -> Vec<RequestRecord> {
        std::mem::take(&mut *self.records()).into()
    }

    fn records(&self) -> MutexGuard<'_, VecDeque<RequestRecord>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
