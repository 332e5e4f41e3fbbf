//! The calendar: moments as ticks of 100 ns since 1970-01-01, and the arithmetic of their parts.

pub(super) const SECOND: i64 = 10_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// The first moment of the year 1601, before which no bin may start.
pub(super) const YEAR_1601: i64 = -116_444_736_000_000_000;
/// The years 1 to 9999.
const RANGE: std::ops::RangeInclusive<i64> = -621_355_968_000_000_000..=2_534_023_007_999_999_999;

/// A moment taken apart.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moment {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    /// In units of 100 ns.
    pub(super) fraction: i64,
}

impl Moment {
    pub(super) fn from_ticks(ticks: i64) -> Self {
        let (year, month, day) = date_of(ticks.div_euclid(DAY));
        let time = ticks.rem_euclid(DAY);
        Self {
            year,
            month,
            day,
            hour: time / HOUR,
            minute: time % HOUR / MINUTE,
            second: time % MINUTE / SECOND,
            fraction: time % SECOND,
        }
    }

    /// `None` for what is not on the calendar, such as the 30th of February.
    pub(super) fn to_ticks(self) -> Option<i64> {
        let valid = (1..=9999).contains(&self.year)
            && (1..=12).contains(&self.month)
            && (1..=days_in_month(self.year, self.month)).contains(&self.day)
            && (0..24).contains(&self.hour)
            && (0..60).contains(&self.minute)
            && (0..60).contains(&self.second)
            && (0..SECOND).contains(&self.fraction);
        valid.then(|| {
            days_since_epoch(self.year, self.month, self.day) * DAY
                + self.hour * HOUR
                + self.minute * MINUTE
                + self.second * SECOND
                + self.fraction
        })
    }

    /// 0 is Sunday.
    pub(super) fn weekday(self) -> i64 {
        (days_since_epoch(self.year, self.month, self.day) + 4).rem_euclid(7)
    }

    /// Months since the year 0.
    fn months(self) -> i64 {
        self.year * 12 + self.month - 1
    }
}

/// The moment, if it lies in the years 1 to 9999.
pub(super) fn within_range(ticks: i64) -> Option<i64> {
    RANGE.contains(&ticks).then_some(ticks)
}

/// A part of a date that can be asked for, added or counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
}

impl Part {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "year" | "yyyy" | "yy" => Self::Year,
            "month" | "mm" | "m" => Self::Month,
            "day" | "dd" | "d" => Self::Day,
            "hour" | "hh" => Self::Hour,
            "minute" | "mi" | "n" => Self::Minute,
            "second" | "ss" | "s" => Self::Second,
            "millisecond" | "ms" => Self::Millisecond,
            "microsecond" | "mcs" => Self::Microsecond,
            "nanosecond" | "ns" => Self::Nanosecond,
            _ => return None,
        })
    }

    /// Its length: in months or in nanoseconds.
    fn unit(self) -> Unit {
        match self {
            Self::Year => Unit::Months(12),
            Self::Month => Unit::Months(1),
            Self::Day => Unit::Nanoseconds(i128::from(DAY) * 100),
            Self::Hour => Unit::Nanoseconds(i128::from(HOUR) * 100),
            Self::Minute => Unit::Nanoseconds(i128::from(MINUTE) * 100),
            Self::Second => Unit::Nanoseconds(1_000_000_000),
            Self::Millisecond => Unit::Nanoseconds(1_000_000),
            Self::Microsecond => Unit::Nanoseconds(1_000),
            Self::Nanosecond => Unit::Nanoseconds(1),
        }
    }

    /// The value of this part of a moment. Parts below the second count from the second's start.
    pub(super) fn of(self, ticks: i64) -> i64 {
        let moment = Moment::from_ticks(ticks);
        match self {
            Self::Year => moment.year,
            Self::Month => moment.month,
            Self::Day => moment.day,
            Self::Hour => moment.hour,
            Self::Minute => moment.minute,
            Self::Second => moment.second,
            Self::Millisecond => moment.fraction / 10_000,
            Self::Microsecond => moment.fraction / 10,
            Self::Nanosecond => moment.fraction * 100,
        }
    }

    /// The moment that is `count` of this part later. A day that a month lacks becomes its last.
    pub(super) fn add(self, ticks: i64, count: i64) -> Option<i64> {
        match self.unit() {
            Unit::Months(months) => add_months(ticks, count.checked_mul(months)?),
            Unit::Nanoseconds(length) => {
                let ticks = i128::from(ticks) + i128::from(count) * length / 100;
                within_range(i64::try_from(ticks).ok()?)
            }
        }
    }

    /// How many starts of this part lie between the two moments.
    pub(super) fn boundaries(self, start: i64, end: i64) -> i128 {
        match self.unit() {
            Unit::Months(months) => {
                let count = |ticks| Moment::from_ticks(ticks).months().div_euclid(months);
                i128::from(count(end) - count(start))
            }
            Unit::Nanoseconds(length) => {
                let count = |ticks| (i128::from(ticks) * 100).div_euclid(length);
                count(end) - count(start)
            }
        }
    }

    /// The start of the bin that a moment falls in, where bins are `size` of this part long and one starts at `origin`.
    pub(super) fn bin(self, ticks: i64, size: i64, origin: i64) -> Option<i64> {
        match self.unit() {
            Unit::Months(months) => {
                let size = size.checked_mul(months)?;
                let apart =
                    Moment::from_ticks(ticks).months() - Moment::from_ticks(origin).months();
                let bins = apart.div_euclid(size);
                let start = add_months(origin, bins * size)?;
                if start <= ticks { Some(start) } else { add_months(origin, (bins - 1) * size) }
            }
            Unit::Nanoseconds(length) => {
                let length = length.checked_mul(i128::from(size))?;
                let apart = (i128::from(ticks) - i128::from(origin)) * 100;
                let start = apart.div_euclid(length).checked_mul(length)?.div_euclid(100);
                within_range(i64::try_from(i128::from(origin) + start).ok()?)
            }
        }
    }
}

enum Unit {
    Months(i64),
    Nanoseconds(i128),
}

fn add_months(ticks: i64, months: i64) -> Option<i64> {
    let moment = Moment::from_ticks(ticks);
    let months = moment.months().checked_add(months)?;
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
    let day = moment.day.min(days_in_month(year, month));
    Moment { year, month, day, ..moment }.to_ticks()
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Counts in years that begin in March, so that the leap day is the last of its year.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
        - 719_468
}

/// Year, month and day of a day counted from 1970-01-01.
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = year_of_era + era * 400;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_survives_the_way_to_a_date_and_back() {
        let last = RANGE.end().div_euclid(DAY);
        for days in (RANGE.start() / DAY..=last).step_by(7).chain([0, last]) {
            let (year, month, day) = date_of(days);
            assert_eq!(days_since_epoch(year, month, day), days);
            assert_eq!(
                Moment { year, month, day, ..Moment::default() }.to_ticks(),
                Some(days * DAY)
            );
        }
        assert_eq!(date_of(RANGE.start() / DAY), (1, 1, 1));
        assert_eq!(date_of(last), (9999, 12, 31));
        assert_eq!(date_of(YEAR_1601 / DAY), (1601, 1, 1));
    }
}
