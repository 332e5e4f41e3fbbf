//! The options that calls, queries, feeds and batches have in common, each written once.
//!
//! A builder implements [`Configure`] and names the options that it takes: `options! { session_token, timeout }`.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{Error, Result};
use crate::pipeline::{CallOptions, Spec};

/// Something that is under construction, and remembers the first error that was made in setting it up.
pub(crate) trait Configure: Sized {
    /// What the options are set on.
    type Setup: Tunable;

    fn setup(&mut self) -> &mut Result<Self::Setup>;

    /// Changes the set-up, unless an earlier change failed.
    fn with(mut self, change: impl FnOnce(&mut Self::Setup) -> Result<()>) -> Self {
        let setup = self.setup();
        if let Ok(it) = setup
            && let Err(error) = change(it)
        {
            *setup = Err(error);
        }
        self
    }

    /// Changes what is told to the pipeline.
    fn with_options(self, change: impl FnOnce(&mut CallOptions)) -> Self {
        self.with(|setup| {
            change(setup.request().1);
            Ok(())
        })
    }

    /// Sets a header.
    fn with_header(self, name: HeaderName, value: &str) -> Self {
        self.with(|setup| {
            let value = header_value(&name, value)?;
            setup.request().0.insert(name, value);
            Ok(())
        })
    }

    /// Sets a header that says yes or no.
    fn with_flag(self, name: HeaderName, on: bool) -> Self {
        self.with_header(name, if on { "True" } else { "False" })
    }
}

/// A set-up with what becomes of each request.
pub(crate) trait Tunable {
    /// The headers and options of each request.
    fn request(&mut self) -> (&mut HeaderMap, &mut CallOptions);
}

impl Tunable for Spec {
    fn request(&mut self) -> (&mut HeaderMap, &mut CallOptions) {
        (&mut self.headers, &mut self.options)
    }
}

/// Gives a builder the setters of the options named.
macro_rules! options {
    ($first:ident, $($rest:ident),+ $(,)?) => {
        $crate::options::options! { $first }
        $($crate::options::options! { $rest })+
    };
    (consistency) => {
        /// Reads at this consistency, which can only be weaker than the account's default. Default: the client's, else
        /// the account's.
        pub fn consistency(self, level: $crate::ConsistencyLevel) -> Self {
            self.with_header($crate::wire::header::CONSISTENCY_LEVEL, level.as_str())
        }
    };
    (read_consistency_strategy) => {
        /// Says how reads are served, in place of a consistency level. Default: the client's
        /// [`read_consistency_strategy`](crate::ClientBuilder::read_consistency_strategy).
        pub fn read_consistency_strategy(self, strategy: $crate::ReadConsistencyStrategy) -> Self {
            self.with_header($crate::wire::header::READ_CONSISTENCY_STRATEGY, strategy.as_str())
        }
    };
    (session_token) => {
        /// Uses this session token rather than the one that the client keeps.
        pub fn session_token(self, token: &str) -> Self {
            self.with_header($crate::wire::header::SESSION_TOKEN, token)
        }
    };
    (priority) => {
        /// How important this is where the container's request units run short: with
        /// [`Low`](crate::PriorityLevel::Low) it leaves way to everything else. Default: high.
        pub fn priority(self, level: $crate::PriorityLevel) -> Self {
            self.with_header($crate::wire::header::PRIORITY_LEVEL, level.as_str())
        }
    };
    (throughput_bucket) => {
        /// The share of the container's throughput that this draws on, 1 to 5. Default: none.
        pub fn throughput_bucket(self, bucket: u8) -> Self {
            self.with(|setup| {
                let value = $crate::options::throughput_bucket(bucket)?;
                $crate::options::Tunable::request(setup)
                    .0
                    .insert($crate::wire::header::THROUGHPUT_BUCKET, value);
                Ok(())
            })
        }
    };
    (max_cache_staleness) => {
        /// How old an answer from the integrated cache of a dedicated gateway may be. Default: the gateway's, 5 minutes.
        pub fn max_cache_staleness(self, age: std::time::Duration) -> Self {
            let milliseconds = age.as_millis().to_string();
            self.with_header($crate::wire::header::DEDICATED_GATEWAY_MAX_AGE, &milliseconds)
        }
    };
    (bypass_cache) => {
        /// Whether to pass by the integrated cache of a dedicated gateway. Default: no.
        pub fn bypass_cache(self, bypass: bool) -> Self {
            self.with_flag($crate::wire::header::DEDICATED_GATEWAY_BYPASS_CACHE, bypass)
        }
    };
    (excluded_regions) => {
        /// Regions that are not to be asked, in place of the client's
        /// [`excluded_regions`](crate::ClientBuilder::excluded_regions).
        pub fn excluded_regions<R: Into<String>>(
            self,
            regions: impl IntoIterator<Item = R>,
        ) -> Self {
            let regions = regions.into_iter().map(Into::into).collect();
            self.with_options(|it| it.excluded_regions = Some(regions))
        }
    };
    (hedging) => {
        /// Asks a second region when the first one is slow, whatever the client's
        /// [`hedging`](crate::ClientBuilder::hedging) says; `None` asks one only.
        pub fn hedging(self, options: impl Into<Option<$crate::HedgingOptions>>) -> Self {
            let hedging = $crate::pipeline::Hedging::from(options.into());
            self.with_options(|it| it.hedging = Some(hedging))
        }
    };
    (content_response) => {
        /// Whether the answer holds what was written. Default: the client's
        /// [`content_response`](crate::ClientBuilder::content_response), yes; of a bulk: no. Without it less travels.
        pub fn content_response(self, wanted: bool) -> Self {
            self.with_options(|it| it.minimal_content = !wanted)
        }
    };
    (retry_writes) => {
        /// Whether a write is repeated when nobody knows whether it happened: it may then be carried out twice, or fail on
        /// its own work. Default: what the client's [`retry_writes`](crate::RetryOptions::retry_writes) says for creates,
        /// upserts, replaces and deletes; for patches and batches, no.
        pub fn retry_writes(self, allow: bool) -> Self {
            self.with_options(|it| it.retry_writes = Some(allow))
        }
    };
    (max_item_count) => {
        /// Most items of a page; -1 leaves it to the service. Default: the service's. A query counts the pages of each
        /// partition; a page of a change feed has more where one transaction changed more.
        pub fn max_item_count(self, count: i32) -> Self {
            self.with(|setup| {
                let value = $crate::options::max_item_count(count)?;
                $crate::options::Tunable::request(setup)
                    .0
                    .insert($crate::wire::header::MAX_ITEM_COUNT, value);
                Ok(())
            })
        }
    };
    (timeout) => {
        /// Bounds the call, with all its attempts and waits; of a query, a feed or a bulk, each request. Default: the
        /// client's [`operation_timeout`](crate::ClientBuilder::operation_timeout), 60 s.
        pub fn timeout(self, timeout: std::time::Duration) -> Self {
            self.with_options(|it| it.timeout = Some(timeout))
        }
    };
    (header) => {
        /// Adds a header to each request, in place of the client's own of that name.
        pub fn header(self, name: &str, value: &str) -> Self {
            self.with(|setup| {
                let (name, value) = $crate::options::parse_header(name, value)?;
                $crate::options::Tunable::request(setup).0.insert(name, value);
                Ok(())
            })
        }
    };
    (set) => {
        /// Sets an option only where there is a value: for callers who hold options in variables, as in
        /// `orders.replace_item("42", &order).set(seen, Operation::if_match)`.
        pub fn set<V>(self, value: Option<V>, setter: impl FnOnce(Self, V) -> Self) -> Self {
            match value {
                Some(value) => setter(self, value),
                None => self,
            }
        }
    };
}
pub(crate) use options;

/// The header of a throughput bucket, checked.
pub(crate) fn throughput_bucket(bucket: u8) -> Result<HeaderValue> {
    if !(1..=5).contains(&bucket) {
        return Err(Error::invalid_input(format!(
            "the throughput bucket {bucket} is not one of 1 to 5"
        )));
    }
    Ok(HeaderValue::from(u16::from(bucket)))
}

/// The header of a page size, checked.
pub(crate) fn max_item_count(count: i32) -> Result<HeaderValue> {
    if count == 0 || count < -1 {
        return Err(Error::invalid_input(format!(
            "the page size {count} is neither positive nor -1"
        )));
    }
    Ok(HeaderValue::from(count))
}

/// A header of the caller's own.
pub(crate) fn parse_header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue)> {
    let name = HeaderName::try_from(name).map_err(|error| {
        Error::invalid_input(format!("{name:?} is not the name of a header")).with_source(error)
    })?;
    let value = header_value(&name, value)?;
    Ok((name, value))
}

/// The value of a header; the message does not show it, since it may be secret.
pub(crate) fn header_value(name: &HeaderName, value: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(value).map_err(|error| {
        Error::invalid_input(format!(
            "the value for {name} cannot be a header: it must be visible ASCII"
        ))
        .with_source(error)
    })
}
