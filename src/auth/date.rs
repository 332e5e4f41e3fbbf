//! The date that every request carries and every signature covers.

use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A time as HTTP writes it, in English wherever the program runs: `Tue, 01 Nov 2022 17:15:00 GMT`.
///
/// A clock that stands outside the years that a date can have counts as not set.
pub(crate) fn http_date(time: SystemTime) -> String {
    let time = utc(time).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let day = DAYS[usize::from(time.weekday().number_days_from_monday()) % DAYS.len()];
    let month = MONTHS[usize::from(u8::from(time.month()) - 1) % MONTHS.len()];
    let mut out = String::with_capacity(29);
    out.push_str(day);
    out.push_str(", ");
    push_two_digits(time.day(), &mut out);
    out.push(' ');
    out.push_str(month);
    out.push(' ');
    let year = time.year().unsigned_abs();
    push_two_digits((year / 100 % 100) as u8, &mut out);
    push_two_digits((year % 100) as u8, &mut out);
    for (separator, part) in [(' ', time.hour()), (':', time.minute()), (':', time.second())] {
        out.push(separator);
        push_two_digits(part, &mut out);
    }
    out.push_str(" GMT");
    out
}

fn utc(time: SystemTime) -> Option<OffsetDateTime> {
    let seconds = i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

fn push_two_digits(number: u8, out: &mut String) {
    out.push(char::from(b'0' + number / 10 % 10));
    out.push(char::from(b'0' + number % 10));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_those_of_rfc_1123() {
        for (seconds, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_493_254_272, "Thu, 27 Apr 2017 00:51:12 GMT"),
            (1_667_322_900, "Tue, 01 Nov 2022 17:15:00 GMT"),
            (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (253_402_300_800, "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] {
            assert_eq!(http_date(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
        assert_eq!(http_date(UNIX_EPOCH - Duration::from_secs(1)), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
