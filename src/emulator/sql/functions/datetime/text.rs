//! Dates as text: reading ISO 8601, writing it with seven decimals.

use super::calendar::Moment;

/// The ticks of an ISO 8601 date, with or without a time, in UTC.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let bytes = bytes.strip_suffix(b"Z").unwrap_or(bytes);
    let (date, time) = bytes.split_at_checked(10)?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date else { return None };
    let mut moment = Moment {
        year: digits(&[y1, y2, y3, y4])?,
        month: digits(&[m1, m2])?,
        day: digits(&[d1, d2])?,
        ..Moment::default()
    };
    if !time.is_empty() {
        parse_time(time, &mut moment)?;
    }
    moment.to_ticks()
}

fn parse_time(time: &[u8], moment: &mut Moment) -> Option<()> {
    let (time, fraction) = time.split_at_checked(9)?;
    let [b'T' | b' ', h1, h2, b':', m1, m2, b':', s1, s2] = *time else { return None };
    moment.hour = digits(&[h1, h2])?;
    moment.minute = digits(&[m1, m2])?;
    moment.second = digits(&[s1, s2])?;
    if let Some((point, fraction)) = fraction.split_first() {
        if *point != b'.' || fraction.is_empty() || fraction.len() > 7 {
            return None;
        }
        let mut padded = *b"0000000";
        padded.iter_mut().zip(fraction).for_each(|(to, from)| *to = *from);
        moment.fraction = digits(&padded)?;
    }
    Some(())
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |value, digit| {
        digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0'))
    })
}

/// `2020-07-03T00:00:00.0000000Z`
pub(super) fn write(ticks: i64) -> String {
    let Moment { year, month, day, hour, minute, second, fraction } = Moment::from_ticks(ticks);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:07}Z")
}
