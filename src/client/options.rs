//! The settings of a client, as its builder leaves them.

use std::time::Duration;

use http::HeaderValue;

/// How often, and how long, the client tries again by itself.
///
/// The defaults are those of the Azure SDKs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RetryOptions {
    /// Most retries of a throttled request (429). Default: 9.
    pub max_throttle_retries: u32,
    /// A fixed wait between throttled attempts, instead of the one that the service asks for. Default: none.
    pub fixed_throttle_interval: Option<Duration>,
    /// Longest total wait for throttled attempts; then the 429 is the caller's. Default: 30 s.
    pub max_throttle_wait: Duration,
    /// Most retries at one endpoint after a connection failed: of any request that was not sent, and of reads whose
    /// answer did not arrive. Where another region can be asked it is one. Default: 3.
    pub max_connection_retries: u32,
    /// Most retries in other regions, or of a write after asking which region takes it. Default: as many as there are
    /// regions, and at least 3; for a write region that moved, 5.
    pub max_failover_retries: Option<u32>,
    /// Most retries of a read that no replica could serve yet, since it is behind the session (404/1002). Default: with
    /// one write region 2, with several one for each other region.
    pub max_session_retries: Option<u32>,
    /// Longest total wait for writes that collide with others (449). Default: 30 s.
    pub max_conflict_wait: Duration,
    /// Most retries after the container or its partitions proved to be others than the client knew. Default: 10.
    pub max_stale_retries: u32,
    /// Whether a create, upsert, replace or delete is repeated of which nobody knows whether it happened: its answer
    /// was lost, or the service failed. It may then be carried out twice; an error of the repetition says that the
    /// write may have been carried out ([`Error::may_have_been_applied`](crate::Error::may_have_been_applied)).
    /// Patches, batches and stored procedures are repeated only where the call itself allows it. Default: no.
    pub retry_writes: bool,
}

impl RetryOptions {
    pub(crate) const DEFAULT: Self = Self {
        max_throttle_retries: 9,
        fixed_throttle_interval: None,
        max_throttle_wait: Duration::from_secs(30),
        max_connection_retries: 3,
        max_failover_retries: None,
        max_session_retries: None,
        max_conflict_wait: Duration::from_secs(30),
        max_stale_retries: 10,
        retry_writes: false,
    };

    /// The defaults.
    pub fn new() -> Self {
        Self::DEFAULT
    }

    /// No retries at all: every failure is the caller's.
    pub fn none() -> Self {
        Self {
            max_throttle_retries: 0,
            max_connection_retries: 0,
            max_failover_retries: Some(0),
            max_session_retries: Some(0),
            max_conflict_wait: Duration::ZERO,
            max_stale_retries: 0,
            ..Self::DEFAULT
        }
    }

    /// Sets [`RetryOptions::max_throttle_retries`].
    #[must_use]
    pub fn max_throttle_retries(mut self, retries: u32) -> Self {
        self.max_throttle_retries = retries;
        self
    }

    /// Sets [`RetryOptions::fixed_throttle_interval`].
    #[must_use]
    pub fn fixed_throttle_interval(mut self, interval: Duration) -> Self {
        self.fixed_throttle_interval = Some(interval);
        self
    }

    /// Sets [`RetryOptions::max_throttle_wait`].
    #[must_use]
    pub fn max_throttle_wait(mut self, wait: Duration) -> Self {
        self.max_throttle_wait = wait;
        self
    }

    /// Sets [`RetryOptions::max_connection_retries`].
    #[must_use]
    pub fn max_connection_retries(mut self, retries: u32) -> Self {
        self.max_connection_retries = retries;
        self
    }

    /// Sets [`RetryOptions::max_failover_retries`].
    #[must_use]
    pub fn max_failover_retries(mut self, retries: u32) -> Self {
        self.max_failover_retries = Some(retries);
        self
    }

    /// Sets [`RetryOptions::max_session_retries`].
    #[must_use]
    pub fn max_session_retries(mut self, retries: u32) -> Self {
        self.max_session_retries = Some(retries);
        self
    }

    /// Sets [`RetryOptions::max_conflict_wait`].
    #[must_use]
    pub fn max_conflict_wait(mut self, wait: Duration) -> Self {
        self.max_conflict_wait = wait;
        self
    }

    /// Sets [`RetryOptions::max_stale_retries`].
    #[must_use]
    pub fn max_stale_retries(mut self, retries: u32) -> Self {
        self.max_stale_retries = retries;
        self
    }

    /// Sets [`RetryOptions::retry_writes`].
    #[must_use]
    pub fn retry_writes(mut self, allow: bool) -> Self {
        self.retry_writes = allow;
        self
    }
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// When the client keeps a partition's requests from a region.
///
/// Failures are answers 408, 500 and above, and exchanges without an answer. Too many are so many in a row as the options
/// say, or nine in ten of at least a hundred requests within a minute. The region is left alone for that partition, then
/// one request tries it again; while that fails, the wait doubles up to five minutes. Reads of items are watched, and on
/// accounts with several write regions their writes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CircuitBreakerOptions {
    pub(crate) enabled: bool,
    /// Failures of reads in a row that are too many. Default: 10.
    pub read_failures: u32,
    /// Failures of writes in a row that are too many. Default: 5.
    pub write_failures: u32,
    /// How long the region is left alone first. Default: 5 s.
    pub first_wait: Duration,
}

impl CircuitBreakerOptions {
    /// The defaults, with the breaker on.
    pub fn new() -> Self {
        Self {
            enabled: true,
            read_failures: 10,
            write_failures: 5,
            first_wait: Duration::from_secs(5),
        }
    }

    /// Sets [`CircuitBreakerOptions::read_failures`].
    #[must_use]
    pub fn read_failures(mut self, failures: u32) -> Self {
        self.read_failures = failures;
        self
    }

    /// Sets [`CircuitBreakerOptions::write_failures`].
    #[must_use]
    pub fn write_failures(mut self, failures: u32) -> Self {
        self.write_failures = failures;
        self
    }

    /// Sets [`CircuitBreakerOptions::first_wait`].
    #[must_use]
    pub fn first_wait(mut self, wait: Duration) -> Self {
        self.first_wait = wait;
        self
    }
}

impl Default for CircuitBreakerOptions {
    /// On, as by [`CircuitBreakerOptions::new`].
    fn default() -> Self {
        Self::new()
    }
}

/// When the client asks another region for what the first one is slow to answer.
///
/// A hedged read runs in a thread of its own. The first answer counts; a request that lost runs out by itself. An
/// account can forbid hedging, and regions that are excluded are never asked. What the client reads for itself, of
/// containers and their partition key ranges, is hedged too, with more patience.
///
/// ```
/// use cosmosdb::{CosmosClient, HedgingOptions};
/// use std::time::Duration;
///
/// let client = CosmosClient::builder("https://account.documents.azure.com:443/")
///     .key("c2VjcmV0")
///     .hedging(HedgingOptions::new().threshold(Duration::from_millis(200)))
///     .build()?;
/// # Ok::<(), cosmosdb::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HedgingOptions {
    /// How long the first region has before the second is asked. Default: 500 ms.
    pub threshold: Duration,
    /// How long each further region waits for the one before it. Default: 100 ms.
    pub step: Duration,
    /// How long the first region has for a container or its partition key ranges. Default: 1.5 s. At most 32 such reads
    /// are hedged at once; others go their usual way.
    pub metadata_threshold: Duration,
}

impl HedgingOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            threshold: Duration::from_millis(500),
            step: Duration::from_millis(100),
            metadata_threshold: Duration::from_millis(1500),
        }
    }

    /// Sets [`HedgingOptions::threshold`].
    #[must_use]
    pub fn threshold(mut self, threshold: Duration) -> Self {
        self.threshold = threshold;
        self
    }

    /// Sets [`HedgingOptions::metadata_threshold`].
    #[must_use]
    pub fn metadata_threshold(mut self, threshold: Duration) -> Self {
        self.metadata_threshold = threshold;
        self
    }

    /// Sets [`HedgingOptions::step`].
    #[must_use]
    pub fn step(mut self, step: Duration) -> Self {
        self.step = step;
        self
    }
}

impl Default for HedgingOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Which regions a client asks.
#[derive(Debug)]
pub(crate) struct RegionOptions {
    /// Whether the account is asked for its regions.
    pub(crate) discovery: bool,
    pub(crate) preferred: Vec<String>,
    pub(crate) excluded: Vec<String>,
    /// Whether several write regions are used where the account has them.
    pub(crate) multi_write: bool,
    pub(crate) circuit_breaker: CircuitBreakerOptions,
}

impl Default for RegionOptions {
    fn default() -> Self {
        let circuit_breaker =
            CircuitBreakerOptions { enabled: false, ..CircuitBreakerOptions::new() };
        Self {
            discovery: true,
            preferred: Vec::new(),
            excluded: Vec::new(),
            multi_write: false,
            circuit_breaker,
        }
    }
}

/// What every operation of a client starts from.
#[derive(Debug)]
pub(crate) struct ClientOptions {
    pub(crate) retry: RetryOptions,
    /// Bounds one attempt.
    pub(crate) request_timeout: Duration,
    /// Bounds one operation, with all attempts and waits.
    pub(crate) operation_timeout: Duration,
    /// Sent with reads, where the client asks for a level of its own.
    pub(crate) consistency_header: Option<HeaderValue>,
    /// Sent with reads in place of a level, where the client asks for a strategy.
    pub(crate) strategy_header: Option<HeaderValue>,
    pub(crate) hedging: Option<HedgingOptions>,
    pub(crate) user_agent: HeaderValue,
    /// Whether writes answer without the item.
    pub(crate) minimal_content: bool,
}
