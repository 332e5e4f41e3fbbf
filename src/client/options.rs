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
    /// Most retries after a connection failed: of any request that was not sent, and of reads whose answer did not
    /// arrive. Default: 3.
    pub max_connection_retries: u32,
}

impl RetryOptions {
    pub(crate) const DEFAULT: Self = Self {
        max_throttle_retries: 9,
        fixed_throttle_interval: None,
        max_throttle_wait: Duration::from_secs(30),
        max_connection_retries: 3,
    };

    /// The defaults.
    pub fn new() -> Self {
        Self::DEFAULT
    }

    /// No retries at all: every failure is the caller's.
    pub fn none() -> Self {
        Self { max_throttle_retries: 0, max_connection_retries: 0, ..Self::DEFAULT }
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
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self::DEFAULT
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
    pub(crate) user_agent: HeaderValue,
    /// Whether writes answer without the item.
    pub(crate) minimal_content: bool,
}
