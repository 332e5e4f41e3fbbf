//! What to do about the outcome of one operation: a pure table.

use std::time::Duration;

use super::operation::Tries;
use crate::client::RetryOptions;
use crate::pipeline::retry::throttle_wait;
use crate::wire::sub_status;

/// The outcome of an operation, or of the request that it was in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    pub(super) status: u16,
    pub(super) sub_status: u32,
    pub(super) retry_after: Option<Duration>,
    /// Whether the operation was the only one of its request.
    pub(super) was_alone: bool,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    /// The outcome is the operation's result.
    Final,
    /// The range asks for a pause; then it is sent again.
    Throttled { wait: Duration },
    /// It is sent again: somebody else was writing the same item, or the answer to a read was lost.
    Again { wait: Duration },
    /// The item is in another range by now: the map is read again, and the operation goes where it belongs.
    Moved { wait: Duration },
    /// The container is another one under the same name: all that is known of it is read again.
    Recreated,
    /// The answer was full before its turn came: it is sent again with fewer others.
    AnswerFull,
}

/// Most times that an operation goes after a range that moved.
const MOST_MOVES: u32 = 10;
/// Most times that an operation is sent again because somebody else is writing the same item: about half a minute.
const MOST_COLLISIONS: u32 = 36;

/// Says what happens next, and notes it in `tries`.
pub(super) fn judge(
    outcome: Outcome,
    tries: &mut Tries,
    options: &RetryOptions,
    jitter: f64,
) -> Verdict {
    match (outcome.status, outcome.sub_status) {
        (429, _) => throttled(outcome, tries, options, jitter),
        (449, _) if tries.collisions < MOST_COLLISIONS => {
            let wait = doubled(10, tries.collisions, 1000);
            tries.collisions += 1;
            Verdict::Again { wait }
        }
        (410, sub_status::NAME_CACHE_STALE) | (400, sub_status::INCORRECT_CONTAINER_RID)
            if tries.moves < 2 =>
        {
            tries.moves += 1;
            Verdict::Recreated
        }
        (410, code) if code != sub_status::NAME_CACHE_STALE && tries.moves < MOST_MOVES => {
            let wait = match tries.moves {
                0 => Duration::ZERO,
                moves => doubled(100, moves - 1, 5000),
            };
            tries.moves += 1;
            Verdict::Moved { wait }
        }
        (413, sub_status::BATCH_RESPONSE_TOO_LARGE) if !outcome.was_alone => Verdict::AnswerFull,
        _ => Verdict::Final,
    }
}

/// As the retry policy would decide for the operation alone.
fn throttled(outcome: Outcome, tries: &mut Tries, options: &RetryOptions, jitter: f64) -> Verdict {
    if outcome.sub_status == sub_status::SCALE_DOWN_REFUSED {
        return Verdict::Final;
    }
    match throttle_wait(outcome.retry_after, tries.throttle, options, jitter) {
        Some(wait) => {
            tries.throttle.add(wait);
            Verdict::Throttled { wait }
        }
        None => Verdict::Final,
    }
}

fn doubled(first_millis: u64, times: u32, most_millis: u64) -> Duration {
    Duration::from_millis(first_millis.saturating_mul(1 << times.min(16)).min(most_millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(status: u16, sub_status: u32, times: usize) -> Vec<Verdict> {
        let outcome = Outcome {
            status,
            sub_status,
            retry_after: Some(Duration::from_millis(20)),
            was_alone: false,
        };
        let mut tries = Tries::default();
        (0..times).map(|_| judge(outcome, &mut tries, &RetryOptions::DEFAULT, 0.5)).collect()
    }

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn each_status_has_its_verdict() {
        for (status, sub_status, expected) in [
            (200, 0, Verdict::Final),
            (201, 0, Verdict::Final),
            (404, 0, Verdict::Final),
            (409, 0, Verdict::Final),
            (412, 1110, Verdict::Final),
            (413, 0, Verdict::Final),
            (503, 0, Verdict::Final),
            (400, 1001, Verdict::Final),
            (429, 3204, Verdict::Final),
            (429, 3200, Verdict::Throttled { wait: millis(20) }),
            (449, 0, Verdict::Again { wait: millis(10) }),
            (410, 0, Verdict::Moved { wait: Duration::ZERO }),
            (410, 1002, Verdict::Moved { wait: Duration::ZERO }),
            (410, 1007, Verdict::Moved { wait: Duration::ZERO }),
            (410, 1000, Verdict::Recreated),
            (400, 1024, Verdict::Recreated),
            (413, 3402, Verdict::AnswerFull),
        ] {
            assert_eq!(verdicts(status, sub_status, 1), [expected], "{status}/{sub_status}");
        }
    }

    #[test]
    fn nothing_is_sent_again_for_ever() {
        for (status, sub_status, retries) in
            [(429, 3200, 9), (410, 1002, 10), (410, 1000, 2), (449, 0, 36)]
        {
            let verdicts = verdicts(status, sub_status, 40);
            let retried = verdicts.iter().take_while(|it| **it != Verdict::Final).count();
            assert_eq!(retried, retries, "{status}/{sub_status}");
        }
        let alone =
            Outcome { status: 413, sub_status: 3402, was_alone: true, ..Outcome::default() };
        let mut tries = Tries::default();
        assert_eq!(judge(alone, &mut tries, &RetryOptions::DEFAULT, 0.5), Verdict::Final);
    }

    #[test]
    fn waits_grow_up_to_a_bound() {
        let collisions = verdicts(449, 0, 36);
        assert_eq!(collisions[1], Verdict::Again { wait: millis(20) });
        assert_eq!(collisions[30], Verdict::Again { wait: millis(1000) });
        let moves = verdicts(410, 1007, 10);
        assert_eq!(moves[1], Verdict::Moved { wait: millis(100) });
        assert_eq!(moves[9], Verdict::Moved { wait: millis(5000) });
    }
}
