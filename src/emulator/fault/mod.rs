//! Faults by rule: which requests are not to be answered as they should, and what happens to them instead.

mod book;
mod effect;

use std::time::Duration;

pub(crate) use self::book::{Faults, Sight};
#[cfg(feature = "server")]
pub(crate) use self::effect::Mangled;
use self::effect::{Effect, Ending, Status};
use super::operation::EmulatorOperation;
use crate::partition_key::PartitionKey;
use crate::wire::sub_status;

/// A rule by which requests fail: which ones, how often, and how.
///
/// It is made from what shall happen and narrowed down by what a request has to be; without that it is for all. Rules
/// are tried in the order in which they were given to [`Emulator::fault`](super::Emulator::fault), and the first one
/// whose turn it is decides.
///
/// ```
/// use cosmosdb::{ContainerProperties, Emulator, EmulatorOperation, FaultRule};
/// use std::time::Duration;
///
/// let emulator = Emulator::new();
/// let client = emulator.client();
/// client.create_database("shop").send()?;
/// client.database("shop").create_container(ContainerProperties::new("orders", "/city")).send()?;
/// let orders = client.database("shop").container("orders");
///
/// // The first two creates are throttled. The client waits and tries again, so that the caller sees nothing of it.
/// let rule = FaultRule::throttle(Duration::from_millis(5));
/// emulator.fault(rule.operation(EmulatorOperation::CreateItem).container("orders").times(2));
/// orders.create_item(&serde_json::json!({ "id": "1", "city": "Lyon" })).send()?;
///
/// let requests = emulator.requests();
/// let creates = requests.iter().filter(|it| it.operation == EmulatorOperation::CreateItem);
/// let statuses: Vec<_> = creates.map(|it| it.status.unwrap_or(0)).collect();
/// assert_eq!(statuses, [429, 429, 201]);
/// # Ok::<(), cosmosdb::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a rule does nothing until an emulator has it"]
pub struct FaultRule {
    wanted: Wanted,
    turns: Turns,
    effect: Effect,
}

/// What a request has to be.
#[derive(Clone, Debug, Default)]
struct Wanted {
    operations: Vec<EmulatorOperation>,
    database: Option<String>,
    container: Option<String>,
    region: Option<String>,
    range_id: Option<String>,
    key: Option<String>,
    header: Option<(String, String)>,
    only_global: bool,
}

/// Which of the requests that match have it.
#[derive(Clone, Copy, Debug)]
struct Turns {
    after: u64,
    every: u64,
    times: Option<u64>,
    probability: Option<(f64, u64)>,
}

impl FaultRule {
    fn new(ending: Ending) -> Self {
        Self {
            wanted: Wanted::default(),
            turns: Turns { after: 0, every: 1, times: None, probability: None },
            effect: Effect { delay: Duration::ZERO, is_carried_out: false, ending },
        }
    }

    /// Refuses with this status and sub-status, without carrying the request out.
    pub fn status(status: u16, sub_status: u32) -> Self {
        Self::new(Ending::Status(Status { status, sub_status, retry_after: None, body: None }))
    }

    /// Too many requests: 429, sub-status 3200.
    pub fn throttle(retry_after: Duration) -> Self {
        Self::status(429, sub_status::THROUGHPUT_EXCEEDED).retry_after(retry_after)
    }

    /// A write that came in another one's way: 449.
    pub fn retry_with() -> Self {
        Self::status(449, 0)
    }

    /// Gone: 410. The sub-status says why: 1000 the container was recreated, 1002 the partition key range is no more,
    /// 1007 it is being split or merged, 1008 it is being moved.
    pub fn gone(sub_status: u32) -> Self {
        Self::status(410, sub_status)
    }

    /// The region or the partition cannot serve: 503.
    pub fn unavailable() -> Self {
        Self::status(503, 0)
    }

    /// The region lags behind the session token: 404, sub-status 1002.
    pub fn session_not_available() -> Self {
        Self::status(404, sub_status::READ_SESSION_NOT_AVAILABLE)
    }

    /// The service took too long: 408.
    pub fn timeout() -> Self {
        Self::status(408, 0)
    }

    /// The region does not take writes any more: 403, sub-status 3.
    pub fn write_forbidden() -> Self {
        Self::status(403, sub_status::WRITE_FORBIDDEN)
    }

    /// The connection cannot be made, so that the request is surely not sent.
    ///
    /// On a port, where the connection is there before the request, it is closed before an answer.
    pub fn refused() -> Self {
        Self::new(Ending::Refused)
    }

    /// The connection breaks before the request is carried out. The client cannot know that it was not.
    pub fn dropped_before() -> Self {
        Self::new(Ending::Dropped)
    }

    /// The request is carried out, and the connection breaks before the answer.
    pub fn dropped_after() -> Self {
        Self::new(Ending::Dropped).carried_out()
    }

    /// The request is carried out, and the connection breaks after this many bytes of the answer's body.
    ///
    /// In process, where an answer is there as a whole or not at all, this is a broken connection.
    pub fn truncated(bytes: usize) -> Self {
        Self::new(Ending::Truncated(bytes)).carried_out()
    }

    /// There is no answer at all: the request takes as long as the client waits.
    pub fn hang() -> Self {
        Self::new(Ending::Hang)
    }

    /// The request is carried out, and after this many bytes of the answer's body nothing more comes.
    pub fn stalled(bytes: usize) -> Self {
        Self::new(Ending::Stalled(bytes)).carried_out()
    }

    /// The request is carried out and answered, but late.
    pub fn delay(delay: Duration) -> Self {
        Self::new(Ending::Answer).carried_out().delayed(delay)
    }

    /// Lets the request wait before whatever the rule does to it, by the emulator's clock.
    pub fn delayed(mut self, delay: Duration) -> Self {
        self.effect.delay = delay;
        self
    }

    /// Carries the request out before it fails, so that a write is done although the client is told otherwise.
    pub fn carried_out(mut self) -> Self {
        self.effect.is_carried_out = true;
        self
    }

    /// Sets how long the client shall wait, where the rule refuses with a status.
    pub fn retry_after(mut self, delay: Duration) -> Self {
        if let Ending::Status(status) = &mut self.effect.ending {
            status.retry_after = Some(delay);
        }
        self
    }

    /// Sets the body, where the rule refuses with a status. Without it the answer has an error in the service's form.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        if let Ending::Status(status) = &mut self.effect.ending {
            status.body = Some(body.into());
        }
        self
    }

    /// Only requests for this; several calls allow several.
    pub fn operation(mut self, operation: EmulatorOperation) -> Self {
        self.wanted.operations.push(operation);
        self
    }

    /// Only requests to this database, by the name or rid in the path.
    pub fn database(mut self, id: impl Into<String>) -> Self {
        self.wanted.database = Some(id.into());
        self
    }

    /// Only requests to containers of this name or rid, in any database unless that is named too.
    pub fn container(mut self, id: impl Into<String>) -> Self {
        self.wanted.container = Some(id.into());
        self
    }

    /// Only requests that come to this region.
    pub fn region(mut self, name: impl Into<String>) -> Self {
        self.wanted.region = Some(name.into());
        self
    }

    /// Only requests that go to this partition key range, by its id or by a partition key in it.
    pub fn partition_key_range(mut self, id: impl Into<String>) -> Self {
        self.wanted.range_id = Some(id.into());
        self
    }

    /// Only requests for this partition key.
    pub fn partition_key(mut self, key: impl Into<PartitionKey>) -> Self {
        self.wanted.key = Some(key.into().header_value());
        self
    }

    /// Only requests with this header, whose value is compared without regard to case.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.wanted.header = Some((name.into(), value.into()));
        self
    }

    /// Only requests that come by the account's own endpoint, not by a region's. Where the account has one region both
    /// are the same, and on a port the first region's is the account's.
    pub fn on_global_endpoint(mut self) -> Self {
        self.wanted.only_global = true;
        self
    }

    /// Acts on this many requests and is done. Without it the rule holds until it is cleared.
    pub fn times(mut self, count: u64) -> Self {
        self.turns.times = Some(count);
        self
    }

    /// Lets this many requests that match pass first.
    pub fn after(mut self, count: u64) -> Self {
        self.turns.after = count;
        self
    }

    /// Acts on every `nth` request that matches: with 3 on the third, the sixth and so on.
    pub fn every(mut self, nth: u64) -> Self {
        self.turns.every = nth.max(1);
        self
    }

    /// Acts with this probability, from 0 to 1. The same seed makes the same choices.
    pub fn probability(mut self, probability: f64, seed: u64) -> Self {
        self.turns.probability = Some((probability, seed));
        self
    }
}
