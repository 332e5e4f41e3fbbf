//! The retry matrix: what failed, and how far the operation has come, make a [`Decision`].
//!
//! Nothing here waits, sends or remembers; [`decide`] is a table, and its tests go through its rows.

use std::time::Duration;

use crate::client::options::RetryOptions;
use crate::error::Error;
use crate::pipeline::Target;
use crate::routing::regions::Mark;
use crate::transport::TransportErrorKind;
use crate::wire::sub_status;

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

impl Failure {
    /// The part of an error that decides about another try.
    pub(crate) fn of(error: &Error) -> Self {
        if let Some(status) = error.status() {
            let sub_status = error.sub_status().unwrap_or(0);
            let retry_after = error.retry_after();
            return Self::Status { status: status.as_u16(), sub_status, retry_after };
        }
        match error.transport_error() {
            Some(it) => {
                Self::Transport { kind: it.kind(), may_have_arrived: it.may_have_arrived() }
            }
            None => Self::Local,
        }
    }

    /// Whether a write that failed so may have been carried out. A 503 is sent before anything is done.
    pub(crate) fn leaves_doubt(self) -> bool {
        match self {
            Self::Status { status, .. } => {
                status == 408 || (500..600).contains(&status) && status != 503
            }
            Self::Transport { may_have_arrived, .. } => may_have_arrived,
            Self::Local => false,
        }
    }

    /// Whether the region only says that another one is the hub, which is then looked for on.
    pub(crate) fn says_not_the_hub(self) -> bool {
        matches!(self, Self::Status { status: 403, sub_status: sub_status::WRITE_FORBIDDEN, .. })
    }

    /// Whether it speaks against the place that was asked, and not against what was asked.
    pub(crate) fn speaks_against_place(self) -> bool {
        match self {
            Self::Status { status, .. } => status == 408 || (500..600).contains(&status),
            Self::Transport { kind, .. } => kind != TransportErrorKind::Request,
            Self::Local => false,
        }
    }
}

/// Retries of one kind, and the time that was waited for them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) retries: u32,
    pub(crate) waited: Duration,
}

impl Tally {
    pub(crate) fn add(&mut self, wait: Duration) {
        self.retries += 1;
        self.waited += wait;
    }
}

/// The retries of an operation so far, each kind with a budget of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counters {
    /// 429.
    pub(crate) throttle: Tally,
    /// 449.
    pub(crate) retry_with: Tally,
    /// At the same endpoint, after its connection failed or it refused for a moment.
    pub(crate) in_place: u32,
    /// At another endpoint.
    pub(crate) failovers: u32,
    /// After the write region was asked for again.
    pub(crate) write_region: Tally,
    /// 404/1002.
    pub(crate) session: u32,
    /// After the container was read again.
    pub(crate) container: u32,
    /// After the partition key ranges moved.
    pub(crate) ranges: u32,
    /// While something is being made.
    pub(crate) pending: u32,
}

/// Where else the operation may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moves {
    /// Nowhere: only the write region takes it.
    Nowhere,
    /// To another region.
    Regions,
    /// To another region with its partition, which fails over by itself.
    Partition,
}

/// How the account is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// It is not; this is another operation.
    No,
    /// For the first time: there is nothing else to go by.
    First,
    /// Again: one round is enough.
    Again,
}

/// What the operation is, and how far it has come.
#[derive(Clone, Debug)]
pub(crate) struct Progress<'a> {
    pub(crate) read_only: bool,
    /// A write that the caller lets be repeated although it may then happen twice.
    pub(crate) may_repeat: bool,
    pub(crate) account: Account,
    pub(crate) moves: Moves,
    /// The account is asked for its regions.
    pub(crate) discovers: bool,
    /// The operation names a partition key range itself.
    pub(crate) range_is_fixed: bool,
    /// The operation was made for this very container: it names a range of it, or a place in one of its feeds.
    pub(crate) is_bound: bool,
    /// The caller waits out throttling in its own way.
    pub(crate) throttling_is_callers: bool,
    /// The partition key is taken from the item, by what is known of the container.
    pub(crate) key_from_item: bool,
    /// The endpoints that could be asked.
    pub(crate) choices: u32,
    pub(crate) multi_write: bool,
    /// The attempt went to the hub.
    pub(crate) at_hub: bool,
    pub(crate) counters: Counters,
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
    /// 449: another write was faster; the same again in the same region.
    RetryWith { wait: Duration },
    /// The same again in the same place; with `refresh` the account may name another place by then.
    Again { wait: Duration, refresh: bool, because: &'static str },
    /// What is being made, or started, is looked for again in the same place.
    Pending { wait: Duration },
    /// The next region of the list.
    NextRegion { wait: Duration, mark: Option<Mark>, refresh: bool, because: &'static str },
    /// The write region, after asking the account which one it is.
    WriteRegion { wait: Duration, mark: Mark, because: &'static str },
    /// A region that may be as far as the session is.
    Session { target: Target },
    /// No region is as far as the session. Its tokens go; where they were another container's, it is tried once more.
    SessionLost,
    /// Read the container again, and take the partition key anew.
    RefreshContainer { because: &'static str },
    /// Read the partition key ranges again.
    RefreshRanges { wait: Duration, because: &'static str },
    /// What is known of the container is not true any more, and the error is the caller's.
    ForgetContainer,
}

/// The retry matrix.
pub(crate) fn decide(failure: Failure, progress: &Progress<'_>) -> Decision {
    match failure {
        Failure::Status { status, sub_status, retry_after } => {
            on_status(status, sub_status, retry_after, progress)
        }
        Failure::Transport { kind, may_have_arrived } => on_fault(kind, may_have_arrived, progress),
        Failure::Local => Decision::Fail,
    }
}

fn on_status(
    status: u16,
    sub_status: u32,
    retry_after: Option<Duration>,
    progress: &Progress<'_>,
) -> Decision {
    let first_refresh = progress.counters.container == 0 && progress.options.max_stale_retries > 0;
    match (status, sub_status) {
        (429, sub_status::SCALE_DOWN_REFUSED) => Decision::Fail,
        (429, _) if progress.throttling_is_callers => Decision::Fail,
        (429, sub_status::SYSTEM_RESOURCE_UNAVAILABLE) if progress.has_choice() => {
            next_region(None, "the region is short of resources", progress)
        }
        (429, _) => throttled(retry_after, progress),
        (449, _) => retry_with(progress),
        (403, sub_status::WRITE_FORBIDDEN) if progress.read_only => {
            next_region(None, "the region is not the hub", progress)
        }
        (403, sub_status::WRITE_FORBIDDEN) => {
            refused(Mark::RefusesWrites, "the region takes no writes", progress)
        }
        (403, sub_status::ACCOUNT_NOT_IN_REGION) => {
            refused(Mark::RefusesAll, "the account is not in the region", progress)
        }
        (404, sub_status::READ_SESSION_NOT_AVAILABLE) => session(progress),
        (404, sub_status::OWNER_RESOURCE_NOT_FOUND) => Decision::ForgetContainer,
        (404, sub_status::BEING_CREATED | sub_status::STORE_NOT_READY) => pending(progress),
        (400, sub_status::PARTITION_KEY_MISMATCH) if progress.key_from_item && first_refresh => {
            Decision::RefreshContainer { because: "the partition key is not the container's" }
        }
        (400, sub_status::INCORRECT_CONTAINER_RID) | (410, sub_status::NAME_CACHE_STALE)
            if progress.is_bound =>
        {
            Decision::ForgetContainer
        }
        (400, sub_status::INCORRECT_CONTAINER_RID) if first_refresh => {
            Decision::RefreshContainer { because: "the container is another one" }
        }
        (410, sub_status::NAME_CACHE_STALE) if first_refresh => {
            Decision::RefreshContainer { because: "the container was made anew" }
        }
        (410, sub_status::NAME_CACHE_STALE) => Decision::Fail,
        (410, sub_status::COMPLETING_SPLIT | sub_status::COMPLETING_MIGRATION) => {
            moved_ranges(HALF_A_SECOND, false, progress)
        }
        (410, _) if progress.range_is_fixed => Decision::Fail,
        (410, sub_status::PARTITION_KEY_RANGE_GONE) => {
            moved_ranges(FIRST_WAIT, progress.counters.ranges == 0, progress)
        }
        (410, _) if progress.may_move() => next_region(None, "the partition is gone", progress),
        (410, _) => moved_ranges(HALF_A_SECOND, false, progress),
        (503, _) if progress.may_move() => {
            next_region(None, "the service is unavailable", progress)
        }
        (503, _) => unavailable(progress),
        (408, _) if progress.read_only => next_region(None, "the service timed out", progress),
        (500..=599, _) if progress.read_only => next_region(None, "the service failed", progress),
        (408 | 500..=599, _) => in_doubt(progress),
        _ => Decision::Fail,
    }
}

fn on_fault(kind: TransportErrorKind, may_have_arrived: bool, progress: &Progress<'_>) -> Decision {
    const NOT_SENT: &str = "the request was not sent";
    const LOST: &str = "the answer did not arrive";
    match kind {
        TransportErrorKind::Request => Decision::Fail,
        TransportErrorKind::Tls if !progress.has_choice() => Decision::Fail,
        TransportErrorKind::Tls => next_region(Some(Mark::Unreachable), NOT_SENT, progress),
        _ if !may_have_arrived => match in_place(NOT_SENT, progress) {
            Some(again) => again,
            None if progress.has_choice() => {
                next_region(Some(Mark::Unreachable), NOT_SENT, progress)
            }
            None if progress.moves == Moves::Nowhere && progress.discovers => {
                write_region(Mark::Unreachable, NOT_SENT, progress)
            }
            None => Decision::Fail,
        },
        _ if !progress.read_only => in_doubt(progress),
        // Whoever let the time run out once may do so again.
        TransportErrorKind::Timeout if progress.has_choice() => next_region(None, LOST, progress),
        _ => match in_place(LOST, progress) {
            Some(again) => again,
            None if progress.has_choice() => next_region(None, LOST, progress),
            None => Decision::Fail,
        },
    }
}

impl Progress<'_> {
    fn may_move(&self) -> bool {
        self.moves != Moves::Nowhere
    }

    fn has_choice(&self) -> bool {
        self.may_move() && self.choices > 1
    }
}

/// The first wait where the service names none; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest of those waits.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
const HALF_A_SECOND: Duration = Duration::from_millis(500);

fn throttled(retry_after: Option<Duration>, progress: &Progress<'_>) -> Decision {
    let Progress { counters, options, jitter, .. } = progress;
    match throttle_wait(retry_after, counters.throttle, options, *jitter) {
        Some(wait) => Decision::Throttled { wait },
        None => Decision::Fail,
    }
}

/// How long a throttled request waits: as the options say, else as the service asks, else longer each time. `None`
/// where the retries are spent.
pub(crate) fn throttle_wait(
    retry_after: Option<Duration>,
    so_far: Tally,
    options: &RetryOptions,
    jitter: f64,
) -> Option<Duration> {
    let wait = options
        .fixed_throttle_interval
        .or(retry_after.filter(|it| !it.is_zero()))
        .unwrap_or_else(|| backoff(so_far.retries, jitter));
    let is_left = so_far.retries < options.max_throttle_retries
        && so_far.waited + wait <= options.max_throttle_wait;
    is_left.then_some(wait)
}

/// `FIRST_WAIT` doubled `retries` times, give or take a quarter.
fn backoff(retries: u32, jitter: f64) -> Duration {
    doubled(FIRST_WAIT, retries).mul_f64(0.75 + jitter.clamp(0.0, 1.0) / 2.0)
}

fn doubled(first: Duration, retries: u32) -> Duration {
    first.saturating_mul(1 << retries.min(10)).min(LONGEST_WAIT)
}

/// 10 ms, doubling to a second, and a few milliseconds at random, so that two writers part.
fn retry_with(progress: &Progress<'_>) -> Decision {
    let Tally { retries, waited } = progress.counters.retry_with;
    let salt = Duration::from_millis(5).mul_f64(progress.jitter.clamp(0.0, 1.0));
    let wait = doubled(Duration::from_millis(10), retries).min(Duration::from_secs(1)) + salt;
    if waited + wait > progress.options.max_conflict_wait {
        return Decision::Fail;
    }
    Decision::RetryWith { wait }
}

/// At once where another region is left to ask, after half a second when all were asked.
fn next_region(mark: Option<Mark>, because: &'static str, progress: &Progress<'_>) -> Decision {
    let Progress { counters, choices, options, account, .. } = progress;
    if *account == Account::First && counters.in_place < ACCOUNT_RETRIES {
        return Decision::Again { wait: HALF_A_SECOND, refresh: false, because };
    }
    let most = match account {
        Account::Again => choices.saturating_sub(1),
        _ => options.max_failover_retries.unwrap_or((*choices).max(3)),
    };
    if counters.failovers >= most {
        return Decision::Fail;
    }
    let is_round_over = (counters.failovers + 1).is_multiple_of((*choices).max(1));
    let wait = if is_round_over { HALF_A_SECOND } else { Duration::ZERO };
    Decision::NextRegion { wait, mark, refresh: mark.is_some(), because }
}

/// So often the account is asked for at the endpoint given before others stand in for it.
const ACCOUNT_RETRIES: u32 = 3;

/// The same endpoint again, as often as the options say; where there is a choice of regions, once and at once.
fn in_place(because: &'static str, progress: &Progress<'_>) -> Option<Decision> {
    let retries = progress.counters.in_place;
    let most = progress.options.max_connection_retries;
    if progress.account == Account::First {
        let again = Decision::Again { wait: HALF_A_SECOND, refresh: false, because };
        return (retries < ACCOUNT_RETRIES.min(most)).then_some(again);
    }
    let elsewhere = progress.has_choice()
        || progress.moves == Moves::Nowhere && progress.discovers && !progress.read_only;
    let most = if elsewhere { most.min(1) } else { most };
    let wait = HALF_A_SECOND.saturating_mul(retries);
    (retries < most).then_some(Decision::Again { wait, refresh: false, because })
}

/// A region that takes no such request (any more).
fn refused(mark: Mark, because: &'static str, progress: &Progress<'_>) -> Decision {
    match progress.moves {
        Moves::Nowhere => write_region(mark, because, progress),
        Moves::Regions => next_region(Some(mark), because, progress),
        Moves::Partition => match next_region(None, because, progress) {
            Decision::NextRegion { wait, mark, .. } => {
                Decision::NextRegion { wait, mark, refresh: true, because }
            }
            decision => decision,
        },
    }
}

/// At once, then after one second, two, three, four.
fn write_region(mark: Mark, because: &'static str, progress: &Progress<'_>) -> Decision {
    let retries = progress.counters.write_region.retries;
    let most = progress.options.max_failover_retries.unwrap_or(WRITE_REGION_RETRIES);
    if retries >= most.min(WRITE_REGION_RETRIES) || !progress.discovers {
        return Decision::Fail;
    }
    Decision::WriteRegion { wait: Duration::from_secs(retries.into()), mark, because }
}

const WRITE_REGION_RETRIES: u32 = 5;

/// With one write region it is the hub that must know, then another region may; with several, each may.
fn session(progress: &Progress<'_>) -> Decision {
    let retries = progress.counters.session;
    let usual = if progress.multi_write { progress.choices.max(2) - 1 } else { 2 };
    if retries >= progress.options.max_session_retries.unwrap_or(usual) {
        return Decision::SessionLost;
    }
    let to_hub = retries == 0 && !(progress.multi_write && progress.at_hub);
    Decision::Session { target: if to_hub { Target::Hub } else { Target::Preferred } }
}

/// One second, two, four.
fn pending(progress: &Progress<'_>) -> Decision {
    let retries = progress.counters.pending;
    if retries >= progress.options.max_stale_retries.min(3) {
        return Decision::Fail;
    }
    let wait = doubled(Duration::from_secs(1), retries);
    Decision::Pending { wait }
}

/// A split or merge: `first_wait`, doubling; the very first time not at all where it is over already.
fn moved_ranges(first_wait: Duration, at_once: bool, progress: &Progress<'_>) -> Decision {
    let retries = progress.counters.ranges;
    if retries >= progress.options.max_stale_retries {
        return Decision::Fail;
    }
    let wait = if at_once { Duration::ZERO } else { doubled(first_wait, retries) };
    Decision::RefreshRanges { wait, because: "the partition is split, merged or moved" }
}

/// The only region for a write is unavailable: once more, where the account may name another by then.
fn unavailable(progress: &Progress<'_>) -> Decision {
    let most = progress.options.max_failover_retries.unwrap_or(1).min(1);
    if progress.counters.in_place >= most {
        return Decision::Fail;
    }
    Decision::Again { wait: HALF_A_SECOND, refresh: true, because: "the service is unavailable" }
}

/// A write that may have been carried out: the caller's, unless the caller said that it may happen twice.
fn in_doubt(progress: &Progress<'_>) -> Decision {
    const UNKNOWN: &str = "the outcome of the write is unknown, and it may be repeated";
    if !progress.may_repeat {
        return Decision::FailUnknown;
    }
    let again = if progress.has_choice() {
        next_region(None, UNKNOWN, progress)
    } else {
        in_place(UNKNOWN, progress).unwrap_or(Decision::Fail)
    };
    if again == Decision::Fail { Decision::FailUnknown } else { again }
}

#[cfg(test)]
mod tests;
