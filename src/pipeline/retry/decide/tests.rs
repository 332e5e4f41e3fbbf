//! The retry matrix, row by row.

use super::Decision::{Fail, FailUnknown, ForgetContainer, SessionLost};
use super::*;
use TransportErrorKind::{Broken, Connect, Request, Resolve, Timeout, Tls};

const OPTIONS: RetryOptions = RetryOptions::DEFAULT;
const NONE: Duration = Duration::ZERO;

/// A read of an item in an account of two regions, at its first attempt.
fn read() -> Progress<'static> {
    Progress {
        read_only: true,
        may_repeat: false,
        account: Account::No,
        moves: Moves::Regions,
        discovers: true,
        range_is_fixed: false,
        is_bound: false,
        throttling_is_callers: false,
        key_from_item: false,
        choices: 2,
        multi_write: false,
        at_hub: false,
        counters: Counters::default(),
        options: &OPTIONS,
        jitter: 0.5,
    }
}

/// A write of an item where one region takes writes.
fn write() -> Progress<'static> {
    Progress { read_only: false, moves: Moves::Nowhere, choices: 1, ..read() }
}

/// A write of an item where two regions take writes.
fn write_anywhere() -> Progress<'static> {
    Progress { read_only: false, multi_write: true, ..read() }
}

/// A write of an item in a partition that fails over by itself.
fn write_failing_over() -> Progress<'static> {
    Progress { read_only: false, moves: Moves::Partition, ..read() }
}

fn status(status: u16, sub_status: u32) -> Failure {
    Failure::Status { status, sub_status, retry_after: None }
}

fn throttle(millis: u64) -> Failure {
    let retry_after = Some(Duration::from_millis(millis));
    Failure::Status { status: 429, sub_status: sub_status::THROUGHPUT_EXCEEDED, retry_after }
}

fn fault(kind: TransportErrorKind, may_have_arrived: bool) -> Failure {
    Failure::Transport { kind, may_have_arrived }
}

/// What is to be done, in a word, and after how many milliseconds.
fn told(decision: Decision) -> (&'static str, u128) {
    match decision {
        Fail => ("fail", 0),
        FailUnknown => ("unknown", 0),
        Decision::Throttled { wait } => ("throttled", wait.as_millis()),
        Decision::RetryWith { wait } => ("retry with", wait.as_millis()),
        Decision::Again { wait, refresh: false, .. } => ("again", wait.as_millis()),
        Decision::Again { wait, refresh: true, .. } => ("refresh and again", wait.as_millis()),
        Decision::Pending { wait } => ("pending", wait.as_millis()),
        Decision::NextRegion { wait, mark: None, refresh: false, .. } => ("next", wait.as_millis()),
        Decision::NextRegion { wait, mark: None, refresh: true, .. } => {
            ("refresh, next", wait.as_millis())
        }
        Decision::NextRegion { wait, mark: Some(_), .. } => ("mark, next", wait.as_millis()),
        Decision::WriteRegion { wait, .. } => ("write region", wait.as_millis()),
        Decision::Session { target: Target::Hub } => ("hub", 0),
        Decision::Session { target: Target::Preferred } => ("next for session", 0),
        SessionLost => ("session lost", 0),
        Decision::RefreshContainer { .. } => ("container", 0),
        Decision::RefreshRanges { wait, .. } => ("ranges", wait.as_millis()),
        ForgetContainer => ("forget", 0),
    }
}

#[test]
fn every_status_has_its_row() {
    let rows = [
        // status, sub-status; read; write with one region, with several, with partitions that fail over
        (429, 3200, ["throttled", "throttled", "throttled", "throttled"]),
        (429, 3075, ["throttled", "throttled", "throttled", "throttled"]),
        (429, 3092, ["next", "throttled", "next", "next"]),
        (429, 3204, ["fail", "fail", "fail", "fail"]),
        (449, 0, ["retry with", "retry with", "retry with", "retry with"]),
        (449, 5352, ["retry with", "retry with", "retry with", "retry with"]),
        (403, 3, ["next", "write region", "mark, next", "refresh, next"]),
        (403, 1008, ["mark, next", "write region", "mark, next", "refresh, next"]),
        (403, 0, ["fail", "fail", "fail", "fail"]),
        (403, 5300, ["fail", "fail", "fail", "fail"]),
        (404, 0, ["fail", "fail", "fail", "fail"]),
        (404, 1002, ["hub", "hub", "hub", "hub"]),
        (404, 1003, ["forget", "forget", "forget", "forget"]),
        (404, 1013, ["pending", "pending", "pending", "pending"]),
        (404, 1023, ["pending", "pending", "pending", "pending"]),
        (408, 0, ["next", "unknown", "unknown", "unknown"]),
        (408, 1900, ["next", "unknown", "unknown", "unknown"]),
        (410, 0, ["next", "ranges", "next", "next"]),
        (410, 1000, ["container", "container", "container", "container"]),
        (410, 1002, ["ranges", "ranges", "ranges", "ranges"]),
        (410, 1007, ["ranges", "ranges", "ranges", "ranges"]),
        (410, 1008, ["ranges", "ranges", "ranges", "ranges"]),
        (410, 1022, ["next", "ranges", "next", "next"]),
        (410, 1024, ["next", "ranges", "next", "next"]),
        (400, 0, ["fail", "fail", "fail", "fail"]),
        (400, 1001, ["fail", "fail", "fail", "fail"]),
        (400, 1004, ["fail", "fail", "fail", "fail"]),
        (400, 1024, ["container", "container", "container", "container"]),
        (401, 0, ["fail", "fail", "fail", "fail"]),
        (500, 0, ["next", "unknown", "unknown", "unknown"]),
        (502, 0, ["next", "unknown", "unknown", "unknown"]),
        (504, 0, ["next", "unknown", "unknown", "unknown"]),
        (503, 0, ["next", "refresh and again", "next", "next"]),
        (503, 1007, ["next", "refresh and again", "next", "next"]),
        (301, 0, ["fail", "fail", "fail", "fail"]),
        (405, 0, ["fail", "fail", "fail", "fail"]),
        (409, 0, ["fail", "fail", "fail", "fail"]),
        (412, 0, ["fail", "fail", "fail", "fail"]),
        (413, 0, ["fail", "fail", "fail", "fail"]),
        (423, 0, ["fail", "fail", "fail", "fail"]),
        (424, 0, ["fail", "fail", "fail", "fail"]),
    ];
    let calls = [read(), write(), write_anywhere(), write_failing_over()];
    for (code, sub_status, expected) in rows {
        let decisions = calls.each_ref().map(|it| told(decide(status(code, sub_status), it)).0);
        assert_eq!(decisions, expected, "{code}/{sub_status}");
    }
}

#[test]
fn every_fault_has_its_row() {
    let rows = [
        // kind, may have arrived; read; write with one region, with several; the same that may be repeated
        (Resolve, false, ["again", "again", "again", "again", "again"]),
        (Connect, false, ["again", "again", "again", "again", "again"]),
        (Timeout, false, ["again", "again", "again", "again", "again"]),
        (Broken, false, ["again", "again", "again", "again", "again"]),
        (Tls, false, ["mark, next", "fail", "mark, next", "fail", "mark, next"]),
        (Request, false, ["fail", "fail", "fail", "fail", "fail"]),
        (Broken, true, ["again", "unknown", "unknown", "again", "next"]),
        (Timeout, true, ["next", "unknown", "unknown", "again", "next"]),
    ];
    let repeated = |it: Progress<'static>| Progress { may_repeat: true, ..it };
    let calls = [read(), write(), write_anywhere(), repeated(write()), repeated(write_anywhere())];
    for (kind, may_have_arrived, expected) in rows {
        let decisions =
            calls.each_ref().map(|it| told(decide(fault(kind, may_have_arrived), it)).0);
        assert_eq!(decisions, expected, "{kind:?} {may_have_arrived}");
    }
    assert_eq!(decide(Failure::Local, &read()), Fail);
}

#[test]
fn a_client_that_lets_writes_be_repeated_speaks_of_some_kinds_only() {
    use crate::pipeline::{Action, ResourceType, Spec};
    for (action, by_client) in [
        (Action::Create, true),
        (Action::Upsert, true),
        (Action::Replace, true),
        (Action::Delete, true),
        (Action::Patch, false),
        (Action::Batch, false),
        (Action::Bulk, false),
        (Action::DeleteByKey, false),
        (Action::Execute, false),
    ] {
        let mut spec = Spec::new(action, ResourceType::Item, crate::link::Link::account());
        assert!(!spec.may_repeat(false), "{action:?}");
        assert_eq!(spec.may_repeat(true), by_client, "{action:?}");
        for by_call in [true, false] {
            spec.options.retry_writes = Some(by_call);
            assert_eq!(spec.may_repeat(!by_call), by_call, "the call's word counts: {action:?}");
        }
    }
}

#[test]
fn an_endpoint_that_cannot_be_reached_is_tried_once_more_and_then_left() {
    let once = Counters { in_place: 1, ..Counters::default() };
    let after = |it: Progress<'static>| Progress { counters: once, ..it };
    for kind in [Resolve, Connect, Timeout, Broken] {
        let decision = |it: Progress<'static>| told(decide(fault(kind, false), &after(it)));
        assert_eq!(decision(read()), ("mark, next", 0));
        assert_eq!(decision(write()), ("write region", 0));
        assert_eq!(decision(write_anywhere()), ("mark, next", 0));
    }
    assert_eq!(told(decide(fault(Broken, true), &after(read()))), ("next", 0));
}

#[test]
fn where_there_is_no_other_endpoint_the_options_count() {
    for (retries, expected) in
        [(0, ("again", 0)), (1, ("again", 500)), (2, ("again", 1000)), (3, ("fail", 0))]
    {
        let counters = Counters { in_place: retries, ..Counters::default() };
        let alone = Progress { choices: 1, counters, ..read() };
        assert_eq!(told(decide(fault(Connect, false), &alone)), expected);
        assert_eq!(told(decide(fault(Broken, true), &alone)), expected);
        assert_eq!(told(decide(fault(Timeout, true), &alone)), expected);
        let undiscovered = Progress { discovers: false, counters, ..write() };
        assert_eq!(told(decide(fault(Connect, false), &undiscovered)), expected);
    }
}

#[test]
fn regions_are_asked_at_once_and_again_after_half_a_second() {
    let told_after = |failovers, choices| {
        let counters = Counters { failovers, ..Counters::default() };
        told(decide(status(503, 0), &Progress { choices, counters, ..read() }))
    };
    assert_eq!(
        [0, 1, 2, 3].map(|it| told_after(it, 2)),
        [("next", 0), ("next", 500), ("next", 0), ("fail", 0)]
    );
    assert_eq!(
        [0, 1, 2, 3].map(|it| told_after(it, 1)),
        [("next", 500), ("next", 500), ("next", 500), ("fail", 0)]
    );
    assert_eq!(
        [0, 3, 4, 5].map(|it| told_after(it, 5)),
        [("next", 0), ("next", 0), ("next", 500), ("fail", 0)]
    );
}

#[test]
fn the_write_region_is_looked_for_five_times() {
    for (retries, expected) in [
        (0, ("write region", 0)),
        (1, ("write region", 1000)),
        (4, ("write region", 4000)),
        (5, ("fail", 0)),
    ] {
        let write_region = Tally { retries, waited: NONE };
        let counters = Counters { write_region, ..Counters::default() };
        assert_eq!(told(decide(status(403, 3), &Progress { counters, ..write() })), expected);
    }
    let undiscovered = Progress { discovers: false, ..write() };
    assert_eq!(decide(status(403, 3), &undiscovered), Fail);
}

#[test]
fn the_session_is_looked_for_at_the_hub_and_then_elsewhere() {
    let after = |session, multi_write, choices, at_hub| {
        let counters = Counters { session, ..Counters::default() };
        told(decide(
            status(404, 1002),
            &Progress { counters, multi_write, choices, at_hub, ..read() },
        ))
        .0
    };
    let one_write_region = [0, 1, 2].map(|it| after(it, false, 3, false));
    assert_eq!(one_write_region, ["hub", "next for session", "session lost"]);
    assert_eq!(
        after(0, false, 1, true),
        "hub",
        "with the header that asks for the hub's own state"
    );
    let several = [0, 1, 2].map(|it| after(it, true, 3, false));
    assert_eq!(several, ["hub", "next for session", "session lost"]);
    assert_eq!(after(0, true, 2, true), "next for session");
    assert_eq!(after(1, true, 2, true), "session lost");
}

#[test]
fn throttling_is_waited_out_within_the_options() {
    let after = |retries, waited_secs: u64, failure, options: &RetryOptions| {
        let throttle = Tally { retries, waited: Duration::from_secs(waited_secs) };
        let counters = Counters { throttle, ..Counters::default() };
        told(decide(failure, &Progress { counters, options, ..write() }))
    };
    for (retries, waited, failure, expected) in [
        (0, 0, throttle(300), ("throttled", 300)),
        (8, 29, throttle(300), ("throttled", 300)),
        (9, 1, throttle(300), ("fail", 0)),
        (1, 29, throttle(1001), ("fail", 0)),
        (0, 0, throttle(0), ("throttled", 100)),
        (3, 0, throttle(0), ("throttled", 800)),
        (0, 0, status(429, 3200), ("throttled", 100)),
    ] {
        assert_eq!(after(retries, waited, failure, &OPTIONS), expected, "{retries} {waited}");
    }
    let callers = Progress { throttling_is_callers: true, ..write() };
    assert_eq!(decide(throttle(300), &callers), Fail);
    let fixed = OPTIONS.fixed_throttle_interval(Duration::from_millis(7));
    assert_eq!(after(0, 0, throttle(300), &fixed), ("throttled", 7));
}

#[test]
fn writes_that_collide_part_within_thirty_seconds() {
    let after = |retries, waited| {
        let counters = Counters { retry_with: Tally { retries, waited }, ..Counters::default() };
        told(decide(status(449, 0), &Progress { counters, ..write() }))
    };
    assert_eq!([0, 1, 6, 7, 20].map(|it| after(it, NONE).1), [12, 22, 642, 1002, 1002]);
    assert_eq!(after(30, Duration::from_millis(28_990)).0, "retry with");
    assert_eq!(after(30, Duration::from_millis(28_999)).0, "fail");
}

#[test]
fn a_split_is_waited_out_ten_times_where_the_range_can_be_found_anew() {
    let after = |ranges, sub_status, range_is_fixed| {
        let counters = Counters { ranges, ..Counters::default() };
        told(decide(status(410, sub_status), &Progress { counters, range_is_fixed, ..read() }))
    };
    assert_eq!([0, 1, 2, 9].map(|it| after(it, 1002, false).1), [0, 200, 400, 5000]);
    assert_eq!([0, 1, 2, 9].map(|it| after(it, 1007, false).1), [500, 1000, 2000, 5000]);
    assert_eq!(after(10, 1002, false).0, "fail");
    assert_eq!(after(10, 1008, false).0, "fail");
    assert_eq!(after(0, 1002, true).0, "fail", "whoever chose the range chooses anew");
    assert_eq!(after(0, 0, true).0, "fail");
    assert_eq!(after(0, 1007, true).0, "ranges", "the range is still there");
}

#[test]
fn a_container_is_read_again_once() {
    let once = Counters { container: 1, ..Counters::default() };
    for (code, sub_status) in [(410, 1000), (400, 1024), (400, 1001)] {
        let first = Progress { key_from_item: true, ..write() };
        assert_eq!(told(decide(status(code, sub_status), &first)).0, "container");
        let second = Progress { counters: once, ..first };
        assert_eq!(decide(status(code, sub_status), &second), Fail);
    }
    for (code, sub_status) in [(410, 1000), (400, 1024)] {
        let bound = Progress { is_bound: true, ..read() };
        assert_eq!(decide(status(code, sub_status), &bound), ForgetContainer);
    }
}

#[test]
fn what_is_being_made_is_waited_for_three_times() {
    let after = |pending| {
        let counters = Counters { pending, ..Counters::default() };
        told(decide(status(404, 1013), &Progress { counters, ..read() }))
    };
    assert_eq!(
        [0, 1, 2, 3].map(after),
        [("pending", 1000), ("pending", 2000), ("pending", 4000), ("fail", 0)]
    );
}

#[test]
fn the_account_is_asked_for_with_patience_first_and_in_one_round_later() {
    let after = |account, in_place, failovers, failure| {
        let counters = Counters { in_place, failovers, ..Counters::default() };
        told(decide(failure, &Progress { account, choices: 3, counters, ..read() }))
    };
    for failure in [status(503, 0), fault(Connect, false), fault(Broken, true)] {
        assert_eq!(after(Account::First, 0, 0, failure), ("again", 500), "{failure:?}");
        assert_eq!(after(Account::First, 2, 0, failure), ("again", 500), "{failure:?}");
        assert!(after(Account::First, 3, 0, failure).0.ends_with("next"), "{failure:?}");
    }
    assert_eq!(after(Account::Again, 0, 0, status(503, 0)), ("next", 0));
    assert_eq!(after(Account::Again, 0, 1, status(503, 0)), ("next", 0));
    assert_eq!(after(Account::Again, 0, 2, status(503, 0)), ("fail", 0));
}

#[test]
fn without_retries_everything_is_the_callers() {
    let off = RetryOptions::none();
    let failures = [
        throttle(1),
        status(449, 0),
        status(403, 3),
        status(403, 1008),
        status(404, 1002),
        status(404, 1013),
        status(408, 0),
        status(410, 0),
        status(410, 1000),
        status(410, 1002),
        status(410, 1007),
        status(400, 1024),
        status(500, 0),
        status(503, 0),
        fault(Connect, false),
        fault(Broken, true),
        fault(Tls, false),
    ];
    for failure in failures {
        for call in [read(), write(), write_anywhere(), write_failing_over()] {
            let decision = decide(failure, &Progress { options: &off, ..call });
            assert!(
                matches!(decision, Fail | FailUnknown | SessionLost),
                "{failure:?}: {decision:?}"
            );
        }
    }
}

#[test]
fn doubt_is_left_by_what_may_have_been_carried_out() {
    for (failure, expected) in [
        (status(408, 0), true),
        (status(500, 0), true),
        (status(503, 0), false),
        (status(504, 0), true),
        (status(429, 0), false),
        (status(410, 1007), false),
        (fault(Broken, true), true),
        (fault(Timeout, false), false),
        (Failure::Local, false),
    ] {
        assert_eq!(failure.leaves_doubt(), expected, "{failure:?}");
    }
}
