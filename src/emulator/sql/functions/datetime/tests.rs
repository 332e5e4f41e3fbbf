//! The functions on dates.

use std::time::{Duration, UNIX_EPOCH};

use crate::emulator::sql::environment::Environment;
use crate::emulator::sql::functions::lookup;
use crate::emulator::sql::functions::tests::check;
use crate::emulator::sql::value::Value;

#[test]
fn parts_are_added_and_months_end_early_where_they_must() {
    let start = "2020-07-03T00:00:00.0000000";
    for (part, count, expected) in [
        ("yyyy", "1", "\"2021-07-03T00:00:00.0000000Z\""),
        ("mm", "1", "\"2020-08-03T00:00:00.0000000Z\""),
        ("dd", "1", "\"2020-07-04T00:00:00.0000000Z\""),
        ("hh", "1", "\"2020-07-03T01:00:00.0000000Z\""),
        ("year", "-1", "\"2019-07-03T00:00:00.0000000Z\""),
        ("month", "-7", "\"2019-12-03T00:00:00.0000000Z\""),
        ("d", "-1", "\"2020-07-02T00:00:00.0000000Z\""),
        ("ss", "-25", "\"2020-07-02T23:59:35.0000000Z\""),
        ("ms", "1", "\"2020-07-03T00:00:00.0010000Z\""),
        ("mcs", "1", "\"2020-07-03T00:00:00.0000010Z\""),
        ("ns", "199", "\"2020-07-03T00:00:00.0000001Z\""),
        ("yyyy", "7980", "undefined"),
        ("yyyy", "-2020", "undefined"),
        ("yyyy", "9223372036854775807", "undefined"),
        ("dd", "9223372036854775807", "undefined"),
        ("ns", "-9223372036854775808", "\"1728-03-24T00:12:43.1452242Z\""),
        ("dd", "1.5", "undefined"),
        ("century", "1", "undefined"),
    ] {
        check(&[(&format!("DateTimeAdd(\"{part}\", {count}, \"{start}\")"), expected)]);
    }
    check(&[
        ("DateTimeAdd(\"mm\", 1, \"2024-01-31\")", "\"2024-02-29T00:00:00.0000000Z\""),
        ("DateTimeAdd(\"yyyy\", 1, \"2024-02-29\")", "\"2025-02-28T00:00:00.0000000Z\""),
        ("DateTimeAdd(\"dd\", 1, \"yesterday\")", "undefined"),
    ]);
}

#[test]
fn differences_count_the_boundaries_between() {
    let (early, late) = ("2018-03-05T05:00:00.0000000", "2019-02-04T16:00:00.0000000");
    for (part, expected) in [("yyyy", 1), ("mm", 11), ("dd", 336), ("hh", 8075), ("ss", 29_070_000)]
    {
        check(&[
            (&format!("DateTimeDiff(\"{part}\", \"{early}\", \"{late}\")"), &expected.to_string()),
            (
                &format!("DateTimeDiff(\"{part}\", \"{late}\", \"{early}\")"),
                &(-expected).to_string(),
            ),
        ]);
    }
    check(&[
        (
            "DateTimeDiff(\"hh\", \"2020-01-01T01:00:00.1234527Z\", \"2020-01-01T01:59:59.1234567Z\")",
            "0",
        ),
        (
            "DateTimeDiff(\"ns\", \"0001-01-01\", \"9999-12-31T23:59:59.9999999Z\")",
            "3.155378976e+20",
        ),
    ]);
}

#[test]
fn bins_start_at_their_origin() {
    let date = "2021-06-28T17:24:29.2991234Z";
    for (arguments, expected) in [
        ("\"day\"", "\"2021-06-28T00:00:00.0000000Z\""),
        ("\"hh\"", "\"2021-06-28T17:00:00.0000000Z\""),
        ("\"hh\", 5", "\"2021-06-28T16:00:00.0000000Z\""),
        ("\"day\", 5", "\"2021-06-27T00:00:00.0000000Z\""),
        ("\"day\", 5, \"1601-01-01T00:00:00.0000000Z\"", "\"2021-06-28T00:00:00.0000000Z\""),
        ("\"day\", 5, \"2021-01-01T00:00:00.0000000Z\"", "\"2021-06-25T00:00:00.0000000Z\""),
        ("\"yyyy\"", "\"2021-01-01T00:00:00.0000000Z\""),
        ("\"mm\", 1, \"2021-01-29\"", "\"2021-05-29T00:00:00.0000000Z\""),
        ("\"yyyy\", 2, \"2022-01-01\"", "\"2020-01-01T00:00:00.0000000Z\""),
        ("\"ns\"", "\"2021-06-28T17:24:29.2991234Z\""),
        ("\"ns\", 1000", "\"2021-06-28T17:24:29.2991230Z\""),
        ("\"day\", 5, \"0001-01-01T00:00:00.0000000Z\"", "undefined"),
        ("\"day\", 0", "undefined"),
        ("\"day\", -1", "undefined"),
        ("\"day\", 1.5", "undefined"),
        ("\"day\", 9223372036854775807", "\"1970-01-01T00:00:00.0000000Z\""),
        ("\"yyyy\", 9223372036854775807", "undefined"),
    ] {
        check(&[(&format!("DateTimeBin(\"{date}\", {arguments})"), expected)]);
    }
    check(&[
        (
            "DateTimeBin(\"2021-01-08T18:35:00.0000000\", \"dd\", 7)",
            "\"2021-01-07T00:00:00.0000000Z\"",
        ),
        (
            "DateTimeBin(\"2021-01-08T18:35:00.0000000\", \"dd\", 7, \"1601-01-01T00:00:00.0000000\")",
            "\"2021-01-04T00:00:00.0000000Z\"",
        ),
    ]);
}

#[test]
fn parts_are_read_and_put_together() {
    let date = "\"2020-01-02T03:04:05.6789123Z\"";
    for (part, expected) in [
        ("yyyy", "2020"),
        ("m", "1"),
        ("dd", "2"),
        ("hh", "3"),
        ("minute", "4"),
        ("s", "5"),
        ("ms", "678"),
        ("mcs", "678912"),
        ("ns", "678912300"),
        ("century", "undefined"),
    ] {
        check(&[(&format!("DateTimePart(\"{part}\", {date})"), expected)]);
    }
    check(&[
        ("DateTimeFromParts(2017, 4, 20)", "\"2017-04-20T00:00:00.0000000Z\""),
        ("DateTimeFromParts(2017, 4, 20, 13, 15, 20, 3456789)", "\"2017-04-20T13:15:20.3456789Z\""),
        ("DateTimeFromParts(2020, 9, 4, 10, 52)", "\"2020-09-04T10:52:00.0000000Z\""),
        ("DateTimeFromParts(-2000, -1, -1)", "undefined"),
        ("DateTimeFromParts(2021, 2, 29)", "undefined"),
        ("YEAR(\"2000-12-12T10:00:00\")", "2000"),
        ("MONTH(\"2024-01-10\")", "1"),
        ("DAY(\"1989-03-03T12:12:12.1234567Z\")", "3"),
    ]);
}

#[test]
fn ticks_and_timestamps_count_from_1970() {
    check(&[
        ("DateTimeToTicks(\"2015-05-19T12:00:00.0000000\")", "14320368000000000"),
        ("DateTimeToTimestamp(\"2020-07-09\")", "1594252800000"),
        ("DateTimeToTimestamp(\"1969-12-31T23:59:59.9999999Z\")", "-1"),
        ("TicksToDateTime(15973607943002652)", "\"2020-08-13T23:19:54.3002652Z\""),
        ("TicksToDateTime(0)", "\"1970-01-01T00:00:00.0000000Z\""),
        ("TicksToDateTime(-116444736000000000)", "\"1601-01-01T00:00:00.0000000Z\""),
        ("TicksToDateTime(9223372036854775807)", "undefined"),
        ("TicksToDateTime(0.5)", "undefined"),
        ("TimestampToDateTime(1597360794300)", "\"2020-08-13T23:19:54.3000000Z\""),
        ("TimestampToDateTime(-11644473600000)", "\"1601-01-01T00:00:00.0000000Z\""),
        ("TimestampToDateTime(9223372036854775807)", "undefined"),
    ]);
}

#[test]
fn the_clock_is_the_environments() {
    let now = UNIX_EPOCH + Duration::new(1_728_915_630, 666_888_800);
    let environment = Environment::bare(now);
    let call = |name: &str, args: &[Value]| (lookup(name).unwrap().eval)(args, &environment);
    let moved = |name, part: &str, count| call(name, &[Value::from(part), Value::from(count)]);
    for (actual, expected) in [
        (call("GetCurrentDateTime", &[]), "\"2024-10-14T14:20:30.6668888Z\""),
        (call("GetCurrentTicksStatic", &[]), "17289156306668888"),
        (call("GetCurrentTimestamp", &[]), "1728915630666"),
        (call("NOW", &[]), "\"2024-10-14T14:20:30.6668888Z\""),
        (moved("NOW", "yyyy", 1), "\"2025-10-14T14:20:30.6668888Z\""),
        (moved("NOW", "ms", 4), "\"2024-10-14T14:20:30.6708888Z\""),
        (moved("AGO", "yyyy", 1), "\"2023-10-14T14:20:30.6668888Z\""),
        (moved("AGO", "ss", 30), "\"2024-10-14T14:20:00.6668888Z\""),
    ] {
        assert_eq!(actual.to_json(), expected);
    }
    assert!(call("NOW", &[Value::from("yyyy")]).is_undefined());
    assert!(moved("AGO", "yyyy", i64::MIN).is_undefined());
}
