//! Functions of strings. Lengths and positions count code points.

use super::Function;
use super::arguments::{array, flag, integer, number, optional, text};
use crate::emulator::sql::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    row!("CONCAT", 2.., concat),
    row!("CONTAINS", 2..=3, |args| compare(args, |text, part| text.contains(part))),
    row!("CONTAINS_ALL_CI", 2.., |args| contains_all(args, true)),
    row!("CONTAINS_ALL_CS", 2.., |args| contains_all(args, false)),
    row!("CONTAINS_ANY_CI", 2.., |args| contains_any(args, true)),
    row!("CONTAINS_ANY_CS", 2.., |args| contains_any(args, false)),
    // The names that the .NET SDK knows for the same functions.
    row!("ContainsAllCi", 2.., |args| contains_all(args, true)),
    row!("ContainsAllCs", 2.., |args| contains_all(args, false)),
    row!("ContainsAnyCi", 2.., |args| contains_any(args, true)),
    row!("ContainsAnyCs", 2.., |args| contains_any(args, false)),
    row!("ENDSWITH", 2..=3, |args| compare(args, |text, end| text.ends_with(end))),
    row!("INDEX_OF", 2..=3, index_of),
    row!("LastIndexOf", 2..=3, last_index_of),
    row!("LastSubstringAfter", 2..=2, |args| Some(around_last(args)?.1)),
    row!("LastSubstringBefore", 2..=2, |args| Some(around_last(args)?.0)),
    row!("LEFT", 2..=2, left),
    row!("LENGTH", 1..=1, |args| text(args, 0).map(length)),
    row!("LOWER", 1..=1, |args| text(args, 0).map(str::to_lowercase)),
    row!("LTRIM", 1..=2, |args| trim(args, true, false)),
    row!("REPLACE", 3..=3, replace),
    row!("REPLICATE", 2..=2, replicate),
    row!("REVERSE", 1..=1, |args| Some(text(args, 0)?.chars().rev().collect::<String>())),
    row!("RIGHT", 2..=2, right),
    row!("RTRIM", 1..=2, |args| trim(args, false, true)),
    row!("STARTSWITH", 2..=3, |args| compare(args, |text, start| text.starts_with(start))),
    row!("StringEquals", 2..=3, |args| compare(args, |a, b| a == b)),
    row!("StringJoin", 2..=2, join),
    row!("StringSplit", 2..=2, split),
    row!("SUBSTRING", 3..=3, substring),
    row!("SubstringAfter", 2..=2, |args| Some(around_first(args)?.1)),
    row!("SubstringBefore", 2..=2, |args| Some(around_first(args)?.0)),
    row!("TRIM", 1..=2, |args| trim(args, true, true)),
    row!("UPPER", 1..=1, |args| text(args, 0).map(str::to_uppercase)),
];

/// The most characters that `REPLICATE` makes.
const MAX_REPLICATED: i64 = 10_000;

fn length(text: &str) -> i64 {
    text.chars().count() as i64
}

fn concat(args: &[Value]) -> Option<String> {
    args.iter().map(Value::as_str).collect()
}

/// A question about two strings, where the third argument says whether case is ignored.
fn compare(args: &[Value], question: fn(&str, &str) -> bool) -> Option<bool> {
    let (a, b) = (text(args, 0)?, text(args, 1)?);
    Some(if flag(args, 2)? {
        question(&a.to_lowercase(), &b.to_lowercase())
    } else {
        question(a, b)
    })
}

/// For each term after the first argument, whether that contains it; `None` for a term that is no string.
fn contained(args: &[Value], ignore_case: bool) -> Option<impl Iterator<Item = Option<bool>>> {
    let fold = move |text: &str| if ignore_case { text.to_lowercase() } else { text.to_owned() };
    let (first, terms) = args.split_first()?;
    let text = fold(first.as_str()?);
    Some(terms.iter().map(move |term| Some(text.contains(&fold(term.as_str()?)))))
}

fn contains_all(args: &[Value], ignore_case: bool) -> Option<bool> {
    all_of(contained(args, ignore_case)?)
}

fn contains_any(args: &[Value], ignore_case: bool) -> Option<bool> {
    any_of(contained(args, ignore_case)?)
}

/// `AND` over answers that may be missing: one `false` decides, else one that is missing.
pub(super) fn all_of(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    any_of(answers.map(|answer| answer.map(|it| !it))).map(|it| !it)
}

/// `OR` over answers that may be missing: one `true` decides, else one that is missing.
pub(super) fn any_of(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(false);
    for answer in answers {
        match answer {
            Some(true) => return answer,
            Some(false) => {}
            None => result = None,
        }
    }
    result
}

/// Where the character at `position` starts; the end of the text if it has no such character.
fn offset(text: &str, position: i64) -> usize {
    let position = usize::try_from(position).unwrap_or(0);
    text.char_indices().nth(position).map_or(text.len(), |(offset, _)| offset)
}

/// At most `count` characters from `start` on; nothing if either makes no sense.
fn slice(text: &str, start: i64, count: i64) -> &str {
    if start < 0 || count <= 0 {
        return "";
    }
    let rest = text.get(offset(text, start)..).unwrap_or_default();
    rest.get(..offset(rest, count)).unwrap_or(rest)
}

fn substring(args: &[Value]) -> Option<&str> {
    Some(slice(text(args, 0)?, integer(args, 1)?, integer(args, 2)?))
}

fn left(args: &[Value]) -> Option<&str> {
    Some(slice(text(args, 0)?, 0, integer(args, 1)?))
}

fn right(args: &[Value]) -> Option<&str> {
    let (text, count) = (text(args, 0)?, integer(args, 1)?);
    Some(slice(text, length(text).saturating_sub(count).max(0), count))
}

fn index_of(args: &[Value]) -> Option<i64> {
    let (text, part) = (text(args, 0)?, text(args, 1)?);
    let start = optional(args, 2, 0, integer)?;
    if start > length(text) {
        return Some(-1);
    }
    let skipped = offset(text, start);
    let found = text.get(skipped..)?.find(part);
    Some(found.map_or(-1, |found| length(&text[..skipped + found])))
}

/// The third argument is the last position that the match may cover.
fn last_index_of(args: &[Value]) -> Option<i64> {
    let (text, part) = (text(args, 0)?, text(args, 1)?);
    let last = optional(args, 2, i64::MAX, integer)?;
    if last < 0 {
        return Some(-1);
    }
    let found = slice(text, 0, last.saturating_add(1)).rfind(part);
    Some(found.map_or(-1, |found| length(&text[..found])))
}

/// What comes before and after the first occurrence; undefined where there is none.
fn around_first(args: &[Value]) -> Option<(&str, &str)> {
    text(args, 0)?.split_once(text(args, 1)?)
}

/// What comes before and after the last occurrence; undefined where there is none.
fn around_last(args: &[Value]) -> Option<(&str, &str)> {
    text(args, 0)?.rsplit_once(text(args, 1)?)
}

/// Takes white space off the ends, or the characters of the second argument.
fn trim(args: &[Value], start: bool, end: bool) -> Option<&str> {
    let mut rest = text(args, 0)?;
    let set = optional(args, 1, None, |args, index| text(args, index).map(Some))?;
    let unwanted = |it: char| set.map_or_else(|| it.is_whitespace(), |set| set.contains(it));
    if start {
        rest = rest.trim_start_matches(unwanted);
    }
    if end {
        rest = rest.trim_end_matches(unwanted);
    }
    Some(rest)
}

/// Undefined where the result would be too long for an item anyway.
fn replace(args: &[Value]) -> Option<String> {
    const MAX: usize = 4 * 1024 * 1024;
    let (source, from, to) = (text(args, 0)?, text(args, 1)?, text(args, 2)?);
    if from.is_empty() {
        return None;
    }
    let count = source.matches(from).count();
    (count.checked_mul(to.len())? <= MAX.max(source.len())).then(|| source.replace(from, to))
}

/// A fraction of the count is cut off.
fn replicate(args: &[Value]) -> Option<String> {
    let (text, count) = (text(args, 0)?, number(args, 1)?);
    if !count.is_finite() || count < 0.0 {
        return None;
    }
    let count = count as i64;
    let total = length(text).checked_mul(count)?;
    if total > MAX_REPLICATED {
        return None;
    }
    Some(if text.is_empty() { String::new() } else { text.repeat(usize::try_from(count).ok()?) })
}

fn join(args: &[Value]) -> Option<String> {
    let (parts, separator) = (array(args, 0)?, text(args, 1)?);
    let parts: Vec<_> = parts.iter().map(Value::as_str).collect::<Option<_>>()?;
    Some(parts.join(separator))
}

/// An empty separator does not split.
fn split(args: &[Value]) -> Option<Value> {
    let (text, separator) = (text(args, 0)?, text(args, 1)?);
    Some(Value::array(if separator.is_empty() {
        vec![Value::from(text)]
    } else {
        text.split(separator).map(Value::from).collect()
    }))
}

#[cfg(test)]
mod tests;
