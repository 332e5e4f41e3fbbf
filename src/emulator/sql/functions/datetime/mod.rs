//! Dates and times: ISO 8601 texts in UTC, ticks of 100 ns and milliseconds since 1970.

mod calendar;
mod format;
mod text;

use std::time::{SystemTime, UNIX_EPOCH};

use self::calendar::{Moment, Part, SECOND, YEAR_1601, within_range};
pub(crate) use self::text::parse;
use super::arguments::{integer, optional, text};
use super::{Function, or_undefined};
use crate::emulator::sql::environment::Environment;
use crate::emulator::sql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    row!("DateTimeAdd", 3..=3, add),
    row!("DateTimeBin", 2..=4, bin),
    row!("DateTimeDiff", 3..=3, diff),
    row!("DateTimeFormat", 2..=2, format),
    row!("DateTimeFromParts", 3..=7, from_parts),
    row!("DateTimePart", 2..=2, part),
    row!("DateTimeToTicks", 1..=1, |args| date(args, 0)),
    row!("DateTimeToTimestamp", 1..=1, |args| date(args, 0).map(to_milliseconds)),
    row!("TicksToDateTime", 1..=1, from_ticks),
    row!("TimestampToDateTime", 1..=1, from_timestamp),
    row!("YEAR", 1..=1, |args| date(args, 0).map(|it| Part::Year.of(it))),
    row!("MONTH", 1..=1, |args| date(args, 0).map(|it| Part::Month.of(it))),
    row!("DAY", 1..=1, |args| date(args, 0).map(|it| Part::Day.of(it))),
    clock("GetCurrentDateTime", 0, |_, env| or_undefined(now(env).map(text::write))),
    clock("GetCurrentDateTimeStatic", 0, |_, env| or_undefined(now(env).map(text::write))),
    clock("GetCurrentTicks", 0, |_, env| or_undefined(now(env))),
    clock("GetCurrentTicksStatic", 0, |_, env| or_undefined(now(env))),
    clock("GetCurrentTimestamp", 0, |_, env| or_undefined(now(env).map(to_milliseconds))),
    clock("GetCurrentTimestampStatic", 0, |_, env| or_undefined(now(env).map(to_milliseconds))),
    clock("NOW", 2, |args, env| or_undefined(moved(args, env, 1))),
    Function {
        name: "AGO",
        min: 2,
        max: Some(2),
        eval: |args, env| or_undefined(moved(args, env, -1)),
    },
];

const fn clock(
    name: &'static str,
    max: usize,
    eval: fn(&[Value], &Environment<'_>) -> Value,
) -> Function {
    Function { name, min: 0, max: Some(max), eval }
}

fn date(args: &[Value], index: usize) -> Option<i64> {
    parse(text(args, index)?)
}

fn part_name(args: &[Value], index: usize) -> Option<Part> {
    Part::parse(text(args, index)?)
}

fn to_milliseconds(ticks: i64) -> i64 {
    ticks.div_euclid(SECOND / 1000)
}

fn add(args: &[Value]) -> Option<String> {
    let moment = part_name(args, 0)?.add(date(args, 2)?, integer(args, 1)?)?;
    Some(text::write(moment))
}

fn bin(args: &[Value]) -> Option<String> {
    let (ticks, part) = (date(args, 0)?, part_name(args, 1)?);
    let size = optional(args, 2, 1, integer)?;
    let origin = optional(args, 3, 0, date)?;
    if size <= 0 || origin < YEAR_1601 {
        return None;
    }
    part.bin(ticks, size, origin).map(text::write)
}

/// Nanoseconds over three centuries exceed 64 bits: then the count is a double.
fn diff(args: &[Value]) -> Option<Value> {
    let count = part_name(args, 0)?.boundaries(date(args, 1)?, date(args, 2)?);
    Some(i64::try_from(count).map_or_else(|_| Value::from(count as f64), Value::from))
}

fn format(args: &[Value]) -> Option<String> {
    format::format(Moment::from_ticks(date(args, 0)?), text(args, 1)?)
}

fn from_parts(args: &[Value]) -> Option<String> {
    let field = |index| optional(args, index, 0, integer);
    let moment = Moment {
        year: field(0)?,
        month: field(1)?,
        day: field(2)?,
        hour: field(3)?,
        minute: field(4)?,
        second: field(5)?,
        fraction: field(6)?,
    };
    moment.to_ticks().map(text::write)
}

fn part(args: &[Value]) -> Option<i64> {
    Some(part_name(args, 0)?.of(date(args, 1)?))
}

fn from_ticks(args: &[Value]) -> Option<String> {
    within_range(integer(args, 0)?).map(text::write)
}

fn from_timestamp(args: &[Value]) -> Option<String> {
    within_range(integer(args, 0)?.checked_mul(SECOND / 1000)?).map(text::write)
}

/// The environment's time of day in ticks.
fn now(environment: &Environment<'_>) -> Option<i64> {
    let ticks = |from: SystemTime, to: SystemTime| {
        i64::try_from(to.duration_since(from).ok()?.as_nanos() / 100).ok()
    };
    match ticks(UNIX_EPOCH, environment.now) {
        Some(ticks) => Some(ticks),
        None => ticks(environment.now, UNIX_EPOCH).map(|ticks| -ticks),
    }
}

/// Now, or as far from now as the arguments say.
fn moved(args: &[Value], environment: &Environment<'_>, sign: i64) -> Option<String> {
    let now = now(environment)?;
    if args.is_empty() {
        return Some(text::write(now));
    }
    let count = integer(args, 1)?.checked_mul(sign)?;
    part_name(args, 0)?.add(now, count).map(text::write)
}

#[cfg(test)]
mod tests;
