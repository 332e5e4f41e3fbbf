//! Fault rules: whom they strike, how often, and what that looks like; locks, limits, and the log of requests.

use std::time::Duration;

use super::support::{ITEMS, SIMPLE, Sender, container, header, json};
use crate::clock::{Clock, VirtualClock};
use crate::emulator::{Emulator, EmulatorOperation, FaultRule};
use crate::transport::{Response, TransportErrorKind};

const KEY: (&str, &str) = ("x-ms-documentdb-partitionkey", r#"["a"]"#);
const MS: Duration = Duration::from_millis(1);

fn read(sender: &Sender) -> Response {
    sender.send("GET", &format!("{ITEMS}/1"), &[KEY], b"")
}

fn status(response: &Response) -> (u16, u32) {
    let sub_status = header(response, "x-ms-substatus").unwrap_or("0");
    (response.status().as_u16(), sub_status.parse().unwrap())
}

fn with_item() -> Sender {
    let sender = container(Emulator::builder().partitions(2).build().unwrap(), &[], SIMPLE);
    assert_eq!(sender.create("1", "a").status(), 201);
    sender
}

#[test]
fn presets_answer_as_the_service_would() {
    let sender = with_item();
    for (rule, expected) in [
        (FaultRule::throttle(250 * MS), (429, 3200)),
        (FaultRule::retry_with(), (449, 0)),
        (FaultRule::gone(1000), (410, 1000)),
        (FaultRule::gone(1002), (410, 1002)),
        (FaultRule::unavailable(), (503, 0)),
        (FaultRule::session_not_available(), (404, 1002)),
        (FaultRule::timeout(), (408, 0)),
        (FaultRule::write_forbidden(), (403, 3)),
        (FaultRule::status(500, 0), (500, 0)),
    ] {
        sender.emulator.fault(rule.times(1));
        let struck = read(&sender);
        assert_eq!(status(&struck), expected);
        let wait = (expected.0 == 429).then_some("250");
        assert_eq!(header(&struck, "x-ms-retry-after-ms"), wait);
        assert_eq!(read(&sender).status(), 200, "the rule is used up");
    }
    sender.emulator.fault(FaultRule::status(502, 0).body("<html>").times(1));
    let page = read(&sender);
    assert_eq!(
        (page.body().as_slice(), header(&page, "content-type")),
        (&b"<html>"[..], Some("text/html"))
    );
}

#[test]
fn rules_strike_what_they_name() {
    let sender = with_item();
    let range = header(&read(&sender), "x-ms-documentdb-partitionkeyrangeid").unwrap().to_owned();
    let other = if range == "0" { "1" } else { "0" };
    let rule = || FaultRule::unavailable();
    for (rule, strikes) in [
        (rule(), true),
        (rule().operation(EmulatorOperation::ReadItem), true),
        (rule().operation(EmulatorOperation::CreateItem), false),
        (rule().database("d").container("c").region("east us"), true),
        (rule().database("e"), false),
        (rule().container("e"), false),
        (rule().region("West US"), false),
        (rule().partition_key_range(&range), true),
        (rule().partition_key_range(other), false),
        (rule().partition_key("a"), true),
        (rule().partition_key("b"), false),
        (rule().header("x-ms-documentdb-partitionkey", r#"["A"]"#), true),
        (rule().header("x-ms-session-token", "0:1"), false),
        (rule().on_global_endpoint(), true),
    ] {
        sender.emulator.fault(rule.clone());
        assert_eq!(read(&sender).status() == 503, strikes, "{rule:?}");
        sender.emulator.clear_faults();
    }
}

#[test]
fn rules_take_turns() {
    let sender = with_item();
    let pattern = |rule: FaultRule| -> Vec<bool> {
        sender.emulator.clear_faults();
        sender.emulator.fault(rule);
        (0..6).map(|_| read(&sender).status() != 200).collect()
    };
    let rule = FaultRule::unavailable;
    assert_eq!(pattern(rule()), [true; 6]);
    assert_eq!(pattern(rule().times(2)), [true, true, false, false, false, false]);
    assert_eq!(pattern(rule().after(1).times(2)), [false, true, true, false, false, false]);
    assert_eq!(pattern(rule().every(3)), [false, false, true, false, false, true]);
    assert_eq!(pattern(rule().probability(0.5, 3)), pattern(rule().probability(0.5, 3)));
    assert_eq!(pattern(rule().probability(0.0, 3)), [false; 6]);
    sender.emulator.clear_faults();
    sender.emulator.fault(FaultRule::retry_with().times(1));
    sender.emulator.fault(FaultRule::timeout().times(1));
    let statuses: Vec<u16> = (0..3).map(|_| read(&sender).status().as_u16()).collect();
    assert_eq!(statuses, [449, 408, 200], "the first rule whose turn it is decides");
}

#[test]
fn broken_connections_say_what_may_have_arrived() {
    let clock = VirtualClock::new();
    let emulator = Emulator::builder().clock(clock.clone()).build().unwrap();
    let sender = container(emulator, &[], SIMPLE);
    let create = |id: &str| {
        let body = format!("{{\"id\":\"{id}\",\"pk\":\"a\"}}");
        sender.try_send("POST", ITEMS, &[KEY], body.as_bytes())
    };
    for (index, (rule, kind, may_have_arrived, is_written)) in [
        (FaultRule::refused(), TransportErrorKind::Connect, false, false),
        (FaultRule::dropped_before(), TransportErrorKind::Broken, true, false),
        (FaultRule::dropped_after(), TransportErrorKind::Broken, true, true),
        (FaultRule::truncated(3), TransportErrorKind::Broken, true, true),
        (FaultRule::hang(), TransportErrorKind::Timeout, true, false),
        (FaultRule::stalled(3), TransportErrorKind::Timeout, true, true),
        (FaultRule::delay(9000 * MS), TransportErrorKind::Timeout, true, true),
    ]
    .into_iter()
    .enumerate()
    {
        sender.emulator.fault(rule.times(1));
        let before = clock.monotonic();
        let error = create(&index.to_string()).unwrap_err();
        assert_eq!((error.kind(), error.may_have_arrived()), (kind, may_have_arrived));
        let waited = if kind == TransportErrorKind::Timeout { 5000 * MS } else { Duration::ZERO };
        assert_eq!(clock.monotonic() - before, waited, "as long as the client waits");
        let read = sender.send("GET", &format!("{ITEMS}/{index}"), &[KEY], b"");
        assert_eq!(read.status() == 200, is_written, "{index}");
    }
    sender.emulator.fault(FaultRule::delay(20 * MS).times(1));
    let before = clock.monotonic();
    assert_eq!(create("late").unwrap().status(), 201);
    assert_eq!(clock.monotonic() - before, 20 * MS);
    sender.emulator.fault(FaultRule::timeout().carried_out().times(1));
    assert_eq!(create("done").unwrap().status(), 408);
    assert_eq!(create("done").unwrap().status(), 409);
}

#[test]
fn requests_are_remembered_until_they_are_taken() {
    let sender = with_item();
    sender.emulator.take_requests();
    sender.emulator.fault(FaultRule::throttle(MS).operation(EmulatorOperation::ReadItem).times(1));
    read(&sender);
    read(&sender);
    sender.emulator.fault(FaultRule::dropped_before().times(1));
    assert!(sender.try_send("GET", "/dbs/d", &[], b"").is_err());
    let seen = sender.emulator.requests();
    let expected = [
        (EmulatorOperation::ReadItem, Some(429), 3200, true),
        (EmulatorOperation::ReadItem, Some(200), 0, false),
        (EmulatorOperation::ReadDatabase, None, 0, true),
    ];
    let facts: Vec<_> =
        seen.iter().map(|it| (it.operation, it.status, it.sub_status, it.is_fault)).collect();
    assert_eq!(facts, expected);
    assert_eq!(
        (&*seen[0].region, &*seen[0].path, &*seen[0].method),
        ("East US", "/dbs/d/colls/c/docs/1", "GET")
    );
    assert!(seen[1].partition_key_range_id.is_some());
    assert_eq!(sender.emulator.take_requests(), seen);
    assert!(sender.emulator.requests().is_empty());
}

#[test]
fn partitions_are_locked_while_they_split_and_merge() {
    let clock = VirtualClock::new();
    let emulator = Emulator::builder().clock(clock.clone()).build().unwrap();
    let sender = container(emulator, &[], SIMPLE);
    sender.create("1", "a");
    let by_range = |id: &str| {
        let headers = [("x-ms-documentdb-partitionkeyrangeid", id), ("a-im", "Incremental Feed")];
        status(&sender.send("GET", ITEMS, &headers, b""))
    };
    let [low, high] = sender.emulator.split_locked("d", "c", "0", 400 * MS).unwrap();
    assert_eq!(status(&read(&sender)), (410, 1007));
    assert_eq!(status(&sender.create("2", "a")), (410, 1007));
    assert_eq!((by_range("0"), by_range(&low)), ((410, 1007), (410, 1007)));
    clock.advance(400 * MS);
    assert_eq!(read(&sender).status(), 200);
    assert_eq!(sender.create("2", "a").status(), 201);
    assert_eq!(by_range("0"), (410, 1002));
    let merged = sender.emulator.merge_locked(("d", "c"), (&low, &high), 100 * MS).unwrap();
    assert_eq!((status(&read(&sender)), by_range(&merged)), ((410, 1007), (410, 1007)));
    clock.advance(100 * MS);
    assert_eq!((read(&sender).status().as_u16(), by_range(&low)), (200, (410, 1002)));
}

#[test]
fn throughput_that_is_used_up_flows_in_again_as_it_was_said() {
    let clock = VirtualClock::new();
    let emulator = Emulator::builder().clock(clock.clone()).rate_limit(true).build().unwrap();
    let sender = container(emulator, &[], SIMPLE);
    let mut count = 0;
    let refused = loop {
        let answer = sender.create(&count.to_string(), "a");
        count += 1;
        if answer.status() != 201 {
            break answer;
        }
        assert!(count < 200, "400 units are enough for about seventy items");
    };
    assert_eq!(status(&refused), (429, 3200));
    assert!(header(&refused, "x-ms-session-token").is_none());
    let wait: u64 = header(&refused, "x-ms-retry-after-ms").unwrap().parse().unwrap();
    assert!((1..50).contains(&wait), "{wait}");
    clock.advance(Duration::from_millis(wait));
    assert_eq!(sender.create("again", "a").status(), 201);
    sender.create("more", "a");
    assert_eq!(sender.create("too-much", "a").status(), 429);
    sender.emulator.reset();
    let sender = container(sender.emulator, &[], SIMPLE);
    assert_eq!(json(&sender.create("1", "a"))["id"], "1");
}
