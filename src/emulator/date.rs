//! Dates in HTTP headers: `Tue, 01 Nov 2022 17:15:00 GMT`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::{Date, Month, OffsetDateTime, Time};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Reads a date, in any case, since some SDKs send what they signed: lower case.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let (_, rest) = text.trim().split_once(',')?;
    let mut words = rest.split_ascii_whitespace();
    let day: u8 = words.next()?.parse().ok()?;
    let month = words.next()?;
    let month = MONTHS.iter().position(|it| it.eq_ignore_ascii_case(month))?;
    let year: i32 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.splitn(3, ':').map(str::parse::<u8>);
    let (hour, minute, second) = (clock.next()?.ok()?, clock.next()?.ok()?, clock.next()?.ok()?);
    if !words.next()?.eq_ignore_ascii_case("gmt") || words.next().is_some() {
        return None;
    }
    let month = Month::try_from(u8::try_from(month).ok()? + 1).ok()?;
    let date = Date::from_calendar_date(year, month, day).ok()?;
    let time = Time::from_hms(hour, minute, second).ok()?;
    let seconds = date.with_time(time).assume_utc().unix_timestamp();
    Some(UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).ok()?))
}

/// Writes a date.
pub(crate) fn format(time: SystemTime) -> String {
    let time = OffsetDateTime::from(time);
    let weekday = WEEKDAYS[usize::from(time.weekday().number_days_from_monday()) % 7];
    let month = MONTHS[usize::from(u8::from(time.month()) - 1) % 12];
    format!(
        "{weekday}, {:02} {month} {:04} {:02}:{:02}:{:02} GMT",
        time.day(),
        time.year(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// Seconds since 1970, as `_ts` has them.
pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_they_are_written() {
        let text = "Tue, 01 Nov 2022 17:15:00 GMT";
        let time = parse(text).unwrap();
        assert_eq!(unix_seconds(time), 1_667_322_900);
        assert_eq!(format(time), text);
        assert_eq!(parse(&text.to_lowercase()), Some(time));
        for bad in ["", "Tue", "Tue, 01 Nov 2022 17:15 GMT", "Tue, 41 Nov 2022 17:15:00 GMT"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
