//! When to try again.
//!
//! [`decide`] is a pure table: what failed, and how far the operation has come, make a [`Decision`]. [`Retry`] acts
//! on it, and never sleeps past the end of the call.

use std::time::Duration;

use super::{Context, Next, Policy};
use crate::client::options::RetryOptions;
use crate::error::{Error, Result};
use crate::transport::{self, TransportErrorKind};

/// How much an operation was throttled so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Throttle {
    pub(crate) retries: u32,
    pub(crate) waited: Duration,
}

/// What an attempt ended with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Failure {
    /// The service answered with an error.
    Status { status: u16, sub_status: u32, retry_after: Option<Duration> },
    /// There was no answer.
    Transport { kind: TransportErrorKind, may_have_arrived: bool },
    /// The client itself gave up: bad input, no credential, no time.
    Local,
}

/// How far the operation has come.
#[derive(Clone, Debug)]
pub(crate) struct Progress<'a> {
    pub(crate) read_only: bool,
    pub(crate) throttle: Throttle,
    /// Retries so far after failures of the connection.
    pub(crate) connection_retries: u32,
    /// Whether the caller waits out throttling in its own way.
    pub(crate) throttling_is_callers: bool,
    pub(crate) options: &'a RetryOptions,
    /// A number in `0..1`, which spreads the waits of many clients.
    pub(crate) jitter: f64,
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Decision {
    /// The error is the caller's.
    Fail,
    /// The error is the caller's, and nobody knows whether the write happened.
    FailUnknown,
    /// Wait as long as the service asks, or as the options say.
    Throttled { wait: Duration },
    /// Try the connection again.
    Reconnect { wait: Duration, because: &'static str },
}

/// The retry matrix.
pub(crate) fn decide(failure: Failure, progress: &Progress<'_>) -> Decision {
    match failure {
        Failure::Status { status: 429, sub_status, retry_after }
            if sub_status != SCALE_DOWN_REFUSED && !progress.throttling_is_callers =>
        {
            throttled(retry_after, progress)
        }
        Failure::Status { .. } | Failure::Local => Decision::Fail,
        Failure::Transport {
            kind: TransportErrorKind::Tls | TransportErrorKind::Request, ..
        } => Decision::Fail,
        Failure::Transport { may_have_arrived: false, .. } => {
            reconnect("the request was not sent", progress)
        }
        Failure::Transport { .. } if progress.read_only => {
            reconnect("the answer did not arrive", progress)
        }
        Failure::Transport { .. } => Decision::FailUnknown,
    }
}

/// 429/3204: throughput may be scaled down only every few hours, so waiting is the caller's business.
const SCALE_DOWN_REFUSED: u32 = 3204;

/// The first wait where the service names none; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest of those waits.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

fn throttled(retry_after: Option<Duration>, progress: &Progress<'_>) -> Decision {
    let Progress { throttle, options, .. } = progress;
    let wait = options
        .fixed_throttle_interval
        .or(retry_after.filter(|it| !it.is_zero()))
        .unwrap_or_else(|| backoff(throttle.retries, progress.jitter));
    let spent = throttle.retries >= options.max_throttle_retries
        || throttle.waited + wait > options.max_throttle_wait;
    if spent { Decision::Fail } else { Decision::Throttled { wait } }
}

/// `FIRST_WAIT` doubled `retries` times, give or take a quarter.
fn backoff(retries: u32, jitter: f64) -> Duration {
    let wait = FIRST_WAIT.saturating_mul(1 << retries.min(10)).min(LONGEST_WAIT);
    wait.mul_f64(0.75 + jitter.clamp(0.0, 1.0) / 2.0)
}

/// At once on a fresh connection, then after half a second and a second.
fn reconnect(because: &'static str, progress: &Progress<'_>) -> Decision {
    let retries = progress.connection_retries;
    if retries >= progress.options.max_connection_retries {
        return Decision::Fail;
    }
    Decision::Reconnect { wait: Duration::from_millis(500).saturating_mul(retries), because }
}

/// Acts on the decisions.
pub(super) struct Retry;

impl Policy for Retry {
    fn send(
        &self,
        ctx: &mut Context<'_>,
        request: &mut transport::Request,
        next: Next<'_>,
    ) -> Result<transport::Response> {
        let mut connection_retries = 0;
        loop {
            let error = match next.send(ctx, request) {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            let progress = Progress {
                read_only: ctx.spec.action.is_read_only(),
                throttle: ctx.throttle,
                connection_retries,
                throttling_is_callers: ctx.spec.options.throttling_is_callers,
                options: &ctx.shared.options.retry,
                jitter: ctx.shared.activity_ids.jitter(),
            };
            let (wait, because) = match decide(failure_of(&error), &progress) {
                Decision::Fail => return Err(error),
                Decision::FailUnknown => return Err(error.ambiguous()),
                Decision::Throttled { wait } => {
                    ctx.throttle = Throttle {
                        retries: ctx.throttle.retries + 1,
                        waited: ctx.throttle.waited + wait,
                    };
                    (wait, "throttled")
                }
                Decision::Reconnect { wait, because } => {
                    connection_retries += 1;
                    (wait, because)
                }
            };
            if !pause(ctx, wait, because) {
                return Err(error);
            }
        }
    }
}

/// Waits, unless the time of the call would be up before. Says whether there is time for another attempt.
fn pause(ctx: &mut Context<'_>, wait: Duration, because: &'static str) -> bool {
    if !ctx.remaining().is_ok_and(|left| wait < left) {
        return false;
    }
    log::info!("{} is tried again in {wait:.1?}: {because}", ctx.activity_id);
    if let Some(attempt) = ctx.attempts.last_mut() {
        attempt.waited = wait;
        attempt.retried_because = Some(because);
    }
    if !wait.is_zero() {
        ctx.shared.clock.sleep(wait);
    }
    true
}

/// The part of an error that decides about another try.
fn failure_of(error: &Error) -> Failure {
    if let Some(status) = error.status() {
        let sub_status = error.sub_status().unwrap_or(0);
        return Failure::Status {
            status: status.as_u16(),
            sub_status,
            retry_after: error.retry_after(),
        };
    }
    match error.transport_error() {
        Some(it) => Failure::Transport { kind: it.kind(), may_have_arrived: it.may_have_arrived() },
        None => Failure::Local,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: RetryOptions = RetryOptions::DEFAULT;

    fn progress(
        read_only: bool,
        retries: u32,
        waited_secs: u64,
        connection_retries: u32,
    ) -> Progress<'static> {
        let throttle = Throttle { retries, waited: Duration::from_secs(waited_secs) };
        Progress {
            read_only,
            throttle,
            connection_retries,
            throttling_is_callers: false,
            options: &OPTIONS,
            jitter: 0.5,
        }
    }

    fn throttle(retry_after_ms: u64) -> Failure {
        Failure::Status {
            status: 429,
            sub_status: 3200,
            retry_after: Some(Duration::from_millis(retry_after_ms)),
        }
    }

    fn broken(kind: TransportErrorKind, may_have_arrived: bool) -> Failure {
        Failure::Transport { kind, may_have_arrived }
    }

    #[test]
    fn throttling_is_waited_out_within_the_options() {
        let wait = |millis| Decision::Throttled { wait: Duration::from_millis(millis) };
        assert_eq!(decide(throttle(300), &progress(false, 0, 0, 0)), wait(300));
        assert_eq!(decide(throttle(300), &progress(true, 8, 29, 0)), wait(300));
        assert_eq!(decide(throttle(300), &progress(true, 9, 1, 0)), Decision::Fail, "nine retries");
        assert_eq!(
            decide(throttle(1001), &progress(true, 1, 29, 0)),
            Decision::Fail,
            "thirty seconds"
        );
        assert_eq!(decide(throttle(0), &progress(true, 0, 0, 0)), wait(100));
        assert_eq!(decide(throttle(0), &progress(true, 3, 0, 0)), wait(800));
        let scale_down = Failure::Status { status: 429, sub_status: 3204, retry_after: None };
        assert_eq!(decide(scale_down, &progress(false, 0, 0, 0)), Decision::Fail);
        let callers = Progress { throttling_is_callers: true, ..progress(false, 0, 0, 0) };
        assert_eq!(decide(throttle(300), &callers), Decision::Fail);

        let fixed =
            RetryOptions { fixed_throttle_interval: Some(Duration::from_millis(7)), ..OPTIONS };
        let progress = Progress { options: &fixed, ..progress(false, 0, 0, 0) };
        assert_eq!(decide(throttle(300), &progress), wait(7));
    }

    #[test]
    fn broken_connections_are_tried_again_where_nothing_can_happen_twice() {
        use TransportErrorKind::{Broken, Connect, Request, Resolve, Timeout, Tls};
        let retried = |decision| matches!(decision, Decision::Reconnect { .. });
        for kind in [Connect, Resolve, Timeout, Broken] {
            assert!(retried(decide(broken(kind, false), &progress(false, 0, 0, 0))), "{kind:?}");
            assert!(retried(decide(broken(kind, true), &progress(true, 0, 0, 2))), "{kind:?}");
            assert_eq!(
                decide(broken(kind, true), &progress(false, 0, 0, 0)),
                Decision::FailUnknown,
                "{kind:?}"
            );
            assert_eq!(
                decide(broken(kind, false), &progress(true, 0, 0, 3)),
                Decision::Fail,
                "{kind:?}"
            );
        }
        assert_eq!(decide(broken(Tls, false), &progress(true, 0, 0, 0)), Decision::Fail);
        assert_eq!(decide(broken(Request, false), &progress(true, 0, 0, 0)), Decision::Fail);
        let first = decide(broken(Connect, false), &progress(false, 0, 0, 0));
        assert_eq!(
            first,
            Decision::Reconnect { wait: Duration::ZERO, because: "the request was not sent" }
        );
    }

    #[test]
    fn other_statuses_are_the_callers() {
        for status in [304, 400, 401, 403, 404, 409, 412, 413, 500] {
            let failure = Failure::Status { status, sub_status: 0, retry_after: None };
            assert_eq!(decide(failure, &progress(true, 0, 0, 0)), Decision::Fail, "{status}");
        }
    }
}
