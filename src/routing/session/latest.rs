//! The newest of several session tokens.

use std::collections::BTreeMap;

use super::{RangeToken, parse};
use crate::error::{Error, Result};
use crate::routing::FeedRange;

/// The tokens of one feed range, by the id of the partition key range.
type Segments = BTreeMap<String, RangeToken>;

/// The newest token for `target`, out of tokens that were seen for feed ranges.
///
/// For programs that keep session tokens themselves, such as in a cookie, over several processes: what was seen for
/// the same range is merged; of a range and the ranges that it was split into, or merged from, those remain that have
/// seen more. The outcome is for [`Operation::session_token`](crate::Operation::session_token).
///
/// ```
/// use cosmosdb::{FeedRange, latest_session_token};
///
/// let all = FeedRange::full();
/// let token = latest_session_token([(&all, "0:1#54#3=50"), (&all, "0:1#51#3=52")], &all)?;
/// assert_eq!(token, "0:1#54#3=52");
/// # Ok::<(), cosmosdb::Error>(())
/// ```
///
/// # Errors
/// A token is malformed, or none of the feed ranges overlaps the target.
pub fn latest_session_token<'a>(
    seen: impl IntoIterator<Item = (&'a FeedRange, &'a str)>,
    target: &FeedRange,
) -> Result<String> {
    let mut ranges: Vec<(&FeedRange, Segments)> = Vec::new();
    for (range, token) in seen.into_iter().filter(|(range, _)| range.overlaps(target)) {
        let segments = parse(token)?;
        let at = ranges.iter().position(|(known, _)| *known == range).unwrap_or(ranges.len());
        if at == ranges.len() {
            ranges.push((range, Segments::new()));
        }
        for (id, token) in segments {
            merge_into(&mut ranges[at].1, id, &token);
        }
    }
    if ranges.is_empty() {
        return Err(Error::invalid_input("none of the feed ranges overlaps the target"));
    }
    Ok(joined(&without_outdated(ranges)))
}

/// Leaves out ranges whose parts have all seen more, and parts that have seen no more than the whole.
fn without_outdated(ranges: Vec<(&FeedRange, Segments)>) -> Vec<Segments> {
    let mut outdated = vec![false; ranges.len()];
    for (whole, (range, segments)) in ranges.iter().enumerate() {
        let Some(parts) = tiling(range, &ranges) else { continue };
        let newest = newest_of(segments);
        let is_newer = |part: &usize| {
            let part = newest_of(&ranges[*part].1);
            newest.zip(part).is_some_and(|(whole, part)| !whole.is_as_recent_as(part))
        };
        let (newer, older): (Vec<_>, Vec<_>) = parts.into_iter().partition(is_newer);
        older.iter().for_each(|it| outdated[*it] = true);
        outdated[whole] |= older.is_empty() && !newer.is_empty();
    }
    let kept = ranges.into_iter().zip(outdated).filter(|(_, outdated)| !outdated);
    kept.map(|((_, segments), _)| segments).collect()
}

/// The ranges that make up `whole` without gap or overlap, where there are such.
fn tiling(whole: &FeedRange, ranges: &[(&FeedRange, Segments)]) -> Option<Vec<usize>> {
    let mut parts = Vec::new();
    let mut reached = &whole.epk_range().min;
    while *reached < whole.epk_range().max {
        let (at, (next, _)) = ranges.iter().enumerate().find(|(_, (range, _))| {
            range.epk_range().min == *reached && range.is_subset_of(whole) && *range != whole
        })?;
        parts.push(at);
        reached = &next.epk_range().max;
    }
    Some(parts)
}

/// The most recent of the segments of one range; most often there is one.
fn newest_of(segments: &Segments) -> Option<&RangeToken> {
    segments.values().reduce(|a, b| if a.is_as_recent_as(b) { a } else { b })
}

fn merge_into(segments: &mut Segments, id: &str, token: &RangeToken) {
    let merged = segments.get(id).map_or_else(|| token.clone(), |known| known.merge(token));
    segments.insert(id.to_owned(), merged);
}

fn joined(kept: &[Segments]) -> String {
    let mut all = Segments::new();
    for (id, token) in kept.iter().flatten() {
        merge_into(&mut all, id, token);
    }
    let segments: Vec<String> = all.iter().map(|(id, token)| format!("{id}:{token}")).collect();
    segments.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(min: &str, max: &str) -> FeedRange {
        format!(r#"{{"Range":{{"min":"{min}","max":"{max}"}}}}"#).parse().unwrap()
    }

    #[test]
    fn the_newest_tokens_win_over_splits_and_merges() {
        let (all, low, high) = (range("", "FF"), range("", "7F"), range("7F", "FF"));
        for (seen, expected) in [
            (vec![(&all, "0:1#54#3=50"), (&all, "0:1#51#3=52")], "0:1#54#3=52"),
            (
                vec![(&all, "0:1#54#3=50"), (&low, "1:1#55#3=52"), (&high, "2:1#54#3=52")],
                "1:1#55#3=52,2:1#54#3=52",
            ),
            (vec![(&all, "0:1#54#3=50"), (&low, "1:1#55#3=52")], "0:1#54#3=50,1:1#55#3=52"),
            (
                vec![(&all, "0:1#60#3=52"), (&low, "1:1#55#3=52"), (&high, "2:1#54#3=52")],
                "0:1#60#3=52",
            ),
            (
                vec![(&all, "0:1#60#3=52"), (&low, "1:1#66#3=52"), (&high, "2:1#54#3=52")],
                "0:1#60#3=52,1:1#66#3=52",
            ),
            (vec![(&low, "0:1#50"), (&high, "1:1#51"), (&all, "2:1#55")], "2:1#55"),
            (vec![(&all, "0:1#54"), (&all, "0:2#57#3=53")], "0:2#57#3=53"),
            (vec![(&all, "0:1#54,1:1#7"), (&all, "1:1#9,0:1#3")], "0:1#54,1:1#9"),
            (vec![(&low, "1:1#5")], "1:1#5"),
        ] {
            let token = latest_session_token(seen.iter().map(|it| (it.0, it.1)), &all).unwrap();
            assert_eq!(token, expected);
        }
        let only_low = latest_session_token([(&low, "1:1#5"), (&high, "2:1#9")], &low).unwrap();
        assert_eq!(only_low, "1:1#5", "other ranges are ignored");
    }

    #[test]
    fn a_target_that_nothing_overlaps_is_an_error() {
        let (low, high) = (range("", "7F"), range("7F", "FF"));
        let error = latest_session_token([(&low, "0:1#2")], &high).unwrap_err();
        assert!(error.to_string().contains("overlaps"), "{error}");
        assert!(latest_session_token([(&low, "junk")], &low).is_err());
    }
}
