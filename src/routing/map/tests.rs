//! Maps of partition key ranges as they split, merge and go wrong.

use super::*;

fn range(id: &str, min: &str, max: &str, parents: &[&str]) -> PartitionKeyRange {
    serde_json::from_value(serde_json::json!({
        "id": id, "minInclusive": min, "maxExclusive": max, "parents": parents,
    }))
    .unwrap()
}

fn epk(text: &str) -> Epk {
    text.parse().unwrap()
}

fn ids(map: &PartitionKeyRangeMap) -> Vec<&str> {
    map.ranges().iter().map(|it| it.id.as_str()).collect()
}

fn two() -> PartitionKeyRangeMap {
    let ranges = [range("2", "20", "FF", &["0"]), range("1", "", "20", &["0"])];
    PartitionKeyRangeMap::new(ranges, Some("e1".into())).unwrap()
}

#[test]
fn documents_of_real_and_other_servers_are_read() {
    let text = r#"{"_rid":"DJB7AI1lZHoCAAAAAAAAUA==","id":"0","_etag":"\"1\"","minInclusive":"","maxExclusive":"FF","ridPrefix":0,"_self":"dbs/DJB7AA==/","throughputFraction":1,"status":"online","parents":[],"ownedArchivalPKRangeIds":[],"_ts":1791622915,"lsn":42}"#;
    let document: PartitionKeyRange = serde_json::from_str(text).unwrap();
    assert_eq!((document.id.as_str(), document.throughput_fraction), ("0", Some(1.0)));
    assert_eq!(document.status.as_deref(), Some("online"));
    assert_eq!(document.other["lsn"], 42);

    let numbered = r#"{"id":3,"minInclusive":"","maxExclusive":"ff","parents":null}"#;
    let document: PartitionKeyRange = serde_json::from_str(numbered).unwrap();
    assert_eq!(document.id, "3");
    assert!(PartitionKeyRangeMap::new([document], None).is_ok());
}

#[test]
fn a_map_covers_the_space_once() {
    for (ranges, expected) in [
        (vec![], Err(MapDefect::Incomplete)),
        (vec![range("0", "", "FF", &[])], Ok("0")),
        (vec![range("0", "", "3F", &[])], Err(MapDefect::Incomplete)),
        (vec![range("0", "10", "FF", &[])], Err(MapDefect::Incomplete)),
        (vec![range("0", "", "10", &[]), range("1", "20", "FF", &[])], Err(MapDefect::Incomplete)),
        (vec![range("0", "", "20", &[]), range("1", "10", "FF", &[])], Err(MapDefect::Overlapping)),
        (vec![range("0", "", "FF", &[]), range("1", "", "FF", &[])], Err(MapDefect::Overlapping)),
        (vec![range("0", "20", "10", &[])], Err(MapDefect::Overlapping)),
        (vec![range("1", "20", "FF", &[]), range("0", "", "2000", &[])], Ok("0,1")),
        // The last document of an id counts, and parents are left out.
        (vec![range("0", "", "10", &[]), range("0", "", "FF", &[])], Ok("0")),
        (
            vec![
                range("0", "", "FF", &[]),
                range("1", "", "20", &["0"]),
                range("2", "20", "FF", &["0"]),
            ],
            Ok("1,2"),
        ),
    ] {
        let label = format!("{ranges:?}");
        let map = PartitionKeyRangeMap::new(ranges, None);
        let found = map.as_ref().map(|map| ids(map).join(",")).map_err(|it| *it);
        assert_eq!(found, expected.map(str::to_owned), "{label}");
    }
}

#[test]
fn splits_and_merges_replace_what_they_came_from() {
    let split = two().merge(
        [range("3", "", "10", &["0", "1"]), range("4", "10", "20", &["0", "1"])],
        Some("e2".into()),
    );
    let split = split.unwrap();
    assert_eq!(ids(&split), ["3", "4", "2"]);
    assert_eq!(split.etag(), Some("e2"));
    assert!(split.is_gone("0") && split.is_gone("1") && !split.is_gone("2"));

    // Of a parent that was forgotten long ago nothing has to be known, where the other parents are.
    let with_unknown = split.merge([range("5", "10", "FF", &["4", "2", "gone long ago"])], None);
    assert_eq!(ids(&with_unknown.unwrap()), ["3", "5"]);
    let merged = split.merge([range("5", "10", "FF", &["4", "2"])], None).unwrap();
    assert_eq!(ids(&merged), ["3", "5"]);
    assert_eq!(merged.etag(), Some("e2"));

    // What is gone stays so over later changes, whatever a late copy says.
    let late = merged.merge([range("4", "10", "20", &[]), range("0", "", "FF", &[])], None);
    assert_eq!(ids(&late.unwrap()), ["3", "5"]);
}

#[test]
fn a_revision_takes_the_place_of_what_was_known_of_a_range() {
    let mut revised = range("2", "20", "FF", &["0"]);
    revised.status = Some("splitting".into());
    let map = two().merge([revised.clone(), range("1", "", "20", &["0"])], None).unwrap();
    assert_eq!((ids(&map), map.by_id("2")), (vec!["1", "2"], Some(&revised)));
    assert!(map.is_gone("0"));
}

#[test]
fn a_late_parent_does_not_come_back() {
    let map = two().merge([range("0", "", "FF", &[])], None).unwrap();
    assert_eq!(ids(&map), ["1", "2"]);
}

#[test]
fn two_splits_in_one_refresh_are_followed_in_whatever_order_they_come() {
    let mut changes = [
        range("3", "", "10", &["0", "1"]),
        range("4", "10", "20", &["0", "1"]),
        range("5", "", "08", &["0", "1", "3"]),
        range("6", "08", "10", &["0", "1", "3"]),
    ];
    for _ in 0..2 {
        assert_eq!(ids(&two().merge(changes.clone(), None).unwrap()), ["5", "6", "4", "2"]);
        changes.reverse();
    }
    // Several levels at once, from the start.
    let all =
        [range("0", "", "FF", &[]), range("1", "", "20", &["0"]), range("2", "20", "FF", &["0"])];
    let all = all.into_iter().chain(changes);
    assert_eq!(ids(&PartitionKeyRangeMap::new(all, None).unwrap()), ["5", "6", "4", "2"]);
}

#[test]
fn changes_that_do_not_fit_are_refused() {
    for (changes, expected) in [
        (vec![range("9", "", "10", &["7"])], MapDefect::UnknownParents),
        (vec![range("3", "", "10", &["1"])], MapDefect::Incomplete),
        (vec![range("3", "", "30", &["1"])], MapDefect::Overlapping),
    ] {
        assert_eq!(two().merge(changes, None), Err(expected));
    }
    assert_eq!(two().merge([], None), Ok(two()));
}

#[test]
fn points_are_found_in_the_partition_that_holds_them() {
    let map = two();
    for (point, expected) in [
        ("", Some("1")),
        ("1FFF", Some("1")),
        ("20", Some("2")),
        ("200000", Some("2")),
        ("3FFF", Some("2")),
        ("FF", None),
        ("FFFF", None),
    ] {
        assert_eq!(map.at(&epk(point)).map(|it| it.id.as_str()), expected, "{point}");
    }
}

#[test]
fn ranges_are_found_in_order_and_once() {
    let map = two();
    for (min, max, expected) in [
        ("", "FF", &["1", "2"][..]),
        ("", "20", &["1"]),
        ("20", "21", &["2"]),
        ("1F", "2001", &["1", "2"]),
        ("10", "10", &[]),
        ("30", "10", &[]),
        ("FF", "FFFF", &[]),
    ] {
        let wanted = EpkRange::new(epk(min), epk(max));
        let found: Vec<_> = map.overlapping(&wanted).iter().map(|it| it.id.as_str()).collect();
        assert_eq!(found, expected, "{min} to {max}");
    }
    assert_eq!(map.by_id("2").unwrap().min_inclusive, epk("20"));
    assert!(map.by_id("0").is_none());
}
