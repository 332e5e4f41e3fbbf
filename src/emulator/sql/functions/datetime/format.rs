//! `DateTimeFormat`: patterns of letters in the manner of .NET's custom formats.

use std::fmt::Write;

use super::calendar::Moment;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The moment written by a pattern; `None` where the pattern is wrong.
///
/// A run of one letter is a specifier, a backslash or quotes make letters literal, the rest stands for itself.
pub(super) fn format(moment: Moment, pattern: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = pattern.chars();
    while let Some(letter) = rest.next() {
        match letter {
            '\\' => out.push(rest.next()?),
            '\'' | '"' => copy_quoted(letter, &mut rest, &mut out)?,
            'y' | 'M' | 'd' | 'H' | 'h' | 'm' | 's' | 'f' | 'F' | 't' => {
                let after = rest.as_str().trim_start_matches(letter);
                let length = 1 + rest.as_str().len() - after.len();
                rest = after.chars();
                write_run(moment, letter, length, &mut out)?;
            }
            _ => out.push(letter),
        }
    }
    Some(out)
}

fn copy_quoted(quote: char, rest: &mut std::str::Chars<'_>, out: &mut String) -> Option<()> {
    let (quoted, after) = rest.as_str().split_once(quote)?;
    out.push_str(quoted);
    *rest = after.chars();
    Some(())
}

fn write_run(moment: Moment, letter: char, length: usize, out: &mut String) -> Option<()> {
    let half_day = (moment.hour + 11) % 12 + 1;
    match (letter, length) {
        ('y', 1 | 2) => number(moment.year % 100, length, out),
        ('y', _) => number(moment.year, length.min(10), out),
        ('M', 1 | 2) => number(moment.month, length, out),
        ('M', _) => name(&MONTHS, moment.month - 1, length, out),
        ('d', 1 | 2) => number(moment.day, length, out),
        ('d', _) => name(&DAYS, moment.weekday(), length, out),
        ('H', _) => number(moment.hour, length.min(2), out),
        ('h', _) => number(half_day, length.min(2), out),
        ('m', _) => number(moment.minute, length.min(2), out),
        ('s', _) => number(moment.second, length.min(2), out),
        ('f', 1..=7) => out.push_str(fraction(moment).get(..length)?),
        ('F', 1..=7) => out.push_str(fraction(moment).get(..length)?.trim_end_matches('0')),
        ('t', 1) => out.push_str(if moment.hour < 12 { "A" } else { "P" }),
        ('t', _) => out.push_str(if moment.hour < 12 { "AM" } else { "PM" }),
        _ => return None,
    }
    Some(())
}

fn fraction(moment: Moment) -> String {
    format!("{:07}", moment.fraction)
}

fn number(value: i64, width: usize, out: &mut String) {
    let written = write!(out, "{value:0width$}");
    debug_assert!(written.is_ok(), "writing to a string cannot fail");
}

/// Three letters are an abbreviation, four or more the whole name.
fn name(names: &[&str], index: i64, length: usize, out: &mut String) {
    let name = usize::try_from(index).ok().and_then(|index| names.get(index)).copied();
    let name = name.unwrap_or_default();
    out.push_str(if length == 3 { name.get(..3).unwrap_or(name) } else { name });
}

#[cfg(test)]
mod tests {
    use crate::emulator::sql::functions::tests::call;

    #[test]
    fn patterns_are_written_like_dotnet_does() {
        let date = "2024-03-05 04:06:07.0890000";
        for (pattern, expected) in [
            ("yyyyMMdd", "20240305"),
            ("yyyy-MM-dd [HH:mm:ss]", "2024-03-05 [04:06:07]"),
            (r"To\\da\\y i\\s: yyyy-MM-ddTHH:mm:ss.fff", "Today is: 2024-03-05T04:06:07.089"),
            ("ss.FFFFFF", "07.089"),
            ("yy y M d H h m s", "24 24 3 5 4 4 6 7"),
            ("ddd dddd MMM MMMM", "Tue Tuesday Mar March"),
            ("hh:mm tt 'o''clock' t", "04:06 AM oclock A"),
            ("", ""),
            ("é→", "é→"),
        ] {
            let actual = call("DateTimeFormat", &format!("\"{date}\", \"{pattern}\""));
            assert_eq!(actual.as_str(), Some(expected), "{pattern}");
        }
        let midnight = call("DateTimeFormat", "\"2024-10-10\", \"hh htt .FFF\"");
        assert_eq!(midnight.as_str(), Some("12 12AM ."));
        for pattern in ["ffffffff", r"yyyy\\", "'open"] {
            assert!(call("DateTimeFormat", &format!("\"{date}\", \"{pattern}\"")).is_undefined());
        }
    }
}
