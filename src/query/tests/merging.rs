//! Rows in order.

use super::fake::{Change, Fake, Run, compare_columns};
use super::*;

type Columns = Vec<(&'static str, bool)>;

/// Items with values of all simple types, many of them equal.
fn mixed(count: usize) -> Vec<Value> {
    let value = |it: usize| match it % 9 {
        0 => None,
        1 => Some(json!(null)),
        2 => Some(json!(it.is_multiple_of(4))),
        3 => Some(json!(it % 7)),
        4 => Some(json!((it % 5) as f64 / 2.0)),
        5 => Some(json!("x")),
        6 => Some(json!(format!("q\"{}", it % 3))),
        7 => Some(json!(["\u{10000}", "\u{e000}"][it % 2])),
        _ => Some(json!(-3)),
    };
    (0..count)
        .map(|it| {
            let mut item = json!({"id": it, "b": it % 2});
            if let Some(value) = value(it * 5 + it / 9) {
                item["a"] = value;
            }
            item
        })
        .collect()
}

fn sorted_by(columns: &Columns, more: Value) -> QueryInfo {
    let expressions: Vec<String> = columns.iter().map(|it| format!("c.{}", it.0)).collect();
    let order = columns.iter().map(|it| if it.1 { "Descending" } else { "Ascending" });
    let mut info = json!({
        "orderBy": order.collect::<Vec<_>>(),
        "orderByExpressions": expressions,
        "rewrittenQuery": "SELECT WHERE ({documentdb-formattableorderbyquery-filter}) END",
    });
    if let (Value::Object(info), Value::Object(more)) = (&mut info, more) {
        info.extend(more);
    }
    plan(info)
}

fn fake(partitions: usize, count: usize, columns: &Columns, copies: usize, more: Value) -> Fake {
    let run = Run::Sorted { columns: columns.clone(), copies };
    let mut fake = Fake::new(partitions, mixed(count), sorted_by(columns, more), run);
    fake.default_page = 4;
    fake
}

fn orders() -> [Columns; 4] {
    [
        vec![("a", false)],
        vec![("a", true)],
        vec![("b", false), ("a", true)],
        vec![("a", false), ("b", true)],
    ]
}

/// Checks that rows are in order, and that they are the items, each so many times.
fn check(rows: Vec<Value>, count: usize, columns: &Columns, copies: usize, hint: &str) {
    for pair in rows.windows(2) {
        let found = compare_columns(&pair[0], &pair[1], columns);
        assert!(found.is_le(), "{} before {}: {hint}", pair[0], pair[1]);
    }
    let expected = mixed(count).into_iter().flat_map(|it| vec![it; copies]).collect();
    assert_eq!(sorted(rows), sorted(expected), "{hint}");
}

#[test]
fn rows_are_merged_in_order_however_they_are_read() {
    for partitions in [1, 7] {
        for columns in orders() {
            for copies in [1, 2] {
                for options in ways().filter(|it| copies == 1 || it.max_item_count == Some(3)) {
                    let hint = format!("{partitions} {columns:?} {copies} {options:?}");
                    let fake = Arc::new(fake(partitions, 27, &columns, copies, json!({})));
                    check(read(&fake, options).unwrap(), 27, &columns, copies, &hint);
                    let rows = read_in_pieces(&fake, options, |_| {}).unwrap();
                    check(rows, 27, &columns, copies, &hint);
                    let rows = read_in_pieces(&fake, options, reshape(&fake)).unwrap();
                    check(rows, 27, &columns, copies, &hint);
                }
            }
        }
    }
}

#[test]
fn partitions_may_split_and_merge_in_the_middle_of_a_merge() {
    for options in ways() {
        for at in [1, 2, 4, 5, 7, 10] {
            for change in [Change::SplitAll, Change::MergeAll] {
                let columns = vec![("a", at % 2 == 0)];
                let hint = format!("{options:?} {at} {change:?}");
                let fake = Arc::new(fake(4, 18, &columns, 2, json!({})));
                let plan_changes = || {
                    let mut state = fake.state.lock().unwrap();
                    let now = state.fetches;
                    state.changes.insert(now + at, change);
                    state.changes.insert(now + at + 3, Change::SplitAll);
                    state.changes.insert(now + at + 5, Change::MergeAll);
                };
                plan_changes();
                check(read(&fake, options).unwrap(), 18, &columns, 2, &hint);
                plan_changes();
                let rows = read_in_pieces(&fake, options, |_| {}).unwrap();
                check(rows, 18, &columns, 2, &hint);
            }
        }
    }
}

/// Splits happen while a pipeline reads several pages, and each of these pages is then continued from.
#[test]
fn any_page_of_a_merge_with_splits_can_be_continued_from() {
    let columns = vec![("b", false)];
    for at in [2, 5, 8, 11] {
        let options = Options { max_item_count: Some(2), ..Options::default() };
        let whole = Arc::new(fake(3, 24, &columns, 1, json!({})));
        whole.state.lock().unwrap().changes.insert(at, Change::SplitAll);
        let mut pipeline = open(&whole, options, None).unwrap();
        let mut read_so_far = Vec::new();
        while let Some(page) = pipeline.next_page().unwrap() {
            read_so_far.extend(values(&page));
            let Some(continuation) = page.continuation else { continue };
            let mut rest = open(&whole, options, Some(&continuation)).unwrap();
            let mut rows = read_so_far.clone();
            while let Some(page) = rest.next_page().unwrap() {
                rows.extend(values(&page));
            }
            check(rows, 24, &columns, 1, &format!("{at} after {}", read_so_far.len()));
        }
    }
}

#[test]
fn windows_and_ordered_distinct_resume_too() {
    let columns = vec![("a", false)];
    for options in ways() {
        let all = Arc::new(fake(7, 45, &columns, 1, json!({})));
        let all = read(&all, options).unwrap();
        let info = json!({"offset": 4, "limit": 17});
        let window = Arc::new(fake(7, 45, &columns, 1, info));
        let expected: Vec<Value> = all.iter().skip(4).take(17).cloned().collect();
        assert_eq!(read(&window, options).unwrap(), expected);
        assert_eq!(read_in_pieces(&window, options, |_| {}).unwrap(), expected);
    }
    let repeated: Vec<Value> = (0..40).map(|it| json!({"a": it % 4})).collect();
    let info = sorted_by(&columns, json!({"distinctType": "Ordered"}));
    let run = Run::Sorted { columns, copies: 1 };
    let fake = Arc::new(Fake::new(5, repeated, info, run));
    let expected: Vec<Value> = (0..4).map(|it| json!({"a": it})).collect();
    for options in ways() {
        assert_eq!(read(&fake, options).unwrap(), expected);
        assert_eq!(read_in_pieces(&fake, options, reshape(&fake)).unwrap(), expected);
    }
}

#[test]
fn pages_are_as_long_as_asked_for_and_read_no_more_than_they_need() {
    let columns = vec![("a", false)];
    let fake = Arc::new(fake(5, 45, &columns, 1, json!({})));
    let options = Options { max_item_count: Some(4), ..Options::default() };
    let mut pipeline = open(&fake, options, None).unwrap();
    assert_eq!(fake.fetches(), 0);
    assert_eq!(pipeline.next_page().unwrap().unwrap().rows.len(), 4);
    assert!((5..=9).contains(&fake.fetches()));
    assert_eq!(pipeline.next_page().unwrap().unwrap().rows.len(), 4);
}
