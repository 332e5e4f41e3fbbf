//! What the client did for one call: every attempt, with its outcome and the reason for the next.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The record of one call. Cheap to clone.
///
/// Its `Display` is one readable line; [`Diagnostics::to_json`] has every field.
#[derive(Clone, Debug)]
pub struct Diagnostics(Arc<Record>);

#[derive(Clone, Debug)]
struct Record {
    activity_id: String,
    /// Verb and kind of resource.
    operation: (&'static str, &'static str),
    path: String,
    elapsed: Duration,
    attempts: Vec<Attempt>,
    metadata: Vec<MetadataRead>,
}

/// A read of the account or the container that an operation could not do without.
#[derive(Clone, Debug)]
struct MetadataRead {
    /// So many attempts of the operation came before.
    after: usize,
    diagnostics: Diagnostics,
}

/// The reads of metadata for an operation under way. Making one allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct MetadataReads(Mutex<Vec<MetadataRead>>);

impl MetadataReads {
    pub(crate) fn add(&self, after: usize, diagnostics: Diagnostics) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(MetadataRead { after, diagnostics });
    }

    /// What was noted so far, which is forgotten here.
    pub(crate) fn take(&self) -> Self {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Self(Mutex::new(std::mem::take(&mut *notes)))
    }

    fn into_reads(self) -> Vec<MetadataRead> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One HTTP exchange of a call.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Attempt {
    /// The host that was asked.
    pub host: Arc<str>,
    /// The region, where the account's regions are known.
    pub region: Option<Arc<str>>,
    /// The HTTP status, where an answer came.
    pub status: Option<u16>,
    /// The sub-status; 0 where there was none.
    pub sub_status: u32,
    /// What went wrong, where no answer came.
    pub failure: Option<String>,
    /// The request units that the attempt cost.
    pub request_charge: f64,
    /// How long the exchange took.
    pub duration: Duration,
    /// How long the client waited before the next attempt.
    pub waited: Duration,
    /// Why there was a next attempt; `None` on the last.
    pub retried_because: Option<&'static str>,
}

impl Diagnostics {
    pub(crate) fn new(
        activity_id: String,
        operation: (&'static str, &'static str),
        path: String,
        elapsed: Duration,
        attempts: Vec<Attempt>,
        metadata: MetadataReads,
    ) -> Self {
        let metadata = metadata.into_reads();
        Self(Arc::new(Record { activity_id, operation, path, elapsed, attempts, metadata }))
    }

    /// The same, with what was read before the call so that it could be made.
    #[must_use]
    pub(crate) fn after_reading(mut self, metadata: MetadataReads) -> Self {
        let mut before = metadata.into_reads();
        if !before.is_empty() {
            let record = Arc::make_mut(&mut self.0);
            before.append(&mut record.metadata);
            record.metadata = before;
        }
        self
    }

    /// What was done, such as `read item`, and with what: the path of the URL.
    pub fn operation(&self) -> String {
        let (verb, resource) = self.0.operation;
        format!("{verb} {resource} {}", self.0.path)
    }

    /// The id that all attempts of the call carried.
    pub fn activity_id(&self) -> &str {
        &self.0.activity_id
    }

    /// The attempts, in order.
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    /// What was read of the account or of the container because this call needed it, in order, each with attempts of its
    /// own. Empty on a client that knows the container already.
    ///
    /// Neither [`attempts`](Self::attempts) nor [`request_charge`](Self::request_charge) counts them: they are of use to
    /// all calls that follow. What another call was reading at that moment is told by that one.
    pub fn metadata(&self) -> impl ExactSizeIterator<Item = &Self> {
        self.0.metadata.iter().map(|it| &it.diagnostics)
    }

    /// How long the call took, its waits included.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// The request units of all attempts, without those of [`metadata`](Self::metadata).
    pub fn request_charge(&self) -> f64 {
        self.0.attempts.iter().fold(0.0, |sum, it| sum + it.request_charge)
    }

    /// The regions that were asked, in order, without repetitions in a row.
    pub fn regions(&self) -> Vec<&str> {
        let mut regions: Vec<&str> =
            self.0.attempts.iter().filter_map(|it| it.region.as_deref()).collect();
        regions.dedup();
        regions
    }

    /// The record as a JSON object.
    pub fn to_json(&self) -> serde_json::Value {
        let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
        let attempts: Vec<_> = self
            .attempts()
            .iter()
            .map(|it| {
                serde_json::json!({
                    "host": &*it.host,
                    "region": it.region.as_deref(),
                    "status": it.status,
                    "subStatus": it.sub_status,
                    "failure": it.failure,
                    "requestCharge": it.request_charge,
                    "durationMs": millis(it.duration),
                    "waitedMs": millis(it.waited),
                    "retriedBecause": it.retried_because,
                })
            })
            .collect();
        let metadata: Vec<_> = self
            .0
            .metadata
            .iter()
            .map(|it| {
                let mut read = it.diagnostics.to_json();
                read["afterAttempts"] = it.after.into();
                read
            })
            .collect();
        serde_json::json!({
            "activityId": self.0.activity_id,
            "operation": self.operation(),
            "elapsedMs": millis(self.0.elapsed),
            "requestCharge": self.request_charge(),
            "attempts": attempts,
            "metadata": metadata,
        })
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = &self.0;
        write!(f, "{} {:.1?} {:.2} RU", self.operation(), record.elapsed, self.request_charge())?;
        let mut metadata = record.metadata.iter().peekable();
        for (at, attempt) in record.attempts.iter().enumerate() {
            while let Some(read) = metadata.next_if(|it| it.after <= at) {
                write!(f, " | {read}")?;
            }
            write!(f, " | {attempt}")?;
        }
        metadata.try_for_each(|it| write!(f, " | {it}"))
    }
}

impl fmt::Display for MetadataRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "metadata ({})", self.diagnostics)
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.region.as_deref().unwrap_or(&self.host))?;
        match (self.status, &self.failure) {
            (Some(status), _) if self.sub_status != 0 => {
                write!(f, " {status}/{}", self.sub_status)?;
            }
            (Some(status), _) => write!(f, " {status}")?,
            (None, Some(failure)) => write!(f, " {failure}")?,
            (None, None) => {}
        }
        write!(f, " {:.1?}", self.duration)?;
        if let Some(reason) = &self.retried_because {
            write!(f, ", waited {:.1?}: {reason}", self.waited)?;
        }
        Ok(())
    }
}
